"""Disks, snapshots, images, galleries and sizes by Azure's own CLI, as documented; no machine boots."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

import pytest

from azcli import CloudProcess
from bluejacket.machine.volumes import Volumes
from bluejacket.tools import Sandbox

pytestmark = pytest.mark.integration
URN = "AzureLinux:azure-linux-4:4-lts:latest"
IN = ("-g", "g1")
DEFINITION = ("-g", "g1", "-r", "shelf", "-i", "web")
MADE_AS = ("-p", "me", "-f", "web", "-s", "4", "--os-type", "Linux")
GIB, FOOTER = 1 << 30, 512


class Disks:
    """A cloud, and what its CLI does with one disk."""

    def __init__(self, cloud: CloudProcess, box: Sandbox) -> None:
        self.cloud = cloud
        self.az = cloud.az
        self.volumes = Volumes(cloud.state / "cloud", box)

    def create(self, name: str, *words: str) -> Any:
        return self.az("disk", "create", *IN, "-n", name, *words)

    def read(self, address: str, method: str = "GET") -> HTTPResponse:
        """Read an address without any login, trusting the cloud's authority."""
        trust = ssl.create_default_context(cafile=self.cloud.env()["REQUESTS_CA_BUNDLE"])
        found: HTTPResponse = urlopen(Request(address, method=method), context=trust, timeout=120)
        return found

    def forbidden(self, address: str) -> bool:
        with pytest.raises(HTTPError) as told:
            self.read(address)
        return told.value.code == 403

    def file_of(self, size: int) -> str:
        """Give the only file that is as large as `size` says."""
        names = [f"disks/{one.name}" for one in (self.volumes.root / "disks").glob("[!.]*")]
        (found,) = [name for name in names if self.volumes.size(name) == size]
        return found


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[Disks]:
    folder = tmp_path_factory.mktemp("disks")
    with CloudProcess(folder / "state") as cloud:
        cloud.az("group", "create", "-n", "g1", "-l", "eastus")
        yield Disks(cloud, Sandbox(tools, folder / "logs"))


@pytest.fixture(scope="module")
def system(disks: Disks) -> Any:
    """A disk that begins as the marketplace's image."""
    return disks.create("system", "--image-reference", URN)


@pytest.fixture(scope="module")
def shelf(disks: Disks, system: Any) -> None:
    """A gallery with one definition, and a snapshot and a managed image to make versions of."""
    disks.az("snapshot", "create", *IN, "-n", "moment", "--source", "system")
    words = ("--source", "system", "--os-type", "Linux", "--hyper-v-generation", "V2")
    disks.az("image", "create", *IN, "-n", "golden", *words)
    disks.az("sig", "create", *IN, "-r", "shelf")
    disks.az("sig", "image-definition", "create", *DEFINITION, *MADE_AS)


def test_a_disk_lives(disks: Disks) -> None:
    made = disks.create("life", "--size-gb", "1", "--tags", "a=b")
    assert (made["diskSizeGB"], made["diskSizeBytes"]) == (1, GIB)
    assert made["diskState"] == "Unattached"
    assert made["creationData"]["createOption"] == "Empty"
    assert made["sku"] == {"name": "Premium_LRS", "tier": "Premium"}
    disks.az("disk", "update", *IN, "-n", "life", "--size-gb", "5")
    shown = disks.az("disk", "show", *IN, "-n", "life")
    assert (shown["diskSizeGB"], shown["tags"]) == (5, {"a": "b"})
    assert disks.volumes.size(disks.file_of(5 * GIB)) == 5 * GIB
    assert "life" in [one["name"] for one in disks.az("disk", "list", *IN)]
    assert "smaller" in disks.cloud.refused("disk", "update", *IN, "-n", "life", "--size-gb", "2")
    file = disks.volumes.path(disks.file_of(5 * GIB))
    disks.az("disk", "delete", *IN, "-n", "life", "--yes")
    assert not file.exists()
    assert "ResourceNotFound" in disks.cloud.refused("disk", "show", *IN, "-n", "life", status=3)


def test_a_taken_name_is_not_made_into_another_disk(disks: Disks, system: Any) -> None:
    kept = disks.create("taken", "--size-gb", "1")
    again = disks.create("taken", "--size-gb", "1")
    assert again["uniqueId"] == kept["uniqueId"]
    told = disks.cloud.refused("disk", "create", *IN, "-n", "taken", "--source", "system")
    assert "(PropertyChangeNotAllowed) Changing property 'creationData.createOption' is not allowed" in told
    assert disks.az("disk", "show", *IN, "-n", "taken")["creationData"]["createOption"] == "Empty"


def test_a_disk_begins_as_the_image_and_is_as_large(disks: Disks, system: Any) -> None:
    assert (system["osType"], system["hyperVGeneration"], system["diskSizeGB"]) == ("Linux", "V2", 8)
    told = disks.cloud.refused("disk", "create", *IN, "-n", "x", "--image-reference", URN, "--size-gb", "4")
    assert "The specified disk size 4 GB is smaller than the size of the corresponding disk" in told


def test_access_gives_the_disks_bytes_until_it_is_revoked(disks: Disks, system: Any, tmp_path: Path) -> None:
    named = (*IN, "-n", "bytes")
    disks.create("bytes", "--source", "system", "--size-gb", "9")
    address = disks.az("disk", "grant-access", *named, "--duration-in-seconds", "3600")["accessSAS"]
    assert disks.az("disk", "show", *named)["diskState"] == "ActiveSAS"
    assert disks.read(address, "HEAD").headers["content-length"] == str(9 * GIB + FOOTER)
    disks.volumes.flatten(disks.file_of(9 * GIB), tmp_path / "seen.raw")
    with disks.read(address) as got, (tmp_path / "seen.raw").open("rb") as seen:
        for _ in range(64):  # the partition table, the boot loader and more
            part = got.read(1 << 20)
            assert sha256(part).digest() == sha256(seen.read(1 << 20)).digest()
        assert (tmp_path / "seen.raw").stat().st_size + FOOTER == int(got.headers["content-length"])
    told = disks.cloud.refused("disk", "delete", *named, "--yes")
    assert "There is an active shared access signature outstanding for disk bytes" in told
    assert disks.forbidden(address.replace("bytes?", "system?")), "an address leads to one disk only"
    disks.az("disk", "revoke-access", *named)
    assert disks.forbidden(address)
    assert disks.az("disk", "show", *named)["diskState"] == "Unattached"
    disks.az("disk", "delete", *named, "--yes")


def test_all_bytes_of_a_small_disk_come_as_a_vhd(disks: Disks) -> None:
    """The footer follows the bytes: "Virtual Hard Disk Image Format Specification", "Hard Disk Footer"."""
    disks.create("small", "--size-gb", "1")
    address = disks.az("disk", "grant-access", *IN, "-n", "small", "--duration-in-seconds", "60")["accessSAS"]
    empty = bytes(1 << 20)
    with disks.read(address) as got:
        for _ in range(GIB >> 20):
            assert got.read(1 << 20) == empty
        footer = got.read()
    assert (len(footer), footer[:8]) == (FOOTER, b"conectix")
    assert int.from_bytes(footer[40:48]) == int.from_bytes(footer[48:56]) == GIB
    made = UUID(bytes=footer[68:84])
    assert str(made) == disks.az("disk", "show", *IN, "-n", "small")["uniqueId"]
    disks.az("disk", "revoke-access", *IN, "-n", "small")


def test_a_snapshot_is_what_the_disk_was(disks: Disks, system: Any) -> None:
    made = disks.az("snapshot", "create", *IN, "-n", "then", "--source", "system", "--incremental", "true")
    assert made["creationData"]["sourceResourceId"] == system["id"]
    assert (made["incremental"], made["diskSizeGB"], made["osType"]) == (True, 8, "Linux")
    assert "then" in [one["name"] for one in disks.az("snapshot", "list", *IN)]
    words = ("--duration-in-seconds", "60")
    address = disks.az("snapshot", "grant-access", *IN, "-n", "then", *words)["accessSAS"]
    with disks.read(address) as got:
        assert got.read(520)[512:] == b"EFI PART"
    disks.az("snapshot", "revoke-access", *IN, "-n", "then")
    copied = disks.create("copied", "--source", "then", "--size-gb", "10")
    assert (copied["creationData"]["createOption"], copied["osType"]) == ("Copy", "Linux")
    assert disks.volumes.size(disks.file_of(10 * GIB)) == 10 * GIB
    disks.az("snapshot", "update", *IN, "-n", "then", "--set", "tags.a=b")
    assert disks.az("snapshot", "show", *IN, "-n", "then")["tags"] == {"a": "b"}
    disks.az("snapshot", "delete", *IN, "-n", "then")
    assert "copied" in [one["name"] for one in disks.az("disk", "list", *IN)], "a copy stands alone"


def test_images_of_the_marketplace(disks: Disks) -> None:
    of = ("-l", "eastus", "-p", "AzureLinux")
    (found,) = disks.az("vm", "image", "list", "--all", *of)
    assert found["urn"].rpartition(":")[0] == "AzureLinux:azure-linux-4:4-lts"
    shown = disks.az("vm", "image", "show", "--urn", URN)
    assert shown["name"] == found["version"]
    assert shown["osDiskImage"]["operatingSystem"] == "Linux"
    assert shown["hyperVGeneration"] == "V2"
    names = {one["name"] for one in disks.az("vm", "image", "list-publishers", "-l", "eastus")}
    assert {"AzureLinux", "Bluejacket"} <= names
    assert [one["name"] for one in disks.az("vm", "image", "list-offers", *of)] == ["azure-linux-4"]
    skus = disks.az("vm", "image", "list-skus", *of, "-f", "azure-linux-4")
    assert [one["name"] for one in skus] == ["4-lts"]


def test_what_a_region_has(disks: Disks) -> None:
    (size,) = [one for one in disks.az("vm", "list-sizes", "-l", "eastus") if one["name"] == "Standard_B2s"]
    assert (size["numberOfCores"], size["memoryInMB"], size["maxDataDiskCount"]) == (2, 4096, 4)
    (sku,) = disks.az("vm", "list-skus", "-l", "eastus", "--size", "Standard_D4s_v5")
    told = {one["name"]: one["value"] for one in sku["capabilities"]}
    assert (told["vCPUs"], told["MemoryGB"], sku["restrictions"]) == ("4", "16", [])
    usage = {one["name"]["value"]: one for one in disks.az("vm", "list-usage", "-l", "eastus")}
    assert int(usage["virtualMachines"]["currentValue"]) == 0
    assert int(usage["cores"]["limit"]) > 0


def test_a_key_pair_is_made_and_kept(disks: Disks, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    made = disks.az("sshkey", "create", *IN, "-n", "mine", env=home)
    (private,) = [one for one in (tmp_path / ".ssh").iterdir() if one.suffix != ".pub"]
    assert b"PRIVATE KEY" in private.read_bytes()
    assert private.with_name(f"{private.name}.pub").read_text().split()[:2] == made["publicKey"].split()[:2]
    assert disks.az("sshkey", "show", *IN, "-n", "mine")["publicKey"] == made["publicKey"]
    assert [one["name"] for one in disks.az("sshkey", "list", *IN)] == ["mine"]
    bad = disks.cloud.refused("sshkey", "create", *IN, "-n", "bad", "--public-key", "@/etc/hostname")
    assert "publicKey is invalid" in bad
    disks.az("sshkey", "delete", *IN, "-n", "mine", "--yes")
    assert disks.az("sshkey", "list", *IN) == []


def test_availability_sets_and_proximity_groups(disks: Disks) -> None:
    words = ("--platform-fault-domain-count", "2", "--platform-update-domain-count", "3")
    made = disks.az("vm", "availability-set", "create", *IN, "-n", "set", *words)
    assert (made["platformFaultDomainCount"], made["platformUpdateDomainCount"]) == (2, 3)
    disks.az("vm", "availability-set", "update", *IN, "-n", "set", "--set", "tags.a=b")
    assert disks.az("vm", "availability-set", "show", *IN, "-n", "set")["tags"] == {"a": "b"}
    assert disks.az("vm", "availability-set", "list-sizes", *IN, "-n", "set")
    assert [one["name"] for one in disks.az("vm", "availability-set", "list", *IN)] == ["set"]
    disks.az("vm", "availability-set", "delete", *IN, "-n", "set")
    near = disks.az("ppg", "create", *IN, "-n", "near", "--type", "Standard")
    assert near["proximityPlacementGroupType"] == "Standard"
    disks.az("ppg", "update", *IN, "-n", "near", "--set", "tags.a=b")
    assert disks.az("ppg", "show", *IN, "-n", "near")["tags"] == {"a": "b"}
    disks.az("ppg", "delete", *IN, "-n", "near")
    assert disks.az("ppg", "list", *IN) == []


def test_a_managed_image(disks: Disks, shelf: None) -> None:
    shown = disks.az("image", "show", *IN, "-n", "golden")
    assert shown["storageProfile"]["osDisk"]["osState"] == "Generalized"
    assert [one["name"] for one in disks.az("image", "list", *IN)] == ["golden"]
    disks.az("image", "update", *IN, "-n", "golden", "--tags", "a=b")
    assert disks.az("image", "show", *IN, "-n", "golden")["tags"] == {"a": "b"}
    disks.az("image", "create", *IN, "-n", "spare", "--source", "moment", "--os-type", "Linux")
    disks.az("image", "delete", *IN, "-n", "spare")
    disks.cloud.refused("image", "show", *IN, "-n", "spare", status=3)


def test_a_definition(disks: Disks, shelf: None) -> None:
    shown = disks.az("sig", "image-definition", "show", *DEFINITION)
    assert shown["identifier"] == {"publisher": "me", "offer": "web", "sku": "4"}
    assert (shown["osState"], shown["hyperVGeneration"]) == ("Generalized", "V2")
    (listed,) = disks.az("sig", "image-definition", "list", "-g", "g1", "-r", "shelf")
    assert listed["name"] == "web"
    other = ("-g", "g1", "-r", "shelf", "-i", "other")
    told = disks.cloud.refused("sig", "image-definition", "create", *other, *MADE_AS)
    assert "same publisher, offer, sku already exists" in told
    told = disks.cloud.refused(
        "sig", "image-definition", "update", *DEFINITION, "--set", "osState=Specialized"
    )
    assert "PropertyChangeNotAllowed" in told


def version(disks: Disks, verb: str, name: str, *words: str) -> Any:
    return disks.az("sig", "image-version", verb, *DEFINITION, "-e", name, *words)


def test_versions(disks: Disks, shelf: None) -> None:
    version(disks, "create", "1.0.0", "--os-snapshot", "moment")
    words = ("--managed-image", "golden", "--target-regions", "eastus=2", "westus2")
    made = version(disks, "create", "1.0.10", *words)
    assert made["storageProfile"]["osDiskImage"]["sizeInGB"] == 8
    regions = [
        (one["name"], one["regionalReplicaCount"]) for one in made["publishingProfile"]["targetRegions"]
    ]
    assert regions == [("eastus", 2), ("westus2", 1)]
    shown = version(disks, "show", "1.0.10", "--expand", "ReplicationStatus")["replicationStatus"]
    assert shown["aggregatedState"] == "Completed"
    assert [(one["region"], one["state"]) for one in shown["summary"]] == [
        ("eastus", "Completed"), ("westus2", "Completed"),
    ]  # fmt: skip
    listed = disks.az("sig", "image-version", "list", *DEFINITION)
    assert sorted(one["name"] for one in listed) == ["1.0.0", "1.0.10"]
    told = disks.cloud.refused(
        "sig", "image-version", "create", *DEFINITION, "-e", "2.x", "--os-snapshot", "moment"
    )
    assert "galleryImageVersionName" in told or "version" in told.lower()
    told = disks.cloud.refused("sig", "delete", "-g", "g1", "-r", "shelf")
    assert "before nested resources are deleted" in told
    told = disks.cloud.refused("sig", "image-definition", "delete", *DEFINITION)
    assert "before nested resources are deleted" in told


def test_an_excluded_version_is_not_latest_and_end_of_life_protects(disks: Disks, shelf: None) -> None:
    version(disks, "create", "3.0.0", "--os-snapshot", "moment")
    made = version(disks, "update", "3.0.0", "--set", "publishingProfile.excludeFromLatest=true")
    assert made["publishingProfile"]["excludeFromLatest"] is True
    words = ("--end-of-life-date", "2100-01-01", "--block-deletion-before-end-of-life", "true")
    version(disks, "create", "0.9.0", "--os-snapshot", "moment", *words)
    shown = version(disks, "show", "0.9.0")
    assert shown["publishingProfile"]["endOfLifeDate"].startswith("2100-01-01")
    assert shown["safetyProfile"]["blockDeletionBeforeEndOfLife"] is True
    told = disks.cloud.refused("sig", "image-version", "delete", *DEFINITION, "-e", "0.9.0")
    assert "cannot be deleted before its end of life" in told
    version(disks, "update", "0.9.0", "--set", "safetyProfile.blockDeletionBeforeEndOfLife=false")
    version(disks, "delete", "0.9.0")
    assert "0.9.0" not in [one["name"] for one in disks.az("sig", "image-version", "list", *DEFINITION)]


def test_what_is_not_allowed(disks: Disks) -> None:
    told = disks.cloud.refused("disk", "create", *IN, "-n", "huge", "--size-gb", "99999")
    assert "diskSizeGB" in told
    told = disks.cloud.refused("disk", "create", *IN, "-n", "where", "--size-gb", "1", "-l", "atlantis")
    assert "LocationNotAvailableForResourceType" in told or "is not available" in told
