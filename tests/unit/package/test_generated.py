"""Which of debhelper's blocks have their work done otherwise, and which a person sees."""

from __future__ import annotations

import pytest

from bluejacket.foundation.debian.deb import Deb, Entry, Kind, Script
from bluejacket.package.scripts import ScriptNote, notes_of

CONFIGURE = (
    'if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ] || '
    '[ "$1" = "abort-deconfigure" ] || [ "$1" = "abort-remove" ] ; then'
)
UNIT = f"""{CONFIGURE}
	# The following line should be removed in trixie or trixie+1
	deb-systemd-helper unmask 'thing.service' >/dev/null || true

	if deb-systemd-helper --quiet was-enabled 'thing.service'; then
		deb-systemd-helper enable 'thing.service' >/dev/null || true
	else
		deb-systemd-helper update-state 'thing.service' >/dev/null || true
	fi
fi
{CONFIGURE}
	if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
		if [ -n "$2" ]; then
			_dh_action=restart
		else
			_dh_action=start
		fi
		deb-systemd-invoke $_dh_action 'thing.service' >/dev/null || true
	fi
fi
"""
INIT = """if [ "$1" = "configure" ] ; then
	if [ -x "$DPKG_ROOT/etc/init.d/thing" ]; then
		update-rc.d thing defaults >/dev/null
		if [ -z "$DPKG_ROOT" ]; then
			invoke-rc.d --skip-systemd-native thing $_dh_action || exit 1
		fi
	fi
fi
"""
MENU = """if [ "$1" = "configure" ] && [ -x "`command -v update-menus`" ]; then
	update-menus
fi
"""
TMPFILES = """	if [ -x "$(command -v systemd-tmpfiles)" ]; then
		systemd-tmpfiles ${DPKG_ROOT:+--root="$DPKG_ROOT"} --create thing.conf || true
	fi
"""
PYTHON = """if command -v py3compile >/dev/null 2>&1; then
	py3compile -p thing:amd64 || true
fi
if command -v pypy3compile >/dev/null 2>&1; then
	pypy3compile -p thing:amd64 || true
fi
"""
RUNIT = """if [ -z "${DPKG_ROOT:-}" ] && [ -x /usr/lib/runit-helper/runit-helper ]; then
    NAME='ssh' ENABLE='yes' ONUPGRADE='restart' /usr/lib/runit-helper/runit-helper postinst "$@"
fi
"""
RM_CONFFILE = 'dpkg-maintscript-helper rm_conffile /etc/old 1:2.5-2\\~ thing -- "$@"\n'
UNIT_FILE = "/usr/lib/systemd/system/thing.service"


def note(helper: str, body: str, *paths: str, name: str = "postinst") -> ScriptNote:
    """Judge a script that is one block of `helper`, of a package with files at `paths`."""
    begin, end = f"# Automatically added by {helper}/13.31\n", "# End automatically added section\n"
    text = f"#!/bin/sh\nset -e\n{begin}{body}{end}"
    entries = {path: Entry(path, Kind.FILE, 0o644) for path in paths}
    (found,) = notes_of("thing", "1-1", Deb("", (), (Script(name, text.encode()),), "", entries)).scripts
    return found


@pytest.mark.parametrize(
    ("helper", "body"),
    [
        ("dh_installsystemd", UNIT),
        ("dh_installsystemduser", UNIT.replace("helper ", "helper --user ")),
        ("dh_installsysusers", '   systemd-sysusers ${DPKG_ROOT:+--root="$DPKG_ROOT"} thing.conf\n'),
        ("dh_installtmpfiles", TMPFILES),
        ("dh_python3", PYTHON),
        ("dh_installdeb", RM_CONFFILE),
        ("dh_installinit", INIT),
        ("dh_installmenu", MENU),
        ("dh_runit", RUNIT),
    ],
)
def test_what_is_done_otherwise_needs_no_review(helper: str, body: str) -> None:
    found = note(helper, body, UNIT_FILE)
    assert found.custom == ""
    assert not found.needs_review


@pytest.mark.parametrize(
    ("helper", "body"),
    [
        ("dh_installalternatives", "update-alternatives --install /usr/bin/vi vi /usr/bin/thing 5\n"),
        ("dh_installnss", 'touch "${DPKG_ROOT}/etc/nsswitch.conf.nss.thing-will-install"\n'),
        ("dh_usrlocal", "mkdir /usr/local/share/thing\n"),
        ("dh_apparmor", 'apparmor_parser -r -T -W "$APP_PROFILE" || true\n'),
        ("dh_installdebconf", ". /usr/share/debconf/confmodule\n"),
        ("dh_of_tomorrow", "deb-systemd-helper enable 'thing.service' >/dev/null || true\n"),
        ("dh_installdeb", 'dpkg-maintscript-helper mv_conffile /etc/a /etc/b 2-1\\~ -- "$@"\n'),
        ("dh_installdeb", 'dpkg-maintscript-helper dir_to_symlink /usr/a b 2-1\\~ -- "$@"\n'),
    ],
)
def test_every_other_block_is_shown(helper: str, body: str) -> None:
    found = note(helper, body, UNIT_FILE)
    assert found.needs_review
    assert found.custom == body.rstrip("\n")


def test_an_init_script_without_its_unit_is_shown() -> None:
    """systemd starts no script of /etc/init.d: where no unit has its name, something would not run."""
    assert not note("dh_installinit", INIT, UNIT_FILE).needs_review
    assert "update-rc.d thing" in note("dh_installinit", INIT, "/usr/lib/systemd/system/other.service").custom


@pytest.mark.parametrize(
    "line",
    [
        "rm -f /x",
        "systemctl --system daemon-reload; rm /x",
        "deb-systemd-helper enable 'a' && rm /x",
        'deb-systemd-helper enable "$(rm /x)"',
        "deb-systemd-helper enable `rm /x`",
        "deb-systemd-helper enable a > /etc/passwd",
        "deb-systemd-helper enable a \\",
        "if rm /x; then",
        'if [ -x "$(rm /x)" ]; then',
        "else rm /x",
        "_dh_action=x rm /x",
    ],
)
def test_other_code_does_not_hide_in_a_replaced_block(line: str) -> None:
    assert line in note("dh_installsystemd", f"{UNIT}{line}\n").custom


def test_a_block_that_does_not_end_is_custom() -> None:
    text = f"#!/bin/sh\n# Automatically added by dh_installsystemd/13.31\n{UNIT}"
    (found,) = notes_of("thing", "1-1", Deb("", (), (Script("postinst", text.encode()),), "")).scripts
    assert found.needs_review
