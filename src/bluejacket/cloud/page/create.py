"""The form for a new machine: what it asks, and the deployment that it becomes."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Caller
from bluejacket.cloud.compute.sizes import SIZES

FIELDS = ("name", "group", "location", "image", "size", "user", "key")
DEFAULTS = {"location": "eastus", "size": "Standard_B1ms", "user": "azureuser"}
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
_GROUP = re.compile(r"[\w().-]{0,89}[\w()-]")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_KEY = re.compile(r"(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=*( [^\r\n]*)?")
_VERSION = "2024-07-01"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants made. `image` is an `imageReference`."""

    name: str
    group: str
    location: str
    image: Mapping[str, str]
    size: str
    user: str
    key: str

    @classmethod
    def of(cls, form: Mapping[str, str]) -> Wish:
        """Read a form; raises CloudError with one sentence that names the field."""
        asked = {field: form.get(field, "").strip() for field in FIELDS}
        rules = (
            ("name", _NAME, "A name has letters, digits and hyphens, and at most 64 of them."),
            (
                "group",
                _GROUP,
                "A resource group's name has letters, digits and ( ) . _ - and no dot at its end.",
            ),
            ("user", _USER, "A user's name has small letters, digits, - and _, and begins with a letter."),
            ("key", _KEY, "The SSH public key is not one line as in ~/.ssh/id_rsa.pub."),
        )
        for field, rule, told in rules:
            if not rule.fullmatch(asked[field]):
                raise invalid(told, field)
        if asked["location"] not in LOCATIONS or asked["size"].lower() not in SIZES:
            raise invalid("Region or size is not one of those that are offered.", "size")
        try:
            image = json.loads(asked["image"])
        except ValueError:
            image = None
        if not isinstance(image, dict):
            raise invalid("The image is not one of those that are offered.", "image")
        return cls(**(asked | {"image": image}))  # type: ignore[arg-type]


def create(cloud: LocalCloud, wish: Wish, caller: Caller) -> str:
    """Begin to make the machine, its network and its group, and give the operation's name.

    Raises CloudError.
    """
    group = ResourceId(cloud.subscription, wish.group)
    if cloud.resources.get(group.sibling("Microsoft.Compute/virtualMachines", wish.name)) is not None:
        what = f"There is a machine '{wish.name}' in the group '{wish.group}' already."
        raise CloudError(409, "PropertyChangeNotAllowed", what)
    if cloud.resources.get(group) is None:
        cloud.put(group, {"location": wish.location}, caller)
    name = f"page-{wish.name}-{secrets.token_hex(4)}"[-64:]
    body = {"properties": {"mode": "Incremental", "template": template(wish), "parameters": {}}}
    begun = cloud.begin_put(Call(group.sibling("Microsoft.Resources/deployments", name), caller, body))
    assert begun.operation is not None, "a deployment takes time"
    return begun.operation.name


def template(wish: Wish) -> dict[str, Any]:
    """Give the template: a machine with a network of its own, in which SSH alone gets to it."""
    vm = wish.name

    def resource(kind: str, name: str, *needs: str, **more: Any) -> dict[str, Any]:
        return {
            "type": kind,
            "apiVersion": _VERSION,
            "name": name,
            "location": wish.location,
            "dependsOn": list(needs),
            **more,
        }

    def at(kind: str, *names: str) -> str:
        return f"[resourceId('{kind}', {', '.join(repr(name) for name in names)})]"

    network, guard = "Microsoft.Network/virtualNetworks", "Microsoft.Network/networkSecurityGroups"
    address, nic = "Microsoft.Network/publicIPAddresses", "Microsoft.Network/networkInterfaces"
    ssh = {
        "name": "default-allow-ssh",
        "properties": {
            "protocol": "Tcp",
            "sourcePortRange": "*",
            "destinationPortRange": "22",
            "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "*",
            "access": "Allow",
            "priority": 1000,
            "direction": "Inbound",
        },
    }
    subnet = {"name": f"{vm}Subnet", "properties": {"addressPrefix": "10.0.0.0/24"}}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
    configuration = {
        "name": f"ipconfig{vm}",
        "properties": {
            "privateIPAllocationMethod": "Dynamic",
            "subnet": {"id": at(f"{network}/subnets", f"{vm}VNET", f"{vm}Subnet")},
            "publicIPAddress": {"id": at(address, f"{vm}PublicIP")},
        },
    }
    interface = {
        "ipConfigurations": [configuration],
        "networkSecurityGroup": {"id": at(guard, f"{vm}NSG")},
    }
    keys = [{"path": f"/home/{wish.user}/.ssh/authorized_keys", "keyData": wish.key}]
    machine = {
        "hardwareProfile": {"vmSize": wish.size},
        "storageProfile": {
            "osDisk": {"createOption": "FromImage", "caching": "ReadWrite"},
            "imageReference": dict(wish.image),
        },
        "osProfile": {
            "computerName": vm,
            "adminUsername": wish.user,
            "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": keys}},
        },
        "networkProfile": {"networkInterfaces": [{"id": at(nic, f"{vm}VMNic")}]},
    }
    static = {"publicIPAllocationMethod": "Static"}
    needs = [f"{network}/{vm}VNET", f"{guard}/{vm}NSG", f"{address}/{vm}PublicIP"]
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            resource(network, f"{vm}VNET", properties=space),
            resource(guard, f"{vm}NSG", properties={"securityRules": [ssh]}),
            resource(address, f"{vm}PublicIP", properties=static, sku={"name": "Standard"}),
            resource(nic, f"{vm}VMNic", *needs, properties=interface),
            resource("Microsoft.Compute/virtualMachines", vm, f"{nic}/{vm}VMNic", properties=machine),
        ],
    }
