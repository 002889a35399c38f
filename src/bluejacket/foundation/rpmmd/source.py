"""Where a repository is found, and which keys may sign for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from bluejacket.definition.foundation import Repository as Definition
    from bluejacket.definition.foundation import RpmmdFoundation
    from bluejacket.foundation.openpgp import Keyring

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")  # dnf5-conf(5): $releasever, ${releasever}


class Source(NamedTuple):
    """One repository to take packages from. Exactly one of the three ways to a mirror is given.

    Without a keyring only metadata of this machine's own disk is read, and no package. `priority` is
    DNF's: the lowest number's packages win. `exclude` holds name patterns.
    """

    id: str
    keyring: Keyring | None = None
    metalink: str = ""
    mirrorlist: str = ""
    baseurls: tuple[str, ...] = ()
    metadata_signed: bool = True
    priority: int = 99
    exclude: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    """Module streams to enable besides the default ones, as NAME:STREAM."""

    @property
    def keys(self) -> Keyring:
        """The keyring. Raises UserError if there is none."""
        if self.keyring is None:
            raise UserError(Fault(f"{self.id} has no keys", "name the keys that may sign for it"))
        return self.keyring


def source_of(foundation: RpmmdFoundation, repository: Definition, definitions: Path) -> Source:
    """Give what a definition describes; its key files stand below the folder `definitions`.

    Raises UserError when a key file lacks a named key or an address names an unknown variable.
    """
    variables = {"releasever": foundation.release, "basearch": foundation.architecture}
    variables["arch"] = foundation.architecture

    def expanded(address: str | None) -> str:
        return expand(address or "", variables, repository.id)

    return Source(
        id=repository.id,
        keyring=_keyring([definitions / file for file in repository.key_files], repository.keys),
        metalink=expanded(repository.metalink),
        mirrorlist=expanded(repository.mirrorlist),
        baseurls=tuple(expanded(address) for address in repository.baseurls),
        metadata_signed=repository.metadata_signed,
        priority=repository.priority,
        exclude=tuple(repository.exclude),
    )


def expand(address: str, variables: dict[str, str], name: str) -> str:
    """Replace DNF's variables in an address. Raises UserError for an unknown one."""

    def value(found: re.Match[str]) -> str:
        variable = found[1] or found[2]
        if variable not in variables:
            known = ", ".join(f"${known}" for known in variables)
            raise UserError(Fault(f"{name}: unknown variable ${variable} in {address}", f"known are {known}"))
        return variables[variable]

    return _VARIABLE.sub(value, address)


def _keyring(files: list[Path], keys: tuple[str, ...]) -> Keyring:
    from bluejacket.foundation.openpgp import Keyring

    data = b"".join(bytes(cert) for file in files for cert in Keyring.read(file).certs)
    return Keyring.parse(data, ", ".join(str(file) for file in files), only=keys)
