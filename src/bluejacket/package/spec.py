"""Packages of our own: built from a spec file by rpmbuild, in the tools tree, without network."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import rpm_rs

from bluejacket.definition.options import Options
from bluejacket.errors import Fault, Place, UserError
from bluejacket.package.convert import BUILD_HOST
from bluejacket.package.describe import write_description
from bluejacket.package.keys import KEY_TIME, Signer
from bluejacket.package.made import Made
from bluejacket.package.sign import sign_package
from bluejacket.report import SILENT
from bluejacket.store import Step, Store, code_of
from bluejacket.store.blobs import sha256_of
from bluejacket.store.files import remove_tree
from bluejacket.store.steps import canonical
from bluejacket.tools import Sandbox
from bluejacket.tools.tree import unpack

UNPACKED = "foundation"  # below SOURCES: the files of upstream packages that the build reads
_TOP = "/run/build"  # the same inside every sandbox, so that no package holds a path of this machine
_CODE = (
    "bluejacket.package.describe",
    "bluejacket.package.openpgp_write",
    "bluejacket.package.sign",
    "bluejacket.package.spec",
)
_PAYLOADS = {"zstd": "w{}.zstdio", "gzip": "w{}.gzdio", "xz": "w{}.xzdio", "none": "w.ufdio"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """One spec to build. `name` is the component's; `macros` are what `%{…}` in the spec gives.

    `generated` are sources that the build makes, beside the files that lie in the spec's folder: a
    name below SOURCES with its content, or a file that has it. `epoch` (seconds since 1970) dates
    everything. `inputs` are keys of what else the build reads, `unpacked` upstream packages whose files
    lie below SOURCES/foundation.
    """

    name: str
    spec: Path
    options: Options
    epoch: int
    macros: Mapping[str, str] = field(default_factory=dict)
    generated: Mapping[str, bytes | Path] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    unpacked: tuple[Path, ...] = ()


def build_spec(store: Store, box: Sandbox, tools: str, recipe: Recipe, signer: Signer) -> list[Made]:
    """Give the signed RPMs of a spec, built now if they are not there.

    `tools` is the key of the tools tree in which `box` runs. Raises UserError for a spec that is
    missing, and ToolFailed, which names the log, for a build that fails.
    """
    if not recipe.spec.is_file():
        what = "there is no such spec file"
        raise UserError(Fault(what, f"component {recipe.name} names it", Place(recipe.spec)))
    step = Step(
        f"spec-{recipe.name}",
        code_of(*_CODE),
        canonical(
            {
                "sources": dict(_digests(recipe)),
                "spec": recipe.spec.name,
                "command": command(recipe),
                "epoch": recipe.epoch,
                "with": [version("rpm-rs"), version("createrepo-c")],
            }
        ),
        (tools, signer.fingerprint, *recipe.inputs, *map(sha256_of, recipe.unpacked)),
    )
    folder = store.obtain(step, lambda into: _build(box, recipe, signer, into))
    found = sorted(folder.glob("*.rpm"))
    return [Made(str(rpm), rpm_rs.PackageMetadata.open(str(rpm)).name, step.key) for rpm in found]


def _build(box: Sandbox, recipe: Recipe, signer: Signer, into: Path) -> None:
    top = into / "build"
    sources = top / "SOURCES"
    for name in ("BUILD", "BUILDROOT", "RPMS", "SOURCES", "db", "tmp"):
        (top / name).mkdir(parents=True)
    _lay_out(recipe, sources)
    box.run(
        command(recipe),
        name=f"rpmbuild-{recipe.name}",
        binds={top: _TOP},
        env={"SOURCE_DATE_EPOCH": str(recipe.epoch), "TMPDIR": f"{_TOP}/tmp"},
        cwd=f"{_TOP}/SOURCES",
        limit_s=recipe.options.build_limit_s,
    )
    for rpm in sorted((top / "RPMS").rglob("*.rpm")):
        write_description(sign_package(rpm, signer, max(recipe.epoch, KEY_TIME), into))
    remove_tree(top)


def command(recipe: Recipe) -> list[str]:
    """Give the rpmbuild command that runs in the sandbox."""
    options = recipe.options
    method, _, level = options.compression.partition(":")
    macros = {
        "_topdir": _TOP,
        "_tmppath": f"{_TOP}/tmp",
        "_sourcedir": f"{_TOP}/SOURCES",
        "_rpmformat": "4",
        "_buildhost": BUILD_HOST,
        "_buildshell": "/usr/bin/bash",  # as Fedora's specs expect
        "_build_id_links": "none",
        "debug_package": "%{nil}",
        "__os_install_post": "%{nil}",
        "_binary_filedigest_algorithm": "8",  # SHA-256, RFC 9580 section 9.5
        "_binary_payload": _PAYLOADS[method].format(level),
        "source_date_epoch_from_changelog": "0",
        "use_source_date_epoch_as_buildtime": "1",
        "clamp_mtime_to_source_date_epoch": "1",
        "build_mtime_policy": "clamp_to_source_date_epoch",
    }
    if options.vendor:
        macros["vendor"] = _literal(options.vendor)
    if options.packager:
        macros["packager"] = _literal(options.packager)
    macros |= {name: _literal(value) for name, value in recipe.macros.items()}
    line = ["rpmbuild", "-bb", "--nodeps", "--dbpath", f"{_TOP}/db"]
    for name, value in macros.items():
        line += ["--define", f"{name} {value}"]
    for text in options.macros:
        line += ["--define", text]
    if not options.check:
        line.append("--nocheck")
    return [*line, recipe.spec.name]


def _literal(value: str) -> str:
    return value.replace("%", "%%")


def _files(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    folder = recipe.spec.parent
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _digests(recipe: Recipe) -> Iterator[tuple[str, tuple[str, int]]]:
    """Give name, digest and mode of each source."""
    for name, path in _files(recipe):
        yield name, (sha256_of(path), _mode(path))
    for name, content in sorted(recipe.generated.items()):
        digest = sha256_of(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()
        yield name, (digest, 0o644)


def _mode(path: Path) -> int:
    """Give the mode that counts, as git keeps it: whether a file can be run."""
    return 0o755 if path.stat().st_mode & 0o111 else 0o644


def _lay_out(recipe: Recipe, sources: Path) -> None:
    """Copy the sources, with modes and times that do not come from this machine."""
    for name, path in _files(recipe):
        _place(sources / name, path, _mode(path), recipe.epoch)
    for name, content in recipe.generated.items():
        _place(sources / name, content, 0o644, recipe.epoch)
    if recipe.unpacked:
        unpack(recipe.unpacked, sources / UNPACKED, SILENT)
    for folder in (sources, *(p for p in sources.rglob("*") if p.is_dir())):
        folder.chmod(0o755)


def _place(target: Path, content: bytes | Path, mode: int, epoch: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content)
    target.chmod(mode)
    os.utime(target, (epoch, epoch))
