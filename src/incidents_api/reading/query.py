"""What may be asked: the parameters of every list, made from the catalogue, and a query string parsed into a Query."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from incidents_api.errors import BadQuery, Fault
from incidents_api.model import dates, gazetteer, vocabulary
from incidents_api.model.fields import Field
from incidents_api.model.kinds import Kind
from incidents_api.model.wire import UUID_PATTERN

DEFAULT_LIMIT = 100
MAX_VALUES = 200
"""How many values all parameters may have together."""
MAX_QUERY_BYTES = 20_000
MAX_SORTS = 3
MAX_FAULTS = 50

Pairs = Sequence[tuple[str, str]]


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


@dataclass(frozen=True, slots=True)
class Query:
    """A list that is asked for. `filters`: parameter to its values, in the order of the parameters' names.

    `sort` pairs a field name with whether it descends; `after` is the place in that order where the page begins.
    """

    kind: Kind
    filters: tuple[tuple[str, tuple[Any, ...]], ...]
    sort: tuple[tuple[str, bool], ...]
    limit: int
    after: tuple[Any, ...] | None
    count: bool
    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> tuple[Any, ...]:
        """The values of a filter; empty when it was not asked for."""
        return next((values for other, values in self.filters if other == name), ())

    def fingerprint(self) -> str:
        """Stands for filters and order, so that a cursor is good for its own query alone."""
        told = json.dumps([self.kind.name, self.filters, self.sort], default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:12]


def parameters(kind: Kind) -> Mapping[str, Parameter]:
    """Every parameter of the list of a kind, by name."""
    return _parameters(kind.name, kind)


@cache
def _parameters(_: str, kind: Kind) -> Mapping[str, Parameter]:
    listed = [_of_field(field) for field in kind.own_fields if field.filter]
    if kind.dated:
        day = {"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$"}
        modes = vocabulary.codes("date_mode")
        listed += [
            Parameter("from", "First day asked for: YYYY-MM-DD, YYYY-MM or YYYY.", day, _day("first"), many=False),
            Parameter("to", "Last day asked for, inclusive.", day, _day("last"), many=False),
            Parameter(
                "date_mode",
                "overlaps: could have happened then; within: certainly did; contains: its span covers the whole.",
                {"type": "string", "enum": list(modes), "default": "overlaps"},
                _code("date_mode", modes),
                many=False,
                allowed=modes,
            ),
        ]
    sorts = tuple(sign + field.name for field in kind.fields if field.sort for sign in ("", "-"))
    listed += [
        Parameter(
            "sort",
            f"Up to {MAX_SORTS} fields, - in front for descending; unknown sorts lowest.",
            {"type": "array", "items": {"type": "string", "enum": list(sorts)}, "default": [kind.sort]},
            _one_of(sorts),
            allowed=sorts,
        ),
        Parameter(
            "limit",
            "Records in a page; above the maximum it is clamped.",
            {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
            _limit,
            many=False,
        ),
        Parameter(
            "cursor", "Where the page begins, from the `next` of the one before.", {"type": "string"}, str, many=False
        ),
        Parameter(
            "count",
            "exact: tell the total.",
            {"type": "string", "enum": ["none", "exact"], "default": "none"},
            _one_of(("none", "exact")),
            many=False,
            allowed=("none", "exact"),
        ),
    ]
    return {parameter.name: parameter for parameter in listed}


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
    if not value.strip():
        raise ValueError("it is empty")
    return value


def _code(name: str, allowed: tuple[str, ...]) -> Callable[[str], str]:
    def take(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{_shown(value)} is not a code of {name}{_nearest(value, allowed)}")
        return value

    return take


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def take(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{_shown(value)} is not taken{_nearest(value, allowed)}")
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
            raise ValueError(f"{_shown(value)} is no {example}" + (f"; did you mean {code}?" if code else ""))
        return value

    return take


def _external(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}:\S.*", value):
        raise ValueError("give scheme:value, such as seed:S001-R0")
    return value


def _day(end: str) -> Callable[[str], str]:
    def take(value: str) -> str:
        if not re.fullmatch(r"\d{4}(-\d{2}){0,2}", value, re.ASCII):
            raise ValueError("give YYYY-MM-DD, YYYY-MM or YYYY")
        try:
            span = dates.parse(value)
        except dates.DateError as error:
            raise ValueError(str(error)) from None
        return str(span.earliest if end == "first" else span.latest)

    return take


def _limit(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", value) or int(value) < 1:
        raise ValueError("give a whole number from 1")
    return int(value)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:60] + "...")


def _nearest(value: str, allowed: Sequence[str]) -> str:
    near = vocabulary.suggest(value, allowed)
    return f"; did you mean {near}?" if near else ""


# --- The query string ----------------------------------------------------------------------------------------------


def read_pairs(query_string: bytes) -> list[tuple[str, str]]:
    """The parameters of a raw query string; BadQuery when it is too long or no UTF-8."""
    if len(query_string) > MAX_QUERY_BYTES:
        raise BadQuery(f"the query is longer than {MAX_QUERY_BYTES:,} bytes")
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_VALUES
        )
    except UnicodeDecodeError:
        raise BadQuery("the query is not percent-encoded UTF-8") from None
    except ValueError:
        raise BadQuery(f"the query has more than {MAX_VALUES} parameters") from None
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise BadQuery(
                "U+0000 is not taken", [Fault("U+0000 is not taken", "nul", parameter=name.replace("\x00", "?"))]
            )
    return pairs


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


def parse(kind: Kind, query_string: bytes, max_limit: int) -> Query:
    """The query of a list; BadQuery tells every unknown parameter and every value that is not taken."""
    pairs = read_pairs(query_string)
    found, faults = _values(parameters(kind), pairs)
    sort = [(text.lstrip("-"), text.startswith("-")) for text in found.pop("sort", [kind.sort])]
    faults += _contradictions(found, sort)
    if faults:
        raise BadQuery("The query cannot be taken; see errors", faults)
    limit = min(found.pop("limit", [DEFAULT_LIMIT])[0], max_limit)
    cursor = found.pop("cursor", [None])[0]
    count = found.pop("count", ["none"])[0] == "exact"
    filters = tuple((name, tuple(values)) for name, values in sorted(found.items()))
    kept = tuple((name, text) for name, text in pairs if name != "cursor")
    query = Query(kind, filters, tuple(sort), limit, None, count, kept)
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
    if "date_mode" in found and not first and not last:
        faults.append(Fault("it says how from and to are meant; give one of them", "alone", parameter="date_mode"))
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
    detail = f"there is no parameter {_shown(name)} here{_nearest(name, known)}"
    return Fault(detail, "unknown_parameter", parameter=name[:100], allowed=tuple(known))


# --- Cursors -------------------------------------------------------------------------------------------------------


def cursor_for(query: Query, key: str) -> str:
    """The cursor that continues after a row; `key` is what the statement gave for it (see reading/lists.py)."""
    told = json.dumps([query.fingerprint(), key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(told.encode()).rstrip(b"=").decode()


def next_url(query: Query, base: str, key: str) -> str:
    """The address of the next page: the whole query again, and the cursor."""
    return f"{base}?{urlencode([*query.pairs, ('cursor', cursor_for(query, key))])}"


def _read_cursor(query: Query, cursor: str) -> tuple[Any, ...]:
    wrong = BadQuery(
        "the cursor cannot be taken",
        [Fault("take it whole from the next link of the same query", "cursor", parameter="cursor")],
    )
    try:
        told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        fingerprint, key = told
        parts = key.split("\x1f")
    except (ValueError, TypeError, AttributeError):
        raise wrong from None
    if fingerprint != query.fingerprint() or len(parts) != len(query.sort) + 1:
        raise wrong
    if not re.fullmatch(UUID_PATTERN, parts[-1]) or any(part[:1] not in ("+", "-") for part in parts[:-1]):
        raise wrong
    if "\x00" in key or any("\ud800" <= character <= "\udfff" for character in key):
        raise wrong
    place: list[Any] = []
    for part, (name, _) in zip(parts, query.sort, strict=False):
        value = part[1:] if part[0] == "+" else None  # "+value", or "-" alone for null
        if value is not None and query.kind.field(name).type == "integer":
            if not re.fullmatch(r"-?[0-9]{1,18}", value):
                raise wrong
            place.append(int(value))
        else:
            place.append(value)
    return (*place, parts[-1])
