"""Patch this machine: `run` by the policy, `run --now` at any hour, `offline` in the boot for it, `last`."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bluejacket_patch import advisories, keys, policy, record, restart
from bluejacket_patch.dnf import OFFLINE, Dnf4, Dnf5, DnfError, NothingToDoError, ask, dnf_of_machine
from bluejacket_patch.policy import Policy, PolicyError
from bluejacket_patch.record import Record

NEW_CONFIG = (".rpmnew", ".rpmsave", ".rpmorig")


def main(words: list[str]) -> int:
    """Do what was asked; gives the exit status: 2 for a policy that cannot be followed, 1 for a failure."""
    try:
        if words in (["run"], ["run", "--now"]):
            return patch(policy.read(policy.files()), now="--now" in words)
        if words == ["offline"]:
            return offline()
        if words == ["last"]:
            return show_last()
    except PolicyError as error:
        complain(error)
        return 2
    except DnfError as error:
        complain(error)
        return 1
    complain("use: bluejacket-patch run [--now] | last")
    return 2


def patch(rules: Policy, *, now: bool) -> int:
    """Look for updates and do with them what the policy says."""
    if rules.mode == "off":
        say("nothing is done: the policy's mode is off")
        return 0
    if not now and not rules.allows(datetime.now()):  # the hours are local time
        say(f"nothing is done now: the policy's hours are {rules.hours}")
        return 0
    dnf = dnf_of_machine()
    dnf.refresh()
    if rules.mode != "notify" and (package := keys.waiting(dnf)):
        say(f"the feed has other keys: {package}, which brings them, comes before all else")
        note = Record(stamp(), pretty_name(), asdict(rules))
        transaction(note, lambda: dnf.upgrade(package), dnf)
        if status := finish(note):
            return status
    security = rules.mode != "all"
    pending = advisories.advisories_of(dnf.caches, dnf.pending())
    known = [one for one in pending if one.kind == "security" or not security]
    waiting = [one.id for one in pending if one not in known]
    if not known and (security or not has_updates(dnf)):
        say(f"no updates; left alone: {', '.join(waiting)}" if waiting else "no updates")
        return 0
    note = Record(stamp(), pretty_name(), asdict(rules), kernel=os.uname().release, waiting=waiting)
    note.advisories = [asdict(one) | {"cves": list(one.cves)} for one in known]  # as JSON gives it back
    note.reboot_needed_by = [one.id for one in known if one.reboot]
    if rules.mode == "notify":
        return notify(note)
    if note.reboot_needed_by and rules.reboot == "when-needed":
        return stage(dnf, note, security=security)
    return apply(dnf, note, rules, security=security)


def notify(note: Record) -> int:
    """Say what there is; write it down unless the last record says the same."""
    note.state = "notified"
    former = record.records()
    if not former or (former[-1].state, former[-1].advisories) != (note.state, note.advisories):
        note.save()
    say(note.line())
    return 0


def apply(dnf: Dnf4 | Dnf5, note: Record, rules: Policy, *, security: bool) -> int:
    """Upgrade now, and restart the services that run from what was replaced."""
    transaction(note, lambda: dnf.apply(security), dnf)
    if note.state == "applied" and not note.after:
        return nothing(note, "DNF finds nothing to do for them")
    done = restart.restart(restart.users_of_replaced(), rules.keep_running)
    note.restarted, note.not_restarted = done.done, done.left
    note.errors += [f"{unit} did not restart: {why}" for unit, why in done.failed.items()]
    return finish(note)


def stage(dnf: Dnf4 | Dnf5, note: Record, *, security: bool) -> int:
    """Download now, and start the machine again to upgrade before anything else runs."""
    if record.tried(note):
        return nothing(note, "a boot for them has not brought them; look at the last record")
    note.offline = True
    try:
        dnf.stage(security)
    except NothingToDoError as error:
        return nothing(note, str(error))
    except DnfError as error:
        OFFLINE.unlink(missing_ok=True)
        note.state, note.errors = "failed", [str(error)]
        return finish(note)
    note.state = record.STAGED
    finish(note)
    subprocess.run(["shutdown", "-r", "+1", "Updates are applied, and the machine starts again"], check=True)
    return 0


def nothing(note: Record, why: str) -> int:
    """Say why nothing was done for the advisories that there are; that is no failure, and no record."""
    say(f"nothing is done for {', '.join(str(one['id']) for one in note.advisories) or 'the updates'}: {why}")
    return 0


def offline() -> int:
    """Upgrade as staged, in the boot that is for nothing else, and start the machine as usual again."""
    dnf, note = dnf_of_machine(), record.staged()
    if isinstance(dnf, Dnf4):
        OFFLINE.unlink(missing_ok=True)  # whatever happens next, it happens once; DNF5 does so itself
    try:
        if note is None:
            dnf.execute(security=False)
            return 0
        transaction(note, lambda: dnf.execute(note.policy.get("mode") != "all"), dnf)
        return finish(note)
    finally:
        OFFLINE.unlink(missing_ok=True)
        # Without asking logind, which does not run in this boot.
        words = ["systemctl", "--no-block", "--job-mode=replace-irreversibly", "start", "reboot.target"]
        subprocess.run(words, check=True)


def transaction(note: Record, work: Callable[[], None], dnf: Dnf4 | Dnf5) -> None:
    """Do `work`, and write into the record what it has changed."""
    packages, configs = installed(), new_configs()
    note.kernel = os.uname().release
    try:
        work()
        note.state = "applied"
    except DnfError as error:
        note.state = "failed"
        note.errors.append(str(error))
    later = installed()
    note.before, note.after = sorted(packages - later), sorted(later - packages)
    note.config_files = sorted(new_configs() - configs)
    if note.after:
        note.history = dnf.history()


def finish(note: Record) -> int:
    """Save the record and tell it; gives the exit status."""
    file = note.save()
    say(f"{note.line()}; record: {file}")
    return 1 if note.state == "failed" else 0


def show_last() -> int:
    """Print the last record."""
    if not (found := sorted(record.FOLDER.glob("*.json"))):
        complain("nothing has been patched yet")
        return 1
    sys.stdout.write(found[-1].read_text("utf-8"))
    return 0


def has_updates(dnf: Dnf4 | Dnf5) -> bool:
    """True if anything is newer, with an advisory or without (status 100 of check-upgrade)."""
    name = "dnf5" if isinstance(dnf, Dnf5) else "dnf"
    words = [name, "-q", "-C", "check-upgrade" if name == "dnf5" else "check-update"]
    return subprocess.run(words, stdout=subprocess.DEVNULL, check=False).returncode == 100


def installed() -> set[str]:
    """Give the NEVRAs of all installed packages."""
    return set(ask(["rpm", "-qa", "--qf", r"%{name}-%{evr}.%{arch}\n"]).split())


def new_configs(top: Path = Path("/etc")) -> set[str]:
    """Give the configuration files that rpm has put beside those of the owner."""
    return {
        str(Path(folder, one))
        for folder, _, names in os.walk(top)
        for one in names
        if one.endswith(NEW_CONFIG)
    }


def say(text: str) -> None:
    """Print a line, which the journal has at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: object) -> None:
    """Print a line about what went wrong."""
    sys.stderr.write(f"{text}\n")


def stamp() -> str:
    """Give the time, UTC, as a record has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pretty_name() -> str:
    """Give the release's name (os-release(5))."""
    lines = Path("/usr/lib/os-release").read_text("utf-8").splitlines()
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
