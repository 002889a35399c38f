"""Every relation of the whole archive has the same truth in Debian's order and in RPM's.

Both are asked themselves, each in one process: dpkg as it looks at the dependencies of packages that are to
be configured, rpm by its Lua function `rpm.vercmp`.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from bluejacket.definition import Definitions
from bluejacket.foundation.debian.control import Atom, Stanza
from bluejacket.foundation.debian.convert_index import read_index
from bluejacket.foundation.debian.relations import Mapper, Parsed, parse
from bluejacket.foundation.debian.version import debian_key, to_evr
from bluejacket.foundation.locked import archive_of
from bluejacket.foundation.metadata import Relation
from bluejacket.store import State
from bluejacket.tools import Sandbox

pytestmark = pytest.mark.integration
HOLDS = {"<": (-1,), "<=": (-1, 0), "=": (0,), ">=": (0, 1), ">": (1,)}
DEBIANS = {"<": "<<", ">": ">>"}  # deb-control(5) calls them so
Archive = list[tuple[Stanza, Parsed]]
Bound = tuple[str, str, str]  # a version, an operator of ours, and the version on its right side


@pytest.fixture(scope="module", params=["3", "4"])
def archive(request: pytest.FixtureRequest, state: State, definitions: Definitions) -> Archive:
    """Everything in the archive of a release's foundation as it is today: Debian's trixie and forky."""
    release = definitions.release(request.param)
    index_files = archive_of(state, release, release.foundation).index_files()
    return [(stanza, parse(stanza)) for _, stanza in read_index(index_files)]


def test_our_order_is_dpkgs_over_the_archive(archive: Archive, sandbox: Sandbox, tmp_path: Path) -> None:
    """Each version that a package has, provides or is compared with, beside the next one in our order."""
    mentioned = {atom.version for atom in mentions(archive)}
    versions = sorted({stanza["version"] for stanza, _ in archive} | mentioned, key=debian_key)
    pairs = [(after, operator(before, after), before) for before, after in itertools.pairwise(versions)]
    wrong = [("1", ">", "1"), ("1", ">", "2"), ("1~", "=", "1")]  # what it says of these shows that it looks
    answers = dpkg_holds([*pairs, *wrong], sandbox, tmp_path)
    assert [pair for pair, holds in zip(pairs, answers, strict=False) if not holds] == []
    assert answers[len(pairs) :] == [False] * len(wrong)
    assert len(versions) > 30_000

    draw = random.Random(len(versions))
    drawn = [sorted(draw.sample(versions, 2), key=debian_key) for _ in range(300)]
    script = "".join(
        f"dpkg --compare-versions '{a}' {'eq' if operator(a, b) == '=' else 'lt'} '{b}' || echo '{a} {b}'\n"
        for a, b in drawn
    )
    assert sandbox.output(["sh", "-c", script], name="compare-versions") == ""


def test_rpm_agrees_on_every_relation(archive: Archive, sandbox: Sandbox, tmp_path: Path) -> None:
    """Each relation with each version that it may meet: does it hold there for dpkg, and here for rpm?"""
    mapper = Mapper(archive)
    versions: dict[str, set[str]] = {}
    for stanza, parsed in archive:
        versions.setdefault(stanza["package"], set()).add(stanza["version"])
        for atom, *_ in parsed.provides:
            if atom.op:
                versions.setdefault(atom.name, set()).add(atom.version)
    atoms = sorted({a for a in mentions(archive, provided=False) if a.name in versions})
    asked = [(atom, version) for atom in atoms for version in sorted(versions[atom.name])]
    bounds = list(dict.fromkeys((version, atom.op, atom.version) for atom, version in asked))
    debian = dict(zip(bounds, dpkg_holds(bounds, sandbox, tmp_path), strict=True))
    questions = dict.fromkeys(
        (to_evr(version), relation.evr) for atom, version in asked for relation in mapper.relations(atom)
    )
    answers = rpm_compares(list(questions), sandbox, tmp_path)
    wrong = [
        (atom, version)
        for atom, version in asked
        if debian[version, atom.op, atom.version]
        != any(rpm_holds(relation, to_evr(version), answers) for relation in mapper.relations(atom))
    ]
    print(f"{len(atoms)} relations, {len(bounds)} of dpkg's, {len(questions)} of rpm's; rewritten:")
    for row in mapper.rewritten:
        print(f"  {row.name} {row.op} {row.version}  ->  {row.became}")
    assert wrong == []
    assert len(atoms) > 20_000
    assert set(debian.values()) == {False, True}
    assert mapper.rewritten


def mentions(archive: Archive, *, provided: bool = True) -> set[Atom]:
    """Give each part of a relation that has a version, of what packages provide as well if `provided`."""
    return {
        atom
        for _, parsed in archive
        for groups in (*parsed.fields.values(), *([parsed.provides] if provided else []))
        for group in groups
        for atom in group
        if atom.op
    }


def operator(before: str, after: str) -> str:
    return "=" if debian_key(before) == debian_key(after) else ">"


def rpm_holds(relation: Relation, evr: str, answers: dict[tuple[str, str], int]) -> bool:
    return answers[evr, relation.evr] in HOLDS[relation.op]


def dpkg_holds(bounds: Sequence[Bound], sandbox: Sandbox, folder: Path) -> list[bool]:
    """Have dpkg say which of these hold: each is the dependency of a package that waits to be configured.

    Nothing is configured: `--no-act`. dpkg names each one that it would, and of the others why not.
    """
    top = folder / "dpkg"
    for name in ("info", "updates"):
        (top / name).mkdir(parents=True)
    (top / "info/format").write_text("1\n")
    (top / "available").touch()
    rest = "Architecture: all\nMaintainer: nobody\nDescription: of a test\n\n"
    with (top / "status").open("w", encoding="utf-8") as out:
        for number, (version, op, bound) in enumerate(bounds):
            out.write(f"Package: have-{number}\nStatus: install ok installed\nVersion: {version}\n{rest}")
            wanted = f"Depends: have-{number} ({DEBIANS.get(op, op)} {bound})\n"
            out.write(f"Package: want-{number}\nStatus: install ok unpacked\nVersion: 1\n{wanted}{rest}")
    command = ["dpkg", "--admindir=/run/dpkg", "--no-act", f"--abort-after={len(bounds) + 1}"]
    log = sandbox.output(
        [*command, "--configure", "--pending"], name="dpkg", binds={top: "/run/dpkg"}, statuses=(0, 1)
    )
    held = {int(number) for number in re.findall(r"^Setting up want-(\d+) \(1\)", log, re.MULTILINE)}
    denied = {int(number) for number in re.findall(r"^ want-(\d+) depends on ", log, re.MULTILINE)}
    assert held | denied == set(range(len(bounds)))
    assert not held & denied
    return [number in held for number in range(len(bounds))]


def rpm_compares(
    pairs: Sequence[tuple[str, str]], sandbox: Sandbox, folder: Path
) -> dict[tuple[str, str], int]:
    folder.joinpath("pairs").write_text("".join(f"{a} {b}\n" for a, b in pairs))
    folder.joinpath("compare.lua").write_text(
        "for line in io.lines('/tmp/pairs/pairs') do\n"
        "  local a, b = line:match('(%S+) (%S+)')\n"
        "  io.stdout:write(rpm.vercmp(a, b), '\\n')\n"
        "end\n"
    )
    lua = "%{lua: dofile('/tmp/pairs/compare.lua')}"
    log = sandbox.run(["rpm", "--eval", lua], name="vercmp", ro_binds={folder: "/tmp/pairs"})
    answers = [int(line) for line in log.read_text().splitlines()[1:] if line.strip()]
    assert len(answers) == len(pairs)
    return dict(zip(pairs, answers, strict=True))
