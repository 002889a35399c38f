"""A Debian package becomes an RPM with the same files, the same relations and no script."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest
import rpm_rs

from bluejacket.definition.options import Options
from bluejacket.definition.overlay import Overlay
from bluejacket.errors import OutsideError, UserError
from bluejacket.foundation.metadata import Package
from bluejacket.package.convert import NOTES, convert
from debs import BUILT, Member, Thing, folder, link, options, twin

FLAGS = rpm_rs.FileFlags


def made(
    tmp_path: Path,
    thing: Thing,
    package: Package | None = None,
    overlay: Overlay | None = None,
    opts: Options | None = None,
) -> rpm_rs.Package:
    deb, described = thing.write(tmp_path)
    into = tmp_path / "out"
    into.mkdir()
    rpm = convert(deb, package or described, overlay, opts or options(), into, sources=tmp_path)
    return rpm_rs.Package.open(str(rpm))


def entries(package: rpm_rs.Package) -> dict[str, rpm_rs.FileEntry]:
    return {entry.path: entry for entry in package.metadata.file_entries()}


def relations(found: list[rpm_rs.Dependency]) -> set[tuple[str, int, str]]:
    return {(d.name, int(d.flags), d.version) for d in found if not d.name.startswith("rpmlib(")}


def test_files_keep_mode_owner_and_content(tmp_path: Path) -> None:
    members = [
        folder("/usr"),
        folder("/usr/bin"),
        Member("/usr/bin/setuid", b"s", 0o4755),
        Member("/usr/bin/game", b"g", 0o2755, group="games"),
        folder("/var/spool/thing", 0o1777),
        link("/usr/bin/other", "setuid"),
        Member("/usr/share/odd name %{x} \u00e9 [1]", b"odd"),
        Member("/run/pipe", kind=tarfile.FIFOTYPE),
    ]
    package = made(tmp_path, Thing(members=members))
    found = entries(package)
    assert found["/usr/bin/setuid"].permissions == 0o4755
    assert found["/usr/bin/game"].permissions == 0o2755
    assert (found["/usr/bin/game"].user, found["/usr/bin/game"].group) == ("root", "games")
    assert found["/var/spool/thing"].permissions == 0o1777
    assert found["/usr/bin/other"].linkto == "setuid"
    content = {file.metadata.path: bytes(file.content) for file in package.files()}
    assert content["/usr/share/odd name %{x} \u00e9 [1]"] == b"odd"
    assert {entry.modified_at for entry in found.values()} == {BUILT}
    assert package.metadata.build_time == BUILT
    assert package.metadata.build_host == "bluejacket"


@pytest.mark.parametrize(
    "member",
    [
        Member("/etc/secret", b"", 0o640, group="shadow"),
        Member("/usr/lib/sysusers.d/thing.conf", b"u thing - - -\n"),
    ],
    ids=["files of another group", "users of its own"],
)
def test_who_needs_accounts_waits_for_them(tmp_path: Path, member: Member) -> None:
    package = made(tmp_path, Thing(members=[member]))
    flags = {d.name: int(d.flags) for d in package.metadata.requires()}
    assert flags["base-passwd"] & int(rpm_rs.DependencyFlags.SCRIPT_PRE)


def test_who_needs_none_does_not(tmp_path: Path) -> None:
    package = made(tmp_path, Thing(members=[Member("/etc/plain")]))
    assert "base-passwd" not in {d.name for d in package.metadata.requires()}


def test_what_lies_in_bin_and_lib_moves_below_usr(tmp_path: Path) -> None:
    members = [
        folder("/bin"),
        Member("/bin/tool", b"t", 0o755),
        folder("/lib"),
        folder("/lib/thing"),
        Member("/lib/thing/data", b"d"),
        Member("/etc/thing", b"c"),
    ]
    found = entries(made(tmp_path, Thing(members=members)))
    assert {"/usr/bin", "/usr/bin/tool", "/usr/lib/thing/data"} <= found.keys()
    assert not any(path.startswith(("/bin", "/lib")) for path in found)


def test_the_links_of_a_merged_usr_stay(tmp_path: Path) -> None:
    found = entries(made(tmp_path, Thing(members=[link("/bin", "usr/bin"), folder("/usr/bin")])))
    assert found["/bin"].linkto == "usr/bin"


def test_a_path_in_root_and_in_usr_is_refused(tmp_path: Path) -> None:
    members = [Member("/bin/tool", b"1"), Member("/usr/bin/tool", b"2")]
    with pytest.raises(OutsideError, match="both in / and in /usr"):
        made(tmp_path, Thing(members=members))


def test_configuration_documents_and_licence_are_flagged(tmp_path: Path) -> None:
    members = [Member("/etc/thing.conf", b"c"), Member("/etc/gone.conf", b"g"), Member("/etc/plain", b"p")]
    conffiles = ["/etc/thing.conf", "remove-on-upgrade /etc/gone.conf"]
    found = entries(made(tmp_path, Thing(members=members, conffiles=conffiles)))
    assert int(found["/etc/thing.conf"].flags) == FLAGS.CONFIG | FLAGS.NOREPLACE
    assert int(found["/etc/gone.conf"].flags) == 0
    assert int(found["/etc/plain"].flags) == 0
    assert int(found["/usr/share/doc/thing/copyright"].flags) == FLAGS.LICENSE
    assert int(found["/usr/share/doc/thing/changelog.Debian.gz"].flags) == FLAGS.DOC


def test_hard_links_share_an_inode_also_when_the_first_is_removed(tmp_path: Path) -> None:
    members = [
        Member("/usr/bin/a", b"x" * 1000, 0o755),
        twin("/usr/lib/b", "/usr/bin/a"),
        twin("/usr/share/c", "/usr/bin/a"),
        Member("/usr/share/d", b"x" * 1000, 0o755),
    ]
    package = made(tmp_path, Thing(members=members), opts=options(remove=("/usr/bin/*",)))
    names = [entry.path for entry in package.metadata.file_entries()]
    inodes = dict(zip(names, package.metadata.header.entry(rpm_rs.Tag.FILEINODES), strict=True))
    assert "/usr/bin/a" not in inodes
    assert inodes["/usr/lib/b"] == inodes["/usr/share/c"] != inodes["/usr/share/d"]


def test_relations_are_those_of_the_index(tmp_path: Path) -> None:
    thing = Thing()
    package = thing.package(
        thing.bytes(),
        provides=("thing = 2:1.2-3", "deb-virtual(x)"),
        requires=("liba >= 1:1.0-1", "(b or c < 2-1)"),
        requires_pre=("first",),
        conflicts=("old < 3-1",),
        recommends=("nice",),
        suggests=("b",),
    )
    found = made(tmp_path, thing, package).metadata
    deps = rpm_rs.DependencyFlags
    assert relations(found.requires()) == {
        ("liba", deps.GREATER | deps.EQUAL, "1:1.0-1"),
        ("(b or c < 2-1)", 0, ""),
        ("first", int(deps.SCRIPT_PRE), ""),
    }
    assert any(d.name == "rpmlib(RichDependencies)" for d in found.requires())
    assert relations(found.provides()) == {("thing", int(deps.EQUAL), "2:1.2-3"), ("deb-virtual(x)", 0, "")}
    assert len(found.provides()) == 2
    assert relations(found.conflicts()) == {("old", int(deps.LESS), "3-1")}
    assert relations(found.recommends()) == {("nice", 0, "")}
    assert relations(found.suggests()) == {("b", 0, "")}
    assert (found.epoch, found.version, found.release) == (2, "1.2", "3")


def test_the_header_says_where_it_comes_from(tmp_path: Path) -> None:
    package = made(tmp_path, Thing(version="1:2+dfsg~1-3")).metadata
    digest = hashlib.sha256((tmp_path / "thing.deb").read_bytes()).hexdigest()
    assert package.cookie == f"pkg:deb/debian/thing@1%3A2%2Bdfsg~1-3?checksum=sha256:{digest}"
    assert package.description.startswith("What it is.\n\nMore.")
    assert package.description.endswith(f"Origin: debian, thing 1:2+dfsg~1-3, SHA-256 {digest}")
    assert package.license == "GPL-2.0-or-later OR Artistic-1.0-Perl"
    assert package.vendor == "Example"
    assert package.source_rpm == "thing-2+dfsg~1-3.src.rpm"


def test_changes_name_the_cves_and_outlive_the_file(tmp_path: Path) -> None:
    package = made(tmp_path, Thing(), opts=options(remove=("/usr/share/doc/*/changelog*",)))
    newest = package.metadata.changelog_entries()[0]
    assert newest.name == "A Person <a@example.org> - 2:1.2-3"
    assert newest.description == "- Fix CVE-2026-12345 (Closes: #1)\n  for good."
    assert newest.timestamp == BUILT
    assert "/usr/share/doc/thing/changelog.Debian.gz" not in entries(package)
    assert "/usr/share/doc/thing/copyright" in entries(package)


def test_scripts_never_get_in_but_are_noted(tmp_path: Path) -> None:
    thing = Thing(scripts={"postinst": "#!/bin/sh\nset -e\nrm -rf /var/lib/thing\n"})
    package = made(tmp_path, thing).metadata
    for script in (
        "pre_install",
        "post_install",
        "pre_uninstall",
        "post_uninstall",
        "pre_trans",
        "post_trans",
    ):
        with pytest.raises(RuntimeError):
            getattr(package, f"{script}_script")()
    (note,) = json.loads((tmp_path / "out" / NOTES).read_text())["scripts"]
    assert note["sha256"] == hashlib.sha256(thing.scripts["postinst"].encode()).hexdigest()
    assert note["custom"] == "rm -rf /var/lib/thing"


def test_the_same_package_gives_the_same_bytes(tmp_path: Path) -> None:
    thing = Thing(members=[Member("/usr/bin/a", b"a" * 5000, 0o755), twin("/usr/bin/b", "/usr/bin/a")])
    deb, package = thing.write(tmp_path)
    results = []
    for number, mask in enumerate((0o022, 0o077)):
        into = tmp_path.joinpath(*["deep"] * number, f"out{number}")
        into.mkdir(parents=True)
        before = os.umask(mask)
        try:
            rpm = convert(deb, package, None, options(), into)
        finally:
            os.umask(before)
        results.append((rpm.read_bytes(), rpm.stat().st_mode, (into / NOTES).read_bytes()))
    assert results[0] == results[1]


def test_another_package_than_the_index_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match=r"holds thing 2:1\.2-3, but the index says thing 9-9"):
        made(tmp_path, Thing(), Thing(version="9-9").package())


def test_an_overlay_that_names_a_missing_relation_is_refused(tmp_path: Path) -> None:
    overlay = Overlay(package="thing", reason="test", drop_requires=("perl",))
    with pytest.raises(UserError, match="perl"):
        made(tmp_path, Thing(), overlay=overlay)
