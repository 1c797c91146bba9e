"""What may be asked: the parameters of every list, made from the catalogue, and a query string parsed into a Query."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import unquote_plus, urlencode

from incidents_api.errors import BadQuery, Fault
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.reading.parameters import (
    DEFAULT_LIMIT,
    MAX_BY,
    MAX_SORTS,
    Parameter,
    as_of,
    nearest,
    parameters,
    shown,
)

MAX_VALUES = 200
"""How many values all parameters may have together."""
MAX_QUERY_BYTES = 20_000
MAX_FAULTS = 50

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. `filters`: parameter to its values, in the order of the parameters' names.

    `sort` pairs a name with whether it descends; `after` is the place in that order where the page begins. `as_of` is
    the moment or seq as the client gave it, `at` the seq that it was found to mean. `options`: the rest, by name.
    """

    kind: Kind
    filters: tuple[tuple[str, tuple[Any, ...]], ...]
    pairs: tuple[tuple[str, str], ...]
    sort: tuple[tuple[str, bool], ...] = ()
    limit: int = DEFAULT_LIMIT
    after: tuple[Any, ...] | None = None
    as_of: int | str | None = None
    at: int | None = None
    options: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    _named: Mapping[str, tuple[Any, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_named", dict(self.options) | dict(self.filters))

    def get(self, name: str) -> tuple[Any, ...]:
        """The values of a filter or option; empty when it was not asked for."""
        return self._named.get(name, ())

    def one(self, name: str, default: Any = None) -> Any:
        """The value of a parameter that takes one."""
        values = self._named.get(name)
        return values[0] if values else default

    def without(self, *names: str) -> "Query":
        """The same query without some of its filters."""
        return replace(self, filters=tuple(pair for pair in self.filters if pair[0] not in names))

    def following(self, key: str) -> "Query":
        """The same query from the place after a row on; `key` is what the statement gave for it."""
        return replace(self, after=_place(self, key))

    def fingerprint(self) -> str:
        """Stands for filters and order, so that a cursor is good for its own query alone."""
        told = json.dumps([self.kind.name, self.filters, self.sort, self.as_of], default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:12]


OPTIONS = ("bom", "by", "count", "days", "fields", "include", "include_period_totals", "km", "layout", "min_score")
"""Parameters that do not select: how the answer is made."""
FEED_OPTIONS = ("after", "kind")
"""Parameters of the feed of changes beside the filters of incidents."""
CELL_OPTIONS = ("figures", "zoom")
"""Parameters of totals: what is told of a group, and how large cells are."""
_FEED_OPTIONS, _LIST_OPTIONS = (*OPTIONS, *FEED_OPTIONS), (*OPTIONS, *CELL_OPTIONS)
PLACE = ("bbox", "lat", "lon", "radius_km", "max_precision")
SPAN = ("from", "to", "date_mode")


# --- The query string ----------------------------------------------------------------------------------------------


_NO_CODE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_pairs(query_string: bytes) -> list[tuple[str, str]]:
    """The parameters of a raw query string; BadQuery when it is too long or no UTF-8."""
    if not query_string:
        return []
    if len(query_string) > MAX_QUERY_BYTES:
        longest = max(query_string.split(b"&"), key=len).partition(b"=")[0].decode("ascii", "replace")[:100]
        detail = f"the query is longer than {MAX_QUERY_BYTES:,} bytes"
        raise BadQuery(detail, [Fault(detail, "too_long", parameter=longest)])
    if _NO_CODE.search(query_string):
        raise BadQuery("the query is not percent-encoded: % stands before two hexadecimal digits")
    try:
        parts = query_string.decode("ascii").split("&")
        if len(parts) > MAX_VALUES:
            raise BadQuery(f"the query has more than {MAX_VALUES} parameters")
        pairs = [(_plain(name), _plain(value)) for name, _, value in (one.partition("=") for one in parts if one)]
    except UnicodeDecodeError:
        raise BadQuery("the query is not percent-encoded UTF-8") from None
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise BadQuery(
                "U+0000 is not taken", [Fault("U+0000 is not taken", "nul", parameter=name.replace("\x00", "?"))]
            )
    return pairs


def _plain(text: str) -> str:
    return unquote_plus(text, errors="strict") if "%" in text or "+" in text else text


def read_once(query_string: bytes, known: Sequence[str] = ()) -> dict[str, str]:
    """The parameters of a route that takes only these, once each; BadQuery for any other."""
    found: dict[str, str] = {}
    for name, value in read_pairs(query_string):
        if name not in known:
            raise BadQuery("an unknown parameter is never ignored", [_unknown(name, known)])
        if name in found:
            fault = Fault("it stands more than once", "repeated", parameter=name)
            raise BadQuery(f"{name} takes one value", [fault])
        found[name] = value
    return found


def moment(value: str) -> int | str:
    """The moment that as_of names, where it is the only parameter."""
    try:
        return as_of(value)
    except ValueError as error:
        raise BadQuery(
            "The query cannot be taken; see errors", [Fault(str(error), "value", parameter="as_of")]
        ) from None


_SORTS: Mapping[str, tuple[str, ...]] = {
    "totals": (),
    "claims": ("-date", "-incident_id"),
    "duplicates": ("-date", "-id"),
}
"""The order of what is no list of one kind."""


def parse(kind: Kind, query_string: bytes, max_limit: int, purpose: str = "list") -> Query:
    """The query of a read; BadQuery tells every unknown parameter and every value that is not taken."""
    pairs = read_pairs(query_string)
    found, faults = _values(parameters(kind, purpose), pairs)
    default = _SORTS.get(purpose, (kind.sort,))
    sort = [(text.lstrip("-"), text.startswith("-")) for text in found.pop("sort", default)]
    faults += _contradictions(found, sort)
    if faults:
        raise BadQuery("The query cannot be taken; see errors", faults)
    limit = min(found.pop("limit", [DEFAULT_LIMIT])[0], max_limit)
    cursor = found.pop("cursor", [None])[0]
    when = found.pop("as_of", [None])[0]
    named = _FEED_OPTIONS if purpose.startswith("changes") else _LIST_OPTIONS
    options = tuple([(name, tuple(found.pop(name))) for name in named if name in found])
    filters = tuple([(name, tuple(values)) for name, values in sorted(found.items())])
    kept = tuple([pair for pair in pairs if pair[0] != "cursor"])
    query = Query(kind, filters, kept, tuple(sort), limit, as_of=when, options=options)
    return query if cursor is None else replace(query, after=_read_cursor(query, cursor))


def _values(known: Mapping[str, Parameter], pairs: Pairs) -> tuple[dict[str, list[Any]], list[Fault]]:
    faults: list[Fault] = []
    found: dict[str, list[Any]] = {}
    for name, text in pairs:
        parameter = known.get(name)
        if parameter is None:
            faults.append(_unknown(name, tuple(known)))
        elif not parameter.many and name in found:
            faults.append(Fault("it stands more than once", "repeated", parameter=name))
        else:
            values = found.setdefault(name, [])
            for value in _split(parameter, text):
                try:
                    taken = parameter.take(value)
                except ValueError as error:
                    code = "unknown_code" if parameter.allowed else "value"
                    faults.append(Fault(str(error), code, parameter=name, allowed=parameter.allowed))
                else:
                    values += [] if taken in values else [taken]
    return found, faults[:MAX_FAULTS]


def _contradictions(found: Mapping[str, list[Any]], sort: Sequence[tuple[str, bool]]) -> list[Fault]:
    faults = []
    if sum(map(len, found.values())) > MAX_VALUES:
        faults.append(Fault(f"at the most {MAX_VALUES} values in all", "too_many"))
    first, last = found.get("from"), found.get("to")
    if first and last and first[0] > last[0]:
        faults.append(Fault("from must not be after to", "range", parameter="from"))
    if found.get("date_mode") and "from" not in found and "to" not in found:
        faults.append(Fault("it says how from and to are meant; give one of them", "alone", parameter="date_mode"))
    around = {"lat", "lon", "radius_km"} & found.keys()
    if around and len(around) < 3:
        faults.append(Fault("lat, lon and radius_km go together", "alone", parameter=sorted(around)[0]))
    if around and "bbox" in found:
        faults.append(Fault("give either bbox or lat, lon and radius_km", "alone", parameter="bbox"))
    if len(found.get("by", ())) > MAX_BY:
        faults.append(Fault(f"at the most {MAX_BY} fields", "too_many", parameter="by"))
    if len(sort) > MAX_SORTS or len({name for name, _ in sort}) < len(sort):
        faults.append(Fault(f"at the most {MAX_SORTS} different fields", "too_many", parameter="sort"))
    return faults


def _split(parameter: Parameter, text: str) -> list[str]:
    if not parameter.many or "," not in text:
        return [text]
    parts = text.split(",")
    if parameter.field is not None and parameter.field.type == "id":
        # A name may hold commas ("Culiacán, MX-SIN"); a row of ids and codes is several values.
        return parts if all(_REFERENCE.fullmatch(part) for part in parts) else [text]
    if parameter.name == "external_id":
        return parts if all(re.fullmatch(r"[a-z][a-z0-9_]{0,31}:\S.*", part) for part in parts) else [text]
    return parts if parameter.splits else [text]


_REFERENCE = re.compile(rf"{UUID_PATTERN[1:-1]}|[A-Z]{{2}}(-[A-Z0-9]{{1,3}})?|[a-z][a-z0-9_]{{0,31}}:[^\s/][^\s]*")


def _unknown(name: str, known: Sequence[str]) -> Fault:
    detail = f"there is no parameter {shown(name)} here{nearest(name, known)}"
    return Fault(detail, "unknown_parameter", parameter=name[:100], allowed=tuple(known))


_LAST_KEY = re.compile(rf"{UUID_PATTERN[1:-1]}|[A-Za-z0-9][A-Za-z0-9_-]{{0,31}}")
"""The last key of an order: the id of a record, or of a claim."""


# --- Cursors -------------------------------------------------------------------------------------------------------


def cursor_for(query: Query, key: str) -> str:
    """The cursor that continues after a row; `key` is what the statement gave for it (see reading/lists.py)."""
    told = json.dumps([query.fingerprint(), key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(told.encode()).rstrip(b"=").decode()


def next_url(query: Query, base: str, key: str) -> str:
    """The address of the next page: the whole query again, and the cursor."""
    return f"{base}?{urlencode([*query.pairs, ('cursor', cursor_for(query, key))])}"


def _read_cursor(query: Query, cursor: str) -> tuple[Any, ...]:
    try:
        fingerprint, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if fingerprint != query.fingerprint():
            raise ValueError
        return _place(query, key)
    except (ValueError, TypeError, AttributeError, RecursionError):
        fault = Fault("take it whole from the next link of the same query", "cursor", parameter="cursor")
        raise BadQuery("the cursor cannot be taken", [fault]) from None


_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})?")
"""The place in an order by dates: a day, or nothing where it is unknown."""
_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")


@cache
def _names(kind: str) -> frozenset[str]:
    return frozenset(field.name for field in KINDS[kind].fields) | {"incident_id"}


def _place(query: Query, key: str) -> tuple[Any, ...]:
    """The values that a key spells: "+value", "-" alone for unknown, the last key as it is; ValueError otherwise."""
    *parts, last = key.split("\x1f")
    known = _names(query.kind.name)
    if len(parts) != len(query.sort) or not _LAST_KEY.fullmatch(last):
        raise ValueError
    if _NO_TEXT.search(key):
        raise ValueError
    place: list[Any] = []
    for part, (name, _) in zip(parts, query.sort, strict=True):
        if part == "-":
            place.append("" if name in known else None)  # only figures are null in their order
        elif part[:1] != "+" or (name == "date" and not _DAY.fullmatch(part[1:])):
            raise ValueError
        elif name in known:
            place.append(part[1:])
        elif re.fullmatch(r"-?[0-9]{1,18}", part[1:]):  # what is no field is a figure, such as freed_best
            place.append(int(part[1:]))
        else:
            raise ValueError
    return (*place, last)
