"""The real Azure CLI and a real cloud's process, for tests.

with CloudProcess(tmp_path / "state") as cloud:
    cloud.az("group", "create", "-n", "g1", "-l", "eastus")["name"]

The CLI is installed once, from the package index, into a folder for all checkouts; it gets a configuration
folder of its own, and telemetry is off.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from bluejacket.store import locked, state_folder

VERSION = "2.91.0"
LIMIT_S = 1500.0
_OWN = {"cloud", "machines", "logs"}
PROGRAM = [sys.executable, "-c", "from bluejacket.cli import run; run()"]


@cache
def az_program() -> Path:
    """Give the CLI's program, installed now if it never was."""
    cached = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cached, "bluejacket", f"azure-cli-{VERSION}")
    with locked(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "made").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--quiet"]
            subprocess.run(
                [*pip, "--disable-pip-version-check", f"azure-cli=={VERSION}"], check=True, timeout=1200
            )
            (folder / "made").touch()
    return folder / "bin" / "az"


def python_packages(version: str, *names: str) -> list[Path]:
    """Give the wheels that a guest's Python of this version needs for packages of the index, fetched once."""
    cached = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cached, "bluejacket", f"python-{version}-{'-'.join(names)}")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_name(f".{folder.name}.lock")):
        if not (folder / "made").exists():
            line = [sys.executable, "-m", "pip", "download", "--quiet", "--quiet", "--dest", str(folder)]
            line += ["--disable-pip-version-check", "--only-binary=:all:", "--implementation", "cp"]
            line += ["--python-version", version]
            for platform in ("manylinux2014_x86_64", "manylinux_2_28_x86_64"):
                line += ["--platform", platform]
            subprocess.run([*line, *names], check=True, timeout=600)
            (folder / "made").touch()
    return sorted(folder.glob("*.whl"))


@cache
def build_image() -> None:
    """Build what a cloud stands on and its machines boot from, as a person would, in the usual state."""
    done = subprocess.run([*PROGRAM, "image", "build", "vm"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class AzFailed(AssertionError):
    """A command of the CLI ended with another status than it should."""


class CloudProcess:
    """A cloud of its own, on the tools, feeds and images of the state that `./run` uses as well."""

    def __init__(self, state: Path, *options: str) -> None:
        self.state = state
        self.options = options
        build_image()
        state.mkdir(parents=True, exist_ok=True)
        for one in state_folder().iterdir() if state_folder().is_dir() else ():
            if one.name not in _OWN and not (state / one.name).exists():
                (state / one.name).symlink_to(one)

    def __enter__(self) -> CloudProcess:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down("--forget")

    def bluejacket(self, *words: str, status: int = 0) -> str:
        """Run our own program on this state, and give what it printed."""
        line = [*PROGRAM, "--state", str(self.state), *words]
        done = subprocess.run(line, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}{self.log}"
        return done.stdout

    @property
    def log(self) -> str:
        file = self.state / "cloud" / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""

    def up(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bluejacket("--json", "cloud", "up", *self.options))
        return found

    def down(self, *words: str) -> None:
        self.bluejacket("cloud", "down", *words)

    def kill(self) -> None:
        """Kill the control plane, and nothing else, as a lack of memory would."""
        os.kill(int(self.status()["process"]), signal.SIGKILL)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.bluejacket("--json", "cloud", "status"))
        return found

    def env(self) -> dict[str, str]:
        """Give a whole environment that leads to this cloud."""
        from bluejacket.cloud.arm.clients import merged

        return merged(json.loads(self.bluejacket("--json", "cloud", "env")))

    def run(self, *words: str, env: dict[str, str] | None = None, limit_s: float = LIMIT_S) -> Any:
        """Run the CLI, and give the ended process with its output as text."""
        line = [str(az_program()), *words]
        environ = {**self.env(), **(env or {})}
        return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=limit_s, check=False)

    def az(self, *words: str, status: int = 0, env: dict[str, str] | None = None) -> Any:
        """Run the CLI, which has to end with `status`; gives what it printed, read as JSON."""
        done = self.run(*words, "-o", "json", env=env)
        if done.returncode != status:
            raise AzFailed(f"az {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}{self.log}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *words: str, status: int = 1, env: dict[str, str] | None = None) -> str:
        """Run the CLI, which has to fail with `status`; gives what it said."""
        done = self.run(*words, "-o", "json", env=env)
        if done.returncode != status:
            raise AzFailed(f"az {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}{self.log}")
        return str(done.stderr)
