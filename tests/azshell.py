"""Many commands of Azure's own CLI in the time of a few: its modules are loaded once, each command is a fork.

with AzShell(cloud, "vm", "network") as shell:
    shell.az("vm", "list")[0]["name"]

Each command is what `az` itself does with its words, in a process of its own; only the loading is shared.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from azcli import AzFailed, CloudProcess, az_program

# Runs in the CLI's own Python. Words come as lines of JSON, and what became of them goes back the same way.
_SHELL = """
import json, os, sys, tempfile
from azure.cli.core import get_default_cli
answers, quiet = os.fdopen(os.dup(1), "w"), os.open(os.devnull, os.O_RDWR)

def child(words, out, err):
    os.dup2(quiet, 0), os.dup2(out, 1), os.dup2(err, 2)
    try:
        status = get_default_cli().invoke(words)
    except SystemExit as end:
        status = end.code
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1 if status else 0)

os.dup2(quiet, 1), os.dup2(quiet, 2)
for module in sys.argv[1:]:
    try:
        get_default_cli().invoke([*module.split(), "--help"])
    except SystemExit:
        pass
for line in sys.stdin:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork() or child(json.loads(line), out.fileno(), err.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0), err.seek(0)
        told = {"status": status, "out": out.read().decode(), "err": err.read().decode()}
    print(json.dumps(told), file=answers, flush=True)
"""


class AzShell:
    """Azure's CLI, logged in at a cloud, with the modules that `warm` names already loaded."""

    def __init__(self, cloud: CloudProcess, *warm: str) -> None:
        self.cloud = cloud
        program = az_program().parent / "python"
        line = [str(program), "-c", _SHELL, *warm]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(line, env=cloud.env(), stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdin
        assert self._process.stdout
        self._words, self._answers = self._process.stdin, self._process.stdout

    def __enter__(self) -> AzShell:
        return self

    def __exit__(self, *_: object) -> None:
        self._words.close()
        self._process.wait(60)
        self._answers.close()

    def az(self, *words: str | Path, status: int = 0) -> Any:
        """Run a command, which has to end with `status`; gives what it printed, read as JSON."""
        out = self._run(words, status)["out"]
        return json.loads(out) if out.strip() else None

    def refused(self, *words: str | Path, status: int = 1) -> str:
        """Run a command, which has to fail with `status`; gives what it said."""
        return str(self._run(words, status)["err"])

    def refuses(self, *words: str | Path, status: int = 1) -> str:
        """Run a command that this cloud declares refused, with Azure's code; gives what it said."""
        said = self.refused(*words, status=status)
        assert "OperationNotAllowed" in said, said
        assert "not available" in said, said
        return said

    def _run(self, words: tuple[str | Path, ...], status: int) -> dict[str, Any]:
        line = [*map(str, words), "-o", "json"]
        print(json.dumps(line), file=self._words, flush=True)
        done: dict[str, Any] = json.loads(self._answers.readline())
        if done["status"] != status:
            text = f"az {' '.join(line)}: {done['status']}\n{done['out']}{done['err']}{self.cloud.log}"
            raise AzFailed(text)
        return done
