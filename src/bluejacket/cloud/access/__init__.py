"""Who asks, and what they may: principals, managed identities, roles and their assignments."""

from bluejacket.cloud.access.assigned import UserAssignedIdentities
from bluejacket.cloud.access.assignments import RoleAssignments, denials, permissions
from bluejacket.cloud.access.definitions import RoleDefinitions, one_definition
from bluejacket.cloud.access.federated import FederatedCredentials
from bluejacket.cloud.arm.endpoint import Endpoint
from bluejacket.cloud.arm.kind import Grade, Kind

KINDS: tuple[Kind, ...] = (
    RoleDefinitions(),
    RoleAssignments(),
    UserAssignedIdentities(),
    FederatedCredentials(),
)

_HERE = "/providers/Microsoft.Authorization"
ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", f"/{{scope:path}}{_HERE}/permissions", Grade.REAL, permissions),
    Endpoint(
        "GET",
        f"/{{scope:path}}{_HERE}/denyAssignments",
        Grade.REAL,
        denials,
        action="Microsoft.Authorization/denyAssignments/read",
    ),
    Endpoint(
        "GET",
        f"/{{scope:path}}{_HERE}/roleDefinitions/{{name}}",
        Grade.REAL,
        one_definition,
        action="Microsoft.Authorization/roleDefinitions/read",
    ),
    Endpoint("GET", f"{_HERE}/roleDefinitions/{{name}}", Grade.REAL, one_definition),
)
