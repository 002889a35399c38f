"""What the seed says; tests/integration reads the image back."""

from __future__ import annotations

import json
from dataclasses import replace

from bluejacket.machine.seed import FILES, Seed, documents

SEED = Seed(
    "vm",
    "i-1",
    "jack",
    "ssh-ed25519 AAAA jack",
    {"bluejacket_feed": "http://10.0.2.4/"},
    {"/etc/motd": "hi\n"},
)


def test_every_file_of_nocloud_is_there() -> None:
    assert tuple(documents(SEED)) == FILES
    assert json.loads(documents(SEED)["meta-data"]) == {"instance-id": "i-1", "local-hostname": "vm"}


def test_user_data_says_what_it_is_and_lets_in_by_key_only() -> None:
    head, text = documents(SEED)["user-data"].split("\n", 1)
    assert head == "#cloud-config"
    found = json.loads(text)
    assert found["ssh_pwauth"] is False
    (person,) = found["users"]
    assert person["name"] == "jack"
    assert person["lock_passwd"] is True
    assert person["ssh_authorized_keys"] == ["ssh-ed25519 AAAA jack"]


def test_packages_are_asked_for_where_there_are_any() -> None:
    wanted = replace(SEED, packages=("zstd", "runc"))
    assert json.loads(documents(wanted)["user-data"].split("\n", 1)[1])["packages"] == ["zstd", "runc"]
    assert "packages" not in json.loads(documents(SEED)["user-data"].split("\n", 1)[1])


def test_variables_and_files_are_written() -> None:
    found = json.loads(documents(SEED)["user-data"].split("\n", 1)[1])
    written = {one["path"]: one["content"] for one in found["write_files"]}
    assert written == {"/etc/dnf/vars/bluejacket_feed": "http://10.0.2.4/\n", "/etc/motd": "hi\n"}


def test_what_is_empty_is_left_out() -> None:
    """cloud-init's schema refuses empty lists, and a machine with a warning does not count as well."""
    bare = replace(SEED, variables={}, files={})
    found = json.loads(documents(bare)["user-data"].split("\n", 1)[1])
    assert sorted(found) == ["ssh_pwauth", "users"]
