"""The commands about signing keys, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cli.entry import main
from bluejacket.feed.built import signer_of
from bluejacket.feed.channel import Move, move
from debs import Member, Thing
from snapshotted import DAY, GOOD, NOON, Snapshots


class Person:
    """Types commands at the state folder of a release whose channel points somewhere."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.world, self.capsys, self.taken = Snapshots(folder), capsys, 0
        self.options = ["--distro", str(GOOD), "--state", str(self.world.state.root)]

    def json(self, *words: str) -> Any:
        assert main([*self.options, "--json", "key", *words]) == 0
        return json.loads(self.capsys.readouterr().out)

    def refused(self, *words: str) -> str:
        assert main([*self.options, "key", *words]) == 2
        return self.capsys.readouterr().err

    def release(self) -> None:
        """Take a snapshot, with the keys as they are, and point the channel at it."""
        self.world.signer, self.taken = signer_of(self.world.state, self.world.release), self.taken + 1
        thing = Thing("thing", f"{self.taken}-1", [Member("/usr/share/thing", b"")])
        snapshot = self.world.take(thing, now=NOON + self.taken * DAY).snapshot
        move(self.world.state, self.world.release, "stable", snapshot, Move(snapshot.id, NOON, "promoted"))

    @property
    def roles(self) -> list[str]:
        return [row["role"] for row in self.json("list")]


@pytest.fixture
def person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Person:
    return Person(tmp_path, capsys)


def test_a_whole_rotation(person: Person) -> None:
    (first,) = person.json("list")
    assert first["role"] == "active"
    person.release()
    fresh = person.json("new")["fingerprint"]
    assert person.roles == ["active", "new"]
    assert "announce it first" in person.refused("use", fresh)
    assert person.json("announce", fresh[:8].lower())["role"] == "announced"
    told = person.refused("use", fresh)
    assert "stable of release 1 points at 20260925.1, which does not bring the key to machines" in told
    person.release()
    assert person.json("use", fresh)["role"] == "active"
    assert person.roles == ["retiring", "active"]
    told = person.refused("revoke", first["fingerprint"], "--reason", "over")
    assert "points at 20260926.1, which the key that signs now has not signed" in told
    assert "signs at the moment" in person.refused("revoke", fresh, "--reason", "over")
    person.release()
    assert person.json("revoke", first["fingerprint"][-8:], "--reason", "over")["reason"] == "over"
    assert person.roles == ["revoked", "active"]


def test_what_machines_are_not_ready_for_needs_a_reason(person: Person) -> None:
    (first,) = person.json("list")
    person.release()
    fresh = person.json("new")["fingerprint"]
    person.json("announce", fresh)
    used = person.json("use", fresh, "--override", "the former one was stolen")
    assert used["reason"] == "the former one was stolen"
    gone = person.json("revoke", first["fingerprint"], "--reason", "stolen", "--override", "no time")
    assert gone["reason"] == "stolen; no time"
    assert gone["turns"][-1]["role"] == "revoked"


def test_a_new_key_can_be_given_up(person: Person) -> None:
    person.json("list")
    fresh = person.json("new")["fingerprint"]
    assert person.json("revoke", fresh, "--reason", "made by mistake")["role"] == "revoked"
    assert "names no single key" in person.refused("announce", "0123")
