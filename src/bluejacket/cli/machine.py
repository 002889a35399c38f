"""`bluejacket ssh`, `ps` and `stop`: machines that run."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bluejacket.cli.session import Given, Session
from bluejacket.cli.work import tools_of

if TYPE_CHECKING:
    from bluejacket.machine import Machines

Name = Annotated[str | None, Parameter(help="The machine's name [default: the only one]")]


def machines_of(session: Session) -> Machines:
    """Give the machines of this state, with the newest release's tools."""
    from bluejacket.machine import Machines

    return Machines(session.state, tools_of(session, session.release(None)).box, session.report)


def ssh(
    *command: Annotated[str, Parameter(allow_leading_hyphen=True, help="A command; none opens a shell")],
    machine: Annotated[
        str | None, Parameter(name=("--machine", "-m"), help="The machine's name [default: the only one]")
    ] = None,
    session: Given,
) -> None:
    """Get into a running machine, or run a command there."""
    machines = machines_of(session)
    line = machines.ssh_command(machines.find(machine), command, terminal=not command and sys.stdin.isatty())
    sys.stdout.flush()
    os.execv(line[0], line)  # noqa: S606 - the session takes this process's place, terminal and status


def ps(*, session: Given) -> None:
    """List the running machines, oldest first."""
    from bluejacket.machine.record import list_machines

    rows = [
        {
            "name": one.name,
            "image": one.image,
            "started": one.started,
            "memory_mib": one.memory_mib,
            "cpus": one.cpus,
            "accelerator": one.accelerator,
            "ssh_port": one.ssh_port,
            "cpu_seconds": round(one.cpu_seconds, 1),
        }
        for one in list_machines(session.kept.machines)
    ]
    session.out.rows(rows, *(rows[0] if rows else ("name", "image", "started")))


def stop(
    *names: Annotated[str, Parameter(help="The machines [default: the only one]")],
    every: Annotated[bool, Parameter(name="--all", help="Stop all machines", negative="")] = False,
    session: Given,
) -> None:
    """Stop machines in the gentlest way that works, and remove what is left of them."""
    machines = machines_of(session)
    found = machines.running() if every else [machines.find(name) for name in names or (None,)]
    rows = [{"name": machine.name, "how": machines.stop(machine)} for machine in found]
    session.out.rows(rows, "name", "how")
