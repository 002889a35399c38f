"""Verifying a feed: by ourselves, file by file, and by the programs that will read it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import rpm_rs
import zstandard

from bluejacket.errors import Fault, OutsideError, UserError
from bluejacket.feed.compose import KEY_FILE
from bluejacket.feed.pool import in_pool, whole_tree
from bluejacket.feed.shards import TO_POOL
from bluejacket.foundation.openpgp import BadSignature, Keyring, verify_detached
from bluejacket.package.describe import createrepo
from bluejacket.package.sign import package_verifier
from bluejacket.tools import Sandbox

_FEED, _WORK = "/run/feed", "/run/work"  # places of their own inside the sandbox
_REPO = """\
[feed]
name=feed
baseurl=file://{feed}
gpgkey=file:///run/work/key.asc
gpgcheck=1
repo_gpgcheck=1
enabled=1
"""
_DNF = (
    "dnf5", "-y", f"--installroot={_WORK}/root", f"--setopt=reposdir={_WORK}/repos",
    f"--setopt=cachedir={_WORK}/cache", f"--setopt=logdir={_WORK}/log", "--setopt=plugins=0",
    "--setopt=optional_metadata_types=filelists,other",
    "--setopt=varsdir=", "--releasever=0",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: how many packages and bytes were read, and everything that is wrong."""

    packages: int
    size: int
    faults: tuple[str, ...]

    def raise_faults(self) -> None:
        """Raise OutsideError with every fault, if there is one."""
        if self.faults:
            raise OutsideError(*(Fault(fault) for fault in self.faults))


def verify_feed(folder: Path, certificate: str, beside: tuple[str, ...] = ()) -> Verdict:
    """Check a feed's signatures, hashes and sizes, and that nothing is missing and nothing extra.

    `certificate` has the armoured public keys of which one has to have signed; those that lie in the feed
    are only compared with them. What begins with a name of `beside` may lie there although no metadata
    tell of it.
    """
    faults: list[str] = []
    seen = {"repodata/repomd.xml", "repodata/repomd.xml.asc", f"repodata/{KEY_FILE}"}
    packages = size = 0
    keyring = Keyring.parse(certificate.encode("ascii"), "the feed's key")
    try:
        repomd = _repomd(folder, keyring)
        if not _is_known(folder / "repodata" / KEY_FILE, keyring):
            faults.append(f"repodata/{KEY_FILE} is not the key that signs")
        for record in repomd.records:
            seen.add(record.location_href)
            faults += _record_faults(folder, record)
            size += record.size
        if not faults:
            verifier = package_verifier(certificate)
            for package in _packages(folder, repomd):
                seen.add(package.location_href)
                faults += _package_faults(folder, package, verifier)
                packages += 1
                size += package.size_package
            faults += (
                f"{name} is not part of the feed"
                for name in _files(folder)
                if name not in seen and not name.startswith(beside)
            )
    except BadSignature as error:
        faults.append(str(error))
    except (OSError, UnicodeError, createrepo().CreaterepoCError) as error:
        faults.append(f"the metadata cannot be read: {error}")
    return Verdict(packages, size, tuple(faults))


def _is_known(file: Path, keyring: Keyring) -> bool:
    """Say whether the certificates in a file are ours: some of ours, as a feed may be older than some."""
    try:
        found = Keyring.parse(file.read_bytes(), KEY_FILE)
    except UserError:
        return False
    ours = {bytes(cert) for cert in keyring.certs}
    return all(bytes(cert) in ours for cert in found.certs)


def _repomd(folder: Path, keyring: Keyring) -> Any:
    file = folder / "repodata" / "repomd.xml"
    verify_detached(file.read_bytes(), Path(f"{file}.asc").read_bytes(), keyring, "repomd.xml")
    return createrepo().Repomd(str(file))


def _record_faults(folder: Path, record: Any) -> Iterator[str]:
    name = record.location_href
    data = (folder / name).read_bytes() if (folder / name).is_file() else None
    if data is None:
        yield f"{name} is missing"
    elif len(data) != record.size or hashlib.sha256(data).hexdigest() != record.checksum:
        yield f"{name} is not the file that repomd.xml describes"
    elif name.endswith(".zst") and not _unpacks_to(data, record.size_open, record.checksum_open):
        yield f"{name} does not unpack to what repomd.xml describes"


def _unpacks_to(data: bytes, size: int, sha256: str | None) -> bool:
    """Say whether the zstd streams in `data` unpack to this; what is longer is not unpacked to its end.

    Not every index has a hash of what is unpacked: that of the file stands for both.
    """
    try:
        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as stream:
            plain = stream.read(size + 1)
    except zstandard.ZstdError:
        return False
    return len(plain) == size and (sha256 is None or hashlib.sha256(plain).hexdigest() == sha256)


def _packages(folder: Path, repomd: Any) -> list[Any]:
    primary = next((r.location_href for r in repomd.records if r.type == "primary"), None)
    if primary is None:
        raise OSError("repomd.xml names no primary metadata")
    found: list[Any] = []
    createrepo().xml_parse_primary(str(folder / primary), None, found.append, None, do_files=False)
    return found


def _package_faults(folder: Path, package: Any, verifier: rpm_rs.Verifier) -> Iterator[str]:
    name = package.location_href
    file = (
        in_pool(folder.parents[1], name.removeprefix(TO_POOL)) if name.startswith(TO_POOL) else folder / name
    )
    if not file.is_file():
        yield f"{name} is missing"
        return
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if file.stat().st_size != package.size_package or digest != package.pkgId:
        yield f"{name} is not the package that the metadata describe"
        return
    try:
        rpm_rs.PackageMetadata.open(str(file)).verify_signature(verifier)
    except RuntimeError as error:
        yield f"{name} has no good signature: {str(error).partition(chr(10))[0]}"


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if not path.is_dir():
            yield path.relative_to(folder).as_posix()


def verify_by_dnf(box: Sandbox, folder: Path, certificate: str, below: str = "") -> None:
    """Let rpm check every package, DNF5 load the feed with both checks on, and repoclosure complete it.

    All packages are `folder`'s; its metadata are `below` it, such as in `snapshots/20261125.1` for the
    folder of a snapshot's step.
    Raises ToolFailed, which names the log, when one of them refuses.
    """
    whole = whole_tree(folder.resolve()) if below else nullcontext(folder)
    with TemporaryDirectory(prefix="bluejacket-verify-") as scratch, whole as folder:
        options: dict[str, Any] = prepare_dnf(Path(scratch), folder, certificate, below)
        database = ("--dbpath", f"{_WORK}/rpmdb")
        box.run(["rpmkeys", *database, "--import", f"{_WORK}/key.asc"], name="rpmkeys-import", **options)
        names = sorted(f"{_FEED}/{p.relative_to(folder)}" for p in folder.glob("*/*/*.rpm"))
        for at in range(0, len(names), 500):
            box.run(["rpmkeys", *database, "-K", *names[at : at + 500]], name="rpmkeys-check", **options)
        box.run(dnf("makecache", "--refresh"), name="dnf5-makecache", **options)
        box.run(dnf("repoclosure"), name="dnf5-repoclosure", **options)


def prepare_dnf(scratch: Path, folder: Path, certificate: str, below: str = "") -> dict[str, Any]:
    """Fill a scratch folder for `dnf`; gives the sandbox's options that show it, and the feed, to it.

    The feed's metadata are `below` the folder.
    """
    (scratch / "key.asc").write_text(certificate, "ascii")
    for name in ("repos", "root", "cache", "log", "rpmdb"):
        shutil.rmtree(scratch / name, ignore_errors=True)
        (scratch / name).mkdir()
    (scratch / "repos" / "feed.repo").write_text(_REPO.format(feed=f"{_FEED}/{below}".rstrip("/")), "utf-8")
    return {"binds": {scratch: _WORK}, "ro_binds": {folder.resolve(): _FEED}, "limit_s": 600}


def dnf(*arguments: str) -> list[str]:
    """Give the command line of a DNF5 that knows the feed alone, as `prepare_dnf` laid it out."""
    return [*_DNF, *arguments]
