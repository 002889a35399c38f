"""Promotion: a channel moves to a snapshot through gates, each a record or a check that can be repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bluejacket.definition import Release
from bluejacket.errors import Fault, UserError
from bluejacket.feed.agreement import disagreements
from bluejacket.feed.boots import boot_of
from bluejacket.feed.channel import Channel, Move, channel, move, moving
from bluejacket.feed.closure import open_ends
from bluejacket.feed.rebuilt import out_of_reach
from bluejacket.feed.snapshot import Snapshot, ids_in, order
from bluejacket.feed.written import verify_snapshot
from bluejacket.store import State

STABLE = "stable"
_MOST = 5  # faults of one gate that are told


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: whether it is open, what keeps it shut, and the command that would open it.

    One that is `overridable` may be passed with a reason, which stays in the channel's record.
    """

    name: str
    passed: bool
    faults: tuple[str, ...] = ()
    way_out: str = ""
    overridable: bool = False


def gates(
    state: State, release: Release, snapshot: Snapshot, name: str, certificate: str, now: int
) -> list[Gate]:
    """Judge every gate between a snapshot and the channel `name`, at `now` (seconds since 1970).

    What was harmed is not read for more.
    """
    version = release.version
    faults = verify_snapshot(state.store, snapshot, certificate).faults
    found = [_gate("signatures", faults, f"bluejacket feed verify {version} --snapshot {snapshot.id}")]
    if not faults:
        found += _contents(state, release, snapshot, name, certificate)
    if name == STABLE:
        scripts = tuple(_unreviewed(release, snapshot))
        found.append(_gate("reviews", scripts, f"bluejacket feed scripts --release {version}"))
    found += [_booted(state, release, snapshot, image) for image in release.images]
    found.append(_supported(release, now))
    return found


def _contents(
    state: State, release: Release, snapshot: Snapshot, name: str, certificate: str
) -> Iterator[Gate]:
    version = release.version
    way_out = f"bluejacket build {version}, bluejacket feed snapshot {version}"
    yield _gate("closure", open_ends(snapshot.folder), way_out)
    unreachable = tuple(out_of_reach(snapshot, _formers(state, release, name)))
    yield _gate("versions", unreachable, f"bluejacket feed snapshot {version}")
    different = [str(one) for one in disagreements(state, release, snapshot, certificate)]
    yield _gate("advisories", different, f"bluejacket advisory verify {version}")


def promote(
    state: State,
    release: Release,
    name: str,
    snapshot: Snapshot,
    certificate: str,
    now: int,
    override: str = "",
) -> tuple[Channel, list[Gate]]:
    """Point a channel at a snapshot if every gate is open; gives its record and the gates.

    `override` is the reason for passing those that can be passed. Raises UserError with every gate that
    is shut, for a snapshot that is older than the channel's, and for an override that nothing needs.
    """
    with moving(state, release):
        current = channel(state, release, name)
        if current and current.snapshot == snapshot.id:
            return current, []
        if current and order(snapshot.id) < order(current.snapshot):
            what = f"the channel {name} points at {current.snapshot}, which is newer than {snapshot.id}"
            way_out = f"`bluejacket feed rollback {name} --to {snapshot.id} --reason …` goes back"
            raise UserError(Fault(what, way_out))
        judged = gates(state, release, snapshot, name, certificate, now)
        shut = [gate for gate in judged if not gate.passed]
        passed_over = [gate for gate in shut if gate.overridable and override.strip()]
        if refused := [gate for gate in shut if gate not in passed_over]:
            raise UserError(*(_fault(gate, name, snapshot) for gate in refused))
        if override.strip() and not passed_over:
            raise UserError(Fault("every gate is open: there is nothing to override", "leave --override out"))
        step = Move(
            snapshot.id,
            now,
            "promoted",
            override.strip(),
            tuple(gate.name for gate in passed_over),
        )
        return move(state, release, name, snapshot, step), judged


def _gate(name: str, faults: Sequence[str], way_out: str) -> Gate:
    return Gate(name, not faults, tuple(faults), way_out)


def _fault(gate: Gate, name: str, snapshot: Snapshot) -> Fault:
    told = "; ".join(gate.faults[:_MOST])
    if len(gate.faults) > _MOST:
        told += f"; and {len(gate.faults) - _MOST} more"
    return Fault(f"{gate.name} keeps {snapshot.id} out of {name}: {told}", f"see `{gate.way_out}`")


def _formers(state: State, release: Release, name: str) -> list[Snapshot]:
    """Give the snapshots that a channel has pointed at and that are still there, the newest first."""
    current = channel(state, release, name)
    history = [step.snapshot for step in current.history] if current else []
    folder = state.snapshots(release.distribution.id, release.version)
    there = set(ids_in(folder)) & set(history)
    return [Snapshot.load(folder / one) for one in sorted(there, key=order, reverse=True)]


def _unreviewed(release: Release, snapshot: Snapshot) -> Iterator[str]:
    judged = {(review.package, str(review.script), review.sha256) for review in release.reviews}
    for package in snapshot.packages:
        for script, digest in package.scripts:
            if (package.name, script, digest) not in judged:
                yield f"{package.name} {package.evr}: {script} has no review"


def _booted(state: State, release: Release, snapshot: Snapshot, image: str) -> Gate:
    record = boot_of(state, snapshot.feed_key, snapshot.content, image)
    name, way_out = f"boot of {image}", f"bluejacket boot {image} --release {release.version}"
    if record is None:
        return Gate(name, False, (f"no boot test of {image} on these packages is recorded",), way_out)
    if not record.passed:
        when = datetime.fromtimestamp(record.when, UTC).strftime("%Y-%m-%d")
        return Gate(name, False, (f"the boot test of {when} did not pass",), way_out)
    return Gate(name, True, (), way_out)


def _supported(release: Release, now: int) -> Gate:
    over = datetime.fromtimestamp(now, UTC).date() > release.support_end
    faults = (f"the support of release {release.version} ended on {release.support_end}",) if over else ()
    return Gate("support", not over, faults, "bluejacket feed promote … --override REASON", overridable=True)
