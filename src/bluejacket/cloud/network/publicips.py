"""Microsoft.Network/publicIPAddresses: addresses of the host's loopback that lead into a network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PATCH, PUT, Call, Cloud, Grade, Job, Kind, Verb
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.network.names import begun, guid
from bluejacket.cloud.network.spelling import one_of

LABEL = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")


class PublicAddresses(Kind):
    """Static ones have their address at once, dynamic ones from the time when an interface has them."""

    type = find.PUBLIC_IP
    versions = ("2025-09-01", "2022-01-01", "2015-06-15")
    verbs: ClassVar[Mapping[str, Verb]] = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
        "ddosprotectionstatus": Verb(Grade.STORED, long=True, note="nothing protects from floods here"),
    }

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Check how the address is given and its DNS label, and give it."""
        found = begun(call, old)
        sku = one_of(
            (found.top.get("sku") or {}).get("name", "Standard"), ("Standard", "StandardV2", "Basic")
        )
        if sku is None:
            raise invalid(
                "The SKU of a public IP address is Basic, Standard or StandardV2.", "sku", "InvalidSku"
            )
        method = one_of(
            found.properties.get("publicIPAllocationMethod", "Dynamic" if sku == "Basic" else "Static"),
            ("Static", "Dynamic"),
        )
        if method is None or (method == "Dynamic" and sku != "Basic"):
            raise invalid(
                f"Standard sku publicIp {found.id} must have AllocationMethod set to Static.",
                "publicIPAllocationMethod",
                "StandardSkuPublicIPAddressesMustBeStatic",
            )
        if str(found.properties.get("publicIPAddressVersion", "IPv4")).lower() != "ipv4":
            raise invalid("This cloud has no IPv6 addresses.", "publicIPAddressVersion", "IPv6NotSupported")
        found.top["sku"] = {"name": sku, "tier": "Regional"}
        address = old.properties.get("ipAddress") if old else None
        if not address and method == "Static":
            address = str(cloud.service(Networks).public_address())
        found.properties.pop("ipConfiguration", None)
        found.properties.pop("ipAddress", None)
        found.properties = {
            "idleTimeoutInMinutes": 4,
            "ipTags": [],
            "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
            **found.properties,
            "publicIPAllocationMethod": method,
            "publicIPAddressVersion": "IPv4",
            "resourceGuid": guid(found.id),
            **({"ipAddress": address} if address else {}),
        }
        self._name(cloud, found)
        return found

    def _name(self, cloud: Cloud, found: Resource) -> None:
        settings = found.properties.get("dnsSettings") or {}
        label = str(settings.get("domainNameLabel") or "")
        if not label:
            found.properties.pop("dnsSettings", None)
            return
        fqdn = checked_label(label, found.location)
        for one in cloud.resources.list(type_name=find.PUBLIC_IP, referring=[fqdn.lower()]):
            if one.id != found.id and (one.properties.get("dnsSettings") or {}).get("fqdn") == fqdn:
                raise CloudError(
                    400, "DnsRecordInUse", f"DNS record {fqdn} is already used by another public IP."
                )
        found.properties["dnsSettings"] = settings | {"domainNameLabel": label, "fqdn": fqdn}

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while an interface has the address."""
        if user := find.holder_of_public(cloud.resources, resource.id):
            raise CloudError(
                400,
                "PublicIPAddressCannotBeDeleted",
                f"Public IP address {resource.id} can not be deleted since it is still allocated to resource "
                f"{user}. In order to delete the public IP, disassociate/detach the Public IP "
                "address from the "
                "resource.  To learn how to do this, see aka.ms/deletepublicip.",
            )

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Apply the address where it leads."""
        if job.verb == "ddosprotectionstatus":
            return {"publicIpAddressId": resource.id.text, "isWorkloadProtected": "False"}
        if job.verb != DELETE:
            cloud.service(Networks).refresh(resource.id)
        return None

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document with who has the address."""
        return self._document(resource, find.holder_of_public(cloud.resources, resource.id))

    def listed(self, cloud: Cloud, found: Sequence[Resource], call: Call) -> Iterable[dict[str, Any]]:
        """Give the documents of a list, looking once for all who have an address."""
        holders = find.holders(cloud.resources, [one.id for one in found])
        return [self._document(one, holders.get(one.id, "")) for one in found]

    def _document(self, resource: Resource, user: str) -> dict[str, Any]:
        found = resource.document(self.type)
        if user:
            found["properties"]["ipConfiguration"] = {"id": user}
        return found


def checked_label(label: str, location: str) -> str:
    """Give the full name that a label has in a location; raises CloudError (400 InvalidDomainNameLabel)."""
    if not LABEL.fullmatch(label):
        raise invalid(
            f"The domain name label {label} is invalid. It must conform to the following regular expression: "
            "^[a-z][a-z0-9-]{1,61}[a-z0-9]$.",
            "domainNameLabel",
            "InvalidDomainNameLabel",
        )
    return f"{label}.{location}.cloudapp.azure.com"
