"""A lock's packages as signed RPMs: each one step of the store, made side by side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from bluejacket.definition.options import Options
from bluejacket.definition.overlay import Overlay
from bluejacket.definition.release import Release
from bluejacket.foundation.metadata import Package
from bluejacket.package.convert import NOTES, convert
from bluejacket.package.describe import write_description
from bluejacket.package.keys import KEY_TIME, Signer
from bluejacket.package.made import Made
from bluejacket.package.scripts import Notes
from bluejacket.package.sign import built_at, sign_package
from bluejacket.parallel import worker_pool
from bluejacket.report import SILENT, Report
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical

_CODE = (
    "bluejacket.foundation.debian.control",
    "bluejacket.foundation.debian.deb",
    "bluejacket.foundation.debian.version",
    "bluejacket.foundation.metadata",
    "bluejacket.foundation.overlaid",
    "bluejacket.package.changelog",
    "bluejacket.package.changes",
    "bluejacket.package.convert",
    "bluejacket.package.describe",
    "bluejacket.package.generated",
    "bluejacket.package.header",
    "bluejacket.package.keys",
    "bluejacket.package.licence",
    "bluejacket.package.openpgp_write",
    "bluejacket.package.scripts",
    "bluejacket.package.sign",
)


@dataclass(frozen=True, slots=True)
class Task:
    """One package to import, with all that its result depends on; travels to another process."""

    store: Path
    step: Step
    deb: Path
    package: Package
    overlay: Overlay | None
    overlay_file: Path
    options: Options
    sources: Path
    signer: Signer


def import_packages(
    store: Store,
    release: Release,
    packages: Sequence[Package],
    files: Mapping[str, Path],
    signer: Signer,
    report: Report = SILENT,
    executor: Executor | None = None,
) -> list[Made]:
    """Give the signed RPMs of `packages`, in their order; only those that are not there are made.

    `files` has the verified upstream packages by their SHA-256. Without `executor` as many processes
    work as there are processors. Raises what `convert` raises, for the first package that fails.
    """
    tasks = [_task(store, release, package, files[package.sha256], signer) for package in packages]
    done = {at: found for at, task in enumerate(tasks) if (found := store.step(task.step))}
    todo = [at for at in range(len(tasks)) if at not in done]
    if todo:
        own = None if executor else worker_pool()
        try:
            done |= _make(tasks, todo, executor or own, report)
        finally:
            if own:
                own.shutdown(cancel_futures=True)
    return [made(tasks[at].package, tasks[at].step.key, done[at]) for at in range(len(tasks))]


def _make(
    tasks: Sequence[Task], todo: Sequence[int], pool: Executor | None, report: Report
) -> dict[int, Path]:
    assert pool is not None
    done: dict[int, Path] = {}
    # The largest first: the last one to end should be a small one.
    order = sorted(todo, key=lambda at: -tasks[at].package.installed_size)
    with report.bar("Converting packages", len(todo)) as bar:
        waiting = {pool.submit(import_one, tasks[at]): at for at in order}
        for future in as_completed(waiting):
            at = waiting[future]
            done[at] = future.result()
            bar.note(tasks[at].package.name)
            bar.advance()
    return done


def import_one(task: Task) -> Path:
    """Make one package in this process; gives its step's folder."""

    def work(into: Path) -> None:
        rpm = convert(
            task.deb,
            task.package,
            task.overlay,
            task.options,
            into,
            sources=task.sources,
            overlay_file=task.overlay_file,
        )
        write_description(sign_package(rpm, task.signer, max(built_at(rpm), KEY_TIME), into))

    return Store(task.store).obtain(task.step, work)


def made(package: Package, key: str, folder: Path) -> Made:
    """Read what a step of `import_packages` left in its folder."""
    notes = Notes.from_json(json.loads((folder / NOTES).read_text("utf-8")))
    return Made(str(next(folder.glob("*.rpm"))), package.name, key, package, notes)


def _task(store: Store, release: Release, package: Package, deb: Path, signer: Signer) -> Task:
    overlay = release.overlays.get(package.name)
    options = release.options_of(package.name, package.source)
    used = {name: getattr(options, name) for name in ("vendor", "packager", "compression", "remove")}
    whole = {
        "package": {k: v for k, v in asdict(package).items() if k not in ("priority", "location", "size")},
        "overlay": overlay.model_dump(mode="json", exclude={"reason"}) if overlay else None,
        "options": used,
        "with": [version("rpm-rs"), version("createrepo-c")],
    }
    return Task(
        store=store.root,
        step=Step(
            f"import-{package.name}",
            code_of(*_CODE),
            canonical(whole),
            (package.sha256, signer.fingerprint, *_sources(overlay, release.folder)),
        ),
        deb=deb,
        package=package,
        overlay=overlay,
        overlay_file=release.folder / "overlays" / f"{package.name}.toml",
        options=Options(**used),
        sources=release.folder,
        signer=signer,
    )


def _sources(overlay: Overlay | None, folder: Path) -> list[str]:
    """Give the digests of the files that an overlay adds; a missing one is told by `convert`."""
    named = [file.source for file in overlay.files if file.source] if overlay else []
    files = [folder / name for name in named]
    return [hashlib.sha256(f.read_bytes()).hexdigest() if f.is_file() else "missing" for f in files]
