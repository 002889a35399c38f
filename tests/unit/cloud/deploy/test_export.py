"""A group as a template: deployed again it changes nothing, and elsewhere it makes the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.arm.endpoint import Asked
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.deploy.export import export_group
from deploying import GROUP, OWNER, Deploying, template, thing

THINGS = "Microsoft.Test/things"
NSG = "Microsoft.Network/networkSecurityGroups"
SECRET = "correct-horse"


@pytest.fixture
def there(tmp_path: Path) -> Deploying:
    made = Deploying(tmp_path)
    uses = {"uses": "[resourceId('Microsoft.Test/things', 'a.1')]", "adminPassword": SECRET, "text": "[[x]"}
    rules = {"securityRules": [{"name": "r", "properties": {"priority": 100}}]}
    made.deploy(
        template(
            thing("a.1", tags={"t": "v"}, properties={"size": "large"}),
            thing("b", "a.1", properties=uses),
            thing("a.1/p", "a.1", kind=f"{THINGS}/parts"),
            thing("n", kind=NSG, properties=rules),
        )
    )
    return made


def exported(there: Deploying, *resources: str, options: str = "", group: str = GROUP) -> Any:
    body = {"resources": list(resources), "options": options}
    parts = {"subscription": there.subscription, "group": group}
    return export_group(there.cloud, Asked("", parts, OWNER, body))["template"]


def test_what_is_there_and_nothing_of_a_secret(there: Deploying) -> None:
    found = exported(there, "*", options="IncludeParameterDefaultValue")
    assert SECRET not in json.dumps(found)
    resources = {one["name"]: one for one in found["resources"]}
    assert found["parameters"] == {
        "things_a_1_name": {"type": "String", "defaultValue": "a.1"},
        "things_b_name": {"type": "String", "defaultValue": "b"},
        "networkSecurityGroups_n_name": {"type": "String", "defaultValue": "n"},
    }
    a_id = "[resourceId('Microsoft.Test/things', parameters('things_a_1_name'))]"
    assert resources["[parameters('things_b_name')]"] == {
        "type": THINGS,
        "apiVersion": "2024-05-01",
        "name": "[parameters('things_b_name')]",
        "location": "eastus",
        "dependsOn": [a_id],
        "properties": {"uses": a_id, "text": "[[x]", "size": "small"},
    }
    part = resources["[concat(parameters('things_a_1_name'), '/', 'p')]"]
    assert (part["type"], part["dependsOn"]) == (f"{THINGS}/parts", [a_id])
    assert resources["[parameters('things_a_1_name')]"]["tags"] == {"t": "v"}


def test_deployed_again_it_changes_nothing(there: Deploying) -> None:
    found = exported(there, "*", options="IncludeParameterDefaultValue")
    before = [one.properties for one in there.store.list(type_name=THINGS)]
    there.deploy(found, "again")
    assert [one.properties for one in there.store.list(type_name=THINGS)] == before


def test_under_other_names_it_makes_the_same(there: Deploying) -> None:
    found = exported(there, "*")
    there.deploy(found, "other", things_a_1_name="c", things_b_name="d", networkSecurityGroups_n_name="m")
    assert there.properties(f"{THINGS}/d")["uses"] == there.id(f"{THINGS}/c").text
    assert there.store.get(there.id(f"{THINGS}/c").child("parts", "p")) is not None


def test_some_of_it_by_their_own_names(there: Deploying) -> None:
    one = there.id(f"{THINGS}/b").text
    found = exported(there, one, options="SkipResourceNameParameterization")
    assert found["parameters"] == {}
    (resource,) = found["resources"]
    assert (resource["name"], "dependsOn" in resource) == ("b", False)
    assert resource["properties"]["uses"] == there.id(f"{THINGS}/a.1").text


def test_what_is_not_there(there: Deploying) -> None:
    with pytest.raises(CloudError, match="is not in the group"):
        exported(there, ResourceId.parse(f"{there.base}/providers/{THINGS}/z").text)
    with pytest.raises(CloudError, match="ResourceGroupNotFound"):
        exported(there, group="nowhere")
