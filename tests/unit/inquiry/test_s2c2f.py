"""Each requirement is met by its evidence, and not met once that is taken away."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from bluejacket.cli.entry import main
from bluejacket.definition import Release, load
from bluejacket.feed.advisory.record import to_json
from bluejacket.foundation.index import IndexRecord
from bluejacket.foundation.lock import Lock, Locked, asked_by, lock_file, write_lock
from bluejacket.foundation.openpgp import spelled
from bluejacket.foundation.sources import Source, SourceFile, Use
from bluejacket.image.papers import MANIFEST, PROVENANCE, SBOM
from bluejacket.inquiry.s2c2f.framework import REQUIREMENTS, Practice
from bluejacket.inquiry.s2c2f.ground import Ground
from bluejacket.inquiry.s2c2f.measure import LOOKS, Measured, Met, measure, overall_level, practice_level
from bluejacket.package.keys import KEY_TIME
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_detached
from feeds import SIGNER, STRANGER
from inquiries import World, advisory, sha256, shipped, upstream_file, write_json
from keys import key

GOOD = Path(__file__).parents[1] / "definition" / "good"
TODAY = date(2025, 6, 1)  # the release that is measured was published on 2024-02-29, for two years
REPO = "[harbour]\nmetalink=$feed/channels/stable.metalink\ngpgcheck=1\nrepo_gpgcheck=1\n"
STATED = ("SCA-4", "SCA-5", "INV-2", "UPD-3", "AUD-4", "FIX-1")


@dataclass
class Measurable:
    """A world that meets every requirement but one: not everything in it is built here."""

    world: World
    distro: Path
    old: Made
    new: Made
    own: Made
    image: Path

    @property
    def release(self) -> Release:
        return load(self.distro).release("1")

    def measured(self) -> dict[str, Measured]:
        return {one.id: one for one in measure(Ground(self.world.state, self.release, TODAY)).requirements}

    def lock(self, *packages: Made) -> None:
        """Write a lock of `packages`, whose upstream files are put into the store."""
        rows = []
        for made in packages:
            data = upstream_file(made)
            digest = self.keep(data)
            rows.append(Locked(replace(made.package, archive="debian", sha256=digest, size=len(data)), ()))
        records = (self.record("debian", "stable"), self.record("archive-security", "stable-security"))
        release = self.release
        write_lock(
            Lock("1", "archive", asked_by(release), KEY_TIME, records, tuple(rows), ()), lock_file(release)
        )

    def record(self, archive: str, suite: str) -> IndexRecord:
        signer = spelled(self.signer.fingerprint)
        return IndexRecord(archive, suite, "ab" * 32, "2025-05-30T00:00:00+00:00", (signer,))

    @property
    def signer(self):  # type: ignore[no-untyped-def]
        from pysequoia import Cert

        return Cert.from_bytes((self.distro / "keys" / "archive.asc").read_bytes())

    def keep(self, data: bytes) -> str:
        with self.world.state.store.part() as part:
            part.write(data)
            part.commit(part.sha256)
            return part.sha256

    def blob(self, data: bytes) -> Path:
        found = self.world.state.store.peek(hashlib.sha256(data).hexdigest())
        assert found is not None
        return found

    def state(self, name: str, **changes: object) -> None:
        """Write and sign a statement."""
        (self.distro / "plan.md").write_text("what to do\n")
        table = {
            "requirement": name, "by": "A Person", "until": "2026-01-01",
            "documents": {"plan.md": sha256(self.distro / "plan.md")},
            "covers": [hashlib.sha256(upstream_file(made)).hexdigest() for made in (self.old, self.new)],
        } | changes  # fmt: skip
        file = self.statement(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, table)
        signature = sign_detached(file.read_bytes(), SIGNER, KEY_TIME)
        Path(f"{file}.asc").write_text(signature)

    def statement(self, requirement: str) -> Path:
        return self.world.state.root / "records" / "statements" / f"{requirement}.json"

    @property
    def newest(self) -> Path:
        return self.world.state.snapshot_link("harbour", "1", "20250530.1").resolve()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, made: dict[str, Made]) -> Measurable:
    """The world with all its evidence."""
    work = tmp_path_factory.mktemp("measurable")
    distro = work / "distro"
    shutil.copytree(GOOD, distro)
    (distro / "keys" / "archive.asc").write_bytes(bytes(key().extract_certificate()))
    foundation = distro / "foundations" / "archive.toml"
    foundation.write_text(foundation.read_text() + 'keyring = "keys/archive.asc"\n')
    (distro / "packages" / "signs" / "harbour.repo").write_text(REPO)
    (distro / "packages" / "signs" / "mend.patch").write_text("--- a\n+++ b\n")
    profile = distro / "profiles" / "plain.toml"
    profile.write_text(profile.read_text().replace('"ssh.service"', '"ssh.service", "tool-automatic.timer"'))
    world = World(work, tmp_path_factory, made, own={"signs"})
    old, new = world.package("tool", "1:1.0-1"), world.package("tool", "1:1.0-2")
    own = world.package("signs", "1-1")
    told = Measurable(world, distro, old, new, own, work)
    told.lock(new)
    files = tuple(SourceFile(f"pool/{name}", 6, told.keep(name.encode())) for name in ("tool.1", "signs1"))
    world.sources = (
        Source("tool", "1.0-2", Use.SOURCE, ("tool",), "debian", files[:1]),
        Source("signs", "1-1", Use.OWN, ("signs",), "", files[1:]),
    )
    world.snapshot("20250501.1", [old])
    world.channel("stable", world.snapshot("20250530.1", [new, own], [advisory(new)]))
    told.image = world.image("small", [new, own])
    for requirement in STATED:
        told.state(requirement)
    return told


@pytest.fixture
def ground(template: Measurable, tmp_path: Path) -> Measurable:
    """A copy of it, to be harmed."""
    world = template.world.copied(tmp_path)
    image = tmp_path / template.image.relative_to(template.world.work)
    return replace(template, world=world, distro=tmp_path / "distro", image=image)


def test_with_all_evidence_all_is_met_but_rebuilding(ground: Measurable) -> None:
    found = ground.measured()
    assert {name: one.evidence for name, one in found.items() if one.state is not Met.MET} == {
        "REB-1": ("1 of 2 packages are upstream's own binaries: tool-1:1.0-2.noarch",)
    }
    assert all(one.evidence for one in found.values())
    assert overall_level(found.values()) == 3


def test_what_is_all_built_here_takes_no_binaries_in(ground: Measurable) -> None:
    ground.world.snapshot("20250531.1", [ground.own])
    found = ground.measured()
    assert found["REB-1"].state is Met.MET
    assert found["AUD-4"].state is Met.NOT_APPLICABLE


def _edit(file: Path, pattern: str, to: str) -> None:
    text = file.read_text()
    changed = re.sub(pattern, to, text, flags=re.DOTALL)
    assert changed != text
    file.unlink()  # never through a hard link
    file.write_text(changed)


def _lock(ground: Measurable, pattern: str, to: str) -> None:
    _edit(ground.distro / "locks" / "1.json", pattern, to)


def _sign_anew(ground: Measurable) -> None:
    """Make the papers of the image agree again, but for what was changed."""
    from inquiries import sign_sums

    names = ("disk.raw", MANIFEST, SBOM, PROVENANCE)
    sign_sums(ground.image, {name: sha256(ground.image / name) for name in names})


def _no_licence(ground: Measurable) -> None:
    rows = json.loads((ground.image / MANIFEST).read_text())
    write_json(ground.image / MANIFEST, [row | {"licence": ""} for row in rows])


def _foreign_in_image(ground: Measurable) -> None:
    rows = json.loads((ground.image / MANIFEST).read_text())
    write_json(ground.image / MANIFEST, [rows[0] | {"sha256": "00" * 32}, *rows[1:]])


def _own_without_component(ground: Measurable) -> None:
    text = (ground.distro / "components" / "base.toml").read_text()
    text = re.sub(r'\[\[component\]\]\nname = "(signs|anchors)".*?(?=\n\[\[|\Z)', "", text, flags=re.DOTALL)
    (ground.distro / "components" / "base.toml").write_text(text)


def _package(ground: Measurable, made: Made) -> Path:
    from bluejacket.feed.shards import pool_location

    return ground.newest.parents[1] / pool_location(made.rpm.name, sha256(made.rpm))


def _harm(file: Path) -> None:
    data = file.read_bytes()
    file.unlink()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def _no_sbom_of(ground: Measurable, name: str) -> None:
    table = json.loads((ground.image / SBOM).read_text())
    table["packages"] = [one for one in table["packages"] if one["name"] != name]
    write_json(ground.image / SBOM, table)


def _no_snapshot(ground: Measurable) -> None:
    shutil.rmtree(ground.world.state.snapshots("harbour", "1"))


def _no_image(ground: Measurable) -> None:
    ground.world.state.image_link("harbour", "1", "small").unlink()


def _no_lock(ground: Measurable) -> None:
    (ground.distro / "locks" / "1.json").unlink()


def _no_key(ground: Measurable) -> None:
    (ground.world.state.keys / "harbour.key").unlink()


def _barred(ground: Measurable) -> None:
    file = ground.distro / "distribution.toml"
    file.write_text(file.read_text().replace('"telnet"', '"tool"'))


def _nobody_barred(ground: Measurable) -> None:
    _edit(ground.distro / "distribution.toml", r'exclude = \["telnet"\]', "")
    _edit(ground.distro / "releases" / "1.toml", r'exclude = \["rsh"\]', "")


HARMS: list[tuple[str, Callable[[Measurable], object]]] = [
    ("ING-1", _no_lock),
    ("ING-1", lambda g: _lock(g, r'"signers": \[.*?\]', f'"signers": ["{"AB" * 20}"]')),
    ("ING-1", lambda g: _lock(g, '"suite": "stable"', '"suite": "sid"')),
    ("ING-1", lambda g: _lock(g, r'"indexes": \[.*?\n \]', '"indexes": []')),
    ("ING-2", lambda g: g.blob(upstream_file(g.new)).unlink()),
    ("ING-2", lambda g: g.blob(upstream_file(g.new)).write_bytes(b"")),
    ("ING-3", _barred),
    ("ING-3", _nobody_barred),
    ("ING-4", lambda g: g.blob(b"tool.1").unlink()),
    ("ING-4", lambda g: _edit(g.newest / "snapshot.json", r'"sources": \[.*\]', '"sources": []')),
    ("SCA-1", lambda g: (g.newest / "advisories.json").write_text(to_json([]))),
    ("SCA-1", lambda g: (g.newest / "advisories.json").write_text("{")),
    ("SCA-1", _no_image),
    ("SCA-2", _no_licence),
    ("SCA-2", _no_image),
    ("SCA-3", lambda g: _lock(g, '"tolerated": ""', '"tolerated": "18 days past its Valid-Until"')),
    ("SCA-3", lambda g: _edit(g.distro / "releases" / "1.toml", "2024-02-29", "2020-02-29")),
    ("INV-1", lambda g: _no_sbom_of(g, "tool")),
    ("INV-1", _no_image),
    ("UPD-1", lambda g: g.world.state.snapshot_link("harbour", "1", "20250501.1").unlink()),
    ("UPD-1", lambda g: (g.newest / "advisories.json").write_text(to_json([]))),
    ("UPD-2", lambda g: _edit(g.distro / "releases" / "1.toml", r"\Z", '\n[patch]\nmode = "notify"\n')),
    ("UPD-2", lambda g: _edit(g.distro / "profiles" / "plain.toml", "tool-automatic", "tool-weekly")),
    (
        "UPD-2",
        lambda g: _edit(g.distro / "profiles" / "plain.toml", r"\Z", 'mask = ["tool-automatic.timer"]\n'),
    ),
    ("AUD-1", lambda g: g.lock(g.old)),
    ("AUD-1", _own_without_component),
    ("AUD-1", lambda g: _edit(g.image / PROVENANCE, sha256(g.new.rpm), "00" * 32)),
    (
        "AUD-2",
        lambda g: (g.distro / "packages" / "signs" / "program").write_bytes(b"\x7fELF\x02\x01\x01\x00"),
    ),
    (
        "AUD-2",
        lambda g: _edit(g.newest / "snapshot.json", '"archive": "debian", "name"', '"archive": "x", "name"'),
    ),
    ("AUD-2", _own_without_component),
    ("AUD-3", lambda g: _harm(g.blob(upstream_file(g.new)))),
    ("AUD-3", lambda g: _harm(_package(g, g.new))),
    ("AUD-3", lambda g: _package(g, g.own).unlink()),
    ("AUD-3", lambda g: _harm(g.newest / "repodata" / "repomd.xml")),
    ("AUD-3", _no_key),
    (
        "ENF-1",
        lambda g: _edit(g.distro / "packages/signs/harbour.repo", "repo_gpgcheck=1", "repo_gpgcheck=0"),
    ),
    ("ENF-1", lambda g: _edit(g.distro / "packages/signs/harbour.repo", "\ngpgcheck=1", "")),
    ("ENF-1", lambda g: (g.distro / "packages/signs/harbour.repo").unlink()),
    ("ENF-1", lambda g: _lock(g, '"asked": "', '"asked": "00')),
    ("ENF-2", _foreign_in_image),
    ("ENF-2", lambda g: g.world.state.channel_file("harbour", "1", "stable").unlink()),
    ("ENF-2", lambda g: _edit(g.newest / "snapshot.json", '"repomd_sha256": "..', '"repomd_sha256": "zz')),
    ("REB-2", lambda g: _harm(_package(g, g.own))),
    ("REB-2", _no_key),
    ("REB-3", lambda g: _no_sbom_of(g, "signs")),
    ("REB-4", lambda g: _no_sbom_of(g, "signs")),
    ("REB-4", lambda g: (g.image / "SHA256SUMS.asc").unlink()),
    ("FIX-1", lambda g: (g.distro / "packages" / "signs" / "mend.patch").unlink()),
    ("FIX-1", lambda g: g.world.state.channel_file("harbour", "1", "stable").unlink()),
    *(
        (name, _no_snapshot)
        for name in ("ING-3", "ING-4", "UPD-1", "AUD-1", "AUD-2", "REB-1", "REB-2", "REB-3")
    ),
]


@pytest.mark.parametrize(("requirement", "harm"), HARMS, ids=[name for name, _ in HARMS])
def test_without_its_evidence_a_requirement_is_not_met(
    ground: Measurable, requirement: str, harm: Callable[[Measurable], object]
) -> None:
    harm(ground)
    found = ground.measured()[requirement]
    assert found.state is Met.NOT_MET, found
    assert found.evidence
    assert found.evidence[0]


@pytest.mark.parametrize("requirement", STATED)
def test_what_nobody_states_is_not_met(ground: Measurable, requirement: str) -> None:
    ground.statement(requirement).unlink()
    found = ground.measured()[requirement]
    assert (found.state, found.evidence[0][:19]) == (Met.NOT_MET, "nobody states it in")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"until": "2025-05-31"}, "held until 2025-05-31"),
        ({"until": "soon"}, "no statement that counts"),
        ({"requirement": "INV-2"}, "is about INV-2"),
        ({"documents": {}}, "names no document"),
        ({"documents": {"plan.md": "00" * 32}}, "documents are not as they were stated: plan.md"),
        ({"documents": {"../plan.md": "00" * 32}}, "documents are not as they were stated"),
        ({"covers": []}, "1 of 1 packages are not covered by the statement: tool-1:1.0-2.noarch"),
        ({"by": None, "documents": None}, "no statement that counts"),
    ],
)
def test_a_statement_that_does_not_hold_is_no_evidence(
    ground: Measurable, changes: dict[str, object], said: str
) -> None:
    ground.state("SCA-4", **changes)
    found = ground.measured()["SCA-4"]
    assert found.state is Met.NOT_MET
    assert said in found.evidence[0]


def test_a_statement_counts_by_our_signature_alone(ground: Measurable) -> None:
    file = ground.statement("INV-2")
    Path(f"{file}.asc").write_text(sign_detached(file.read_bytes(), STRANGER, KEY_TIME))
    assert ground.measured()["INV-2"].state is Met.NOT_MET
    ground.state("INV-2")
    assert ground.measured()["INV-2"].state is Met.MET
    (ground.distro / "plan.md").write_text("something else\n")
    assert ground.measured()["INV-2"].state is Met.NOT_MET


def test_the_framework_is_whole() -> None:
    numbers = {"ING": 4, "SCA": 5, "INV": 2, "UPD": 3, "AUD": 4, "ENF": 2, "REB": 4, "FIX": 1}
    wanted = [f"{name}-{number}" for name, most in numbers.items() for number in range(1, most + 1)]
    assert sorted(one.id for one in REQUIREMENTS) == sorted(wanted) == sorted(LOOKS)
    levels = {level: sum(one.level == level for one in REQUIREMENTS) for level in (1, 2, 3, 4)}
    assert levels == {1: 6, 2: 7, 3: 6, 4: 6}
    tested = {name for name, _ in HARMS} | set(STATED)
    assert tested == set(LOOKS)  # nobody's evidence stays untried


def test_levels_follow_from_what_is_met() -> None:
    def found(*states: tuple[int, Met]) -> list[Measured]:
        return [Measured("X-1", Practice.SCAN, level, "", state, ("",)) for level, state in states]

    met, not_met, other = Met.MET, Met.NOT_MET, Met.NOT_APPLICABLE
    assert practice_level(found((1, met), (1, not_met), (2, met))) == 0
    assert practice_level(found((1, met), (2, met), (3, not_met))) == 2
    assert practice_level(found((4, not_met))) == 0
    assert practice_level(found((2, met), (3, other))) == 3
    assert overall_level(found((1, met), (2, met), (4, not_met))) == 3
    assert overall_level(found((1, not_met), (4, met))) == 0
    assert overall_level(found((4, met))) == 4


def test_the_command_prints_levels_and_evidence(
    ground: Measurable, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--distro", str(ground.distro), "--state", str(ground.world.state.root), "s2c2f", "1"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "REB-1" in told.out
    assert "release 1 reaches level" in told.err
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"release", "level", "practices", "requirements"}
    assert found["practices"]["Rebuild"] == 0
    assert len(found["requirements"]) == len(REQUIREMENTS)
    assert shipped(ground.new).nevra in json.dumps(found)
