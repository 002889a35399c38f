"""One virtual machine of a cloud: QEMU in a network namespace, which outlives whoever started it.

Its folder holds `process` and `ended` (see `keeper.py`), firmware variables, the vTPM's state, sockets and
`console.log`, all that it ever wrote on its serial line. The folder belongs to the machine, not to one run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from bluejacket.errors import Fault, OutsideError
from bluejacket.machine import azure, blockcopy, keeper, qmp
from bluejacket.machine.azure import CloudHardware, Lun
from bluejacket.machine.firmware import common_variables
from bluejacket.machine.launch import FOLDER, VARIABLES, VARS
from bluejacket.machine.process import Process
from bluejacket.machine.start import spawn
from bluejacket.machine.volumes import Volumes
from bluejacket.report import SILENT, Report
from bluejacket.store import locked, replace_text
from bluejacket.store.files import remove_tree
from bluejacket.tools import Sandbox

NAMESPACES = Path("/run/netns")
_QEMU = "qemu.log"


class VirtualMachine:
    """A machine in its folder. Each method may be called again after a crash, and from any thread."""

    def __init__(self, folder: Path, volumes: Volumes, box: Sandbox, report: Report = SILENT) -> None:
        self.folder = folder
        self._volumes = volumes
        self._box = box
        self._report = report

    @property
    def process(self) -> Process | None:
        """The keeper of the run that is, or of the last one; None before the first."""
        return Process.kept_in(self.folder)

    @property
    def running(self) -> bool:
        """True while QEMU runs."""
        process = self.process
        return process is not None and process.alive

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all of its runs so far, in seconds."""
        before = sum(float(run["cpu_seconds"]) for run in self._runs())
        process = self.process
        return before + (process.cpu_seconds() if process and process.alive else 0.0)

    @property
    def console(self) -> Path:
        """What it wrote on its serial line."""
        return self.folder / azure.LOG

    @property
    def provisioning(self) -> bool:
        """True while the provisioning disk is there, for the next start."""
        return (self.folder / azure.PROVISION).exists()

    def start(self, hardware: CloudHardware, namespace: str) -> None:
        """Start QEMU in a network namespace, unless it runs; gives back when it answers.

        Raises OutsideError, with QEMU's words, when it does not start.
        """
        with self._alone():
            if self.running:
                return
            self._prepare(hardware)
            log = self.folder / _QEMU
            log.unlink(missing_ok=True)
            keep = [sys.executable, "-I", "-S", keeper.__file__, str(self.folder), str(log), "0"]
            child = spawn([*keep, *self._command(hardware, namespace)], log)
            try:
                self._await_answer(child, log)
            except BaseException:
                child.kill()
                child.wait(20)
                raise
            finally:
                child.reap()

    def power_down(self, limit_s: float) -> bool:
        """Press the power button (ACPI), and wait; false if the guest has not gone down in time."""
        process = self.process
        if process is None or not process.alive:
            return True
        try:
            qmp.execute(self.folder, "system_powerdown")
        except OutsideError as error:  # it may have gone down by itself just now
            self._report.detail(str(error))
        gone = process.wait(limit_s)
        process.reap()
        return gone

    def end(self) -> None:
        """Cut the power: the guest is not asked, and QEMU's exit is on record."""
        process = self.process
        if process is not None:
            if process.alive:
                with suppress(OutsideError):
                    qmp.execute(self.folder, "quit", limit_s=5)
                process.wait(5)
            process.kill()
            process.wait(20)
            process.reap()

    def remove(self) -> None:
        """End the machine, and remove all that it is made of but its disks."""
        self.end()
        remove_tree(self.folder)

    def forget(self, *, provision_only: bool = False) -> None:
        """Remove the provisioning disk, with its secrets; or all that a new system must not find."""
        if self.running and azure.CD in self._devices():
            self._unplug(azure.CD, (azure.CD, f"{azure.CD}-file"))
        (self.folder / azure.PROVISION).unlink(missing_ok=True)
        if not provision_only:
            (self.folder / VARS).unlink(missing_ok=True)
            remove_tree(self.folder / azure.TPM)

    def attach(self, lun: Lun) -> None:
        """Put a data disk into the running machine."""
        name = azure.lun_device(lun.number)
        if name in self._devices():
            return
        if azure.lun_node(lun.number) not in self._nodes():
            qmp.execute(self.folder, "blockdev-add", azure.lun_blockdev(lun))
        qmp.execute(self.folder, "device_add", azure.lun_add(lun))

    def detach(self, number: int) -> None:
        """Take a data disk out of the running machine."""
        self._unplug(azure.lun_device(number), (azure.lun_node(number),))

    def luns(self) -> set[int]:
        """Give the numbers of the data disks that the running machine has."""
        return {int(name[4:]) for name in self._devices() if name.startswith("disk") and name[4:].isdigit()}

    def resize(self, node: str, size: int) -> None:
        """Make a disk of the running machine larger; the guest learns of it."""
        qmp.execute(self.folder, "block_resize", {"node-name": node, "size": size})

    def copy(self, node: str, target: str, limit_s: float = 1800) -> None:
        """Copy what a disk's own file has, as it is at one moment, into the empty disk `target`.

        The guest goes on; what it writes meanwhile is not in the copy. Raises OutsideError.
        """
        backed = self._volumes.backing(target) is not None
        blockcopy.copy_disk(self.folder, node, target, backed=backed, limit_s=limit_s)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.folder / ".lock"):
            yield

    def _prepare(self, hardware: CloudHardware) -> None:
        ended = self.folder / "ended"
        if ended.exists():  # the run before this one
            runs = [*self._runs()]
            replace_text(self.folder / "runs.json", json.dumps(runs), mode=0o600)
        for name in ("ended", "process"):
            (self.folder / name).unlink(missing_ok=True)
        if not (self.folder / VARS).exists():
            chosen = azure.SECURE_VARIABLES if hardware.secure_boot else VARIABLES
            part = self.folder / f"{VARS}.part"
            if hardware.secure_boot and hardware.certificate:
                common_variables(self._box, hardware.certificate.encode(), part)
            else:
                shutil.copyfile(self._box.tools / chosen.relative_to("/"), part)
            os.replace(part, self.folder / VARS)
        if hardware.tpm:
            (self.folder / azure.TPM).mkdir(exist_ok=True, mode=0o700)
        self.console.touch(mode=0o600)
        record = {"tools": str(self._box.tools), "name": hardware.name, "vm": hardware.vm_id}
        replace_text(self.folder / "machine.json", json.dumps(record) + "\n", mode=0o600)

    def _runs(self) -> list[dict[str, Any]]:
        """Give how the runs ended that are over, the first one first."""
        found: list[dict[str, Any]] = []
        with suppress(OSError, ValueError):
            found = json.loads((self.folder / "runs.json").read_text("utf-8"))
        try:
            last = json.loads((self.folder / "ended").read_text("utf-8"))
        except (OSError, ValueError):
            return found
        return [*found, last]

    def _command(self, hardware: CloudHardware, namespace: str) -> list[str]:
        line = azure.arguments(hardware)
        self._report.detail(f"$ {' '.join(line)}  # in {namespace}")
        boxed = self._box.argv(
            azure.with_tpm(line) if hardware.tpm else line,
            binds={self.folder: str(FOLDER), self._volumes.root / "disks": str(azure.DISKS / "disks")},
            ro_binds={self._volumes.root / "images": str(azure.DISKS / "images")},
            network=True,
            devices=["/dev/net/tun", *(["/dev/kvm"] if hardware.accelerator == "kvm" else [])],
        )
        # The loader that starts bubblewrap (see `Sandbox.argv`) starts the tools tree's nsenter as well.
        nsenter = [*boxed[:3], str(self._box.tools / "usr/bin/nsenter")]
        return [*nsenter, f"--net={NAMESPACES / namespace}", "--", *boxed]

    def _await_answer(self, child: Process, log: Path, limit_s: float = 60) -> None:
        end = monotonic() + limit_s
        while True:
            if not child.alive:
                text = log.read_text("utf-8", "replace").strip() if log.exists() else ""
                raise OutsideError(Fault(f"QEMU does not start: {text[-600:] or 'no output'}", f"see {log}"))
            try:
                qmp.execute(self.folder, "query-status")
                return
            except OutsideError:
                if monotonic() > end:
                    raise
                sleep(0.1)

    def _devices(self) -> set[str]:
        found: Any = qmp.execute(self.folder, "qom-list", {"path": "/machine/peripheral"})
        return {one["name"] for one in found}

    def _nodes(self) -> set[str]:
        found: Any = qmp.execute(self.folder, "query-named-block-nodes", {"flat": True})
        return {one["node-name"] for one in found}

    def _unplug(self, device: str, nodes: Iterable[str], limit_s: float = 30) -> None:
        if device in self._devices():
            qmp.execute(self.folder, "device_del", {"id": device})
        end = monotonic() + limit_s
        while device in self._devices():
            if monotonic() > end:
                raise OutsideError(f"the guest does not let go of {device} within {limit_s:g} s")
            sleep(0.1)
        for node in nodes:
            self._drop(node, end)

    def _drop(self, node: str, end: float) -> None:
        """Close a file; QEMU lets go of a device a moment after it has forgotten its name."""
        while node in self._nodes():
            try:
                qmp.execute(self.folder, "blockdev-del", {"node-name": node})
            except OutsideError:
                if monotonic() > end:
                    raise
                sleep(0.1)
