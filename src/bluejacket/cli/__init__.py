"""The command line: one module a command group, each thin."""

from bluejacket.cli.entry import main

__all__ = ["main"]
