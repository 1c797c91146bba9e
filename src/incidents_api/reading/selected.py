"""The incidents that totals are of, read from their figures alone: these repeat what incidents are mostly asked by."""

from dataclasses import dataclass
from functools import cache
from itertools import product
from string import ascii_uppercase
from typing import Any

import sqlalchemy as sa

from incidents_api.model import vocabulary
from incidents_api.model.audience import Audience
from incidents_api.model.claims import DIMS
from incidents_api.model.field import Field
from incidents_api.model.figures import EVERYBODY, NEVER_SUMMED
from incidents_api.reading.cells import CELL, DEFAULT_ZOOM, cell_of
from incidents_api.reading.conditions import Bound, Condition, conditions
from incidents_api.reading.query import Query
from incidents_api.storage import tables
from incidents_api.storage.tables import KIND_TABLES

PERIOD = "period_total"
OF_FIGURES = ("population", *DIMS)
"""Groups that break figures down, not incidents."""
ITSELF = ""
"""The measure of the row that stands for the incident itself."""


class Incidents:
    """Stands for the table of incidents: a column that figures repeat is theirs, any other joins the incident."""

    name = "incident"

    def __init__(self) -> None:
        self.figure = tables.figure.alias()
        self._incident = KIND_TABLES["incident"].alias()
        self.c = _Columns(self.figure, self._incident)

    @property
    def source(self) -> Any:
        """Figures, with their incidents where one of their own columns was asked for."""
        told, own = self.figure.c, self._incident.c
        if not self.c.joined:
            return self.figure
        return self.figure.join(self._incident, sa.and_(own.id == told.incident_id, own.seq_from == told.seq_from))


class _Columns:
    def __init__(self, figure: Any, incident: Any) -> None:
        self._figure, self._incident, self.joined = figure, incident, False

    def __getitem__(self, name: str) -> sa.ColumnElement[Any]:
        if name == "id":
            return self._figure.c.incident_id  # type: ignore[no-any-return]
        if name in (*tables.SHARED, "audience", "turns", "seq_from", "seq_to"):
            return self._figure.c[name]  # type: ignore[no-any-return]
        self.joined = True
        return self._incident.c[name]  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> sa.ColumnElement[Any]:
        return self[name]

    def __contains__(self, name: str) -> bool:
        return name in self._incident.c


def measure_asked(query: Query) -> str | None:
    """The one measure that is asked for, where the figures say by themselves which incidents speak of it."""
    measures, by = query.get("measure"), query.get("by")
    alone = len(measures) == 1 and measures[0] != NEVER_SUMMED and CELL not in by
    return measures[0] if alone and not is_broken_down(query) else None


def is_broken_down(query: Query) -> bool:
    """Whether figures of some of the persons are asked for."""
    return any(query.get(name) or name in query.get("by") for name in OF_FIGURES)


def counted_by(query: Query) -> tuple[str, ...]:
    """The measures whose rows are one for each incident."""
    measure = measure_asked(query)
    return (ITSELF,) if measure is None else (measure, f"?{measure}")


@dataclass(slots=True)
class Selected:
    """What a query selects: the rows of figures that meet `where`, in the groups of `keys`.

    `seeks` say nothing more, but let the index of totals be entered at several places; `few`: at not too many.
    """

    incidents: Incidents
    where: list[Condition]
    seeks: list[Condition]
    few: bool
    keys: list[Any]
    source: Any

    @property
    def told(self) -> Any:
        """The columns of the figures."""
        return self.incidents.figure.c

    @property
    def is_period(self) -> Condition:
        """Written out, as the index of these few rows is."""
        return self.told.granularity == sa.literal_column(f"'{PERIOD}'")  # type: ignore[no-any-return]

    @property
    def no_period(self) -> Condition:
        """Not the sum of a period, which others may tell of one by one."""
        return sa.not_(sa.func.coalesce(self.is_period, sa.false()))


def selected(query: Query, bound: Bound, *, to: Audience) -> Selected:
    """The figures of the incidents that a query selects for an audience, period totals included."""
    incidents = Incidents()
    measure = measure_asked(query)
    where = conditions(query if measure is None else query.without("measure"), bound, to=to, table=incidents)
    told = incidents.figure.c
    bound.shape.append(("measure", measure is None))
    seeks: list[Condition] = []
    if is_broken_down(query):
        where.append(sa.or_(told.measure == sa.literal_column("''"), _broken_down(query, bound, told)))
    else:
        where.append(told.whole)
        where += _measured(query, bound, told)
        seeks = _seeks(query, bound, told)
    keys, joins = _keys(query, bound, incidents)
    source = incidents.source
    for many in joins:
        source = source.outerjoin(many, many.c.id == told.incident_id)
    few = bool(query.get("measure") or query.get("country"))
    return Selected(incidents, where, seeks, few, keys, source)


def _measured(query: Query, bound: Bound, told: Any) -> list[Condition]:
    """The rows of the measures asked for, and those that stand for incidents."""
    measure, measures = measure_asked(query), query.get("measure")
    bound.shape.append(("measures", len(measures)))
    if measure is not None:
        return [told.measure.in_([bound.value(measure), bound.value(f"?{measure}")])]
    if measures:
        return [told.measure.in_([sa.literal_column("''"), *(bound.value(one) for one in measures)])]
    return []


def _seeks(query: Query, bound: Bound, told: Any) -> list[Condition]:
    """What lets an index be entered at several places: for dates the measures and countries."""
    found: list[Condition] = []
    countries = query.get("country")
    dated = bool(query.get("from") or query.get("to")) and bound.at is None
    bound.shape.append(("seeks", dated, len(countries)))
    if dated and not query.get("measure"):
        found.append(told.measure.in_(_written(("", *vocabulary.codes("measure")))))
    if countries:
        found.append(bound.any_of(told.country_order, countries))
    elif dated:
        found.append(told.country_order.in_(_written(_every_country())))
    return found


@cache
def _every_country() -> tuple[str, ...]:
    """Whatever a code of ISO 3166-1 can be: a list of those of today would lose an incident of yesterday's."""
    return ("", *(one + two for one, two in product(ascii_uppercase, repeat=2)))


@cache
def _written(values: tuple[str, ...]) -> list[Any]:
    return [sa.literal_column(f"'{value}'") for value in values]


def _broken_down(query: Query, bound: Bound, told: Any) -> Condition:
    """Figures of the measures, populations and dims asked for."""
    dims = [dim for dim in DIMS if query.get(dim) or dim in query.get("by")]
    populations = query.get("population")
    where: list[Condition] = []
    for name, values in (("measure", query.get("measure")), ("population", populations)):
        if values:
            bound.shape.append((name, len(values)))
            where.append(bound.any_of(told[name], values))
    bound.shape.append(("dims", tuple(dims), tuple(len(query.get(dim)) for dim in dims)))
    if not populations and "population" not in query.get("by"):
        where.append(told.population == EVERYBODY)
    for dim in DIMS:
        if dim not in dims:
            where.append(told[dim].is_(None))
        elif query.get(dim):
            where.append(bound.any_of(told[dim], query.get(dim)))
    if dims:
        where.append(sa.or_(*(told[dim].is_not(None) for dim in dims)))
    return sa.and_(told.measure >= sa.literal_column("'a'"), *where)


def _keys(query: Query, bound: Bound, incidents: Incidents) -> tuple[list[Any], list[sa.Subquery]]:
    """The columns to group by, and what has many values for an incident, to be joined."""
    keys: list[Any] = []
    joins = []
    for name in query.get("by"):
        if name in OF_FIGURES:
            keys.append(incidents.figure.c[name])
        elif name == "country":
            keys.append(incidents.c.country_order)
        elif name == CELL:
            keys.append(cell_of(incidents, query.one("zoom", DEFAULT_ZOOM), query.one("max_precision", "city")))
        elif name in incidents.c:
            keys.append(incidents.c[name])
        else:
            joins.append(_many(query.kind.field(name), bound))
            keys.append(joins[-1].c.value)
    return keys, joins


def _many(described: Field, bound: Bound) -> sa.Subquery:
    """Every incident with each of its values, once."""
    if described.kept:
        term = tables.term.alias()
        own = sa.and_(term.c.kind == "incident", term.c.field == described.name, bound.true(term))
        return sa.select(term.c.record_id.label("id"), term.c.value).where(own).distinct().subquery()
    one = tables.participation.alias()
    column = one.c["actor_id" if described.name == "actor" else described.name]
    return sa.select(one.c.incident_id.label("id"), column.label("value")).where(bound.true(one)).distinct().subquery()
