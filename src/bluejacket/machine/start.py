"""Preparing and starting one machine: its folder, its disk, its seed, and QEMU."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from time import monotonic, sleep
from uuid import uuid4

from bluejacket.errors import Fault, OutsideError, UserError
from bluejacket.feed import serve
from bluejacket.machine import keeper, launch, qmp
from bluejacket.machine.firmware import own_variables
from bluejacket.machine.process import Process
from bluejacket.machine.record import USUAL, Machine
from bluejacket.machine.seed import Seed, make_seed
from bluejacket.report import SILENT, Report
from bluejacket.tools import Sandbox

FORMATS = {".raw": "raw", ".img": "raw", ".qcow2": "qcow2", ".vhd": "vpc"}
FEED_VARIABLE = "bluejacket_feed"


@dataclass(frozen=True, slots=True)
class Boot:
    """What to boot and how. `disk` is never written; `limit_s` bounds the way to an answer over ssh.

    `feed` is the folder that the guest sees as http://10.0.2.4/; `variables` are DNF variables that the
    guest gets besides the feed's address, `packages` what it installs at its first boot. `outside` lets
    the guest out into the network. `instance` is who it is to cloud-init, by default somebody new. Into
    the file `writes` all that the guest writes is recorded (see `writelog`). `secure_boot` is the
    certificate (PEM) for what alone the firmware starts; without it, it starts anything. `expected` is
    what the machine shall say of itself (see `expected_of`).
    """

    disk: Path
    image: str
    name: str | None = None
    feed: Path | None = None
    feed_variable: str = FEED_VARIABLE
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    user: str = "bluejacket"
    cpus: int = 2
    memory_mib: int = 1536
    disk_gib: int = 8
    accelerator: str | None = None
    outside: bool = False
    keep: bool = False
    instance: str | None = None
    writes: Path | None = None
    secure_boot: Path | None = None
    limit_s: float = 900
    expected: Mapping[str, str] = field(default_factory=lambda: dict(USUAL))


def check(boot: Boot) -> None:
    """Raise UserError with everything that cannot be booted in `boot`."""
    faults = []
    if boot.disk.suffix not in FORMATS:
        faults.append(Fault(f"{boot.disk} is no disk image", f"known are {', '.join(FORMATS)}"))
    elif not boot.disk.is_file():
        faults.append(Fault(f"the image {boot.disk} does not exist", "`bluejacket image build` makes it"))
    if boot.feed is not None and not boot.feed.is_dir():
        faults.append(Fault(f"the feed {boot.feed} is no folder", "`bluejacket build` makes it"))
    if boot.secure_boot is not None and not boot.secure_boot.is_file():
        faults.append(
            Fault(f"the certificate {boot.secure_boot} does not exist", "an image has it beside it")
        )
    if boot.memory_mib < 256 or boot.cpus < 1:
        faults.append(Fault(f"{boot.memory_mib} MiB and {boot.cpus} processors are no machine"))
    if faults:
        raise UserError(*faults)


@dataclass(frozen=True, slots=True)
class Starter:
    """Starts machines from the tools tree, with logs in `logs`."""

    box: Sandbox
    logs: Path
    report: Report = SILENT

    def prepare(self, boot: Boot, folder: Path, accelerator: str, public_key: str) -> Machine:
        """Fill the machine's folder: record, seed, firmware variables, disk overlay.

        Raises ToolFailed when one of the programs fails.
        """
        name, stamp = folder.name, datetime.now(UTC)
        self.logs.mkdir(parents=True, exist_ok=True)
        base = self.logs / f"machine-{name}-{stamp:%Y%m%dT%H%M%S}"
        machine = Machine(
            name=name,
            folder=folder,
            image=boot.image,
            disk=boot.disk.resolve(),
            tools=self.box.tools,
            feed=boot.feed.resolve() if boot.feed else None,
            started=stamp.isoformat(timespec="milliseconds"),
            kept=boot.keep,
            memory_mib=boot.memory_mib,
            cpus=boot.cpus,
            accelerator=accelerator,
            user=boot.user,
            console=base.with_suffix(".console"),
            log=base.with_suffix(".log"),
            maker=Process.of(os.getpid()),
            expected=dict(boot.expected),
        )
        machine.console.touch(mode=0o600)
        machine.save()
        variables = dict(boot.variables)
        if boot.feed is not None:
            variables.setdefault(boot.feed_variable, f"http://{launch.FEED_ADDRESS}/")
        instance = boot.instance or f"i-{uuid4().hex[:12]}"
        seed = Seed(name, instance, boot.user, public_key, variables, boot.files, boot.packages)
        make_seed(self.box, folder, seed)
        if boot.secure_boot is not None:
            own_variables(self.box, boot.secure_boot.read_bytes(), folder / launch.VARS)
        else:
            copyfile(self.box.tools / launch.VARIABLES.relative_to("/"), folder / launch.VARS)
        self._make_overlay(boot, machine)
        return machine

    def _make_overlay(self, boot: Boot, machine: Machine) -> None:
        line = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", FORMATS[machine.disk.suffix]]
        line += ["-b", str(launch.IMAGE), str(launch.FOLDER / launch.OVERLAY), f"{boot.disk_gib}G"]
        self.box.run(
            line,
            binds={machine.folder: str(launch.FOLDER)},
            ro_binds={machine.disk: str(launch.IMAGE)},
            name="qemu-img",
        )

    def launch(self, boot: Boot, machine: Machine) -> Machine:
        """Start QEMU and give the machine with its ssh port; raises OutsideError when it does not start."""
        hardware = launch.Hardware(
            name=machine.name,
            uuid=str(uuid4()),
            accelerator=machine.accelerator,
            cpus=machine.cpus,
            memory_mib=machine.memory_mib,
            feed=boot.feed is not None,
            outside=boot.outside,
            durable=boot.keep,
            recorded=boot.writes is not None,
            secure=boot.secure_boot is not None,
        )
        shown = {machine.disk: str(launch.IMAGE)}
        if machine.feed is not None:
            shown |= {machine.feed: str(launch.FEED), Path(serve.__file__): str(launch.FEED_SERVER)}
        written = {machine.folder: str(launch.FOLDER), machine.console: "/run/console.log"}
        if boot.writes is not None:
            boot.writes.write_bytes(b"")
            written[boot.writes] = str(launch.WRITES)
        line = self.box.argv(
            launch.arguments(hardware),
            binds=written,
            ro_binds=shown,
            network=True,
            devices=["/dev/kvm"] if machine.accelerator == "kvm" else [],
        )
        parent = "0" if boot.keep else str(os.getpid())
        kept = [sys.executable, "-I", "-S", keeper.__file__, str(machine.folder), str(machine.log), parent]
        self.report.detail(f"$ {' '.join(launch.arguments(hardware))}  # {machine.log}")
        child = spawn([*kept, *line], machine.log)
        try:
            return machine.on_port(self._port(machine, child))
        except BaseException:
            child.kill()
            child.wait(20)
            child.reap()
            raise

    def _port(self, machine: Machine, child: Process, limit_s: float = 60) -> int:
        """Ask QEMU which loopback port leads to the guest's ssh, as soon as it answers."""
        end = monotonic() + limit_s
        while True:
            if not child.alive:
                text = machine.log.read_text("utf-8", "replace").strip() if machine.log.exists() else ""
                raise OutsideError(
                    Fault(f"QEMU does not start: {text[-600:] or 'no output'}", f"see {machine.log}")
                )
            try:
                told = qmp.execute(machine.folder, "human-monitor-command", {"command-line": "info usernet"})
            except OutsideError:
                if monotonic() > end:
                    raise
                sleep(0.1)
                continue
            if found := re.search(r"TCP\[HOST_FORWARD\] +\d+ +127\.0\.0\.1 +(\d+) +\S+ +22 ", str(told)):
                return int(found[1])
            raise OutsideError(f"QEMU does not say where the guest's ssh is: {told!r}")


def spawn(command: list[str], log: Path) -> Process:
    """Start `command` in a session of its own, with nothing of this process's but its log."""
    write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    actions += [(os.POSIX_SPAWN_OPEN, stream, str(log), write, 0o600) for stream in (1, 2)]
    return Process.of(os.posix_spawn(command[0], command, {}, file_actions=actions, setsid=True))
