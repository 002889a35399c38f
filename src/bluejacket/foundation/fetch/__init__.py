"""Verified downloads: parallel, resumed, retried, from the first mirror that tells the truth."""

from bluejacket.foundation.fetch.answer import Since
from bluejacket.foundation.fetch.fetcher import Fetcher
from bluejacket.foundation.fetch.logins import Login, read_logins
from bluejacket.foundation.fetch.proxies import Proxies
from bluejacket.foundation.fetch.small import Small
from bluejacket.foundation.fetch.wanted import DiskFull, Limits, NotThere, Wanted

__all__ = [
    "DiskFull",
    "Fetcher",
    "Limits",
    "Login",
    "NotThere",
    "Proxies",
    "Since",
    "Small",
    "Wanted",
    "read_logins",
]
