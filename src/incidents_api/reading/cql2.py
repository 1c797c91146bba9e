"""A CQL2 filter (OGC 21-065, text form) as a checked tree: `type = 'kidnapping' AND freed_best >= 10`.

Taken: AND, OR, NOT and brackets; =, <>, <, <=, >, >=; [NOT] IN, BETWEEN and LIKE (%, _ and \\ before them); IS [NOT] NULL;
CASEI and ACCENTI around both sides; S_INTERSECTS and S_WITHIN; T_INTERSECTS, T_DURING, T_BEFORE and T_AFTER; DATE,
TIMESTAMP and INTERVAL. Refused by name: arithmetic, other functions, arrays, a field compared with a field. Stricter than
the standard: a condition compares one field with values, so TRUE alone or 1 = 1 is none. Looser: a day or time may stand
as a bare text, in an INTERVAL also as DATE or TIMESTAMP; a timestamp may have an offset. A text cannot end in a
backslash, because \\' stands for a quote.

What a filter means, for whoever compiles it:

- Logic has two values. A condition on a field whose value is unknown is false - <> too - so NOT of it is true; only
  IS NULL tells. That is not SQL's NULL: `NOT (x = 1)` and `x NOT IN (1)` select the unknown, `x <> 1` does not.
- A field with many values meets a condition when any of them does, so `tag <> 'a'` asks for another tag than a, and
  `NOT tag = 'a'` for none that is a. It IS NULL when it has no value.
- `casei` and `accenti` fold both the field and the value: full case folding; letters without their accents.
- Spatial: "intersects" and "within" are the same for a record's point, whose absence makes both false.
- Temporal: start and end are inclusive, None is open. A dated record's span is from its earliest to its latest day, an
  instant is a span of its own. "intersects": some moment in common. "during": the span lies inside, ends included (the
  standard's T_DURING leaves the ends out; with whole days that would lose the first and the last). "before": the span
  ends before `start`; "after": it begins after `end`. `start` of before and `end` of after are never None.
"""

__all__ = [
    *("And", "Between", "Compare", "FieldInfo", "FilterError", "In", "IsNull", "Like", "Node", "Not", "Or", "Spatial"),
    *("Temporal", "Value", "parse", "shape", "to_json"),
]

MAX_DEPTH = 32
"""How deep brackets and NOT may nest."""
MAX_TERMS = 500
MAX_VALUES = 200
"""How many values one IN may list."""


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


def parse(text: str, fields: Mapping[str, FieldInfo]) -> Node:
    """The tree of a filter over these fields; FilterError points at the first character that is at fault.

    Every value in it has the type of its field (see `Value`) and is one that the field takes. Takes time in proportion
    to the text and never more than MAX_DEPTH levels of recursion, so a RecursionError cannot come of it.
    """
    return _Parser(text, fields).whole()


# --- Telling ---------------------------------------------------------------------------------------------------------


def shape(node: Node) -> str:
    """What the statement for a filter depends on: equal for two that differ in their values alone.

    The number of values of an IN counts, so do open ends, and of a geometry its kind and how many positions each ring
    has.
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
    match place:
        case geometry.Box():
            return f"box {len(place.spans())}"
        case geometry.Points(points):
            return f"points {len(points)}"
        case geometry.Polygons(polygons):
            return f"polygons {[[len(ring) for ring in rings] for rings in polygons]}"


def to_json(node: Node) -> object:
    """The filter as CQL2-JSON (OGC 21-065): field first, brackets kept, CASEI outside ACCENTI, numbers by field type."""
    match node:
        case And(nodes) | Or(nodes):
            return _op(type(node).__name__.lower(), *map(to_json, nodes))
        case Not(inner):
            return _op("not", to_json(inner))
        case Compare(op, field, value, casei, accenti):
            return _op(op, _fold({"property": field}, casei, accenti), _fold(_plain(value), casei, accenti))
        case In(field, values, casei, accenti):
            listed = [_fold(_plain(value), casei, accenti) for value in values]
            return _op("in", _fold({"property": field}, casei, accenti), listed)
        case Between(field, low, high):
            return _op("between", {"property": field}, _plain(low), _plain(high))
        case Like(field, pattern, casei, accenti):
            return _op("like", _fold({"property": field}, casei, accenti), _fold(pattern, casei, accenti))
        case IsNull(field):
            return _op("isNull", {"property": field})
        case Spatial(op, field, place):
            return _op(f"s_{op}", {"property": field}, place.geojson())
        case Temporal(op, field, start, end):
            ends = [".." if value is None else _moment(value) for value in (start, end)]
            same = start is not None and start == end
            return _op(f"t_{op}", {"property": field}, _plain(start) if start and same else {"interval": ends})


def _op(name: str, *args: object) -> dict[str, object]:
    return {"op": name, "args": list(args)}


def _fold(told: object, casei: bool, accenti: bool) -> object:
    told = _op("accenti", told) if accenti else told
    return _op("casei", told) if casei else told


def _plain(value: Value) -> object:
    if isinstance(value, date):
        return {"timestamp" if isinstance(value, datetime) else "date": _moment(value)}
    return value


def _moment(value: date | datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
