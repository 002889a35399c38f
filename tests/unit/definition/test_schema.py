"""The JSON Schema says what the models say: jsonschema is the foreign judge."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bluejacket.definition.kinds import KINDS, Kind
from bluejacket.definition.schema import schema_of, schema_of_all

HERE = Path(__file__).parent


def plain(value: Any) -> Any:
    """Give TOML as JSON would have it."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def kind_of(name: str) -> Kind:
    folder = name.partition("/")[0] if "/" in name else ""
    return next(kind for kind in KINDS if kind.folder == folder)


def faults(name: str, text: str) -> list[str]:
    validator = Draft202012Validator(schema_of(kind_of(name)))
    return [error.message for error in validator.iter_errors(plain(tomllib.loads(text)))]


def test_schemas_are_schemas() -> None:
    for schema in schema_of_all().values():
        Draft202012Validator.check_schema(schema)


def test_every_kind_and_only_the_kinds() -> None:
    assert set(schema_of_all()) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("file", sorted((HERE / "good").rglob("*.toml")), ids=lambda path: path.name)
def test_good_files_fit(file: Path) -> None:
    assert faults(str(file.relative_to(HERE / "good")), file.read_text("utf-8")) == []


def test_our_distribution_fits(distro: Path) -> None:
    files = [file for kind in KINDS if kind.folder for file in (distro / kind.folder).glob("*.toml")]
    assert len(files) > 10
    for file in [*files, distro / "distribution.toml"]:
        assert faults(str(file.relative_to(distro)), file.read_text("utf-8")) == [], file


@pytest.mark.parametrize(
    "example", ["unknown-key", "unknown-table", "wrong-types", "out-of-bounds", "missing-keys"]
)
def test_bad_files_do_not(example: str) -> None:
    cases = HERE / "bad" / f"{example}.txt"
    sections = cases.read_text("utf-8").split("== ")[1:-1]
    for section in sections:
        name, _, text = section.partition("\n")
        assert faults(name.strip(), text), name


def options(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in [("", schema), *schema.get("$defs", {}).items()]:
        for key, option in table.get("properties", {}).items():
            yield f"{name}.{key}", option


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_option_says_what_it_means(kind: Kind) -> None:
    for name, option in options(schema_of(kind)):
        assert option.get("description"), name


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.named], ids=lambda kind: kind.name)
def test_what_the_file_name_says_is_no_key(kind: Kind) -> None:
    assert "x-from-file-name" not in str(schema_of(kind))
    assert f".{kind.named}" not in {
        name for name, _ in options(schema_of(kind)) if name.startswith(kind.table.title())
    }
