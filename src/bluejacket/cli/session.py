"""What every command is given: where definitions and state lie, and how to talk."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bluejacket.cli.out import Out
from bluejacket.cli.progress import report_for
from bluejacket.errors import Fault, Place, UserError
from bluejacket.report import SILENT, Report
from bluejacket.store.state import state_folder

if TYPE_CHECKING:
    from bluejacket.definition import Definitions, Image, Release
    from bluejacket.store import State


@dataclass(frozen=True)
class Session:
    """One call of the program."""

    distro: Path
    state: Path
    out: Out = field(default_factory=Out)
    verbose: bool = False
    report: Report = field(default=SILENT)

    @cached_property
    def kept(self) -> State:
        """The state folder as the rooms know it."""
        from bluejacket.store import State

        return State(self.state, self.report)

    @cached_property
    def definitions(self) -> Definitions:
        """The definitions, read once. Raises UserError with every fault."""
        from bluejacket.definition import load

        return load(self.distro)

    def options(self) -> list[str]:
        """Give the global options that lead another call to the same definitions and state."""
        found = [] if self.distro == default_distro() else ["--distro", shlex.quote(str(self.distro))]
        if self.state != state_folder():
            found += ["--state", shlex.quote(str(self.state))]
        return found

    def release(self, version: str | None) -> Release:
        """Give the release named, or the newest one."""
        return self.definitions.newest() if version is None else self.definitions.release(version)

    def image(self, release: Release, name: str) -> Image:
        """Give one image of a release. Raises UserError, which names the nearest."""
        from bluejacket.definition.explain import nearest

        try:
            return release.images[name]
        except KeyError:
            what = f"release {release.version} has no image {name}"
            place = Place(self.distro / "releases" / f"{release.version}.toml", key="release.images")
            raise UserError(Fault(what, nearest(name, release.images), place)) from None


Given = Annotated[Session, Parameter(parse=False)]
"""The session as a command's parameter: the program fills it in, not the person."""


def open_session(distro: Path | None, state: Path | None, verbose: bool, as_json: bool) -> Session:
    """Give the session that the global options ask for."""
    return Session(
        distro or default_distro(),
        (state or state_folder()).absolute(),
        Out(as_json),
        verbose,
        report_for(verbose),
    )


def default_distro() -> Path:
    """Give $BLUEJACKET_DISTRO, or the `distro/` nearest above the working folder, or this checkout's."""
    if chosen := os.environ.get("BLUEJACKET_DISTRO"):
        return Path(chosen)
    for above in (Path(), *Path.cwd().parents):
        if (above / "distro" / "distribution.toml").is_file():
            return above / "distro"
    ours = Path(__file__).parents[3] / "distro"
    return ours if ours.is_dir() else Path("distro")
