"""comps.xml: groups of packages, and environments of groups."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from bluejacket.errors import Fault
from bluejacket.foundation.rpmmd.xml import Malformed, child, children, local, parse_xml, text_of

KINDS = ("mandatory", "default", "optional", "conditional")


@dataclass(frozen=True, slots=True)
class Member:
    """A package of a group. A conditional one is wanted where `requires` is installed."""

    package: str
    kind: str
    requires: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of packages under an id."""

    id: str
    name: str
    description: str
    default: bool
    user_visible: bool
    members: tuple[Member, ...]

    def packages(self, *kinds: str) -> tuple[str, ...]:
        """Give the packages of these kinds (without any: mandatory and default)."""
        wanted = kinds or ("mandatory", "default")
        return tuple(member.package for member in self.members if member.kind in wanted)


@dataclass(frozen=True, slots=True)
class Environment:
    """A choice of groups, some of them optional."""

    id: str
    name: str
    description: str
    groups: tuple[str, ...]
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comps:
    """A repository's groups and environments, by id."""

    groups: dict[str, Group]
    environments: dict[str, Environment]


def parse_comps(data: bytes, name: str) -> Comps:
    """Read a comps.xml. Raises Malformed."""
    root = parse_xml(data, name)
    if local(root.tag) != "comps":
        raise Malformed(Fault(f"{name} is no comps.xml but <{local(root.tag)}>"))
    groups = [_group(element) for element in children(root, "group")]
    environments = [_environment(element) for element in children(root, "environment")]
    return Comps({g.id: g for g in groups}, {e.id: e for e in environments})


def _group(element: Element) -> Group:
    listed = child(element, "packagelist")
    members: list[Member] = []
    for entry in () if listed is None else children(listed, "packagereq"):
        kind = entry.get("type", "mandatory")
        package = (entry.text or "").strip()
        if package and kind in KINDS:
            members.append(Member(package, kind, entry.get("requires", "")))
    return Group(
        id=text_of(element, "id"),
        name=_untranslated(element, "name"),
        description=_untranslated(element, "description"),
        default=text_of(element, "default") == "true",
        user_visible=text_of(element, "uservisible", "true") == "true",
        members=tuple(members),
    )


def _environment(element: Element) -> Environment:
    return Environment(
        id=text_of(element, "id"),
        name=_untranslated(element, "name"),
        description=_untranslated(element, "description"),
        groups=_ids(element, "grouplist"),
        options=_ids(element, "optionlist"),
    )


def _ids(element: Element, name: str) -> tuple[str, ...]:
    listed = child(element, name)
    ids = () if listed is None else children(listed, "groupid")
    return tuple((entry.text or "").strip() for entry in ids)


def _untranslated(element: Element, name: str) -> str:
    """comps repeats names in all languages; the one without xml:lang is the original."""
    for entry in children(element, name):
        if not entry.get("{http://www.w3.org/XML/1998/namespace}lang"):
            return (entry.text or "").strip()
    return ""
