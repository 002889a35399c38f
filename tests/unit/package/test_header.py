"""A tag set afterwards leaves all others, and the payload, as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
import rpm_rs
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.package.header import SOURCERPM, set_strings

REGION, VENDOR = 63, 1011


def built() -> rpm_rs.Package:
    builder = rpm_rs.PackageBuilder("thing", "1", "MIT", "noarch", "a thing")
    builder.using_config(rpm_rs.BuildConfig(format=rpm_rs.RpmFormat.V4, source_date=1, reserved_space=0))
    builder.release("1")
    builder.epoch(7)
    for name in ("a", "bb", "ccc"):
        options = rpm_rs.FileOptions.new(f"/usr/{name}", permissions=0o644)
        builder.with_file_contents(name.encode() * 100, options)
    builder.add_changelog_entry("me", "text", 5)
    return builder.build()


PACKAGE = built()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_other_tags_stay(value: str) -> None:
    changed = rpm_rs.Package.from_bytes(set_strings(PACKAGE.to_bytes(), {SOURCERPM: value, VENDOR: value}))
    after, before = changed.metadata.header.get_all_entries(), PACKAGE.metadata.header.get_all_entries()
    assert after.pop(SOURCERPM) == after.pop(VENDOR) == value
    del before[SOURCERPM], after[REGION], before[REGION]
    assert after == before
    assert [bytes(file.content) for file in changed.files()] == [b"a" * 100, b"bb" * 100, b"ccc" * 100]


def test_a_tag_that_is_there_is_replaced() -> None:
    once = set_strings(PACKAGE.to_bytes(), {VENDOR: "one"})
    twice = set_strings(once, {VENDOR: "another, longer"})
    assert rpm_rs.Package.from_bytes(twice).metadata.vendor == "another, longer"
    assert set_strings(twice, {VENDOR: "one"}) == once


@pytest.mark.parametrize("data", [b"", b"x" * 300, PACKAGE.to_bytes()[:100]])
def test_what_is_no_package_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no header of an RPM package"):
        set_strings(data, {VENDOR: "x"})
