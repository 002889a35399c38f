"""What finishes a transaction that was broken off, by DNF5's history and the installed packages."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[3] / "distro/packages/bluejacket-repair/bluejacket_repair.py"
# The tables that matter, as DNF5 5.4 makes them
SCHEMA = """
CREATE TABLE trans_state (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO trans_state VALUES (1, 'Started'), (2, 'Ok'), (3, 'Error');
CREATE TABLE trans (id INTEGER PRIMARY KEY, dt_begin INTEGER, description TEXT, state_id INTEGER);
CREATE TABLE pkg_name (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE arch (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE trans_item_action (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO trans_item_action VALUES (1, 'Install'), (2, 'Upgrade'), (3, 'Downgrade'), (4, 'Reinstall'),
    (5, 'Remove'), (6, 'Replaced'), (7, 'Reason Change');
CREATE TABLE trans_item (id INTEGER PRIMARY KEY, trans_id INTEGER, item_id INTEGER, action_id INTEGER);
CREATE TABLE rpm (item_id INTEGER, name_id INTEGER, epoch INTEGER, version TEXT, release TEXT,
    arch_id INTEGER);
"""
ACTIONS = ["Install", "Upgrade", "Downgrade", "Reinstall", "Remove", "Replaced", "Reason Change"]
STARTED, OK, ERROR = 1, 2, 3
Items = list[tuple[str, str]]


@pytest.fixture(scope="module")
def repair() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bluejacket_repair", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    # A file beside it would be one more source of the package.
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    spec.loader.exec_module(module)
    sys.dont_write_bytecode = written
    return module


def package(repair: ModuleType, nevra: str) -> object:
    """Read name-version-release, with an epoch before the version if there is one."""
    name, version, release = nevra.rsplit("-", 2)
    epoch, _, version = version.rpartition(":")
    return repair.Package(name, int(epoch or 0), f"{version}-{release}", "noarch")


def history(repair: ModuleType, root: Path, *transactions: tuple[int, Items]) -> Path:
    """Write a history of transactions, each with its state and what it does to which package."""
    file = root / repair.HISTORY
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as made, made:
        made.executescript(SCHEMA)
        made.execute("INSERT INTO arch VALUES (1, 'noarch')")
        for number, (state, items) in enumerate(transactions, 1):
            made.execute("INSERT INTO trans VALUES (?, 1790000000, ?, ?)", (number, f"dnf5 {number}", state))
            for action, nevra in items:
                one = package(repair, nevra)
                made.execute("INSERT OR IGNORE INTO pkg_name (name) VALUES (?)", (one.name,))
                (name,) = made.execute("SELECT id FROM pkg_name WHERE name = ?", (one.name,)).fetchone()
                (item,) = made.execute("SELECT count(*) FROM rpm").fetchone()
                version, _, release = one.version.rpartition("-")
                made.execute(
                    "INSERT INTO rpm VALUES (?, ?, ?, ?, ?, 1)", (item, name, one.epoch, version, release)
                )
                row = (number, item, ACTIONS.index(action) + 1)
                made.execute("INSERT INTO trans_item (trans_id, item_id, action_id) VALUES (?, ?, ?)", row)
    return root


# The tables of DNF 4 that matter, as libdnf 0.73 makes them
SCHEMA_4 = """
CREATE TABLE trans (id INTEGER PRIMARY KEY, dt_begin INTEGER, dt_end INTEGER, cmdline TEXT, state INTEGER);
CREATE TABLE trans_item (id INTEGER PRIMARY KEY, trans_id INTEGER, item_id INTEGER, action INTEGER);
CREATE TABLE rpm (item_id INTEGER, name TEXT, epoch INTEGER, version TEXT, release TEXT, arch TEXT);
"""
ACTIONS_4 = {
    "Install": 1, "Downgrade": 2, "Downgraded": 3, "Obsolete": 4, "Obsoleted": 5, "Upgrade": 6, "Upgraded": 7,
    "Remove": 8, "Reinstall": 9, "Reinstalled": 10, "Reason Change": 11,
}  # fmt: skip


def history_4(repair: ModuleType, root: Path, *transactions: tuple[int, Items]) -> Path:
    """Write DNF 4's history of transactions, each with its state and what it does to which package."""
    file = root / repair.HISTORY_4
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as made, made:
        made.executescript(SCHEMA_4)
        for number, (state, items) in enumerate(transactions, 1):
            end = 0 if state == STARTED else 1790000001
            row = (number, 1790000000, end, f"-y upgrade {number}", {STARTED: 0, OK: 1, ERROR: 2}[state])
            made.execute("INSERT INTO trans VALUES (?, ?, ?, ?, ?)", row)
            for action, nevra in items:
                one = package(repair, nevra)
                (item,) = made.execute("SELECT count(*) FROM rpm").fetchone()
                version, _, release = one.version.rpartition("-")
                made.execute(
                    "INSERT INTO rpm VALUES (?, ?, ?, ?, ?, 'noarch')",
                    (item, one.name, one.epoch, version, release),
                )
                made.execute(
                    "INSERT INTO trans_item (trans_id, item_id, action) VALUES (?, ?, ?)",
                    (number, item, ACTIONS_4[action]),
                )
    return root


def commands(repair: ModuleType, root: Path, *installed: str) -> list[str]:
    """Give what finishes the history's transactions with these packages in the database."""
    there = Counter(package(repair, nevra) for nevra in installed)
    plan = repair.plan(repair.broken(root), there, repair.dnf_of(root))
    return [" ".join(words) for words in plan.commands()]


UPGRADE: Items = [
    ("Upgrade", "a-2-1"),
    ("Replaced", "a-1-1"),
    ("Upgrade", "b-1:2-1"),
    ("Replaced", "b-1:1-1"),
    ("Install", "new-1-1"),
]


def test_a_machine_without_a_history_has_nothing_broken(repair: ModuleType, tmp_path: Path) -> None:
    assert repair.broken(tmp_path) == []
    assert repair.plan([], Counter()).commands() == []


@pytest.mark.parametrize("state", [OK, ERROR])
def test_what_has_ended_is_not_broken(state: int, repair: ModuleType, tmp_path: Path) -> None:
    """DNF5 itself has told its user of an error."""
    root = history(repair, tmp_path, (state, UPGRADE))
    assert commands(repair, root, "a-1-1", "b-1:2-1") == []


@pytest.mark.parametrize(
    ("installed", "wanted"),
    [
        (("a-1-1", "b-1:1-1"), ["dnf5 -y install a-2-1.noarch b-1:2-1.noarch new-1-1.noarch"]),
        (
            ("a-1-1", "a-2-1", "b-1:1-1"),
            [
                "rpm --erase --nodeps a-1-1.noarch",
                "dnf5 -y reinstall a-2-1.noarch",
                "dnf5 -y install b-1:2-1.noarch new-1-1.noarch",
            ],
        ),
        (
            ("a-2-1", "b-1:1-1", "b-1:2-1", "new-1-1"),
            [
                "rpm --erase --nodeps b-1:1-1.noarch",
                "dnf5 -y reinstall a-2-1.noarch b-1:2-1.noarch new-1-1.noarch",
            ],
        ),
        (
            ("a-2-1", "b-1:2-1", "new-1-1"),
            ["dnf5 -y reinstall a-2-1.noarch b-1:2-1.noarch new-1-1.noarch"],
        ),
    ],
)
def test_each_stage_of_an_upgrade_is_finished(
    installed: tuple[str, ...], wanted: list[str], repair: ModuleType, tmp_path: Path
) -> None:
    """The old beside the new goes first: DNF5 refuses to work while both are there."""
    assert commands(repair, history(repair, tmp_path, (OK, []), (STARTED, UPGRADE)), *installed) == wanted


def test_a_package_that_the_database_has_twice_is_installed_anew(repair: ModuleType, tmp_path: Path) -> None:
    """What a reinstallation leaves; its files stay until they are replaced."""
    root = history(repair, tmp_path, (STARTED, [("Reinstall", "a-2-1"), ("Replaced", "a-2-1")]))
    assert commands(repair, root, "a-2-1", "a-2-1") == [
        "rpm --erase --nodeps --justdb --noscripts --notriggers --allmatches a-2-1.noarch",
        "dnf5 -y install a-2-1.noarch",
    ]


def test_a_removal_is_finished(repair: ModuleType, tmp_path: Path) -> None:
    root = history(repair, tmp_path, (STARTED, [("Remove", "a-1-1"), ("Remove", "b-1-1")]))
    assert commands(repair, root, "b-1-1", "c-1-1") == ["dnf5 -y remove b-1-1.noarch"]
    assert commands(repair, root, "c-1-1") == []


def test_one_that_obsoletes_another_takes_its_place(repair: ModuleType, tmp_path: Path) -> None:
    root = history(repair, tmp_path, (STARTED, [("Install", "new-1-1"), ("Replaced", "old-1-1")]))
    assert commands(repair, root, "old-1-1") == ["dnf5 -y install new-1-1.noarch"]
    assert commands(repair, root, "old-1-1", "new-1-1") == [
        "rpm --erase --nodeps old-1-1.noarch",
        "dnf5 -y reinstall new-1-1.noarch",
    ]


def test_what_a_later_transaction_has_seen_to_is_done(repair: ModuleType, tmp_path: Path) -> None:
    """Its owner may have repaired by other means, and have newer packages by now."""
    later: Items = [("Upgrade", "a-3-1"), ("Replaced", "a-2-1"), ("Install", "unrelated-1-1")]
    root = history(repair, tmp_path, (STARTED, UPGRADE), (OK, later))
    assert commands(repair, root, "a-3-1", "b-1:1-1") == ["dnf5 -y install b-1:2-1.noarch new-1-1.noarch"]
    rest: Items = [("Reinstall", "b-1:2-1"), ("Install", "new-1-1")]
    done = history(repair, tmp_path / "done", (STARTED, UPGRADE), (OK, later), (OK, rest))
    assert commands(repair, done, "a-3-1", "b-1:2-1", "new-1-1") == []


def test_a_repair_that_was_broken_off_is_finished(repair: ModuleType, tmp_path: Path) -> None:
    root = history(
        repair, tmp_path, (STARTED, UPGRADE), (STARTED, [("Reinstall", "a-2-1"), ("Replaced", "a-2-1")])
    )
    assert commands(repair, root, "a-2-1", "b-1:1-1") == [
        "dnf5 -y reinstall a-2-1.noarch",
        "dnf5 -y install b-1:2-1.noarch new-1-1.noarch",
    ]


UPGRADE_4: Items = [
    ("Upgrade", "a-2-1"),
    ("Upgraded", "a-1-1"),
    ("Upgrade", "b-1:2-1"),
    ("Upgraded", "b-1:1-1"),
    ("Install", "new-1-1"),
    ("Obsoleted", "old-1-1"),
    ("Reason Change", "c-1-1"),
]


def test_dnf_4_is_asked_where_it_is_the_machines(repair: ModuleType, tmp_path: Path) -> None:
    root = history_4(repair, tmp_path, (OK, []), (STARTED, UPGRADE_4))
    assert commands(repair, root, "a-1-1", "a-2-1", "b-1:1-1", "old-1-1", "c-1-1") == [
        "rpm --erase --nodeps a-1-1.noarch",
        "dnf -y reinstall a-2-1.noarch",
        "dnf -y install b-1:2-1.noarch new-1-1.noarch",
    ]
    (one,) = repair.broken(root)
    assert (one.number, one.command) == (2, "dnf -y upgrade 2")
    removal = history_4(repair, tmp_path / "removal", (STARTED, [("Remove", "a-1-1"), ("Remove", "b-1-1")]))
    assert commands(repair, removal, "b-1-1") == ["dnf -y remove b-1-1.noarch"]
    for state in (OK, ERROR):
        ended = history_4(repair, tmp_path / str(state), (state, UPGRADE_4))
        assert commands(repair, ended, "a-1-1", "b-1:2-1") == []
    later: Items = [("Upgrade", "a-3-1"), ("Upgraded", "a-2-1")]
    seen = history_4(repair, tmp_path / "later", (STARTED, UPGRADE_4), (OK, later))
    assert commands(repair, seen, "a-3-1", "b-1:1-1") == ["dnf -y install b-1:2-1.noarch new-1-1.noarch"]


def test_the_report_says_what_broke_off_and_what_to_run(repair: ModuleType, tmp_path: Path) -> None:
    found = repair.broken(history(repair, tmp_path, (STARTED, UPGRADE)))
    text = repair.report(found, repair.plan(found, Counter()), "No new package had come yet.")
    assert text == (
        "The transaction 1 of 2026-09-21 14:13 UTC (dnf5 1) was broken off.\n"
        "No new package had come yet.\n"
        "To put it right, run as root: bluejacket-repair\n"
        "which runs:\n"
        "  dnf5 -y install a-2-1.noarch b-1:2-1.noarch new-1-1.noarch"
    )


def test_a_damaged_database_is_rebuilt_first(
    repair: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rpm is not there to be asked: whatever it complains of, what it had is read out into a new database."""
    monkeypatch.setenv("PATH", str(tmp_path))
    verify = tmp_path / "rpmdb"
    verify.write_text("#!/bin/sh\necho 'database disk image is malformed' >&2\nexit 1\n")
    verify.chmod(0o755)
    _, plan, sentence = repair.look(history(repair, tmp_path, (STARTED, UPGRADE)))
    assert plan.commands() == [["rpmdb", "--rebuilddb"]]
    assert "database disk image is malformed" in sentence


def test_a_history_that_cannot_be_read_is_said(repair: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / repair.HISTORY
    file.parent.mkdir(parents=True)
    file.write_bytes(b"no database" * 100)
    with pytest.raises(repair.RepairError, match="cannot be read"):
        repair.broken(tmp_path)
