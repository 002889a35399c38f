"""The program's commands. Their modules import the rooms only when called, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from bluejacket import __version__
from bluejacket.cli import (
    advisory,
    boot,
    check,
    cloud,
    feed,
    image,
    key,
    lock,
    machine,
    release,
    s2c2f,
    scan,
    schema,
    store,
    trace,
    upstream,
)
from bluejacket.cli.session import open_session

app = App(
    name="bluejacket",
    help="The whole life of a cloud Linux distribution: definitions, feed, images, machines.",
    version=__version__,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,
)
app.meta.suppress_keyboard_interrupt = False
_GLOBAL = Group("Global options", sort_key=99)

for _command in (
    check.check,
    schema.schema,
    lock.lock,
    lock.why,
    upstream.upstream,
    release.app,
    feed.build,
    feed.app,
    advisory.app,
    key.app,
    image.app,
    boot.boot,
    machine.ssh,
    machine.ps,
    machine.stop,
    cloud.app,
    cloud.az,
    trace.trace,
    scan.scan,
    s2c2f.s2c2f,
    store.app,
):
    app.command(_command)
app["schema"].help_formatter = schema.KindsHelp()


def _option(text: str, *names: str) -> Parameter:
    return Parameter(name=names or None, help=text, group=_GLOBAL, negative="", show_default=False)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    distro: Annotated[
        Path | None, _option("Folder with the definitions [default: the nearest distro/]")
    ] = None,
    state: Annotated[
        Path | None, _option("Folder for all results [default: ~/.local/state/bluejacket]")
    ] = None,
    verbose: Annotated[bool, _option("Tell the commands run as well", "--verbose", "-v")] = False,
    as_json: Annotated[bool, _option("Print data as JSON", "--json")] = False,
) -> Any:
    """Parse what comes after the global options and run it."""
    command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if "session" in ignored:
        bound.arguments["session"] = open_session(distro, state, verbose, as_json)
    return command(*bound.args, **bound.kwargs)
