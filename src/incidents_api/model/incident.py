"""Incidents: something that happened, or is claimed to have, as people who document it report it."""

from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from incidents_api.model.actor import ActorRef
from incidents_api.model.claims import ClaimReport
from incidents_api.model.location import LocationRef
from incidents_api.model.source import SourceRef
from incidents_api.model.wire import (
    EITHER,
    FORM,
    NO_IDS,
    NOTHING,
    TEXT,
    Admin1,
    ClaimId,
    Country,
    DateForms,
    EvidenceForms,
    ExternalIds,
    Id,
    InList,
    Instant,
    Label,
    Latitude,
    Line,
    Longitude,
    Prose,
    Report,
)


class Place(Report):
    """One location of an incident in one role.

    Give `location` (name, code, id or a report) or `location_id`. `name` is the name as reported; a point here is the
    incident's own (more exact than the location's), otherwise point, country and admin1 come from the location.
    """

    role: Annotated[str, InList("location_role")] = "occurred_at"
    location_id: Id | None = None
    location: LocationRef | None = None
    name: Line | None = None
    country: Country | None = None
    admin1: Admin1 | None = None
    lon: Longitude | None = None
    lat: Latitude | None = None
    precision: Annotated[str, InList("location_precision")] | None = None
    evidence: EvidenceForms = NOTHING

    @model_validator(mode="after")
    def _consistent(self) -> "Place":
        if (self.location_id is None) == (self.location is None):
            raise PydanticCustomError("reference", "give either location or location_id")
        if (self.lon is None) != (self.lat is None):
            raise PydanticCustomError("point", "lon and lat go together")
        return self


class Participation(Report):
    """One actor in one role, and how sure that is: `attribution`, and who says so in `attributed_to`."""

    actor_id: Id | None = None
    actor: ActorRef | None = None
    name: Line | None = None
    role: Annotated[str, InList("actor_role")]
    attribution: Annotated[str, InList("attribution")] = "reported_as_fact"
    attributed_to: Line | None = None
    evidence: EvidenceForms = NOTHING

    @model_validator(mode="after")
    def _consistent(self) -> "Participation":
        if self.actor_id is not None and self.actor is not None:
            raise PydanticCustomError("reference", "give either actor or actor_id")
        if self.actor_id is None and self.actor is None and self.name is None:
            raise PydanticCustomError("reference", "an actor is missing: give actor, actor_id or name")
        return self


class Claim(ClaimReport):
    """A claim of an incident; its source by id or inline, else the report's own `source` is meant."""

    source: SourceRef | None = None


class Relation(Report):
    """How this incident stands to another one, given by id or by `incident` (an id or `scheme:value`)."""

    type: Annotated[str, InList("relation")]
    incident_id: Id | None = None
    incident: Line | None = None
    offset: Annotated[str, Field(pattern=r"^P(\d{1,4}Y|\d{1,4}M|\d{1,4}W|\d{1,5}D){1,4}$")] | None = None
    evidence: EvidenceForms = NOTHING

    @model_validator(mode="after")
    def _consistent(self) -> "Relation":
        if (self.incident_id is None) == (self.incident is None):
            raise PydanticCustomError("reference", "give either incident or incident_id")
        return self


class Ransom(Report):
    """An amount of money and its ISO 4217 currency; unknown is null, never 0."""

    amount: Annotated[float, Field(gt=0, le=1e15)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Captivity(Report):
    """How people were held; durations in days, null where unknown."""

    setting: Annotated[str, InList("captivity_setting")] | None = None
    ransom_demanded: Annotated[str, InList("answer")] = "unknown"
    ransom_paid: Annotated[str, InList("answer")] = "unknown"
    ransom_amount: Ransom | None = None
    days_low: Annotated[float, Field(ge=0, le=100_000)] | None = None
    days_high: Annotated[float, Field(ge=0, le=100_000)] | None = None
    outcome: Annotated[str, InList("captivity_outcome")] | None = None
    evidence: EvidenceForms = NOTHING

    @model_validator(mode="after")
    def _consistent(self) -> "Captivity":
        if self.days_low is not None and self.days_high is not None and self.days_low > self.days_high:
            raise PydanticCustomError("figure", "days_low must not be above days_high")
        return self


class Review(Report):
    """Where the record stands: status, by whom and why; `chosen` are the claims that a reviewer holds for best.

    Without a status the record stays where it stands; a new one is submitted, or published when a reviewer sends it.
    """

    status: Annotated[str, InList("review_status")] | None = None
    by: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    reason: Line | None = None
    chosen: Annotated[list[ClaimId], Field(max_length=100)] = NOTHING


class ReviewReport(Report):
    """A move in review: the new status and why; `chosen`, where given, are the claims held for best from now on."""

    status: Annotated[str, InList("review_status")]
    reason: Line
    chosen: Annotated[list[ClaimId], Field(max_length=100)] | None = None


class IncidentReport(Report):
    """A report of an incident: the long form that reads return, or the short one.

    `location` is short for one entry of `locations`; `source` is the source of every claim and evidence that names
    none of its own. `evidence` is for what stands behind the record as a whole.
    """

    type: Annotated[str, InList("incident_type")]
    secondary_types: Annotated[list[Annotated[str, InList("incident_type")]], Field(max_length=20)] = NOTHING
    stage: Annotated[str, InList("stage")] = "accomplished"
    granularity: Annotated[str, InList("granularity")] = "single"
    title: Line | None = None
    summary: Prose | None = None
    date: DateForms | None = None
    location: LocationRef | None = None
    locations: Annotated[
        list[Annotated[Annotated[Place, FORM] | Annotated[Line, TEXT], EITHER]], Field(max_length=100)
    ] = NOTHING
    actors: Annotated[list[Participation], Field(max_length=200)] = NOTHING
    claims: Annotated[list[Claim], Field(max_length=500)] = NOTHING
    relations: Annotated[list[Relation], Field(max_length=200)] = NOTHING
    captivity: Captivity | None = None
    tags: Annotated[list[Label], Field(max_length=100)] = NOTHING
    source: SourceRef | None = None
    evidence: EvidenceForms = NOTHING
    external_ids: ExternalIds = NO_IDS
    review: Review = Field(default_factory=Review, json_schema_extra={"default": Review().model_dump()})
    sensitivity: Annotated[str, InList("sensitivity")] = "public"
    hold_until: Instant | None = None
    raw: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "IncidentReport":
        if self.location is not None and self.locations:
            raise PydanticCustomError("reference", "give either location or locations")
        if self.type in self.secondary_types:
            raise PydanticCustomError("type", "secondary_types repeats the type")
        return self


class ClaimsReport(Report):
    """Claims to add to an incident without resending it; `source` is the source of those that name none."""

    claims: Annotated[list[Claim], Field(min_length=1, max_length=100)]
    source: SourceRef | None = None
