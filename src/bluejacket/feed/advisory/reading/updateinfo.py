"""updateinfo.xml, as createrepo_c reads it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from bluejacket.feed.advisory.reading.said import Said, UnreadableError, Value, addresses, prose
from bluejacket.package.describe import createrepo

_SEVERITIES = {
    "Critical": "critical",
    "Important": "high",
    "Moderate": "medium",
    "Low": "low",
    "None": "unknown",
}


def read_updateinfo(file: Path, name: str) -> list[Said]:
    """Give what an updateinfo.xml (plain or compressed) says. Raises UnreadableError."""
    try:
        updates = createrepo().UpdateInfo(str(file)).updates
    except createrepo().CreaterepoCError as error:
        raise UnreadableError(str(error)) from error
    return [Said(name, update.id or "", _fields(update)) for update in updates]


def _fields(update: Any) -> dict[str, Value]:
    packages = [package for collection in update.collections for package in collection.packages]
    severity = update.severity or "None"
    return {
        "kind": update.type or "",
        "severity": _SEVERITIES.get(severity, severity),
        "title": prose(update.title or ""),
        "description": prose(update.description or ""),
        "issued": _time(update.issued_date),
        "updated": _time(update.updated_date),
        "reboot": _flag(packages, "reboot_suggested", bool(update.reboot_suggested)),
        "relogin": _flag(packages, "relogin_suggested"),
        "cves": frozenset(ref.id for ref in update.references if ref.type == "cve"),
        "fixed": frozenset(map(_nevra, packages)),
        "files": frozenset(f"{package.filename} {package.sum}" for package in packages),
        "references": addresses((ref.href or "" for ref in update.references), update.id or ""),
    }


def _flag(packages: list[Any], name: str, whole: bool | None = None) -> str:
    """Give whether all packages, and the advisory itself, have a mark."""
    said = {bool(getattr(package, name)) for package in packages}
    said |= set() if whole is None else {whole}
    return "in part" if len(said) > 1 else "yes" if True in said else "no"


def _time(when: datetime | None) -> str:
    return "" if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _nevra(package: Any) -> str:
    epoch = f"{package.epoch}:" if package.epoch not in (None, "", "0") else ""
    return f"{package.name}-{epoch}{package.version}-{package.release}.{package.arch}"
