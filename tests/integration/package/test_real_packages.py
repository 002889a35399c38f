"""Real packages of the lock, converted, signed, installed by rpm itself and verified by it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.package.imported import import_packages
from bluejacket.package.made import Made
from bluejacket.package.review import enabled_units, unreviewed
from bluejacket.store import State
from bluejacket.tools import Sandbox
from feeds import SIGNER, THINGS, make

# Between them: users and groups, set-uid, conffiles, links of the merged /usr, many small files. Hard
# links are rare in Debian: a package made by hand has them.
WANTED = (
    "base-files", "base-passwd", "bash", "coreutils", "dash", "libc-bin", "libc6", "openssh-server", "passwd",
    "systemd", "tzdata", "udev", "util-linux",
)  # fmt: skip
_WORK = "/run/work"


@pytest.fixture(scope="module")
def packages(state: State, release: Release, lock: Lock) -> list[Made]:
    locked = [entry for entry in lock.packages if entry.package.name in WANTED]
    files = fetch_locked(state, release, locked, "Packages")
    return import_packages(state.store, release, [entry.package for entry in locked], files, SIGNER)


def test_what_is_imported_twice_is_made_once(
    state: State, release: Release, lock: Lock, packages: list[Made]
) -> None:
    locked = [entry.package for entry in lock.packages if entry.package.name in WANTED]
    again = import_packages(state.store, release, locked, _Nowhere(), SIGNER)
    assert again == packages


class _Nowhere(dict[str, Path]):
    """Upstream packages that nobody may open."""

    def __missing__(self, key: str) -> Path:
        return Path("/nonexistent") / key


def test_rpm_installs_them_and_finds_every_file_as_packaged(
    sandbox: Sandbox, packages: list[Made], tmp_path: Path
) -> None:
    """`rpm -Va` is the gate: a wrong hard link passes every check of the package itself."""
    script = f"""
set -eu
rpmkeys --root {_WORK}/root --import {_WORK}/key.asc
rpm --root {_WORK}/root --nodeps --define '_pkgverify_level all' \\
    --define '__systemd_sysusers /usr/bin/systemd-sysusers' -i {_WORK}/rpms/*.rpm
echo verifying
rpm --root {_WORK}/root -Va --nodeps || true
echo verified
rpm --root {_WORK}/root -qa --qf '%{{NAME}} %{{COOKIE}}\\n'
cd {_WORK}/root
stat -c '%n %a %u:%g %h' usr/bin/su usr/bin/chage usr/lib/first/a usr/share/first-b
grep -q '^shadow:x:42:' etc/group
grep -q '^systemd-journal:' etc/group
"""
    (tmp_path / "rpms").mkdir()
    (tmp_path / "root").mkdir()
    for made in [*packages, make(THINGS[0], tmp_path / "hand")]:
        shutil.copy(made.rpm, tmp_path / "rpms")
    (tmp_path / "script").write_text(script)
    (tmp_path / "key.asc").write_text(SIGNER.certificate())
    output = sandbox.output(["bash", f"{_WORK}/script"], name="rpm-install", binds={tmp_path: _WORK})
    _, _, output = output.partition("verifying\n")
    differences, _, after = output.partition("verified\n")
    # The user database is what a machine changes itself: here by making the packages' users.
    users = r"\.?\S+ +c /etc/(passwd|group|shadow|gshadow)"
    assert [line for line in differences.splitlines() if not re.fullmatch(users, line)] == []
    by_name = {made.name: made for made in packages}
    for line in after.splitlines():
        name, _, cookie = line.partition(" ")
        if name in by_name:
            package = by_name[name].package
            assert package is not None
            assert cookie.startswith(f"pkg:deb/debian/{name}@")
            assert cookie.endswith(f"sha256:{package.sha256}")
    assert re.search(r"usr/bin/su 4755 0:0 1$", after, re.M)
    assert re.search(r"usr/bin/chage 2755 0:42 1$", after, re.M)
    assert re.search(r"usr/lib/first/a 755 0:0 2$", after, re.M)
    assert re.search(r"usr/share/first-b 755 0:0 2$", after, re.M)


def test_no_script_got_in_and_all_are_accounted_for(
    sandbox: Sandbox, packages: list[Made], tmp_path: Path
) -> None:
    rpms = {made.rpm.parent: f"/run/rpms/{made.name}" for made in packages}
    output = sandbox.output(
        ["bash", "-c", "rpm -qp --nosignature --scripts --triggers --filetriggers /run/rpms/*/*.rpm"],
        name="rpm-scripts",
        ro_binds=rpms,
    )
    assert "scriptlet" not in output
    noted = {(made.name, note.name) for made in packages if made.notes for note in made.notes.scripts}
    assert {("bash", "postinst"), ("passwd", "postinst"), ("openssh-server", "preinst")} <= noted
    assert "ssh.service" in enabled_units(packages)
    assert {one.package for one in unreviewed(packages, [])} >= {"passwd", "systemd"}


def test_each_keeps_its_copyright_file(
    state: State, release: Release, lock: Lock, sandbox: Sandbox, packages: list[Made], tmp_path: Path
) -> None:
    """As dpkg unpacks it from upstream's package and rpm from ours; a link to another's folder stays one."""
    locked = [entry for entry in lock.packages if entry.package.name in WANTED]
    debs = fetch_locked(state, release, locked, "Packages")
    for made in packages:
        assert made.package is not None
        shutil.copy(debs[made.package.sha256], tmp_path / f"{made.name}.deb")
        shutil.copy(made.rpm, tmp_path / f"{made.name}.rpm")
    script = f"""
set -eu
cd {_WORK}
for name in {" ".join(made.name for made in packages)}; do
    mkdir -p deb/$name rpm/$name
    dpkg-deb -x $name.deb deb/$name
    rpm2cpio $name.rpm | (cd rpm/$name && cpio -idm --quiet)
    rpm -qp --nosignature --licensefiles $name.rpm >$name.licences
done
"""
    sandbox.run(["bash", "-c", script], name="copyright", binds={tmp_path: _WORK})
    kept = []
    for made in packages:
        folder = f"usr/share/doc/{made.name}"
        upstream, ours = tmp_path / "deb" / made.name / folder, tmp_path / "rpm" / made.name / folder
        if upstream.is_symlink():
            assert ours.readlink() == upstream.readlink()
            continue
        kept.append(made.name)
        assert (ours / "copyright").read_bytes() == (upstream / "copyright").read_bytes()
        assert f"/{folder}/copyright" in (tmp_path / f"{made.name}.licences").read_text().splitlines()
    assert {"bash", "coreutils", "libc6", "passwd", "systemd"} <= set(kept)


def test_changelogs_name_the_fixes(packages: list[Made]) -> None:
    import rpm_rs

    libc = next(made for made in packages if made.name == "libc6")
    entries = rpm_rs.PackageMetadata.open(str(libc.rpm)).changelog_entries()
    assert re.search(r"CVE-\d{4}-\d+", "\n".join(entry.description for entry in entries))
