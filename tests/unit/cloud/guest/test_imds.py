"""Instance metadata: the documented fields, versions, forms and refusals, for the machine that asks alone."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.access.principals import MANAGED, Principal
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.guest.askers import Askers
from bluejacket.cloud.guest.attested import Attester
from bluejacket.cloud.guest.http import Response
from bluejacket.cloud.guest.identity import IdentityService
from bluejacket.cloud.guest.imds import MetadataService
from bluejacket.cloud.guest.instance import VERSIONS
from guestcloud import (
    ADDRESS,
    KEY,
    NAMESPACE,
    NIC,
    PUBLIC,
    VM,
    VM_ID,
    ShortAuthority,
    Wires,
    asked,
    guest_cloud,
)
from recordcloud import GROUP, TENANT, RecordCloud

NEWEST = "2025-04-07"
INSTANCE = f"/metadata/instance?api-version={NEWEST}"
TOKEN = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net"
AUTHORITY = ShortAuthority()


@pytest.fixture
def cloud(tmp_path: Path) -> RecordCloud:
    return guest_cloud(tmp_path)


@pytest.fixture
def service(cloud: RecordCloud) -> MetadataService:
    askers = Askers(cloud.resources, Wires({(NAMESPACE, ADDRESS): NIC}))
    identity = IdentityService(cloud.service(Identities), cloud.service(Tokens), TENANT)
    return MetadataService(askers, Attester(AUTHORITY.issue), identity)


def read(response: Response, status: int = 200) -> Any:
    assert response.status == status, response.body
    return json.loads(response.body)


def test_the_machine_is_told_all_documented_fields(service: MetadataService) -> None:
    found = read(service.answer(asked(INSTANCE)))
    compute = found["compute"]
    assert set(compute) == {
        "additionalCapabilities", "azEnvironment", "customData", "evictionPolicy", "extendedLocation", "host",
        "hostGroup", "isHostCompatibilityLayerVm", "licenseType", "location", "name", "offer", "osProfile",
        "osType", "physicalZone", "placementGroupId", "plan", "platformFaultDomain", "platformSubFaultDomain",
        "platformUpdateDomain", "priority", "provider", "publicKeys", "publisher", "resourceGroupName",
        "resourceId", "securityProfile", "sku", "storageProfile", "subscriptionId", "tags", "tagsList",
        "userData", "version", "virtualMachineScaleSet", "vmId", "vmScaleSetName", "vmSize", "zone",
    }  # fmt: skip
    assert compute["vmId"] == VM_ID
    assert compute["resourceId"] == VM.text
    assert compute["tags"] == "Department:IT;Role:mail"
    assert compute["tagsList"][1] == {"name": "Role", "value": "mail"}
    assert compute["osProfile"] == {
        "adminUsername": "azureuser", "computerName": "dory", "disablePasswordAuthentication": "true",
    }  # fmt: skip
    assert compute["publicKeys"] == [{"keyData": KEY, "path": "/home/azureuser/.ssh/authorized_keys"}]
    assert compute["securityProfile"]["virtualTpmEnabled"] == "true"
    assert compute["storageProfile"]["osDisk"]["diskSizeGB"] == "30"
    assert compute["storageProfile"]["dataDisks"][0]["lun"] == "0"
    assert (compute["zone"], compute["version"], compute["vmSize"]) == (
        "2",
        "4.0.20261128",
        "Standard_D2s_v5",
    )
    assert compute["userData"] == "aGVsbG8="
    assert found["network"] == {
        "interface": [
            {
                "ipv4": {
                    "ipAddress": [{"privateIpAddress": "10.1.0.4", "publicIpAddress": "127.20.0.4"}],
                    "subnet": [{"address": "10.1.0.0", "prefix": "24"}],
                },
                "ipv6": {"ipAddress": []},
                "macAddress": "000D3AF806EC",
            }
        ]
    }
    assert "extended" not in found


def test_all_values_are_strings_and_custom_data_is_told_nowhere(service: MetadataService) -> None:
    response = service.answer(asked(f"{INSTANCE}&extended=true"))
    assert b"c2VjcmV0" not in response.body

    def leaves(found: Any) -> None:
        if isinstance(found, dict):
            for value in found.values():
                leaves(value)
        elif isinstance(found, list):
            for value in found:
                leaves(value)
        else:
            assert isinstance(found, str), found

    found = read(response)
    assert found.pop("extended") == {"compute": {"hasCustomData": True, "ppsType": "None"}}
    leaves(found)
    assert found["compute"]["customData"] == ""


@pytest.mark.parametrize(
    ("field", "before", "since"),
    [
        ("userData", "2020-12-01", "2021-01-01"),
        ("tagsList", "2019-06-01", "2019-06-04"),
        ("storageProfile", "2019-04-30", "2019-06-01"),
        ("osProfile", "2020-06-01", "2020-07-15"),
        ("zone", "2017-10-01", "2017-12-01"),
        ("physicalZone", "2023-07-01", "2023-11-15"),
        ("securityProfile/securityType", "2021-11-15", "2021-12-13"),
        ("storageProfile/imageReference/exactVersion", "2021-12-13", "2023-07-01"),
    ],
)
def test_a_field_is_there_from_the_version_that_introduced_it(
    service: MetadataService, field: str, before: str, since: str
) -> None:
    form = "text" if "/" in field or field in ("userData", "zone", "physicalZone") else "json"
    for version, status in ((before, 404), (since, 200)):
        target = f"/metadata/instance/compute/{field}?api-version={version}&format={form}"
        assert service.answer(asked(target)).status == status


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("compute/vmId", VM_ID),
        ("compute/name", "Dory"),
        ("compute/tags", "Department:IT;Role:mail"),
        ("compute/platformFaultDomain", "0"),
        ("compute/azEnvironment", "AzureLocalCloud"),
        ("network/interface/0/ipv4/ipAddress/0/publicIpAddress", "127.20.0.4"),
        ("network/interface/0/macAddress", "000D3AF806EC"),
        ("network/interface/0/ipv4", "ipAddress/\nsubnet/"),
        ("network/interface", "0/"),
        ("", "compute/\nnetwork/"),
    ],
)
def test_text_gives_a_leaf_or_the_names_below(service: MetadataService, path: str, text: str) -> None:
    response = service.answer(asked(f"/metadata/instance/{path}?api-version={NEWEST}&format=text"))
    assert (response.status, response.body.decode()) == (200, text)
    assert response.type.startswith("text/plain")


def test_a_part_comes_as_json_and_a_leaf_only_as_text(service: MetadataService) -> None:
    part = read(service.answer(asked(f"/metadata/instance/network/interface/0?api-version={NEWEST}")))
    assert part["macAddress"] == "000D3AF806EC"
    leaf = service.answer(asked(f"/metadata/instance/compute/vmId?api-version={NEWEST}"))
    assert "format" in read(leaf, 400)["error"]


@pytest.mark.parametrize(
    "path", ["compute/nothing", "network/interface/1", "network/interface/-1", "compute/vmId/0"]
)
def test_what_is_not_there_is_not_found(service: MetadataService, path: str) -> None:
    response = service.answer(asked(f"/metadata/instance/{path}?api-version={NEWEST}&format=text"))
    assert read(response, 404) == {"error": "Not found"}


@pytest.mark.parametrize("query", ["", "?api-version=", "?api-version=2021-02-02", "?api-version=latest"])
def test_without_a_known_version_the_newest_are_named(service: MetadataService, query: str) -> None:
    found = read(service.answer(asked(f"/metadata/instance{query}")), 400)
    assert found["newest-versions"] == ["2025-04-07", "2024-07-17", "2024-03-15"]
    assert found["error"] == (
        "Bad request. api-version is invalid or was not specified in the request. "
        "For more information refer to aka.ms/azureimds"
    )


def test_versions_need_no_version(service: MetadataService) -> None:
    assert read(service.answer(asked("/metadata/versions"))) == {"apiVersions": list(VERSIONS)}
    assert sorted(VERSIONS) == list(VERSIONS)


@pytest.mark.parametrize(
    ("headers", "method", "status"),
    [
        ({}, "GET", 400),
        ({"metadata": "false"}, "GET", 400),
        ({"metadata": "True", "x-forwarded-for": "10.0.0.9"}, "GET", 400),
        ({"metadata": "True"}, "GET", 200),
        ({"metadata": "true"}, "POST", 405),
        ({"metadata": "true"}, "PUT", 405),
        ({"metadata": "true"}, "DELETE", 405),
    ],
)
def test_requests_that_were_sent_by_mistake_are_refused(
    service: MetadataService, headers: dict[str, str], method: str, status: int
) -> None:
    assert service.answer(asked(INSTANCE, headers, method=method)).status == status


def test_a_parameter_comes_once(service: MetadataService) -> None:
    assert service.answer(asked(f"{INSTANCE}&api-version=2021-02-01")).status == 400


@pytest.mark.parametrize(("peer", "namespace"), [("10.1.0.5", NAMESPACE), (ADDRESS, "bj-ffffffff")])
def test_nobody_else_is_answered(service: MetadataService, peer: str, namespace: str) -> None:
    for target in (INSTANCE, TOKEN, f"/metadata/attested/document?api-version={NEWEST}"):
        assert service.answer(asked(target, peer=peer, namespace=namespace)).status == 404


def test_scheduled_events_are_none_and_none_can_be_started(service: MetadataService) -> None:
    target = "/metadata/scheduledevents?api-version=2020-07-01"
    assert service.answer(asked(target)).status == 400
    target = "/metadata/scheduledevents?api-version=2020-06-01"
    assert read(service.answer(asked(target))) == {"DocumentIncarnation": 1, "Events": []}
    started = json.dumps({"StartRequests": [{"EventId": "f020ba2e"}]}).encode()
    assert service.answer(asked(target, method="POST", body=started)).status == 400
    assert service.answer(asked(target, method="POST", body=b"{}")).status == 400


def test_a_standard_public_address_is_told_by_the_load_balancers_part(
    service: MetadataService, cloud: RecordCloud
) -> None:
    target = f"/metadata/loadbalancer?api-version={NEWEST}"
    assert "No load balancer metadata is found" in read(service.answer(asked(target)), 404)["error"]
    cloud.resources.change(PUBLIC, lambda one: one.top.update(sku={"name": "Standard"}))
    assert read(service.answer(asked(target)))["loadbalancer"]["publicIpAddresses"] == [
        {"frontendIpAddress": "127.20.0.4", "privateIpAddress": "10.1.0.4"}
    ]
    address = read(service.answer(asked(INSTANCE)))["network"]["interface"][0]["ipv4"]["ipAddress"][0]
    assert address["publicIpAddress"] == ""


def test_the_attested_document_is_signed_as_openssl_reads_it(
    service: MetadataService, tmp_path: Path
) -> None:
    target = f"/metadata/attested/document?api-version={NEWEST}&nonce=1234567890"
    found = read(service.answer(asked(target)))
    assert found["encoding"] == "pkcs7"
    (tmp_path / "signature").write_bytes(base64.b64decode(found["signature"]))
    (tmp_path / "authority").write_bytes(AUTHORITY.certificate)
    verify = ["openssl", "smime", "-verify", "-inform", "der", "-in", str(tmp_path / "signature")]
    trusted = [*verify, "-CAfile", str(tmp_path / "authority"), "-purpose", "any"]
    signed = json.loads(subprocess.run(trusted, check=True, capture_output=True).stdout)
    assert (signed["nonce"], signed["vmId"], signed["sku"]) == ("1234567890", VM_ID, "4-lts")
    assert set(signed["timeStamp"]) == {"createdOn", "expiresOn"}
    assert service.answer(asked(target.replace("1234567890", "12"))).status == 400
    older = "/metadata/attested/document?api-version=2018-10-01"
    assert service.answer(asked(older)).status == 200


def test_without_an_identity_there_is_no_token(service: MetadataService) -> None:
    found = read(service.answer(asked(TOKEN)), 400)
    assert found == {"error": "invalid_request", "error_description": "Identity not found"}
    bare = service.answer(asked("/metadata/identity/oauth2/token?api-version=2018-02-01"))
    assert read(bare, 400)["error"] == "invalid_request"


def test_tokens_are_those_of_the_machine_that_asks(service: MetadataService, cloud: RecordCloud) -> None:
    identities = cloud.service(Identities)
    shown = identities.assign(VM, VM_ID, {"type": "SystemAssigned"})
    assert shown is not None
    found = read(service.answer(asked(TOKEN)))
    assert (found["resource"], found["token_type"]) == ("https://vault.azure.net", "Bearer")
    assert int(found["expires_in"]) > 23 * 3600
    caller = cloud.service(Tokens).read(found["access_token"], ["https://vault.azure.net"])
    assert (caller.object_id, caller.owner) == (shown["principalId"], False)
    assert caller.client_id == found["client_id"]
    for wrong in ("client_id=00000000-0000-0000-0000-000000000000", "object_id=1", f"msi_res_id={GROUP}"):
        assert service.answer(asked(f"{TOKEN}&{wrong}")).status == 400
    both = service.answer(asked(f"{TOKEN}&client_id={found['client_id']}&object_id={caller.object_id}"))
    assert read(both, 400)["error"] == "invalid_request"
    named = read(service.answer(asked(f"{TOKEN}&client_id={found['client_id'].upper()}")))
    assert named["client_id"] == found["client_id"]
    info = read(service.answer(asked("/metadata/identity/info?api-version=2018-02-01")))
    assert info == {"tenantId": TENANT}


class Crew:
    """Two identities that users assigned, without one of the machine's own."""

    system = None
    users = tuple(
        Principal(
            f"{n}{n}{n}", f"{n}{n}", name, MANAGED, f"{GROUP}/providers/Microsoft.ManagedIdentity/{name}"
        )
        for n, name in enumerate(("userAssignedIdentities/port", "userAssignedIdentities/starboard"))
    )

    def of_vm(self, vm_id: str) -> Crew | None:
        return self if vm_id == VM_ID else None


def test_of_several_identities_one_has_to_be_named(cloud: RecordCloud) -> None:
    askers = Askers(cloud.resources, Wires({(NAMESPACE, ADDRESS): NIC}))
    service = MetadataService(
        askers, Attester(AUTHORITY.issue), IdentityService(Crew(), cloud.service(Tokens), TENANT)
    )
    found = read(service.answer(asked(TOKEN)), 400)
    assert found["error_description"].startswith("Multiple user assigned identities exist")
    chosen = read(service.answer(asked(f"{TOKEN}&msi_res_id={Crew.users[1].resource.upper()}")))
    assert chosen["client_id"] == "11"
    assert read(service.answer(asked(f"{TOKEN}&object_id=000")))["client_id"] == "00"
