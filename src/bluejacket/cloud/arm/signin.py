"""The addresses at which the token service is asked, and the page on which a device's person signs in.

Source: OpenID Connect Discovery 1.0, and Microsoft, "OAuth 2.0 and OpenID Connect protocols".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bluejacket.cloud.arm.sts import Denied, TokenService
from bluejacket.cloud.arm.tokens import Tokens

_LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to Bluejacket</title>
<meta name="viewport" content="width=device-width"><style>body{{font:1rem system-ui;margin:2rem auto;
max-width:24rem}}label,input,button{{display:block;width:100%;margin:.4rem 0;font:inherit}}</style>
<h1>Sign in</h1><p role="status">{told}</p><form method="post">
<label>Code<input name="code" autocomplete="off" required></label>
<label>Name<input name="name" autocomplete="username" required></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form></html>
"""


def openid(tokens: Tokens, tenant: str) -> dict[str, Any]:
    """Give the configuration of an authority (OpenID Connect Discovery 1.0, section 3)."""
    adfs = tenant.lower() == "adfs"
    where = tokens.base + ("/adfs" if adfs else f"/{tokens.tenant}")
    version = "" if adfs else "/v2.0"
    return {
        "issuer": f"{tokens.base}/{'adfs' if adfs else tokens.tenant + '/v2.0'}",
        "authorization_endpoint": f"{where}/oauth2{version}/authorize",
        "token_endpoint": f"{where}/oauth2{version}/token",
        "device_authorization_endpoint": f"{where}/oauth2{version}/devicecode",
        "jwks_uri": f"{tokens.base}/{tokens.tenant}/discovery/v2.0/keys",
        "response_types_supported": ["code", "id_token", "token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "oid", "tid", "upn"],
        "tenant_region_scope": None,
    }


def sts_routes(service: TokenService) -> list[Route]:
    """Give the token service's routes: they need no token."""
    tokens = service.tokens

    async def discovery(request: Request) -> Response:
        tenant = request.path_params.get("tenant", "adfs")
        try:
            service.check_tenant(tenant)
        except Denied as denied:
            return _denied(denied)
        return JSONResponse(openid(tokens, tenant))

    async def token(request: Request) -> Response:
        return await _asked(request, service.answer)

    async def device(request: Request) -> Response:
        return await _asked(request, service.begin_device)

    async def keys(_request: Request) -> Response:
        return JSONResponse(tokens.public_keys())

    async def realm(request: Request) -> Response:
        name = request.path_params["user"]
        return JSONResponse(
            {"ver": "1.0", "account_type": "Managed", "domain_name": name.rpartition("@")[2], "login": name}
        )

    async def instances(_request: Request) -> Response:
        where = f"{tokens.base}/{tokens.tenant}/v2.0/.well-known/openid-configuration"
        return JSONResponse({"tenant_discovery_endpoint": where, "api-version": "1.1", "metadata": []})

    async def login(request: Request) -> Response:
        if request.method == "GET":
            return HTMLResponse(_LOGIN.format(told=""))
        form = await request.form()
        words = [str(form.get(name, "")) for name in ("code", "name", "password")]
        good = await run_in_threadpool(service.approve, *words)
        told = (
            "You have signed in; you may close this window." if good else "Code, name or password is wrong."
        )
        return HTMLResponse(_LOGIN.format(told=told), 200 if good else 403)

    return [
        Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery),
        Route("/{tenant}/.well-known/openid-configuration", discovery),
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/{tenant}/oauth2/token", token, methods=["POST"]),
        Route("/{tenant}/oauth2/v2.0/devicecode", device, methods=["POST"]),
        Route("/{tenant}/oauth2/devicecode", device, methods=["POST"]),
        Route("/{tenant}/discovery/v2.0/keys", keys),
        Route("/common/userrealm/{user}", realm),
        Route("/common/discovery/instance", instances),
        Route("/devicelogin", login, methods=["GET", "POST"]),
    ]


async def _asked(request: Request, answer: Callable[[Mapping[str, str], str], dict[str, Any]]) -> Response:
    form = {key: str(value) for key, value in (await request.form()).items()}
    try:
        found = await run_in_threadpool(answer, form, request.path_params["tenant"])
    except Denied as denied:
        return _denied(denied)
    return JSONResponse(found, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _denied(denied: Denied) -> Response:
    trace, time_ = str(uuid4()), f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    told = f"AADSTS{denied.number}: {denied.words} Trace ID: {trace} Timestamp: {time_}"
    body = {
        "error": denied.error,
        "error_description": told,
        "error_codes": [denied.number],
        "timestamp": time_,
        "trace_id": trace,
        "correlation_id": trace,
    }
    return JSONResponse(body, denied.status, headers={"Cache-Control": "no-store"})
