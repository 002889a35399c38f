"""`bluejacket cloud` and `bluejacket az`: a cloud on this machine, and the client that works with it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bluejacket.cli.image import publish_if_empty
from bluejacket.cli.out import say
from bluejacket.cli.session import Given, Session
from bluejacket.cli.work import tools_of
from bluejacket.errors import Fault, OutsideError, UserError

if TYPE_CHECKING:
    from bluejacket.cloud.daemon import Daemon
    from bluejacket.cloud.up import Grounds

app = App(name="cloud", help="A cloud on this machine, which speaks Azure Resource Manager.")
AZ = "azure-cli==2.91.0"
_EVERYTHING = Parameter(allow_leading_hyphen=True, help="What `az` is given")
_DATABASE = Parameter(
    help="PostgreSQL's URL for the records, remembered [default: a file of the cloud's own]"
)

_OUTSIDE = Parameter(
    negative="--no-outside",
    help="Let machines out into the network, remembered [default: none leaves this host]",
)


@app.command
def up(
    *,
    foreground: Annotated[bool, Parameter(help="Stay in front, and end with Ctrl-C", negative="")] = False,
    port: Annotated[int | None, Parameter(help="The port [default: 8443 or the next free one]")] = None,
    database: Annotated[str | None, _DATABASE] = None,
    outside: Annotated[bool | None, _OUTSIDE] = None,
    session: Given,
) -> None:
    """Start the cloud, with what it had when it ended."""
    from bluejacket.cloud import daemon

    state = folder_of(session)
    daemon.refuse_second(state)
    if database is not None or outside is not None:
        remember(state, database, outside)
    _ = tools_of(
        session, session.release(None)
    ).box.tools  # made now, where the person sees that it takes a minute
    publish_if_empty(session)
    if foreground:
        run_here(session, port)
        return
    words = [*program(session), "cloud", "up", "--foreground", *(["--port", str(port)] if port else [])]
    found = daemon.spawn(state, words)
    told: dict[str, object] = {
        "address": found.base,
        "process": found.process.pid,
        "log": str(state / daemon.LOG),
    }
    told |= {**database_of(state), **outside_of(state)}
    if session.out.as_json:
        session.out.record(told | {"page": page_link(state, found.base)})
        return
    session.out.record(told)
    session.out.text(f"page: {page_link(state, found.base)}")  # on one line, so that it can be clicked
    options = " ".join(["bluejacket", *session.options(), "cloud env"])
    say(f'next: eval "$({options})", and then az as ever')


@app.command
def down(
    *,
    forget: Annotated[
        bool, Parameter(help="Forget all resources and credentials as well", negative="")
    ] = False,
    session: Given,
) -> None:
    """End the cloud, its machines and its networks; the records stay."""
    from bluejacket.cloud.daemon import Daemon, alone
    from bluejacket.store.files import remove_tree

    state = folder_of(session)
    found = Daemon.of(state)
    if found is not None:
        found.stop()
    elif state.exists():
        sweep(session)
    if forget and state.exists():
        from bluejacket.cloud.arm.database import forget as forget_records

        with alone(state):
            forget_records(state)
            remove_tree(state)
    session.out.record({"ended": found is not None, "forgotten": forget})


@app.command
def page(*, session: Given) -> None:
    """Give a link to the cloud's page. It signs in once, within a quarter of an hour."""
    link = page_link(folder_of(session), running(session).base)
    if session.out.as_json:
        session.out.json({"page": link})
    else:
        session.out.text(link)


@app.command
def env(*, session: Given) -> None:
    """Print the settings that lead `az` and Azure's SDKs to the cloud, for `eval`."""
    ours = prepared(session)
    if session.out.as_json:
        session.out.json(ours)
        return
    session.out.text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in ours.items()))


@app.command
def status(*, session: Given) -> int:
    """Tell whether the cloud runs, and what it has. Exit status 1 when it does not run."""
    from bluejacket.cloud.arm.account import Account
    from bluejacket.cloud.arm.database import open_store, remembered
    from bluejacket.cloud.daemon import LOG, Daemon

    state = folder_of(session)
    found = Daemon.of(state)
    told: dict[str, object] = {"running": found is not None}
    if found is not None:
        told |= {
            "answers": found.answers(state / "ca" / "ca.pem"),
            "address": found.base,
            "process": found.process.pid,
            "started": found.started,
            "cpu_seconds": round(found.process.cpu_seconds(), 1),
        }
    if (url := remembered(state)) or (state / "cloud.sqlite").exists():
        account = Account.of(state / "account.json")
        told |= {"subscription": account.subscription, "tenant": account.tenant, "log": str(state / LOG)}
        told |= {**database_of(state), **outside_of(state)}
        try:
            with closing(open_store(state, account, url)) as store:
                told["resources"] = {kind: count for kind, count in store.count().items() if "/" in kind}
        except OutsideError as error:
            told["fault"] = str(error)
    session.out.record(told)
    return 0 if found is not None else 1


@app.command
def coverage(*, session: Given) -> None:
    """List every operation that the cloud knows, and whether it is real, stored or refused."""
    from bluejacket.cloud.arm.coverage import covered
    from bluejacket.cloud.up import endpoints, kinds

    session.out.rows(covered(kinds(), endpoints()), "type", "operation", "method", "grade", "long", "note")


def az(
    *words: Annotated[str, _EVERYTHING],
    install: Annotated[
        bool, Parameter(help="Install Azure's CLI below the state folder first (0.7 GB)", negative="")
    ] = False,
    session: Given,
) -> int:
    """Run Azure's own command line on the cloud; write `--` before what it is given."""
    from bluejacket.cloud.arm.clients import merged

    ours = merged(prepared(session))
    program_ = find_az(session.state, install)
    line = [str(program_), *words]
    sys.stdout.flush()
    return subprocess.run(line, env=ours, check=False).returncode


def find_az(state: Path, install: bool) -> Path:
    """Give Azure's CLI: the person's own, or the one below the state folder, installed there if asked for."""
    venv = state / "az-cli"
    if (venv / "made").exists():
        return venv / "bin" / "az"
    if not install:
        if (found := shutil.which("az")) is not None:
            return Path(found)
        raise UserError(
            Fault("az is not installed", "`bluejacket az --install` puts it below the state folder")
        )
    say(f"Installing {AZ} into {venv}")
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", AZ]
    for line in ([sys.executable, "-m", "venv", "--clear", str(venv)], pip):
        if subprocess.run(line, stdout=sys.stderr, check=False).returncode:
            raise OutsideError(Fault(f"{AZ} could not be installed", "pip's message is above"))
    (venv / "made").touch()
    return venv / "bin" / "az"


def page_link(state: Path, base: str) -> str:
    """Give an address that signs somebody in to the page, once."""
    from bluejacket.cloud.page.session import Sessions

    return Sessions(state).link(base)


def folder_of(session: Session) -> Path:
    """Give the cloud's own folder."""
    return session.state / "cloud"


def remember(state: Path, database: str | None, outside: bool | None) -> None:
    """Write down what was asked for, for this start and later ones; None is left as it was."""
    from bluejacket.cloud import daemon
    from bluejacket.cloud.arm.database import choose
    from bluejacket.cloud.network.leave import let_out

    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with daemon.alone(state):
        if database is not None:
            choose(state, database)
        if outside is not None:
            let_out(state, outside)


def database_of(state: Path) -> dict[str, str]:
    """Give the database that was chosen for the cloud, as everybody may read it, if one was."""
    if not (state / "database").exists():
        return {}
    from bluejacket.cloud.arm.database import remembered, shown

    return {"database": shown(remembered(state))}


def outside_of(state: Path) -> dict[str, bool]:
    """Tell whether the cloud's machines are let out into the network."""
    from bluejacket.cloud.network.leave import may_leave

    return {"outside": may_leave(state)}


def running(session: Session) -> Daemon:
    """Give the cloud that runs; raises UserError when none does."""
    from bluejacket.cloud.daemon import Daemon

    found = Daemon.of(folder_of(session))
    if found is None:
        raise UserError(Fault("the cloud does not run", "`bluejacket cloud up` starts it"))
    return found


def prepared(session: Session) -> dict[str, str]:
    """Prepare the folder of the clients' settings, and give the environment that leads there."""
    from bluejacket.cloud.arm.account import Account
    from bluejacket.cloud.arm.clients import prepare

    state, found = folder_of(session), running(session)
    account = Account.of(state / "account.json")
    return prepare(state / "clients", found.base, account, state / "ca" / "ca.pem")


def program(session: Session) -> list[str]:
    """Give the command line that runs this very program on the same definitions and state."""
    start = "from bluejacket.cli import run; run()"
    return [
        *(sys.executable, "-c", start),
        *("--distro", str(session.distro.absolute()), "--state", str(session.state)),
    ]


def grounds(session: Session) -> Grounds:
    """Give what the cloud stands on: its folder, the tools tree, and the feeds that were built."""
    from bluejacket.cloud.arm.database import remembered
    from bluejacket.cloud.guest.feeds import place
    from bluejacket.cloud.network.leave import may_leave
    from bluejacket.cloud.up import Grounds
    from bluejacket.feed.serve import Folder

    box = tools_of(session, session.release(None)).box
    feeds, hosts = {}, []
    for release in session.definitions.releases.values():
        host, path = place(release.feed.address_of(release.version))
        feeds[path] = Folder(session.kept.feed_link(release.distribution.id, release.version))
        hosts.append(host)
    state, every = folder_of(session), list(dict.fromkeys(hosts))
    return Grounds(state, box.tools, box, feeds, every, remembered(state), may_leave(state))


def run_here(session: Session, port: int | None) -> None:
    """Be the cloud until a signal comes, and end what belongs to it."""
    from datetime import UTC, datetime

    from bluejacket.cloud import daemon
    from bluejacket.cloud.arm.ca import HOSTS
    from bluejacket.cloud.up import assemble
    from bluejacket.machine.process import Process

    state = folder_of(session)
    report = session.report if sys.stderr.isatty() else daemon.LogReport()
    with daemon.alone(state):
        sock = daemon.listen(port, daemon.last_port(state))
        base = f"https://localhost:{sock.getsockname()[1]}"
        made = assemble(grounds(session), base, report)
        issued = made.authority.issue(HOSTS)
        try:
            again = made.start()
            if again:
                report.line(f"{again} operations that had not ended are begun again")
            now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            daemon.Daemon(Process.of(os.getpid()), base, now).save(state)
            report.line(f"the cloud is up at {base}")
            daemon.serve(made.app, sock, issued.certificate, issued.key)
        finally:
            report.line("the cloud goes down")
            with suppress(OSError):
                sock.close()
            made.close()


def sweep(session: Session) -> None:
    """End what a cloud that was killed has left on this host."""
    from bluejacket.cloud import daemon
    from bluejacket.cloud.up import assemble

    state = folder_of(session)
    with daemon.alone(state):
        made = assemble(grounds(session), f"https://localhost:{daemon.last_port(state)}", session.report)
        made.close()
