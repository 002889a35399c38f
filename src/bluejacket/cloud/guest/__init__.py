"""What a machine of the cloud asks for: metadata, the wire server, feed and vault; and its agent's work."""

from bluejacket.cloud.arm.kind import Kind

KINDS: tuple[Kind, ...] = ()
