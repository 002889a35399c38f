"""Release 3 in a machine: another package manager, kernel, policy and systemd, and the same demands.

One boot serves all of it. Release 4's tools made its packages and its disk; what it runs is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.definition import Definitions, Release
from bluejacket.feed.build import build_feed
from bluejacket.image import Workbench, build_image
from bluejacket.machine import Boot, Machines, expected_of
from bluejacket.package.own import Workshop
from bluejacket.store import State
from bluejacket.tools import Sandbox
from bootfeeds import FORGED, REFUSED, BootFeeds
from guests import LIMIT_S, Guest
from locks import lock_of

pytestmark = [pytest.mark.boot, pytest.mark.long]

LARGE = "containerd"  # takes rpm a while
BREAK_OFF = f"""
import os, signal, sqlite3, subprocess, time
history = "/var/lib/dnf/history.sqlite"
words = ["dnf", "-y", "install", "{LARGE}"]
dnf = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
query = '''SELECT count(*) FROM trans JOIN trans_item ON trans_item.trans_id = trans.id
    JOIN rpm ON rpm.item_id = trans_item.item_id WHERE ifnull(dt_end, 0) = 0 AND rpm.name = "{LARGE}"'''
while dnf.poll() is None:
    if os.path.exists(history) and sqlite3.connect(history).execute(query).fetchone()[0]:
        dnf.send_signal(signal.SIGKILL)
        dnf.wait()
        print("killed")
        break
    time.sleep(0.01)
"""
ASKED = "dosfstools"  # in the feed and not in the image; named in the user data


@pytest.fixture(scope="module")
def three(definitions: Definitions) -> Release:
    return definitions.release("3")


@pytest.fixture(scope="module")
def feeds(
    state: State, three: Release, shop: Workshop, tmp_path_factory: pytest.TempPathFactory
) -> BootFeeds:
    top = tmp_path_factory.mktemp("release-3")
    (top / "feeds").mkdir()
    return BootFeeds(top / "feeds", three, shop.signer, shop.epoch)


@pytest.fixture(scope="module")
def guest(state: State, three: Release, shop: Workshop, feeds: BootFeeds) -> Iterator[Guest]:
    """Release 3 as `bluejacket boot vm --release 3` builds and boots it; `shop` is release 4's."""
    lock = lock_of(state, three)
    feed = build_feed(state, three, lock, shop.box, shop.tools)
    bench = Workbench(state.store, shop.box, shop.tools, shop.signer, shop.boot_key, state.report)
    image = build_image(bench, three, three.images["vm"], lock, feed)
    feeds = replace(feeds, epoch=lock.epoch)
    feeds.main(feed.folder)
    feeds.refused()
    top = feeds.top.parent
    machines = Machines(top / "state", Sandbox(shop.box.tools, top / "logs"))
    boot = Boot(
        image.disks["raw"],
        "vm",
        feed=feeds.top,
        feed_variable=three.feed.variable,
        variables={three.feed.variable: "http://10.0.2.4/main/"},
        packages=(ASKED,),
        disk_gib=8,
        limit_s=LIMIT_S,
        expected=expected_of(three.profile_of(three.images["vm"]), three.pretty_name),
    )
    with machines.booted(boot) as (machine, health):
        yield Guest(machines, machine, health)


def test_the_machine_is_well(guest: Guest, three: Release) -> None:
    assert guest.health.reasons == ()
    assert guest.health.release == three.pretty_name
    assert guest.health.kernel.startswith("6.12.")
    assert guest.do("rpm", "-q", "--qf", "%{version}", "rpm").startswith("4.20")
    assert guest.ask("rpm", "-q", "dnf5").status == 1
    (kernel,) = guest.kernels()
    assert "+" not in kernel, "a first boot that was a success is blessed"


def test_users_of_packages_are_there(guest: Guest) -> None:
    """Those too that upstream makes with adduser."""
    owners = guest.do("stat", "--format=%U:%G", "/var/lib/chrony", "/usr/bin/ssh-agent").split()
    assert owners == ["_chrony:_chrony", "root:_ssh"]
    assert guest.do("systemctl", "is-active", "chrony.service") == "active\n"


def test_packages_of_the_user_data_are_installed(guest: Guest) -> None:
    """By cloud-init, through DNF 4, from the feed that the same user data names."""
    query = ("repoquery", "--installed", "--qf", "%{from_repo}", ASKED)
    assert guest.do("dnf", "-q", *query).split() == ["bluejacket-main"]
    assert guest.do("rpm", "-V", ASKED) == ""


def test_the_database_that_rpm_6_wrote_can_be_read_and_its_packages_are_signed(
    guest: Guest, shop: Workshop
) -> None:
    out = guest.do("rpm", "-qa", "--qf", "%{name} %{rsaheader:pgpsig}%{dsaheader:pgpsig}\\n")
    ours = f"Key ID {shop.signer.fingerprint[-16:].lower()}"
    unsigned = [line.split()[0] for line in out.splitlines() if ours not in line]
    assert [name for name in unsigned if name != "gpg-pubkey"] == []


def test_file_contexts_are_compiled_by_the_library_that_reads_them(guest: Guest) -> None:
    assert "Regex version mismatch" not in guest.do("journalctl", "--boot", "--no-pager", "--output=cat")
    asked = guest.ask("matchpathcon", "/efi")
    assert asked.out.split() == ["/efi", "system_u:object_r:boot_t:s0"]
    assert asked.err == ""


def test_dnf_installs_what_the_image_lacks(guest: Guest) -> None:
    guest.do("systemd-run", "--quiet", "--wait", "--pipe", "dnf", "-y", "install", "runc")
    assert guest.do("runc", "--version")
    assert guest.do("rpm", "-V", "runc") == ""


def test_the_kernel_that_runs_is_not_removed(guest: Guest) -> None:
    answer = guest.ask("dnf", "--assumeno", "remove", "bluejacket-uki")
    assert answer.status != 0
    assert "protected packages: bluejacket-uki" in answer.out + answer.err


def test_an_installation_that_was_broken_off_is_finished(guest: Guest) -> None:
    """DNF is killed as soon as its history has the package, before rpm has done its part."""
    broken = guest.do("python3", "-", script=BREAK_OFF)
    assert broken == "killed\n"
    told = guest.ask("bluejacket-repair", "--check")
    assert told.status == 1, told
    assert "dnf -y " in told.out
    assert "was broken off" in told.out
    guest.do("bluejacket-repair", limit_s=LIMIT_S)
    assert guest.ask("bluejacket-repair", "--check").status == 0
    assert guest.do("rpm", "-V", LARGE) == ""
    assert guest.do("rpm", "-q", LARGE).count("\n") == 1


@pytest.mark.parametrize(("name", "reason"), REFUSED.items())
def test_a_tampered_package_is_refused(guest: Guest, three: Release, name: str, reason: str) -> None:
    guest.refuses("dnf", name, three.feed.variable, f"probe-{name}", reason)


def test_rpm_itself_refuses_what_a_stranger_signed(guest: Guest, feeds: BootFeeds) -> None:
    (rpm,) = (feeds.top / FORGED).rglob("*.rpm")
    address = f"http://10.0.2.4/{Path(rpm).relative_to(feeds.top)}"
    guest.python(f"import urllib.request; urllib.request.urlretrieve({address!r}, '/tmp/forged.rpm')")
    answer = guest.ask("rpm", "-U", "/tmp/forged.rpm")
    assert answer.status != 0
    assert "NOKEY" in answer.err or "signature" in answer.err.lower(), answer


def test_work_in_the_guest_was_not_denied(guest: Guest) -> None:
    assert guest.machines.await_health(guest.machine, LIMIT_S).denials == ()
