"""What several tests of feeds are given."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from bluejacket.feed.published import Tree
from bluejacket.feed.serve import FeedServer
from snapshotted import Snapshots


@pytest.fixture
def client(world: Snapshots) -> Iterator[httpx.Client]:
    """A client of the laptop's server, which has the snapshots of a test module's own `world`."""
    with (
        FeedServer(Tree(world.state, world.release)) as server,
        httpx.Client(base_url=server.url, trust_env=False) as client,
    ):
        yield client
