"""The machine's agent: fetches commands from the cloud's wire server, runs each, and sends back its result.

It runs commands by systemd, each as a transient unit of its own with its time limit, and is itself allowed
nothing else. What it knows lies in a folder a command, so that a command runs once: when the agent is
started anew in between, it goes on waiting; when the machine is, it says that the command was broken off.

It also has the machine trust the cloud's certificate authority, before anything asks for packages. Where
there is no such cloud at the other end (on Azure itself), it ends at once. Standard library only.
"""

# pathlib takes longer to read than all the rest of this
# ruff: noqa: PTH101, PTH103, PTH104, PTH106, PTH108, PTH110, PTH119, PTH120, PTH123, PTH208, PTH211

import json
import os
import socket
import sys
import threading
import time

VERSION = "@VERSION@"
SERVER = ("168.63.129.16", 80)
STATE = os.environ.get("STATE_DIRECTORY", "/var/lib/bluejacket-agent")
AUTHORITY = "/usr/local/share/ca-certificates/bluejacket-cloud.crt"
CERTIFICATES = "/etc/ssl/certs"
START, ENDED = "/usr/bin/systemd-run", "/usr/lib/bluejacket/agent-ended"
POLL_S = 60
TAIL = 4096  # bytes of each stream that the cloud wants
MOST = 1 << 21  # bytes of an answer
SPARE_S = 30  # systemd's, to end a unit


# As mypy(1) reads it, without typing, which takes long to read as well
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypedDict

    class Asked(TypedDict):
        """A command as the cloud tells it: `parameters` are pairs of name and value, `user` may be empty."""

        id: str
        script: list[str]
        parameters: list[tuple[str, str]]
        user: str
        limit_s: float


class Away(Exception):
    """The wire server does not answer, or not now."""


class Elsewhere(Exception):
    """The wire server is not one of our clouds."""


def ask(
    kind: str, body: bytes | None = None, wait: int = 0, running: "Sequence[str]" = ()
) -> tuple[int, bytes]:
    """Send one request (RFC 9112, HTTP/1.0); gives the status and the body."""
    words = f"comp=bluejacket&type={kind}"
    if wait:
        words += f"&wait={wait}&running={','.join(running)}"
    head = [
        f"{'GET' if body is None else 'POST'} /machine?{words} HTTP/1.0",
        f"Host: {SERVER[0]}",
        f"x-bluejacket-agent: {VERSION}",
    ]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    try:
        with socket.socket() as connection:
            connection.settimeout(10)
            connection.connect(SERVER)
            connection.settimeout(wait + 30)
            connection.sendall("\r\n".join([*head, "", ""]).encode() + (body or b""))
            found = b""
            while piece := connection.recv(65536):
                found += piece
                if len(found) > MOST:
                    raise Away("the answer is too long")
    except OSError as error:
        raise Away(str(error)) from None
    top, end, content = found.partition(b"\r\n\r\n")
    status = top.split(b" ", 2)[1:2]
    if not end or not status or not status[0].isdigit():
        raise Away("not an answer")
    if int(status[0]) >= 500:
        raise Away(f"status {int(status[0])}")
    return int(status[0]), content


def replace(file: str, data: bytes, mode: int) -> None:
    """Replace a file, whole or not at all."""
    part = f"{file}.part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as out:
        os.fchmod(handle, mode)
        out.write(data)
        out.flush()
        os.fsync(handle)
    os.rename(part, file)


def read(file: str) -> bytes:
    """Give a file's content; empty if there is none."""
    try:
        with open(file, "rb") as found:
            return found.read()
    except FileNotFoundError:
        return b""


def tail(file: str) -> str:
    """Give the last bytes of a stream as text."""
    try:
        with open(file, "rb") as found:
            found.seek(max(os.fstat(found.fileno()).st_size - TAIL, 0))
            return found.read(TAIL).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def run(words: list[str]) -> tuple[int, str]:
    """Run a program; gives its status and its output, standard error included."""
    out, into = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, into, 1), (os.POSIX_SPAWN_DUP2, into, 2)]
    child = os.posix_spawn(words[0], words, dict(os.environ), file_actions=actions)
    os.close(into)
    with os.fdopen(out, "rb") as found:
        said = found.read(TAIL)
        while found.read(65536):
            pass
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode("utf-8", "replace")


def trust_authority() -> None:
    """Have the machine trust the cloud's authority: in the bundle, in the folder, after an update of both."""
    status, wanted = ask("authority")
    if status != 200 or not wanted.startswith(b"-----BEGIN CERTIFICATE-----"):
        raise Elsewhere(f"status {status}")
    bundle, linked = f"{CERTIFICATES}/ca-certificates.crt", f"{CERTIFICATES}/bluejacket-cloud.pem"
    trusted = read(bundle)
    if wanted in trusted and read(AUTHORITY) == wanted:
        return
    old = read(AUTHORITY)
    os.makedirs(os.path.dirname(AUTHORITY), exist_ok=True)
    replace(AUTHORITY, wanted, 0o644)
    if old:
        trusted = trusted.replace(old, b"")
    replace(bundle, trusted + wanted, 0o644)
    status, name = run(["/usr/bin/openssl", "x509", "-noout", "-hash", "-in", AUTHORITY])
    for link, target in ((linked, AUTHORITY), (f"{CERTIFICATES}/{name.strip()}.0", os.path.basename(linked))):
        if status == 0 and not os.path.lexists(link):
            os.symlink(target, link)
    say("the machine trusts its cloud's certificate authority")


class Command:
    """One command, in a folder of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = f"{STATE}/{name}"

    def prepare(self, found: "Asked") -> None:
        """Write down what is to run. The last file's name makes it known: without it nothing has begun."""
        os.makedirs(self.folder, mode=0o711, exist_ok=True)
        os.chmod(self.folder, 0o711)  # noqa: S103 - a command may belong to another user
        script, start = f"{self.folder}/script", f"{self.folder}/start"
        lines, values = ["#!/bin/sh"], []
        for name, value in found["parameters"]:
            if name.isidentifier() and name.isascii():
                lines.append(f"export {name}={quoted(value)}")
            values.append(quoted(value))
        lines.append(" ".join([quoted(script), *values]))
        replace(script, "\n".join([*found["script"], ""]).encode(), 0o700)
        replace(start, "\n".join([*lines, ""]).encode(), 0o700)
        for stream in ("out", "err"):
            replace(f"{self.folder}/{stream}", b"", 0o600)
        if found["user"]:
            owner = user_id(found["user"])
            for file in (script, start):
                os.chown(file, owner, -1)
        limit = {
            "limit_s": found["limit_s"],
            "boot": boot_id(),
            "until": time.time() + found["limit_s"] + SPARE_S,
        }
        replace(f"{self.folder}/known", json.dumps(limit).encode(), 0o600)

    def begin(self, found: "Asked") -> str:
        """Have systemd start it; gives an empty text, or why it could not."""
        words = [
            START, "--quiet", "--collect", "--service-type=exec",
            f"--unit=bluejacket-run-{self.name}", "--description=Command of the cloud",
            "--property=WorkingDirectory=/", f"--property=RuntimeMaxSec={found['limit_s']:g}",
            "--property=TimeoutStopSec=10", f"--property=StandardOutput=file:{self.folder}/out",
            f"--property=StandardError=file:{self.folder}/err",
            f"--property=ExecStopPost=+{ENDED} {self.folder}",
            # As an administrator's shell, not as a service: the programs that it calls stay what it is
            "--property=SELinuxContext=-system_u:system_r:unconfined_t:s0",
        ]  # fmt: skip
        if found["user"]:
            words.append(f"--uid={found['user']}")
        status, said = run([*words, "/bin/sh", f"{self.folder}/start"])
        return said.strip() or f"systemd-run: status {status}" if status else ""

    def wait(self) -> dict[str, object]:
        """Wait until it has ended; gives the result."""
        known = json.loads(read(f"{self.folder}/known"))
        pause = 0.1
        while not (ended := read(f"{self.folder}/ended").split()):
            if known["boot"] != boot_id():
                return self.result(-1, "the machine was started anew before the command ended")
            if time.time() > known["until"]:
                return self.result(-1, "the command's end was not seen")
            time.sleep(pause)
            pause = min(pause * 1.5, 2)
        how, _, status = (word.decode() for word in [*ended, b"", b"", b""][:3])
        if how == "timeout":
            return self.result(-1, f"the command was stopped after {known['limit_s']:g} s")
        if status.isdigit():
            return self.result(int(status), "")
        return self.result(-1, f"the command was ended by {status or how}")

    def result(self, status: int, why: str) -> dict[str, object]:
        """Give what the cloud is told."""
        streams = {name: tail(f"{self.folder}/{name}") for name in ("out", "err")}
        return {"id": self.name, "status": status, "why": why} | streams

    def drop(self) -> None:
        """Forget it."""
        for name in os.listdir(self.folder):
            os.unlink(f"{self.folder}/{name}")
        os.rmdir(self.folder)


def quoted(text: str) -> str:
    """Give a word as the shell takes it literally."""
    return "'" + text.replace("'", "'\\''") + "'"


def user_id(name: str) -> int:
    """Give a user's number; raises KeyError for nobody."""
    import pwd

    return pwd.getpwnam(name).pw_uid


def boot_id() -> str:
    """Give what tells one start of the machine from another."""
    return read("/proc/sys/kernel/random/boot_id").decode().strip()


def do(found: "Asked", running: set[str]) -> None:
    """Run one command to its end, or go on waiting for it, and tell the cloud."""
    command = Command(found["id"])
    try:
        why = ""
        if not os.path.exists(f"{command.folder}/known"):
            command.prepare(found)
            why = command.begin(found)
        if why and not os.path.exists(f"{command.folder}/ended"):
            told = command.result(-1, f"the command could not be started: {why}")
        else:
            told = command.wait()
    except (OSError, KeyError, ValueError) as error:
        told = {"id": command.name, "status": -1, "out": "", "err": "", "why": f"the command failed: {error}"}
    body = json.dumps(told).encode()
    while True:
        try:
            ask("result", body)
            break
        except Away:
            time.sleep(2)
    try:
        command.drop()
    except OSError as error:
        say(f"{command.folder} stays: {error}")
    running.discard(command.name)


def say(text: str) -> None:
    """Write a line into the journal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def ready() -> None:
    """Tell systemd that those who wait for the authority may go on (sd_notify(3))."""
    where = os.environ.pop("NOTIFY_SOCKET", "")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect("\0" + where[1:] if where.startswith("@") else where)
            channel.sendall(b"READY=1\nSTATUS=Waiting for commands of the cloud")


def main() -> int:
    """Serve until the machine stops."""
    running: set[str] = set()
    trusted, pause = False, 1
    while True:
        try:
            if not trusted:
                trust_authority()
                trusted = True
                ready()
            status, body = ask("commands", wait=POLL_S, running=sorted(running))
            pause = 1
        except Elsewhere as reason:
            say(f"no cloud of ours at {SERVER[0]}: {reason}")
            return 0
        except (Away, OSError) as reason:
            if pause > 8:
                ready()  # nobody is kept from going on without it
            say(f"no word from {SERVER[0]}: {reason}")
            time.sleep(pause)
            pause = min(pause * 2, 15)
            continue
        if status == 200:
            found = json.loads(body)
            running.add(found["id"])
            threading.Thread(target=do, args=(found, running), daemon=True).start()
        elif status != 204:
            time.sleep(5)


if __name__ == "__main__":
    sys.exit(main())
