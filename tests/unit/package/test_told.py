"""Changelogs, licences and scripts, as Debian writes them and as we pass them on."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluejacket.definition.overlay import Review, ScriptKind
from bluejacket.foundation.debian.deb import Deb, Script
from bluejacket.package import changelog
from bluejacket.package.licence import UNKNOWN, licence_of
from bluejacket.package.made import Made
from bluejacket.package.review import enabled_units, unreviewed
from bluejacket.package.scripts import Notes, notes_of
from debs import CHANGELOG, COPYRIGHT

NOW = 1_790_000_000
YEAR = 365 * 86400

ENABLE = """# Automatically added by dh_installsystemd/13.31
if [ "$1" = "configure" ]; then
	if deb-systemd-helper --quiet was-enabled 'a.service'; then
		deb-systemd-helper enable 'a.service' >/dev/null || true
	fi
fi
# End automatically added section
# Automatically added by dh_installsystemd/13.31
if [ "$1" = "configure" ]; then
	if deb-systemd-helper debian-installed 'b.service'; then
		deb-systemd-helper enable 'b.service' >/dev/null || true
	fi
fi
# End automatically added section
# Automatically added by dh_installsystemduser/13.31
	deb-systemd-helper --user enable 'c.socket' >/dev/null || true
# End automatically added section
"""
IDLE = """#!/bin/sh
set -e

case "$1" in
    configure)
    ;;
    abort-upgrade|abort-remove|abort-deconfigure)
    ;;
    *)
        echo "postinst called with unknown argument \\`$1'" >&2
        exit 1
    ;;
esac

"""


def notes(**scripts: str) -> Notes:
    found = tuple(Script(name, text.encode()) for name, text in scripts.items())
    return notes_of("thing", "1-1", Deb("", (), found, "# comment\ninterest-noawait /usr/x\n"))


def entries(ages: list[int]) -> str:
    text = ""
    for number, age in enumerate(ages):
        year = 2026 - age
        text += f"thing (1-{100 - number}) unstable; urgency=low\n\n  * Change {number}.\n\n"
        text += f" -- A <a@b>  Mon, 21 Sep {year} 14:13:20 +0000\n\n"
    return text


def test_the_newest_ten_and_three_years_of_changes_are_kept() -> None:
    assert len(changelog.changes(entries([0] * 30), NOW)) == 30
    assert len(changelog.changes(entries([0, 0] + [9] * 20), NOW)) == 10
    found = changelog.changes(entries([0, 1, 2]), NOW)
    assert [change.name for change in found] == [f"A <a@b> - 1-{n}" for n in (100, 99, 98)]


def test_times_fall_although_a_clock_was_wrong() -> None:
    found = changelog.changes(entries([1, 0, 2]), NOW)
    assert [change.when for change in found] == sorted((c.when for c in found), reverse=True)


@given(st.text())
def test_any_text_is_a_changelog(text: str) -> None:
    for change in changelog.changes(CHANGELOG + text, NOW):
        assert change.when >= 0
        assert change.text


def test_a_damaged_archive_is_an_empty_changelog() -> None:
    whole = gzip.compress(CHANGELOG.encode())
    assert changelog.unpack(whole) == CHANGELOG
    assert changelog.unpack(whole[:-9]) == ""
    assert changelog.unpack(b"\x1f\x8brubbish") == ""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("Expat", "MIT"),
        ("GPL-2+ or Artistic", "GPL-2.0-or-later OR Artistic-1.0-Perl"),
        ("Expat and ISC", "ISC AND MIT"),
        ("GPL-1+ or Expat and ISC", "GPL-1.0-or-later OR (MIT AND ISC)"),
        ("BSD-style, really", "LicenseRef-BSD-style-really"),
        ("GPL-2+ with OpenSSL exception", "LicenseRef-GPL-2-or-later-with-OpenSSL-exception"),
    ],
)
def test_short_names_become_spdx(said: str, expected: str) -> None:
    assert licence_of(f"Format: x\n\nFiles: *\nLicense: {said}\n text\n") == expected


def test_all_licences_of_a_file_count() -> None:
    text = COPYRIGHT.decode() + "\nFiles: y\nLicense: Expat\n\nLicense: Expat\n text\n"
    assert licence_of(text) == "(GPL-2.0-or-later OR Artistic-1.0-Perl) AND MIT"
    assert licence_of("This is free software.\nLicense: GPL-2\n") == UNKNOWN


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n")))
def test_any_name_gives_a_valid_expression(said: str) -> None:
    from spdx_tools.common.spdx_licensing import spdx_licensing

    expression = licence_of(f"Format: x\nLicense: {said}\n")
    assert spdx_licensing.parse(expression) is not None


def test_generated_code_needs_no_review() -> None:
    (script,) = notes(postinst=IDLE + ENABLE + "exit 0\n").scripts
    assert script.generated
    assert not script.needs_review


def test_custom_code_is_told() -> None:
    text = IDLE.replace("    configure)", "    configure)\n\tmkdir -p /var/lib/thing") + ENABLE
    (script,) = notes(postinst=text).scripts
    assert script.needs_review
    assert script.custom == "\tmkdir -p /var/lib/thing"


@pytest.mark.parametrize(
    "line", ["rm -f /x", "true; rm -f /x", "exit 1; rm", 'echo "$(rm x)" >&2', "x) rm y ;;"]
)
def test_code_does_not_hide_among_idle_lines(line: str) -> None:
    assert not notes(preinst=f"#!/bin/sh\nset -e\n{line}\n").scripts[0].generated


def test_removal_scripts_need_no_review() -> None:
    assert not notes(prerm="#!/bin/sh\nrm -rf /\n").scripts[0].needs_review


def test_units_are_those_that_the_helper_enables() -> None:
    found = notes(postinst=IDLE + ENABLE)
    assert found.enable == ("a.service",)
    assert found.enable_user == ("c.socket",)
    assert found.triggers == ("interest-noawait /usr/x",)
    assert Notes.from_json(found.as_json()) == found


def test_a_review_holds_for_one_digest(tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = "#!/bin/sh\nmkdir /x\n"
    made = [Made(str(tmp_path / "x.rpm"), "thing", "key", None, notes(postinst=text, preinst=text))]
    digest = Script("postinst", text.encode()).sha256
    review = Review(package="thing", script=ScriptKind.POSTINST, sha256=digest, verdict="needless")
    (one,) = unreviewed(made, [review])
    assert (one.note.name, one.changed) == ("preinst", False)
    older = Review(package="thing", script=ScriptKind.POSTINST, sha256="0" * 64, verdict="needless")
    first, second = unreviewed(made, [older])
    assert (first.note.name, first.changed) == ("postinst", True)
    assert str(first) == "thing 1-1: postinst has changed since its review (1 lines of its own)"
    assert f'sha256 = "{digest}"' in first.table()
    assert second.note.name == "preinst"
    assert enabled_units(made) == {}
