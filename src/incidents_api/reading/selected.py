"""The incidents that totals are of, read from their figures alone: these repeat what incidents are mostly asked by."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from string import ascii_uppercase
from typing import Any

import sqlalchemy as sa

from incidents_api.model import vocabulary
from incidents_api.model.audience import Audience
from incidents_api.model.claims import DIMS
from incidents_api.model.field import Field
from incidents_api.model.figures import EVERYBODY, NEVER_SUMMED
from incidents_api.reading.bound import Bound, Condition
from incidents_api.reading.cells import CELL, DEFAULT_ZOOM, cell_of
from incidents_api.reading.conditions import conditions
from incidents_api.reading.query import Query
from incidents_api.storage import tables
from incidents_api.storage.tables import KIND_TABLES, PERIOD_TOTAL

OF_FIGURES = ("population", *DIMS)
"""Groups that break figures down, not incidents."""
ITSELF = ""
"""The measure of the row that stands for the incident itself."""


_REPEATED = frozenset((*tables.SHARED, *tables.POINT, "audience", "turns", "seq_from", "seq_to"))


class Incidents:
    """Stands for the table of incidents: a column that figures repeat is theirs, any other joins the incident."""

    name = "incident"

    def __init__(self) -> None:
        self.c = _Columns()

    @property
    def figure(self) -> Any:
        """The table of figures."""
        return self.c.figure

    @property
    def source(self) -> Any:
        """Figures, with their incidents where one of their own columns was asked for."""
        if not self.c.joined:
            return self.figure
        told, own = self.figure.c, self.c.incident.c
        return self.figure.join(self.c.incident, sa.and_(own.id == told.incident_id, own.seq_from == told.seq_from))


class _Columns:
    joined = False

    @cached_property
    def figure(self) -> Any:
        return tables.figure.alias()

    @cached_property
    def incident(self) -> Any:
        return KIND_TABLES["incident"].alias()

    def __getitem__(self, name: str) -> sa.ColumnElement[Any]:
        if name == "id":
            return self.figure.c.incident_id  # type: ignore[no-any-return]
        if name in _REPEATED:
            return self.figure.c[name]  # type: ignore[no-any-return]
        self.joined = True
        return self.incident.c[name]  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> sa.ColumnElement[Any]:
        return self[name]

    def __contains__(self, name: str) -> bool:
        return name in KIND_TABLES["incident"].c


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

    `seeks` say nothing more, but let the index of totals be entered at several places.
    """

    incidents: Incidents
    where: list[Condition]
    seeks: list[Condition]
    keys: list[Any]
    source: Any

    @property
    def told(self) -> Any:
        """The columns of the figures."""
        return self.incidents.figure.c

    @property
    def is_period(self) -> Condition:
        """Written out, as the index of these few rows is."""
        return self.told.granularity == sa.literal_column(f"'{PERIOD_TOTAL}'")  # type: ignore[no-any-return]

    @property
    def no_period(self) -> Condition:
        """Not the sum of a period, which others may tell of one by one."""
        return sa.not_(sa.func.coalesce(self.is_period, sa.false()))


Told = Callable[[Any], list[Condition]]
"""Conditions on the columns of figures, whose values are bound."""


def selected(query: Query, bound: Bound, *, to: Audience) -> Callable[[], Selected]:
    """The figures of the incidents that a query selects for an audience, period totals included; to be made later."""
    incidents = Incidents()
    measure = measure_asked(query)
    where = conditions(query if measure is None else query.without("measure"), bound, to=to, table=incidents)
    bound.shape.append(("measure", measure is None))
    broken_down = is_broken_down(query)
    measured = _broken_down(query, bound) if broken_down else _measured(query, bound)
    seeks = None if broken_down else _seeks(query, bound)

    def made() -> Selected:
        keys, joins = _keys(query, bound, incidents)
        told = incidents.figure.c
        found = [*where, *measured(told)]
        source = incidents.source
        for many in joins:
            source = source.outerjoin(many, many.c.id == told.incident_id)
        return Selected(incidents, found, seeks(told) if seeks else [], keys, source)

    return made


def _measured(query: Query, bound: Bound) -> Told:
    """Whole figures of the measures asked for, and the rows that stand for incidents."""
    measure, measures = measure_asked(query), query.get("measure")
    bound.shape.append(("measures", len(measures)))
    wanted = bound.all(measures if measure is None else counted_by(query))
    nothing: sa.ColumnElement[str] = sa.literal_column("''")
    some = [nothing, *wanted] if measure is None else wanted
    # Coalesce keeps the index by measure from being taken, which says nothing of dates and countries.
    return lambda told: [told.whole, *([sa.func.coalesce(told.measure, nothing).in_(some)] if wanted else [])]


def _seeks(query: Query, bound: Bound) -> Told:
    """What lets an index be entered at several places: for dates the measures and countries."""
    countries = bound.all(query.get("country"))
    dated = bool(query.get("from") or query.get("to")) and bound.at is None
    measures = bound.all(counted_by(query) if measure_asked(query) else ("", *query.get("measure")))
    any_measure = not query.get("measure")
    bound.shape.append(("seeks", dated, len(countries), len(measures)))

    def made(told: Any) -> list[Condition]:
        found: list[Condition] = []
        if dated:
            codes = _written(("", *vocabulary.codes("measure")))
            found.append(told.measure.in_(codes if any_measure else measures))
        if countries or dated:
            found.append(told.country_order.in_(countries or _written(_every_country())))
        return found

    return made


@cache
def _every_country() -> tuple[str, ...]:
    """Whatever a code of ISO 3166-1 can be: a list of those of today would lose an incident of yesterday's."""
    return ("", *(one + two for one, two in product(ascii_uppercase, repeat=2)))


@cache
def _written(values: tuple[str, ...]) -> list[Any]:
    return [sa.literal_column(f"'{value}'") for value in values]


def _broken_down(query: Query, bound: Bound) -> Told:
    """Figures of the measures, populations and dims asked for, and the rows that stand for incidents."""
    dims = [dim for dim in DIMS if query.get(dim) or dim in query.get("by")]
    asked = {name: bound.all(query.get(name)) for name in ("measure", "population", *dims) if query.get(name)}
    everybody = "population" not in asked and "population" not in query.get("by")
    bound.shape.append(("broken down", tuple(dims), everybody, tuple((name, len(asked[name])) for name in asked)))

    def made(told: Any) -> list[Condition]:
        where = [told[name].in_(values) for name, values in asked.items()]
        where += [told.population == EVERYBODY] if everybody else []
        where += [told[dim].is_(None) for dim in DIMS if dim not in dims]
        if dims:
            where.append(sa.or_(*(told[dim].is_not(None) for dim in dims)))
        of_some = sa.and_(told.measure >= sa.literal_column("'a'"), *where)
        return [sa.or_(told.measure == sa.literal_column("''"), of_some)]

    return made


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
        # An id is of one record of one kind, so its own index finds them; each value is there once at any moment.
        own = sa.and_(term.c.field == described.name, bound.true(term))
        return sa.select(term.c.record_id.label("id"), term.c.value).where(own).subquery()
    one = tables.participation.alias()
    column = one.c["actor_id" if described.name == "actor" else described.name]
    return sa.select(one.c.incident_id.label("id"), column.label("value")).where(bound.true(one)).distinct().subquery()
