"""updateinfo.xml, as createrepo_c writes it and DNF 4 and DNF5 read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bluejacket.definition import Release
from bluejacket.feed.advisory.model import Advisory, Fixed, Reference, Severity
from bluejacket.feed.advisory.names import brings_fix, writable
from bluejacket.package.describe import createrepo

_SEVERITIES = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "Important",
    Severity.MEDIUM: "Moderate",
    Severity.LOW: "Low",
    Severity.UNKNOWN: "None",
}


def updateinfo_xml(advisories: Sequence[Advisory], release: Release, epoch: int) -> str:
    """Give the text of updateinfo.xml. The same advisories give the same bytes.

    `epoch` (seconds since 1970) is the feed's time; nothing is dated later than it.
    """
    tool = createrepo()
    whole = tool.UpdateInfo()
    for advisory in advisories:
        if brings_fix(advisory):
            whole.append(_record(tool, advisory, release, epoch))
    text: str = whole.xml_dump()
    return text


def _record(tool: Any, advisory: Advisory, release: Release, epoch: int) -> Any:
    record = tool.UpdateRecord()
    who = release.distribution
    record.fromstr = who.vendor
    record.status = "final"
    record.type = advisory.kind.value
    record.version = "1"
    record.id = advisory.id
    record.title = writable(advisory.title)
    record.issued_date = _date(min(advisory.issued, epoch))
    record.updated_date = _date(min(advisory.updated, epoch))
    record.release = f"{who.name} {release.version}"
    record.severity = _SEVERITIES[advisory.severity]
    record.summary = writable(advisory.title)
    record.description = writable(advisory.description)
    record.reboot_suggested = advisory.reboot_suggested
    for reference in advisory.references:
        record.append_reference(_reference(tool, reference))
    collection = tool.UpdateCollection()
    collection.shortname = f"{who.id}-{release.version}"
    collection.name = f"{who.name} {release.version}"
    for fixed in advisory.fixed:
        collection.append(_package(tool, fixed, advisory))
    record.append_collection(collection)
    return record


def _reference(tool: Any, reference: Reference) -> Any:
    ref = tool.UpdateReference()
    ref.type = reference.kind
    ref.id = writable(reference.id)
    ref.href = writable(reference.url)
    ref.title = writable(reference.title or reference.id)
    return ref


def _package(tool: Any, fixed: Fixed, advisory: Advisory) -> Any:
    package = tool.UpdateCollectionPackage()
    package.name = fixed.name
    package.epoch = str(fixed.epoch)
    package.version = fixed.version
    package.release = fixed.release
    package.arch = fixed.arch
    package.src = f"{fixed.source}-{fixed.source_evr.rpartition(':')[2]}.src.rpm"
    package.filename = fixed.filename
    package.sum = fixed.sha256
    package.sum_type = tool.SHA256
    package.reboot_suggested = advisory.reboot_suggested
    package.relogin_suggested = advisory.relogin_suggested
    return package


def _date(when: int) -> datetime:
    """createrepo_c writes the digits of a naive time as they are."""
    return datetime.fromtimestamp(when, UTC).replace(tzinfo=None)
