"""What Azure's compute provider has and this cloud has not: types, properties and paths that are refused.

Each is declared, so that `bluejacket cloud coverage` names it; none is ever kept as if it meant something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from bluejacket.cloud.arm.endpoint import Asked, Endpoint
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import DELETE, GET, LIST, PATCH, PUT, Cloud, Grade, Kind, Verb

_ALL = (GET, LIST, PUT, PATCH, DELETE)
_SETS = "Microsoft.Compute/virtualMachineScaleSets"
_NO_SETS = "scale sets are not served; make machines by `az vm create --count` or a template's copy"
_NO_APPLICATIONS = "gallery applications are not served; install packages from the feed"
_NO_HOSTS = "all machines run on this one host"
_NO_KEYS = "disks are files of this host, without encryption of their own"
_SET_ACTIONS = (
    "approverollingupgrade converttosingleplacementgroup deallocate delete extensionrollingupgrade "
    "forcerecoveryservicefabricplatformupdatedomainwalk manualupgrade osrollingupgrade performmaintenance "
    "poweroff reapply redeploy reimage reimageall restart rollingupgrades/cancel "
    "setorchestrationservicestate start"
)
_SET_VIEWS = "instanceview networkinterfaces osupgradehistory publicipaddresses rollingupgrades/latest skus"
_INSTANCE_ACTIONS = "deallocate performmaintenance poweroff redeploy reimage reimageall restart runcommand "
_INSTANCE_ACTIONS += "simulateeviction start"


def _refuse(name: str, why: str, actions: str = "", views: str = "") -> Kind:
    class Refused(Kind):
        type: ClassVar[str] = name
        verbs: ClassVar[Mapping[str, Verb]] = {
            **{verb: Verb(Grade.REFUSED, note=why) for verb in (*_ALL, *actions.split())},
            **{verb: Verb(Grade.REFUSED, note=why, method="GET") for verb in views.split()},
        }

    return Refused()


KINDS: tuple[Kind, ...] = (
    _refuse(_SETS, _NO_SETS, _SET_ACTIONS, _SET_VIEWS),
    _refuse(f"{_SETS}/virtualMachines", _NO_SETS, _INSTANCE_ACTIONS, "instanceview networkinterfaces"),
    _refuse(f"{_SETS}/virtualMachines/runCommands", _NO_SETS),
    _refuse(f"{_SETS}/extensions", _NO_SETS),
    _refuse("Microsoft.Insights/autoscaleSettings", _NO_SETS),
    _refuse("Microsoft.Compute/galleries/applications", _NO_APPLICATIONS),
    _refuse("Microsoft.Compute/galleries/applications/versions", _NO_APPLICATIONS),
    _refuse("Microsoft.Compute/galleries/inVMAccessControlProfiles", "every process of a guest may ask"),
    _refuse("Microsoft.Compute/hostGroups", _NO_HOSTS),
    _refuse("Microsoft.Compute/hostGroups/hosts", _NO_HOSTS),
    _refuse("Microsoft.Compute/capacityReservationGroups", _NO_HOSTS),
    _refuse("Microsoft.Compute/capacityReservationGroups/capacityReservations", _NO_HOSTS),
    _refuse("Microsoft.Compute/diskEncryptionSets", _NO_KEYS),
    _refuse("Microsoft.Compute/diskAccesses", "disks are read by addresses of this host alone"),
    _refuse("Microsoft.Compute/restorePointCollections", "take snapshots of the disks"),
    _refuse("Microsoft.VirtualMachineImages/imageTemplates", "`bluejacket image build` builds images"),
)

_PROPERTIES = (
    (("applicationProfile", "galleryApplications"), _NO_APPLICATIONS),
    (("virtualMachineScaleSet",), _NO_SETS),
    (("host",), _NO_HOSTS),
    (("hostGroup",), _NO_HOSTS),
    (("capacityReservation", "capacityReservationGroup"), _NO_HOSTS),
    (("securityProfile", "encryptionAtHost"), _NO_KEYS),
    (("additionalCapabilities", "ultraSSDEnabled"), "no disk is faster than the others"),
    (("additionalCapabilities", "hibernationEnabled"), "machines cannot hibernate"),
)


def refuse_properties(properties: dict[str, Any]) -> None:
    """Raise CloudError (409 OperationNotAllowed) when a machine is asked to have what none has here."""
    for path, why in _PROPERTIES:
        found: Any = properties
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found:
            name = ".".join(path)
            what = f"The property '{name}' of virtual machines is not available here: {why}."
            raise CloudError(409, "OperationNotAllowed", what, target=name)


def _others(_cloud: Cloud, _asked: Asked) -> Any:
    raise CloudError(409, "OperationNotAllowed", f"The operation is not available here: {_ALONE}.")


def _nothing(cloud: Cloud, asked: Asked) -> Any:
    gallery = asked.path[: asked.path.lower().index("/softdeletedartifacttypes/")]
    cloud.resources.need(ResourceId.parse(gallery))
    return {"value": []}


_ALONE = "this cloud has one subscription, and no other shares galleries with it"
_LOCATION = "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}"
_GALLERY = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{gallery}"
)

ENDPOINTS: tuple[Endpoint, ...] = (
    *(
        Endpoint("GET", f"{_LOCATION}/{kind}{rest}", Grade.REFUSED, _others, note=_ALONE)
        for kind in ("sharedGalleries", "communityGalleries")
        for rest in ("", "/{rest:path}")
    ),
    Endpoint(
        "GET",
        f"{_GALLERY}/softDeletedArtifactTypes/{{type}}/artifacts/{{artifact}}/versions",
        Grade.STORED,
        _nothing,
        "Microsoft.Compute/galleries/read",
        "what is deleted from a gallery is gone: soft deletion is refused",
    ),
)
