"""Feeds: signed repositories of RPMs, composed and verified."""
