"""The root tree of an image: packages installed and checked by rpm itself, and little else.

rpm runs from the tools tree; the file triggers of the packages run inside the new tree. Nothing of the
host is in it, and every time that is later than the release's is set back to it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from bluejacket.errors import Fault, OutsideError
from bluejacket.image.plan import Plan
from bluejacket.tools import Sandbox

_ROOT, _FEED, _WORK = "/run/root", "/run/feed", "/run/work"
# rpm does not touch what the sandbox mounts there (_netsharedpath, rpm-config(5)).
_MOUNTED = {"proc": 0o555, "dev": 0o755, "sys": 0o555}
_PRESETS = "etc/systemd/system-preset/00-image.preset"
# What programs leave behind that belongs to no package, or that differs from run to run.
_LEFTOVERS = (
    "etc/.pwd.lock",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/machine-id",
    "var/cache/ldconfig/aux-cache",
    "var/lib/rpm/.rpm.lock",
    "var/lib/systemd/random-seed",
)
_EMPTIED = ("run", "tmp", "var/tmp", "var/log", "var/cache/libdnf5")
_VERIFIED = re.compile(
    r"^(?P<flags>[.?SM5DLUGTPC]{8,9}|missing)\s+(?:(?P<kind>[acdglmnr])\s+)?(?P<path>/.*)$"
)
_RPM = (
    f"rpm --root {_ROOT} --noplugins --define '_netsharedpath /proc:/dev:/sys' "
    # rpm's own script for a package's users calls useradd, which the tools tree does not have
    "--define '__systemd_sysusers /usr/bin/systemd-sysusers'"
)
_INSTALL = f"""\
set -eu
rpmkeys --root {_ROOT} --import {_WORK}/key.asc
{_RPM} --install --excludedocs --define '_pkgverify_level all' {_WORK}/packages
{_RPM} --verify --all >{_WORK}/differences || [ $? -eq 1 ]
"""


def install(box: Sandbox, plan: Plan, feed: Path, key: str, tree: Path, work: Path) -> None:
    """Fill the empty folder `tree` with the plan's packages; `key` is the armoured key that signed them.

    Raises ToolFailed for an unsigned or damaged package and for a failed trigger, OutsideError for an
    installed file that differs from its package and is not expected to.
    """
    tree.chmod(0o755)
    for name in _MOUNTED:
        (tree / name).mkdir()
    write(tree / _PRESETS, "".join(f"{line}\n" for line in plan.preset_lines()))
    (work / "key.asc").write_text(key, "ascii")
    # rpm reads a file that is no package as a list of packages (rpm(8), manifest)
    manifest = [f"{_FEED}/{package.rpm.relative_to(feed)}" for package in plan.packages]
    (work / "packages").write_text("".join(f"{line}\n" for line in manifest))
    box.run(
        ["sh", "-c", _INSTALL],
        name=f"install-{plan.image.name}",
        binds={tree: _ROOT, work: _WORK},
        ro_binds={feed: _FEED},
        env={"SOURCE_DATE_EPOCH": str(plan.epoch)},
        chroots=[_ROOT],
    )
    refuse_differences((work / "differences").read_text("utf-8", "replace"), plan)
    for unit in plan.profile.services.mask:
        link = tree / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    _settle(tree, plan)


def write(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a file of the tree and the folders above it, with modes that no umask changes."""
    for folder in reversed(file.parents):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)
    file.write_text(text, "utf-8")
    file.chmod(mode)


def refuse_differences(told: str, plan: Plan) -> None:
    """Raise OutsideError for what `rpm -Va` told (`told`) and the image does not expect."""
    expected = {expected.path for expected in plan.image.expected}
    odd = [(flags, path) for flags, path in differences(told) if path not in expected]
    if odd:
        shown = "; ".join(f"{path} ({flags})" for flags, path in odd[:10])
        more = f" and {len(odd) - 10} more" if len(odd) > 10 else ""
        raise OutsideError(
            Fault(
                f"the image {plan.image.name} differs from its packages in {shown}{more}",
                "see rpm(8), VERIFY OPTIONS; a difference that is meant goes under [[image.expected]] "
                "with its reason",
            )
        )


def differences(told: str) -> Iterator[tuple[str, str]]:
    """Give (flags, path) of each line of `rpm -Va` that tells of more than a missing ghost."""
    for line in told.splitlines():
        found = _VERIFIED.match(line)
        if found and not (found["flags"] == "missing" and found["kind"] == "g"):
            yield found["flags"], found["path"]
        elif not found and line.strip():
            yield "unknown", line.strip()


def _settle(tree: Path, plan: Plan) -> None:
    """Bring the tree into the state in which a machine first sees it."""
    for name, mode in _MOUNTED.items():
        folder = tree / name
        if any(folder.iterdir()):
            raise OutsideError(Fault(f"the installation left something in /{name} of the image"))
        folder.chmod(mode)
    for name in _LEFTOVERS:
        (tree / name).unlink(missing_ok=True)
    for name in _EMPTIED:
        _drop_files(tree / name)
    # An empty file: the machine gets an identity of its own at first boot, without preset-all.
    write(tree / "etc/machine-id", "", 0o444)
    root = f"UUID={plan.identity('root file system')}"
    write(tree / "etc/fstab", f"{root} / ext4 defaults,x-systemd.growfs 0 1\n")
    # All that systemd does after an update of /usr has been done here (systemd-update-done.service(8)).
    for name in ("etc/.updated", "var/.updated"):
        write(tree / name, "")
    if plan.profile.selinux.value != "enforcing":
        _set_selinux(tree / "etc/selinux/config", plan.profile.selinux.value)
    clamp_times(tree, plan.epoch)


def _set_selinux(file: Path, mode: str) -> None:
    lines = file.read_text("utf-8").splitlines()
    write(file, "".join(f"SELINUX={mode}\n" if ln.startswith("SELINUX=") else f"{ln}\n" for ln in lines))


def policy_contexts(tree: Path) -> str | None:
    """Give where the file contexts of the tree's SELinux policy lie in it, or None without a policy."""
    try:
        text = (tree / "etc/selinux/config").read_text("utf-8")
    except FileNotFoundError:
        return None
    found = re.search(r"^SELINUXTYPE=(\S+)", text, re.M)
    return f"etc/selinux/{found[1]}/contexts/files" if found else None


def _drop_files(folder: Path) -> None:
    for base, _, names in os.walk(folder):
        for name in names:
            Path(base, name).unlink()


def clamp_times(tree: Path, epoch: int) -> None:
    """Set every modification time later than `epoch` to it, and every access time to the modification's."""
    for path in every_path(tree):
        seen = os.lstat(path)
        when = min(seen.st_mtime_ns, epoch * 10**9)
        os.utime(path, ns=(when, when), follow_symlinks=False)


def every_path(tree: Path) -> Iterator[str]:
    """Give the tree and everything in it, folders before their content, in the order of names."""
    yield str(tree)
    for base, folders, names in os.walk(tree):
        folders.sort()
        for name in sorted([*names, *folders]):
            yield os.path.join(base, name)


def contents(tree: Path) -> dict[str, str]:
    """Give the kind of everything in the tree by its path: `d`, `f`, `l`, or `o` for another."""
    found = {}
    for path in every_path(tree):
        mode = os.lstat(path).st_mode
        kind = (
            "d" if stat.S_ISDIR(mode) else "l" if stat.S_ISLNK(mode) else "f" if stat.S_ISREG(mode) else "o"
        )
        found["/" + os.path.relpath(path, tree).removeprefix(".")] = kind
    return found


def numbers(lines: Iterable[str]) -> dict[str, int]:
    """Give the number of each name of passwd(5) or group(5)."""
    rows = (line.split(":") for line in lines if line.count(":") >= 2)
    return {row[0]: int(row[2]) for row in rows}
