"""Virtual machines, their disks and images: records that really boot.

`CloudMachines` is the service behind all of it; `routes` are what the web server answers without a login.
"""

from __future__ import annotations

from bluejacket.cloud.arm.endpoint import Endpoint
from bluejacket.cloud.arm.kind import Kind
from bluejacket.cloud.compute import refused
from bluejacket.cloud.compute.catalogue import ENDPOINTS as CATALOGUE
from bluejacket.cloud.compute.catalogue import aliases
from bluejacket.cloud.compute.disks import Disks, Snapshots
from bluejacket.cloud.compute.downloads import routes
from bluejacket.cloud.compute.extensions import Extensions
from bluejacket.cloud.compute.galleries import Definitions, Galleries
from bluejacket.cloud.compute.galleryversions import Versions
from bluejacket.cloud.compute.images import Images
from bluejacket.cloud.compute.keys import SshPublicKeys
from bluejacket.cloud.compute.limits import Limits
from bluejacket.cloud.compute.machines import CloudMachines
from bluejacket.cloud.compute.runcommand import ENDPOINTS as COMMANDS
from bluejacket.cloud.compute.runcommand import RunCommands
from bluejacket.cloud.compute.sets import AvailabilitySets, ProximityPlacementGroups
from bluejacket.cloud.compute.vms import VirtualMachines

KINDS: tuple[Kind, ...] = (
    Disks(),
    Snapshots(),
    Images(),
    Galleries(),
    Definitions(),
    Versions(),
    SshPublicKeys(),
    AvailabilitySets(),
    ProximityPlacementGroups(),
    VirtualMachines(),
    Extensions(),
    RunCommands(),
    *refused.KINDS,
)

ENDPOINTS: tuple[Endpoint, ...] = (*CATALOGUE, *COMMANDS, *refused.ENDPOINTS)

__all__ = ["ENDPOINTS", "KINDS", "CloudMachines", "Limits", "aliases", "routes"]
