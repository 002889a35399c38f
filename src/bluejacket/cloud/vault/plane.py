"""One request to a vault's data plane, and what secrets, keys and certificates have in common."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from bluejacket.cloud.access.roles import Roles
from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.vault import faults
from bluejacket.cloud.vault.objects import Head, Objects, Version

Answer = tuple[int, dict[str, Any]]
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_PAGE = 25  # the most that one page of a list has
_DAY_S = 86400
_HELP = "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid="


@dataclass(frozen=True, slots=True)
class Right:
    """What a request needs: a permission of an access policy, or a data action of a role."""

    policy: str
    action: str


@dataclass(frozen=True)
class Plane:
    """A vault as one caller sees it, and his request. `base` is the vault's address as he spells it."""

    record: Resource
    objects: Objects
    roles: Roles
    caller: Caller
    base: str
    method: str
    words: tuple[str, ...]
    query: Mapping[str, str]
    body: dict[str, Any]
    issuer: str = ""
    now: Callable[[], float] = field(default=time.time)

    @property
    def vault(self) -> str:
        """The vault's instance."""
        return str(self.record.hidden["instance"])

    @property
    def days(self) -> int:
        """How long what is deleted can come back."""
        return int(self.record.properties["softDeleteRetentionInDays"])

    @property
    def protected(self) -> bool:
        """Whether nothing can be purged before its time."""
        return bool(self.record.properties.get("enablePurgeProtection"))

    @property
    def moment(self) -> int:
        """Now, in seconds since 1970."""
        return int(self.now())

    def need(self, kind: str, right: Right, name: str = "") -> None:
        """Raise VaultFault (403) when the caller may not, in the words of the vault's permission model."""
        who = f"appid={self.caller.client_id};oid={self.caller.object_id};iss={self.issuer}"
        where = f"{self.record.id.name};location={self.record.location}"
        if not self.record.properties.get("enableRbacAuthorization"):
            if not _policy_allows(self.record, self.caller, kind, right.policy):
                what = (
                    f"The user, group or application '{who}' does not have {kind} {right.policy} permission"
                )
                more = f"{_HELP}2125287"
                raise faults.VaultFault(
                    403, "Forbidden", f"{what} on key vault '{where}'. {more}", "AccessDenied"
                )
            return
        action = f"Microsoft.KeyVault/vaults/{right.action}"
        scope = f"{self.record.id}/{kind}/{name}" if name else str(self.record.id)
        if not self.roles.allowed(self.caller, action, scope, data=True):
            raise faults.VaultFault(
                403,
                "Forbidden",
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny "
                "assignments or role definitions were changed recently, please observe propagation time.\r\n"
                f"Caller: {who}\r\nAction: '{action}'\r\nResource: '{scope.lower()}'\r\n"
                "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\n"
                f"Vault: {where}\r\n",
                "ForbiddenByRbac",
            )

    def latest(self, kind: str, name: str, version: str = "") -> Version:
        """Give a version of an object that is not deleted, by default the newest; raises VaultFault 404."""
        head = self.objects.head(self.vault, kind, name)
        if head is None or head.deleted is not None:
            raise faults.missing(kind, name, version)
        found = self.objects.version(self.vault, kind, head.name, version)
        if found is None:
            raise faults.missing(kind, name, version)
        return found

    def free(self, kind: str, name: str) -> None:
        """Raise VaultFault when an object of this name can come back, or when the name cannot be."""
        if not _NAME.fullmatch(name):
            what = f"The request URI contains an invalid name: {name}"
            raise faults.bad(what)
        head = self.head(kind, name)
        if head is not None and head.deleted is not None:
            raise faults.deleted(kind, name)

    def head(self, kind: str, name: str) -> Head | None:
        """Give the object, or None; one whose time to come back is over is purged now."""
        found = self.objects.head(self.vault, kind, name)
        if found is not None and found.deleted is not None and self._over(found):
            self.objects.purge(self.vault, (kind,), name)
            return None
        return found

    def attributes(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Give the attributes as a client sees them."""
        level = "Recoverable" if self.protected else "Recoverable+Purgeable"
        return {**data["attributes"], "recoveryLevel": level, "recoverableDays": self.days}

    def fresh(self, asked: Any, old: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Give attributes from what a request asks for; raises VaultFault for what cannot be."""
        asked = {} if asked is None else asked
        if not isinstance(asked, dict):
            raise faults.bad("The property 'attributes' is not an object.")
        found: dict[str, Any] = {"enabled": True, **(old or {})}
        for key in ("enabled", "nbf", "exp"):
            if asked.get(key) is not None:
                found[key] = asked[key]
        if not isinstance(found["enabled"], bool):
            raise faults.bad("The property 'attributes.enabled' is not a boolean.")
        for key in ("nbf", "exp"):
            if key in found and (not isinstance(found[key], int) or isinstance(found[key], bool)):
                raise faults.bad(f"The property 'attributes.{key}' is not a number of seconds since 1970.")
        if found.get("nbf", 0) >= found.get("exp", float("inf")):
            raise faults.bad("The property 'attributes.exp' has to be later than 'attributes.nbf'.")
        return {**found, "created": found.get("created", self.moment), "updated": self.moment}

    def tags(self) -> dict[str, str] | None:
        """Give the tags of the request, or None if it has none."""
        asked = self.body.get("tags")
        if asked is None:
            return None
        if not isinstance(asked, dict) or len(asked) > 15:
            raise faults.bad("The property 'tags' is not an object of at most 15 tags.")
        return {str(key): str(value) for key, value in asked.items()}

    def page(self, items: Sequence[dict[str, Any]], marks: Sequence[str], full: bool) -> Answer:
        """Give one page of a list; `marks` are what the next page begins after."""
        link = None
        if full and marks:
            token = base64.urlsafe_b64encode(marks[-1].encode()).decode()
            rest = "&".join(
                f"{key}={quote(value)}" for key, value in self.query.items() if key != "$skiptoken"
            )
            link = f"{self.base}/{'/'.join(self.words)}?{rest}&$skiptoken={quote(token)}"
        return 200, {"value": list(items), "nextLink": link}

    @property
    def limit(self) -> int:
        """How many items the request wants at most; raises VaultFault."""
        try:
            found = int(self.query.get("maxresults", _PAGE))
        except ValueError:
            found = 0
        if not 1 <= found <= _PAGE:
            raise faults.bad(f"The parameter 'maxresults' has to be from 1 to {_PAGE}.")
        return found

    @property
    def after(self) -> str:
        """What this page begins after; raises VaultFault."""
        try:
            return base64.urlsafe_b64decode(self.query.get("$skiptoken", "")).decode()
        except (binascii.Error, ValueError):
            raise faults.bad("The parameter '$skiptoken' is not valid.") from None

    def listed(self, kind: str, *, deleted: bool, show: Callable[[Head], dict[str, Any]]) -> Answer:
        """Answer a list of objects."""
        heads = self.objects.heads(self.vault, kind, deleted=deleted, after=self.after, limit=self.limit)
        shown = [show(head) for head in heads if not (deleted and self._over(head))]
        return self.page(shown, [head.name for head in heads], len(heads) == self.limit)

    def listed_versions(self, kind: str, name: str, show: Callable[[Version], dict[str, Any]]) -> Answer:
        """Answer a list of versions, the newest first."""
        self.latest(kind, name)
        found = [*self.objects.versions(self.vault, kind, name)]
        after = self.after
        at = next((at + 1 for at, one in enumerate(found) if one.version == after), 0)
        chosen = found[at : at + self.limit]
        more = len(found) > at + len(chosen)
        return self.page([show(one) for one in chosen], [one.version for one in chosen], more)

    def newest(self, kind: str, head: Head) -> Version:
        """Give the newest version of an object, deleted or not."""
        version = self.objects.version(self.vault, kind, head.name)
        assert version is not None, "an object has a version"
        return version

    def deletion(self, kind: str, head: Head) -> dict[str, Any]:
        """Give what the document of a deleted object has besides."""
        assert head.deleted is not None, "only a deleted object is shown as one"
        return {
            "recoveryId": f"{self.base}/deleted{kind}/{head.name}",
            "deletedDate": head.deleted,
            "scheduledPurgeDate": head.deleted + self.days * _DAY_S,
        }

    def gone(self, kind: str, name: str) -> Head:
        """Give an object that is deleted; raises VaultFault 404."""
        head = self.head(kind, name)
        if head is None or head.deleted is None:
            raise faults.missing(kind, name)
        return head

    def purgeable(self) -> None:
        """Raise VaultFault when the vault lets nothing be purged."""
        if self.protected:
            what = 'Operation "purge" is not allowed because purge protection is enabled for this vault.'
            raise faults.VaultFault(
                403,
                "Forbidden",
                f"{what} Key Vault service will automatically purge it "
                "after the retention period has passed.",
                "PurgeNotAllowed",
            )

    def backup(self, kinds: Iterable[str], name: str) -> Answer:
        """Answer with all versions of a name, sealed."""
        rows = [
            {
                "kind": kind,
                "version": one.version,
                "data": one.data,
                "material": one.material.hex(),
                "head": head.data,
            }
            for kind in kinds
            if (head := self.objects.head(self.vault, kind, name)) is not None
            for one in reversed(self.objects.versions(self.vault, kind, head.name))
        ]
        text = json.dumps({"name": name, "rows": rows}).encode()
        sealed = self.objects.seal.close(text, f"backup of {rows[0]['kind']}")
        return 200, {"value": base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()}

    def restore(self, kind: str) -> Version:
        """Bring back what `backup` gave, and give the newest version. Raises VaultFault."""
        text = str(self.body.get("value") or "")
        try:
            closed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            table = json.loads(self.objects.seal.open(closed, f"backup of {kind}"))
        except (binascii.Error, ValueError):
            raise faults.bad("Backup blob is corrupted or was not made by this cloud.") from None
        name = str(table["name"])
        self.free(kind, name)
        if self.objects.head(self.vault, kind, name) is not None:
            what = f"An object with the name {name} is there already."
            raise faults.VaultFault(409, "Conflict", what)
        heads = {row["kind"]: Head(self.vault, row["kind"], name, None, row["head"]) for row in table["rows"]}
        versions = [
            Version(
                self.vault, row["kind"], name, row["version"], row["data"], bytes.fromhex(row["material"])
            )
            for row in table["rows"]
        ]
        self.objects.add(*versions, heads=list(heads.values()))
        return self.latest(kind, name)

    def usable(self, version: Version, action: str, *, after_expiry: bool = False) -> None:
        """Raise VaultFault when a version is switched off, or not valid now (unless `after_expiry`)."""
        attributes = version.data["attributes"]
        if not attributes["enabled"]:
            raise faults.disabled(version.kind, action)
        early = self.now() < attributes.get("nbf", 0)
        if not after_expiry and (early or self.now() >= attributes.get("exp", float("inf"))):
            inner, which = ("KeyNotYetValid", "not yet valid") if early else ("KeyExpired", "expired")
            what = f"Operation {action} is not allowed on {'a' if early else 'an'} {which} key."
            raise faults.VaultFault(403, "Forbidden", what, inner)

    def _over(self, head: Head) -> bool:
        return head.deleted is not None and self.now() > head.deleted + self.days * _DAY_S


def new_version() -> str:
    """Give the name of a new version: 32 hexadecimal digits."""
    return uuid4().hex


def _policy_allows(record: Resource, caller: Caller, kind: str, permission: str) -> bool:
    for policy in record.properties.get("accessPolicies") or ():
        if str(policy.get("objectId", "")).lower() == caller.object_id.lower():
            given = {str(one).lower() for one in (policy.get("permissions") or {}).get(kind) or ()}
            if given & {"all", permission.lower()}:
                return True
    return False
