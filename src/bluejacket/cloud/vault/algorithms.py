"""Keys and what is done with them, as JSON Web Algorithms name it (RFC 7518)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from bluejacket.cloud.vault.faults import VaultFault, bad

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
SIZES = (2048, 3072, 4096)
CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "P-256": (ec.SECP256R1(), 32),
    "P-384": (ec.SECP384R1(), 48),
    "P-521": (ec.SECP521R1(), 66),
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVE_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_OAEP: dict[str, Callable[[], padding.AsymmetricPadding]] = {
    # SHA-1 is what RSA-OAEP means (RFC 7518, section 4.3); it is no signature here.
    "RSA-OAEP": lambda: padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),  # noqa: S303
    "RSA-OAEP-256": lambda: padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
    "RSA1_5": padding.PKCS1v15,
}


def encoded(data: bytes) -> str:
    """Write base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: Any, what: str) -> bytes:
    """Read base64url, with or without padding; raises VaultFault that names `what`."""
    try:
        return base64.b64decode(
            str(text).replace("-", "+").replace("_", "/") + "=" * (-len(str(text)) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        raise bad(f"The property '{what}' is not base64url-encoded.") from None


def generate(kty: str, size: int | None, curve: str | None) -> PrivateKey:
    """Make a key: RSA of 2048, 3072 or 4096 bits, or EC on P-256, P-384 or P-521. Raises VaultFault."""
    if kty == "RSA":
        if (size or 2048) not in SIZES:
            raise bad("The specified RSA key size is not supported: it has to be 2048, 3072 or 4096.")
        return rsa.generate_private_key(65537, size or 2048)
    if kty == "EC":
        if (curve or "P-256") not in CURVES:
            raise bad(f"The specified curve '{curve}' is not supported: it has to be P-256, P-384 or P-521.")
        return ec.generate_private_key(CURVES[curve or "P-256"][0])
    raise bad(f"The key type '{kty}' is not supported by this vault: it has to be RSA or EC.")


def from_jwk(jwk: dict[str, Any]) -> PrivateKey:
    """Read a private key as RFC 7518 writes it. Raises VaultFault."""

    def number(name: str) -> int:
        if not jwk.get(name):
            raise bad(f"The JSON web key lacks '{name}'.")
        return int.from_bytes(decoded(jwk[name], name), "big")

    try:
        if jwk.get("kty") == "RSA":
            n, e, d = number("n"), number("e"), number("d")
            p, q = (number("p"), number("q")) if jwk.get("p") else rsa.rsa_recover_prime_factors(n, e, d)
            private = rsa.RSAPrivateNumbers(
                p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, n)
            )
            key: PrivateKey = private.private_key()
        elif jwk.get("kty") == "EC" and jwk.get("crv") in CURVES:
            public = ec.EllipticCurvePublicNumbers(number("x"), number("y"), CURVES[jwk["crv"]][0])
            key = ec.EllipticCurvePrivateNumbers(number("d"), public).private_key()
        else:
            raise bad("The JSON web key is of a kind that this vault does not support.")
    except ValueError:
        raise bad("The JSON web key is not valid.") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size not in SIZES:
        raise bad("The specified RSA key size is not supported: it has to be 2048, 3072 or 4096.")
    return key


def public_jwk(key: PrivateKey) -> dict[str, Any]:
    """Give the public half."""
    if isinstance(key, rsa.RSAPrivateKey):
        rsa_numbers = key.public_key().public_numbers()
        return {"kty": "RSA", "n": encoded(_octets(rsa_numbers.n)), "e": encoded(_octets(rsa_numbers.e))}
    name = curve_of(key)
    width, numbers = CURVES[name][1], key.public_key().public_numbers()
    x, y = numbers.x.to_bytes(width, "big"), numbers.y.to_bytes(width, "big")
    return {"kty": "EC", "crv": name, "x": encoded(x), "y": encoded(y)}


def curve_of(key: ec.EllipticCurvePrivateKey) -> str:
    """Give the name of a key's curve."""
    return next(name for name, (curve, _) in CURVES.items() if curve.name == key.curve.name)


def kept(key: PrivateKey) -> bytes:
    """Give a key as PKCS #8 DER, for sealing."""
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read(material: bytes) -> PrivateKey:
    """Read what `kept` gave."""
    key = serialization.load_der_private_key(material, None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return key


def sign(key: PrivateKey, algorithm: str, digest: bytes) -> bytes:
    """Sign a digest; EC signatures are r and s, one after the other (RFC 7518, section 3.4)."""
    hashed = _hash_for(key, algorithm, digest)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, _rsa_padding(algorithm, hashed), utils.Prehashed(hashed))
    r, s = utils.decode_dss_signature(key.sign(digest, ec.ECDSA(utils.Prehashed(hashed))))
    width = CURVES[curve_of(key)][1]
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def verify(key: PrivateKey, algorithm: str, digest: bytes, signature: bytes) -> bool:
    """Tell whether a signature of a digest is the key's."""
    hashed = _hash_for(key, algorithm, digest)
    try:
        if isinstance(key, rsa.RSAPrivateKey):
            prehashed = utils.Prehashed(hashed)
            key.public_key().verify(signature, digest, _rsa_padding(algorithm, hashed), prehashed)
            return True
        width = CURVES[curve_of(key)][1]
        if len(signature) != 2 * width:
            return False
        r, s = (int.from_bytes(half, "big") for half in (signature[:width], signature[width:]))
        dss = utils.encode_dss_signature(r, s)
        key.public_key().verify(dss, digest, ec.ECDSA(utils.Prehashed(hashed)))
    except InvalidSignature:
        return False
    return True


def encrypt(key: PrivateKey, algorithm: str, plain: bytes) -> bytes:
    """Encrypt, or wrap a key. Raises VaultFault for what is too long."""
    public, scheme = _rsa(key, algorithm).public_key(), _OAEP[algorithm]()
    try:
        return public.encrypt(plain, scheme)
    except ValueError:
        raise bad("The value is too long to be encrypted with this key and algorithm.") from None


def decrypt(key: PrivateKey, algorithm: str, closed: bytes) -> bytes:
    """Decrypt, or unwrap a key. One error for all that can be wrong with the ciphertext."""
    private, scheme = _rsa(key, algorithm), _OAEP[algorithm]()
    try:
        return private.decrypt(closed, scheme)
    except ValueError:
        raise bad("The value could not be decrypted with this key and algorithm.") from None


def _rsa(key: PrivateKey, algorithm: str) -> rsa.RSAPrivateKey:
    if algorithm not in _OAEP or not isinstance(key, rsa.RSAPrivateKey):
        raise _unfit(algorithm)
    return key


def _hash_for(key: PrivateKey, algorithm: str, digest: bytes) -> hashes.HashAlgorithm:
    family, hashed = algorithm[:2], _HASHES.get(algorithm[2:])
    fits = (
        family in ("RS", "PS")
        if isinstance(key, rsa.RSAPrivateKey)
        else _CURVE_OF.get(algorithm) == curve_of(key)
    )
    if hashed is None or not fits:
        raise _unfit(algorithm)
    if len(digest) != hashed.digest_size:
        raise bad(f"Invalid length of 'value': {len(digest)} bytes. It must be {hashed.digest_size} bytes.")
    return hashed


def _rsa_padding(algorithm: str, hashed: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if algorithm.startswith("RS"):
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(hashed), hashed.digest_size)  # RFC 7518, section 3.5


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _unfit(algorithm: str) -> VaultFault:
    what = f"Key and signing algorithm are incompatible, or '{algorithm}' is not supported."
    return VaultFault(400, "BadParameter", what)


def encoded_number(number: int) -> str:
    """Write a number as RFC 7518 does (section 2, Base64urlUInt)."""
    return encoded(_octets(number))
