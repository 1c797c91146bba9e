"""Which incidents could be the same as some others: look-ups by unit and day, never a comparison of all with all."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from incidents_api.model.duplicates import PRECISE, Window
from incidents_api.storage.tables import KIND_TABLES, PUBLIC_ROW

Bind = Callable[[Any], sa.ColumnElement[Any]]
Seen = Callable[[Any], sa.ColumnElement[bool]]


def pairs(windows: Sequence[Window], bind: Bind, seen: Seen, *, earlier: bool) -> sa.CompoundSelect[Any]:
    """(id, id of a candidate): what the windows leave to be compared.

    `earlier`: only candidates before an incident in the order of dates, so that a walk along it meets each pair once.
    `seen`: which rows of incidents may be told of; the public's own rows are never compared.

    Each select is one range of an index with bounds of its own: joined with the windows as a table, a planner may read
    all incidents instead.
    """
    return sa.union(*(select for one in windows for select in _look_ups(one, bind, seen, earlier=earlier)))


def _look_ups(window: Window, bind: Bind, seen: Seen, *, earlier: bool) -> Iterator[sa.Select[Any]]:
    """In the same unit, in no unit of the country, and in the country around the point (it may be near a border).

    The text is the same for every window, so that a statement is compiled once for each number of them.
    """
    near = KIND_TABLES["incident"].alias()
    own, reached = bind(window.id), bind(window.reached)
    whole = sa.or_(near.c.audience.is_(None), near.c.audience != PUBLIC_ROW)
    where = [near.c.seq_to.is_(None), near.c.span_end >= reached, near.c.id != own, whole, seen(near)]
    if earlier:
        began = bind(window.began)
        where += [near.c.date <= began, sa.or_(near.c.date < began, near.c.id < own)]
    else:
        where.append(near.c.date <= bind(window.until))
    country, since = near.c.country == bind(window.country), near.c.date >= bind(window.since)
    here = sa.and_(
        near.c.lat.between(bind(window.south), bind(window.north)),
        near.c.lon.between(bind(window.west), bind(window.east)),
    )
    # A point that only stands for a unit is no place, so nothing can lie far from it.
    placed = sa.or_(near.c.lon.is_(None), sa.and_(*(near.c.precision != one for one in PRECISE)), here)
    found = sa.select(own.label("one"), near.c.id.label("other")).where(*where)
    yield found.where(placed, near.c.admin1 == bind(window.admin1), since)
    yield found.where(placed, near.c.admin1.is_(None), since, country)
    yield found.where(here, country, near.c.date >= bind(window.around))
