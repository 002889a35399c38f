"""Debian's archive as a foundation: verified indexes, and its packages in RPM's terms."""
