"""A machine that a test asks and changes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bluejacket.machine import Answer, Health, Machine, Machines

LIMIT_S = 1500


@dataclass
class Guest:
    """A machine that runs, and what it said of itself when it came up."""

    machines: Machines
    machine: Machine
    health: Health

    def ask(self, *words: str, script: str = "", limit_s: float = 600) -> Answer:
        """Run a command as root, with `script` as its input."""
        return self.machines.run(self.machine, ["sudo", "-n", *words], script=script, limit_s=limit_s)

    def do(self, *words: str, script: str = "", limit_s: float = 600) -> str:
        """Run a command as root that has to succeed; gives its output."""
        answer = self.ask(*words, script=script, limit_s=limit_s)
        assert answer.status == 0, f"{words}: {answer.out}\n{answer.err}"
        return answer.out

    def python(self, program: str) -> str:
        answer = self.machines.run(self.machine, ["python3", "-"], script=program)
        assert answer.status == 0, answer.err
        return answer.out.strip()

    def refuses(self, program: str, feed: str, variable: str, package: str, reason: str) -> None:
        """Have DNF refuse a package for a reason (a pattern), and see that nothing came.

        The image's own repository, as it was shipped, is led to `feed` by its `variable`.
        """
        file = f"/etc/dnf/vars/{variable}"
        kept = self.do("cat", file)
        self.do("tee", file, script=f"http://10.0.2.4/{feed}/\n")
        try:
            answer = self.ask(program, "-y", "--refresh", "install", package)
        finally:
            self.do("tee", file, script=kept)
        assert answer.status != 0
        assert re.search(reason, answer.out + answer.err), answer
        assert self.ask("rpm", "-q", package).status == 1
        assert self.ask("test", "-e", f"/usr/lib/{package}").status == 1

    def kernels(self) -> list[str]:
        """The UKIs on the ESP, oldest first."""
        esp = self.do("bootctl", "--print-esp-path").strip()
        return sorted(self.do("ls", f"{esp}/EFI/Linux").split())

    def reboot(self, *, despite_trouble: bool = False) -> Health:
        self.health = self.machines.reboot(self.machine, LIMIT_S, despite_trouble=despite_trouble)
        return self.health
