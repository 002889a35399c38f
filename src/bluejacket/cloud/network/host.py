"""Virtual networks on this host: a namespace each, taps for guests, and what lets through what."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from threading import RLock

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Cloud
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find
from bluejacket.cloud.network.filters import host_rules
from bluejacket.cloud.network.leave import must_forward
from bluejacket.cloud.network.plan import Plan, plan_of
from bluejacket.cloud.network.programs import NAMESPACES, Programs, inside, must_be_root
from bluejacket.cloud.network.server import NameServer
from bluejacket.cloud.network.slot import CLAIMS, NETWORKS, Slot, claim, release, remembered
from bluejacket.cloud.network.space import Space

_RESOLVERS = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Tap:
    """Where a guest's card is plugged in: a persistent tap in a namespace of /run/netns."""

    namespace: str
    device: str
    mac: str  # 00:0d:3a:…
    address: str


class Networks:
    """All virtual networks of one cloud, with programs of the tools tree `tools`.

    A network has a namespace from the first time that a guest is attached, until it is removed. What is on
    the host follows from the records; only which guests are attached is known by the taps that are there.
    Guests reach each other as the security groups let them, and of the host only the platform's services;
    they are let out into the network only if `outside` says so. Safe to call from threads.
    """

    def __init__(self, cloud: Cloud, tools: Path, *, outside: bool = False, claims: Path = CLAIMS) -> None:
        self._cloud = cloud
        self._folder = cloud.state / "network"
        self._claims = claims
        self._programs = Programs(tools, self._folder / "logs", cloud.report)
        self.outside = outside
        self.lock = RLock()
        self._slot: Slot | None = None
        self._up: dict[str, Plan] = {}
        self._callbacks: list[Callable[[str], None]] = []
        self._names: dict[str, str] = {}

    def attach(self, nic: ResourceId) -> Tap:
        """Plug in a network interface, if it is not yet, and give its tap.

        Raises CloudError for an interface that is not there or has no address, and OutsideError when a
        program fails.
        """
        with self.lock:
            if self.outside:
                must_forward()
            record, vnet = self._vnet_of(nic)
            space = self._space(vnet)
            new = space.name not in self._up
            plan = self._apply(space, vnet, attached=record.id)
            card = plan.card(record.id)
            if card is None:
                raise CloudError(
                    409, "NetworkInterfaceNotReady", f"Network interface {nic} has no address yet."
                )
            tap = Tap(space.name, card.device, card.mac, str(card.addresses[0]))
            callbacks = list(self._callbacks) if new else []
        for callback in callbacks:
            callback(space.name)
        return tap

    def detach(self, nic: ResourceId) -> None:
        """Unplug a network interface; nothing happens if it is not plugged in."""
        with self.lock:
            for name, plan in list(self._up.items()):
                if plan.card(nic) is not None:
                    space = self._space_named(name)
                    if (vnet := self._cloud.resources.get(plan.vnet)) is not None:
                        self._apply(space, vnet, detached=nic)

    def refresh(self, changed: ResourceId) -> None:
        """Apply what a changed network, subnet, group, rule, interface or address means for guests."""
        with self.lock:
            for name, plan in list(self._up.items()):
                vnet = self._cloud.resources.get(plan.vnet)
                if vnet is not None and self._concerns(changed, plan, vnet):
                    self._apply(self._space_named(name), vnet)

    def remove(self, vnet: ResourceId) -> None:
        """Remove a virtual network's namespace with all that runs in it."""
        with self.lock:
            for name, plan in list(self._up.items()):
                if plan.vnet == vnet:
                    self._tear_down(name)
                    self._apply_host()

    def owner(self, namespace: str, address: str) -> ResourceId | None:
        """Give the network interface that sends from an address in a namespace, or None."""
        with self.lock:
            plan = self._up.get(namespace)
        if plan is None:
            return None
        wanted = IPv4Address(address)
        return next((card.id for card in plan.cards if wanted in card.addresses), None)

    def listen(self, namespace: str, address: str, port: int) -> socket.socket:
        """Give a listening TCP socket inside a namespace; raises OSError."""

        def opened() -> socket.socket:
            found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                found.bind((address, port))
                found.listen(128)
            except BaseException:
                found.close()
                raise
            return found

        return inside(namespace, opened)

    def inside(self, namespace: str, line: Sequence[str]) -> list[str]:
        """Give the command line that runs another one (QEMU's) inside a namespace."""
        return self._programs.entered(namespace, line)

    def on_namespace(self, callback: Callable[[str], None]) -> None:
        """Have a callback for each namespace that exists, and for each one that comes up later."""
        with self.lock:
            self._callbacks.append(callback)
            there = list(self._up)
        for name in there:
            callback(name)

    def namespaces(self) -> list[str]:
        """Give the names of all namespaces that are up."""
        with self.lock:
            return sorted(self._up)

    def host_name(self, name: str, address: str) -> None:
        """Have a name answered with an address in all namespaces; without an address, no longer."""
        with self.lock:
            if address:
                self._names[name.lower()] = str(IPv4Address(address))
            else:
                self._names.pop(name.lower(), None)
            for namespace, plan in self._up.items():
                self._server(namespace).apply(plan, self._names, self._resolvers())

    def number(self) -> int:
        """Give a number that no virtual network has; hold `lock` until it is written."""
        taken = {one.hidden.get("number") for one in self._cloud.resources.list(type_name=find.VNET)}
        found = next((one for one in NETWORKS if one not in taken), None)
        if found is None:
            raise CloudError(
                400, "VnetCountLimitReached", f"Cannot create more than {len(NETWORKS)} virtual networks."
            )
        return found

    def public_address(self) -> IPv4Address:
        """Give a public address that nobody has; hold `lock` until it is written."""
        records = self._cloud.resources.list(type_name=find.PUBLIC_IP)
        taken = {one.properties.get("ipAddress") for one in records}
        found = next((one for one in self._claimed().publics() if str(one) not in taken), None)
        if found is None:
            raise CloudError(400, "PublicIPCountLimitReached", "Cannot create more public IP addresses.")
        return found

    def settle(self) -> None:
        """Make what is on the host agree with the records, after the control plane began anew.

        Guests that are attached stay so; what belongs to no record any more is removed.
        """
        with self.lock:
            if remembered(self._folder) is None:
                return
            slot = self._claimed()
            vnets = {
                slot.namespace(int(one.hidden["number"])): one
                for one in self._cloud.resources.list(type_name=find.VNET)
                if "number" in one.hidden
            }
            folders = [one.name for one in self._folder.glob(f"{slot.namespaces}*")]
            there = [one.name for one in NAMESPACES.glob(f"{slot.namespaces}*")]
            for name in sorted({*folders, *there}):
                if name in vnets and name in there:
                    self._apply(self._space_named(name), vnets[name])
                else:
                    self._tear_down(name)
            self._apply_host()

    def close(self) -> None:
        """Remove everything of this cloud from the host; the records stay."""
        with self.lock:
            if (slot := remembered(self._folder)) is None:
                return
            slot = self._claimed()
            folders = [one.name for one in self._folder.glob(f"{slot.namespaces}*")]
            there = [one.name for one in NAMESPACES.glob(f"{slot.namespaces}*")]
            for name in sorted({*folders, *there}):
                self._tear_down(name)
            self._apply_host()
            release(self._folder, slot, self._claims)
            self._slot = None

    def _apply(
        self,
        space: Space,
        vnet: Resource,
        *,
        attached: ResourceId | None = None,
        detached: ResourceId | None = None,
    ) -> Plan:
        must_be_root()
        space.raise_up()
        whole = plan_of(self._cloud.resources, vnet)
        taps = space.taps()
        cards = tuple(
            card
            for card in whole.cards
            if card.id != detached and (card.device in taps or card.id == attached)
        )
        plan = replace(whole, cards=cards)
        space.apply(plan, outside=self.outside)
        self._server(space.name).apply(plan, self._names, self._resolvers())
        self._up[space.name] = plan
        self._apply_host()
        return plan

    def _apply_host(self) -> None:
        """Make the host's own rules agree with all networks that are up."""
        slot = self._claimed()
        if not self._up:
            if slot.table in self._programs.tables():
                self._programs.nft(f"delete table ip {slot.table}\n")
            return
        forwards = {
            public: slot.behind(public)
            for plan in self._up.values()
            for card in plan.cards
            for public in card.public.values()
        }
        out = slot.transit if self.outside else None
        self._programs.nft(host_rules(slot.table, slot.links, slot.public, slot.host, forwards, out))

    def _tear_down(self, namespace: str) -> None:
        self._server(namespace).remove()
        self._space_named(namespace).tear_down()
        self._up.pop(namespace, None)

    def _concerns(self, changed: ResourceId, plan: Plan, vnet: Resource) -> bool:
        kind = changed.type.lower()
        if kind in (find.VNET.lower(), find.SUBNET.lower()):
            return plan.vnet in (changed, changed.parent)
        if kind in (find.NSG.lower(), find.RULE.lower()):
            group = changed if kind == find.NSG.lower() else changed.parent
            cards, subnets = find.users_of_group(self._cloud.resources, group)
            return vnet.id in (*(find.vnet_of(one) for one in cards), *(one.id.parent for one in subnets))
        # An interface, or a public address: it may have come here, or been here.
        if plan.card(changed) is not None:
            return True
        record = self._cloud.resources.get(changed)
        if record is not None and kind in (one.lower() for one in find.NIC_TYPES):
            return find.vnet_of(record) == vnet.id
        if kind == find.PUBLIC_IP.lower():
            user = find.user_of_public(self._cloud.resources, changed)
            return user is not None and find.vnet_of(user[0]) == vnet.id
        return True

    def _vnet_of(self, nic: ResourceId) -> tuple[Resource, Resource]:
        record = self._cloud.resources.need(nic)
        vnet = find.vnet_of(record)
        if vnet is None:
            raise CloudError(409, "NetworkInterfaceNotReady", f"Network interface {nic} is in no subnet.")
        return record, self._cloud.resources.need(vnet)

    def _space(self, vnet: Resource) -> Space:
        if "number" not in vnet.hidden:
            raise CloudError(409, "VirtualNetworkNotReady", f"Virtual network {vnet.id} is not ready.")
        return Space(self._programs, self._claimed(), int(vnet.hidden["number"]))

    def _space_named(self, namespace: str) -> Space:
        slot = self._claimed()
        return Space(self._programs, slot, slot.network(namespace))

    def _server(self, namespace: str) -> NameServer:
        return NameServer(self._programs, namespace, self._folder / namespace)

    def _resolvers(self) -> list[str]:
        """Give the host's DNS servers for guests that are let out, without those on its loopback."""
        if not self.outside or not _RESOLVERS.exists():
            return []
        lines = [line.split() for line in _RESOLVERS.read_text("utf-8").splitlines()]
        found = [words[1] for words in lines if words[:1] == ["nameserver"] and len(words) > 1]
        return [one for one in found if ":" not in one and not one.startswith("127.")]

    def _claimed(self) -> Slot:
        if self._slot is None:
            self._slot = claim(self._folder, self._claims)
        return self._slot
