"""The wire server's documents, and the health report that a machine sends back.

Sources: cloud-init's Azure data source and WALinuxAgent's wire protocol, as their own code reads them.
"""

from __future__ import annotations

from xml.etree import ElementTree
from xml.sax.saxutils import escape

from bluejacket.cloud.guest.reports import Told

PROTOCOL = "2012-11-30"
INCARNATION = 1
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def versions() -> str:
    """Give the protocol versions that are spoken here."""
    return (
        f"{_HEAD}<Versions><Preferred><Version>{PROTOCOL}</Version></Preferred>"
        f"<Supported><Version>{PROTOCOL}</Version></Supported></Versions>"
    )


def goal_state(vm_id: str, server: str) -> str:
    """Give what the machine is to be: started. Keys come with instance metadata, so no certificates do."""
    part = f"http://{server}/machine/{vm_id}/{vm_id}?comp=config&amp;incarnation={INCARNATION}&amp;type="
    names = {
        "HostingEnvironmentConfig": "hostingEnvironmentConfig",
        "SharedConfig": "sharedConfig",
        "ExtensionsConfig": "extensionsConfig",
        "FullConfig": "fullConfig",
    }
    links = "".join(f"<{name}>{part}{kind}</{name}>" for name, kind in names.items())
    return (
        f'{_HEAD}<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<Version>{PROTOCOL}</Version><Incarnation>{INCARNATION}</Incarnation>"
        "<Machine><ExpectedState>Started</ExpectedState><StopRolesDeadlineHint>300000</StopRolesDeadlineHint>"
        "<LBProbePorts><Port>16001</Port></LBProbePorts><ExpectHealthReport>FALSE</ExpectHealthReport></Machine>"
        f"<Container><ContainerId>{escape(vm_id)}</ContainerId><RoleInstanceList><RoleInstance>"
        f"<InstanceId>{escape(vm_id)}</InstanceId><State>Started</State>"
        f"<Configuration>{links}<ConfigName>{escape(vm_id)}.1.xml</ConfigName></Configuration>"
        "</RoleInstance></RoleInstanceList></Container></GoalState>"
    )


def configuration(kind: str, vm_id: str, name: str) -> str | None:
    """Give one of the configurations that a goal state names, or None for another word."""
    if kind == "hostingenvironmentconfig":
        return (
            f'{_HEAD}<HostingEnvironmentConfig version="1.0.0.0" goalStateIncarnation="{INCARNATION}">'
            f'<Deployment name="{vm_id}" guid="{{{vm_id}}}" incarnation="0" />'
            f'<Incarnation number="{INCARNATION}" instance="{escape(name)}" guid="{{{vm_id}}}" />'
            f'<Role guid="{{{vm_id}}}" name="{escape(name)}" settleTimeSeconds="0" />'
            "</HostingEnvironmentConfig>"
        )
    if kind == "sharedconfig":
        return (
            f'{_HEAD}<SharedConfig version="1.0.0.0" goalStateIncarnation="{INCARNATION}">'
            f'<Deployment name="{vm_id}" guid="{{{vm_id}}}" incarnation="0" />'
            f'<Incarnation number="{INCARNATION}" instance="{escape(name)}" guid="{{{vm_id}}}" />'
            f'<Role guid="{{{vm_id}}}" name="{escape(name)}" settleTimeSeconds="0" /></SharedConfig>'
        )
    if kind == "extensionsconfig":
        return (
            f'{_HEAD}<Extensions version="1.0.0.0" goalStateIncarnation="{INCARNATION}">'
            "<GuestAgentExtension /><Plugins /><PluginSettings /></Extensions>"
        )
    return None


class NoReport(ValueError):
    """The document is no health report of this machine."""


def health(document: bytes, vm_id: str) -> Told:
    """Read a machine's health report; raises NoReport for another document, or another machine's."""
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise NoReport("a health report has no document type")
    try:
        root = ElementTree.fromstring(document)  # noqa: S314 - a document without a DTD cannot expand
    except ElementTree.ParseError:
        raise NoReport("not an XML document") from None
    container = (root.findtext("./Container/ContainerId") or "").strip()
    role = root.find("./Container/RoleInstanceList/Role")
    if root.tag != "Health" or role is None or container.lower() != vm_id:
        raise NoReport("not a health report of this machine")
    if (role.findtext("InstanceId") or "").strip().lower() != vm_id:
        raise NoReport("not a health report of this machine")
    state = (role.findtext("./Health/State") or "").strip()
    if state not in ("Ready", "NotReady"):
        raise NoReport(f"no state of a machine: {state[:20]}")
    substatus = (role.findtext("./Health/Details/SubStatus") or "").strip()
    description = (role.findtext("./Health/Details/Description") or "").strip()
    return Told(state == "Ready", substatus, description)
