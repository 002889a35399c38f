"""The two generations of DNF, each by the commands that it has."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

OFFLINE = Path("/system-update")  # systemd.offline-updates(7)
AUTOMATIC = Path("/etc/dnf/automatic.conf")
_OURS = """\
[commands]
# From /usr/lib/bluejacket/patch.conf and /etc/bluejacket/patch.conf: change those. Other sections are yours.
upgrade_type = {upgrade_type}
download_updates = yes
apply_updates = yes
random_sleep = 0
reboot = never
"""


class DnfError(Exception):
    """DNF failed; the message is the end of what it said."""


class NothingToDoError(DnfError):
    """DNF has advisories and no transaction for them: a former kernel runs, or something is in the way."""


def run(words: list[str], **environment: str) -> str:
    """Run a command, repeat in the journal what it says, and give it. Raises DnfError."""
    env = os.environ | {"LC_ALL": "C.UTF-8"} | environment
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, check=False)
    text = done.stdout.decode("utf-8", "replace")
    sys.stderr.write(text)
    if done.returncode:
        raise DnfError(f"{' '.join(words)} ended with status {done.returncode}: {text.strip()[-600:]}")
    return text


def ask(words: list[str]) -> str:
    """Give what a command prints; its messages are left out. Raises DnfError."""
    env = os.environ | {"LC_ALL": "C.UTF-8", "COLUMNS": "400"}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=env, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise DnfError(f"{' '.join(words)} ended with status {done.returncode}: {said[-600:]}")
    return done.stdout.decode("utf-8", "replace")


class Dnf5:
    """DNF5: its automatic plugin applies, its offline command does what wants a restart."""

    caches = (Path("/var/cache/libdnf5"),)

    def refresh(self) -> None:
        run(["dnf5", "-q", "-y", "--refresh", "makecache"])

    def pending(self) -> set[str]:
        """Give the ids of the advisories that tell of something newer than what is installed."""
        return {
            row["name"] for row in json.loads(ask(["dnf5", "-q", "-C", "advisory", "list", "--json"]) or "[]")
        }

    def newer(self, name: str) -> str:
        """Give the release of the newest version of an installed package; empty if there is none newer."""
        query = ["repoquery", "--upgrades", "--latest-limit=1", "--qf", r"%{release}\n", name]
        return ask(["dnf5", "-q", "-C", *query]).strip()

    def upgrade(self, name: str) -> None:
        """Upgrade one package, and what it wants."""
        run(["dnf5", "-y", "upgrade", name])

    def apply(self, security: bool) -> None:
        """Upgrade in the running system."""
        configure(AUTOMATIC, security)
        run(["dnf5", "-y", "automatic"])  # yes to the feed's own keys: it asks nothing else

    def stage(self, security: bool) -> None:
        """Download, and prepare that the next boot upgrades."""
        run(["dnf5", "-y", "offline", "clean"])
        something(run(["dnf5", "-y", "upgrade", "--offline", *(["--security"] if security else [])]))
        run(["dnf5", "-y", "offline", "reboot"], DNF_SYSTEM_UPGRADE_NO_REBOOT="1")

    def execute(self, security: bool) -> None:
        """Upgrade as it was staged, whatever `security` says, in the boot that is for nothing else."""
        run(["dnf5", "offline", "_execute"], DNF_SYSTEM_UPGRADE_NO_REBOOT="1")

    def history(self) -> int:
        """Give the number of the last transaction."""
        return last_number(ask(["dnf5", "history", "list"]))


class Dnf4:
    """DNF 4, which has no automatic command here."""

    caches = (Path("/var/cache/dnf"),)

    def refresh(self) -> None:
        run(["dnf", "-q", "-y", "--refresh", "makecache"])

    def pending(self) -> set[str]:
        """Give the ids of the advisories that tell of something newer than what is installed."""
        return read_updateinfo(ask(["dnf", "-q", "-C", "updateinfo", "list"]))

    def newer(self, name: str) -> str:
        """Give the release of the newest version of an installed package; empty if there is none newer."""
        query = ["repoquery", "--upgrades", "--latest-limit=1", "--qf", "%{release}", name]
        return ask(["dnf", "-q", "-C", *query]).strip()

    def upgrade(self, name: str) -> None:
        """Upgrade one package, and what it wants."""
        run(["dnf", "-y", "upgrade", name])

    def apply(self, security: bool) -> None:
        """Upgrade in the running system."""
        run(["dnf", "-y", "upgrade", *(["--security"] if security else [])])

    def stage(self, security: bool) -> None:
        """Download, and prepare that the next boot upgrades."""
        something(run(["dnf", "-y", "upgrade", "--downloadonly", *(["--security"] if security else [])]))
        OFFLINE.unlink(missing_ok=True)
        OFFLINE.symlink_to("/var/lib/bluejacket/patch")

    def execute(self, security: bool) -> None:
        """Upgrade to what was downloaded, in the boot that is for nothing else."""
        run(["dnf", "-y", "-C", "upgrade", *(["--security"] if security else [])])

    def history(self) -> int:
        """Give the number of the last transaction."""
        return last_number(ask(["dnf", "-C", "history", "list"]))


def dnf_of_machine() -> Dnf4 | Dnf5:
    """Give the generation that is installed."""
    return Dnf5() if Path("/usr/bin/dnf5").exists() else Dnf4()


def something(said: str) -> None:
    """Raise NothingToDoError if that is what DNF has said."""
    if "Nothing to do." in said:
        raise NothingToDoError("DNF finds nothing to do for them")


def read_updateinfo(text: str) -> set[str]:
    """Give the ids in DNF 4's list: an advisory, its kind and a NEVRA in a row."""
    rows = (line.split() for line in text.splitlines())
    return {row[0] for row in rows if len(row) == 3}


def last_number(text: str) -> int:
    """Give the number in the first row of a history; 0 for an empty one."""
    return int(found[1]) if (found := re.search(r"(?m)^ *(\d+) ", text)) else 0


def configure(file: Path, security: bool) -> None:
    """Set DNF5's automatic plugin to the policy; sections other than [commands] stay their owner's."""
    kept, ours = [], False
    for line in file.read_text("utf-8").splitlines(keepends=True) if file.exists() else ():
        if line.startswith("["):
            ours = line.strip() == "[commands]"
        if not ours:
            kept.append(line)
    text = _OURS.format(upgrade_type="security" if security else "default")
    whole = text + ("\n" + "".join(kept).lstrip("\n") if kept else "")
    if not file.exists() or file.read_text("utf-8") != whole:
        part = file.with_name(f".{file.name}.part")
        part.write_text(whole, "utf-8")
        part.replace(file)
