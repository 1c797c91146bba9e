"""Totals as one statement: counts and sums by group, and beside them the trees of parts that must be netted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.claims import DIMS
from incidents_api.model.field import Field
from incidents_api.model.figures import EVERYBODY, MEASURE_ABOVE, Figure
from incidents_api.model.netting import Netted
from incidents_api.reading.cells import CELL, DEFAULT_ZOOM, box, cell_of
from incidents_api.reading.conditions import Bound, conditions, seen
from incidents_api.reading.query import Query
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.tables import KIND_TABLES

PERIOD = "period_total"
OF_FIGURES = ("population", *DIMS)
"""Groups that break figures down, not incidents."""

_TEXTS = ("k1", "k2", "k3", "id", "other", "measure", "population", *DIMS)
_NUMBERS = ("n", "low", "best", "high", "only", "open")
_POINT = ("lon", "lat")
_COLUMNS = (*_TEXTS, *_NUMBERS, *_POINT)


def statement(query: Query, *, to: Audience) -> Statement:
    """Rows of (what, k1, k2, k3, id, other, measure, ..., n, low, best, ..., lon, lat), read in one snapshot.

    what: `rows` (incidents by group, and the middle of their points), `figures` (sums by group and measure), `tree`
    (the figures of an incident that is part or whole), `member` (an incident that is part or whole), `edge` (id is
    part of other), `left` (period totals left out), `head` (the seq).
    """
    bound = Bound(query.at)
    where = conditions(query, bound, to=to)
    incident = KIND_TABLES["incident"]
    period = incident.c.granularity == PERIOD
    by = query.get("by")
    bound.shape.append(("totals", by, wants_period_totals(query), query.get("zoom"), query.get("max_precision")))
    bound.shape.append(("figures", query.get("figures")))
    left = where
    if not wants_period_totals(query):
        where = [*where, sa.not_(sa.func.coalesce(period, sa.false()))]
    keys, source = _keys(query, bound, incident)
    told = tables.figure.alias()
    figures = source.join(told, sa.and_(told.c.incident_id == incident.c.id, *_figures(query, bound, told)))
    keys = [told.c[name] if key is None else key for name, key in zip(by, keys, strict=True)]
    by_figures = any(name in OF_FIGURES for name in by)
    middle = {name: sa.func.avg(incident.c[name]) for name in _POINT} if CELL in by else {}
    edge = tables.relation.alias()
    part_of = sa.and_(edge.c.type == "part_of", bound.true(edge))

    # Each incident is there once, unless it was joined with something of which it has many.
    number = sa.func.count() if source is incident and not by_figures else sa.func.count(sa.distinct(incident.c.id))

    def build() -> sa.Select[*tuple[Any, ...]]:
        some = figures if by_figures else source
        counts = [
            _branch("rows", some, where, keys, group=True, n=number, **middle),
            _branch("left", incident, [*left, period], [], n=sa.func.count()),
            _branch("head", tables.head, [], [], n=tables.head.c.seq),
        ]
        if query.get("figures"):
            return sa.select(sa.union_all(*counts).subquery())
        branches = [
            *counts,
            _branch("figures", figures, where, keys, group=True, measure=told.c.measure, **_sums(told)),
            _branch(
                "tree",
                figures,
                [*where, incident.c.id.in_(_in_trees(part_of, edge))],
                keys,
                id=incident.c.id,
                **{name: told.c[name] for name in ("measure", *OF_FIGURES, "low", "best", "high")},
            ),
            _branch(
                "edge",
                incident.join(edge, sa.and_(edge.c.incident_id == incident.c.id, part_of)),
                where,
                [],
                id=incident.c.id,
                other=edge.c.other_id,
            ),
            _branch("member", incident, [*where, incident.c.id.in_(_in_trees(part_of, edge))], [], id=incident.c.id),
        ]
        return sa.select(sa.union_all(*branches).subquery())

    return Statement(("totals", repr(bound.shape)), build, bound.values)


def edges_above(ids: Iterable[str], at: int | None, *, to: Audience) -> Statement:
    """(part, whole) for each of these incidents that is part of another, as far as the audience sees the part."""
    bound = Bound(at)
    edge, part = tables.relation, KIND_TABLES["incident"].alias()
    wanted = sorted(ids)
    where = [bound.any_of(edge.c.incident_id, wanted), edge.c.type == "part_of", bound.true(edge)]
    where.append(edge.c.incident_id.in_(sa.select(part.c.id).where(bound.true(part), seen(part, to, bound))))

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(edge.c.incident_id, edge.c.other_id).where(*where)

    return Statement(("edges above", len(wanted), repr(bound.shape)), build, bound.values)


def wants_period_totals(query: Query) -> bool:
    """Period totals are left out unless they are asked for, by the option or by their granularity."""
    return bool(query.one("include_period_totals", default=False)) or PERIOD in query.get("granularity")


def _keys(query: Query, bound: Bound, incident: sa.Table) -> tuple[list[Any], Any]:
    """The columns to group by (None for those of figures), and the incidents joined with what has many values."""
    source: Any = incident
    keys: list[Any] = []
    for name in query.get("by"):
        if name in OF_FIGURES:
            keys.append(None)
        elif name == CELL:
            keys.append(cell_of(incident, query.one("zoom", DEFAULT_ZOOM), query.one("max_precision", "city")))
        elif name in incident.c:
            keys.append(incident.c[name])
        else:
            many = _many(query.kind.field(name), bound)
            source = source.outerjoin(many, many.c.id == incident.c.id)
            keys.append(many.c.value)
    return keys, source


def _many(described: Field, bound: Bound) -> sa.Subquery:
    """Every incident with each of its values, once."""
    if described.kept:
        term = tables.term.alias()
        own = sa.and_(term.c.kind == "incident", term.c.field == described.name, bound.true(term))
        return sa.select(term.c.record_id.label("id"), term.c.value).where(own).distinct().subquery()
    one = tables.participation.alias()
    column = one.c["actor_id" if described.name == "actor" else described.name]
    return sa.select(one.c.incident_id.label("id"), column.label("value")).where(bound.true(one)).distinct().subquery()


def _figures(query: Query, bound: Bound, told: Any) -> list[Any]:
    """Which figures are told: of the measures and population asked for, whole or of the dims asked for."""
    where = [bound.true(told)]
    dims = [dim for dim in DIMS if query.get(dim) or dim in query.get("by")]
    populations = query.get("population")
    for name, values in (("measure", query.get("measure")), ("population", populations)):
        if values:
            bound.shape.append((name, len(values)))
            where.append(bound.any_of(told.c[name], values))
    if not dims and not populations and "population" not in query.get("by"):
        return [*where, told.c.whole]
    bound.shape.append(("dims", tuple(dims), tuple(len(query.get(dim)) for dim in dims)))
    if not populations and "population" not in query.get("by"):
        where.append(told.c.population == EVERYBODY)
    for dim in DIMS:
        if dim not in dims:
            where.append(told.c[dim].is_(None))
        elif query.get(dim):
            where.append(bound.any_of(told.c[dim], query.get(dim)))
    if dims:
        where.append(sa.or_(*(told.c[dim].is_not(None) for dim in dims)))
    return where


def _sums(told: Any) -> dict[str, Any]:
    """The sums of a group; low stands in for an unknown best, best for an unknown high, and both are counted."""
    low = sa.func.coalesce(told.c.low, 0)
    best = sa.func.coalesce(told.c.best, low)
    levels = {"low": low, "best": best, "high": sa.func.coalesce(told.c.high, best)}
    sums = {name: sa.cast(sa.func.sum(level), sa.BigInteger) for name, level in levels.items()}
    unknown = {"only": told.c.best, "open": told.c.high}
    counts = {
        name: sa.cast(sa.func.sum(sa.case((level.is_(None), 1), else_=0)), sa.BigInteger)
        for name, level in unknown.items()
    }
    return sums | counts | {"n": sa.func.count()}


def _in_trees(part_of: Any, edge: Any) -> sa.CompoundSelect[Any]:
    return sa.union(sa.select(edge.c.incident_id).where(part_of), sa.select(edge.c.other_id).where(part_of))


def _branch(
    what: str, source: Any, where: Iterable[Any], keys: list[Any], *, group: Any = False, **columns: Any
) -> sa.Select[*tuple[Any, ...]]:
    """One branch of the union: every column of _COLUMNS, null where the branch has nothing to say."""
    given = {f"k{n}": key for n, key in enumerate(keys, 1)} | columns
    types: dict[str, Any] = dict.fromkeys(_NUMBERS, sa.BigInteger) | dict.fromkeys(_POINT, sa.Double)
    selected = [sa.cast(given.get(name, sa.null()), types.get(name, sa.Text)).label(name) for name in _COLUMNS]
    query: sa.Select[*tuple[Any, ...]] = (
        sa.select(sa.literal(what, sa.Text).label("what"), *selected).select_from(source).where(*where)
    )
    if group:
        query = query.group_by(*keys, *([columns["measure"]] if "measure" in columns else []))
    return query


# --- Reading the rows ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Read:
    """The rows of the statement, sorted out. A key is the tuple of the group's values."""

    incidents: dict[tuple[Any, ...], int] = field(default_factory=dict)
    sums: dict[tuple[Any, ...], dict[str, list[int]]] = field(default_factory=dict)
    trees: dict[str, dict[Any, Figure]] = field(default_factory=dict)
    points: dict[tuple[Any, ...], tuple[float, float]] = field(default_factory=dict)
    buckets: dict[tuple[str, Any], set[tuple[Any, ...]]] = field(default_factory=dict)
    edges: dict[str, set[str]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    left: int = 0
    head: int = 0


def read(rows: Iterable[Any], depth: int) -> Read:
    """Sort the rows of the statement out; `depth` is the number of groups."""
    found = Read()
    for row in rows:
        one = dict(zip(("what", *_COLUMNS), row, strict=True))
        key = tuple(one[f"k{n}"] for n in range(1, depth + 1))
        match one["what"]:
            case "rows" if one["n"] or not depth:
                found.incidents[key] = one["n"]
                if one["lon"] is not None:
                    found.points[key] = (round(one["lon"], 5), round(one["lat"], 5))
            case "figures":
                levels = [one[name] for name in ("low", "best", "high", "n", "only", "open")]
                found.sums.setdefault(key, {})[one["measure"]] = levels
            case "tree":
                cell = tuple(one[name] for name in ("measure", *OF_FIGURES))
                found.trees.setdefault(one["id"], {})[cell] = Figure(one["low"], one["best"], one["high"])
                found.buckets.setdefault((one["id"], cell), set()).add(key)
            case "member":
                found.members.add(one["id"])
            case "edge":
                found.edges.setdefault(one["id"], set()).add(one["other"])
            case "left":
                found.left = one["n"]
            case "head":
                found.head = one["n"]
    return found


def settle(found: Read, netted: Netted) -> None:
    """Put what incidents in trees really add in the place of their figures."""
    for (incident, cell), adds in netted.adds.items():
        own = found.trees[incident][cell]
        low = own.low or 0
        best = own.best if own.best is not None else low
        high = own.high if own.high is not None else best
        for key in found.buckets[incident, cell]:
            levels = found.sums[key][cell[0]]  # type: ignore[index]
            for n, (mine, added) in enumerate(zip((low, best, high), adds, strict=True)):
                levels[n] += added - mine


def answer(found: Read, query: Query) -> list[dict[str, Any]]:
    """The rows of the answer: the largest groups first, the null bucket last."""
    by = query.get("by")
    order = list(MEASURE_ABOVE)
    names = ("low", "best", "high", "incidents", "lower_bound_only", "open_ended")
    rows = []
    for key, incidents in found.incidents.items():
        measures: Mapping[str, list[int]] = found.sums.get(key, {})
        row: dict[str, Any] = {
            "key": {name: _label(name, value, query) for name, value in zip(by, key, strict=True)},
            "incidents": incidents,
            "measures": {one: dict(zip(names, measures[one], strict=True)) for one in order if one in measures},
        }
        if CELL in by and row["key"][CELL] is not None:
            row["point"] = dict(zip(_POINT, found.points[key], strict=True))
        rows.append(row)
    return sorted(
        rows, key=lambda row: (None in row["key"].values(), -row["incidents"], str(list(row["key"].values())))
    )


def _label(name: str, value: Any, query: Query) -> Any:
    """A group as the parameter of its name takes it; a cell as bbox does."""
    return box(value, query.one("zoom", DEFAULT_ZOOM)) if name == CELL and value is not None else value
