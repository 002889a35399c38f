"""Following one boot: on the console until ssh answers, then in the machine itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic, sleep

from bluejacket.errors import Fault, OutsideError
from bluejacket.machine.console import Console
from bluejacket.machine.health import Health, gather
from bluejacket.machine.login import Door, NotYet, greeted
from bluejacket.machine.record import Machine
from bluejacket.report import SILENT, Bar, Report

_LOOK_S = 0.25
_AGAIN_S = 2.0
_GREETING_S = 5.0
_RESET_S = 300.0  # for the units of a busy machine to stop


class Follower:
    """Follows one boot of `machine` for at most `limit_s` seconds from now."""

    def __init__(
        self,
        machine: Machine,
        door: Door,
        report: Report = SILENT,
        limit_s: float = 900,
        despite_trouble: bool = False,
    ) -> None:
        self.machine = machine
        self.console = Console(machine.console)
        self._door = door
        self._report = report
        self._end = monotonic() + limit_s
        self._despite_trouble = despite_trouble

    def forget(self) -> None:
        """Leave out what the console has said so far: it tells of an earlier boot."""
        self.console.look()
        self.console = Console(self.machine.console, offset=self.console.offset)

    def health(self, after_boot: str = "") -> Health:
        """Give the machine's answers once its boot is over; not those of the boot with the id `after_boot`.

        Raises OutsideError, with the stage reached and the last lines of the console, when the machine ends,
        panics, falls into emergency mode or does not let us in before the time is over.
        """
        with self._report.bar(f"boot {self.machine.name}", None) as bar:
            if after_boot:
                self._await_reset(bar)
            while True:
                self._await_ssh(bar)
                marks = self.console.marks | {"ssh": round(monotonic() - self.console.started, 2)}
                bar.note("waiting for the end of the boot")
                try:
                    left = max(self._end - monotonic(), 5)
                    return gather(self._door, self.machine, marks, left, after_boot=after_boot)
                except NotYet as refusal:
                    self._look(bar, f"ssh answers, but gives no answer: {refusal}")
                    sleep(_AGAIN_S)

    def _await_reset(self, bar: Bar) -> None:
        """Wait until the firmware speaks again: an ssh session begun before would hang."""
        end = monotonic() + _RESET_S
        while not self.console.marks and monotonic() < end:
            self._look(bar, "the machine does not begin its next boot")
            sleep(_LOOK_S)
        self.console.begin()

    def _await_ssh(self, bar: Bar) -> None:
        # QEMU keeps a connection for a guest that does not answer yet, also after we have left it: many short
        # ones would reach sshd all at once, which takes that for an attack.
        with ThreadPoolExecutor(1) as beside:
            while True:
                asked = beside.submit(greeted, self.machine.ssh_port, _GREETING_S)
                while not wait([asked], _LOOK_S).done:
                    self._look(bar, "ssh does not answer")
                if asked.result():
                    return
                self._look(bar, "ssh does not answer")
                sleep(_LOOK_S)

    def _look(self, bar: Bar, otherwise: str) -> None:
        """Tell the stages that are new; raise OutsideError if the boot has failed or its time is over."""
        for stage in self.console.look():
            bar.note(stage)
            self._report.detail(f"{self.machine.name}: {stage} after {self.console.marks[stage]:.1f} s")
        what = None if self._despite_trouble else self.console.trouble
        if not self.machine.running:
            what = what or f"QEMU ended, its output is in {self.machine.log}"
        if what is None and monotonic() > self._end:
            what = otherwise
        if what is not None:
            last = " | ".join(list(self.console.last)[-5:])
            raise OutsideError(
                Fault(
                    f"{self.machine.name} did not come up: {what}. It reached {self.console.stage}; "
                    f"its last lines: {last}",
                    f"the whole console is in {self.machine.console}",
                )
            )
