"""The store itself: blobs, step results, and what keeps them whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from bluejacket.errors import Fault, OutsideError
from bluejacket.forks import ahead
from bluejacket.report import SILENT, Report
from bluejacket.store.blobs import Part, sha256_of
from bluejacket.store.files import disk_faults, remove_tree, sync_file_system, sync_folder, sync_tree
from bluejacket.store.layout import PARTS, RECORD, TREE
from bluejacket.store.locks import locked
from bluejacket.store.notes import Notes
from bluejacket.store.steps import Step, differences, record_of

_CHEAP = 64 << 20  # bytes of a file that is hashed whenever it is asked for


class Damage(NamedTuple):
    """A store entry that is not what it was when it was made."""

    entry: str
    what: str


class Store:
    """A content-addressed store below the folder `root`.

    blobs/ab/<sha256>         a file, by the hash of its content
    steps/ab/<key>/tree/      a step's result; record.json beside it lists its files and the step
    parts/                    what is being written; nothing ever reads a result from there
    locks/                    one lock a step, so that two builds at once make a thing once
    notes/                    what makes a later run quick, and can be lost (see `Notes`)
    """

    def __init__(self, root: Path, report: Report = SILENT) -> None:
        self.root = root
        self._report = report
        self._blobs = root / "blobs"
        self._steps = root / "steps"
        self._steps_path = str(self._steps)
        self._parts = root / PARTS
        self._locks = root / "locks"
        self.notes = Notes(root / "notes")
        self._whole: set[str] = set()  # entries that this process has already checked
        self._ahead: dict[str, Callable[[], bytes]] = {}  # steps that are being checked
        with disk_faults(root):
            for folder in (self._blobs, self._steps, self._parts, self._locks):
                folder.mkdir(parents=True, exist_ok=True)

    # -- files by their hash ------------------------------------------------------------------

    def blob(self, sha256: str) -> Path | None:
        """Give the file with this hash, or None; a damaged one is dropped and counts as absent."""
        file = self._blobs / sha256[:2] / sha256
        if not file.is_file():
            return None
        if sha256 not in self._whole:
            if sha256_of(file) != sha256:
                self._report.warn(f"the store's file {sha256[:16]}… is damaged; it is fetched or made again")
                file.unlink(missing_ok=True)
                return None
            self._whole.add(sha256)
        return file

    def has_blob(self, sha256: str) -> bool:
        """Say whether a file of this name is there, without reading it."""
        return (self._blobs / sha256[:2] / sha256).is_file()

    def peek(self, sha256: str) -> Path | None:
        """Give the file of this name as it lies there, neither checked nor dropped; None if there is none."""
        file = self._blobs / sha256[:2] / sha256
        return file if file.is_file() else None

    @contextmanager
    def part(self, resume: str | None = None) -> Iterator[Part]:
        """Open a file to write into the store.

        With `resume` (a name, such as the wanted hash) what an earlier try left is gone on with, and
        kept when this try fails as well; without it a failure leaves nothing. Only one process at a
        time has a resumed part; another waits.
        """
        if resume is None:
            from tempfile import mkstemp

            handle, name = mkstemp(dir=self._parts, prefix="blob-")
            with os.fdopen(handle, "w+b") as stream:
                part = Part(Path(name), self._blobs, cast(BinaryIO, stream))
                try:
                    with disk_faults(self.root):
                        yield part
                finally:
                    if part.committed is None:
                        part.path.unlink(missing_ok=True)
                    else:
                        self._whole.add(part.committed.name)  # hashed as it was written
            return
        path, lock = self._parts / f"resume-{resume}", self._locks / f"part-{resume}"
        with locked(lock), disk_faults(self.root), path.open("a+b") as stream:
            part = Part(path, self._blobs, cast(BinaryIO, stream))
            try:
                yield part
            finally:
                if part.committed is not None:
                    self._whole.add(part.committed.name)

    def add_file(self, file: Path) -> str:
        """Copy `file` into the store; gives its SHA-256."""
        with file.open("rb") as source, self.part() as part:
            while chunk := source.read(1 << 20):
                part.write(chunk)
            part.commit(part.sha256)
            return part.sha256

    # -- step results ---------------------------------------------------------------------------

    def step(self, step: Step) -> Path | None:
        """Give the folder of a result that is there and whole, else None."""
        return self._intact(step.key)

    def step_of_key(self, key: str) -> Path | None:
        """Give the folder of the result with this key, if it is there and whole, else None."""
        return self._intact(key)

    def has_step(self, step: Step) -> bool:
        """Say whether a result is recorded, without checking it."""
        return (self._folder(step.key) / RECORD).is_file()

    def look_ahead(self, step: Step) -> None:
        """Begin to check a result, beside what follows; whoever wants it waits for the answer.

        For one with many files that is wanted later, if at all. One that is not there stays so.
        """
        key = step.key
        if key not in self._whole and key not in self._ahead and self.has_step(step):
            self._ahead[key] = ahead(lambda: json.dumps(self._first_damage(key)).encode("utf-8"))

    def obtain(
        self,
        step: Step,
        work: Callable[[Path], Mapping[str, str] | None],
        *,
        synced: bool = True,
        with_all: bool = False,
    ) -> Path:
        """Give the folder of the step's result, made now by `work(folder)` if it is not there.

        `work` may give the SHA-256 of files that it has hashed itself, by path below the folder.
        A result appears whole or not at all; a damaged one is dropped and made again. Two processes
        that want the same step do the work once. A small one that is cheap to make again need not be
        `synced`: after a power cut it may be damaged, which is found as any damage is. `with_all` makes all
        results durable with this one, before it appears.
        """
        key = step.key
        found = self._intact(key)
        if found is not None:
            return found
        lock = self._locks / f"step-{key}"
        with locked(lock, waiting=lambda: self._report.line(f"{step.name}: another build makes it; waiting")):
            found = self._intact(key)
            if found is not None:
                return found
            final = self._folder(key)
            with disk_faults(self.root):
                remove_tree(final)
                from tempfile import mkdtemp

                part = Path(mkdtemp(dir=self._parts, prefix=f"step-{step.name}-"))
                try:
                    tree = part / TREE
                    tree.mkdir()
                    started = time.monotonic()
                    hashed = work(tree)
                    self._finish(step, part, time.monotonic() - started, hashed)
                    if with_all:
                        sync_file_system(part)
                    elif synced:
                        sync_tree(part)  # with the record: all of it is durable before it gets its name
                    final.parent.mkdir(parents=True, exist_ok=True)
                    part.rename(final)
                    if synced:
                        sync_folder(final.parent)
                except BaseException:
                    remove_tree(part)
                    raise
        self._whole.add(key)
        return final / TREE

    def _finish(self, step: Step, part: Path, seconds: float, hashed: Mapping[str, str] | None) -> None:
        part.chmod(0o755)
        files = record_of(part / TREE, hashed)
        record = {
            "step": step.name,
            "code": step.code,
            "options": json.loads(step.options),
            "inputs": step.inputs,
            "seconds": round(seconds, 3),
            "files": files,
        }
        (part / RECORD).write_text(json.dumps(record, separators=(",", ":")), "utf-8")
        (part / RECORD).chmod(0o644)  # whatever the umask

    def _folder(self, key: str) -> Path:
        return Path(f"{self._steps_path}/{key[:2]}/{key}")

    def _intact(self, key: str) -> Path | None:
        folder = self._folder(key)
        if not (folder / RECORD).is_file():
            return None
        if key not in self._whole:
            damage = self._first_damage(key)
            if damage is not None:
                self._report.warn(f"the store's {damage.entry} is damaged ({damage.what}); it is made again")
                return None
            self._whole.add(key)
        return folder / TREE

    def _first_damage(self, key: str) -> Damage | None:
        begun = self._ahead.pop(key, None)
        if begun is not None:
            with suppress(OutsideError):  # it was killed: then it is done here
                found = json.loads(begun())
                return Damage(*found) if found else None
        # A file whose time and size are unchanged is hashed again only while that is cheap: a
        # tree of many files (the tools tree) and a disk are checked in full by `damages`.
        return next(self._damage(key, deep_limit=64), None)

    def _damage(self, key: str, deep_limit: int | None) -> Iterator[Damage]:
        folder = self._folder(key)
        try:
            record = json.loads((folder / RECORD).read_text("utf-8"))
            files = {name: tuple(entry) for name, entry in record["files"].items()}
            entry = f"step {record['step']} {key[:16]}…"
        except (ValueError, KeyError, AttributeError, OSError) as error:
            yield Damage(f"step {key[:16]}…", f"its record cannot be read: {error}")
            return

        def deep(name: str) -> bool:
            return deep_limit is None or (len(files) <= deep_limit and files[name][2] <= _CHEAP)

        try:
            for what in differences(folder / TREE, files, deep=deep):
                yield Damage(entry, what)
        except OSError as error:
            yield Damage(entry, str(error))

    def tree_of(self, key: str) -> Path | None:
        """Give the folder of the result with this key if it is recorded, without checking it."""
        folder = self._folder(key)
        return folder / TREE if (folder / RECORD).is_file() else None

    def file_of(self, key: str, name: str) -> str | None:
        """Give a file of a recorded result by its path there, if both are there, without checking them."""
        place = self.place_of(key, name)
        there = os.path.isfile(place) and (self._folder(key) / RECORD).is_file()  # noqa: PTH113
        return place if there else None

    def place_of(self, key: str, name: str) -> str:
        """Give where a file of a result lies by its path there, whether or not anything is there.

        In words, as it is asked for thousands of packages.
        """
        return f"{self._steps_path}/{key[:2]}/{key}/{TREE}/{name}"

    def hashes_of(self, key: str) -> dict[str, str]:
        """Give the SHA-256 of every regular file of a result as it was made, by path below its folder.

        Raises OutsideError when no such result is recorded.
        """
        try:
            record = json.loads((self._folder(key) / RECORD).read_text("utf-8"))
            return {name: row[4] for name, row in record["files"].items() if row[0] == "file"}
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise OutsideError(Fault(f"the store has no step {key[:16]}…: {error}")) from error

    def inputs_of(self, key: str) -> tuple[str, ...]:
        """Give the keys and hashes that a step was made from; none for a file, or what is not there."""
        try:
            record = json.loads((self._folder(key) / RECORD).read_text("utf-8"))
            return tuple(record["inputs"])
        except (OSError, ValueError, KeyError):
            return ()

    # -- the whole --------------------------------------------------------------------------------

    def damages(self) -> Iterator[Damage]:
        """Read everything again and name what is damaged."""
        for sha256 in self._blob_names():
            if sha256_of(self._blobs / sha256[:2] / sha256) != sha256:
                yield Damage(f"file {sha256[:16]}…", "its content is not what its name says")
        for key in self._step_names():
            yield from self._damage(key, deep_limit=None)

    def _blob_names(self) -> list[str]:
        return sorted(file.name for file in self._blobs.glob("??/*"))

    def _step_names(self) -> list[str]:
        return sorted(folder.name for folder in self._steps.glob("??/*"))

    def collect(self, keep: Iterable[str], *, dry_run: bool = False) -> tuple[int, int]:
        """Drop every blob and step whose hash or key is not in `keep`, and what dead builds left.

        Gives the number of entries dropped and the bytes that this frees. No build may run
        meanwhile: the caller holds the state's lock.
        """
        kept = set(keep)
        doomed = [self._blobs / n[:2] / n for n in self._blob_names() if n not in kept]
        doomed += [self._folder(n) for n in self._step_names() if n not in kept]
        doomed += list(self._parts.iterdir())
        freed = sum(_disk_usage(path) for path in doomed)
        if not dry_run:
            import shutil

            self.notes.forget()  # they tell of what is dropped
            for path in doomed:
                remove_tree(path)
            for folder in (*self._blobs.iterdir(), *self._steps.iterdir()):
                if not any(folder.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)
        return len(doomed), freed


def _disk_usage(path: Path) -> int:
    """Give the bytes that removing `path` frees: a hard link counts by its share."""
    if path.is_symlink() or not path.is_dir():
        seen = path.lstat()
        return seen.st_blocks * 512 // max(seen.st_nlink, 1)
    total = 0
    for base, _, names in os.walk(path):
        for name in names:
            seen = os.lstat(os.path.join(base, name))
            total += seen.st_blocks * 512 // max(seen.st_nlink, 1)
    return total
