"""The way into a guest: one key per state folder, and ssh from the tools tree."""

from __future__ import annotations

import os
import pwd
import shlex
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired

from bluejacket.errors import Fault, OutsideError
from bluejacket.machine.record import Machine
from bluejacket.store import locked, replace_text
from bluejacket.tools import Sandbox

_KEYS, _FOLDER, _ETC = "/run/keys", "/run/machine", "/etc"
_REFUSED = 255  # ssh(1), EXIT STATUS: an error of ssh itself


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command in the guest gave. `status` is its own exit status."""

    status: int
    out: str
    err: str


class NotYet(OutsideError):
    """The guest does not let us in, or not yet."""


@dataclass(frozen=True, slots=True)
class Door:
    """Opens machines with the key in `keys`, a folder that only its owner reads."""

    box: Sandbox
    keys: Path

    @property
    def private_key(self) -> Path:
        """The file with the private key, mode 0600."""
        return self.keys / "ssh_ed25519"

    def public_key(self) -> str:
        """Give the public key's line, making the pair on first use; raises ToolFailed if that fails."""
        file = self.private_key.with_suffix(".pub")
        self.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.keys / ".lock"):
            if not file.exists():
                self._make()
        return file.read_text("utf-8").strip()

    def command(self, machine: Machine, words: Sequence[str] = (), *, terminal: bool = False) -> list[str]:
        """Give the command line that runs `words` in the guest, or a shell if there are none.

        The guest's host key is accepted the first time and pinned in the machine's folder.
        """
        known = f"{_FOLDER}/known_hosts"
        options = {
            "IdentityFile": f"{_KEYS}/{self.private_key.name}",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": known,
            "HostKeyAlias": machine.name,
            "LogLevel": "ERROR",
            "ConnectTimeout": "30",
            "ServerAliveInterval": "30",
            "ServerAliveCountMax": "10",
        }
        line = ["ssh", "-F", "none", "-p", str(machine.ssh_port), "-l", machine.user]
        for name, value in options.items():
            line += ["-o", f"{name}={value}"]
        line += ["-t" if terminal else "-T", "127.0.0.1"]
        if words:
            # One word is a line for the machine's shell, as with ssh(1); several are a program and its words.
            line += ["--", words[0] if len(words) == 1 else shlex.join(words)]
        return self.box.argv(
            line,
            binds={machine.folder: _FOLDER},
            ro_binds={self.keys: _KEYS, self._etc(): _ETC},
            network=True,
            env={"TERM": os.environ.get("TERM", "dumb")},
            own_session=not terminal,
        )

    def run(
        self, machine: Machine, words: Sequence[str], *, script: str = "", limit_s: float = 300
    ) -> Answer:
        """Run `words` in the guest with `script` as its input.

        Raises NotYet when ssh itself fails, and OutsideError when the command takes longer than `limit_s`.
        """
        line = self.command(machine, words)
        with Popen(line, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}, process_group=0) as child:
            try:
                out, err = child.communicate(script.encode(), limit_s)
            except TimeoutExpired:
                raise OutsideError(
                    Fault(
                        f"{words[0]} still ran in {machine.name} after {limit_s:g} s",
                        f"the console is in {machine.console}",
                    )
                ) from None
            finally:
                if child.poll() is None:
                    child.kill()
        text = err.decode("utf-8", "replace").strip()
        if child.returncode == _REFUSED:
            raise NotYet(f"ssh to {machine.name}: {text or 'the connection ended'}")
        return Answer(child.returncode, out.decode("utf-8", "replace"), text)

    def _make(self) -> None:
        inside = f"{_KEYS}/{self.private_key.name}"
        self.private_key.unlink(missing_ok=True)
        self.box.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bluejacket", "-f", inside],
            binds={self.keys: _KEYS},
            ro_binds={self._etc(): _ETC},
            name="ssh-keygen",
        )

    def _etc(self) -> Path:
        """Give a folder to be /etc: ssh wants to know who it is, and the tools tree knows nobody."""
        etc = self.keys / "etc"
        me = pwd.getpwuid(os.getuid())
        for name, text in (
            ("passwd", f"{me.pw_name}:x:{me.pw_uid}:{me.pw_gid}::/tmp:/bin/sh\n"),
            ("group", f"{me.pw_name}:x:{me.pw_gid}:\n"),
        ):
            if not (etc / name).exists() or (etc / name).read_text("utf-8") != text:
                replace_text(etc / name, text)
        return etc


def greeted(port: int, limit_s: float = 3) -> bool:
    """True if an ssh server answers on the loopback's `port` (RFC 4253 section 4.2).

    A connection alone says nothing: QEMU accepts it before it has asked the guest.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=limit_s) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
