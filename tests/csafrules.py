"""The mandatory tests of CSAF 2.0 (§6.1) that a VEX document without scores can fail, and its file name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

Document = dict[str, Any]
_CONTRADICTING = (
    {"first_affected", "known_affected", "last_affected"},
    {"known_not_affected"},
    {"first_fixed", "fixed"},
    {"under_investigation"},
)
_PURL = re.compile(
    r"pkg:[a-z][a-z0-9.+-]*(/[^/@?#]+)*/[^/@?#]+(@[^/@?#]+)?(\?[a-z][a-z0-9._-]*=[^?#]+)?(#.+)?"
)


def broken_rules(document: Document) -> list[str]:
    """The numbers of the tests that a document fails."""
    return sorted(
        {rule.__name__.removeprefix("rule_") for rule in RULES if any(True for _ in rule(document))}
    )


def file_name(document: Document) -> str:
    """§5.1, in its own three steps."""
    return re.sub(r"[^+\-a-z0-9]+", "_", document["document"]["tracking"]["id"].lower()) + ".json"


def products(document: Document) -> Iterator[Document]:
    tree = document.get("product_tree", {})
    yield from tree.get("full_product_names", ())
    yield from (one["full_product_name"] for one in tree.get("relationships", ()))
    yield from (branch["product"] for branch in branches(document) if "product" in branch)


def branches(document: Document) -> Iterator[Document]:
    waiting = list(document.get("product_tree", {}).get("branches", ()))
    while waiting:
        branch = waiting.pop()
        yield branch
        waiting += branch.get("branches", ())


def vulnerabilities(document: Document) -> list[Document]:
    found: list[Document] = document.get("vulnerabilities", [])
    return found


def history(document: Document) -> list[Document]:
    listed = document["document"]["tracking"]["revision_history"]
    return sorted(listed, key=lambda one: (datetime.fromisoformat(one["date"]), number(one["number"])))


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.partition("-")[0].partition("+")[0].split(".")))


def tracking(document: Document) -> Document:
    found: Document = document["document"]["tracking"]
    return found


def repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def rule_6_1_1(document: Document) -> Iterator[str]:
    """Every product that is referred to is defined."""
    defined = {one["product_id"] for one in products(document)}
    used = set()
    for one in document.get("product_tree", {}).get("relationships", ()):
        used |= {one["product_reference"], one["relates_to_product_reference"]}
    for vulnerability in vulnerabilities(document):
        used |= {name for names in vulnerability.get("product_status", {}).values() for name in names}
        for kind in ("flags", "remediations", "threats"):
            used |= {name for one in vulnerability.get(kind, ()) for name in one.get("product_ids", ())}
    yield from used - defined


def rule_6_1_2(document: Document) -> Iterator[str]:
    """Every product is defined once."""
    yield from repeated(one["product_id"] for one in products(document))


def rule_6_1_3(document: Document) -> Iterator[str]:
    """No relationship leads back to itself."""
    made_of = {
        one["full_product_name"]["product_id"]: {
            one["product_reference"], one["relates_to_product_reference"]
        }
        for one in document.get("product_tree", {}).get("relationships", ())
    }  # fmt: skip
    for start in made_of:
        seen: set[str] = set()
        waiting = set(made_of[start])
        while waiting - seen:
            seen |= waiting
            waiting = {name for one in waiting for name in made_of.get(one, ())}
        if start in seen:
            yield start


def rule_6_1_4(document: Document) -> Iterator[str]:
    """Every group that is referred to is defined."""
    defined = {one["group_id"] for one in document.get("product_tree", {}).get("product_groups", ())}
    for vulnerability in vulnerabilities(document):
        for kind in ("flags", "remediations", "threats"):
            for one in vulnerability.get(kind, ()):
                yield from set(one.get("group_ids", ())) - defined


def rule_6_1_6(document: Document) -> Iterator[str]:
    """No product has two statuses that contradict each other."""
    for vulnerability in vulnerabilities(document):
        status = vulnerability.get("product_status", {})
        sets = [{name for kind in group for name in status.get(kind, ())} for group in _CONTRADICTING]
        yield from repeated(name for one in sets for name in one)


def rule_6_1_12(document: Document) -> Iterator[str]:
    """The language is one that there is; ours is English."""
    if document["document"].get("lang", "en") != "en":
        yield document["document"]["lang"]


def rule_6_1_13(document: Document) -> Iterator[str]:
    """Package URLs are valid."""
    for product in products(document):
        url = product.get("product_identification_helper", {}).get("purl")
        if url is not None and not _PURL.fullmatch(url):
            yield url


def rule_6_1_14(document: Document) -> Iterator[str]:
    """Sorted by date, the revisions are sorted by number."""
    listed = sorted(
        tracking(document)["revision_history"], key=lambda one: datetime.fromisoformat(one["date"])
    )
    numbers = [number(one["number"]) for one in listed]
    if numbers != sorted(numbers):
        yield str(numbers)


def rule_6_1_16(document: Document) -> Iterator[str]:
    """The document's version is that of the latest revision."""
    if history(document)[-1]["number"] != tracking(document)["version"]:
        yield tracking(document)["version"]


def rule_6_1_17(document: Document) -> Iterator[str]:
    """What is below version 1, or a pre-release, is a draft."""
    version = tracking(document)["version"]
    if (number(version)[0] == 0 or "-" in version) and tracking(document)["status"] != "draft":
        yield version


def rule_6_1_18(document: Document) -> Iterator[str]:
    """What is final has no revision below 1."""
    for one in tracking(document)["revision_history"]:
        if number(one["number"])[0] == 0 and tracking(document)["status"] in ("final", "interim"):
            yield one["number"]


def rule_6_1_19(document: Document) -> Iterator[str]:
    """No revision is a pre-release."""
    yield from (one["number"] for one in tracking(document)["revision_history"] if "-" in one["number"])


def rule_6_1_20(document: Document) -> Iterator[str]:
    """What is final is no pre-release."""
    if "-" in tracking(document)["version"] and tracking(document)["status"] in ("final", "interim"):
        yield tracking(document)["version"]


def rule_6_1_21(document: Document) -> Iterator[str]:
    """No (major) version is left out, and the first is 0 or 1."""
    majors = [number(one["number"])[0] for one in history(document)]
    whole = "." not in tracking(document)["version"]
    steps = {1} if whole else {0, 1}
    if majors[0] not in (0, 1) or any(b - a not in steps for a, b in pairwise(majors)):
        yield str(majors)


def rule_6_1_22(document: Document) -> Iterator[str]:
    """No version is listed twice."""
    yield from repeated(one["number"] for one in tracking(document)["revision_history"])


def rule_6_1_23(document: Document) -> Iterator[str]:
    """No CVE is listed twice."""
    yield from repeated(one["cve"] for one in vulnerabilities(document) if "cve" in one)


def rule_6_1_25(document: Document) -> Iterator[str]:
    """No algorithm hashes a file twice."""
    for product in products(document):
        for file in product.get("product_identification_helper", {}).get("hashes", ()):
            yield from repeated(one["algorithm"] for one in file["file_hashes"])


def rule_6_1_26(document: Document) -> Iterator[str]:
    """The category is the profile's, spelled as it is."""
    if document["document"]["category"] != "csaf_vex":
        yield document["document"]["category"]


def rule_6_1_27_4(document: Document) -> Iterator[str]:
    """There is a product tree."""
    if "product_tree" not in document:
        yield "product_tree"


def rule_6_1_27_5(document: Document) -> Iterator[str]:
    """Each vulnerability has notes."""
    yield from ("notes" for one in vulnerabilities(document) if not one.get("notes"))


def rule_6_1_27_7(document: Document) -> Iterator[str]:
    """Each vulnerability says what is fixed, affected, not affected or looked into."""
    wanted = {"fixed", "known_affected", "known_not_affected", "under_investigation"}
    for one in vulnerabilities(document):
        if not wanted & one.get("product_status", {}).keys():
            yield "product_status"


def rule_6_1_27_8(document: Document) -> Iterator[str]:
    """Each vulnerability has a CVE or other ids."""
    yield from ("id" for one in vulnerabilities(document) if not one.get("cve") and not one.get("ids"))


def rule_6_1_27_9(document: Document) -> Iterator[str]:
    """What is not affected has a reason."""
    for one in vulnerabilities(document):
        threats = [threat for threat in one.get("threats", ()) if threat["category"] == "impact"]
        reasons = [*one.get("flags", ()), *threats]
        told = {name for reason in reasons for name in reason.get("product_ids", ())}
        yield from set(one.get("product_status", {}).get("known_not_affected", ())) - told


def rule_6_1_27_10(document: Document) -> Iterator[str]:
    """What is affected has a remediation."""
    for one in vulnerabilities(document):
        told = {name for each in one.get("remediations", ()) for name in each.get("product_ids", ())}
        yield from set(one.get("product_status", {}).get("known_affected", ())) - told


def rule_6_1_27_11(document: Document) -> Iterator[str]:
    """There are vulnerabilities."""
    if not vulnerabilities(document):
        yield "vulnerabilities"


def rule_6_1_28(document: Document) -> Iterator[str]:
    """It is not translated from its own language."""
    if document["document"].get("source_lang") == document["document"].get("lang", ""):
        yield "source_lang"


def rule_6_1_29(document: Document) -> Iterator[str]:
    """Each remediation is for something."""
    yield from _without_products(document, "remediations")


def rule_6_1_30(document: Document) -> Iterator[str]:
    """All versions are counted in one way."""
    said = [one["number"] for one in tracking(document)["revision_history"]] + [tracking(document)["version"]]
    if len({"." in one for one in said}) > 1:
        yield str(said)


def rule_6_1_31(document: Document) -> Iterator[str]:
    """A version is one, not a range."""
    for branch in branches(document):
        words = re.split(r"[\s.]+", branch["name"].lower())
        if branch["category"] == "product_version" and (
            re.search("[<>]", branch["name"])
            or {"after", "all", "before", "earlier", "later", "prior"} & {*words}
        ):
            yield branch["name"]


def rule_6_1_32(document: Document) -> Iterator[str]:
    """Each flag is for something."""
    yield from _without_products(document, "flags")


def rule_6_1_33(document: Document) -> Iterator[str]:
    """No product has two reasons for one vulnerability."""
    for one in vulnerabilities(document):
        yield from repeated(name for flag in one.get("flags", ()) for name in flag.get("product_ids", ()))


def _without_products(document: Document, kind: str) -> Iterator[str]:
    for vulnerability in vulnerabilities(document):
        for one in vulnerability.get(kind, ()):
            if not one.get("product_ids") and not one.get("group_ids"):
                yield kind


RULES: tuple[Callable[[Document], Iterator[str]], ...] = tuple(
    rule for name, rule in sorted(globals().items()) if name.startswith("rule_")
)
