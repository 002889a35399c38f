"""The catalogue: under which publisher, offer and SKU a cloud's marketplace has the images of releases."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from bluejacket.definition.table import PLAN, Name, Table, distinct

Plan = Annotated[str, Field(pattern=PLAN)]


class Offer(Table):
    """One image of one release, and its names in the marketplace."""

    publisher: Name = Field(description="the publisher, first part of a URN")
    offer: Name = Field(description="the offer, second part of a URN")
    sku: Name = Field(description="the SKU, third part of a URN")
    release: Name = Field(description="the release's version")
    image: Name = Field(description="the image of that release")
    alias: Name | None = Field(default=None, description="a short name that `az vm create --image` takes")
    also: Annotated[tuple[Plan, ...], AfterValidator(distinct)] = Field(
        default=(), description="further names, as `publisher:offer:sku`, under which it is found too"
    )

    @property
    def plans(self) -> tuple[str, ...]:
        """All its names as `publisher:offer:sku`, its own first."""
        return (f"{self.publisher}:{self.offer}:{self.sku}", *self.also)
