"""RPM repositories made for a test: packages by rpm-rs, metadata by createrepo_c."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import createrepo_c
import rpm_rs
from pysequoia import Tsk

from keys import detached

DATE = 1_700_000_000


@dataclass(frozen=True)
class Spec:
    """What a test package is. `requires` and others may be rich, in parentheses."""

    name: str
    version: str = "1.0"
    release: str = "1"
    epoch: int = 0
    arch: str = "x86_64"
    requires: Sequence[str] = ()
    provides: Sequence[str] = ()
    recommends: Sequence[str] = ()
    supplements: Sequence[str] = ()
    conflicts: Sequence[str] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def package(spec: Spec, folder: Path, signers: Sequence[Tsk] = (), *, v6: bool = False) -> Path:
    """Build one RPM below `folder`, signed by each of `signers`."""
    builder = rpm_rs.PackageBuilder(spec.name, spec.version, "MIT", spec.arch, f"{spec.name} of a test")
    form = rpm_rs.RpmFormat.V6 if v6 else rpm_rs.RpmFormat.V4
    builder.using_config(rpm_rs.BuildConfig(format=form, source_date=DATE))
    builder.release(spec.release)
    if spec.epoch:
        builder.epoch(spec.epoch)
    for kind in ("requires", "provides", "recommends", "supplements", "conflicts"):
        for relation in getattr(spec, kind):
            getattr(builder, kind)(relation)
    for path, content in spec.files.items():
        builder.with_file_contents(content, rpm_rs.FileOptions.new(path))
    built = builder.build()
    for signer in signers:
        built.apply_signature(detached(signer, built.header_bytes(), armor=False))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{spec.name}-{spec.version}-{spec.release}.{spec.arch}.rpm"
    built.write_file(str(file))
    return file


def repository(
    folder: Path,
    *,
    revision: str = "100",
    compression: int = createrepo_c.ZSTD,
    extra: Mapping[str, bytes] | None = None,
    updates: Sequence[createrepo_c.UpdateRecord] = (),
    signer: Tsk | None = None,
) -> Path:
    """Write the metadata of all packages below `folder`; gives its repomd.xml."""
    shutil.rmtree(folder / "repodata", ignore_errors=True)
    packages = sorted(folder.glob("Packages/*.rpm"))
    writer = createrepo_c.RepositoryWriter(folder, num_packages=len(packages), compression=compression)
    writer.repomd.set_revision(revision)
    for file in packages:
        writer.add_pkg_from_file(str(file))
    for kind, content in (extra or {}).items():
        source = folder / f"{kind}.source"
        source.write_bytes(content)
        writer.add_repomd_metadata(kind, str(source))
        source.unlink()
    for update in updates:
        writer.add_update_record(update)
    writer.finish()
    repomd = folder / "repodata" / "repomd.xml"
    if signer is not None:
        repomd.with_name("repomd.xml.asc").write_bytes(detached(signer, repomd.read_bytes()))
    return repomd


def described(repomd: bytes, timestamp: int) -> str:
    """Give what a metalink says of one repomd.xml."""
    hashes = "".join(
        f'<hash type="{kind}">{hashlib.new(kind, repomd).hexdigest()}</hash>'
        for kind in ("md5", "sha1", "sha256", "sha512")
    )
    return (
        f"<mm0:timestamp>{timestamp}</mm0:timestamp><size>{len(repomd)}</size>"
        f"<verification>{hashes}</verification>"
    )


def metalink(
    bases: Sequence[str], repomd: bytes, timestamp: int, alternates: Sequence[tuple[bytes, int]] = ()
) -> bytes:
    """Give a metalink as MirrorManager makes it, ftp and rsync addresses included."""
    older = "".join(f"<mm0:alternate>{described(*one)}</mm0:alternate>" for one in alternates)
    urls = "".join(
        f'<url protocol="http" type="http" location="DE" preference="{100 - n}">'
        f"{base}repodata/repomd.xml</url>"
        f'<url protocol="rsync" type="rsync" location="DE" preference="{100 - n}">'
        f"rsync://mirror.example/{n}/repodata/repomd.xml</url>"
        for n, base in enumerate(bases)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<metalink version="3.0" '
        'xmlns="http://www.metalinker.org/" type="dynamic" '
        'xmlns:mm0="http://fedorahosted.org/mirrormanager"><files><file name="repomd.xml">'
        + described(repomd, timestamp)
        + (f"<mm0:alternates>{older}</mm0:alternates>" if older else "")
        + f'<resources maxconnections="1">{urls}</resources></file></files></metalink>'
    ).encode()


ONLY_A_COMMENT = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<metalink version="3.0" xmlns="http://www.metalinker.org/"'
    b' type="dynamic" xmlns:mm0="http://fedorahosted.org/mirrormanager">\n'
    b"<!-- repo fedora-43 is disabled -->\n</metalink>\n"
)
