"""The root tree: packages installed by rpm itself, checked by rpm itself, and labelled."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bluejacket.definition import Image, Profile
from bluejacket.errors import Fault, OutsideError
from bluejacket.image.choose import Chosen
from bluejacket.store import Step, Store, code_of
from bluejacket.store.steps import canonical
from bluejacket.tools import Sandbox

_ROOT, _FEED, _WORK = "/run/root", "/run/feed", "/run/work"
# rpm does not touch what the sandbox mounts there (rpm-config(5)).
_MOUNTED = {"proc": 0o555, "dev": 0o755, "sys": 0o555}
_VERIFIED = re.compile(
    r"^(?P<flags>[.?SM5DLUGTPC]{8,9}|missing)\s+(?:(?P<kind>[acdglmnr])\s+)?(?P<path>/.*)$"
)


@dataclass(frozen=True, slots=True)
class Making:
    """What every step of an image is made with. `tools` is the key of the tools tree of `box`."""

    store: Store
    box: Sandbox
    tools: str
    epoch: int  # seconds since 1970; the time of everything in the image


def make_root(
    making: Making, feed: Path, chosen: Sequence[Chosen], image: Image, profile: Profile, certificate: str
) -> tuple[Path, str]:
    """Give the folder of the installed root tree, and its step's key.

    One transaction of all packages, each signature checked against `certificate`; then the profile's
    services, `rpm -Va`, and the labels of the policy in the tree. Raises OutsideError for a difference
    that the image's definition does not expect, and ToolFailed for what rpm refuses.
    """
    options = {
        "services": profile.services.model_dump(mode="json"),
        "expected": sorted(one.path for one in image.expected),
        "epoch": making.epoch,
        "certificate": certificate,
    }
    step = Step(
        "root",
        code_of("bluejacket.image.root"),
        canonical(options),
        (making.tools, feed.parent.name, *(one.sha256 for one in chosen)),
    )

    def work(into: Path) -> None:
        root = into / "root"
        root.mkdir()
        for name in _MOUNTED:
            (root / name).mkdir()
        files = [f"{_FEED}/{one.rpm.relative_to(feed)}" for one in chosen]
        (into / "install.sh").write_text(_install(files, profile))
        (into / "key.asc").write_text(certificate)
        making.box.run(
            ["bash", "-e", f"{_WORK}/install.sh"],
            name=f"install-{image.name}",
            binds={root: _ROOT},
            ro_binds={feed: _FEED, into: _WORK},
            env={"SOURCE_DATE_EPOCH": str(making.epoch)},
            chroots=[_ROOT],
        )
        (into / "install.sh").unlink()
        (into / "key.asc").unlink()
        _settle(root, making.epoch)
        _verify(making.box, root, image)
        _label(making.box, root)

    return making.store.obtain(step, work) / "root", step.key


def _install(files: Sequence[str], profile: Profile) -> str:
    services = profile.services
    rpm = f"rpm --root {_ROOT} --define '_netsharedpath /proc:/dev:/sys' --define '_pkgverify_level all'"
    lines = [f"rpmkeys --root {_ROOT} --import {_WORK}/key.asc", " ".join([rpm, "-i", *files])]
    for verb, units in (
        ("enable", services.enable),
        ("disable", services.disable),
        ("mask", services.mask),
    ):
        if units:
            lines.append(f"systemctl --root={_ROOT} {verb} {' '.join(units)}")
    return "\n".join(lines) + "\n"


def _settle(root: Path, epoch: int) -> None:
    """Give everything younger than `epoch` that time, and the mounted folders their modes."""
    for name, mode in _MOUNTED.items():
        folder = root / name
        if any(folder.iterdir()):
            raise OutsideError(Fault(f"the installation left something in /{name} of the image"))
        folder.chmod(mode)
    for file in (root / "var/lib/rpm/.rpm.lock", root / "usr/lib/sysimage/rpm/.rpm.lock"):
        file.unlink(missing_ok=True)
    for base, folders, names in os.walk(root, topdown=False):
        for name in (*names, *folders):
            _clamp(os.path.join(base, name), epoch)
    _clamp(str(root), epoch)


def _clamp(path: str, epoch: int) -> None:
    if os.lstat(path).st_mtime > epoch:
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _verify(box: Sandbox, root: Path, image: Image) -> None:
    log = box.run(
        ["rpm", "--root", _ROOT, "-Va", "--define", "_netsharedpath /proc:/dev:/sys"],
        name=f"verify-{image.name}",
        ro_binds={root: _ROOT},
        statuses=(0, 1),
    )
    expected = {one.path for one in image.expected}
    odd = [line for line in _differences(log.read_text("utf-8", "replace")) if line[1] not in expected]
    if odd:
        told = "; ".join(f"{path} ({flags})" for flags, path in odd[:10])
        more = f" and {len(odd) - 10} more" if len(odd) > 10 else ""
        raise OutsideError(
            Fault(
                f"the image {image.name} differs from its packages in {told}{more}",
                f"see rpm(8), VERIFY OPTIONS, and {log}; a difference that is meant goes under "
                "[[image.expected]] with its reason",
            )
        )


def _differences(output: str) -> Iterator[tuple[str, str]]:
    """Give (flags, path) of each line of `rpm -Va` that tells of more than a missing ghost."""
    for line in output.splitlines()[1:]:
        found = _VERIFIED.match(line)
        if found and not (found["flags"] == "missing" and found["kind"] == "g"):
            yield found["flags"], found["path"]
        elif not found and line.strip():
            yield "unknown", line.strip()


def policy_type(root: Path) -> str | None:
    """Give the SELinux policy that the tree's configuration names (SELINUXTYPE), or None."""
    try:
        text = (root / "etc/selinux/config").read_text("utf-8")
    except FileNotFoundError:
        return None
    found = re.search(r"^SELINUXTYPE=(\S+)", text, re.M)
    return found[1] if found else None


def contexts_file(root: Path) -> str | None:
    """Give the policy's file contexts, relative to the root tree, or None without a policy."""
    name = policy_type(root)
    return f"etc/selinux/{name}/contexts/files/file_contexts" if name else None


def _label(box: Sandbox, root: Path) -> None:
    contexts = contexts_file(root)
    if contexts:
        box.run(
            ["setfiles", "-F", "-m", "-r", _ROOT, f"{_ROOT}/{contexts}", _ROOT],
            name="setfiles",
            binds={root: _ROOT},
        )
