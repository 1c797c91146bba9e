"""Totals from the sums by year and month (storage/tables.py, rollup), where a query asks for nothing finer."""

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.reading.bound import Bound, Condition
from incidents_api.reading.query import Query
from incidents_api.reading.selected import counted_by, is_broken_down, measure_asked
from incidents_api.storage import tables
from incidents_api.storage.tables import FULL_ROW, NO_POINT, PERIOD_TOTAL, PUBLIC_ROW

_FILTERS = {"type", "granularity", "status", "country", "measure", "from", "to", "date_mode"}
_GROUPS = {"type", "granularity", "status", "country", "year", "month"}
_FINE = {"type", "granularity"}
"""What the coarser sums are not kept by."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole years or months (the grain) of which sums are kept: from the first to the last; None: without an end."""

    grain: str
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Rolled:
    """The sums that answer a query. `rest`: which of its incidents are in none of them, as conditions on figures and
    the index that leads to these few."""

    where: list[Condition]
    keys: list[Any]
    rest: list[tuple[list[Condition], str]]

    @property
    def is_period(self) -> Condition:
        """Sums of totals for a period."""
        return tables.rollup.c.granularity == sa.literal_column(f"'{PERIOD_TOTAL}'")


def rolled(query: Query, bound: Bound, *, to: Audience) -> Callable[[Any], Rolled] | None:
    """How sums answer a query, to be made from the columns of figures; None where they cannot: of the past, by places
    or words. The days at the ends of a span that are no whole months are read from figures."""
    if not _is_coarse(query, to) or query.one("from", "") > "9999-11":  # after it there is no whole month
        return None
    finely = bool(_FINE & ({name for name, _ in query.filters} | {*query.get("by")}))
    span = query.one("from"), query.one("to")
    found, cut = stretches(*span, monthly="month" in query.get("by"))
    gaps = years_beside(*span, found)
    shapes = [[(one.grain, one.first is None, one.last is None) for one in some] for some in (found, gaps)]
    bound.shape.append(("rolled", finely, repr(shapes), len(cut)))
    ends = [(one.grain, _bound(one.first, bound), _bound(one.last, bound)) for one in found]
    beside = [(_bound(one.first, bound), _bound(one.last, bound)) for one in gaps]
    months = bound.all(cut)
    asked = _asked(query, bound, to)

    def made(figure: Any) -> Rolled:
        open_to_all = figure.audience.is_(None)
        told = tables.rollup.c
        some = [
            sa.and_(
                told.grain == sa.literal_column(f"'{grain if finely else f'{grain}s'}'"), *_within(told.period, *one)
            )
            for grain, *one in ends
        ]
        where = [sa.or_(*some) if some else sa.false(), *(_holds(*one) for one in asked)]
        loose = [open_to_all, figure.month.is_(None)]
        years = [
            figure.year.is_(None),
            *(sa.and_(figure.year.is_not(None), *_within(figure.year, *one)) for one in beside),
        ]
        if query.get("country"):  # whose loose ones lie together
            rest = [([*loose, sa.or_(*years)], "ix_figure_loose")]
        else:
            rest = [([*loose, one], "ix_figure_loose_by_year") for one in years]
        rest.append(([figure.audience.is_not(None), _closed(figure, to)], "ix_figure_closed"))
        if months:
            rest.append(([open_to_all, figure.month.in_(months)], "ix_figure_month_span_start"))
        return Rolled(where, [_key(name) for name in query.get("by")], rest)

    return made


def _bound(value: str | None, bound: Bound) -> Any:
    return None if value is None else bound.value(value)


def stretches(first: str | None, last: str | None, *, monthly: bool) -> tuple[list[Stretch], list[str]]:
    """The whole years and months of a span of days, and the months at its ends that it cuts.

    `monthly`: whole months alone. Incidents are in the sums of a year or month when they lie within it for certain.
    """
    begin, end = first and first[:7], last and last[:7]
    cut = []
    if first and end != begin and first[8:] != "01":
        cut, begin = [first[:7]], _month(first, 1)
    if last and not _ends_month(last):
        cut, end = [*cut, last[:7]], _month(last, -1)
    if first and last and first[:7] == last[:7]:
        return ([], [first[:7]]) if first[8:] != "01" or cut else ([Stretch("month", begin, end)], [])
    if begin and end and begin > end:
        return [], cut
    if monthly:
        return [Stretch("month", begin, end)], cut
    years = (
        begin and (begin[:4] if begin[5:] == "01" else _year(begin, 1)),
        end and (end[:4] if end[5:] == "12" else _year(end, -1)),
    )
    if years[0] and years[1] and years[0] > years[1]:
        return [Stretch("month", begin, end)], cut
    found = [Stretch("year", *years)]
    if begin and begin[5:] != "01":
        found.append(Stretch("month", begin, f"{begin[:4]}-12"))
    if end and end[5:] != "12":
        found.append(Stretch("month", f"{end[:4]}-01", end))
    return found, cut


def years_beside(first: str | None, last: str | None, found: Sequence[Stretch]) -> list[Stretch]:
    """The years of a span of days that no stretch of years holds."""
    begin, end = first and first[:4], last and last[:4]
    held = next((one for one in found if one.grain == "year"), None)
    if held is None:
        return [Stretch("year", begin, end)]
    before = [Stretch("year", begin, begin)] if begin and held.first and begin < held.first else []
    after = [Stretch("year", end, end)] if end and held.last and end > held.last else []
    return before + after


def _month(day: str, step: int) -> str:
    """The month after or before that of a day."""
    months = int(day[:4]) * 12 + int(day[5:7]) - 1 + step
    return f"{months // 12:04d}-{months % 12 + 1:02d}"


def _year(month: str, step: int) -> str:
    return f"{int(month[:4]) + step:04d}"


def _ends_month(day: str) -> bool:
    return int(day[8:]) == monthrange(int(day[:4]), int(day[5:7]))[1]


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
    asked = _asked(query, bound, to)
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


Asked = tuple[str, list[Any]]
"""A column of the sums and the values that it may have."""


def _asked(query: Query, bound: Bound, to: Audience) -> list[Asked]:
    found: list[Asked] = []
    if query.get("measure"):
        found.append(("measure", bound.all(counted_by(query))))
    columns = {"type": "type", "granularity": "granularity", "status": "status", "country": "country_order"}
    found += [(column, bound.all(query.get(name))) for name, column in columns.items() if query.get(name)]
    if to.statuses is not None:
        found.append(("status", bound.all(to.statuses)))
    return found


def _holds(name: str, values: list[Any]) -> Condition:
    return tables.rollup.c[name].in_(values)


def _within(column: Any, first: Any, last: Any) -> list[Any]:
    """Periods from the first to the last; None: without an end."""
    return [*([] if first is None else [column >= first]), *([] if last is None else [column <= last])]


def _key(name: str) -> Any:
    told = tables.rollup.c
    if name == "country":
        return told.country_order
    if name == "year":
        return sa.func.substr(told.period, sa.literal_column("1"), sa.literal_column("4"))
    return told.period if name == "month" else told[name]
