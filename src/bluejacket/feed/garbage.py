"""Python's search for cyclic garbage, left out where thousands of rows are made and none is a cycle."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave the search out within the block, or the function that this decorates.

    It looks at all that definitions and libraries hold, again and again as rows are made: a third of
    what composing costs after a small change.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
