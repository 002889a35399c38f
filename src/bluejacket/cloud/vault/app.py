"""The data plane of all vaults as an application (ASGI 3.0), told apart by their host names."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bluejacket.cloud.vault.service import KeyVaults

_MOST = 1 << 18  # bytes of a request; a secret has 25 KiB, a certificate with its chain is smaller


class VaultApp:
    """Answers every HTTP request that it is given; `is_vault_host` says which ones these are."""

    def __init__(self, vaults: KeyVaults) -> None:
        self._vaults = vaults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST:
                refused = (
                    '{"error":{"code":"RequestBodyTooLarge","message":"The request body is too large."}}'
                )
                await Response(refused, 413, media_type="application/json")(scope, receive, send)
                return
        query = {key.lower(): value for key, value in request.query_params.items()}
        found = await run_in_threadpool(
            self._vaults.answer,
            request.headers.get("host", ""),
            request.method,
            request.url.path,
            query,
            request.headers.get("authorization", ""),
            body,
        )
        await Response(found.body, found.status, dict(found.headers))(scope, receive, send)
