"""The provisioning disk of Azure: one file, `ovf-env.xml`, which tells the guest who it is to be.

Source: cloud-init, `OvfEnvXml` of its Azure data source (what is read, and which is required); DMTF DSP0243
for the envelope. Custom data travels on this disk alone, and so does the administrator's password.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as Tree

from bluejacket.machine.azure import PROVISION
from bluejacket.machine.launch import FOLDER
from bluejacket.tools import Sandbox

_OVF = "http://schemas.dmtf.org/ovf/environment/1"
_WA = "http://schemas.microsoft.com/windowsazure"
_FILE, _LABEL = "ovf-env.xml", "rd_rdfe_stable"


@dataclass(frozen=True, slots=True)
class Provision:
    """What a new machine is told. `custom_data` is base64; `keys`: files, and a line for each."""

    host_name: str
    user: str
    password: str = field(default="", repr=False)
    keys: tuple[tuple[str, str], ...] = ()
    password_login: bool = False
    custom_data: str = field(default="", repr=False)


def document(provision: Provision) -> str:
    """Give `ovf-env.xml`."""
    Tree.register_namespace("", _OVF)
    Tree.register_namespace("wa", _WA)
    root = Tree.Element(f"{{{_OVF}}}Environment")
    section = _below(root, "ProvisioningSection")
    _below(section, "Version", "1.0")
    linux = _below(section, "LinuxProvisioningConfigurationSet")
    _below(linux, "ConfigurationSetType", "LinuxProvisioningConfiguration")
    _below(linux, "HostName", provision.host_name)
    _below(linux, "UserName", provision.user)
    if provision.password:
        _below(linux, "UserPassword", provision.password)
    _below(linux, "DisableSshPasswordAuthentication", str(not provision.password_login).lower())
    if provision.keys:
        keys = _below(_below(linux, "SSH"), "PublicKeys")
        for path, value in provision.keys:
            key = _below(keys, "PublicKey")
            _below(key, "Path", path)
            _below(key, "Value", value)
    if provision.custom_data:
        _below(linux, "CustomData", provision.custom_data)
    platform = _below(root, "PlatformSettingsSection")
    _below(platform, "Version", "1.0")
    settings = _below(platform, "PlatformSettings")
    _below(settings, "ProvisionGuestAgent", "true")
    _below(settings, "PreprovisionedVm", "false")
    return Tree.tostring(root, encoding="unicode", xml_declaration=True)


def make_disk(box: Sandbox, folder: Path, provision: Provision) -> Path:
    """Write the disk (ISO 9660 with Joliet and Rock Ridge) into a machine's folder; raises ToolFailed."""
    text = folder / _FILE
    text.touch(mode=0o600)
    text.write_text(document(provision), "utf-8")
    image = folder / PROVISION
    part = f"{PROVISION}.part"
    (folder / part).unlink(missing_ok=True)
    words = ["xorrisofs", "-quiet", "-V", _LABEL, "-J", "-R", "-o", str(FOLDER / part), str(FOLDER / _FILE)]
    try:
        box.run(words, binds={folder: str(FOLDER)}, name="provision-iso")
        (folder / part).chmod(0o600)
        (folder / part).replace(image)
    finally:
        text.unlink(missing_ok=True)
    return image


def _below(parent: Tree.Element, name: str, text: str = "") -> Tree.Element:
    found = Tree.SubElement(parent, f"{{{_WA}}}{name}")
    found.text = text or None
    return found
