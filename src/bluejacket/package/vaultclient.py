"""Asking a Key Vault to sign: Azure's, or that of a cloud on this host.

Who we are is found as every program of Azure's finds it: AZURE_TENANT_ID, AZURE_CLIENT_ID and
AZURE_CLIENT_SECRET, a managed identity, or the login of `az`. Source: Microsoft, "Azure Key Vault REST API
reference", Keys.
"""

from __future__ import annotations

import base64
import os
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bluejacket.errors import Fault, OutsideError, UserError

if TYPE_CHECKING:
    import httpx  # whoever signs with a file never waits for it

_VERSION = "7.4"
_TRIES = 3
_RESOURCE = re.compile(r'resource="([^"]+)"|scope="([^"]+)"')
_KEY = re.compile(r"https://[^/]+/keys/[0-9a-zA-Z-]+(/[0-9a-f]{32})?/?")


class VaultKey:
    """A key in a vault, by its address: `https://NAME.vault.azure.net/keys/KEY`, or with `/VERSION`."""

    def __init__(self, url: str) -> None:
        if not _KEY.fullmatch(url):
            way_out = "it looks like https://NAME.vault.azure.net/keys/KEY"
            raise UserError(Fault(f"{url} is no address of a vault's key", way_out))
        self._url = url.rstrip("/")
        parts = urlsplit(url)
        self._host = parts.netloc

    def public(self) -> dict[str, Any]:
        """Give the public half as a JSON web key (RFC 7517), with the address of its version as `kid`."""
        found = self._ask("GET", self._url)
        key: dict[str, Any] = found["key"]
        return key

    def sign(self, digest: bytes) -> bytes:
        """Give the signature of a SHA-512 digest by PKCS #1 v1.5. Raises OutsideError."""
        value = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        found = self._ask("POST", f"{self._url}/sign", {"alg": "RS512", "value": value})
        return octets(found["value"])

    def _ask(self, method: str, url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        import httpx

        for left in reversed(range(_TRIES)):
            try:
                answer = self._send(method, url, body)
            except httpx.HTTPError as error:
                if left:
                    continue
                raise OutsideError(Fault(f"the vault at {self._host} cannot be reached: {error}")) from error
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            if left and (answer.status_code == 429 or answer.status_code >= 500):
                time.sleep(min(float(answer.headers.get("retry-after", 1)), 10.0))
                continue
            raise OutsideError(Fault(f"{url}: {_told(answer)}"))
        raise AssertionError("the last try returns or raises")

    def _send(self, method: str, url: str, body: dict[str, str] | None) -> httpx.Response:
        query = {"api-version": _VERSION}
        session = _session()
        scope = session.scopes.get(self._host)
        if scope is None:  # the vault says for whom the token has to be; no body goes out before that
            challenge = session.http.request(method, url, params=query)
            scope = session.scopes[self._host] = self._scope(challenge.headers.get("www-authenticate", ""))
        headers = {"Authorization": f"Bearer {session.token(scope)}"}
        return session.http.request(method, url, params=query, json=body, headers=headers)

    def _scope(self, challenge: str) -> str:
        """Give the scope of a challenge, which has to be a domain above the vault's own."""
        found = _RESOURCE.search(challenge)
        resource = (found[1] or found[2]).removesuffix("/.default") if found else ""
        if not self._host.lower().endswith("." + urlsplit(resource).netloc.lower()) or not resource:
            raise OutsideError(Fault(f"{self._host} does not answer as a vault does"))
        return f"{resource}/.default"


class _Session:
    """Connections and tokens, kept for all keys of this process."""

    def __init__(self) -> None:
        import ssl

        import httpx
        from azure.identity import DefaultAzureCredential

        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
        context = ssl.create_default_context(cafile=bundle)
        self.http = httpx.Client(verify=context, timeout=30)
        self.scopes: dict[str, str] = {}
        # Where a token comes from is never the vault's to say. A cloud on this host is an authority that
        # Microsoft's list of authorities does not know.
        authority = os.environ.get("AZURE_AUTHORITY_HOST", "")
        self._credential = DefaultAzureCredential(
            disable_instance_discovery=bool(authority) and "login." not in authority,
            exclude_interactive_browser_credential=True,
            exclude_developer_cli_credential=True,
            exclude_powershell_credential=True,
        )

    def token(self, scope: str) -> str:
        """Give a token. Raises OutsideError."""
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return self._credential.get_token(scope).token
        except ClientAuthenticationError as error:
            way_out = (
                "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or log in with `az login`"
            )
            first = str(error.message).strip().partition("\n")[0]
            raise OutsideError(Fault(f"the vault needs to know who asks: {first}", way_out)) from None


@lru_cache(maxsize=1)
def _session() -> _Session:
    return _Session()


def octets(text: str) -> bytes:
    """Read base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _told(answer: httpx.Response) -> str:
    try:
        error = answer.json()["error"]
        return f"{error['code']}: {' '.join(str(error['message']).split())}"
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
