"""What the cloud says of itself, and what it does: each operation is real, stored or refused."""

from __future__ import annotations

import json
import re
import ssl
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest

from azcli import CloudProcess
from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.tokens import Tokens

pytestmark = pytest.mark.integration
GRADES = {"real", "stored", "refused"}
HEADER = "x-bluejacket-grade"
Row = dict[str, Any]


@dataclass
class Asker:
    """Asks a running cloud as its owner, and knows what it says that it can do."""

    cloud: CloudProcess
    http: httpx.Client
    root: str

    @cached_property
    def rows(self) -> list[Row]:
        found: list[Row] = json.loads(self.cloud.bluejacket("--json", "cloud", "coverage"))
        return found

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        asked = {"api-version": "2024-07-01", "domainNameLabel": "ship"}  # one path needs a name to check
        return self.http.request(method, path, json=body, params=asked)


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[Asker]:
    with CloudProcess(tmp_path_factory.mktemp("coverage") / "state") as cloud:
        folder, base = cloud.state / "cloud", cloud.status()["address"]
        account = Account.of(folder / "account.json")
        tokens = Tokens(folder / "token-key.pem", account.tenant, base)
        token = tokens.issue(account.object_id, account.client_id, f"{base}/", owner=True)
        trust = ssl.create_default_context(cafile=str(folder / "ca" / "ca.pem"))
        head = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=base, verify=trust, headers=head, trust_env=False, timeout=60) as http:
            found = Asker(cloud, http, f"/subscriptions/{account.subscription}")
            assert found.ask("PUT", f"{found.root}/resourceGroups/g1", {"location": "eastus"}).is_success
            yield found


def test_every_operation_has_a_grade(asker: Asker) -> None:
    rows = asker.rows
    assert {row["grade"] for row in rows} == GRADES
    for row in rows:
        assert row["method"] in ("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD"), row
        assert row["type"].startswith("/") or "." in row["type"].partition("/")[0], row
    named = Counter((row["type"].lower(), row["operation"], row["method"]) for row in rows)
    assert [name for name, count in named.items() if count > 1] == []
    assert [row for row in rows if row["grade"] == "refused" and not row["note"]] == []


def test_a_person_reads_the_same(asker: Asker) -> None:
    """In a table, whose long words go on in the next line."""
    lines = asker.cloud.bluejacket("cloud", "coverage").splitlines()
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    shown = Counter(cell for row in cells for cell in row[1:] if cell in GRADES)
    assert shown == Counter(row["grade"] for row in asker.rows)


def test_lists_are_what_the_table_says(asker: Asker) -> None:
    rows = [row for row in asker.rows if row["operation"] == "list" and row["type"].count("/") == 1]
    assert {row["grade"] for row in rows} == GRADES
    group = f"{asker.root}/resourceGroups/g1/providers"
    assert differing(asker, [(row, f"{group}/{row['type']}", None) for row in rows]) == {}


def test_paths_of_no_type_are_what_the_table_says(asker: Asker) -> None:
    known = {"{subscription}": asker.root.rpartition("/")[2], "{location}": "eastus", "{group}": "g1"}
    rows = [row for row in asker.rows if row["type"].startswith("/") and row["method"] == "GET"]
    asked = []
    for row in rows:
        path = row["type"]
        for name, value in known.items():
            path = path.replace(name, value)
        if "{" not in path:
            asked.append((row, path, None))
    assert {row["grade"] for row, *_ in asked} == GRADES
    assert differing(asker, asked) == {}


def test_writing_is_what_the_table_says(asker: Asker) -> None:
    """Of what is refused all is tried; of what is not, what needs nothing else."""
    plain = ("networkSecurityGroups", "publicIPAddresses", "routeTables", "availabilitySets", "natGateways")
    group = f"{asker.root}/resourceGroups/g1/providers"
    asked, body = [], {"location": "eastus", "properties": {}}
    for row in asker.rows:
        if row["operation"] == "put" and row["type"].count("/") == 1:
            name = row["type"].rpartition("/")[2]
            if row["grade"] == "refused" or name in plain:
                asked.append((row, f"{group}/{row['type']}/one", body))
    assert {row["grade"] for row, *_ in asked} == GRADES
    assert differing(asker, asked) == {}


def test_refused_actions_are_refused(asker: Asker) -> None:
    group = f"{asker.root}/resourceGroups/g1/providers"
    asked = []
    for row in asker.rows:
        if row["grade"] == "refused" and row["method"] == "POST" and row["type"].count("/") == 1:
            asked.append((row, f"{group}/{row['type']}/one/{row['operation']}", {}))
    assert asked
    assert differing(asker, asked) == {}


def differing(asker: Asker, asked: list[tuple[Row, str, Any]]) -> dict[str, str]:
    """Ask for all of it, and give what is not as its row of the table says."""
    found = {}
    for row, path, body in asked:
        answer = asker.ask(row["method"], path, body)
        if (grade := shown_grade(answer)) != row["grade"]:
            found[f"{row['method']} {path}"] = f"{grade} and not {row['grade']}: {answer.text[:300]}"
    return found


def shown_grade(answer: httpx.Response) -> str:
    """Give what an answer says of itself; what is an error and no refusal is none."""
    if answer.is_success:
        return answer.headers.get(HEADER, "real")
    error = answer.json().get("error", {})
    refused = answer.status_code == 409 and error.get("code") == "OperationNotAllowed"
    return "refused" if refused and HEADER not in answer.headers else f"an error ({answer.status_code})"
