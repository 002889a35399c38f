"""Say what a package transaction that was broken off has left, and put it right: `--check` only says it.

DNF writes a transaction down before it changes anything, and its end after everything is on the disk. One
that never ended was broken off: by a power cut, or by a crash. Whatever it had reached, it is finished by rpm
and DNF themselves; which commands that takes is worked out here. DNF5 and DNF 4 keep different histories.
"""

import argparse
import fcntl
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

HISTORY = "usr/lib/sysimage/libdnf5/transaction_history.sqlite"
HISTORY_4 = "var/lib/dnf/history.sqlite"
LOCK = "var/lib/rpm/.rpm.lock"
NOTICE = Path("/run/bluejacket/repair")  # what a login says
COMING = ("Install", "Upgrade", "Downgrade", "Reinstall")
GOING = ("Remove", "Replaced")
NEVRA = "%{name} %{epochnum} %{version}-%{release} %{arch}\\n"
UNPACKED = re.compile(r"(.+);[0-9a-f]{8}")  # how rpm calls a file until all of its package are there
QUERY = """\
SELECT trans.id, trans.dt_begin, trans.description, trans_state.name, trans_item_action.name,
    pkg_name.name, rpm.epoch, rpm.version || '-' || rpm.release, arch.name
FROM trans
    JOIN trans_state ON trans_state.id = trans.state_id
    JOIN trans_item ON trans_item.trans_id = trans.id
    JOIN trans_item_action ON trans_item_action.id = trans_item.action_id
    JOIN rpm ON rpm.item_id = trans_item.item_id
    JOIN pkg_name ON pkg_name.id = rpm.name_id
    JOIN arch ON arch.id = rpm.arch_id
WHERE trans.id >= (SELECT min(trans.id) FROM trans JOIN trans_state ON trans_state.id = trans.state_id
    WHERE trans_state.name = 'Started')
ORDER BY trans.id, trans_item.id
"""


# Numbers are those of libdnf's TransactionItemAction; a transaction without an end has 0 or nothing as one.
QUERY_4 = """\
SELECT trans.id, trans.dt_begin, 'dnf ' || trans.cmdline,
    CASE WHEN ifnull(trans.dt_end, 0) = 0 THEN 'Started' WHEN trans.state = 1 THEN 'Ok' ELSE 'Error' END,
    CASE WHEN trans_item.action = 1 THEN 'Install' WHEN trans_item.action IN (2, 6) THEN 'Upgrade'
        WHEN trans_item.action = 9 THEN 'Reinstall' WHEN trans_item.action = 8 THEN 'Remove'
        WHEN trans_item.action IN (3, 5, 7, 10) THEN 'Replaced' ELSE 'Other' END,
    rpm.name, rpm.epoch, rpm.version || '-' || rpm.release, rpm.arch
FROM trans JOIN trans_item ON trans_item.trans_id = trans.id JOIN rpm ON rpm.item_id = trans_item.item_id
WHERE trans.id >= (SELECT min(id) FROM trans WHERE ifnull(dt_end, 0) = 0)
ORDER BY trans.id, trans_item.id
"""


class RepairError(Exception):
    """The state of the packages cannot be told."""


@dataclass(frozen=True, order=True)
class Package:
    """A package of one version; `epoch` 0 is none."""

    name: str
    epoch: int
    version: str
    arch: str

    def __str__(self) -> str:
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{self.name}-{epoch}{self.version}.{self.arch}"

    @property
    def what(self) -> tuple[str, str]:
        """What stays the same from version to version."""
        return self.name, self.arch


@dataclass
class Broken:
    """A transaction without an end, as it was planned: the packages that no later one has seen to."""

    number: int
    begun: int
    command: str
    coming: set[Package] = field(default_factory=set)
    removed: set[Package] = field(default_factory=set)
    replaced: set[Package] = field(default_factory=set)


@dataclass
class Repair:
    """What finishes broken transactions, in this order; `program` is the machine's DNF."""

    rebuild: bool = False
    program: str = "dnf5"
    forget: list[Package] = field(default_factory=list)
    erase: list[Package] = field(default_factory=list)
    again: list[Package] = field(default_factory=list)
    install: list[Package] = field(default_factory=list)
    remove: list[Package] = field(default_factory=list)

    def commands(self) -> list[list[str]]:
        """Give the commands; none if nothing is to be done."""
        if self.rebuild:
            return [["rpmdb", "--rebuilddb"]]
        rpm = ["rpm", "--erase", "--nodeps"]
        rows = (
            ([*rpm, "--justdb", "--noscripts", "--notriggers", "--allmatches"], self.forget),
            (rpm, self.erase),
            ([self.program, "-y", "reinstall"], self.again),
            ([self.program, "-y", "install"], self.install),
            ([self.program, "-y", "remove"], self.remove),
        )
        return [[*words, *map(str, sorted(packages))] for words, packages in rows if packages]


def broken(root: Path) -> list[Broken]:
    """Give the transactions that never ended, oldest first, without what a later one has seen to."""
    kept = [(root / name, query) for name, query in ((HISTORY, QUERY), (HISTORY_4, QUERY_4))]
    there = [(file, query) for file, query in kept if file.exists()]
    if not there:
        return []
    found: dict[int, Broken] = {}
    file, query = there[0]
    try:
        with closing(sqlite3.connect(file)) as history:
            rows = history.execute(query).fetchall()
    except sqlite3.Error as error:
        raise RepairError(f"DNF's history {file} cannot be read: {error}") from error
    for number, begun, command, state, action, name, epoch, version, arch in rows:
        package = Package(name, epoch, version, arch)
        if state == "Started":
            one = found.setdefault(number, Broken(number, begun, command or "dnf5"))
            kinds = {"Remove": one.removed, "Replaced": one.replaced} | dict.fromkeys(COMING, one.coming)
            kinds.get(action, set()).add(package)
        elif state == "Ok" and action in (*COMING, *GOING):
            for earlier in found.values():
                for packages in (earlier.coming, earlier.removed, earlier.replaced):
                    packages -= {other for other in packages if other.what == package.what}
    return list(found.values())


def dnf_of(root: Path) -> str:
    """Give the DNF whose history there is."""
    return "dnf" if (root / HISTORY_4).exists() and not (root / HISTORY).exists() else "dnf5"


def plan(transactions: list[Broken], installed: Counter[Package], program: str = "dnf5") -> Repair:
    """Work out what finishes the transactions on a machine with `installed` packages."""
    repair = Repair(program=program)
    coming: dict[tuple[str, str], Package] = {}
    going: set[Package] = set()
    removed: set[Package] = set()
    for one in transactions:  # what a later one wanted counts
        coming.update({package.what: package for package in sorted(one.coming)})
        going |= one.replaced
        removed |= one.removed
    wanted = set(coming.values())
    twice = {package for package in wanted if installed[package] > 1}
    here = {package for package in wanted if installed[package]} - twice
    repair.forget, repair.again = sorted(twice), sorted(here)
    repair.install = sorted(wanted - here)
    for old in sorted((going - wanted) & set(installed)):
        new = coming.get(old.what)
        if new in here | twice or (new is None and not repair.install):
            repair.erase.append(old)
    repair.remove = sorted((removed - wanted - going) & set(installed))
    return repair


def installed_packages(root: Path) -> Counter[Package]:
    """Give the installed packages and how often the database has each. Raises RepairError."""
    ask(["rpmdb", "--root", str(root), "--verifydb"])
    rows = (line.split() for line in ask(["rpm", "--root", str(root), "-qa", "--qf", NEVRA]).splitlines())
    return Counter(Package(name, int(epoch), version, arch) for name, epoch, version, arch in rows)


def ask(words: list[str]) -> str:
    """Give what a command prints. Raises RepairError when it fails."""
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, capture_output=True, env=environment, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise RepairError(f"{' '.join(words)} ended with status {done.returncode}: {said[-400:]}")
    return done.stdout.decode("utf-8", "replace")


def look(root: Path) -> tuple[list[Broken], Repair, str]:
    """Give the broken transactions, what finishes them, and a sentence about the database of packages."""
    transactions = broken(root)
    if not transactions:
        return [], Repair(), ""
    try:
        installed = installed_packages(root)
    except RepairError as error:
        return transactions, Repair(rebuild=True), f"The packages' database is damaged: {error}"
    repair = plan(transactions, installed, dnf_of(root))
    coming = len(repair.forget) + len(repair.again)
    if not coming and not repair.erase:
        return transactions, repair, "No new package had come yet."
    return transactions, repair, f"{coming} of {coming + len(repair.install)} new packages had come."


def report(transactions: list[Broken], repair: Repair, sentence: str) -> str:
    """Say what happened and what puts it right."""
    lines = []
    for one in transactions:
        begun = datetime.fromtimestamp(one.begun, UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.append(f"The transaction {one.number} of {begun} ({one.command}) was broken off.")
    lines += [sentence, "To put it right, run as root: bluejacket-repair", "which runs:"]
    lines += [f"  {' '.join(command)}" for command in repair.commands()]
    return "\n".join(lines)


def say(line: str) -> None:
    """Print it at once: the commands that follow print as well."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def complain(line: str) -> None:
    """Print it where errors go."""
    sys.stderr.write(f"{line}\n")


def running(root: Path) -> bool:
    """True while a transaction runs: it holds rpm's lock."""
    try:
        with (root / LOCK).open("r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, PermissionError):
        return False
    except OSError:
        return True
    return False


def put_right(repair: Repair) -> int:
    """Run the commands up to the first that fails; gives its status."""
    for command in repair.commands():
        say(f"$ {' '.join(command)}")
        if status := subprocess.run(command, check=False).returncode:
            complain(f"{command[0]} ended with status {status}: nothing more was done")
            return 1
    if repair.rebuild:
        _, rest, sentence = look(Path("/"))
        if rest.rebuild:
            complain(sentence)
            return 1
        return put_right(rest)
    clear_leftovers([*repair.forget, *repair.again, *repair.install])
    return 0


def clear_leftovers(packages: list[Package]) -> None:
    """Remove what rpm had unpacked of these packages and not given its name yet."""
    if not packages:
        return
    files = {Path(line) for line in ask(["rpm", "-ql", *map(str, packages)]).splitlines()}
    for folder in sorted({file.parent for file in files}):
        for entry in os.scandir(folder) if folder.is_dir() else ():
            found = UNPACKED.fullmatch(entry.name)
            if found and folder / found[1] in files and not entry.is_dir(follow_symlinks=False):
                Path(entry.path).unlink()
                say(f"removed {entry.path}")


def main() -> int:
    """Do what was asked; gives the exit status: with --check, 1 if something is to be put right."""
    parser = argparse.ArgumentParser(prog="bluejacket-repair", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say what would be done, with status 1")
    parser.add_argument("--root", type=Path, default=Path("/"), help="check the system below this folder")
    parser.add_argument("--notice", action="store_true", help="only say it, here and at each login; status 0")
    told = parser.parse_args()
    if told.root != Path("/") and (told.notice or not told.check):
        parser.error("--root goes with --check alone")
    if running(told.root):
        complain("a transaction is running: nothing is said of it")
        return 0 if told.notice else 2
    try:
        transactions, repair, sentence = look(told.root)
        if not repair.commands():
            say("no transaction was broken off")
        elif told.check or told.notice:
            say(text := report(transactions, repair, sentence))
            if told.notice:
                NOTICE.parent.mkdir(parents=True, exist_ok=True)
                NOTICE.write_text(f"{text}\n", "utf-8")
            return 0 if told.notice else 1
        elif put_right(repair):
            return 1
    except RepairError as error:
        complain(str(error))
        return 2
    if not told.check:
        NOTICE.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
