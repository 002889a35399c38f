"""The same template once more: nothing is made anew, and what the first one gave a name keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from azcli import CloudProcess

pytestmark = [pytest.mark.boot]


def test_a_machine_that_is_asked_for_again_stays_as_it_is(tmp_path: Path) -> None:
    """Its system disk is empty: what counts is the record, the disks and the machine's process."""
    with CloudProcess(tmp_path / "state") as cloud:
        cloud.az("group", "create", "-n", "g1", "-l", "eastus")
        cloud.az("disk", "create", "-g", "g1", "-n", "empty", "--size-gb", "1", "--os-type", "Linux")
        words = ("--attach-os-disk", "empty", "--os-type", "linux", "--data-disk-sizes-gb", "1", "2")
        made = cloud.az("vm", "create", "-g", "g1", "-n", "web", *words)
        before = cloud.az("vm", "show", "-g", "g1", "-n", "web")
        disks = sorted(one["name"] for one in cloud.az("disk", "list", "-g", "g1"))
        assert len(disks) == 3
        assert cloud.az("vm", "create", "-g", "g1", "-n", "web", *words) == made
        after = cloud.az("vm", "show", "-g", "g1", "-n", "web")
        assert after["storageProfile"] == before["storageProfile"]
        assert after["vmId"] == before["vmId"]
        assert sorted(one["name"] for one in cloud.az("disk", "list", "-g", "g1")) == disks
