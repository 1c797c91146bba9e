"""The entities of the usual architecture, with an index for every question."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship  # noqa: TID251 - this is what is measured

from bench.systems import SUMS


class Entity(DeclarativeBase):
    """What all entities are."""


class Actor(Entity):
    """Who takes part."""

    __tablename__ = "actor"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Source(Entity):
    """What says so."""

    __tablename__ = "source"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    url: Mapped[str]


class Participation(Entity):
    """An actor in a role."""

    __tablename__ = "participation"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_n: Mapped[int] = mapped_column(sa.ForeignKey("incident.n"), index=True)
    actor_id: Mapped[int] = mapped_column(sa.ForeignKey("actor.id"))
    role: Mapped[str]
    actor: Mapped[Actor] = relationship()


class Claim(Entity):
    """A figure by a source."""

    __tablename__ = "claim"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_n: Mapped[int] = mapped_column(sa.ForeignKey("incident.n"), index=True)
    source_id: Mapped[int] = mapped_column(sa.ForeignKey("source.id"))
    measure: Mapped[str]
    population: Mapped[str]
    qualifier: Mapped[str]
    value: Mapped[int | None]
    low: Mapped[int | None]
    high: Mapped[int | None]
    source: Mapped[Source] = relationship()


class Incident(Entity):
    """What happened; its figures are kept beside it so that sums need no join."""

    __tablename__ = "incident"
    n: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column(default=1)
    recorded_at: Mapped[datetime]
    title: Mapped[str | None]
    summary: Mapped[str | None]
    type: Mapped[str]
    stage: Mapped[str]
    country: Mapped[str]
    admin1: Mapped[str | None]
    date_start: Mapped[str]
    date_end: Mapped[str]
    month: Mapped[str | None]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    place: Mapped[str]
    status: Mapped[str]
    claims: Mapped[list[Claim]] = relationship(order_by=Claim.id)
    participations: Mapped[list[Participation]] = relationship(order_by=Participation.id)


for _name in SUMS:
    setattr(Incident, _name, mapped_column(_name, sa.Integer, nullable=True))
_SUMS = [getattr(Incident, name) for name in SUMS]
for _columns in (
    (Incident.date_start, Incident.id),
    (Incident.country, Incident.date_start, Incident.id),
    (Incident.country, Incident.type, Incident.date_start, Incident.id),
    (Incident.lat, Incident.lon),
    (Incident.date_start, Incident.date_end, Incident.country, *_SUMS),
    (Incident.country, Incident.month, *_SUMS),
):
    sa.Index("ix_" + "_".join(one.key for one in _columns[:4]), *_columns)


class Revision(Entity):
    """The audit row of a write."""

    __tablename__ = "revision"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident_n: Mapped[int] = mapped_column(sa.ForeignKey("incident.n"), index=True)
    version: Mapped[int]
    recorded_at: Mapped[datetime]
    body: Mapped[str]


WORDS = {
    "sqlite": "CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='unicode61')",
    "postgresql": "CREATE TABLE words (n integer PRIMARY KEY, text tsvector NOT NULL)",
}
INDEX_OF_WORDS = {"sqlite": None, "postgresql": "CREATE INDEX ix_words ON words USING gin (text)"}
ADD_WORDS = {
    "sqlite": "INSERT INTO words (rowid, text) VALUES (:n, :text)",
    "postgresql": "INSERT INTO words VALUES (:n, to_tsvector('simple', :text))",
}
FIND_WORDS = {
    "sqlite": "SELECT rowid FROM words WHERE words MATCH :q",
    "postgresql": "SELECT n FROM words WHERE text @@ plainto_tsquery('simple', :q)",
}
"""Full text of each engine."""
