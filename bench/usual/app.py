"""The usual architecture, written as well as it usually is: FastAPI, ORM entities, selectinload, response models.

Indexes for every question, keyset paging, full text of the engine, a session for each request, an audit row for each
write. Served by `uvicorn bench.usual.app:app`; the store is named by BENCH_USUAL_URL.
"""

import csv
import io
import math
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session, selectinload, sessionmaker  # noqa: TID251 - this is what is measured

from bench.systems import COLUMNS, SUMS
from bench.usual.answers import IncidentIn, IncidentOut, PageOut, TotalOut
from bench.usual.entities import ADD_WORDS, FIND_WORDS, Claim, Incident, Participation, Revision

engine = sa.create_engine(os.environ.get("BENCH_USUAL_URL", "sqlite://"))
DIALECT = engine.dialect.name
new_session = sessionmaker(engine, expire_on_commit=False)
app = FastAPI(title="The usual way")

if DIALECT == "sqlite":

    @sa.event.listens_for(engine, "connect")
    def _settings(connection: Any, _: Any) -> None:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000", "mmap_size = 17179869184"):
            connection.execute(f"PRAGMA {pragma}")


def session() -> Iterator[Session]:
    """A session for the request."""
    with new_session() as opened:
        yield opened


Sessions = Annotated[Session, Depends(session)]
LOADED = (
    selectinload(Incident.claims),
    selectinload(Incident.participations).selectinload(Participation.actor),
)


@app.get("/incidents")
def list_incidents(  # noqa: PLR0913, PLR0917 - every parameter is one of the function, as is usual
    db: Sessions,
    country: str | None = None,
    type: str | None = None,
    first: Annotated[str | None, Query(alias="from")] = None,
    last: Annotated[str | None, Query(alias="to")] = None,
    within: bool = False,
    bbox: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
    radius_km: float | None = None,
    q: str | None = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PageOut:
    """A page, newest first."""
    asked = sa.select(Incident).options(*LOADED).where(Incident.status == "published")
    if country is not None:
        asked = asked.where(Incident.country == country)
    if type is not None:
        asked = asked.where(Incident.type == type)
    if first is not None:
        asked = asked.where((Incident.date_start if within else Incident.date_end) >= first)
    if last is not None:
        asked = asked.where((Incident.date_end if within else Incident.date_start) <= last)
    if bbox is not None:
        asked = asked.where(*_inside(*map(float, bbox.split(","))))
    if radius_km is not None and lat is not None and lon is not None:
        asked = asked.where(*_around(lon, lat, radius_km))
    if q is not None:
        asked = asked.where(Incident.n.in_(sa.text(FIND_WORDS[DIALECT]).bindparams(q=q)))
    if after is not None:
        day, _, last_id = after.partition(" ")
        asked = asked.where(sa.tuple_(Incident.date_start, Incident.id) < sa.tuple_(day, last_id))
    found = db.scalars(asked.order_by(Incident.date_start.desc(), Incident.id.desc()).limit(limit + 1)).all()
    following = f"{found[limit - 1].date_start} {found[limit - 1].id}" if len(found) > limit else None
    return PageOut(items=[IncidentOut.of(one) for one in found[:limit]], next=following)


def _inside(west: float, south: float, east: float, north: float) -> list[sa.ColumnElement[bool]]:
    return [Incident.lat.between(south, north), Incident.lon.between(west, east)]


def _around(lon: float, lat: float, km: float) -> list[sa.ColumnElement[bool]]:
    tall = km / 111.19
    wide = tall / max(0.01, math.cos(math.radians(lat))) * 1.02
    here, there = sa.func.radians(lat), sa.func.radians(Incident.lat)
    cosine = sa.func.sin(here) * sa.func.sin(there)
    cosine += sa.func.cos(here) * sa.func.cos(there) * sa.func.cos(sa.func.radians(Incident.lon - lon))
    least = sa.func.min(1.0, cosine) if DIALECT == "sqlite" else sa.func.least(1.0, cosine)
    return [*_inside(lon - wide, lat - tall, lon + wide, lat + tall), sa.func.acos(least) * 6371.0088 <= km]


@app.get("/incidents/{incident_id}")
def get_incident(incident_id: str, db: Sessions) -> IncidentOut:
    """One by id."""
    found = db.scalar(sa.select(Incident).options(*LOADED).where(Incident.id == incident_id))
    if found is None:
        raise HTTPException(404)
    return IncidentOut.of(found)


@app.get("/totals")
def totals(
    by: str,
    db: Sessions,
    country: str | None = None,
    first: Annotated[str | None, Query(alias="from")] = None,
    last: Annotated[str | None, Query(alias="to")] = None,
) -> list[TotalOut]:
    """Numbers and sums by country or month; parts count beside their whole."""
    key = Incident.country if by == "country" else Incident.month
    sums = [sa.func.coalesce(sa.func.sum(getattr(Incident, name)), 0) for name in SUMS]
    asked = sa.select(key, sa.func.count(), *sums).group_by(key)
    if country is not None:
        asked = asked.where(Incident.country == country)
    if first is not None and last is not None:
        asked = asked.where(Incident.date_end >= first, Incident.date_start <= last)
    return [
        TotalOut(key=told[0], incidents=told[1], sums=dict(zip(SUMS, map(int, told[2:]), strict=True)))
        for told in db.execute(asked)
    ]


@app.post("/incidents", status_code=201)
def create_incident(report: IncidentIn, db: Sessions) -> IncidentOut:
    """One more, with its audit row and its words, in one transaction."""
    made = entity(report.flat | {"id": str(uuid.uuid4())}, report)
    db.add(made)
    db.flush()
    body = report.model_dump_json()
    db.add(Revision(incident_n=made.n, version=1, recorded_at=made.recorded_at, body=body))
    db.execute(sa.text(ADD_WORDS[DIALECT]), {"n": made.n, "text": words(report.flat)})
    db.commit()
    return IncidentOut.of(db.scalars(sa.select(Incident).options(*LOADED).where(Incident.n == made.n)).one())


def entity(flat: dict[str, Any], report: IncidentIn) -> Incident:
    """The entity of a report with its children."""
    kept = {name: flat[name] for name in COLUMNS if name in Incident.__table__.columns and name != "n"}
    return Incident(
        **kept,
        version=1,
        recorded_at=datetime.now(UTC),
        claims=[Claim(source_id=report.source, **one.model_dump()) for one in report.claims],
        participations=[
            Participation(actor_id=actor, role=role)
            for actor, role in zip(report.actors, ("perpetrator", "other"), strict=True)
        ],
    )


def words(flat: dict[str, Any]) -> str:
    """What is searched."""
    return " ".join(flat[name] or "" for name in ("title", "summary", "place", "actor_a", "actor_b"))


@app.get("/export.ndjson")
def export_ndjson() -> StreamingResponse:
    """Everything, a thousand entities at a time."""

    def lines() -> Iterator[str]:
        with new_session() as db:
            asked = sa.select(Incident).options(*LOADED).order_by(Incident.n).execution_options(yield_per=1000)
            for some in db.scalars(asked).partitions():
                yield "".join(f"{IncidentOut.of(one).model_dump_json()}\n" for one in some)

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@app.get("/export.csv")
def export_csv() -> StreamingResponse:
    """Everything as a sheet."""
    columns = [column for column in Incident.__table__.columns if column.name != "n"]

    def lines() -> Iterator[str]:
        with engine.connect() as connection:
            asked = sa.select(*columns).order_by(Incident.n).execution_options(yield_per=1000)
            for some in connection.execute(asked).partitions():
                text = io.StringIO()
                csv.writer(text).writerows(some)
                yield text.getvalue()

    return StreamingResponse(lines(), media_type="text/csv")
