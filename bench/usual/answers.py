"""The response models of the usual architecture: the essential members of an incident as this service serves it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from bench.systems import LEVELS, MEASURES
from bench.usual.entities import Incident


class Model(BaseModel):
    """An answer read from an entity."""

    model_config = ConfigDict(from_attributes=True)


class DateOut(Model):
    """When it happened."""

    earliest: str
    latest: str


class PlaceOut(Model):
    """Where it happened."""

    name: str
    country: str
    admin1: str | None
    lon: float | None
    lat: float | None


class ActorOut(Model):
    """Who took part."""

    actor_id: int
    name: str
    role: str


class ClaimOut(Model):
    """A figure by a source."""

    id: int
    measure: str
    population: str
    qualifier: str
    value: int | None
    low: int | None
    high: int | None
    source_id: int


class TallyOut(Model):
    """The figures of a measure."""

    measure: str
    low: int | None
    best: int | None
    high: int | None


class IncidentOut(Model):
    """An incident on the wire."""

    id: str
    version: int
    recorded_at: datetime
    type: str
    stage: str
    title: str | None
    summary: str | None
    date: DateOut
    locations: list[PlaceOut]
    actors: list[ActorOut]
    claims: list[ClaimOut]
    tallies: list[TallyOut]
    status: str

    @classmethod
    def of(cls, one: Incident) -> "IncidentOut":
        """The answer for an entity."""
        levels = {name: [getattr(one, f"{name}_{level}") for level in LEVELS] for name in MEASURES}
        return cls(
            id=one.id,
            version=one.version,
            recorded_at=one.recorded_at,
            type=one.type,
            stage=one.stage,
            title=one.title,
            summary=one.summary,
            date=DateOut(earliest=one.date_start, latest=one.date_end),
            locations=[PlaceOut(name=one.place, country=one.country, admin1=one.admin1, lon=one.lon, lat=one.lat)],
            actors=[ActorOut(actor_id=p.actor_id, name=p.actor.name, role=p.role) for p in one.participations],
            claims=[ClaimOut.model_validate(claim) for claim in one.claims],
            tallies=[
                TallyOut(measure=name, low=low, best=best, high=high)
                for name, (low, best, high) in levels.items()
                if low is not None
            ],
            status=one.status,
        )


class PageOut(Model):
    """A page of a list."""

    items: list[IncidentOut]
    next: str | None


class TotalOut(Model):
    """A row of totals."""

    key: str | None
    incidents: int
    sums: dict[str, int]


class ClaimIn(BaseModel):
    """A figure that is reported."""

    measure: str
    population: str
    qualifier: str = "exact"
    value: int | None = None
    low: int | None = None
    high: int | None = None


class IncidentIn(BaseModel):
    """A report: the flat columns, with claims and the actors' ids."""

    flat: dict[str, Any]
    claims: list[ClaimIn]
    actors: list[int]
    source: int
