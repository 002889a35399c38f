"""An image's own files, put into a disk that is there already.

This is what makes a changed configuration file cost a second: debugfs puts the files, with owners, modes,
times and labels, into a copy of the root file system's metadata (e2image(8)), a hundredth of the whole. What
it has written there is what a copy of the base's disk has to have different.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from bluejacket.definition import Image
from bluejacket.definition.overlay import AddedFile, Link
from bluejacket.errors import Fault, Place, ToolFailed, UserError
from bluejacket.image.base import ACCOUNTS, CONTENTS, CONTEXTS
from bluejacket.image.copied import Change, differences
from bluejacket.image.disk import DISK, partitions_of
from bluejacket.image.plan import Plan
from bluejacket.tools import Sandbox

_KINDS = {"f": 0o100000, "d": 0o040000, "l": 0o120000}


@dataclass(frozen=True, slots=True)
class Put:
    """One thing to put into the file system: kind `f`, `d` or `l`, permissions, owner, group and content."""

    path: str
    kind: str
    mode: int
    owner: int
    group: int
    content: bytes = b""


def changes_of(box: Sandbox, plan: Plan, base: Path, work: Path) -> list[Change]:
    """Give what the image's files and links change of the base's disk, in the order of offsets.

    `work` is a folder for what is needed meanwhile. Raises UserError for a file that cannot lie where it
    should, or whose owner does not exist.
    """
    puts = list(planned(plan, base))
    if not puts:
        return []
    labelled = (base / CONTEXTS).is_dir()
    lines = commands(puts, plan.epoch, _known(base), work, labelled=labelled)
    (work / "labels.sh").write_text("".join(f"{line}\n" for line in lookups(puts)) if labelled else "")
    _, root = partitions_of(base / DISK)
    _run_debugfs(box, plan, lines, work, base, root)
    return differences(work / "former", work / "latter", root)


def planned(plan: Plan, base: Path) -> Iterator[Put]:
    """Give what is to be put, missing folders before what lies in them."""
    image, known = plan.image, dict(_known(base))
    accounts = json.loads((base / ACCOUNTS).read_text("utf-8"))
    entries: tuple[AddedFile | Link, ...] = (*image.files, *image.links)
    for entry in entries:
        path = str(entry.path)
        for folder in _missing(path, known, image):
            known[folder] = "d"
            yield Put(folder, "d", 0o755, 0, 0)
        if known.get(path) == "d":
            raise UserError(_fault(image, path, "is a folder in the image"))
        if isinstance(entry, Link):
            yield Put(path, "l", 0o777, 0, 0, entry.target.encode())
        else:
            yield Put(
                path,
                "f",
                int(entry.mode, 8),
                _number(accounts["passwd"], entry.owner, image, path),
                _number(accounts["group"], entry.group, image, path),
                _content(entry, plan),
            )
        known[path] = "f"


@lru_cache(maxsize=1)  # what a step has made never changes
def _known(base: Path) -> Mapping[str, str]:
    known: dict[str, str] = json.loads((base / CONTENTS).read_text("utf-8"))
    return known


def _missing(path: str, known: Mapping[str, str], image: Image) -> list[str]:
    folders = [str(folder) for folder in PurePosixPath(path).parents][::-1]
    for folder in folders:
        if known.get(folder, "d") != "d":
            raise UserError(_fault(image, path, f"{folder} is no folder in the image; name the real one"))
    return [folder for folder in folders if folder not in known]


def _fault(image: Image, path: str, what: str) -> Fault:
    return Fault(what, "choose another path", Place(f"images/{image.name}.toml", key=f"image.file {path}"))


def _number(known: Mapping[str, int], name: str, image: Image, path: str) -> int:
    if name not in known:
        raise UserError(
            Fault(
                f"{name} is no user or group of the image",
                "name one that its packages make",
                Place(f"images/{image.name}.toml", key=f"image.file {path}"),
            )
        )
    return known[name]


def _content(entry: AddedFile, plan: Plan) -> bytes:
    if entry.content is not None:
        return entry.content.encode("utf-8")
    assert entry.source is not None
    file = plan.release.path(entry.source)
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(Fault(f"cannot be read: {error.strerror}", "", Place(file))) from error


def lookups(puts: Sequence[Put]) -> list[str]:
    """Give the shell's commands that ask the image's own file contexts for the label of each path.

    They leave the one of number N in the file `label-N`, as an attribute has it: with a NUL at its end.
    """
    contexts = f"/run/base/{CONTEXTS}/file_contexts"
    return [
        shlex.join(
            [
                *("label", str(number), "-b", "file", "-f", contexts),
                *("-k", put.path, "-t", oct(_KINDS[put.kind])[2:]),
            ]
        )
        for number, put in enumerate(puts)
    ]


def commands(
    puts: Sequence[Put], epoch: int, known: Mapping[str, str], work: Path, *, labelled: bool
) -> list[str]:
    """Give debugfs' commands (debugfs(8)), which read labels below `work`; contents are written there."""
    lines: list[str] = []
    for number, put in enumerate(puts):
        parent, name = str(PurePosixPath(put.path).parent), PurePosixPath(put.path).name
        path = _quoted(put.path)
        if put.path in known:
            lines.append(f"rm {path}")
        lines.append(f"cd {_quoted(parent)}")
        if put.kind == "d":
            lines.append(f"mkdir {_quoted(name)}")
        elif put.kind == "l":
            lines.append(f"symlink {_quoted(name)} {_quoted(put.content.decode())}")
        else:
            (work / f"content-{number}").write_bytes(put.content)
            lines.append(f"write /run/work/content-{number} {_quoted(name)}")
        fields = {"mode": f"0{_KINDS[put.kind] | put.mode:o}", "uid": put.owner, "gid": put.group}
        fields |= dict.fromkeys(("atime", "ctime", "mtime", "crtime"), f"@{epoch}")
        lines += [f"set_inode_field {path} {field} {value}" for field, value in fields.items()]
        if labelled:
            lines.append(f"ea_set -f /run/work/label-{number} {path} security.selinux")
        for field in ("ctime", "mtime"):
            lines.append(f"set_inode_field {_quoted(parent)} {field} @{epoch}")
    return lines


def _quoted(path: str) -> str:
    return '"' + path.replace('"', '""') + '"'


# debugfs syncs what it has written: in the sandbox's own /tmp that costs nothing.
_PUT = """\
set -e
cd /run/work
e2image -r -o "$1" /run/base/"$2" former &
label() {
    number=$1
    shift
    selabel_lookup "$@" > told
    sed -n 's/^.*context:[[:space:]]*//p' told | tr '\\n' '\\0' > "label-$number"
    test -s "label-$number" || { echo "no label for $*" >&2; exit 1; }
}
. ./labels.sh
wait $!
cp --sparse=always former /tmp/latter
debugfs -w -f debugfs.commands /tmp/latter
cp --sparse=always /tmp/latter latter
"""


def _run_debugfs(box: Sandbox, plan: Plan, lines: Sequence[str], work: Path, base: Path, root: int) -> None:
    """Write the metadata of the base's root file system to `former`, and with the files to `latter`."""
    (work / "debugfs.commands").write_text("".join(f"{line}\n" for line in lines))
    (work / "put.sh").write_text(_PUT)
    command = ["sh", "/run/work/put.sh", str(root), DISK]
    epoch = str(plan.epoch)
    log = box.run(
        command,
        name=f"files-{plan.image.name}",
        binds={work: "/run/work"},
        ro_binds={base: "/run/base"},
        env={"SOURCE_DATE_EPOCH": epoch, "E2FSPROGS_FAKE_TIME": epoch},
    )
    # debugfs ends with 0 whatever happened: what it says beyond the echo of its commands is an error.
    told = log.read_text("utf-8", "replace").splitlines()[1:]
    harmless = ("debugfs:", "debugfs ", "e2image ", "Allocated inode:")
    odd = [line for line in told if line.strip() and not line.startswith(harmless)]
    if odd:
        raise ToolFailed(f"debugfs could not write the image's files: {odd[0]}", command=command, log=log)
