"""Release 4 patches itself: DNF5's automatic plugin by the machine's policy, from snapshots of a feed.

A component in C is rebuilt from source with a patch, and a component of ours gets a bug-fix update. One boot
serves all; the tests build on one another, in the order in which they stand.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.image import BuiltImage
from bluejacket.machine import Boot, Machines, expected_of
from bluejacket.package.own import Workshop
from bluejacket.store import State
from bluejacket.tools import Sandbox
from guests import LIMIT_S, Guest
from patching import BUGFIX, CVE, POLICY, REBOOT, SECURITY, Apart, Definitions, Patient, Site

pytestmark = [pytest.mark.boot]

DAY = 86400
KEPT = "lantern-kept.service"


@pytest.fixture(scope="module")
def site(state: State, shop: Workshop, distro: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Three snapshots: as the image is, with a fix and a bug-fix update, with a fix that wants a reboot."""
    top = tmp_path_factory.mktemp("patch-4")
    site = Site(Apart(state.root, elsewhere=top / "snapshots"), shop, top / "site")
    definitions = Definitions.copied(distro, top / "distro", "4")
    start = int(time.time()) - 3 * DAY
    definitions.add_lantern()
    for change in (None, 1, 2):
        if change:
            definitions.fix_lantern(change)
            definitions.fix_bug()
        release = definitions.release()
        site.take(release, *site.build(release), start + len(site.taken) * DAY)
    return site


@pytest.fixture(scope="module")
def patient(site: Site, release: Release, image: BuiltImage, shop: Workshop) -> Iterator[Patient]:
    machines = Machines(site.top.parent / "state", Sandbox(shop.box.tools, site.top.parent / "logs"))
    boot = Boot(
        image.disks["raw"],
        "vm",
        feed=site.top,
        feed_variable=release.feed.variable,
        variables={release.feed.variable: Site.address(site.taken[0])},
        files={POLICY: "[patch]\nhours = any\ndelay_minutes = 0\n"},
        packages=("lantern",),
        limit_s=LIMIT_S,
        expected=expected_of(release.profile_of(release.images["vm"]), release.pretty_name),
    )
    with machines.booted(boot) as (machine, health):
        assert health.reasons == ()
        patient = Patient(Guest(machines, machine, health), release)
        patient.guest.do("sh", "-c", "echo 'oil = none' >/etc/lantern.conf")
        patient.guest.do("systemctl", "start", "lantern.service")
        patient.guest.do("systemd-run", "--quiet", f"--unit={KEPT}", "lanternd", "stay")
        patient.guest.do("sh", "-c", "setsid lanternd stay >/dev/null 2>&1 </dev/null &")
        yield patient


@dataclass
class Before:
    """The machine before it has patched itself."""

    packages: list[str]
    verified: list[str]


@pytest.fixture(scope="module")
def before(patient: Patient) -> Before:
    return Before(patient.packages(), patient.verified())


def state_of(patient: Patient) -> str:
    """Give what the service says that has loaded the library."""
    said = patient.guest.do("journalctl", "--quiet", "--output=cat", "--no-pager", "--unit=lantern.service")
    return [line for line in said.splitlines() if line.startswith("flame:")][-1]


def test_the_timer_fires_in_the_hours_of_the_release_at_random(patient: Patient, release: Release) -> None:
    """Each machine another one: within the delay after the hours begin."""
    patient.say("")
    begin, delay = release.patch.hours.partition("-")[0], timedelta(minutes=release.patch.delay_minutes)
    assert f"OnCalendar=*-*-* {begin}:00 ;" in patient.shown("TimersCalendar")
    shown = patient.guest.do("systemd-analyze", "timespan", patient.shown("RandomizedDelayUSec"))
    assert re.search(r"s: (\d+)\n", shown)[1] == str(delay // timedelta(microseconds=1))
    _, day, clock, _ = patient.shown("NextElapseUSecRealtime").split()
    first = datetime.fromisoformat(f"{day} {begin}")
    assert first <= datetime.fromisoformat(f"{day} {clock}") <= first + delay


def test_outside_the_hours_nothing_happens(patient: Patient, before: Before, site: Site) -> None:
    patient.point_at(site.taken[1])
    now = datetime.fromisoformat(patient.guest.do("date", "+%FT%H:%M").strip())
    hours = "-".join(f"{now + timedelta(hours=add):%H:%M}" for add in (2, 3))
    patient.say(f"hours = {hours}\ndelay_minutes = 0")
    assert f"nothing is done now: the policy's hours are {hours}\n" in patient.fire()
    assert patient.records() == []
    assert patient.packages() == before.packages


def test_an_owner_who_is_only_told_gets_a_record(patient: Patient, before: Before) -> None:
    patient.say("mode = notify\nhours = any\ndelay_minutes = 0")
    for _ in range(2):
        assert "notified: 1 advisories with 1 CVEs, 0 packages\n" in patient.fire()
    record = patient.record()
    assert (record["state"], record["policy"]["mode"]) == ("notified", "notify")
    assert [(one["id"], one["cves"]) for one in record["advisories"]] == [(SECURITY, [CVE])]
    assert (record["waiting"], record["before"], record["after"]) == ([BUGFIX], [], [])
    assert len(patient.records()) == 1, "what the last record says is not written down again"
    assert patient.packages() == before.packages


def test_the_timer_applies_what_is_security_and_nothing_else(
    patient: Patient, before: Before, site: Site
) -> None:
    patient.say(f"hours = any\ndelay_minutes = 0\nkeep_running = {KEPT}")
    patient.point_at(site.taken[1])
    told = patient.guest.do("dnf5", "-y", "--refresh", "advisory", "list", "--with-cve")
    assert CVE in told
    said = patient.fire()
    assert "applied: 1 advisories with 1 CVEs, 1 packages; restarted: lantern.service" in said
    assert CVE not in patient.guest.do("dnf5", "-C", "advisory", "list", "--with-cve")
    assert BUGFIX in patient.guest.do("dnf5", "-C", "advisory", "list")
    assert set(patient.packages()) ^ set(before.packages) == {
        "lantern-1.0-1.x86_64",
        "lantern-1.0-1.bj1.x86_64",
    }


def test_the_record_says_what_was_done(patient: Patient, release: Release) -> None:
    record = patient.record()
    assert record["release"] == release.pretty_name
    assert record["policy"]["mode"] == "security"
    assert [(one["id"], one["cves"]) for one in record["advisories"]] == [(SECURITY, [CVE])]
    assert record["waiting"] == [BUGFIX]
    assert (record["before"], record["after"]) == (["lantern-1.0-1.x86_64"], ["lantern-1.0-1.bj1.x86_64"])
    assert record["history"] == int(patient.guest.do("dnf5", "history", "list").splitlines()[1].split()[0])
    assert (record["errors"], record["offline"]) == ([], False)


def test_the_service_runs_from_the_fixed_library(patient: Patient) -> None:
    assert state_of(patient) == "flame: guarded, glass: cracked"
    assert patient.record()["restarted"] == ["lantern.service"]


def test_what_still_runs_from_the_old_library_is_named(patient: Patient) -> None:
    """A service that the owner wants left alone, and a program that somebody has started by hand."""
    left = patient.record()["not_restarted"]
    assert left.pop(KEPT) == "the policy keeps it running"
    ((session, why),) = left.items()
    assert re.fullmatch(r"session-\w+\.scope", session)
    assert why == "it belongs to a login or was started by hand"
    said = patient.guest.do("journalctl", "-q", "-o", "cat", "--no-pager", "-u", "bluejacket-patch.service")
    assert f"; not restarted: {KEPT}, {session}; " in said


def test_settings_of_the_owner_stay_and_the_new_ones_are_named(patient: Patient) -> None:
    assert patient.record()["config_files"] == ["/etc/lantern.conf.rpmnew"]
    assert patient.guest.do("cat", "/etc/lantern.conf") == "oil = none\n"


def test_the_machine_stayed_well(patient: Patient) -> None:
    """No failed unit, and SELinux denied nothing."""
    health = patient.guest.machines.await_health(patient.guest.machine, LIMIT_S)
    assert health.reasons == ()


def test_an_owner_switches_it_off(patient: Patient, site: Site) -> None:
    patient.point_at(site.taken[2])
    patient.say("mode = off")
    assert "nothing is done: the policy's mode is off" in patient.fire()
    patient.say("mode = sometimes")
    answer = patient.guest.ask("bluejacket-patch", "run")
    assert answer.status == 2
    assert "use one of off, notify, security, all" in answer.err
    patient.say("hours = any")


@pytest.mark.long
def test_history_undo_brings_the_former_state_back(patient: Patient, before: Before, site: Site) -> None:
    patient.point_at(site.taken[0])
    patient.guest.do("dnf5", "-y", "--refresh", "history", "undo", "last", limit_s=LIMIT_S)
    assert patient.packages() == before.packages
    assert patient.verified() == before.verified
    assert patient.guest.do("lanternd") == "flame: open, glass: cracked\n"


@pytest.mark.long
def test_what_wants_a_reboot_is_applied_in_a_boot_for_nothing_else(
    patient: Patient, before: Before, site: Site
) -> None:
    patient.point_at(site.taken[2])
    boot = patient.boot_id()
    said = patient.fire()
    assert "staged: 2 advisories with 2 CVEs, 0 packages; wants a reboot: BJSA-2026:9002" in said
    health = patient.await_boot(boot)
    assert health.reasons == ()
    assert set(patient.packages()) - set(before.packages) == {"lantern-1.0-1.bj2.x86_64"}
    record = patient.record()
    assert (record["state"], record["offline"], record["reboot_needed_by"]) == ("applied", True, [REBOOT])
    assert record["after"] == ["lantern-1.0-1.bj2.x86_64"]
    assert record["errors"] == []
    assert patient.guest.ask("test", "-L", "/system-update").status == 1
    assert patient.guest.do("lanternd") == "flame: guarded, glass: whole\n"


@pytest.mark.long
def test_history_undo_takes_an_offline_update_back(patient: Patient, before: Before, site: Site) -> None:
    patient.point_at(site.taken[0])
    patient.guest.do("dnf5", "-y", "--refresh", "history", "undo", "last", limit_s=LIMIT_S)
    assert patient.packages() == before.packages
    assert patient.verified() == before.verified


def test_an_owner_restarts_the_machine_himself(patient: Patient, site: Site) -> None:
    """What wants a reboot is applied at once, and the record says that it does."""
    patient.point_at(site.taken[2])
    patient.say("hours = any\ndelay_minutes = 0\nreboot = never")
    boot = patient.boot_id()
    said = patient.fire()
    assert "applied: " in said
    assert f"wants a reboot: {REBOOT}" in said
    record = patient.record()
    assert (record["state"], record["offline"], record["reboot_needed_by"]) == ("applied", False, [REBOOT])
    assert record["after"] == ["lantern-1.0-1.bj2.x86_64"]
    assert (record["waiting"], record["errors"]) == ([BUGFIX], [])
    assert patient.guest.ask("test", "-e", "/run/systemd/shutdown/scheduled").status == 1
    assert patient.boot_id() == boot


def test_an_owner_wants_every_update(patient: Patient, before: Before) -> None:
    patient.say("mode = all\nhours = any\ndelay_minutes = 0")
    assert "applied: 1 advisories with 0 CVEs, 1 packages" in patient.fire()
    record = patient.record()
    assert [one["id"] for one in record["advisories"]] == [BUGFIX]
    assert (record["policy"]["mode"], record["waiting"], record["errors"]) == ("all", [], [])
    assert record["after"] == ["bluejacket-hardening-4-2.noarch"]
    assert set(patient.packages()) - set(before.packages) == {
        "bluejacket-hardening-4-2.noarch",
        "lantern-1.0-1.bj2.x86_64",
    }
    assert "no updates\n" in patient.fire()


def test_the_machine_is_still_well(patient: Patient) -> None:
    health = patient.guest.machines.await_health(patient.guest.machine, LIMIT_S)
    assert health.reasons == ()
