"""Virtual networks, security groups, public addresses and interfaces, and what they are on the host."""

from bluejacket.cloud.arm.endpoint import Endpoint
from bluejacket.cloud.arm.kind import Kind
from bluejacket.cloud.network import locations, stored, views
from bluejacket.cloud.network.groups import ApplicationGroups, SecurityGroups, SecurityRules
from bluejacket.cloud.network.host import Networks, Tap
from bluejacket.cloud.network.nics import NetworkInterfaces
from bluejacket.cloud.network.publicips import PublicAddresses
from bluejacket.cloud.network.subnets import Subnets
from bluejacket.cloud.network.vnets import Peerings, VirtualNetworks

KINDS: tuple[Kind, ...] = (
    VirtualNetworks(),
    Subnets(),
    Peerings(),
    SecurityGroups(),
    SecurityRules(),
    ApplicationGroups(),
    PublicAddresses(),
    NetworkInterfaces(),
    stored.LoadBalancers(),
    stored.InboundNatRules(),
    stored.BackendPools(),
    stored.RouteTables(),
    stored.NatGateways(),
    *stored.REFUSED,
)

ENDPOINTS: tuple[Endpoint, ...] = (*locations.ENDPOINTS, *views.ENDPOINTS)

__all__ = ["ENDPOINTS", "KINDS", "Networks", "Tap"]
