"""All functions of the template language, by name in lower case."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bluejacket.cloud.deploy.functions.cidr import CIDRS
from bluejacket.cloud.deploy.functions.collections import COLLECTIONS
from bluejacket.cloud.deploy.functions.dates import DATES
from bluejacket.cloud.deploy.functions.encodings import ENCODINGS
from bluejacket.cloud.deploy.functions.lambdas import LAMBDAS
from bluejacket.cloud.deploy.functions.numbers import NUMBERS
from bluejacket.cloud.deploy.functions.scopes import SCOPES
from bluejacket.cloud.deploy.functions.strings import STRINGS
from bluejacket.cloud.deploy.functions.zones import ZONES
from bluejacket.cloud.deploy.scope import Function

_LIBRARIES = (CIDRS, COLLECTIONS, DATES, ENCODINGS, LAMBDAS, NUMBERS, SCOPES, STRINGS, ZONES)

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {name: function for library in _LIBRARIES for name, function in library.functions.items()}
)
