"""A package's relations as its overlay has them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from bluejacket.definition import Overlay
from bluejacket.errors import Fault, UserError
from bluejacket.foundation.metadata import Package, Relation

_OPERATORS = {"or", "and", "if", "else", "with", "without", "unless"}


def overlaid(package: Package, overlay: Overlay | None) -> Package:
    """Give the package with its overlay's changes of relations.

    Raises UserError for a relation that is to be left out and is not there: upstream has changed,
    and the overlay wants another look.
    """
    if overlay is None:
        return package
    requires = (*package.requires_pre, *package.requires)
    _must_exist(overlay, "drop_requires", overlay.drop_requires, requires)
    _must_exist(overlay, "drop_provides", overlay.drop_provides, package.provides)
    _must_exist(overlay, "drop_conflicts", overlay.drop_conflicts, package.conflicts)
    return replace(
        package,
        requires=(*_without(package.requires, overlay.drop_requires), *overlay.requires),
        requires_pre=_without(package.requires_pre, overlay.drop_requires),
        provides=(*_without(package.provides, overlay.drop_provides), *overlay.provides),
        conflicts=(*_without(package.conflicts, overlay.drop_conflicts), *overlay.conflicts),
        obsoletes=(*package.obsoletes, *overlay.obsoletes),
        recommends=(*package.recommends, *overlay.recommends),
    )


def names_in(relation: str) -> frozenset[str]:
    """Give the names that a relation mentions; a rich one mentions several."""
    if not relation.startswith("("):
        return frozenset({Relation.parse(relation).name})
    return frozenset(re.findall(r"(?:^|[(\s])(deb-virtual\([^)]*\)|[^\s()<>=]+)", relation)) - _OPERATORS


def _without(relations: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    dropped = set(names)
    return tuple(r for r in relations if not names_in(r) & dropped)


def _must_exist(overlay: Overlay, key: str, names: Iterable[str], relations: Iterable[str]) -> None:
    held = {name for relation in relations for name in names_in(relation)}
    for name in names:
        if name not in held:
            raise UserError(
                Fault(
                    f"the overlay of {overlay.package} names {name} under {key}, "
                    "which the package does not have",
                    "upstream may have changed: look at the package again and take the name out",
                )
            )
