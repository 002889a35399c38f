"""One request as it came over HTTP, and what goes back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from bluejacket.cloud.arm.endpoint import Reply

LARGEST_BODY = 4 << 20  # ARM's own limit of a template
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it came. `path` has no doubled slashes and none at its end; `query` keys are lower."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Headers
    raw: bytes
    correlation: str


def response(reply: Reply, heard: Heard) -> Response:
    """Give an answer with the headers that all of Resource Manager's have."""
    headers = {
        "Cache-Control": "no-cache",
        "x-ms-request-id": str(uuid.uuid4()),
        "x-ms-correlation-request-id": heard.correlation,
        "x-ms-routing-request-id": f"LOCAL:{heard.correlation}",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
        **reply.headers,
    }
    if client := heard.headers.get("x-ms-client-request-id"):
        headers["x-ms-client-request-id"] = client
    if reply.body is None:
        return Response(None, reply.status, headers)
    content = b"" if heard.method == "HEAD" else json.dumps(reply.body, ensure_ascii=False).encode()
    return Response(content, reply.status, headers, media_type="application/json; charset=utf-8")
