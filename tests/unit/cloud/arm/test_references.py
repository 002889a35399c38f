"""Who refers to what, as the store keeps it beside the records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.arm.store import Store
from bluejacket.cloud.arm.tables import REFERENCES

ROOT = "/subscriptions/s/resourceGroups/G/providers/Microsoft.Network"


def rid(text: str) -> ResourceId:
    return ResourceId.parse(f"{ROOT}/{text}")


def card(name: str, subnet: str, **more: Any) -> Resource:
    own = f"{ROOT}/networkInterfaces/{name}"
    part = {"id": f"{own}/ipConfigurations/i", "properties": {"subnet": {"id": f"{ROOT}/{subnet}"}}}
    return Resource(ResourceId.parse(own), properties={"ipConfigurations": [part], **more})


def users(store: Store, *targets: str) -> list[str]:
    return [one.id.name for one in store.list(referring=[target.lower() for target in targets])]


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    with closing(Store(database)) as opened:
        yield opened


def test_users_are_found_by_what_they_refer_to_now(store: Store) -> None:
    one, two = f"{ROOT}/virtualNetworks/V/subnets/one", f"{ROOT}/virtualnetworks/v/subnets/two"
    store.put(card("a", "virtualNetworks/v/SUBNETS/one"))
    store.put(card("b", "virtualNetworks/v/subnets/one"))
    assert (users(store, one), users(store, two)) == (["a", "b"], [])
    store.put(card("a", "virtualNetworks/v/subnets/two"))
    assert (users(store, one), users(store, two), users(store, one, two)) == (["b"], ["a"], ["a", "b"])
    store.change(rid("networkInterfaces/b"), lambda found: found.properties.clear())
    assert users(store, one) == []
    store.delete(rid("networkInterfaces/a"))
    assert users(store, one, two) == []
    assert store.list(referring=[]) == []


def test_a_record_does_not_refer_to_its_own_parts(store: Store) -> None:
    store.put(card("a", "virtualNetworks/v/subnets/one"))
    assert users(store, f"{ROOT}/networkInterfaces/a/ipConfigurations/i") == []
    store.put(Resource(rid("disks/d"), top={"managedBy": f"{ROOT}/networkInterfaces/A"}))
    assert users(store, f"{ROOT}/networkInterfaces/a") == ["d"]


def test_what_nobody_may_have_twice_is_found_by_its_value(store: Store) -> None:
    store.put(card("a", "virtualNetworks/v/subnets/one", macAddress="00-0D-3A-00-00-01", other="x"))
    assert users(store, "00-0D-3A-00-00-01") == ["a"]
    assert users(store, "x") == []


def test_what_goes_below_a_record_takes_its_references_along(store: Store) -> None:
    rules = f"{ROOT}/routeTables/r"
    store.put(Resource(rid("virtualNetworks/v")))
    store.put(Resource(rid("virtualNetworks/v/subnets/one"), properties={"routeTable": {"id": rules}}))
    store.put(Resource(rid("virtualNetworks/v1"), properties={"routeTable": {"id": rules}}))
    store.delete(rid("virtualNetworks/v"))
    assert users(store, rules) == ["v1"]


def test_a_database_made_earlier_gets_its_references_when_opened(store: Store, database: str) -> None:
    store.put(card("a", "virtualNetworks/v/subnets/one"))
    with store.writing() as connection:
        REFERENCES.drop(connection)
    store.close()
    with closing(Store(database)) as again:
        assert users(again, f"{ROOT}/virtualNetworks/v/subnets/one") == ["a"]
