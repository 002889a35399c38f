"""Files on their way into the store: written under a temporary name, verified, then named."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from bluejacket.errors import OutsideError
from bluejacket.store.files import sync_folder

CHUNK = 1 << 20  # bytes


def sha256_of(file: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Part:
    """A file being written. `commit` gives it its final name, and only that does."""

    def __init__(self, path: Path, blobs: Path, stream: BinaryIO) -> None:
        self.path = path
        self._blobs = blobs
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0  # bytes
        self.committed: Path | None = None
        stream.seek(0)
        while chunk := stream.read(CHUNK):  # what an earlier process left of a resumed part
            self._hash.update(chunk)
            self.size += len(chunk)

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._stream.write(data)
        self._hash.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Throw away what was written so far."""
        self._stream.seek(0)
        self._stream.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def commit(self, sha256: str) -> Path:
        """Verify, sync and name the file.

        Raises OutsideError when the content is not the one that `sha256` names.
        """
        if self.sha256 != sha256:
            raise OutsideError(f"expected SHA-256 {sha256}, got {self.sha256} ({self.size} bytes)")
        self._stream.flush()
        os.fchmod(self._stream.fileno(), 0o644)
        os.fsync(self._stream.fileno())
        final = self._blobs / sha256[:2] / sha256
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.path, final)
        sync_folder(final.parent)
        self.committed = final
        return final
