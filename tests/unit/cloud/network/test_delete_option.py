"""What a network interface says of its public address's end, which a machine's deletion goes by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.errors import CloudError
from netrecords import Records, ref


@pytest.fixture
def cloud(tmp_path: Path) -> Records:
    found = Records(tmp_path / "cloud")
    found.vnet(deck="10.0.0.0/24")
    found.send("publicIPAddresses/door", {})
    return found


def written(cloud: Records, more: dict[str, Any]) -> Any:
    """Write an interface, and give what it then shows of its public address."""
    public = ref("publicIPAddresses/door") | more
    inside = {"subnet": ref("virtualNetworks/sea/subnets/deck"), "publicIPAddress": public}
    cloud.send("networkInterfaces/card", {"ipConfigurations": [{"name": "first", "properties": inside}]})
    shown = cloud.show("networkInterfaces/card")["properties"]["ipConfigurations"][0]
    return shown["properties"]["publicIPAddress"]


@pytest.mark.parametrize(("asked", "kept"), [("Delete", "Delete"), ("detach", "Detach")])
def test_it_is_kept(cloud: Records, asked: str, kept: str) -> None:
    shown = written(cloud, {"properties": {"DeleteOption": asked}})
    assert shown == ref("publicIPAddresses/door") | {"properties": {"deleteOption": kept}}


@pytest.mark.parametrize("more", [{}, {"properties": {"ipAddress": "127.0.0.9"}}])
def test_nothing_else_of_the_address_is(cloud: Records, more: dict[str, Any]) -> None:
    assert written(cloud, more) == ref("publicIPAddresses/door")


def test_there_are_two_ends(cloud: Records) -> None:
    with pytest.raises(CloudError) as caught:
        written(cloud, {"properties": {"deleteOption": "Sink"}})
    assert (caught.value.status, caught.value.code) == (400, "InvalidParameter")
