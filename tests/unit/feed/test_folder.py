"""The folder of a feed is laid out from its index, which says what belongs there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError
from bluejacket.feed.build import _known, _summarise
from bluejacket.feed.built import Built
from bluejacket.feed.compose import TABLE, Table, compose_index
from bluejacket.feed.folder import lay_out
from bluejacket.feed.verify import verify_feed
from bluejacket.package.made import Made
from bluejacket.store import State, Step, Store
from debs import BUILT
from feeds import FEED, SIGNER, THINGS, key_of, make


@pytest.fixture
def packages(tmp_path: Path) -> list[Made]:
    return [make(thing, tmp_path) for thing in THINGS]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state/store")


@pytest.fixture
def index(store: Store, packages: list[Made]) -> Path:
    return compose_index(store, FEED, packages[::-1], SIGNER, BUILT)


def test_an_index_knows_its_packages_and_holds_none(store: Store, packages: list[Made], index: Path) -> None:
    assert sorted(path.name for path in index.iterdir()) == [TABLE, "repodata"]
    assert list(index.rglob("*.rpm")) == []
    names = ["first-1.0-1.noarch.rpm", "second-2.0-1.noarch.rpm", "third-3-0.noarch.rpm"]
    found = Table.read(store, index.parent.name)
    assert list(found.names) == [made.filename for made in packages] == names
    assert list(found.hashes) == list(found.keys) == [key_of(made.rpm) for made in packages]


def test_a_folder_holds_what_its_index_tells_of(store: Store, packages: list[Made], index: Path) -> None:
    folder = lay_out(store, index.parent.name, packages)
    verdict = verify_feed(folder, SIGNER.certificate())
    assert (verdict.packages, verdict.faults) == (3, ())
    assert all((folder / f"repodata/{f.name}").samefile(f) for f in (index / "repodata").iterdir())
    recorded = store.hashes_of(folder.parent.name)
    assert {recorded[f"packages/{made.filename[0]}/{made.filename}"] for made in packages} == {
        key_of(made.rpm) for made in packages
    }
    assert sorted({oct(path.stat().st_mode & 0o777) for path in folder.rglob("*")}) == ["0o644", "0o755"]


@pytest.mark.parametrize("harm", ["damaged", "gone"])
def test_an_index_that_is_not_whole_is_made_again(
    tmp_path: Path, packages: list[Made], index: Path, harm: str
) -> None:
    state, key = State(tmp_path / "state"), index.parent.name
    folder = lay_out(state.store, key, packages)
    built = Built("1", folder, folder.parent.name, key, BUILT, 3, 9, ("a",), ())
    whole = Step("build", "code")
    state.store.obtain(whole, lambda into: _summarise(built, into))
    assert _known(State(tmp_path / "state"), whole) == built
    if harm == "gone":
        (index.parent / "record.json").unlink()
    else:
        table = json.loads((index / TABLE).read_text())
        (index / TABLE).write_text(json.dumps([table[0], table[2][::-1], table[1]]))
    later = State(tmp_path / "state")
    with pytest.raises(
        OutsideError, match=r"the store has no whole index .* of a feed \(build the feed again"
    ):
        Table.read(later.store, key)
    assert _known(later, whole) is None
    again = compose_index(later.store, FEED, packages, SIGNER, BUILT)
    assert again == index
    assert _known(State(tmp_path / "state"), whole) == built
