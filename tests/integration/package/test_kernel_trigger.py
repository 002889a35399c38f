"""The trigger that keeps the EFI system partition as the kernel packages are, with the real bootctl(1)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.tools import Sandbox

SOURCE = "source=/usr/lib/bluejacket/uki\n"
SELECTED = "LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
ESP = "/run/esp"


@dataclass
class Machine:
    """A machine with the UKIs of installed packages, an ESP, and what its loader has booted."""

    box: Sandbox
    script: str
    top: Path

    def __post_init__(self) -> None:
        for name in ("uki", "esp/EFI/Linux", "sys/firmware/efi/efivars"):
            (self.top / name).mkdir(parents=True)

    def has(self, *revisions: int) -> None:
        """Have these packages installed and no other."""
        for file in (self.top / "uki").iterdir():
            file.unlink()
        for revision in revisions:
            (self.top / "uki" / f"bluejacket-7.2.12-1.bj{revision}.efi").write_text(f"kernel {revision}")

    def on_esp(self, **files: str) -> None:
        """Have these on the ESP: `bj1="+0-3"` is the first with that counter."""
        for name, counter in files.items():
            path = self.top / "esp/EFI/Linux" / f"bluejacket-7.2.12-1.{name}{counter}.efi"
            path.write_text(f"kernel {name.removeprefix('bj')}")

    def runs(self, name: str) -> None:
        """Have booted this one, as the loader notes it: attributes, then UTF-16 with a zero at its end."""
        variable = self.top / "sys/firmware/efi/efivars" / SELECTED
        variable.write_bytes(b"\6\0\0\0" + f"bluejacket-7.2.12-1.{name}.efi\0".encode("utf-16-le"))

    def trigger(self) -> dict[str, str]:
        """Run the trigger; gives the kernels on the ESP with their counters."""
        binds = {self.top / "uki": "/run/uki", self.top / "esp": ESP, self.top / "sys": "/sys"}
        env = {"SYSTEMD_ESP_PATH": ESP, "SYSTEMD_RELAX_ESP_CHECKS": "1"}
        self.box.run(["bash", "-c", self.script], name="kernels-on-esp", binds=binds, env=env)
        found = {}
        for file in (self.top / "esp/EFI/Linux").iterdir():
            name, _, counter = file.stem.removeprefix("bluejacket-7.2.12-1.").partition("+")
            assert file.read_text() == f"kernel {name.removeprefix('bj')}"
            found[name] = counter
        return found


@pytest.fixture
def machine(release: Release, sandbox: Sandbox, tmp_path: Path) -> Machine:
    file = release.path("packages/bluejacket-filetriggers/triggers/kernels-on-esp")
    script = file.read_text("utf-8")
    assert SOURCE in script
    return Machine(sandbox, script.replace(SOURCE, "source=/run/uki\n"), tmp_path / "machine")


def test_a_new_kernel_is_tried_three_times_beside_the_one_that_runs(machine: Machine) -> None:
    machine.has(1, 2)
    machine.on_esp(bj1="")
    machine.runs("bj1")
    assert machine.trigger() == {"bj1": "", "bj2": "3"}


def test_what_is_installed_no_more_goes(machine: Machine) -> None:
    machine.has(2, 3)
    machine.on_esp(bj1="", bj2="", bj3="+3")
    machine.runs("bj2")
    assert machine.trigger() == {"bj2": "", "bj3": "3"}


def test_a_newer_kernel_that_runs_makes_room_for_an_older_one(machine: Machine) -> None:
    machine.has(2)
    machine.on_esp(bj2="", bj10="")
    machine.runs("bj10")
    assert machine.trigger() == {"bj2": "", "bj10": "0"}
    assert machine.trigger() == {"bj2": "", "bj10": "0"}


def test_the_kernel_that_runs_keeps_its_place_before_those_that_failed(machine: Machine) -> None:
    """The second failed, a third came and the first package went: whatever the third does, one boots."""
    machine.has(2, 3)
    machine.on_esp(bj1="", bj2="+0-3")
    machine.runs("bj1")
    assert machine.trigger() == {"bj1": "", "bj2": "0-3", "bj3": "3"}
    (machine.top / "esp/EFI/Linux/bluejacket-7.2.12-1.bj3+3.efi").unlink()
    machine.on_esp(bj3="+0-3")
    assert machine.trigger() == {"bj1": "", "bj2": "0-3", "bj3": "0-3"}


def test_it_goes_once_another_one_runs(machine: Machine) -> None:
    machine.has(2, 3)
    machine.on_esp(bj1="", bj2="+0-3", bj3="")
    machine.runs("bj3+2-1")
    assert machine.trigger() == {"bj2": "0-3", "bj3": ""}


def test_nothing_is_touched_without_efi(machine: Machine) -> None:
    machine.has(2)
    machine.on_esp(bj1="")
    (machine.top / "sys/firmware/efi/efivars").rmdir()
    assert machine.trigger() == {"bj1": ""}
