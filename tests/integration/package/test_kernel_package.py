"""The package with a kernel, and what DNF5 and DNF 4 know of the kernel that runs.

Both ask uname(2), which in these sandboxes answers with the kernel of the machine that runs the tests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bluejacket.definition import ComponentKind, Definitions, Release
from bluejacket.errors import ToolFailed
from bluejacket.feed.verify import prepare_dnf
from bluejacket.package.made import Made
from bluejacket.package.own import macros_of
from bluejacket.package.spec import Recipe, build_spec
from bluejacket.package.uki import UKI
from bluejacket.store import Store
from bluejacket.tools import Sandbox
from debs import BUILT, Member, Thing
from feeds import SIGNER, compose, make

RUNNING = os.uname().release
NAME = "bluejacket-uki"


def packages(release: Release, sandbox: Sandbox, top: Path, kernels: list[str]) -> list[Made]:
    """Build the package of each of these kernels, in versions 1, 2, …, and what it requires.

    On release 3 the package of its modules has the kernel below /boot as well, as Debian's there has.
    """
    (component,) = [one for one in release.components if one.kind is ComponentKind.UKI]
    found = [make(Thing(name, "1-1"), top) for name in ("bluejacket-filetriggers", "systemd-boot-tools")]
    for kernel in sorted(set(kernels)):
        files = [Member(f"/usr/lib/modules/{kernel}/kernel/one.ko", b"a module")]
        if release.version == "3":
            files.append(Member(f"/boot/vmlinuz-{kernel}", b"a kernel"))
        found.append(make(Thing(f"modules-{kernel}", "1-1", files), top))
    for number, kernel in enumerate(kernels, 1):
        assert component.spec is not None
        macros = {
            "bj_kernel": kernel,
            "bj_kernel_version": str(number),
            "bj_kernel_release": "1",
            "bj_modules_requirement": f"modules-{kernel} = 1-1",
        }
        recipe = Recipe(
            component.name,
            release.path(component.spec),
            component,
            BUILT,
            macros_of(release) | macros,
            {UKI: f"the image {number}".encode()},
        )
        found += build_spec(Store(top / "store"), sandbox, "tools", recipe, SIGNER)
    return found


@dataclass
class Machine:
    """A machine whose package manager is DNF5, or the DNF 4 of the tree `dnf4`."""

    box: Sandbox
    work: Path
    feed: Path
    dnf4: Path | None
    limit: int

    def __post_init__(self) -> None:
        self.work.mkdir()
        self.options = prepare_dnf(self.work, self.feed, SIGNER.certificate())
        self.root = "/run/work/root"
        if self.dnf4:
            self.root = "/"
            shutil.copytree(self.dnf4, self.work / "tree", symlinks=True)
            self.options["root"] = self.work / "tree"

    def dnf(self, *words: str) -> str:
        own = ("dnf", "--setopt=persistdir=/run/work/persist") if self.dnf4 else ("dnf5", "--setopt=varsdir=")
        line = [
            *own, "-y", f"--installroot={self.root}", "--setopt=reposdir=/run/work/repos",
            "--setopt=cachedir=/run/work/cache", "--setopt=logdir=/run/work/log", "--setopt=plugins=0",
            f"--setopt=installonly_limit={self.limit}", "--releasever=0", *words,
        ]  # fmt: skip
        return self.box.output(line, name="dnf", **self.options)

    @property
    def kernels(self) -> list[int]:
        """The versions of the kernel's package that are installed."""
        return sorted(map(int, self.rpm("-q", "--qf", "%{version}\\n", NAME).split()))

    def rpm(self, *words: str) -> str:
        return self.box.output(["rpm", "--root", self.root, *words], name="rpm", **self.options)


@pytest.fixture(params=["3", "4"])
def of(request: pytest.FixtureRequest, definitions: Definitions) -> Release:
    return definitions.release(request.param)


@pytest.fixture
def machine(
    of: Release, sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[[list[str]], Machine]:
    """Give a machine on which the packages of some kernels were installed one after the other."""

    def install(kernels: list[str]) -> Machine:
        feed = compose(tmp_path, *packages(of, sandbox, tmp_path, kernels))
        dnf4 = request.getfixturevalue("dnf4") if of.version == "3" else None
        limit = of.images["vm"].kernels_kept
        machine = Machine(sandbox, tmp_path / "machine", feed, dnf4, limit)
        for number in range(1, len(kernels) + 1):
            machine.dnf("install", f"{NAME}-{number}-1")
        return machine

    return install


def test_a_third_kernel_does_not_drive_out_the_one_that_runs(machine: Callable[[list[str]], Machine]) -> None:
    """The second has failed, so that the first runs; it cannot be removed, and rpm has no fault to find."""
    booted = machine([RUNNING, "8", "9"])
    assert booted.kernels == [1, 3]
    with pytest.raises(ToolFailed, match=r"running kernel|protected packages"):
        booted.dnf("remove", NAME)
    assert booted.kernels == [1, 3]
    assert booted.rpm("-V", NAME) == ""
    booted.dnf("remove", f"{NAME}-3-1")
    assert booted.kernels == [1]


def test_otherwise_the_oldest_goes(machine: Callable[[list[str]], Machine]) -> None:
    assert machine(["7", RUNNING, "9"]).kernels == [2, 3]


def test_of_two_packages_with_one_kernel_the_first_is_taken_for_it(
    machine: Callable[[list[str]], Machine],
) -> None:
    """uname(2) does not tell them apart; the trigger, which knows what was booted, keeps that on the ESP."""
    assert machine([RUNNING, RUNNING, "9"]).kernels == [1, 3]
