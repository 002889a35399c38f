"""A good folder loads; each bad example tells exactly what stands in its file.

An example under bad/ replaces files of good/ ("== path"); below "== says" stands what `bluejacket check` must
say about it. `./test --update` writes that part anew: read the difference before you commit it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bluejacket.definition import load
from bluejacket.errors import UserError

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.txt"))


def parts(example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in example.splitlines(keepends=True):
        if line.startswith("== "):
            name = line[3:].strip()
            found[name] = ""
        else:
            found[name] += line
    return found


@pytest.mark.parametrize("example", BAD, ids=lambda path: path.stem)
def test_bad_example_says(example: Path, tmp_path: Path, update: bool) -> None:
    folder = tmp_path / "distro"
    shutil.copytree(HERE / "good", folder)
    files = parts(example.read_text("utf-8"))
    expected = files.pop("says", "")
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    with pytest.raises(UserError) as caught:
        load(folder)
    said = str(caught.value).replace(f"{folder}/", "") + "\n"
    if update:
        inputs = example.read_text("utf-8").partition("== says\n")[0]
        example.write_text(f"{inputs}== says\n{said}", "utf-8")
        return
    assert said == expected


def test_every_example_names_file_and_way_out() -> None:
    for example in BAD:
        for line in parts(example.read_text("utf-8"))["says"].splitlines():
            assert ": " in line, example
            assert line.endswith(")"), (example, line)
