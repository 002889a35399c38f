"""Keys do what the library that others use says they do; what they may not do, they do not."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.vault.algorithms import decoded, encoded, encoded_number
from vaultkept import Cove


@pytest.fixture(scope="module")
def cove(tmp_path_factory: pytest.TempPathFactory) -> Cove:
    return Cove(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="module")
def keeper(cove: Cove) -> Caller:
    return cove.caller("Key Vault Administrator")


def number(jwk: dict[str, Any], name: str) -> int:
    return int.from_bytes(decoded(jwk[name], name), "big")


@pytest.mark.parametrize(
    ("size", "scheme", "bits"), [(2048, "RS", "256"), (2048, "PS", "384"), (3072, "RS", "512")]
)
def test_rsa_signatures_are_what_others_verify(
    cove: Cove, keeper: Caller, size: int, scheme: str, bits: str
) -> None:
    status, made = cove.ask(keeper, "POST", f"/keys/r{size}/create", {"kty": "RSA", "key_size": size})
    assert status == 200
    assert made["key"]["key_ops"] == ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
    public = rsa.RSAPublicNumbers(number(made["key"], "e"), number(made["key"], "n")).public_key()
    assert public.key_size == size
    hashed = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[bits]
    digest = hashlib.new(f"sha{bits}", b"cargo").digest()
    body = {"alg": scheme + bits, "value": encoded(digest)}
    status, told = cove.ask(keeper, "POST", f"/keys/r{size}/sign", body)
    assert status == 200
    assert told["kid"] == made["key"]["kid"]
    pad = padding.PKCS1v15() if scheme == "RS" else padding.PSS(padding.MGF1(hashed), hashed.digest_size)
    public.verify(decoded(told["value"], ""), b"cargo", pad, hashed)
    path = made["key"]["kid"].partition("8443")[2]
    right = {"alg": scheme + bits, "digest": encoded(digest), "value": told["value"]}
    assert cove.ask(keeper, "POST", f"{path}/verify", right)[1] == {"value": True}
    wrong = right | {"digest": encoded(hashlib.new(f"sha{bits}", b"other").digest())}
    assert cove.ask(keeper, "POST", f"{path}/verify", wrong)[1] == {"value": False}


@pytest.mark.parametrize(
    ("curve", "algorithm", "bits"),
    [("P-256", "ES256", 256), ("P-384", "ES384", 384), ("P-521", "ES512", 512)],
)
def test_ec_signatures_are_what_others_verify(
    cove: Cove, keeper: Caller, curve: str, algorithm: str, bits: int
) -> None:
    _, made = cove.ask(keeper, "POST", f"/keys/e{bits}/create", {"kty": "EC", "crv": curve})
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    numbers = ec.EllipticCurvePublicNumbers(number(made["key"], "x"), number(made["key"], "y"), curves[curve])
    digest = hashlib.new(f"sha{bits}", b"cargo").digest()
    body = {"alg": algorithm, "value": encoded(digest)}
    raw = decoded(cove.ask(keeper, "POST", f"/keys/e{bits}/sign", body)[1]["value"], "")
    half = len(raw) // 2
    dss = utils.encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))
    hashed = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}[bits]
    numbers.public_key().verify(dss, b"cargo", ec.ECDSA(hashed))
    told = body | {"digest": body["value"], "value": encoded(raw)}
    assert cove.ask(keeper, "POST", f"/keys/e{bits}/verify", told)[1] == {"value": True}
    assert cove.ask(keeper, "POST", f"/keys/e{bits}/encrypt", body)[0] == 403


@pytest.mark.parametrize("algorithm", ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5"])
def test_what_is_closed_can_be_opened(cove: Cove, keeper: Caller, algorithm: str) -> None:
    cove.ask(keeper, "POST", "/keys/chest/create", {"kty": "RSA"})
    for close, reopen in (("encrypt", "decrypt"), ("wrapkey", "unwrapkey")):
        body = {"alg": algorithm, "value": encoded(b"doubloons")}
        closed = cove.ask(keeper, "POST", f"/keys/chest/{close}", body)[1]["value"]
        opened = cove.ask(keeper, "POST", f"/keys/chest/{reopen}", {"alg": algorithm, "value": closed})[1]
        assert decoded(opened["value"], "") == b"doubloons"
    long = {"alg": algorithm, "value": encoded(b"x" * 300)}
    assert cove.ask(keeper, "POST", "/keys/chest/encrypt", long)[0] == 400


def test_an_imported_key_is_the_one_that_was_given(cove: Cove, keeper: Caller) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.private_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": encoded(numbers.public_numbers.x.to_bytes(32, "big")),
        "y": encoded(numbers.public_numbers.y.to_bytes(32, "big")),
        "d": encoded_number(numbers.private_value),
        "key_ops": ["sign"],
    }
    status, made = cove.ask(keeper, "PUT", "/keys/given", {"key": jwk})
    assert status == 200
    assert "d" not in made["key"]
    body = {"alg": "ES256", "value": encoded(hashlib.sha256(b"cargo").digest())}
    assert cove.ask(keeper, "POST", "/keys/given/sign", body)[0] == 200
    status, told = cove.ask(keeper, "POST", "/keys/given/verify", body | {"digest": body["value"]})
    assert (status, told["error"]["innererror"]["code"]) == (403, "KeyOperationForbidden")
    assert cove.ask(keeper, "PUT", "/keys/bad", {"key": jwk | {"d": encoded(b"1")}})[0] == 400


def test_keys_that_cannot_be_are_refused(cove: Cove, keeper: Caller) -> None:
    for body in ({"kty": "RSA", "key_size": 1024}, {"kty": "EC", "crv": "P-1"}, {"kty": "oct"}, {}):
        assert cove.ask(keeper, "POST", "/keys/bad/create", body)[0] == 400
    assert cove.ask(keeper, "POST", "/keys/bad/create", {"kty": "EC", "key_ops": ["encrypt"]})[0] == 400
    cove.ask(keeper, "POST", "/keys/plain/create", {"kty": "EC"})
    for body in (
        {"alg": "ES256", "value": encoded(b"short")},
        {"alg": "none", "value": "AAAA"},
        {"value": ""},
    ):
        assert cove.ask(keeper, "POST", "/keys/plain/sign", body)[0] == 400


def test_time_and_switch_are_honoured(cove: Cove, keeper: Caller) -> None:
    cove.ask(keeper, "POST", "/keys/old/create", {"kty": "EC", "attributes": {"exp": int(cove.clock) - 1}})
    digest = encoded(hashlib.sha256(b"").digest())
    body = {"alg": "ES256", "value": digest, "digest": digest}
    status, told = cove.ask(keeper, "POST", "/keys/old/sign", body)
    assert (status, told["error"]["innererror"]["code"]) == (403, "KeyExpired")
    assert cove.ask(keeper, "POST", "/keys/old/verify", body)[1] == {"value": False}
    cove.ask(keeper, "PATCH", "/keys/old", {"attributes": {"enabled": False, "exp": int(cove.clock) + 9}})
    status, told = cove.ask(keeper, "POST", "/keys/old/verify", body)
    assert (status, told["error"]["innererror"]["code"]) == (403, "KeyDisabled")


def test_a_key_is_rotated_listed_deleted_and_restored(cove: Cove, keeper: Caller) -> None:
    _, first = cove.ask(keeper, "POST", "/keys/turn/create", {"kty": "EC", "crv": "P-384"})
    _, second = cove.ask(keeper, "POST", "/keys/turn/rotate")
    assert second["key"]["crv"] == "P-384"
    assert second["key"]["x"] != first["key"]["x"]
    assert cove.ask(keeper, "GET", "/keys/turn")[1]["key"]["kid"] == second["key"]["kid"]
    assert len(cove.ask(keeper, "GET", "/keys/turn/versions")[1]["value"]) == 2
    policy = {"lifetimeActions": [], "attributes": {"expiryTime": "P90D"}}
    assert cove.ask(keeper, "PUT", "/keys/turn/rotationpolicy", policy)[0] == 200
    assert cove.ask(keeper, "GET", "/keys/turn/rotationpolicy")[1]["attributes"]["expiryTime"] == "P90D"
    blob = cove.ask(keeper, "POST", "/keys/turn/backup")[1]
    assert cove.ask(keeper, "DELETE", "/keys/turn")[1]["recoveryId"].endswith("/deletedkeys/turn")
    assert cove.ask(keeper, "POST", "/deletedkeys/turn/recover")[0] == 200
    cove.ask(keeper, "DELETE", "/keys/turn")
    assert [one["kid"] for one in cove.ask(keeper, "GET", "/deletedkeys")[1]["value"]]
    assert cove.ask(keeper, "DELETE", "/deletedkeys/turn")[0] == 204
    assert cove.ask(keeper, "POST", "/keys/restore", blob)[1]["key"] == second["key"]
