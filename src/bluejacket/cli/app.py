"""The program's commands. Each is imported only when it is called, so that `--help` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from bluejacket import __version__
from bluejacket.cli.session import open_session

app = App(
    name="bluejacket",
    help="The whole life of a cloud Linux distribution: definitions, feed, images, machines.",
    version=__version__,
    help_format="plaintext",
)
app.meta.group_parameters = "Global options"

COMMANDS = (
    ("check", "check:check", "Read all definitions and tell every mistake."),
    ("schema", "schema:schema", "Print the JSON Schema of the definition files."),
)
"""Name, module and function or app below this package, one line of help."""

for _name, _where, _help in COMMANDS:
    app.command(f"bluejacket.cli.{_where}", name=_name, help=_help)


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    distro: Annotated[
        Path | None, Parameter(help="Folder with the definitions [default: the nearest distro/]")
    ] = None,
    state: Annotated[
        Path | None, Parameter(help="Folder for everything made [default: ~/.local/state/bluejacket]")
    ] = None,
    verbose: Annotated[
        bool, Parameter(name=("--verbose", "-v"), negative="", help="Tell the commands run as well")
    ] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print data as JSON")] = False,
) -> Any:
    """Parse what comes after the global options and run it."""
    command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
    if "session" in ignored:
        bound.arguments["session"] = open_session(distro, state, verbose, as_json)
    return command(*bound.args, **bound.kwargs)
