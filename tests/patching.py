"""What machines patch themselves from: definitions that change, and the snapshots made of them."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bluejacket.definition import Release, load
from bluejacket.feed.build import build_feed
from bluejacket.feed.built import Built
from bluejacket.feed.pool import whole_tree
from bluejacket.feed.snapshot import Snapshot
from bluejacket.feed.take import take_snapshot
from bluejacket.foundation.lock import Lock, lock_file
from bluejacket.foundation.locking import make_lock
from bluejacket.machine import Health
from bluejacket.machine.follow import Follower
from bluejacket.package.own import Workshop
from bluejacket.store import State
from guests import LIMIT_S, Guest

LANTERN = Path(__file__).parent / "lantern"
COMPONENT = """
[[component]]
name = "lantern"
kind = "spec"
spec = "packages/lantern/lantern.spec"
reason = "a library with a service that uses it"
"""
SECURITY, REBOOT, BUGFIX = "BJSA-2026:9001", "BJSA-2026:9002", "BJBA-2026:9001"
CVE, REBOOT_CVE = "CVE-2026-990001", "CVE-2026-990002"


class Apart(State):
    """A state whose snapshots lie elsewhere; its store is the usual one."""

    def __init__(self, root: Path, elsewhere: Path) -> None:
        super().__init__(root)
        self.elsewhere = elsewhere

    def snapshots(self, distribution: str, release: str) -> Path:
        return self.elsewhere / distribution / release


@dataclass
class Definitions:
    """A copy of the definitions that a test changes, for one release."""

    folder: Path
    version: str

    @classmethod
    def copied(cls, distro: Path, folder: Path, version: str) -> Definitions:
        shutil.copytree(distro, folder, ignore=shutil.ignore_patterns("locks"))
        copied = cls(folder, version)
        tools = copied.release().tools_release
        if tools != version:  # an image's papers name the lock of the tools that made it
            source, target = (lock_file(load(each).release(tools)) for each in (distro, folder))
            target.parent.mkdir()
            shutil.copyfile(source, target)
        return copied

    def release(self) -> Release:
        return load(self.folder).release(self.version)

    def add_lantern(self) -> None:
        """Add a component with a fault: a library in C, a service that runs from it, a file of settings."""
        shutil.copytree(LANTERN, self.folder / "packages/lantern")
        with (self.folder / "components/own.toml").open("a", encoding="utf-8") as own:
            own.write(COMPONENT)

    def fix_lantern(self, number: int) -> None:
        """Rebuild it from the same source with one patch, or two."""
        spec = self.folder / "packages/lantern/lantern.spec"
        spec.write_text(re.sub("(?m)^%global fixes .*", f"%global fixes {number}", spec.read_text()))
        cve = (CVE, REBOOT_CVE)[number - 1]
        more = f'cves = ["{cve}"]\nseverity = "high"\nseverity_source = "its maker"\n'
        if number == 2:
            more += "reboot_suggested = true\n"
        self.advise("lantern", (SECURITY, REBOOT)[number - 1], "security", f"1.0-1.bj{number}", more)

    def fix_bug(self) -> None:
        """A newer version of a component of the image, which fixes no security fault."""
        spec = self.folder / "packages/bluejacket-hardening/bluejacket-hardening.spec"
        spec.write_text(spec.read_text().replace("Release:        1\n", "Release:        2\n"))
        self.advise("bluejacket-hardening", BUGFIX, "bugfix", f"{self.version}-2")

    def advise(self, component: str, number: str, kind: str, fixed_in: str, more: str = "") -> None:
        """Write an advisory."""
        lines = {"id": number, "kind": kind, "component": component, "fixed_in": fixed_in}
        lines["title"] = f"{component}: a {kind} update"
        text = "".join(f'{key} = "{value}"\n' for key, value in lines.items())
        text = f'[advisory]\n{text}releases = ["{self.version}"]\n{more}'
        (self.folder / "advisories" / f"{number.replace(':', '-')}.toml").write_text(text)


@dataclass
class Site:
    """A folder that a guest sees as http://10.0.2.4/, with snapshots of one release."""

    state: State
    shop: Workshop
    top: Path
    taken: list[Snapshot] = field(default_factory=list)

    def build(self, release: Release, *, leave_out: tuple[str, ...] = ()) -> tuple[Lock, Built]:
        """Lock and build the feed of a release's definitions."""
        lock, _ = make_lock(self.state, release, leave_out=leave_out)
        return lock, build_feed(self.state, release, lock, self.shop.box, self.shop.tools)

    def take(self, release: Release, lock: Lock, built: Built, now: int) -> Snapshot:
        """Take a snapshot and show it; `now` is in seconds since 1970."""
        snapshot = take_snapshot(self.state, release, lock, built, self.shop.signer, now).snapshot
        with whole_tree(snapshot.tree) as tree:
            for folder in ("pool", f"snapshots/{snapshot.id}"):
                add_tree(tree / folder, self.top / folder)
        self.taken.append(snapshot)
        return snapshot

    @staticmethod
    def address(snapshot: Snapshot) -> str:
        """Give the address at which a guest has a snapshot, as its DNF variable has it."""
        return f"http://10.0.2.4/snapshots/{snapshot.id}/"


def add_tree(source: Path, target: Path) -> None:
    """Add the files of a folder to another, by hard links where possible."""
    for folder, _, names in os.walk(source):
        into = target / Path(folder).relative_to(source)
        into.mkdir(parents=True, exist_ok=True)
        for name in names:
            if not (into / name).exists():
                try:
                    os.link(Path(folder, name), into / name)
                except OSError:
                    shutil.copyfile(Path(folder, name), into / name)


POLICY = "/etc/bluejacket/patch.conf.d/10-test.conf"
TIMER = "/etc/systemd/system/bluejacket-patch.timer.d/90-test.conf"
SOON = "[Timer]\nOnCalendar=\nOnActiveSec=2s\nRandomizedDelaySec=0\nAccuracySec=1s\n"
FIRE = """\
service=bluejacket-patch.service
invocation() { systemctl show -P InvocationID $service; }
before=$(invocation)
systemctl start bluejacket-patch.timer
until [ "$(invocation)" != "$before" ]; do sleep 1; done
until systemctl show -P ActiveState $service | grep -Eqx 'inactive|failed'; do sleep 2; done
[ "$(systemctl show -P TriggeredBy $service)" = bluejacket-patch.timer ]
journalctl --sync
journalctl --quiet --no-pager --output=cat "_SYSTEMD_INVOCATION_ID=$(invocation)"
"""


@dataclass
class Patient:
    """A guest that patches itself, and the snapshot that it is pointed at."""

    guest: Guest
    release: Release

    def point_at(self, snapshot: Snapshot) -> None:
        """Let DNF read this snapshot from now on."""
        self.guest.do("tee", f"/etc/dnf/vars/{self.release.feed.variable}", script=Site.address(snapshot))

    def say(self, policy: str) -> None:
        """Be the owner, who wants this policy; with "" it is the release's own."""
        self.guest.do("tee", POLICY, script=f"[patch]\n{policy}\n")
        self.guest.do("systemctl", "daemon-reload")

    def fire(self) -> str:
        """Let the timer fire soon, wait until its service has ended, and give what that said."""
        # A timer that is active fires at once when its time is changed to one that is past.
        self.guest.do("systemctl", "stop", "bluejacket-patch.timer")
        self.guest.do("mkdir", "-p", TIMER.rpartition("/")[0])
        self.guest.do("tee", TIMER, script=SOON)
        self.guest.do("systemctl", "daemon-reload")
        # In one session: before a restart nobody can log in any more (pam_nologin(8)).
        return self.guest.do("sh", "-e", script=FIRE, limit_s=LIMIT_S)

    def record(self) -> dict[str, Any]:
        """Give the last record that the machine has written."""
        found: dict[str, Any] = json.loads(self.guest.do("bluejacket-patch", "last"))
        return found

    def records(self) -> list[str]:
        """Give the names of all records, oldest first."""
        return self.guest.do("ls", "/var/lib/bluejacket/patch").split()

    def shown(self, key: str) -> str:
        """Give a property of the timer, as systemd shows it."""
        return self.guest.do("systemctl", "show", "-P", key, "bluejacket-patch.timer").strip()

    def boot_id(self) -> str:
        return self.guest.do("cat", "/proc/sys/kernel/random/boot_id").strip()

    def await_boot(self, former: str) -> Health:
        """Wait for the boot after the one that is for the updates, which answers nobody."""
        machines, machine = self.guest.machines, self.guest.machine
        follower = Follower(machine, machines.door, machines.report, 2 * LIMIT_S)
        follower.forget()
        self.guest.health = follower.health(after_boot=former)
        return self.guest.health

    def packages(self) -> list[str]:
        return sorted(self.guest.do("rpm", "-qa").split())

    def verified(self) -> list[str]:
        """Give what rpm finds changed, in any package."""
        return sorted(self.guest.ask("rpm", "-Va", limit_s=LIMIT_S).out.splitlines())
