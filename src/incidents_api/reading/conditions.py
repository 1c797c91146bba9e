"""The query as SQL: for every parameter its condition, with bound values only, and a shape to compile it once."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import sqlalchemy as sa

from incidents_api.model import vocabulary
from incidents_api.model.audience import Audience
from incidents_api.model.claims import DIMS
from incidents_api.model.field import Field
from incidents_api.model.places import EARTH_KM, chord, direction, scope_of
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.model.words import name_key
from incidents_api.reading.cql2 import shape
from incidents_api.reading.filters import Compiler
from incidents_api.reading.query import PLACE, SPAN, Query
from incidents_api.storage import tables
from incidents_api.storage.dialects import has_words, search_values
from incidents_api.storage.tables import FULL_ROW, KIND_TABLES, PUBLIC_ROW

Condition = sa.ColumnElement[bool]


class Columns(Protocol):
    """Columns by their names."""

    def __getitem__(self, name: str, /) -> sa.ColumnElement[Any]: ...
    def __getattr__(self, name: str, /) -> sa.ColumnElement[Any]: ...
    def __contains__(self, name: str, /) -> bool: ...


class Rows(Protocol):
    """The table of a kind, or what stands for it: its name and its columns."""

    @property
    def name(self) -> str: ...
    @property
    def c(self) -> Columns: ...


CLAIM_FILTERS = ("population", "qualifier", *DIMS)
"""Parameters that select claims or figures of the incidents, not incidents."""

_UUID = re.compile(UUID_PATTERN)
_ISO = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_EXTERNAL = re.compile(r"([a-z][a-z0-9_]{0,31}):(?!//)(\S.*)")


@dataclass(slots=True)
class Bound:
    """Collects the values that a statement binds, and in `shape` what the statement's text depends on.

    `at`: the seq as of which rows are asked for; None: now. `moment`: that seq as an expression of the enclosing
    statement, where every row is asked for as of its own. `views`: of incidents, ask for the public's own rows alone.
    """

    at: int | None = None
    moment: sa.ColumnElement[int] | None = None
    views: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    shape: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape.append(self.at is None)
        if self.at is not None:
            self.values["at"] = self.at

    def true(self, table: Any) -> Condition:
        """Rows of a projection that were true as of the seq asked for, or are true now."""
        if self.at is None and self.moment is None:
            return table.c.seq_to.is_(None)  # type: ignore[no-any-return]
        at = sa.bindparam("at", type_=sa.BigInteger) if self.moment is None else self.moment
        return sa.and_(table.c.seq_from <= at, sa.or_(table.c.seq_to.is_(None), table.c.seq_to > at))

    def value(self, value: Any) -> sa.BindParameter[Any]:
        """A bound parameter; two queries of one shape bind the same names."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return sa.bindparam(name, type_=_type(value))

    def any_of(self, column: sa.ColumnElement[Any], values: Sequence[Any]) -> Condition:
        """The column is one of these values."""
        return column.in_([self.value(value) for value in values])


def _type(value: Any) -> sa.types.TypeEngine[Any]:
    for kind, type_ in ((bool, sa.Boolean()), (int, sa.BigInteger()), (float, sa.Double())):
        if isinstance(value, kind):
            return type_
    return sa.Text()


def seen(table: Any, to: Audience, bound: Bound) -> Condition:
    """Rows of incidents that are this audience's: its own, or everybody's, of statuses that it sees."""
    which = opened if bound.moment is None else _views if bound.views else _opened_then
    rows = which(table, to, bound)
    if to.statuses is None:
        return rows
    # Nearly every row passes: coalesce keeps SQLite from taking the index by status for it.
    bound.shape.append((len(to.statuses), to.author is None))
    reviewed = bound.any_of(sa.func.coalesce(table.c.status, ""), to.statuses)
    if to.author is not None:
        reviewed = sa.or_(reviewed, table.c.owner == bound.value(to.author))
    return sa.and_(rows, reviewed)


def opened(table: Any, to: Audience, bound: Bound) -> Condition:
    """Rows of incidents that nothing closes to this audience by now, and those of the public's own.

    The moment is bound, not a part of the text: an embargo lifts by itself under statements that are compiled already.
    """
    audience, turns = table.c.audience, table.c.turns
    bound.shape.append(("opened", to.full, to.statuses is None))
    if to.full:
        return sa.or_(audience.is_(None), audience == FULL_ROW)
    now = bound.value(to.now)
    own = _is_view(table, now)
    return sa.or_(audience.is_(None), own, sa.and_(audience == FULL_ROW, turns.is_not(None), turns <= now))


def _is_view(table: Any, now: sa.ColumnElement[str]) -> Condition:
    """Rows of closed incidents that are the public's own, until their embargo ends."""
    return sa.and_(table.c.audience == PUBLIC_ROW, sa.or_(table.c.turns.is_(None), table.c.turns > now))


def _views(table: Any, to: Audience, bound: Bound) -> Condition:
    """Those rows alone."""
    bound.shape.append("views")
    return _is_view(table, bound.value(to.now))


def _opened_then(table: Any, to: Audience, bound: Bound) -> Condition:
    """Rows of incidents that nothing closed to this audience in the state that they stand for."""
    if to.full:
        return opened(table, to, bound)
    bound.shape.append("then")
    held, now = table.c.hold_until, bound.value(to.now)
    return sa.and_(table.c.sensitivity == "public", sa.or_(held.is_(None), held <= now))


def conditions(query: Query, bound: Bound, *, to: Audience, table: Rows | None = None) -> list[Condition]:
    """What a record must meet, all of it, to be in an answer for this audience.

    `table`: what stands for the table of the kind, by the names of its columns.
    """
    if table is None:
        table = KIND_TABLES[query.kind.name]
    found = [bound.true(table)]
    bound.shape.append(query.kind.name)
    if query.kind.name == "incident":
        found.append(seen(table, to, bound))
        if query.get("q") and not to.full:
            # A row of the public's own holds no words; those of its seq are of the whole record.
            found.append(table.c.document.is_(None))
    found += _dates(query, table, bound)
    found += _places(query, table, bound)
    found += _words_and_changes(query, table, bound)
    taking_part = [name for name in ("actor", "role", "attribution") if query.get(name)]
    if taking_part:
        found.append(_participations(query, table, bound))
    for name, values in query.filters:
        if name in (*SPAN, *PLACE, "q", "filter", "updated_after", *CLAIM_FILTERS, *taking_part):
            continue
        described = query.kind.field(name)
        bound.shape.append((name, len(values)))
        found.append(_SHAPES[str(described.filter)](table, described, values, bound))
    return found


def _words_and_changes(query: Query, table: Rows, bound: Bound) -> list[Condition]:
    found: list[Condition] = []
    terms = query.one("q")
    if terms is not None:
        match, tsquery = search_values(terms)
        bound.shape.append("q")
        found.append(has_words(table.c.seq_from, bound.value(match), bound.value(tsquery)))
    node = query.one("filter")
    if node is not None:
        bound.shape.append(shape(node))
        found.append(Compiler(query.kind, bound.value, bound.true, table).compile(node))
    after = query.one("updated_after")
    if after is not None:
        bound.shape.append(("updated_after", isinstance(after, int)))
        column = table.c.seq_from if isinstance(after, int) else table.c.recorded_at
        found.append(column > bound.value(after))
    return found


def _places(query: Query, table: Rows, bound: Bound) -> list[Condition]:
    """Points inside a box or a circle; only those precise enough to be a place (DESIGN.md section 3, Precision)."""
    box, radius, coarsest = query.one("bbox"), query.one("radius_km"), query.one("max_precision")
    if box is None and radius is None and coarsest is None:
        return []
    precisions = vocabulary.codes("location_precision")
    enough = precisions[: precisions.index(coarsest or "city") + 1]
    bound.shape.append(("place", box and box[0] > box[2], radius is not None, len(enough)))
    found = [bound.any_of(table.c.precision, enough)]
    if box is None and radius is None:
        return found
    lon, lat = table.c.lon, table.c.lat
    found.append(lon.is_not(None))
    if radius is not None:
        # On the sphere: the straight line between the directions is short enough; exact at the poles, too.
        axes = zip((table.c.x, table.c.y, table.c.z), direction(query.one("lon"), query.one("lat")), strict=True)
        squares = []
        for column, value in axes:
            away = column - bound.value(value)
            squares.append(away * away)
        found.append(squares[0] + squares[1] + squares[2] <= bound.value(chord(radius) ** 2))
        reach = math.degrees(radius / EARTH_KM)
        south, north = query.one("lat") - reach, query.one("lat") + reach
        return [*found, lat.between(bound.value(south), bound.value(north))]
    west, south, east, north = box
    found.append(lat.between(bound.value(south), bound.value(north)))
    after, before = lon >= bound.value(west), lon <= bound.value(east)
    found.append(sa.or_(after, before) if west > east else sa.and_(after, before))
    return found


def _equals(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Condition:
    return bound.any_of(table.c[described.name], values)


def _term(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Condition:
    return table.c.id.in_(_with_term(bound, table.name, described.name, lambda column: bound.any_of(column, values)))


def _with_term(
    bound: Bound, kind: str, name: str, test: Callable[[sa.ColumnElement[Any]], Condition]
) -> sa.Select[tuple[str]]:
    term = tables.term.alias()
    return sa.select(term.c.record_id).where(
        term.c.kind == kind, term.c.field == name, test(term.c.value), bound.true(term)
    )


def _name(table: Rows, _: Field, values: Sequence[Any], bound: Bound) -> Condition:
    folded = [name_key(value) for value in values]
    return table.c.id.in_(_with_term(bound, table.name, "known_as", lambda column: bound.any_of(column, folded)))


def _source(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Condition:
    return table.c.id.in_(
        _with_term(bound, table.name, described.name, lambda column: _is_record(column, "source", values, bound))
    )


def _related(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Condition:
    """Held as a term is, given as a record of the same kind is."""
    return table.c.id.in_(
        _with_term(bound, table.name, described.name, lambda column: _is_record(column, table.name, values, bound))
    )


def _reference(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Condition:
    return _is_record(table.c[described.name], table.name, values, bound)


def _inside(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Condition:
    return table.c[described.name].in_(_beneath("location", values, bound))


def _location(table: Rows, _: Field, values: Sequence[Any], bound: Bound) -> Condition:
    place = tables.incident_location.alias()
    inside = place.c.location_id.in_(_beneath("location", values, bound))
    return table.c.id.in_(sa.select(place.c.incident_id).where(inside, bound.true(place)))


def _participations(query: Query, table: Rows, bound: Bound) -> Condition:
    """One participation that meets actor, role and attribution together."""
    one = tables.participation.alias()
    tests = [bound.true(one)]
    for name in ("role", "attribution"):
        if query.get(name):
            bound.shape.append((name, len(query.get(name))))
            tests.append(bound.any_of(one.c[name], query.get(name)))
    if query.get("actor"):
        bound.shape.append(("actor", len(query.get("actor"))))
        tests.append(one.c.actor_id.in_(_beneath("actor", query.get("actor"), bound)))
    return table.c.id.in_(sa.select(one.c.incident_id).where(*tests))


def _beneath(kind: str, values: Sequence[str], bound: Bound) -> sa.Select[tuple[str]]:
    """The ids of these actors or locations and of everything that is part of them."""
    ancestry = tables.ancestry.alias()
    return sa.select(ancestry.c.record_id).where(
        _is_record(ancestry.c.ancestor_id, kind, values, bound), bound.true(ancestry)
    )


def _is_record(column: sa.ColumnElement[Any], kind: str, values: Sequence[str], bound: Bound) -> Condition:
    """The column is one of these records, given by id, `scheme:value`, ISO code, address or name."""
    return sa.or_(*(_one_record(column, kind, value, bound) for value in values))


def _one_record(column: sa.ColumnElement[Any], kind: str, value: str, bound: Bound) -> Condition:
    external = _EXTERNAL.fullmatch(value)
    if _UUID.fullmatch(value):
        bound.shape.append("id")
        # Itself, or what it was merged into: an id means its record for ever.
        given = bound.value(value)
        return column.in_(
            sa.union_all(sa.select(given), _with_term(bound, kind, "merged", lambda known: known == given))
        )
    if external or (kind == "location" and _ISO.fullmatch(value)):
        bound.shape.append("external")
        scheme, key = (external[1], external[2]) if external else ("iso3166", value)
        named = _with_term(bound, kind, "external_id", lambda known: known == bound.value(f"{scheme}:{key}"))
        return column.in_(named)
    if kind == "source":
        bound.shape.append("url")
        source, given = KIND_TABLES["source"].alias(), bound.value(value)
        merged = _with_term(bound, kind, "merged", lambda known: known == given)
        return column.in_(sa.union_all(sa.select(source.c.id).where(source.c.url == given, bound.true(source)), merged))
    if kind == "location" and "," in value:
        name, *units = (part.strip() for part in value.split(","))
        try:
            country, admin1 = scope_of(units)
        except ValueError:
            name, country, admin1 = value, None, None
        bound.shape.append(("name inside", country is None, admin1 is None))
        place = KIND_TABLES["location"].alias()
        named = _with_term(bound, kind, "known_as", lambda known: known == bound.value(name_key(name)))
        within = [place.c.id.in_(named), bound.true(place)]
        within += [place.c.country == bound.value(country)] if country else []
        within += [place.c.admin1 == bound.value(admin1)] if admin1 else []
        return column.in_(sa.select(place.c.id).where(*within))
    bound.shape.append("name")
    folded = name_key(value)
    return column.in_(_with_term(bound, kind, "known_as", lambda known: known == bound.value(folded)))


def _dates(query: Query, table: Rows, bound: Bound) -> list[Condition]:
    """The named modes of FIELD.md 2.2; an open end counts as reaching for ever, an undated record never matches."""
    first, last = next(iter(query.get("from")), None), next(iter(query.get("to")), None)
    if first is None and last is None:
        return []
    mode = next(iter(query.get("date_mode")), "overlaps")
    bound.shape.append(("dates", mode, first is not None, last is not None))
    start, end = table.c.span_start, table.c.span_end
    found: list[Condition] = [start.is_not(None)]
    if first is not None:
        day = bound.value(first)
        found.append(end >= day if mode == "overlaps" else start >= day if mode == "within" else start <= day)
    if last is not None:
        day = bound.value(last)
        found.append(start <= day if mode == "overlaps" else end <= day if mode == "within" else end >= day)
    if mode == "within":
        # Certainly inside: an end that is open on the side nobody asked about is still not known.
        found += [table.c.earliest.is_not(None), table.c.latest.is_not(None)]
    elif mode == "contains":
        # An end that nobody knows covers nothing; one that is still going on does.
        still = sa.or_(table.c.latest.is_not(None), table.c.date_kind == "ongoing")
        found += [table.c.earliest.is_not(None), still]
    return found


_SHAPES: dict[str, Callable[[Rows, Field, Sequence[Any], Bound], Condition]] = {
    "equals": _equals,
    "term": _term,
    "name": _name,
    "source": _source,
    "related": _related,
    "reference": _reference,
    "inside": _inside,
    "location": _location,
}
