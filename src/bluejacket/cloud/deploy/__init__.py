"""Deployments: the template language, and the engine that carries templates out."""

from __future__ import annotations

from bluejacket.cloud.arm.endpoint import Endpoint
from bluejacket.cloud.arm.kind import Kind
from bluejacket.cloud.deploy import operations
from bluejacket.cloud.deploy.deployments import DeploymentKind
from bluejacket.cloud.deploy.export import EXPORT
from bluejacket.cloud.deploy.operations import OperationKind

__all__ = ["ENDPOINTS", "KINDS"]

KINDS: tuple[Kind, ...] = (DeploymentKind(), OperationKind())
ENDPOINTS: tuple[Endpoint, ...] = (*operations.ENDPOINTS, EXPORT)
