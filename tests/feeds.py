"""Small feeds of packages made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from bluejacket.definition.feed import Feed
from bluejacket.feed.compose import compose_index
from bluejacket.feed.folder import lay_out
from bluejacket.package import openpgp_write as pgp
from bluejacket.package.convert import convert
from bluejacket.package.describe import write_description
from bluejacket.package.keys import KEY_TIME, FileSigner, Signer
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_package
from bluejacket.store import Store
from debs import BUILT, Member, Thing, link, options, twin

SIGNER = FileSigner(pgp.Key(bytes(range(32)), KEY_TIME), b"Example packages")
STRANGER = FileSigner(pgp.Key(bytes(32), KEY_TIME), b"Example packages")
THINGS = (
    Thing(
        "first",
        "1.0-1",
        [
            Member("/usr/lib/first/data", bytes(range(256)) * 20),
            Member("/usr/lib/first/a", b"a" * 3000, 0o755),
            twin("/usr/share/first-b", "/usr/lib/first/a"),
            link("/usr/lib/first/link", "data"),
            Member("/etc/first.conf", b"x = 1\n"),
        ],
        ["/etc/first.conf"],
    ),
    Thing("second", "1:2.0-1", [Member("/usr/lib/second/data", b"some text\n" * 100)]),
    Thing("third", "3", [Member("/usr/lib/third/data", b"")]),
)
FEED = Feed(
    name="main", description="Example", address="https://feed.example/", variable="feed", changelogs=1
)


def make(thing: Thing, work: Path, signer: FileSigner = SIGNER, requires: tuple[str, ...] = ()) -> Made:
    """Give a signed RPM of one package."""
    deb, package = thing.write(work / "debs")
    into = work / "rpms" / thing.name
    into.mkdir(parents=True)
    package = thing.package(deb.read_bytes(), requires=requires)
    rpm = sign_package(convert(deb, package, None, options(), into), signer, BUILT, into)
    write_description(rpm)
    return Made(str(rpm), thing.name, key_of(rpm), package)


def key_of(rpm: Path) -> str:
    """Give what stands for the key of the step that made a package: another one for each content."""
    return hashlib.sha256(rpm.read_bytes()).hexdigest()


def compose(work: Path, *packages: Made, feed: Feed = FEED, signer: FileSigner = SIGNER) -> Path:
    """Give the folder of a feed with `packages`."""
    return compose_feed(Store(work / "store"), feed, packages, signer, BUILT)


def compose_feed(store: Store, feed: Feed, packages: Sequence[Made], signer: Signer, epoch: int) -> Path:
    """Give the folder of a feed, composed and laid out in a store."""
    return lay_out(store, compose_index(store, feed, packages, signer, epoch).parent.name, packages)


def small_feed(work: Path) -> Path:
    """Give a feed with all `THINGS`."""
    second = ("first >= 1.0-1",)
    return compose(work, *(make(t, work, requires=second if t.name == "second" else ()) for t in THINGS))
