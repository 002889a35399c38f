"""Parameters, variables and outputs, deployed to a real group of a cloud whose kinds only keep records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.errors import CloudError
from deploying import Deploying, output, template, thing


@pytest.fixture
def there(tmp_path: Path) -> Deploying:
    return Deploying(tmp_path)


def refused(there: Deploying, what: Any, **parameters: Any) -> CloudError:
    with pytest.raises(CloudError) as caught:
        there.deploy(what, **parameters)
    return caught.value


def test_parameters_with_values_and_defaults(there: Deploying) -> None:
    what = template(
        parameters={
            "prefix": {"type": "string", "defaultValue": "web"},
            "name": {
                "type": "String",
                "defaultValue": "[concat(parameters('PREFIX'), '-', parameters('count'))]",
            },
            "count": {"type": "int", "minValue": 1, "maxValue": 9},
            "sizes": {"type": "array", "defaultValue": ["[[literal]"]},
            "id": {"type": "string", "defaultValue": "[newGuid()]"},
        },
        variables={"later": "[variables('sooner').x]", "sooner": {"x": "[add(parameters('count'), 1)]"}},
        outputs={
            "name": output("[parameters('name')]", "string"),
            "sizes": output("[parameters('sizes')]", "array"),
            "later": output("[variables('later')]", "int"),
            "id": output("[parameters('id')]", "string"),
        },
    )
    found = there.outputs(what, Count=3)
    assert found["name"] == "web-3"
    assert found["sizes"] == ["[literal]"]
    assert found["later"] == 4
    assert len(found["id"]) == 36
    shown = there.document()["properties"]["parameters"]
    assert shown["count"] == {"type": "Int", "value": 3}
    assert there.store.need(there.id("d")).state == "Succeeded"


@pytest.mark.parametrize(
    ("declared", "given", "said"),
    [
        ({"a": {"type": "string"}}, {}, "The value for the template parameter 'a' at line '1'"),
        (
            {"a": {"type": "string"}},
            {"a": "x", "b": 1},
            "The template parameters 'b' in the parameters file are not",
        ),
        ({"a": {"type": "int"}}, {"a": "x"}, "Expected 'Integer'. Actual 'String'"),
        ({"a": {"type": "bool"}}, {"a": 1}, "Expected 'Boolean'. Actual 'Integer'"),
        ({"a": {"type": "string", "allowedValues": ["x", "y"]}}, {"a": "X"}, "allowed value(s): 'x,y'"),
        ({"a": {"type": "string", "minLength": 3}}, {"a": "xy"}, "is 2, below its minLength of 3"),
        ({"a": {"type": "array", "maxLength": 1}}, {"a": [1, 2]}, "is 2, above its maxLength of 1"),
        ({"a": {"type": "int", "maxValue": 4}}, {"a": 5}, "is 5, above its maxValue of 4"),
        ({"a": {"type": "text"}}, {"a": "x"}, "The type 'text' of the template parameter 'a'"),
        (
            {"a": {"type": "string", "defaultValue": "[parameters('a')]"}},
            {},
            "default value of the template parameter 'a' needs itself",
        ),
    ],
)
def test_parameters_that_cannot_be(there: Deploying, declared: Any, given: Any, said: str) -> None:
    error = refused(there, template(parameters=declared), **given)
    assert error.code == "InvalidTemplate"
    assert said in error.message
    assert there.document()["properties"]["provisioningState"] == "Failed"
    assert there.document()["properties"]["error"]["code"] == "InvalidTemplate"


def test_clients_send_numbers_as_strings(there: Deploying) -> None:
    declared = {"count": {"type": "int"}, "on": {"type": "bool"}}
    made = thing("x[parameters('count')]", properties={"on": "[bool(parameters('on'))]"})
    there.deploy(template(made, parameters=declared), count="3", on="true")


def test_secure_values_are_shown_nowhere(there: Deploying) -> None:
    secret = "correct-horse-battery"
    what = template(
        thing("one", properties={"adminPassword": "[parameters('password')]"}),
        parameters={
            "password": {"type": "securestring"},
            "more": {"type": "secureObject", "defaultValue": {"key": secret}},
            "pin": {"type": "securestring", "allowedValues": [secret]},
        },
        outputs={"again": output("[parameters('password')]", "securestring")},
    )
    there.deploy(what, password=secret, pin=secret)
    properties = there.document()["properties"]
    assert properties["parameters"]["password"] == {"type": "SecureString"}
    assert properties["outputs"]["again"] == {"type": "SecureString"}
    exported = there.cloud.action(there.id("d"), "exporttemplate", {}, _owner())
    assert set(exported) == {"template"}
    assert secret not in json.dumps(
        [there.document(), exported, there.act("validate", what, password=secret, pin=secret)]
    )
    assert there.store.need(there.id("Microsoft.Test/things/one")).hidden["adminPassword"] == secret
    with pytest.raises(CloudError) as error:
        there.deploy(what, password="wrong-horse", pin="wrong-horse")
    assert "wrong-horse" not in json.dumps(error.value.body())
    assert "wrong-horse" not in json.dumps(there.document())


def test_an_exported_template_has_no_secret_that_was_written_into_it(there: Deploying) -> None:
    """As Azure's CLI writes custom data; what only names a secret, and what is called like one, stays."""
    secret = "battery-staple"
    settings = {"adminPassword": "[parameters('adminPassword')]", "protectedSettings": {"key": secret}}
    inner = thing("two", properties={"list": [{"osProfile": {"CustomData": secret, "user": "me"}}]})
    what = template(
        thing("one", properties=settings),
        inner,
        parameters={"adminPassword": {"type": "securestring", "minLength": 3}},
        variables={"customData": secret, "plain": "seen"},
    )
    there.deploy(what, adminPassword=secret)
    exported = there.cloud.action(there.id("d"), "exporttemplate", {}, _owner())["template"]
    assert secret not in json.dumps(exported)
    assert exported["parameters"] == what["parameters"]
    assert exported["variables"] == {"plain": "seen"}
    one, two = exported["resources"]
    assert one["properties"] == {"adminPassword": "[parameters('adminPassword')]"}
    assert two["properties"] == {"list": [{"osProfile": {"user": "me"}}]}
    assert there.store.need(there.id("Microsoft.Test/things/two")).properties["list"][0]["osProfile"]


def _owner() -> Any:
    from deploying import OWNER

    return OWNER


def test_types_by_definition(there: Deploying) -> None:
    what = template(
        languageVersion="2.0",
        definitions={"size": {"type": "string", "allowedValues": ["s", "m"]}},
        parameters={"size": {"$ref": "#/definitions/size"}, "none": {"type": "string", "nullable": True}},
        outputs={"none": output("[coalesce(parameters('none'), 'nothing')]", "string")},
    )
    assert there.outputs(what, size="s") == {"none": "nothing"}
    assert "allowed value" in refused(there, what, size="l").message


def test_loops_of_variables_and_outputs(there: Deploying) -> None:
    what = template(
        variables={
            "copy": [{"name": "names", "count": 3, "input": "[concat('n', copyIndex('names', 1))]"}],
            "disks": {
                "copy": [{"name": "all", "count": 2, "input": {"lun": "[copyIndex('all')]"}}],
                "kind": "d",
            },
        },
        outputs={
            "names": output("[variables('names')]", "array"),
            "disks": output("[variables('disks')]"),
            "squares": {"type": "array", "copy": {"count": 3, "input": "[mul(copyIndex(), copyIndex())]"}},
            "left": {"type": "string", "condition": "[equals(1, 2)]", "value": "[fail('never')]"},
        },
    )
    assert there.outputs(what) == {
        "names": ["n1", "n2", "n3"],
        "disks": {"all": [{"lun": 0}, {"lun": 1}], "kind": "d"},
        "squares": [0, 1, 4],
    }


def test_what_surrounds_a_deployment(there: Deploying) -> None:
    names = ("deployment().name", "resourceGroup().location", "subscription().subscriptionId")
    what = template(
        outputs={f"o{at}": output(f"[{name}]", "string") for at, name in enumerate(names)}
        | {"template": output("[deployment().properties.template.contentVersion]", "string")}
        | {"manager": output("[environment().resourceManager]", "string")}
        | {"tenant": output("[tenant().tenantId]", "string")}
        | {"versions": output("[providers('Microsoft.Test', 'things').apiVersions]", "array")}
    )
    found = there.outputs(what)
    assert [found["o0"], found["o1"], found["o2"]] == ["d", "eastus", there.subscription]
    assert found["template"] == "1.0.0.0"
    assert found["manager"] == "https://localhost:8443"
    assert found["tenant"] == there.cloud.tenant
    assert found["versions"] == ["2024-05-01", "2022-01-01"]


def test_a_parameter_without_a_type(there: Deploying) -> None:
    what = template(
        parameters={"any": {"nullable": True}}, outputs={"n": output("[length(parameters('any'))]", "int")}
    )
    assert "The type '' of the template parameter 'any'" in refused(there, what, any=[1]).message
    assert there.outputs(what | {"languageVersion": "2.0"}, any=[1, "x"]) == {"n": 2}


def test_functions_of_the_template(there: Deploying) -> None:
    own = {
        "namespace": "contoso",
        "members": {
            "unique": {
                "parameters": [{"name": "prefix", "type": "string"}],
                "output": {"type": "string", "value": "[concat(toLower(parameters('prefix')), '-', 'x')]"},
            }
        },
    }
    what = template(functions=[own], outputs={"name": output("[contoso.unique('ABC')]", "string")})
    assert there.outputs(what) == {"name": "abc-x"}


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        (None, "InvalidTemplate", "The template is missing"),
        (
            template(variables={"a": "[nonsense()]"}),
            "InvalidTemplate",
            "variable 'a' is not valid: The template func",
        ),
        (
            template(variables={"a": "[variables('a')]"}),
            "InvalidTemplate",
            "'a' is not valid: it needs itself",
        ),
        (
            template(variables={"a": "[reference('x')]"}),
            "InvalidTemplate",
            "'reference' is not expected at this",
        ),
        (template(variables={"a": "[concat('x']"}), "InvalidTemplate", "expected token 'RightParenthesis'"),
        (template(parameters=[]), "InvalidTemplate", "'parameters' can't be of the type 'Array'"),
        (
            template(outputs={"a": output("[parameters('b')]")}),
            "DeploymentOutputEvaluationFailed",
            "outputs: 'a'",
        ),
        (template(outputs={"a": output("text", "int")}), "DeploymentOutputEvaluationFailed", "outputs: 'a'"),
        (
            template(outputs={f"o{at}": output(1, "int") for at in range(65)}),
            "InvalidTemplate",
            "the limit is '64'",
        ),
    ],
)
def test_templates_that_cannot_be(there: Deploying, what: Any, code: str, said: str) -> None:
    error = refused(there, what)
    assert error.code == code
    assert said in error.message


def test_of_two_wrong_outputs_both_are_named(there: Deploying) -> None:
    error = refused(there, template(outputs={"a": output("[x()]"), "b": output("[y()]"), "c": output({})}))
    assert [one.target for one in error.details] == ["a", "b"]
