"""One network's namespace on the host: its link to the host, its taps, routes and rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bluejacket.cloud.network.dhcp import GATE
from bluejacket.cloud.network.filters import SERVICES, UP, network_rules
from bluejacket.cloud.network.plan import Plan
from bluejacket.cloud.network.programs import NAMESPACES, Programs, inside
from bluejacket.cloud.network.slot import Slot

ROUTER_MAC = "12:34:56:78:9a:bc"
"""What guests see as their gateway's MAC, and everybody else's: all is routed. Azure's is the same."""

_NET = Path("/proc/sys/net")
_INSIDE = {
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
    "ipv4/ip_forward": "1",
    # The namespace answers for every address that it has a route to: a guest's neighbours are all behind it.
    "ipv4/conf/default/proxy_arp": "1",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/conf/default/accept_redirects": "0",
    "ipv4/conf/default/rp_filter": "1",
}


class Space:
    """The namespace of the network with a number in a slot. All its methods may be repeated."""

    def __init__(self, programs: Programs, slot: Slot, number: int) -> None:
        self._programs = programs
        self._slot = slot
        self.number = number
        self.name = slot.namespace(number)
        self.link = slot.link(number)

    @property
    def exists(self) -> bool:
        """True if the namespace is there."""
        return (NAMESPACES / self.name).exists()

    def taps(self) -> set[str]:
        """Give the names of the taps that are there."""
        return {one["ifname"] for one in self._links() if one["ifname"].startswith("t")}

    def raise_up(self) -> None:
        """Make the namespace with its link and the platform's addresses, or what of it lacks."""
        if not self.exists:
            self._programs.ip([f"netns add {self.name}"])
        inside(self.name, _write_settings)  # before any interface: most are of those that come later
        there = {one["ifname"] for one in self._links()}
        if UP not in there:
            self._programs.ip([f"link add {self.link} type veth peer name {UP} netns {self.name}"])
        if GATE not in there:
            self._programs.ip([f"tuntap add dev {GATE} mode tap"], self.name)
        self._programs.ip(
            [f"address replace {self._slot.host}/32 dev {self.link}", f"link set dev {self.link} up"],
        )
        # Answers come back to 127.0.0.1, from which the host's own programs ask public addresses.
        (_NET / "ipv4/conf" / self.link / "route_localnet").write_text("1")
        services = sorted({address for address, _, _ in SERVICES})
        self._programs.ip(
            [
                "link set lo up",
                f"link set dev {GATE} up",
                f"link set dev {UP} up",
                *(f"address replace {address}/32 dev lo" for address in services),
                f"route replace {self._slot.host}/32 dev {UP}",
            ],
            self.name,
        )

    def apply(self, plan: Plan, *, outside: bool) -> None:
        """Make taps, addresses, routes and rules those of a plan, which holds only cards with a tap."""
        devices = {card.device for card in plan.cards}
        taps = self.taps()
        own = self._slot.own(self.number)
        transit = {
            public: self._slot.behind(public) for card in plan.cards for public in card.public.values()
        }
        commands = [f"link delete dev {one}" for one in sorted(taps - devices)]
        for one in sorted(devices - taps):
            commands += [f"tuntap add dev {one} mode tap", f"link set dev {one} address {ROUTER_MAC}"]
        commands += [f"link set dev {one} up" for one in sorted(devices)]
        arriving = [*transit.values(), *([own] if outside else [])]
        gates = {f"{address}/{length}": "noprefixroute" for address, length in plan.gateways.items()}
        commands += self._addresses(GATE, gates)
        commands += self._addresses(UP, {f"{one}/32": "" for one in arriving})
        commands += self._routes(plan, outside=outside)
        # The rules first: no packet of a new tap passes before its rules are there.
        self._programs.nft(network_rules(plan, transit, own if outside else None), self.name)
        self._programs.ip(commands, self.name)
        inside(self.name, lambda: _answer_at_once(devices - taps))
        self._host_routes({str(one) for one in arriving})

    def tear_down(self) -> None:
        """Remove the namespace with everything in it; whoever runs in it has ended before."""
        if self.exists:
            # A tap stays as long as a program has it; what is ours goes now.
            devices = [one["ifname"] for one in self._links() if one["ifname"].startswith(("t", UP, GATE))]
            self._programs.ip([f"link delete dev {one}" for one in devices], self.name)
            self._programs.ip([f"netns delete {self.name}"])
        if self._programs.ask("link", "show", "dev", self.link):
            self._programs.ip([f"link delete dev {self.link}"])

    def _links(self) -> list[dict[str, str]]:
        return [
            {"ifname": str(one["ifname"])} for one in self._programs.ask("link", "show", namespace=self.name)
        ]

    def _addresses(self, device: str, wanted: Mapping[str, str]) -> Iterable[str]:
        told = self._programs.ask("-4", "address", "show", "dev", device, namespace=self.name)
        there = {f"{info['local']}/{info['prefixlen']}" for one in told for info in one.get("addr_info", ())}
        yield from (f"address delete {one} dev {device}" for one in sorted(there - set(wanted)))
        yield from (
            f"address add {one} dev {device} {flags}".strip()
            for one, flags in wanted.items()
            if one not in there
        )

    def _routes(self, plan: Plan, *, outside: bool) -> Iterable[str]:
        wanted = {str(one): card for card in plan.cards for one in card.addresses}
        devices = {card.device for card in plan.cards}
        for one in self._programs.ask("-4", "route", "show", namespace=self.name):
            card = wanted.get(one["dst"])
            if one["dev"] in devices and (card is None or card.device != one["dev"]):
                yield f"route delete {one['dst']} dev {one['dev']}"
            elif one["dst"] == "default" and not outside:
                yield f"route delete default dev {one['dev']}"
        for one in self._programs.ask("-4", "neighbor", "show", "nud", "permanent", namespace=self.name):
            card = wanted.get(one["dst"])
            if one["dev"] in devices and (card is None or card.device != one["dev"]):
                yield f"neighbor delete {one['dst']} dev {one['dev']}"
        for address, card in wanted.items():
            yield f"route replace {address}/32 dev {card.device}"
            # Permanent: no guest is asked for its MAC, and what it claims counts for nothing.
            yield f"neighbor replace {address} lladdr {card.mac} dev {card.device} nud permanent"
        if outside:
            yield f"route replace default via {self._slot.host} dev {UP} onlink"

    def _host_routes(self, wanted: set[str]) -> None:
        there = {one["dst"] for one in self._programs.ask("-4", "route", "show", "dev", self.link)}
        commands = [f"route delete {one} dev {self.link}" for one in sorted(there - wanted)]
        commands += [
            f"route replace {one}/32 dev {self.link} src {self._slot.host}" for one in sorted(wanted)
        ]
        self._programs.ip(commands)


def _write_settings() -> None:
    for key, value in _INSIDE.items():
        (_NET / key).write_text(value)


def _answer_at_once(devices: Iterable[str]) -> None:
    """Have taps answer for others without the usual 0.8 s (arp(7)); only an interface has this setting."""
    for device in devices:
        (_NET / "ipv4/neigh" / device / "proxy_delay").write_text("0")
