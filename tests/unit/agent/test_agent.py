"""The machine's agent against the real wire server; a few lines of shell stand for systemd here."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.guest.agents import Agents, Ran
from bluejacket.cloud.guest.askers import Askers
from bluejacket.cloud.guest.http import answer
from bluejacket.cloud.guest.reports import Reports
from bluejacket.cloud.guest.wire import WireServer
from guestcloud import NAMESPACE, NIC, VM_ID, ShortAuthority, Wires, guest_cloud

PACKAGE = Path(__file__).parents[3] / "distro" / "packages" / "bluejacket-agent"
AUTHORITY = ShortAuthority()
SYSTEMD = """#!/bin/sh
# Starts what systemd would: the last three words, with their streams in files, and a word when it is over.
for word; do
    case $word in
    --property=StandardOutput=file:*) out=${word#*file:} ;;
    --property=StandardError=file:*) err=${word#*file:} ;;
    --property=RuntimeMaxSec=*) limit=${word#*=*=} ;;
    --property=ExecStopPost=*) after=${word#*=+} ;;
    --uid=nobody-there) echo "no such user" >&2; exit 1 ;;
    esac
    before=$last last=$word
done
(
    timeout "$limit" "$before" "$last" >"$out" 2>"$err"
    status=$?
    result=success
    [ $status -eq 0 ] || result=exit-code
    [ $status -ne 124 ] || result=timeout
    SERVICE_RESULT=$result EXIT_CODE=exited EXIT_STATUS=$status $after
) &
"""


@pytest.fixture
def agents(tmp_path: Path) -> Agents:
    return Agents(tmp_path / "cloud" / "agents")


@pytest.fixture
def agent(tmp_path: Path, agents: Agents) -> Iterator[Any]:
    """The agent's module, talking to a wire server on the loopback for which it is the one machine."""
    (tmp_path / "records").mkdir()
    cloud = guest_cloud(tmp_path / "records")
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ports: list[int] = []
    with ThreadPoolExecutor(2) as threads:
        askers = Askers(cloud.resources, Wires({(NAMESPACE, "127.0.0.1"): NIC}))
        reports = Reports(tmp_path / "cloud" / "reports")
        wire = WireServer(askers, reports, agents, lambda: AUTHORITY.certificate, threads)

        async def serve() -> None:
            server = await asyncio.start_server(
                lambda reader, writer: answer(reader, writer, NAMESPACE, wire.answer), "127.0.0.1", 0
            )
            ports.append(server.sockets[0].getsockname()[1])
            ready.set()

        loop.create_task(serve())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        assert ready.wait(20)
        yield configured(tmp_path, ports[0])
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        loop.call_soon_threadsafe(lambda: loop.call_later(0.1, loop.stop))
        thread.join(20)
        loop.close()


def configured(folder: Path, port: int) -> Any:
    spec = importlib.util.spec_from_file_location("bluejacket_agent", PACKAGE / "bluejacket_agent.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("state", "certificates", "local"):
        (folder / name).mkdir()
    start = folder / "systemd-run"
    start.write_text(SYSTEMD)
    start.chmod(0o755)
    module.VERSION, module.SERVER, module.POLL_S = "4-1", ("127.0.0.1", port), 2
    module.STATE, module.START = str(folder / "state"), str(start)
    module.ENDED = str(PACKAGE / "agent-ended.sh")
    module.CERTIFICATES = str(folder / "certificates")
    module.AUTHORITY = str(folder / "local" / "bluejacket-cloud.crt")
    return module


def ran(agents: Agents, agent: Any, *script: str, **more: Any) -> Ran:
    """Have one command run through the agent, as its main loop does."""
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(agents.run, VM_ID, script, **({"limit_s": 30} | more))
        found = agent.json.loads(agent.ask("commands", wait=20)[1])
        agent.do(found, {found["id"]})
        return result.result(30)


def test_a_script_runs_and_its_end_is_told(agents: Agents, agent: Any, tmp_path: Path) -> None:
    found = ran(agents, agent, "echo out; echo err >&2", "exit 7")
    assert found == Ran(7, "out\n", "err\n")
    assert not list((tmp_path / "state").iterdir()), "nothing of it is kept"


def test_parameters_are_arguments_and_variables(agents: Agents, agent: Any) -> None:
    parameters = [("word", "it's $HOME"), ("2nd", "a b"), ("x=1;y", "`id`")]
    found = ran(agents, agent, 'echo "$word|$1|$2|$3|$#"', parameters=parameters)
    assert found.out == "it's $HOME|it's $HOME|a b|`id`|3\n"


def test_a_script_may_name_its_interpreter(agents: Agents, agent: Any) -> None:
    assert ran(agents, agent, f"#!{sys.executable}", "print(6 * 7)").out == "42\n"


def test_only_the_end_of_much_output_is_told(agents: Agents, agent: Any) -> None:
    found = ran(agents, agent, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done")
    assert found.out.endswith("line 2999\n")
    assert len(found.out.encode()) <= 4096


def test_a_command_that_takes_too_long_is_stopped(agents: Agents, agent: Any) -> None:
    found = ran(agents, agent, "sleep 60", limit_s=1)
    assert (found.status, found.why) == (-1, "the command was stopped after 1 s")


def test_what_cannot_be_started_says_why(agents: Agents, agent: Any) -> None:
    found = ran(agents, agent, "true", user="nobody-there")
    assert found.status == -1
    assert "nobody-there" in found.why


def test_an_agent_that_is_started_anew_runs_nothing_twice(agents: Agents, agent: Any, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(agents.run, VM_ID, [f"echo once >>{trace}; sleep 1; echo done"], (), 30)
        found = agent.json.loads(agent.ask("commands", wait=20)[1])
        command = agent.Command(found["id"])
        command.prepare(found)
        assert command.begin(found) == ""
        # Here the agent dies; the next one is given the command again.
        again = agent.json.loads(agent.ask("commands", wait=0)[1])
        assert again == found
        agent.do(again, {again["id"]})
        assert result.result(30) == Ran(0, "done\n")
    assert trace.read_text() == "once\n"


def test_a_machine_that_was_started_anew_says_so(agents: Agents, agent: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(agents.run, VM_ID, ["reboot"], (), 30)
        found = agent.json.loads(agent.ask("commands", wait=20)[1])
        agent.Command(found["id"]).prepare(found)
        agent.boot_id = lambda: "another"
        agent.do(found, {found["id"]})
        told = result.result(30)
    assert (told.status, told.why) == (-1, "the machine was started anew before the command ended")


def test_the_authority_is_trusted_once(
    agent: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, local = tmp_path / "certificates", tmp_path / "local" / "bluejacket-cloud.crt"
    bundle = folder / "ca-certificates.crt"
    bundle.write_bytes(b"the others\n")
    agent.trust_authority()
    assert bundle.read_bytes() == b"the others\n" + AUTHORITY.certificate
    assert local.read_bytes() == AUTHORITY.certificate
    (link,) = folder.glob("*.0")
    verified = subprocess.run(
        ["openssl", "verify", "-CApath", str(folder), "-no-CAfile", str(local)],
        capture_output=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    assert link.resolve() == local
    before = bundle.stat().st_mtime_ns
    agent.trust_authority()
    assert bundle.stat().st_mtime_ns == before
    local.write_bytes(b"-----BEGIN CERTIFICATE-----\nold\n")
    bundle.write_bytes(b"the others\n" + local.read_bytes())
    agent.trust_authority()
    assert bundle.read_bytes() == b"the others\n" + AUTHORITY.certificate, "the old one is gone"
    assert capsys.readouterr().out.count("trusts") == 2


class Stranger:
    """Answers one request with fixed bytes."""

    def __init__(self, said: bytes) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.said = said
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self.server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(self.said)


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n<Versions/>"])
def test_where_there_is_no_cloud_of_ours_the_agent_ends(agent: Any, tmp_path: Path, said: bytes) -> None:
    agent.SERVER = Stranger(said).server.getsockname()
    assert agent.main() == 0
    assert not list((tmp_path / "certificates").iterdir())


def test_the_agent_waits_for_a_server_that_is_not_there_yet(
    agents: Agents, agent: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "certificates" / "ca-certificates.crt").write_bytes(b"")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(tmp_path / "notify"))
    notify.settimeout(20)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    real = agent.SERVER
    agent.SERVER = Stranger(b"HTTP/1.1 503 Later\r\n\r\n").server.getsockname()
    seen: list[float] = []

    def pause(seconds: float) -> None:
        seen.append(seconds)
        agent.SERVER = real

    sleep: Callable[[float], None] = time.sleep
    agent.time = type("Clock", (), {"sleep": staticmethod(pause), "time": staticmethod(time.time)})
    serving = threading.Thread(target=agent.main, daemon=True)
    serving.start()
    assert notify.recv(1000).startswith(b"READY=1")
    assert seen[0] == 1
    agent.time = type("Clock", (), {"sleep": staticmethod(sleep), "time": staticmethod(time.time)})
    assert agents.wait_for(VM_ID, 20)
    assert agents.run(VM_ID, ["echo there"], limit_s=20).out == "there\n"
    assert os.environ.get("NOTIFY_SOCKET") is None, "no command is told of it"
    agent.time = type("Clock", (), {"sleep": sys.exit, "time": staticmethod(time.time)})
    agent.SERVER = Stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n").server.getsockname()
    serving.join(30)
    assert not serving.is_alive(), "it would go on to print into the output of other tests"
