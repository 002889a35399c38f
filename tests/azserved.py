"""Microsoft's own client against a cloud in this process, with whatever kinds a test needs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import uvicorn

from azcli import az_program
from bluejacket.cloud.arm import kinds as own
from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.app import make_app
from bluejacket.cloud.arm.ca import Authority
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.endpoint import Endpoint, EndpointTable
from bluejacket.cloud.arm.kind import Kind, KindTable
from bluejacket.cloud.arm.metadata import metadata_routes
from bluejacket.cloud.arm.signin import sts_routes
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.arm.sts import TokenService
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.report import SILENT


class AzRefused(Exception):
    """A command ended badly; `said` is what it printed on its error stream."""

    def __init__(self, words: Sequence[str], status: int, said: str) -> None:
        super().__init__(f"az {' '.join(words)} ended with status {status}:\n{said}")
        self.status = status
        self.said = said


@dataclass(frozen=True)
class Az:
    """The client, logged in; its configuration is in `folder`, the person's own is never touched."""

    program: Path
    env: dict[str, str]
    folder: Path

    def __call__(self, *words: str, limit_s: float = 120) -> Any:
        """Run a command and give what it printed, read as JSON if it is; raises AzRefused."""
        done = subprocess.run(
            [self.program, *words],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=limit_s,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise AzRefused(words, done.returncode, done.stderr)
        try:
            return json.loads(done.stdout) if done.stdout.strip() else None
        except ValueError:
            return done.stdout


@contextmanager
def az_of(
    kinds: Sequence[Kind], folder: Path, endpoints: Sequence[Endpoint] = ()
) -> Iterator[tuple[Az, LocalCloud]]:
    """Give the client, logged in at a cloud with these kinds besides those of the arm room."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"https://localhost:{listener.getsockname()[1]}"
    account = Account.of(folder / "account.json")
    table = KindTable([*own.KINDS, *kinds])
    every = EndpointTable([*endpoints, *own.ENDPOINTS])
    store = Store.at(folder / "cloud.sqlite")
    cloud = LocalCloud(folder, base, account, store, table, every, SILENT)
    tokens = Tokens(folder / "token-key.pem", account.tenant, base)
    cloud.provide(tokens)
    routes = [*metadata_routes(cloud), *sts_routes(TokenService(account, tokens, ()))]
    authority = Authority(folder / "ca")
    with _served(make_app(cloud, tokens, routes), authority, folder, listener):
        yield _logged_in(base, account, authority, folder), cloud
    store.close()


@contextmanager
def _served(app: Any, authority: Authority, folder: Path, listener: socket.socket) -> Iterator[None]:
    issued = authority.issue(["localhost", "127.0.0.1"])
    (folder / "server.pem").write_bytes(issued.certificate)
    (folder / "server.key").write_bytes(issued.key)
    files = {"ssl_certfile": str(folder / "server.pem"), "ssl_keyfile": str(folder / "server.key")}
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", **files))  # type: ignore[arg-type]
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    end = monotonic() + 30
    while not server.started:
        assert monotonic() < end, "the server did not start"
        sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


def _logged_in(base: str, account: Account, authority: Authority, folder: Path) -> Az:
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AZURE_CONFIG_DIR": str(folder / "azure"),
        "REQUESTS_CA_BUNDLE": str(authority.file),
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_SURVEY_MESSAGE": "false",
        "AZURE_CORE_NO_COLOR": "true",
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        "NO_PROXY": "*",
    }
    az = Az(az_program(), env, folder)
    az("cloud", "register", "--name", "local", "--endpoint-resource-manager", base)
    az("cloud", "set", "--name", "local")
    login = ["login", "--service-principal", "-u", account.client_id, "-p", account.secret]
    az(*login, "--tenant", account.tenant)
    return az
