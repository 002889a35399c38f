"""Microsoft.Compute/virtualMachines/extensions: what Azure's extensions do, done by the guest's own agent.

Real are VMAccessForLinux (users, keys, passwords) and CustomScript; any other one that the catalogue names is
kept and given back, and says so in its header and its instance view; what it does not name is refused.
Source: the "settings" and "protectedSettings" that are documented in Azure/azure-linux-extensions and
Azure/custom-script-extension-linux.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

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
    record,
)
from bluejacket.cloud.arm.resource import Resource
from bluejacket.cloud.compute.documents import unchanged
from bluejacket.cloud.compute.runcommand import run_in
from bluejacket.cloud.compute.vmview import EXTENSIONS, need_running

_ACCESS, _SCRIPT = "vmaccessforlinux", "customscript"
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.IGNORECASE)
_LIMIT_S = 5400.0
_WHICH = "real are VMAccessForLinux and CustomScript; others that are published are only kept, and say so"

PUBLISHED = {
    "Microsoft.OSTCExtensions": {"VMAccessForLinux": "1.5.23"},
    "Microsoft.Azure.Extensions": {"CustomScript": "2.1.13"},
    "Microsoft.ManagedServices": {"ApplicationHealthLinux": "2.0.21"},
    "Microsoft.Azure.Security.LinuxAttestation": {"GuestAttestation": "1.0.3"},
    "Microsoft.Azure.Monitor": {"AzureMonitorLinuxAgent": "1.33.0"},
}
"""Extensions that the catalogue names, with their newest versions."""


class Extensions(Kind):
    """An extension of a machine."""

    type = EXTENSIONS
    verbs: ClassVar = {
        GET: Verb(Grade.REAL, note=_WHICH),
        LIST: Verb(Grade.REAL, note=_WHICH),
        PUT: Verb(Grade.REAL, long=True, note=_WHICH),
        PATCH: Verb(Grade.REAL, long=True, created=202, note=_WHICH),
        DELETE: Verb(Grade.STORED, long=True, note="what an extension did in the guest stays done"),
    }
    versions = ("2024-11-01", "2022-11-01")

    def checked(self, cloud: Cloud, call: Call, old: Resource | None) -> Resource:
        """Give the record; protected settings are put away."""
        found = record(call, old)
        vm = cloud.resources.need(found.id.parent)
        found.location = found.location or vm.location
        has = found.properties = (old.properties if old else {}) | found.properties
        for name in ("publisher", "type", "typeHandlerVersion"):
            if not has.get(name):
                raise invalid(f"Required parameter '{name}' is missing (null).", name)
        if old is None:
            _need_published(str(has["publisher"]), str(has["type"]), found.location)
        else:
            unchanged(old.properties, has, ("publisher", "type"))
        if (vm.properties.get("osProfile") or {}).get("allowExtensionOperations") is False:
            what = "This operation cannot be performed when extension operations are disallowed."
            raise CloudError(409, "OperationNotAllowed", f"{what} Set allowExtensionOperations to true.")
        if "protectedSettings" in has:
            found.hidden["protectedSettings"] = has.pop("protectedSettings")
        has.setdefault("autoUpgradeMinorVersion", True)
        if _is_real(found):
            _SCRIPTS[has["type"].lower()](_settings(found))
            need_running(cloud, vm)
        return found

    def grade(self, verb: Verb, resource: Resource) -> Grade:
        """Say of an extension for which nothing is done that it is only kept."""
        return verb.grade if _is_real(resource) else Grade.STORED

    def work(self, cloud: Cloud, job: Job, resource: Resource) -> Any:
        """Have the guest do what the extension is for, and keep how that went."""
        if job.verb == DELETE or not _is_real(resource):
            view = _view(True, "This cloud keeps the extension, and does nothing for it.")
            if job.verb != DELETE:
                cloud.resources.change(resource.id, lambda one: one.hidden.update(view=view))
            return
        lines = _SCRIPTS[resource.properties["type"].lower()](_settings(resource))
        vm = cloud.resources.need(ResourceId.parse(resource.id.parent.text))
        ran = run_in(cloud, vm, lines, limit_s=_LIMIT_S, key=job.name)
        good = ran.status == 0 and not ran.why
        said = f"Enable {'succeeded' if good else 'failed'}: \n[stdout]\n{ran.out}\n[stderr]\n{ran.err}"
        cloud.resources.change(resource.id, lambda one: one.hidden.update(view=_view(good, said)))
        if not good:
            raise CloudError(
                409,
                "VMExtensionProvisioningError",
                f"VM has reported a failure when processing extension '{resource.id.name}' "
                f"(publisher '{resource.properties['publisher']}' and type '{resource.properties['type']}'). "
                "Error message: 'Enable failed: failed to execute command: command terminated with exit "
                f"status={ran.status} {ran.why}\n[stdout]\n{ran.out}\n[stderr]\n{ran.err}'.",
            )

    def shown(self, cloud: Cloud, resource: Resource, call: Call) -> dict[str, Any]:
        """Give the document, with its instance view when that is asked for."""
        found = resource.document(self.type)
        if "instanceview" in call.query.get("$expand", "").lower() and resource.hidden.get("view"):
            found["properties"]["instanceView"] = {
                "name": resource.id.name,
                "type": f"{resource.properties['publisher']}.{resource.properties['type']}",
                "typeHandlerVersion": resource.properties["typeHandlerVersion"],
                **resource.hidden["view"],
            }
        return found


def _is_real(resource: Resource) -> bool:
    return str(resource.properties["type"]).lower() in _SCRIPTS


def _need_published(publisher: str, kind: str, location: str) -> None:
    """Raise CloudError for an extension that the catalogue does not name."""
    known = {name.lower(): {one.lower() for one in types} for name, types in PUBLISHED.items()}
    if kind.lower() not in known.get(publisher.lower(), ()):
        what = (
            f"The VM extension with publisher '{publisher}' and type '{kind}' could not be found in location"
        )
        raise CloudError(404, "ArtifactNotFound", f"{what} '{location}'.")


def _settings(resource: Resource) -> dict[str, Any]:
    return {**(resource.properties.get("settings") or {}), **(resource.hidden.get("protectedSettings") or {})}


def _access_script(settings: dict[str, Any]) -> tuple[str, ...]:
    """Give the script that does what VMAccessForLinux is asked for; raises CloudError."""
    lines = ["set -e"]
    gone = settings.get("remove_user")
    if gone:
        lines += [f"userdel --remove {_user(gone)}"]
    if settings.get("reset_ssh"):
        lines += ["rm -f /etc/ssh/sshd_config.d/50-cloud-init.conf", "systemctl reload-or-restart ssh"]
    if settings.get("username"):
        user = _user(settings["username"])
        lines += [
            f"id -u {user} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {user}",
            f"usermod -a -G sudo {user} 2>/dev/null || usermod -a -G wheel {user}",
            f"umask 077; echo '{user} ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-{user}",
        ]
        if settings.get("password"):
            lines += [f"chpasswd <<'END-OF-PASSWORD'\n{user}:{_line(settings['password'])}\nEND-OF-PASSWORD"]
        if settings.get("ssh_key"):
            home = f"$(getent passwd {user} | cut -d: -f6)"
            lines += [
                f"home={home}",
                f'install -d -m 0700 -o {user} -g "$(id -gn {user})" "$home/.ssh"',
                "cat >>\"$home/.ssh/authorized_keys\" <<'END-OF-KEY'\n"
                f"{_line(settings['ssh_key'])}\nEND-OF-KEY",
                f'chown {user}: "$home/.ssh/authorized_keys"; chmod 0600 "$home/.ssh/authorized_keys"',
                'restorecon -R "$home/.ssh" 2>/dev/null || true',
            ]
    if len(lines) == 1:
        raise invalid("Nothing is asked for: give username, remove_user or reset_ssh.", "protectedSettings")
    return tuple(lines)


def _custom_script(settings: dict[str, Any]) -> tuple[str, ...]:
    """Give the script that downloads what CustomScript names and runs its command; raises CloudError."""
    command, script = settings.get("commandToExecute"), settings.get("script")
    if bool(command) == bool(script):
        what = "Exactly one of 'commandToExecute' and 'script' has to be given."
        raise invalid(what, "settings")
    lines = ["set -e", "place=$(mktemp -d /var/lib/custom-script.XXXXXX)", 'cd "$place"']
    for address in settings.get("fileUris") or []:
        parts = urlsplit(str(address))
        name = parts.path.rpartition("/")[2]
        if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise invalid(f"'{address}' is no address of a file.", "fileUris")
        lines += [
            "python3 -c 'import sys,urllib.request as r; r.urlretrieve(*sys.argv[1:])' "
            f"{_quoted(str(address))} {_quoted(name)}",
            f"chmod 0700 {_quoted(name)}",
        ]
    if script:
        lines += [
            f"base64 -d >script.sh <<'END-OF-SCRIPT'\n{_script(script)}\nEND-OF-SCRIPT",
            "sh ./script.sh",
        ]
    else:
        lines += [f"sh -c {_quoted(str(command))}"]
    return tuple(line for block in lines for line in block.split("\n"))


def _script(text: Any) -> str:
    """Give a script, which came in base64 and may be compressed, in base64 and plain."""
    try:
        data = base64.b64decode(str(text), validate=True)
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (binascii.Error, OSError, EOFError):
        raise invalid("The value of 'script' is not base64.", "script") from None
    return base64.b64encode(data).decode()


def _user(name: Any) -> str:
    if not _USER.fullmatch(str(name)):
        raise invalid(f"'{name}' cannot be a user's name.", "username")
    return str(name)


def _line(text: Any) -> str:
    found = str(text).strip()
    if "\n" in found or "\r" in found:
        raise invalid("A key and a password are one line.", "protectedSettings")
    return found


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _view(good: bool, message: str) -> dict[str, Any]:
    state = "succeeded" if good else "failed"
    return {
        "statuses": [
            {
                "code": f"ProvisioningState/{state}",
                "level": "Info" if good else "Error",
                "displayStatus": f"Provisioning {state}",
                "message": message,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        ]
    }


_SCRIPTS: Mapping[str, Callable[[dict[str, Any]], tuple[str, ...]]] = {
    _ACCESS: _access_script,
    _SCRIPT: _custom_script,
}
"""What is done in the guest, by the extension's type; raises CloudError for settings that mean nothing."""
