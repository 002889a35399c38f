"""The tools tree, and the sandbox in which everything foreign runs."""

from bluejacket.tools.sandbox import Sandbox

__all__ = ["Sandbox"]
