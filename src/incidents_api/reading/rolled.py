"""Totals from the sums by year and month (storage/tables.py, rollup), where a query asks for nothing finer."""

from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.figures import LEVELS, Levels, added, sums_of
from incidents_api.reading.bound import Bound, Condition
from incidents_api.reading.query import Query
from incidents_api.reading.selected import ITSELF, counted_by, is_broken_down, measure_asked
from incidents_api.storage import tables
from incidents_api.storage.dialects import filled, joined
from incidents_api.storage.tables import FULL_ROW, NO_POINT, PERIOD_TOTAL, PUBLIC_ROW, SINGLY

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
    """The sums that answer a query: those of each of `spans` that meet `where`; none is of two. `rest`: which incidents
    are in none of them, as conditions on figures and the index that leads to these few. `cells`: of the wholes whose
    parts no sum takes off; None: of any."""

    spans: list[Condition]
    where: list[Condition]
    rest: list[tuple[list[Condition], str]]
    cells: list[Any] | None

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
    found, years, cut = stretches(*span, monthly="month" in query.get("by"))
    shape = [(one.grain, one.first is None, one.last is None) for one in found]
    bound.shape.append(("rolled", finely, repr(shape), len(years), len(cut)))
    ends = [(one.grain, _bound(one.first, bound), _bound(one.last, bound)) for one in found]
    beside, months = bound.all(years), bound.all(cut)
    dated = span != (None, None)
    cells = bound.all([SINGLY, *(["", *years, *cut] if dated else [])])
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
        where = [_holds(*one) for one in asked]
        where += [] if finely else [told.type == sa.literal_column("''")]  # which an index of these is entered by
        loose = [open_to_all, figure.month.is_(None)]
        of_years = [figure.year.is_(None), *([figure.year.in_(beside)] if beside else [])] if dated else []
        if query.get("country"):  # whose loose ones lie together
            rest = [([*loose, sa.or_(*of_years)], "ix_figure_loose")] if of_years else []
        else:
            rest = [([*loose, one], "ix_figure_loose_by_year") for one in of_years]
        rest += [([one], "ix_figure_closed") for one in _closed_ones(figure, to)]
        if months:
            rest.append(([open_to_all, figure.month.is_not(None), figure.month.in_(months)], "ix_figure_by_day"))
        return Rolled(some, where, rest, None if finely else cells)

    return made


def _bound(value: str | None, bound: Bound) -> Any:
    return None if value is None else bound.value(value)


def stretches(first: str | None, last: str | None, *, monthly: bool) -> tuple[list[Stretch], list[str], list[str]]:
    """The whole years and months of a span of days, and the years and months at its ends that it cuts.

    `monthly`: whole months alone, with what is in a whole year but too coarse for a month (`rest`). Incidents are in
    the sums of a year or month when they lie within it for certain.
    """
    begin, end = first and first[:7], last and last[:7]
    cut = []
    if first and end != begin and first[8:] != "01":
        cut, begin = [first[:7]], _month(first, 1)
    if last and not _ends_month(last):
        cut, end = [*cut, last[:7]], _month(last, -1)
    if first and last and first[:7] == last[:7]:
        part = first[8:] != "01" or bool(cut)
        return [] if part else [Stretch("month", begin, end)], [first[:4]], [first[:7]] if part else []
    years = (
        begin and (begin[:4] if begin[5:] == "01" else _year(begin, 1)),
        end and (end[:4] if end[5:] == "12" else _year(end, -1)),
    )
    some = not (years[0] and years[1] and years[0] > years[1])
    ends = sorted({day[:4] for day in (first, last) if day})
    beside = [one for one in ends if not (some and (years[0] or one) <= one <= (years[1] or one))]
    if begin and end and begin > end:
        return [], beside, cut
    # Of no year: they are in a span that has no ends, and only there for certain.
    rest = Stretch("rest", years[0] or ("0" if last else None), years[1])
    if monthly:
        return [Stretch("month", begin, end), *([rest] if some else [])], beside, cut
    if not some:
        return [Stretch("month", begin, end)], beside, cut
    found = [Stretch("year", *years), *([] if first or last else [Stretch("rest", "", "")])]
    if begin and begin[5:] != "01":
        found.append(Stretch("month", begin, f"{begin[:4]}-12"))
    if end and end[5:] != "12":
        found.append(Stretch("month", f"{end[:4]}-01", end))
    return found, beside, cut


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
    sum, and which are in no sum: conditions on their table, of which a row meets one at most.

    None where sums cannot tell.
    """
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
        return sa.cast(sa.func.coalesce(total, sa.literal_column("0")), sa.BigInteger), _closed_ones(table.c, to)

    return made


def _closed_ones(told: Any, to: Audience) -> list[Condition]:
    """What is in no sum because it is not for everybody, as far as this audience may see some of it: one by one, each
    to be found by an index. Of the closed ones nearly all are so for good: few are opened, or have a row for others.
    """
    if to.full:
        return [told.audience.is_not(None)]
    opens = told.turns > sa.literal_column("''")  # not null, so that an index is entered there
    public, full = (told.audience == sa.literal_column(str(row)) for row in (PUBLIC_ROW, FULL_ROW))
    return [public, sa.and_(full, opens)]


Asked = tuple[str, list[Any]]
"""A column of the sums and the values that it may have."""


def _asked(query: Query, bound: Bound, to: Audience) -> list[Asked]:
    columns = {"type": "type", "granularity": "granularity", "status": "status", "country": "country_order"}
    found = [(column, bound.all(query.get(name))) for name, column in columns.items() if query.get(name)]
    if to.statuses is not None:
        found.append(("status", bound.all(to.statuses)))
    return found


def _holds(name: str, values: list[Any]) -> Condition:
    return tables.rollup.c[name].in_(values)


def _within(column: Any, first: Any, last: Any) -> list[Any]:
    """Periods from the first to the last; None: without an end."""
    return [*([] if first is None else [column >= first]), *([] if last is None else [column <= last])]


def wants_period_totals(query: Query) -> bool:
    """Period totals are left out unless they are asked for, by the option or by their granularity."""
    return bool(query.one("include_period_totals", default=False)) or PERIOD_TOTAL in query.get("granularity")


# --- What is kept --------------------------------------------------------------------------------------------------


_PERIODS = ("year", "month")


def sums_as_text(query: Query, sums: Rolled) -> Any:
    """The sums that are kept, as one text: lines of values parted by tabs. A value for each group, the period for a
    year or month; how many incidents; their numbers as JSON, and where groups may have one sum each, as nearly all by
    month do, their figures as they are told (writing/rollup.py)."""
    told = tables.rollup.c
    named = {"country": told.country_order} | dict.fromkeys(_PERIODS, told.period)
    keys = [named[name] if name in named else told[name] for name in query.get("by")]
    figures: Any = sa.literal_column("''", sa.Text)
    numbers: Any = told.numbers
    if counted_by(query) == (ITSELF,):
        if query.get("figures"):  # which asks for none of them
            figures = numbers = sa.literal_column("'{}'", sa.Text)
        elif not {*_PERIODS}.isdisjoint(query.get("by")):
            figures = told.figures
    no_period = [] if wants_period_totals(query) else [sa.not_(sums.is_period)]
    values = [*(keys or [sa.literal_column("''", sa.Text)]), told.n, numbers, figures]
    line = filled(sa.literal_column(f"'{chr(9).join('%s' for _ in values)}'"), *values)
    # Each span by itself: for one OR of all SQLite would see to it that no row is found twice, which takes longer.
    every = sa.select(joined(line, sa.literal_column("'\n'"))).where(*sums.where, *no_period)
    texts = [every.where(span).scalar_subquery() for span in sums.spans]
    joint = filled(sa.literal_column(f"'{chr(10).join('%s' for _ in texts)}'"), *texts)
    return sa.func.coalesce(joint, sa.literal_column("''"))


Told = dict[str, Levels] | str
"""Sums by measure; as JSON where they are told as they are kept."""


@dataclass(slots=True)
class Sums:
    """By the tuple of a group's values how many incidents, and their figures by measure, less what parts take off them;
    how many parts, and wholes that they exceed."""

    incidents: dict[tuple[Any, ...], int]
    figures: dict[tuple[Any, ...], Told]
    parts: int = 0
    exceeded: int = 0


def add_up(text: str, query: Query) -> Sums:
    """The sums of each group."""
    by, counted = query.get("by"), counted_by(query)
    periods = tuple([(place, name) for place, name in enumerate(by) if name in _PERIODS])
    groups: dict[tuple[str | None, ...], list[str]] = {}
    for line in filter(None, text.split("\n")):
        told = line.rsplit("\t", 3)
        key = _key_of(told[0], periods) if by else ()
        if key in groups:
            groups[key] += told[1:]
        else:
            groups[key] = told
    asked = counted if counted != (ITSELF,) else None
    wanted = asked and {*asked, *(() if query.get("figures") else (f"-{name}" for name in asked))}
    found = Sums({}, {})
    for key, (_, *several) in groups.items():
        counts, numbers, figures = several[::3], several[1::3], several[2::3]
        if len(counts) == 1 and figures[0] and '"-' not in numbers[0]:
            found.incidents[key], found.figures[key] = int(counts[0]), figures[0]
            continue
        sums = sums_of(numbers)
        if wanted:
            sums = {name: levels for name, levels in sums.items() if name in wanted}
        many = sum(sums[name][_N] for name in asked if name in sums) if asked else sum(map(int, counts))
        if not many:
            continue
        found.incidents[key], found.figures[key] = many, sums
        if (own := sums.get(f"-{counted[0]}")) is not None:
            found.parts += own[_N]
            found.exceeded += own[_N + 1]
            for name in [one for one in sums if one[0] == "-" and one[1:] in sums]:
                less = [-level for level in sums[name][:_N]]
                sums[name[1:]] = added(sums[name[1:]], [*less, 0, 0, 0])
    return found


_N = len(LEVELS)
"""Where the number of figures stands among what is kept of them."""


@lru_cache(16_384)
def _key_of(line: str, periods: tuple[tuple[int, str], ...]) -> tuple[str | None, ...]:
    """The values of a group with its years and months; None for what is too coarse for it."""
    values = line.split("\t")
    told: list[str | None] = [*values]
    for place, name in periods:
        period = values[place]
        told[place] = (period[:4] or None) if name == "year" else period if len(period) > len("2026") else None
    return tuple(told)
