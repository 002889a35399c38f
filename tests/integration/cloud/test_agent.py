"""The agent in a machine that really boots: commands, the feed behind the cloud's authority, SELinux."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.built import Built
from bluejacket.image import BuiltImage
from bluejacket.tools import Sandbox
from guestcloud import VM_ID
from guesthost import LIMIT_S, GuestHost, guest_host

pytestmark = [pytest.mark.integration, pytest.mark.boot]


@pytest.fixture(scope="module")
def host(
    tools: Path, release: Release, image: BuiltImage, feed: Built, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuestHost]:
    folder = tmp_path_factory.mktemp("cloud")
    box = Sandbox(tools, folder / "logs")
    with guest_host(folder, tools, box, release, image.folder / "disk.qcow2", feed.folder) as made:
        told = made.reports.wait(VM_ID, LIMIT_S)
        assert told.ready, told
        assert made.agents.wait_for(VM_ID, LIMIT_S), made.machine.console.read_text("utf-8", "replace")[
            -4000:
        ]
        yield made


def test_the_agent_says_its_version_and_rests(host: GuestHost) -> None:
    assert re.fullmatch(r"4-1(\..*)?", host.agents.version(VM_ID))
    spent = "systemctl show -P CPUUsageNSec bluejacket-agent"
    before = int(host.do(spent))
    time.sleep(20)
    used = (int(host.do(spent)) - before) / 1e9
    assert used < 4, f"{used} s for two commands and twenty seconds of waiting"


def test_commands_run_as_an_administrators_shell_does(host: GuestHost) -> None:
    found = host.run("id -un; id -Z; getenforce; hostname; cat /proc/self/cgroup; echo trouble >&2; exit 5")
    assert (found.status, found.err) == (5, "trouble\n")
    user, context, enforcing, name, group = found.out.split()
    assert (user, enforcing, name) == ("root", "Enforcing", "dory")
    assert context == "system_u:system_r:unconfined_t:s0"
    assert "bluejacket-run-" in group
    assert host.run("id -un", user="azureuser").out == "azureuser\n"
    assert "nobody-there" in host.run("true", user="nobody-there").why
    assert host.run("sleep 300", limit_s=2).why == "the command was stopped after 2 s"


def test_a_command_outlives_the_agent_that_began_it(host: GuestHost) -> None:
    assert host.do("systemctl restart bluejacket-agent; sleep 3; echo survived") == "survived\n"


def test_packages_come_from_the_feed_at_its_own_address(host: GuestHost, release: Release) -> None:
    address = release.feed.address_of(release.version)
    assert address.startswith("https://")
    assert host.do("ls /etc/dnf/vars 2>/dev/null | wc -l").strip() == "0", "nothing was set for it"
    host.do("dnf5 -y install zstd", limit_s=900)
    assert host.do("zstd --version")
    assert "bluejacket-cloud.crt" in host.do("readlink -f /etc/ssl/certs/bluejacket-cloud.pem")


def test_nobody_else_is_let_in_by_the_agent(host: GuestHost) -> None:
    # What cloud-init writes for root lets nobody in: it only says whom to log in as.
    keys = host.do("cat /root/.ssh/authorized_keys 2>/dev/null || true").splitlines()
    assert all('command="echo' in one for one in keys), keys
    listening = host.do("ss -ltnpH")
    assert "sshd" in listening
    assert "python" not in listening, "the agent asks, and is not asked"


def test_the_machine_is_well_and_selinux_has_refused_nothing(host: GuestHost) -> None:
    status = host.do("cloud-init status --wait --long; systemctl is-system-running --wait", limit_s=900)
    assert "status: done" in status
    assert "recoverable_errors: {}" in status
    assert status.split()[-1] == "running"
    assert host.do("journalctl -b -o cat | grep 'avc:  denied' || true") == ""
    assert host.do("ls /var/lib/bluejacket-agent | wc -l").strip() == "1", "this command's own folder alone"
