"""OpenPGP signatures of indexes and packages, judged against named keys (RFC 9580).

A key that has expired or was revoked by now is refused, also for what it signed before: its
holder, or its thief, can write any date into a signature. One good signature suffices, since
archives sign with the old and the new key while they change keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pysequoia
from pysequoia import Cert, Sig
from pysequoia.packet import HashAlgorithm, Packet, PacketPile, Tag

from bluejacket.errors import Fault, OutsideError, Place, UserError

_STRONG = (
    HashAlgorithm.SHA256,
    HashAlgorithm.SHA384,
    HashAlgorithm.SHA512,
    HashAlgorithm.SHA3_256,
    HashAlgorithm.SHA3_512,
)

_MOST_KEYS_TOLD = 4


def spelled(fingerprint: str) -> str:
    """Give a fingerprint as we write it: capitals, no blanks, no 0x."""
    return "".join(fingerprint.split()).upper().removeprefix("0X")


@dataclass(frozen=True, slots=True)
class Verified:
    """What was signed, the fingerprints of the keys that signed it, and when the newest did.

    The fingerprints are those of the primary keys, as `spelled` writes them.
    """

    content: bytes
    fingerprints: tuple[str, ...]
    when: datetime


class BadSignature(OutsideError):
    """Nothing shows that a key that we trust has signed this."""


class Keyring:
    """The certificates that may sign. `source` names the keyring in messages."""

    def __init__(self, certs: Iterable[Cert], source: str, others: Iterable[Cert] = ()) -> None:
        self.certs = tuple(certs)
        self.source = source
        self._others = tuple(others)
        self._by_key: dict[str, Cert] = {}
        for cert in (*self._others, *self.certs):
            for key in _keys_of(cert):
                self._by_key[key] = cert
                self._by_key[_key_id(key)] = cert

    @classmethod
    def read(cls, path: Path, only: Iterable[str] = ()) -> Self:
        """Read a binary or armoured keyring; `only` names the fingerprints to trust of it.

        Raises UserError when it cannot be read, or lacks a named key.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(Fault(f"cannot be read: {error.strerror}", place=Place(path))) from None
        return cls.parse(data, str(path), only)

    @classmethod
    def parse(cls, data: bytes, source: str, only: Iterable[str] = ()) -> Self:
        """Take the certificates from `data`, as `read` does. Raises UserError."""
        certs = _split(data, source)
        named = {spelled(fingerprint) for fingerprint in only}
        if not named:
            return cls(certs, source)
        trusted = [cert for cert in certs if spelled(cert.fingerprint) in named]
        missing = named - {spelled(cert.fingerprint) for cert in trusted}
        if missing:
            held = ", ".join(spelled(cert.fingerprint) for cert in certs)
            raise UserError(
                Fault(
                    f"holds no key {', '.join(sorted(missing))}",
                    f"it holds {held}; name one of these, or get the right keyring",
                    Place(source),
                )
            )
        others = [cert for cert in certs if cert not in trusted]
        return cls(trusted, source, others)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of the trusted primary keys."""
        return tuple(spelled(cert.fingerprint) for cert in self.certs)

    def find(self, issuer: str) -> Cert | None:
        """Give the certificate, trusted or not, with this fingerprint or key id of any of its keys."""
        return self._by_key.get(spelled(issuer))

    def trusts(self, cert: Cert) -> bool:
        """Say whether `cert` is one of those that may sign."""
        return spelled(cert.fingerprint) in self.fingerprints

    def __str__(self) -> str:
        if len(self.certs) > _MOST_KEYS_TOLD:
            return f"{self.source} ({len(self.certs)} keys)"
        return f"{self.source} ({', '.join(self.fingerprints) or 'no key'})"


def verify_inline(data: bytes, keyring: Keyring, name: str = "message") -> Verified:
    """Verify a clear-signed or inline-signed message, such as Debian's InRelease.

    Only what the signature covers is given back. Raises BadSignature, which says which keys signed
    and which were expected.
    """
    signatures = _signatures(data, name)
    candidates, reasons = _judge(signatures, keyring)
    if candidates:
        try:
            seen = pysequoia.verify(data, store=lambda _: list({id(c): c for c, _ in candidates}.values()))
        except RuntimeError:
            signers = ", ".join(dict.fromkeys(spelled(cert.fingerprint) for cert, _ in candidates))
            reasons.append(f"the content is not what {signers} signed")
        else:
            made_by = {spelled(valid.signing_key) for valid in seen.valid_sigs}
            good = [(cert, sig) for cert, sig in candidates if _made_by(sig, cert, made_by)]
            if good and seen.bytes is not None:
                return _verified(seen.bytes, good)
            reasons.append("no signature of a trusted key fits the content")
    raise _bad(name, reasons, keyring)


def verify_detached(data: bytes, signature: bytes, keyring: Keyring, name: str = "file") -> Verified:
    """Verify `data` against a binary or armoured signature, or several of them.

    Raises BadSignature, which says which keys signed and which were expected.
    """
    candidates, reasons = _judge(_signatures(signature, name), keyring)
    good = []
    for cert, sig in candidates:
        try:
            pysequoia.verify(data, store=_only(cert), signature=sig)
        except RuntimeError:
            reasons.append(f"the signature of {spelled(cert.fingerprint)} does not fit the content")
        else:
            good.append((cert, sig))
    if good:
        return _verified(data, good)
    raise _bad(name, reasons, keyring)


def _only(cert: Cert) -> Callable[[list[str]], list[Cert]]:
    return lambda _: [cert]


def _judge(signatures: list[Sig], keyring: Keyring) -> tuple[list[tuple[Cert, Sig]], list[str]]:
    """Sort out signatures that no mathematics could make good, each with the reason."""
    good: list[tuple[Cert, Sig]] = []
    reasons: list[str] = []
    for sig in signatures:
        issuer = sig.issuer_fingerprint or sig.issuer_key_id or ""
        cert = keyring.find(issuer)
        reason = _fault(sig, issuer, cert, keyring)
        if reason:
            reasons.append(reason)
        elif cert:
            good.append((cert, sig))
    if not signatures:
        reasons.append("it holds no signature")
    return good, reasons


def _fault(sig: Sig, issuer: str, cert: Cert | None, keyring: Keyring) -> str:
    now = datetime.now(UTC)
    if cert is None:
        return f"signed by {spelled(issuer) or 'a key that it does not name'}, which is not in the keyring"
    key = spelled(cert.fingerprint)
    if not keyring.trusts(cert):
        return f"signed by {key}, which the keyring holds but which is not among the named keys"
    if cert.is_revoked:
        return f"signed by {key}, which is revoked"
    if cert.expiration and cert.expiration <= now:
        return f"signed by {key}, which expired on {cert.expiration:%Y-%m-%d}"
    end = _end_of_subkey(cert, issuer)
    if end and end <= now:
        return f"signed by the subkey {spelled(issuer)} of {key}, which expired on {end:%Y-%m-%d}"
    if weak := _weak_hash(sig):
        return f"the signature of {key} uses {weak}, which is too weak"
    if sig.expiration and sig.expiration <= now:
        return f"the signature of {key} expired on {sig.expiration:%Y-%m-%d}"
    if sig.created and sig.created > now:
        return f"the signature of {key} is of the future ({sig.created:%Y-%m-%d %H:%M} UTC)"
    return ""


def _weak_hash(sig: Sig) -> str:
    try:
        algorithm = sig.hash_algorithm
    except RuntimeError:  # pysequoia has no name for it
        return "an unknown hash"
    return "" if algorithm in _STRONG else str(algorithm).rpartition(".")[2]


def _packets(data: bytes) -> Iterator[tuple[Tag, Packet]]:
    """Give the packets of kinds that pysequoia has a name for. Raises RuntimeError."""
    for packet in PacketPile.from_bytes(data):
        with suppress(RuntimeError):
            yield packet.tag, packet


def _end_of_subkey(cert: Cert, issuer: str) -> datetime | None:
    """Give when the subkey ends by its newest binding signature; None: never, or not a subkey."""
    created: datetime | None = None
    bound, end = datetime.min.replace(tzinfo=UTC), None
    for tag, packet in _packets(bytes(cert)):
        if tag in (Tag.PublicSubkey, Tag.PublicKey, Tag.UserID):
            is_it = tag == Tag.PublicSubkey and spelled(issuer) in _names(packet)
            created = packet.key_created if is_it else None
        elif tag == Tag.Signature and created and (packet.signature_created or bound) > bound:
            bound = packet.signature_created or bound
            validity = packet.key_validity_period
            end = created + validity if validity else None
    return end


def _names(packet: Packet) -> tuple[str, str]:
    fingerprint = _fingerprint(packet)
    return fingerprint, _key_id(fingerprint)


def _fingerprint(packet: Packet) -> str:
    try:
        return spelled(packet.fingerprint or "")
    except RuntimeError:  # a key of a version that pysequoia does not know
        return ""


def _key_id(fingerprint: str) -> str:
    """The last 8 octets of a V4 fingerprint, the first 8 of a V6 one (RFC 9580 section 5.5.4)."""
    return fingerprint[:16] if len(fingerprint) == 64 else fingerprint[-16:]


def _keys_of(cert: Cert) -> Iterator[str]:
    for tag, packet in _packets(bytes(cert)):
        if tag in (Tag.PublicKey, Tag.PublicSubkey) and (fingerprint := _fingerprint(packet)):
            yield fingerprint


def _made_by(sig: Sig, cert: Cert, keys: set[str]) -> bool:
    issuer = spelled(sig.issuer_fingerprint or sig.issuer_key_id or "")
    return any(issuer in (key, _key_id(key)) for key in keys & set(_keys_of(cert)))


def _verified(content: bytes, good: list[tuple[Cert, Sig]]) -> Verified:
    whens = [sig.created for _, sig in good if sig.created]
    fingerprints = dict.fromkeys(spelled(cert.fingerprint) for cert, _ in good)
    return Verified(content, tuple(fingerprints), max(whens))


def _signatures(data: bytes, name: str) -> list[Sig]:
    found: list[Sig] = []
    try:
        for tag, packet in _packets(data):
            if tag == Tag.Signature:
                with suppress(RuntimeError):  # of a version that pysequoia does not know
                    found.append(Sig.from_bytes(bytes(packet)))
    except RuntimeError as error:
        raise BadSignature(Fault(f"{name} holds no readable signature: {_first_line(error)}")) from None
    return found


def _split(data: bytes, source: str) -> list[Cert]:
    place = Place(source)
    if data[8:12] == b"KBXf":
        raise UserError(Fault("is a GnuPG keybox", "give `gpg --export` of it instead", place))
    try:
        certs = Cert.split_bytes(data)
    except RuntimeError as error:
        raise UserError(Fault(f"is no OpenPGP keyring: {_first_line(error)}", place=place)) from None
    certs = [cert for cert in certs if _is_known(cert)]
    if not certs:
        raise UserError(Fault("holds no OpenPGP certificate", place=place))
    return certs


def _is_known(cert: Cert) -> bool:
    with suppress(RuntimeError):  # a version whose fingerprint pysequoia cannot tell
        return bool(cert.fingerprint)
    return False


def _first_line(error: Exception) -> str:
    """pysequoia appends a backtrace to its messages."""
    return str(error).partition("\n")[0].rstrip(".")


def _bad(name: str, reasons: list[str], keyring: Keyring) -> BadSignature:
    why = "; ".join(dict.fromkeys(reasons))
    return BadSignature(Fault(f"{name} has no good signature: {why}", f"expected: a key of {keyring}"))
