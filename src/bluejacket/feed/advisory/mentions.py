"""Which CVEs a changelog entry says it fixes: not every CVE that it names is one.

The rule: a CVE counts unless its clause says otherwise. It is said otherwise

- where something else than the program was fixed: a patch dropped, refreshed or renamed, a test added, a
  number added to an older entry;
- where a fix was taken back, or a regression of one is repaired;
- where the fault does not reach the package, was fixed before, or is not fixed;
- where the item begins with the names of other architectures alone, such as "[s390x]".

An entry is read item by item; an item is cut into clauses; a heading such as "Drop patches, applied
upstream:" holds for the items below it. What is not understood counts as fixed: a maintainer reads the
drafts, and an advisory too many is seen where one too few is not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime

_CVE = re.compile(r"CVE[-\s]?\s?(?P<year>\d{4})-\s?(?P<number>\d{4,})", re.I)
_OLDEST = 1999  # the first year of the list
_ITEM = re.compile(r"^(?P<indent>\s*)(?P<mark>[-*+~•o]\s+)?(?P<text>.*)$")
_PERSON = re.compile(r"^\[ .* \]\s*$")  # whose changes follow
_CLAUSE = re.compile(
    r"(?<=[.;!?])\s+(?=\S)|\s(?=\([^()]*CVE-)|(?<=\))\s|\s+(?=(?:but|while|whereas|however|although)\b)", re.I
)
_OF_THE_FORMER = re.compile(
    r"(?:this )?(?:is |does |are |do )?not (?:affected|vulnerable|appl|exploit|affect)", re.I
)

_TAG = re.compile(r"\[(?P<names>[a-z0-9*./, _-]+)\]\s")
_RATING = re.compile(
    r"\bCVSS(?: ?v?[234](?:\.\d)?)?(?: severity)?:?\s+(?P<word>critical|high|medium|low)\b", re.I
)
_ARCHITECTURES = {"x86_64": ("amd64", "x86"), "aarch64": ("arm64", "arm*", "arm")}  # rpm's and Debian's names
_FAMILY = re.compile(
    r"(?:amd64|x86|i386|x32|arm|s390|riscv|powerpc|ppc|mips|loong|alpha|hppa|ia64|m68k|sh4|sparc)[a-z0-9_*-]*"
)

# Everywhere below, @ stands for a CVE.
_DROP = (
    r"(?:revert(?:s|ed|ing)?|drop(?:s|ped|ping)?|remov(?:e|es|ed|ing)|delet(?:e|es|ed|ing)|"
    r"back(?:s|ed|ing)? out|disabl(?:e|es|ed|ing)|refresh(?:es|ed|ing)?|rebas(?:e|es|ed|ing)|"
    r"renam(?:e|es|ed|ing)|unappl(?:y|ies|ied))"
)
_FILLER = (
    r"(?:the|our|all|old|now|also|both|an?|previous|earlier|obsolete|debian|upstream(?:ed)?|following|backported|"
    r"downstream|applied|merged|security|quilt|more|no longer|unneeded|patch(?:es)?|fix(?:es)?|files?|"
    r"changes?|commits?|for|of|to|from|and|against|addressing|fixing|\W)"
)
_DONE = (
    r"(?:removed|dropped|refreshed|rebased|renamed|deleted|reverted|obsoleted?|superseded|no longer "
    r"(?:needed|required|necessary)|(?:applied|included|merged|integrated|accepted) upstream)"
)
_DENIALS = {
    "a patch is dropped, refreshed or taken back": (
        rf"(?<!due to )(?<!partial )\b{_DROP}\b[\s:]*(?:{_FILLER}\s*)*\S*@",
        rf"\b{_DROP}\b[^@]*\bpatch(?:es)?\b(?![^@]*\b(?:add|appl[yi]|import|backport|fix(?:es|ing)?)\b(?!-))[^@]*@",
        rf"@\S*[\s:,(]*(?:(?:is|are|was|were|has been|have been|now)\s+)*{_DONE}\b",
        r"@[^@]*\bdrop(?:ped|ping)? (?:\w+ )*patch(?:es)?\b",
        r"\bupstream status\b|\bDEP-?3\b|\bpatch (?:headers?|metadata)\b",
    ),
    "the fault does not reach the package": (
        r"\b(?:not|never|isn't|aren't|wasn't|weren't)\s+(?:\w+\s+)?"
        r"(?:affected|vulnerable|exploitable|applicable|exposed|susceptible)\b",
        r"\b(?:un|non-)affected\b",
        r"\b(?:do(?:es)?|did)(?: not|n't)\s+(?:\w+\s+)?(?:apply|affect|concern|reach|impact)\b",
        r"\bfalse[\s-]positives?\b|\bnot a (?:security|vulnerab)\w*",
        r"\b(?:has|have|was|were|been|is|are) (?:been )?(?:rejected|withdrawn)\b",
        r"\b(?:ignor(?:e|es|ed|ing)|suppress|allowlist|whitelist)\b[^@]*@",
        r"\b(?:similar to|(?:same|like) (?:\w+ )*as|variant of|see also|follow-?up (?:of|to) @ in)\b[^@]*@?",
    ),
    "it was fixed before, or is not fixed": (
        r"\b(?:already|previously|formerly) (?:\w+ )?(?:fixed|addressed|patched|resolved|included|applied)\b",
        r"\b(?:fixed|addressed|patched|resolved) (?:already|previously|earlier|before)\b",
        r"\b(?:not|isn't|aren't|without) (?:yet |been |be )?"
        r"(?:fix|address|patch|resolv|mitigat|backport|includ)\w*",
        r"\bun(?:fixed|patched)\b|\bno fix\b",
        r"\b(?:remains?|still|leaves?|left) (?:open|vulnerable|unfixed|unpatched|affected)\b",
    ),
    "only words or tests were changed": (
        r"\b(?:changelogs?|NEWS)\b|\bretroactive",
        r"\b(?:previous|earlier|last|older|[\d.]+-\w+) entr(?:y|ies)\b",
        r"^\W*(?:(?:add|run|enabl|skip|import|backport|updat|fix)\w*\W+)?"
        r"(?:(?:an?|the|new|upstream|more|regression|unit|autopkg|debian|security|reproducer)\W+)*"
        r"(?:tests?|test ?cases?|autopkgtests?)\b(?![^@]*\bfix)[^@]*@",
        r"^\W*add\w*\W+@\S*\s+(?:\w+\s+)?tests?\b",
    ),
    "what a fix brought with it is repaired": (
        r"\bregress\w*\b[^@]*\b(?:in|from|by|of|with|after|since|to|for|caused)\b[^@]*@",
        r"@[^@]*\b(?:regress\w+|fallout|breakage)\b",
        r"\b(?:caused|introduced|broken|triggered) (?:by|with|in)\b[^@]*@",
        r"\bafter (?:fixing|(?:the |a )?fix(?:es)? (?:for|of))\b[^@]*@",
        r"^\W*fixing @[^@]*\b(?:required|requires)\b",
    ),
}
_DENIED = re.compile("|".join(f"(?:{rule})" for rules in _DENIALS.values() for rule in rules), re.I)
# "Fixes CVE-1 (stable is not affected)", "the patches added in the last upload fix CVE-1"
_AFFIRMED = re.compile(
    r"(?:^|[\s:,])(?:fix(?:es|ed)?|address(?:es|ed)?|resolv(?:es?|ed)|clos(?:es?|ed)|mitigat(?:es?|ed)):?\s+"
    r"(?:CVEs?:?\s+)?\W*@(?![^@]*\b(?:regress|fallout|breakage|patch headers?|changelog|entry in))",
    re.I,
)
_HEADING = re.compile(
    rf"^\W*(?:[\w./-]+:\s*)?{_DROP}\b.*\b(?:patch(?:es)?|fix(?:es)?|cherry-picks?|backports?|commits?)\b"
    r"|\b(?:not affected|do(?:es)? not affect|not vulnerable|already fixed|false positives?)\b",
    re.I,
)


def fixed_cves(text: str, when: int, architecture: str = "noarch") -> tuple[str, ...]:
    """Give the CVEs that an entry of the time `when` (seconds since 1970) says it fixes, sorted.

    `architecture` is that of the packages, in rpm's words. A number of a later year than the next one is a
    slip of the pen, and none before 1999 exists.
    """
    latest = datetime.fromtimestamp(when, UTC).year + 1
    found = {
        cve for clause in _clauses(text, architecture) if not _denied(clause) for cve in named_cves(clause)
    }
    return tuple(sorted(cve for cve in found if _OLDEST <= int(cve[4:8]) <= latest))


def named_cves(text: str) -> tuple[str, ...]:
    """Give every CVE that a text names, in its order, also where a line's end cut it."""
    names = (f"CVE-{found['year']}-{found['number']}" for found in _CVE.finditer(text))
    return tuple(dict.fromkeys(names))


def items(text: str) -> Iterator[tuple[int, str]]:
    """Give the items of an entry with their indentation, each in one line."""
    indent, words = 0, ""
    for line in text.splitlines():
        found = _ITEM.match(line)
        assert found is not None, "it matches every line"
        begins = found["mark"] or not found["text"].strip() or _PERSON.match(line)
        if not begins:
            words = f"{words} {found['text'].strip()}".strip()
            continue
        if words:
            yield indent, words
        indent, words = len(found["indent"]), found["text"].strip()
    if words:
        yield indent, words


def told_of(text: str, cves: Collection[str]) -> list[str]:
    """Give the items of an entry that name one of `cves`, a line each."""
    return [f"- {words}" for _, words in items(text) if not set(named_cves(words)).isdisjoint(cves)]


def rated_cves(text: str) -> dict[str, str]:
    """Give the CVEs to which an entry gives a severity in CVSS's words: "[CVSS: medium] [CVE-2026-1]"."""
    return {
        cve: found["word"].lower()
        for _, words in items(text)
        if (found := _RATING.search(words))
        for cve in named_cves(words)
    }


def _clauses(text: str, architecture: str) -> Iterator[str]:
    """Give the clauses that name a CVE, without those below a heading that denies them, or of others."""
    above: list[tuple[int, str]] = []
    for indent, words in items(text):
        while above and above[-1][0] >= indent:
            above.pop()
        heads = [head for _, head in above]
        above.append((indent, words))
        if any(_HEADING.search(head) and not named_cves(head) for head in heads):
            continue
        if any(_elsewhere(told, architecture) for told in (*heads, words)):
            continue
        yield from (clause for clause in _cut(words) if named_cves(clause))


def _elsewhere(words: str, architecture: str) -> bool:
    """Whether an item begins with the names of architectures, and not with that of the packages."""
    tag = _TAG.match(words)
    if tag is None or architecture not in _ARCHITECTURES:
        return False
    names = re.split(r"[,\s]+", tag["names"].strip())
    known = all(_FAMILY.fullmatch(name.partition(".")[0].partition("/")[0]) for name in names)
    return known and not any(name.partition("/")[0] in _ARCHITECTURES[architecture] for name in names)


def _cut(words: str) -> list[str]:
    """Cut an item into clauses; one such as "Not affected." belongs to the one before it."""
    clauses: list[str] = []
    for clause in _CLAUSE.split(words):
        if clauses and not named_cves(clause) and _OF_THE_FORMER.match(clause):
            clauses[-1] += f" {clause}"
        else:
            clauses.append(clause)
    return clauses


def _denied(clause: str) -> bool:
    plain = _CVE.sub("@", clause)
    return _DENIED.search(plain) is not None and _AFFIRMED.search(plain) is None
