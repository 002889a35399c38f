"""The wire server: goal states, health reports, and the agent's channel, to the machine that asks alone."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bluejacket.cloud.guest.agents import OUTPUT_LIMIT, Agents, Ran
from bluejacket.cloud.guest.askers import Askers
from bluejacket.cloud.guest.http import Request, Response
from bluejacket.cloud.guest.reports import Reports, Told
from bluejacket.cloud.guest.wire import WireServer
from guestcloud import ADDRESS, NAMESPACE, NIC, VM_ID, Wires, asked, guest_cloud
from recordcloud import RecordCloud

AGENT = {"x-bluejacket-agent": "4-1"}
COMMANDS = "/machine?comp=bluejacket&type=commands"
RESULT = "/machine?comp=bluejacket&type=result"


@pytest.fixture
def cloud(tmp_path: Path) -> RecordCloud:
    return guest_cloud(tmp_path)


@pytest.fixture
def wire(cloud: RecordCloud) -> Iterator[WireServer]:
    with ThreadPoolExecutor(2) as threads:
        yield WireServer(
            Askers(cloud.resources, Wires({(NAMESPACE, ADDRESS): NIC})),
            cloud.service(Reports),
            cloud.service(Agents),
            lambda: b"-----BEGIN CERTIFICATE-----\n",
            threads,
        )


def get(wire: WireServer, request: Request) -> Response:
    return asyncio.run(wire.answer(request))


def health(state: str = "Ready", details: str = "", container: str = VM_ID) -> bytes:
    return (
        f"<Health><GoalStateIncarnation>1</GoalStateIncarnation><Container><ContainerId>{container}</ContainerId>"
        f"<RoleInstanceList><Role><InstanceId>{container}</InstanceId><Health><State>{state}</State>{details}"
        "</Health></Role></RoleInstanceList></Container></Health>"
    ).encode()


def post_health(wire: WireServer, body: bytes, **more: str) -> int:
    return get(wire, asked("/machine?comp=health", {}, method="POST", body=body, **more)).status  # type: ignore[arg-type]


def test_a_goal_state_names_the_machine_and_its_configurations(wire: WireServer) -> None:
    root = ElementTree.fromstring(get(wire, asked("/machine/?comp=goalstate", {})).body)
    assert root.findtext("Incarnation") == "1"
    assert root.findtext("./Container/ContainerId") == VM_ID
    instance = root.find("./Container/RoleInstanceList/RoleInstance")
    assert instance is not None
    assert instance.findtext("InstanceId") == VM_ID
    links = [
        one.text or "" for one in instance.findall("./Configuration/*") if (one.text or "").startswith("http")
    ]
    assert len(links) == 4
    for link in links[:3]:
        response = get(wire, asked(link.removeprefix("http://168.63.129.16"), {}))
        assert response.status == 200
        ElementTree.fromstring(response.body)
    versions = ElementTree.fromstring(get(wire, asked("/?comp=versions", {})).body)
    assert versions.findtext("./Preferred/Version") == "2012-11-30"


def test_a_report_is_kept_for_whoever_waits(wire: WireServer, cloud: RecordCloud) -> None:
    reports = cloud.service(Reports)
    assert post_health(wire, health()) == 200
    assert reports.now(VM_ID) is None, "nobody expected it"
    reports.expect(VM_ID)
    with pytest.raises(TimeoutError):
        reports.wait(VM_ID, 0.01)
    threading.Timer(0.05, lambda: post_health(wire, health())).start()
    assert reports.wait(VM_ID, 20) == Told(True)
    assert Reports(cloud.state / "guest" / "reports").now(VM_ID) == Told(True), "another process reads it"
    reports.expect(VM_ID)
    assert reports.now(VM_ID) is None


def test_a_failure_says_why(wire: WireServer, cloud: RecordCloud) -> None:
    reports = cloud.service(Reports)
    reports.expect(VM_ID)
    why = "<SubStatus>ProvisioningFailed</SubStatus><Description>no &lt;key&gt;</Description>"
    assert post_health(wire, health("NotReady", f"<Details>{why}</Details>")) == 200
    assert reports.wait(VM_ID, 1) == Told(False, "ProvisioningFailed", "no <key>")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<Health",
        b"<Health/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><Health/>',
        health("Sleeping"),
        health(container="00000000-0000-0000-0000-000000000000"),
    ],
)
def test_what_is_no_report_of_this_machine_is_refused(
    wire: WireServer, cloud: RecordCloud, body: bytes
) -> None:
    cloud.service(Reports).expect(VM_ID)
    assert post_health(wire, body) == 400
    assert cloud.service(Reports).now(VM_ID) is None


def test_nobody_else_is_answered(wire: WireServer, cloud: RecordCloud) -> None:
    cloud.service(Reports).expect(VM_ID)
    assert post_health(wire, health(), peer="10.1.0.5") == 503
    assert post_health(wire, health(), namespace="bj-ffffffff") == 503
    assert cloud.service(Reports).now(VM_ID) is None
    assert get(wire, asked(COMMANDS, AGENT, peer="10.1.0.5")).status == 503
    assert get(wire, asked("/metadata/instance", {})).status == 404
    assert get(wire, asked("/machine?comp=goalstate", {}, method="PUT")).status == 405
    assert get(wire, asked("/machine?comp=bluejacket&type=authority", {})).body.startswith(b"-----BEGIN")


def test_a_command_goes_to_its_machine_and_its_result_comes_back(
    wire: WireServer, cloud: RecordCloud
) -> None:
    agents = cloud.service(Agents)
    with ThreadPoolExecutor(1) as pool:
        ran = pool.submit(agents.run, VM_ID.upper(), ["echo $1"], [("word", "hello")], 60, "azureuser")
        response = get(wire, asked(f"{COMMANDS}&wait=20", AGENT))
        found = json.loads(response.body)
        assert found["script"] == ["echo $1"]
        assert found["parameters"] == [["word", "hello"]]
        assert (found["limit_s"], found["user"]) == (60, "azureuser")
        assert get(wire, asked(f"{COMMANDS}&running={found['id']}", AGENT)).status == 204, "it runs already"
        told = {"id": found["id"], "status": 3, "out": "x" * 5000 + "é", "err": "", "why": ""}
        sent = asked(RESULT, AGENT, method="POST", body=json.dumps(told).encode())
        assert get(wire, sent).status == 200
        result = ran.result(20)
    assert result.status == 3
    assert result.out.endswith("xé")
    assert len(result.out.encode()) == OUTPUT_LIMIT
    assert not list((cloud.state / "guest" / "agents").rglob("*.*")), "nothing of it is kept"


def test_a_poll_ends_when_a_command_comes(wire: WireServer, cloud: RecordCloud) -> None:
    agents = cloud.service(Agents)
    with ThreadPoolExecutor(2) as pool:
        begun = time.monotonic()
        poll = pool.submit(get, wire, asked(f"{COMMANDS}&wait=30", AGENT))
        while agents.last_seen(VM_ID) is None:
            time.sleep(0.01)
        ran = pool.submit(agents.run, VM_ID, ["true"])
        found = json.loads(poll.result(20).body)
        assert time.monotonic() - begun < 20
        assert agents.answered(VM_ID, found["id"], Ran(0))
        assert ran.result(20) == Ran(0)
    assert get(wire, asked(f"{COMMANDS}&wait=0", AGENT)).status == 204


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"id": "../../x", "status": 0}', b'{"id": 1}', b'{"id": "0", "status": "x"}']
)
def test_a_result_that_was_not_asked_for_is_refused(
    wire: WireServer, cloud: RecordCloud, body: bytes
) -> None:
    assert get(wire, asked(RESULT, AGENT, method="POST", body=body)).status in (400, 404)
    assert not list(cloud.state.rglob("*.result"))


def test_who_does_not_say_its_version_is_no_agent(wire: WireServer, cloud: RecordCloud) -> None:
    assert get(wire, asked(COMMANDS, {})).status == 400
    assert get(wire, asked(COMMANDS, {"x-bluejacket-agent": "<script>"})).status == 400
    assert cloud.service(Agents).last_seen(VM_ID) is None


def test_a_keyed_command_runs_once_though_the_control_plane_was_killed(cloud: RecordCloud) -> None:
    folder = cloud.state / "guest" / "agents"
    with pytest.raises(TimeoutError):
        Agents(folder).run(VM_ID, ["true"], key="gone", taken_s=0.01)
    assert Agents(folder).next(VM_ID, ()) is None, "who no longer waits no longer wants it"
    first, second = Agents(folder), Agents(folder)
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(first.run, VM_ID, ["reboot-twice"], limit_s=20, key="operation-7")
        while (found := second.next(VM_ID, ())) is None:
            time.sleep(0.01)
        assert second.answered(VM_ID, found.id, Ran(0, "done"))
        assert second.answered(VM_ID, found.id, Ran(1, "again")), "an agent that repeats itself is believed"
        assert second.run(VM_ID, ["reboot-twice"], key="operation-7", limit_s=0) == Ran(0, "done")
        assert second.next(VM_ID, ()) is None
        first.heard(VM_ID, "4-1")  # which looks again
        assert lost.result(20) == Ran(0, "done")
    second.forget(VM_ID)
    assert not (folder / VM_ID).exists()
    second.forget(VM_ID)


def test_a_late_agent_has_the_whole_time_for_a_command(cloud: RecordCloud) -> None:
    """On a busy host it comes late: a script's own time begins when it is taken, not when it is asked for."""
    agents = cloud.service(Agents)
    with ThreadPoolExecutor(1) as pool:
        ran = pool.submit(agents.run, VM_ID, ["true"], limit_s=0.2, grace_s=0.2, taken_s=20)
        time.sleep(0.6)
        found = agents.next(VM_ID, ())
        assert found is not None
        assert agents.answered(VM_ID, found.id, Ran(0))
        assert ran.result(20) == Ran(0)


def test_a_command_is_waited_for_while_its_agent_says_that_it_runs(
    cloud: RecordCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bluejacket.cloud.guest.agents.AWAY_S", 0.5)
    agents = cloud.service(Agents)
    with ThreadPoolExecutor(1) as pool:
        ran = pool.submit(agents.run, VM_ID, ["sleep"], limit_s=0.1, grace_s=0.1)
        while (found := agents.next(VM_ID, ())) is None:
            time.sleep(0.01)
        for _ in range(8):
            assert agents.next(VM_ID, (found.id,)) is None
            time.sleep(0.1)
        assert not ran.done()
        with pytest.raises(TimeoutError, match="not answered"):
            ran.result(20)


def test_nobody_waits_for_a_machine_that_was_deleted(cloud: RecordCloud) -> None:
    agents = cloud.service(Agents)
    with ThreadPoolExecutor(1) as pool:
        ran = pool.submit(agents.run, VM_ID, ["true"])
        while agents.next(VM_ID, ()) is None:
            time.sleep(0.01)
        agents.forget(VM_ID)
        with pytest.raises(TimeoutError, match="is gone"):
            ran.result(20)


def test_an_agent_is_there_until_it_is_silent_or_its_machine_stops(cloud: RecordCloud) -> None:
    agents = cloud.service(Agents)
    assert (agents.version(VM_ID), agents.last_seen(VM_ID)) == ("", None)
    assert not agents.wait_for(VM_ID, 0.01)
    threading.Timer(0.05, agents.heard, (VM_ID, "4-1")).start()
    assert agents.wait_for(VM_ID, 20)
    assert agents.version(VM_ID.upper()) == "4-1"
    agents.gone(VM_ID)
    assert agents.version(VM_ID) == ""
