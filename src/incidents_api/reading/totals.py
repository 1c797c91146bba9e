"""Totals as one statement: counts and sums by group, what parts take off them, and trees to be netted one by one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.figures import LEVELS, MEASURE_ABOVE, Figure, Levels, added, as_told, from_told
from incidents_api.model.netting import Netted
from incidents_api.reading.bound import Bound, Condition, seen
from incidents_api.reading.cells import CELL, DEFAULT_ZOOM, box
from incidents_api.reading.conditions import conditions
from incidents_api.reading.pages import left_out, unjudged
from incidents_api.reading.query import Query
from incidents_api.reading.rolled import Rolled, Told, add_up, rolled, sums_as_text, wants_period_totals
from incidents_api.reading.selected import ITSELF, OF_FIGURES, Selected, counted_by, is_broken_down, selected
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import by_index, rows_as_json
from incidents_api.storage.levels import added_up, standing
from incidents_api.storage.tables import KIND_TABLES

_KEYS = ("k1", "k2", "k3")
_NUMBERS = (*LEVELS, "n", "only", "open")
_POINT = ("lon", "lat")
_COLUMNS: dict[str, Any] = {
    **dict.fromkeys((*_KEYS, "measure", "about"), sa.Text),
    **dict.fromkeys(_NUMBERS, sa.BigInteger),
    **dict.fromkeys(_POINT, sa.Double),
}


def statement(query: Query, *, to: Audience) -> Statement:
    """One row of two: a JSON array of arrays, what, a value for each group, measure, about, low, best, high, n, only,
    open; with cells, the middle of their points; and the sums that are kept (reading/rolled.py); then one number for
    each name of `left_out` (reading/pages.py). All of it is read in one snapshot; `read` sorts it out.

    what: `sums` (sums by group and measure; several rows of one group add up), `rows` (incidents by group, where sums
    do not tell), `taken` (what parts take off the sums of their wholes), `netted` (how many parts, and wholes that they
    exceed), `tree` (the figures of an incident to be netted by itself: about it, its population and dims), `member`
    (about such an incident), `edge` (about a part and its whole), `left` (period totals left out), `head` (the seq).
    """
    bound = Bound(query.at)
    bound.shape.append((query.get("by"), wants_period_totals(query), query.get("zoom"), query.get("max_precision")))
    bound.shape.append(query.get("figures"))
    chosen_later, part_later = selected(query, bound, to=to), selected(query, bound, to=to)
    sums_later = rolled(query, bound, to=to)
    with_period = wants_period_totals(query)
    count, trees = bound.all(counted_by(query)), _trees_of(query, bound)
    counts = unjudged(query, conditions(query, bound, to=to), bound, to=to) if left_out(query) else []

    def build() -> sa.Select[*tuple[Any, ...]]:
        both = chosen, part = chosen_later(), part_later()
        sums = sums_later(chosen.told) if sums_later else None
        period = [[] if with_period else [one.no_period] for one in both]
        where, of_parts = ([*one.where, *more] for one, more in zip(both, period, strict=True))
        itself = chosen.told.measure.in_(count)
        branches = [_branch("head", tables.head, [], [], n=tables.head.c.seq)]
        branches += _sums(query, chosen, sums, where, count)
        if not with_period:
            branches.append(_left(chosen, count, now=query.at is None and not is_broken_down(query)))
        if not query.get("figures"):
            if not is_broken_down(query):
                branches += _taken(chosen, _parts(part, of_parts, trees(sums)), where, count)
            branches += _trees(chosen, where, itself, bound, everyone=is_broken_down(query))
        rows = sa.union_all(*branches).subquery()
        kept = sums_as_text(query, sums) if sums else sa.literal_column("''", sa.Text)
        told = rows_as_json(*(rows.c[name] for name in _told(query)))
        return sa.select(told, kept, *(count() for count in counts))

    return Statement(("totals", repr(bound.shape)), build, bound.values)


def _told(query: Query) -> tuple[str, ...]:
    """What the arrays hold."""
    by = query.get("by")
    return ("what", *_KEYS[: len(by)], "measure", "about", *_NUMBERS, *(_POINT if CELL in by else ()))


Branch = sa.Select[*tuple[Any, ...]]


def _sums(query: Query, chosen: Selected, sums: Rolled | None, where: list[Any], count: list[Any]) -> list[Branch]:
    """The sums by group and measure; the rows that stand for incidents themselves count them."""
    told, keys, source = chosen.told, chosen.keys, chosen.source
    # Written out, as the index of the rows that stand for incidents is.
    itself = [told.measure == sa.literal_column("''")] if counted_by(query) == (ITSELF,) else []
    only = [told.measure.in_(count), *itself] if query.get("figures") else []
    middle = {name: sa.func.avg(chosen.incidents.c[name]) for name in _POINT} if CELL in query.get("by") else {}
    numbers = {"measure": told.measure, **added_up(told), **middle}
    if any(name in OF_FIGURES for name in query.get("by")):
        some = told.measure >= sa.literal_column("'a'")
        number = sa.func.count(sa.distinct(told.incident_id))
        return [
            _branch("rows", source, [*where, some], keys, group=keys, n=number),
            *([] if only else [_branch("sums", source, [*where, some], keys, group=[*keys, told.measure], **numbers)]),
        ]
    if sums is None:
        where = [*where, *chosen.seeks]
        return [_branch("sums", source, [*where, *only], keys, group=[*keys, told.measure], **numbers)]
    near = chosen.seeks if query.get("country") else []
    # Few rows: grouped by a measure that is no column, so that no index is walked for its order.
    measure = sa.func.coalesce(told.measure, sa.literal_column("''"))
    grouped = {"group": [*keys, measure], **numbers, "measure": measure}
    return [
        by_index(_branch("sums", source, [*where, *only, *some, *near], keys, **grouped), chosen.incidents.figure, way)
        for some, way in sums.rest
    ]


def _left(chosen: Selected, count: list[Any], *, now: bool) -> Branch:
    """How many totals of a period are left out: few, with an index of their own."""
    # Without coalesce SQLite would take the index by measure.
    itself = sa.func.coalesce(chosen.told.measure, sa.literal_column("''")).in_(count)
    left = _branch("left", chosen.incidents.source, [*chosen.where, itself, chosen.is_period], [], n=sa.func.count())
    return by_index(left, chosen.incidents.figure, "ix_figure_period_totals") if now else left


Trees = list[Condition] | None
"""Conditions on the table of wholes; None where it cannot tell, in the past."""


def _trees_of(query: Query, bound: Bound) -> Callable[[Rolled | None], Trees]:
    """The wholes whose parts a query has to take off by itself, or some more."""
    first, last = (None if (day := query.one(name)) is None else bound.value(day) for name in ("from", "to"))
    countries = bound.all(query.get("country"))
    bound.shape.append(("trees", first is None, last is None, len(countries)))

    def made(sums: Rolled | None) -> Trees:
        if query.at is not None:
            return None
        told = tables.tree.c
        where: list[Condition] = [told.cell.in_(sums.cells)] if sums and sums.cells is not None else []
        where += [told.country_order.in_(countries)] if countries else []
        where += [] if first is None else [told.span_end >= first]
        return [*where, *([] if last is None else [told.span_start <= last])]

    return made


def _parts(part: Selected, where: list[Any], trees: Trees) -> sa.CTE:
    """What the selected parts of each whole say together, where a tree is no more than a whole and its parts."""
    told, entwined = part.told, sa.select(tables.entwined.c.incident_id)
    levels = standing(told)
    narrow = [*where, told.whole_id.is_not(None), told.incident_id.not_in(entwined)]
    sums = (sa.cast(sa.func.sum(level), sa.BigInteger).label(name) for name, level in levels.items())
    every = sa.select(told.whole_id, told.measure, sa.func.count().label("n"), *sums)
    every = every.select_from(part.incidents.source).where(*narrow).group_by(told.whole_id, told.measure)
    if trees is not None:
        wholes = sa.select(tables.tree.c.whole_id).where(*trees)
        every = by_index(every.where(told.whole_id.in_(wholes)), part.incidents.figure, "ix_figure_parts")
    return every.cte("parts")


def _taken(chosen: Selected, parts: sa.CTE, where: list[Any], count: list[Any]) -> list[Branch]:
    """What selected parts take off their selected wholes: each level by itself, and never more than the whole says.
    Where parts exceed it, the parts stand."""
    whole = chosen.told
    same = sa.and_(whole.incident_id == parts.c.whole_id, whole.measure == parts.c.measure)
    stated = standing(whole)
    taken = {
        name: sa.cast(sa.func.sum(-sa.case((parts.c[name] < level, parts.c[name]), else_=level)), sa.BigInteger)
        for name, level in stated.items()
    }
    exceeded = sa.or_(*(parts.c[name] > level for name, level in stated.items()))
    number = sa.func.sum(sa.case((whole.measure.in_(count), parts.c.n), else_=0))
    exceed = sa.func.count(sa.distinct(sa.case((exceeded, whole.incident_id))))
    within, keys = [*where, same], chosen.keys
    source = chosen.source
    return [
        _branch(
            "taken", source.join(parts, same), where, keys, group=[*keys, whole.measure], measure=whole.measure, **taken
        ),
        _branch("netted", chosen.incidents.source.join(parts, same), within, [], n=number, only=exceed),
    ]


def _trees(chosen: Selected, where: list[Any], itself: Any, bound: Bound, *, everyone: bool) -> list[Branch]:
    """The incidents that are netted one by one: those of entwined trees, or `everyone` that is part or whole."""
    told, edge = chosen.told, tables.relation.alias()
    part_of = sa.and_(edge.c.type == "part_of", bound.true(edge))
    some = told.incident_id.in_(_in_trees(part_of, edge) if everyone else sa.select(tables.entwined.c.incident_id))
    figures = {name: told[name] for name in ("measure", *LEVELS)}
    cell = _about(told.incident_id, *(told[name] for name in OF_FIGURES))
    source = chosen.incidents.source
    edges = source.join(edge, sa.and_(edge.c.incident_id == told.incident_id, part_of))
    measured = told.measure >= sa.literal_column("'a'")
    return [
        _branch("tree", chosen.source, [*where, some, measured], chosen.keys, about=cell, **figures),
        _branch("edge", edges, [*where, some, itself], [], about=_about(told.incident_id, edge.c.other_id)),
        _branch("member", source, [*where, some, itself], [], about=told.incident_id),
    ]


def edges_above(ids: Iterable[str], at: int | None, *, to: Audience) -> Statement:
    """(part, whole) for each of these incidents that is part of another, as far as the audience sees the part."""
    bound = Bound(at)
    edge, part = tables.relation, KIND_TABLES["incident"].alias()
    wanted = sorted(ids)
    parts, open_to = bound.all(wanted), seen(part, to, bound)

    def build() -> sa.Select[*tuple[Any, ...]]:
        own = sa.select(part.c.id).where(bound.true(part), open_to())
        where = (edge.c.incident_id.in_(parts), edge.c.type == "part_of", bound.true(edge))
        return sa.select(edge.c.incident_id, edge.c.other_id).where(*where, edge.c.incident_id.in_(own))

    return Statement(("edges above", len(wanted), repr(bound.shape)), build, bound.values)


def _in_trees(part_of: Any, edge: Any) -> sa.CompoundSelect[Any]:
    return sa.union(sa.select(edge.c.incident_id).where(part_of), sa.select(edge.c.other_id).where(part_of))


def _about(*values: Any) -> Any:
    """Ids and codes in one text; an empty one is unknown."""
    joined = values[0]
    for value in values[1:]:
        joined = joined + sa.literal_column("' '") + sa.func.coalesce(value, sa.literal_column("''"))
    return joined


def _branch(
    what: str, source: Any, where: Iterable[Any], keys: list[Any], *, group: Iterable[Any] = (), **columns: Any
) -> Branch:
    """One branch of the union: every column of _COLUMNS, null where the branch has nothing to say."""
    given = {f"k{n}": key for n, key in enumerate(keys, 1)} | columns
    selected = [sa.cast(given.get(name, sa.null()), type_).label(name) for name, type_ in _COLUMNS.items()]
    return (
        sa.select(sa.literal(what, sa.Text).label("what"), *selected).select_from(source).where(*where).group_by(*group)
    )


# --- Reading the rows ----------------------------------------------------------------------------------------------


_N = len(LEVELS)
"""Where the number of incidents stands among the numbers of a row."""
_WIDE = 2 + len(_NUMBERS)
"""How far beyond the keys of a row its point begins."""


@dataclass(slots=True)
class Read:
    """The rows of the statement, sorted out. A key is the tuple of the group's values."""

    incidents: dict[tuple[Any, ...], int] = field(default_factory=dict)
    sums: dict[tuple[Any, ...], Told] = field(default_factory=dict)
    trees: dict[str, dict[Any, Figure]] = field(default_factory=dict)
    points: dict[tuple[Any, ...], Sequence[float]] = field(default_factory=dict)
    buckets: dict[tuple[str, Any], set[tuple[Any, ...]]] = field(default_factory=dict)
    edges: dict[str, set[str]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    parts: int = 0
    exceeded: int = 0
    left: int = 0
    head: int = 0
    unjudged: dict[str, int] = field(default_factory=dict)

    def add(self, key: tuple[Any, ...], measure: str, levels: list[int]) -> None:
        """Add numbers to low, best, high, incidents, lower_bound_only, open_ended of a group and measure."""
        if measure in MEASURE_ABOVE:
            told = self.of(key)
            told[measure] = added(told[measure], levels) if measure in told else levels

    def of(self, key: tuple[Any, ...]) -> dict[str, Levels]:
        """The sums of a group, to be changed."""
        told = self.sums.get(key, {})
        if isinstance(told, str):
            told = from_told(orjson.loads(told))
        self.sums[key] = told
        return told

    def count(self, key: tuple[Any, ...], number: int, point: Sequence[float]) -> None:
        """Add the incidents of a group, and the middle of their points, if that was asked for."""
        self.incidents[key] = self.incidents.get(key, 0) + number
        if point:
            self.points[key] = point

    def note(self, what: str, key: tuple[Any, ...], measure: str, about: str, numbers: Sequence[int]) -> None:
        """Take what is told of trees, of what was left out, and of the head of the log."""
        match what:
            case "netted":
                self.parts += numbers[_N] or 0
                self.exceeded += numbers[_N + 1]
            case "tree":
                incident, *cells = about.split(" ")
                cell = (measure, *(one or None for one in cells))
                self.trees.setdefault(incident, {})[cell] = Figure(*numbers[:_N])
                self.buckets.setdefault((incident, cell), set()).add(key)
            case "member":
                self.members.add(about)
            case "edge":
                part, whole = about.split(" ")
                self.edges.setdefault(part, set()).add(whole)
            case "left":
                self.left += numbers[_N]
            case "head":
                self.head = numbers[_N]


def read(row: Sequence[Any], query: Query) -> Read:
    """Sort out what the statement tells."""
    told, kept, *judged = row
    found, by, counted = Read(), query.get("by"), counted_by(query)
    found.unjudged |= zip(left_out(query), judged, strict=True)
    by_figures = any(name in OF_FIGURES for name in by)
    if not by:
        found.incidents[()] = 0
    found.incidents |= (sums := add_up(kept, query)).incidents
    found.sums, found.parts, found.exceeded = sums.figures, sums.parts, sums.exceeded
    width = 1 + len(by)
    for one in orjson.loads(told):
        what, key, measure, numbers = one[0], tuple(one[1:width]), one[width], one[width + 2 : width + _WIDE]
        if what == "sums":
            if number := numbers[_N]:
                found.add(key, measure, numbers)
                if measure in counted and not by_figures:
                    found.count(key, number, one[width + _WIDE :])
        elif what == "rows":
            found.count(key, numbers[_N], one[width + _WIDE :])
        elif what == "taken":
            found.add(key, measure, [*numbers[:_N], 0, 0, 0])
        else:
            found.note(what, key, measure, one[width + 1], numbers)
    return found


def settle(found: Read, netted: Netted) -> None:
    """Put what incidents in trees really add in the place of their figures."""
    for (incident, cell), adds in netted.adds.items():
        own = found.trees[incident][cell]
        low = own.low or 0
        best = own.best if own.best is not None else low
        high = own.high if own.high is not None else best
        for key in found.buckets[incident, cell]:
            levels = found.of(key)[cell[0]]  # type: ignore[index]
            for n, (mine, adding) in enumerate(zip((low, best, high), adds, strict=True)):
                levels[n] += adding - mine


def answer(found: Read, query: Query) -> list[Any]:
    """The rows of the answer, to be made JSON: the largest groups first, the null bucket last. Those whose figures are
    told as they are kept are JSON already (orjson.Fragment), the others dicts."""
    by = query.get("by")
    spelt = not {CELL, "country"}.isdisjoint(by)
    rows: list[Any] = []
    ranks, names = [], []
    for key, incidents in found.incidents.items():
        labels = tuple([_label(name, value, query) for name, value in zip(by, key, strict=True)]) if spelt else key
        ranks.append((_LAST if None in labels else 0) - incidents)
        told = found.sums.get(key, {})
        if isinstance(told, str):
            name, begun = _begun(by, labels)
            names.append(name)
            rows.append(orjson.Fragment(f'{begun}{incidents},"measures":{told}}}'))
            continue
        names.append(str(labels))
        row: dict[str, Any] = {"key": dict(zip(by, labels, strict=True)), "incidents": incidents}
        row["measures"] = as_told(told)
        if spelt and row["key"].get(CELL) is not None:
            row["point"] = {name: round(one, 5) for name, one in zip(_POINT, found.points[key], strict=True)}
        rows.append(row)
    # Sorting twice, by keys of one type each, takes half as long as sorting by pairs of them.
    order = sorted(range(len(rows)), key=names.__getitem__)
    return [rows[n] for n in sorted(order, key=ranks.__getitem__)]


@lru_cache(16_384)
def _begun(by: tuple[str, ...], labels: tuple[Any, ...]) -> tuple[str, str]:
    """A group by the name that orders it, and its row up to the number of its incidents."""
    key = orjson.dumps(dict(zip(by, labels, strict=True))).decode()
    return str(labels), f'{{"key":{key},"incidents":'


_LAST = 1 << 62
"""Ranks a group behind any other."""


def _label(name: str, value: Any, query: Query) -> Any:
    """A group as the parameter of its name takes it; a cell as bbox does. An unknown country is kept as no letters."""
    if name == CELL and value is not None:
        return box(value, query.one("zoom", DEFAULT_ZOOM))
    return None if name == "country" and not value else value
