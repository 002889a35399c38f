"""Groups, resources, tags, locks and the activity log by Azure's SDKs; no machine boots.

Source: the operation groups of the Resource Manager REST API of the same names, "Lock your resources to
protect your infrastructure", "Tags REST API" and "Azure Activity Log event schema".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sdkcloud import LOCATION, SdkCloud, refused

KEYS = "Microsoft.Compute/sshPublicKeys"
VERSION = "2024-11-01"


def make_key(sdk: SdkCloud, group: str, name: str = "crew", **tags: str) -> str:
    """Make a small resource, and give its id."""
    return str(sdk.compute.ssh_public_keys.create(group, name, {"location": LOCATION, "tags": tags}).id)


def test_a_group(sdk: SdkCloud) -> None:
    groups = sdk.resource.resource_groups
    assert groups.check_existence("reef") is False
    made = groups.create_or_update("reef", {"location": "East US", "tags": {"Team": "red"}})
    assert made.id == f"{sdk.root}/resourceGroups/reef"
    assert (made.type, made.location) == ("Microsoft.Resources/resourceGroups", "eastus")
    assert (made.properties.provisioning_state, made.tags) == ("Succeeded", {"Team": "red"})
    assert groups.check_existence("REEF") is True
    assert groups.update("reef", {"tags": {"Team": "blue"}}).tags == {"Team": "blue"}
    assert groups.get("Reef").name == "reef"
    found = groups.list(filter="tagName eq 'team' and tagValue eq 'blue'")
    assert [one.name for one in found] == ["reef"]
    assert list(groups.list(filter="tagName eq 'team' and tagValue eq 'red'")) == []
    with refused(409, "InvalidResourceGroupLocation", "eastus"):
        groups.create_or_update("reef", {"location": "westeurope"})
    with refused(400, "LocationRequired"):
        groups.create_or_update("shoal", {})
    with refused(400, "LocationNotAvailableForResourceGroup", "atlantis"):
        groups.create_or_update("shoal", {"location": "atlantis"})
    with refused(404, "ResourceGroupNotFound", "shoal"):
        groups.get("shoal")


def test_a_group_takes_all_that_is_in_it(sdk: SdkCloud, group: str) -> None:
    """DELETE is accepted with a Location, which the poller follows; a second one finds no group."""
    make_key(sdk, group)
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [_subnet("deck")]}
    networks, cards = sdk.network.virtual_networks, sdk.network.network_interfaces
    sea = networks.begin_create_or_update(group, "sea", {"location": LOCATION, "properties": space}).result()
    part = {"name": "first", "properties": {"subnet": {"id": sea.subnets[0].id}}}
    card = {"location": LOCATION, "properties": {"ipConfigurations": [part]}}
    cards.begin_create_or_update(group, "card", card).result()
    data = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}
    disk = {"location": LOCATION, "properties": data}
    sdk.compute.disks.begin_create_or_update(group, "hold", disk).result()

    poller = sdk.resource.resource_groups.begin_delete(group)
    assert poller.result() is None
    assert poller.status() == "Succeeded"
    assert sdk.resource.resource_groups.check_existence(group) is False
    assert [one for one in sdk.resource.resources.list() if f"/{group}/" in one.id] == []
    with refused(404, "ResourceGroupNotFound"):
        sdk.resource.resource_groups.begin_delete(group)
    with refused(404, "ResourceGroupNotFound"):
        list(sdk.compute.disks.list_by_resource_group(group))


def _subnet(name: str) -> dict[str, Any]:
    return {"name": name, "properties": {"addressPrefix": "10.0.0.0/24"}}


def test_resources_by_filter_and_by_id(sdk: SdkCloud, group: str) -> None:
    first, second = make_key(sdk, group, "a1", deck="lower"), make_key(sdk, group, "b2", deck="upper")
    sdk.compute.availability_sets.create_or_update(group, "a1", {"location": "westeurope"})
    resources = sdk.resource.resources

    def names(text: str) -> list[str]:
        return [one.id for one in resources.list_by_resource_group(group, filter=text)]

    assert names(f"resourceType eq '{KEYS}'") == [first, second]
    assert names("tagName eq 'deck' and tagValue eq 'upper'") == [second]
    assert names(f"resourceType eq '{KEYS}' and name eq 'a1'") == [first]
    assert names("location eq 'westeurope'")[0].endswith("/availabilitySets/a1")
    assert names("substringof('2', name)") == [second]
    (shown,) = resources.list(filter="name eq 'b2'", expand="createdTime,changedTime,provisioningState")
    assert (shown.type, shown.tags) == (KEYS, {"deck": "upper"})
    assert shown.created_time <= shown.changed_time <= datetime.now(UTC) + timedelta(seconds=2)
    assert shown.provisioning_state == "Succeeded"
    with refused(400, "InvalidFilterInQueryString"):
        names("colour eq 'red'")

    assert resources.check_existence_by_id(first, api_version=VERSION) is True
    assert resources.check_existence_by_id(first + "x", api_version=VERSION) is False
    assert resources.get_by_id(first.upper(), api_version=VERSION).id == first
    made = resources.begin_create_or_update(
        group,
        "Microsoft.Network",
        "",
        "networkSecurityGroups",
        "watch",
        {"location": LOCATION, "properties": {}},
        api_version=VERSION,
    ).result()
    assert made.properties["provisioningState"] == "Succeeded"
    changed = resources.begin_update_by_id(made.id, {"tags": {"a": "1"}}, api_version=VERSION).result()
    assert changed.tags == {"a": "1"}
    resources.begin_delete_by_id(made.id, api_version=VERSION).result()
    with refused(404, "ResourceNotFound"):
        resources.get_by_id(made.id, api_version=VERSION)
    with refused(404, "InvalidResourceNamespace", "Contoso.Farm"):
        resources.get(group, "Contoso.Farm", "", "cows", "c", api_version=VERSION)
    with refused(404, "InvalidResourceType", "unicorns"):
        resources.get(group, "Microsoft.Compute", "", "unicorns", "u", api_version=VERSION)


def test_groups_come_in_pages(sdk: SdkCloud) -> None:
    wanted = [sdk.group(f"page{number:03}") for number in range(105)]
    pages = [[one.name for one in page] for page in sdk.resource.resource_groups.list().by_page()]
    found = [name for page in pages for name in page]
    assert len(pages) > 1
    assert len(found) == len(set(found))
    assert [name for name in found if name.startswith("page")] == wanted
    for name in wanted:
        sdk.resource.resource_groups.begin_delete(name, polling=False)


def test_tags_of_a_scope(sdk: SdkCloud, group: str) -> None:
    """Merge adds and replaces values, Delete takes what is named, Replace leaves nothing else."""
    tags, key = sdk.resource.tags, make_key(sdk, group)

    def change(how: str, **given: str) -> dict[str, str]:
        body = {"operation": how, "properties": {"tags": given}}
        return dict(tags.begin_update_at_scope(key, body).result().properties.tags)

    made = tags.begin_create_or_update_at_scope(key, {"properties": {"tags": {"a": "1", "b": "2"}}}).result()
    assert (made.name, made.type) == ("default", "Microsoft.Resources/tags")
    assert made.properties.tags == {"a": "1", "b": "2"}
    assert change("Merge", a="9", c="3") == {"a": "9", "b": "2", "c": "3"}
    assert change("Delete", b="2") == {"a": "9", "c": "3"}
    assert change("Replace", x="y") == {"x": "y"}
    assert sdk.compute.ssh_public_keys.get(group, "crew").tags == {"x": "y"}
    with refused(400, "TooManyTags"):
        change("Replace", **{f"t{number}": "" for number in range(51)})
    tags.begin_delete_at_scope(key).result()
    assert tags.get_at_scope(key).properties.tags == {}
    with refused(404, "ResourceNotFound"):
        tags.get_at_scope(key + "x")

    name = tags.create_or_update("cost")
    assert (name.tag_name, name.count.value) == ("cost", 0)
    tags.create_or_update_value("cost", "low")
    sdk.resource.resource_groups.update(group, {"tags": {"cost": "high"}})
    (found,) = [one for one in tags.list() if one.tag_name == "cost"]
    assert {one.tag_value: one.count.value for one in found.values_property} == {"low": 0, "high": 1}
    with refused(409, "TagInUse"):
        tags.delete("cost")
    sdk.resource.resource_groups.update(group, {"tags": {}})
    tags.delete_value("cost", "low")
    tags.delete("cost")
    assert "cost" not in [one.tag_name for one in tags.list()]


def test_a_lock_against_deletion(sdk: SdkCloud, group: str) -> None:
    """CanNotDelete lets a resource be changed; the group of a locked resource cannot go either."""
    locks, key = sdk.locks.management_locks, make_key(sdk, group)
    made = locks.create_or_update_by_scope(key, "keep", {"level": "CanNotDelete", "notes": "why"})
    assert made.id == f"{key}/providers/Microsoft.Authorization/locks/keep"
    assert (made.level, made.notes, made.type) == ("CanNotDelete", "why", "Microsoft.Authorization/locks")
    with refused(409, "ScopeLocked", "locked"):
        sdk.compute.ssh_public_keys.delete(group, "crew")
    with refused(409, "ScopeLocked"):
        sdk.resource.resource_groups.begin_delete(group)
    sdk.compute.ssh_public_keys.update(group, "crew", {"tags": {"a": "1"}})
    assert [one.name for one in locks.list_by_scope(key)] == ["keep"]
    assert [one.name for one in locks.list_at_resource_group_level(group)] == ["keep"]
    assert list(locks.list_at_resource_group_level(group, filter="atScope()")) == []
    locks.delete_by_scope(key, "keep")
    locks.delete_by_scope(key, "keep")
    with refused(404, "LockNotFound", "keep"):
        locks.get_by_scope(key, "keep")
    sdk.compute.ssh_public_keys.delete(group, "crew")


def test_a_lock_against_all_changes(sdk: SdkCloud, group: str) -> None:
    """ReadOnly of a group holds for all that is in it, and for what would come into it."""
    locks, key = sdk.locks.management_locks, make_key(sdk, group)
    locks.create_or_update_at_resource_group_level(group, "still", {"level": "ReadOnly"})
    assert locks.get_at_resource_group_level(group, "still").level == "ReadOnly"
    with refused(409, "ScopeLocked"):
        sdk.compute.ssh_public_keys.update(group, "crew", {"tags": {"a": "1"}})
    with refused(409, "ScopeLocked"):
        make_key(sdk, group, "other")
    with refused(409, "ScopeLocked"):
        sdk.resource.tags.begin_create_or_update_at_scope(key, {"properties": {"tags": {}}})
    assert sdk.compute.ssh_public_keys.get(group, "crew").tags == {}
    with refused(400, "InvalidParameter", "Sometimes"):
        locks.create_or_update_at_resource_group_level(group, "x", {"level": "Sometimes"})
    locks.delete_at_resource_group_level(group, "still")
    sdk.compute.ssh_public_keys.delete(group, "crew")


def test_what_was_done_is_in_the_activity_log(sdk: SdkCloud, group: str) -> None:
    """A long operation is Accepted and then Succeeded or Failed, under one correlation id."""
    body = {"location": LOCATION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    sdk.compute.disks.begin_create_or_update(group, "hold", body).result()
    sdk.compute.disks.begin_delete(group, "hold").result()
    events = sdk.events(group)
    told = [(one.operation_name.value, one.status.value) for one in events]
    assert told == [
        ("Microsoft.Compute/disks/delete", "Succeeded"),
        ("Microsoft.Compute/disks/delete", "Accepted"),
        ("Microsoft.Compute/disks/write", "Succeeded"),
        ("Microsoft.Compute/disks/write", "Accepted"),
        ("Microsoft.Resources/subscriptions/resourceGroups/write", "Succeeded"),
    ]
    newest = events[0]
    assert newest.resource_id == f"{sdk.root}/resourceGroups/{group}/providers/Microsoft.Compute/disks/hold"
    assert newest.correlation_id == events[1].correlation_id != events[2].correlation_id
    assert (newest.resource_group_name, newest.level) == (group, "Informational")
    assert newest.resource_provider_name.value == "Microsoft.Compute"
    assert newest.http_request.method == "DELETE"
    assert newest.subscription_id == sdk.subscription
    assert datetime.now(UTC) - newest.event_timestamp < timedelta(minutes=5)
    assert newest.caller

    def asked(more: str, **select: str) -> list[Any]:
        begin = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        return list(sdk.monitor.activity_logs.list(f"eventTimestamp ge '{begin}' and {more}", **select))

    one = asked(f"correlationId eq '{newest.correlation_id}'")
    assert [event.event_data_id for event in one] == [newest.event_data_id, events[1].event_data_id]
    (brief, *_) = asked(f"resourceUri eq '{newest.resource_id}'", select="caller,eventTimestamp")
    assert (brief.caller, brief.operation_name) == (newest.caller, None)
    assert list(sdk.monitor.activity_logs.list("eventTimestamp ge '2050-01-01T00:00:00Z'")) == []
    with refused(400, "BadRequest", "colour"):
        asked("colour eq 'red'")
    assert "Administrative" in [one.value for one in sdk.monitor.event_categories.list()]
    tenant = sdk.monitor.tenant_activity_logs.list(filter=f"correlationId eq '{newest.correlation_id}'")
    assert [event.event_data_id for event in tenant] == [event.event_data_id for event in one]


def test_the_subscription_and_what_it_knows(sdk: SdkCloud) -> None:
    subscriptions, providers = sdk.subscriptions.subscriptions, sdk.resource.providers
    (one,) = subscriptions.list()
    assert (one.subscription_id, one.state) == (sdk.subscription, "Enabled")
    assert subscriptions.get(sdk.subscription).display_name == one.display_name
    assert [found.tenant_id for found in sdk.subscriptions.tenants.list()] == [one.tenant_id]
    (east, *_) = [found for found in subscriptions.list_locations(sdk.subscription) if found.name == LOCATION]
    assert (east.display_name, east.metadata.region_type) == ("East US", "Physical")
    names = {found.namespace for found in providers.list()}
    assert names >= {"Microsoft.Compute", "Microsoft.Network", "Microsoft.Resources", "Microsoft.KeyVault"}
    compute = providers.get("microsoft.compute")
    assert (compute.namespace, compute.registration_state) == ("Microsoft.Compute", "Registered")
    types = {found.resource_type: found for found in compute.resource_types}
    assert "East US" in types["disks"].locations
    assert types["disks"].api_versions
    assert providers.register("Microsoft.Compute").registration_state == "Registered"
    assert {found.namespace for found in providers.list_at_tenant_scope()} == names
    assert providers.get_at_tenant_scope("Microsoft.Compute").id == "/providers/Microsoft.Compute"
    listed = sdk.resource.provider_resource_types.list("Microsoft.Compute").value
    assert {found.resource_type for found in listed} == types.keys()
    actions = {found.name for found in sdk.compute.operations.list()}
    assert actions >= {"Microsoft.Compute/disks/read", "Microsoft.Compute/virtualMachines/start/action"}
    with refused(404, "InvalidResourceNamespace", "Contoso.Farm"):
        providers.get("Contoso.Farm")
    with refused(404, "SubscriptionNotFound"):
        subscriptions.get("00000000-0000-0000-0000-000000000001")
