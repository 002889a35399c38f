"""Which resources a template asks for, and in which order they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.deploy.engine import Prepared, prepare
from bluejacket.cloud.deploy.surroundings import Request
from deploying import API, OWNER, Deploying, template, thing


@pytest.fixture
def there(tmp_path: Path) -> Deploying:
    return Deploying(tmp_path)


def planned(there: Deploying, what: Any, **parameters: Any) -> Prepared:
    given = {name: {"value": value} for name, value in parameters.items()}
    request = Request(what, given, correlation="00000000-0000-0000-0000-000000000000")
    return prepare(there.cloud, there.id("d"), OWNER, request)


def order(prepared: Prepared) -> list[list[str]]:
    """The names of what can be done at a time, in turns."""
    sorter, found = prepared.plan.order(), []
    while sorter.is_active():
        ready = sorter.get_ready()
        found.append(sorted(prepared.plan.resources[key].name for key in ready))
        sorter.done(*ready)
    return found


@pytest.mark.parametrize(
    "spelled",
    [
        "a",
        "A",
        "Microsoft.Test/things/a",
        "microsoft.test/THINGS/a",
        "[resourceId('Microsoft.Test/things', 'a')]",
        "[concat('Microsoft.Test/things/', 'a')]",
        "/subscriptions/{subscription}/resourcegroups/HARBOUR/providers/Microsoft.Test/things/a",
    ],
)
def test_all_spellings_of_what_to_wait_for(there: Deploying, spelled: str) -> None:
    after = spelled.replace("{subscription}", there.subscription)
    assert order(planned(there, template(thing("b", after), thing("a")))) == [["a"], ["b"]]


def test_the_spelling_of_the_client_for_its_public_address(there: Deploying) -> None:
    public = thing("ip", kind="Microsoft.Network/publicIPAddresses")
    nic = thing("nic", "Microsoft.Network/publicIpAddresses/ip", kind="Microsoft.Network/networkInterfaces")
    assert order(planned(there, template(nic, public))) == [["ip"], ["nic"]]


@pytest.mark.parametrize(
    "spelled", ["a/p", "Microsoft.Test/things/parts/a/p", "Microsoft.Test/things/a/parts/p"]
)
def test_what_waits_for_a_part(there: Deploying, spelled: str) -> None:
    part = thing("p", "a", kind="parts")
    what = template(thing("a", resources=[part]), thing("b", spelled))
    assert order(planned(there, what)) == [["a"], ["a/p"], ["b"]]


def test_parts_within_and_beside(there: Deploying) -> None:
    inner = thing("p", kind="parts")
    full = thing("a/q", "a", kind="Microsoft.Test/things/parts")
    note = thing("n", kind="Microsoft.Authorization/notes")
    prepared = planned(there, template(thing("a", resources=[inner, note]), full))
    base = f"{there.base}/providers"
    assert [one.id.text for one in prepared.plan.resources.values()] == [
        f"{base}/Microsoft.Test/things/a",
        f"{base}/Microsoft.Test/things/a/parts/p",
        f"{base}/Microsoft.Test/things/a/providers/Microsoft.Authorization/notes/n",
        f"{base}/Microsoft.Test/things/a/parts/q",
    ]


def test_extensions_by_scope_and_by_their_old_form(there: Deploying) -> None:
    old = thing("a/Microsoft.Authorization/m", kind="Microsoft.Test/things/providers/notes")
    new = thing("n", kind="Microsoft.Authorization/notes", scope="Microsoft.Test/things/a")
    whole = thing("o", kind="Microsoft.Authorization/notes", scope=there.base)
    prepared = planned(there, template(thing("a"), old, new, whole))
    ids = [one.id.text.removeprefix(there.base) for one in prepared.plan.resources.values()]
    on = "/providers/Microsoft.Test/things/a/providers/Microsoft.Authorization/notes"
    assert ids[1:] == [f"{on}/m", f"{on}/n", "/providers/Microsoft.Authorization/notes/o"]


def test_what_is_referred_to_comes_before(there: Deploying) -> None:
    by_name = thing("b", properties={"x": "[reference('a').size]"})
    by_id = thing("c", properties={"x": "[listKeys(resourceId('Microsoft.Test/things', 'b'), '2020-01-01')]"})
    path = "[reference(concat('Microsoft.Test/things/', 'c'), '2020-01-01').size]"
    what = template(thing("d", properties={"x": path}), by_id, by_name, thing("a"))
    assert order(planned(there, what)) == [["a"], ["b"], ["c"], ["d"]]


def test_loops(there: Deploying) -> None:
    many = thing("[concat('a', copyIndex(1))]", copy={"name": "loop", "count": "[parameters('count')]"})
    last = thing("z", "loop")
    what = template(many, last, parameters={"count": {"type": "int"}})
    assert order(planned(there, what, count=3)) == [["a1", "a2", "a3"], ["z"]]
    assert order(planned(there, what, count=0)) == [["z"]]


def test_a_loop_in_batches(there: Deploying) -> None:
    copy = {"name": "loop", "count": 5, "mode": "serial", "batchSize": 2}
    what = template(thing("[format('a{0}', copyIndex())]", copy=copy))
    assert order(planned(there, what)) == [["a0", "a1"], ["a2", "a3"], ["a4"]]


def test_a_loop_whose_name_is_made(there: Deploying) -> None:
    copy = {"name": "[concat('lo', 'op')]", "count": 2}
    what = template(thing("[format('a{0}', copyIndex('loop'))]", copy=copy), thing("z", "loop"))
    assert order(planned(there, what)) == [["a0", "a1"], ["z"]]


def test_a_batch_by_a_parameter(there: Deploying) -> None:
    copy = {"name": "loop", "count": 3, "mode": "serial", "batchSize": "[parameters('batch')]"}
    what = template(thing("[format('a{0}', copyIndex())]", copy=copy), parameters={"batch": {"type": "int"}})
    assert order(planned(there, what, batch=2)) == [["a0", "a1"], ["a2"]]
    with pytest.raises(CloudError, match="loop 'loop' must be a non-negative integer"):
        planned(there, template(thing("[format('a{0}', copyIndex())]", copy=copy | {"batchSize": "two"})))


def test_a_part_by_its_own_name(there: Deploying) -> None:
    parts = [thing("p", "a", kind="parts"), thing("q", "a", "p", kind="parts")]
    what = template(thing("a", resources=parts), thing("b", "q"))
    assert order(planned(there, what)) == [["a"], ["a/p"], ["a/q"], ["b"]]


def test_a_part_beside_its_parent_by_its_own_name(there: Deploying) -> None:
    part = thing("a/p", "a", kind="Microsoft.Test/things/parts")
    assert order(planned(there, template(thing("a"), part, thing("b", "p")))) == [["a"], ["a/p"], ["b"]]
    named_alike = template(thing("a"), part, thing("p"), thing("b", "p"))
    assert order(planned(there, named_alike)) == [["a", "p"], ["a/p", "b"]]


def test_a_profile_of_versions_stands_for_those_that_are_not_written(there: Deploying) -> None:
    one = thing("a")
    del one["apiVersion"]
    assert order(planned(there, template(one) | {"apiProfile": "2019-03-01-hybrid"})) == [["a"]]


def test_what_is_not_wanted_needs_no_name(there: Deploying) -> None:
    """A vault that is only there when its id is given has a name made of that id."""
    key = "tryGet(parameters('key'), 'vault')"
    old = thing(f"[last(split({key}, '/'))]", condition=f"[not(empty({key}))]", existing=True)
    what = template(languageVersion="2.0", parameters={"key": {"type": "object", "nullable": True}}) | {
        "resources": {"vault": old, "a": thing("a", "vault")}
    }
    assert order(planned(there, what)) == [["a"]]
    assert order(planned(there, what, key={"vault": "/x/v"})) == [["v"], ["a"]]
    what["resources"] = [old]
    with pytest.raises(CloudError, match="'split' expects its parameter '1'"):
        planned(there, what)


def test_symbolic_names(there: Deploying) -> None:
    what = template(languageVersion="2.0") | {
        "resources": {
            "first": thing("a"),
            "many": thing("[format('m{0}', copyIndex())]", "first", copy={"name": "many", "count": 2}),
            "old": {"existing": True, "type": "Microsoft.Test/things", "apiVersion": API, "name": "there"},
            "last": thing("z", "many", "old"),
        }
    }
    assert order(planned(there, what)) == [["a", "there"], ["m0", "m1"], ["z"]]


def test_conditions(there: Deploying) -> None:
    what = template(
        thing("a", condition="[not(parameters('on'))]", resources=[thing("p", "a", kind="parts")]),
        thing("b", "a", condition="true"),
        parameters={"on": {"type": "bool", "defaultValue": True}},
    )
    prepared = planned(there, what)
    assert [(one.name, one.wanted) for one in prepared.plan.resources.values()] == [
        ("a", False),
        ("a/p", False),
        ("b", True),
    ]


def test_nested_deployments_elsewhere(there: Deploying) -> None:
    inner = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": API,
        "name": "inner",
        "resourceGroup": "other",
        "properties": {"mode": "Incremental", "template": template()},
    }
    found = next(iter(planned(there, template(inner)).plan.resources.values()))
    assert found.id.text == (
        f"/subscriptions/{there.subscription}/resourceGroups/other/providers/Microsoft.Resources/deployments/inner"
    )


@pytest.mark.parametrize(
    ("resources", "code", "said"),
    [
        ([thing("b", "c")], "InvalidTemplate", "The resource 'c' is not defined in the template"),
        (
            [thing("a", "b"), thing("b", "a")],
            "InvalidTemplate",
            "Circular dependency detected on resource: '/sub",
        ),
        ([thing("a"), thing("A")], "InvalidTemplate", "is defined multiple times in a template"),
        ([thing("a/b")], "InvalidTemplate", "has incorrect segment lengths"),
        (
            [thing("a", kind="Microsoft.Test/things/parts")],
            "InvalidTemplate",
            "has incorrect segment lengths",
        ),
        ([{"type": "Microsoft.Test/things", "name": "a"}], "InvalidTemplate", "has no 'apiVersion'"),
        ([{"type": "Microsoft.Test/things", "apiVersion": API}], "InvalidTemplate", "has no 'name'"),
        ([thing("[reference('x')]")], "InvalidTemplate", "is not expected at this location"),
        ([thing("a", condition="perhaps")], "InvalidTemplate", "must be a boolean"),
        (
            [thing("a[copyIndex()]", copy={"name": "l", "count": -1})],
            "InvalidTemplate",
            "non-negative integer",
        ),
        ([thing("[copyIndex()]", copy={"name": "l", "count": 801})], "InvalidTemplate", "maximum of '800'"),
        (
            [thing("a", kind="Microsoft.Test/wrong")],
            "InvalidResourceType",
            "The resource type 'wrong' could not",
        ),
        ([thing("a", kind="Contoso.Test/things")], "InvalidResourceNamespace", "namespace 'Contoso.Test'"),
        (["text"], "InvalidTemplate", "of the type 'String'"),
    ],
)
def test_plans_that_cannot_be(there: Deploying, resources: list[Any], code: str, said: str) -> None:
    with pytest.raises(CloudError) as refused:
        planned(there, template(*resources))
    assert refused.value.code == code
    assert said in refused.value.message
    assert there.things.seen == []
