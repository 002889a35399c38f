"""Evidence on knowing what there is and where it is from: SCA, INV and AUD."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bluejacket.errors import OutsideError
from bluejacket.feed.advisory import Kind
from bluejacket.image.papers import MANIFEST, SBOM
from bluejacket.inquiry.images import Papers
from bluejacket.inquiry.inventory import read_inventory
from bluejacket.inquiry.paperwork import same_files, same_packages, signed, whole
from bluejacket.inquiry.s2c2f.ground import Ground, Unproven, refuse
from bluejacket.inquiry.scan import Remedy, scan
from bluejacket.inquiry.trust import CannotTell, sha256_of_file

# first bytes of programs, archives and packages: ELF, PE, ar (deb), RPM, zip, gzip, xz, zstd
_BINARY = (
    b"\x7fELF", b"MZ", b"!<arch>\n", b"\xed\xab\xee\xdb", b"PK\x03\x04", b"\x1f\x8b", b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
)  # fmt: skip


def vulnerability_scan(ground: Ground) -> list[str]:
    """SCA-1: there are security advisories, and every image is compared with them."""
    number = sum(one.kind is Kind.SECURITY for one in ground.advisories)
    if not number:
        raise Unproven(f"snapshot {ground.snapshot.id} has no security advisory to compare with")
    told = []
    for image in ground.images:
        inventory = read_inventory(image.folder / MANIFEST, image.name)
        found = scan(inventory, ground.snapshot, ground.advisories, lambda _: Remedy())
        told.append(
            f"image {image.name}: {found.packages} packages against {number} security advisories of "
            f"{found.snapshot}, {len(found.findings)} findings"
        )
    return told


def licences(ground: Ground) -> list[str]:
    """SCA-2: every package of every image says its licence."""
    told = []
    for image in ground.images:
        rows = _readable(image.manifest)
        silent = [row["name"] for row in rows if not row.get("licence")]
        refuse(f"packages of the image {image.name} say no licence", silent, len(rows))
        told.append(f"image {image.name}: {len(rows)} packages, {len({r['licence'] for r in rows})} licences")
    return told


def end_of_life(ground: Ground) -> list[str]:
    """SCA-3: each suite's index was within its time when it was locked, and the release is supported.

    A suite that nobody looks after any more stops renewing its index; single packages are not judged.
    """
    if not ground.lock.indexes:
        raise Unproven("the lock names no signed index")
    stale = [record.tolerated for record in ground.lock.indexes if record.tolerated]
    if stale:
        raise Unproven(*stale)
    end = ground.release.support_end
    if end < ground.today:
        raise Unproven(f"the release was supported until {end}")
    names = ", ".join(f"{r.archive} {r.suite} of {r.date[:10]}" for r in ground.lock.indexes)
    return [f"index within its time: {names}", f"the release is supported until {end}"]


def inventory(ground: Ground) -> list[str]:
    """INV-1: each image has a bill of materials that names exactly its packages."""
    return [f"{image.folder / SBOM}: {_judged(same_packages, image)}" for image in ground.images]


def provenance(ground: Ground) -> list[str]:
    """AUD-1: all of the newest snapshot leads to a pinned file or to a component built here, images too."""
    own = {name for one in ground.release.components if one.is_own for name in (one.name, *one.wanted)}
    pinned = ground.origin.pinned
    lost = [
        one.nevra
        for one in ground.snapshot.packages
        if (one.upstream.sha256 not in pinned if one.upstream else not own & {one.name, one.source})
    ]
    refuse(
        "packages lead to no origin that the lock or a definition names", lost, len(ground.snapshot.packages)
    )
    told = [
        f"snapshot {ground.snapshot.id}: {len(ground.taken_in)} packages from files that the lock pins, "
        f"{len(ground.built_here)} built here"
    ]
    for image in ground.images:
        _judged(same_files, image)
        told.append(f"image {image.name}, provenance: {_judged(same_packages, image)}")
    return told


def other_ways(ground: Ground) -> list[str]:
    """AUD-2: no binary lies among the definitions, and all packages are of the foundation or built here."""
    files = [file for file in sorted(ground.release.folder.rglob("*")) if file.is_file()]
    binaries = [str(file.relative_to(ground.release.folder)) for file in files if _is_binary(file)]
    refuse("files of the definitions are binaries", binaries, len(files))
    archives = {record.archive for record in ground.lock.indexes}
    foreign = [one.nevra for one in ground.taken_in if one.upstream and one.upstream.archive not in archives]
    own = {name for one in ground.release.components if one.is_own for name in (one.name, *one.wanted)}
    foreign += [one.nevra for one in ground.built_here if not own & {one.name, one.source}]
    refuse(
        "packages are neither of the foundation nor of a component", foreign, len(ground.snapshot.packages)
    )
    return [
        f"{len(files)} files below {ground.release.folder}, none of them a binary",
        f"{len(ground.snapshot.packages)} packages, all of {', '.join(sorted(archives))} or built here",
    ]


def _is_binary(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(8).startswith(_BINARY)


def integrity(ground: Ground) -> list[str]:
    """AUD-3: all that the lock pins is read again, and all that the newest snapshot ships is signed."""
    rows = [one.package for one in (*ground.lock.packages, *ground.lock.materials)]
    wrong = []
    for row in rows:
        file = ground.state.store.peek(row.sha256)
        if file is None or sha256_of_file(file) != row.sha256:
            wrong.append(row.nevra)
    refuse("packages of the lock are not in the store with their hash", wrong, len(rows))
    shipped = ground.snapshot.packages
    refuse("packages of the snapshot are not whole and signed", ground.package_faults(shipped), len(shipped))
    index = ground.snapshot.folder / "repodata" / "repomd.xml"
    try:
        signer = ground.key.signed(index, Path(f"{index}.asc"))
    except (OutsideError, OSError) as error:
        raise Unproven(f"the index of snapshot {ground.snapshot.id}: {error}") from error
    return [
        f"{len(rows)} packages of the lock read again",
        f"snapshot {ground.snapshot.id}: repomd.xml and {len(shipped)} packages signed by {signer}",
    ]


def signed_bills(ground: Ground) -> list[str]:
    """REB-4: a signature covers each image's bill of materials."""
    told = []
    for image in ground.images:
        by = _judged(lambda papers: signed(papers, lambda _: ground.key), image)
        _judged(lambda papers: whole(papers, False), image)
        told.append(f"image {image.name}: {SBOM} {image.sums()[SBOM][:16]}…, {by}")
    return told


def _judged(check: Callable[[Papers], str], image: Papers) -> str:
    """Give what a check of an image's papers comes to. Raises Unproven where it fails."""
    try:
        return check(image)
    except (CannotTell, OutsideError, OSError, ValueError) as error:
        raise Unproven(f"image {image.name}: {error}") from error


def _readable(read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    try:
        return read()
    except OutsideError as error:
        raise Unproven(str(error)) from error
