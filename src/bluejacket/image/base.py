"""The system of an image without the image's own files: one step, from packages to a disk that boots."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from bluejacket.image.disk import DISK, label, write_disk
from bluejacket.image.papers import MANIFEST, SBOM, as_text, manifest, sbom
from bluejacket.image.plan import Plan, Workbench
from bluejacket.image.root import contents, install, numbers, policy_contexts
from bluejacket.store import Step, code_of
from bluejacket.store.blobs import sha256_of
from bluejacket.store.files import remove_tree
from bluejacket.store.steps import canonical

CONTENTS, ACCOUNTS, CONTEXTS, DIFFERENCES = "contents.json", "accounts.json", "contexts", "differences.txt"
_CODE = (
    "bluejacket.package.bootkey",
    "bluejacket.image.base",
    "bluejacket.image.disk",
    "bluejacket.image.gpt",
    "bluejacket.image.papers",
    "bluejacket.image.plan",
    "bluejacket.image.root",
)


def base_step(bench: Workbench, plan: Plan) -> Step:
    """Give the step of an image's base: its packages, its options, the tools and the key."""
    return Step(
        f"base-{plan.image.name}",
        code_of(*_CODE),
        canonical(plan.base_options()),
        (
            bench.tools,
            bench.signer.identity,
            bench.boot_key.identity,
            *(package.sha256 for package in plan.packages),
        ),
    )


def make_base(bench: Workbench, plan: Plan, feed: Path) -> tuple[Path, str]:
    """Give the folder of an image's base and its step's key, made now if it is not there.

    disk.raw        the disk, without the image's own files
    contents.json   what is in the root file system, by path
    accounts.json   its users and groups
    contexts/       its SELinux file contexts
    differences.txt what `rpm -Va` told, all of it expected
    packages.json   its packages, and sbom.spdx.json its bill of materials
    """
    step = base_step(bench, plan)

    def work(into: Path) -> dict[str, str]:
        bench.report.line(f"installing {len(plan.packages)} packages into the image {plan.image.name}")
        with (
            TemporaryDirectory(dir=into, prefix=".work-", ignore_cleanup_errors=True) as name,
            ThreadPoolExecutor(1) as beside,
        ):
            scratch = Path(name)
            bill = beside.submit(lambda: as_text(sbom(plan)))  # seconds, while rpm works
            tree, notes = scratch / "root", scratch / "notes"
            tree.mkdir()
            notes.mkdir()
            install(bench.box, plan, feed, bench.signer.certificate(), tree, notes)
            label(bench.box, plan, tree)
            write_disk(bench.box, plan, bench.boot_key, tree, notes, into)
            hashed = beside.submit(sha256_of, into / DISK)  # while the tree is looked at and removed
            _keep(tree, notes, into)
            (into / MANIFEST).write_text(as_text(manifest(plan)), "utf-8")
            (into / SBOM).write_text(bill.result(), "utf-8")
            remove_tree(tree)
            return {DISK: hashed.result()}

    return bench.store.obtain(step, work), step.key


def _keep(tree: Path, notes: Path, into: Path) -> None:
    """Keep of the tree what later steps and tests ask for."""
    (into / CONTENTS).write_text(json.dumps(contents(tree), indent=0, sort_keys=True))
    accounts = {
        name: numbers((tree / "etc" / name).read_text("utf-8").splitlines()) for name in ("passwd", "group")
    }
    (into / ACCOUNTS).write_text(json.dumps(accounts, indent=0, sort_keys=True))
    if contexts := policy_contexts(tree):
        shutil.copytree(tree / contexts, into / CONTEXTS)
    shutil.copyfile(notes / "differences", into / DIFFERENCES)
