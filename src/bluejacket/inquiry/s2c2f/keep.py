"""Evidence on updating and rebuilding: UPD and REB."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bluejacket.definition.release import PatchMode
from bluejacket.errors import OutsideError
from bluejacket.feed.advisory import Fixed, Kind
from bluejacket.feed.advisory.held import is_older
from bluejacket.feed.snapshot import Shipped, Snapshot, snapshots
from bluejacket.inquiry.paperwork import sbom_hashes
from bluejacket.inquiry.s2c2f.ground import Ground, Unproven, refuse

_AUTOMATIC = re.compile(r"(?:automatic|update|upgrade|patch)[^/\s]*\.timer$")
_ENABLED = re.compile(r"^enable (?P<unit>\S+)", re.MULTILINE)


def replaced(ground: Ground) -> list[str]:
    """UPD-1: a vulnerable package of an earlier snapshot is there with its fix in the newest."""
    try:
        former = [one for one in snapshots(ground.state, ground.release) if one.id != ground.snapshot.id]
    except OutsideError as error:
        raise Unproven(str(error)) from error
    if not former:
        raise Unproven(f"{ground.snapshot.id} is the only snapshot: nothing was replaced yet")
    told = list(_replacements(ground, former))
    if not told:
        raise Unproven("no earlier snapshot has a vulnerable package that the newest has with its fix")
    return told


def _replacements(ground: Ground, former: list[Snapshot]) -> Iterator[str]:
    now = {one.name: one for one in ground.snapshot.packages}
    for advisory in ground.advisories:
        if advisory.kind is not Kind.SECURITY:
            continue
        for fixed in advisory.fixed:
            there = now.get(fixed.name)
            if there and not is_older(there.evr, fixed.evr) and (older := _older(former, fixed)):
                yield f"{advisory.id}: {older}, {there.nevra} in {ground.snapshot.id}"
                break


def _older(former: list[Snapshot], fixed: Fixed) -> str:
    for snapshot in reversed(former):
        for one in snapshot.packages:
            if one.name == fixed.name and is_older(one.evr, fixed.evr):
                return f"{one.nevra} in {snapshot.id}"
    return ""


def automatic(ground: Ground) -> list[str]:
    """UPD-2: the release's policy lets machines patch themselves, and each image enables a timer for it."""
    folder, mode = ground.release.folder, ground.release.patch.mode
    if mode not in (PatchMode.SECURITY, PatchMode.ALL):
        raise Unproven(f"the release's policy for patching is {mode}")
    presets = {
        str(file.relative_to(folder)): _ENABLED.findall(file.read_text("utf-8"))
        for file in sorted((folder / "packages").rglob("*.preset"))
    }
    everywhere = [
        f"{unit} by {name}" for name, units in presets.items() for unit in units if _AUTOMATIC.search(unit)
    ]
    told = [f"the release's policy for patching is {mode}"]
    for image in ground.images:
        definition = ground.release.images.get(image.name)
        services = ground.release.profile_of(definition).services if definition else None
        off = {*services.disable, *services.mask} if services else set()
        mine = [f"{u} by the profile" for u in (services.enable if services else ()) if _AUTOMATIC.search(u)]
        mine += everywhere
        on = [said for said in mine if said.split()[0] not in off]
        if not on:
            raise Unproven(f"the image {image.name} enables no timer that updates it")
        told.append(f"image {image.name}: {', '.join(on)}")
    return told


def rebuilt(ground: Ground) -> list[str]:
    """REB-1: every package of the newest snapshot is built from source here."""
    shipped = ground.snapshot.packages
    refuse("packages are upstream's own binaries", [one.nevra for one in ground.taken_in], len(shipped))
    return [f"snapshot {ground.snapshot.id}: {len(shipped)} packages, all built in the sandbox"]


def rebuilds_signed(ground: Ground) -> list[str]:
    """REB-2: what is built here is signed."""
    mine = _built_here(ground)
    refuse("packages that are built here are not whole and signed", ground.package_faults(mine), len(mine))
    return [f"{len(mine)} packages built here, signed by {ground.key.keyring.fingerprints[0]}"]


def rebuilds_listed(ground: Ground) -> list[str]:
    """REB-3: a bill of materials names each package that is built here."""
    try:
        listed = {digest for image in ground.images for digest in sbom_hashes(image)}
    except (OutsideError, KeyError, TypeError) as error:
        raise Unproven(f"a bill of materials cannot be read: {error}") from error
    mine = _built_here(ground)
    left = [one.nevra for one in mine if one.sha256 not in listed]
    refuse("packages that are built here are in no image's bill of materials", left, len(mine))
    return [
        f"{len(mine)} packages built here, all in the bills of {', '.join(i.name for i in ground.images)}"
    ]


def _built_here(ground: Ground) -> list[Shipped]:
    if not ground.built_here:
        raise Unproven("nothing is built here")
    return ground.built_here
