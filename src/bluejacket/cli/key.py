"""`bluejacket key …`: the keys that sign a distribution's packages and feeds, and how one follows another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bluejacket.cli.session import Given, Session
from bluejacket.cli.snapshot import now_s
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bluejacket.definition import Distribution, Release
    from bluejacket.package.rotation import KeptKey, KeySet

app = App(name="key", help="Look after the keys that sign packages and feeds.")

KeyName = Annotated[
    str, Parameter(help="The key's fingerprint, or at least 8 characters of its begin or end")
]
OverrideFlag = Annotated[
    str, Parameter(help="Do it although machines are not ready, for this reason", show_default=False)
]
_NEXT = "build, snapshot, promote and publish every release: docs/how-to/rotate-the-key.md tells the order"


@app.command(name="list")
def list_keys(*, session: Given) -> None:
    """List the keys, what each is for, and since when."""
    rows = [_row(key) for key in _keys(session).register.keys]
    if session.out.as_json:
        session.out.json(rows)
        return
    session.out.rows(rows, "fingerprint", "role", "since", "reason")


@app.command
def new(
    *,
    vault: Annotated[
        str, Parameter(help="Take the key at this address of a Key Vault instead", show_default=False)
    ] = "",
    session: Given,
) -> None:
    """Make a key. Nothing knows it until it is announced."""
    from bluejacket.package.rotation import new_key

    who = _distribution(session)
    made = new_key(session.kept.keys, f"{who.name} (packages)", who.id, now_s(), vault)
    _tell(session, made.fingerprint)
    if made.role.value == "new":
        session.report.line(f"`bluejacket key announce {made.fingerprint[-16:]}` has machines learn it")


@app.command
def announce(key: KeyName, /, *, session: Given) -> None:
    """Have the package of keys bring a new key to machines, while the former one goes on signing."""
    from bluejacket.package import rotation

    _keys(session)
    done = rotation.announce(session.kept.keys, _distribution(session).id, key, now_s())
    _tell(session, done.fingerprint)
    session.report.line(_NEXT)


@app.command
def use(key: KeyName, /, *, override: OverrideFlag = "", session: Given) -> None:
    """Let an announced key take over. The former one goes on signing beside it."""
    from bluejacket.feed.aware import unaware
    from bluejacket.package import rotation

    wanted = _keys(session).register.find(key)
    if wanted.role is rotation.Role.ANNOUNCED:
        _gate(session, override, lambda releases: unaware(session.kept, releases, wanted.fingerprint))
    name = _distribution(session).id
    done = rotation.use(session.kept.keys, name, wanted.fingerprint, now_s(), override.strip())
    _tell(session, done.fingerprint)
    session.report.line(_NEXT)


@app.command
def revoke(
    key: KeyName,
    /,
    *,
    reason: Annotated[str, Parameter(help="Why; it stays in the register")],
    override: OverrideFlag = "",
    session: Given,
) -> None:
    """Have machines forget a key that does not sign alone any more."""
    from bluejacket.feed.aware import unsigned
    from bluejacket.package import rotation

    keys = _keys(session)
    wanted = keys.register.find(key)
    if wanted.role is rotation.Role.RETIRING:
        _gate(session, override, lambda releases: unsigned(session.kept, releases, keys.active.certificate()))
    why = f"{reason.strip()}; {override.strip()}" if override.strip() else reason
    done = rotation.revoke(session.kept.keys, _distribution(session).id, wanted.fingerprint, now_s(), why)
    _tell(session, done.fingerprint)
    session.report.line(_NEXT)


def _gate(session: Session, override: str, judge: Callable[[Sequence[Release]], list[str]]) -> None:
    """Raise UserError with every channel that is not ready, unless there is a reason to pass it over."""
    from bluejacket.feed.channel import channels

    releases = [one for one in session.definitions.releases.values() if channels(session.kept, one)]
    faults = judge(releases)
    if faults and not override.strip():
        way_out = "build, snapshot, promote and publish it first, or --override REASON"
        raise UserError(*(Fault(fault, way_out) for fault in faults))
    for fault in faults:
        session.report.warn(fault)


def _distribution(session: Session) -> Distribution:
    return session.release(None).distribution


def _keys(session: Session) -> KeySet:
    from bluejacket.feed.built import signer_of

    return signer_of(session.kept, session.release(None))


def _tell(session: Session, fingerprint: str) -> None:
    row = _row(_keys(session).register.find(fingerprint))
    if session.out.as_json:
        session.out.json(row)
    else:
        session.out.record(row, "fingerprint", "role", "since")


def _row(key: KeptKey) -> dict[str, Any]:
    last = key.turns[-1]
    since = datetime.fromtimestamp(last.when, UTC).isoformat(timespec="seconds")
    turns = [{"role": turn.role.value, "when": turn.when, "reason": turn.reason} for turn in key.turns]
    return {
        "fingerprint": key.fingerprint,
        "role": key.role.value,
        "since": since,
        "reason": last.reason,
        "turns": turns,
    }
