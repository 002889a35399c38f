"""Which integration tests run side by side, where there is more than one worker to run them.

One lane has the clouds, of which only one is tried at a time; another takes the other files one by one. By
marks pytest-xdist knows groups itself, but loses them with a pytest that keeps a test's name to itself (9.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

INTEGRATION = PurePath("tests/integration")


class Lanes(LoadScopeScheduling):
    """Give each worker a whole lane, or a whole file, and the next when that has ended."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # the order that `in_turn` gives

    def _split_scope(self, nodeid: str) -> str:
        file = PurePath(nodeid.partition("::")[0])
        return "cloud" if is_of_clouds(file) else str(file)


def in_turn(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Give the clouds first, then files that boot machines, so that two lanes end at about the same time."""
    boots = {item.path for item in items if item.get_closest_marker("boot")}

    def turn(item: pytest.Item) -> int:
        file = PurePath(item.nodeid.partition("::")[0])
        if INTEGRATION not in file.parents or is_of_clouds(file):
            return 0
        return 1 if item.path in boots else 2

    return sorted(items, key=turn)


def is_of_clouds(file: PurePath) -> bool:
    """Say whether a file, by its path below the repository, has tests of the cloud."""
    return INTEGRATION / "cloud" in file.parents
