"""Who may what in a vault: roles, access policies, tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.vault.service import is_vault_host
from recordcloud import GROUP, OWNER
from vaultkept import VAULT, Cove


@pytest.fixture
def cove(tmp_path: Path) -> Cove:
    return Cove(tmp_path)


def test_without_a_token_the_vault_says_where_to_get_one(cove: Cove) -> None:
    found = cove.vaults.answer(cove.host, "GET", "/secrets/x", {}, "", b"")
    assert found.status == 401
    assert found.headers["www-authenticate"] == (
        'Bearer authorization="https://localhost:8443/99999999-8888-7777-6666-555555555555", '
        'resource="https://vault.localhost:8443"'
    )
    guest = cove.vaults.answer("cove.vault.azure.net", "GET", "/secrets/x", {}, "Basic x", b"")
    assert 'resource="https://vault.azure.net"' in guest.headers["www-authenticate"]


@pytest.mark.parametrize("audience", ["https://localhost:8443", "https://evil.example", ""])
def test_a_token_for_somebody_else_is_refused(cove: Cove, audience: str) -> None:
    keeper = cove.caller("Key Vault Administrator")
    token = cove.tokens.issue(keeper.object_id, keeper.client_id, audience)
    found = cove.vaults.answer(cove.host, "GET", "/secrets", {}, f"Bearer {token}", b"")
    assert found.status == 401
    assert token.encode() not in found.body


def test_old_and_foreign_tokens_are_refused(cove: Cove, tmp_path: Path) -> None:
    keeper = cove.caller("Key Vault Administrator")
    token = cove.tokens.issue(keeper.object_id, keeper.client_id, "https://vault.localhost", lifetime_s=60)
    assert cove.vaults.answer(cove.host, "GET", "/secrets", {}, f"Bearer {token}", b"").status == 200
    cove.clock += 61
    assert cove.vaults.answer(cove.host, "GET", "/secrets", {}, f"Bearer {token}", b"").status == 401
    (tmp_path / "other").mkdir()
    other = Cove(tmp_path / "other", clock=cove.clock)
    foreign = other.tokens.issue(keeper.object_id, keeper.client_id, "https://vault.localhost")
    assert cove.vaults.answer(cove.host, "GET", "/secrets", {}, f"Bearer {foreign}", b"").status == 401


def test_roles_are_asked_for_each_object(cove: Cove) -> None:
    keeper = cove.caller("Key Vault Administrator", scope=GROUP)
    for name in ("tide", "moon"):
        cove.ask(keeper, "PUT", f"/secrets/{name}", {"value": name})
    user = cove.caller("Key Vault Secrets User", scope=f"{VAULT}/secrets/tide")
    assert cove.ask(user, "GET", "/secrets/tide")[1]["value"] == "tide"
    status, told = cove.ask(user, "GET", "/secrets/moon")
    assert (status, told["error"]["innererror"]["code"]) == (403, "ForbiddenByRbac")
    assert "Microsoft.KeyVault/vaults/secrets/getSecret/action" in told["error"]["message"]
    assert cove.ask(user, "PUT", "/secrets/tide", {"value": "x"})[0] == 403
    assert cove.ask(user, "GET", "/secrets")[0] == 403
    reader = cove.caller("Key Vault Reader")
    assert cove.ask(reader, "GET", "/secrets")[0] == 200
    assert cove.ask(reader, "GET", "/secrets/tide")[0] == 403
    for nobody in (Caller("nobody"), OWNER):
        assert cove.ask(nobody, "GET", "/secrets/tide")[0] == 403


def test_access_policies(tmp_path: Path) -> None:
    user = Caller("cccccccc-0000-0000-0000-000000000001", "c")
    policy = {"objectId": user.object_id.upper(), "permissions": {"secrets": ["Get", "set"], "keys": ["all"]}}
    cove = Cove(tmp_path, asked={"enableRbacAuthorization": False, "accessPolicies": [policy]})
    assert cove.ask(user, "PUT", "/secrets/tide", {"value": "low"})[0] == 200
    assert cove.ask(user, "GET", "/secrets/tide")[0] == 200
    status, told = cove.ask(user, "GET", "/secrets")
    assert (status, told["error"]["innererror"]["code"]) == (403, "AccessDenied")
    assert (
        "does not have secrets list permission on key vault 'Cove;location=eastus'"
        in told["error"]["message"]
    )
    assert cove.ask(user, "POST", "/keys/k/create", {"kty": "EC"})[0] == 200
    assert cove.ask(user, "GET", "/certificates")[0] == 403
    keeper = cove.caller("Key Vault Administrator")  # roles count for nothing in such a vault
    assert cove.ask(keeper, "GET", "/secrets/tide")[0] == 403


def test_an_unknown_vault_is_told_so(cove: Cove) -> None:
    assert cove.vaults.answer("other.vault.localhost:8443", "GET", "/secrets", {}, "", b"").status == 404


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("cove.vault.localhost:8443", True),
        ("COVE.vault.azure.net", True),
        ("localhost:8443", False),
        ("vault.localhost:8443", False),
        ("a.b.vault.localhost", False),
        (".vault.localhost", False),
        ("cove.vault.localhost.evil.example", False),
    ],
)
def test_which_hosts_are_vaults(host: str, expected: bool) -> None:
    assert is_vault_host(host) == expected
