"""What this room serves itself. Apart from `__init__`, so that an id can be read without a database."""

from bluejacket.cloud.arm import activity, providers, subscriptions, tags
from bluejacket.cloud.arm.endpoint import Endpoint
from bluejacket.cloud.arm.groups import ResourceGroups
from bluejacket.cloud.arm.kind import Kind
from bluejacket.cloud.arm.locks import Locks

KINDS: tuple[Kind, ...] = (ResourceGroups(), Locks())
ENDPOINTS: tuple[Endpoint, ...] = (
    *subscriptions.ENDPOINTS,
    *tags.ENDPOINTS,
    *activity.ENDPOINTS,
    *providers.ENDPOINTS,
)
