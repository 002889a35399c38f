"""The provisioning document, read back with the paths at which cloud-init looks."""

from __future__ import annotations

from xml.etree import ElementTree as Tree

from bluejacket.machine.provision import Provision, document

NAMES = {
    "ovf": "http://schemas.dmtf.org/ovf/environment/1",
    "wa": "http://schemas.microsoft.com/windowsazure",
}
LINUX = "./wa:ProvisioningSection/wa:LinuxProvisioningConfigurationSet"


def read(provision: Provision) -> Tree.Element:
    return Tree.fromstring(document(provision))


def text(root: Tree.Element, path: str) -> str | None:
    return root.findtext(f"{LINUX}/{path}", namespaces=NAMES)


def test_what_cloud_init_requires() -> None:
    root = read(Provision("web-1", "azureuser"))
    assert root.tag == f"{{{NAMES['ovf']}}}Environment"
    assert text(root, "wa:HostName") == "web-1"
    assert text(root, "wa:UserName") == "azureuser"
    assert text(root, "wa:DisableSshPasswordAuthentication") == "true"
    assert root.find("./wa:PlatformSettingsSection/wa:PlatformSettings", NAMES) is not None


def test_nothing_that_was_not_given() -> None:
    root = read(Provision("web-1", "azureuser"))
    for path in ("wa:UserPassword", "wa:CustomData", "wa:SSH"):
        assert text(root, path) is None


def test_secrets_and_signs_that_xml_has_a_use_for() -> None:
    keys = (("/home/o/.ssh/authorized_keys", "ssh-ed25519 AAAA <o&o>"),)
    root = read(
        Provision("h", "o", "p<&>'\"w", keys, password_login=True, custom_data="I2Nsb3VkLWNvbmZpZw==")
    )
    assert text(root, "wa:UserPassword") == "p<&>'\"w"
    assert text(root, "wa:DisableSshPasswordAuthentication") == "false"
    assert text(root, "wa:CustomData") == "I2Nsb3VkLWNvbmZpZw=="
    assert text(root, "wa:SSH/wa:PublicKeys/wa:PublicKey/wa:Value") == "ssh-ed25519 AAAA <o&o>"


def test_custom_data_is_not_in_what_is_logged() -> None:
    assert "c2VjcmV0" not in repr(Provision("h", "o", "secretpw", custom_data="c2VjcmV0"))
    assert "secretpw" not in repr(Provision("h", "o", "secretpw"))
