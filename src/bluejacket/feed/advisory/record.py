"""Advisories as JSON, in which a snapshot keeps them: nothing lost, and the same bytes for the same ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from typing import Any

from bluejacket.errors import Fault, OutsideError
from bluejacket.feed.advisory.model import Advisory, Fixed, Kind, NotAffected, Reference, Severity

FORMAT = 1


def to_json(advisories: Sequence[Advisory]) -> str:
    """Give the text of `advisories.json`, one advisory a line, so that a difference can be read."""
    rows = ",\n".join(json.dumps(_row(one), ensure_ascii=False, sort_keys=True) for one in advisories)
    return f'{{"format": {FORMAT}, "advisories": [\n{rows}\n]}}\n'


def from_json(text: str) -> tuple[Advisory, ...]:
    """Read what `to_json` wrote. Raises OutsideError for anything else."""
    try:
        table = json.loads(text)
        if table["format"] != FORMAT:
            raise ValueError(f"format {table['format']}, where {FORMAT} is understood")
        return tuple(_advisory(row) for row in table["advisories"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"these are no advisories: {error}"
        raise OutsideError(Fault(what, "the file is damaged, or of a newer Bluejacket")) from error


def _row(advisory: Advisory) -> dict[str, Any]:
    """Give one advisory without what is as if nobody had said it."""
    usual = {field.name: field.default for field in fields(Advisory) if field.default is not MISSING}
    return {k: v for k, v in asdict(advisory).items() if k not in usual or v != usual[k]}


def _advisory(row: Mapping[str, Any]) -> Advisory:
    values = dict(row)
    values["kind"], values["severity"] = Kind(row["kind"]), Severity(row["severity"])
    for key in ("cves", "amended"):
        values[key] = tuple(row.get(key, ()))
    for key, kind in (("fixed", Fixed), ("references", Reference), ("not_affected", NotAffected)):
        names = {field.name for field in fields(kind)}
        values[key] = tuple(kind(**_known(one, names)) for one in row.get(key, ()))
    return Advisory(**_known(values, {field.name for field in fields(Advisory)}))


def _known(row: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    if strange := sorted(row.keys() - names):
        raise ValueError(f"unknown key {strange[0]}")
    return dict(row)
