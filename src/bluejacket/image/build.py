"""From a feed to an image, the whole way."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bluejacket.definition import Image, Release
from bluejacket.definition.image import ImageFormat
from bluejacket.feed.built import Built
from bluejacket.foundation.lock import Lock
from bluejacket.image.base import base_step, make_base
from bluejacket.image.choose import obtain_chosen
from bluejacket.image.copied import apply, copy_sparse, hash_range
from bluejacket.image.disk import DISK, partitions_of
from bluejacket.image.files import changes_of
from bluejacket.image.formats import MAKERS, hash_of_vhd
from bluejacket.image.papers import MANIFEST, PROVENANCE, SBOM, as_text, locks_of, provenance, sources_of
from bluejacket.image.plan import Plan, Workbench
from bluejacket.package.keys import KEY_TIME
from bluejacket.package.sign import sign_detached
from bluejacket.store import Step, code_of
from bluejacket.store.blobs import sha256_of
from bluejacket.store.steps import canonical

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

SUMS = "SHA256SUMS"
BOOT_CERTIFICATE = "secure-boot.crt"
"""Whose signatures the firmware has to take for Secure Boot: a certificate in PEM."""
_CODE = ("bluejacket.image", "bluejacket.package.purl")


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that is there. `disks` has its forms by name, `size` the installed bytes of its packages."""

    name: str
    release: str
    folder: Path
    key: str
    disks: Mapping[str, Path]
    packages: int
    size: int


def build_image(bench: Workbench, release: Release, image: Image, lock: Lock, feed: Built) -> BuiltImage:
    """Build an image of a release from its feed. What has not changed is not done again.

    Raises UserError for packages that cannot be put together and for files that cannot be put in,
    OutsideError and ToolFailed for what fails outside.
    """
    packages = obtain_chosen(bench.store, feed.folder, feed.key, image)
    plan = Plan(release, image, release.profile_of(image), packages, feed.epoch)
    step = _step(plan, base_step(bench, plan).key, feed)
    # The base is not even looked at while the image is there: reading a disk again takes a second.
    folder = bench.store.step(step)
    if folder is None:
        base, _ = make_base(bench, plan, feed.folder)
        folder = bench.store.obtain(step, lambda into: _make(bench, plan, lock, feed, base, step.key, into))
    return BuiltImage(
        name=image.name,
        release=release.version,
        folder=folder,
        key=step.key,
        disks={form.value: folder / f"disk.{form.value}" for form in image.formats},
        packages=len(packages),
        size=sum(package.size for package in packages),
    )


def _step(plan: Plan, base: str, feed: Built) -> Step:
    options = {
        "image": plan.image.model_dump(mode="json"),
        "profile": plan.profile.model_dump(mode="json"),
        "sources": sources_of(plan),
        "locks": locks_of(plan),
        "distribution": plan.release.distribution.model_dump(mode="json"),
    }
    return Step(f"image-{plan.image.name}", code_of(*_CODE), canonical(options), (base, feed.key))


def _make(
    bench: Workbench, plan: Plan, lock: Lock, feed: Built, base: Path, key: str, into: Path
) -> Mapping[str, str]:
    """Write the image into the folder `into`; gives the SHA-256 of its files."""
    bench.report.line(f"writing the image {plan.image.name}")
    with ThreadPoolExecutor() as pool:
        raw = _write_raw(bench, plan, base / DISK, into / DISK, pool)
        hashes = _write_forms(bench, plan, into, raw, pool)
    for name in (MANIFEST, SBOM):
        shutil.copyfile(base / name, into / name)
        hashes[name] = sha256_of(into / name)
    (into / BOOT_CERTIFICATE).write_bytes(bench.boot_key.certificate)
    hashes[BOOT_CERTIFICATE] = sha256_of(into / BOOT_CERTIFICATE)
    index = sha256_of(feed.folder / "repodata/repomd.xml")
    (into / PROVENANCE).write_text(as_text(provenance(plan, lock, index, key, hashes)), "utf-8")
    hashes[PROVENANCE] = sha256_of(into / PROVENANCE)
    _sign(bench, plan, into, hashes)
    return hashes


def _write_raw(bench: Workbench, plan: Plan, base: Path, disk: Path, pool: Executor) -> Future[Digest]:
    """Write `disk`, a copy of the base's with the image's own files; gives the hash that is being made of it.

    While the copy is made, the base's partitions before the root file system are hashed and what the
    files change is found; then the rest is hashed, while the kernel writes the copy to its medium.
    """
    digest = hashlib.sha256()
    _, root = partitions_of(base)
    with TemporaryDirectory(dir=disk.parent, prefix=".work-") as scratch:
        others = plan.image.formats != (ImageFormat.RAW,)  # which are made of it
        copied = pool.submit(copy_sparse, base, disk, read_again=others)
        begun = pool.submit(hash_range, digest, base, 0, root)
        changes = changes_of(bench.box, plan, base.parent, Path(scratch))
        begun.result()

        def finish() -> Digest:
            hash_range(digest, base, root, base.stat().st_size, changes)
            return digest

        finished = pool.submit(finish)
    copied.result()
    apply(changes, disk)
    return finished


def _write_forms(
    bench: Workbench, plan: Plan, into: Path, raw: Future[Digest], pool: Executor
) -> dict[str, str]:
    """Write the disk's forms side by side; gives their hashes by name. `raw` is the raw disk's."""
    made = {form: pool.submit(MAKERS[form], bench.box, plan, into) for form in plan.image.formats}
    hashes = {}
    for form, future in made.items():
        path = future.result()
        if form is ImageFormat.RAW:
            hashes[path.name] = raw.result().hexdigest()
        elif form is ImageFormat.VHD:
            hashes[path.name] = hash_of_vhd(raw.result(), path)
        else:
            hashes[path.name] = sha256_of(path)
    if ImageFormat.RAW not in made:
        (into / DISK).unlink()
    return hashes


def _sign(bench: Workbench, plan: Plan, into: Path, hashes: Mapping[str, str]) -> None:
    """Write the hashes of all files, and a signature over them (sha256sum(1), gpg(1) read both)."""
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashes.items()))
    (into / SUMS).write_text(text)
    signature = sign_detached(text.encode(), bench.signer, max(plan.epoch, KEY_TIME))
    (into / f"{SUMS}.asc").write_text(signature)
    for path in into.iterdir():
        path.chmod(0o644)


def packages_of(folder: Path) -> list[dict[str, object]]:
    """Give the list of packages of an image that was built."""
    found: list[dict[str, object]] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return found
