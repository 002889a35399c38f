"""The schemas that OSV and CSAF documents have to fit, and validators of them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

SCHEMAS = Path(__file__).parent / "unit" / "feed" / "advisory" / "schemas"
FORMATS = FormatChecker(())


@FORMATS.checks("date-time", ValueError)
def is_time(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


@FORMATS.checks("uri", ValueError)
def is_address(text: str) -> bool:
    return bool(urlsplit(text).scheme) and text.isascii() and not re.search(r"[\s<>\"{}|\\^`]", text)


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text("utf-8"))


def validator(table: Any) -> Draft202012Validator:
    """A validator that knows the schemas which CSAF's refer to."""
    known = {
        "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json": schema("csaf-2.0.json"),
    }
    resources = [(uri, Resource.from_contents(content)) for uri, content in known.items()]
    for version in ("2.0", "3.0", "3.1"):
        cvss = DRAFT7.create_resource(schema(f"cvss-v{version}.json"))
        resources.append((f"https://www.first.org/cvss/cvss-v{version}.json", cvss))
    return Draft202012Validator(table, registry=Registry().with_resources(resources), format_checker=FORMATS)


def relaxed_osv() -> Any:
    """OSV's schema, of which only the lists of known databases and ecosystems are a little longer."""
    table = schema("osv-1.7.5.json")
    names = table["$defs"]
    names["prefix"]["pattern"] = names["prefix"]["pattern"].replace("|ALSA|", "|ALSA|BJSA|")
    names["ecosystemWithSuffix"]["pattern"] = names["ecosystemWithSuffix"]["pattern"].replace(
        "|Alpine|", "|Alpine|Bluejacket|"
    )
    assert "BJSA" in names["prefix"]["pattern"]
    assert "Bluejacket" in names["ecosystemWithSuffix"]["pattern"]
    return table


OSV, CSAF, PROVIDER = (
    validator(relaxed_osv()),
    validator(schema("csaf-2.0.json")),
    validator(schema("csaf-provider-2.0.json")),
)
