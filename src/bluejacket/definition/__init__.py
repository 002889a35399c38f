"""The distribution as it is written under `distro/`: read, checked, and frozen.

`load(folder)` gives `Definitions`; `Definitions.release("4")` gives one `Release` with every name looked up.

A name is imported when it is first asked for: who composes a feed needs what a feed is, and not all of this.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bluejacket.definition.advisory import (
        Advisory,
        AdvisoryKind,
        AdvisoryReference,
        Justification,
        Severity,
        Unaffected,
    )
    from bluejacket.definition.catalogue import Offer
    from bluejacket.definition.component import Component, ComponentKind, Group
    from bluejacket.definition.definitions import Definitions, load
    from bluejacket.definition.distribution import Distribution
    from bluejacket.definition.feed import Feed
    from bluejacket.definition.foundation import (
        AnyFoundation,
        DebianFoundation,
        Repository,
        RpmmdFoundation,
        Suite,
    )
    from bluejacket.definition.image import Expected, Image, ImageFormat, Profile, SELinux, Services
    from bluejacket.definition.options import Options
    from bluejacket.definition.overlay import (
        Access,
        AddedFile,
        AddedFolder,
        Edit,
        Link,
        Overlay,
        Review,
        ScriptKind,
    )
    from bluejacket.definition.release import Origin, Release, ReleaseTable, Tools

_HOMES = {
    "advisory": (
        "Advisory",
        "AdvisoryKind",
        "AdvisoryReference",
        "Justification",
        "Severity",
        "Unaffected",
    ),
    "catalogue": ("Offer",),
    "component": (
        "Component",
        "ComponentKind",
        "Group",
    ),
    "distribution": ("Distribution",),
    "feed": ("Feed",),
    "foundation": (
        "AnyFoundation",
        "DebianFoundation",
        "Repository",
        "RpmmdFoundation",
        "Suite",
    ),
    "image": (
        "Expected",
        "Image",
        "ImageFormat",
        "Profile",
        "SELinux",
        "Services",
    ),
    "definitions": (
        "Definitions",
        "load",
    ),
    "options": ("Options",),
    "overlay": (
        "Access",
        "AddedFile",
        "AddedFolder",
        "Edit",
        "Link",
        "Overlay",
        "Review",
        "ScriptKind",
    ),
    "release": (
        "Origin",
        "Release",
        "ReleaseTable",
        "Tools",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for from the module that has it (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return found


__all__ = [
    "Access",
    "AddedFile",
    "AddedFolder",
    "Advisory",
    "AdvisoryKind",
    "AdvisoryReference",
    "AnyFoundation",
    "Component",
    "ComponentKind",
    "DebianFoundation",
    "Definitions",
    "Distribution",
    "Edit",
    "Expected",
    "Feed",
    "Group",
    "Image",
    "ImageFormat",
    "Justification",
    "Link",
    "Offer",
    "Options",
    "Origin",
    "Overlay",
    "Profile",
    "Release",
    "ReleaseTable",
    "Repository",
    "Review",
    "RpmmdFoundation",
    "SELinux",
    "ScriptKind",
    "Services",
    "Severity",
    "Suite",
    "Tools",
    "Unaffected",
    "load",
]
