"""The program of bluejacket-patch, as a test can call it."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "distro" / "packages" / "bluejacket-patch"
sys.path.insert(0, str(FOLDER))
_writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # what lies there is what is packaged

from bluejacket_patch import advisories, dnf, keys, policy, record, restart  # noqa: E402

sys.dont_write_bytecode = _writes
__all__ = ["FOLDER", "advisories", "dnf", "keys", "policy", "record", "restart"]
