"""A certificate comes with its key and its secret, and they fit together."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import pkcs12

from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.vault.algorithms import decoded, encoded
from vaultkept import Cove

POLICY = {
    "key_props": {"exportable": True, "kty": "RSA", "key_size": 2048, "reuse_key": False},
    "secret_props": {"contentType": "application/x-pkcs12"},
    "x509_props": {"subject": "CN=harbour.example", "sans": {"dns_names": ["harbour.example"]}},
    "issuer": {"name": "Self"},
}


@pytest.fixture
def cove(tmp_path: Path) -> Cove:
    return Cove(tmp_path)


@pytest.fixture
def keeper(cove: Cove) -> Caller:
    return cove.caller("Key Vault Administrator")


def test_key_secret_and_certificate_fit_together(cove: Cove, keeper: Caller) -> None:
    status, operation = cove.ask(keeper, "POST", "/certificates/web/create", {"policy": POLICY})
    assert status == 202
    assert x509.load_der_x509_csr(base64.b64decode(operation["csr"], validate=True)).is_signature_valid
    assert cove.ask(keeper, "GET", "/certificates/web/pending")[1]["status"] == "completed"
    _, shown = cove.ask(keeper, "GET", "/certificates/web")
    certificate = x509.load_der_x509_certificate(base64.b64decode(shown["cer"]))
    assert certificate.subject.rfc4514_string() == "CN=harbour.example"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["harbour.example"]
    certificate.verify_directly_issued_by(certificate)
    assert decoded(shown["x5t"], "") == hashlib.sha1(base64.b64decode(shown["cer"])).digest()
    assert shown["attributes"]["exp"] == int(certificate.not_valid_after_utc.timestamp())

    _, secret = cove.ask(keeper, "GET", shown["sid"].partition("8443")[2])
    assert secret["contentType"] == "application/x-pkcs12"
    assert secret["managed"] is True
    packed = pkcs12.load_pkcs12(base64.b64decode(secret["value"]), None)
    assert packed.cert is not None
    assert packed.cert.certificate == certificate

    body = {"alg": "RS256", "value": encoded(hashlib.sha256(b"cargo").digest())}
    _, signed = cove.ask(keeper, "POST", shown["kid"].partition("8443")[2] + "/sign", body)
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(decoded(signed["value"], ""), b"cargo", padding.PKCS1v15(), SHA256())


def test_a_key_that_may_not_leave_is_not_in_the_secret(cove: Cove, keeper: Caller) -> None:
    policy = POLICY | {
        "key_props": {"exportable": False, "kty": "EC", "crv": "P-256"},
        "secret_props": {"contentType": "application/x-pem-file"},
    }
    cove.ask(keeper, "POST", "/certificates/web/create", {"policy": policy})
    _, secret = cove.ask(keeper, "GET", "/secrets/web")
    assert "PRIVATE KEY" not in secret["value"]
    assert secret["value"].count("BEGIN CERTIFICATE") == 1


def test_an_imported_certificate_keeps_its_key(cove: Cove, keeper: Caller) -> None:
    policy = POLICY | {"secret_props": {"contentType": "application/x-pem-file"}}
    cove.ask(keeper, "POST", "/certificates/web/create", {"policy": policy})
    pem = cove.ask(keeper, "GET", "/secrets/web")[1]["value"]
    status, shown = cove.ask(keeper, "POST", "/certificates/copy/import", {"value": pem})
    assert status == 200
    assert shown["cer"] == cove.ask(keeper, "GET", "/certificates/web")[1]["cer"]
    assert cove.ask(keeper, "GET", "/secrets/copy")[1]["value"] == pem
    for value in ("", "rubbish", pem.partition("-----BEGIN CERT")[0]):
        assert cove.ask(keeper, "POST", "/certificates/bad/import", {"value": value})[0] == 400


def test_all_three_go_and_come_back_together(cove: Cove, keeper: Caller) -> None:
    cove.ask(keeper, "POST", "/certificates/web/create", {"policy": POLICY})
    blob = cove.ask(keeper, "POST", "/certificates/web/backup")[1]
    cove.ask(keeper, "DELETE", "/certificates/web")
    for path in ("/certificates/web", "/keys/web", "/secrets/web"):
        assert cove.ask(keeper, "GET", path)[0] == 404
    assert cove.ask(keeper, "POST", "/deletedcertificates/web/recover")[0] == 200
    for path in ("/certificates/web", "/keys/web", "/secrets/web"):
        assert cove.ask(keeper, "GET", path)[0] == 200
    cove.ask(keeper, "DELETE", "/certificates/web")
    cove.ask(keeper, "DELETE", "/deletedcertificates/web")
    assert cove.ask(keeper, "GET", "/deletedsecrets/web")[0] == 404
    assert cove.ask(keeper, "POST", "/certificates/restore", blob)[0] == 200
    assert cove.ask(keeper, "GET", "/secrets/web")[0] == 200


def test_policies_versions_and_refusals(cove: Cove, keeper: Caller) -> None:
    for _ in range(2):
        assert cove.ask(keeper, "POST", "/certificates/web/create", {"policy": POLICY})[0] == 202
    assert len(cove.ask(keeper, "GET", "/certificates/web/versions")[1]["value"]) == 2
    assert len(cove.ask(keeper, "GET", "/certificates")[1]["value"]) == 1
    _, policy = cove.ask(keeper, "GET", "/certificates/web/policy")
    assert policy["x509_props"]["validity_months"] == 12
    longer = {"x509_props": policy["x509_props"] | {"validity_months": 24}}
    assert (
        cove.ask(keeper, "PATCH", "/certificates/web/policy", longer)[1]["x509_props"]["validity_months"]
        == 24
    )
    for change in (
        {"issuer": {"name": "DigiCert"}},
        {"x509_props": {}},
        {"x509_props": {"subject": "rubbish"}},
    ):
        assert cove.ask(keeper, "POST", "/certificates/bad/create", {"policy": POLICY | change})[0] == 400
    cove.ask(keeper, "PUT", "/secrets/mine", {"value": "x"})
    assert cove.ask(keeper, "POST", "/certificates/mine/create", {"policy": POLICY})[0] == 409
