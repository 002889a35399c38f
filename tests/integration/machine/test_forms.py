"""The image's other forms boot as well; test_boot.py boots the fixed VHD."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.image import BuiltImage
from bluejacket.machine import Boot, Machines, expected_of
from bluejacket.package.own import Workshop

pytestmark = [pytest.mark.boot, pytest.mark.long]


@pytest.mark.parametrize("form", ["raw", "qcow2"])
def test_it_comes_up_well(
    form: str, release: Release, image: BuiltImage, shop: Workshop, tmp_path: Path
) -> None:
    """Until ssh answers and the machine says that it is well; nothing is written into the disk's file."""
    disk = image.disks[form]
    before = disk.stat()
    expected = expected_of(release.profile_of(release.images["vm"]), release.pretty_name)
    machines = Machines(tmp_path / "state", shop.box)
    with machines.booted(Boot(disk, "vm", disk_gib=8, limit_s=1500, expected=expected)) as (_, health):
        assert health.reasons == ()
        assert health.root_size > 6 << 30
    after = disk.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
