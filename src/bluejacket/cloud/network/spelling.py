"""Names of properties and values as Azure usually spells them, whatever a client wrote.

Azure Resource Manager compares both without regard to case; templates of older versions differ in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_WORDS = """
access addressPrefix addressPrefixes addressSpace allocationMethod applicationSecurityGroups
associatedPublicIPAddresses auxiliaryMode auxiliarySku ddosProtectionPlan ddosSettings
defaultOutboundAccess defaultSecurityRules delegations deleteOption description destinationAddressPrefix
destinationAddressPrefixes destinationApplicationSecurityGroups destinationPortRange
destinationPortRanges dhcpOptions direction disableBgpRoutePropagation disableTcpStateTracking
dnsServers dnsSettings domainNameLabel domainNameLabelScope enableAcceleratedNetworking
enableDdosProtection enableIPForwarding enableVmProtection flowTimeoutInMinutes flushConnection fqdn id
idleTimeoutInMinutes internalDnsNameLabel internalDomainNameSuffix ipAddress ipConfigurations ipTags
loadBalancerBackendAddressPools loadBalancerInboundNatRules macAddress name natGateway
networkSecurityGroup networkInterfaces nicType primary priority privateEndpointNetworkPolicies
privateIPAddress privateIPAddressVersion privateIPAllocationMethod privateLinkServiceNetworkPolicies
properties protocol provisioningState publicIPAddress publicIPAddressVersion publicIPAllocationMethod
publicIPPrefix resourceGuid reverseFqdn routeTable routes securityRules serviceEndpoints
sourceAddressPrefix sourceAddressPrefixes sourceApplicationSecurityGroups sourcePortRange
sourcePortRanges subnet subnets virtualMachine virtualNetworkPeerings
"""
_USUAL = {word.lower(): word for word in _WORDS.split()}


def spelled(found: Any) -> Any:
    """Give the same with every known name of a property in its usual spelling."""
    if isinstance(found, dict):
        return {_USUAL.get(str(key).lower(), key): spelled(value) for key, value in found.items()}
    if isinstance(found, list):
        return [spelled(one) for one in found]
    return found


def one_of(value: object, allowed: Iterable[str]) -> str | None:
    """Give the allowed word that `value` is without regard to case, or None."""
    text = str(value).lower()
    return next((word for word in allowed if word.lower() == text), None)


def flag(value: object) -> bool:
    """Read a flag; older templates write "true" (a string)."""
    return value is True or str(value).lower() == "true"
