"""What the guest services need of the rest of the cloud, and no more."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bluejacket.cloud.arm.ids import ResourceId


class Owners(Protocol):
    """The networks: who sends from an address, and a place to listen in each of them."""

    def owner(self, namespace: str, address: str) -> ResourceId | None:
        """Give the network interface that sends from an address of a network, or None."""

    def listen(self, namespace: str, address: str, port: int) -> socket.socket:
        """Give a listening socket inside a namespace; raises OSError."""

    def on_namespace(self, callback: Callable[[str], None]) -> None:
        """Have a callback for each namespace that exists, and for each one that comes up later."""

    def host_name(self, name: str, address: str) -> None:
        """Have a name answered with an address in all namespaces."""


class Principal(Protocol):
    """A managed identity; `resource` is its id, or that of the machine whose own it is."""

    @property
    def object_id(self) -> str:
        """Who it is to role assignments."""

    @property
    def client_id(self) -> str:
        """Its application's id."""

    @property
    def resource(self) -> str:
        """What it belongs to."""


class Host(Protocol):
    """Who a machine may be."""

    @property
    def system(self) -> Principal | None:
        """Its own identity."""

    @property
    def users(self) -> Sequence[Principal]:
        """The identities that were assigned to it."""


class Identities(Protocol):
    """Who each machine may be."""

    def of_vm(self, vm_id: str) -> Host | None:
        """Give what the machine of this vmId may be, or None when it has no identity."""


class Tokens(Protocol):
    """The cloud's token service."""

    def issue(self, object_id: str, client_id: str, audience: str, **claims: Any) -> str:
        """Give a signed token (RFC 7519) that says when it ends (`exp`)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with those above it, and its key; both PEM."""

    certificate: bytes
    key: bytes


class Authority(Protocol):
    """The cloud's certificate authority."""

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, PEM."""

    def issue(self, names: Sequence[str]) -> Pair:
        """Give a certificate for host names, the first being its common name."""
