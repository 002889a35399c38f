"""`bluejacket schema`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bluejacket.cli.session import Given
from bluejacket.errors import Fault, UserError


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
