"""Whether machines may leave this host: none may until the cloud's owner says so, which is remembered."""

from __future__ import annotations

from pathlib import Path

from bluejacket.errors import Fault, UserError

_FORWARDS = Path("/proc/sys/net/ipv4/ip_forward")


def may_leave(state: Path) -> bool:
    """Tell whether the machines of the cloud's folder `state` are let out."""
    return (state / "outside").exists()


def let_out(state: Path, allowed: bool) -> None:
    """Remember whether machines are let out, for this start of the cloud and later ones.

    Raises UserError when this host forwards no packets, and changes nothing then.
    """
    if allowed:
        must_forward()
        (state / "outside").touch(mode=0o600)
    else:
        (state / "outside").unlink(missing_ok=True)


def must_forward() -> None:
    """Raise UserError unless this host forwards packets (kernel, ip-sysctl: ip_forward)."""
    if _FORWARDS.read_text("ascii").strip() != "1":
        raise UserError(
            Fault(
                "guests cannot be let out: this host forwards no packets",
                "`sysctl net.ipv4.ip_forward=1`, which is yours to decide",
            )
        )
