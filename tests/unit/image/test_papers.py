"""What an image's provenance names, on the example's definitions."""

from __future__ import annotations

import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from bluejacket.definition import load
from bluejacket.definition.overlay import AddedFile
from bluejacket.foundation.index import IndexRecord
from bluejacket.foundation.lock import Lock, Locked, lock_file, write_lock
from bluejacket.foundation.metadata import Package
from bluejacket.image.choose import Chosen
from bluejacket.image.papers import provenance
from bluejacket.image.plan import Plan
from bluejacket.inquiry.images import materials_of

GOOD = Path(__file__).parents[1] / "definition" / "good"
EPOCH = 1_790_000_000


def locked(name: str, digest: str) -> Locked:
    texts = dict.fromkeys(("section", "priority", "summary", "description", "url", "location"), "")
    upstream = {"upstream_name": name, "upstream_version": "1-1", "source": name, "source_version": "1-1"}
    package = Package(
        name=name, evr="1-1", arch="x86_64", archive="debian", sha256=digest * 64, size=1, installed_size=1,
        **texts, **upstream,
    )  # fmt: skip
    return Locked(package, ())


@pytest.mark.parametrize("tools_release", ["1", "2"])
def test_every_input_is_named_by_hash(tmp_path: Path, tools_release: str) -> None:
    shutil.copytree(GOOD, tmp_path / "distro")
    release = replace(load(tmp_path / "distro").release("1"), tools_release=tools_release)
    index = IndexRecord("debian", "forky", "1" * 64, "2026-11-01T00:00:00+00:00", (), "it is old")
    packages, tools, materials = (locked(*pair) for pair in (("bash", "2"), ("tar", "3"), ("kernel", "4")))
    lock = Lock("1", "archive", "", EPOCH, (index,), (packages,), (tools,), (materials,))
    for version in ("1", "2"):
        write_lock(replace(lock, release=version), lock_file(release).with_name(f"{version}.json"))
    (tmp_path / "distro/motd").write_text("hello\n")
    files = (
        AddedFile.model_validate({"path": "/etc/motd", "source": "motd"}),
        AddedFile.model_validate({"path": "/etc/issue", "source": "motd"}),
        AddedFile.model_validate({"path": "/etc/said", "content": "in the definition itself"}),
    )
    image = release.images["small"].model_copy(update={"files": files})
    chosen = Chosen("bash", "1-1", "x86_64", Path("bash-1-1.x86_64.rpm"), "5" * 64)
    plan = Plan(release, image, release.profile_of(image), (chosen,), EPOCH)
    named = materials_of(provenance(plan, lock, "6" * 64, "step", {}))
    behind = {lock_file(release).with_name(f"{version}.json") for version in ("1", tools_release)}
    assert len(named) == len(set(named))
    assert set(named) == {
        ("feed", "repomd.xml", "6" * 64),
        ("package", "bash-1-1.x86_64.rpm", "5" * 64),
        ("upstream", packages.package.nevra, "2" * 64),
        ("tool", tools.package.nevra, "3" * 64),
        ("source", materials.package.nevra, "4" * 64),
        ("index", "debian/forky", "1" * 64),
        ("file", "motd", sha256(b"hello\n").hexdigest()),
        *(("lock", f"locks/{file.name}", sha256(file.read_bytes()).hexdigest()) for file in behind),
    }
