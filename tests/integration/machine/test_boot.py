"""The image in a machine: it comes up whole and closed, takes what is signed, and finds its way back.

One boot, of the fixed VHD (Azure's form), serves all tests that only look. Times are recorded, never judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bluejacket.definition import Release
from bluejacket.image import BuiltImage
from bluejacket.machine import Boot, FeedServer, Machines
from bluejacket.machine.writelog import WriteLog
from bluejacket.package.own import Workshop
from bluejacket.package.uki import command_line
from bluejacket.tools import Sandbox
from bootfeeds import FAILING, REFUSED
from cutscenes import Scene
from guests import LIMIT_S, Guest
from longrun import LongRun
from powercuts import FORMER, LATER, Cut, mounts_work, update
from relabelling import policy_files_kept_from_change

pytestmark = [pytest.mark.boot]

SERVICE = ["systemd-run", "--quiet", "--wait", "--pipe"]  # as cloud-init runs its commands
CUTS = 5  # of the power, in the update to a newer kernel; test_power_cut.py has them in full


@pytest.fixture(scope="module")
def guest(recorded_boot: Boot, shop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    top = tmp_path_factory.mktemp("machines")
    machines = Machines(top / "state", Sandbox(shop.box.tools, top / "logs"))
    with machines.booted(recorded_boot) as (machine, health):
        print(json.dumps({"stages": dict(health.stages), "cpu_seconds": health.cpu_seconds}))
        yield Guest(machines, machine, health)


@pytest.fixture(scope="module")
def first_kernels(guest: Guest) -> list[str]:
    return guest.kernels()


@pytest.fixture(scope="module")
def cut(guest: Guest, recorded_boot: Boot, image: BuiltImage, first_kernels: list[str]) -> Cut:
    """The recorded update to a newer kernel, and of some packages with it."""
    assert recorded_boot.writes is not None
    return update(guest, image.disks["raw"], recorded_boot.writes)


def test_the_machine_is_well(guest: Guest) -> None:
    """State running, no failed unit, Enforcing, no denial, cloud-init done without a complaint."""
    assert guest.health.reasons == ()
    assert guest.health.selinux == "Enforcing"
    assert guest.health.cloud_init == "done"


def test_it_is_the_release(guest: Guest, release: Release) -> None:
    assert guest.health.release == release.pretty_name
    assert f"ID={release.distribution.id}\n" in guest.do("cat", "/etc/os-release")
    assert guest.do("hostname").strip() == guest.machine.name
    assert guest.do("rpm", "-q", "--whatprovides", "system-release").startswith("bluejacket-release-")


def test_the_kernel_runs_hardened(guest: Guest, release: Release) -> None:
    """By the command line that is signed with it, and by what sysctl.d(5) sets."""
    words = command_line(release.path("packages/bluejacket-uki/cmdline")).split()
    assert set(words) <= set(guest.do("cat", "/proc/cmdline").split())
    lines = release.path("packages/bluejacket-hardening/sysctl.conf").read_text("utf-8").splitlines()
    wanted = dict(line.replace("*", "all").split(" = ") for line in lines if line[:1] not in ("", "#"))
    assert dict(line.split(" = ") for line in guest.do("sysctl", *wanted).splitlines()) == wanted


def test_the_root_has_grown_over_the_disk(guest: Guest, recorded_boot: Boot) -> None:
    assert guest.health.disk_size == recorded_boot.disk_gib << 30
    assert guest.health.root_size > 0.85 * guest.health.disk_size


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


def test_packages_of_the_user_data_are_installed(guest: Guest, recorded_boot: Boot) -> None:
    """By cloud-init, through DNF5, from the feed that the same user data names."""
    (asked,) = recorded_boot.packages
    assert guest.do("rpm", "-q", asked).startswith(f"{asked}-")
    assert guest.do("rpm", "-V", asked) == ""
    (line,) = guest.do("dnf5", "repoquery", "--installed", "--qf", "%{from_repo}\\n", asked).splitlines()
    assert line == "bluejacket-main"


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


def test_packages_verify(guest: Guest, shop: Workshop) -> None:
    """Signed by the key that the image trusts, every one."""
    out = guest.do("rpm", "-qa", "--qf", "%{name} %{openpgp:pgpsig}\\n")
    ours = f"Key ID {shop.signer.fingerprint[-16:].lower()}"
    signed = {line.split()[0]: line.endswith(ours) for line in out.splitlines()}
    signed.pop("gpg-pubkey", None)
    assert len(signed) > 100
    assert [name for name, good in signed.items() if not good] == []


def test_a_mounted_esp_is_no_difference(guest: Guest) -> None:
    assert guest.do("ls", "/boot").split() != []
    assert "vfat" in guest.do("findmnt", "-no", "FSTYPE", "/boot").split()
    assert {guest.do("rpm", "-V", name) for name in guest.do("rpm", "-qf", "/boot").split()} == {""}


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


def test_the_kernel_that_runs_is_not_removed(guest: Guest) -> None:
    """DNF5 finds its package by what uname(2) says."""
    answer = guest.ask("dnf5", "--assumeno", "remove", "bluejacket-uki")
    assert answer.status != 0
    assert "running kernel" in answer.out + answer.err


def test_past_the_end_of_support_a_login_says_so(guest: Guest, release: Release) -> None:
    file = "/usr/lib/os-release"
    assert "The support of" not in guest.do("bash", "-lic", "true")
    guest.do("cp", "-a", file, f"{file}.kept")
    guest.do("sed", "-i", "s/^SUPPORT_END=.*/SUPPORT_END=2020-01-01/", file)
    told = guest.do("bash", "-lic", "true")
    guest.do("mv", f"{file}.kept", file)
    assert f"*** The support of {release.pretty_name} ended on 2020-01-01: this system gets no " in told


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_a_tampered_package_is_refused(guest: Guest, release: Release, name: str, reason: str) -> None:
    """By the repository that the image ships, which demands both signatures."""
    guest.refuses("dnf5", name, release.feed.variable, f"probe-{name}", reason)


def test_a_restart_of_sshd_keeps_its_runtime_folder(guest: Guest) -> None:
    before = guest.do("stat", "--format=%i %w", "/run/sshd")
    guest.do("systemctl", "restart", "ssh.service")
    assert guest.do("stat", "--format=%i %w", "/run/sshd") == before


def test_the_journal_explains_messages(guest: Guest) -> None:
    """Its catalogue was compiled by a file trigger when the image was made."""
    assert guest.ask("test", "-s", "/var/lib/systemd/catalog/database").status == 0
    assert "░░ Subject: " in guest.do("journalctl", "-b", "-x", "--no-pager", "--unit=ssh.service")


def test_the_journal_is_written_when_it_says_so(guest: Guest) -> None:
    """While another service writes; what that took would be a denial, which a later test looks for."""
    guest.do("systemd-run", "--unit=chatter", "sh", "-c", "yes | head -n 200000; exec sleep infinity")
    guest.do("systemd-cat", "--identifier=probe", "echo", "the last words")
    guest.do("journalctl", "--sync")
    said = guest.do("journalctl", "--boot", "--no-pager", "--output=cat", "--identifier=probe")
    assert said.splitlines() == ["the last words"]
    guest.do("systemctl", "stop", "chatter.service")


def test_a_newer_boot_loader_comes_to_the_esp(guest: Guest) -> None:
    """And an entry of the firmware's does not: what it starts stays as it is."""
    esp = guest.do("bootctl", "--print-esp-path").strip()
    loader, installed = f"{esp}/EFI/BOOT/BOOTX64.EFI", "/usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed"
    version = guest.do("grep", "-aoE", "LoaderInfo: systemd-boot [0-9]+", installed).split()[-1]
    older = str(int(version) - 1)
    guest.do("sed", "-i", f"s/LoaderInfo: systemd-boot {version}/LoaderInfo: systemd-boot {older}/", loader)
    assert guest.ask("cmp", "--quiet", loader, installed).status == 1
    entries = guest.do("ls", "/sys/firmware/efi/efivars")
    guest.do("dnf5", "-y", "reinstall", "bluejacket-loader")
    guest.do("cmp", loader, installed)
    assert guest.do("ls", "/sys/firmware/efi/efivars") == entries


@pytest.mark.long
def test_an_administrator_changes_the_policy(guest: Guest) -> None:
    """A module comes, its file context holds, it goes again; nothing is denied, files keep their labels."""
    module = '(filecon "/srv/probe" file (system_u object_r etc_t ((s0) (s0))))'
    guest.do("sh", "-c", f"echo '{module}' >/tmp/probe.cil && touch /srv/probe")
    guest.do("semodule", "-i", "/tmp/probe.cil", limit_s=LIMIT_S)
    guest.do("restorecon", "/srv/probe")
    assert ":etc_t:" in guest.do("ls", "-Z", "/srv/probe")
    guest.do("semodule", "-r", "probe", limit_s=LIMIT_S)
    assert guest.do("restorecon", "-nRv", "/etc/selinux", "/var/lib/selinux") == ""


def test_the_policy_lets_itself_be_changed(guest: Guest) -> None:
    """What the test before needs, asked of the kernel: semodule takes minutes on an emulated processor."""
    assert policy_files_kept_from_change(guest) == set()


def test_work_in_the_guest_was_not_denied(guest: Guest) -> None:
    """After installing and being refused, still no denial since the boot."""
    health = guest.machines.await_health(guest.machine, LIMIT_S)
    assert health.denials == ()


def test_a_newer_kernel_is_installed_booted_and_taken_back(
    guest: Guest, first_kernels: list[str], cut: Cut
) -> None:
    """The UKI goes to the ESP by the file trigger, the one before stays, and its boots are counted."""
    before = first_kernels
    assert len(before) == 1
    assert "+" not in before[0], "the first boot was a success, so that it is counted no more"
    old = guest.health.loader_entry

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

    guest.do("dnf5", "-y", f"--enable-repo={FORMER}", "history", "undo", "last")
    health = guest.reboot()
    assert health.reasons == ()
    assert health.loader_entry == before[0]
    assert guest.do("rpm", "-q", "bluejacket-uki").count("\n") == 1


@pytest.mark.long
def test_a_kernel_that_never_comes_up_gives_way(guest: Guest) -> None:
    """Three tries, which the boot loader counts down in the file's name, then the kernel before it again."""
    old, before = guest.health.loader_entry, guest.kernels()
    (good,) = guest.do("rpm", "-q", "bluejacket-uki").split()
    guest.do("dnf5", "-y", f"--repo={FAILING}", "upgrade", "bluejacket-uki")
    (fresh,) = set(guest.kernels()) - set(before)
    health = guest.reboot(despite_trouble=True)
    assert health.reasons == ()
    assert health.loader_entry == old
    failed = f"{fresh.removesuffix('+3.efi')}+0-3.efi"
    assert failed in guest.kernels()

    # A third package: the one that runs stays, and with the two files on the ESP the new one is booted.
    query = ("repoquery", f"--repo={LATER}", "--qf", "%{full_nevra}\\n", "bluejacket-uki")
    guest.do("dnf5", "-y", f"--repo={LATER}", "install", guest.do("dnf5", "-q", "-y", *query).strip())
    kept = guest.do("rpm", "-q", "bluejacket-uki").split()
    assert len(kept) == 2
    assert good in kept
    assert old in guest.kernels()
    assert failed not in guest.kernels()
    health = guest.reboot()
    assert health.reasons == ()
    assert health.loader_entry not in (old, failed)


@pytest.mark.skipif(not mounts_work(), reason="mounts the guest's file systems, which root may")
def test_the_power_goes_a_few_times_in_that_update(
    guest: Guest, recorded_boot: Boot, cut: Cut, long_run: LongRun, rotating_seed: int
) -> None:
    """At other flushes each day, and from one of them it boots; the machine itself is not needed any more."""
    machines = guest.machines
    machines.end(guest.machine)
    print(f"BLUEJACKET_SEED={rotating_seed}")
    assert recorded_boot.writes is not None
    with long_run.folder("power-cut-few") as folder, WriteLog(recorded_boot.writes) as log:
        scene = Scene(folder, cut, log, replace(recorded_boot, writes=None), machines, machines.box)
        scene.cut_a_few_times(CUTS, Random(rotating_seed))
