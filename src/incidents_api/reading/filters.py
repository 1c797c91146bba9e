"""CQL2 filters as SQL: what can be asked of each kind, from the catalogue, and a parsed filter as one condition."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.model.words import folded
from incidents_api.reading import cql2
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

Condition = sa.ColumnElement[bool]
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

    def compile(self, node: Node, *, negated: bool = False) -> Condition:
        """The condition; logic has two values, so a negation is carried down to where nothing can be unknown."""
        match node:
            case Not(inner):
                return self.compile(inner, negated=not negated)
            case And(nodes) | Or(nodes):
                parts = [self.compile(one, negated=negated) for one in nodes]
                return sa.and_(*parts) if isinstance(node, And) != negated else sa.or_(*parts)
        condition = self._leaf(node)
        return sa.not_(sa.func.coalesce(condition, sa.false())) if negated else condition

    def _leaf(self, node: Node) -> Condition:
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
                    return self._any_value(described, lambda column: self._test(node, column))
                return self._test(node, self._column(node.field, node))
        raise TypeError(type(node).__name__)

    def _described(self, name: str) -> Field | None:
        return next((field for field in self.kind.fields if field.name == name), None)

    def _column(self, name: str, node: Any = None) -> Any:
        """The column of a field with one value, folded as the node asks."""
        if name == "seq":
            return self.table.c.seq_from
        if name == "date":
            return sa.func.nullif(self.table.c.date, "")
        if name not in self.table.c:
            return self._figure(name)
        casei, accenti = getattr(node, "casei", False), getattr(node, "accenti", False)
        suffix = {(True, False): "_casei", (False, True): "_accenti", (True, True): "_folded"}.get((casei, accenti), "")
        if name + suffix in self.table.c:
            return self.table.c[name + suffix]
        # Codes, ids and addresses are ASCII: nothing to fold but capitals.
        return sa.func.lower(self.table.c[name]) if casei else self.table.c[name]

    def _figure(self, name: str) -> Any:
        measure, _, level = name.rpartition("_")
        told = tables.figure.alias()
        own = sa.and_(told.c.incident_id == self.table.c.id, told.c.measure == self.bind(measure), told.c.whole)
        return sa.select(told.c[level]).where(own, self.true(told)).scalar_subquery()

    def _test(self, node: Compare | In | Between | Like, column: Any) -> Condition:
        value = self._value
        if node.field == "id" and self.kind.name == "incident":
            # A row of the public's own stands under another id.
            match node:
                case Compare("=" | "<>", _, wanted):
                    return self._is_incident(column, [wanted], negated=node.op == "<>")
                case In(_, wanted):
                    return self._is_incident(column, wanted)
        match node:
            case Compare(op, _, wanted):
                return _COMPARE[op](column, value(wanted, node))  # type: ignore[no-any-return]
            case In(_, wanted):
                return column.in_([value(one, node) for one in wanted])  # type: ignore[no-any-return]
            case Between(_, low, high):
                return column.between(value(low, node), value(high, node))  # type: ignore[no-any-return]
            case Like(_, pattern):
                return column.like(value(pattern, node), escape="\\")  # type: ignore[no-any-return]

    def _is_incident(self, column: Any, ids: Sequence[Any], *, negated: bool = False) -> Condition:
        both = [self.bind(one) for each in ids for one in (each, public_id(str(each)))]
        found: Condition = column.not_in(both) if negated else column.in_(both)
        return found

    def _value(self, wanted: Any, node: Any) -> sa.BindParameter[Any]:
        if isinstance(wanted, datetime):
            wanted = _instant(wanted, last=False)
        elif isinstance(wanted, date):
            wanted = wanted.isoformat()
        elif isinstance(wanted, str):
            wanted = folded(wanted, case=getattr(node, "casei", False), accents=getattr(node, "accenti", False))
        return self.bind(wanted)

    def _any_value(self, described: Field, test: Callable[[Any], Condition] | None) -> Condition:
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
        return self.table.c.id.in_(sa.select(holder).where(*rows))

    def _is_null(self, name: str) -> Condition:
        described = self._described(name)
        if name == "geometry":
            return self.table.c.lon.is_(None)
        if described is not None and described.many:
            return sa.not_(self._any_value(described, None))
        return self._column(name).is_(None)  # type: ignore[no-any-return]

    # --- Space and time --------------------------------------------------------------------------------------------

    def _spatial(self, geometry: Geometry) -> Condition:
        lon, lat = self.table.c.lon, self.table.c.lat
        match geometry:
            case Box():
                return self._in_box(geometry)
            case Points(positions):
                return sa.or_(*(sa.and_(lon == self.bind(x), lat == self.bind(y)) for x, y in positions))
            case Polygons(polygons):
                edges = [_edges(rings) for rings in polygons]
                each = [inside(lon, lat, self.bind(json.dumps(one))) for one in edges]
                # CASE: the edges are asked only of points in the box, under NOT, too, where SQLite takes AND whole.
                return sa.case((self._in_box(geometry.bounds), sa.or_(*each)), else_=sa.false())
        raise TypeError(type(geometry).__name__)

    def _in_box(self, box: Box) -> Condition:
        lon, lat = self.table.c.lon, self.table.c.lat
        across = (lon.between(self.bind(one.west), self.bind(one.east)) for one in box.spans())
        return sa.and_(lat.between(self.bind(box.south), self.bind(box.north)), sa.or_(*across))

    def _temporal(self, node: Temporal) -> Condition:
        """The span of the record against that of the filter, both with their ends; an open end reaches for ever."""
        if node.field == "recorded_at":
            first = last = self.table.c.recorded_at
            start, end = _instant(node.start, last=False), _instant(node.end, last=True)
        else:
            first, last = self.table.c.span_start, self.table.c.span_end
            start, end = _day(node.start), _day(node.end)
        match node.op:
            case "before":
                return last < self.bind(start)
            case "after":
                return first > self.bind(end)
        tests: list[Condition] = [first.is_not(None)]
        if node.op == "during":
            tests += [first >= self.bind(start)] if start is not None else []
            tests += [last <= self.bind(end)] if end is not None else []
        else:
            tests += [last >= self.bind(start)] if start is not None else []
            tests += [first <= self.bind(end)] if end is not None else []
        return sa.and_(*tests)


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
