"""Every relation of the whole archive has the same truth in Debian's order and in RPM's."""

from __future__ import annotations

import itertools
import random
import subprocess
from pathlib import Path

import pytest

from bluejacket.foundation.debian.convert_index import read_index
from bluejacket.foundation.debian.relations import Mapper, parse
from bluejacket.foundation.debian.version import debian_key, to_evr
from bluejacket.foundation.metadata import Relation

pytestmark = pytest.mark.integration
HOLDS = {"<": (-1,), "<=": (-1, 0), "=": (0,), ">=": (0, 1), ">": (1,)}


@pytest.fixture(scope="module")
def archive(index_files):
    return [(s, parse(s)) for _, s in read_index(index_files)]


def test_our_order_is_dpkgs_over_the_archive(archive) -> None:
    """dpkg is asked about neighbours in our order, and about pairs drawn over all versions."""
    versions = sorted({s["version"] for s, _ in archive}, key=debian_key)
    draw = random.Random(len(versions))
    pairs = [(a, b) for a, b in itertools.pairwise(versions) if draw.random() < 0.02]
    pairs += [tuple(sorted(draw.sample(versions, 2), key=debian_key)) for _ in range(300)]
    script = "".join(
        f"dpkg --compare-versions '{a}' {operator(a, b)} '{b}' || echo '{a} {b}'\n" for a, b in pairs
    )
    answer = subprocess.run(["sh"], input=script, capture_output=True, text=True, check=True)
    assert answer.stdout == ""
    assert len(pairs) > 500


def test_rpm_agrees_on_every_relation(archive, sandbox, tmp_path: Path) -> None:
    """The oracle is rpm itself (its Lua `rpm.vercmp`), on each relation and each version it may meet."""
    mapper = Mapper(archive)
    versions: dict[str, set[str]] = {}
    for stanza, parsed in archive:
        versions.setdefault(stanza["package"], set()).add(stanza["version"])
        for atom, *_ in parsed.provides:
            if atom.op:
                versions.setdefault(atom.name, set()).add(atom.version)
    atoms = {
        atom
        for _, parsed in archive
        for groups in parsed.fields.values()
        for group in groups
        for atom in group
        if atom.op and atom.name in versions
    }
    questions: dict[tuple[str, str], None] = {}
    for atom in atoms:
        for relation in mapper.relations(atom):
            for version in versions[atom.name]:
                questions[to_evr(version), relation.evr] = None
    answers = rpm_compares(list(questions), sandbox, tmp_path)
    wrong = []
    for atom in sorted(atoms):
        for version in versions[atom.name]:
            a, b = debian_key(version), debian_key(atom.version)
            debian = ((a > b) - (a < b)) in HOLDS[atom.op]
            rpm = any(holds(r, to_evr(version), answers) for r in mapper.relations(atom))
            if debian != rpm:
                wrong.append((atom, version))
    print(f"{len(atoms)} relations, {len(questions)} comparisons by rpm; rewritten:")
    for row in mapper.rewritten:
        print(f"  {row.name} {row.op} {row.version}  ->  {row.became}")
    assert wrong == []
    assert len(atoms) > 20_000
    assert mapper.rewritten


def operator(left: str, right: str) -> str:
    return "eq" if debian_key(left) == debian_key(right) else "lt"


def holds(relation: Relation, evr: str, answers: dict[tuple[str, str], int]) -> bool:
    return answers[evr, relation.evr] in HOLDS[relation.op]


def rpm_compares(pairs: list[tuple[str, str]], sandbox, folder: Path) -> dict[tuple[str, str], int]:
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
