"""Statistics: figures about a period and an area that are no incident; they never enter incident totals."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from incidents_api.model.claims import Figure
from incidents_api.model.location import LocationRef
from incidents_api.model.source import SourceRef
from incidents_api.model.wire import (
    EITHER,
    FORM,
    NO_IDS,
    NOTHING,
    TEXT,
    Admin1,
    Country,
    DateForms,
    EvidenceForms,
    ExternalIds,
    Id,
    Line,
    Prose,
    Report,
)


class StatisticClaim(Figure):
    """One figure for the indicator, by one source."""

    source: SourceRef | None = None


class Area(Report):
    """The area that a statistic speaks of: a location and the name the source gives it; the codes are derived."""

    location_id: Id | None = None
    location: LocationRef | None = None
    name: Line | None = None
    country: Country | None = None
    admin1: Admin1 | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Area":
        if self.location is not None and self.location_id is not None:
            raise PydanticCustomError("reference", "give either location or location_id")
        return self


class StatisticReport(Report):
    """A figure with its period and area, such as refugee applications in Mexico in 2021."""

    indicator: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
    title: Line | None = None
    note: Prose | None = None
    period: DateForms | None = None
    area: Annotated[Annotated[Area, FORM] | Annotated[Line, TEXT], EITHER] | None = None
    claims: Annotated[list[StatisticClaim], Field(min_length=1, max_length=100)]
    evidence: EvidenceForms = NOTHING
    source: SourceRef | None = None
    external_ids: ExternalIds = NO_IDS
