"""Templates and parameters that a deployment names by a link instead of bringing them.

Nothing leaves the machine: only a link to this machine itself is followed; any other is refused with the
error that Azure gives for a link that it cannot read.
"""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import httpx

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.deploy import jsonc

_LARGEST = 4 << 20
"""Bytes of a template: Azure's own limit."""
_LIMIT_S = 30.0


def fetched(link: dict[str, Any]) -> Any:
    """Read the document that a link names. Raises CloudError (400 InvalidContentLink)."""
    address = str(link.get("uri", ""))
    if not _is_here(address):
        raise _refused(address or str(link.get("id", link.get("relativePath", ""))))
    data = bytearray()
    try:
        with httpx.stream("GET", address, timeout=_LIMIT_S, follow_redirects=False) as answer:
            if answer.status_code != 200:
                raise _refused(address)
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > _LARGEST:
                    raise _refused(address)
    except httpx.HTTPError:
        raise _refused(address) from None
    return jsonc.read(bytes(data))


def _is_here(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (
            host == "localhost" or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False


def _refused(address: str) -> CloudError:
    return CloudError(
        400,
        "InvalidContentLink",
        f"Unable to download deployment content from '{address.partition('?')[0]}'. "
        "Please see https://aka.ms/arm-deploy for usage details.",
    )
