"""CQL2 filters as SQL: what can be asked of each kind, from the catalogue, and a parsed filter as one condition."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from incidents_api.model import vocabulary
from incidents_api.model.audience import public_id
from incidents_api.model.field import Field
from incidents_api.model.figures import LEVELS
from incidents_api.model.geometry import Box, Geometry, Points, Polygons
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.places import strips
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.model.words import folded
from incidents_api.reading import cql2
from incidents_api.reading.bound import Condition, Later, Test, has_strips
from incidents_api.reading.cql2 import (
    And,
    Between,
    Compare,
    FieldInfo,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    Spatial,
    Temporal,
)
from incidents_api.storage import tables
from incidents_api.storage.dialects import inside
from incidents_api.storage.tables import KIND_TABLES

Bind = Callable[[Any], sa.BindParameter[Any]]


@cache
def fields_of(name: str) -> Mapping[str, FieldInfo]:
    """What a filter over a kind may ask of: the catalogue, the figures of incidents, `geometry` and `date`."""
    kind = KINDS[name]
    found = {
        field.name: FieldInfo(
            field.name, field.type, field.many, vocabulary.codes(field.codes) if field.codes else None
        )
        for field in kind.fields
        if not field.internal and field.name != "recorded_by"
    }
    if kind.dated:
        found["date"] = FieldInfo("date", "day", temporal=True)
    if "recorded_at" in found:
        found["recorded_at"] = FieldInfo("recorded_at", "instant", temporal=True)
    if kind.located:
        found["geometry"] = FieldInfo("geometry", "text", spatial=True)
    if name == "incident":
        figures = (f"{measure}_{level}" for measure in vocabulary.codes("measure") for level in LEVELS)
        found |= {figure: FieldInfo(figure, "integer") for figure in figures}
    return found


def parse(kind: Kind, text: str) -> Node:
    """The filter; ValueError (a FilterError) says what is wrong and at which character."""
    node = cql2.parse(text, fields_of(kind.name))
    for name, value in _ids(kind, node):
        if not re.fullmatch(UUID_PATTERN, value):
            raise ValueError(
                f"{name} is compared with ids here ({value[:40]!r} is none); the parameter {name} takes names"
            )
    return node


def _ids(kind: Kind, node: Node) -> Iterator[tuple[str, str]]:
    """Every value that a filter compares with a field of ids."""
    match node:
        case And(nodes) | Or(nodes):
            for one in nodes:
                yield from _ids(kind, one)
        case Not(inner):
            yield from _ids(kind, inner)
        case Compare(_, name, value) if fields_of(kind.name)[name].type == "id":
            yield name, str(value)
        case In(name, values) if fields_of(kind.name)[name].type == "id":
            yield from ((name, str(value)) for value in values)


class Compiler:
    """Turns a filter into a condition on the table of its kind, or on what stands for it.

    `true` says which rows of a projection are meant.
    """

    def __init__(self, kind: Kind, bind: Bind, true: Callable[[Any], Condition], table: Any = None) -> None:
        self.kind, self.bind, self.true = kind, bind, true
        self.table = KIND_TABLES[kind.name] if table is None else table

    def compile(self, node: Node, *, negated: bool = False) -> Later:
        """The condition, its values bound at once, to be made when the statement is.

        Logic has two values, so a negation is carried down to where nothing can be unknown.
        """
        match node:
            case Not(inner):
                return self.compile(inner, negated=not negated)
            case And(nodes) | Or(nodes):
                parts = [self.compile(one, negated=negated) for one in nodes]
                join: Callable[..., Condition] = sa.and_ if isinstance(node, And) != negated else sa.or_
                return lambda: join(*(part() for part in parts))
        condition = self._leaf(node, negated=negated)
        return (lambda: sa.not_(sa.func.coalesce(condition(), sa.false()))) if negated else condition

    def _leaf(self, node: Node, *, negated: bool) -> Later:
        match node:
            case Spatial(_, _, geometry):
                return self._spatial(geometry)
            case Temporal():
                return self._temporal(node)
            case IsNull(name):
                return self._is_null(name)
            case Compare() | In() | Between() | Like():
                described = self._described(node.field)
                if described is not None and described.many:
                    test = self._test(node)
                    return lambda: self._any_value(described, test)
                column, test = self._column(node.field, node), self._test(node)
                span = _SPAN.get(node.field)
                if negated or span is None:
                    return lambda: test(column())
                # What holds of a day that is known holds of the span, which indexes hold: fewer rows are read.
                return lambda: sa.and_(test(self.table.c[span]), test(column()))
        raise TypeError(type(node).__name__)

    def _described(self, name: str) -> Field | None:
        return _described(self.kind.name).get(name)

    def _column(self, name: str, node: Any = None) -> Callable[[], Any]:
        """The column of a field with one value, folded as the node asks."""
        table = self.table
        if name == "seq":
            return lambda: table.c.seq_from
        if name == "date":
            return lambda: sa.func.nullif(table.c.date, "")
        if name not in table.c:
            return self._figure(name)
        casei, accenti = getattr(node, "casei", False), getattr(node, "accenti", False)
        suffix = {(True, False): "_casei", (False, True): "_accenti", (True, True): "_folded"}.get((casei, accenti), "")
        if name + suffix in table.c:
            return lambda: table.c[name + suffix]
        # Codes, ids and addresses are ASCII: nothing to fold but capitals.
        return lambda: sa.func.lower(table.c[name]) if casei else table.c[name]

    def _figure(self, name: str) -> Callable[[], Any]:
        measure, _, level = name.rpartition("_")
        wanted = self.bind(measure)

        def made() -> Any:
            told = tables.figure.alias()
            own = sa.and_(told.c.incident_id == self.table.c.id, told.c.measure == wanted, told.c.whole)
            return sa.select(told.c[level]).where(own, self.true(told)).scalar_subquery()

        return made

    def _test(self, node: Compare | In | Between | Like) -> Test:
        value = self._value
        if node.field == "id" and self.kind.name == "incident":
            # A row of the public's own stands under another id.
            match node:
                case Compare("=" | "<>", _, wanted):
                    return self._is_incident([wanted], negated=node.op == "<>")
                case In(_, wanted):
                    return self._is_incident(wanted)
        match node:
            case Compare(op, _, wanted):
                one = value(wanted, node)
                return lambda column: _COMPARE[op](column, one)
            case In(_, wanted):
                some = [value(one, node) for one in wanted]
                return lambda column: column.in_(some)
            case Between(_, low, high):
                ends = value(low, node), value(high, node)
                return lambda column: column.between(*ends)
            case Like(_, pattern):
                like = value(pattern, node)
                return lambda column: column.like(like, escape="\\")

    def _is_incident(self, ids: Sequence[Any], *, negated: bool = False) -> Test:
        both = [self.bind(one) for each in ids for one in (each, public_id(str(each)))]
        return lambda column: column.not_in(both) if negated else column.in_(both)

    def _value(self, wanted: Any, node: Any) -> sa.BindParameter[Any]:
        if isinstance(wanted, datetime):
            wanted = _instant(wanted, last=False)
        elif isinstance(wanted, date):
            wanted = wanted.isoformat()
        elif isinstance(wanted, str):
            wanted = folded(wanted, case=getattr(node, "casei", False), accents=getattr(node, "accenti", False))
        return self.bind(wanted)

    def _any_value(self, described: Field, test: Test | None) -> Condition:
        """Whether any of the values of a field with many meets the test (or there is one at all)."""
        if described.kept:
            term = tables.term.alias()
            rows = [term.c.kind == self.kind.name, term.c.field == described.name, self.true(term)]
            holder, column = term.c.record_id, term.c.value
        else:
            one = tables.participation.alias()
            rows = [self.true(one)]
            holder, column = one.c.incident_id, one.c["actor_id" if described.name == "actor" else described.name]
        if test is not None:
            rows.append(test(column))
        found: Condition = self.table.c.id.in_(sa.select(holder).where(*rows))
        return found

    def _is_null(self, name: str) -> Later:
        described = self._described(name)
        if name == "geometry":
            return lambda: self.table.c.lon.is_(None)
        if described is not None and described.many:
            return lambda: sa.not_(self._any_value(described, None))
        column = self._column(name)
        return lambda: column().is_(None)

    # --- Space and time --------------------------------------------------------------------------------------------

    def _spatial(self, geometry: Geometry) -> Later:
        match geometry:
            case Box():
                return self._in_box(geometry)
            case Points(positions):
                points = [(self.bind(x), self.bind(y), self._in_strips([(x, x)])) for x, y in positions]
                c = self.table.c
                return lambda: sa.or_(*(sa.and_(*near(), c.lon == x, c.lat == y) for x, y, near in points))
            case Polygons(polygons):
                return self._in_polygons(geometry, polygons)
        raise TypeError(type(geometry).__name__)

    def _in_polygons(self, geometry: Any, polygons: Sequence[Any]) -> Later:
        edges = [self.bind(json.dumps(_edges(rings))) for rings in polygons]
        box, c = self._in_box(geometry.bounds), self.table.c
        # CASE: the edges are asked only of points in the box, under NOT, too, where SQLite takes AND whole.
        return lambda: sa.case((box(), sa.or_(*(inside(c.lon, c.lat, one) for one in edges))), else_=sa.false())

    def _in_box(self, box: Box) -> Later:
        spans = [(self.bind(one.west), self.bind(one.east)) for one in box.spans()]
        south, north, c = self.bind(box.south), self.bind(box.north), self.table.c
        near = self._in_strips((one.west, one.east) for one in box.spans())
        return lambda: sa.and_(*near(), c.lat.between(south, north), sa.or_(*(c.lon.between(*span) for span in spans)))

    def _in_strips(self, spans: Iterable[tuple[float, float]]) -> Callable[[], list[Condition]]:
        """What says nothing more, but lets the index of points be entered at several places."""
        if not has_strips(self.table):
            return list
        touched = [self.bind(one) for one in strips(spans)]
        return lambda: [self.table.c.strip.in_(touched)]

    def _temporal(self, node: Temporal) -> Later:
        """The span of the record against that of the filter, both with their ends; an open end reaches for ever."""
        recorded = node.field == "recorded_at"
        names = ("recorded_at", "recorded_at") if recorded else ("span_start", "span_end")
        begins = _instant(node.start, last=False) if recorded else _day(node.start)
        ends = _instant(node.end, last=True) if recorded else _day(node.end)
        start = None if begins is None else self.bind(begins)
        end = None if ends is None else self.bind(ends)

        def made() -> Condition:
            first, last = (self.table.c[name] for name in names)
            return _stands(node.op, first, last, start, end)

        return made


def _stands(op: str, first: Any, last: Any, start: Any, end: Any) -> Condition:
    """How a span from first to last stands to one from start to end (None: open)."""
    if op == "before":
        return last < start  # type: ignore[no-any-return]
    if op == "after":
        return first > end  # type: ignore[no-any-return]
    within = op == "during"
    tests: list[Condition] = [first.is_not(None)]
    if start is not None:
        tests.append((first if within else last) >= start)
    if end is not None:
        tests.append((last if within else first) <= end)
    return sa.and_(*tests)


@cache
def _described(kind: str) -> Mapping[str, Field]:
    return {field.name: field for field in KINDS[kind].fields}


_SPAN = {"earliest": "span_start", "latest": "span_end"}
"""Where the first or last day of a record is known, its span begins or ends there (model/fields.py)."""

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    "<>": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


def _day(moment: date | datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()[:10]


def _instant(moment: date | datetime | None, *, last: bool) -> str | None:
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return f"{moment.isoformat(timespec='microseconds')[:26]}Z"
    return f"{moment.isoformat()}T{'23:59:59.999999' if last else '00:00:00.000000'}Z"


def _edges(rings: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float, float, float]]:
    """The edges of a polygon as (x1, y1, x2, y2), holes included: inside is where an odd number lies to the east."""
    return [(*one, *two) for ring in rings for one, two in pairwise(ring)]
