"""Machines leave the host only when its owner says so. Host and world are namespaces of the test's own."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from azcli import PROGRAM, CloudProcess
from bluejacket.cloud.network import host
from bluejacket.cloud.network.leave import let_out, may_leave
from bluejacket.cloud.network.programs import Programs, inside
from bluejacket.cloud.network.slot import remembered
from bluejacket.errors import UserError
from netguests import Guest, hears, reaches
from netrecords import Records, rid

pytestmark = pytest.mark.integration
HOST, WORLD, SITE = "198.51.100.1", "198.51.100.2", "203.0.113.9"
_ALL_FRAMES = 0x0003  # ETH_P_ALL, packet(7)
_IPV4 = b"\x08\x00"


@dataclass(frozen=True)
class World:
    """`host` is the namespace of a host that forwards packets, `world` that of all beyond it."""

    host: str
    world: str

    def frames(self) -> socket.socket:
        """Give a socket that gets every frame which comes out of the host."""

        def opened() -> socket.socket:
            found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES))
            found.bind(("sea", 0))
            return found

        return inside(self.world, opened)

    def listen(self, kind: socket.SocketKind, port: int) -> socket.socket:
        """Give a socket at an address that only the world has."""

        def opened() -> socket.socket:
            found = socket.socket(socket.AF_INET, kind)
            found.bind((SITE, port))
            if kind == socket.SOCK_STREAM:
                found.listen()
            return found

        return inside(self.world, opened)


@pytest.fixture
def programs(tools: Path, tmp_path: Path) -> Programs:
    return Programs(tools, tmp_path / "logs")


@pytest.fixture
def world(programs: Programs) -> Iterator[World]:
    mark = secrets.token_hex(3)
    made = World(f"bjt-host-{mark}", f"bjt-world-{mark}")
    try:
        programs.ip([f"netns add {made.host}", f"netns add {made.world}"])
        for one in (made.host, made.world):
            inside(one, lambda: _set("ipv6/conf/all/disable_ipv6", "1"))
        inside(made.host, lambda: _set("ipv4/ip_forward", "1"))
        up = ["link set lo up", "link set sea up"]
        programs.ip([f"link add sea type veth peer name sea netns {made.world}"], made.host)
        programs.ip([*up, f"address add {WORLD}/24 dev sea", f"address add {SITE}/32 dev lo"], made.world)
        programs.ip([*up, f"address add {HOST}/24 dev sea", f"route add default via {WORLD}"], made.host)
        yield made
    finally:
        programs.ip([f"netns delete {made.host}", f"netns delete {made.world}"])


def _set(key: str, value: str) -> None:
    Path("/proc/sys/net", key).write_text(value)


@contextmanager
def plugged(
    state: Path,
    tools: Path,
    programs: Programs,
    *,
    outside: bool,
    change: Callable[[Records], None] = lambda _: None,
) -> Iterator[Guest]:
    """A guest in a network of a cloud, of which `change` makes more."""
    cloud = Records(state, tools)
    cloud.networks.outside = outside
    cloud.vnet(deck="10.0.0.0/24")
    cloud.nic("a")
    change(cloud)
    guest = None
    try:
        guest = Guest(programs, tools, cloud.networks.attach(rid("networkInterfaces/a")), state)
        guest.lease()
        yield guest
    finally:
        if guest is not None:
            guest.close()
        cloud.networks.close()


def left(frames: socket.socket) -> list[bytes]:
    """Give the IPv4 packets that have come out of the host by now."""
    found = []
    while (frame := hears(frames, 0.3)) is not None:
        if frame[12:14] == _IPV4:
            found.append(frame[14:])
    return found


def test_without_it_nothing_leaves_the_host(
    world: World, tools: Path, programs: Programs, tmp_path: Path
) -> None:
    def there() -> None:
        with (
            plugged(tmp_path, tools, programs, outside=False) as guest,
            world.frames() as frames,
            world.listen(socket.SOCK_STREAM, 80),
        ):
            assert not guest.reaches(SITE, 80)
            assert not guest.reaches(WORLD, 80)
            assert not guest.pings(SITE)
            assert guest.busybox("nslookup", "port.example", "168.63.129.16").returncode != 0
            assert left(frames) == []

    inside(world.host, there)


def test_with_it_a_machine_reaches_the_world_by_the_hosts_address(
    world: World, tools: Path, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resolv.conf").write_text(f"nameserver {SITE}\n")
    monkeypatch.setattr(host, "_RESOLVERS", tmp_path / "resolv.conf")

    def there() -> None:
        with plugged(tmp_path, tools, programs, outside=True) as guest:
            with world.frames() as frames, world.listen(socket.SOCK_STREAM, 80) as site:
                assert guest.reaches(SITE, 80)
                site.settimeout(5)
                assert site.accept()[1][0] == HOST
                assert guest.pings(SITE)
                senders = {socket.inet_ntoa(packet[12:16]) for packet in left(frames)}
                assert senders <= {HOST, SITE, WORLD}  # and none of a machine's own
                assert HOST in senders
            with world.listen(socket.SOCK_DGRAM, 53) as names:
                asking = guest.start(
                    [str(tools / "usr/bin/busybox"), "nslookup", "port.example", "168.63.129.16"]
                )
                try:
                    asked = hears(names, 5)
                finally:
                    asking.kill()
                    asking.communicate()
                assert asked is not None
                assert b"\x04port\x07example" in asked

    inside(world.host, there)


def test_nobody_comes_in_by_it(world: World, tools: Path, programs: Programs, tmp_path: Path) -> None:
    """A machine's public address is this host's alone, even for who knows what it is behind its link."""

    def opened(cloud: Records) -> None:
        cloud.public("door")
        cloud.group("watch")
        cloud.rule("watch/securityRules/ssh", 1000, protocol="Tcp", destinationPortRange="22")
        cloud.nic("a", public="door", group="watch")

    def there() -> None:
        with (
            plugged(tmp_path, tools, programs, outside=True, change=opened) as guest,
            guest.listener(socket.SOCK_STREAM, 22),
        ):
            slot = remembered(tmp_path / "network")
            assert slot is not None
            public = next(iter(slot.publics()))
            assert reaches(str(public), 22)
            behind = str(slot.behind(public))
            assert reaches(behind, 22)
            programs.ip([f"route add {behind}/32 via {HOST}"], world.world)
            assert not inside(world.world, lambda: reaches(behind, 22))

    inside(world.host, there)


def test_it_is_remembered_and_needs_a_host_that_forwards(world: World, tmp_path: Path) -> None:
    assert not may_leave(tmp_path)
    inside(world.host, lambda: let_out(tmp_path, True))
    assert may_leave(tmp_path)
    let_out(tmp_path, False)
    assert not may_leave(tmp_path)
    with pytest.raises(UserError, match="forwards no packets"):
        inside(world.world, lambda: let_out(tmp_path, True))
    assert not may_leave(tmp_path)


def test_a_cloud_is_told_once_and_says_it(
    world: World, programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = CloudProcess(tmp_path / "state")
    entered = programs.entered(world.host, [])
    monkeypatch.setattr("azcli.PROGRAM", [*entered, *PROGRAM])
    try:
        assert cloud.up()["outside"] is False
        cloud.down()
        cloud.options = ("--outside",)
        assert cloud.up()["outside"] is True
        cloud.kill()
        cloud.options = ()
        assert cloud.up()["outside"] is True
        assert cloud.status()["outside"] is True
        cloud.down()
        cloud.options = ("--no-outside",)
        assert cloud.up()["outside"] is False
    finally:
        cloud.down("--forget")
