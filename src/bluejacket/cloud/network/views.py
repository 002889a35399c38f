"""Parts that have no record: read by themselves as they stand in their whole's document.

Source: Azure, Network REST API: "Default Security Rules", "Network Interface IP Configurations", "Routes",
"Load Balancer Frontend IP Configurations", "… Probes", "… Load Balancing Rules", "… Outbound Rules".
"""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import not_found
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Cloud, Grade
from bluejacket.cloud.network import find

_PROVIDERS = "/subscriptions/{subscription}/resourceGroups/{group}/providers"
_ARRAYS = (
    (find.NSG, "defaultSecurityRules", Grade.REAL),
    (find.NIC, "ipConfigurations", Grade.REAL),
    (find.ROUTE_TABLE, "routes", Grade.STORED),
    (find.BALANCER, "frontendIPConfigurations", Grade.STORED),
    (find.BALANCER, "probes", Grade.STORED),
    (find.BALANCER, "loadBalancingRules", Grade.STORED),
    (find.BALANCER, "outboundRules", Grade.STORED),
)


def _endpoints(type_name: str, key: str, grade: Grade) -> tuple[Endpoint, Endpoint]:
    def every(cloud: Cloud, asked: Asked) -> Any:
        whole = ResourceId.parse(asked.path.rpartition("/")[0])
        return {"value": _parts(cloud, asked, whole)}

    def one(cloud: Cloud, asked: Asked) -> Any:
        whole = ResourceId.parse(asked.path.rsplit("/", 2)[0])
        name = asked.parts["part"]
        for part in _parts(cloud, asked, whole):
            if str(part["name"]).lower() == name.lower():
                return part
        raise not_found(f"{type_name}/{key}", f"{whole.name}/{name}", whole.group)

    def _parts(cloud: Cloud, asked: Asked, whole: ResourceId) -> list[dict[str, Any]]:
        found = cloud.resources.need(whole)
        shown = cloud.kinds.need(whole).shown(cloud, found, Call(whole, asked.caller, query=asked.query))
        return [{"type": f"{type_name}/{key}"} | part for part in shown["properties"].get(key) or ()]

    path = f"{_PROVIDERS}/{type_name}/{{whole}}/{key}"
    action = f"{type_name}/{key}/read"
    return Endpoint("GET", path, grade, every, action), Endpoint(
        "GET", f"{path}/{{part}}", grade, one, action
    )


ENDPOINTS: tuple[Endpoint, ...] = tuple(one for row in _ARRAYS for one in _endpoints(*row))
