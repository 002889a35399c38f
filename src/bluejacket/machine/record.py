"""What is written down about each machine, so that every command finds it and none is left over.

A machine's folder holds `machine.json` (this record), `process` and `ended` (written by `keeper.py`), its
disk overlay, firmware variables, seed and sockets. It belongs to its process: when that has ended,
the folder means nothing and is removed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bluejacket.errors import Fault, UserError
from bluejacket.machine.process import Process
from bluejacket.store import locked, replace_text
from bluejacket.store.files import remove_tree

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
USUAL = {"state": "running", "selinux": "Enforcing"}
"""What a machine shall say of itself if nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine as it was started. `started` is UTC in ISO 8601; `ssh_port` is 0 until it is known.

    It runs from `disk`, `tools` and `feed` (None without one): a store keeps these while it runs.
    `expected` is what its answers shall be (see `Health`).
    """

    name: str
    folder: Path
    image: str
    disk: Path
    tools: Path
    feed: Path | None
    started: str
    kept: bool
    memory_mib: int
    cpus: int
    accelerator: str
    user: str
    console: Path
    log: Path
    maker: Process
    ssh_port: int = 0
    expected: Mapping[str, str] = field(default_factory=lambda: dict(USUAL))

    @property
    def process(self) -> Process | None:
        """The machine's keeper; None before it has started."""
        return Process.kept_in(self.folder)

    @property
    def running(self) -> bool:
        """True while the machine's process lives."""
        process = self.process
        return process is not None and process.alive

    @property
    def status(self) -> int | None:
        """The exit status of the machine's command, if it has ended and said so."""
        found = self._ended()
        return None if found is None else int(found["status"])

    @property
    def cpu_seconds(self) -> float:
        """Processor time used so far by QEMU and its sandbox, in seconds."""
        found = self._ended()
        if found is not None:
            return float(found["cpu_seconds"])
        process = self.process
        return process.cpu_seconds() if process else 0.0

    def save(self) -> None:
        """Write the record, atomically."""
        text = json.dumps(asdict(self), indent=2, default=str)
        replace_text(self.folder / "machine.json", text + "\n", mode=0o600)

    def on_port(self, port: int) -> Machine:
        """Give the record with the ssh port, saved."""
        known = replace(self, ssh_port=port)
        known.save()
        return known

    def _ended(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.folder / "ended").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None


def read(folder: Path) -> Machine | None:
    """Give the machine recorded in `folder`; None if there is no whole record."""
    try:
        found = json.loads((folder / "machine.json").read_text("utf-8"))
        found |= {key: Path(found[key]) for key in ("disk", "tools", "console", "log")}
        found["feed"] = Path(found["feed"]) if found["feed"] else None
        found |= {"folder": folder, "maker": Process.from_json(found["maker"])}
        return Machine(**found)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def list_machines(machines: Path) -> list[Machine]:
    """Give the running machines recorded below `machines`, oldest first, and clear away the dead ones."""
    tidy(machines)
    found = [read(folder) for folder in _folders(machines)]
    return sorted((one for one in found if one and one.running), key=lambda one: (one.started, one.name))


def find(machines: Path, name: str | None) -> Machine:
    """Give the running machine `name`, or the only one; raises UserError if that is none or several."""
    running = list_machines(machines)
    names = ", ".join(one.name for one in running)
    if not running:
        raise UserError(Fault("no machine is running", "`bluejacket boot --keep` starts one"))
    if name is None:
        if len(running) > 1:
            raise UserError(Fault(f"several machines are running: {names}", "name one of them"))
        return running[0]
    for one in running:
        if one.name == name:
            return one
    raise UserError(Fault(f"no machine called {name} is running", f"running: {names}"))


def reserve(machines: Path, name: str | None, base: str) -> Path:
    """Make the folder of a new machine called `name`, or the first free of `base`, `base`-2, …

    Raises UserError for a name that cannot be one, or that a running machine has.
    """
    if name is not None and not NAME.fullmatch(name):
        raise UserError(
            Fault(
                f"{name!r} cannot be a machine's name", "use up to 40 of a-z, 0-9 and -, not beginning with -"
            )
        )
    base = re.sub(r"[^a-z0-9-]", "-", base.lower())[:32].lstrip("-") or "vm"
    machines.mkdir(parents=True, exist_ok=True)
    with locked(machines / ".lock"):
        _tidy(machines)
        serial = 1
        while True:
            folder = machines / (name or (base if serial == 1 else f"{base}-{serial}"))
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                if name is not None:
                    raise UserError(
                        Fault(
                            f"a machine called {name} is running",
                            f"`bluejacket stop {name}`, or use another name",
                        )
                    ) from None
                serial += 1
                continue
            (folder / "maker").write_text(json.dumps(asdict(Process.of(os.getpid()))), "utf-8")
            return folder


def tidy(machines: Path) -> None:
    """Remove the folders of machines whose process has ended and whose maker no longer works on them."""
    if machines.is_dir():
        with locked(machines / ".lock"):
            _tidy(machines)


def _tidy(machines: Path) -> None:
    for folder in _folders(machines):
        if not _in_use(folder):
            remove_tree(folder)


def _in_use(folder: Path) -> bool:
    for name in ("process", "maker"):
        try:
            if Process.from_json(json.loads((folder / name).read_text("utf-8"))).alive:
                return True
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return False


def _folders(machines: Path) -> list[Path]:
    if not machines.is_dir():
        return []
    return [
        folder for folder in sorted(machines.iterdir()) if folder.is_dir() and NAME.fullmatch(folder.name)
    ]
