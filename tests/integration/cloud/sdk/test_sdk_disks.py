"""Disks, snapshots and images by azure-mgmt-compute, as Microsoft's reference has them; no machine boots.

Source: "Disks", "Snapshots" and "Images" of the Compute REST API, and "azure.core.polling" for the pollers.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from sdkcloud import LOCATION, SdkCloud, refused

GIB = 1 << 30
EMPTY = {"createOption": "Empty"}


def make(sdk: SdkCloud, group: str, name: str, gib: int | None = 4, **data: str) -> str:
    """Make a disk, and give its id."""
    properties = {"creationData": data or EMPTY} | ({"diskSizeGB": gib} if gib else {})
    body = {"location": LOCATION, "properties": properties}
    return str(sdk.compute.disks.begin_create_or_update(group, name, body).result().id)


def read(sdk: SdkCloud, address: str) -> tuple[int, bytes]:
    """Give how many bytes an address has, and the first MiB of them."""
    trust = ssl.create_default_context(cafile=sdk.cloud.env()["REQUESTS_CA_BUNDLE"])
    with urlopen(address, context=trust, timeout=60) as answer:
        return int(answer.headers["Content-Length"]), bytes(answer.read(1 << 20))


def test_a_disk_as_the_reference_has_it(sdk: SdkCloud, group: str) -> None:
    """Create an empty managed disk: 202, then a document with every property that the service fills in."""
    begun = datetime.now(UTC) - timedelta(seconds=2)
    poller = sdk.compute.disks.begin_create_or_update(
        group,
        "hold",
        {
            "location": "East US",
            "tags": {"deck": "lower"},
            "sku": {"name": "Premium_LRS"},
            "zones": ["1"],
            "properties": {"creationData": EMPTY, "diskSizeGB": 4},
        },
    )
    made = poller.result()
    assert (poller.done(), poller.status()) == (True, "Succeeded")
    assert made.id == f"{sdk.root}/resourceGroups/{group}/providers/Microsoft.Compute/disks/hold"
    assert (made.name, made.type, made.location) == ("hold", "Microsoft.Compute/disks", "eastus")
    assert (made.tags, made.zones) == ({"deck": "lower"}, ["1"])
    assert (made.sku.name, made.sku.tier) == ("Premium_LRS", "Premium")
    assert (made.disk_size_gb, made.disk_size_bytes) == (4, 4 * GIB)
    assert (made.provisioning_state, made.disk_state) == ("Succeeded", "Unattached")
    assert made.creation_data.create_option == "Empty"
    assert made.encryption.type == "EncryptionAtRestWithPlatformKey"
    assert (made.network_access_policy, made.public_network_access) == ("AllowAll", "Enabled")
    assert begun <= made.time_created <= datetime.now(UTC) + timedelta(seconds=2)
    assert len(made.unique_id) == 36
    assert sdk.compute.disks.get(group, "HOLD").as_dict() == made.as_dict()


def test_a_disk_grows_and_never_shrinks(sdk: SdkCloud, group: str) -> None:
    """An update takes only what it names; "the disk size can only be increased"."""
    make(sdk, group, "hold")
    tagged = sdk.compute.disks.begin_update(group, "hold", {"tags": {"a": "1"}}).result()
    assert (tagged.tags, tagged.disk_size_gb) == ({"a": "1"}, 4)
    grown = sdk.compute.disks.begin_update(
        group, "hold", {"sku": {"name": "StandardSSD_LRS"}, "properties": {"diskSizeGB": 6}}
    ).result()
    assert (grown.disk_size_gb, grown.disk_size_bytes) == (6, 6 * GIB)
    assert (grown.sku.name, grown.tags) == ("StandardSSD_LRS", {"a": "1"})
    with refused(400, "InvalidParameter", "smaller than"):
        sdk.compute.disks.begin_update(group, "hold", {"properties": {"diskSizeGB": 5}}).result()
    assert sdk.compute.disks.get(group, "hold").disk_size_gb == 6
    access = sdk.compute.disks.begin_grant_access(group, "hold", {"access": "Read", "durationInSeconds": 60})
    assert read(sdk, access.result().access_sas)[0] == 6 * GIB + 512  # a VHD's footer


def test_disks_that_cannot_be(sdk: SdkCloud, group: str) -> None:
    """Each refusal comes at once, and leaves nothing."""

    def begin(name: str = "x", **properties: object) -> None:
        body = {"location": LOCATION, "properties": properties}
        sdk.compute.disks.begin_create_or_update(group, name, body).result()

    with refused(400, "InvalidParameter", "diskSizeGB"):
        begin(creationData=EMPTY)
    with refused(400, "InvalidParameter", "creationData"):
        begin(diskSizeGB=4)
    with refused(400, "InvalidParameter", "out of range"):
        begin(creationData=EMPTY, diskSizeGB=100000)
    missing = f"{sdk.root}/resourceGroups/{group}/providers/Microsoft.Compute/snapshots/none"
    with refused(404, "ResourceNotFound", "none"):
        begin(creationData={"createOption": "Copy", "sourceResourceId": missing})
    with refused(400, "LocationRequired"):
        sdk.compute.disks.begin_create_or_update(group, "x", {"properties": {"creationData": EMPTY}}).result()
    with refused(400, "LocationNotAvailableForResourceType", "atlantis"):
        sdk.compute.disks.begin_create_or_update(
            group, "x", {"location": "atlantis", "properties": {"creationData": EMPTY}}
        ).result()
    with refused(400, "InvalidParameter", "sku.name"):
        sdk.compute.disks.begin_create_or_update(
            group,
            "x",
            {"location": LOCATION, "sku": {"name": "Gold"}, "properties": {"creationData": EMPTY}},
        ).result()
    with refused(404, "ResourceGroupNotFound", "nowhere"):
        make(sdk, "nowhere", "x")
    assert list(sdk.compute.disks.list_by_resource_group(group)) == []
    with refused(404, "ResourceNotFound", "Microsoft.Compute/disks/x"):
        sdk.compute.disks.get(group, "x")
    make(sdk, group, "kept")
    with refused(409, "PropertyChangeNotAllowed", "createOption"):
        begin("kept", creationData={"createOption": "Copy", "sourceResourceId": missing})


def test_a_disk_is_deleted_once_and_may_be_deleted_again(sdk: SdkCloud, group: str) -> None:
    """DELETE answers 202, and 204 for what is not there, so the poller of either ends well."""
    make(sdk, group, "gone")
    assert [one.name for one in sdk.compute.disks.list_by_resource_group(group)] == ["gone"]
    assert f"/{group}/".lower() in " ".join(one.id for one in sdk.compute.disks.list()).lower()
    poller = sdk.compute.disks.begin_delete(group, "gone")
    assert poller.result() is None
    assert poller.status() == "Succeeded"
    with refused(404, "ResourceNotFound"):
        sdk.compute.disks.get(group, "gone")
    assert sdk.compute.disks.begin_delete(group, "gone").result() is None


def test_a_snapshot_is_the_disk_of_its_moment(sdk: SdkCloud, group: str) -> None:
    """Disk to snapshot to disk to image: each says what it was made from, and has the same bytes."""
    image = sdk.compute.virtual_machine_images.get(
        LOCATION, "Bluejacket", "bluejacket-linux-4", "4-lts", "latest"
    )
    body = {
        "location": LOCATION,
        "properties": {"creationData": {"createOption": "FromImage", "imageReference": {"id": image.id}}},
    }
    disk = sdk.compute.disks.begin_create_or_update(group, "root", body).result()
    assert (disk.os_type, disk.hyper_v_generation) == ("Linux", "V2")
    source = {"createOption": "Copy", "sourceResourceId": disk.id}
    made = sdk.compute.snapshots.begin_create_or_update(
        group, "then", {"location": LOCATION, "properties": {"creationData": source, "incremental": True}}
    ).result()
    assert made.creation_data.source_resource_id == disk.id
    assert made.creation_data.source_unique_id == disk.unique_id
    assert (made.disk_size_gb, made.os_type) == (disk.disk_size_gb, "Linux")
    assert (made.incremental, made.completion_percent) == (True, 100.0)
    copy = make(sdk, group, "copy", None, createOption="Copy", sourceResourceId=made.id)
    assert sdk.compute.disks.get(group, "copy").os_type == "Linux"

    grant = {"access": "Read", "durationInSeconds": 300}
    address = sdk.compute.snapshots.begin_grant_access(group, "then", grant).result().access_sas
    assert sdk.compute.snapshots.get(group, "then").disk_state == "ActiveSAS"
    with refused(409, "OperationNotAllowed", "EndGetAccess"):
        sdk.compute.snapshots.begin_delete(group, "then").result()
    first = read(sdk, address)
    assert first[1][510:512] == b"\x55\xaa", "the image begins with a partition table"
    sdk.compute.snapshots.begin_revoke_access(group, "then").result()
    with pytest.raises(HTTPError, match="403"):
        read(sdk, address)
    address = sdk.compute.disks.begin_grant_access(group, "copy", grant).result().access_sas
    assert read(sdk, address) == first
    sdk.compute.disks.begin_revoke_access(group, "copy").result()

    os_disk = {"osType": "Linux", "osState": "Generalized", "managedDisk": {"id": copy}}
    body = {
        "location": LOCATION,
        "properties": {
            "hyperVGeneration": "V2",
            "storageProfile": {"osDisk": os_disk, "zoneResilient": True},
        },
    }
    image = sdk.compute.images.begin_create_or_update(group, "kind", body).result()
    assert image.provisioning_state == "Succeeded"
    assert image.storage_profile.os_disk.managed_disk.id == copy
    assert image.storage_profile.os_disk.disk_size_gb == disk.disk_size_gb
    assert image.hyper_v_generation == "V2"
    # An image stands on its own.
    sdk.compute.disks.begin_delete(group, "copy").result()
    assert sdk.compute.images.get(group, "kind").name == "kind"
    tagged = sdk.compute.images.begin_update(group, "kind", {"tags": {"a": "1"}}).result()
    assert tagged.tags == {"a": "1"}
    assert [one.name for one in sdk.compute.images.list_by_resource_group(group)] == ["kind"]
    sdk.compute.images.begin_delete(group, "kind").result()
    with refused(404, "ResourceNotFound"):
        sdk.compute.images.get(group, "kind")


def test_a_grant_has_to_be_one_for_reading_and_for_a_time(sdk: SdkCloud, group: str) -> None:
    make(sdk, group, "hold", 1)
    for wrong in ({"access": "Read"}, {"access": "Write", "durationInSeconds": 60}):
        with refused(400, "InvalidParameter"):
            sdk.compute.disks.begin_grant_access(group, "hold", wrong).result()
    with refused(404, "ResourceNotFound"):
        sdk.compute.disks.begin_grant_access(
            group, "none", {"access": "Read", "durationInSeconds": 60}
        ).result()


def test_images_that_cannot_be(sdk: SdkCloud, group: str) -> None:
    disk = make(sdk, group, "hold", 1)

    def begin(**os_disk: object) -> None:
        body = {"location": LOCATION, "properties": {"storageProfile": {"osDisk": os_disk}}}
        sdk.compute.images.begin_create_or_update(group, "x", body).result()

    with refused(404, "ResourceNotFound"):
        begin(osType="Linux", osState="Generalized", managedDisk={"id": disk + "-none"})
    with refused(400, "InvalidParameter", "managedDisk"):
        begin(osType="Linux", osState="Generalized")
    assert list(sdk.compute.images.list_by_resource_group(group)) == []
