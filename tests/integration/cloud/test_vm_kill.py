"""The control plane is killed while it works on a machine; the next one finishes what was asked for."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from azcli import AzFailed, CloudProcess
from azmachine import URN, make_key

pytestmark = [pytest.mark.boot]
NAMED = ("-g", "g1", "-n", "web")
GUEST = ("--image", URN, "--admin-username", "azureuser")


class Scene:
    """A cloud whose control plane is killed, and what there is of its machines on this host."""

    def __init__(self, cloud: CloudProcess, key: Path) -> None:
        self.cloud, self.key = cloud, key
        self.folder = cloud.state / "cloud" / "machines"

    def create(self, *words: str) -> None:
        self.cloud.az("vm", "create", *NAMED, *words, "--no-wait")

    def kill_when(self, moment: Callable[[], bool], limit_s: float = 120) -> None:
        process, end = int(self.cloud.status()["process"]), monotonic() + limit_s
        while not moment():
            assert monotonic() < end, "the moment to kill never came"
            sleep(0.005)
        os.kill(process, signal.SIGKILL)

    def folders(self) -> list[Path]:
        return [one for one in self.folder.iterdir() if one.is_dir()] if self.folder.exists() else []

    def started(self) -> bool:
        return any((one / "process").exists() for one in self.folders())

    def settled(self, limit_s: float = 1200) -> dict[str, Any] | None:
        """Give the machine's document as soon as nothing is under way; None when there is no machine."""
        end = monotonic() + limit_s
        while True:
            found = [one for one in self.cloud.az("vm", "list", "-g", "g1") if one["name"] == "web"]
            if not found or found[0]["provisioningState"] in ("Succeeded", "Failed"):
                return found[0] if found else None
            assert monotonic() < end, found
            sleep(2)

    def power(self) -> str:
        return str(self.cloud.az("vm", "show", "-d", *NAMED)["powerState"])


def machines_of(vm_id: str) -> list[int]:
    """Give the processes of QEMU that are this machine."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if (place / "comm").read_text().startswith("qemu-system"):
                words = (place / "cmdline").read_bytes().decode("utf-8", "replace")
                found += [int(place.name)] if vm_id in words else []
        except OSError:  # it has ended meanwhile
            continue
    return found


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("kill")
    state = folder / "state"
    (state / "cloud").mkdir(parents=True, mode=0o700)
    (state / "cloud" / "limits.json").write_text(json.dumps({"power_down_s": 8}))
    with CloudProcess(state) as cloud:
        cloud.az("group", "create", "-n", "g1", "-l", "eastus")
        yield Scene(cloud, make_key(folder / "key"))


@pytest.fixture
def idle(scene: Scene) -> Iterator[str]:
    """A machine with an empty disk, which runs and never goes down when it is asked; gives its vmId."""
    made = scene.cloud.az("disk", "create", "-g", "g1", "-n", "empty", "--size-gb", "1", "--os-type", "Linux")
    scene.create("--attach-os-disk", made["name"], "--os-type", "linux")
    end = monotonic() + 120
    while (found := _show(scene)) is None or found["provisioningState"] != "Succeeded":
        assert monotonic() < end, found
        sleep(1)
    assert len(machines_of(found["vmId"])) == 1
    yield str(found["vmId"])
    scene.cloud.az("vm", "delete", *NAMED, "--yes")
    scene.cloud.az("disk", "delete", "-g", "g1", "-n", "empty", "--yes")


def test_a_machine_is_made_although_its_maker_is_killed_after_its_start(scene: Scene) -> None:
    scene.create(*GUEST, "--ssh-key-values", f"{scene.key}.pub")
    scene.kill_when(scene.started)
    (place,) = scene.folders()
    (before,) = machines_of(place.name) or [0]
    scene.cloud.up()
    made = scene.settled()
    assert made is not None
    assert made["provisioningState"] == "Succeeded"
    assert made["vmId"] == place.name
    (now,) = machines_of(place.name)
    assert before in (0, now), "the machine that ran was started again"
    scene.cloud.az("vm", "delete", *NAMED, "--yes")
    assert machines_of(place.name) == []


@pytest.mark.long
def test_a_machine_is_made_although_its_maker_is_killed_before_its_start(scene: Scene) -> None:
    scene.create(*GUEST, "--ssh-key-values", f"{scene.key}.pub")
    scene.kill_when(lambda: True)  # the deployment was accepted, and is at the networks or the disks
    scene.cloud.up()
    made = scene.settled()
    assert made is not None
    assert made["provisioningState"] == "Succeeded"
    assert len(machines_of(made["vmId"])) == 1
    assert [one.name for one in scene.folders()] == [made["vmId"]]
    scene.cloud.az("vm", "delete", *NAMED, "--yes")


def test_a_stop_is_finished_by_the_next_control_plane(scene: Scene, idle: str) -> None:
    scene.cloud.az("vm", "stop", *NAMED, "--no-wait")
    scene.kill_when(lambda: True)
    assert len(machines_of(idle)) == 1, "the stop had ended before the kill"
    scene.cloud.up()
    end = monotonic() + 120
    while machines_of(idle):
        assert monotonic() < end, "the machine still runs"
        sleep(1)
    made = scene.settled()
    assert made is not None
    assert made["provisioningState"] == "Succeeded"
    assert scene.power() == "VM stopped"
    scene.cloud.az("vm", "start", *NAMED)
    assert len(machines_of(idle)) == 1


@pytest.mark.long
def test_a_deletion_is_finished_by_the_next_control_plane(scene: Scene, idle: str) -> None:
    scene.cloud.az("vm", "delete", *NAMED, "--yes", "--no-wait")
    scene.kill_when(lambda: True)
    scene.cloud.up()
    assert scene.settled(120) is None
    assert machines_of(idle) == []
    assert scene.folders() == []
    (disk,) = [one for one in scene.cloud.az("disk", "list", "-g", "g1") if one["name"] == "empty"]
    assert disk["diskState"] == "Unattached"


def _show(scene: Scene) -> dict[str, Any] | None:
    try:
        return dict(scene.cloud.az("vm", "show", *NAMED))
    except AzFailed:
        return None
