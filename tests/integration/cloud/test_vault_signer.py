"""A key that never leaves its vault signs packages and indexes; rpm and DNF5 take them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError, UserError
from bluejacket.feed.verify import dnf, prepare_dnf, verify_feed
from bluejacket.package import rotation, vaultclient
from bluejacket.package.keys import Signer
from bluejacket.package.rotation import Role, obtain_keys
from bluejacket.package.vaultkeys import VaultSigner
from bluejacket.tools import Sandbox
from feeds import THINGS, compose, make
from servedcloud import ServedCloud, served

pytestmark = pytest.mark.integration
OFFICER, USER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", "12338af0-0e69-4776-bea7-57ae8d297424"
_WORK = "/run/work"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCloud]:
    """A cloud with a vault and an RSA key in it; this process may use the key."""
    with served(tmp_path_factory.mktemp("cloud")) as found, pytest.MonkeyPatch.context() as patch:
        found.arm("PUT", "Harbour", {"location": "eastus"})
        vault = "Harbour/providers/Microsoft.KeyVault/vaults/Quay"
        assert found.arm("PUT", vault, {"location": "eastus"}).status_code == 200
        scope = f"{found.root}/resourceGroups/{vault}"
        from azure.keyvault.keys import KeyClient

        object_id, officer = found.principal("officer")
        found.assign(object_id, OFFICER, scope)
        with KeyClient(found.vault("quay"), officer, connection_verify=str(found.authority)) as client:
            client.create_rsa_key("packages", size=4096)
            client.create_rsa_key("short", size=2048)
            client.create_ec_key("curve")
        from bluejacket.cloud.access.principals import Principals

        principals = found.cloud.service(Principals)
        made = principals.add("builder")
        secret = principals.credentials.add_secret(made.client_id, "applications", {})["secretText"]
        found.assign(made.object_id, USER, f"{scope}/keys/packages")
        found.assign(made.object_id, USER, f"{scope}/keys/short")
        patch.setenv("AZURE_AUTHORITY_HOST", found.cloud.base)
        patch.setenv("AZURE_TENANT_ID", found.cloud.tenant)
        patch.setenv("AZURE_CLIENT_ID", made.client_id)
        patch.setenv("AZURE_CLIENT_SECRET", secret)
        vaultclient._session.cache_clear()
        yield found
        vaultclient._session.cache_clear()


@pytest.fixture(scope="module")
def signer(cloud: ServedCloud) -> VaultSigner:
    return VaultSigner.meet(f"{cloud.vault('quay')}keys/packages", "Quay packages")


def feed_of(work: Path, signer: Signer) -> Path:
    return compose(work, *(make(thing, work, signer) for thing in THINGS), signer=signer)


def test_rpm_says_signatures_ok(signer: VaultSigner, sandbox: Sandbox, tmp_path: Path) -> None:
    rpm = make(THINGS[0], tmp_path, signer).rpm
    assert rpm.read_bytes() == make(THINGS[0], tmp_path / "again", signer).rpm.read_bytes()
    (tmp_path / "key.asc").write_text(signer.certificate())
    shutil.copy(rpm, tmp_path / "thing.rpm")
    keys = ["rpmkeys", "--dbpath", f"{_WORK}/db", "--define", "_pkgverify_level all"]
    binds = {tmp_path: _WORK}
    sandbox.run([*keys, "--import", f"{_WORK}/key.asc"], name="import", binds=binds)
    told = sandbox.output([*keys, "-Kv", f"{_WORK}/thing.rpm"], name="rpmkeys", binds=binds)
    assert f"V4 RSA/SHA512 signature, key fingerprint: {signer.fingerprint.lower()}: OK" in told


def test_dnf5_installs_from_a_feed_that_a_vault_signed(
    signer: VaultSigner, sandbox: Sandbox, tmp_path: Path
) -> None:
    feed = feed_of(tmp_path, signer)
    assert verify_feed(feed, signer.certificate()).faults == ()
    (tmp_path / "dnf").mkdir()
    options = prepare_dnf(tmp_path / "dnf", feed, signer.certificate())
    sandbox.run(dnf("install", "first", "second"), name="dnf5", **options)
    assert (tmp_path / "dnf/root/usr/lib/second/data").read_bytes() == b"some text\n" * 100


def test_a_vaults_key_takes_over_from_a_file(cloud: ServedCloud, tmp_path: Path) -> None:
    url = f"{cloud.vault('quay')}keys/packages"
    old = obtain_keys(tmp_path, "Quay", "quay").active
    fresh = rotation.new_key(tmp_path, "Quay", "quay", 1, url)
    assert fresh.role is Role.NEW
    with pytest.raises(UserError, match="is one of the keys already"):
        rotation.new_key(tmp_path, "Quay", "quay", 1, url)
    rotation.announce(tmp_path, "quay", fresh.fingerprint, 2)
    rotation.use(tmp_path, "quay", fresh.fingerprint, 3)
    keys = obtain_keys(tmp_path, "Quay", "quay")
    assert keys.fingerprint == fresh.fingerprint
    assert keys.bridge.fingerprint == old.fingerprint
    assert keys.signatures(b"x", 1_790_000_000) == keys.active.sign(b"x", 1_790_000_000) + old.sign(
        b"x", 1_790_000_000
    )


def test_a_vaults_key_can_be_the_first(cloud: ServedCloud, tmp_path: Path) -> None:
    made = rotation.new_key(tmp_path / "keys", "Quay", "quay", 1, f"{cloud.vault('quay')}keys/packages")
    assert made.role is Role.ACTIVE
    assert obtain_keys(tmp_path / "keys", "Quay", "quay").fingerprint == made.fingerprint
    assert [file.name for file in (tmp_path / "keys").glob("*.key")] == []


def test_what_cannot_sign_is_told(cloud: ServedCloud) -> None:
    vault = cloud.vault("quay")
    with pytest.raises(OutsideError, match="Caller is not authorized to perform action"):
        VaultSigner.meet(f"{vault}keys/curve", "x")
    with pytest.raises(UserError, match=r"has 2048 bits \(a signing key has at least 3072\)"):
        VaultSigner.meet(f"{vault}keys/short", "x")
    with pytest.raises(OutsideError, match="cannot be reached"):
        VaultSigner.meet("https://nowhere.vault.invalid/keys/k", "x")
