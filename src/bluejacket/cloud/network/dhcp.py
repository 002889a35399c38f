"""What dnsmasq is told of one network: who gets which address, and which names there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network

from bluejacket.cloud.network.addresses import HOST_ADDRESS, gateway
from bluejacket.cloud.network.filters import UP
from bluejacket.cloud.network.plan import Plan

GATE = "gate0"
"""The interface that has the routers' addresses; taps have none."""

FOLDER = "/run/network"
CONFIGURATION, HOSTS, NAMES = "dnsmasq.conf", "hosts", "names"


def configuration(plan: Plan, others: Mapping[str, str], resolvers: Sequence[str]) -> str:
    """Give dnsmasq's configuration; a change of it needs another dnsmasq. Paths are inside the sandbox.

    `others` are names of the cloud's own with their addresses: what is below a name is answered as the name
    is (`one.vault.localhost`). Without `resolvers` no other name exists.
    """
    lines = [
        "keep-in-foreground",
        "pid-file=/run/dnsmasq.pid",
        "log-facility=-",
        "user=nobody",
        "group=nogroup",
        "no-hosts",
        "no-resolv",
        "bind-dynamic",
        # With a name that has no asterisk it would bind to that interface and hear no tap.
        f"interface={GATE[:-1]}*",
        # Requests on a tap, which has no address, count as if they came to the gate (dnsmasq(8)).
        f"bridge-interface={GATE},t*",
        f"listen-address={HOST_ADDRESS}",
        "dhcp-authoritative",
        "dhcp-leasefile=/run/leases",
        "no-ping",
        "quiet-dhcp",
        f"domain={plan.domain}",
        f"dhcp-hostsfile={FOLDER}/{HOSTS}",
        f"addn-hosts={FOLDER}/{NAMES}",
        "local-ttl=5",
        *(f"address=/{name}/{address}" for name, address in sorted(others.items())),
        *([f"server={one}@{UP}" for one in resolvers] or ["address=/#/"]),
    ]
    for name, prefix in sorted(plan.subnets.items()):
        lines.append(f"dhcp-range=set:s-{name},{prefix.network_address},static,{prefix.netmask},infinite")
        lines += _options(f"tag:s-{name}", prefix, plan.dns)
    return "\n".join([*lines, ""])


def hosts(plan: Plan) -> str:
    """Give one line for each card: its MAC and its first address."""
    return "".join(f"{card.mac},{card.addresses[0]},infinite\n" for card in plan.cards)


def _options(tag: str, prefix: IPv4Network, dns: Sequence[str]) -> list[str]:
    """Give the options of a subnet.

    121 (RFC 3442) leads to the platform's addresses and everywhere else by the gateway; 245 is Azure's own,
    and tells where its wire server is. Clients that ask for neither are given both.
    """
    by = gateway(prefix)
    wanted = ("0.0.0.0/0", f"{HOST_ADDRESS}/32", "169.254.169.254/32")
    return [
        f"dhcp-option={tag},option:router,{by}",
        f"dhcp-option={tag},option:dns-server,{','.join(dns) or HOST_ADDRESS}",
        f"dhcp-option-force={tag},121,{','.join(f'{one},{by}' for one in wanted)}",
        f"dhcp-option-force={tag},245,{HOST_ADDRESS}",
    ]


def names(plan: Plan) -> str:
    """Give a hosts file (hosts(5)) with the network's machines."""
    lines = [f"{card.addresses[0]} {card.host}.{plan.domain} {card.host}" for card in plan.cards if card.host]
    return "\n".join([*lines, ""])
