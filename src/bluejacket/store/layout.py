"""Where things lie in a store, for who has one of its results at hand and not the store itself."""

from __future__ import annotations

from pathlib import Path

RECORD, TREE = "record.json", "tree"  # of a step's folder, steps/ab/<key>/
PARTS = "parts"  # below the store, what is being written


def beside(tree: Path, key: str) -> Path:
    """Give where the result with `key` has its files, in the store that has another result at `tree`."""
    return tree.parents[2] / key[:2] / key / TREE


def scratch_beside(tree: Path) -> Path:
    """Give where to write for a while in the store that has a result at `tree`; a collection empties it."""
    return tree.parents[3] / PARTS
