"""The source of our own packages: a spec file with all that lies beside it, as one archive."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from bluejacket.definition import Component, Release
from bluejacket.foundation.sources import Source, SourceFile, Use
from bluejacket.store import Store


def own_sources(store: Store, release: Release, epoch: int) -> tuple[Source, ...]:
    """Give the sources of a release's own components; their archives are files of the store.

    An archive is the same, byte for byte, as long as the folder of the spec is: names in order, modes as
    git keeps them, times `epoch` (seconds since 1970), not compressed.
    """
    return tuple(_own(store, release, one, epoch) for one in release.components if one.is_own)


def _own(store: Store, release: Release, component: Component, epoch: int) -> Source:
    assert component.spec is not None
    folder = release.path(component.spec).parent
    top = f"{component.name}-{release.version}"
    data = _packed(folder, sorted(path for path in folder.rglob("*") if path.is_file()), top, epoch)
    with store.part() as part:
        part.write(data)
        sha256 = part.sha256
        part.commit(sha256)
    file = SourceFile(f"{top}.tar", len(data), sha256)
    return Source(component.name, release.version, Use.OWN, component.wanted, files=(file,))


def _packed(folder: Path, files: Sequence[Path], top: str, epoch: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in files:
            data = path.read_bytes()
            info = tarfile.TarInfo(f"{top}/{path.relative_to(folder).as_posix()}")
            info.size, info.mtime = len(data), epoch
            info.mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()
