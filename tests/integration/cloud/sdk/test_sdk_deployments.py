"""Deployments by azure-mgmt-resource-deployments, as Microsoft's reference has them; no machine boots.

Source: "Deployments" and "Deployment Operations" of the Resource Manager REST API, "ARM template deployment
what-if operation" and "Azure Resource Manager deployment modes".
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from sdkcloud import LOCATION, SdkCloud, refused

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
FLEET = "Microsoft.Compute/availabilitySets"
HARBOUR: dict[str, Any] = {
    "$schema": SCHEMA,
    "contentVersion": "1.0.0.0",
    "parameters": {
        "name": {"type": "string", "minLength": 3},
        "ships": {"type": "int", "defaultValue": 2, "allowedValues": [1, 2, 3]},
        "word": {"type": "securestring", "defaultValue": "unsaid"},
    },
    "variables": {"place": "[resourceGroup().location]"},
    "resources": [
        {
            "type": "Microsoft.Network/networkSecurityGroups",
            "apiVersion": "2024-05-01",
            "name": "[parameters('name')]",
            "location": "[variables('place')]",
            "tags": {"kind": "watch"},
        },
        {
            "type": "Microsoft.Network/virtualNetworks",
            "apiVersion": "2024-05-01",
            "name": "sea",
            "location": "[variables('place')]",
            "dependsOn": ["[resourceId('Microsoft.Network/networkSecurityGroups', parameters('name'))]"],
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [
                    {
                        "name": "deck",
                        "properties": {
                            "addressPrefix": "10.0.0.0/24",
                            "networkSecurityGroup": {
                                "id": "[resourceId('Microsoft.Network/networkSecurityGroups',"
                                " parameters('name'))]"
                            },
                        },
                    }
                ],
            },
        },
        {
            "type": FLEET,
            "apiVersion": "2024-07-01",
            "name": "[concat('fleet', copyIndex())]",
            "location": "[variables('place')]",
            "copy": {"name": "fleets", "count": "[parameters('ships')]"},
            "sku": {"name": "Aligned"},
            "properties": {"platformFaultDomainCount": 2, "platformUpdateDomainCount": 5},
        },
    ],
    "outputs": {
        "subnet": {
            "type": "string",
            "value": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'sea', 'deck')]",
        },
        "space": {"type": "array", "value": "[reference('sea').addressSpace.addressPrefixes]"},
        "word": {"type": "securestring", "value": "[parameters('word')]"},
    },
}


def deployment(template: Any, mode: str = "Incremental", **parameters: Any) -> dict[str, Any]:
    given = {name: {"value": value} for name, value in parameters.items()}
    return {"properties": {"mode": mode, "template": template, "parameters": given}}


def fleets(*names: str) -> dict[str, Any]:
    """Give a template with some availability sets alone."""
    found = [
        {"type": FLEET, "apiVersion": "2024-07-01", "name": name, "location": LOCATION, "properties": {}}
        for name in names
    ]
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": found}


def names(sdk: SdkCloud, group: str) -> set[str]:
    return {one.name for one in sdk.resource.resources.list_by_resource_group(group)}


def test_a_template_is_deployed(sdk: SdkCloud, group: str) -> None:
    deployments = sdk.deployments.deployments
    assert deployments.check_existence(group, "first") is False
    begun = deployments.begin_create_or_update(
        group, "first", deployment(HARBOUR, name="watch", word="heave ho")
    )
    made = begun.result()
    assert made.id == f"{sdk.root}/resourceGroups/{group}/providers/Microsoft.Resources/deployments/first"
    told = made.properties
    assert (told.provisioning_state, told.mode, told.error) == ("Succeeded", "Incremental", None)
    assert told.parameters["name"] == {"type": "String", "value": "watch"}
    assert told.parameters["ships"] == {"type": "Int", "value": 2}
    assert told.outputs["subnet"]["value"].endswith("/virtualNetworks/sea/subnets/deck")
    assert told.outputs["space"] == {"type": "Array", "value": ["10.0.0.0/16"]}
    assert "heave ho" not in str(made.as_dict()), "secure values are in no reply"
    assert {one.namespace for one in told.providers} == {"Microsoft.Network", "Microsoft.Compute"}
    (needs,) = told.dependencies
    assert (needs.resource_name, [one.resource_name for one in needs.depends_on]) == ("sea", ["watch"])
    written = {one.id.rpartition("/")[2] for one in told.output_resources}
    assert written == names(sdk, group) == {"watch", "sea", "fleet0", "fleet1"}
    sea = sdk.network.virtual_networks.get(group, "sea")
    assert sea.subnets[0].network_security_group.id.endswith("/watch")
    assert sdk.network.network_security_groups.get(group, "watch").tags == {"kind": "watch"}

    operations = list(sdk.deployments.deployment_operations.list(group, "first"))
    assert {one.properties.target_resource.resource_name for one in operations} == written
    assert {one.properties.provisioning_state for one in operations} == {"Succeeded"}
    one = sdk.deployments.deployment_operations.get(group, "first", operations[0].operation_id)
    assert one.properties.target_resource.id == operations[0].properties.target_resource.id
    exported = deployments.export_template(group, "first").template
    assert exported["contentVersion"] == "1.0.0.0"
    assert len(exported["resources"]) == 3
    assert [one.name for one in deployments.list_by_resource_group(group)] == ["first"]
    failed = deployments.list_by_resource_group(group, filter="provisioningState eq 'Failed'")
    assert list(failed) == []

    # What was deployed stays when the deployment's record goes.
    deployments.begin_delete(group, "first").result()
    assert deployments.check_existence(group, "first") is False
    with refused(404, "DeploymentNotFound", "first"):
        deployments.get(group, "first")
    assert names(sdk, group) == written


def test_incremental_keeps_what_complete_removes(sdk: SdkCloud, group: str) -> None:
    deployments = sdk.deployments.deployments
    deployments.begin_create_or_update(group, "d", deployment(fleets("a", "b"))).result()
    deployments.begin_create_or_update(group, "d", deployment(fleets("c"))).result()
    assert names(sdk, group) == {"a", "b", "c"}
    deployments.begin_create_or_update(group, "d", deployment(fleets("b"), "Complete")).result()
    assert names(sdk, group) == {"b"}


def test_what_a_template_would_change(sdk: SdkCloud, group: str) -> None:
    """What-if changes nothing, and tells of each resource whether it is made, changed, kept or removed."""
    deployments = sdk.deployments.deployments
    deployments.begin_create_or_update(group, "d", deployment(fleets("a", "b"))).result()
    sdk.compute.availability_sets.update(group, "a", {"tags": {"deck": "lower"}})
    template = fleets("a", "c")
    template["resources"][0]["tags"] = {"deck": "upper"}

    def foreseen(mode: str) -> dict[str, Any]:
        body = deployment(template, mode)
        body["properties"]["whatIfSettings"] = {"resultFormat": "FullResourcePayloads"}
        found = deployments.begin_what_if(group, "d", body).result()
        assert (found.status, found.error) == ("Succeeded", None)
        return {one.resource_id.rpartition("/")[2]: one for one in found.changes}

    told = foreseen("Incremental")
    assert {name: one.change_type for name, one in told.items()} == {
        "a": "Modify",
        "b": "Ignore",
        "c": "Create",
    }
    (change,) = told["a"].delta
    assert (change.path, change.property_change_type) in (("tags.deck", "Modify"), ("tags", "Modify"))
    assert told["c"].after["name"] == "c"
    assert {name: one.change_type for name, one in foreseen("Complete").items()}["b"] == "Delete"
    assert names(sdk, group) == {"a", "b"}


def test_a_template_is_validated(sdk: SdkCloud, group: str) -> None:
    """Validation refuses at once, names what is wrong, and makes nothing."""
    deployments = sdk.deployments.deployments
    found = deployments.begin_validate(group, "d", deployment(HARBOUR, name="watch")).result()
    assert found.error is None
    assert found.properties.provisioning_state == "Succeeded"
    assert len(found.properties.validated_resources) == 4
    lacking = {**HARBOUR, "resources": [{"type": FLEET, "apiVersion": "2024-07-01"}]}
    unknown = fleets("[parameters('nobody')]")
    for body, said in (
        (deployment(HARBOUR), "name"),
        (deployment(HARBOUR, name="ab"), "name"),
        (deployment(HARBOUR, name="watch", ships=4), "ships"),
        (deployment(HARBOUR, name="watch", sails=1), "sails"),
        (deployment(lacking, name="watch"), "name"),
        (deployment(unknown), "nobody"),
    ):
        with refused(400, "InvalidTemplate", said):
            deployments.begin_validate(group, "d", body).result()
    assert names(sdk, group) == set()
    assert deployments.check_existence(group, "d") is False


def test_a_deployment_that_fails_says_which_resource_did(sdk: SdkCloud, group: str) -> None:
    """The poller fails with DeploymentFailed; the operations tell the resource's own code."""
    template = fleets("good", "bad")
    template["resources"][1]["properties"] = {"platformUpdateDomainCount": 99}
    with pytest.raises(HttpResponseError) as told:
        sdk.deployments.deployments.begin_create_or_update(group, "d", deployment(template)).result()
    assert told.value.error
    assert told.value.error.code == "DeploymentFailed"
    assert "platformUpdateDomainCount" in str(told.value)
    kept = sdk.deployments.deployments.get(group, "d").properties
    assert (kept.provisioning_state, kept.error.code) == ("Failed", "DeploymentFailed")
    assert kept.error.details[0].code == "InvalidParameter"
    operations = {
        one.properties.target_resource.resource_name: one.properties
        for one in sdk.deployments.deployment_operations.list(group, "d")
    }
    assert operations["good"].provisioning_state == "Succeeded"
    assert operations["bad"].provisioning_state == "Failed"
    assert operations["bad"].status_message.error.code == "InvalidParameter"
    assert names(sdk, group) == {"good"}
    events = sdk.events(group)
    assert ("Microsoft.Resources/deployments/write", "Failed") in [
        (one.operation_name.value, one.status.value) for one in events
    ]


def test_a_deployment_is_cancelled(sdk: SdkCloud, group: str) -> None:
    """What is under way comes to its end, the rest is left; what does not run cannot be cancelled."""
    deployments, disks = sdk.deployments.deployments, []
    for number in range(12):
        one = {
            "type": "Microsoft.Compute/disks",
            "apiVersion": "2024-03-02",
            "name": f"disk{number:02}",
            "location": LOCATION,
            "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1},
        }
        if number:
            one["dependsOn"] = [f"disk{number - 1:02}"]
        disks.append(one)
    template = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": disks}
    deployments.begin_create_or_update(group, "d", deployment(template), polling=False)
    with refused(409, "DeploymentActive"):
        deployments.begin_create_or_update(group, "d", deployment(fleets("a")), polling=False).result()
    deployments.cancel(group, "d")
    end = monotonic() + 60
    while (state := deployments.get(group, "d").properties.provisioning_state) in ("Accepted", "Running"):
        assert monotonic() < end
        sleep(0.1)
    assert state == "Canceled"
    assert len(names(sdk, group)) < 12
    with refused(409, "DeploymentCannotBeCancelled"):
        deployments.cancel(group, "d")


def test_a_subscription_is_deployed_to(sdk: SdkCloud) -> None:
    """A template of a subscription makes a group, and what is in it by a deployment within."""
    inner = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2024-11-01",
        "name": "inner",
        "resourceGroup": "atoll",
        "dependsOn": ["atoll"],
        "properties": {"mode": "Incremental", "template": fleets("a")},
    }
    atoll = {"type": "Microsoft.Resources/resourceGroups", "apiVersion": "2024-11-01", "name": "atoll"}
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [{**atoll, "location": LOCATION}, inner],
    }
    deployments = sdk.deployments.deployments
    body = {"location": LOCATION, **deployment(template)}
    made = deployments.begin_create_or_update_at_subscription_scope("outer", body).result()
    assert (made.properties.provisioning_state, made.location) == ("Succeeded", LOCATION)
    assert names(sdk, "atoll") == {"a"}
    assert [one.name for one in deployments.list_at_subscription_scope()] == ["outer"]
    assert [one.name for one in deployments.list_by_resource_group("atoll")] == ["inner"]
    operations = sdk.deployments.deployment_operations.list_at_subscription_scope("outer")
    assert {one.properties.target_resource.resource_name for one in operations} >= {"atoll", "inner"}
    with refused(400, "LocationRequired"):
        deployments.begin_create_or_update_at_subscription_scope("x", deployment(template)).result()
    deployments.begin_delete_at_subscription_scope("outer").result()
    assert list(deployments.list_at_subscription_scope()) == []
