"""modules.yaml: streams of packages beside each other (modulemd v2, modulemd-defaults v1).

Fedora retired modularity with 39, Enterprise Linux still has it. Of a module's streams one is
active: the enabled one, else the default one. The packages of all other streams do not exist for
the solver, nor do packages outside any module that have the name of one in an active stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bluejacket.errors import Fault, UserError
from bluejacket.foundation.rpmmd.xml import Malformed


@dataclass(frozen=True, slots=True)
class Stream:
    """One build of one stream of a module. `packages` are NEVRAs with the epoch spelled out."""

    module: str
    stream: str
    version: int
    context: str
    arch: str
    requires: tuple[tuple[str, tuple[str, ...]], ...]
    packages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Modules:
    """A repository's streams, and the default stream of each module that has one."""

    streams: tuple[Stream, ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()

    def active(self, enabled: Iterable[str] = ()) -> dict[str, str]:
        """Give the active stream by module. `enabled` names streams as MODULE:STREAM.

        Raises UserError for a stream that is not there, and for two of one module.
        """
        chosen = dict(self.defaults)
        by_person: dict[str, str] = {}
        known = {(stream.module, stream.stream) for stream in self.streams}
        for entry in enabled:
            module, _, stream = entry.partition(":")
            if (module, stream) not in known:
                have = ", ".join(sorted(f"{m}:{s}" for m, s in known if m == module)) or "no stream of it"
                raise UserError(Fault(f"no module stream {entry}", f"the repository has {have}"))
            if by_person.setdefault(module, stream) != stream:
                raise UserError(Fault(f"two streams of {module} are enabled", "enable one"))
        return {**chosen, **by_person}

    def split(self, enabled: Iterable[str] = ()) -> tuple[frozenset[str], frozenset[str]]:
        """Give the NEVRAs of active streams, and those of all others."""
        active = self.active(enabled)
        shown: set[str] = set()
        hidden: set[str] = set()
        for stream in self.streams:
            (shown if active.get(stream.module) == stream.stream else hidden).update(stream.packages)
        return frozenset(shown), frozenset(hidden - shown)


def parse_modules(data: bytes, name: str) -> Modules:
    """Read a modules.yaml. Raises Malformed."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = list(yaml.load_all(data, Loader=loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # such as the date 2026-99-99
        raise Malformed(Fault(f"{name} is no YAML: {error}")) from None
    streams: list[Stream] = []
    defaults: dict[str, str] = {}
    for kind, body in _documents(documents, name):
        try:
            if kind == "modulemd":
                streams.append(_stream(body))
            elif kind == "modulemd-defaults" and "stream" in body:
                defaults[str(body["module"])] = str(body["stream"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed(Fault(f"{name} holds a {kind} that lacks {error}")) from None
    return Modules(tuple(streams), tuple(sorted(defaults.items())))


def _documents(documents: list[Any], name: str) -> Iterator[tuple[str, Any]]:
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
            raise Malformed(Fault(f"{name} holds a document that is no modulemd"))
        yield str(document.get("document", "")), document["data"]


def _stream(body: dict[str, Any]) -> Stream:
    requires: dict[str, tuple[str, ...]] = {}
    for dependency in body.get("dependencies") or ():
        for module, streams in (dependency.get("requires") or {}).items():
            requires[str(module)] = tuple(str(stream) for stream in streams)
    artifacts = (body.get("artifacts") or {}).get("rpms") or ()
    return Stream(
        module=str(body["name"]),
        stream=str(body["stream"]),
        version=int(body["version"]),
        context=str(body.get("context", "")),
        arch=str(body.get("arch", "")),
        requires=tuple(sorted(requires.items())),
        packages=frozenset(str(nevra) for nevra in artifacts),
    )
