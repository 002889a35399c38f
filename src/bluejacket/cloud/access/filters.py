"""The few OData filters that clients send to role and identity lists. Source: OData 4.01, part 2, 5.1.1."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CALL = re.compile(r"^(?P<call>[A-Za-z]+)\((?P<argument>.*)\)$")
_EQUAL = re.compile(r"^(?P<name>[A-Za-z/.]+)\s+eq\s+(?P<value>.+)$", re.IGNORECASE)
_ANY = re.compile(r"^(?P<name>[A-Za-z]+)/any\(\s*\w+\s*:\s*\w+\s+eq\s+(?P<value>.+)\)$", re.IGNORECASE)
_STARTS = re.compile(r"^startswith\(\s*(?P<name>[A-Za-z]+)\s*,\s*(?P<value>.+)\)$", re.IGNORECASE)


def terms(text: str) -> Mapping[str, str]:
    """Give what a filter asks for, joined by `and`: names and calls in lower case, values without quotes.

    `principalId eq 'x' and atScope()` is `{"principalid": "x", "atscope()": ""}`; `startswith(name,'x')`
    is `{"startswith name": "x"}`. Raises ValueError for anything else.
    """
    found: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE) if text.strip() else []:
        if one := _STARTS.match(part):
            found[f"startswith {one['name'].lower()}"] = _bare(one["value"])
        elif one := _ANY.match(part) or _EQUAL.match(part):
            found[one["name"].lower()] = _bare(one["value"])
        elif one := _CALL.match(part):
            found[f"{one['call'].lower()}()"] = _bare(one["argument"])
        else:
            raise ValueError(part)
    return found


def _bare(value: str) -> str:
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    return value
