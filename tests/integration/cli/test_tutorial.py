"""The tutorial from its first line to its last: a distribution of one's own, built, booted and looked at."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bluejacket.foundation.lock import Lock
from bluejacket.store import State
from freshstate import state_with_downloads
from longrun import LongRun
from walkthrough import prepare, tutorial, write_files_and_run

pytestmark = [pytest.mark.boot, pytest.mark.long]
LIMIT_S = 3 * 3600


@pytest.mark.usefixtures("image")  # which has all that the lock names fetched
def test_the_whole_tutorial_does_what_it_says(
    distro: Path, state: State, lock: Lock, long_run: LongRun
) -> None:
    with long_run.folder("tutorial") as top:
        elsewhere = state_with_downloads(top / "state", state, lock)
        env = prepare(distro, top, elsewhere.root)
        first, second = tutorial()
        assert write_files_and_run(first, top, env, 60) >= 8
        try:
            assert write_files_and_run(second, top, env, LIMIT_S, silent=False) >= 5
        finally:
            subprocess.run(["bluejacket", "--distro", "harbour", "stop"], cwd=top, env=env, check=False)
