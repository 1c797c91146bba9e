"""Totals from the sums by year and month (storage/tables.py, rollup), where a query asks for nothing finer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.reading.bound import Bound, Condition
from incidents_api.reading.query import Query
from incidents_api.reading.selected import PERIOD, counted_by, is_broken_down, measure_asked
from incidents_api.storage import tables
from incidents_api.storage.tables import FULL_ROW, NO_POINT, PUBLIC_ROW

_FILTERS = {"type", "granularity", "status", "country", "measure", "from", "to", "date_mode"}
_GROUPS = {"type", "granularity", "status", "country", "year", "month"}


@dataclass(frozen=True, slots=True)
class Rolled:
    """The sums that answer a query, and which of its incidents are in none of them: `rest` are the conditions of two
    sets of figures, those whose dates are too coarse for the grain and those that are not for everybody."""

    where: list[Condition]
    keys: list[Any]
    rest: tuple[list[Condition], list[Condition]]

    @property
    def is_period(self) -> Condition:
        """Sums of totals for a period."""
        return tables.rollup.c.granularity == sa.literal_column(f"'{PERIOD}'")


def rolled(query: Query, bound: Bound, *, to: Audience) -> Callable[[Any], Rolled] | None:
    """How sums answer a query, to be made from the columns of figures; None where they cannot: of the past, by places
    or words, by days that cut a month."""
    grain = _grain(query) if _is_coarse(query, to) else None
    if grain is None:
        return None
    bound.shape.append(("rolled", grain))
    asked = _asked(query, grain, bound, to)

    def made(figure: Any) -> Rolled:
        told = tables.rollup.c
        loose = [figure.audience.is_(None), figure.month.is_(None)]
        loose += [figure.year.is_(None)] if grain == "year" else []
        closed = [figure.audience.is_not(None), _closed(figure, to)]
        where = [told.grain == sa.literal_column(f"'{grain}'"), *(_holds(*one) for one in asked)]
        return Rolled(where, [_key(name, grain) for name in query.get("by")], (loose, closed))

    return made


def _is_coarse(query: Query, to: Audience) -> bool:
    """Whether a query asks for nothing that sums are not kept by."""
    names = {name for name, _ in query.filters}
    by_author = to.statuses is not None and to.author is not None
    of_one = not query.get("measure") or measure_asked(query) is not None
    asked = names <= _FILTERS and {*query.get("by")} <= _GROUPS and not is_broken_down(query)
    return asked and of_one and query.at is None and not by_author and query.one("date_mode") != "contains"


def unplaced(
    query: Query, enough: Sequence[str], bound: Bound, *, pointed: bool, to: Audience
) -> Callable[[Any], tuple[Any, list[Condition]]] | None:
    """How many incidents of a query lie nowhere precisely `enough` (with a point, where it must be `pointed`), as a
    sum, and which of them are in no sum: conditions on their table. None where sums cannot tell."""
    fine = bool({"country", "type", "granularity"} & {name for name, _ in query.filters})
    if not {name for name, _ in query.filters} <= {"country", "type", "granularity", "status"} or query.at is not None:
        return None
    if query.kind.name != "incident" or (to.statuses is not None and to.author is not None):
        return None
    bound.shape.append(("unplaced", fine))
    asked = _asked(query, "point", bound, to)
    placed = bound.all([*enough, *([] if pointed else (f"{NO_POINT}{code}" for code in enough))])

    def made(table: Any) -> tuple[Any, list[Condition]]:
        told = tables.rollup.c
        where = [told.grain == sa.literal_column("'point'" if fine else "'points'"), told.period.not_in(placed)]
        where += [_holds(*one) for one in asked]
        total = sa.select(sa.func.sum(told.n)).where(*where).scalar_subquery()
        return sa.cast(sa.func.coalesce(total, sa.literal_column("0")), sa.BigInteger), [_closed(table, to)]

    return made


def _closed(told: Any, to: Audience) -> Condition:
    """What is in no sum because it is not for everybody, as far as this audience may see some of it.

    Of the closed ones nearly all are so for good: two more words find those that are not.
    """
    columns = getattr(told, "c", told)
    if to.full:
        return columns.audience.is_not(None)  # type: ignore[no-any-return]
    opens = sa.and_(columns.audience == sa.literal_column(str(FULL_ROW)), columns.turns.is_not(None))
    return sa.or_(columns.audience == sa.literal_column(str(PUBLIC_ROW)), opens)


Asked = tuple[str, str, list[Any]]
"""A column of the sums, how it is compared, and the values bound for it."""


def _asked(query: Query, grain: str, bound: Bound, to: Audience) -> list[Asked]:
    length = {"year": 4}.get(grain, 7)
    found: list[Asked] = []
    found += [("period", end, bound.all([query.one(end)[:length]])) for end in ("from", "to") if query.get(end)]
    if query.get("measure"):
        found.append(("measure", "in", bound.all(counted_by(query))))
    columns = {"type": "type", "granularity": "granularity", "status": "status", "country": "country_order"}
    found += [(column, "in", bound.all(query.get(name))) for name, column in columns.items() if query.get(name)]
    if to.statuses is not None:
        found.append(("status", "in", bound.all(to.statuses)))
    return found


def _holds(name: str, comparison: str, values: list[Any]) -> Condition:
    column = tables.rollup.c[name]
    if comparison == "in":
        return column.in_(values)
    found: Condition = column >= values[0] if comparison == "from" else column <= values[0]
    return found


def _grain(query: Query) -> str | None:
    """The coarsest grain whose periods the dates asked for do not cut."""
    first, last = query.one("from"), query.one("to")
    after = (date.fromisoformat(last) + timedelta(days=1)).isoformat() if last and last < "9999-12-31" else None
    edges = [edge for edge in (first, after) if edge is not None]
    if (last and after is None) or any(edge[8:] != "01" for edge in edges):
        return None
    yearly = all(edge[5:7] == "01" for edge in edges)
    return "year" if yearly and "month" not in query.get("by") else "month"


def _key(name: str, grain: str) -> Any:
    told = tables.rollup.c
    if name == "country":
        return told.country_order
    if name in ("year", "month"):
        return (
            told.period
            if name == grain
            else sa.func.substr(told.period, sa.literal_column("1"), sa.literal_column("4"))
        )
    return told[name]
