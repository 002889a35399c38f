"""An overlay changes what it names, and one that fits nothing says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.definition.overlay import Overlay
from bluejacket.errors import UserError
from bluejacket.foundation.debian.deb import Entry, Kind
from bluejacket.package.changes import change_entries, glob, no_place, remove


def entries() -> dict[str, Entry]:
    found = [
        Entry("/usr/share/doc", Kind.FOLDER, 0o755),
        Entry("/usr/share/doc/a", Kind.FILE, 0o644, content=b"a"),
        Entry("/usr/share/doc/x/b", Kind.FILE, 0o644, content=b"b"),
        Entry("/etc/conf", Kind.FILE, 0o644, content=b"one\ntwo\n"),
        Entry("/usr/bin/p", Kind.FILE, 0o755, content=b"p", twin="/usr/bin/p"),
        Entry("/usr/bin/q", Kind.FILE, 0o755, content=b"p", twin="/usr/bin/p"),
        Entry("/usr/lib/l", Kind.LINK, 0o777, target="x"),
    ]
    return {entry.path: entry for entry in found}


def changed(sources: Path | None = None, **changes: object) -> dict[str, Entry]:
    overlay = Overlay.model_validate({"package": "thing", "reason": "test"} | changes)
    found = entries()
    change_entries(found, overlay, sources, no_place("thing", "overlays/thing.toml"))
    return found


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/a/*", "/a/b", True),
        ("/a/*", "/a/b/c", False),
        ("/a/**", "/a/b/c", True),
        ("/a/?", "/a/b", True),
        ("/a/?", "/a//", False),
        ("/a/[bc]", "/a/c", True),
        ("/a/[!bc]", "/a/c", False),
        ("/a.b", "/axb", False),
        ("/a(b", "/a(b", True),
        ("/a", "/a/b", False),
    ],
)
def test_patterns_of_paths(pattern: str, path: str, fits: bool) -> None:
    assert bool(glob(pattern).fullmatch(path)) is fits


def test_a_removed_folder_takes_all_below_it_along() -> None:
    found = entries()
    assert remove(found, ["/usr/share/d*", "/none"]) == ["/none"]
    assert sorted(found) == ["/etc/conf", "/usr/bin/p", "/usr/bin/q", "/usr/lib/l"]


def test_what_is_added_replaces_upstreams(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/conf").write_bytes(b"from a file")
    found = changed(
        tmp_path,
        file=(
            {"path": "/etc/conf", "source": "files/conf", "mode": "0600", "config": True},
            {"path": "/etc/new", "content": "text\n", "group": "shadow"},
        ),
        folder=({"path": "/var/lib/thing", "mode": "0700"},),
        link=({"path": "/usr/share/doc", "target": "elsewhere"},),
    )
    conf, new = found["/etc/conf"], found["/etc/new"]
    assert (conf.content, conf.mode, conf.config) == (b"from a file", 0o600, True)
    assert (new.content, new.group) == (b"text\n", "shadow")
    assert (found["/var/lib/thing"].kind, found["/var/lib/thing"].mode) == (Kind.FOLDER, 0o700)
    assert found["/usr/share/doc"].target == "elsewhere"
    assert "/usr/share/doc/a" not in found


def test_edit_mode_and_config() -> None:
    found = changed(
        edit=({"path": "/etc/conf", "find": "two", "replace": "2"},),
        mode=({"path": "/usr/bin/q", "mode": "4755", "group": "adm", "capabilities": "cap_net_raw=ep"},),
        config=("/etc/conf",),
    )
    assert found["/etc/conf"].content == b"one\n2\n"
    assert found["/etc/conf"].config
    for path in ("/usr/bin/p", "/usr/bin/q"):  # one inode: both names change
        entry = found[path]
        assert (entry.mode, entry.owner, entry.group) == (0o4755, "root", "adm")
        assert entry.capabilities == "cap_net_raw=ep"


@pytest.mark.parametrize(
    ("changes", "key", "what"),
    [
        ({"remove": ("/usr/none/*",)}, "remove", "/usr/none/* matches no file of thing"),
        ({"file": ({"path": "/a", "source": "none"},)}, "file.0.source", "the source none is not below"),
        (
            {"edit": ({"path": "/etc/conf", "find": "three", "replace": ""},)},
            "edit.0.find",
            "'three' occurs 0 times in /etc/conf, not once",
        ),
        ({"edit": ({"path": "/etc/conf", "find": "o", "replace": ""},)}, "edit.0.find", "occurs 2 times"),
        (
            {"edit": ({"path": "/none", "find": "o", "replace": ""},)},
            "edit.0.path",
            "thing has no file /none",
        ),
        ({"mode": ({"path": "/usr/lib/l", "mode": "0644"},)}, "mode.0.path", "no file or folder /usr/lib/l"),
        (
            {"mode": ({"path": "/usr/share/doc", "capabilities": "x=ep"},)},
            "mode.0.capabilities",
            "/usr/share/doc is no file",
        ),
        ({"config": ("/usr/lib/l",)}, "config", "thing has no file /usr/lib/l"),
    ],
)
def test_a_change_that_fits_nothing_is_told(changes: dict[str, object], key: str, what: str) -> None:
    with pytest.raises(UserError) as caught:
        changed(**changes)
    assert what in str(caught.value)
    assert str(caught.value).startswith(f"overlays/thing.toml: overlay.{key}: ")


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        changed(remove=("/none",), config=("/none",))
    assert len(caught.value.faults) == 2
