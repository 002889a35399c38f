"""A vault of a cloud of records, with callers who have roles in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from bluejacket.cloud import access, vault
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.access.roles import Roles
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.vault.hosts import HostNames
from bluejacket.cloud.vault.objects import Objects
from bluejacket.cloud.vault.seal import Seal
from bluejacket.cloud.vault.service import KeyVaults
from bluejacket.report import SILENT
from recordcloud import GROUP, OWNER, SUBSCRIPTION, TENANT, RecordCloud

VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/Cove"
ROLES = {
    "Key Vault Administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Key Vault Reader": "21090545-7ca7-4776-b22c-e363652d74d2",
}


@dataclass
class Cove:
    """The vault `Cove` of a cloud, whose clock the test turns. `host` is how requests spell its address."""

    work: Path
    base: str = "https://localhost:8443"
    host: str = "cove.vault.localhost:8443"
    asked: dict[str, Any] = field(default_factory=dict)
    clock: float = 1_790_000_000.0

    def __post_init__(self) -> None:
        self.cloud = RecordCloud(self.work, (*access.KINDS, *vault.KINDS), self.base)
        self.hosts = self.work / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n")
        resources = self.cloud.resources
        roles = Roles(resources, SUBSCRIPTION)
        self.tokens = Tokens(self.work / "tokens.key", TENANT, self.base, lambda: self.clock)
        objects = Objects(resources, Seal(self.work / "vault.key"))
        names = HostNames("test", SILENT, self.hosts)
        self.vaults = KeyVaults(resources, objects, roles, self.tokens, names, lambda: self.clock)
        self.cloud.services |= {
            Roles: roles,
            Principals: Principals(resources, SUBSCRIPTION, TENANT),
            KeyVaults: self.vaults,
        }
        self.cloud.put(ResourceId.parse(VAULT), {"location": "eastus", "properties": self.asked})

    def caller(self, *roles: str, scope: str = VAULT) -> Caller:
        """Make somebody who has these roles."""
        who = Caller(str(uuid4()), str(uuid4()), "somebody")
        for role in roles:
            place = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid4()}"
            body = {
                "principalId": who.object_id,
                "roleDefinitionId": ROLES[role],
                "principalType": "ServicePrincipal",
            }
            self.cloud.put(ResourceId.parse(place), {"properties": body}, OWNER)
        return who

    def ask(
        self, who: Caller | None, method: str, path: str, body: object = None, **query: str
    ) -> tuple[int, dict[str, Any]]:
        """Ask the data plane, and give status and document."""
        token = ""
        if who is not None:
            token = "Bearer " + self.tokens.issue(
                who.object_id, who.client_id, "https://vault.localhost:8443"
            )
        text = b"" if body is None else json.dumps(body).encode()
        if "skiptoken" in query:
            query["$skiptoken"] = query.pop("skiptoken")
        found = self.vaults.answer(self.host, method, path, query, token, text)
        return found.status, json.loads(found.body) if found.body else {}
