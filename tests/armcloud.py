"""A cloud in this process, on a real database: Resource Manager as HTTP clients see it, without a port.

cloud = ArmCloud(tmp_path, [Disks()])
cloud.put("g1/Microsoft.Compute/disks/d1", {...}).json()
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from starlette.routing import BaseRoute
from starlette.testclient import TestClient

from bluejacket.cloud.arm import kinds as own
from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.app import make_app
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.endpoint import Endpoint, EndpointTable
from bluejacket.cloud.arm.kind import Kind, KindTable
from bluejacket.cloud.arm.metadata import metadata_routes
from bluejacket.cloud.arm.signin import sts_routes
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.arm.sts import TokenService
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.report import SILENT, Report

BASE = "https://localhost:8443"


@cache
def _token_key() -> bytes:
    """Make one key for all tests: drawing its primes takes longer than most of them."""
    with TemporaryDirectory() as folder:
        Tokens(Path(folder, "key"), "", "").public_keys()
        return Path(folder, "key").read_bytes()


class ArmCloud:
    """A cloud with the kinds of the arm room and `kinds`; the owner asks, unless headers say otherwise."""

    def __init__(
        self,
        folder: Path,
        kinds: Iterable[Kind] = (),
        endpoints: Iterable[Endpoint] = (),
        routes: Sequence[BaseRoute] = (),
        report: Report = SILENT,
        url: str = "",
    ) -> None:
        self.folder = folder
        self.account = Account.of(folder / "account.json")
        self.store = Store(url) if url else Store.at(folder / "cloud.sqlite")
        table = KindTable([*own.KINDS, *kinds])
        every = EndpointTable([*own.ENDPOINTS, *endpoints])
        self.cloud = LocalCloud(folder, BASE, self.account, self.store, table, every, report)
        if not (folder / "token-key.pem").exists():
            (folder / "token-key.pem").write_bytes(_token_key())
        self.tokens = Tokens(folder / "token-key.pem", self.account.tenant, BASE)
        self.cloud.provide(self.tokens)
        self.service = TokenService(self.account, self.tokens, ())
        everything = [*routes, *metadata_routes(self.cloud), *sts_routes(self.service)]
        self.app = make_app(self.cloud, self.tokens, everything)
        self.http = TestClient(self.app, base_url=BASE, raise_server_exceptions=True)
        self.token = self.tokens.issue(self.account.object_id, self.account.client_id, BASE + "/", owner=True)

    @property
    def root(self) -> str:
        return f"/subscriptions/{self.account.subscription}"

    def path(self, where: str) -> str:
        """Give the path of `group/Provider/type/name`, or of what begins with a slash itself."""
        if where.startswith("/"):
            return where
        group, _, rest = where.partition("/")
        return f"{self.root}/resourceGroups/{group}" + (f"/providers/{rest}" if rest else "")

    def ask(self, method: str, where: str, body: Any = None, **extra: Any) -> Any:
        query = {"api-version": "2024-11-01"} | extra.pop("query", {})
        headers = {"Authorization": f"Bearer {extra.pop('token', self.token)}"} | extra.pop("headers", {})
        return self.http.request(method, self.path(where), json=body, params=query, headers=headers, **extra)

    def get(self, where: str, **extra: Any) -> Any:
        return self.ask("GET", where, **extra)

    def put(self, where: str, body: Any, **extra: Any) -> Any:
        return self.ask("PUT", where, body, **extra)

    def group(self, name: str = "g1") -> None:
        assert self.put(name, {"location": "eastus"}).status_code == 201

    def poll(self, url: str, limit_s: float = 10) -> Any:
        """Follow an operation's address to its end, and give the last answer."""
        end = monotonic() + limit_s
        while True:
            got = self.ask("GET", url.removeprefix(BASE).partition("?")[0])
            running = got.status_code == 202 or (got.content and got.json().get("status") == "InProgress")
            if not running:
                return got
            assert monotonic() < end, f"{url} never ended"
            sleep(0.01)
