"""From an image to a machine that has been questioned, and back to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from bluejacket.errors import Fault, OutsideError
from bluejacket.machine import kvm, qmp, record
from bluejacket.machine.console import Console
from bluejacket.machine.health import Health, gather
from bluejacket.machine.login import Answer, Door, NotYet, greeted
from bluejacket.machine.process import Process
from bluejacket.machine.record import Machine
from bluejacket.machine.start import Boot, Starter, check
from bluejacket.report import SILENT, Bar, Report
from bluejacket.store.files import disk_faults, remove_tree
from bluejacket.tools import Sandbox

_LOOK_S = 0.25


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
    def booted(self, boot: Boot) -> Iterator[tuple[Machine, Health]]:
        """Boot, question, and end the machine with the block unless it is to be kept."""
        machine = self.start(boot)
        try:
            health = self.await_health(machine, boot.limit_s)
            yield machine, health
        except BaseException:
            self.end(machine)
            raise
        if not boot.keep:
            self.end(machine)

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
        """Follow the boot, get in over ssh and gather the machine's answers.

        Raises OutsideError, with the stage reached and the last lines of the console, when the machine ends,
        panics, falls into emergency mode or does not answer within `limit_s` seconds.
        """
        console = Console(machine.console)
        end = console.started + limit_s
        with self.report.bar(f"boot {machine.name}", None) as bar:
            self._await_ssh(machine, console, end, bar)
            while True:
                try:
                    bar.note("ssh")
                    health = gather(self.door, machine, console.marks, max(end - monotonic(), 5))
                except NotYet as refusal:
                    self._check_alive(
                        machine, console, end, f"ssh answers, but does not let us in: {refusal}"
                    )
                    sleep(2)
                    continue
                console.look()
                return health

    def run(
        self, machine: Machine, words: Sequence[str], *, script: str = "", limit_s: float = 300
    ) -> Answer:
        """Run a command in the guest; see `Door.run`."""
        return self.door.run(machine, words, script=script, limit_s=limit_s)

    def await_reboot(self, machine: Machine, limit_s: float = 900) -> Health:
        """Reboot the guest, wait for its next boot and question that one; raises as `await_health` does."""
        before = self.run(machine, ["cat", "/proc/sys/kernel/random/boot_id"]).out
        console = Console(machine.console)
        console.look()
        console.marks.clear()
        console.started = monotonic()
        self.run(machine, ["sudo", "-n", "systemd-run", "--quiet", "--on-active=1", "systemctl", "reboot"])
        end = monotonic() + limit_s
        while True:
            console.look()
            self._check_alive(machine, console, end, "the reboot does not end")
            try:
                if self.run(machine, ["cat", "/proc/sys/kernel/random/boot_id"], limit_s=90).out not in (
                    "",
                    before,
                ):
                    return gather(self.door, machine, console.marks, max(end - monotonic(), 5))
            except OutsideError:
                sleep(2)

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
            try:
                qmp.execute(machine.folder, command)
            except OutsideError as error:
                self.report.detail(str(error))
                if process.alive:
                    continue
            if process.wait(seconds):
                return way
        process.kill()
        process.wait(20)
        return "killed"

    def _accelerator(self) -> str:
        verdict = kvm.verdict(self._kvm_verdict)
        self.report.detail(f"accelerator {verdict.accelerator}: {verdict.reason}")
        return verdict.accelerator

    def _await_ssh(self, machine: Machine, console: Console, end: float, bar: Bar) -> None:
        while not greeted(machine.ssh_port, 1):
            for stage in console.look():
                bar.note(stage)
                self.report.detail(f"{machine.name}: {stage} after {console.marks[stage]:.1f} s")
            self._check_alive(machine, console, end, "ssh does not answer")
            sleep(_LOOK_S)
        console.look()
        console.marks["ssh"] = round(monotonic() - console.started, 2)

    def _check_alive(self, machine: Machine, console: Console, end: float, otherwise: str) -> None:
        console.look()
        what = console.trouble
        if what is None and not machine.running:
            what = f"QEMU ended (status {machine.status}, see {machine.log})"
        if what is None and monotonic() > end:
            what = otherwise
        if what is not None:
            last = " | ".join(list(console.last)[-5:])
            raise OutsideError(
                Fault(
                    f"{machine.name} did not come up; it reached the stage {console.stage!r}: {what}. "
                    f"Last lines: {last}",
                    f"the whole console is in {machine.console}",
                )
            )
