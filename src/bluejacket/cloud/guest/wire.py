"""The wire server, on 168.63.129.16: goal states, health reports, and the channel of our own agent.

Ours, below `/machine?comp=bluejacket`: `type=authority` gives the cloud's certificate authority (PEM);
`type=commands&wait=SECONDS&running=ID,ID` the next command, as soon as there is one (JSON, or 204);
`type=result` takes what became of one (JSON: id, status, out, err, why). Header `x-bluejacket-agent`:
the agent's version.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any, TypeVar

from bluejacket.cloud.guest.agents import Agents, Ran
from bluejacket.cloud.guest.askers import Asker, Askers
from bluejacket.cloud.guest.goalstate import NoReport, configuration, goal_state, health, versions
from bluejacket.cloud.guest.http import Request, Response
from bluejacket.cloud.guest.reports import Reports, Told

ADDRESS = "168.63.129.16"
LONGEST_POLL_S = 300
_VERSION = re.compile(r"[0-9A-Za-z.+~-]{1,40}")
_ID = re.compile(r"[0-9a-f]{32}")
Given = TypeVar("Given")


class WireServer:
    """Answers each machine about itself; `reported` learns of each report that was expected."""

    def __init__(
        self,
        askers: Askers,
        reports: Reports,
        agents: Agents,
        certificate: Callable[[], bytes],
        threads: Executor,
    ) -> None:
        self._askers = askers
        self._reports = reports
        self._agents = agents
        self._certificate = certificate
        self._threads = threads

    async def answer(self, request: Request) -> Response:
        """Answer a request; only a command's own poll may take longer than a moment."""
        comp, kind = request.first("comp").lower(), request.first("type").lower()
        if request.method == "GET" and comp == "versions":
            return Response.xml(versions())
        if not (request.path == "/machine" or request.path.startswith("/machine/")):
            return Response(404)
        asker = await self._do(lambda: self._askers.find(request.namespace, request.peer))
        if asker is None:
            return Response(503, b"this machine is not known, or not yet")
        if comp == "bluejacket":
            return await self._agent(asker, kind, request)
        return await self._do(lambda: self._machine(asker, comp, kind, request))

    def _machine(self, asker: Asker, comp: str, kind: str, request: Request) -> Response:
        if (request.method, comp) == ("POST", "health"):
            try:
                told = health(request.body, asker.vm_id)
            except NoReport as bad:
                return Response(400, str(bad).encode())
            self._tell(asker, told)
            return Response()
        if (request.method, comp) == ("POST", "telemetrydata"):
            return Response()
        if request.method != "GET":
            return Response(405)
        if comp == "goalstate":
            return Response.xml(goal_state(asker.vm_id, ADDRESS))
        found = configuration(kind, asker.vm_id, asker.vm.id.name) if comp == "config" else None
        return Response(404) if found is None else Response.xml(found)

    def _tell(self, asker: Asker, told: Told) -> None:
        """Keep a report. One that nobody expects is answered all the same: each boot may send one."""
        self._reports.told(asker.vm_id, told)

    async def _agent(self, asker: Asker, kind: str, request: Request) -> Response:
        if (request.method, kind) == ("GET", "authority"):
            return Response(body=await self._do(self._certificate), type="application/x-pem-file")
        version = request.headers.get("x-bluejacket-agent", "")
        if not _VERSION.fullmatch(version):
            return Response(400)
        await self._do(lambda: self._agents.heard(asker.vm_id, version))
        if (request.method, kind) == ("GET", "commands"):
            return await self._command(asker.vm_id, request)
        if (request.method, kind) == ("POST", "result"):
            return await self._do(lambda: self._result(asker.vm_id, request.body))
        return Response(404)

    async def _command(self, vm_id: str, request: Request) -> Response:
        """Give the next command when there is one, or 204 after as long as the agent will wait."""
        running = [one for one in request.first("running").split(",") if one]
        wait = request.first("wait")
        limit_s = min(int(wait), LONGEST_POLL_S) if wait.isascii() and wait.isdigit() else 0
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        with self._agents.waking(vm_id, lambda: _wake(loop, woken)):
            found = await self._do(lambda: self._agents.next(vm_id, running))
            if found is None and limit_s:
                try:
                    async with asyncio.timeout(limit_s):
                        await woken.wait()
                except TimeoutError:
                    return Response(204)
                found = await self._do(lambda: self._agents.next(vm_id, running))
        return Response(204) if found is None else Response.json(asdict(found))

    def _result(self, vm_id: str, body: bytes) -> Response:
        try:
            found: dict[str, Any] = json.loads(body)
            name, status = str(found["id"]), int(found["status"])
            ran = Ran(status, *(str(found.get(key, "")) for key in ("out", "err", "why")))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Response(400)
        known = _ID.fullmatch(name) and self._agents.answered(vm_id, name, ran)
        return Response() if known else Response(404)

    async def _do(self, work: Callable[[], Given]) -> Given:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _wake(loop: asyncio.AbstractEventLoop, woken: asyncio.Event) -> None:
    """Wake a poll from another thread; the loop may be over already."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(woken.set)
