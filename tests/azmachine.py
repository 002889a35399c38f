"""A machine that Azure's own CLI made in a local cloud, and ssh to its public address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from azcli import LIMIT_S, CloudProcess, az_program

URN = "AzureLinux:azure-linux-4:4-lts:latest"
_OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")


def make_key(file: Path) -> Path:
    """Make a key for ssh, and give its file; the public half is beside it, with `.pub`."""
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(file)], check=True)
    return file


@dataclass
class AzMachine:
    """The machine `name`, in the group `g1` unless another one is said."""

    cloud: CloudProcess
    name: str
    address: str
    key: Path
    user: str = "azureuser"
    group: str = "g1"

    @classmethod
    def create(cls, cloud: CloudProcess, name: str, key: Path, *words: str) -> AzMachine:
        """Make the group and the machine, and wait until it is there."""
        cloud.az("group", "create", "-n", "g1", "-l", "eastus")
        line = ["vm", "create", "-g", "g1", "-n", name, "--image", URN, "--admin-username", cls.user]
        made = cloud.az(*line, "--ssh-key-values", f"{key}.pub", *words)
        assert made["powerState"] == "VM running"
        return cls(cloud, name, made["publicIpAddress"], key)

    @property
    def named(self) -> tuple[str, ...]:
        """The options of Azure's CLI that name it."""
        return ("-g", self.group, "-n", self.name)

    def az(self, *words: str, status: int = 0) -> Any:
        """Run `az vm …` for this machine; words from the first option on come after its name."""
        at = next((at for at, word in enumerate(words) if word.startswith("-")), len(words))
        return self.cloud.az("vm", *words[:at], *self.named, *words[at:], status=status)

    def ssh(self, command: str, limit_s: float = 300, *, user: str = "", key: Path | None = None) -> str:
        """Run a command in the guest, which has to succeed; waits for sshd as long as the limit."""
        words = [word for one in _OPTIONS for word in ("-o", one)]
        line = ["ssh", "-i", str(key or self.key), *words, f"{user or self.user}@{self.address}", command]
        end = monotonic() + limit_s
        while True:
            done = subprocess.run(line, capture_output=True, text=True, timeout=limit_s, check=False)
            if "port 22" not in done.stderr or monotonic() > end:
                break
            sleep(1)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def put(self, folder: Path, place: str) -> None:
        """Copy a folder's content into a new folder of the guest."""
        packed = subprocess.run(["tar", "-C", str(folder), "-c", "."], capture_output=True, check=True).stdout
        words = [word for one in _OPTIONS for word in ("-o", one)]
        unpack = f"sudo mkdir -p {place} && sudo tar -C {place} --no-same-owner -x"
        line = ["ssh", "-i", str(self.key), *words, f"{self.user}@{self.address}", unpack]
        subprocess.run(line, input=packed, check=True, timeout=300)

    def power(self) -> str:
        """Give how the machine is, in the CLI's words."""
        return str(self.az("show", "-d")["powerState"])


@dataclass(frozen=True)
class Person:
    """Somebody at a shell, with a home folder of their own; `bluejacket` and `az` are programs they have.

    They have a cloud of Azure's as well: what their CLI is set to do there is in `~/.azure`.
    """

    home: Path
    cloud: CloudProcess

    @classmethod
    def moved_in(cls, home: Path, cloud: CloudProcess) -> Person:
        """Make the home folder, with settings for Azure's CLI."""
        (home / ".azure").mkdir(parents=True)
        (home / ".azure" / "config").write_text("[core]\noutput = table\n")
        (home / ".azure" / "azureProfile.json").write_text('{"subscriptions": []}')
        return cls(home, cloud)

    def says(self, *lines: str) -> list[Any]:
        """Type lines into a shell, which all have to succeed; gives what they printed, read as JSON."""
        programs = [Path(sys.executable).parent, az_program().parent]
        own = {"HOME": str(self.home), "BLUEJACKET_STATE": str(self.cloud.state)}
        own["PATH"] = ":".join([*map(str, programs), os.environ["PATH"]])
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")} | own
        shell = ["bash", "-e", "-c", "\n".join(lines)]
        done = subprocess.run(
            shell, env=environ, cwd=self.home, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        assert done.returncode == 0, f"{lines}: {done.stdout}{done.stderr}{self.cloud.log}"
        found, text, reader = [], done.stdout.strip(), json.JSONDecoder()
        while text:
            one, end = reader.raw_decode(text)
            found.append(one)
            text = text[end:].strip()
        return found

    def azure(self) -> dict[str, tuple[bytes, int]]:
        """Give what is in `~/.azure`, each file with the time of its last change."""
        files = [one for one in (self.home / ".azure").rglob("*") if one.is_file()]
        return {str(one): (one.read_bytes(), one.stat().st_mtime_ns) for one in files}
