"""What the form takes, and the template that comes of it."""

from __future__ import annotations

import json

import pytest

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.page.create import Wish, template

IMAGE = {"publisher": "Bluejacket", "offer": "bluejacket-linux-4", "sku": "4-lts", "version": "latest"}
FORM = {
    "name": "Dory",
    "group": "Harbour-(old)",
    "location": "eastus",
    "image": json.dumps(IMAGE),
    "size": "Standard_B1ms",
    "user": "azureuser",
    "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@home",
}


def test_a_whole_form_is_read() -> None:
    wish = Wish.of(FORM | {"key": FORM["key"] + "\n"})
    assert wish.image == IMAGE
    found = template(wish)
    machine = found["resources"][-1]["properties"]
    assert machine["storageProfile"]["imageReference"] == IMAGE
    linux = machine["osProfile"]["linuxConfiguration"]
    assert linux["disablePasswordAuthentication"] is True
    assert linux["ssh"]["publicKeys"] == [
        {"path": "/home/azureuser/.ssh/authorized_keys", "keyData": FORM["key"]}
    ]
    names = {f"{one['type']}/{one['name']}" for one in found["resources"]}
    assert {need for one in found["resources"] for need in one["dependsOn"]} <= names


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a'b"),
        ("name", "-a"),
        ("name", ""),
        ("group", "dot."),
        ("group", "a/b"),
        ("location", "moon"),
        ("size", "Standard_Huge"),
        ("user", "Root"),
        ("user", "a;b"),
        ("key", "ssh-ed25519 AAAA\nssh-ed25519 BBBB"),
        ("key", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ("image", "rubbish"),
        ("image", "[]"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: str) -> None:
    with pytest.raises(CloudError) as error:
        Wish.of(FORM | {field: value})
    assert error.value.status == 400
    assert error.value.target in (field, "size")
