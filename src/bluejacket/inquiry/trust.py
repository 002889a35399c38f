"""Whose signatures count: the distribution's own key, and those of the foundation's signed indexes."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest
from pathlib import Path

import rpm_rs

from bluejacket.definition import DebianFoundation, Release
from bluejacket.errors import OutsideError, UserError
from bluejacket.foundation.debian.release_file import ReleaseFile
from bluejacket.foundation.index import IndexRecord
from bluejacket.foundation.lock import Lock, read_lock
from bluejacket.foundation.openpgp import Keyring, verify_detached
from bluejacket.package.rotation import read_keys
from bluejacket.package.sign import package_verifier
from bluejacket.store import State

_LIST = "/Packages.xz"


class CannotTell(Exception):
    """What a check would need is not here."""


def sha256_of_file(file: Path) -> str:
    """Give the SHA-256 of a file's bytes. Raises OSError."""
    with file.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class OwnKey:
    """The public part of the keys by which a distribution signs, or did, unless they were revoked."""

    certificate: str

    @classmethod
    def of(cls, state: State, distribution: str) -> OwnKey:
        """Read it from the state folder, where nothing is made. Raises CannotTell when it is not there."""
        file = state.keys / f"{distribution}.key"
        if not file.exists():
            raise CannotTell(f"the state folder has no key of {distribution}")
        try:
            return cls(read_keys(state.keys, distribution).certificate())
        except (UserError, OutsideError) as error:
            raise CannotTell(str(error)) from error

    @cached_property
    def keyring(self) -> Keyring:
        """The key as what verifies detached signatures."""
        return Keyring.parse(self.certificate.encode("ascii"), "the distribution's key")

    @cached_property
    def verifier(self) -> rpm_rs.Verifier:
        """The key as what verifies packages."""
        return package_verifier(self.certificate)

    def signed(self, file: Path, signature: Path) -> str:
        """Give the fingerprint that signed a file. Raises OutsideError if none of ours did, OSError."""
        found = verify_detached(file.read_bytes(), signature.read_bytes(), self.keyring, file.name)
        return found.fingerprints[0]

    def package_fault(self, file: Path, sha256: str) -> str:
        """Say what is wrong with a package file of this hash; nothing if it is whole and signed."""
        if sha256_of_file(file) != sha256:
            return "it is not the file of that hash"
        try:
            rpm_rs.PackageMetadata.open(str(file)).verify_signature(self.verifier)
        except RuntimeError as error:
            return f"it has no good signature: {str(error).partition(chr(10))[0]}"
        return ""


@dataclass(frozen=True)
class Origin:
    """A release's lock, and the signed indexes that it pins everything by."""

    state: State
    release: Release
    lock: Lock

    @classmethod
    def of(cls, state: State, release: Release) -> Origin:
        """Raises CannotTell for a release without a lock that can be read."""
        try:
            return cls(state, release, read_lock(release, current=False))
        except UserError as error:
            raise CannotTell(str(error)) from error

    @cached_property
    def pinned(self) -> dict[str, str]:
        """The archive of each file that the lock pins, by SHA-256."""
        rows = (*self.lock.packages, *self.lock.materials, *self.lock.tools)
        return {one.package.sha256: one.package.archive for one in rows}

    def trusted(self, record: IndexRecord) -> tuple[str, ...]:
        """Give the fingerprints that signed an index and that the foundation's definition trusts.

        Raises CannotTell where no definition or keyring of its suite is there any more.
        """
        foundation = self.release.foundation
        if not isinstance(foundation, DebianFoundation):
            keys = {key for one in foundation.repositories if one.id == record.archive for key in one.keys}
            return tuple(signer for signer in record.signers if signer in keys)
        keyring = self._keyring(foundation, record)
        return tuple(signer for signer in record.signers if signer in keyring.fingerprints)

    def _keyring(self, foundation: DebianFoundation, record: IndexRecord) -> Keyring:
        for suite in foundation.suites:
            if (suite.archive, suite.name) == (record.archive, record.suite):
                try:
                    return Keyring.read(self.release.folder / suite.keyring, only=suite.signers)
                except UserError as error:
                    raise CannotTell(str(error)) from error
        raise CannotTell(f"{foundation.name} has no suite {record.suite} of {record.archive} any more")

    def verify(self, record: IndexRecord) -> ReleaseFile:
        """Verify a suite's index again, from the copy that the store keeps.

        Raises CannotTell when the store has none, OutsideError when its signature is not good.
        """
        foundation = self.release.foundation
        if not isinstance(foundation, DebianFoundation):
            raise CannotTell("indexes of RPM repositories are not kept")
        file = self.state.store.peek(record.sha256)
        if file is None:
            raise CannotTell(f"the store keeps no copy of the signed index {record.sha256[:16]}…")
        keyring = self._keyring(foundation, record)
        digest = sha256_of_file(file)
        if digest != record.sha256:
            raise OutsideError(
                f"the store's copy of {record.suite}'s index has another hash than the lock names"
            )
        return ReleaseFile.read(file.read_bytes(), keyring, record.suite, digest)

    def vouching(self) -> Iterator[str]:
        """Give the hashes of the signed indexes and of their lists of packages, as far as they are kept."""
        for record in self.lock.indexes:
            yield record.sha256
            with suppress(CannotTell, OutsideError):
                index = self.verify(record)
                yield from (one.sha256 for name, one in index.files.items() if name.endswith(_LIST))

    def unlisted(self, wanted: set[str], indexes: list[ReleaseFile]) -> set[str]:
        """Give those of the hashes `wanted` that no list of packages of `indexes` names.

        Raises CannotTell when the store keeps none of the lists.
        """
        left, seen = set(wanted), False
        for index in indexes:
            lists = [one for name, one in index.files.items() if name.endswith(_LIST)]
            for file in filter(None, (self.state.store.peek(one.sha256) for one in lists)):
                seen = True
                left -= set(_hashes_in(file)) if sha256_of_file(file) == file.name else set()
        if wanted and not seen:
            raise CannotTell("the store keeps none of the lists of packages that the index names")
        return left


def _hashes_in(file: Path) -> Iterator[str]:
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("SHA256: "):
                yield line[8:].strip()
