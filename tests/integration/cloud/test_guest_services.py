"""The services of a network's namespace, over real sockets, with cloud-init's own code as the client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bluejacket.cloud.access.identities import Identities
from bluejacket.cloud.arm.tokens import Tokens
from bluejacket.cloud.guest.feeds import place
from bluejacket.cloud.guest.reports import Reports, Told
from bluejacket.cloud.guest.services import GuestServices, Offer
from bluejacket.definition import Release
from bluejacket.feed.built import Built
from bluejacket.feed.serve import Folder
from bluejacket.foundation.lock import Lock
from bluejacket.foundation.locked import fetch_locked
from bluejacket.store import State
from guestcloud import KEY, NIC, VM_ID, ShortAuthority, guest_cloud
from guestnet import GuestNet, guest_net
from recordcloud import RecordCloud

pytestmark = pytest.mark.integration
AUTHORITY = ShortAuthority()
CLOUD_INIT = ("cloud-init", "python3-configobj", "python3-jsonpatch", "python3-json-pointer")

FETCH = """
import json, time
from cloudinit.sources.azure import imds
from cloudinit.sources import DataSourceAzure as azure
found = imds.fetch_metadata_with_api_fallback(time.monotonic() + 60)
print(json.dumps([found, azure._hostname_from_imds(found), azure._username_from_imds(found),
                  azure._disable_password_from_imds(found), azure._userdata_from_imds(found)]))
"""
READY = """
from cloudinit.sources.helpers import azure
print(azure.get_metadata_from_fabric("168.63.129.16", None))
"""
FAILED = """
from cloudinit.sources.helpers import azure
azure.report_failure_to_fabric("168.63.129.16", encoded_report="result=error|reason=no <key>")
"""
CURL = """
import json, ssl, sys, urllib.error, urllib.request
url, headers, authority, address = json.loads(sys.argv[1])
if address:
    import socket
    real = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *more, **named: real(address, *more, **named)
context = ssl.create_default_context(cadata=authority) if authority else None
try:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10, context=context) as got:
        print(json.dumps([got.status, got.read().decode("latin-1")]))
except urllib.error.HTTPError as refused:
    print(json.dumps([refused.code, refused.read().decode("latin-1")]))
except OSError as error:
    print(json.dumps([0, str(error)]))
"""


async def vault(scope: Any, receive: Any, send: Any) -> None:
    """Say what was asked, as an application of the control plane would."""
    asked = await receive()
    said = {
        "host": dict(scope["headers"])[b"host"].decode(),
        "path": scope["path"],
        "size": len(asked["body"]),
    }
    await send({"type": "http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Bearer")]})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})


@pytest.fixture(scope="module")
def net(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuestNet]:
    with guest_net(tools, tmp_path_factory.mktemp("logs"), NIC) as made:
        yield made


@pytest.fixture
def cloud(tmp_path: Path) -> RecordCloud:
    return guest_cloud(tmp_path)


@pytest.fixture
def services(cloud: RecordCloud, net: GuestNet, feed: Built, release: Release) -> Iterator[GuestServices]:
    host, path = place(release.feed.address_of(release.version))
    offer = Offer({path: Folder(feed.folder)}, [host], vault, ["*.vault.example"])
    made = GuestServices(cloud, net, cloud.service(Identities), cloud.service(Tokens), AUTHORITY, offer)
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="session")
def cloudinit(state: State, release: Release, lock: Lock, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the release's own cloud-init is unpacked."""
    folder = tmp_path_factory.mktemp("cloud-init")
    wanted = [one for one in lock.packages if one.package.name in CLOUD_INIT]
    for file in fetch_locked(state, release, wanted, "cloud-init").values():
        subprocess.run(["dpkg-deb", "-x", str(file), str(folder)], check=True)
    return folder / "usr/lib/python3/dist-packages"


def ask(
    net: GuestNet, url: str, headers: dict[str, str] | None = None, *, address: str = ""
) -> tuple[int, str]:
    authority = AUTHORITY.certificate.decode() if url.startswith("https") else ""
    done = net.python(CURL, json.dumps([url, headers or {}, authority, address]))
    assert done.returncode == 0, done.stderr
    status, body = json.loads(done.stdout)
    return status, body


def test_cloud_init_reads_the_machines_metadata(
    net: GuestNet, services: GuestServices, cloudinit: Path
) -> None:
    done = net.python(FETCH, paths=(cloudinit,))
    assert done.returncode == 0, done.stderr
    found, host, user, no_password, data = json.loads(done.stdout)
    assert (host, user, no_password, data) == ("dory", "azureuser", True, "aGVsbG8=")
    assert found["compute"]["publicKeys"][0]["keyData"] == KEY
    assert found["extended"]["compute"]["ppsType"] == "None"


def test_cloud_init_reports_ready_and_why_not(
    net: GuestNet, services: GuestServices, cloud: RecordCloud, cloudinit: Path
) -> None:
    reports = cloud.service(Reports)
    reports.expect(VM_ID)
    done = net.python(READY, paths=(cloudinit,))
    assert done.returncode == 0, done.stderr
    assert reports.wait(VM_ID, 1) == Told(True)
    reports.expect(VM_ID)
    assert net.python(FAILED, paths=(cloudinit,)).returncode == 0
    told = reports.wait(VM_ID, 1)
    assert (told.ready, told.substatus) == (False, "ProvisioningFailed")
    assert told.description == "result=error|reason=no <key>"


def test_the_feed_answers_at_the_images_own_address(
    net: GuestNet, services: GuestServices, release: Release
) -> None:
    address = release.feed.address_of(release.version)
    host, _ = place(address)
    assert net.names[host] == "169.254.169.250"
    status, link = ask(net, f"{address}/channels/stable.metalink", address="169.254.169.250")
    assert status == 200
    assert f">{address}/repodata/repomd.xml<" in link
    status, repomd = ask(net, f"{address}/repodata/repomd.xml", address="169.254.169.250")
    assert (status, "<repomd" in repomd) == (200, True)
    status, part = ask(
        net, f"{address}/repodata/repomd.xml", {"Range": "bytes=1-4"}, address="169.254.169.250"
    )
    assert (status, part) == (206, repomd[1:5])
    assert ask(net, f"{address}/../../../etc/passwd", address="169.254.169.250")[0] == 404
    plain = address.replace("https", "http").replace(host, "169.254.169.250")
    assert ask(net, f"{plain}/repodata/repomd.xml") == (200, repomd)


def test_the_vaults_application_is_in_front(net: GuestNet, services: GuestServices) -> None:
    assert net.names["vault.example"] == "169.254.169.251"
    status, said = ask(
        net, "https://harbour.vault.example/secrets/one?api-version=7.4", address="169.254.169.251"
    )
    assert (status, json.loads(said)) == (
        401,
        {"host": "harbour.vault.example", "path": "/secrets/one", "size": 0},
    )


def test_the_agent_finds_the_authority_and_everything_else_is_refused(
    net: GuestNet, services: GuestServices
) -> None:
    status, body = ask(net, "http://168.63.129.16/machine?comp=bluejacket&type=authority")
    assert (status, body.encode()) == (200, AUTHORITY.certificate)
    assert "refused" in ask(net, "http://168.63.129.16:32526/status")[1]
    assert "refused" in ask(net, "http://169.254.169.250:22/")[1]
    assert ask(net, "http://169.254.169.254/metadata/instance?api-version=2021-02-01")[0] == 400


def test_a_network_that_is_made_again_is_listened_in_again(net: GuestNet, services: GuestServices) -> None:
    versions = "http://169.254.169.254/metadata/versions"
    services.shut(net.name)
    assert "refused" in ask(net, versions, {"Metadata": "true"})[1]
    services.open(net.name)
    services.open(net.name)
    assert ask(net, versions, {"Metadata": "true"})[0] == 200
