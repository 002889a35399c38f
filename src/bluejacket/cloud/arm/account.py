"""The one account of a cloud: its tenant, its subscription, and its owner's ways to log in.

Everything is drawn by chance when the cloud is made, and kept in one file that only its owner can read.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import uuid4

from bluejacket.cloud.arm.kind import Caller
from bluejacket.errors import Fault, OutsideError, Place
from bluejacket.store import locked, replace_text

LOCATIONS = {
    "eastus": "East US",
    "eastus2": "East US 2",
    "westus2": "West US 2",
    "northeurope": "North Europe",
    "westeurope": "West Europe",
}
"""The regions, by name: all are this machine."""


def new_secret(entropy: int) -> str:
    """Draw a secret of `entropy` bytes in URL-safe characters that any command takes as an argument.

    A first `-` would be read as an option by `az login -p` and by most other clients.
    """
    while (secret := secrets.token_urlsafe(entropy)).startswith("-"):
        pass
    return secret


@dataclass(frozen=True, slots=True)
class Account:
    """All ids are UUIDs. The service principal has a secret; the user, `user_name`, has a password."""

    tenant: str
    subscription: str
    client_id: str
    object_id: str
    secret: str = field(repr=False)
    user_name: str
    user_object_id: str
    password: str = field(repr=False)
    name: str = "Bluejacket"

    @classmethod
    def make(cls) -> Account:
        """Draw a new account."""
        return cls(
            tenant=str(uuid4()),
            subscription=str(uuid4()),
            client_id=str(uuid4()),
            object_id=str(uuid4()),
            secret=new_secret(30),
            user_name="admin@bluejacket.localhost",
            user_object_id=str(uuid4()),
            password=new_secret(18),
        )

    @classmethod
    def of(cls, file: Path) -> Account:
        """Read the account, made now if there is none. Raises OutsideError for a file that is no account."""
        with locked(file.with_name(f".{file.name}.lock")):
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                replace_text(file, json.dumps(asdict(cls.make()), indent=1) + "\n", mode=0o600)
        try:
            return cls(**json.loads(file.read_text("utf-8")))
        except (ValueError, TypeError):
            fault = Fault(
                "is no cloud's account", "`bluejacket cloud down --forget` begins anew", Place(file)
            )
            raise OutsideError(fault) from None

    @property
    def principal(self) -> Caller:
        """The owner as a program."""
        return Caller(self.object_id, self.client_id, "bluejacket-owner", owner=True)

    @property
    def user(self) -> Caller:
        """The owner as a person."""
        return Caller(self.user_object_id, "", self.user_name, owner=True)

    def check(self, client_id: str, secret: str) -> Caller | None:
        """Give the owner as a program if that is his secret, or None."""
        mine = client_id.lower() == self.client_id
        return self.principal if same(secret, self.secret) and mine else None

    def check_user(self, name: str, password: str) -> Caller | None:
        """Give the owner as a person if that is his password, or None."""
        mine = name.lower() == self.user_name
        return self.user if same(password, self.password) and mine else None


def same(given: str, kept: str) -> bool:
    """Compare secrets in a time that tells nothing about them."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), kept.encode())
