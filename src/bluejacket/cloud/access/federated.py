"""…/userAssignedIdentities/federatedIdentityCredentials: whose tokens an identity would be given for.

They are kept and given back. No token of another issuer is exchanged here: its keys lie outside this host.
Source: Microsoft Learn, "Important considerations and restrictions for federated identity credentials".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from bluejacket.cloud.access.identities import USER_ASSIGNED
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PUT, Call, Cloud, Grade, Kind, Verb, record
from bluejacket.cloud.arm.resource import Resource

_LIMIT = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}")
_KEPT = Verb(Grade.STORED, note="no token of another issuer is exchanged here")


class FederatedCredentials(Kind):
    """What an identity trusts: an issuer, a subject and one audience."""

    type = f"{USER_ASSIGNED}/federatedIdentityCredentials"
    verbs: ClassVar[Mapping[str, Verb]] = {GET: _KEPT, LIST: _KEPT, PUT: _KEPT, DELETE: _KEPT}
    versions = ("2025-01-31-preview", "2024-11-30", "2023-01-31")
    states = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; raises CloudError for one that Azure does not take."""
        found = record(call, old)
        if not _NAME.fullmatch(found.id.name):
            raise invalid(f"'{found.id.name}' cannot be the name of a federated credential.", "name")
        has = {key: found.properties.get(key) for key in ("issuer", "subject", "audiences")}
        for key, value in has.items():
            if not value:
                raise invalid(f"Required parameter '{key}' is missing (null).", f"properties.{key}")
        if not str(has["issuer"]).startswith("https://"):
            raise invalid("The issuer of a federated credential is an https URL.", "properties.issuer")
        if not isinstance(has["audiences"], list) or len(has["audiences"]) != 1:
            raise invalid("A federated credential has exactly one audience.", "properties.audiences")
        others = [
            one for one in cloud.resources.list(type_name=self.type, parent=found.id.parent)
            if one.id != found.id
        ]  # fmt: skip
        if len(others) >= _LIMIT:
            what = f"An identity has at most {_LIMIT} federated credentials."
            raise CloudError(400, "FederatedIdentityCredentialLimitExceeded", what)
        for one in others:
            if all(one.properties[key] == has[key] for key in ("issuer", "subject")):
                what = "Issuer and subject combination already exists for this Managed Identity."
                raise CloudError(409, "Conflict", what)
        found.properties = has
        found.location, found.tags = "", {}
        return found
