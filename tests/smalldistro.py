"""A distribution of one component on a small Debian archive of its own, to be locked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bluejacket.definition import Release, load
from bluejacket.foundation.debian.apt import Apt
from bluejacket.foundation.debian.archive import DebianArchive
from bluejacket.foundation.index import Index
from bluejacket.foundation.lock import Lock, lock_file, write_lock
from bluejacket.foundation.resolve import resolve
from bluejacket.store import State
from debarchive import DebArchive
from told import Told
from webserver import Site, serve

FILES = {
    "distribution.toml": """
        [distribution]
        id = "small"
        name = "Small Linux"
        vendor = "Small"
        home = "https://small.example/"
        bug_url = "https://small.example/bugs"
        """,
    "releases/1.toml": """
        [release]
        codename = "One"
        foundation = "small"
        groups = ["all"]
        feed = "main"
        published = 2026-11-01
        [tools]
        packages = ["tool"]
        """,
    "foundations/small.toml": """
        [foundation]
        kind = "debian"
        [[foundation.suite]]
        name = "forky"
        mirror = "MIRROR"
        keyring = "keyring.gpg"
        """,
    "feeds/main.toml": """
        [feed]
        description = "Small"
        address = "https://small.example/feed"
        variable = "small_feed"
        """,
    "components/all.toml": """
        [group]
        description = "All"
        [[component]]
        name = "app"
        reason = "the test wants it"
        """,
}


def write_definition(file: Path, text: str, site: Site) -> None:
    """Write a definition without its indentation, with the site's address for MIRROR."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (line.strip() for line in text.splitlines())
    file.write_text("\n".join(lines).strip().replace("MIRROR", site.url().rstrip("/")) + "\n")


class Small:
    """A distribution of one component on an archive of its own."""

    def __init__(self, folder: Path, site: Site, archive: DebArchive) -> None:
        self.folder, self.site, self.archive = folder / "distro", site, archive
        for name, text in FILES.items():
            self.write(name, text)
        (self.folder / "keyring.gpg").write_bytes(archive.keyring())
        self.told = Told()
        self.state = State(folder / "state", self.told)
        self.strict = True

    def write(self, name: str, text: str) -> None:
        write_definition(self.folder / name, text, self.site)

    def release(self) -> Release:
        return load(self.folder).release("1")

    def refresh(self) -> Index:
        class OwnApt(Apt):
            def checks_valid_until(inner) -> bool:  # noqa: N805
                return self.strict

        release = self.release()
        state = self.state
        apt = OwnApt(self.folder / "no-apt")
        return DebianArchive(
            release.foundation, release.folder, state.store, state.indexes, state.report, apt
        ).refresh()

    def lock(self) -> Lock:
        release, index = self.release(), self.refresh()
        lock = resolve(release, index, index)
        write_lock(lock, lock_file(release))
        return lock


@contextmanager
def small_distro(folder: Path) -> Iterator[Small]:
    """Give the distribution below `folder`, its archive served."""
    archive = DebArchive(folder / "mirror")
    archive.add("app", Depends="library (>= 1), first | second", Recommends="nice")
    for name in ("library", "first", "second", "nice", "tool", "unused"):
        archive.add(name)
    archive.publish()
    with serve(archive.root) as site:
        yield Small(folder, site, archive)


def with_updates(small: Small) -> DebArchive:
    """Give the definitions' foundation a second suite, in an archive of its own, with a newer `app`."""
    suite = small.folder / "foundations/small.toml"
    first = suite.read_text().partition("[[foundation.suite]]")[2]
    second = first.replace('"forky"', '"forky-security"').rstrip()
    second += '\narchive = "security"\nsecurity = true\n'
    suite.write_text(suite.read_text() + "[[foundation.suite]]" + second)
    updates = DebArchive(small.archive.root, small.archive.owner, "forky-security", name="security")
    updates.add("app", "1.0-1+deb13u1", Depends="library (>= 1), first")
    updates.publish()
    return updates
