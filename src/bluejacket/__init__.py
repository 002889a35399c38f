"""Bluejacket: the whole life of a cloud Linux distribution, in one toolkit."""

__version__ = "0.1.0"
