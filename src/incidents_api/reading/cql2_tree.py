"""The tree of a CQL2 filter: its nodes, the shape that its statement depends on, and the same as CQL2-JSON.

What the nodes mean is told in `incidents_api.reading.cql2`, which makes them.
"""

from dataclasses import dataclass
from datetime import date, datetime

from incidents_api.model import geometry
from incidents_api.model.geometry import Geometry
from incidents_api.model.places import strips
from incidents_api.reading.cql2_values import Value


@dataclass(frozen=True, slots=True)
class And:
    """All of them hold; two at the least."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them holds; two at the least."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    """The field stands to the value as `op` (=, <>, <, <=, >, >=) says."""

    op: str
    field: str
    value: Value
    casei: bool = False
    accenti: bool = False


@dataclass(frozen=True, slots=True)
class In:
    """The field is one of the values."""

    field: str
    values: tuple[Value, ...]
    casei: bool = False
    accenti: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """The field lies from `low` to `high`, both included; low <= high."""

    field: str
    low: Value
    high: Value


@dataclass(frozen=True, slots=True)
class Like:
    """The text fits the pattern: % is any characters, _ is one, and a backslash makes %, _ or a backslash literal."""

    field: str
    pattern: str
    casei: bool = False
    accenti: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    """The field's value is unknown."""

    field: str


@dataclass(frozen=True, slots=True)
class Spatial:
    """The place meets the geometry; `op` is intersects or within."""

    op: str
    field: str
    geometry: Geometry


@dataclass(frozen=True, slots=True)
class Temporal:
    """The field's time stands to `start`..`end` as `op` (intersects, during, before, after) says; None is open."""

    op: str
    field: str
    start: date | datetime | None
    end: date | datetime | None


Node = And | Or | Not | Compare | In | Between | Like | IsNull | Spatial | Temporal


# --- Telling ---------------------------------------------------------------------------------------------------------


def shape(node: Node) -> str:
    """What the statement for a filter depends on: equal for two that differ in their values alone.

    The number of values of an IN counts, so do open ends, and of a geometry its kind, how many positions each ring has
    and how many strips of the map it touches.
    """
    match node:
        case And(nodes) | Or(nodes):
            return f"{type(node).__name__}({','.join(map(shape, nodes))})"
        case Not(inner):
            return f"Not({shape(inner)})"
        case Compare(op, field) | Spatial(op, field) | Temporal(op, field):
            told = f"{op} {field!r}"
        case In(field) | Between(field) | Like(field) | IsNull(field):
            told = f"{field!r}"
    match node:
        case In(_, values):
            told += f" {len(values)}"
        case Spatial(_, _, place):
            told += f" {_outline(place)}"
        case Temporal(_, _, start, end):
            told += f" {start is None} {end is None}"
    if isinstance(node, Compare | In | Like):
        told += f" {node.casei} {node.accenti}"
    return f"{type(node).__name__}({told})"


def _outline(place: Geometry) -> str:
    spans = place.bounds.spans()
    around = f"{len(spans)} {len(strips((one.west, one.east) for one in spans))}"
    match place:
        case geometry.Box():
            return f"box {around}"
        case geometry.Points(points):
            return f"points {len(points)}"
        case geometry.Polygons(polygons):
            return f"polygons {[[len(ring) for ring in rings] for rings in polygons]} {around}"


def to_json(node: Node) -> object:
    """The filter as CQL2-JSON (OGC 21-065): field first, brackets kept, CASEI outside ACCENTI."""
    match node:
        case And(nodes) | Or(nodes):
            return _op(type(node).__name__.lower(), *map(to_json, nodes))
        case Not(inner):
            return _op("not", to_json(inner))
        case Spatial(op, field, place):
            return _op(f"s_{op}", {"property": field}, place.geojson())
        case Temporal(op, field, start, end):
            ends = [".." if value is None else _moment(value) for value in (start, end)]
            told = _plain(start) if start is not None and start == end else {"interval": ends}
            return _op(f"t_{op}", {"property": field}, told)
        case _:
            return _condition(node)


def _condition(node: Compare | In | Between | Like | IsNull) -> object:
    folded = node if isinstance(node, Compare | In | Like) else None

    def fold(told: object) -> object:
        told = _op("accenti", told) if folded and folded.accenti else told
        return _op("casei", told) if folded and folded.casei else told

    named = fold({"property": node.field})
    match node:
        case Compare(op, _, value):
            return _op(op, named, fold(_plain(value)))
        case In(_, values):
            return _op("in", named, [fold(_plain(value)) for value in values])
        case Between(_, low, high):
            return _op("between", named, _plain(low), _plain(high))
        case Like(_, pattern):
            return _op("like", named, fold(pattern))
        case IsNull():
            return _op("isNull", named)


def _op(name: str, *args: object) -> dict[str, object]:
    return {"op": name, "args": list(args)}


def _plain(value: Value) -> object:
    if isinstance(value, date):
        return {"timestamp" if isinstance(value, datetime) else "date": _moment(value)}
    return value


def _moment(value: date | datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
