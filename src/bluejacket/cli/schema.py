"""`bluejacket schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.help import DefaultFormatter, HelpEntry, HelpPanel

from bluejacket.cli.session import Given
from bluejacket.errors import Fault, UserError

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions


def schema(
    kind: Annotated[
        str | None, Parameter(help="One kind of file, such as release or overlay [default: all, by kind]")
    ] = None,
    /,
    *,
    session: Given,
) -> None:
    """Print the JSON Schema (draft 2020-12) of the definition files."""
    from bluejacket.definition.explain import nearest
    from bluejacket.definition.schema import schema_of_all

    schemas = schema_of_all()
    if kind is None:
        session.out.json(schemas)
    elif kind in schemas:
        session.out.json(schemas[kind])
    else:
        raise UserError(Fault(f"there is no kind of file called {kind}", nearest(kind, schemas)))


class KindsHelp(DefaultFormatter):
    """Help that ends with the kinds of files and their tables, from what the schemas are made of."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Write one panel, and the kinds below the one that names the argument KIND."""
        super().__call__(console, options, panel)
        if panel.title == "Arguments":
            super().__call__(console, options, _kinds())


def _kinds() -> HelpPanel:
    from bluejacket.definition.kinds import KINDS

    entries = [
        HelpEntry(
            positive_names=(kind.name,),
            description=f"{kind.where}: {', '.join(field.alias or name for name, field in fields.items())}",
        )
        for kind in KINDS
        for fields in (kind.model.model_fields,)
    ]
    return HelpPanel(format="command", title="Kinds, where they lie, and their tables", entries=entries)
