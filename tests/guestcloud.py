"""A machine's records with all that instance metadata tells of, and what guest services need beside them."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.guest.agents import Agents
from bluejacket.cloud.guest.http import Request
from bluejacket.cloud.guest.reports import Reports
from bluejacket.cloud.guest.seams import Pair
from recordcloud import GROUP, SUBSCRIPTION, TENANT, RecordCloud

VM_ID = "02aab8a4-74ef-476e-8182-f6d2ba4166a6"
NAMESPACE, ADDRESS = "bj-0a1b2c3d", "10.1.0.4"
VM = ResourceId.parse(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/Dory")
NIC = VM.sibling("Microsoft.Network/networkInterfaces", "DoryVMNic")
PUBLIC = VM.sibling("Microsoft.Network/publicIPAddresses", "DoryPublicIP")
NET = VM.sibling("Microsoft.Network/virtualNetworks", "DoryVNET")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"


@dataclass
class Wires:
    """Networks in which one address belongs to one interface; it listens on the loopback's free ports."""

    owners: dict[tuple[str, str], ResourceId] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    ports: dict[tuple[str, str, int], int] = field(default_factory=dict)
    callbacks: list[Callable[[str], None]] = field(default_factory=list)

    def owner(self, namespace: str, address: str) -> ResourceId | None:
        return self.owners.get((namespace, address))

    def listen(self, namespace: str, address: str, port: int) -> socket.socket:
        found = socket.create_server(("127.0.0.1", 0))
        self.ports[namespace, address, port] = found.getsockname()[1]
        return found

    def on_namespace(self, callback: Callable[[str], None]) -> None:
        self.callbacks.append(callback)
        for namespace in sorted({one for one, _ in self.owners}):
            callback(namespace)

    def host_name(self, name: str, address: str) -> None:
        self.names[name] = address


class ShortAuthority:
    """An authority that lives as long as the test."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self._made = self._signed(name, name, self._key.public_key(), None)

    @property
    def certificate(self) -> bytes:
        return self._made.public_bytes(serialization.Encoding.PEM)

    def issue(self, names: Sequence[str]) -> Pair:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        made = self._signed(subject, self._made.subject, key.public_key(), names)
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return Pair(
            made.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(serialization.Encoding.PEM, *form),
        )

    def _signed(
        self, subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, names: Sequence[str] | None
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        )
        if names is not None:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
            )
        return builder.sign(self._key, hashes.SHA256())


def guest_cloud(folder: Path) -> RecordCloud:
    """Give a cloud with one machine, and the services that its guest's need."""
    cloud = RecordCloud(folder, ())
    principals = Principals(cloud.resources, SUBSCRIPTION, TENANT)
    cloud.services[Identities] = Identities(cloud.resources, principals, SUBSCRIPTION)
    cloud.services[Tokens] = Tokens(folder / "tokens.key", TENANT, cloud.base)
    cloud.services[Reports] = Reports(folder / "guest" / "reports")
    cloud.services[Agents] = Agents(folder / "guest" / "agents")
    for one in records():
        cloud.resources.put(one)
    return cloud


def records() -> list[Resource]:
    """Give the records of a machine with one interface, and all that hangs on it."""
    disk = VM.sibling("Microsoft.Compute/disks", "Dory_OsDisk")
    vm = Resource(VM, "eastus", {"Role": "mail", "Department": "IT"})
    vm.properties = {
        "vmId": VM_ID,
        "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
        "networkProfile": {"networkInterfaces": [{"id": NIC.text, "properties": {"primary": True}}]},
        "osProfile": {
            "adminUsername": "azureuser",
            "computerName": "dory",
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "ssh": {
                    "publicKeys": [{"keyData": f"{KEY}\n", "path": "/home/azureuser/.ssh/authorized_keys"}]
                },
            },
        },
        "securityProfile": {
            "securityType": "TrustedLaunch",
            "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True},
        },
        "storageProfile": {
            "imageReference": {
                "publisher": "Bluejacket",
                "offer": "bluejacket-linux-4",
                "sku": "4-lts",
                "version": "latest",
                "exactVersion": "4.0.20261128",
            },
            "osDisk": {
                "name": "Dory_OsDisk",
                "caching": "ReadWrite",
                "createOption": "FromImage",
                "diskSizeGb": 30,
                "managedDisk": {"id": disk.text, "storageAccountType": "Premium_LRS"},
            },
            "dataDisks": [{"lun": 0, "name": "hold", "createOption": "Empty", "diskSizeGB": 4}],
        },
    }
    vm.top = {"zones": ["2"]}
    vm.hidden = {"customData": "c2VjcmV0", "userData": "aGVsbG8="}
    nic = Resource(NIC, "eastus")
    nic.properties = {
        "macAddress": "00-0D-3A-F8-06-EC",
        "virtualMachine": {"id": VM.text.upper()},
        "ipConfigurations": [
            {
                "name": "ipconfig1",
                "properties": {
                    "privateIPAddress": ADDRESS,
                    "publicIPAddress": {"id": PUBLIC.text},
                    "subnet": {"id": NET.child("subnets", "DorySubnet").text},
                },
            }
        ],
    }
    public = Resource(
        PUBLIC, "eastus", properties={"ipAddress": "127.20.0.4"}, top={"sku": {"name": "Basic"}}
    )
    net = Resource(NET, "eastus")
    net.properties = {"subnets": [{"name": "DorySubnet", "properties": {"addressPrefix": "10.1.0.0/24"}}]}
    return [vm, nic, public, net]


def asked(
    target: str,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes = b"",
    peer: str = ADDRESS,
    namespace: str = NAMESPACE,
) -> Request:
    """Give a request as the services read it; `headers` None is what instance metadata wants."""
    from urllib.parse import parse_qs

    path, _, query = target.partition("?")
    given = {"metadata": "true"} if headers is None else dict(headers)
    return Request(
        method, target, path, parse_qs(query, keep_blank_values=True), given, body, peer, namespace
    )
