"""A cloud's number on this host, from which the names and addresses of all that it has there follow.

Two clouds of two state folders never have the same. The numbers that are taken stand in a folder below
/run, which ends with the boot as the namespaces do; a cloud remembers its own, so that public addresses stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from bluejacket.errors import Fault, UserError
from bluejacket.store import locked, replace_text

CLAIMS = Path("/run/bluejacket/slots")
_SLOTS = 1024
_SIZE = 4096  # addresses of each kind that a slot has
_PUBLIC = IPv4Address("127.64.0.0")  # the host's loopback: reached from here and from nowhere else
_TRANSIT = IPv4Address("100.64.0.0")  # RFC 6598: shared address space, which no network of anybody's own has
_OWN = 2048  # from here on, addresses of the networks themselves


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot from 0 to 1023."""

    number: int

    @property
    def namespaces(self) -> str:
        """How the names of our namespaces begin."""
        return f"bj-{self.number:04x}"

    @property
    def links(self) -> str:
        """How the names of our interfaces on the host begin."""
        return f"bj{self.number:04x}"

    @property
    def table(self) -> str:
        """Our nft table on the host."""
        return f"bluejacket_{self.number:04x}"

    @property
    def public(self) -> IPv4Network:
        """All public addresses that we may give."""
        return IPv4Network((_PUBLIC + self.number * _SIZE, 20))

    @property
    def transit(self) -> IPv4Network:
        """All addresses on the links between the host and our networks."""
        return IPv4Network((_TRANSIT + self.number * _SIZE, 20))

    @property
    def host(self) -> IPv4Address:
        """The host's own address on those links."""
        return self.transit[1]

    def namespace(self, network: int) -> str:
        """Give the namespace of a network by its number."""
        return f"{self.namespaces}{network:04x}"

    def link(self, network: int) -> str:
        """Give the host's end of the link to a network."""
        return f"{self.links}{network:04x}"

    def network(self, namespace: str) -> int:
        """Give the number of the network that has a namespace; raises ValueError for another's."""
        if not namespace.startswith(self.namespaces):
            raise ValueError(namespace)
        return int(namespace.removeprefix(self.namespaces), 16)

    def own(self, network: int) -> IPv4Address:
        """Give a network's own address on its link."""
        return self.transit[_OWN + network]

    def behind(self, public: IPv4Address) -> IPv4Address:
        """Give the address by which a public one arrives in its network."""
        return self.transit[int(public) - int(self.public.network_address)]

    def publics(self) -> list[IPv4Address]:
        """Give the public addresses that may be given, lowest first."""
        return [self.public[at] for at in PUBLIC]


NETWORKS = range(1, _OWN)
"""Numbers that a network may have."""

PUBLIC = range(4, _OWN)
"""Places of public addresses in a slot's own."""


def claim(state: Path, claims: Path = CLAIMS) -> Slot:
    """Take the slot of the cloud in `state`: the one it had, or else a free one.

    Raises UserError when another cloud has taken the one it had, for addresses hang on it.
    """
    state = state.resolve()
    with locked(claims / ".lock"):
        if (slot := remembered(state)) is not None:
            if (other := _holder(claims, slot)) not in ("", str(state)):
                raise UserError(
                    Fault(
                        f"the cloud in {other} uses the addresses of the one in {state}",
                        "take that one down first",
                    )
                )
        else:
            first = int(sha256(str(state).encode()).hexdigest()[:8], 16)
            tried = (Slot((first + at) % _SLOTS) for at in range(_SLOTS))
            slot = next((one for one in tried if _holder(claims, one) in ("", str(state))), None)
            if slot is None:
                raise UserError(Fault(f"{_SLOTS} clouds use all addresses of this host", f"see {claims}"))
            state.mkdir(parents=True, exist_ok=True)
            replace_text(_memory(state), f"{slot.number}\n")
        replace_text(claims / str(slot.number), f"{state}\n")
    return slot


def release(state: Path, slot: Slot, claims: Path = CLAIMS) -> None:
    """Let others have the slot; the cloud still remembers it."""
    with locked(claims / ".lock"):
        if _holder(claims, slot) == str(state.resolve()):
            (claims / str(slot.number)).unlink()


def remembered(state: Path) -> Slot | None:
    """Give the slot that a cloud had, or None if it never had one."""
    try:
        number = int(_memory(state).read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None
    return Slot(number) if 0 <= number < _SLOTS else None


def _memory(state: Path) -> Path:
    return state / "slot"


def _holder(claims: Path, slot: Slot) -> str:
    try:
        return (claims / str(slot.number)).read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
