"""Is KVM of any use here? Asked by running guest instructions, once per boot of the host."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

from bluejacket.machine import kvm_probe
from bluejacket.machine.process import boot_id
from bluejacket.store import replace_text

DEVICE = Path("/dev/kvm")
LIMIT_S = 2.0
"""How long thirty million guest instructions may take. A processor needs 10 ms, QEMU's own translator
(TCG) under 100 ms; a KVM that only interprets needs 17 s, and would never get a kernel through."""


_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether machines shall use KVM, and why."""

    usable: bool
    reason: str
    boot: str

    @property
    def accelerator(self) -> str:
        """The value of QEMU's -accel."""
        return "kvm" if self.usable else "tcg,thread=multi"


def verdict(cache: Path, device: Path = DEVICE) -> Verdict:
    """Give this boot's verdict, from the file `cache` or by probing now."""
    known = _read(cache)
    if known is not None and known.boot == boot_id():
        return known
    usable, reason = probe(device)
    fresh = Verdict(usable, reason, boot_id())
    replace_text(cache, json.dumps(asdict(fresh)))
    return fresh


def probe(device: Path = DEVICE, limit_s: float = LIMIT_S) -> tuple[bool, str]:
    """Run the probe's guest in a process of its own; gives whether it is usable, and the reason."""
    if not device.exists():
        return False, f"{device} does not exist"
    line = [sys.executable, "-I", "-S", kvm_probe.__file__, str(device)]
    child = Popen(line, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    try:
        _, told = child.communicate(timeout=limit_s)
    except TimeoutExpired:
        child.kill()
        # A kill may have to wait until the kernel's KVM comes back; whoever asks does not wait for that.
        with suppress(TimeoutExpired):
            child.communicate(timeout=_END_S)
        return False, f"{device} opens, but its guest instructions did not end within {limit_s:g} s"
    if child.returncode == 0:
        return True, f"{device} ran guest instructions to their end"
    last = told.decode("utf-8", "replace").strip().splitlines()[-1:]
    return False, f"{device} opens no running machine: {last[0] if last else f'status {child.returncode}'}"


def _read(cache: Path) -> Verdict | None:
    try:
        found = json.loads(cache.read_text("utf-8"))
        return Verdict(bool(found["usable"]), str(found["reason"]), str(found["boot"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
