"""What the tests of advisories share."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.definition import Release, load


@pytest.fixture(scope="session")
def release(distro: Path) -> Release:
    """Release 4 of the reference distribution."""
    return load(distro).release("4")
