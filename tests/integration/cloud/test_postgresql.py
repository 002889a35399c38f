"""A whole cloud with its records in a PostgreSQL server, from the command line; no machine boots."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from azure.keyvault.secrets import SecretClient
from azure.mgmt.keyvault import KeyVaultManagementClient

from azcli import CloudProcess
from bluejacket.cloud.arm.account import Account
from postgres import Postgresql, postgresql
from sdkcloud import LOCATION, SdkCloud


@pytest.fixture(scope="module")
def server() -> Iterator[Postgresql]:
    with postgresql(loopback=True) as started:
        yield started


@contextmanager
def clients(cloud: CloudProcess) -> Iterator[SdkCloud]:
    """Give the SDKs' clients; they have to be made anew when the cloud has another port."""
    env = cloud.env()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        yield SdkCloud(cloud, env)


def fill(sdk: SdkCloud) -> None:
    """Make records of every sort: a group, a disk by a long operation, a vault with a secret."""
    group = sdk.group("harbour")
    properties = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}
    body = {"location": LOCATION, "properties": properties}
    assert sdk.compute.disks.begin_create_or_update(group, "hold", body).result().disk_size_gb == 1
    account = Account.of(sdk.cloud.state / "cloud" / "account.json")
    keeper = {"tenantId": account.tenant, "objectId": account.object_id}
    policy = keeper | {"permissions": {"secrets": ["get", "set", "list"]}}
    sku = {"family": "A", "name": "standard"}
    vault = {"tenantId": account.tenant, "sku": sku, "accessPolicies": [policy]}
    vaults = sdk.client(KeyVaultManagementClient).vaults
    vault["enableRbacAuthorization"] = False
    made = vaults.begin_create_or_update(group, "cove", {"location": LOCATION, "properties": vault}).result()
    with SecretClient(made.properties.vault_uri, sdk.credential) as secrets:
        for word in ("low", "high"):
            secrets.set_secret("tide", word)


def check(sdk: SdkCloud) -> None:
    """Find all that `fill` made."""
    assert sdk.compute.disks.get("harbour", "hold").provisioning_state == "Succeeded"
    assert [one.name for one in sdk.resource.resources.list()] == ["hold", "cove"]
    uri = sdk.client(KeyVaultManagementClient).vaults.get("harbour", "cove").properties.vault_uri
    with SecretClient(uri, sdk.credential) as secrets:
        assert secrets.get_secret("tide").value == "high"
        assert len(list(secrets.list_properties_of_secret_versions("tide"))) == 2
    assert ("Microsoft.Compute/disks/write", "Succeeded") in [
        (one.operation_name.value, one.status.value) for one in sdk.events("harbour")
    ]


def test_a_cloud_keeps_its_records_in_a_database(server: Postgresql, tmp_path: Path) -> None:
    """It is chosen once; a kill loses nothing, nothing tells its password, and `--forget` empties it."""
    url, secret = server.database(), quote(server.password, safe="")
    at = f"127.0.0.1:{server.port}/{url.partition('?')[0].rpartition('/')[2]}"
    cloud = CloudProcess(tmp_path / "state")
    told = cloud.bluejacket("cloud", "up", "--database", f"postgresql://crew:{secret}@{at}")
    try:
        assert f"postgresql://crew@{at}" in told
        with clients(cloud) as sdk:
            fill(sdk)
            check(sdk)
        status = cloud.status()
        assert status["database"] == f"postgresql://crew@{at}"
        assert status["resources"]["microsoft.compute/disks"] == 1
        process = Path(f"/proc/{status['process']}")
        started = str((process / "cmdline").read_bytes() + (process / "environ").read_bytes())
        cloud.kill()
        cloud.up()
        with clients(cloud) as sdk:
            check(sdk)

            # A server that was away for a moment is found again.
            server.stop()
            try:
                fault = cloud.status()["fault"]
            finally:
                server.start()
            assert "cannot be opened" in fault
            check(sdk)

        cloud.down()
        other = f"postgresql://crew@/postgres?host={server.folder}&port={server.port}"
        cloud.bluejacket("cloud", "up", "--database", other, status=2)
        told += cloud.bluejacket("cloud", "status", status=1)
        assert not (tmp_path / "state" / "cloud" / "cloud.sqlite").exists()
        for word in (server.password, secret):
            assert word not in told + cloud.log + fault + json.dumps(status) + started
    finally:
        cloud.down("--forget")
    assert server.tables(url) == []
    assert not (tmp_path / "state" / "cloud").exists()
