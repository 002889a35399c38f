"""The sizes of virtual machines, as Azure documents them, and what of them this machine can give.

Source: Microsoft Learn, "Sizes for virtual machines in Azure": processors, memory, data disks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.errors import CloudError

ZONES = ("1", "2", "3")


@dataclass(frozen=True, slots=True)
class Size:
    """One size. `memory_mib` is Azure's; `temporary_mib` is the size of a temporary disk in Azure, or 0."""

    name: str
    family: str
    cpus: int
    memory_mib: int
    data_disks: int
    nics: int = 2
    temporary_mib: int = 0
    nvme: bool = False
    premium: bool = True


def _series(pattern: str, family: str, rows: str, **more: Any) -> list[Size]:
    """Give a series: `rows` are cpus:GiB:disks."""
    found = []
    for row in rows.split():
        cpus, gib, disks = row.split(":")
        memory = int(float(gib) * 1024)
        found.append(Size(pattern.format(cpus), family, int(cpus), memory, int(disks), **more))
    return found


_ALL = (
    Size("Standard_B1ls", "standardBSFamily", 1, 512, 2, temporary_mib=4096),
    Size("Standard_B1s", "standardBSFamily", 1, 1024, 2, temporary_mib=4096),
    Size("Standard_B1ms", "standardBSFamily", 1, 2048, 2, temporary_mib=4096),
    Size("Standard_B2s", "standardBSFamily", 2, 4096, 4, 3, 8192),
    Size("Standard_B2ms", "standardBSFamily", 2, 8192, 4, 3, 16384),
    Size("Standard_B4ms", "standardBSFamily", 4, 16384, 8, 4, 32768),
    Size("Standard_B2ts_v2", "standardBsv2Family", 2, 1024, 4),
    Size("Standard_B2ls_v2", "standardBsv2Family", 2, 4096, 4),
    Size("Standard_B2s_v2", "standardBsv2Family", 2, 8192, 4),
    Size("Standard_DS1_v2", "standardDSv2Family", 1, 3584, 4, 2, 7168),
    Size("Standard_DS2_v2", "standardDSv2Family", 2, 7168, 8, 2, 14336),
    Size("Standard_DS3_v2", "standardDSv2Family", 4, 14336, 16, 4, 28672),
    Size("Standard_D1_v2", "standardDv2Family", 1, 3584, 4, 2, 51200, premium=False),
    Size("Standard_D2_v2", "standardDv2Family", 2, 7168, 8, 2, 102400, premium=False),
    *_series("Standard_D{}s_v3", "standardDSv3Family", "2:8:4 4:16:8 8:32:16", temporary_mib=16384),
    *_series("Standard_D{}s_v4", "standardDSv4Family", "2:8:4 4:16:8 8:32:16"),
    *_series("Standard_D{}s_v5", "standardDSv5Family", "2:8:4 4:16:8 8:32:16 16:64:32"),
    *_series("Standard_D{}ds_v5", "standardDDSv5Family", "2:8:4 4:16:8 8:32:16", temporary_mib=76800),
    *_series("Standard_D{}as_v5", "standardDASv5Family", "2:8:4 4:16:8 8:32:16"),
    *_series("Standard_D{}s_v6", "standardDsv6Family", "2:8:8 4:16:12 8:32:24", nvme=True),
    *_series("Standard_D{}as_v6", "standardDav6Family", "2:8:4 4:16:8 8:32:16", nvme=True),
    *_series("Standard_E{}s_v5", "standardESv5Family", "2:16:4 4:32:8 8:64:16"),
    *_series("Standard_F{}s_v2", "standardFSv2Family", "2:4:4 4:8:8 8:16:16"),
    *_series("Standard_F{}als_v6", "standardFalv6Family", "2:4:4 4:8:8", nvme=True),
)
SIZES = {size.name.lower(): size for size in _ALL}
FAMILIES = {size.family: size.family.removeprefix("standard").removesuffix("Family") for size in _ALL}


def need_size(name: str, location: str) -> Size:
    """Give a size by its name; raises CloudError, with Azure's words, for one that there is not."""
    found = SIZES.get(name.lower())
    if found is None:
        known = ", ".join(sorted(size.name for size in SIZES.values()))
        raise CloudError(
            400,
            "InvalidParameter",
            f"The value {name} provided for the VM size is not valid. The valid sizes in the current region "
            f"are: {known}. Find out more on the valid VM sizes in each region at "
            "https://aka.ms/azure-regionservices.",
            target="vmSize",
        )
    if location and location not in LOCATIONS:
        raise CloudError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type "
            "'Microsoft.Compute/virtualMachines'. List of available regions for the resource type is "
            f"'{','.join(LOCATIONS)}'.",
        )
    return found


def as_vm_size(size: Size) -> dict[str, Any]:
    """Give a size as `locations/…/vmSizes` shows it."""
    return {
        "name": size.name,
        "numberOfCores": size.cpus,
        "osDiskSizeInMB": 1047552,
        "resourceDiskSizeInMB": size.temporary_mib,
        "memoryInMB": size.memory_mib,
        "maxDataDiskCount": size.data_disks,
    }


def as_sku(size: Size, location: str) -> dict[str, Any]:
    """Give a size in one region as `Microsoft.Compute/skus` shows it."""
    capabilities = {
        "MaxResourceVolumeMB": size.temporary_mib,
        "OSVhdSizeMB": 1047552,
        "vCPUs": size.cpus,
        "MemoryPreservingMaintenanceSupported": True,
        "HyperVGenerations": "V2" if size.nvme else "V1,V2",
        "DiskControllerTypes": "NVMe" if size.nvme else "SCSI",
        "MemoryGB": f"{size.memory_mib / 1024:g}",
        "MaxDataDiskCount": size.data_disks,
        "CpuArchitectureType": "x64",
        "LowPriorityCapable": True,
        "PremiumIO": size.premium,
        "VMDeploymentTypes": "IaaS",
        "vCPUsAvailable": size.cpus,
        "vCPUsPerCore": 1,
        "EphemeralOSDiskSupported": size.temporary_mib > 0,
        "EncryptionAtHostSupported": False,
        "AcceleratedNetworkingEnabled": False,
        "RdmaEnabled": False,
        "MaxNetworkInterfaces": size.nics,
    }
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": size.family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": list(ZONES), "zoneDetails": []}],
        "capabilities": [{"name": name, "value": str(value)} for name, value in capabilities.items()],
        "restrictions": [],
    }
