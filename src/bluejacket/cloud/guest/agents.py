"""Commands for machines, which their agents fetch from the wire server and answer.

A command is a file below the cloud's folder from the moment it is asked for until its result was taken:
when the control plane is killed in between, whoever asks again under the same key gets that result.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from threading import Condition, Lock
from typing import Any
from uuid import uuid4

from bluejacket.store.files import replace_text

OUTPUT_LIMIT = 4096  # bytes of each stream, from its end; as Azure's action run-command
KEPT_S = 24 * 3600  # a result that nobody asks for again
AWAY_S = 180  # an agent that has said nothing for this long is not there
TAKEN_S = 5400.0
"""How long a command waits for an agent that takes it. Source: Microsoft Learn, "Azure VM extensions and
features": 90 minutes for what an extension does, and Run Command is one; a guest may begin late."""


@dataclass(frozen=True, slots=True)
class Command:
    """What an agent is to run: a shell script's lines, by `user`, for at most `limit_s` seconds.

    `parameters` are names and values: each value is a positional argument of the script, and those with
    the name of a variable are in its environment as well.
    """

    id: str
    script: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = ()
    limit_s: float = 5400
    user: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a command. `status` is that of the script; `why` is empty unless it was broken off.

    `out` and `err` are the last 4 KiB of either stream.
    """

    status: int
    out: str = ""
    err: str = ""
    why: str = ""


@dataclass(slots=True)
class _Taken:
    """When an agent took a command, and when it last said that this runs; by time.monotonic."""

    at: float
    said: float


@dataclass(slots=True)
class _Seen:
    version: str = ""
    at: float = 0.0  # time.monotonic
    wall: float = 0.0  # seconds since 1970


class Agents:
    """The queue of each machine's commands, below `folder`, and when each agent was last heard of."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = Condition()
        self._seen: dict[str, _Seen] = {}
        self._taken: dict[tuple[str, str], _Taken] = {}
        self._wakers: dict[str, list[Callable[[], None]]] = {}
        self._waking = Lock()  # of its own: the loop of the services never waits for a disk

    def run(
        self,
        vm_id: str,
        script: Sequence[str],
        parameters: Sequence[tuple[str, str]] = (),
        limit_s: float = 5400,
        user: str = "",
        *,
        key: str = "",
        taken_s: float = TAKEN_S,
        grace_s: float = 120,
    ) -> Ran:
        """Have a machine's agent run a script as root, or as `user`, and wait for its result.

        With a `key` (the name of an operation) the command runs once, however often it is asked for.
        Raises TimeoutError when no agent takes it for `taken_s` seconds, when one that took it has neither
        answered `grace_s` seconds after the script's own limit nor says that it still runs, and when its
        machine is forgotten.
        """
        vm_id = vm_id.lower()
        name = sha256(key.encode()).hexdigest()[:32] if key else uuid4().hex
        command = Command(name, tuple(script), tuple(parameters), limit_s, user)
        with self._changed:
            if self._result(vm_id, name) is None and not self._file(vm_id, name).exists():
                replace_text(self._file(vm_id, name), json.dumps(asdict(command)), 0o600)
        with self._waking:
            for wake in self._wakers.get(vm_id, ()):
                wake()
        try:
            found = self._wait(vm_id, name, taken_s, limit_s + grace_s)
        finally:
            self._taken.pop((vm_id, name), None)
        if not key:
            self._drop(vm_id, name)
        return found

    def last_seen(self, vm_id: str) -> float | None:
        """Give when the agent was last heard of, in seconds since 1970; None if never."""
        seen = self._seen.get(vm_id.lower())
        return seen.wall if seen else None

    def version(self, vm_id: str) -> str:
        """Give the agent's version while it is there, and an empty string otherwise."""
        seen = self._seen.get(vm_id.lower())
        return seen.version if seen and time.monotonic() - seen.at < AWAY_S else ""

    def wait_for(self, vm_id: str, limit_s: float) -> bool:
        """Wait until the agent is there; gives whether it is."""
        until = time.monotonic() + limit_s
        with self._changed:
            while not self.version(vm_id):
                if not self._changed.wait(max(until - time.monotonic(), 0)) and time.monotonic() >= until:
                    return False
        return True

    def gone(self, vm_id: str) -> None:
        """Count the agent as away: its machine was stopped. Its commands stay."""
        with self._changed:
            self._seen.pop(vm_id.lower(), None)

    def forget(self, vm_id: str) -> None:
        """Drop the commands of a machine that was deleted; a second call is fine. Other files there stay."""
        self.gone(vm_id)
        folder = self._folder / vm_id.lower()
        for file in (*folder.glob("*.command"), *folder.glob("*.result")):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # not empty, or not there
            folder.rmdir()
        with self._changed:
            self._changed.notify_all()

    def heard(self, vm_id: str, version: str) -> None:
        """Note that an agent is there; the wire server calls it."""
        with self._changed:
            known = self._seen.setdefault(vm_id, _Seen())
            known.version, known.at, known.wall = version, time.monotonic(), time.time()
            self._changed.notify_all()

    def next(self, vm_id: str, running: Sequence[str]) -> Command | None:
        """Give the oldest command that is neither answered nor one of `running`, or None."""
        for name in self._queue(vm_id):
            self._running(vm_id, name, said=name in running)
            if name not in running:
                found = json.loads(self._file(vm_id, name).read_text("utf-8"))
                found["script"] = tuple(found["script"])
                found["parameters"] = tuple((one, value) for one, value in found["parameters"])
                return Command(**found)
        return None

    def answered(self, vm_id: str, name: str, ran: Ran) -> bool:
        """Take a command's result from an agent; False if that machine was asked no such thing."""
        with self._changed:
            if self._result(vm_id, name) is not None:
                return True
            if name not in self._queue(vm_id):
                return False
            cut = Ran(ran.status, _tail(ran.out), _tail(ran.err), ran.why[:200])
            replace_text(self._file(vm_id, name, "result"), json.dumps(asdict(cut)), 0o600)
            self._file(vm_id, name).unlink()  # a script may hold secrets: it is kept no longer than needed
            self._changed.notify_all()
            return True

    @contextmanager
    def waking(self, vm_id: str, wake: Callable[[], None]) -> Iterator[None]:
        """Have `wake` called, from any thread, for each command that is queued while the block runs."""
        with self._waking:
            self._wakers.setdefault(vm_id, []).append(wake)
        try:
            yield
        finally:
            with self._waking:
                self._wakers[vm_id].remove(wake)
                if not self._wakers[vm_id]:
                    del self._wakers[vm_id]

    def settle(self) -> None:
        """Drop results that nobody has taken for a day."""
        for file in self._folder.glob("*/*.result"):
            if time.time() - file.stat().st_mtime > KEPT_S:
                file.unlink(missing_ok=True)

    def _wait(self, vm_id: str, name: str, taken_s: float, limit_s: float) -> Ran:
        asked = time.monotonic()
        with self._changed:
            while True:
                wanted = self._file(vm_id, name).exists()  # a result is written before this goes
                if (found := self._result(vm_id, name)) is not None:
                    return found
                if not wanted:
                    raise TimeoutError(f"the machine {vm_id} is gone")
                taken = self._taken.get((vm_id, name))
                until = max(taken.at + limit_s, taken.said + AWAY_S) if taken else asked + taken_s
                if not self._changed.wait(max(until - time.monotonic(), 0)) and time.monotonic() >= until:
                    self._file(vm_id, name).unlink(missing_ok=True)
                    what = "not answered" if taken else f"taken no command for {taken_s:g} s"
                    raise TimeoutError(f"the agent of the machine {vm_id} has {what}")

    def _running(self, vm_id: str, name: str, *, said: bool) -> None:
        """Note that an agent gets a command now, or has said that it runs."""
        now = time.monotonic()
        with self._changed:
            taken = self._taken.setdefault((vm_id, name), _Taken(now, 0.0))
            taken.said = now if said else taken.said
            self._changed.notify_all()

    def _queue(self, vm_id: str) -> list[str]:
        folder = self._folder / vm_id.lower()
        files = [(file.stat().st_mtime_ns, file.stem) for file in folder.glob("*.command")]
        return [name for _, name in sorted(files)]

    def _result(self, vm_id: str, name: str) -> Ran | None:
        try:
            found: dict[str, Any] = json.loads(self._file(vm_id, name, "result").read_text("utf-8"))
        except FileNotFoundError:
            return None
        return Ran(**found)

    def _drop(self, vm_id: str, name: str) -> None:
        self._file(vm_id, name, "result").unlink(missing_ok=True)

    def _file(self, vm_id: str, name: str, kind: str = "command") -> Path:
        return self._folder / vm_id.lower() / f"{name}.{kind}"


def _tail(text: str) -> str:
    """Give the end of a stream, within the limit, from the beginning of a character."""
    return text.encode("utf-8", "replace")[-OUTPUT_LIMIT:].decode("utf-8", "ignore")
