"""`bluejacket check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from bluejacket.cli.session import Given
from bluejacket.errors import Fault, UserError


def check(
    *,
    trace: Annotated[str | None, Parameter(help="Tell where each option of this component was said")] = None,
    release: Annotated[str | None, Parameter(help="The release of --trace [default: the newest]")] = None,
    session: Given,
) -> int:
    """Read all definitions and tell every mistake with file, line and key.

    Exit status 2 if there is one.
    """
    try:
        definitions = session.definitions
    except UserError as error:
        if not session.out.as_json:
            raise
        session.out.json({"faults": [_as_data(fault) for fault in error.faults]})
        return 2
    if trace is not None:
        _trace(session, trace, release)
        return 0
    if session.out.as_json:
        session.out.json({"faults": [], "count": definitions.count})
        return 0
    rows = [
        {
            "release": each.version,
            "name": each.pretty_name,
            "foundation": each.foundation.name,
            "components": len(each.components),
            "overlays": len(each.overlays),
            "images": list(each.images),
            "support_end": each.support_end,
        }
        for each in definitions.releases.values()
    ]
    session.out.rows(rows, "release", "name", "foundation", "components", "overlays", "images", "support_end")
    session.report.line(f"{sum(definitions.count.values())} files in {definitions.folder}, no mistake found")
    return 0


def _trace(session: Given, component: str, version: str | None) -> None:
    from bluejacket.definition.explain import nearest

    release = session.release(version)
    if component not in release.origins:
        what = f"release {release.version} has no component {component}"
        raise UserError(Fault(what, nearest(component, release.origins)))
    rows = [
        {"option": origin.key, "value": origin.value, "said_in": str(origin.place)}
        for origin in release.origins[component]
    ]
    session.out.rows(rows, "option", "value", "said_in")


def _as_data(fault: Fault) -> Mapping[str, Any]:
    place = fault.place
    return {
        "file": str(place.file) if place else None,
        "line": place.line if place else None,
        "key": place.key if place else "",
        "what": fault.what,
        "way_out": fault.way_out,
    }
