"""Records of a virtual network, for tests: short names for ids, and the bodies that clients send."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import KINDS, Networks
from bluejacket.cloud.network.slot import CLAIMS
from recordcloud import GROUP, OWNER, RecordCloud

_VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/"


class Records(RecordCloud):
    """A cloud with the network's kinds; without `tools` nothing of it ever comes up on the host."""

    def __init__(self, state: Path, tools: Path | None = None) -> None:
        super().__init__(state, KINDS)
        claims = CLAIMS if tools else state / "claims"
        self.networks = Networks(self, tools or Path("/nonexistent"), claims=claims)
        self.services[Networks] = self.networks

    def vnet(self, name: str = "sea", space: str = "10.0.0.0/16", **subnets: str) -> Resource:
        wanted = [{"name": one, "properties": {"addressPrefix": prefix}} for one, prefix in subnets.items()]
        properties = {"addressSpace": {"addressPrefixes": [space]}, "subnets": wanted}
        return self.send(f"virtualNetworks/{name}", properties)

    def nic(self, name: str, subnet: str = "sea/subnets/deck", **more: Any) -> Resource:
        """`public` and `group` name what it has, `address` makes it static, `machine` is whose it is."""
        part: dict[str, Any] = {"subnet": ref(f"virtualNetworks/{subnet}")}
        if more.get("public"):
            part["publicIPAddress"] = ref(f"publicIPAddresses/{more['public']}")
        if more.get("address"):
            part |= {"privateIPAddress": more["address"], "privateIPAllocationMethod": "Static"}
        if more.get("groups"):
            part["applicationSecurityGroups"] = [
                ref(f"applicationSecurityGroups/{one}") for one in more["groups"]
            ]
        properties: dict[str, Any] = {"ipConfigurations": [{"name": "main", "properties": part}]}
        if more.get("group"):
            properties["networkSecurityGroup"] = ref(f"networkSecurityGroups/{more['group']}")
        found = self.send(f"networkInterfaces/{name}", properties)
        if more.get("machine"):
            mine = {"id": _VM + str(more["machine"])}
            found = self.resources.change(found.id, lambda one: one.properties.update(virtualMachine=mine))
        return found

    def rule(self, name: str, priority: int, **said: Any) -> Resource:
        return self.send(f"networkSecurityGroups/{name}", rule(priority, **said))

    def group(self, name: str, **rules: dict[str, Any]) -> Resource:
        wanted = [{"name": one, "properties": properties} for one, properties in rules.items()]
        return self.send(f"networkSecurityGroups/{name}", {"securityRules": wanted})

    def public(self, name: str, **properties: Any) -> Resource:
        return self.send(f"publicIPAddresses/{name}", properties)

    def send(self, name: str, properties: dict[str, Any], **top: Any) -> Resource:
        return self.put(rid(name), {"location": "eastus", "properties": properties} | top)

    def show(self, name: str) -> dict[str, Any]:
        found = self.resources.need(rid(name))
        return self.kinds.need(found.id).shown(self, found, Call(found.id, OWNER))

    def drop(self, name: str) -> None:
        self.delete(rid(name))


def rid(name: str) -> ResourceId:
    """Give the id of something in the tests' group: `virtualNetworks/sea/subnets/deck`."""
    return ResourceId.parse(f"{GROUP}/providers/Microsoft.Network/{name}")


def ref(name: str) -> dict[str, str]:
    """Give what refers to it."""
    return {"id": rid(name).text}


def rule(priority: int, access: str = "Allow", direction: str = "Inbound", **said: Any) -> dict[str, Any]:
    """Give a rule's properties: everything from everywhere, but for what is said."""
    return {
        "priority": priority,
        "access": access,
        "direction": direction,
        "protocol": "*",
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
    } | said
