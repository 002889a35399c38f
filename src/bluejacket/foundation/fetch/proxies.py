"""Which proxy an address goes through."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from bluejacket.errors import Fault, UserError, without_secrets


class _Proxies(NamedTuple):
    http: str | None
    https: str | None
    direct: tuple[str, ...]


class Proxies(_Proxies):
    """Proxy addresses (with login, if they need one) by the scheme of what is fetched.

    `direct` holds the hosts that are reached without a proxy, in the forms of `no_proxy`: a host,
    a domain (with or without a leading dot), an address, a network in CIDR form, `host:port`,
    or `*`.
    """

    __slots__ = ()

    def __new__(cls, http: str | None = None, https: str | None = None, direct: tuple[str, ...] = ()) -> Self:
        """Name proxies. Raises UserError for an address that is none of a proxy."""
        for proxy in (http, https):
            if proxy and urlsplit(proxy).scheme not in ("http", "https"):
                raise UserError(
                    Fault(
                        f"proxy {without_secrets(proxy)} is neither http:// nor https://",
                        "name an HTTP proxy, such as http://proxy.example:3128",
                    )
                )
        return super().__new__(cls, http, https, direct)

    def __repr__(self) -> str:
        return f"Proxies(direct={self.direct!r})"  # the addresses may hold passwords

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Proxies:
        """Read http_proxy, https_proxy, all_proxy and no_proxy; lower case wins, as in curl.

        HTTP_PROXY in capitals is ignored, since a CGI server sets it from a request's header.
        """
        every = environ.get("all_proxy") or environ.get("ALL_PROXY")
        secure = environ.get("https_proxy") or environ.get("HTTPS_PROXY")
        hosts = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
        return cls(
            http=_with_scheme(environ.get("http_proxy") or every),
            https=_with_scheme(secure or every),
            direct=tuple(host.strip() for host in hosts.split(",") if host.strip()),
        )

    def for_url(self, scheme: str, host: str, port: int | None) -> str | None:
        """Give the proxy's address, or None when `host` is reached directly."""
        proxy = {"http": self.http, "https": self.https}.get(scheme)
        if not proxy or any(_matches(rule, host, port) for rule in self.direct):
            return None
        return proxy


def _with_scheme(proxy: str | None) -> str | None:
    """curl and apt take `proxy:3128` for `http://proxy:3128`."""
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _matches(rule: str, host: str, port: int | None) -> bool:
    if rule == "*":
        return True
    if "/" in rule:
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    name, colon, wanted_port = rule.rpartition(":")
    if colon and wanted_port.isdigit() and ":" not in name:
        if port != int(wanted_port):
            return False
        rule = name
    rule = rule.strip("[]").lower().lstrip(".").removeprefix("*.")
    return host.lower() == rule or host.lower().endswith("." + rule)
