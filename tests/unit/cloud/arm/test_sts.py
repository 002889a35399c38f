"""The token service, and what Resource Manager thinks of tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from armcloud import BASE, ArmCloud
from bluejacket.cloud.arm.kind import Caller
from bluejacket.cloud.arm.tokens import Tokens


@pytest.fixture
def arm(tmp_path: Path) -> ArmCloud:
    return ArmCloud(tmp_path)


def token(arm: ArmCloud, tenant: str = "", path: str = "oauth2/v2.0/token", **form: str) -> Any:
    return arm.http.post(f"/{tenant or arm.account.tenant}/{path}", data=form)


def by_secret(arm: ArmCloud, **form: str) -> Any:
    return token(
        arm,
        **{
            "grant_type": "client_credentials",
            "client_id": arm.account.client_id,
            "client_secret": arm.account.secret,
            "scope": f"{BASE}//.default",
        }
        | form,
    )


def by_password(arm: ArmCloud, **form: str) -> Any:
    known = {"username": arm.account.user_name, "password": arm.account.password}
    return token(
        arm, **{"grant_type": "password", "client_id": "cli", "scope": f"{BASE}/.default", **known} | form
    )


def error(answer: Any) -> tuple[int, int]:
    return answer.status_code, answer.json()["error_codes"][0]


@pytest.mark.parametrize("tenant", ["organizations", "common", ""])
def test_the_authority_tells_where_tokens_are(arm: ArmCloud, tenant: str) -> None:
    where = f"/{tenant or arm.account.tenant}/v2.0/.well-known/openid-configuration"
    found = arm.http.get(where).json()
    assert found["token_endpoint"] == f"{BASE}/{arm.account.tenant}/oauth2/v2.0/token"
    assert found["device_authorization_endpoint"].endswith("/oauth2/v2.0/devicecode")
    keys = arm.http.get(found["jwks_uri"].removeprefix(BASE)).json()
    got = by_secret(arm).json()["access_token"]
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(got)["kid"]]
    assert jwt.decode(got, key.key, algorithms=["RS256"], audience=f"{BASE}/")["tid"] == arm.account.tenant


def test_adfs_and_metadata(arm: ArmCloud) -> None:
    found = arm.http.get("/adfs/.well-known/openid-configuration").json()
    assert found["token_endpoint"] == f"{BASE}/adfs/oauth2/token"
    got = arm.http.get("/metadata/endpoints?api-version=2022-09-01").json()
    assert got["authentication"]["audiences"] == [f"{BASE}/"]
    assert got["suffixes"]["keyVaultDns"] == "vault.localhost:8443"
    assert isinstance(arm.http.get("/metadata/endpoints?api-version=2019-05-01").json(), list)


def test_a_secret_gives_a_token_that_is_good(arm: ArmCloud) -> None:
    got = by_secret(arm)
    assert (got.status_code, got.json()["token_type"]) == (200, "Bearer")
    assert got.json()["expires_in"] == 8 * 3600
    assert arm.get("/subscriptions", token=got.json()["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"client_secret": "wrong"}, (401, 7000215)),
        ({"client_secret": ""}, (401, 7000218)),
        ({"client_id": "someone-else"}, (401, 7000215)),
        ({"grant_type": "magic"}, (400, 70003)),
        ({"tenant": "another-tenant"}, (400, 90002)),
        ({"client_assertion": "garbled"}, (401, 700027)),
        ({"grant_type": "refresh_token", "refresh_token": "garbled"}, (400, 700082)),
        ({"grant_type": "device_code", "device_code": "unknown"}, (400, 70020)),
    ],
)
def test_refusals_have_entras_numbers(arm: ArmCloud, form: dict[str, str], expected: Any) -> None:
    got = by_secret(arm, **form)
    assert error(got) == expected
    assert got.json()["error_description"].startswith(f"AADSTS{expected[1]}: ")
    assert arm.account.secret not in got.text


def test_a_person_has_password_and_refresh(arm: ArmCloud) -> None:
    assert error(by_password(arm, password="wrong")) == (400, 50126)
    got = by_password(arm).json()
    told = jwt.decode(got["id_token"], options={"verify_signature": False})
    assert (told["upn"], told["oid"]) == (arm.account.user_name, arm.account.user_object_id)
    padded = got["client_info"] + "=" * (-len(got["client_info"]) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded)) == {
        "uid": arm.account.user_object_id,
        "utid": arm.account.tenant,
    }
    again = token(
        arm,
        grant_type="refresh_token",
        refresh_token=got["refresh_token"],
        client_id="cli",
        scope=f"{BASE}/.default",
    )
    assert arm.get("/subscriptions", token=again.json()["access_token"]).status_code == 200
    assert arm.get("/subscriptions", token=got["refresh_token"]).status_code == 401


def test_a_device_waits_for_its_person(arm: ArmCloud) -> None:
    begun = token(arm, path="oauth2/v2.0/devicecode", client_id="cli", scope=f"{BASE}/.default").json()
    form = {"grant_type": "device_code", "device_code": begun["device_code"], "client_id": "cli"}
    assert token(arm, **form).json()["error"] == "authorization_pending"
    words = {"code": begun["user_code"], "name": arm.account.user_name}
    assert arm.http.post("/devicelogin", data=words | {"password": "wrong"}).status_code == 403
    assert arm.http.post("/devicelogin", data=words | {"password": arm.account.password}).status_code == 200
    got = token(arm, **form).json()
    assert arm.get("/subscriptions", token=got["access_token"]).status_code == 200
    assert token(arm, **form).json()["error"] == "expired_token", "a code is good for once"


def test_a_federated_assertion_counts_for_its_owner_alone(arm: ArmCloud) -> None:
    mine = by_secret(arm).json()["access_token"]
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"client_secret": "", "client_assertion_type": kind}
    assert by_secret(arm, **form, client_assertion=mine).status_code == 200
    other = arm.tokens.issue("another", "app", f"{BASE}/")
    assert error(by_secret(arm, **form, client_assertion=other)) == (401, 700027)


def test_an_assertion_by_a_certificates_key(arm: ArmCloud) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    class Crew:
        def check(self, client_id: str, secret: str) -> Caller | None:
            return None

        def keys_of(self, client_id: str) -> list[tuple[rsa.RSAPublicKey, Caller]]:
            return [(key.public_key(), arm.account.principal)] if client_id == arm.account.client_id else []

    arm.service.clients = (Crew(),)
    told = {"sub": arm.account.client_id, "iss": arm.account.client_id, "exp": 1 << 33}
    told["aud"] = f"{BASE}/{arm.account.tenant}/oauth2/v2.0/token"
    for algorithm in ("RS256", "PS256"):
        signed = jwt.encode(told, key, algorithm=algorithm)
        assert by_secret(arm, client_assertion=signed).status_code == 200
    for wrong in ({"sub": "stranger"}, {"aud": "https://elsewhere.example/token"}, {"exp": 1}):
        signed = jwt.encode(told | wrong, key, algorithm="RS256")
        assert by_secret(arm, client_assertion=signed).status_code == 401, wrong


def issued(change: Callable[[Tokens], None], arm: ArmCloud) -> str:
    twin = Tokens(arm.folder / "token-key.pem", arm.account.tenant, BASE)
    change(twin)
    return twin.issue(arm.account.object_id, arm.account.client_id, f"{BASE}/", owner=True)


def test_tokens_that_are_refused_and_why(arm: ArmCloud, tmp_path: Path) -> None:
    def later(tokens: Tokens) -> None:
        tokens._clock = lambda: 1_000_000.0

    def foreign(tokens: Tokens) -> None:
        tokens._file = tmp_path / "other-key.pem"

    def elsewhere(tokens: Tokens) -> None:
        tokens.tenant = "another-tenant"

    wrong = arm.tokens.issue(arm.account.object_id, "", "https://vault.azure.net", owner=True)
    unsigned = jwt.encode({"oid": "x", "aud": BASE, "iss": "x", "exp": 1 << 33}, "", algorithm="none")
    for given, code in {
        issued(later, arm): "ExpiredAuthenticationToken",
        issued(foreign, arm): "InvalidAuthenticationToken",
        issued(elsewhere, arm): "InvalidAuthenticationTokenTenant",
        wrong: "InvalidAuthenticationTokenAudience",
        unsigned: "InvalidAuthenticationToken",
        "garbled": "InvalidAuthenticationToken",
    }.items():
        got = arm.get("/subscriptions", token=given)
        assert (got.status_code, got.json()["error"]["code"]) == (401, code)
        assert 'error="invalid_token"' in got.headers["WWW-Authenticate"]
    bare = arm.http.get("/subscriptions?api-version=1")
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert bare.headers["WWW-Authenticate"] == f'Bearer authorization_uri="{BASE}/{arm.account.tenant}"'
    basic = arm.get("/subscriptions", headers={"Authorization": "Basic eDp5"})
    assert basic.json()["error"]["code"] == "AuthenticationFailedInvalidHeader"


def test_who_is_nobody_may_do_nothing(arm: ArmCloud) -> None:
    nobody = arm.tokens.issue("nobody", "app", f"{BASE}/")
    got = arm.put("g1", {"location": "eastus"}, token=nobody)
    assert (got.status_code, got.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert "Microsoft.Resources/subscriptions/resourceGroups/write" in got.json()["error"]["message"]
    arm.group()
    assert arm.get("g1", token=nobody).status_code == 403
    assert arm.get(arm.root + "/resourceGroups", token=nobody).json() == {"value": []}
    assert arm.get(arm.root + "/resources", token=nobody).json() == {"value": []}
