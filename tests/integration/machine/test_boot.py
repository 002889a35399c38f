"""The image in a machine: it comes up whole and closed, takes what is signed, and finds its way back.

One boot serves all tests that only look. Times are recorded, never judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.feed.build import Built
from bluejacket.foundation.lock import Lock
from bluejacket.machine import Answer, Boot, FeedServer, Health, Machine, Machines
from bluejacket.package.own import Workshop
from bluejacket.store import State
from bluejacket.tools import Sandbox
from bootfeeds import CHANGED, FAILING, FORGED, NEWER, UNSIGNED, BootFeeds, failing_kernel, newer_kernel

pytestmark = [pytest.mark.boot]

LIMIT_S = 1500
DISK_GIB = 8
SERVICE = ["systemd-run", "--quiet", "--wait", "--pipe"]  # as cloud-init runs its commands


@dataclass
class Guest:
    """A machine that runs, and what it said of itself when it came up."""

    machines: Machines
    machine: Machine
    health: Health

    def ask(self, *words: str, limit_s: float = 600) -> Answer:
        return self.machines.run(self.machine, ["sudo", "-n", *words], limit_s=limit_s)

    def do(self, *words: str, limit_s: float = 600) -> str:
        """Run a command as root that has to succeed; gives its output."""
        answer = self.ask(*words, limit_s=limit_s)
        assert answer.status == 0, f"{words}: {answer.out}\n{answer.err}"
        return answer.out

    def python(self, program: str) -> str:
        answer = self.machines.run(self.machine, ["python3", "-"], script=program)
        assert answer.status == 0, answer.err
        return answer.out.strip()

    def kernels(self) -> list[str]:
        """The UKIs on the ESP, oldest first."""
        esp = self.do("bootctl", "--print-esp-path").strip()
        return sorted(self.do("ls", f"{esp}/EFI/Linux").split())

    def reboot(self, *, despite_trouble: bool = False) -> Health:
        self.health = self.machines.reboot(self.machine, LIMIT_S, despite_trouble=despite_trouble)
        return self.health


@pytest.fixture(scope="module")
def guest(
    state: State,
    release: Release,
    lock: Lock,
    shop: Workshop,
    feed: Built,
    vm_disk: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Guest]:
    top = tmp_path_factory.mktemp("boot")
    (top / "feeds").mkdir()
    feeds = BootFeeds(top / "feeds", release, shop.signer, lock.epoch)
    feeds.main(feed.folder)
    feeds.refused()
    feeds.small(NEWER, newer_kernel(state, release, lock, shop))
    feeds.small(FAILING, failing_kernel(state, release, lock, shop, top))
    machines = Machines(top / "state", Sandbox(shop.box.tools, top / "logs"))
    boot = Boot(
        vm_disk,
        "vm",
        feed=feeds.top,
        feed_variable=release.feed.variable,
        variables={release.feed.variable: "http://10.0.2.4/main/"},
        files={"/etc/yum.repos.d/test.repo": feeds.repositories()},
        disk_gib=DISK_GIB,
        limit_s=LIMIT_S,
    )
    with machines.booted(boot) as (machine, health):
        print(json.dumps({"stages": dict(health.stages), "cpu_seconds": health.cpu_seconds}))
        yield Guest(machines, machine, health)


def test_the_machine_is_well(guest: Guest) -> None:
    """State running, no failed unit, Enforcing, no denial, cloud-init done without a complaint."""
    assert guest.health.reasons == ()
    assert guest.health.selinux == "Enforcing"
    assert guest.health.cloud_init == "done"


def test_it_is_the_release(guest: Guest, release: Release) -> None:
    assert guest.health.release == release.pretty_name
    assert f"ID={release.distribution.id}\n" in guest.do("cat", "/etc/os-release")
    assert guest.do("hostname").strip() == guest.machine.name


def test_the_root_has_grown_over_the_disk(guest: Guest) -> None:
    assert guest.health.disk_size == DISK_GIB << 30
    assert guest.health.root_size > 0.85 * (DISK_GIB << 30)


def test_root_and_passwords_stay_out(guest: Guest) -> None:
    told = guest.do("sshd", "-T").lower()
    assert "permitrootlogin no" in told
    assert "passwordauthentication no" in told
    shadow = dict(line.split(":")[:2] for line in guest.do("cat", "/etc/shadow").splitlines())
    assert all(word.startswith(("!", "*")) for word in shadow.values())


def test_the_seed_was_taken_whole(guest: Guest) -> None:
    """A seed that cannot be mounted makes cloud-init fall back silently."""
    status = json.loads(guest.do("cat", "/run/cloud-init/status.json"))
    assert "NoCloud" in status["v1"]["datasource"]
    assert guest.do("cat", "/etc/dnf/vars/bluejacket_feed") == "http://10.0.2.4/main/\n"


def test_what_cloud_init_wrote_has_its_label(guest: Guest) -> None:
    keys = guest.do("ls", "-Z", f"/home/{guest.machine.user}/.ssh/authorized_keys")
    assert ":ssh_home_t:" in keys


def test_the_clock_of_every_file_is_not_ahead(guest: Guest) -> None:
    """Stale or future .pyc files would be compiled again at every boot."""
    assert guest.do("find", "/usr", "-newermt", "now", "-print", "-quit") == ""


def test_the_guest_reaches_the_feed_and_nothing_of_the_host(guest: Guest, tmp_path: Path) -> None:
    with FeedServer(tmp_path) as server:
        port = int(server.url.rstrip("/").rpartition(":")[2])
        program = f"""
import socket, urllib.request
print(urllib.request.urlopen("http://10.0.2.4/main/repodata/repomd.xml").status)
for address in ("10.0.2.2", {port}), ("10.0.2.3", 53), ("192.0.2.1", 80):
    try:
        socket.create_connection(address, 5).close()
        print("reached", address)
    except OSError:
        pass
"""
        assert guest.python(program) == "200"


def test_packages_verify(guest: Guest) -> None:
    """Signed by the key that the image trusts, every one."""
    out = guest.do("rpm", "-qa", "--qf", "%{name} %{rsaheader:pgpsig}%{openpgp:pgpsig}\\n")
    unsigned = [line.split()[0] for line in out.splitlines() if "ID" not in line and "Key" not in line]
    assert [name for name in unsigned if name != "gpg-pubkey"] == []


def test_the_feed_is_the_one_repository(guest: Guest, release: Release) -> None:
    lines = guest.do("dnf5", "repolist").splitlines()
    assert [line.split()[0] for line in lines[1:]] == [f"{release.distribution.id}-{release.feed.name}"]


@pytest.mark.parametrize("who", ["a person", "a service"])
def test_dnf_installs_what_the_image_lacks(guest: Guest, who: str) -> None:
    """Both checks are on, the key is the image's own, and file triggers run whoever installs."""
    wanted, before = ("zstd", []) if who == "a person" else ("runc", SERVICE)
    assert guest.ask("rpm", "-q", wanted).status == 1
    guest.do(*before, "dnf5", "-y", "install", wanted)
    assert guest.do("rpm", "-q", wanted).startswith(f"{wanted}-")
    assert guest.do(wanted, "--version")
    assert guest.do("rpm", "-V", wanted) == ""


@pytest.mark.parametrize(
    ("repository", "reason"),
    [
        (CHANGED, r"[Cc]hecksum|digest"),
        (FORGED, r"[Ss]ignature|public key|GPG|OpenPGP|key"),
        (UNSIGNED, r"[Ss]ignature|GPG|OpenPGP|BAD"),
    ],
)
def test_a_tampered_package_is_refused(guest: Guest, repository: str, reason: str) -> None:
    package = f"probe-{repository}"
    answer = guest.ask("dnf5", "-y", f"--repo={repository}", "install", package)
    assert answer.status != 0
    assert re.search(reason, answer.out + answer.err), answer
    assert guest.ask("rpm", "-q", package).status == 1
    assert guest.ask("test", "-e", f"/usr/lib/{package}").status == 1


def test_work_in_the_guest_was_not_denied(guest: Guest) -> None:
    """After installing and being refused, still no denial since the boot."""
    health = guest.machines.await_health(guest.machine, LIMIT_S)
    assert health.denials == ()


def test_a_newer_kernel_is_installed_booted_and_taken_back(guest: Guest) -> None:
    """The UKI goes to the ESP by the file trigger, the one before stays, and its boots are counted."""
    before = guest.kernels()
    assert len(before) == 1
    assert "+" not in before[0], "the first boot was a success, so that it is counted no more"
    old = guest.health.loader_entry

    guest.do("dnf5", "-y", f"--repo={NEWER}", "upgrade", "bluejacket-uki")
    both = guest.kernels()
    (fresh,) = set(both) - set(before)
    assert set(before) < set(both)
    assert fresh.endswith("+3.efi")
    assert guest.do("rpm", "-q", "bluejacket-uki").count("\n") == 2

    health = guest.reboot()
    assert health.reasons == ()
    assert health.loader_entry != old
    name = fresh.removesuffix("+3.efi")
    assert health.loader_entry.startswith(name)
    assert f"{name}.efi" in guest.kernels(), "a good boot is blessed"

    guest.do("dnf5", "-y", "history", "undo", "last")
    health = guest.reboot()
    assert health.reasons == ()
    assert health.loader_entry == before[0]
    assert guest.do("rpm", "-q", "bluejacket-uki").count("\n") == 1


@pytest.mark.long
def test_a_kernel_that_never_comes_up_gives_way(guest: Guest) -> None:
    """Three tries, which the boot loader counts down in the file's name, then the kernel before it again."""
    old, before = guest.health.loader_entry, guest.kernels()
    guest.do("dnf5", "-y", f"--repo={FAILING}", "upgrade", "bluejacket-uki")
    (fresh,) = set(guest.kernels()) - set(before)
    health = guest.reboot(despite_trouble=True)
    assert health.reasons == ()
    assert health.loader_entry == old
    assert f"{fresh.removesuffix('+3.efi')}+0-3.efi" in guest.kernels()
