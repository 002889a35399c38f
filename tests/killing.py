"""A cloud whose control plane is killed: its owner's requests, and what there is of it on this host."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sql

from azcli import CloudProcess
from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.ca import Authority
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.arm.tables import OPERATIONS
from bluejacket.cloud.arm.tokens import Tokens

ENDED = {"Succeeded", "Failed", "Canceled"}
VOLUMES = ("Microsoft.Compute/disks", "Microsoft.Compute/snapshots")


class Client:
    """The owner's requests to a cloud that may die at any moment."""

    def __init__(self, cloud: CloudProcess) -> None:
        folder = cloud.state / "cloud"
        self.base = str(cloud.status()["address"])
        account = Account.of(folder / "account.json")
        token = Tokens(folder / "token-key.pem", account.tenant, self.base).issue(
            account.object_id, account.client_id, self.base + "/", owner=True
        )
        self.root = f"/subscriptions/{account.subscription}"
        certificate = Authority(folder / "ca").file
        self.http = httpx.Client(
            base_url=self.base,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(certificate)),
            trust_env=False,
            timeout=60,
        )

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        version = {"api-version": "2024-03-02"}
        return self.http.request(method, self.root + path, params=version | query, json=body)

    def try_ask(self, method: str, path: str, body: Any = None) -> None:
        """Ask a cloud that may be dead already."""
        try:
            self.ask(method, path, body)
        except httpx.HTTPError:
            return

    def list(self, type_name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            self.ask("GET", f"/providers/{type_name}").raise_for_status().json()["value"]
        )
        return found


def await_ends(cloud: CloudProcess, limit_s: float = 90) -> None:
    """Wait until every operation has ended."""
    end = time.monotonic() + limit_s
    while (left := unfinished(cloud)) and time.monotonic() < end:
        time.sleep(0.2)
    assert left == [], cloud.log


def unfinished(cloud: CloudProcess) -> list[str]:
    return [name for name, status, _ in operations(cloud) if status not in ENDED]


def failures(cloud: CloudProcess) -> list[Mapping[str, Any]]:
    """Give the verb, resource and error of the operations that have failed."""
    found = [json.loads(data) for _, status, data in operations(cloud) if status == "Failed"]
    return [{name: one[name] for name in ("verb", "id", "error")} for one in found]


def operations(cloud: CloudProcess) -> list[tuple[str, str, str]]:
    store = Store.at(cloud.state / "cloud" / "cloud.sqlite")
    try:
        with store.reading() as connection:
            rows = connection.execute(sql.select(OPERATIONS.c.name, OPERATIONS.c.status, OPERATIONS.c.data))
            return [(str(name), str(status), str(data)) for name, status, data in rows]
    finally:
        store.close()


def compare_files(cloud: CloudProcess) -> None:
    """Compare the records of disks and snapshots with the files: each has its own, none is left over."""
    folder = cloud.state / "cloud"
    store = Store.at(folder / "cloud.sqlite")
    disks = [one for name in VOLUMES for one in store.list(type_name=name)]
    store.close()
    files = {f"disks/{one.name}" for one in (folder / "disks").iterdir()}
    assert {str(one.hidden["file"]) for one in disks if one.state == "Succeeded"} <= files
    assert files <= {str(one.hidden["file"]) for one in disks}, "a file without its disk"
    assert [one.name for one in (folder / "images").glob(".*")] == []


def machines_of(cloud: CloudProcess) -> list[str]:
    """Give the vmId of every QEMU that has this cloud's disks, whoever its parent is now."""
    found, disks = [], str((cloud.state / "cloud" / "disks").resolve())
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if not (place / "comm").read_text().startswith("qemu-system"):
                continue
            mounts = [line.split() for line in (place / "mountinfo").read_text("utf-8").splitlines()]
            words = (place / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it has ended meanwhile
            continue
        # A bind mount tells what is bound (proc(5), mountinfo), from the root of its file system on.
        if any(words and one[4] == "/run/cloud/disks" and disks.endswith(one[3]) for one in mounts):
            found.append(words[words.index("-uuid") + 1])
    return sorted(found)


def traces_of(cloud: CloudProcess) -> list[str]:
    """Give what of a cloud is on the host: processes that name its folder, and mounts in it."""
    mine, found = str(cloud.state / "cloud"), []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = one.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mine in line and int(one.parent.name) != os.getpid():
            found.append(line)
    mounts = Path("/proc/self/mounts").read_text("utf-8").splitlines()
    return found + [one for one in mounts if mine in one]
