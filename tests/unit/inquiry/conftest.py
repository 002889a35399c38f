"""The world that questions are asked of: three snapshots, two channels, an image of the first."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bluejacket.feed.advisory import NotAffected
from bluejacket.package.made import Made
from inquiries import OTHER_CVE, Asked, World, advisory


@pytest.fixture(scope="session")
def made() -> dict[str, Made]:
    """Packages that the worlds of all tests share."""
    return {}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, made: dict[str, Made]) -> Asked:
    """The world as each test finds it."""
    world = World(tmp_path_factory.mktemp("world"), tmp_path_factory, made)
    old, new = world.package("tool", "1:1.0-1"), world.package("tool", "1:1.0-2")
    other = world.package("other", "3-1")
    spared = NotAffected(OTHER_CVE, "other", "vulnerable_code_not_present", "built without it")
    told = [advisory(new, spared=(spared,))]
    snapshots = [
        world.snapshot("20261101.1", [old, other]),
        world.snapshot("20261125.1", [new, other], told),
        world.snapshot("20261125.2", [new], told),
    ]
    world.channel("stable", snapshots[0])
    world.channel("preview", snapshots[2])
    return Asked(world, old, new, other, snapshots, world.image("small", [old, other]))


@pytest.fixture
def asked(template: Asked, tmp_path: Path) -> Asked:
    """`tool` has a fault that the second snapshot fixes, `other` one that does not reach it."""
    world = template.world.copied(tmp_path)
    snapshots = [
        dataclasses.replace(one, folder=tmp_path / one.folder.relative_to(template.world.work))
        for one in template.snapshots
    ]
    image = tmp_path / template.image.relative_to(template.world.work)
    return dataclasses.replace(template, world=world, snapshots=snapshots, image=image)
