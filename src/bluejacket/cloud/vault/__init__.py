"""Key Vault: vaults with secrets, keys and certificates, for programs of this host and for machines."""

from bluejacket.cloud.arm.kind import Kind
from bluejacket.cloud.vault.control import ENDPOINTS, VaultSecrets
from bluejacket.cloud.vault.vaults import Vaults

KINDS: tuple[Kind, ...] = (Vaults(), VaultSecrets())

__all__ = ["ENDPOINTS", "KINDS"]
