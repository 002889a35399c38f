"""Azure Resource Manager as an application of its own, beside what else has an address."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from urllib.parse import parse_qsl

import anyio.to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.heard import LARGEST_BODY, Heard
from bluejacket.cloud.arm.server import Manager
from bluejacket.cloud.arm.tokens import Tokens

THREADS = 128


def make_app(
    cloud: LocalCloud,
    tokens: Tokens,
    routes: Sequence[BaseRoute] = (),
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """Give the application: `routes` are asked first, Resource Manager gets everything else."""
    arm = Manager(cloud, tokens)

    async def answer(request: Request) -> Response:
        length = request.headers.get("content-length", "0")
        raw = b"" if not length.isdigit() or int(length) > LARGEST_BODY else await request.body()
        correlation = _uuid(request.headers.get("x-ms-correlation-request-id", ""))
        heard = Heard(
            request.method,
            "/" + "/".join(word for word in request.url.path.split("/") if word),
            {key.lower(): value for key, value in parse_qsl(request.url.query, keep_blank_values=True)},
            request.headers,
            raw,
            correlation,
        )
        too_large = int(length) > LARGEST_BODY if length.isdigit() else False
        return await run_in_threadpool(arm.answer, heard, too_large)

    @asynccontextmanager
    async def alive(app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        async with lifespan(app) if lifespan else nullcontext():
            yield

    every = ["GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS"]
    return Starlette(routes=[*routes, Route("/{path:path}", answer, methods=every)], lifespan=alive)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return str(uuid.uuid4())
