"""How the page names things."""

from __future__ import annotations

import pytest

from bluejacket.cloud.page.views import image_name

GROUP = "/subscriptions/0/resourceGroups/Yard/providers/Microsoft.Compute"
SLOOP = f"{GROUP}/galleries/Fleet/images/sloop"
PLAN = {"publisher": "Bluejacket", "offer": "bluejacket-linux-4", "sku": "4-lts", "version": "latest"}


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        (PLAN, "Bluejacket:bluejacket-linux-4:4-lts:latest"),
        (PLAN | {"exactVersion": "4.0.202611281"}, "Bluejacket:bluejacket-linux-4:4-lts:4.0.202611281"),
        ({"id": SLOOP, "exactVersion": "1.2.0"}, "Fleet/sloop/1.2.0"),
        ({"id": SLOOP}, "Fleet/sloop"),
        ({"id": f"{SLOOP}/versions/1.0.0", "exactVersion": "1.0.0"}, "Fleet/sloop/1.0.0"),
        ({"id": f"{GROUP}/images/golden"}, "golden"),
        ({}, "a disk of its own"),
    ],
)
def test_an_image_has_the_name_that_a_person_gave_it(reference: dict[str, str], name: str) -> None:
    assert image_name(reference) == name
