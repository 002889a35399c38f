"""Two machines and a vault: each is itself alone, and reads what its own identity may."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tarfile import TarFile
from zipfile import ZipFile

import pytest

from azcli import CloudProcess, python_packages
from listeners import family, line_of
from marks import files, told

pytestmark = [pytest.mark.boot]

URN = "Bluejacket:bluejacket-linux-4:4-lts:latest"
GROUP = ("-g", "g1")
PASSWORD, CARGO = (f"Mark-{number}-{secrets.token_hex(12)}" for number in (1, 2))
MARKS = (PASSWORD, CARGO)
READ = """
import sys
sys.path.insert(0, "/opt/azure")
from azure.core.exceptions import HttpResponseError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
client = SecretClient("https://bjvault.vault.azure.net", ManagedIdentityCredential())
try:
    print("read", client.get_secret("greeting").value)
except HttpResponseError as error:
    print("refused", error.status_code, error.error.innererror)
"""
ASK = """
import json, urllib.request
def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return json.load(answer)
base = "http://169.254.169.254/metadata/instance/compute?api-version=2021-12-13"
print(json.dumps(get(base, Metadata="true")))
"""
VERIFY = """
import json, subprocess
from passlib.hash import sha512_crypt
line = subprocess.run(["sudo", "getent", "shadow", "azureuser"], capture_output=True, text=True, check=True)
kept = line.stdout.split(":")[1]
print(json.dumps([sha512_crypt.verify(word, kept) for word in (%r, %r)]))
"""


@dataclass
class Guest:
    name: str
    address: str
    key: Path

    def ssh(self, command: str, content: bytes = b"") -> str:
        words = [
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "BatchMode=yes",
        ]
        line = ["ssh", "-i", str(self.key), *words, f"azureuser@{self.address}", command]
        done = subprocess.run(line, input=content, capture_output=True, timeout=600, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout!r} {done.stderr!r}"
        return done.stdout.decode()

    def by_password(self, password: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Log in with a password alone, which ssh asks a program for."""
        ask = folder / "ask"
        ask.write_text("#!/bin/sh\nprintf '%s\\n' \"$ANSWER\"\n")
        ask.chmod(0o700)
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "PubkeyAuthentication=no")
        words = [word for one in (*options, "NumberOfPasswordPrompts=1") for word in ("-o", one)]
        environ = os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "ANSWER": password}
        line = ["ssh", *words, f"azureuser@{self.address}", "id -un"]
        return subprocess.run(line, capture_output=True, text=True, env=environ, timeout=300, check=False)

    def python(self, program: str) -> str:
        bundle = "REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"
        return self.ssh(f"{bundle} python3 -", program.encode())


@dataclass
class Scene:
    cloud: CloudProcess
    friend: Guest
    stranger: Guest


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Two machines with identities, made side by side; ssh is tried once, as soon as they are there."""
    folder = tmp_path_factory.mktemp("identity")
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)], check=True)
    with CloudProcess(folder / "state") as cloud:
        cloud.az("group", "create", "-n", "g1", "-l", "eastus")
        words = ("--image", URN, "--admin-username", "azureuser", "--ssh-key-values", f"{key}.pub")
        data = folder / "custom.yaml"
        data.write_text(f"#cloud-config\nwrite_files:\n- path: /etc/hello\n  content: {CARGO}\n")
        told = ("--authentication-type", "all", "--admin-password", PASSWORD, "--custom-data", str(data))
        for name in ("friend", "stranger"):
            net = ("--vnet-name", f"{name}-net", "--assign-identity", "[system]")
            secret = told if name == "friend" else ()
            cloud.az("vm", "create", *GROUP, "-n", name, *words, *net, *secret, "--no-wait")
        guests = []
        for name in ("friend", "stranger"):
            cloud.az("vm", "wait", *GROUP, "-n", name, "--created", "--interval", "3", "--timeout", "1500")
            address = cloud.az("vm", "show", "-d", *GROUP, "-n", name)["publicIps"]
            guests.append(Guest(name, address, key))
            assert guests[-1].ssh("hostname").strip() == name
        yield Scene(cloud, *guests)


def test_a_password_is_the_accounts_and_ssh_still_wants_a_key(scene: Scene, tmp_path: Path) -> None:
    """It is for the serial console: hardening lets nobody in from the network by a password."""
    found, wrong = json.loads(scene.friend.python(VERIFY % (PASSWORD, f"{PASSWORD}!")))
    assert (found, wrong) == (True, False)
    for guest in (scene.friend, scene.stranger):
        refused = guest.by_password(PASSWORD, tmp_path)
        assert (refused.returncode, refused.stdout) == (255, "")
        assert "Permission denied (publickey)" in refused.stderr


def test_custom_data_arrives(scene: Scene) -> None:
    assert scene.friend.ssh("cat /etc/hello").strip() == CARGO


def test_custom_data_and_passwords_are_in_no_reply(scene: Scene) -> None:
    az, named = scene.cloud.az, (*GROUP, "-n", "friend")
    machine = az("vm", "show", *named)
    url = f"{scene.cloud.status()['address']}{machine['id']}?api-version=2024-07-01"
    every = [
        machine,
        az("vm", "show", "-d", *named),
        az("vm", "list", "-d", *GROUP),
        az("vm", "get-instance-view", *named),
        az("resource", "show", "--ids", machine["id"]),
        az("rest", "--method", "get", "--url", f"{url}&$expand=instanceView,userData"),
        az("monitor", "activity-log", "list", *GROUP, "--offset", "2h"),
        scene.cloud.run("vm", "boot-diagnostics", "get-boot-log", *named).stdout,
        scene.friend.python(ASK),
    ]
    deployments = az("deployment", "group", "list", *GROUP)
    assert len(deployments) == 2
    operations = []
    for one in deployments:
        name = (*GROUP, "-n", one["name"])
        every += [one, az("deployment", "group", "show", *name), az("deployment", "group", "export", *name)]
        operations.append(az("deployment", "operation", "group", "list", *name))
    # Deployments come by name, and the client draws their names at random.
    machines = [json.dumps(one) for one in operations]
    assert sorted(("friend" in one, "stranger" in one) for one in machines) == [(False, True), (True, False)]
    every += operations
    assert [told(MARKS, json.dumps(one)) for one in every] == [[]] * len(every)
    other = "Mark-3-" + secrets.token_hex(12)
    for name, value in (("adminPassword", other), ("customData", base64.b64encode(other.encode()).decode())):
        said = scene.cloud.refused("vm", "update", *named, "--set", f"osProfile.{name}={value}")
        assert "PropertyChangeNotAllowed" in said
        assert told([other, *MARKS], said) == []


def test_custom_data_and_passwords_are_in_no_log(scene: Scene) -> None:
    """Nor in any other file but the records, which the machine is told from when it is made anew."""
    state = scene.cloud.state
    records = sorted((state / "cloud").glob("cloud.sqlite*"))
    assert told(MARKS, b"".join(one.read_bytes() for one in records)), "what is looked for is not found"
    assert (state / "cloud").stat().st_mode & 0o077 == 0
    disks = [state / "cloud" / "disks", state / "cloud" / "images"]
    others = [one for one in files(state) if one not in records and one.parent not in disks]
    assert {"log", "console.log", "qemu.log"} <= {one.name for one in others}
    assert {str(one): told(MARKS, one.read_bytes()) for one in others if told(MARKS, one.read_bytes())} == {}
    ours = family(int(scene.cloud.status()["process"]), str(state))
    assert {one: line_of(one) for one in ours if told(MARKS, line_of(one))} == {}


def test_each_machine_sees_itself_alone(scene: Scene) -> None:
    for guest in (scene.friend, scene.stranger):
        told = json.loads(guest.python(ASK))
        known = scene.cloud.az("vm", "show", *GROUP, "-n", guest.name)
        assert (told["name"], told["vmId"]) == (guest.name, known["vmId"])
        assert told["osProfile"]["adminUsername"] == "azureuser"


def test_networks_with_the_same_prefix_do_not_meet(scene: Scene) -> None:
    """Both have the first address of 10.0.0.0/16: each is alone there, and nobody answers at the next."""
    for guest in (scene.friend, scene.stranger):
        assert "10.0.0.4/24" in guest.ssh("ip -4 -o address show dev eth0")
        assert guest.ssh("ping -c 1 -W 3 10.0.0.5 >/dev/null 2>&1; echo $?").strip() == "1"


def test_a_secret_is_read_by_the_machine_with_the_role_and_by_no_other(scene: Scene) -> None:
    cloud = scene.cloud
    vault = cloud.az("keyvault", "create", *GROUP, "-n", "bjvault")["id"]
    me = cloud.env()["AZURE_CLIENT_ID"]
    cloud.az(
        "role",
        "assignment",
        "create",
        "--assignee",
        me,
        "--role",
        "Key Vault Administrator",
        "--scope",
        vault,
    )
    cloud.az("keyvault", "secret", "set", "--vault-name", "bjvault", "-n", "greeting", "--value", "ahoy")
    identity = cloud.az("vm", "show", *GROUP, "-n", "friend")["identity"]["principalId"]
    to = ("--assignee-object-id", identity, "--assignee-principal-type", "ServicePrincipal")
    cloud.az("role", "assignment", "create", *to, "--role", "Key Vault Secrets User", "--scope", vault)
    for guest in (scene.friend, scene.stranger):
        version = guest.ssh("python3 -c 'import sys; print(*sys.version_info[:2], sep=\".\")'").strip()
        wheels = python_packages(version, "azure-identity", "azure-keyvault-secrets")
        guest.ssh("sudo mkdir -p /opt/azure && sudo tar -x --no-same-owner -C /opt/azure", unpacked(wheels))
    assert scene.friend.python(READ).split() == ["read", "ahoy"]
    assert scene.stranger.python(READ).startswith("refused 403")
    assert "ForbiddenByRbac" in scene.stranger.python(READ)


def unpacked(wheels: list[Path]) -> bytes:
    """Give the wheels' content as one tar archive."""
    made = BytesIO()
    with TarFile(fileobj=made, mode="w") as tar:
        for wheel in wheels:
            with ZipFile(wheel) as packed:
                for name in packed.namelist():
                    entry = TarFile.tarinfo(name)
                    entry.mode = 0o755 if name.endswith((".so", "/")) else 0o644
                    data = packed.read(name)
                    entry.size = len(data)
                    if not name.endswith("/"):
                        tar.addfile(entry, BytesIO(data))
    return made.getvalue()
