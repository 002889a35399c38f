"""A guest whose power goes in an update: what it wrote until then, and its disk as it was at each flush."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from bluejacket.image.gpt import ESP, ROOT, only, read_partitions
from bluejacket.image.root import differences
from bluejacket.machine import Boot, Machines
from bluejacket.machine.writelog import copy_sparse, count
from bluejacket.package.keys import FileSigner
from bluejacket.package.made import Made
from bluejacket.store import replace_text
from bluejacket.tools import Sandbox
from bootfeeds import REPOSITORY, BootFeeds
from debs import Member, Thing, link
from feeds import make
from guests import LIMIT_S, Guest

FORMER, LATER = "former", "later"
PROBES, FILES = 6, 12
DISK_GIB = 3
REPAIR = "usr/lib/python3/dist-packages/bluejacket_repair.py"


def probes(work: Path, version: int, signer: FileSigner) -> list[Made]:
    """Make version 1 or 2 of some packages. The second replaces, adds and drops files, and needs one more."""
    found = []
    for number in range(PROBES):
        name, random = f"cut-{number}", Random(100 * number + version)
        top = f"/usr/lib/{name}"
        members = [
            Member(f"{top}/file-{one}", random.randbytes(400 * (one + 1) ** 2)) for one in range(FILES)
        ]
        members += [Member(f"{top}/only-in-{version}-{one}", random.randbytes(9000)) for one in range(4)]
        members += [Member(f"{top}/lib.so.{version}", random.randbytes(300_000))]
        members += [link(f"{top}/lib.so", f"lib.so.{version}")]
        thing = Thing(name, f"{version}.0-1", members)
        found.append(
            make(thing, work / str(version), signer, ("cut-more",) if version == 2 and number == 3 else ())
        )
    if version == 2:
        more = Thing("cut-more", "2.0-1", [Member("/usr/lib/cut-more/data", Random(7).randbytes(3_000_000))])
        found.append(make(more, work / "2", signer))
    return found


@dataclass
class Cut:
    """What was recorded, of a guest that began with the image `disk`.

    Numbers count the log's entries: as the update began, as it ended, and after a sync. `files` are the
    paths of each package of the update, old and new, by its NEVRA; `kernels` are the hashes of UKIs,
    `differences` what `rpm -Va` told in the guest before.
    """

    disk: str
    begun: int
    ended: int
    synced: int
    files: dict[str, list[str]]
    kernels: list[str]
    differences: list[str]
    wanted: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)

    def save(self, file: Path) -> None:
        replace_text(file, json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> Cut:
        return cls(**json.loads(file.read_text()))


def feeds_for(top: Path, feeds: BootFeeds, kernel: list[Made]) -> None:
    """Write the feed with what is installed first, and the one with what it is updated to."""
    feeds.small(FORMER, probes(top / "made", 1, feeds.signer))
    feeds.small(LATER, [*probes(top / "made", 2, feeds.signer), *kernel])


def repositories(feeds: BootFeeds) -> str:
    values = {"id": feeds.release.distribution.id, "version": feeds.release.version}
    return "\n".join(REPOSITORY.format(name=name, **values) for name in (FORMER, LATER))


def record(machines: Machines, boot: Boot) -> Cut:
    """Boot, install, update, and give what there is to know of it; the writes are in `boot.writes`."""
    assert boot.writes is not None
    with machines.booted(boot) as (machine, health):
        assert health.reasons == ()
        return update(Guest(machines, machine, health), boot.disk, boot.writes)


def update(guest: Guest, disk: Path, writes: Path) -> Cut:
    """Have a guest that began with `disk` (raw) make an update while its writes are recorded."""
    guest.do("dnf5", "-y", f"--repo={FORMER}", "install", *(f"cut-{n}" for n in range(PROBES)))
    guest.do("sed", "-i", f"/name={LATER}/,$ s/enabled=0/enabled=1/", "/etc/yum.repos.d/test.repo")
    guest.do("dnf5", "-y", "makecache")
    told = guest.ask("rpm", "-Va", limit_s=LIMIT_S).out
    before = packages(guest)
    guest.do("sync")
    begun = count(writes)
    guest.do("dnf5", "-y", "upgrade", "cut-*", "bluejacket-uki", limit_s=LIMIT_S)
    ended = count(writes)
    after = packages(guest)
    guest.do("sync")
    new = sorted(set(after) - set(before))
    kernels = guest.do("sh", "-c", "sha256sum /usr/lib/bluejacket/uki/*.efi").split()[::2]
    files = before | after
    old = sorted(set(before) - set(after))
    return Cut(
        str(disk),
        begun,
        ended,
        count(writes),
        {name: files[name] for name in (*old, *new)},
        kernels,
        [path for _, path in differences(told)],
        new,
        old,
    )


def packages(guest: Guest) -> dict[str, list[str]]:
    """Give each package that an update may change, with its files."""
    form = r"[%{=nevra} %{filenames}\n]"
    found: dict[str, list[str]] = {}
    for line in guest.do("sh", "-c", f"rpm -q --qf '{form}' $(rpm -qa 'cut-*' bluejacket-uki)").splitlines():
        name, path = line.split(" ", 1)
        found.setdefault(name, []).append(path)
    return found


@dataclass
class Remains:
    """A disk after a cut, as it is once its file systems are mounted again.

    `told` is the status of `bluejacket-repair --check` and what it says.
    """

    differences: set[str]
    installed: Counter[str]
    told: tuple[int, str]
    kernels: dict[str, str]


def examine(box: Sandbox, disk: Path, work: Path) -> Remains:
    """Check both file systems of a disk, and ask rpm about what is on it. The disk itself is only read."""
    parts = read_partitions(disk)
    esp, root = only(parts, ESP), only(parts, ROOT)
    for name, part in (("esp.img", esp), ("root.img", root)):
        # A file of its own each time: the kernel may let go of the loop device of the last one later.
        (work / name).unlink(missing_ok=True)
        copy_sparse(disk, work / name, part.offset, part.size)
    here = {work: "/run/work"}
    # The journal first, as a mount does; then what the kernel clears away as it mounts; then all is well.
    box.run(
        ["e2fsck", "-p", "-E", "journal_only", "/run/work/root.img"],
        binds=here,
        name="journal",
        statuses=(0, 1),
    )
    box.run(["e2fsck", "-fp", "/run/work/root.img"], binds=here, name="e2fsck", statuses=(0, 1))
    box.run(["e2fsck", "-fn", "/run/work/root.img"], binds=here, name="e2fsck", statuses=(0,))
    box.run(["fsck.fat", "-a", "/run/work/esp.img"], binds=here, name="fsck.fat", statuses=(0, 1))
    box.run(["fsck.fat", "-n", "/run/work/esp.img"], binds=here, name="fsck.fat", statuses=(0,))
    shutil.rmtree(work / "Linux", ignore_errors=True)
    line = ["mcopy", "-s", "-n", "-i", "/run/work/esp.img", "::EFI/Linux", "/run/work/"]
    box.run(line, binds=here, name="mcopy")
    kernels = {file.name: sha256(file) for file in work.glob("Linux/[!.]*.efi")}
    with mounted(work / "root.img", work / "root") as tree:
        return Remains(*ask_rpm(box, tree, work), kernels)


def ask_rpm(box: Sandbox, tree: Path, work: Path) -> tuple[set[str], Counter[str], tuple[int, str]]:
    script = f"""\
rpmdb --root /run/root --verifydb || exit
rpm --root /run/root -qa >/run/work/installed || exit
rpm --root /run/root --noplugins -Va >/run/work/differences
python3 -I /run/root/{REPAIR} --root /run/root --check >/run/work/told
echo $? >/run/work/status
"""
    line = ["sh", "-c", script]
    box.run(line, binds={tree: "/run/root", work: "/run/work"}, chroots=["/run/root"], name="rpm")
    texts = {name: (work / name).read_text() for name in ("installed", "differences", "told", "status")}
    found = {path for _, path in differences(texts["differences"])}
    return found, Counter(texts["installed"].split()), (int(texts["status"]), texts["told"])


@contextmanager
def mounted(image: Path, place: Path) -> Iterator[Path]:
    """Mount a file system that is in a file."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def named(told: str) -> set[str]:
    """Give the packages that the commands of `bluejacket-repair` name."""
    return {word for line in told.splitlines() if line.startswith("  ") for word in line.split()}


def judge(cut: Cut, before: set[str], state: Remains) -> None:
    """The kernels are whole; what differs is of the update, and said; what is not said does not differ."""
    assert state.kernels
    assert set(state.kernels.values()) <= set(cut.kernels)
    fresh = state.differences - before
    status, told = state.told
    owners = {path: {name for name, files in cut.files.items() if path in files} for path in fresh}
    for path, packages_ in owners.items():
        assert packages_, f"{path} differs, and is not of the update"
        assert packages_ & named(told), f"{path} differs, and the repair does not name {packages_}: {told}"
    new, old = ([state.installed[name] for name in names] for names in (cut.wanted, cut.unwanted))
    done, undone = set(new) == {1} and set(old) == {0}, set(new) == {0} and set(old) == {1}
    whole = not fresh and (done or undone)
    assert status == 1 or (status == 0 and whole), told
    if status == 1:
        assert re.search(r"^  dnf5 -y (re)?install ", told, re.MULTILINE), told


def mounts_work() -> bool:
    """Whether this user may mount."""
    return os.geteuid() == 0
