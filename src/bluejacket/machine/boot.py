"""From an image to a machine that has been questioned, and back to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bluejacket.errors import OutsideError
from bluejacket.machine import kvm, qmp, record
from bluejacket.machine.follow import Follower
from bluejacket.machine.health import BOOT_ID, Health
from bluejacket.machine.login import Answer, Door
from bluejacket.machine.process import Process
from bluejacket.machine.record import Machine
from bluejacket.machine.start import Boot, Starter, check
from bluejacket.report import SILENT, Report
from bluejacket.store.files import disk_faults, remove_tree
from bluejacket.tools import Sandbox


class Machines:
    """The machines of one state folder.

    Start machines from the main thread: one that is not kept dies with the thread that started it (prctl(2),
    PR_SET_PDEATHSIG).
    """

    def __init__(self, state: Path, box: Sandbox, report: Report = SILENT) -> None:
        self.folder = state / "machines"
        self.logs = state / "logs"
        self.box = box
        self.report = report
        self.door = Door(box, state / "keys" / "ssh")
        self._kvm_verdict = state / "kvm.json"

    def running(self) -> list[Machine]:
        """Give the running machines, oldest first; the remains of dead ones are cleared away."""
        return record.list_machines(self.folder)

    def find(self, name: str | None = None) -> Machine:
        """Give the machine `name`, or the only one; raises UserError if that is none or several."""
        return record.find(self.folder, name)

    @contextmanager
    def started(self, boot: Boot) -> Iterator[Machine]:
        """Start a machine that ends with the block; if it is to be kept, only when the block fails."""
        machine = self.start(boot)
        try:
            yield machine
        except BaseException:
            self.end(machine)
            raise
        if not boot.keep:
            self.end(machine)

    @contextmanager
    def booted(self, boot: Boot) -> Iterator[tuple[Machine, Health]]:
        """Start a machine as `started` does, and question it once its boot is over."""
        with self.started(boot) as machine:
            yield machine, self.await_health(machine, boot.limit_s)

    def start(self, boot: Boot) -> Machine:
        """Start the machine and give it once QEMU runs, with its ssh port.

        Raises UserError for an image that is not there or no disk, and OutsideError when QEMU does not start.
        """
        check(boot)
        starter = Starter(self.box, self.logs, self.report)
        public_key = self.door.public_key()
        accelerator = boot.accelerator or self._accelerator()
        folder = record.reserve(self.folder, boot.name, boot.image)
        try:
            with disk_faults(folder):
                machine = starter.prepare(boot, folder, accelerator, public_key)
                return starter.launch(boot, machine)
        except BaseException:
            remove_tree(folder)
            raise

    def await_health(self, machine: Machine, limit_s: float = 900) -> Health:
        """Follow the boot to its end and gather the machine's answers; raises as `Follower.health` does."""
        return Follower(machine, self.door, self.report, limit_s).health()

    def run(
        self, machine: Machine, words: Sequence[str], *, script: str = "", limit_s: float = 300
    ) -> Answer:
        """Run a command in the guest; see `Door.run`."""
        return self.door.run(machine, words, script=script, limit_s=limit_s)

    def reboot(self, machine: Machine, limit_s: float = 900, *, despite_trouble: bool = False) -> Health:
        """Reboot the guest and question its next boot; raises as `Follower.health` does.

        With `despite_trouble` a panic on the way is no end: the boot loader may try another kernel.
        """
        old = self.run(machine, ["cat", BOOT_ID]).out.strip()
        follower = Follower(machine, self.door, self.report, limit_s, despite_trouble)
        follower.forget()
        self.run(machine, ["sudo", "-n", "systemd-run", "--quiet", "--on-active=1", "systemctl", "reboot"])
        return follower.health(after_boot=old)

    def ssh_command(self, machine: Machine, words: Sequence[str] = (), *, terminal: bool = True) -> list[str]:
        """Give the command line of an ssh session, to be executed in place of this process."""
        return self.door.command(machine, words, terminal=terminal)

    def stop(self, machine: Machine, limit_s: float = 60) -> str:
        """Stop the machine in the gentlest way that works, and remove its folder.

        Gives that way: "powered down" (ACPI, within `limit_s` seconds), "quit" (QEMU's own) or "killed".
        """
        process = machine.process
        way = "powered down"
        if process is not None and process.alive:
            way = self._stop(machine, process, limit_s)
            process.reap()
        remove_tree(machine.folder)
        return way

    def end(self, machine: Machine) -> None:
        """End the machine at once, without asking the guest, and remove its folder."""
        process = machine.process
        if process is not None:
            process.kill()
            process.wait(20)
            process.reap()
        remove_tree(machine.folder)

    def _stop(self, machine: Machine, process: Process, limit_s: float) -> str:
        for command, seconds, way in (("system_powerdown", limit_s, "powered down"), ("quit", 10.0, "quit")):
            patience_s = seconds
            try:
                qmp.execute(machine.folder, command)
            except OutsideError as error:
                # A QEMU that quits may be gone before it has answered.
                self.report.detail(str(error))
                patience_s = 2.0
            if process.wait(patience_s):
                return way
        process.kill()
        process.wait(20)
        return "killed"

    def _accelerator(self) -> str:
        verdict = kvm.verdict(self._kvm_verdict)
        self.report.detail(f"accelerator {verdict.accelerator}: {verdict.reason}")
        return verdict.accelerator
