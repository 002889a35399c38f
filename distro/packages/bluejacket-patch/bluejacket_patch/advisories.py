"""What updates fix, read from the updateinfo.xml that DNF has verified and keeps."""

import gzip
import lzma
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class Advisory:
    """One advisory; `reboot` tells whether it wants a restart of the machine."""

    id: str
    kind: str
    severity: str
    title: str
    cves: tuple[str, ...]
    reboot: bool


def advisories_of(caches: Iterable[Path], wanted: set[str]) -> list[Advisory]:
    """Give the advisories with these ids, as far as a cache of DNF's has them, by id."""
    found: dict[str, Advisory] = {}
    for cache in caches:
        for file in sorted(cache.glob("*/repodata/*updateinfo.xml*")):
            for advisory in read(unpacked(file)):
                if advisory.id in wanted:
                    found[advisory.id] = advisory
    return [found[name] for name in sorted(found)]


def read(text: bytes) -> list[Advisory]:
    """Give the advisories of an updateinfo.xml."""
    whole = ElementTree.fromstring(text)  # noqa: S314 - DNF has verified who signed it
    return [_advisory(update) for update in whole.iter("update")]


def _advisory(update: ElementTree.Element) -> Advisory:
    cves = (one.get("id", "") for one in update.iter("reference") if one.get("type") == "cve")
    # createrepo_c writes "True", others an empty element, on the whole or on each package.
    reboot = any(
        (one.text or "1").strip().lower() in ("true", "1") for one in update.iter("reboot_suggested")
    )
    return Advisory(
        update.findtext("id", ""),
        update.get("type", ""),
        update.findtext("severity", ""),
        update.findtext("title", ""),
        tuple(sorted(set(cves))),
        reboot,
    )


def unpacked(file: Path) -> bytes:
    """Give the content of a metadata file, whichever way it is packed."""
    openers = {".gz": gzip.decompress, ".xz": lzma.decompress, ".zst": _zstd}
    data = file.read_bytes()
    return openers[file.suffix](data) if file.suffix in openers else data


def _zstd(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.decompress(data)
    import libdnf  # which comes with DNF 4

    with tempfile.TemporaryDirectory() as folder:
        packed, plain = Path(folder, "data.zst"), Path(folder, "data")
        packed.write_bytes(data)
        libdnf.utils.decompress(str(packed), str(plain), 0o600)
        return plain.read_bytes()
