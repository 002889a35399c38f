"""What is asked of vaults beside their records: deleted ones, names, access policies, templates' secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from bluejacket.cloud.arm.endpoint import Asked, Endpoint, Reply
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import GET, LIST, PUT, Call, Cloud, Grade, Kind, Verb, record
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.vault import secrets
from bluejacket.cloud.vault.service import VAULTS, KeyVaults
from bluejacket.cloud.vault.vaults import DELETED, find_deleted, name_fits, name_rule, purge, taken

_HERE = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_KINDS = ("keys", "secrets", "certificates", "storage")


def check_name(cloud: Cloud, asked: Asked) -> Any:
    """Say whether a vault may have a name."""
    name = str(asked.body.get("name") or "")
    if not name_fits(name):
        return {"nameAvailable": False, "reason": "AccountNameInvalid", "message": name_rule(name)}
    refused = taken(cloud, name)
    if refused is not None:
        return {"nameAvailable": False, "reason": "AlreadyExists", "message": refused.message}
    return {"nameAvailable": True}


def list_deleted(cloud: Cloud, _asked: Asked) -> Any:
    """Give the vaults that can come back."""
    return {"value": [_shown(one) for one in cloud.resources.list(type_name=DELETED)]}


def no_modules(_cloud: Cloud, _asked: Asked) -> Any:
    """Give the managed hardware security modules: there are none."""
    return {"value": []}


def get_deleted(cloud: Cloud, asked: Asked) -> Any:
    """Give one of them; raises CloudError 404."""
    return _shown(_need(cloud, asked))


def purge_deleted(cloud: Cloud, asked: Asked) -> Any:
    """Remove one of them for good; raises CloudError when it is protected."""
    found = _need(cloud, asked)
    if found.properties.get("purgeProtectionEnabled"):
        what = (
            f"Operation 'PurgeDeletedVault' is not allowed: '{found.id.name}' is protected against purging."
        )
        raise CloudError(400, "MethodNotAllowed", what)
    purge(cloud, found)
    return Reply()


def edit_policies(cloud: Cloud, asked: Asked) -> Any:
    """Add, replace or remove permissions of access policies."""
    how = asked.parts["how"].lower()
    wanted = (asked.body.get("properties") or {}).get("accessPolicies") or []
    if how not in ("add", "replace", "remove") or not all(
        isinstance(one, dict) and one.get("objectId") for one in wanted
    ):
        raise invalid("Access policies are added, replaced or removed, and each names an objectId.")
    vault = ResourceId.parse(asked.path.rsplit("/", 2)[0])

    def edit(resource: Resource) -> None:
        kept = {one["objectId"].lower(): one for one in resource.properties["accessPolicies"]}
        for one in wanted:
            key = str(one["objectId"]).lower()
            old = kept.get(key, {}).get("permissions") or {}
            new = one.get("permissions") or {}
            permissions = {kind: _joined(how, old.get(kind) or [], new.get(kind) or []) for kind in _KINDS}
            tenant = str(one.get("tenantId") or cloud.tenant)
            kept[key] = {"tenantId": tenant, "objectId": str(one["objectId"]), "permissions": permissions}
            if not any(permissions.values()):
                del kept[key]
        resource.properties["accessPolicies"] = list(kept.values())

    found = cloud.resources.change(vault, edit)
    return {
        "id": asked.path,
        "type": f"{VAULTS}/accessPolicies",
        "location": found.location,
        "properties": {"accessPolicies": found.properties["accessPolicies"]},
    }


class VaultSecrets(Kind):
    """A secret as a template writes it; its value goes into the vault and is never given back here."""

    type = f"{VAULTS}/secrets"
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, created=200),
    }
    versions = ("2026-02-01", "2023-07-01", "2019-09-01")
    states = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Set the secret, so that its value is kept in the vault alone, and give a record without it."""
        vaults = cloud.service(KeyVaults)
        vault = cloud.resources.need(call.id.parent)
        made = record(call, old)
        asked = made.properties
        uri = vaults.uri(vault.id.name).rstrip("/")
        plane = vaults.plane(
            vault, call.caller, uri, "PUT", ("secrets", call.id.name), {}, asked | {"tags": made.tags}
        )
        shown = secrets.shown(plane, secrets.set_secret(plane, call.id.name))
        made.location = vault.location
        made.properties = {
            "attributes": shown["attributes"],
            "secretUri": f"{uri}/secrets/{call.id.name}",
            "secretUriWithVersion": shown["id"],
        }
        if asked.get("contentType"):
            made.properties["contentType"] = asked["contentType"]
        return made


def _joined(how: str, old: list[str], new: list[str]) -> list[str]:
    if how == "replace":
        return [str(one) for one in new]
    words = {str(one).lower() for one in new}
    if how == "remove":
        return [one for one in old if one.lower() not in words]
    return old + [str(one) for one in new if str(one).lower() not in {word.lower() for word in old}]


def _need(cloud: Cloud, asked: Asked) -> Resource:
    name = asked.parts["name"]
    found = find_deleted(cloud, name)
    if found is None or found.properties["location"] != asked.parts["location"].replace(" ", "").lower():
        what = f"The specified deleted vault {name} does not exist in location {asked.parts['location']}."
        raise CloudError(404, "DeletedVaultNotFound", what)
    return found


def _shown(found: Resource) -> dict[str, Any]:
    return {
        "id": found.id.text,
        "name": found.id.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": dict(found.properties),
    }


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "POST",
        f"{_HERE}/checkNameAvailability",
        Grade.REAL,
        check_name,
        action="Microsoft.KeyVault/checkNameAvailability/read",
    ),
    Endpoint(
        "GET",
        f"{_HERE}/deletedVaults",
        Grade.REAL,
        list_deleted,
        action="Microsoft.KeyVault/deletedVaults/read",
    ),
    *(
        Endpoint("GET", f"{_HERE}/{kind}", Grade.REAL, no_modules, action=f"Microsoft.KeyVault/{kind}/read")
        for kind in ("managedHSMs", "deletedManagedHSMs")
    ),
    Endpoint(
        "GET",
        f"{_HERE}/locations/{{location}}/deletedVaults/{{name}}",
        Grade.REAL,
        get_deleted,
        action="Microsoft.KeyVault/locations/deletedVaults/read",
    ),
    Endpoint(
        "POST",
        f"{_HERE}/locations/{{location}}/deletedVaults/{{name}}/purge",
        Grade.REAL,
        purge_deleted,
        action="Microsoft.KeyVault/locations/deletedVaults/purge/action",
    ),
    Endpoint(
        "PUT",
        "/{scope:path}/providers/Microsoft.KeyVault/vaults/{vault}/accessPolicies/{how}",
        Grade.REAL,
        edit_policies,
        action="Microsoft.KeyVault/vaults/accessPolicies/write",
    ),
)
