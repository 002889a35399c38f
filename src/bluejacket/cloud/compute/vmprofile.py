"""Who a new machine is to be, what its firmware demands, and which of that is a secret."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from bluejacket.cloud.arm.errors import CloudError, invalid
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.source import Base
from bluejacket.machine.provision import Provision

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.IGNORECASE)
# fmt: off
_FORBIDDEN_USERS = frozenset((
    "1", "123", "a", "actuser", "adm", "admin", "admin1", "admin2", "administrator", "aspnet", "backup",
    "console", "david", "guest", "john", "owner", "root", "server", "sql", "support", "support_388945a0",
    "sys", "test", "test1", "test2", "test3", "user", "user1", "user2", "user3", "user4", "user5",
))
# fmt: on
_KEY_TYPES = ("ssh-rsa", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384")
_CUSTOM_DATA_LIMIT = 87380  # characters of base64, as Azure says


def os_profile(found: Resource, base: Base | None) -> None:
    """Check who the machine is to be, and put secrets where nobody sees them."""
    profile = found.properties.get("osProfile")
    if base is None or base.specialized:
        if profile is not None:
            what = "Parameter 'osProfile' is not allowed."
            raise invalid(what, "osProfile")
        return
    if not isinstance(profile, dict):
        raise invalid("Required parameter 'osProfile' is missing (null).", "osProfile")
    profile.setdefault("computerName", found.id.name)
    if not _HOST_NAME.fullmatch(str(profile["computerName"])):
        raise invalid(
            "Linux host name cannot exceed 64 characters in length or contain the following characters: "
            "` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / ?.",
            "computerName",
        )
    user = str(profile.get("adminUsername") or "")
    if not _USER.fullmatch(user) or user.lower() in _FORBIDDEN_USERS:
        raise invalid("The Admin Username specified is not allowed.", "adminUsername")
    linux = profile.setdefault("linuxConfiguration", {})
    linux.setdefault("disablePasswordAuthentication", False)
    linux.setdefault("provisionVMAgent", True)
    _keys(linux, user)
    password = profile.pop("adminPassword", None)
    keys = (linux.get("ssh") or {}).get("publicKeys")
    by_key = without_password(profile)
    if not by_key and not password and not keys:
        raise invalid("Required parameter 'adminPassword' is missing (null).", "adminPassword")
    if password and not by_key:
        _check_password(str(password))
        found.hidden["adminPassword"] = str(password)
    custom = profile.pop("customData", None)
    if custom is not None:
        found.hidden["customData"] = _base64(custom, "customData", "Custom data in OSProfile")
    profile.setdefault("secrets", [])
    profile.setdefault("allowExtensionOperations", True)
    profile.setdefault("requireGuestProvisionSignal", True)


def without_password(profile: Mapping[str, Any]) -> bool:
    """Tell whether a machine of this `osProfile` takes keys only: its `adminPassword` is then passed over.

    Templates that leave the choice to their user give one value as password and as key.
    """
    return (profile.get("linuxConfiguration") or {}).get("disablePasswordAuthentication") is True


def provision_of(vm: Resource) -> Provision | None:
    """Give what the machine is to be told at its first boot; None for one that knows."""
    profile = vm.properties.get("osProfile")
    if not profile or "adminUsername" not in profile:
        return None
    linux = profile.get("linuxConfiguration") or {}
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    return Provision(
        host_name=str(profile["computerName"]),
        user=str(profile["adminUsername"]),
        password=str(vm.hidden.get("adminPassword", "")),
        keys=tuple((str(key["path"]), str(key["keyData"]).strip()) for key in keys),
        password_login=not without_password(profile),
        custom_data=str(vm.hidden.get("customData", "")),
    )


def _keys(linux: dict[str, Any], user: str) -> None:
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    if linux["disablePasswordAuthentication"] is True and not keys:
        raise invalid(
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
            "linuxConfiguration",
        )
    place = f"/home/{user}/.ssh/authorized_keys"
    for key in keys:
        words = str(key.get("keyData") or "").split()
        good = len(words) >= 2 and words[0] in _KEY_TYPES
        try:
            good = good and bool(base64.b64decode(words[1], validate=True))
        except binascii.Error:
            good = False
        if not good:
            what = "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid."
            raise invalid(what, "linuxConfiguration.ssh.publicKeys.keyData")
        if key.setdefault("path", place) != place:
            raise invalid(
                "Destination path for SSH public keys is currently limited to its default value "
                f"{place} due to a known issue in Linux provisioning agent.",
                "linuxConfiguration.ssh.publicKeys.path",
            )


def _check_password(password: str) -> None:
    kinds = sum(bool(re.search(pattern, password)) for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    if not 6 <= len(password) <= 72 or kinds < 3:
        raise invalid(
            "The supplied password must be between 6-72 characters long and must satisfy at least 3 of "
            "password complexity requirements from the following: 1) Contains an uppercase character "
            "2) Contains a lowercase character 3) Contains a numeric digit 4) Contains a special "
            "character 5) Control characters are not allowed",
            "adminPassword",
        )


def security_profile(found: Resource, base: Base | None) -> None:
    """Check what the firmware is to demand."""
    security = found.properties.get("securityProfile") or {}
    uefi = security.get("uefiSettings") or {}
    if security.get("securityType") == "ConfidentialVM":
        raise CloudError(409, "OperationNotAllowed", "Confidential machines are not available in this cloud.")
    if uefi and security.get("securityType") != "TrustedLaunch":
        raise invalid(
            "UEFI settings can be set only with the security type TrustedLaunch.",
            "securityProfile.securityType",
        )
    if uefi.get("secureBootEnabled") and base is not None and base.plan is not None and not base.certificate:
        raise CloudError(
            400,
            "BadRequest",
            f"The image {base.plan} does not support Secure Boot: its boot loader is not signed. Create the "
            "machine with secureBootEnabled false.",
            target="securityProfile.uefiSettings.secureBootEnabled",
        )


def user_data(found: Resource) -> None:
    """Put the user data away: it is shown only to those who ask for it."""
    if "userData" in found.properties:
        text = _base64(found.properties.pop("userData"), "userData", "User data")
        found.hidden["userData"] = text


def _base64(value: Any, target: str, what: str) -> str:
    text = "".join(str(value).split())
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        text = "-" * (_CUSTOM_DATA_LIMIT + 1)
    if len(text) > _CUSTOM_DATA_LIMIT:
        raise invalid(
            f"{what} must be in Base64 encoding and with a maximum length of "
            f"{_CUSTOM_DATA_LIMIT} characters.",
            target,
        )
    return text
