"""The nft rules of one network, and those of the host: plain text, for `nft -f`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from bluejacket.cloud.network.addresses import HOST_ADDRESS
from bluejacket.cloud.network.plan import Plan
from bluejacket.cloud.network.ruling import Ruling

TABLE = "bluejacket"
UP = "uplink"
"""The interface of a namespace that leads to the host."""

SERVICES: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    (str(HOST_ADDRESS), "udp", (53,)),
    (str(HOST_ADDRESS), "tcp", (53, 80, 32526)),
    ("169.254.169.254", "tcp", (80,)),
    ("169.254.169.250", "tcp", (80, 443)),
    ("169.254.169.251", "tcp", (443,)),
)
"""What guests reach of the host: address, protocol, ports. No security rule forbids it, as in Azure."""

_EVERYTHING = IPv4Network("0.0.0.0/0")


def network_rules(plan: Plan, transit: Mapping[IPv4Address, IPv4Address], own: IPv4Address | None) -> str:
    """Give the table of a network's namespace, replacing the one that is there in one transaction.

    `transit` gives for each public address the one by which it arrives on the link to the host. With `own`,
    the network's address on that link, guests are let out, and answered.
    """
    lines = [f"table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    lines += _senders(plan)
    lines += _prerouting()
    lines += _input()
    lines += _output(plan, outside=own is not None)
    for name, rules in plan.groups.items():
        lines += _chain(f"{name}in", (_statement(one) for one in rules if one.inbound))
        lines += _chain(f"{name}out", (_statement(one) for one in rules if not one.inbound))
    lines += _forward(plan, outside=own is not None)
    forwards = {transit[public]: private for card in plan.cards for private, public in card.public.items()}
    lines += _translation(forwards, own)
    return "\n".join([*lines, "}", ""])


def _chain(name: str, statements: Iterable[str]) -> Iterator[str]:
    yield f"chain {name} {{"
    yield from statements
    yield "}"


def _senders(plan: Plan) -> Iterator[str]:
    senders = [f"{card.device} . {card.mac} . {one}" for card in plan.cards for one in card.addresses]
    cards = [f"{card.device} . {card.mac}" for card in plan.cards]
    for name, kind, elements in (
        ("senders", "ifname . ether_addr . ipv4_addr", senders),
        ("cards", "ifname . ether_addr", cards),
    ):
        inside = f"elements = {{ {', '.join(elements)} }};" if elements else ""
        yield f"set {name} {{ type {kind}; {inside} }}"


def _prerouting() -> Iterator[str]:
    # A guest sends from its own card and its own address, or asks for one; there is no IPv6.
    return _chain(
        "senders_only",
        (
            "type filter hook prerouting priority raw; policy accept;",
            f'iifname {{ "lo", "{UP}" }} accept',
            "iifname . ether saddr . ip saddr @senders accept",
            "iifname . ether saddr @cards ip saddr 0.0.0.0 ip daddr 255.255.255.255 "
            "udp sport 68 udp dport 67 accept",
            "counter drop",
        ),
    )


def _input() -> Iterator[str]:
    services = [
        f'iifname "t*" ip daddr {address} {protocol} dport {{ {", ".join(map(str, ports))} }} accept'
        for address, protocol, ports in SERVICES
    ]
    return _chain(
        "input",
        (
            "type filter hook input priority filter; policy drop;",
            'iifname "lo" accept',
            "ct state established,related accept",
            'iifname "t*" udp sport 68 udp dport 67 accept',
            *services,
        ),
    )


def _output(plan: Plan, *, outside: bool) -> Iterator[str]:
    # Probes come from the platform's address and are judged like what comes from anywhere else.
    return _chain(
        "output",
        (
            "type filter hook output priority filter; policy drop;",
            'oifname "lo" accept',
            "ct state established,related accept",
            'oifname "t*" udp sport 67 udp dport 68 accept',
            *([f'oifname "{UP}" meta l4proto {{ tcp, udp }} th dport 53 accept'] if outside else []),
            f"ip saddr != {HOST_ADDRESS} drop",
            *_jumps("oifname", {card.device: f"to_{card.device}" for card in plan.cards}),
            'oifname "t*" accept',
        ),
    )


def _forward(plan: Plan, *, outside: bool) -> Iterator[str]:
    for card in plan.cards:
        # Outbound the card's group is asked first, inbound the subnet's; a group that allows returns.
        yield from _chain(f"from_{card.device}", (f"jump {one}out" for one in card.groups_out))
        closed = [] if card.groups_in or card.open else [f'iifname "{UP}" drop']
        yield from _chain(f"to_{card.device}", [*closed, *(f"jump {one}in" for one in card.groups_in)])
    yield from _chain(
        "forward",
        (
            "type filter hook forward priority filter; policy drop;",
            "ct state established,related accept",
            "ct state invalid drop",
            *_jumps("iifname", {card.device: f"from_{card.device}" for card in plan.cards}),
            *_jumps("oifname", {card.device: f"to_{card.device}" for card in plan.cards}),
            f'iifname {{ "{UP}", "t*" }} oifname "t*" accept',
            *([f'iifname "t*" oifname "{UP}" accept'] if outside else []),
        ),
    )


def _jumps(key: str, chains: Mapping[str, str]) -> Iterator[str]:
    if chains:
        inside = ", ".join(f'"{device}" : jump {chain}' for device, chain in chains.items())
        yield f"{key} vmap {{ {inside} }}"


def _translation(forwards: Mapping[IPv4Address, IPv4Address], own: IPv4Address | None) -> Iterator[str]:
    incoming = ["type nat hook prerouting priority dstnat; policy accept;"]
    if forwards:
        inside = ", ".join(f"{public} : {private}" for public, private in forwards.items())
        incoming.append(f'iifname "{UP}" dnat ip to ip daddr map {{ {inside} }}')
    yield from _chain("incoming", incoming)
    if own is not None:
        yield from _chain(
            "outgoing",
            ("type nat hook postrouting priority srcnat; policy accept;", f'oifname "{UP}" snat ip to {own}'),
        )


def _statement(rule: Ruling) -> str:
    """Give a rule; what matches nothing becomes nothing."""
    if not rule.sources or not rule.destinations:
        return f"# {rule.name} matches nothing here"
    words = [*_prefixes("saddr", rule.sources), *_prefixes("daddr", rule.destinations)]
    ports = rule.source_ports is not None or rule.ports is not None
    protocol = rule.protocol.lower()
    if protocol in ("tcp", "udp"):
        words.append(f"meta l4proto {protocol}")
    elif protocol == "*":
        # Only these have ports.
        words += ["meta l4proto { tcp, udp }"] if ports else []
    else:
        words.append(f"meta l4proto {protocol}")
        ports = False
    if ports:
        words += [*_ports("sport", rule.source_ports), *_ports("dport", rule.ports)]
    verdict = "return" if rule.allow else "drop"
    return " ".join([*words, "counter", verdict, f'comment "{rule.name}"'])


def _prefixes(key: str, prefixes: Iterable[IPv4Network]) -> list[str]:
    found = list(prefixes)
    return [] if found == [_EVERYTHING] else [f"ip {key} {{ {', '.join(map(str, found))} }}"]


def _ports(key: str, ranges: Iterable[tuple[int, int]] | None) -> list[str]:
    if ranges is None:
        return []
    inside = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
    return [f"th {key} {{ {inside} }}"]


def host_rules(
    table: str,
    links: str,
    public: IPv4Network,
    host: IPv4Address,
    forwards: Mapping[IPv4Address, IPv4Address],
    outside: IPv4Network | None,
) -> str:
    """Give the host's table of one cloud, replacing the one that is there in one transaction.

    `links` is how the names of its interfaces begin; `public` holds its public addresses, of which those in
    `forwards` lead to an address behind a link. Guests reach nothing of the host, and nothing through
    it unless `outside` holds their networks' addresses.
    """
    outgoing = ["type nat hook output priority dstnat; policy accept;"]
    if forwards:
        inside = ", ".join(f"{one} : {behind}" for one, behind in forwards.items())
        outgoing.append(f"dnat to ip daddr map {{ {inside} }}")
    through = [f'iifname "{links}*" drop', f'oifname "{links}*" drop']
    leaving = [f'oifname "{links}*" snat to {host}']
    if outside is not None:
        through = [
            f'oifname "{links}*" ct state established,related accept',
            f'oifname "{links}*" drop',
            f'iifname "{links}*" ip saddr != {outside} drop',
        ]
        leaving.append(f"ip saddr {outside} masquerade")
    return "\n".join(
        [
            f"table ip {table}",
            f"delete table ip {table}",
            f"table ip {table} {{",
            *_chain("outgoing", outgoing),
            *_chain("leaving", ["type nat hook postrouting priority srcnat; policy accept;", *leaving]),
            # A public address that nobody has must not lead to what else listens on the loopback.
            *_chain(
                "nobody",
                [
                    "type filter hook output priority filter; policy accept;",
                    f"ip daddr {public} reject with icmp host-unreachable",
                ],
            ),
            *_chain(
                "arriving",
                [
                    "type filter hook input priority filter; policy accept;",
                    f'iifname != "{links}*" accept',
                    "ct state established,related accept",
                    "drop",
                ],
            ),
            *_chain("through", ["type filter hook forward priority filter; policy accept;", *through]),
            "}",
            "",
        ]
    )
