"""The cloud's page: groups, machines with their consoles, images, and a form for a new machine."""

from bluejacket.cloud.page.routes import page_routes
from bluejacket.cloud.page.session import Sessions

__all__ = ["Sessions", "page_routes"]
