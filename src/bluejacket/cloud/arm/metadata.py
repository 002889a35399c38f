"""What a client learns of a cloud before it logs in: `az cloud register` reads it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bluejacket.cloud.arm.cloud import LocalCloud

NAME = "Bluejacket"
_OBJECT_FROM = "2022-09-01"  # before this version the answer is an array of clouds


def audiences(cloud: LocalCloud) -> tuple[str, ...]:
    """Give whom a token for Resource Manager may be meant for."""
    return (cloud.base, "https://management.azure.com", "https://management.core.windows.net")


def document(base: str, tenant: str) -> dict[str, Any]:
    """Give the description of the cloud at `base`; hosts of vaults are below `vault.localhost`."""
    port = urlsplit(base).port
    at = f":{port}" if port else ""
    return {
        "name": NAME,
        "portal": f"{base}/portal",
        "resourceManager": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": [f"{base}/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "graph": f"{base}/graph",
        "graphAudience": f"{base}/graph/",
        "microsoftGraphResourceId": f"{base}/graph/",
        "gallery": f"{base}/gallery",
        "batch": base,
        "media": base,
        "sqlManagement": base,
        "activeDirectoryDataLake": base,
        "vmImageAliasDoc": f"{base}/aliases.json",
        "suffixes": {
            "keyVaultDns": f"vault.localhost{at}",
            "mhsmDns": "managedhsm.localhost",
            "storage": "storage.localhost",
            "acrLoginServer": "acr.localhost",
            "sqlServerHostname": "sql.localhost",
        },
    }


def metadata_routes(cloud: LocalCloud) -> list[Route]:
    """Give the routes that need no token."""

    async def endpoints(request: Request) -> JSONResponse:
        found = document(cloud.base, cloud.tenant)
        old = request.query_params.get("api-version", _OBJECT_FROM) < _OBJECT_FROM
        return JSONResponse([found] if old else found)

    return [Route("/metadata/endpoints", endpoints)]
