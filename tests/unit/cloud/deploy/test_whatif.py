"""What a deployment would change, foretold and then done."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bluejacket.cloud.arm.kind import Call
from deploying import API, OWNER, Deploying, body, template, thing

THINGS = "Microsoft.Test/things"


@pytest.fixture
def there(tmp_path: Path) -> Deploying:
    return Deploying(tmp_path)


def changes(
    there: Deploying, what: Any, mode: str = "Incremental", **parameters: Any
) -> dict[str, dict[str, Any]]:
    """The changes by the names of the resources."""
    found = there.act("whatif", what, mode, **parameters)
    assert found["status"] == "Succeeded"
    return {one["resourceId"].rpartition("/")[2]: one for one in found["properties"]["changes"]}


def kinds(there: Deploying, what: Any, mode: str = "Incremental") -> dict[str, str]:
    return {name: one["changeType"] for name, one in changes(there, what, mode).items()}


def delta(there: Deploying, before: Any, after: Any, **top: Any) -> list[tuple[Any, ...]]:
    """What differs when a thing's properties change; an array's children stand in place of its values."""
    there.deploy(template(thing("a", properties=before)))
    found = changes(there, template(thing("a", properties=after, **top)))["a"]
    return [
        (
            one["path"],
            one["propertyChangeType"],
            *(
                [[(child["path"], child["propertyChangeType"]) for child in one["children"]]]
                if one["propertyChangeType"] == "Array"
                else [one["before"], one["after"]]
            ),
        )
        for one in found.get("delta", [])
    ]


def test_kinds_of_change(there: Deploying) -> None:
    there.deploy(template(thing("same"), thing("other", properties={"x": 1}), thing("left")))
    what = template(
        thing("same"), thing("other", properties={"x": 2}), thing("new"), thing("no", condition=False)
    )
    wanted = {"same": "NoChange", "other": "Modify", "new": "Create"}
    assert kinds(there, what) == wanted | {"left": "Ignore"}
    assert kinds(there, what, "Complete") == wanted | {"left": "Delete"}
    seen = list(there.things.seen)
    assert there.things.seen == seen
    assert there.store.get(there.id(f"{THINGS}/new")) is None


def test_documents_before_and_after(there: Deploying) -> None:
    there.deploy(template(thing("a", properties={"x": 1})))
    found = changes(there, template(thing("a", properties={"x": 2}), thing("b")))
    assert found["a"]["before"]["properties"]["x"] == 1
    assert found["a"]["after"]["properties"]["x"] == 2
    assert "before" not in found["b"]
    assert found["b"]["after"]["properties"]["size"] == "small"  # the kind's default
    assert found["b"]["after"]["type"] == THINGS


def test_only_ids(there: Deploying) -> None:
    asked = body(template(thing("a")))
    asked["properties"]["whatIfSettings"] = {"resultFormat": "ResourceIdOnly"}
    found = there.cloud.action(there.id("d"), "whatif", asked, OWNER)["properties"]["changes"]
    assert found == [{"resourceId": f"{there.base}/providers/{THINGS}/a", "changeType": "Create"}]


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({"x": 1}, {"x": "1"}, []),
        ({"x": "Allow"}, {"x": "allow"}, []),
        ({"x": True}, {"x": "true"}, []),
        ({"x": 1}, {}, []),
        ({"x": 1}, {"x": None}, []),
        ({}, {"x": [1]}, [("properties.x", "Create", None, [1])]),
        ({"x": {"y": 1, "z": 2}}, {"x": {"y": 2}}, [("properties.x.y", "Modify", 1, 2)]),
        ({"x": {"y": 1}}, {"x": "flat"}, [("properties.x", "Modify", {"y": 1}, "flat")]),
        ({"x": [1, 2]}, {"x": [2, 3]}, [("properties.x", "Array", [("1", "Create"), ("0", "Delete")])]),
        (
            {"x": [{"name": "a", "p": 1}, {"name": "b", "p": 1}]},
            {"x": [{"name": "B", "p": 2}, {"name": "c"}]},
            [("properties.x", "Array", [("0", "Modify"), ("1", "Create"), ("0", "Delete")])],
        ),
        ({"x": [{"p": 1}]}, {"x": [{"p": 1}]}, []),
    ],
)
def test_differences(there: Deploying, before: Any, after: Any, wanted: list[Any]) -> None:
    assert delta(there, before, after) == wanted


def test_parts_that_a_kind_keeps_apart(there: Deploying) -> None:
    """As a network does with its subnets and a security group with its rules."""

    def rules(*names: str) -> Any:
        said = [{"name": name, "properties": {"port": len(name)}} for name in names]
        return template(
            thing("n", kind="Microsoft.Network/networkSecurityGroups", properties={"securityRules": said})
        )

    new = changes(there, rules("a"))["n"]
    assert [one["name"] for one in new["after"]["properties"]["securityRules"]] == ["a"]
    there.deploy(rules("a", "bb"))
    assert kinds(there, rules("a", "bb")) == {"n": "NoChange"}
    (found,) = changes(there, rules("bb", "ccc"))["n"]["delta"]
    assert (found["path"], found["propertyChangeType"]) == ("properties.securityRules", "Array")
    assert [(one["path"], one["propertyChangeType"]) for one in found["children"]] == [
        ("1", "Create"),
        ("0", "Delete"),
    ]


def test_tags_and_location(there: Deploying) -> None:
    there.deploy(template(thing("a", tags={"x": "1", "y": "2"})))
    found = changes(there, template(thing("a", tags={"x": "3"}, location="West US 2")))["a"]["delta"]
    assert [(one["path"], one["propertyChangeType"]) for one in found] == [
        ("location", "Modify"),
        ("tags.x", "Modify"),
        ("tags.y", "Delete"),
    ]


def test_secrets_are_in_no_answer(there: Deploying) -> None:
    what = template(
        thing("a", properties={"adminPassword": "[parameters('p')]"}),
        parameters={"p": {"type": "securestring"}},
    )
    there.deploy(what, p="s3cret-value")
    assert changes(there, what, p="s3cret-value")["a"]["changeType"] == "NoChange"
    missing = f"{there.base}/providers/Microsoft.Network/publicIPAddresses/none"
    said = {"a": "[parameters('p')]", "b": "[variables('more').x]", "publicIPAddress": missing}
    new = template(
        thing("b", kind="Microsoft.Network/networkInterfaces", properties=said),
        parameters={"p": {"type": "securestring"}},
        variables={"more": "[variables('p')]", "p": {"x": "[base64(parameters('P'))]"}},
    )
    told = str(changes(there, new, p="s3cret-value"))
    assert "s3cret-value" not in told
    assert base64.b64encode(b"s3cret-value").decode() not in told
    there.deploy(template(thing("b", kind="Microsoft.Network/networkInterfaces")))
    told = str(changes(there, new, p="s3cret-value"))
    assert "s3cret-value" not in told


def test_secrets_that_are_written_into_a_template_are_in_no_answer(there: Deploying) -> None:
    """Of a resource that its kind cannot judge yet, the template is all that is known."""
    missing = f"{there.base}/providers/Microsoft.Network/publicIPAddresses/none"
    said = {"publicIPAddress": missing, "osProfile": {"customData": "s3cret-value", "user": "me"}}
    new = template(thing("b", kind="Microsoft.Network/networkInterfaces", properties=said))
    found = changes(there, new)["b"]
    assert "s3cret-value" not in str(found)
    assert found["after"]["properties"]["osProfile"] == {"user": "me"}


def test_what_is_known_only_later_stays_an_expression(there: Deploying) -> None:
    expression = "[reference('a').size]"
    found = changes(there, template(thing("a"), thing("b", properties={"x": expression})))
    assert found["b"]["after"]["properties"]["x"] == expression


def test_a_resource_that_needs_another_new_one(there: Deploying) -> None:
    """The kind refuses it while the other is not there; what-if takes it as it is written."""
    address = "[resourceId('Microsoft.Network/publicIPAddresses', 'ip')]"
    nic = thing(
        "nic", "ip", kind="Microsoft.Network/networkInterfaces", properties={"publicIPAddress": address}
    )
    found = changes(there, template(thing("ip", kind="Microsoft.Network/publicIPAddresses"), nic))
    assert found["nic"]["changeType"] == "Create"
    assert found["nic"]["after"]["properties"]["publicIPAddress"].endswith("/publicIPAddresses/ip")


def test_nested_deployments_are_looked_into(there: Deploying) -> None:
    def inner(name: str, parameters: Any) -> Any:
        what = template(thing("[parameters('name')]"), parameters={"name": {"type": "string"}})
        properties = {"mode": "Incremental", "template": what, "parameters": {"name": {"value": parameters}}}
        options = {"expressionEvaluationOptions": {"scope": "inner"}}
        kind = "Microsoft.Resources/deployments"
        return {"type": kind, "apiVersion": API, "name": name, "properties": properties | options}

    found = kinds(there, template(thing("a"), inner("known", "x"), inner("unknown", "[reference('a').size]")))
    assert found == {"a": "Create", "x": "Create", "unknown": "Deploy"}


def test_a_template_that_cannot_be(there: Deploying) -> None:
    """The answer is 200 with the error: the client reads it there."""
    found = there.act("whatif", template(thing("a", "b")))
    assert (found["status"], found["error"]["code"]) == ("Failed", "InvalidTemplate")


PROPERTIES = st.dictionaries(
    st.sampled_from("xyz"),
    st.recursive(
        st.integers(0, 3) | st.sampled_from(["p", "q"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        max_leaves=6,
    ),
    max_size=3,
)


def within(said: Any, record: Any) -> bool:
    """Whether a record already has all that a template says."""
    if isinstance(said, dict) and isinstance(record, dict):
        return all(key in record and within(value, record[key]) for key, value in said.items())
    if isinstance(said, list) and isinstance(record, list):
        return len(said) == len(record) and all(map(within, said, record))
    return bool(said == record)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(PROPERTIES, PROPERTIES)
def test_after_a_deployment_nothing_is_left_to_change(there: Deploying, before: Any, after: Any) -> None:
    """And what-if says Modify only when the record then changes."""
    there.deploy(template(thing("a", properties=before)))
    what = template(thing("a", properties=after))
    foretold = kinds(there, what)["a"]
    old = there.properties(f"{THINGS}/a")
    there.deploy(what)
    new = there.properties(f"{THINGS}/a")
    if foretold == "Modify":
        assert old != new
    else:
        assert within(after, old)
    assert kinds(there, what)["a"] == "NoChange"


def test_the_call_is_the_callers(there: Deploying) -> None:
    """What-if of a deployment that is there asks its record for nothing."""
    there.deploy(template(thing("a")))
    found = there.cloud.begin_action(
        Call(there.id("d"), OWNER, body(template(thing("a")))), "whatIf", wait=True
    )
    assert found.answer["properties"]["changes"][0]["changeType"] == "NoChange"
