"""Guests of real namespaces, taps and nft rules; each guest is a namespace behind a tap."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import run

import pytest

from bluejacket.cloud.network.programs import Programs, inside
from bluejacket.cloud.network.slot import remembered
from bluejacket.errors import UserError
from netguests import Echo, Guest, echoes, hears, is_called, reaches, traces
from netrecords import Records, ref, rid, rule

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
Plug = Callable[[str], Guest]


@pytest.fixture
def cloud(tools: Path, tmp_path: Path) -> Iterator[Records]:
    found = Records(tmp_path / "cloud", tools)
    found.vnet(deck="10.0.0.0/24", hold="10.0.1.0/24")
    try:
        yield found
    finally:
        found.networks.close()


@pytest.fixture
def programs(tools: Path, tmp_path: Path) -> Programs:
    return Programs(tools, tmp_path / "logs")


@pytest.fixture
def plug(cloud: Records, programs: Programs, tools: Path, tmp_path: Path) -> Iterator[Plug]:
    """Attach a network interface and give the guest behind it, with its address from DHCP."""
    guests: list[Guest] = []

    def plugged(nic: str) -> Guest:
        guest = Guest(programs, tools, cloud.networks.attach(rid(f"networkInterfaces/{nic}")), tmp_path)
        guests.append(guest)
        guest.lease()
        return guest

    try:
        yield plugged
    finally:
        for one in guests:
            one.close()


def test_dhcp_tells_the_address_the_routes_and_the_wire_server(cloud: Records, plug: Plug) -> None:
    cloud.nic("a")
    cloud.nic("b", "sea/subnets/hold", address="10.0.1.77")
    for guest, address, router in ((plug("a"), "10.0.0.4", "10.0.0.1"), (plug("b"), "10.0.1.77", "10.0.1.1")):
        told = guest.lease()
        assert (told["ip"], told["mask"], told["router"], told["dns"]) == (
            *(address, "24", router),
            "168.63.129.16",
        )
        wanted = ("0.0.0.0/0", "168.63.129.16/32", "169.254.169.254/32")
        assert told["staticroutes"] == " ".join(f"{one} {router}" for one in wanted)  # option 121
        assert bytes.fromhex(told["opt245"]) == socket.inet_aton("168.63.129.16")


def test_rules_by_priority_between_two_guests(cloud: Records, plug: Plug) -> None:
    cloud.group("watch")
    cloud.nic("a")
    cloud.nic("b", group="watch")
    first, second = plug("a"), plug("b")
    with second.listener(TCP, 8080), second.listener(TCP, 9090):
        assert first.pings("10.0.0.5")
        assert first.reaches("10.0.0.5", 8080)
        cloud.rule(
            "watch/securityRules/no-web", 200, access="Deny", protocol="Tcp", destinationPortRange="8080"
        )
        assert not first.reaches("10.0.0.5", 8080)
        assert first.reaches("10.0.0.5", 9090)
        cloud.rule(
            *("watch/securityRules/but-from-a", 150),
            protocol="Tcp",
            destinationPortRange="8000-8100",
            sourceAddressPrefix="10.0.0.4",
        )
        assert first.reaches("10.0.0.5", 8080)
        cloud.rule("watch/securityRules/nothing", 100, access="Deny")
        assert not first.reaches("10.0.0.5", 9090)
        assert not first.pings("10.0.0.5")
        assert second.pings("10.0.0.4")  # answers to what it asked itself come back
        cloud.drop("networkSecurityGroups/watch/securityRules/nothing")
        assert first.reaches("10.0.0.5", 9090)


def test_both_groups_have_to_allow_and_outbound_rules_count(cloud: Records, plug: Plug) -> None:
    cloud.group("subnet", tcp=rule(100, protocol="Tcp"), rest=rule(200, "Deny"))
    cloud.group("card", web=rule(100, protocol="Tcp", destinationPortRange="80"), rest=rule(200, "Deny"))
    cloud.group("quiet", out=rule(100, "Deny", "Outbound", protocol="Udp"))
    judged = {"addressPrefix": "10.0.1.0/24", "networkSecurityGroup": ref("networkSecurityGroups/subnet")}
    cloud.send("virtualNetworks/sea/subnets/hold", judged)
    cloud.nic("a", group="quiet")
    cloud.nic("b", "sea/subnets/hold", group="card")
    cloud.nic("c", "sea/subnets/hold")
    first, second, third = plug("a"), plug("b"), plug("c")
    with second.listener(TCP, 80), second.listener(TCP, 81), third.listener(TCP, 81):
        assert first.reaches("10.0.1.4", 80)
        assert not first.reaches("10.0.1.4", 81)
        assert first.reaches("10.0.1.5", 81)
        assert not first.pings("10.0.1.5")
    echo = Echo(first.listener(UDP, 53))
    try:
        assert second.says("10.0.0.4", 53)
    finally:
        echo.close()
    cloud.group("subnet")
    echo = Echo(third.listener(UDP, 53))
    try:
        assert not first.says("10.0.1.5", 53)  # its own group forbids it
        assert second.says("10.0.1.5", 53)
    finally:
        echo.close()


def test_application_groups_are_their_members(cloud: Records, plug: Plug) -> None:
    cloud.send("applicationSecurityGroups/crew", {})
    crew = [ref("applicationSecurityGroups/crew")]
    allowed = rule(100, sourceApplicationSecurityGroups=crew)
    allowed.pop("sourceAddressPrefix")
    cloud.group("watch", crew=allowed, rest=rule(200, "Deny"))
    cloud.nic("a", groups=["crew"])
    cloud.nic("b")
    cloud.nic("c", group="watch")
    first, second, _ = plug("a"), plug("b"), plug("c")
    assert first.pings("10.0.0.6")
    assert not second.pings("10.0.0.6")
    cloud.nic("b", groups=["crew"])
    assert second.pings("10.0.0.6")


def test_nobody_speaks_for_another(cloud: Records, plug: Plug) -> None:
    for name in ("a", "b", "c"):
        cloud.nic(name)
    first, _, third = plug("a"), plug("b"), plug("c")

    def sent(source: str) -> None:
        def send() -> None:
            with socket.socket(socket.AF_INET, UDP) as sock:
                sock.bind((source, 0))
                sock.sendto(source.encode(), ("10.0.0.6", 7000))

        inside(first.name, send)

    with third.listener(UDP, 7000) as sock:
        sent("10.0.0.4")
        assert hears(sock) == b"10.0.0.4"
        first.ip("address add 10.0.0.5/32 dev eth0")
        sent("10.0.0.5")
        assert hears(sock) is None
        first.ip("link set dev eth0 address 00:0d:3a:99:99:99")
        first.ip("route replace default via 10.0.0.1")
        sent("10.0.0.4")
        assert hears(sock) is None
        first.ip(f"link set dev eth0 address {first.tap.mac}", "route replace default via 10.0.0.1")
        sent("10.0.0.4")
        assert hears(sock) == b"10.0.0.4"


def test_networks_of_one_prefix_know_nothing_of_each_other(cloud: Records, plug: Plug) -> None:
    cloud.vnet("lake", "10.0.0.0/16", shore="10.0.0.0/24")
    anything = rule(100)
    cloud.group("open", all=anything)
    for nic, subnet in (("a", "sea/subnets/deck"), ("b", "lake/subnets/shore"), ("c", "lake/subnets/shore")):
        cloud.public(f"{nic}-door")
        cloud.nic(nic, subnet, public=f"{nic}-door", group="open")
    sea, lake, other = plug("a"), plug("b"), plug("c")
    assert sea.tap.address == lake.tap.address == "10.0.0.4"
    assert lake.pings("10.0.0.5")
    assert not sea.pings("10.0.0.5")  # which only the lake has
    doors = {
        name: str(cloud.show(f"publicIPAddresses/{name}-door")["properties"]["ipAddress"]) for name in "abc"
    }
    with (
        sea.listener(TCP, 22) as in_sea,
        lake.listener(TCP, 22) as in_lake,
        other.listener(TCP, 22) as beside,
    ):
        assert reaches(doors["b"], 22)
        assert is_called(in_lake)
        assert not is_called(in_sea, 0.1)
        assert reaches(doors["a"], 22)
        assert is_called(in_sea)
        assert not is_called(in_lake, 0.1)
        assert reaches(doors["c"], 22)
        assert is_called(beside)
    assert cloud.networks.owner(sea.tap.namespace, "10.0.0.4") == rid("networkInterfaces/a")
    assert cloud.networks.owner(lake.tap.namespace, "10.0.0.4") == rid("networkInterfaces/b")
    assert cloud.networks.owner(lake.tap.namespace, "10.0.0.9") is None


def test_a_public_address_opens_what_a_rule_allows(cloud: Records, tools: Path, plug: Plug) -> None:
    door = str(cloud.public("door").properties["ipAddress"])
    cloud.nic("a", public="door")
    guest = plug("a")
    with guest.listener(TCP, 22):
        assert not reaches(door, 22)  # the sku Standard is closed until a group opens it
        cloud.group("watch")
        cloud.nic("a", public="door", group="watch")
        assert not reaches(door, 22)
        cloud.rule("watch/securityRules/ssh", 1000, protocol="Tcp", destinationPortRange="22")
        assert reaches(door, 22)
        cloud.rule("watch/securityRules/no", 900, access="Deny", sourceAddressPrefix="Internet")
        assert not reaches(door, 22)
        cloud.drop("networkSecurityGroups/watch/securityRules/no")
        echo = Echo(guest.listener(UDP, 5000))
        try:
            assert not echoes(door, 5000)
            cloud.rule("watch/securityRules/udp", 1001, protocol="Udp", destinationPortRange="5000")
            assert echoes(door, 5000)
        finally:
            echo.close()
        cloud.rule("watch/securityRules/icmp", 1002, protocol="Icmp")
        ping = [str(tools / "usr/bin/busybox"), "ping", "-c", "1", "-W", "2", door]
        assert run(ping, check=False, timeout=10).returncode == 0
        cloud.nic("a", group="watch")  # the address is taken away
        assert not reaches(door, 22)


def test_an_address_that_nobody_has_leads_nowhere(cloud: Records, plug: Plug) -> None:
    idle = str(cloud.public("idle").properties["ipAddress"])
    cloud.nic("a")
    plug("a")
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        everywhere.listen()
        port = everywhere.getsockname()[1]
        assert reaches("127.0.0.1", port)
        assert not reaches(idle, port)


def test_guests_reach_nothing_of_the_host_and_nothing_outside(
    cloud: Records, programs: Programs, plug: Plug
) -> None:
    cloud.nic("a")
    guest = plug("a")
    addresses = [
        info["local"] for one in programs.ask("-4", "address", "show") for info in one.get("addr_info", ())
    ]
    guest.ip("link set dev lo down", "route flush table local type local 127.0.0.0/8")
    guest.ip("route replace 127.0.0.0/8 via 10.0.0.1")
    inside(guest.name, lambda: Path("/proc/sys/net/ipv4/conf/eth0/route_localnet").write_text("1"))
    with socket.socket() as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        everywhere.listen()
        port = everywhere.getsockname()[1]
        assert len(addresses) >= 2
        for address in (*addresses, "10.0.0.1", "168.63.129.16", "192.0.2.1"):
            assert not guest.reaches(address, port, 0.4), address
        assert not is_called(everywhere, 0.1)
    for address in ("192.0.2.1", *addresses):
        assert not guest.pings(address), address


def test_the_platforms_services_answer_whatever_rules_say(cloud: Records, plug: Plug) -> None:
    cloud.group("closed", out=rule(100, "Deny", "Outbound"), into=rule(100, "Deny"))
    heard: list[str] = []
    cloud.networks.on_namespace(heard.append)
    cloud.nic("a", group="closed")
    guest = plug("a")
    assert heard == [guest.tap.namespace]
    with cloud.networks.listen(guest.tap.namespace, "169.254.169.254", 80) as sock:
        assert guest.reaches("169.254.169.254", 80)
        connection, (asker, _) = sock.accept()
        connection.close()
        assert cloud.networks.owner(guest.tap.namespace, asker) == rid("networkInterfaces/a")
    late: list[str] = []
    cloud.networks.on_namespace(late.append)
    assert late == heard


def test_probes_of_load_balancers_are_let_in_by_default(cloud: Records, plug: Plug) -> None:
    cloud.group("watch")
    cloud.nic("a", group="watch")
    guest = plug("a")

    def probed() -> bool:
        try:
            with socket.create_connection(("10.0.0.4", 80), 1, ("168.63.129.16", 0)):
                return True
        except OSError:
            return False

    with guest.listener(TCP, 80):
        assert inside(guest.tap.namespace, probed)
        said = {"access": "Deny", "sourceAddressPrefix": "AzureLoadBalancer"}
        cloud.rule("watch/securityRules/no", 100, **said)
        assert not inside(guest.tap.namespace, probed)


def test_names_are_those_of_the_network_and_of_the_cloud(cloud: Records, plug: Plug) -> None:
    cloud.networks.host_name("vault.localhost", "169.254.169.251")
    cloud.nic("a")
    found = cloud.nic("b")
    settings = {"internalDnsNameLabel": "Helm"}
    shown = cloud.show("networkInterfaces/b")
    shown["properties"]["dnsSettings"] |= settings
    cloud.put(found.id, shown)
    suffix = shown["properties"]["dnsSettings"]["internalDomainNameSuffix"]
    guest, _ = plug("a"), plug("b")

    def addresses(name: str) -> list[str]:
        out = guest.busybox("nslookup", "-type=a", name, "168.63.129.16").stdout
        return [line.split()[-1] for line in out.splitlines() if line.startswith("Address:")][1:]

    assert addresses(f"helm.{suffix}") == ["10.0.0.5"]
    assert addresses("one.vault.localhost") == ["169.254.169.251"]
    assert addresses("example.com") == []
    cloud.networks.host_name("feed.bluejacket", "169.254.169.250")
    assert addresses("feed.bluejacket") == ["169.254.169.250"]
    assert addresses(f"helm.{suffix}") == ["10.0.0.5"]


def test_detached_is_gone(cloud: Records, programs: Programs, plug: Plug) -> None:
    for name in ("a", "b"):
        cloud.nic(name)
    first, second = plug("a"), plug("b")
    assert first.pings("10.0.0.5")
    cloud.networks.detach(rid("networkInterfaces/b"))
    cloud.networks.detach(rid("networkInterfaces/b"))
    assert not first.pings("10.0.0.5")
    links = [one["ifname"] for one in programs.ask("link", "show", namespace=first.tap.namespace)]
    assert first.tap.device in links
    assert second.tap.device not in links
    for name in ("a", "b"):
        cloud.drop(f"networkInterfaces/{name}")
    cloud.drop("virtualNetworks/sea")
    left = traces(programs, cloud.state / "network")
    assert (left.namespaces, left.links, left.tables, left.processes) == ((), (), (), ())


def test_letting_guests_out_needs_a_host_that_forwards(cloud: Records, tmp_path: Path, tools: Path) -> None:
    if Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "1":
        pytest.skip("this host forwards packets")
    cloud.nic("a")
    cloud.networks.outside = True
    with pytest.raises(UserError, match="forwards no packets"):
        cloud.networks.attach(rid("networkInterfaces/a"))
    cloud.networks.outside = False


def test_either_wall_alone_keeps_guests_from_the_host(cloud: Records, programs: Programs, plug: Plug) -> None:
    """The namespace forwards nothing to the host, and the host takes nothing from the link."""
    cloud.nic("a")
    guest = plug("a")
    slot = remembered(cloud.state / "network")
    assert slot is not None
    host, link = str(slot.host), slot.link(1)
    with socket.socket() as everywhere, everything_in(guest.tap.namespace) as local:
        everywhere.bind(("0.0.0.0", 0))
        everywhere.listen()
        port, inner = everywhere.getsockname()[1], local.getsockname()[1]
        for address in ("168.63.129.16", "10.0.0.1", "169.254.169.254"):
            assert not guest.reaches(address, inner, 0.4), address  # none of the platform's ports
        programs.ip([f"route replace 10.0.0.4/32 dev {link}"])  # so that answers would find back
        programs.nft(f"delete table ip {slot.table}\n")
        assert not guest.reaches(host, port, 2)  # the link answers for others after up to 0.8 s
        cloud.networks.refresh(rid("virtualNetworks/sea"))
        programs.ip([f"route replace 10.0.0.4/32 dev {link}"])
        programs.nft("delete table inet bluejacket\n", guest.tap.namespace)
        assert not guest.reaches(host, port, 2)  # the link answers for others after up to 0.8 s
        programs.nft(f"delete table ip {slot.table}\n")
        assert guest.reaches(host, port)  # without either, a packet does come through
        programs.ip([f"route delete 10.0.0.4/32 dev {link}"])


@contextmanager
def everything_in(namespace: str) -> Iterator[socket.socket]:
    """Listen on every address of a namespace."""

    def opened() -> socket.socket:
        found = socket.socket()
        found.bind(("0.0.0.0", 0))
        found.listen()
        return found

    with inside(namespace, opened) as found:
        yield found
