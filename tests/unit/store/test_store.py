"""A result appears whole or not at all, and a damaged one is found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError
from bluejacket.store import Step, Store
from bluejacket.store.files import sync_file_system
from bluejacket.store.steps import canonical

STEP = Step("greet", "code", canonical({"to": "you"}), ("a", "b"))


def write(text: str, name: str = "greeting"):
    return lambda tree: (tree / name).write_text(text) and None


def test_a_result_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def work(tree: Path) -> None:
        made.append(tree)
        (tree / "greeting").write_text("hello")

    first = Store(tmp_path).obtain(STEP, work)
    again = Store(tmp_path).obtain(STEP, work)
    assert first == again
    assert len(made) == 1
    assert (again / "greeting").read_text() == "hello"


@pytest.mark.parametrize("change", [{"name": "x"}, {"code": "x"}, {"options": "[]"}, {"inputs": ("b", "a")}])
def test_every_part_of_a_step_is_in_its_key(change: dict[str, object]) -> None:
    values = {"name": "greet", "code": "code", "options": canonical({"to": "you"}), "inputs": ("a", "b")}
    assert Step(**{**values, **change}).key != STEP.key  # type: ignore[arg-type]


def test_a_failed_step_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def work(tree: Path) -> None:
        (tree / "half").write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        store.obtain(STEP, work)
    assert store.step(STEP) is None
    assert list((tmp_path / "parts").iterdir()) == []
    assert store.obtain(STEP, write("whole")).joinpath("greeting").read_text() == "whole"


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    times = file.stat()
    file.write_bytes(data)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _grow(file: Path) -> None:
    file.write_text(file.read_text() + "x")


def _stranger(file: Path) -> None:
    file.with_name("stranger").write_text("?")


@pytest.mark.parametrize("harm", [_flip, _grow, Path.unlink, _stranger, lambda f: f.chmod(0o600)])
def test_a_damaged_result_is_found_and_made_again(tmp_path: Path, harm) -> None:
    harm(Store(tmp_path).obtain(STEP, write("hello")) / "greeting")
    assert next(Store(tmp_path).damages()).entry.startswith("step greet")
    store = Store(tmp_path)
    assert store.step(STEP) is None
    tree = store.obtain(STEP, write("hello"))
    assert [f.name for f in tree.iterdir()] == ["greeting"]
    assert list(Store(tmp_path).damages()) == []


def test_a_garbled_record_counts_as_damage(tmp_path: Path) -> None:
    tree = Store(tmp_path).obtain(STEP, write("hello"))
    (tree.parent / "record.json").write_text('{"step": ')
    assert Store(tmp_path).step(STEP) is None
    assert "record" in next(Store(tmp_path).damages()).what


def test_a_blob_gets_its_name_only_when_its_hash_fits(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(OutsideError, match="expected SHA-256 0000"), store.part() as part:
        part.write(b"abc")
        part.commit("0" * 64)
    assert list((tmp_path / "parts").iterdir()) == []
    with store.part() as part:
        part.write(b"abc")
        sha256 = part.sha256
        part.commit(sha256)
    assert Store(tmp_path).blob(sha256).read_bytes() == b"abc"  # type: ignore[union-attr]


@pytest.mark.parametrize("killed", [False, True])
def test_a_result_is_checked_ahead_as_it_would_be_later(tmp_path: Path, killed: bool) -> None:
    tree = Store(tmp_path).obtain(STEP, write("hello"))

    def looked() -> Path | None:
        store, before = Store(tmp_path), children()
        store.look_ahead(STEP)
        store.look_ahead(STEP)
        assert len(children() - before) <= 1
        for pid in children() - before if killed else ():
            os.kill(pid, signal.SIGKILL)
        return store.step(STEP)

    assert looked() == tree
    (tree / "greeting").write_text("other")
    assert looked() is None
    missing, store = STEP._replace(inputs=()), Store(tmp_path)
    store.look_ahead(missing)
    assert store.step(missing) is None


def children() -> set[int]:
    """Give the processes that this one's first thread has begun, and not waited for."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


def test_a_damaged_blob_counts_as_absent(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    sha256 = Store(tmp_path / "s").add_file(tmp_path / "f")
    _flip(Store(tmp_path / "s").blob(sha256))  # type: ignore[arg-type]
    assert Store(tmp_path / "s").blob(sha256) is None


def test_a_resumed_part_goes_on_where_it_stopped(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(RuntimeError), store.part(resume="x") as part:
        part.write(b"abc")
        raise RuntimeError
    with store.part(resume="x") as part:
        assert part.size == 3
        part.write(b"def")
        path = part.commit(part.sha256)
    assert path.read_bytes() == b"abcdef"


def test_two_threads_make_a_result_once(tmp_path: Path) -> None:
    made: list[int] = []

    def work(tree: Path) -> None:
        made.append(1)
        time.sleep(0.05)
        (tree / "greeting").write_text("hello")

    threads = [threading.Thread(target=lambda: Store(tmp_path).obtain(STEP, work)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


KILLED = """
import sys, time
from pathlib import Path
from bluejacket.store import Store, Step
def work(tree):
    for n in range(200):
        (tree / f"f{n}").write_text(str(n) * 100)
    print("working", flush=True)
    time.sleep(float(sys.argv[2]))
for n in range(50):
    Store(Path(sys.argv[1])).obtain(Step("killed", "c", "{}", (str(n),)), work)
"""


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.05])
def test_sigkill_leaves_only_whole_results(tmp_path: Path, delay: float) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path), "0.002"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    child.stdout.readline()  # type: ignore[union-attr]
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()  # type: ignore[union-attr]
    assert list(Store(tmp_path).damages()) == []
    for record in tmp_path.glob("steps/*/*/record.json"):
        assert len(json.loads(record.read_text())["files"]) == 200


def test_collect_keeps_what_is_named_and_drops_the_rest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept, dropped = STEP, Step("greet", "other")
    for step in (kept, dropped):
        store.obtain(step, write("hello"))
    (tmp_path / "f").write_bytes(b"x" * 5000)
    sha256 = store.add_file(tmp_path / "f")
    (tmp_path / "parts" / "left-by-a-dead-build").write_text("x")
    assert store.collect([kept.key], dry_run=True)[0] == 3
    count, freed = store.collect([kept.key])
    assert (count, freed >= 5000) == (3, True)
    assert store.has_step(kept)
    assert not store.has_step(dropped)
    assert not store.has_blob(sha256)


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    def work(tree: Path) -> None:
        with Path("/dev/full").open("w") as full:
            full.write("x" * 100_000)

    with pytest.raises(OutsideError, match=r"the disk that holds .* is full \(free some room"):
        Store(tmp_path).obtain(STEP, work)
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_result_appears_after_all_that_was_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = Store(tmp_path), STEP._replace(options='{"other":1}')
    store.obtain(other, write("hello"), synced=False)
    seen: list[tuple[bool, bool, list[str]]] = []

    def sync(folder: Path) -> None:
        names = sorted(path.name for path in folder.rglob("*") if path.is_file())
        seen.append((store.has_step(other), store.has_step(STEP), names))
        sync_file_system(folder)

    monkeypatch.setattr("bluejacket.store.store.sync_file_system", sync)
    store.obtain(STEP, write("hello"), with_all=True)
    assert seen == [(True, False, ["greeting", "record.json"])]
    assert store.has_step(STEP)


def test_an_unsynced_result_is_checked_like_any_other(tmp_path: Path) -> None:
    tree = Store(tmp_path).obtain(STEP, write("hello"), synced=False)
    assert Store(tmp_path).step(STEP) == tree
    (tree / "greeting").write_bytes(b"")  # what a power cut may leave
    assert Store(tmp_path).step(STEP) is None
    (tree.parent / "record.json").write_bytes(b"")
    assert Store(tmp_path).step(STEP) is None
    assert (Store(tmp_path).obtain(STEP, write("hello")) / "greeting").read_text() == "hello"
