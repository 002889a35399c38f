"""Upstream archives: package metadata in one shape, and verified downloads."""
