"""Key Vault as Microsoft's own clients see it, unmodified, over TLS."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient, CertificatePolicy
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import (
    CryptographyClient,
    EncryptionAlgorithm,
    KeyWrapAlgorithm,
    SignatureAlgorithm,
)
from azure.keyvault.secrets import SecretClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from servedcloud import ServedCloud, served

pytestmark = pytest.mark.integration
ADMINISTRATOR = "00482a5a-887f-4fb3-b363-3b7fe8e74483"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
GROUP = "Harbour"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCloud]:
    with served(tmp_path_factory.mktemp("cloud")) as found:
        assert found.arm("PUT", GROUP, {"location": "eastus"}).status_code == 201
        yield found


@pytest.fixture(scope="module")
def management(cloud: ServedCloud) -> KeyVaultManagementClient:
    scope = f"{cloud.cloud.base}/.default"
    return KeyVaultManagementClient(
        cloud.credential(),
        cloud.cloud.subscription,
        base_url=cloud.cloud.base,
        credential_scopes=[scope],
        connection_verify=str(cloud.authority),
    )


def make(cloud: ServedCloud, management: KeyVaultManagementClient, name: str) -> str:
    properties = {"tenantId": cloud.cloud.tenant, "sku": {"family": "A", "name": "standard"}}
    wanted = {"location": "eastus", "properties": {**properties, "enableRbacAuthorization": True}}
    made = management.vaults.begin_create_or_update(GROUP, name, wanted).result()
    assert made.properties.vault_uri == cloud.vault(name)
    return str(made.id)


@pytest.fixture(scope="module")
def keeper(cloud: ServedCloud, management: KeyVaultManagementClient) -> ClientSecretCredential:
    vault = make(cloud, management, "Cove")
    object_id, credential = cloud.principal("keeper")
    cloud.assign(object_id, ADMINISTRATOR, vault)
    return credential


def test_secrets(cloud: ServedCloud, keeper: ClientSecretCredential) -> None:
    with SecretClient(cloud.vault("cove"), keeper, connection_verify=str(cloud.authority)) as client:
        first = client.set_secret("tide", "low", tags={"moon": "new"}, content_type="text/plain")
        client.set_secret("tide", "high")
        assert client.get_secret("tide").value == "high"
        assert client.get_secret("tide", first.properties.version).value == "low"
        assert client.get_secret("tide", first.properties.version).properties.tags == {"moon": "new"}
        assert len(list(client.list_properties_of_secret_versions("tide"))) == 2
        client.update_secret_properties("tide", enabled=False)
        with pytest.raises(HttpResponseError, match="not allowed on a disabled secret"):
            client.get_secret("tide")
        client.update_secret_properties("tide", enabled=True)
        blob = client.backup_secret("tide")
        client.begin_delete_secret("tide").wait()
        with pytest.raises(ResourceNotFoundError):
            client.get_secret("tide")
        assert [one.name for one in client.list_deleted_secrets()] == ["tide"]
        client.begin_recover_deleted_secret("tide").wait()
        assert client.get_secret("tide").value == "high"
        client.begin_delete_secret("tide").wait()
        client.purge_deleted_secret("tide")
        assert client.restore_secret_backup(blob).name == "tide"
        assert client.get_secret("tide").value == "high"
        for number in range(60):
            client.set_secret(f"wave-{number:02}", "x")
        found = {one.name for one in client.list_properties_of_secrets()}
        assert found == {"tide", *(f"wave-{number:02}" for number in range(60))}


def test_keys(cloud: ServedCloud, keeper: ClientSecretCredential) -> None:
    trust = {"connection_verify": str(cloud.authority)}
    with KeyClient(cloud.vault("cove"), keeper, **trust) as client:
        key = client.create_rsa_key("anchor", size=2048)
        crypto = CryptographyClient(key.id, keeper, **trust)
        digest = hashlib.sha512(b"cargo").digest()
        # The client verifies and encrypts by itself with the public half: an oracle that is not ours.
        signed = crypto.sign(SignatureAlgorithm.rs512, digest)
        assert crypto.verify(SignatureAlgorithm.rs512, digest, signed.signature).is_valid
        closed = crypto.encrypt(EncryptionAlgorithm.rsa_oaep_256, b"doubloons")
        assert crypto.decrypt(EncryptionAlgorithm.rsa_oaep_256, closed.ciphertext).plaintext == b"doubloons"
        wrapped = crypto.wrap_key(KeyWrapAlgorithm.rsa_oaep, b"k" * 32)
        assert crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep, wrapped.encrypted_key).key == b"k" * 32
        curved = client.create_ec_key("hook", curve="P-256")
        crypto = CryptographyClient(curved.id, keeper, **trust)
        digest = hashlib.sha256(b"cargo").digest()
        signed = crypto.sign(SignatureAlgorithm.es256, digest)
        assert crypto.verify(SignatureAlgorithm.es256, digest, signed.signature).is_valid
        assert client.rotate_key("hook").properties.version != curved.properties.version
        assert len(list(client.list_properties_of_key_versions("hook"))) == 2
        client.begin_delete_key("hook").wait()
        assert [one.name for one in client.list_deleted_keys()] == ["hook"]
        client.begin_recover_deleted_key("hook").wait()
        assert {one.name for one in client.list_properties_of_keys()} == {"anchor", "hook"}


def test_certificates(cloud: ServedCloud, keeper: ClientSecretCredential) -> None:
    trust = {"connection_verify": str(cloud.authority)}
    policy = CertificatePolicy("Self", subject="CN=harbour.example", san_dns_names=["harbour.example"])
    with CertificateClient(cloud.vault("cove"), keeper, **trust) as client:
        made = client.begin_create_certificate("web", policy, _polling_interval=0).result()
        assert made.cer is not None
        certificate = x509.load_der_x509_certificate(bytes(made.cer))
        assert certificate.subject.rfc4514_string() == "CN=harbour.example"
        with SecretClient(cloud.vault("cove"), keeper, **trust) as secrets:
            value = secrets.get_secret("web").value
        packed = pkcs12.load_pkcs12(base64.b64decode(value or ""), None)
        assert packed.cert is not None
        assert packed.cert.certificate == certificate
        client.import_certificate("copy", base64.b64decode(value or ""))
        assert {one.name for one in client.list_properties_of_certificates()} == {"web", "copy"}
        assert client.get_certificate_policy("web").subject == "CN=harbour.example"
        client.begin_delete_certificate("copy").wait()
        client.purge_deleted_certificate("copy")


def test_who_may_not_is_told_why(cloud: ServedCloud, keeper: ClientSecretCredential) -> None:
    trust = {"connection_verify": str(cloud.authority)}
    with SecretClient(cloud.vault("cove"), keeper, **trust) as client:
        client.set_secret("shared", "yes")
        client.set_secret("private", "no")
    object_id, credential = cloud.principal("visitor")
    vault = f"{cloud.root}/resourceGroups/{GROUP}/providers/Microsoft.KeyVault/vaults/Cove"
    with SecretClient(cloud.vault("cove"), credential, **trust) as client:
        with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
            client.get_secret("shared")
        assigned = cloud.assign(object_id, SECRETS_USER, f"{vault}/secrets/shared")
        assert client.get_secret("shared").value == "yes"
        with pytest.raises(HttpResponseError, match="Caller is not authorized"):
            client.get_secret("private")
        assert cloud.arm("DELETE", assigned).status_code == 204
        with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
            client.get_secret("shared")
    stranger = cloud.credential(cloud.cloud.account.client_id, "wrong")
    with (
        SecretClient(cloud.vault("cove"), stranger, **trust) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        client.get_secret("shared")


def named_on_the_host(cloud: ServedCloud, name: str) -> bool:
    """Tell whether this cloud, which is not the only one to write there, names a vault in the hosts file."""
    lines = Path("/etc/hosts").read_text("utf-8").splitlines()
    mine = [line.split() for line in lines if cloud.cloud.account.subscription in line]
    return any(f"{name.lower()}.vault.localhost" in words for words in mine)


def test_a_vault_goes_and_comes_back(cloud: ServedCloud, management: KeyVaultManagementClient) -> None:
    name = "Inlet"
    vault = make(cloud, management, name)
    object_id, credential = cloud.principal("keeper of the inlet")
    cloud.assign(object_id, ADMINISTRATOR, f"{cloud.root}/resourceGroups/{GROUP}")
    trust = {"connection_verify": str(cloud.authority)}
    with SecretClient(cloud.vault(name), credential, **trust) as client:
        client.set_secret("tide", "low")
        assert name in [one.name for one in management.vaults.list_by_resource_group(GROUP)]
        assert named_on_the_host(cloud, name)
        management.vaults.delete(GROUP, name)
        assert not named_on_the_host(cloud, name)
        assert [one.name for one in management.vaults.list_deleted()] == [name]
        assert management.vaults.get_deleted(name, "eastus").properties.vault_id == vault
        checked = management.vaults.check_name_availability(
            {"name": name, "type": "Microsoft.KeyVault/vaults"}
        )
        assert checked.name_available is False
        properties = {"tenantId": cloud.cloud.tenant, "sku": {"family": "A", "name": "standard"}}
        wanted = {"location": "eastus", "properties": {**properties, "createMode": "recover"}}
        management.vaults.begin_create_or_update(GROUP, name, wanted).result()
        assert client.get_secret("tide").value == "low"
    management.vaults.delete(GROUP, name)
    management.vaults.begin_purge_deleted(name, "eastus").result()
    assert list(management.vaults.list_deleted()) == []
