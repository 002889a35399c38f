"""Networks after a control plane that was killed, beside another cloud, and after the end."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from textwrap import dedent

import pytest

from bluejacket.cloud.network.programs import Programs, inside
from bluejacket.cloud.network.slot import CLAIMS, remembered
from netguests import Guest, Traces, reaches, traces
from netrecords import Records, rid, rule

NOTHING = Traces((), (), (), (), ())


@pytest.fixture
def programs(tools: Path, tmp_path: Path) -> Programs:
    return Programs(tools, tmp_path / "logs")


@pytest.fixture
def place(tools: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cloud"
    try:
        yield folder
    finally:
        Records(folder, tools).networks.close()


def killed(place: Path, tools: Path, work: str) -> None:
    """Do `work` in a control plane of its own, in which `cloud` is the cloud, and kill that."""
    program = f"""
    import sys
    sys.path.insert(0, {str(Path(__file__).parents[2])!r})
    from pathlib import Path
    from netrecords import Records, rid, rule
    cloud = Records(Path({str(place)!r}), Path({str(tools)!r}))
    """
    text = f"{dedent(program)}{dedent(work)}\nprint('done', flush=True)\nsys.stdin.read()\n"
    with Popen([sys.executable, "-c", text], stdin=PIPE, stdout=PIPE) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
    assert said == b"done\n"


TWO = """
cloud.vnet(deck="10.0.0.0/24")
cloud.group("watch", ssh=rule(100, protocol="Tcp", destinationPortRange="22"))
cloud.public("door")
cloud.nic("a", public="door", group="watch")
cloud.nic("b", group="watch")
for name in ("a", "b"):
    cloud.networks.attach(rid(f"networkInterfaces/{name}"))
"""


def test_guests_stay_attached_when_the_control_plane_is_killed(
    place: Path, tools: Path, programs: Programs, tmp_path: Path
) -> None:
    killed(place, tools, TWO)
    before = traces(programs, place / "network")
    assert (len(before.namespaces), len(before.links), len(before.tables)) == (1, 1, 1)
    assert before.processes
    (namespace,) = before.namespaces
    cloud = Records(place, tools)
    cloud.networks.settle()
    assert traces(programs, place / "network") == before  # the same dnsmasq, too
    assert cloud.networks.owner(namespace, "10.0.0.4") == rid("networkInterfaces/a")
    tap = cloud.networks.attach(rid("networkInterfaces/a"))
    assert tap.namespace == namespace
    guest = Guest(programs, tools, tap, tmp_path)
    try:
        guest.lease()
        door = str(cloud.show("publicIPAddresses/door")["properties"]["ipAddress"])
        with guest.listener(socket.SOCK_STREAM, 22):
            assert reaches(door, 22)
            cloud.group("watch")
            assert not reaches(door, 22)
    finally:
        guest.close()
    cloud.networks.close()
    assert traces(programs, place / "network") == NOTHING


def test_what_the_records_no_longer_have_is_removed(place: Path, tools: Path, programs: Programs) -> None:
    killed(place, tools, TWO + 'cloud.vnet("lake", deck="10.0.0.0/24")\n')
    cloud = Records(place, tools)
    (namespace,) = traces(programs, place / "network").namespaces
    cloud.resources.delete(rid("networkInterfaces/b"))  # as if the kill had come between record and tap
    gone = cloud.resources.need(rid("virtualNetworks/sea")).hidden["number"]
    cloud.networks.settle()
    taps = _taps(programs, namespace)
    assert len(taps) == 1
    cloud.resources.delete(rid("networkInterfaces/a"))
    cloud.resources.delete(rid("virtualNetworks/sea"))
    again = Records(place, tools)
    again.networks.settle()
    assert traces(programs, place / "network") == NOTHING
    assert again.vnet("river", deck="10.0.0.0/24").hidden["number"] == gone


def test_what_was_half_made_is_made_whole(place: Path, tools: Path, programs: Programs) -> None:
    killed(place, tools, TWO)
    folder = place / "network"
    (namespace,) = traces(programs, folder).namespaces
    programs.nft("flush ruleset\n", namespace)
    programs.ip(["route flush table main", "link delete dev uplink", "link delete dev gate0"], namespace)
    for one in traces(programs, folder).processes:
        os.kill(one, signal.SIGKILL)
    cloud = Records(place, tools)
    cloud.networks.settle()
    found = traces(programs, folder)
    assert (found.namespaces, len(found.links), len(found.routes)) == ((namespace,), 1, 1)
    assert found.processes
    routes = {one["dst"] for one in programs.ask("-4", "route", "show", namespace=namespace)}
    assert {"10.0.0.4", "10.0.0.5"} <= routes
    listening = inside(namespace, lambda: Path("/proc/thread-self/net/udp").read_text())
    assert ":0043 " in listening


def test_a_namespace_that_was_only_begun_is_finished(place: Path, tools: Path, programs: Programs) -> None:
    killed(place, tools, TWO.split("for name")[0])
    cloud = Records(place, tools)
    cloud.networks.attach(rid("networkInterfaces/b"))  # claims the slot
    folder = place / "network"
    (namespace,) = traces(programs, folder).namespaces
    cloud.networks.close()
    programs.ip([f"netns add {namespace}"])
    again = Records(place, tools)
    again.networks.settle()
    tap = again.networks.attach(rid("networkInterfaces/a"))
    assert (tap.namespace, tap.address) == (namespace, "10.0.0.4")
    assert _taps(programs, namespace) == [tap.device]
    assert inside(namespace, lambda: Path("/proc/sys/net/ipv4/ip_forward").read_text()) == "1\n"


def test_two_clouds_beside_each_other(tools: Path, programs: Programs, tmp_path: Path) -> None:
    clouds = [Records(tmp_path / name / "cloud", tools) for name in ("one", "two")]
    folders = [cloud.state / "network" for cloud in clouds]
    try:
        doors = []
        for cloud in clouds:
            cloud.vnet(deck="10.0.0.0/24")
            cloud.group("open", all=rule(100))
            doors.append(str(cloud.public("door").properties["ipAddress"]))
            cloud.nic("a", public="door", group="open")
            cloud.networks.attach(rid("networkInterfaces/a"))
        first, second = (traces(programs, folder) for folder in folders)
        assert doors[0] != doors[1]
        for one, other in zip(first.__dict__.values(), second.__dict__.values(), strict=True):
            assert one
            assert not set(one) & set(other)
        clouds[0].networks.close()
        assert traces(programs, folders[0]) == NOTHING
        assert traces(programs, folders[1]) == second
    finally:
        for cloud in clouds:
            cloud.networks.close()
    assert traces(programs, folders[1]) == NOTHING


def test_the_end_leaves_the_host_as_it_was(place: Path, tools: Path, programs: Programs) -> None:
    def host() -> tuple[str, ...]:
        """Everything but what other clouds of this moment may change."""
        kept = Path("/proc/sys/net/ipv4")
        settings = [*kept.glob("conf/all/*"), *kept.glob("conf/default/*"), kept / "ip_forward"]
        return tuple(f"{one}={one.read_text()}" for one in sorted(settings) if os.access(one, os.R_OK))

    before = host()
    cloud = Records(place, tools)
    cloud.networks.close()  # of a cloud that never had anything
    cloud.vnet(deck="10.0.0.0/24")
    cloud.public("door")
    cloud.nic("a", public="door")
    cloud.networks.attach(rid("networkInterfaces/a"))
    assert host() == before
    cloud.networks.close()
    assert host() == before
    assert traces(programs, place / "network") == NOTHING
    slot = remembered(place / "network")
    assert slot is not None
    assert not (CLAIMS / str(slot.number)).exists()
    cloud.networks.attach(rid("networkInterfaces/a"))  # and it can come again, with the same address
    assert len(traces(programs, place / "network").routes) == 1


def _taps(programs: Programs, namespace: str) -> list[str]:
    links = programs.ask("link", "show", namespace=namespace)
    return [one["ifname"] for one in links if one["ifname"].startswith("t")]
