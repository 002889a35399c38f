"""A cloud of some rooms behind a real TLS port, for real clients, in a thread of the test.

with served(tmp_path, KINDS, ENDPOINTS) as cloud:
    SecretClient(cloud.vault("cove"), cloud.credential())
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import uvicorn
from azure.identity import ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.routing import BaseRoute, Host

from bluejacket.cloud import access, vault
from bluejacket.cloud.access.graph import Graph
from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.access.roles import Roles
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
from bluejacket.cloud.up import _graph_routes
from bluejacket.cloud.vault.app import VaultApp
from bluejacket.cloud.vault.hosts import HostNames
from bluejacket.cloud.vault.objects import Objects
from bluejacket.cloud.vault.seal import Seal
from bluejacket.cloud.vault.service import SUFFIX, KeyVaults
from bluejacket.report import SILENT


@dataclass
class ServedCloud:
    """The cloud and its address; `authority` is the file that clients have to trust."""

    cloud: LocalCloud
    tokens: Tokens
    authority: Path
    http: httpx.Client

    @property
    def root(self) -> str:
        return f"/subscriptions/{self.cloud.subscription}"

    def credential(self, client_id: str = "", secret: str = "") -> ClientSecretCredential:
        """Log in as the owner, or as an application."""
        account = self.cloud.account
        return ClientSecretCredential(
            self.cloud.tenant,
            client_id or account.client_id,
            secret or account.secret,
            authority=self.cloud.base,
            disable_instance_discovery=True,
            connection_verify=str(self.authority),
        )

    def principal(self, name: str = "crew") -> tuple[str, ClientSecretCredential]:
        """Make an application, and give its object id and how it logs in."""
        principals = self.cloud.service(Principals)
        made = principals.add(name)
        secret = principals.credentials.add_secret(made.client_id, "applications", {})["secretText"]
        return made.object_id, self.credential(made.client_id, secret)

    def arm(self, method: str, path: str, body: Any = None, token: str = "") -> httpx.Response:
        """Ask Resource Manager as the owner."""
        account = self.cloud.account
        token = token or self.tokens.issue(account.object_id, account.client_id, self.cloud.base, owner=True)
        headers = {"Authorization": f"Bearer {token}"}
        at = path if path.startswith("/") else f"{self.root}/resourceGroups/{path}"
        return self.http.request(method, at, json=body, headers=headers, params={"api-version": "2026-02-01"})

    def assign(self, object_id: str, role: str, scope: str) -> str:
        """Give somebody a built-in role, and give the assignment's path."""
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
        role_id = f"{self.root}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        body = {"properties": {"principalId": object_id, "roleDefinitionId": role_id}}
        answer = self.arm("PUT", path, body)
        assert answer.status_code == 201, answer.text
        return path

    def vault(self, name: str) -> str:
        """Give a vault's address."""
        return self.cloud.service(KeyVaults).uri(name)


@contextmanager
def served(
    work: Path,
    kinds: Iterable[Kind] = (),
    endpoints: Iterable[Endpoint] = (),
    more_of: Callable[[LocalCloud], Iterable[BaseRoute]] = lambda _: (),
) -> Iterator[ServedCloud]:
    """Serve a cloud of the rooms arm, access and vault, with more kinds; its names are in /etc/hosts.

    `more_of` provides more services and gives their routes.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"https://localhost:{port}"
    authority, chain = _certificates(work)
    account = Account.of(work / "account.json")
    every = [*own.KINDS, *access.KINDS, *vault.KINDS, *kinds]
    table = EndpointTable([*own.ENDPOINTS, *access.ENDPOINTS, *vault.ENDPOINTS, *endpoints])
    store = Store.at(work / "cloud.sqlite")
    cloud = LocalCloud(work, base, account, store, KindTable(every), table, SILENT)
    tokens = Tokens(work / "tokens.key", account.tenant, base)
    principals = Principals(store, account.subscription, account.tenant)
    for owner in (account.principal, account.user):
        principals.know(owner)
    roles = cloud.access = Roles(store, account.subscription)
    objects = Objects(store, Seal(work / "vaults.key"))
    vaults = KeyVaults(store, objects, roles, tokens, HostNames(account.subscription, SILENT))
    identities = Identities(store, principals, account.subscription)
    for one in (tokens, principals, identities, roles, vaults):
        cloud.provide(one)
    graph = _graph_routes(Graph(principals), tokens)
    more = [Host(f"{{vault}}.{SUFFIX}", VaultApp(vaults)), *graph, *more_of(cloud)]
    service = TokenService(account, tokens, (principals,))
    app = make_app(cloud, tokens, [*more, *metadata_routes(cloud), *sts_routes(service)])
    config = uvicorn.Config(
        app,
        "127.0.0.1",
        port,
        ssl_certfile=str(chain),
        ssl_keyfile=str(chain),
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.02)
    trusted = ssl.create_default_context(cafile=str(authority))
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    os.environ["REQUESTS_CA_BUNDLE"] = str(authority)
    try:
        with httpx.Client(base_url=base, verify=trusted, timeout=30) as http:
            yield ServedCloud(cloud, tokens, authority, http)
    finally:
        if before is None:
            del os.environ["REQUESTS_CA_BUNDLE"]
        else:
            os.environ["REQUESTS_CA_BUNDLE"] = before
        server.should_exit = True
        thread.join(30)
        cloud.service(KeyVaults).names.clear()
        store.close()


def _certificates(work: Path) -> tuple[Path, Path]:
    """Make an authority, and a certificate with its key for the names of a cloud."""
    now = datetime.now(UTC)
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])

    def begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer, subject, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
        ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)

    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    authority = (
        begun(issuer, root)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(usage, True)
        .sign(root, hashes.SHA256())
    )
    names = [x509.DNSName(name) for name in ("localhost", "*.vault.localhost")]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    own_certificate = (
        begun(subject, leaf)
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False)
        .sign(root, hashes.SHA256())
    )
    key = leaf.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    (work / "authority.pem").write_bytes(authority.public_bytes(pem))
    (work / "chain.pem").write_bytes(own_certificate.public_bytes(pem) + key)
    return work / "authority.pem", work / "chain.pem"
