"""Advisories: what an update fixes, said once and given in every format."""

from bluejacket.feed.advisory.model import Advisory, Fixed, Kind, NotAffected, Reference, Severity

__all__ = ["Advisory", "Fixed", "Kind", "NotAffected", "Reference", "Severity"]
