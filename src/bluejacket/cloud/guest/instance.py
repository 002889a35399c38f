"""/metadata/instance: a machine's own description, as Azure documents it, version by version.

All values are strings; what a machine has not is there and empty. Source: Microsoft Learn, "Azure
Instance Metadata Service", tables "Compute", "Storage profile" and "Network" with the version that
introduced each field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.guest.askers import Asker, Askers

VERSIONS = (
    "2017-03-01", "2017-04-02", "2017-08-01", "2017-10-01", "2017-12-01", "2018-02-01", "2018-04-02",
    "2018-10-01", "2019-02-01", "2019-03-11", "2019-04-30", "2019-06-01", "2019-06-04", "2019-08-01",
    "2019-08-15", "2019-11-01", "2020-06-01", "2020-07-15", "2020-09-01", "2020-10-01", "2020-12-01",
    "2021-01-01", "2021-02-01", "2021-03-01", "2021-05-01", "2021-08-01", "2021-10-01", "2021-11-01",
    "2021-11-15", "2021-12-13", "2023-07-01", "2023-11-15", "2024-03-15", "2024-07-17", "2025-04-07",
)  # fmt: skip

# The oldest version that has a field, where it is not as old as the service
_SINCE = {
    "resourceGroupName": "2017-08-01",
    "placementGroupId": "2017-08-01",
    "subscriptionId": "2017-08-01",
    "tags": "2017-08-01",
    "vmScaleSetName": "2017-12-01",
    "zone": "2017-12-01",
    "plan": "2018-04-02",
    "publicKeys": "2018-04-02",
    "azEnvironment": "2018-10-01",
    "provider": "2018-10-01",
    "customData": "2019-02-01",
    "resourceId": "2019-03-11",
    "storageProfile": "2019-06-01",
    "tagsList": "2019-06-04",
    "isHostCompatibilityLayerVm": "2020-06-01",
    "securityProfile": "2020-06-01",
    "osProfile": "2020-07-15",
    "licenseType": "2020-09-01",
    "evictionPolicy": "2020-12-01",
    "priority": "2020-12-01",
    "userData": "2021-01-01",
    "extendedLocation": "2021-03-01",
    "virtualMachineScaleSet": "2021-03-01",
    "platformSubFaultDomain": "2021-10-01",
    "additionalCapabilities": "2021-11-01",
    "host": "2021-11-15",
    "hostGroup": "2021-11-15",
    "physicalZone": "2023-11-15",
    "osProfile.disablePasswordAuthentication": "2020-10-01",
    "securityProfile.encryptionAtHost": "2021-11-01",
    "securityProfile.securityType": "2021-12-13",
    "storageProfile.resourceDisk": "2021-02-01",
    "storageProfile.imageReference.communityGalleryImageId": "2023-07-01",
    "storageProfile.imageReference.sharedGalleryImageId": "2023-07-01",
    "storageProfile.imageReference.exactVersion": "2023-07-01",
    "storageProfile.dataDisks.bytesPerSecondThrottle": "2021-05-01",
    "storageProfile.dataDisks.diskCapacityBytes": "2021-05-01",
    "storageProfile.dataDisks.isSharedDisk": "2021-05-01",
    "storageProfile.dataDisks.isUltraDisk": "2021-05-01",
    "storageProfile.dataDisks.opsPerSecondThrottle": "2021-05-01",
}


def instance(asker: Asker, askers: Askers, version: str, environment: str, *, extended: bool) -> Any:
    """Give the whole document of a machine; `extended` adds what its provisioning asks for."""
    found = {"compute": compute(asker, version, environment), "network": network(asker, askers)}
    if extended:
        held = asker.vm.hidden.get("customData") or (asker.vm.properties.get("osProfile") or {}).get(
            "customData"
        )
        # Nothing here is provisioned before somebody asks for it.
        found["extended"] = {"compute": {"hasCustomData": bool(held), "ppsType": "None"}}
    return found


def compute(asker: Asker, version: str, environment: str) -> dict[str, Any]:
    """Give what the machine is, in the shape of a version."""
    vm, has = asker.vm, asker.vm.properties
    os_profile, storage = _at(has, "osProfile"), _at(has, "storageProfile")
    linux, image = _at(os_profile, "linuxConfiguration"), _at(storage, "imageReference")
    security, plan = _at(has, "securityProfile"), _at(vm.top, "plan")
    scale_set = _text(_at(has, "virtualMachineScaleSet"), "id")
    whole = {
        "additionalCapabilities": {
            "hibernationEnabled": _flag(_at(has, "additionalCapabilities").get("hibernationEnabled"))
        },
        "azEnvironment": environment,
        "customData": "",
        "evictionPolicy": _text(has, "evictionPolicy"),
        "extendedLocation": {key: _text(_at(vm.top, "extendedLocation"), key) for key in ("name", "type")},
        "host": {"id": _text(_at(has, "host"), "id")},
        "hostGroup": {"id": _text(_at(has, "hostGroup"), "id")},
        "isHostCompatibilityLayerVm": "false",
        "licenseType": _text(has, "licenseType"),
        "location": vm.location,
        "name": vm.id.name,
        "offer": _text(image, "offer"),
        "osProfile": {
            "adminUsername": _text(os_profile, "adminUsername"),
            "computerName": _text(os_profile, "computerName"),
            "disablePasswordAuthentication": _flag(linux.get("disablePasswordAuthentication")),
        },
        "osType": "Linux",
        "physicalZone": "",
        "placementGroupId": "",
        "plan": {key: _text(plan, key) for key in ("name", "product", "publisher")},
        "platformFaultDomain": _text(has, "platformFaultDomain") or "0",
        "platformSubFaultDomain": "",
        "platformUpdateDomain": _text(has, "platformUpdateDomain") or "0",
        "priority": _text(has, "priority"),
        "provider": "Microsoft.Compute",
        "publicKeys": [
            {"keyData": _text(key, "keyData").strip(), "path": _text(key, "path")}
            for key in _at(linux, "ssh").get("publicKeys") or []
        ],
        "publisher": _text(image, "publisher"),
        "resourceGroupName": vm.id.group,
        "resourceId": vm.id.text,
        "securityProfile": {
            "encryptionAtHost": _flag(security.get("encryptionAtHost")),
            "secureBootEnabled": _flag(_at(security, "uefiSettings").get("secureBootEnabled")),
            "securityType": _text(security, "securityType"),
            "virtualTpmEnabled": _flag(_at(security, "uefiSettings").get("vTpmEnabled")),
        },
        "sku": _text(image, "sku"),
        "storageProfile": _storage(storage, image),
        "subscriptionId": vm.id.subscription,
        "tags": ";".join(f"{name}:{value}" for name, value in sorted(vm.tags.items())),
        "tagsList": [{"name": name, "value": value} for name, value in sorted(vm.tags.items())],
        "userData": str(vm.hidden.get("userData") or has.get("userData") or ""),
        "version": _text(image, "exactVersion") or _text(image, "version"),
        "virtualMachineScaleSet": {"id": scale_set},
        "vmId": asker.vm_id,
        "vmScaleSetName": scale_set.rpartition("/")[2],
        "vmSize": _text(_at(has, "hardwareProfile"), "vmSize"),
        "zone": str(next(iter(vm.top.get("zones") or []), "")),
    }
    found: dict[str, Any] = _of_version(whole, version, "")
    return found


def network(asker: Asker, askers: Askers) -> dict[str, Any]:
    """Give the machine's interfaces. A Standard public IP is told by /metadata/loadbalancer instead."""
    return {"interface": [_interface(nic, askers) for nic in asker.nics]}


def public_addresses(asker: Asker, askers: Askers, *, standard: bool) -> Iterator[tuple[str, str]]:
    """Give private and public addresses that belong together, of Standard public IPs or of Basic ones."""
    for nic in asker.nics:
        for one in _configurations(nic):
            public = _public(one, askers, standard=standard)
            if public:
                yield _text(one, "privateIPAddress"), public


def _interface(nic: Resource, askers: Askers) -> dict[str, Any]:
    v4 = [one for one in _configurations(nic) if ":" not in _text(one, "privateIPAddress")]
    v6 = [one for one in _configurations(nic) if ":" in _text(one, "privateIPAddress")]
    subnets = dict.fromkeys(_text(_at(one, "subnet"), "id") for one in v4)
    return {
        "ipv4": {
            "ipAddress": [
                {
                    "privateIpAddress": _text(one, "privateIPAddress"),
                    "publicIpAddress": _public(one, askers, standard=False),
                }
                for one in v4
            ],
            "subnet": [found for one in subnets if (found := _subnet(one, askers))],
        },
        "ipv6": {"ipAddress": [{"privateIpAddress": _text(one, "privateIPAddress")} for one in v6]},
        "macAddress": _text(nic.properties, "macAddress").replace("-", "").replace(":", "").upper(),
    }


def _configurations(nic: Resource) -> list[dict[str, Any]]:
    found = [_at(one, "properties") for one in nic.properties.get("ipConfigurations") or []]
    return sorted(found, key=lambda one: _flag(one.get("primary", True)) != "true")


def _public(configuration: Mapping[str, Any], askers: Askers, *, standard: bool) -> str:
    record = askers.resource(_text(_at(configuration, "publicIPAddress"), "id"))
    if record is None or (_text(_at(record.top, "sku"), "name").lower() == "standard") is not standard:
        return ""
    return _text(record.properties, "ipAddress")


def _subnet(text: str, askers: Askers) -> dict[str, str]:
    """Give a subnet's address and length: it has a record of its own, or stands in its network's."""
    record = askers.resource(text)
    prefix = _prefix(record.properties) if record else ""
    if not prefix and text:
        try:
            subnet_id = ResourceId.parse(text)
        except CloudError:
            return {}
        inside = askers.resource(subnet_id.parent.text)
        for one in inside.properties.get("subnets") or [] if inside else []:
            if str(one.get("name", "")).lower() == subnet_id.name.lower():
                prefix = _prefix(_at(one, "properties"))
    if not prefix:
        return {}
    net = ip_network(prefix, strict=False)
    return {"address": str(net.network_address), "prefix": str(net.prefixlen)}


def _prefix(properties: Mapping[str, Any]) -> str:
    return str(properties.get("addressPrefix") or next(iter(properties.get("addressPrefixes") or []), ""))


def _storage(storage: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    references = (
        "communityGalleryImageId", "exactVersion", "id", "offer", "publisher", "sharedGalleryImageId",
        "sku", "version",
    )  # fmt: skip
    return {
        "dataDisks": [_data_disk(one) for one in storage.get("dataDisks") or []],
        "imageReference": {key: _text(image, key) for key in references},
        "osDisk": _os_disk(_at(storage, "osDisk")),
        "resourceDisk": {"size": "0"},
    }


def _disk(disk: Mapping[str, Any]) -> dict[str, Any]:
    managed = _at(disk, "managedDisk")
    return {
        "caching": _text(disk, "caching"),
        "createOption": _text(disk, "createOption"),
        "diskSizeGB": _text(disk, "diskSizeGB"),
        "image": {"uri": _text(_at(disk, "image"), "uri")},
        "managedDisk": {key: _text(managed, key) for key in ("id", "storageAccountType")},
        "name": _text(disk, "name"),
        "vhd": {"uri": _text(_at(disk, "vhd"), "uri")},
        "writeAcceleratorEnabled": _flag(disk.get("writeAcceleratorEnabled")),
    }


def _os_disk(disk: Mapping[str, Any]) -> dict[str, Any]:
    settings: Callable[[str], dict[str, Any]] = lambda key: _at(_at(disk, "encryptionSettings"), key)  # noqa: E731
    secret, key = settings("diskEncryptionKey"), settings("keyEncryptionKey")
    return _disk(disk) | {
        "diffDiskSettings": {"option": _text(_at(disk, "diffDiskSettings"), "option")},
        "encryptionSettings": {
            "enabled": _flag(_at(disk, "encryptionSettings").get("enabled")),
            "diskEncryptionKey": {
                "sourceVault": {"id": _text(_at(secret, "sourceVault"), "id")},
                "secretUrl": _text(secret, "secretUrl"),
            },
            "keyEncryptionKey": {
                "sourceVault": {"id": _text(_at(key, "sourceVault"), "id")},
                "keyUrl": _text(key, "keyUrl"),
            },
        },
        "osType": "Linux",
    }


def _data_disk(disk: Mapping[str, Any]) -> dict[str, Any]:
    """Give a data disk; what only an Ultra Disk says of itself is empty."""
    ultra = {"bytesPerSecondThrottle": "", "diskCapacityBytes": "", "isSharedDisk": "false"}
    return (
        _disk(disk) | ultra | {"isUltraDisk": "false", "lun": _text(disk, "lun"), "opsPerSecondThrottle": ""}
    )


def _of_version(found: Any, version: str, path: str) -> Any:
    """Leave out what a version does not have yet."""
    if isinstance(found, dict):
        below = {key: f"{path}.{key}" if path else key for key in found}
        return {
            key: _of_version(value, version, below[key])
            for key, value in found.items()
            if _SINCE.get(below[key], "") <= version
        }
    if isinstance(found, list):
        return [_of_version(one, version, path) for one in found]
    return found


def _at(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _text(found: Mapping[str, Any], key: str) -> str:
    """Give a value as text: absent and null are empty; keys differ in case between clients (diskSizeGb)."""
    value = found.get(key)
    if value is None:
        value = next((one for name, one in found.items() if name.lower() == key.lower()), None)
    return "" if value is None else str(value)


def _flag(value: Any) -> str:
    return "true" if str(value).lower() == "true" else "false"
