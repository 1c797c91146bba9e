"""The parameters that reads take, made from the catalogue: their names, meanings, schemas, and how a value is read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache, partial
from typing import Any

from incidents_api.model import dates, gazetteer, vocabulary
from incidents_api.model.answers import ANSWERS
from incidents_api.model.claims import DIMS
from incidents_api.model.duplicates import DAYS, KM, MIN_SCORE
from incidents_api.model.field import Field
from incidents_api.model.figures import LEVELS
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.layouts import LAYOUTS
from incidents_api.model.wire import instant
from incidents_api.model.words import read_search
from incidents_api.reading.cells import DEFAULT_ZOOM, MAX_ZOOM, read_zoom
from incidents_api.reading.filters import parse as parse_filter

DEFAULT_LIMIT = 100
MAX_SORTS = 3
MAX_BY = 3


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a list: `take` turns one value into what conditions bind, or raises ValueError saying why.

    `splits`: commas part several values (names, which may hold commas, are repeated instead).
    """

    name: str
    meaning: str
    schema: Mapping[str, Any]
    take: Callable[[str], Any]
    many: bool = True
    splits: bool = True
    allowed: tuple[str, ...] = ()
    field: Field | None = None


def parameters(kind: Kind, purpose: str = "list") -> Mapping[str, Parameter]:
    """Every parameter of a read of a kind, by name. `purpose`: list, export, claims, claims export, totals, changes,
    changes export or duplicates; a file's format may follow (export csv)."""
    return _parameters(kind.name, purpose)


def _filters(kind: Kind) -> list[Parameter]:
    """What selects records."""
    listed = [_of_field(field) for field in kind.own_fields if field.filter] + _words_asked(kind)
    return listed + (_dates() if kind.dated else []) + (_places() if kind.located else [])


@cache
def _parameters(name: str, purpose: str) -> Mapping[str, Parameter]:
    kind = KINDS[name]
    listed = _filters(kind)
    words = purpose.split()
    if words[0] == "changes":
        return {one.name: one for one in (*listed, *_of_changes(words)) if one.name != "updated_after"}
    if words[0] == "duplicates":
        return {one.name: one for one in (*listed, *_of_duplicates(), *_page()) if one.name != "count"}
    if "claims" in words or "totals" in words:
        listed += _of_claims()
    if "claims" in words:
        listed.append(_coded("qualifier"))
    if "totals" in words:
        listed += _of_totals(kind)
    if "list" in words or words[0] == "export":
        listed += _order(kind)
    if "list" in words or words == ["claims"]:
        listed += _page()
    if "list" in words:
        listed += _shape(kind)
    if "csv" in words:
        listed += _of_csv(kind, words)
    listed.append(_one("as_of", "As it stood then: a time (RFC 3339), a date (its end, UTC), or a seq.", {}, as_of))
    return {parameter.name: parameter for parameter in listed}


def _of_csv(kind: Kind, words: Sequence[str]) -> list[Parameter]:
    bom, layouts = ("0", "1"), tuple(LAYOUTS)
    listed = [_one("bom", "1: begin with a byte-order mark, for Excel.", {"enum": list(bom)}, _one_of(bom))]
    if kind.name == "incident" and "claims" not in words:
        told = "The columns of another dataset instead of our own; rows imported from it come back as they were."
        listed.append(_one("layout", told, {"enum": list(layouts)}, _one_of(layouts), allowed=layouts))
    return listed


def _one(name: str, meaning: str, schema: Mapping[str, Any], take: Callable[[str], Any], **more: Any) -> Parameter:
    return Parameter(name, meaning, {"type": "string", **schema}, take, many=False, **more)


def sorts_of(kind: Kind) -> tuple[str, ...]:
    """The names a list can be sorted by: fields of the catalogue, and figures such as freed_best."""
    own = tuple(field.name for field in kind.fields if field.sort)
    if kind.name != "incident":
        return own
    return own + tuple(f"{measure}_{level}" for measure in vocabulary.codes("measure") for level in LEVELS)


def groups_of(kind: Kind) -> tuple[str, ...]:
    """The names that totals can be grouped by: of the catalogue, cells of the map, what claims are broken down by."""
    return (*(field.name for field in kind.own_fields if field.group), "cell", "population", *DIMS)


def _order(kind: Kind) -> list[Parameter]:
    sorts = tuple(sign + name for name in sorts_of(kind) for sign in ("", "-"))
    schema = {"type": "array", "items": {"type": "string", "enum": list(sorts)}, "default": [kind.sort]}
    told = f"Up to {MAX_SORTS} fields, - in front for descending; unknown sorts lowest."
    return [Parameter("sort", told, schema, _one_of(sorts), allowed=sorts)]


def _page() -> list[Parameter]:
    limit = {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT}
    counts = ("none", "exact")
    return [
        Parameter("limit", "Entries in a page; above the maximum it is clamped.", limit, _limit, many=False),
        _one("cursor", "Where the page begins, from the `next` of the one before.", {}, str),
        _one("count", "exact: tell the total.", {"enum": list(counts)}, _one_of(counts), allowed=counts),
    ]


def _of_changes(words: list[str]) -> list[Parameter]:
    """What the feed of changes takes beside the filters of incidents."""
    kinds, shapes = tuple(KINDS), ("record", "diff", "none")
    told = "record: each change with the record after it; diff: with the JSON patch (RFC 6902) that makes it; none."
    listed = [
        _one("after", "The cursor of the last change that you have; none: from the first.", {}, cursor),
        Parameter(
            "kind", "Only changes of this kind.", {"type": "array", "items": {"type": "string", "enum": list(kinds)}},
            _one_of(kinds), allowed=kinds,
        ),
        _one("include", told, {"enum": list(shapes), "default": "record"}, _one_of(shapes), allowed=shapes),
    ]  # fmt: skip
    return listed if "export" in words else [*listed, _page()[0]]


def _shape(kind: Kind) -> list[Parameter]:
    members = tuple(ANSWERS[kind.name].model_fields)
    names = {"type": "array", "items": {"type": "string", "enum": list(members)}}
    listed = [
        Parameter("fields", "Only these members of each record (id always).", names, _one_of(members), allowed=members)
    ]
    if kind.name == "incident":
        linked = ("actors", "locations", "sources")
        names = {"type": "array", "items": {"type": "string", "enum": list(linked)}}
        told = "Also the records that the page refers to, under `included`."
        listed.append(Parameter("include", told, names, _one_of(linked), allowed=linked))
    return listed


def _words_asked(kind: Kind) -> list[Parameter]:
    q = 'Words to find, all of them; "a phrase", a beginn*. Accents and case make no difference.'
    return [
        _one("q", q, {"minLength": 1, "maxLength": 500}, _search),
        _one("filter", _FILTER, {"maxLength": 20_000}, partial(parse_filter, kind)),
        _one("updated_after", "Recorded after: a time (RFC 3339), a date (its end, UTC), or a seq.", {}, as_of),
    ]


_FILTER = "CQL2 text (OGC 21-065) over any field: country = 'MX' AND freed_best >= 10."


def _dates() -> list[Parameter]:
    day = {"pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$"}
    modes = vocabulary.codes("date_mode")
    told = (
        "overlaps (unless said): could have happened then; within: certainly did; contains: its span covers the whole."
    )
    return [
        _one("from", "First day asked for: YYYY-MM-DD, YYYY-MM or YYYY.", day, _day("first")),
        _one("to", "Last day asked for, inclusive.", day, _day("last")),
        _one("date_mode", told, {"enum": list(modes)}, _code("date_mode", modes), allowed=modes),
    ]


def _places() -> list[Parameter]:
    precisions = vocabulary.codes("location_precision")
    told = "Coarsest precision of a point that counts as a place (city beside bbox and radius_km); the rest is counted."
    # No default in the schema: generated clients send it, and max_precision alone is a filter.
    number: dict[str, Any] = {"type": "number"}
    return [
        _one("bbox", "west,south,east,north in degrees; west above east crosses the antimeridian.", {}, _box),
        Parameter("lat", "Latitude of a middle; with lon and radius_km.", number, _number(-90, 90), many=False),
        Parameter("lon", "Longitude of a middle.", number, _number(-180, 180), many=False),
        Parameter("radius_km", "Kilometres around it.", number, _number(0, 20_038), many=False),
        _one(
            "max_precision",
            told,
            {"enum": list(precisions)},
            _code("location_precision", precisions),
            allowed=precisions,
        ),
    ]


def _of_claims() -> list[Parameter]:
    """What a claim is about; in totals, which figures are told."""
    listed = [_coded(name) for name in ("population", *(dim for dim in DIMS if dim != "nationality"))]
    text = {"type": "array", "items": {"type": "string", "minLength": 1}}
    listed.append(
        Parameter("nationality", "Claims with this nationality (ISO 3166-1 alpha-2, or a region).", text, _words)
    )
    return listed


def _of_duplicates() -> list[Parameter]:
    """How far apart a pair may lie, and the least score."""
    told = "The least score of a pair, from 0.3 to 1."
    given: dict[str, tuple[str, dict[str, Any], Callable[[str], Any]]] = {
        "km": ("Kilometres between places.", {"default": KM, "minimum": 0, "maximum": 200}, _number(0, 200)),
        "days": ("Days between dates.", {"default": DAYS, "minimum": 0, "maximum": 31}, _number(0, 31)),
        "min_score": (told, {"default": MIN_SCORE, "minimum": 0.3, "maximum": 1}, _number(0.3, 1)),
    }
    return [
        Parameter(name, meaning, {"type": "number"} | schema, take, many=False)
        for name, (meaning, schema, take) in given.items()
    ]


def _coded(name: str) -> Parameter:
    codes = vocabulary.codes(name)
    schema = {"type": "array", "items": {"type": "string", "enum": list(codes)}}
    return Parameter(name, f"Claims with this {name}.", schema, _code(name, codes), allowed=codes)


def _of_totals(kind: Kind) -> list[Parameter]:
    groups = groups_of(kind)
    by = {"type": "array", "items": {"type": "string", "enum": list(groups)}, "maxItems": MAX_BY}
    told = "Also incidents that are totals for a period."
    zoom = {"type": "integer", "minimum": 0, "maximum": MAX_ZOOM, "default": DEFAULT_ZOOM}
    sides = "Size of the cells of by=cell: 360 / 2^zoom degrees."
    flag = ("true", "false")
    return [
        Parameter("by", f"Up to {MAX_BY} fields to group by; none: one row.", by, _one_of(groups), allowed=groups),
        Parameter(
            "include_period_totals", told, {"type": "boolean", "default": False}, _flag, many=False, allowed=flag
        ),
        Parameter("zoom", sides, zoom, read_zoom, many=False),
        _one("figures", "none: count incidents alone, which is faster.", {"enum": ["none"]}, _one_of(("none",))),
    ]


def _of_field(field: Field) -> Parameter:
    take: Callable[[str], Any] = _words
    allowed: tuple[str, ...] = ()
    item: dict[str, Any] = {"type": "string", "minLength": 1}
    splits = True
    if field.codes:
        allowed = vocabulary.codes(field.codes)
        take, item = _code(field.codes, allowed), {"type": "string", "enum": list(allowed)}
    elif field.type in ("country", "admin1"):
        take = _unit(field.type)
        item = {"type": "string", "pattern": "^[A-Z]{2}$" if field.type == "country" else "^[A-Z]{2}-[A-Z0-9]{1,3}$"}
    elif field.type == "flag":
        take, allowed, item = _flag, ("true", "false"), {"type": "boolean"}
    elif field.name == "external_id":
        take, item = _external, {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}:.+$"}
    elif field.filter == "name" or field.type == "text":
        splits = field.name in ("tag", "indicator", "language", "fingerprint")
    schema = {"type": "array", "items": item}
    return Parameter(field.name, field.meaning, schema, take, splits=splits, allowed=allowed, field=field)


# --- Values --------------------------------------------------------------------------------------------------------


def _words(value: str) -> str:
    if not value.strip(" ,"):
        raise ValueError("it names nothing" if "," in value else "it is empty")
    return value


def _code(name: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    def take(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{shown(value)} is not a code of {name}{nearest(value, allowed)}")
        return value

    return take


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def take(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{shown(value)} is not taken{nearest(value, allowed)}")
        return value

    return take


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError("give true or false")
    return value == "true"


def _unit(level: str) -> Callable[[str], str]:
    example = "ISO 3166-1 alpha-2 code, such as MX" if level == "country" else "ISO 3166-2 code, such as MX-SIN"
    pattern = re.compile("[A-Z]{2}" if level == "country" else "[A-Z]{2}-[A-Z0-9]{1,3}")

    def take(value: str) -> str:
        if not pattern.fullmatch(value) or gazetteer.unit(value) is None:
            near = gazetteer.unit(value) or next(
                (place for place in gazetteer.find(value[:200]) if place.kind == level), None
            )
            code = near and (near.country if level == "country" else near.admin1)
            raise ValueError(f"{shown(value)} is no {example}" + (f"; did you mean {code}?" if code else ""))
        return value

    return take


def _external(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}:\S.*", value):
        raise ValueError("give scheme:value, such as seed:S001-R0")
    return value


def _day(end: str) -> Callable[[str], str]:
    @lru_cache(1024)
    def take(value: str) -> str:
        if not re.fullmatch(r"\d{4}(-\d{2}){0,2}", value, re.ASCII):
            raise ValueError("give YYYY-MM-DD, YYYY-MM or YYYY")
        try:
            span = dates.parse(value)
        except dates.DateError:
            raise ValueError(f"{shown(value)} is no day, month or year of the calendar") from None
        return str(span.earliest if end == "first" else span.latest)

    return take


def _limit(value: str) -> int:
    if not re.fullmatch(r"[0-9]+", value) or not value.strip("0"):
        raise ValueError("give a whole number from 1")
    return int(value[-18:]) if len(value) <= 18 else 10**18


def _number(low: float, high: float) -> Callable[[str], float]:
    def take(value: str) -> float:
        if not re.fullmatch(r"-?[0-9]{1,6}(\.[0-9]{1,12})?", value) or not low <= float(value) <= high:
            raise ValueError(f"give a number from {low:g} to {high:g}")
        return float(value)

    return take


def _box(value: str) -> tuple[float, float, float, float]:
    parts = value.split(",")
    if len(parts) != 4:
        raise ValueError("give four numbers: west,south,east,north")
    west, east = (_number(-180, 180)(parts[n]) for n in (0, 2))
    south, north = (_number(-90, 90)(parts[n]) for n in (1, 3))
    if south > north:
        raise ValueError("south must not be above north")
    return west, south, east, north


def _search(value: str) -> Any:
    if len(value) > 500:
        raise ValueError("at the most 500 characters")
    return read_search(value)


def cursor(value: str) -> tuple[str, int]:
    """Epoch and seq of a place in the feed of changes."""
    match = re.fullmatch(r"([0-9a-f]{16})\.([0-9]{1,15})", value)
    if match is None:
        raise ValueError("take it whole from the feed: cursor of a change, of a page, or of GET /v1/edition")
    return match[1], int(match[2])


def as_of(value: str) -> int | str:
    """A seq as a number, or a moment in UTC as the log spells it."""
    if re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return f"{date.fromisoformat(value)}T23:59:59.999999Z"
        return instant(value)
    except ValueError:
        pass
    raise ValueError("give a seq, a date (2026-11-22) or a time with its zone (2026-11-22T10:00:00Z)")


def shown(value: str) -> str:
    """A client's text, short enough to be told back."""
    return repr(value if len(value) <= 60 else value[:60] + "...")


def nearest(value: str, allowed: Sequence[str]) -> str:
    """ "; did you mean ...?" or nothing."""
    near = vocabulary.suggest(value, allowed)
    return f"; did you mean {near}?" if near else ""
