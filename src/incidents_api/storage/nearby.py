"""Which incidents could be the same as some others: look-ups by unit and day, never a comparison of all with all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from incidents_api.model.duplicates import Window
from incidents_api.model.places import PRECISE
from incidents_api.storage.dialects import joined
from incidents_api.storage.tables import KIND_TABLES, PUBLIC_ROW

NEAR = KIND_TABLES["incident"].alias("near")
"""The rows that candidates are taken from."""
_NAMES = tuple(field.name for field in fields(Window))
_NUMBERS = ("west", "south", "east", "north")

Seen = sa.ColumnElement[bool]


def candidates(seen: Seen) -> sa.CompoundSelect[Any]:
    """(id) of what one window, bound as `values` says, leaves to be compared. `seen`: rows of NEAR to be told of."""
    return sa.union(*_look_ups(_parameters(0), seen, earlier=False))


def earlier(count: int, seen: Seen, most: int) -> sa.Select[Any]:
    """(id, then three times ids of candidates, joined by blanks) of so many windows, bound as `values` says.

    Only candidates before an incident in the order of dates, so that a walk along it meets each pair once; `most` of
    each look-up. Each is a query within the row of its window: joined with the windows a planner may read all incidents
    instead, and selects of their own for each window are 60 to be planned, which took longer than looking up.
    """
    windows = sa.union_all(
        *(sa.select(*(one.label(name) for name, one in _parameters(n).items())) for n in range(count))
    ).subquery("windows")
    found = []
    for select in _look_ups(windows.c, seen, earlier=True):
        ids = select.limit(most).correlate(windows).subquery()
        found.append(sa.select(joined(ids.c.id, sa.literal(" "))).correlate(windows).scalar_subquery())
    return sa.select(windows.c.id, *found)


def values(windows: Sequence[Window]) -> Mapping[str, Any]:
    """What the parameters stand for."""
    return {f"{name}_{n}": getattr(one, name) for n, one in enumerate(windows) for name in _NAMES}


def _parameters(n: int) -> Mapping[str, sa.ColumnElement[Any]]:
    types = {name: sa.Double() if name in _NUMBERS else sa.Text() for name in _NAMES}
    return {name: sa.bindparam(f"{name}_{n}", type_=types[name]) for name in _NAMES}


def _look_ups(asked: Any, seen: Seen, *, earlier: bool) -> Iterator[sa.Select[Any]]:
    """In the same unit, in no unit of the country, and in the country around the point (it may be near a border); the
    public's own rows are never compared."""
    near = NEAR.c
    whole = sa.or_(near.audience.is_(None), near.audience != PUBLIC_ROW)
    where = [near.seq_to.is_(None), near.span_end >= asked["reached"], near.id != asked["id"], whole, seen]
    if earlier:
        where += [near.date <= asked["began"], sa.or_(near.date < asked["began"], near.id < asked["id"])]
    else:
        where.append(near.date <= asked["until"])
    country, since = near.country == asked["country"], near.date >= asked["since"]
    here = sa.and_(
        near.lat.between(asked["south"], asked["north"]),
        near.lon.between(asked["west"], asked["east"]),
    )
    # A point that only stands for a unit is no place, so nothing can lie far from it.
    placed = sa.or_(near.lon.is_(None), sa.and_(*(near.precision != one for one in PRECISE)), here)
    found = sa.select(near.id).where(*where)
    yield found.where(placed, near.admin1 == asked["admin1"], since)
    yield found.where(placed, near.admin1.is_(None), since, country)
    yield found.where(here, country, near.date >= asked["around"])
