"""A real cloud's process, and Azure's SDKs on it, as the how-to has them; no machine boots.

with sdk_cloud(tmp_path) as sdk:
    sdk.compute.disks.begin_create_or_update("g1", "d1", {...}).result()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.monitor import MonitorManagementClient
from azure.mgmt.monitor.models import EventData
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.locks import ManagementLockClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient

from azcli import CloudProcess

Client = TypeVar("Client")
LOCATION = "eastus"


class SdkCloud:
    """The clients of one cloud, logged in as its owner by the environment that `cloud env` prints."""

    def __init__(self, cloud: CloudProcess, env: Mapping[str, str]) -> None:
        self.cloud = cloud
        self.base = env["BLUEJACKET_CLOUD"]
        self.subscription = env["AZURE_SUBSCRIPTION_ID"]
        self.root = f"/subscriptions/{self.subscription}"
        self.credential = DefaultAzureCredential(authority=self.base, disable_instance_discovery=True)

    def client(self, kind: type[Client], **more: Any) -> Client:
        scopes = [f"{self.base}/.default"]
        return kind(  # type: ignore[call-arg]
            self.credential, self.subscription, base_url=self.base, credential_scopes=scopes, **more
        )

    @cached_property
    def compute(self) -> ComputeManagementClient:
        return self.client(ComputeManagementClient)

    @cached_property
    def network(self) -> NetworkManagementClient:
        return self.client(NetworkManagementClient)

    @cached_property
    def resource(self) -> ResourceManagementClient:
        return self.client(ResourceManagementClient)

    @cached_property
    def deployments(self) -> DeploymentsMgmtClient:
        return self.client(DeploymentsMgmtClient)

    @cached_property
    def locks(self) -> ManagementLockClient:
        return self.client(ManagementLockClient)

    @cached_property
    def monitor(self) -> MonitorManagementClient:
        return self.client(MonitorManagementClient)

    @cached_property
    def subscriptions(self) -> SubscriptionClient:
        return SubscriptionClient(
            self.credential, base_url=self.base, credential_scopes=[f"{self.base}/.default"]
        )

    def group(self, name: str) -> str:
        """Make a resource group, and give its name."""
        self.resource.resource_groups.create_or_update(name, {"location": LOCATION})
        return name

    def events(self, group: str) -> list[EventData]:
        """Give what the activity log has of a group, the newest first."""
        begin = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        wanted = f"eventTimestamp ge '{begin}' and resourceGroupName eq '{group}'"
        return list(self.monitor.activity_logs.list(filter=wanted))


@contextmanager
def sdk_cloud(folder: Path) -> Iterator[SdkCloud]:
    """Start a cloud, and set this process' environment as a person's shell would be."""
    with CloudProcess(folder / "state") as cloud, pytest.MonkeyPatch.context() as patch:
        env = cloud.env()
        for name, value in env.items():
            patch.setenv(name, value)
        yield SdkCloud(cloud, env)


@contextmanager
def refused(status: int, code: str, said: str = "") -> Iterator[None]:
    """Check that the cloud refuses what the block asks for, in Azure's shape; `said` is a pattern."""
    with pytest.raises(HttpResponseError, match=said or None) as told:
        yield
    error = told.value
    assert (error.status_code, error.error and error.error.code) == (status, code), str(error)
    assert error.error.message
