from __future__ import annotations

import gc

import pytest

from bluejacket.feed.garbage import uncollected


def test_the_search_is_left_out_and_comes_back_whatever_happens() -> None:
    @uncollected()
    def fails() -> None:
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
        raise KeyError

    assert gc.isenabled()
    with pytest.raises(KeyError):
        fails()
    assert gc.isenabled()
