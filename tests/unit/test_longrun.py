"""A long test that was stopped goes on where it was, as long as the commit is the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from longrun import LongRun


def commit(folder: Path, text: str) -> None:
    (folder / "file").write_text(text)
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "file"], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-q", "-m", text], cwd=folder, check=True)


def test_what_was_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, state = tmp_path / "source", tmp_path / "state"
    source.mkdir()
    commit(source, "one")
    monkeypatch.chdir(source)
    seen = []
    with pytest.raises(KeyboardInterrupt):
        for number in LongRun(state).left("kills", 5):
            seen.append(number)
            if number == 2:
                raise KeyboardInterrupt  # while the third is under way
    assert not LongRun(state).finished("kills", 5)
    seen += LongRun(state).left("kills", 5)
    assert seen == [0, 1, 2, 2, 3, 4]
    assert LongRun(state).finished("kills", 5)
    assert list(LongRun(state).left("others", 2)) == [0, 1]
    commit(source, "two")
    assert list(LongRun(state).left("kills", 2)) == [0, 1]
