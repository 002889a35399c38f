"""Microsoft.Compute/sshPublicKeys: public keys by name, also made here."""

from __future__ import annotations

from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from bluejacket.cloud.arm.errors import invalid
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.documents import need_location

_BITS = 3072


class SshPublicKeys(Kind):
    """A public key. The private half of one that is made here is given once, and kept nowhere."""

    type = "Microsoft.Compute/sshPublicKeys"
    verbs: ClassVar = {
        GET: Verb(Grade.REAL),
        LIST: Verb(Grade.REAL),
        PUT: Verb(Grade.REAL),
        PATCH: Verb(Grade.REAL),
        DELETE: Verb(Grade.REAL),
        "generatekeypair": Verb(Grade.REAL),
    }
    states = False

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; a key has to be one in OpenSSH's form."""
        found = record(call, old)
        need_location(found, self.type)
        found.properties = (old.properties if old else {}) | found.properties
        key = found.properties.get("publicKey")
        if key is not None:
            try:
                serialization.load_ssh_public_key(str(key).strip().encode())
            except ValueError:
                raise invalid("The value of parameter publicKey is invalid.", "publicKey") from None
        return found

    def act(self, cloud: Cloud, call: Call, resource: Resource, action: str) -> dict[str, Any]:
        """Check which sort of key is to be made."""
        kind = str(call.body.get("encryptionType") or "RSA")
        if kind.lower() not in ("rsa", "ed25519"):
            raise invalid(f"The value '{kind}' of parameter 'encryptionType' is invalid.", "encryptionType")
        return {"encryptionType": kind.lower()}

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Make a pair of keys; the record keeps the public one."""
        if job.verb != "generatekeypair":
            return None
        private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey = (
            ed25519.Ed25519PrivateKey.generate()
            if job.payload["encryptionType"] == "ed25519"
            else rsa.generate_private_key(65537, _BITS)
        )
        public = private.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )
        line = f"{public.decode()} generated-by-azure"
        cloud.resources.change(resource.id, lambda one: one.properties.update(publicKey=line))
        secret = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        return {"privateKey": secret.decode(), "publicKey": line, "id": resource.id.text}
