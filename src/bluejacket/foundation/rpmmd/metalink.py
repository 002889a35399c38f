"""Metalinks of MirrorManager, and plain mirror lists.

Metalink 3.0 with the extensions of http://fedorahosted.org/mirrormanager (mm0): a timestamp, and
alternates, which are older repomd.xml that mirrors may still have.
"""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element

from bluejacket.errors import Fault
from bluejacket.foundation.rpmmd.xml import Malformed, child, children, local, number_of, parse_xml, scheme_of

REPOMD = "repodata/repomd.xml"
_SCHEMES = ("https", "http", "file")  # ftp and rsync are left alone; preferred in this order
_HEX = {"sha256": 64, "sha512": 128}


class Described(NamedTuple):
    """One repomd.xml that a metalink vouches for. `size` in bytes, `timestamp` in Unix seconds."""

    timestamp: int
    size: int | None
    sha256: str | None
    sha512: str | None


class Metalink(NamedTuple):
    """The newest repomd.xml, older ones that still count, and the mirrors' base addresses."""

    main: Described
    alternates: tuple[Described, ...]
    bases: tuple[str, ...]

    def acceptable(self, not_before: int) -> tuple[Described, ...]:
        """Give the main one, then the alternates from new to old that are not older than that."""
        newer = [alternate for alternate in self.alternates if alternate.timestamp >= not_before]
        return (self.main, *sorted(newer, key=lambda described: -described.timestamp))


def parse_metalink(data: bytes, name: str) -> Metalink:
    """Read a metalink.

    MirrorManager answers errors, also with status 200, as a well-formed metalink that holds only
    a comment: no file or no mirror is a failure, never "no updates". Raises Malformed.
    """
    root = parse_xml(data, name)
    if local(root.tag) != "metalink":
        raise Malformed(Fault(f"{name} is no metalink but <{local(root.tag)}>"))
    files = child(root, "files")
    file = None if files is None else _repomd(files)
    if file is None:
        raise Malformed(Fault(f"{name} names no repomd.xml{_comment(data)}"))
    main = _described(file, name)
    if main is None:
        raise Malformed(Fault(f"{name} gives neither SHA-256 nor SHA-512 of repomd.xml"))
    bases = _bases(file)
    if not bases:
        raise Malformed(Fault(f"{name} names no mirror that is reached by https or http"))
    alternates = child(file, "alternates")
    older = [] if alternates is None else [_described(one, name) for one in children(alternates, "alternate")]
    return Metalink(main, tuple(one for one in older if one is not None), bases)


def parse_mirrorlist(data: bytes, name: str) -> tuple[str, ...]:
    """Read a plain list of base addresses, `#` beginning a comment. Raises Malformed."""
    text = data.decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        raise Malformed(Fault(f"{name} is XML, not a list of mirrors", "name it as `metalink` if it is one"))
    lines = (line.strip() for line in text.splitlines())
    urls = [line for line in lines if line and not line.startswith("#")]
    bases = tuple(base_of(url) for url in urls if scheme_of(url) in _SCHEMES)
    if not bases:
        told = next((line for line in text.splitlines() if line.strip()), "")
        raise Malformed(Fault(f"{name} names no mirror" + (f"; it says: {told[:200]}" if told else "")))
    return bases


def base_of(url: str) -> str:
    """Give the base address, with a slash at its end, of a repository or of its repomd.xml."""
    return url.removesuffix(REPOMD).rstrip("/") + "/"


def _repomd(files: Element) -> Element | None:
    return next((f for f in children(files, "file") if f.get("name") == "repomd.xml"), None)


def _described(file: Element, name: str) -> Described | None:
    """MD5 and SHA-1 stand there too, and count for nothing."""
    verification = child(file, "verification")
    hashes: dict[str, str] = {}
    for entry in () if verification is None else children(verification, "hash"):
        kind, value = (entry.get("type") or "").lower(), (entry.text or "").strip().lower()
        if kind in _HEX:
            if len(value) != _HEX[kind] or set(value) - set("0123456789abcdef"):
                raise Malformed(Fault(f"{name} holds a {kind} that is none: {value[:140]!r}"))
            hashes[kind] = value
    if not hashes:
        return None
    timestamp = number_of(file, "timestamp") or 0
    return Described(timestamp, number_of(file, "size"), hashes.get("sha256"), hashes.get("sha512"))


def _bases(file: Element) -> tuple[str, ...]:
    resources = child(file, "resources")
    found: list[tuple[int, int, str]] = []
    for url in () if resources is None else children(resources, "url"):
        address = (url.text or "").strip()
        scheme = scheme_of(address)
        if scheme in _SCHEMES and address.endswith(REPOMD):
            preference = url.get("preference", "")
            rank = int(preference) if preference.isdecimal() else 1
            found.append((-rank, _SCHEMES.index(scheme), base_of(address)))
    ordered = sorted(found, key=lambda entry: entry[:2])
    return tuple(dict.fromkeys(base for _, _, base in ordered))


def _comment(data: bytes) -> str:
    """Give what the server says in a comment, as the only hint at its reason."""
    _, opened, rest = data.decode("utf-8", "replace").partition("<!--")
    said = " ".join(rest.partition("-->")[0].split())
    return f"; the server says: {said[:200]}" if opened and said else ""
