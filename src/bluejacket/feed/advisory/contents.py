"""What advisories say against what is there: the packages of the feed, and those of images made from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bluejacket.feed.advisory.held import Held, Holding, is_older
from bluejacket.feed.advisory.reading import Disagreement, Said

_ABSENT = "component_not_present"


def feed_faults(held: Holding, record: Sequence[Said], written: Collection[str]) -> Iterator[Disagreement]:
    """Give what the packages of a feed do not bear out.

    Each fixed package has to be there, byte for byte, or be superseded by a newer one; and a changelog of
    the component has to name each CVE, unless a maintainer or the foundation's own advisory does. Of what
    is withdrawn nothing has to be there.
    """
    for said in record:
        for fixed in _fixed(said):
            yield from _package_faults(said, held, fixed)
        if said.id not in written and said.fields["vouched"] == "no":
            yield from _changelog_faults(said, held)
        yield from _absence_faults(said, "repodata", held.by_source)


class _Fixed(NamedTuple):
    nevra: str
    name: str
    evr: str
    filename: str
    sha256: str
    source: str
    source_evr: str

    @property
    def arch(self) -> str:
        return self.nevra.rpartition(".")[2]


def _fixed(said: Said) -> list[_Fixed]:
    """Give the packages that are said to have a fix."""
    lines = sorted(said.fields["packages"]) if said.brings_fix else []
    return [_Fixed(*line.split(" ")) for line in lines]


def _package_faults(said: Said, held: Holding, fixed: _Fixed) -> Iterator[Disagreement]:
    if there := held.by_nevra.get(fixed.nevra):
        file = there.location.rpartition("/")[2]
        if (fixed.filename, fixed.sha256) != (file, there.sha256):
            here = f"{fixed.filename} {fixed.sha256}"
            yield Disagreement(said.file, said.id, "file", here, f"{file} {there.sha256}", "repodata")
        return
    others = held.by_name.get(fixed.name, [])
    if any(is_older(fixed.evr, other.evr) for other in others):
        return
    # SOURCERPM has no epoch, so that the component's versions are compared without.
    version = fixed.source_evr.rpartition(":")[2]
    if not others and any(is_older(version, one.source_vr) for one in held.by_source.get(fixed.source, ())):
        return  # the component goes on under other package names
    has = ", ".join(sorted(other.nevra for other in others)) or f"no {fixed.name}"
    yield Disagreement(said.file, said.id, "fixed", f"fixed in {fixed.nevra}", f"holds {has}", "repodata")


def _changelog_faults(said: Said, held: Holding) -> Iterator[Disagreement]:
    sources = sorted({fixed.source for fixed in _fixed(said)})
    packages = [one for source in sources for one in held.by_source.get(source, ())]
    for cve in sorted(said.fields["cves"]):
        if packages and not any(held.mentions(one, cve) for one in packages):
            names = ", ".join(sources)
            yield Disagreement(
                said.file, said.id, "cves", f"fixes {cve}", f"no changelog of {names} names it", "packages"
            )


def _absence_faults(said: Said, where: str, present: Mapping[str, Iterable[Held]]) -> Iterator[Disagreement]:
    if said.fields["withdrawn"]:
        return
    for line in sorted(said.fields["not_affected"]):
        cve, source, justification = line.split(" ", 2)
        if justification == _ABSENT and source in present:
            names = ", ".join(sorted(one.nevra for one in present[source])[:3])
            here = f"{source} is {_ABSENT} ({cve})"
            yield Disagreement(said.file, said.id, "not_affected", here, f"holds {names}", where)


def image_faults(
    image: str, manifest: Sequence[Mapping[str, Any]], held: Holding, record: Sequence[Said]
) -> Iterator[Disagreement]:
    """Give what an image made from this feed does not bear out.

    Each of its packages has to be the feed's, byte for byte, and none may be older than what is said to
    have the fix.
    """
    inside = {f"{row['name']}-{row['evr']}.{row['arch']}": row for row in manifest}
    for nevra, row in inside.items():
        there = held.by_nevra.get(nevra)
        if there is None:
            yield Disagreement(image, "", "packages", f"holds {nevra}", "has no such package", "repodata")
        elif there.sha256 != row["sha256"]:
            yield Disagreement(image, "", f"sha256 of {nevra}", row["sha256"], there.sha256, "repodata")
    present: dict[str, list[Held]] = {}
    for nevra in inside.keys() & held.by_nevra.keys():
        present.setdefault(held.by_nevra[nevra].source, []).append(held.by_nevra[nevra])
    yield from unfixed(image, manifest, record)
    for said in record:
        yield from _absence_faults(said, image, present)


def unfixed(
    image: str, manifest: Sequence[Mapping[str, Any]], record: Sequence[Said]
) -> Iterator[Disagreement]:
    """Give the packages of an image, whatever it was made from, that are older than what has the fix."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for row in manifest:
        by_name.setdefault(row["name"], []).append((row["arch"], row["evr"]))
    for said in record:
        for fixed in _fixed(said):
            for arch, mine in by_name.get(fixed.name, ()):
                # what is of no architecture takes the place of what is of one, and the other way round
                if (arch == fixed.arch or "noarch" in (arch, fixed.arch)) and is_older(mine, fixed.evr):
                    here = f"holds {fixed.name}-{mine}.{arch}"
                    yield Disagreement(image, said.id, "fixed", here, f"fixed in {fixed.nevra}", said.file)
