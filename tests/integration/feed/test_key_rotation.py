"""A key follows another: DNF5, DNF 4 and the real package of keys, from every state of a machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bluejacket.definition import Release
from bluejacket.errors import ToolFailed
from bluejacket.feed.channel import Move, move
from bluejacket.feed.published import Tree
from bluejacket.feed.serve import FeedServer
from bluejacket.feed.snapshot import BESIDE, Snapshot
from bluejacket.feed.verify import verify_feed
from bluejacket.package import rotation
from bluejacket.package.keys import FileSigner, Signer
from bluejacket.package.own import Workshop, build_plain
from bluejacket.package.rotation import KeySet, obtain_keys
from bluejacket.tools import Sandbox
from clients import Client
from debs import BUILT, Member, Thing
from feeds import STRANGER
from patchprogram import dnf, keys
from snapshotted import DAY, NOON, Snapshots

NAME = "keys"
OLD, ANNOUNCED, OVERLAP, ALONE = range(1, 5)  # snapshots: the thing's version in each


class Rotation:
    """A feed through all the steps of a rotation: a snapshot after each."""

    def __init__(self, folder: Path, release: Release, sandbox: Sandbox) -> None:
        self.folder, self.sandbox = folder / "keys", sandbox
        only = tuple(one for one in release.components if one.name == f"{release.distribution.id}-release")
        self.of = replace(release, components=only)
        self.key = Path(f"etc/pki/rpm-gpg/RPM-GPG-KEY-{release.distribution.id}-{release.version}")
        self.world = Snapshots(folder / "world")
        self.old = obtain_keys(self.folder, "Harbour", NAME).active
        self.snapshots = {OLD: self.take(OLD)}
        fresh = rotation.new_key(self.folder, "Harbour", NAME, NOON)
        self.new = FileSigner.read(self.folder / fresh.file)
        rotation.announce(self.folder, NAME, fresh.fingerprint, NOON)
        self.snapshots[ANNOUNCED] = self.take(ANNOUNCED)
        rotation.use(self.folder, NAME, fresh.fingerprint, NOON)
        self.snapshots[OVERLAP] = self.take(OVERLAP)
        rotation.revoke(self.folder, NAME, self.old.fingerprint, NOON, "its time is over")
        self.snapshots[ALONE] = self.take(ALONE)

    @property
    def keys(self) -> KeySet:
        return obtain_keys(self.folder, "Harbour", NAME)

    def take(self, number: int, signer: Signer | None = None) -> Snapshot:
        """Take a snapshot with the thing in this version and the package of keys, as they are now."""
        signer = signer or self.keys
        shop = Workshop(self.world.state.store, self.sandbox, "tools", signer, BUILT)
        self.world.signer, self.world.own = signer, build_plain(shop, self.of, {})
        thing = Thing("thing", f"{number}-1", [Member("/usr/share/thing", f"{number}\n".encode())])
        return self.world.take(thing, now=NOON + number * DAY).snapshot

    def point(self, number: int) -> None:
        snapshot = self.snapshots[number]
        move(self.world.state, self.world.release, "stable", snapshot, Move(snapshot.id, NOON, "promoted"))


class Machine:
    """A machine that was installed from one snapshot and goes on from there."""

    def __init__(self, rotation_: Rotation, client: Client, url: str) -> None:
        self.rotation, self.client, self.url = rotation_, client, url

    def install(self, number: int, certificate: str, *names: str) -> None:
        """Install it from a snapshot; it knows this certificate beforehand."""
        self.rotation.point(number)
        self.client.runs += 1
        key = self.client.here / "root" / self.rotation.key
        for name in ("repos", "log"):
            (self.client.here / name).mkdir(parents=True)
        key.parent.mkdir(parents=True)
        key.write_text(certificate)
        self.run("install", *(names or ("thing", f"{self.rotation.of.distribution.id}-release")))

    def run(self, *words: str) -> str:
        return self.client.run(self.url, *words, fresh=False)

    def upgrade(self, number: int, *names: str) -> None:
        self.rotation.point(number)
        self.run("upgrade", "--refresh", *names)

    @property
    def thing(self) -> int:
        return int(self.client.installed("thing"))

    @property
    def known(self) -> set[str]:
        """The keys that rpm trusts there, by the end of their fingerprints."""
        lines = self.client.tool("rpmkeys", "--root", "/run/work/root", "--list").splitlines()
        return {line.split()[0].partition("-")[0][-8:].upper() for line in lines}

    def refuses(self, *words: str) -> None:
        """DNF5 fails; DNF 4 may leave the feed out and go on. Nothing comes from it either way."""
        before = self.thing, self.known
        try:
            self.run(*words)
        except ToolFailed:
            pass
        else:
            assert self.client.program == "dnf"
        assert (self.thing, self.known) == before

    def forget(self) -> None:
        """Run what the machine's own unit runs."""
        self.client.tool("sh", "/run/work/root/usr/bin/bluejacket-forget-keys", "/run/work/root")


def short(*signers: FileSigner) -> set[str]:
    return {signer.fingerprint[-8:] for signer in signers}


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory, release: Release, tools: Path) -> Rotation:
    folder = tmp_path_factory.mktemp("rotation")
    return Rotation(folder, release, Sandbox(tools, folder / "logs"))


@pytest.fixture(params=["dnf5", "dnf"])
def machine(
    steps: Rotation, sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Machine]:
    root = request.getfixturevalue("dnf4") if request.param == "dnf" else None
    cache = f"root/var/cache/{'libdnf5' if request.param == 'dnf5' else 'dnf'}"
    client = Client(sandbox, request.param, root, tmp_path / "client", key=steps.key, cache=cache)
    with FeedServer(Tree(steps.world.state, steps.world.release)) as server:
        yield Machine(steps, client, server.url)


def test_each_step_makes_a_newer_package_of_keys(steps: Rotation) -> None:
    found = {
        number: next(p for p in snapshot.packages if p.name.endswith("-release"))
        for number, snapshot in steps.snapshots.items()
    }
    assert [found[n].release for n in (OLD, ANNOUNCED, OVERLAP, ALONE)] == ["1", "1.1", "1.1", "1.2"]
    assert found[ANNOUNCED].sha256 == found[OVERLAP].sha256  # the former key goes on signing it
    certificates = {OLD: steps.old.certificate(), ALONE: steps.new.certificate()}
    both = steps.old.certificate() + steps.new.certificate()
    for number, snapshot in steps.snapshots.items():
        certificate = certificates.get(number, both)
        assert verify_feed(snapshot.folder.resolve(), certificate, BESIDE).faults == ()
    # Whoever trusts both still verifies what one alone had signed, and nobody else's.
    assert verify_feed(steps.snapshots[OLD].folder.resolve(), both, BESIDE).faults == ()
    assert verify_feed(steps.snapshots[OLD].folder.resolve(), steps.new.certificate(), BESIDE).faults


def test_a_machine_that_follows_never_notices(steps: Rotation, machine: Machine) -> None:
    machine.install(OLD, steps.old.certificate())
    assert machine.known == short(steps.old)
    for number in (ANNOUNCED, OVERLAP, ALONE):
        machine.upgrade(number)
        assert machine.thing == number
    assert machine.known == short(steps.old, steps.new)
    machine.forget()
    assert machine.known == short(steps.new)
    machine.forget()  # again, at the next boot
    machine.run("makecache", "--refresh")
    assert machine.known == short(steps.new)


def test_one_that_slept_through_the_announcement_takes_the_keys_first(
    steps: Rotation, machine: Machine
) -> None:
    machine.install(OLD, steps.old.certificate())
    steps.point(OVERLAP)
    machine.run("makecache", "--refresh")  # both have signed the index
    machine.refuses("upgrade")  # all at once wants a key that is only being installed
    machine.upgrade(OVERLAP, f"{steps.of.distribution.id}-release")
    machine.upgrade(OVERLAP)
    assert machine.thing == OVERLAP


def test_one_that_patches_itself_takes_the_keys_first(
    steps: Rotation, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program of the machine's timer, with its own commands: no person has to know of the keys."""

    def run(words: list[str], **_: str) -> str:
        if words[0] == "rpm":
            return machine.client.tool(words[0], "--root=/run/work/root", *words[1:])
        assert words[0] == machine.client.program
        # The program sees its output apart from messages, and has a locale.
        return machine.run(*words[1:]).replace("Failed to set locale, defaulting to C\n", "")

    monkeypatch.setattr(dnf, "run", run)
    monkeypatch.setattr(dnf, "ask", run)
    monkeypatch.setattr(keys, "ask", run)
    manager = dnf.Dnf5() if machine.client.program == "dnf5" else dnf.Dnf4()
    machine.install(OLD, steps.old.certificate())
    manager.refresh()
    assert keys.waiting(manager) == ""
    steps.point(OVERLAP)
    manager.refresh()
    package = keys.waiting(manager)
    assert package == f"{steps.of.distribution.id}-release"
    manager.upgrade(package)
    assert machine.thing == OLD
    assert keys.waiting(manager) == ""
    machine.run("upgrade")
    assert machine.thing == OVERLAP
    steps.point(ALONE)
    manager.refresh()
    assert keys.waiting(manager) == package, "to forget the former one"


def test_one_that_knows_both_goes_on_after_the_overlap(steps: Rotation, machine: Machine) -> None:
    machine.install(ANNOUNCED, steps.old.certificate())
    assert machine.thing == ANNOUNCED
    machine.upgrade(ALONE)
    assert machine.thing == ALONE


@pytest.mark.parametrize("number", [OVERLAP, ALONE])
def test_one_made_in_the_new_time_works(steps: Rotation, machine: Machine, number: int) -> None:
    both = steps.old.certificate() + steps.new.certificate()
    machine.install(number, both if number == OVERLAP else steps.new.certificate())
    machine.upgrade(ALONE)
    assert machine.thing == ALONE


def test_one_that_knows_the_new_key_alone_trusts_the_feed_early(steps: Rotation, machine: Machine) -> None:
    machine.install(OVERLAP, steps.new.certificate(), "thing")
    assert machine.thing == OVERLAP
    steps.point(ANNOUNCED)
    machine.refuses("distro-sync", "--refresh")
    machine.upgrade(ALONE)
    assert machine.thing == ALONE


def test_one_that_slept_through_everything_refuses_the_feed(steps: Rotation, machine: Machine) -> None:
    machine.install(OLD, steps.old.certificate())
    steps.point(ALONE)
    machine.refuses("upgrade", "--refresh")


@pytest.mark.parametrize("signed", ["index and packages", "packages"])
def test_what_a_revoked_key_signs_is_refused(
    steps: Rotation, machine: Machine, tmp_path: Path, signed: str
) -> None:
    """A thief has the former key, and in the second case has got a snapshot signed as well."""
    machine.install(ANNOUNCED, steps.old.certificate())
    machine.upgrade(ALONE)
    thief = Snapshots(tmp_path / "thief", steps.old)
    thing = Thing("thing", "9-1", [Member("/usr/share/thing", b"9\n")])
    if signed == "packages":  # the new key signs the rest
        thief.own, thief.signer = [thief.make(thing)], steps.keys
        bad = thief.take().snapshot
    else:
        bad = thief.take(thing).snapshot
    move(thief.state, thief.release, "stable", bad, Move(bad.id, NOON, "promoted"))
    with FeedServer(Tree(thief.state, thief.release)) as server:
        machine.forget()
        assert machine.known == short(steps.new)
        machine.url = server.url
        machine.refuses("upgrade", "--refresh")
        # The control: a machine that has not forgotten the key takes it.
        key = machine.client.here / "root" / steps.key
        key.write_text(steps.old.certificate() + steps.new.certificate())
        machine.run("upgrade", "--refresh")
        assert machine.thing == 9


def test_a_stranger_s_key_is_no_rotation(steps: Rotation, machine: Machine, tmp_path: Path) -> None:
    machine.install(OLD, steps.old.certificate())
    stranger = Snapshots(tmp_path / "stranger", STRANGER)
    bad = stranger.take(Thing("thing", "9-1", [Member("/usr/share/thing", b"9\n")])).snapshot
    move(stranger.state, stranger.release, "stable", bad, Move(bad.id, NOON, "promoted"))
    with FeedServer(Tree(stranger.state, stranger.release)) as server:
        machine.url = server.url
        machine.refuses("upgrade", "--refresh")
