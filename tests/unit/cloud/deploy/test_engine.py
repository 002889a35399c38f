"""Deployments carried out by the real control plane, with kinds that only keep records."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import Call, Job
from deploying import API, GROUP, OWNER, Deploying, body, output, template, thing
from webserver import serve

THINGS = "Microsoft.Test/things"


@pytest.fixture
def there(tmp_path: Path) -> Deploying:
    return Deploying(tmp_path)


def failed(there: Deploying, what: Any, name: str = "d", **options: Any) -> CloudError:
    with pytest.raises(CloudError) as caught:
        there.deploy(what, name, **options)
    return caught.value


def until(true: Callable[[], bool], limit_s: float = 20) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def operations(there: Deploying, name: str = "d") -> dict[str, dict[str, Any]]:
    """What `az deployment operation group list` shows, by the names of the resources."""
    found = there.store.list(type_name="Microsoft.Resources/deployments/operations", parent=there.id(name))
    return {one.properties["targetResource"]["resourceName"]: one.properties for one in found}


def nested(name: str, inner: Any, *after: str, scope: str = "", **parts: Any) -> dict[str, Any]:
    properties = {"mode": "Incremental", "template": inner} | parts.pop("properties", {})
    if scope:
        properties["expressionEvaluationOptions"] = {"scope": scope}
    kind = "Microsoft.Resources/deployments"
    found = {"type": kind, "apiVersion": API, "name": name, "properties": properties} | parts
    return found | ({"dependsOn": list(after)} if after else {})


def test_resources_in_order_and_their_document(there: Deploying) -> None:
    what = template(
        thing("b", "a", properties={"size": "[reference('a').size]", "of": "[resourceGroup().name]"}),
        thing("a", tags={"who": "[deployment().name]"}),
        outputs={
            "size": output("[reference('b').size]", "string"),
            "all": output("[reference(resourceId('Microsoft.Test/things', 'a'), '2022-01-01', 'Full')]"),
        },
    )
    document = there.deploy(what)
    properties = document["properties"]
    assert document["type"] == "Microsoft.Resources/deployments"
    assert there.properties(f"{THINGS}/b") == {"size": "small", "of": GROUP, "provisioningState": "Succeeded"}
    assert there.things.seen == [("begin", "a"), ("end", "a"), ("begin", "b"), ("end", "b")]
    assert properties["outputs"]["size"] == {"type": "String", "value": "small"}
    whole = properties["outputs"]["all"]["value"]
    assert (whole["apiVersion"], whole["location"], whole["tags"]) == ("2022-01-01", "eastus", {"who": "d"})
    assert whole["resourceGroupName"] == GROUP
    ids = [f"{there.base}/providers/{THINGS}/{name}" for name in "ba"]
    assert properties["outputResources"] == [{"id": one} for one in ids]
    assert properties["provisioningState"] == "Succeeded"
    assert properties["mode"] == "Incremental"
    assert properties["providers"] == [
        {"namespace": "Microsoft.Test", "resourceTypes": [{"resourceType": "things"}]}
    ]
    assert properties["dependencies"] == [
        {
            "id": ids[0],
            "resourceType": THINGS,
            "resourceName": "b",
            "dependsOn": [{"id": ids[1], "resourceType": THINGS, "resourceName": "a"}],
        }
    ]
    assert properties["duration"].startswith("PT")
    assert properties["templateHash"].isdigit()
    assert operations(there)["a"]["provisioningState"] == "Succeeded"
    assert operations(there)["a"]["statusCode"] == "OK"


def test_independent_resources_at_a_time(there: Deploying) -> None:
    there.deploy(template(*(thing(f"t{at}", properties={"seconds": 0.2}) for at in range(6))))
    assert there.things.together > 1


def test_after_a_failure_the_rest_is_finished_and_what_waits_is_not_begun(there: Deploying) -> None:
    what = template(
        thing("bad", properties={"fail": "no room"}),
        thing("after", "bad"),
        thing("later", "after"),
        thing("slow", properties={"seconds": 0.2}),
        thing("slower", "slow"),
        outputs={"never": output("[fail('not looked at')]", "string")},
    )
    error = failed(there, what)
    assert error.body()["code"] == "DeploymentFailed"
    assert "At least one resource deployment operation failed." in error.message
    (detail,) = error.details
    assert (detail.code, detail.message) == ("ThingFailed", "no room")
    assert detail.target == f"{there.base}/providers/{THINGS}/bad"
    begun = {name for verb, name in there.things.seen if verb == "begin"}
    assert begun == {"bad", "slow", "slower"}
    document = there.document()["properties"]
    assert document["provisioningState"] == "Failed"
    assert document["error"] == error.body()
    told = operations(there)
    assert told.keys() == begun
    assert told["bad"]["statusCode"] == "Conflict"
    assert told["bad"]["statusMessage"]["error"]["message"] == "no room"


def test_two_failures_are_both_told(there: Deploying) -> None:
    error = failed(there, template(*(thing(name, properties={"fail": name}) for name in ("x", "y"))))
    assert sorted(one.message for one in error.details) == ["x", "y"]


def test_an_expression_that_fails_in_the_middle(there: Deploying) -> None:
    error = failed(there, template(thing("a"), thing("b", properties={"x": "[reference('a').colour]"})))
    assert error.details[0].code == "InvalidTemplate"
    assert "Unable to process template language expressions for resource" in error.details[0].message
    assert "'colour' doesn't exist, available properties are" in error.details[0].message
    assert {name for _, name in there.things.seen} == {"a"}


def test_a_condition_and_what_it_leaves_out(there: Deploying) -> None:
    what = template(
        thing("a", condition="[parameters('public')]"),
        thing("b", "a", properties={"x": "[if(parameters('public'), reference('a').size, 'none')]"}),
        parameters={"public": {"type": "bool"}},
    )
    there.deploy(what, public=False)
    assert there.properties(f"{THINGS}/b")["x"] == "none"
    assert there.store.get(there.id(f"{THINGS}/a")) is None
    there.deploy(what, public=True)
    assert there.properties(f"{THINGS}/b")["x"] == "small"


def test_loops_within_properties(there: Deploying) -> None:
    rules = [{"name": "ssh", "port": 22}, {"name": "web", "port": 443}]
    loop = {
        "name": "rules",
        "count": "[length(parameters('rules'))]",
        "input": {
            "name": "[parameters('rules')[copyIndex('rules')].name]",
            "priority": "[add(100, copyIndex('rules'))]",
        },
    }
    what = template(thing("a", properties={"copy": [loop]}), parameters={"rules": {"type": "array"}})
    there.deploy(what, rules=rules)
    assert there.properties(f"{THINGS}/a")["rules"] == [
        {"name": "ssh", "priority": 100},
        {"name": "web", "priority": 101},
    ]


def test_symbolic_resources_and_existing_ones(there: Deploying) -> None:
    there.deploy(template(thing("old", properties={"size": "large"})))
    loop = {"name": "many", "count": 2}
    what = template(languageVersion="2.0") | {
        "resources": {
            "old": {"existing": True, "type": THINGS, "apiVersion": API, "name": "old"},
            "many": thing(
                "[format('m{0}', copyIndex())]", copy=loop, properties={"x": "[reference('old').size]"}
            ),
            "last": thing(
                "z", properties={"x": "[map(references('many'), lambda('m', lambdaVariables('m').x))]"}
            ),
        },
        "outputs": {
            "x": output("[reference('last').x]", "array"),
            "m": output("[reference('many[1]').x]", "string"),
        },
    }
    assert there.outputs(what) == {"x": ["large", "large"], "m": "large"}
    names = [one["id"].rpartition("/")[2] for one in there.document()["properties"]["outputResources"]]
    assert names == ["m0", "m1", "z"]


def test_a_nested_deployment_with_its_own_scope(there: Deploying) -> None:
    inner = template(
        thing("[parameters('name')]"),
        parameters={"name": {"type": "string"}, "key": {"type": "securestring"}},
        outputs={"id": output("[resourceId('Microsoft.Test/things', parameters('name'))]", "string")},
    )
    given = {"name": {"value": "[concat('x', variables('n'))]"}, "key": {"value": "[parameters('secret')]"}}
    what = template(
        nested("inner", inner, scope="inner", properties={"parameters": given}),
        parameters={"secret": {"type": "securestring"}},
        variables={"n": 7},
        outputs={"id": output("[reference('inner').outputs.id.value]", "string")},
    )
    assert there.outputs(what, secret="s3cret") == {"id": f"{there.base}/providers/{THINGS}/x7"}
    assert there.store.get(there.id(f"{THINGS}/x7")) is not None
    assert "s3cret" not in str(there.document()) + str(there.document("inner"))
    assert there.document("inner")["properties"]["parameters"]["name"]["value"] == "x7"


def test_a_nested_deployment_in_the_scope_outside(there: Deploying) -> None:
    """Names are those outside, and what they come to is not read as an expression again."""
    inner = template(
        thing("[variables('name')]", properties={"text": "[parameters('text')]"}),
        variables={"name": "inside"},
        outputs={"text": output("[parameters('text')]", "string")},
    )
    what = template(
        nested("inner", inner),
        parameters={"text": {"type": "string"}},
        variables={"name": "outside"},
        outputs={"text": output("[reference('inner').outputs.text.value]", "string")},
    )
    assert there.outputs(what, text="[concat('a')]") == {"text": "[concat('a')]"}
    assert there.properties(f"{THINGS}/outside")["text"] == "[concat('a')]"


def test_a_failure_within_a_nested_deployment(there: Deploying) -> None:
    error = failed(there, template(nested("inner", template(thing("bad", properties={"fail": "no room"})))))
    assert [error.code, error.details[0].code] == ["DeploymentFailed", "DeploymentFailed"]
    assert error.details[0].details[0].message == "no room"
    assert there.document("inner")["properties"]["provisioningState"] == "Failed"


def test_a_subscription_with_a_group_and_what_is_in_it(there: Deploying) -> None:
    group = thing("two", kind="Microsoft.Resources/resourceGroups", location="westus2")
    inner = nested("inner", template(thing("a")), "two", resourceGroup="two", scope="inner")
    made = "subscriptionResourceId('Microsoft.Resources/resourceGroups', 'two')"
    outputs = {
        "id": output("[subscriptionResourceId('Contoso.X/y', 'z')]", "string"),
        "location": output(f"[reference({made}, '{API}', 'Full').location]", "string"),
    }
    inner["dependsOn"] = [f"[{made}]"]
    what = template(group, inner, outputs=outputs)
    place = ResourceId.parse(
        f"/subscriptions/{there.subscription}/providers/Microsoft.Resources/deployments/top"
    )
    there.cloud.put(place, body(what) | {"location": "eastus"}, OWNER)
    assert there.store.need(ResourceId(there.subscription, "two")).location == "westus2"
    inside = ResourceId(there.subscription, "two").sibling(THINGS, "a")
    assert there.store.get(inside) is not None
    found = there.store.need(place)
    shown = there.cloud.kinds.need(place).shown(there.cloud, found, Call(place, OWNER))
    assert shown["location"] == "eastus"
    assert shown["properties"]["outputs"]["location"]["value"] == "westus2"
    assert (
        shown["properties"]["outputs"]["id"]["value"]
        == f"/subscriptions/{there.subscription}/providers/Contoso.X/y/z"
    )
    wrong = template(outputs={"x": output("[resourceGroup().id]", "string")})
    with pytest.raises(CloudError) as refused:
        there.cloud.put(place, body(wrong) | {"location": "eastus"}, OWNER)
    assert refused.value.code == "DeploymentOutputEvaluationFailed"
    assert "it is not for a deployment to a subscription" in refused.value.details[0].message


def test_complete_mode_deletes_what_is_not_in_the_template(there: Deploying) -> None:
    """In whatever order it can: `used` cannot go before what uses it."""
    used = f"{there.base}/providers/{THINGS}/used"
    there.deploy(
        template(thing("used"), thing("user", properties={"uses": used}), thing("kept"), thing("off"))
    )
    there.deploy(template(thing("kept"), thing("more")), "e")
    assert there.store.get(there.id(f"{THINGS}/used")) is not None
    there.deploy(template(thing("kept"), thing("off", condition=False)), mode="Complete")
    left = [one.id.name for one in there.store.list(type_name=THINGS)]
    assert left == ["kept"]
    assert there.document("e")["properties"]["provisioningState"] == "Succeeded"


def test_complete_mode_after_a_failure_deletes_nothing(there: Deploying) -> None:
    there.deploy(template(thing("old")))
    failed(there, template(thing("bad", properties={"fail": "x"})), mode="complete")
    assert there.store.get(there.id(f"{THINGS}/old")) is not None


def test_done_again_it_comes_to_the_same(there: Deploying) -> None:
    what = template(
        thing("[parameters('name')]", properties={"when": "[parameters('when')]"}),
        parameters={
            "name": {"type": "string", "defaultValue": "[concat('n', uniqueString(newGuid()))]"},
            "when": {"type": "string", "defaultValue": "[utcNow('o')]"},
        },
    )
    there.deploy(what)
    before = [(one.id.text, one.properties) for one in there.store.list(type_name=THINGS)]
    found = there.store.need(there.id("d"))
    time.sleep(0.01)
    del found.hidden["ended"]
    there.cloud.kinds.need(found.id).work(there.cloud, Job("again", "put", found.id, OWNER), found)
    assert [(one.id.text, one.properties) for one in there.store.list(type_name=THINGS)] == before


def test_goes_on_after_the_cloud_was_killed(there: Deploying) -> None:
    """The operations that a first cloud has begun are finished by a second one on the same records."""
    inner = nested("inner", template(thing("b", properties={"seconds": 0.6})), "a")
    what = template(thing("a"), inner, thing("c", "inner"), outputs={"x": output("done", "string")})
    there.cloud.begin_put(Call(there.id("d"), OWNER, body(what)))
    until(lambda: ("begin", "b") in there.things.seen)
    again = LocalCloud(
        there.cloud.state,
        there.cloud.base,
        there.cloud.account,
        there.store,
        there.cloud.kinds,
        there.cloud.endpoints,
        there.cloud.report,
    )
    assert again.resume() == 3  # the deployment, the one within it, and the thing of that
    until(lambda: not again.operations.unfinished())
    assert there.document()["properties"]["provisioningState"] == "Succeeded"
    assert there.document("inner")["properties"]["provisioningState"] == "Succeeded"
    assert there.properties(f"{THINGS}/c")["provisioningState"] == "Succeeded"


def test_cancelled_in_the_middle(there: Deploying) -> None:
    what = template(thing("a", properties={"seconds": 0.5}), thing("b", "a"))
    errors: list[CloudError] = []

    def run() -> None:
        try:
            there.deploy(what)
        except CloudError as error:
            errors.append(error)

    running = threading.Thread(target=run)
    running.start()
    until(lambda: ("begin", "a") in there.things.seen)
    assert there.document()["properties"]["provisioningState"] == "Running"
    with pytest.raises(CloudError, match="is still active") as refused:
        there.deploy(template(thing("other")))
    assert refused.value.status == 409
    there.cloud.action(there.id("d"), "cancel", {}, OWNER)
    running.join()
    assert errors[0].code == "DeploymentCanceled"
    assert there.document()["properties"]["provisioningState"] == "Canceled"
    assert {name for _, name in there.things.seen} == {"a"}
    with pytest.raises(CloudError, match="cannot be cancelled"):
        there.cloud.action(there.id("d"), "cancel", {}, OWNER)


def test_a_deployment_goes_with_its_operations(there: Deploying) -> None:
    there.deploy(template(thing("a")))
    assert operations(there)
    there.cloud.delete(there.id("d"), OWNER)
    assert not operations(there)
    assert there.store.get(there.id(f"{THINGS}/a")) is not None


def test_validation_tells_what_it_looked_at_and_changes_nothing(there: Deploying) -> None:
    what = template(thing("b", "a"), thing("a"), parameters={"x": {"type": "int", "defaultValue": 1}})
    found = there.act("validate", what)["properties"]
    names = [one["id"].rpartition("/")[2] for one in found["validatedResources"]]
    assert names == ["b", "a"]
    assert found["parameters"] == {"x": {"type": "Int", "value": 1}}
    assert found["provisioningState"] == "Succeeded"
    assert there.things.seen == []
    assert there.store.get(there.id("d")) is None
    with pytest.raises(CloudError, match="is not valid") as refused:
        there.act("validate", template(nested("inner", template(thing("[nonsense()]")), scope="inner")))
    assert refused.value.status == 400


def test_a_group_that_is_not_there(there: Deploying) -> None:
    place = ResourceId.parse(
        f"/subscriptions/{there.subscription}/resourceGroups/none/providers/Microsoft.Resources/deployments/d"
    )
    with pytest.raises(CloudError, match="'none' could not be found") as refused:
        there.cloud.action(place, "validate", body(template()), OWNER)
    assert refused.value.code == "ResourceGroupNotFound"


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"mode": "Sometimes", "template": {}}, "InvalidDeploymentMode"),
        ({"templateLink": {"uri": "https://raw.example.org/azuredeploy.json?sig=x"}}, "InvalidContentLink"),
        ({"templateLink": {"id": "/subscriptions/s/templateSpecs/x"}}, "InvalidContentLink"),
        ({"template": {"resources": [], "parameters": {"a": {"type": "string"}}},
          "parameters": {"a": "bare"}}, "InvalidRequestContent"),
        ({"template": {"resources": [], "parameters": {"a": {"type": "string"}}},
          "parameters": {"a": {"reference": {"secretName": "s"}}}}, "InvalidRequestContent"),
        ({}, "InvalidTemplate"),
        (None, "InvalidTemplate"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be(there: Deploying, properties: Any, code: str) -> None:
    with pytest.raises(CloudError) as refused:
        there.cloud.put(there.id("d"), {"properties": properties}, OWNER)
    assert refused.value.code == code
    assert "sig=" not in refused.value.message


def test_lists_keys_as_an_action_does(there: Deploying) -> None:
    what = template(
        thing("a"), outputs={"k": output("[listKeys('a', '2022-01-01').keys[0].value]", "string")}
    )
    assert there.outputs(what) == {"k": "key of a"}


def test_a_template_that_this_machine_serves(there: Deploying, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "t.json").write_text("// ours\n" + json.dumps(template(thing("linked"))))
    with serve(tmp_path / "site") as site:
        there.cloud.put(there.id("d"), {"properties": {"templateLink": {"uri": site.url("/t.json")}}}, OWNER)
        with pytest.raises(CloudError, match="Unable to download deployment content"):
            there.cloud.put(there.id("e"), {"properties": {"templateLink": {"uri": site.url("/no")}}}, OWNER)
    assert there.store.get(there.id(f"{THINGS}/linked")) is not None


def test_secure_outputs_of_a_nested_deployment(there: Deploying) -> None:
    """What Bicep writes for a module's output that is marked secure."""
    inner = template(outputs={"key": output("[concat('s3', 'cret')]", "securestring")})
    password = "[listOutputsWithSecureValues('inner', '2025-04-01').key]"
    there.deploy(
        template(nested("inner", inner, scope="inner"), thing("a", properties={"adminPassword": password}))
    )
    assert there.store.need(there.id(f"{THINGS}/a")).hidden["adminPassword"] == "s3cret"
    assert "s3cret" not in str(there.document()) + str(there.document("inner"))


def test_killed_after_its_last_step_it_ends_as_it_did(there: Deploying) -> None:
    """Nothing is written again: the parameters, with their secrets, are already forgotten."""
    kind = there.cloud.kinds.need(there.id("d"))
    what = template(
        thing("a", properties={"fail": "[parameters('p')]"}), parameters={"p": {"type": "securestring"}}
    )
    there.deploy(what, p="")
    good = there.store.need(there.id("d"))
    assert good.hidden["request"]["parameters"] == {}
    seen = list(there.things.seen)
    kind.work(there.cloud, Job("again", "put", good.id, OWNER), good)
    error = failed(there, what, "e", p="no room")
    bad = there.store.need(there.id("e"))
    seen += [("begin", "a"), ("end", "a")]
    with pytest.raises(CloudError) as again:
        kind.work(there.cloud, Job("again", "put", bad.id, OWNER), bad)
    assert again.value.body() == error.body()
    assert there.things.seen == seen


def test_sent_again_while_it_runs_it_is_done_once(there: Deploying) -> None:
    """Clients send a PUT again when an answer is lost."""
    what = template(thing("a", properties={"seconds": 0.3}))
    first = there.cloud.begin_put(Call(there.id("d"), OWNER, body(what)))
    second = there.cloud.begin_put(Call(there.id("d"), OWNER, body(what)))
    until(lambda: not there.cloud.operations.unfinished())
    for begun in (first, second):
        assert begun.operation is not None
        assert there.cloud.operations.get(begun.operation.name).status == "Succeeded"  # type: ignore[union-attr]
    assert there.things.seen == [("begin", "a"), ("end", "a")]


def test_a_bug_of_a_kind_is_seen_where_it_struck(there: Deploying) -> None:
    what = template(thing("bug", properties={"bug": 1}), thing("slow", properties={"seconds": 0.2}))
    error = failed(there, what)
    assert (error.status, error.code) == (500, "InternalServerError")
    assert "bug of a kind" not in error.message
    told = operations(there)
    assert told["bug"]["provisioningState"] == "Failed"
    assert told["slow"]["provisioningState"] == "Succeeded"
    assert there.document()["properties"]["provisioningState"] == "Failed"
