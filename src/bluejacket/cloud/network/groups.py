"""Microsoft.Network/networkSecurityGroups and their securityRules: nft rules in the namespaces."""

from __future__ import annotations

from typing import Any

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.ids import ResourceId
from bluejacket.cloud.arm.kind import (
    DELETE,
    GET,
    LIST,
    PATCH,
    PUT,
    Call,
    Cloud,
    Grade,
    Job,
    Kind,
    Verb,
    merged,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.network import find, parts
from bluejacket.cloud.network.host import Networks
from bluejacket.cloud.network.names import begun, guid, reference, referred
from bluejacket.cloud.network.ruling import checked_rule, default_rules

_VERBS = {
    GET: Verb(Grade.REAL),
    LIST: Verb(Grade.REAL),
    PUT: Verb(Grade.REAL),
    PATCH: Verb(Grade.REAL),
    DELETE: Verb(Grade.REAL),
}


class SecurityGroups(Kind):
    """Groups; their rules' own records are the truth, and a PUT without rules removes them."""

    type = find.NSG
    versions = ("2022-01-01", "2015-06-15")
    verbs = _VERBS

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Check every rule, and that no two have the same priority and direction."""
        found = begun(call, old)
        accepted: dict[str, dict[str, Any]] = {}
        for name, given in (parts.given(found, "securityRules") or {}).items():
            accepted[name] = _checked(cloud, found.id.child("securityRules", name), given, accepted)
        parts.accept(found, "securityRules", accepted)
        for key in ("defaultSecurityRules", "networkInterfaces", "subnets"):
            found.properties.pop(key, None)
        found.properties["resourceGuid"] = guid(found.id)
        return found

    def patched(self, cloud: Cloud, call: Call, old: Resource) -> Resource:
        """Merge as everywhere, with the rules that there are in their array."""
        whole = old.document() | {"properties": old.properties | {"securityRules": _rules(cloud, old.id)}}
        return self.checked(cloud, Call(call.id, call.caller, merged(whole, call.body), call.query), old)

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while a subnet or a network interface has the group."""
        cards, subnets = find.users_of_group(cloud.resources, resource.id)
        if users := [one.id.text for one in (*cards, *subnets)]:
            raise CloudError(
                400,
                "InUseNetworkSecurityGroupCannotBeDeleted",
                f"Network security group {resource.id} cannot be deleted because it is in use by "
                "the following "
                f"resources: {', '.join(users)}. In order to delete the Network security group, remove the "
                "association with the resource(s). To learn how to do this, see aka.ms/deletensg.",
            )

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Write the rules, and apply them where the group is used."""
        if job.verb != DELETE:
            parts.write(cloud, resource)
            cloud.service(Networks).refresh(resource.id)

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document with its rules, the default ones, and who has the group."""
        found = resource.document(self.type)
        cards, subnets = find.users_of_group(cloud.resources, resource.id)
        found["properties"] |= {
            "securityRules": _rules(cloud, resource.id),
            "defaultSecurityRules": [
                {
                    "id": resource.id.child("defaultSecurityRules", name).text,
                    "name": name,
                    "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
                    "properties": properties,
                }
                for name, properties in default_rules()
            ],
        }
        for key, users in (("networkInterfaces", cards), ("subnets", subnets)):
            if users:
                found["properties"][key] = [{"id": one.id.text} for one in users]
        return found


class SecurityRules(Kind):
    """Rules; the same whether they are written by themselves or in their group's array."""

    type = find.RULE
    versions = ("2022-01-01", "2015-06-15")
    verbs = _VERBS

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Check the rule by itself and against the others of its group."""
        found = begun(call, old)
        others = {
            one.id.name: one.properties
            for one in find.rules(cloud.resources, found.id.parent)
            if one.id != found.id
        }
        found.properties = _checked(cloud, found.id, found.properties, others)
        found.location, found.tags = "", {}
        return found

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Apply the rule where its group is used; what goes is gone before the rules are made anew."""
        if job.verb == DELETE:
            cloud.resources.delete(resource.id)
        cloud.service(Networks).refresh(resource.id)

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document; a rule has no tags."""
        return _shown(resource)


def _checked(
    cloud: Cloud, rule: ResourceId, given: dict[str, Any], others: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    found = checked_rule(rule.name, given)
    for end in ("source", "destination"):
        for one in found.get(f"{end}ApplicationSecurityGroups") or ():
            if (group := reference(one)) is not None:
                referred(cloud, group, rule, find.ASG)
    for name, other in others.items():
        if (other["priority"], other["direction"]) == (found["priority"], found["direction"]):
            raise invalid(
                f"Security rule {rule.name} conflicts with rule {name}. Rules cannot have the same "
                "Priority and "
                "Direction. To learn more about security rules, see aka.ms/nsgrules.",
                code="SecurityRuleConflict",
            )
    return found | {"provisioningState": "Succeeded"}


def _rules(cloud: Cloud, group: ResourceId) -> list[dict[str, Any]]:
    return [_shown(one) for one in find.rules(cloud.resources, group)]


def _shown(rule: Resource) -> dict[str, Any]:
    found = rule.document(find.RULE)
    found.pop("tags", None)
    return found


class ApplicationGroups(Kind):
    """Names for sets of network interfaces, which rules may use instead of addresses."""

    type = find.ASG
    verbs = _VERBS

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """There is nothing to check but the name."""
        found = begun(call, old)
        found.properties = {"resourceGuid": guid(found.id)}
        return found

    def removable(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse while an interface or a rule names the group."""
        for nic in find.nics(cloud.resources):
            for one in find.configurations(nic):
                groups = one["properties"].get("applicationSecurityGroups") or ()
                if resource.id in [reference(group) for group in groups]:
                    raise _application_group_in_use(resource, find.configuration_id(nic, one))
        for rule in cloud.resources.list(type_name=find.RULE):
            for end in ("source", "destination"):
                groups = rule.properties.get(f"{end}ApplicationSecurityGroups") or ()
                if resource.id in [reference(group) for group in groups]:
                    raise _application_group_in_use(resource, rule.id.text)


def _application_group_in_use(group: Resource, user: str) -> CloudError:
    return CloudError(
        400,
        "InUseApplicationSecurityGroupCannotBeDeleted",
        f"Application security group {group.id} cannot be deleted because it is in use by {user}.",
    )
