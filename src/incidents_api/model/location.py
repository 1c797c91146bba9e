"""Locations: where. A point that only represents a state or a country says so by its precision."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from incidents_api.model.wire import (
    EITHER,
    FORM,
    NO_IDS,
    NOTHING,
    TEXT,
    Admin1,
    Country,
    ExternalIds,
    Id,
    InList,
    Latitude,
    Line,
    Longitude,
    Reference,
    Report,
)

DEFAULT_PRECISION = {
    "country": "country",
    "admin1": "adm1",
    "admin2": "adm2",
    "place": "city",
    "region": "part_of_country",
    "facility": "exact",
    "route": "linear",
    "sea_area": "sea_or_air",
}
"""Precision of a location of each kind when the report does not say."""


class LocationReport(Report):
    """A country, a unit of one, a place or an informal region.

    `parent` (country > admin1 > admin2 > place) by id, name, ISO code or as a report of its own; country and admin1
    follow from it.
    """

    name: Line
    kind: Annotated[str, InList("location_kind")] = "place"
    aliases: Annotated[list[Line], Field(max_length=200)] = NOTHING
    parent_id: Id | None = None
    parent: "LocationRef | None" = None
    country: Country | None = None
    admin1: Admin1 | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    precision: Annotated[str, InList("location_precision")] | None = None
    external_ids: ExternalIds = NO_IDS

    @model_validator(mode="after")
    def _consistent(self) -> "LocationReport":
        if (self.lon is None) != (self.lat is None):
            raise PydanticCustomError("point", "lon and lat go together")
        if self.admin1 and self.country and not self.admin1.startswith(self.country + "-"):
            raise PydanticCustomError("admin1", "admin1 lies in another country")
        return self


LocationRef = Annotated[Annotated[Reference, TEXT] | Annotated[LocationReport, FORM], EITHER]
"""Another record by id, `scheme:value`, name or code, or as a report of its own."""
LocationReport.model_rebuild()
