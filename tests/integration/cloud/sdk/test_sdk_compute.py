"""Galleries, sets, keys, sizes and the marketplace by azure-mgmt-compute; no machine boots.

Source: the operation groups of the Compute REST API of the same names, and "Store and share images in an
Azure Compute Gallery".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization

from sdkcloud import LOCATION, SdkCloud, refused

WEB = {"publisher": "me", "offer": "web", "sku": "4"}
IMAGE = (LOCATION, "Bluejacket", "bluejacket-linux-4", "4-lts")


def disk(sdk: SdkCloud, group: str) -> str:
    """Make a small disk, and give its id."""
    properties = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}
    body = {"location": LOCATION, "properties": properties}
    return str(sdk.compute.disks.begin_create_or_update(group, "hold", body).result().id)


def definition(**more: Any) -> dict[str, Any]:
    properties = {"osType": "Linux", "osState": "Generalized", "identifier": WEB} | more
    return {"location": LOCATION, "properties": properties}


def version(source: str, **publishing: Any) -> dict[str, Any]:
    storage = {"osDiskImage": {"source": {"id": source}}}
    properties = {"storageProfile": storage, "publishingProfile": publishing}
    return {"location": LOCATION, "properties": properties}


def test_a_gallery_with_definitions_and_versions(sdk: SdkCloud, group: str) -> None:
    compute, source = sdk.compute, disk(sdk, group)
    gallery = compute.galleries.begin_create_or_update(
        group, "shelf", {"location": LOCATION, "properties": {"description": "ours"}}
    ).result()
    assert gallery.identifier.unique_name == f"{sdk.subscription}-SHELF"
    assert (gallery.description, gallery.provisioning_state) == ("ours", "Succeeded")

    web = compute.gallery_images.begin_create_or_update(group, "shelf", "web", definition()).result()
    assert (web.os_type, web.os_state) == ("Linux", "Generalized")
    assert (web.hyper_v_generation, web.architecture) == ("V2", "x64")
    assert web.identifier.as_dict() == WEB
    with refused(409, "Conflict", "same publisher, offer, sku"):
        compute.gallery_images.begin_create_or_update(group, "shelf", "other", definition()).result()
    with refused(409, "PropertyChangeNotAllowed", "osState"):
        specialized = definition(osState="Specialized")
        compute.gallery_images.begin_create_or_update(group, "shelf", "web", specialized).result()

    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
    regions = [{"name": "East US", "regionalReplicaCount": 2}, {"name": "westeurope"}]
    where = (group, "shelf", "web")
    made = compute.gallery_image_versions.begin_create_or_update(
        *where, "1.0.0", version(source, targetRegions=regions, endOfLifeDate=end.isoformat())
    ).result()
    assert made.provisioning_state == "Succeeded"
    assert made.storage_profile.os_disk_image.size_in_gb == 1
    publishing = made.publishing_profile
    assert publishing.end_of_life_date == end
    assert [one.regional_replica_count for one in publishing.target_regions] == [2, 1]
    assert publishing.exclude_from_latest is False
    assert publishing.published_date <= datetime.now(UTC) + timedelta(seconds=2)
    assert made.replication_status is None, "only who asks for it gets it"
    status = compute.gallery_image_versions.get(*where, "1.0.0", expand="ReplicationStatus")
    assert status.replication_status.aggregated_state == "Completed"
    assert [one.progress for one in status.replication_status.summary] == [100, 100]

    excluded = compute.gallery_image_versions.begin_update(
        *where, "1.0.0", {"properties": {"publishingProfile": {"excludeFromLatest": True}}}
    ).result()
    assert excluded.publishing_profile.exclude_from_latest is True
    assert len(excluded.publishing_profile.target_regions) == 2
    compute.gallery_image_versions.begin_create_or_update(*where, "1.0.1", version(source)).result()
    names = [one.name for one in compute.gallery_image_versions.list_by_gallery_image(*where)]
    assert names == ["1.0.0", "1.0.1"]
    assert [one.name for one in compute.gallery_images.list_by_gallery(group, "shelf")] == ["web"]

    with refused(409, "CannotDeleteResource", "nested"):
        compute.galleries.begin_delete(group, "shelf").result()
    with refused(409, "CannotDeleteResource", "nested"):
        compute.gallery_images.begin_delete(*where).result()
    for name in names:
        compute.gallery_image_versions.begin_delete(*where, name).result()
    compute.gallery_images.begin_delete(*where).result()
    compute.galleries.begin_delete(group, "shelf").result()
    with refused(404, "ResourceNotFound"):
        compute.galleries.get(group, "shelf")
    assert list(compute.galleries.list_by_resource_group(group)) == []


def test_what_a_gallery_refuses(sdk: SdkCloud, group: str) -> None:
    compute, source = sdk.compute, disk(sdk, group)
    with refused(400, "InvalidParameter", "galleryName"):
        compute.galleries.begin_create_or_update(group, "no-dashes", {"location": LOCATION}).result()
    with refused(404, "ParentResourceNotFound", "shelf"):
        compute.gallery_images.begin_create_or_update(group, "shelf", "web", definition()).result()
    compute.galleries.begin_create_or_update(group, "shelf", {"location": LOCATION}).result()
    for name in ("publisher", "offer", "sku"):
        lacking = {key: value for key, value in WEB.items() if key != name}
        with refused(400, "InvalidParameter", f"identifier.{name}"):
            begun = definition(identifier=lacking)
            compute.gallery_images.begin_create_or_update(group, "shelf", "web", begun).result()
    compute.gallery_images.begin_create_or_update(group, "shelf", "web", definition()).result()
    where = (group, "shelf", "web")
    for name in ("1.0", "1.0.0.0", "01.0.0", "latest"):
        with refused(400, "InvalidParameter", "MajorVersion.MinorVersion.Patch"):
            compute.gallery_image_versions.begin_create_or_update(*where, name, version(source)).result()
    with refused(404, "ResourceNotFound", "none"):
        absent = version(source.replace("/hold", "/none"))
        compute.gallery_image_versions.begin_create_or_update(*where, "1.0.0", absent).result()
    with refused(400, "InvalidParameter", "atlantis"):
        lost = version(source, targetRegions=[{"name": "atlantis"}])
        compute.gallery_image_versions.begin_create_or_update(*where, "1.0.0", lost).result()
    assert list(compute.gallery_image_versions.list_by_gallery_image(*where)) == []
    with refused(404, "ResourceNotFound"):
        compute.gallery_image_versions.get(*where, "1.0.0")


def test_an_availability_set(sdk: SdkCloud, group: str) -> None:
    body = {
        "location": LOCATION,
        "sku": {"name": "Aligned"},
        "properties": {"platformFaultDomainCount": 2, "platformUpdateDomainCount": 20},
    }
    before = used(sdk, "availabilitySets")
    made = sdk.compute.availability_sets.create_or_update(group, "fleet", body)
    assert (made.platform_fault_domain_count, made.platform_update_domain_count) == (2, 20)
    assert (made.sku.name, made.virtual_machines, made.type) == (
        "Aligned",
        [],
        "Microsoft.Compute/availabilitySets",
    )
    assert used(sdk, "availabilitySets") == before + 1
    tagged = sdk.compute.availability_sets.update(group, "fleet", {"tags": {"a": "1"}})
    assert (tagged.tags, tagged.platform_update_domain_count) == ({"a": "1"}, 20)
    sizes = {one.name for one in sdk.compute.availability_sets.list_available_sizes(group, "fleet")}
    assert "Standard_D2s_v5" in sizes
    assert [one.name for one in sdk.compute.availability_sets.list(group)] == ["fleet"]
    assert made.id in [one.id for one in sdk.compute.availability_sets.list_by_subscription()]
    with refused(409, "PropertyChangeNotAllowed"):
        changed = {"location": LOCATION, "properties": {"platformFaultDomainCount": 3}}
        sdk.compute.availability_sets.create_or_update(group, "fleet", changed)
    with refused(400, "InvalidParameter", "platformUpdateDomainCount"):
        many = {"location": LOCATION, "properties": {"platformUpdateDomainCount": 21}}
        sdk.compute.availability_sets.create_or_update(group, "x", many)
    sdk.compute.availability_sets.delete(group, "fleet")
    sdk.compute.availability_sets.delete(group, "fleet")
    with refused(404, "ResourceNotFound"):
        sdk.compute.availability_sets.get(group, "fleet")


def test_a_proximity_placement_group(sdk: SdkCloud, group: str) -> None:
    groups = sdk.compute.proximity_placement_groups
    made = groups.create_or_update(group, "near", {"location": LOCATION})
    assert made.proximity_placement_group_type == "Standard"
    assert (made.virtual_machines, made.availability_sets) == ([], [])
    placed = {"location": LOCATION, "properties": {"proximityPlacementGroup": {"id": made.id}}}
    fleet = sdk.compute.availability_sets.create_or_update(group, "fleet", placed)
    assert fleet.proximity_placement_group.id == made.id
    assert [one.id for one in groups.get(group, "near").availability_sets] == [fleet.id]
    with refused(409, "OperationNotAllowed", "fleet"):
        groups.delete(group, "near")
    assert groups.update(group, "near", {"tags": {"a": "1"}}).tags == {"a": "1"}
    assert [one.name for one in groups.list_by_resource_group(group)] == ["near"]
    sdk.compute.availability_sets.delete(group, "fleet")
    groups.delete(group, "near")
    with refused(404, "ResourceNotFound"):
        groups.get(group, "near")


def test_a_public_key(sdk: SdkCloud, group: str) -> None:
    """A pair is made by the service: its private half comes once and is kept nowhere."""
    keys = sdk.compute.ssh_public_keys
    made = keys.create(group, "crew", {"location": LOCATION})
    assert made.public_key is None
    pair = keys.generate_key_pair(group, "crew", {"encryptionType": "Ed25519"})
    private = serialization.load_ssh_private_key(pair.private_key.encode(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    kept = keys.get(group, "crew")
    assert kept.public_key.startswith(public.decode())
    assert (pair.public_key, pair.id) == (kept.public_key, kept.id)
    assert "PRIVATE" not in str(kept.as_dict())
    other = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDZ"
    with refused(400, "InvalidParameter", "publicKey"):
        keys.update(group, "crew", {"properties": {"publicKey": other}})
    assert keys.update(group, "crew", {"tags": {"a": "1"}}).public_key == kept.public_key
    keys.delete(group, "crew")
    with refused(404, "ResourceNotFound"):
        keys.generate_key_pair(group, "crew")


def test_lists_come_in_pages(sdk: SdkCloud, group: str) -> None:
    """Clients follow nextLink until there is none, and see everything once, in whatever pages it comes."""
    for number in range(230):
        sdk.compute.ssh_public_keys.create(group, f"key{number:03}", {"location": LOCATION})
    pages = [[one.name for one in page] for page in by_page(sdk, group)]
    assert len(pages) > 1
    assert [name for page in pages for name in page] == [f"key{number:03}" for number in range(230)]
    # One may stop and go on later, from the token of a page.
    paged = by_page(sdk, group)
    first = [one.name for one in next(paged)]
    rest = by_page(sdk, group, paged.continuation_token)
    assert first + [one.name for page in rest for one in page] == [name for page in pages for name in page]
    whole = [one.id for one in sdk.compute.ssh_public_keys.list_by_subscription()]
    assert len(whole) == len(set(whole))
    assert sum(f"/{group}/" in one for one in whole) == 230


def by_page(sdk: SdkCloud, group: str, token: str | None = None) -> Any:
    return sdk.compute.ssh_public_keys.list_by_resource_group(group).by_page(token)


def used(sdk: SdkCloud, name: str) -> int:
    (one,) = [one for one in sdk.compute.usage.list(LOCATION) if one.name.value == name]
    assert one.limit >= one.current_value
    assert one.unit == "Count"
    return int(one.current_value)


def test_what_a_region_has(sdk: SdkCloud) -> None:
    """Resource SKUs, sizes and usages agree with each other, and a filter by location is obeyed."""
    sizes = {one.name: one for one in sdk.compute.virtual_machine_sizes.list(LOCATION)}
    skus = list(sdk.compute.resource_skus.list(filter=f"location eq '{LOCATION}'"))
    machines = {one.name: one for one in skus if one.resource_type == "virtualMachines"}
    assert machines.keys() == sizes.keys()
    small = {one.name: one.value for one in machines["Standard_D2s_v5"].capabilities}
    assert (small["vCPUs"], small["MemoryGB"], small["PremiumIO"]) == ("2", "8", "True")
    assert (sizes["Standard_D2s_v5"].number_of_cores, sizes["Standard_D2s_v5"].memory_in_mb) == (2, 8192)
    assert {place for one in skus for place in one.locations} == {LOCATION}
    everywhere = {place for one in sdk.compute.resource_skus.list() for place in one.locations}
    assert everywhere == {
        one.name for one in sdk.subscriptions.subscriptions.list_locations(sdk.subscription)
    }
    assert {one.name for one in skus if one.resource_type == "disks"} >= {"Premium_LRS", "Standard_LRS"}
    assert used(sdk, "cores") == 0
    assert used(sdk, "virtualMachines") == 0
    with refused(400, "InvalidParameter", "atlantis"):
        list(sdk.compute.virtual_machine_sizes.list("atlantis"))


def test_commands_that_can_be_run(sdk: SdkCloud) -> None:
    commands = sdk.compute.virtual_machine_run_commands
    known = {one.id: one for one in commands.list(LOCATION)}
    assert known["RunShellScript"].os_type == "Linux"
    assert commands.get(LOCATION, "ifconfig").script == ["ip address show"]
    with refused(404, "RunCommandDocumentNotFound", "RunPowerShellScript"):
        commands.get(LOCATION, "RunPowerShellScript")


def test_the_marketplace(sdk: SdkCloud) -> None:
    """Publisher, offer, SKU and version lead to an image; `latest` is the newest."""
    images = sdk.compute.virtual_machine_images
    assert "Bluejacket" in [one.name for one in images.list_publishers(LOCATION)]
    assert IMAGE[2] in [one.name for one in images.list_offers(*IMAGE[:2])]
    assert IMAGE[3] in [one.name for one in images.list_skus(*IMAGE[:3])]
    versions = images.list(*IMAGE)
    newest = images.list(*IMAGE, top=1, orderby="name desc")
    assert len(newest) == 1
    found = images.get(*IMAGE, "latest")
    assert found.name == newest[0].name
    assert found.id in [one.id for one in versions]
    assert found.os_disk_image.operating_system == "Linux"
    assert (found.hyper_v_generation, found.architecture) == ("V2", "x64")
    with refused(404, "PlatformImageNotFound", "1.2.3"):
        images.get(*IMAGE, "1.2.3")
    with refused(404, "NotFound", "nothing"):
        images.list(*IMAGE[:3], "nothing")


def test_conditions_on_the_etag(sdk: SdkCloud, group: str) -> None:
    """`If-None-Match: *` makes only what is not there, as the ARM guidelines say."""
    body = {"location": LOCATION}
    only_new = {"If-None-Match": "*"}
    sdk.compute.galleries.begin_create_or_update(group, "shelf", body, headers=only_new).result()
    with refused(412, "PreconditionFailed"):
        sdk.compute.galleries.begin_create_or_update(group, "shelf", body, headers=only_new)
