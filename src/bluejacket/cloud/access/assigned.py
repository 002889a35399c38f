"""Microsoft.ManagedIdentity/userAssignedIdentities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import uuid4

from bluejacket.cloud.access.identities import USER_ASSIGNED, Identities
from bluejacket.cloud.access.principals import stable_id
from bluejacket.cloud.arm.errors import invalid
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


class UserAssignedIdentities(Kind):
    """An identity that machines can take, and that outlives them."""

    type = USER_ASSIGNED
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL, created=201),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
    }
    versions = ("2024-11-30", "2023-01-31", "2022-01-31-preview", "2018-11-30")
    states = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record with its ids, which stay as long as it does."""
        made = record(call, old)
        if not made.location:
            raise invalid("The location property is required for this definition.", code="LocationRequired")
        made.hidden.setdefault("made", uuid4().hex)
        made.properties = {
            "tenantId": cloud.tenant,
            "principalId": stable_id(call.id.key, made.hidden["made"], "object"),
            "clientId": stable_id(call.id.key, made.hidden["made"], "client"),
        }
        return made

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Make its principal, or forget it."""
        identities = cloud.service(Identities)
        if job.verb == DELETE:
            identities.forget_user_assigned(resource)
        else:
            identities.user_assigned(resource.id, resource.hidden["made"])
