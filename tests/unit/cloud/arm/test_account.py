"""A cloud's account keeps its secrets, and every secret can be an argument of a command."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

import pytest

from bluejacket.cloud.arm.account import Account, new_secret


def test_no_secret_reads_as_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter(["-one", "--two", "three", "_four"])
    monkeypatch.setattr(secrets, "token_urlsafe", lambda _size: next(draws))
    assert new_secret(30) == "three"
    assert new_secret(30) == "_four"


def test_an_account_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "cloud" / "account.json"
    made = Account.of(file)
    assert Account.of(file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.secret not in repr(made)
    assert made.password not in repr(made)
