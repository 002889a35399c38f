"""The program of bluejacket-patch: what it reads, and what it decides."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from patchprogram import FOLDER, advisories, dnf, policy, record, restart

RELEASE = "[patch]\nmode = security\nhours = 01:00-05:00\ndelay_minutes = 120\nreboot = when-needed\n"


def read(tmp_path: Path, **texts: str) -> policy.Policy:
    """Read the policy of files with these texts; `part` is one of the owner's folder."""
    (tmp_path / "release").write_text(texts.get("release", RELEASE))
    parts = tmp_path / "owner.d"
    parts.mkdir()
    if "owner" in texts:
        (tmp_path / "owner").write_text(texts["owner"])
    if "part" in texts:
        (parts / "10.conf").write_text(texts["part"])
    return policy.read(policy.files(tmp_path / "release", tmp_path / "owner", parts))


def test_an_owner_overrides_key_by_key(tmp_path: Path) -> None:
    found = read(
        tmp_path, owner="[patch]\nmode = all\nreboot = never\n", part="[patch]\nreboot = when-needed\n"
    )
    assert found == policy.Policy("all", "01:00-05:00", "when-needed", 120)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[patch]\nmode = sometimes\n", "mode is 'sometimes'; use one of off, notify, security, all"),
        ("[patch]\nhours = 25:00-26:00\n", "hours is '25:00-26:00'; use any, or a span such as 02:00-05:00"),
        ("[patch]\nhours = 02:00-02:00\n", "hours is '02:00-02:00'"),
        ("[patch]\ndelay_minutes = 2h\n", "delay_minutes is '2h'; use a number from 0 to 1440"),
        ("[patch]\nmood = all\n", "no such key mood; there are mode, hours, reboot"),
        ("[path]\nmode = all\n", "there is no section [path], only [patch]"),
        ("mode = all\n", "cannot be read"),
    ],
)
def test_a_wrong_policy_names_file_and_way_out(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(policy.PolicyError) as caught:
        read(tmp_path, owner=text)
    assert str(tmp_path / "owner") in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("hours", "clock", "allowed"),
    [
        ("any", "12:00", True),
        ("01:00-05:00", "01:00", True),
        ("01:00-05:00", "05:00", False),
        ("22:00-04:00", "23:59", True),
        ("22:00-04:00", "03:59", True),
        ("22:00-04:00", "12:00", False),
    ],
)
def test_hours_may_go_past_midnight(hours: str, clock: str, allowed: bool) -> None:
    assert policy.Policy(hours=hours).allows(datetime.fromisoformat(f"2026-11-25 {clock}")) is allowed


@pytest.mark.parametrize(
    ("hours", "delay", "fires"),
    [
        ("01:00-05:00", "120", "01:00 120min"),
        ("08:09-09:08", "120", "08:09 58min"),  # no more than the span; and no octal numbers
        ("22:30-00:30", "0", "22:30 0min"),
        ("any", "30", "00:00 30min"),
        ("nonsense", "soon", "00:00 60min"),
    ],
)
def test_the_generator_sets_the_timer_to_the_policy(
    tmp_path: Path, hours: str, delay: str, fires: str
) -> None:
    (tmp_path / "patch.conf").write_text(f"[patch]\nhours = {hours}\ndelay_minutes={delay}\n")
    text = (FOLDER / "bluejacket-patch-generator").read_text()
    script = text.replace("/usr/lib/bluejacket/", f"{tmp_path}/").replace(
        "/etc/bluejacket", f"{tmp_path}/etc"
    )
    subprocess.run(["sh", "-c", script, "generator", str(tmp_path / "out")], check=True)
    drop_in = (tmp_path / "out/bluejacket-patch.timer.d/10-policy.conf").read_text()
    begin, span = fires.split()
    assert drop_in == f"[Timer]\nOnCalendar=\nOnCalendar=*-*-* {begin}\nRandomizedDelaySec={span}\n"


def test_only_programs_and_libraries_that_are_gone_count() -> None:
    maps = """\
7f00-7f01 r--p 00000000 fe:02 1234    /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f01-7f02 r-xp 00001000 fe:02 1234    /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f02-7f03 r-xp 00001000 fe:02 1235    /usr/lib/x86_64-linux-gnu/libz.so.1
7f03-7f04 rw-s 00000000 00:01 99      /memfd:journal (deleted)
7f04-7f05 r-xp 00000000 fe:02 1236    /tmp/jit (deleted)
7f05-7f06 r--p 00000000 fe:02 1237    /usr/share/locale/archive (deleted)
"""
    assert restart.replaced(maps) == ["/usr/lib/x86_64-linux-gnu/libssl.so.3"]


@pytest.mark.parametrize(
    ("group", "unit"),
    [
        ("0::/system.slice/chrony.service", "chrony.service"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("0::/system.slice/containerd.service/kubepods/pod1", "containerd.service"),
        ("0::/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service", "user@1000.service"),
        ("0::/init.scope", "init.scope"),
        ("0::/", ""),
    ],
)
def test_a_process_is_told_by_its_unit(group: str, unit: str) -> None:
    assert restart.unit_of(f"{group}\n") == unit


@pytest.mark.parametrize(
    ("unit", "safe"),
    [
        ("chrony.service", True),
        ("ssh.service", True),
        ("dbus.service", False),
        ("cloud-final.service", False),
        ("session-3.scope", False),
        ("process 812", False),
        ("db@main.service", False),
    ],
)
def test_what_is_not_safe_is_left(unit: str, safe: bool) -> None:
    assert (restart.reason_to_leave(unit, ("db@*",)) == "") is safe


def test_processes_are_found_by_unit(tmp_path: Path) -> None:
    for number, group in ((12, "0::/system.slice/a.service"), (13, "0::/")):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "maps").write_text("7-8 r-xp 0 fe:02 9 /usr/bin/a (deleted)\n")
        (tmp_path / str(number) / "cgroup").write_text(f"{group}\n")
    (tmp_path / "14").mkdir()  # it has ended
    assert restart.users_of_replaced(tmp_path) == {"a.service": ["/usr/bin/a"], "process 13": ["/usr/bin/a"]}


UPDATEINFO = b"""<updates><update type="security"><id>BJSA-2026:0001</id><title>linux</title>
<severity>Important</severity><references><reference id="CVE-2026-2" type="cve"/>
<reference id="x" type="self"/>
<reference id="CVE-2026-1" type="cve"/></references><pkglist><collection><package name="linux">
<reboot_suggested>%s</reboot_suggested></package></collection></pkglist></update></updates>"""


@pytest.mark.parametrize(("word", "reboot"), [(b"True", True), (b"1", True), (b"", True), (b"False", False)])
def test_an_advisory_is_read(word: bytes, reboot: bool) -> None:
    (found,) = advisories.read(UPDATEINFO % word)
    assert found == advisories.Advisory(
        "BJSA-2026:0001", "security", "Important", "linux", ("CVE-2026-1", "CVE-2026-2"), reboot
    )


def test_the_lists_of_dnf_are_read() -> None:
    text = "BJSA-2026:0001 Important/Sec. krb5-1.2-3.x86_64\nBJBA-2026:0002 bugfix a-1-1.noarch\n\n"
    assert dnf.read_updateinfo(text) == {"BJSA-2026:0001", "BJBA-2026:0002"}
    assert dnf.last_number("ID     | Command line\n------\n    12 | upgrade | 2026\n    11 | x\n") == 12
    assert dnf.last_number("") == 0


def test_other_sections_of_automatic_conf_stay(tmp_path: Path) -> None:
    file = tmp_path / "automatic.conf"
    file.write_text("[commands]\nupgrade_type = default\n\n[emitters]\n# mine\nemit_via = motd\n")
    dnf.configure(file, security=True)
    first = file.read_text()
    dnf.configure(file, security=True)
    assert file.read_text() == first
    assert first.endswith("\n\n[emitters]\n# mine\nemit_via = motd\n")
    assert first.count("upgrade_type") == first.count("upgrade_type = security") == 1


def test_what_a_boot_has_not_brought_is_not_tried_each_day(tmp_path: Path) -> None:
    note = record.Record("2026-11-25T01:00:00Z", "4", {}, reboot_needed_by=["BJSA-2026:0001"])
    assert not record.tried(note, tmp_path)
    last = record.Record("2026-11-24T01:00:00Z", "4", {}, state="failed", reboot_needed_by=["BJSA-2026:0001"])
    last.save(tmp_path)
    assert not record.tried(note, tmp_path), "it was applied at once"
    last.offline = True
    last.save(tmp_path)
    assert record.tried(note, tmp_path)
    note.reboot_needed_by.append("BJSA-2026:0002")
    assert not record.tried(note, tmp_path)


def test_dnf_with_nothing_to_do_says_so() -> None:
    dnf.something("Complete!")
    with pytest.raises(dnf.NothingToDoError):
        dnf.something("Dependencies resolved.\nNothing to do.\nComplete!\n")


def test_a_record_comes_back_and_the_staged_one_is_found(tmp_path: Path) -> None:
    for number, state in enumerate(("applied", record.STAGED, "failed")):
        record.Record(f"2026-11-25T01:0{number}:00Z", "4", {"mode": "all"}, state=state).save(tmp_path)
    (tmp_path / "20270101T000000Z.json").write_text("{")
    assert [one.state for one in record.records(tmp_path)] == ["applied", "staged", "failed"]
    found = record.staged(tmp_path)
    assert found is not None
    assert (found.time, found.file(tmp_path).name) == ("2026-11-25T01:01:00Z", "20261125T010100Z.json")
    assert not list(tmp_path.glob("*.part"))
