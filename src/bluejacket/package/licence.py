"""The License tag of a converted package, from its machine-readable copyright file.

Source: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ for the file, SPDX 2.3
annex D for the expression that we write.
"""

from __future__ import annotations

import re

UNKNOWN = "LicenseRef-see-copyright-file"
_LICENCE = re.compile(r"^License:[ \t]*(\S.*)$", re.M | re.I)
_OPERATOR = re.compile(r"\s*,?\s+(and/or|and|or)\s+", re.I)
_VERSIONED = re.compile(r"^(A?GPL|LGPL|GFDL|FDL)[-v ]*([0-9](?:\.[0-9])?)(\+|-or-later|-only)?(.*)$", re.I)
_SPDX = {
    "apache-2": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "artistic-1": "Artistic-1.0-Perl",
    "artistic-2": "Artistic-2.0",
    "artistic-2.0": "Artistic-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-2": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "bsd-4-clause": "BSD-4-Clause",
    "bsl-1.0": "BSL-1.0",
    "boost-1.0": "BSL-1.0",
    "cc0": "CC0-1.0",
    "cc0-1.0": "CC0-1.0",
    "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-3.0": "CC-BY-SA-3.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "expat": "MIT",
    "mit": "MIT",
    "isc": "ISC",
    "mpl-1.1": "MPL-1.1",
    "mpl-2.0": "MPL-2.0",
    "ofl-1.1": "OFL-1.1",
    "openssl": "OpenSSL",
    "psf-2": "PSF-2.0",
    "psf-2.0": "PSF-2.0",
    "python-2.0": "Python-2.0",
    "unicode-3.0": "Unicode-3.0",
    "unlicense": "Unlicense",
    "wtfpl": "WTFPL",
    "x11": "X11",
    "zlib": "Zlib",
    "0bsd": "0BSD",
}
_FAMILIES = {"gpl": "GPL", "lgpl": "LGPL", "agpl": "AGPL", "gfdl": "GFDL", "fdl": "GFDL"}


def licence_of(copyright_text: str) -> str:
    """Give an SPDX expression: what the file names, all of it joined with AND.

    A short name that SPDX does not have becomes a LicenseRef; a copyright file that is not
    machine-readable gives `UNKNOWN`.
    """
    head = copyright_text[:4096].lower()
    if "format:" not in head and "format-specification:" not in head:
        return UNKNOWN
    found = {part for line in _LICENCE.findall(copyright_text) for part in _conjuncts(line)}
    if not found:
        return UNKNOWN
    if len(found) == 1:
        return found.pop().removeprefix("(").removesuffix(")")
    return " AND ".join(sorted(found))


def _conjuncts(text: str) -> list[str]:
    """Read "GPL-2+ or Artistic" or "Expat and ISC": parts that all hold. "and" binds tighter than "or"."""
    pieces = _OPERATOR.split(text.strip().rstrip(".,"))
    names, operators = [_name(name) for name in pieces[::2]], [o.lower() for o in pieces[1::2]]
    if not all(names):
        return []
    terms = [[names[0]]]
    for operator, name in zip(operators, names[1:], strict=True):
        if operator == "and":
            terms[-1].append(name)
        else:
            terms.append([name])
    if len(terms) == 1:
        return terms[0]
    return ["(" + " OR ".join(map(_all, terms)) + ")"]


def _all(names: list[str]) -> str:
    return names[0] if len(names) == 1 else "(" + " AND ".join(names) + ")"


def _name(text: str) -> str:
    name = re.sub(r"\s+with\s+.*$", "", text.strip(), flags=re.I)
    exception = text.strip()[len(name) :]
    if not name:
        return ""
    known = _SPDX.get(name.lower())
    if known and not exception:
        return known
    versioned = _VERSIONED.match(name)
    if versioned and not versioned[4] and not exception:
        number = versioned[2] if "." in versioned[2] else f"{versioned[2]}.0"
        later = "only" if versioned[3] in (None, "-only") else "or-later"
        return f"{_FAMILIES[versioned[1].lower()]}-{number}-{later}"
    return "LicenseRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", text.strip().replace("+", "-or-later")).strip("-")
