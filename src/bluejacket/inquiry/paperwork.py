"""The papers of an image against each other, its files, its feed, and the distribution's key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bluejacket.image.build import SUMS
from bluejacket.image.papers import MANIFEST, PROVENANCE, SBOM
from bluejacket.inquiry.answer import Check, TracedImage
from bluejacket.inquiry.attempt import attempt, shown
from bluejacket.inquiry.images import Papers, materials_of, papers_of, subjects_of
from bluejacket.inquiry.trust import CannotTell, OwnKey, sha256_of_file
from bluejacket.store import State

_PAPERS = (MANIFEST, SBOM, PROVENANCE)


def paper_checks(
    state: State, one: TracedImage, key: Callable[[str], OwnKey], disks: bool
) -> Iterator[Check]:
    """Check an image, with `disks` also the hashes of its disks. `key` gives a distribution's key."""
    papers = papers_of(state, state.image_link(one.distribution, one.release, one.name))
    title = f"image {one.where}"
    yield attempt(f"{title}, signature of {SUMS}", signed, papers, key)
    yield attempt(f"{title}, its files against {SUMS}", whole, papers, disks)
    yield attempt(f"{title}, files that its provenance is about", same_files, papers)
    yield attempt(f"{title}, packages in its provenance and bill of materials", same_packages, papers)
    yield attempt(f"{title}, the feed that its provenance names", same_feed, state, papers)


def signed(papers: Papers, key: Callable[[str], OwnKey]) -> str:
    """Verify the signature over the hashes of all files. Raises as `attempt` takes it, like all here."""
    sums = papers.folder / SUMS
    return f"signed by {key(papers.distribution).signed(sums, Path(f'{sums}.asc'))}"


def whole(papers: Papers, disks: bool) -> str:
    """Read the image's papers again, and with `disks` its other files."""
    sums = papers.sums()
    if absent := [name for name in _PAPERS if name not in sums]:
        raise ValueError(f"{SUMS} does not name {', '.join(absent)}")
    names = [name for name in sums if disks or name in _PAPERS]
    if wrong := [name for name in names if sha256_of_file(papers.folder / name) != sums[name]]:
        raise ValueError(f"{', '.join(wrong)}: not the file of that hash")
    if not disks:
        return (
            f"{len(names)} papers read again; tracing the image itself, without --quick, reads its disks too"
        )
    return f"{len(names)} files read again"


def same_files(papers: Papers) -> str:
    """Compare the provenance's subjects with the signed hashes."""
    subjects, sums = subjects_of(papers.provenance()), papers.sums()
    sums.pop(PROVENANCE, None)  # which cannot hold its own hash
    if subjects != sums:
        differ = sorted(
            name for name in subjects.keys() | sums.keys() if subjects.get(name) != sums.get(name)
        )
        raise ValueError(f"they differ in {', '.join(differ)}")
    return f"{len(subjects)} files, the same hashes"


def same_packages(papers: Papers) -> str:
    """Compare the packages of the manifest with those of the provenance and of the bill of materials."""
    inside = {row["sha256"]: row["name"] for row in papers.manifest()}
    used = {digest for kind, _, digest in materials_of(papers.provenance()) if kind == "package"}
    for what, others in ((PROVENANCE, used), (SBOM, set(sbom_hashes(papers)))):
        if differ := inside.keys() ^ others:
            raise ValueError(
                f"{what} and {MANIFEST} differ in {shown([inside.get(d, d[:16]) for d in differ])}"
            )
    return f"{len(inside)} packages, the same hashes"


def sbom_hashes(papers: Papers) -> Iterator[str]:
    """Give the SHA-256 of the packages in an image's bill of materials."""
    for package in papers.sbom().get("packages", ()):
        for checksum in package.get("checksums", ()):
            if checksum["algorithm"] == "SHA256":
                yield checksum["checksumValue"]


def same_feed(state: State, papers: Papers) -> str:
    """Compare the repomd.xml that the provenance names with that of the feed the image was made from."""
    named = next((d for kind, _, d in materials_of(papers.provenance()) if kind == "feed"), None)
    if named is None:
        raise ValueError("it names none")
    folder = state.store.tree_of(papers.feed_key) if papers.feed_key else None
    if folder is None:
        raise CannotTell("the store no longer has the feed that it was made from")
    if sha256_of_file(folder / "repodata" / "repomd.xml") != named:
        raise ValueError("its repomd.xml is another one")
    return f"repomd.xml {named[:16]}…"
