"""The program's commands. Each is imported only when it is called, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from bluejacket import __version__
from bluejacket.cli.session import open_session

app = App(
    name="bluejacket",
    help="The whole life of a cloud Linux distribution: definitions, feed, images, machines.",
    version=__version__,
    help_format="plaintext",
)
_GLOBAL = Group("Global options", sort_key=99)

COMMANDS = (
    ("check", "check:check", "Read all definitions and tell every mistake."),
    ("schema", "schema:schema", "Print the JSON Schema of the definition files."),
    ("lock", "lock:lock", "Choose a release's packages and pin each by version and hash."),
    ("why", "lock:why", "Tell what pulls a package into a release."),
    ("ssh", "machine:ssh", "Get into a running machine, or run a command there."),
    ("ps", "machine:ps", "List the running machines."),
    ("stop", "machine:stop", "Stop machines."),
    ("store", "store:app", "Look after the store."),
)
"""Name, module and function or app below this package, one line of help."""


def _option(text: str, *names: str) -> Parameter:
    return Parameter(name=names or None, help=text, group=_GLOBAL, negative="", show_default=False)


for _name, _where, _help in COMMANDS:
    app.command(f"bluejacket.cli.{_where}", name=_name, help=_help)


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
