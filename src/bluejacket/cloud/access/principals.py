"""Who can ask: applications with a secret, and the identities of machines.

Every principal is a record below `Microsoft.Graph`, a namespace that no kind of resource serves, so that
clients of Resource Manager never meet them. A record of an application has its client id for a name, and
one of a service principal its object id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4, uuid5

from cryptography.hazmat.primitives.asymmetric import rsa

from bluejacket.cloud.access.credentials import Credentials
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Caller, Resources
from bluejacket.cloud.arm.resource import Resource

GRAPH = "Microsoft.Graph"
APPLICATION, MANAGED, USER = "Application", "ManagedIdentity", "User"
_SPACE = UUID("6f0f2c3e-8d9b-4b6c-9f43-1b5b0a3f7c11")  # ours: ids that follow from what they stand for


@dataclass(frozen=True, slots=True)
class Principal:
    """An application, a managed identity or a person. `resource` is the id of whose identity it is."""

    object_id: str
    client_id: str
    name: str
    type: str = APPLICATION
    resource: str = ""
    owner: bool = False

    @property
    def caller(self) -> Caller:
        """The same as one who asks."""
        return Caller(self.object_id, self.client_id, self.name, self.owner)

    def graph(self) -> dict[str, object]:
        """Give the document of Microsoft Graph."""
        if self.type == USER:
            return {
                "@odata.type": "#microsoft.graph.user",
                "id": self.object_id,
                "userPrincipalName": self.name,
                "displayName": self.name.partition("@")[0],
                "mail": None,
            }
        names = [f"isExplicit={self.resource.count('userAssigned') > 0}", self.resource]
        return {
            "@odata.type": "#microsoft.graph.servicePrincipal",
            "id": self.object_id,
            "appId": self.client_id,
            "displayName": self.name,
            "appDisplayName": self.name,
            "servicePrincipalType": self.type,
            "servicePrincipalNames": [self.client_id],
            "alternativeNames": names if self.resource else [],
            "accountEnabled": True,
        }


def stable_id(*words: str) -> str:
    """Give an id that the same words always have: work that is begun again makes nothing twice."""
    return str(uuid5(_SPACE, "\n".join(word.lower() for word in words)))


class Principals:
    """All principals of the cloud, kept with its resources."""

    def __init__(self, resources: Resources, subscription: str, tenant: str) -> None:
        self._resources = resources
        self._subscription = subscription
        self.tenant = tenant
        self.credentials = Credentials(resources, lambda client_id: self._id("applications", client_id))

    def check(self, client_id: str, secret: str) -> Caller | None:
        """Give the application that has this secret, or None. Each try costs a few milliseconds."""
        return self._caller(client_id) if self.credentials.fits(client_id, secret) else None

    def keys_of(self, client_id: str) -> list[tuple[rsa.RSAPublicKey, Caller]]:
        """Give the public keys of an application's certificates, each with who logs in by it."""
        caller = self._caller(client_id)
        return [(key, caller) for key in self.credentials.keys(client_id)] if caller else []

    def add(self, name: str, *, owner: bool = False) -> Principal:
        """Make an application with a service principal, which has nothing yet to log in with.

        `owner` may do everything in the subscription.
        """
        made = Principal(str(uuid4()), str(uuid4()), name, owner=owner)
        kept: dict[str, object] = {"objectId": made.object_id, "name": name}
        self._resources.put(self._record("applications", made.client_id, kept))
        return self.write(made)

    def rename(self, client_id: str, name: str) -> None:
        """Give an application and its service principal another name; raises CloudError 404."""
        application = self._resources.change(
            self._id("applications", client_id), lambda record: record.properties.update(name=name)
        )
        self.write(replace(self.need(str(application.properties["objectId"])), name=name))

    def write(self, principal: Principal) -> Principal:
        """Write the record of a principal."""
        properties = {
            "appId": principal.client_id,
            "displayName": principal.name,
            "type": principal.type,
            "resource": principal.resource,
            "owner": principal.owner,
        }
        self._resources.put(self._record("servicePrincipals", principal.object_id, properties))
        return principal

    def know(self, caller: Caller) -> None:
        """Have somebody known who logs in elsewhere: a program, or without a client id a person."""
        kind = APPLICATION if caller.client_id else USER
        wanted = Principal(caller.object_id, caller.client_id, caller.name, kind, owner=caller.owner)
        if self.get(caller.object_id) != wanted:
            self.write(wanted)

    def get(self, object_id: str) -> Principal | None:
        """Give the principal of an object id, or None."""
        found = self._resources.get(self._id("servicePrincipals", object_id)) if object_id else None
        return _principal(found) if found else None

    def need(self, object_id: str) -> Principal:
        """Give the principal of an object id; raises CloudError 404 in the words of Microsoft Graph."""
        found = self.get(object_id)
        if found is None:
            raise absent(object_id)
        return found

    def list(self) -> Sequence[Principal]:
        """Give all principals."""
        type_name = f"{GRAPH}/servicePrincipals"
        return [_principal(one) for one in self._resources.list(type_name=type_name)]

    def remove(self, object_id: str) -> bool:
        """Forget a principal, and its application if it has one; False when there was none."""
        found = self.get(object_id)
        if found is None:
            return False
        self._resources.delete(self._id("applications", found.client_id))
        return self._resources.delete(self._id("servicePrincipals", object_id))

    def _caller(self, client_id: str) -> Caller | None:
        found = self._resources.get(self._id("applications", client_id)) if client_id else None
        principal = self.get(str(found.properties["objectId"])) if found else None
        return principal.caller if principal else None

    def _id(self, kind: str, name: str) -> ResourceId:
        return ResourceId(self._subscription, "", GRAPH, (kind,), (name.lower(),))

    def _record(self, kind: str, name: str, properties: dict[str, object]) -> Resource:
        return Resource(self._id(kind, name), properties=dict(properties))


def absent(name: str) -> CloudError:
    """Give Microsoft Graph's refusal of what is not there."""
    what = f"Resource '{name}' does not exist or one of its queried reference-property objects"
    return CloudError(404, "Request_ResourceNotFound", f"{what} are not present.")


def _principal(record: Resource) -> Principal:
    kept = record.properties
    return Principal(
        record.id.name,
        str(kept["appId"]),
        str(kept["displayName"]),
        str(kept["type"]),
        str(kept["resource"]),
        bool(kept["owner"]),
    )
