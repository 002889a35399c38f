"""What the user's own clients need to reach a cloud: environment, and the files of Azure's CLI.

The CLI gets a configuration folder of its own, as `az cloud register` and `az login` would have left it;
`~/.azure` is never touched. Formats: those of azure-cli 2.91 (`clouds.config`, `azureProfile.json`).
"""

from __future__ import annotations

import configparser
import io
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bluejacket.cloud.arm.account import Account
from bluejacket.cloud.arm.metadata import NAME, document
from bluejacket.store import replace_text

_SETTINGS = {
    "core": {
        "instance_discovery": "false",
        "collect_telemetry": "false",
        "survey_message": "false",
        "login_experience_v2": "off",
        "encrypt_token_cache": "false",
    },
    "auto-upgrade": {"enable": "no"},
    "extension": {"use_dynamic_install": "no"},
    "cloud": {"name": NAME},
}


def prepare(folder: Path, base: str, account: Account, authority: Path) -> dict[str, str]:
    """Write the files into `folder`, and give the environment that leads the clients to the cloud at `base`.

    `authority` is the file of the cloud's own certificate authority.
    """
    config = folder / "az"
    config.mkdir(parents=True, exist_ok=True, mode=0o700)
    bundle = folder / "ca-bundle.pem"
    _write(bundle, _system_roots() + authority.read_text("ascii"))
    _write(config / "clouds.config", _ini(_cloud(base, account)))
    if not _logged_in(config, account):
        # Later on these are the person's: who else has logged in, and what `az config set` has set.
        _write(config / "config", _ini(_SETTINGS))
        _write(config / "azureProfile.json", json.dumps(_profile(account)))
        secret = {"client_id": account.client_id, "tenant": account.tenant, "client_secret": account.secret}
        _write(config / "service_principal_entries.json", json.dumps([secret]))
    return environment(folder, base, account)


def environment(folder: Path, base: str, account: Account) -> dict[str, str]:
    """Give the variables for Azure's CLI, for azure-identity and for whatever speaks TLS in Python."""
    return {
        "AZURE_CONFIG_DIR": str(folder / "az"),
        "REQUESTS_CA_BUNDLE": str(folder / "ca-bundle.pem"),
        "SSL_CERT_FILE": str(folder / "ca-bundle.pem"),
        "AZURE_CLOUD_NAME": NAME,
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_LOGIN_EXPERIENCE_V2": "off",
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        "AZURE_AUTHORITY_HOST": base,
        "AZURE_TENANT_ID": account.tenant,
        "AZURE_CLIENT_ID": account.client_id,
        "AZURE_CLIENT_SECRET": account.secret,
        "AZURE_SUBSCRIPTION_ID": account.subscription,
        "BLUEJACKET_CLOUD": base,
    }


def merged(ours: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Give a whole environment: the person's, with ours above it, and no proxy before this host."""
    local = "localhost,127.0.0.1,.localhost"
    seen = {name: environ.get(name, "") for name in ("NO_PROXY", "no_proxy")}
    return {**environ, **ours} | {name: f"{had},{local}" if had else local for name, had in seen.items()}


def _cloud(base: str, account: Account) -> dict[str, dict[str, str]]:
    told: dict[str, Any] = document(base, account.tenant)
    suffixes = told["suffixes"]
    return {
        NAME: {
            "profile": "latest",
            "endpoint_management": f"{base}/",
            "endpoint_resource_manager": base,
            "endpoint_sql_management": base,
            "endpoint_batch_resource_id": base,
            "endpoint_gallery": told["gallery"],
            "endpoint_active_directory": base,
            "endpoint_active_directory_resource_id": f"{base}/",
            "endpoint_active_directory_graph_resource_id": told["graphAudience"],
            "endpoint_microsoft_graph_resource_id": told["microsoftGraphResourceId"],
            "endpoint_active_directory_data_lake_resource_id": base,
            "endpoint_vm_image_alias_doc": told["vmImageAliasDoc"],
            "endpoint_media_resource_id": base,
            "suffix_storage_endpoint": suffixes["storage"],
            "suffix_keyvault_dns": f".{suffixes['keyVaultDns']}",
            "suffix_mhsm_dns": f".{suffixes['mhsmDns']}",
            "suffix_sql_server_hostname": f".{suffixes['sqlServerHostname']}",
            "suffix_acr_login_server_endpoint": f".{suffixes['acrLoginServer']}",
        }
    }


def _logged_in(config: Path, account: Account) -> bool:
    try:
        profile = json.loads((config / "azureProfile.json").read_text("utf-8-sig"))
        known = {one["id"] for one in profile["subscriptions"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return account.subscription in known


def _profile(account: Account) -> dict[str, Any]:
    ours = {
        "id": account.subscription,
        "name": account.name,
        "state": "Enabled",
        "user": {"name": account.client_id, "type": "servicePrincipal"},
        "isDefault": True,
        "tenantId": account.tenant,
        "environmentName": NAME,
        "homeTenantId": account.tenant,
        "managedByTenants": [],
    }
    return {"installationId": account.object_id, "subscriptions": [ours]}


def _ini(sections: Mapping[str, Mapping[str, str]]) -> str:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(sections)
    with io.StringIO() as stream:
        parser.write(stream)
        return stream.getvalue()


def _system_roots() -> str:
    """Give the certificates that the system trusts: `REQUESTS_CA_BUNDLE` takes their place."""
    found = ssl.get_default_verify_paths()
    for name in (found.cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"):
        if name and Path(name).is_file():
            return Path(name).read_text("utf-8", "replace").rstrip() + "\n"
    return ""


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text("utf-8", "replace") != text:
        replace_text(file, text, mode=0o600)
