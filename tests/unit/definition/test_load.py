"""What a good folder gives: names looked up, options inherited, everything frozen."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from bluejacket.definition import Definitions, Release, load
from bluejacket.definition.frozen import FrozenMap
from bluejacket.definition.lines import Key, Lines
from bluejacket.errors import UserError

GOOD = Path(__file__).parent / "good"


@pytest.fixture(scope="module")
def good() -> Definitions:
    return load(GOOD)


def component(release: Release, name: str) -> Any:
    return next(c for c in release.components if c.name == name)


def test_options_come_from_the_nearest_table_and_arrays_append(good: Definitions) -> None:
    one, two = good.release("1"), good.release("2")
    systemd, signs = component(one, "systemd"), component(one, "signs")
    assert (systemd.compression, systemd.revision, systemd.exclude) == ("zstd:3", 4, ("telnet", "rsh"))
    assert (signs.revision, signs.macros) == (3, ("one 1", "two 2"))
    assert component(two, "signs").exclude == ("telnet",)
    assert systemd.vendor == "Harbour"


def test_each_value_tells_where_it_was_said(good: Definitions) -> None:
    said = {
        (origin.key, origin.value): f"{Path(origin.place.file).relative_to(GOOD)}:{origin.place.line}"
        for origin in good.release("1").origins["systemd"]
    }
    assert said == {
        ("compression", '"zstd:3"'): "distribution.toml:9",
        ("exclude", '"telnet"'): "distribution.toml:10",
        ("exclude", '"rsh"'): "releases/1.toml:10",
        ("revision", "4"): "components/base.toml:16",
        ("macros", '"one 1"'): "components/base.toml:6",
    }


def test_components_are_sorted_and_own_ones_follow_their_needs(good: Definitions) -> None:
    assert [c.name for c in good.release("1").components] == ["bash", "systemd", "signs", "anchors"]
    assert [c.name for c in good.release("2").components] == ["bash", "signs", "anchors"]


def test_a_release_has_its_parts(good: Definitions) -> None:
    one, two = good.release("1"), good.release("2")
    assert one.foundation.name == "archive"
    assert two.foundation.kind == "rpmmd"
    assert (two.tools_release, two.tools_foundation, two.tools) == ("1", one.foundation, one.tools)
    assert one.profile_of(one.images["small"]).services.enable == ("ssh.service",)
    assert one.overlays["bash"].links[0].target == "bash"
    assert one.exclude == ("rsh", "telnet")
    assert one.pretty_name == "Harbour Linux 1 (Pier)"
    assert one.path("packages/signs/signs.spec").is_absolute()
    assert good.newest().version == "2"


def test_support_from_a_leap_day_ends_on_a_day_that_exists(good: Definitions) -> None:
    assert good.release("1").support_end == date(2026, 2, 28)


def test_an_unknown_release_names_the_nearest(good: Definitions) -> None:
    with pytest.raises(UserError, match=r"there is no release 11 \(the nearest known one is \"1\"\)"):
        good.release("11")


def things(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from things(getattr(value, name))
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from things(getattr(value, field.name))
    elif isinstance(value, FrozenMap):
        for inner in value.values():
            yield from things(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from things(inner)


def test_everything_is_frozen_to_the_bottom(good: Definitions) -> None:
    seen = list(things(good))
    assert len(seen) > 500
    for thing in seen:
        assert not isinstance(thing, (list, dict, set, bytearray)), thing
        hash(thing)
    with pytest.raises(ValidationError):
        good.release("1").feed.description = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        good.release("1").codename = "other"  # type: ignore[misc]


def test_a_release_can_go_to_another_process(good: Definitions) -> None:
    release = good.release("1")
    assert pickle.loads(pickle.dumps(release)) == release


def test_loading_twice_gives_the_same(good: Definitions) -> None:
    assert load(GOOD) == good


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: is no folder with definitions \(name one with --distro"):
        load(tmp_path / "nowhere")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path)
    assert [fault.what for fault in caught.value.faults] == ["this file is missing", "holds no release"]


def test_bad_utf8_names_the_line(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    (tmp_path / "feeds" / "main.toml").write_bytes(b'[feed]\ndescription = "\xff"\n')
    with pytest.raises(UserError, match=r"main.toml:2: is not UTF-8: byte 0xff \(save the file as UTF-8\)"):
        load(tmp_path)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    (tmp_path / "feeds" / "main.toml").unlink()
    (tmp_path / "feeds" / "main.toml").mkdir()
    with pytest.raises(UserError, match=r"main.toml: cannot be read: Is a directory"):
        load(tmp_path)


def test_an_endless_file_is_not_swallowed(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    os.truncate(tmp_path / "feeds" / "main.toml", 5 << 20)
    with pytest.raises(UserError, match=r"main.toml: is larger than 4 MiB"):
        load(tmp_path)


def test_deep_nesting_is_no_crash(tmp_path: Path) -> None:
    shutil.copytree(GOOD, tmp_path, dirs_exist_ok=True)
    (tmp_path / "feeds" / "main.toml").write_text("a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(UserError, match=r"main.toml: is nested too deeply"):
        load(tmp_path)


KEYS = [
    (file.relative_to(GOOD), key, line)
    for file in sorted(GOOD.rglob("*.toml"))
    for key, line in sorted(Lines(file.read_text()).known().items(), key=lambda item: item[1])
    if isinstance(key[-1], str) and len(key) > 1 and key != ("foundation", "kind")
]


@given(st.sampled_from(KEYS), st.data())
def test_any_mistyped_key_is_told_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, where: tuple[Path, Key, int], data: st.DataObject
) -> None:
    """Two neighbouring letters of one key change places; the fault names that line and the right key."""
    file, key, line = where
    name = str(key[-1])
    swaps = [at for at in range(len(name) - 1) if name[at] != name[at + 1]]
    at = data.draw(st.sampled_from(swaps))
    wrong = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    folder = tmp_path_factory.mktemp("distro")
    shutil.copytree(GOOD, folder, dirs_exist_ok=True)
    rows = (folder / file).read_text().splitlines(keepends=True)
    rows[line - 1] = rows[line - 1].replace(name, wrong, 1)
    (folder / file).write_text("".join(rows))
    with pytest.raises(UserError) as caught:
        load(folder)
    unknown = [fault for fault in caught.value.faults if fault.what == "unknown key"]
    assert len(unknown) == 1
    assert unknown[0].place is not None
    assert (unknown[0].place.line, unknown[0].place.key.rpartition(".")[2]) == (line, wrong)
    assert f'"{name}"' in unknown[0].way_out or name in unknown[0].way_out


@given(st.dictionaries(st.integers(), st.text()))
def test_frozen_map_is_a_mapping(items: dict[int, str]) -> None:
    frozen = FrozenMap(items)
    assert frozen == items
    assert len(frozen) == len(items)
    assert hash(frozen) == hash(FrozenMap(dict(reversed(items.items()))))
    assert pickle.loads(pickle.dumps(frozen)) == frozen


def test_bluejacket_linux_is_defined(distro: Path) -> None:
    definitions = load(distro)
    four, three = definitions.release("4"), definitions.release("3")
    assert (four.foundation.name, three.foundation.name) == ("debian-forky", "debian-trixie")
    assert definitions.newest() is four
    assert four.previous == "3"
    assert {"vm"} <= set(four.images)
    assert definitions.count["foundation"] >= 3
