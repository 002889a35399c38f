"""Microsoft's own client deploys templates: those that it writes itself, and shapes of the quickstarts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from azserved import Az, AzRefused, az_of
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.deploy import ENDPOINTS, KINDS
from deploying import API, Kept, output, template, thing

NETWORK = "Microsoft.Network"
VNET, NSG = f"{NETWORK}/virtualNetworks", f"{NETWORK}/networkSecurityGroups"
VMSS = "Microsoft.Compute/virtualMachineScaleSets"
TYPES = (
    VNET,
    NSG,
    VMSS,
    f"{NETWORK}/publicIPAddresses",
    f"{NETWORK}/networkInterfaces",
    "Microsoft.Test/things",
)


class Session:
    """One cloud and one client for all tests; each test has a group of its own."""

    def __init__(self, az: Az, cloud: LocalCloud) -> None:
        self.az, self.cloud = az, cloud

    def group(self, name: str) -> str:
        self.az("group", "create", "-n", name, "-l", "eastus")
        return name

    def file(self, name: str, what: Any) -> str:
        text = what if isinstance(what, str) else json.dumps(what)
        (self.az.folder / name).write_text(text)
        return name

    def deploy(self, group: str, *words: str, verb: str = "create") -> Any:
        return self.az("deployment", "group", verb, "-g", group, *words)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    kept = [Kept(one) for one in TYPES]
    with az_of([*KINDS, *kept], tmp_path_factory.mktemp("cloud"), ENDPOINTS) as (az, cloud):
        yield Session(az, cloud)


QUICKSTART = """{
  // a virtual network with as many subnets as are asked for
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "vnetName": { "type": "string", "defaultValue": "[concat('vnet-', uniqueString(resourceGroup().id))]" },
    "subnets": { "type": "int", "defaultValue": 3, "minValue": 1, "maxValue": 8 },
    "rules": { "type": "array" },
    "key": { "type": "securestring" },
    "location": { "type": "string", "defaultValue": "[resourceGroup().location]" }
  },
  "variables": {
    "nsgName": "[format('{0}-nsg',
        parameters('vnetName'))]", /* over two lines */
    "nsgId": "[resourceId('Microsoft.Network/networkSecurityGroups', variables('nsgName'))]"
  },
  "resources": [
    {
      "type": "Microsoft.Network/virtualNetworks",
      "apiVersion": "2023-09-01",
      "name": "[parameters('vnetName')]",
      "location": "[parameters('location')]",
      "dependsOn": [ "[variables('nsgId')]" ],
      "properties": {
        "addressSpace": { "addressPrefixes": [ "10.1.0.0/16" ] },
        "copy": [
          {
            "name": "subnets",
            "count": "[parameters('subnets')]",
            "input": {
              "name": "[concat('subnet-', copyIndex('subnets', 1))]",
              "properties": {
                "addressPrefix": "[cidrSubnet('10.1.0.0/16', 24, copyIndex('subnets'))]",
                "networkSecurityGroup": { "id": "[variables('nsgId')]" }
              }
            }
          }
        ]
      }
    },
    {
      "type": "Microsoft.Network/networkSecurityGroups",
      "apiVersion": "2023-09-01",
      "name": "[variables('nsgName')]",
      "location": "[parameters('location')]",
      "properties": {
        "copy": [
          {
            "name": "securityRules",
            "count": "[length(parameters('rules'))]",
            "input": {
              "name": "[parameters('rules')[copyIndex('securityRules')].name]",
              "properties": {
                "priority": "[add(1000, mul(copyIndex('securityRules'), 10))]",
                "destinationPortRange": "[string(parameters('rules')[copyIndex('securityRules')].port)]",
                "access": "Allow"
              }
            }
          }
        ]
      }
    }
  ],
  "outputs": {
    "prefixes": {
      "type": "array",
      "value": "[map(reference(parameters('vnetName')).subnets, lambda('s', lambdaVariables('s').properties.addressPrefix))]"
    },
    "secret": { "type": "securestring", "value": "[parameters('key')]" }
  }
}
"""  # noqa: E501


def test_a_network_with_subnets_and_rules(session: Session) -> None:
    group = session.group("quickstart")
    given = {"rules": {"value": [{"name": "ssh", "port": 22}, {"name": "web", "port": 443}]}}
    parameters = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#"
    }
    session.file("p.json", parameters | {"contentVersion": "1.0.0.0", "parameters": given})
    words = [
        "-n",
        "net",
        "-f",
        session.file("t.json", QUICKSTART),
        "-p",
        "@p.json",
        "subnets=2",
        "key=pass-w0rd",
    ]
    checked = session.deploy(group, *words, verb="validate")["properties"]
    assert checked["provisioningState"] == "Succeeded"
    assert len(checked["validatedResources"]) == 2

    foreseen = session.deploy(group, *words, "--no-pretty-print", verb="what-if")
    assert [one["changeType"] for one in foreseen["changes"]] == ["Create", "Create"]

    done = session.deploy(group, *words)
    properties = done["properties"]
    assert done["resourceGroup"] == group
    assert properties["provisioningState"] == "Succeeded"
    assert properties["outputs"]["prefixes"]["value"] == ["10.1.0.0/24", "10.1.1.0/24"]
    assert properties["parameters"]["subnets"]["value"] == 2
    assert "pass-w0rd" not in json.dumps(done)
    assert len(properties["outputResources"]) == 2
    assert [one["resourceType"] for one in properties["dependencies"]] == [VNET]

    name = properties["parameters"]["vnetName"]["value"]
    assert len(name) == len("vnet-") + 13
    rules = session.cloud.resources.need(_id(session, group, NSG, f"{name}-nsg")).properties["securityRules"]
    assert [(one["name"], one["properties"]["priority"]) for one in rules] == [("ssh", 1000), ("web", 1010)]

    foreseen = session.deploy(group, *words, "--no-pretty-print", verb="what-if")
    assert [one["changeType"] for one in foreseen["changes"]] == ["NoChange", "NoChange"]
    words[words.index("subnets=2")] = "subnets=3"
    text = session.deploy(group, *words, verb="what-if")
    assert "Resource changes: 1 to modify, 1 no change." in text
    assert "properties.subnets" in text
    assert "10.1.2.0/24" in text

    shown = session.deploy(group, "-n", "net", verb="show")
    assert shown["properties"]["correlationId"] == properties["correlationId"]
    assert [one["name"] for one in session.deploy(group, verb="list")] == ["net"]
    operations = session.az("deployment", "operation", "group", "list", "-g", group, "-n", "net")
    told = {one["properties"]["targetResource"]["resourceName"]: one["properties"] for one in operations}
    assert told.keys() == {name, f"{name}-nsg"}
    assert {one["statusCode"] for one in told.values()} == {"OK"}
    exported = session.deploy(group, "-n", "net", verb="export")
    assert exported["variables"].keys() == {"nsgName", "nsgId"}
    session.deploy(group, "-n", "net", verb="delete")
    assert session.deploy(group, verb="list") == []


def test_the_outputs_of_vmss_create(session: Session) -> None:
    """The expressions that the client itself writes: `vmss create` prints this output."""
    group = session.group("scale")
    expression = (
        f"[reference(resourceId('{VMSS}', 'set1'), "
        "providers('Microsoft.Compute', 'virtualMachineScaleSets').apiVersions[0])]"
    )
    what = template(
        thing(
            "set1",
            f"{NETWORK}/virtualNetworks/set1VNET",
            kind=VMSS,
            properties={"orchestrationMode": "Flexible"},
        ),
        thing("set1VNET", kind=VNET, properties={"subnets": []}),
        thing("set1LBPublicIP", kind=f"{NETWORK}/publicIPAddresses"),
        thing("nic", f"{NETWORK}/publicIpAddresses/set1LBPublicIP", kind=f"{NETWORK}/networkInterfaces"),
        outputs={"VMSS": output(expression)},
    )
    done = session.deploy(group, "-n", "vmss", "-f", session.file("vmss.json", what))
    assert done["properties"]["outputs"]["VMSS"]["value"]["orchestrationMode"] == "Flexible"


def test_nested_and_conditional(session: Session) -> None:
    group = session.group("nested")
    inner = template(
        thing(
            "[parameters('name')]", condition="[parameters('public')]", kind=f"{NETWORK}/publicIPAddresses"
        ),
        parameters={"name": {"type": "string"}, "public": {"type": "bool"}},
        outputs={"made": output("[parameters('public')]", "bool")},
    )
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": API,
        "name": "[concat('inner-', copyIndex())]",
        "copy": {"name": "both", "count": 2},
        "properties": {
            "mode": "Incremental",
            "expressionEvaluationOptions": {"scope": "inner"},
            "template": inner,
            "parameters": {
                "name": {"value": "[concat('ip', copyIndex())]"},
                "public": {"value": "[equals(copyIndex(), 1)]"},
            },
        },
    }
    made = {
        "type": "array",
        "copy": {"count": 2, "input": "[reference(concat('inner-', copyIndex())).outputs.made.value]"},
    }
    what = template(nested, outputs={"made": made})
    done = session.deploy(group, "-f", session.file("nested.json", what), "-n", "outer")
    assert done["properties"]["outputs"]["made"]["value"] == [False, True]
    names = {one["name"] for one in session.deploy(group, verb="list")}
    assert names == {"outer", "inner-0", "inner-1"}
    addresses = session.cloud.resources.list(type_name=f"{NETWORK}/publicIPAddresses", group=group)
    assert [one.id.name for one in addresses] == ["ip1"]


def test_a_subscription(session: Session) -> None:
    group = {"type": "Microsoft.Resources/resourceGroups", "apiVersion": API, "name": "[parameters('g')]"}
    inner = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": API,
        "name": "within",
        "resourceGroup": "[parameters('g')]",
        "dependsOn": ["[subscriptionResourceId('Microsoft.Resources/resourceGroups', parameters('g'))]"],
        "properties": {"mode": "Incremental", "template": template(thing("a"))},
    }
    what = template(
        group | {"location": "[deployment().location]"}, inner, parameters={"g": {"type": "string"}}
    )
    file = session.file("sub.json", what)
    words = ["deployment", "sub", "create", "-l", "westus2", "-n", "top", "-f", file, "-p", "g=made"]
    assert session.az(*words)["properties"]["provisioningState"] == "Succeeded"
    assert session.az("group", "show", "-n", "made")["location"] == "westus2"
    assert [one["name"] for one in session.az("deployment", "sub", "list")] == ["top"]
    assert session.deploy("made", verb="list")[0]["name"] == "within"
    words[2] = "what-if"
    assert "no change" in session.az(*words)


def test_complete_mode(session: Session) -> None:
    group = session.group("complete")
    session.deploy(group, "-n", "a", "-f", session.file("a.json", template(thing("a"), thing("b"))))
    only = session.file("b.json", template(thing("b")))
    text = session.deploy(group, "-f", only, "--mode", "Complete", verb="what-if")
    assert "1 to delete" in text
    session.deploy(group, "-n", "b", "-f", only, "--mode", "Complete")
    left = session.cloud.resources.list(type_name="Microsoft.Test/things", group=group)
    assert [one.id.name for one in left] == ["b"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (template(thing("[nonsense('a')]")), "The template function 'nonsense' is not valid"),
        (template(thing("a", "b")), "The resource 'b' is not defined in the template"),
        (
            template(parameters={"a": {"type": "int", "defaultValue": "x"}}),
            "Expected 'Integer'. Actual 'String'",
        ),
        (template(thing("a", kind="Contoso.Test/things")), "InvalidResourceNamespace"),
    ],
    ids=["function", "dependency", "parameter", "namespace"],
)
def test_templates_that_cannot_be(session: Session, what: Any, said: str) -> None:
    group = session.group("wrong")
    file = session.file("wrong.json", what)
    with pytest.raises(AzRefused) as refused:
        session.deploy(group, "-f", file)
    assert said in refused.value.said
    assert "Traceback" not in refused.value.said


def test_a_deployment_that_fails(session: Session) -> None:
    group = session.group("failing")
    what = template(thing("bad", properties={"fail": "no room"}), thing("after", "bad"), thing("good"))
    with pytest.raises(AzRefused) as refused:
        session.deploy(group, "-n", "d", "-f", session.file("failing.json", what))
    assert "DeploymentFailed" in refused.value.said
    assert "no room" in refused.value.said
    assert "Traceback" not in refused.value.said
    shown = session.deploy(group, "-n", "d", verb="show")["properties"]
    assert shown["provisioningState"] == "Failed"
    assert shown["error"]["details"][0]["code"] == "ThingFailed"
    listed = session.deploy(group, "--filter", "provisioningState eq 'Failed'", verb="list")
    assert [one["name"] for one in listed] == ["d"]
    operations = session.az("deployment", "operation", "group", "list", "-g", group, "-n", "d")
    states = {one["properties"]["targetResource"]["resourceName"]: one["properties"] for one in operations}
    assert states["bad"]["provisioningState"] == "Failed"
    assert states.keys() == {"bad", "good"}


def test_cancelled(session: Session) -> None:
    group = session.group("cancelled")
    what = template(thing("slow", properties={"seconds": 6}), thing("after", "slow"))
    session.deploy(group, "-n", "d", "-f", session.file("slow.json", what), "--no-wait")
    session.deploy(group, "-n", "d", verb="cancel")
    end = monotonic() + 60
    while (
        state := session.deploy(group, "-n", "d", verb="show")["properties"]["provisioningState"]
    ) == "Running":
        assert monotonic() < end, "it was never cancelled"
    assert state == "Canceled"
    names = {
        one.id.name for one in session.cloud.resources.list(type_name="Microsoft.Test/things", group=group)
    }
    assert names == {"slow"}


def _id(session: Session, group: str, kind: str, name: str) -> ResourceId:
    return ResourceId(session.cloud.subscription, group).sibling(kind, name)
