"""The query as SQL: for every parameter its condition, with bound values only, and a shape to compile it once."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.claims import DIMS
from incidents_api.model.field import Field
from incidents_api.model.geometry import Box
from incidents_api.model.places import (
    EARTH_KM,
    PRECISE,
    as_precise_as,
    chord,
    direction,
    scope_of,
    squares,
    strips,
)
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.model.words import name_key
from incidents_api.reading.bound import Bound, Condition, Later, Rows, Test, Where, has_strips, seen
from incidents_api.reading.cql2 import shape
from incidents_api.reading.filters import Compiler
from incidents_api.reading.query import PLACE, SPAN, Query
from incidents_api.storage import tables
from incidents_api.storage.dialects import has_words, search_values
from incidents_api.storage.tables import KIND_TABLES, PUBLIC_ROW

CLAIM_FILTERS = ("population", "qualifier", *DIMS)
"""Parameters that select claims or figures of the incidents, not incidents."""

_UUID = re.compile(UUID_PATTERN)
_ISO = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_EXTERNAL = re.compile(r"([a-z][a-z0-9_]{0,31}):(?!//)(\S.*)")


def conditions(
    query: Query, bound: Bound, *, to: Audience, table: Rows | None = None, words: bool = True, in_strips: bool = True
) -> Where:
    """What a record must meet, all of it, to be in an answer for this audience.

    `table`: what stands for the table of the kind, by the names of its columns. `words`: whether it must hold those
    that are asked for, or the caller sees to that; `strips`: whether its point must lie in the strips of a box or
    circle, or the caller names their squares. The groups are named as what an answer says it could not judge.
    """
    own: Rows = KIND_TABLES[query.kind.name] if table is None else table
    found = Where([lambda: bound.true(own)])
    bound.shape.append(query.kind.name)
    if query.kind.name == "incident":
        found.append(seen(own, to, bound))
        if query.get("q") and not to.full:
            # A row of the public's own holds no words; those of its seq are of the whole record.
            found.append(lambda: sa.func.coalesce(own.c.audience, sa.literal_column("0")) != PUBLIC_ROW)
    found.groups = {"undated": _dates(query, own, bound), "unlocated": _places(query, own, bound, in_strips=in_strips)}
    for group in found.groups.values():
        found += group
    found += _words(query, own, bound) if words else []
    found += _filter_and_changes(query, own, bound)
    taking_part = [name for name in ("actor", "role", "attribution") if query.get(name)]
    if taking_part:
        found.append(_participations(query, own, bound))
    for name, values in query.filters:
        if name in _ELSEWHERE or name in taking_part:
            continue
        described = query.kind.field(name)
        bound.shape.append((name, len(values)))
        found.append(_SHAPES[str(described.filter)](own, described, values, bound))
    return found


_ELSEWHERE = frozenset((*SPAN, *PLACE, "q", "filter", "updated_after", *CLAIM_FILTERS))


def _words(query: Query, table: Rows, bound: Bound) -> list[Later]:
    terms = query.one("q")
    if terms is None:
        return []
    match, tsquery = (bound.value(text) for text in search_values(terms))
    bound.shape.append("q")
    return [lambda: has_words(table.c.seq_from, match, tsquery)]


def _filter_and_changes(query: Query, table: Rows, bound: Bound) -> list[Later]:
    found: list[Later] = []
    node = query.one("filter")
    if node is not None:
        bound.shape.append(shape(node))
        found.append(Compiler(query.kind, bound.value, bound.true, table).compile(node))
    after = query.one("updated_after")
    if after is not None:
        bound.shape.append(("updated_after", isinstance(after, int)))
        since = bound.value(after)
        found.append(lambda: (table.c.seq_from if isinstance(after, int) else table.c.recorded_at) > since)
    return found


def _places(query: Query, table: Rows, bound: Bound, *, in_strips: bool) -> list[Later]:
    """Points inside a box or a circle; only those precise enough to be a place (DESIGN.md section 3, Precision)."""
    box, radius, coarsest = query.one("bbox"), query.one("radius_km"), query.one("max_precision")
    bounds = _bounds(query)
    if bounds is None and coarsest is None:
        return []
    codes = as_precise_as(coarsest or "city")
    told = bounds is not None and has_strips(table)  # strips and squares tell what is a place, too
    bound.shape.append(("place", box and box[0] > box[2], radius is not None, len(codes), told and in_strips))
    found: list[Later] = []
    if bounds is not None and told and in_strips:
        named = bound.all(strips(((one.west, one.east) for one in bounds.spans()), coarse=_is_coarse(codes)))
        bound.shape.append(("strips", len(named)))
        found.append(lambda: table.c.strip.in_(named))
    if not told or codes != PRECISE:
        enough = bound.all(codes)
        found.append(lambda: table.c.precision.in_(enough))
    if bounds is not None:
        found.append(lambda: table.c.lon.is_not(None))
    if radius is not None:
        found += _in_circle(query, table, bound)
    elif box is not None:
        found += _in_box(box, table, bound)
    return found


def _is_coarse(codes: Sequence[str]) -> bool:
    return len(codes) > len(PRECISE)


def _bounds(query: Query) -> Box | None:
    """The box that is asked for, or the one around the circle; None: no place is asked for."""
    box, radius = query.one("bbox"), query.one("radius_km")
    if box is not None:
        return Box(*box)
    if radius is None:
        return None
    reach, lat = math.degrees(radius / EARTH_KM), query.one("lat")
    west, east = _meridians(query.one("lon"), lat, reach) or (-180.0, 180.0)
    return Box(west, lat - reach, east, lat + reach)


_MOST_SQUARES = 16
"""So many ways a list is made of at the most; a server takes its time to plan each of them."""
_LEAST_SHARE = 1 / 16
"""Of the squares that it touches a part of the map is at least this, or most of what is walked lies outside."""
_WITH_SQUARES = frozenset((*PLACE, "from", "to"))
"""What the index of squares holds."""


def squares_walked(query: Query) -> list[int]:
    """The squares of the map in each of which a list by date is walked in its order, until the page is full.

    None where they are very many, or the place is a small part of them; and where more is asked for than places and
    days, which the index of squares does not hold.
    """
    box = _bounds(query)
    if box is None or query.at is not None or [name for name, _ in query.sort] != ["date"]:
        return []
    area = sum(one.east - one.west for one in box.spans()) * (box.north - box.south)
    if area > _MOST_SQUARES or not {name for name, _ in query.filters} <= _WITH_SQUARES:
        return []
    own = squares(box, coarse=False)
    every = squares(box, coarse=True) if _is_coarse(as_precise_as(query.one("max_precision", "city"))) else own
    return every if len(every) <= _MOST_SQUARES and area >= _LEAST_SHARE * len(own) else []


def _in_circle(query: Query, table: Rows, bound: Bound) -> list[Later]:
    """On the sphere: the straight line between the directions is short enough; exact at the poles, too."""
    lon, lat, radius = query.one("lon"), query.one("lat"), query.one("radius_km")
    at, longest = bound.all(direction(lon, lat)), bound.value(chord(radius) ** 2)
    reach = math.degrees(radius / EARTH_KM)
    south, north = bound.value(lat - reach), bound.value(lat + reach)
    edges = _meridians(lon, lat, reach)
    bound.shape.append(("between meridians", edges is not None))
    sides = bound.all(edges) if edges else []

    def near() -> Condition:
        away = [table.c[axis] - value for axis, value in zip("xyz", at, strict=True)]
        return away[0] * away[0] + away[1] * away[1] + away[2] * away[2] <= longest

    found: list[Later] = [near, lambda: table.c.lat.between(south, north)]
    if sides:
        found.append(lambda: table.c.lon.between(sides[0], sides[1]))
    return found


def _meridians(lon: float, lat: float, reach: float) -> tuple[float, float] | None:
    """The meridians that a circle lies between, with a hair to spare; None at a pole and over the antimeridian."""
    if abs(lat) + reach > 89.9:
        return None
    spread = math.degrees(math.asin(math.sin(math.radians(reach)) / math.cos(math.radians(lat)))) + 1e-6
    west, east = lon - spread, lon + spread
    return (west, east) if west >= -180 and east <= 180 else None


def _in_box(box: Sequence[float], table: Rows, bound: Bound) -> list[Later]:
    west, south, east, north = bound.all(box)

    def between() -> Condition:
        after, before = table.c.lon >= west, table.c.lon <= east
        return sa.or_(after, before) if box[0] > box[2] else sa.and_(after, before)

    return [lambda: table.c.lat.between(south, north), between]


def _equals(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Later:
    wanted = bound.all(values)
    return lambda: table.c[described.name].in_(wanted)


def _term(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Later:
    wanted = bound.all(values)
    return lambda: table.c.id.in_(_with_term(bound, table.name, described.name, lambda one: one.in_(wanted)))


def _with_term(
    bound: Bound, kind: str, name: str, test: Callable[[sa.ColumnElement[Any]], Condition]
) -> sa.Select[tuple[str]]:
    term = tables.term.alias()
    return sa.select(term.c.record_id).where(
        term.c.kind == kind, term.c.field == name, test(term.c.value), bound.true(term)
    )


def _name(table: Rows, _: Field, values: Sequence[Any], bound: Bound) -> Later:
    folded = bound.all(name_key(value) for value in values)
    return lambda: table.c.id.in_(_with_term(bound, table.name, "known_as", lambda one: one.in_(folded)))


def _source(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Later:
    meant = _is_record("source", values, bound)
    return lambda: table.c.id.in_(_with_term(bound, table.name, described.name, meant))


def _related(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Later:
    """Held as a term is, given as a record of the same kind is."""
    meant = _is_record(table.name, values, bound)
    return lambda: table.c.id.in_(_with_term(bound, table.name, described.name, meant))


def _reference(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Later:
    meant = _is_record(table.name, values, bound)
    return lambda: meant(table.c[described.name])


def _inside(table: Rows, described: Field, values: Sequence[Any], bound: Bound) -> Later:
    beneath = _beneath("location", values, bound)
    return lambda: table.c[described.name].in_(beneath())


def _location(table: Rows, _: Field, values: Sequence[Any], bound: Bound) -> Later:
    beneath = _beneath("location", values, bound)

    def made() -> Condition:
        place = tables.incident_location.alias()
        inside = place.c.location_id.in_(beneath())
        return table.c.id.in_(sa.select(place.c.incident_id).where(inside, bound.true(place)))

    return made


def _participations(query: Query, table: Rows, bound: Bound) -> Later:
    """One participation that meets actor, role and attribution together."""
    coded = {name: bound.all(query.get(name)) for name in ("role", "attribution") if query.get(name)}
    bound.shape.append(tuple((name, len(values)) for name, values in coded.items()))
    beneath: Callable[[], Any] | None = None
    if query.get("actor"):
        bound.shape.append(("actor", len(query.get("actor"))))
        beneath = _beneath("actor", query.get("actor"), bound)

    def made() -> Condition:
        one = tables.participation.alias()
        tests = [bound.true(one), *(one.c[name].in_(values) for name, values in coded.items())]
        if beneath is not None:
            tests.append(one.c.actor_id.in_(beneath()))
        return table.c.id.in_(sa.select(one.c.incident_id).where(*tests))

    return made


def _beneath(kind: str, values: Sequence[str], bound: Bound) -> Callable[[], sa.Select[tuple[str]]]:
    """The ids of these actors or locations and of everything that is part of them."""
    meant = _is_record(kind, values, bound)

    def made() -> sa.Select[tuple[str]]:
        ancestry = tables.ancestry.alias()
        return sa.select(ancestry.c.record_id).where(meant(ancestry.c.ancestor_id), bound.true(ancestry))

    return made


def _is_record(kind: str, values: Sequence[str], bound: Bound) -> Test:
    """Whether a column is one of these records, given by id, `scheme:value`, ISO code, address or name."""
    tests = [_one_record(kind, value, bound) for value in values]
    return lambda column: sa.or_(*(test(column) for test in tests))


def _one_record(kind: str, value: str, bound: Bound) -> Test:
    external = _EXTERNAL.fullmatch(value)
    if _UUID.fullmatch(value):
        bound.shape.append("id")
        # Itself, or what it was merged into: an id means its record for ever.
        given = bound.value(value)
        return lambda column: column.in_(
            sa.union_all(sa.select(given), _with_term(bound, kind, "merged", lambda known: known == given))
        )
    if external or (kind == "location" and _ISO.fullmatch(value)):
        bound.shape.append("external")
        scheme, key = (external[1], external[2]) if external else ("iso3166", value)
        named = bound.value(f"{scheme}:{key}")
        return lambda column: column.in_(_with_term(bound, kind, "external_id", lambda known: known == named))
    if kind == "source":
        bound.shape.append("url")
        address = bound.value(value)
        return lambda column: column.in_(_at_address(bound, address))
    if kind == "location" and "," in value:
        return _in_unit(kind, value, bound)
    bound.shape.append("name")
    folded = bound.value(name_key(value))
    return lambda column: column.in_(_with_term(bound, kind, "known_as", lambda known: known == folded))


def _at_address(bound: Bound, address: sa.BindParameter[Any]) -> sa.CompoundSelect[Any]:
    """The sources at an address, or what an id of that text was merged into."""
    source = KIND_TABLES["source"].alias()
    merged = _with_term(bound, "source", "merged", lambda known: known == address)
    return sa.union_all(sa.select(source.c.id).where(source.c.url == address, bound.true(source)), merged)


def _in_unit(kind: str, value: str, bound: Bound) -> Test:
    """A location by its name and the units that it lies in: "Rancho Viejo, MX-SIN"."""
    name, *units = (part.strip() for part in value.split(","))
    try:
        country, admin1 = scope_of(units)
    except ValueError:
        name, country, admin1 = value, None, None
    bound.shape.append(("name inside", country is None, admin1 is None))
    folded = bound.value(name_key(name))
    units_of = {"country": country, "admin1": admin1}
    given = {unit: bound.value(code) for unit, code in units_of.items() if code}

    def made(column: sa.ColumnElement[Any]) -> Condition:
        place = KIND_TABLES["location"].alias()
        named = _with_term(bound, kind, "known_as", lambda known: known == folded)
        within = [place.c[unit] == code for unit, code in given.items()]
        return column.in_(sa.select(place.c.id).where(place.c.id.in_(named), bound.true(place), *within))

    return made


def _dates(query: Query, table: Rows, bound: Bound) -> list[Later]:
    """The named modes of FIELD.md 2.2; an open end counts as reaching for ever, an undated record never matches."""
    first, last = next(iter(query.get("from")), None), next(iter(query.get("to")), None)
    if first is None and last is None:
        return []
    mode = next(iter(query.get("date_mode")), "overlaps")
    bound.shape.append(("dates", mode, first is not None, last is not None))
    begins = None if first is None else bound.value(first)
    ends = None if last is None else bound.value(last)
    return [lambda: _spans(table, mode, begins, ends)]


def _spans(table: Rows, mode: str, first: Any, last: Any) -> Condition:
    start, end = table.c.span_start, table.c.span_end
    found: list[Condition] = [start.is_not(None)]
    if first is not None:
        found.append(end >= first if mode == "overlaps" else start >= first if mode == "within" else start <= first)
    if last is not None:
        found.append(start <= last if mode == "overlaps" else end <= last if mode == "within" else end >= last)
    if mode == "within":
        # Certainly inside: an end that is open on the side nobody asked about is still not known.
        found += [table.c.earliest.is_not(None), table.c.latest.is_not(None)]
    elif mode == "contains":
        # An end that nobody knows covers nothing; one that is still going on does.
        still = sa.or_(table.c.latest.is_not(None), table.c.date_kind == "ongoing")
        found += [table.c.earliest.is_not(None), still]
    return sa.and_(*found)


_SHAPES: dict[str, Callable[[Rows, Field, Sequence[Any], Bound], Later]] = {
    "equals": _equals,
    "term": _term,
    "name": _name,
    "source": _source,
    "related": _related,
    "reference": _reference,
    "inside": _inside,
    "location": _location,
}
