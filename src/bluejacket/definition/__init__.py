"""The distribution as it is written under `distro/`: read, checked, and frozen.

`load(folder)` gives `Definitions`; `Definitions.release("4")` gives one `Release` with every name looked up.
"""

from bluejacket.definition.component import Component, ComponentKind, Group
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
from bluejacket.definition.load import Definitions, load
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

__all__ = [
    "Access",
    "AddedFile",
    "AddedFolder",
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
    "Link",
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
    "Suite",
    "Tools",
    "load",
]
