"""Resource ids: compared without regard to case, given back as they were spelled.

Source: Azure Resource Manager, "Resource naming rules": names, types and ids are case-insensitive.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from bluejacket.cloud.arm.errors import CloudError


@dataclass(frozen=True)
class ResourceId:
    """`/subscriptions/S/resourceGroups/G/providers/N/T1/n1/T2/n2`, in parts.

    `group` is empty for what hangs on the subscription alone, `provider` for the subscription and its
    groups themselves. An id with one type more than names is that of a collection. `scope` is what an
    extension resource (a lock, a role assignment) hangs on, and empty for everything else.
    """

    subscription: str
    group: str = ""
    provider: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    scope: str = ""

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Read an id or a path; doubled and trailing slashes count for nothing.

        Raises CloudError (400 InvalidResourceId) for what is none.
        """
        return _parsed(text)

    @classmethod
    def _parse(cls, text: str) -> ResourceId:
        words = [word for word in text.split("/") if word]
        lower = [word.lower() for word in words]
        last = max((at for at, word in enumerate(lower) if word == "providers"), default=None)
        scope = ""
        if last is not None and "providers" in lower[:last]:
            scope = "/" + "/".join(words[:last])
        if len(words) < 2 or lower[0] != "subscriptions":
            raise CloudError(400, "InvalidResourceId", f"'{text}' is not a valid resource id.")
        subscription, at, group = words[1], 2, ""
        if lower[at : at + 1] == ["resourcegroups"]:
            if len(words) < 4:
                return cls(subscription, types=("resourceGroups",))
            group, at = words[3], 4
        if last is None:
            if len(words) > at:
                raise CloudError(400, "InvalidResourceId", f"'{text}' is not a valid resource id.")
            return cls(subscription, group)
        if len(words) < last + 2:
            raise CloudError(400, "InvalidResourceId", f"'{text}' names no resource provider.")
        rest = words[last + 2 :]
        return cls(subscription, group, words[last + 1], tuple(rest[0::2]), tuple(rest[1::2]), scope)

    @property
    def name(self) -> str:
        """The last name; of a resource group or subscription, its own."""
        return self.names[-1] if self.names else (self.group or self.subscription)

    @property
    def type(self) -> str:
        """The type as `Microsoft.Network/virtualNetworks/subnets`, as spelled."""
        if not self.provider:
            group = self.group or "resourceGroups" in self.types
            return "Microsoft.Resources/resourceGroups" if group else "Microsoft.Resources/subscriptions"
        return "/".join((self.provider, *self.types))

    @property
    def is_collection(self) -> bool:
        """True for the id of a list: a type without the name that belongs to it."""
        return len(self.types) > len(self.names)

    @cached_property
    def text(self) -> str:
        """The id as spelled."""
        if self.scope:
            path = self.scope
        else:
            path = f"/subscriptions/{self.subscription}"
            path += f"/resourceGroups/{self.group}" if self.group else ""
        if not self.provider:
            return path + ("/resourceGroups" if self.types else "")
        path += f"/providers/{self.provider}"
        for at, kind in enumerate(self.types):
            path += f"/{kind}" + (f"/{self.names[at]}" if at < len(self.names) else "")
        return path

    @cached_property
    def key(self) -> str:
        """The id in lower case: two ids are the same if their keys are."""
        return self.text.lower()

    @property
    def parent(self) -> ResourceId:
        """The resource that this one is part of; of a top-level one, its group (or subscription)."""
        if len(self.names) > 1:
            return ResourceId(
                self.subscription, self.group, self.provider, self.types[:-1], self.names[:-1], self.scope
            )
        return ResourceId(self.subscription, self.group)

    def child(self, kind: str, name: str) -> ResourceId:
        """Give the id of a part of this resource."""
        return ResourceId(
            self.subscription, self.group, self.provider, (*self.types, kind), (*self.names, name), self.scope
        )

    def sibling(self, kind: str, name: str) -> ResourceId:
        """Give the id of a top-level resource of the same group; `kind` is `Microsoft.Compute/disks`."""
        provider, _, rest = kind.partition("/")
        return ResourceId(self.subscription, self.group, provider, (rest,), (name,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        return self.text


_parsed = lru_cache(maxsize=1 << 16)(ResourceId._parse)  # lists have the same ids by the thousand
