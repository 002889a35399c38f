"""What an exported template shows of the secrets that are written in it: nothing, and all else as it is."""

from __future__ import annotations

from typing import Any

import pytest

from bluejacket.cloud.deploy.hiding import without_secrets
from deploying import template, thing

SECRET = "correct-horse"


def machine(password: Any) -> dict[str, Any]:
    return thing("vm", properties={"osProfile": {"adminUsername": "me", "adminPassword": password}})


def shown(what: Any) -> Any:
    """The exported template, in which the secret is nowhere."""
    found = without_secrets(what)
    assert SECRET not in repr(found)
    return found


@pytest.mark.parametrize(
    "password",
    [
        SECRET,
        f"[concat('{SECRET}', '!')]",
        f"[concat(parameters('prefix'), '{SECRET}')]",
        f"[format('{SECRET}{{0}}', parameters('n'))]",
        f"[if(parameters('on'), '{SECRET}', null())]",
        f"[base64('{SECRET}')]",
        f"[createObject('a', '{SECRET}').a]",
        f"[not an expression '{SECRET}']",
    ],
)
def test_text_of_a_secret_is_not_shown(password: str) -> None:
    (resource,) = shown(template(machine(password)))["resources"]
    assert resource["properties"]["osProfile"] == {"adminUsername": "me"}


@pytest.mark.parametrize(
    "password",
    [
        "[parameters('password')]",
        "[if(equals(parameters('kind'), 'password'), parameters('password'), json(''))]",
        "[listSecrets(resourceId('Microsoft.Test/things', 'a'), '2024-01-01').value]",
        "[reference('a').secrets['one']]",
        "[base64(concat(parameters('a'), variables('b')))]",
        "",
    ],
)
def test_where_a_secret_comes_from_is_shown(password: str) -> None:
    what = template(machine(password))
    assert without_secrets(what) == what


def test_a_variable_that_a_secret_is_made_of() -> None:
    copy = [{"name": "lines", "count": 2, "input": SECRET}, {"name": "names", "count": 2, "input": "n"}]
    what = template(
        machine("[concat(variables('First'), variables('lines')[0])]"),
        variables={
            "first": "[variables('second').word]",
            "second": {"word": SECRET},
            "alike": {"adminPassword": SECRET, "plain": "kept"},
            "copy": copy,
            "other": "kept as well",
        },
    )
    assert shown(what)["variables"] == {
        "first": "[variables('second').word]",
        "second": None,
        "alike": {"plain": "kept"},
        "copy": [copy[0] | {"input": None}, copy[1]],
        "other": "kept as well",
    }


def test_what_is_secure_by_its_type() -> None:
    what = template(
        parameters={"pin": {"type": "secureString", "defaultValue": SECRET, "minLength": 3}},
        outputs={
            "told": {"type": "securestring", "value": f"[concat('{SECRET}', 'x')]"},
            "named": {"type": "securestring", "value": "[parameters('pin')]"},
        },
    )
    found = shown(what)
    assert found["parameters"] == {"pin": {"type": "secureString", "minLength": 3}}
    assert found["outputs"]["told"] == {"type": "securestring"}
    assert found["outputs"]["named"] == what["outputs"]["named"]


def test_what_a_nested_deployment_is_given() -> None:
    inner = template(
        parameters={"pin": {"type": "securestring"}, "adminPassword": {"type": "string"}},
    )
    given = {"PIN": {"value": SECRET}, "adminPassword": {"value": "plain"}}
    properties = {"mode": "Incremental", "template": inner, "parameters": given}
    (found,) = shown(template(thing("d", kind="Microsoft.Resources/deployments", properties=properties)))[
        "resources"
    ]
    assert found["properties"]["parameters"] == {"PIN": {}, "adminPassword": {"value": "plain"}}
    assert found["properties"]["template"] == inner
    by_name = {"pin": {"value": "[variables('pin')]"}}
    resource = thing("d", kind="Microsoft.Resources/deployments", properties=properties)
    resource["properties"] = properties | {"parameters": by_name}
    found = shown(template(resource, variables={"pin": SECRET}))
    assert found["variables"] == {"pin": None}
    assert found["resources"][0]["properties"]["parameters"] == by_name


def test_protected_settings_that_only_name_parameters() -> None:
    settings = {"commandToExecute": "[parameters('script')]"}
    what = template(thing("x", properties={"protectedSettings": settings}))
    assert without_secrets(what) == what
    told = template(thing("x", properties={"protectedSettings": settings | {"key": SECRET}}))
    assert shown(told)["resources"][0]["properties"] == {}
