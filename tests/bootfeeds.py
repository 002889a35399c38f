"""The feeds that a guest sees in a boot test: the release's own, and small ones beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bluejacket.definition import Component, ComponentKind, Release
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.package.imported import import_packages
from bluejacket.package.keys import FileSigner
from bluejacket.package.made import Made
from bluejacket.package.own import Workshop, build_uki
from bluejacket.package.uki import Kernel, find_kernel
from bluejacket.store import State, Store
from debs import Member, Thing
from feeds import STRANGER, compose_feed, make

FAILING = "failing"
FORGED, CHANGED, UNSIGNED = "forged", "changed", "unsigned"
ALL = (FAILING,)
REFUSED = {  # feeds that a machine has to refuse in the place of its own, and a pattern of its reason
    CHANGED: r"[Cc]hecksum|digest",
    FORGED: r"[Ss]ignature|public key|GPG|OpenPGP|key",
    UNSIGNED: r"[Ss]ignature|GPG|OpenPGP|BAD",
}
REPOSITORY = """[{name}]
name={name}
baseurl=http://10.0.2.4/{name}/
enabled=0
gpgcheck=1
repo_gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-{id}-{version}
"""


@dataclass(frozen=True)
class BootFeeds:
    """Writes feeds below `top`, signed as the release's are."""

    top: Path
    release: Release
    signer: FileSigner
    epoch: int

    def repositories(self) -> str:
        """The repository file of the feeds with kernels; none of them is enabled."""
        values = {"id": self.release.distribution.id, "version": self.release.version}
        return "\n".join(REPOSITORY.format(name=n, **values) for n in ALL)

    def main(self, feed: Path) -> None:
        """Show the release's own feed."""
        copy_tree(feed, self.top / "main", link=True)

    def small(self, name: str, packages: Iterable[Made]) -> Path:
        """Write a feed with `packages`; gives its folder, whose files may be changed."""
        store = Store(self.top.parent / "store")
        feed = compose_feed(store, self.release.feed, list(packages), self.signer, self.epoch)
        copy_tree(feed, self.top / name, link=False)
        return self.top / name

    def refused(self) -> None:
        """Write three feeds with one package each, which a guest has to refuse."""
        work = self.top.parent / "work"
        for name, signer in ((CHANGED, self.signer), (FORGED, STRANGER), (UNSIGNED, self.signer)):
            thing = Thing(f"probe-{name}", "1.0-1", [Member(f"/usr/lib/probe-{name}/data", b"data" * 100)])
            feed = self.small(name, [make(thing, work, signer)])
            if name == CHANGED:
                (rpm,) = feed.rglob("*.rpm")
                flip(rpm, rpm.stat().st_size - 20)
            if name == UNSIGNED:
                repomd = feed / "repodata" / "repomd.xml"
                repomd.write_bytes(repomd.read_bytes() + b"<!-- not what was signed -->\n")


def flip(file: Path, place: int) -> None:
    """Change one byte."""
    data = bytearray(file.read_bytes())
    data[place] ^= 0x55
    file.write_bytes(data)


def copy_tree(source: Path, target: Path, *, link: bool) -> None:
    """Copy a feed, by hard links where they are enough and possible."""

    def copy(one: str, other: str) -> None:
        try:
            if not link:
                raise OSError
            os.link(one, other)
        except OSError:
            shutil.copyfile(one, other)

    shutil.copytree(source, target, copy_function=copy)


def newer_kernel(state: State, release: Release, lock: Lock, shop: Workshop) -> list[Made]:
    """Build the release's UKI package once more, in the next revision."""
    component, kernel = kernel_of(state, release, lock, shop)
    later = component.model_copy(update={"revision": component.revision + 1})
    return build_uki(shop, release, later, kernel)


def failing_kernel(state: State, release: Release, lock: Lock, shop: Workshop, work: Path) -> list[Made]:
    """Build a UKI package, newer still, whose initrd finds no init and starts the machine again."""
    component, kernel = kernel_of(state, release, lock, shop)
    assert component.spec is not None
    folder = work / "failing"
    shutil.copytree(release.path(component.spec).parent, folder)
    with (folder / "cmdline").open("a", encoding="utf-8") as cmdline:
        cmdline.write("\ninit=/nonexistent\n")
    spec = str(folder / Path(component.spec).name)
    later = component.model_copy(update={"revision": component.revision + 2, "spec": spec})
    return build_uki(shop, release, later, kernel)


def kernel_of(state: State, release: Release, lock: Lock, shop: Workshop) -> tuple[Component, Kernel]:
    """Give the UKI's component and the kernel in it; the packages are in the store already."""
    packages = [locked.package for locked in lock.packages]
    files = fetch_locked(state, release, lock.packages, "Packages")
    imported = import_packages(state.store, release, packages, files, shop.signer, state.report)
    (component,) = [one for one in release.components if one.kind is ComponentKind.UKI]
    assert component.kernel is not None
    return component, find_kernel(imported, component.kernel)
