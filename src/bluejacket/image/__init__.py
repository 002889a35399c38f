"""Images: from a signed feed to a disk that boots, with its papers."""

from bluejacket.image.build import BOOT_CERTIFICATE, BuiltImage, build_image
from bluejacket.image.plan import Workbench

__all__ = ["BOOT_CERTIFICATE", "BuiltImage", "Workbench", "build_image"]
