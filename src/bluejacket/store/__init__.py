"""A content-addressed store: verified files by their hash, step results by their step's key."""

from bluejacket.store.blobs import Part
from bluejacket.store.files import replace_text, sync_folder
from bluejacket.store.locks import locked
from bluejacket.store.state import State, state_folder
from bluejacket.store.steps import Step, code_of
from bluejacket.store.store import Damage, Store

__all__ = [
    "Damage",
    "Part",
    "State",
    "Step",
    "Store",
    "code_of",
    "locked",
    "replace_text",
    "state_folder",
    "sync_folder",
]
