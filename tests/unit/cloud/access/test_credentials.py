"""What an application logs in with: each secret and certificate for its time, and no longer."""

from __future__ import annotations

import base64
import datetime
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bluejacket.cloud.access import KINDS
from bluejacket.cloud.access.credentials import Credentials
from bluejacket.cloud.access.principals import Principals
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from recordcloud import SUBSCRIPTION, TENANT, RecordCloud

DAY_S = 86400
NOW = 1_800_000_000.0
APP = "applications"


class Clock:
    """A clock that a test sets."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(tmp_path: Path, clock: Clock) -> tuple[Credentials, str]:
    """The credentials of a cloud's applications, and the id of the one that it has."""
    principals = Principals(RecordCloud(tmp_path, KINDS).resources, SUBSCRIPTION, TENANT)
    made = principals.add("crane")
    kept = principals.credentials
    return Credentials(kept.resources, kept.id_of, clock), made.client_id


def when(days: float) -> str:
    return f"{datetime.datetime.fromtimestamp(NOW + days * DAY_S, UTC):%Y-%m-%dT%H:%M:%SZ}"


def certificate(key: Any = None, days: float = 30) -> str:
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "crane")])
    now = datetime.datetime.fromtimestamp(NOW, UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


def test_a_secret_is_good_for_its_time(app: tuple[Credentials, str], clock: Clock) -> None:
    kept, name = app
    asked = {"displayName": "week", "startDateTime": when(1), "endDateTime": when(8)}
    told = kept.add_secret(name, APP, asked)
    found = []
    for days in (0, 1, 7.9, 8):
        clock.now = NOW + days * DAY_S
        found.append(kept.fits(name, told["secretText"]))
    assert found == [False, True, True, False]
    (shown,) = kept.shown(name, APP)["passwordCredentials"]
    assert shown == told | {"secretText": None}
    assert {key: shown[key] for key in asked} == asked


def test_a_secret_is_taken_away_from_the_object_that_has_it(app: tuple[Credentials, str]) -> None:
    kept, name = app
    told = kept.add_secret(name, "servicePrincipals", {})
    with pytest.raises(CloudError, match="No password credential found"):
        kept.remove_secret(name, APP, told["keyId"])
    assert kept.fits(name, told["secretText"])
    kept.remove_secret(name, "servicePrincipals", told["keyId"].upper())
    assert not kept.fits(name, told["secretText"])


def test_certificates_are_kept_by_their_ids_and_end(app: tuple[Credentials, str], clock: Clock) -> None:
    kept, name = app
    first, second = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    kept.replace_certificates(name, APP, [{"key": certificate(first), "endDateTime": when(2)}])
    (shown,) = kept.shown(name, APP)["keyCredentials"]
    kept.replace_certificates(name, "servicePrincipals", [{"key": certificate(second)}])
    kept.replace_certificates(name, APP, [shown])
    assert kept.keys(name) == [second.public_key(), first.public_key()]
    clock.now = NOW + 3 * DAY_S
    assert kept.keys(name) == [second.public_key()]
    kept.replace_certificates(name, "servicePrincipals", [])
    assert kept.keys(name) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "missing its key"),
        ({"key": "no certificate"}, "no certificate"),
        ({"key": base64.b64encode(b"nor this").decode()}, "no certificate"),
        ({"key": certificate(ec.generate_private_key(ec.SECP256R1()))}, "RSA"),
        ({"key": certificate(days=1), "endDateTime": when(2)}, "end date"),
        ({"key": certificate(), "startDateTime": when(-2)}, "start date"),
        ({"key": certificate(), "endDateTime": "soon"}, "no date"),
    ],
)
def test_what_cannot_be_a_certificate(app: tuple[Credentials, str], wanted: Any, said: str) -> None:
    kept, name = app
    with pytest.raises(CloudError, match=said):
        kept.replace_certificates(name, APP, [wanted])
    assert kept.shown(name, APP)["keyCredentials"] == []


def test_nobody_has_credentials(app: tuple[Credentials, str]) -> None:
    kept, _ = app
    assert not kept.fits("", "")
    assert not kept.fits("nobody", "")
    assert kept.keys("nobody") == []
    with pytest.raises(CloudError):
        kept.add_secret("nobody", APP, {})
    assert isinstance(kept.id_of("nobody"), ResourceId)
