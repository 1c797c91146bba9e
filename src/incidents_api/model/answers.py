"""What reads return, as models: for the OpenAPI document and for tests. No read builds one; it hands back stored bytes.

Every member but `merged` is always there; what is not known is null.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from incidents_api.model.claims import Dims
from incidents_api.model.incident import Captivity, Review
from incidents_api.model.kinds import KINDS
from incidents_api.model.wire import ExternalIds, Id, InList


class Answer(BaseModel):
    """A shape that the service returns."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StoredQuote(Answer):
    """Words of a source and where they stand in its text, in Unicode code points, end exclusive."""

    text: str
    start: int | None
    end: int | None


class StoredEvidence(Answer):
    """Where something was taken from."""

    source_id: Id
    quote: StoredQuote | None


class DerivedDate(Answer):
    """An EDTF date with what follows from it."""

    edtf: str | None
    earliest: Annotated[str, Field(json_schema_extra={"format": "date"})] | None
    latest: Annotated[str, Field(json_schema_extra={"format": "date"})] | None
    kind: Annotated[str, InList("date_kind")]
    precision: Annotated[str, InList("date_precision")]


class StoredDate(DerivedDate):
    """A date with its basis and evidence."""

    basis: Annotated[str, InList("date_basis")] | None
    evidence: list[StoredEvidence]


class StoredPlace(Answer):
    """A location of an incident in one role."""

    role: Annotated[str, InList("location_role")]
    location_id: Id
    name: str
    country: str | None
    admin1: str | None
    lon: float | None
    lat: float | None
    precision: Annotated[str, InList("location_precision")]
    evidence: list[StoredEvidence]


class StoredParticipation(Answer):
    """An actor of an incident in one role."""

    actor_id: Id
    name: str
    role: Annotated[str, InList("actor_role")]
    attribution: Annotated[str, InList("attribution")]
    attributed_to: str | None
    evidence: list[StoredEvidence]


class StoredLink(Answer):
    """How a claim stands to another one; `incident_id` null: of the same record."""

    type: Annotated[str, InList("claim_link")]
    claim: str
    incident_id: Id | None


class StoredFigure(Answer):
    """One figure by one source, with the words."""

    id: str
    value: int | None
    low: int | None
    high: int | None
    qualifier: Annotated[str, InList("qualifier")]
    verbatim: str | None
    unit: str | None
    attributed_to: str | None
    as_of: str | None
    in_headline: bool
    source_id: Id | None
    quote: StoredQuote | None
    note: str | None
    links: list[StoredLink]


class StoredClaim(StoredFigure):
    """One figure for one measure of one population."""

    measure: Annotated[str, InList("measure")]
    population: Annotated[str, InList("population")]
    dims: Dims


class StoredTally(Answer):
    """Low, best and high, derived from claims."""

    low: int | None
    best: int | None
    high: int | None
    contested: bool
    claims: list[str]
    flags: list[str]


class IncidentTally(StoredTally):
    """The tally of one measure of one population."""

    measure: Annotated[str, InList("measure")]
    population: Annotated[str, InList("population")]
    dims: Dims


class StoredRelation(Answer):
    """How the incident stands to another one."""

    type: Annotated[str, InList("relation")]
    incident_id: Id
    offset: str | None
    evidence: list[StoredEvidence]


class StoredCaptivity(Captivity):
    """How people were held."""

    evidence: list[StoredEvidence]  # type: ignore[assignment]


class Resolved(Answer):
    """What a write did with a reference: which record it found or created for the member at `pointer`."""

    pointer: str
    kind: Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})]
    id: Id
    name: str | None
    how: str


class Trace(Answer):
    """What is kept of a record that was merged into this one: its names, and what its claims are called here."""

    id: Id
    external_ids: ExternalIds
    claims: dict[str, str]
    url: str | None = None
    fingerprint: str | None = None


class Envelope(Answer):
    """What the log gives to every record; `merged` is there where records were merged into it."""

    id: Id
    version: int
    seq: int
    recorded_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    recorded_by: str | None
    merged: list[Trace] = []


class StoredReview(Review):
    """Where the record stands in review."""

    status: Annotated[str, InList("review_status")]


class Incident(Envelope):
    """An incident as it stands."""

    type: Annotated[str, InList("incident_type")]
    secondary_types: list[Annotated[str, InList("incident_type")]]
    stage: Annotated[str, InList("stage")]
    granularity: Annotated[str, InList("granularity")]
    title: str | None
    summary: str | None
    date: StoredDate
    locations: list[StoredPlace]
    actors: list[StoredParticipation]
    claims: list[StoredClaim]
    tallies: list[IncidentTally]
    relations: list[StoredRelation]
    captivity: StoredCaptivity | None
    tags: list[str]
    evidence: list[StoredEvidence]
    external_ids: ExternalIds
    review: StoredReview
    sensitivity: Annotated[str, InList("sensitivity")]
    hold_until: Annotated[str, Field(json_schema_extra={"format": "date-time"})] | None
    raw: dict[str, Any] | None


class StoredAlias(Answer):
    """Another name of an actor and when it was used."""

    name: str
    used: DerivedDate | None


class Actor(Envelope):
    """An actor as it stands."""

    name: str
    type: Annotated[str, InList("actor_type")]
    aliases: list[StoredAlias]
    identified: bool
    parent_id: Id | None
    country: str | None
    description: str | None
    evidence: list[StoredEvidence]
    external_ids: ExternalIds


class Location(Envelope):
    """A location as it stands."""

    name: str
    kind: Annotated[str, InList("location_kind")]
    aliases: list[str]
    parent_id: Id | None
    country: str | None
    admin1: str | None
    lon: float | None
    lat: float | None
    precision: Annotated[str, InList("location_precision")]
    external_ids: ExternalIds


class StoredBoilerplate(Answer):
    """A stretch of a source's text that is not coded."""

    quote: StoredQuote
    note: str | None


class Source(Envelope):
    """A source as it stands; its text is never served."""

    kind: Annotated[str, InList("source_kind")]
    title: str | None
    publisher: str | None
    author: str | None
    url: str | None
    published: StoredDate
    language: str | None
    licence: str | None
    reliability: Annotated[str, InList("reliability")]
    assessment: Annotated[str, InList("assessment")]
    note: str | None
    fingerprint: str | None
    length: int | None
    title_quote: StoredQuote | None
    boilerplate: list[StoredBoilerplate]
    external_ids: ExternalIds


class StoredArea(Answer):
    """The area of a statistic."""

    location_id: Id | None
    name: str | None
    country: str | None
    admin1: str | None


class Statistic(Envelope):
    """A statistic as it stands."""

    indicator: str
    title: str | None
    note: str | None
    period: StoredDate
    area: StoredArea | None
    claims: list[StoredFigure]
    tally: StoredTally | None
    evidence: list[StoredEvidence]
    external_ids: ExternalIds


class Redaction(Answer):
    """What a revision removed from versions: `paths` of them (null: all), to the commitment of what was left."""

    code: Annotated[str, InList("deletion_reason")]
    note: str | None
    paths: list[str] | None
    versions: dict[str, str]


class Reason(Answer):
    """Why a record was ended, or what was redacted (without a code, when the record goes on)."""

    code: Annotated[str, InList("deletion_reason")] | None
    note: str | None
    successor: Id | None
    redaction: Redaction | None = None


class RevisionEntry(Answer):
    """One entry of a record's history."""

    version: int
    seq: int
    operation: Annotated[str, InList("operation")]
    author: str | None
    recorded_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    reason: Reason | None
    hash: str | None
    previous_hash: str | None
    url: str


class Change(Answer):
    """One entry of the feed; what follows `recorded_at` is not told of a record that left.

    Of a closed incident's view for the public neither who nor which hash is told, nor the version that ended it.
    """

    cursor: str
    seq: int
    kind: str
    id: str
    change: Literal["upsert", "end", "leave", "redacted"]
    recorded_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    version: int | None = None
    operation: Annotated[str, InList("operation")] | None = None
    recorded_by: str | None = None
    hash: str | None = None
    reason: Reason | None = None
    record: dict[str, Any] | None = None
    diff: list[dict[str, Any]] = []


ANSWERS: dict[str, type[Envelope]] = {
    "incident": Incident,
    "actor": Actor,
    "location": Location,
    "source": Source,
    "statistic": Statistic,
}
"""The shape of a record of each kind."""
