"""What the serial console tells of a boot: which stage is reached, and what went wrong."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

# The lines that announce a stage, in the order of a boot. A quiet boot leaves some of them out.
STAGES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("firmware", re.compile(r"BdsDxe: loading|BdsDxe: failed|TianoCore|UEFI Interactive Shell")),
    ("boot loader", re.compile(r"BdsDxe: starting|systemd-boot|Boot in \d+ s|EFI stub:|systemd-stub@")),
    ("kernel", re.compile(r"\] Linux version \d|\] Command line: ")),
    ("initrd", re.compile(r"Run /init as init process|initrd: |Running in initrd")),
    # Even a quiet systemd asks the terminal for its name (XTGETTCAP) and marks its contexts (OSC 3008).
    (
        "systemd",
        re.compile(
            r"systemd\[1\]: systemd \S+ running in system mode|Welcome to |\] Reached target "
            r"|\x1bP\+q6E616D65|\x1b\]3008;start="
        ),
    ),
    ("cloud-init", re.compile(r"cloud-init\[\d+\]: |Cloud-init v\. |ci-info: |cloud-init-\w+\.service")),
    ("login", re.compile(r"^\S+ login:")),
)
STAGE_NAMES = tuple(name for name, _ in STAGES)

# Each means that the machine will not come up by itself.
_TROUBLES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Kernel panic - not syncing: ?(.*)"), "the kernel panicked: {}"),
    (
        re.compile(r"You are in emergency mode|Reached target .*[Ee]mergency"),
        "systemd fell into emergency mode",
    ),
    (re.compile(r"You are in rescue mode"), "systemd fell into rescue mode"),
    (
        re.compile(r'BdsDxe: failed to load Boot\w+ "UEFI QEMU NVMe Ctrl \S+ 1".*: (.*)'),
        "the firmware cannot boot the disk ({})",
    ),
    (re.compile(r"\[!!!!!!\] (.*)"), "systemd stopped: {}"),
    (
        re.compile(r"Security [Vv]iolation|Access Denied|Image verification failed"),
        "the firmware refused the boot loader",
    ),
    # Without its user nobody gets in, and what follows is only waiting.
    (re.compile(r"cloud-init\[\d+\]: .*\[WARNING\]: (Failed to create user .*)"), "cloud-init: {}"),
    (re.compile(r"Failed to start .*(Cloud-init: (?:Local|Network) Stage)"), "systemd could not start {}"),
    (re.compile(r"initrd: (.*); the machine restarts"), "the initrd gave up: {}"),
)

_LINE_END = re.compile(r"\r*\n|\r(?!\n|$)")

# ECMA-48 control sequences, operating system commands (ended by BEL or ST), and lone escapes.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\|\x1b[ -/]*[0-~]"
)


@dataclass
class Console:
    """Reads a growing console log from `offset` on. `marks` are seconds from the start to each stage."""

    log: Path
    started: float = field(default_factory=monotonic)
    marks: dict[str, float] = field(default_factory=dict)
    trouble: str | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=12))
    offset: int = 0
    _rest: str = ""

    @property
    def stage(self) -> str:
        """The furthest stage seen; "firmware" before any."""
        return max(self.marks, key=STAGE_NAMES.index, default=STAGE_NAMES[0])

    def begin(self) -> None:
        """Count the time from now; what has been seen came at its very beginning."""
        self.started = monotonic()
        self.marks = dict.fromkeys(self.marks, 0.0)

    def look(self) -> list[str]:
        """Read what has come since; gives the stages that it shows for the first time."""
        try:
            with self.log.open("rb") as log:
                log.seek(self.offset)
                data = log.read()
        except FileNotFoundError:
            return []
        self.offset += len(data)
        return self.feed(data.decode("utf-8", "replace"), monotonic() - self.started)

    def feed(self, text: str, at_s: float) -> list[str]:
        """Take in `text`, which came `at_s` seconds after the start; gives the stages new in it."""
        *lines, self._rest = _LINE_END.split(self._rest + text)
        # The login prompt ends without a new line: what has no end yet is looked at in place.
        fresh = [stage for line in [*lines, self._rest] for stage in self._stages(line, at_s)]
        whole = [plain(line) for line in lines]
        for line in whole:
            self._judge(line)
        self.last.extend(line for line in whole if line)
        return fresh

    def _stages(self, line: str, at_s: float) -> list[str]:
        reached = max((STAGE_NAMES.index(name) for name in self.marks), default=-1)
        fresh = [
            name
            for name, pattern in STAGES[reached + 1 :]
            if pattern.search(line) or pattern.search(plain(line))
        ]
        self.marks.update(dict.fromkeys(fresh, round(at_s, 2)))
        return fresh

    def _judge(self, line: str) -> None:
        for pattern, meaning in _TROUBLES:
            if self.trouble is None and (found := pattern.search(line)):
                self.trouble = meaning.format(*(group.strip() for group in found.groups()))


def plain(line: str) -> str:
    """Give `line` without terminal control, and without blanks at its end."""
    return "".join(c for c in _ESCAPES.sub("", line) if c == "\t" or c >= " ").rstrip()
