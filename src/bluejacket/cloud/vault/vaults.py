"""Microsoft.KeyVault/vaults: vaults, and how they go and come back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.vault.service import VAULTS, KeyVaults, host_of

DELETED = "Microsoft.KeyVault/locations/deletedVaults"
_NAME = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])+")
_RBAC_SINCE = "2026-02-01"  # from this version on a vault asks for roles unless it says otherwise
_NETWORK = {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []}


class Vaults(Kind):
    """A vault. Its data is in `objects`, under the vault's instance."""

    type = VAULTS
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, created=200),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
    }
    versions = ("2026-02-01", "2024-11-01", "2023-07-01", "2022-07-01", "2019-09-01", "2015-06-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; a name is unique in the cloud, among deleted vaults too."""
        made = record(call, old)
        asked = made.properties
        name = call.id.name
        if not name_fits(name):
            raise CloudError(400, "VaultNameNotValid", name_rule(name))
        recover = str(asked.get("createMode") or "").lower() == "recover"
        if old is None and (refused := taken(cloud, name, recover=recover)):
            raise refused
        if old is None and recover:
            return _recovered(cloud, made)
        if not made.location:
            raise invalid("The location property is required for this definition.", code="LocationRequired")
        before = old.properties if old else {}
        rbac = call.query.get("api-version", _RBAC_SINCE) >= _RBAC_SINCE
        made.hidden.setdefault("instance", str(uuid4()))
        made.properties = {
            "tenantId": str(asked.get("tenantId") or before.get("tenantId") or cloud.tenant),
            "sku": _sku(asked.get("sku") or before.get("sku")),
            "accessPolicies": _policies(asked.get("accessPolicies") or []),
            "enableRbacAuthorization": asked.get(
                "enableRbacAuthorization", before.get("enableRbacAuthorization", rbac)
            ),
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": _days(asked.get("softDeleteRetentionInDays"), before),
            "enabledForDeployment": bool(asked.get("enabledForDeployment")),
            "enabledForDiskEncryption": bool(asked.get("enabledForDiskEncryption")),
            "enabledForTemplateDeployment": bool(asked.get("enabledForTemplateDeployment")),
            "networkAcls": _network(asked.get("networkAcls")),
            "publicNetworkAccess": str(asked.get("publicNetworkAccess") or "Enabled"),
            "vaultUri": cloud.service(KeyVaults).uri(name),
        }
        if asked.get("enableSoftDelete") is False:
            what = 'The property "enableSoftDelete" can be set to false only for creating new vault.'
            raise invalid(
                f"{what} Enabling the 'soft delete' functionality is irreversible.", code="BadRequest"
            )
        protected = asked.get("enablePurgeProtection", before.get("enablePurgeProtection"))
        if protected is False:
            what = (
                'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection'
            )
            raise invalid(f"{what} for a vault is an irreversible action.", code="BadRequest")
        if protected:
            made.properties["enablePurgeProtection"] = True
        return made

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Have the vault's name mean this host, or keep what is needed to bring the vault back."""
        vaults = cloud.service(KeyVaults)
        if job.verb == DELETE:
            cloud.resources.put(_gone(cloud, resource))
            vaults.names.remove(host_of(resource.id.name))
        else:
            cloud.resources.delete(deleted_id(cloud, resource.location, resource.id.name))
            vaults.names.add(host_of(resource.id.name))

    def settle(self, cloud: Cloud) -> None:
        """Have all names mean this host, and vaults go for good whose time to come back is over."""
        names = [host_of(one.id.name) for one in cloud.resources.list(type_name=VAULTS)]
        cloud.service(KeyVaults).names.replace(names)
        now = datetime.now(UTC)
        for one in cloud.resources.list(type_name=DELETED):
            if datetime.fromisoformat(one.properties["scheduledPurgeDate"]) < now:
                purge(cloud, one)


def name_fits(name: str) -> bool:
    """Tell whether a vault may be called so."""
    return 3 <= len(name) <= 24 and _NAME.fullmatch(name) is not None


def name_rule(name: str) -> str:
    """Say why a name does not fit."""
    return (
        f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. "
        "The name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. "
        "Follow this link for more information: https://go.microsoft.com/fwlink/?linkid=2147742"
    )


def taken(cloud: Cloud, name: str, *, recover: bool = False) -> CloudError | None:
    """Give the error when a name is taken, by a vault or (unless it is to come back) by a deleted one."""
    if cloud.service(KeyVaults).find(name) is not None:
        what = f"The vault name '{name}' is already in use. Vault names are globally unique so it is"
        return CloudError(409, "VaultAlreadyExists", f"{what} possible that the name is already taken.")
    if not recover and find_deleted(cloud, name) is not None:
        what = (
            "A vault with the same name already exists in deleted state. You need to either recover or purge"
        )
        link = "Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information."
        return CloudError(409, "ConflictError", f"{what} existing key vault. {link}")
    return None


def find_deleted(cloud: Cloud, name: str) -> Resource | None:
    """Give the record of a deleted vault, or None."""
    for one in cloud.resources.list(type_name=DELETED):
        if one.id.name.lower() == name.lower():
            return one
    return None


def deleted_id(cloud: Cloud, location: str, name: str) -> ResourceId:
    """Give the id under which a deleted vault is kept."""
    return ResourceId(
        cloud.subscription, "", "Microsoft.KeyVault", ("locations", "deletedVaults"), (location, name)
    )


def purge(cloud: Cloud, gone: Resource) -> None:
    """Remove a deleted vault for good, with all that it holds."""
    cloud.service(KeyVaults).objects.drop(str(gone.hidden["record"]["hidden"]["instance"]))
    cloud.resources.delete(gone.id)


def _gone(cloud: Cloud, vault: Resource) -> Resource:
    now = datetime.now(UTC)
    days = int(vault.properties["softDeleteRetentionInDays"])
    found = Resource(deleted_id(cloud, vault.location, vault.id.name))
    found.properties = {
        "vaultId": vault.id.text,
        "location": vault.location,
        "tags": dict(vault.tags),
        "deletionDate": now.isoformat(),
        "scheduledPurgeDate": (now + timedelta(days=days)).isoformat(),
    }
    if vault.properties.get("enablePurgeProtection"):
        found.properties["purgeProtectionEnabled"] = True
    kept = {
        "properties": vault.properties,
        "hidden": vault.hidden,
        "tags": vault.tags,
        "location": vault.location,
    }
    found.hidden = {"record": kept}
    return found


def _recovered(cloud: Cloud, made: Resource) -> Resource:
    gone = find_deleted(cloud, made.id.name)
    if gone is None or gone.properties["vaultId"].lower() != made.id.key:
        what = f"There is no deleted vault '{made.id.name}' of this resource group to be recovered."
        raise CloudError(404, "DeletedVaultNotFound", what)
    kept = gone.hidden["record"]
    made.properties, made.hidden = dict(kept["properties"]), dict(kept["hidden"])
    made.location, made.tags = kept["location"], made.tags or dict(kept["tags"])
    made.properties["vaultUri"] = cloud.service(KeyVaults).uri(made.id.name)
    return made


def _sku(asked: Any) -> dict[str, str]:
    name = str((asked or {}).get("name") or "standard").lower()
    if name not in ("standard", "premium"):
        raise invalid(f"The SKU '{name}' is not valid: it is standard or premium.", "properties.sku.name")
    return {"family": "A", "name": name}


def _days(asked: Any, before: Mapping[str, Any]) -> int:
    kept = before.get("softDeleteRetentionInDays")
    if asked is not None and (not isinstance(asked, int) or not 7 <= asked <= 90):
        what = 'The property "softDeleteRetentionInDays" has to be from 7 to 90.'
        raise invalid(what, "properties.softDeleteRetentionInDays", "BadRequest")
    if kept is not None and asked not in (None, kept):
        what = 'The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.'
        raise invalid(what, "properties.softDeleteRetentionInDays", "BadRequest")
    return int(kept if kept is not None else asked if asked is not None else 90)


def _policies(asked: Any) -> list[dict[str, Any]]:
    if not isinstance(asked, list) or not all(isinstance(one, dict) and one.get("objectId") for one in asked):
        raise invalid("An access policy names an objectId.", "properties.accessPolicies", "BadRequest")
    return [
        {
            "tenantId": str(one.get("tenantId") or ""),
            "objectId": str(one["objectId"]),
            "permissions": {
                kind: [str(word) for word in (one.get("permissions") or {}).get(kind) or ()]
                for kind in ("keys", "secrets", "certificates", "storage")
            },
        }
        for one in asked
    ]


def _network(asked: Any) -> dict[str, Any]:
    """Give the rules; those that would shut somebody out are refused, for nothing here would obey them."""
    rules = {**_NETWORK, **(asked or {})}
    if str(rules["defaultAction"]).lower() != "allow":
        what = "Network rules of vaults are not enforced here, and therefore 'Deny' is refused."
        raise invalid(what, "properties.networkAcls.defaultAction", "NetworkRulesNotSupported")
    return rules
