"""/metadata/attested/document: what a machine is, signed by the cloud (RFC 2315, with its content inside)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from bluejacket.cloud.guest.askers import Asker
from bluejacket.cloud.guest.instance import compute
from bluejacket.cloud.guest.seams import Pair

NAMES = ("metadata.azure.com", "eastus.metadata.azure.com")
"""What the signer's certificate is for; whoever verifies accepts any name below the first."""

_LIFE = timedelta(hours=6)
_SINCE = {"subscriptionId": "2019-04-30", "sku": "2019-11-01", "licenseType": "2020-09-01"}


class Attester:
    """Signs with a certificate of the cloud's authority, which is made when the first machine asks."""

    def __init__(self, issue: Callable[[Sequence[str]], Pair]) -> None:
        self._issue = issue
        self._pair: tuple[list[x509.Certificate], RSAPrivateKey | EllipticCurvePrivateKey] | None = None

    def document(self, asker: Asker, version: str, nonce: str, now: datetime | None = None) -> dict[str, str]:
        """Give the signed document; a nonce that is empty becomes the time."""
        now = now or datetime.now(UTC)
        known = compute(asker, "2025-04-07", "")
        whole = {
            "licenseType": known["licenseType"],
            "nonce": nonce or now.strftime("%Y%m%d-%H%M%S"),
            "plan": known["plan"],
            "sku": known["sku"],
            "subscriptionId": known["subscriptionId"],
            "timeStamp": {"createdOn": _stamp(now), "expiresOn": _stamp(now + _LIFE)},
            "vmId": known["vmId"],
        }
        told = {key: value for key, value in whole.items() if _SINCE.get(key, "") <= version}
        return {"encoding": "pkcs7", "signature": base64.b64encode(self._signed(json.dumps(told))).decode()}

    def _signed(self, text: str) -> bytes:
        (certificate, *above), key = self._signer()
        builder = (
            PKCS7SignatureBuilder().set_data(text.encode()).add_signer(certificate, key, hashes.SHA256())
        )
        for one in above:
            builder = builder.add_certificate(one)
        return builder.sign(Encoding.DER, [PKCS7Options.Binary])

    def _signer(self) -> tuple[list[x509.Certificate], RSAPrivateKey | EllipticCurvePrivateKey]:
        if self._pair is None:
            pair = self._issue(NAMES)
            key = load_pem_private_key(pair.key, None)
            assert isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey)
            self._pair = (x509.load_pem_x509_certificates(pair.certificate), key)
        return self._pair


def _stamp(moment: datetime) -> str:
    return moment.strftime("%m/%d/%y %H:%M:%S -0000")
