"""Duplicates as statements: incidents in the order of their dates, and for each the earlier ones to compare it with."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.duplicates import Asked, Window
from incidents_api.reading import pages
from incidents_api.reading.bound import Bound, seen
from incidents_api.reading.conditions import conditions
from incidents_api.reading.query import Query
from incidents_api.storage import nearby
from incidents_api.storage.database import Statement
from incidents_api.storage.tables import KIND_TABLES

BATCH = 20
"""How many incidents are looked at together."""
MOST = 10_000
"""How many pairs of one batch are compared at the most."""


def asked(query: Query) -> Asked:
    """How alike a pair must be, as the query says."""
    told = {name: query.one(name) for name in ("km", "days", "min_score") if query.get(name)}
    return Asked(**told | ({"days": int(told["days"])} if "days" in told else {}))


def walk(query: Query, place: tuple[str, str] | None, *, to: Audience) -> Statement:
    """The next incidents, newest first, from a place (date, id) on, itself included; as a page of the list."""
    # No id stands between an id and the same with a sign after it, so what comes after that begins with the id.
    after = None if place is None else (place[0], f"{place[1]}~")
    return pages.page(replace(query, sort=(("date", True),), after=after, limit=BATCH - 1), to=to)


def candidates(query: Query, windows: Sequence[Window], *, to: Audience) -> Statement:
    """(id, then ids of earlier incidents to compare it with, joined by blanks) of each window; both of a pair meet the
    filters of the query."""
    bound = Bound()
    open_to = seen(nearby.NEAR, to, bound)
    table = KIND_TABLES["incident"]
    where = conditions(query, bound, to=to) if query.filters else []

    def build() -> sa.Select[*tuple[Any, ...]]:
        shown = open_to()
        if where:
            shown = sa.and_(shown, sa.exists().where(table.c.id == nearby.NEAR.c.id, *where).correlate(nearby.NEAR))
        return nearby.earlier(len(windows), shown, MOST + 1)

    shape = ("duplicates", len(windows), repr(bound.shape))
    return Statement(shape, build, {**bound.values, **nearby.values(windows)})
