"""Secrets have versions, come back after deletion, and are in no file as they are."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bluejacket.cloud.arm.kind import Caller
from vaultkept import Cove


@pytest.fixture
def cove(tmp_path: Path) -> Cove:
    return Cove(tmp_path)


@pytest.fixture
def keeper(cove: Cove) -> Caller:
    return cove.caller("Key Vault Administrator")


def test_a_secret_has_versions_and_the_newest_counts(cove: Cove, keeper: Caller) -> None:
    status, first = cove.ask(keeper, "PUT", "/secrets/Tide", {"value": "low", "tags": {"a": "b"}})
    assert status == 200
    assert first["id"].startswith("https://cove.vault.localhost:8443/secrets/Tide/")
    assert first["attributes"]["recoveryLevel"] == "Recoverable+Purgeable"
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "high", "contentType": "text/plain"})
    assert cove.ask(keeper, "GET", "/secrets/tide/")[1]["value"] == "high"
    version = first["id"].rpartition("/")[2]
    assert cove.ask(keeper, "GET", f"/secrets/TIDE/{version}")[1]["value"] == "low"
    listed = cove.ask(keeper, "GET", "/secrets")[1]["value"]
    assert [one["id"].rpartition("/")[2] for one in listed] == ["Tide"]
    assert "value" not in listed[0]
    assert len(cove.ask(keeper, "GET", "/secrets/tide/versions")[1]["value"]) == 2


def test_a_secret_is_in_no_file(cove: Cove, keeper: Caller, tmp_path: Path) -> None:
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "a-treasure-that-nobody-finds"})
    cove.cloud.resources.close()
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"a-treasure" not in file.read_bytes()
    assert (tmp_path / "vault.key").stat().st_mode & 0o777 == 0o600


def test_what_is_not_there_and_what_cannot_be(cove: Cove, keeper: Caller) -> None:
    for path in ("/secrets/none", "/deletedsecrets/none"):
        status, told = cove.ask(keeper, "GET", path)
        assert (status, told["error"]["code"]) == (404, "SecretNotFound")
    assert cove.ask(keeper, "PUT", "/secrets/a_b", {"value": "x"})[0] == 400
    assert cove.ask(keeper, "PUT", "/secrets/a", {"value": 1})[0] == 400
    assert cove.ask(keeper, "PUT", "/secrets/a", {"value": "x" * 25601})[0] == 400
    assert cove.ask(keeper, "PUT", "/secrets/a", {"value": "x", "attributes": {"nbf": 2, "exp": 1}})[0] == 400
    assert cove.ask(keeper, "GET", "/elsewhere")[0] == 404
    assert cove.ask(keeper, "GET", "/secrets", maxresults="26")[0] == 400


def test_a_secret_that_is_switched_off_is_not_given(cove: Cove, keeper: Caller) -> None:
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "low"})
    status, told = cove.ask(keeper, "PATCH", "/secrets/tide", {"attributes": {"enabled": False}})
    assert (status, told["attributes"]["enabled"]) == (200, False)
    status, told = cove.ask(keeper, "GET", "/secrets/tide")
    assert (status, told["error"]["innererror"]["code"]) == (403, "SecretDisabled")
    late = {"enabled": True, "exp": int(cove.clock) - 1}
    cove.ask(keeper, "PATCH", "/secrets/tide", {"attributes": late})
    assert cove.ask(keeper, "GET", "/secrets/tide")[0] == 200  # Azure gives expired secrets, for recovery


def test_a_deleted_secret_comes_back_or_goes_for_good(cove: Cove, keeper: Caller) -> None:
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "low"})
    status, gone = cove.ask(keeper, "DELETE", "/secrets/tide")
    assert status == 200
    assert gone["recoveryId"].endswith("/deletedsecrets/tide")
    assert gone["scheduledPurgeDate"] - gone["deletedDate"] == 90 * 86400
    assert cove.ask(keeper, "GET", "/secrets/tide")[0] == 404
    assert cove.ask(keeper, "GET", "/secrets")[1]["value"] == []
    status, told = cove.ask(keeper, "PUT", "/secrets/tide", {"value": "x"})
    assert (status, told["error"]["innererror"]["code"]) == (409, "ObjectIsDeletedButRecoverable")
    assert cove.ask(keeper, "POST", "/deletedsecrets/tide/recover")[0] == 200
    assert cove.ask(keeper, "GET", "/secrets/tide")[1]["value"] == "low"
    cove.ask(keeper, "DELETE", "/secrets/tide")
    assert len(cove.ask(keeper, "GET", "/deletedsecrets")[1]["value"]) == 1
    assert cove.ask(keeper, "DELETE", "/deletedsecrets/tide")[0] == 204
    assert cove.ask(keeper, "GET", "/deletedsecrets/tide")[0] == 404
    assert cove.ask(keeper, "PUT", "/secrets/tide", {"value": "new"})[0] == 200


def test_the_time_to_come_back_ends(cove: Cove, keeper: Caller) -> None:
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "low"})
    cove.ask(keeper, "DELETE", "/secrets/tide")
    cove.clock += 90 * 86400 + 1
    assert cove.ask(keeper, "GET", "/deletedsecrets/tide")[0] == 404
    assert cove.ask(keeper, "PUT", "/secrets/tide", {"value": "new"})[0] == 200


def test_protection_against_purging(tmp_path: Path) -> None:
    cove = Cove(tmp_path, asked={"enablePurgeProtection": True, "softDeleteRetentionInDays": 7})
    keeper = cove.caller("Key Vault Administrator")
    cove.ask(keeper, "PUT", "/secrets/tide", {"value": "low"})
    cove.ask(keeper, "DELETE", "/secrets/tide")
    assert cove.ask(keeper, "DELETE", "/deletedsecrets/tide")[0] == 403
    assert cove.ask(keeper, "GET", "/deletedsecrets/tide")[1]["attributes"]["recoveryLevel"] == "Recoverable"


def test_a_backup_is_sealed_and_comes_back(cove: Cove, keeper: Caller) -> None:
    for value in ("low", "high"):
        cove.ask(keeper, "PUT", "/secrets/tide", {"value": value})
    blob = cove.ask(keeper, "POST", "/secrets/tide/backup")[1]["value"]
    assert cove.ask(keeper, "POST", "/secrets/restore", {"value": blob})[0] == 409
    cove.ask(keeper, "DELETE", "/secrets/tide")
    cove.ask(keeper, "DELETE", "/deletedsecrets/tide")
    assert cove.ask(keeper, "POST", "/secrets/restore", {"value": blob})[0] == 200
    assert cove.ask(keeper, "GET", "/secrets/tide")[1]["value"] == "high"
    assert len(cove.ask(keeper, "GET", "/secrets/tide/versions")[1]["value"]) == 2
    broken = ("A" if blob[0] != "A" else "B") + blob[1:]
    assert cove.ask(keeper, "POST", "/secrets/restore", {"value": broken})[0] == 400
    assert cove.ask(keeper, "POST", "/keys/restore", {"value": blob})[0] == 400


def test_pages_leave_nothing_out(cove: Cove, keeper: Caller) -> None:
    names = {f"s{number:02}" for number in range(60)}
    for name in names:
        cove.ask(keeper, "PUT", f"/secrets/{name}", {"value": "x"})
    found, query = [], {"maxresults": "25"}
    while True:
        _, page = cove.ask(keeper, "GET", "/secrets", **query)
        found += [one["id"].rpartition("/")[2] for one in page["value"]]
        if page["nextLink"] is None:
            break
        query = {
            key.lstrip("$"): value[0] for key, value in parse_qs(urlsplit(page["nextLink"]).query).items()
        }
    assert found == sorted(names)
    assert len(cove.ask(keeper, "GET", "/secrets/s01/versions")[1]["value"]) == 1
