"""Malformed requests as data: valid reports, and every way of spoiling them, with the answer that each must get."""

# ruff: noqa: C901, PLR0912, PLR0915, RUF001 - the functions are tables, and look-alike letters are what they are about

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from incidents_api.model import vocabulary
from incidents_api.model.kinds import BY_PLURAL
from incidents_api.model.revision import derived_id
from incidents_api.reading.query import parameters

TEXT = "The Army rescued 16 people in Culiacán.\nThe governor said that 58 had been freed by then."
"""What the source of the world says; quotes are checked against it."""


def known(kind: str, value: str) -> str:
    """The id of a record of the world: the same in every store, since it has an external id."""
    return derived_id(kind, "test", value)


SOURCE, ACTOR, CHILD, PLACE = known("source", "s"), known("actor", "p"), known("actor", "q"), known("location", "l")
INNER, WHOLE, PART = known("location", "m"), known("incident", "whole"), known("incident", "part")
FIGURE, GONE = known("statistic", "t"), known("actor", "gone")
NOWHERE = "01890000-0000-7000-8000-000000000000"

WORLD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sources", {"title": "A paper", "url": "https://news.example/s", "text": TEXT, "external_ids": {"test": "s"}}),
    ("actors", {"name": "Fuerza Uno", "type": "state_military", "external_ids": {"test": "p"}}),
    ("actors", {"name": "Fuerza Dos", "type": "state_military", "parent_id": ACTOR, "external_ids": {"test": "q"}}),
    ("actors", {"name": "Fuerza Tres", "type": "unknown", "external_ids": {"test": "gone"}}),
    ("locations", {"name": "Rancho", "kind": "region", "country": "MX", "external_ids": {"test": "l"}}),
    ("locations", {"name": "Casa", "kind": "facility", "parent_id": PLACE, "external_ids": {"test": "m"}}),
    ("incidents", {"type": "kidnapping", "title": "Whole", "date": "2024-03", "external_ids": {"test": "whole"}}),
    (
        "incidents",
        {
            "type": "kidnapping",
            "title": "Part",
            "date": "2024-03-22",
            "external_ids": {"test": "part"},
            "relations": [{"type": "part_of", "incident_id": WHOLE}],
            "claims": [{"id": "c1", "measure": "kidnapped", "population": "victims", "value": 16, "source_id": SOURCE}],
        },
    ),
    (
        "statistics",
        {
            "indicator": "people_freed",
            "period": "2024",
            "area": "MX",
            "claims": [{"value": 58, "source_id": SOURCE}],
            "external_ids": {"test": "t"},
        },
    ),
)
"""What the store holds while it is asked; the actor `gone` is ended before."""

HELD = {"incidents": PART, "actors": CHILD, "locations": INNER, "sources": SOURCE, "statistics": FIGURE}
"""A record of each kind, for requests that name one."""

_QUOTE = {"text": "The Army rescued 16", "start": 0, "end": 19}
_EVIDENCE = [{"source_id": SOURCE, "quote": _QUOTE}, {"source": "test:s", "quote": "58 had been freed"}]
_FIGURE: dict[str, Any] = {
    "id": "c1", "value": 16, "low": 10, "high": 20, "qualifier": "exact", "verbatim": "sixteen", "unit": "people",
    "attributed_to": "the governor", "as_of": "2024-03-26", "in_headline": False, "source_id": SOURCE, "quote": _QUOTE,
    "note": "as printed", "links": [{"type": "restates", "claim": "c1", "incident_id": PART}],
}  # fmt: skip
_DIMS = {
    "sex": "female", "age_group": "child", "nationality": "MX", "victim_category": "migrant",
    "combat_status": "civilian", "exploitation": "forced_labour",
}  # fmt: skip
_ACTOR: dict[str, Any] = {
    "name": "Grupo Nuevo", "type": "gang", "aliases": ["GN", {"name": "Los Nuevos", "used": {"edtf": "2019/2021"}}],
    "identified": True, "parent_id": ACTOR, "country": "MX", "description": "A gang.", "evidence": _EVIDENCE,
    "external_ids": {"test": "n1"},
}  # fmt: skip
_LOCATION: dict[str, Any] = {
    "name": "Rancho Nuevo", "kind": "facility", "aliases": ["El Nuevo"], "parent_id": PLACE, "country": "MX",
    "admin1": "MX-SIN", "lon": -107.5, "lat": 24.5, "precision": "exact", "external_ids": {"test": "n2"},
}  # fmt: skip
_SOURCE: dict[str, Any] = {
    "kind": "news_article", "title": "Another paper", "publisher": "The paper", "author": "A. Writer",
    "url": "https://news.example/n", "published": {"edtf": "2024-03-27", "basis": "stated", "evidence": []},
    "language": "es-MX", "licence": "CC BY 4.0", "reliability": "usually_reliable", "assessment": "has_incidents",
    "note": "Read twice.", "text": TEXT + "!", "title_quote": {"text": "The Army", "start": 0, "end": 8},
    "boilerplate": ["The governor said", {"quote": {"text": "by then", "start": None, "end": None}, "note": "end"}],
    "external_ids": {"test": "n3"},
}  # fmt: skip

FULL: Mapping[str, dict[str, Any]] = {
    "incidents": {
        "type": "rescue_operation", "secondary_types": ["release"], "stage": "accomplished",
        "granularity": "operation", "title": "Sixteen freed", "summary": "In two places.",
        "date": {"edtf": "2024-03-23/2024-03-26", "basis": "stated", "evidence": _EVIDENCE},
        "locations": [
            {
                "role": "occurred_at", "location_id": PLACE, "name": "the ranch", "country": "MX", "lon": -107.1,
                "lat": 24.5, "precision": "vicinity", "evidence": _EVIDENCE,
            },
            {"role": "held_at", "location": _LOCATION},
        ],
        "actors": [
            {
                "actor_id": ACTOR, "name": "the Army", "role": "rescuer", "attribution": "reported_as_fact",
                "attributed_to": "the governor", "evidence": _EVIDENCE,
            },
            {"actor": _ACTOR, "role": "perpetrator"},
        ],
        "claims": [
            _FIGURE | {"measure": "rescued", "population": "victims", "dims": _DIMS},
            {"measure": "freed", "population": "victims", "value": 58, "source": _SOURCE},
        ],
        "relations": [{"type": "resolves", "incident_id": PART, "offset": "P3D", "evidence": _EVIDENCE}],
        "captivity": {
            "setting": "safehouse", "ransom_demanded": "yes", "ransom_paid": "unknown",
            "ransom_amount": {"amount": 5000.5, "currency": "MXN"}, "days_low": 3.5, "days_high": 4.5,
            "outcome": "rescued", "evidence": _EVIDENCE,
        },
        "tags": ["migrants", "x1"], "source": "test:s", "evidence": _EVIDENCE, "external_ids": {"test": "n4"},
        "review": {"status": "submitted", "by": None, "reason": "first reading", "chosen": []},
        "sensitivity": "public", "raw": {"a": {"b": [1, 2.5, None, "x"]}},
    },
    "actors": _ACTOR,
    "locations": _LOCATION,
    "sources": _SOURCE,
    "statistics": {
        "indicator": "people_freed", "title": "Freed in a year", "note": "By the state.",
        "period": {"edtf": "2024", "basis": "stated", "evidence": _EVIDENCE},
        "area": {"location": "MX-SIN", "name": "the state", "country": "MX", "admin1": "MX-SIN"},
        "claims": [_FIGURE],
        "evidence": _EVIDENCE, "source": "test:s", "external_ids": {"test": "n5"},
    },
}  # fmt: skip
"""A valid report of each kind with every member there is: each case below is one fault away from one of these."""

CLAIMS = {"claims": [{"measure": "freed", "population": "victims", "value": 3}], "source": "test:s"}
"""A valid body for POST /v1/incidents/{id}/claims."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request as it goes over the wire, and the answer it must get.

    `headers` overrides what is sent otherwise (a good key, the right Content-Type, the current ETag as If-Match); None
    leaves one out. `at` is the pointer or parameter that some entry of `errors` must name, `fault` its code, `says`
    words of the problem. `fault` "*" with `at`: an entry at or beneath that place, whatever its code.
    """

    name: str
    method: str
    target: str
    status: int
    code: str
    body: bytes | None = None
    headers: tuple[tuple[str, str | None], ...] = ()
    at: str | None = None
    fault: str | None = None
    says: str = ""
    streamed: bool = False


def steps(pointer: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in pointer.split("/")[1:]]


def put(report: Any, pointer: str, value: Any) -> Any:
    """A copy of a report with another value at a pointer."""
    made = copy.deepcopy(report)
    *path, last = steps(pointer)
    target = made
    for step in path:
        target = target[step]
    target[last] = value
    return made


def drop(report: Any, pointer: str) -> Any:
    """A copy of a report without a member."""
    made = copy.deepcopy(report)
    *path, last = steps(pointer)
    target = made
    for step in path:
        target = target[step]
    del target[last]
    return made


def walk(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every pointer of a report with its value; what is in `raw` is anybody's."""
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        at = f"{pointer}/{name}"
        yield at, item
        if at != "/raw":
            yield from walk(item, at)


def spell(report: Any, pointer: str, token: str) -> bytes:
    """The body with a raw JSON token at a pointer."""
    return json.dumps(put(report, pointer, "@@")).replace('"@@"', token, 1).encode("utf-8", "surrogatepass")


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def post(name: str, plural: str, value: Any, status: int = 422, code: str = "invalid", **more: Any) -> Case:
    content = value if isinstance(value, bytes) else body(value)
    return Case(f"POST {plural}: {name}", "POST", f"/v1/{plural}", status, code, content, **more)


def change(
    method: str, name: str, plural: str, value: Any, status: int = 422, code: str = "invalid", **more: Any
) -> Case:
    content = value if isinstance(value, bytes) else body(value)
    return Case(f"{method} {plural}: {name}", method, f"/v1/{plural}/{HELD[plural]}", status, code, content, **more)


def claim(name: str, value: Any, status: int = 422, code: str = "invalid", **more: Any) -> Case:
    content = value if isinstance(value, bytes) else body(value)
    return Case(f"claims: {name}", "POST", f"/v1/incidents/{PART}/claims", status, code, content, **more)


def get(name: str, target: str, status: int = 400, code: str = "bad_request", **more: Any) -> Case:
    return Case(f"GET {name}", "GET", target, status, code, **more)


# --- Bytes that are no JSON we take ----------------------------------------------------------------------------------

TOKENS = {
    "NUL": '"a\\u0000b"', "NUL alone": '"\\u0000"', "high surrogate": '"\\ud800"', "low surrogate": '"x\\udc00"',
    "swapped surrogates": '"\\udc00\\ud83d"', "raw surrogate": '"\ud800"', "NaN": "NaN", "Infinity": "Infinity",
    "-Infinity": "-Infinity", "1e400": "1e400", "-1e400": "-1E+400", "2^53": "9007199254740992",
    "-2^53": "-9007199254740992", "2^63": "9223372036854775808", "2^64": "18446744073709551616",
    "4,299 digits": "9" * 4299, "5,000 digits": "9" * 5000, "-5,000 digits": "-" + "9" * 5000,
    "5,000 digits and a point": "9" * 5000 + ".0", "leading zero": "016", "plus": "+16", "hex": "0x10",
    "bare point": "16.", "point first": ".5", "underscore": "1_6", "undefined": "undefined", "True": "True",
    "single quotes": "'x'", "raw line feed": '"a\nb"', "raw tab": '"a\tb"', "bad escape": '"\\x41"',
    "short escape": '"\\u00e"', "comment": "/* x */ 16", "trailing comma": "[16,]", "comma alone": ",",
    "repeated key": '{"a": 1, "a": 1}', "repeated key, escaped": '{"ab": 1, "a\\u0062": 2}',
    "repeated key, beneath": '[{"b": {"c": 1, "\\u0063": null}}]', "NUL in a key": '{"a\\u0000": 1}',
    "surrogate in a key": '{"\\udfff": 1}', "__proto__ twice": '{"__proto__": 1, "__proto__": 2}',
}  # fmt: skip
PLACES = {
    "incidents": ("/title", "/date/evidence/0/quote/text", "/claims/0/value", "/raw/a/b/0", "/external_ids/test"),
    "actors": ("/name", "/aliases/1/name"),
    "locations": ("/lon", "/aliases/0"),
    "sources": ("/text", "/published/edtf"),
    "statistics": ("/claims/0/value", "/note"),
}


def unreadable() -> Iterator[Case]:
    """Every token in the places of every kind, by POST; one place of each by PUT and PATCH and in added claims."""
    bad: dict[str, Any] = {"status": 400, "code": "bad_request"}
    for name, token in TOKENS.items():
        for plural, places in PLACES.items():
            for at in places:
                yield post(f"{name} at {at}", plural, spell(FULL[plural], at, token), **bad)
            top = places[0] if places[0].count("/") == 1 else "/note"
            member = body({top[1:]: "@@"}).replace(b'"@@"', token.encode("utf-8", "surrogatepass"))
            yield change("PATCH", f"{name} at {top}", plural, member, **bad)
            yield change("PUT", f"{name} at {places[-1]}", plural, spell(FULL[plural], places[-1], token), **bad)
        yield claim(f"{name} as value", spell(CLAIMS, "/claims/0/value", token), **bad)


def nested(depth: int, inner: str = "1") -> str:
    return "[" * depth + inner + "]" * depth


def not_json() -> Iterator[Case]:
    """Bodies that are not one JSON object in UTF-8, on every route that takes a body."""
    whole = {plural: body(report) for plural, report in FULL.items()}
    spoilt = {
        "empty": b"", "white space": b" \n\t ", "BOM alone": b"\xef\xbb\xbf", "not JSON": b"title=x", "text": b"hello",
        "truncated": b'{"type": "rescue_', "cut before the end": whole["incidents"][:-1], "two values": b"{} {}",
        "trailing text": b"{} x", "NUL byte": b'{"title": "a\x00b"}', "NUL after": b"{}\x00", "brace only": b"{",
        "UTF-16": '{"title": "x"}'.encode("utf-16"), "UTF-16-LE": '{"title": "x"}'.encode("utf-16-le"),
        "UTF-16-BE": '{"title": "x"}'.encode("utf-16-be"), "UTF-32": '{"title": "x"}'.encode("utf-32"),
        "Latin-1": '{"title": "Culiacán"}'.encode("latin-1"), "overlong": b'{"title": "\xc0\xaf"}',
        "cut sequence": b'{"title": "\xe2\x82"}', "encoded surrogate": b'{"title": "\xed\xa0\x80"}',
        "beyond Unicode": b'{"title": "\xf4\x90\x80\x80"}', "two BOMs": b"\xef\xbb\xbf\xef\xbb\xbf{}",
        "key without quotes": b"{title: 1}", "form": b"title=x&type=y", "XML": b"<incident/>",
        "33 levels": f'{{"raw": {{"a": {nested(31)}}}}}'.encode(), "100 levels": nested(100).encode(),
        "1,000 levels": nested(1_000).encode(), "100,000 levels": nested(100_000).encode(),
        "100,000 levels, open": b"[" * 100_000, "100,000 objects, open": b'{"a":' * 100_000,
        "100,000 keys": body(dict.fromkeys(map(str, range(100_000)), 1)),
        "100,000 keys beneath": body({"raw": dict.fromkeys(map(str, range(100_000)), 1)}),
        "keys of many objects": body({"raw": {"a": [{"b": 1, "c": 2}] * 10_001}}),
    }  # fmt: skip
    values = {
        "array": b"[]", "array of reports": b"[" + whole["actors"] + b"]", "string": b'"x"', "number": b"17",
        "null": b"null", "true": b"true", "array with BOM": b"\xef\xbb\xbf[]",
    }  # fmt: skip
    for name, content in spoilt.items():
        for plural in FULL:
            yield post(name, plural, content, 400, "bad_request")
        for method in ("PUT", "PATCH"):
            yield change(method, name, "incidents", content, 400, "bad_request")
        yield claim(name, content, 400, "bad_request")
    for name, content in values.items():
        for plural in FULL:
            yield post(f"body is {name}", plural, content)
        yield claim(f"body is {name}", content)
        for method in ("PUT", "PATCH"):
            for plural in FULL:
                yield change(method, f"body is {name}", plural, content, 400, "bad_request")


# --- Reports that are wrong somewhere --------------------------------------------------------------------------------

REQUIRED = {
    "incidents": (
        "/type", "/actors/0/role", "/claims/0/measure", "/claims/0/population", "/relations/0/type",
        "/claims/0/links/0/type", "/claims/0/links/0/claim", "/captivity/ransom_amount/amount",
        "/captivity/ransom_amount/currency", "/date/evidence/0/quote/text",
    ),
    "actors": ("/name", "/aliases/1/name"),
    "locations": ("/name",),
    "sources": ("/boilerplate/1/quote", "/title_quote/text"),
    "statistics": ("/indicator", "/claims"),
}  # fmt: skip
CODES = {
    "secondary_types", "stage", "granularity", "basis", "role", "precision", "attribution", "qualifier", "sex",
    "age_group", "victim_category", "combat_status", "exploitation", "measure", "population", "setting",
    "ransom_demanded", "ransom_paid", "outcome", "status", "sensitivity", "kind", "reliability", "assessment", "type",
}  # fmt: skip


def _wrong(value: Any) -> list[Any]:
    """Values of another type than this one."""
    match value:
        case bool():
            return [1, "true", None]
        case int():
            return [str(value), float(value), value + 0.5, True, -1, [value], 10**12 + 1, 2**53 - 1]
        case float():
            return [str(value), True, {}]
        case str():
            return [7, 7.5, True]
        case list():
            return [7, "", None, True]
        case _:
            return [7, [], True]


def spoilt_reports() -> Iterator[Case]:
    """Every member of every full report with each kind of fault it can have; the answer must point at it."""
    for plural, report in FULL.items():
        for at, value in walk(report):
            name = next(part for part in reversed(at.split("/")) if not part.isdecimal())
            for wrong in _wrong(value):
                if value is None or at == "/raw":
                    continue
                # A null integer is only unknown; a list or object that may be null is left out of nothing.
                if wrong is None and name in ("dims", "raw"):
                    continue
                yield post(f"{json.dumps(wrong)} at {at}", plural, put(report, at, wrong), at=at, fault="*")
            if isinstance(value, str):
                length = 1_000_001 if name == "text" and "/quote" not in at and "quote/" not in at else 10_001
                yield post(f"too long at {at}", plural, put(report, at, "x" * length), at=at, fault="*")
                yield post(f"empty at {at}", plural, put(report, at, ""), at=at, fault="*")
            if isinstance(value, str) and name in CODES:
                for word in ("no_such_code", value.upper(), f" {value}", f"{value}\n"):
                    wrong = put(report, at, word)
                    yield post(f"code {word!r} at {at}", plural, wrong, at=at, fault="unknown_code")
            if isinstance(value, dict) and name != "raw":
                fault = "unknown_member" if name != "external_ids" else "pattern"
                yield post(f"unknown member at {at}", plural, put(report, f"{at}/No", "x"), at=f"{at}/No", fault=fault)
            if isinstance(value, list) and value:
                many = CLAIMS["claims"] if at == "/claims" else value
                yield post(f"too many at {at}", plural, put(report, at, many * 501), at=at, fault="*")
        for member in ("nope", "Title", "", "__class__", "a/b~c", "tallies" if plural == "actors" else "tally_"):
            pointer = "/" + member.replace("~", "~0").replace("/", "~1")
            made = report | {member: 1}
            yield post(f"unknown member {member!r}", plural, made, at=pointer, fault="unknown_member")
            yield change("PATCH", f"unknown member {member!r}", plural, {member: 1}, at=pointer, fault="unknown_member")
        for at in REQUIRED[plural]:
            yield post(f"without {at}", plural, drop(report, at), at=at, fault="required")
            yield post(f"null at {at}", plural, put(report, at, None), at=at, fault="type")


def changed_members() -> Iterator[Case]:
    """Wrong types by PUT and by PATCH, members that the store enters, and required ones taken away."""
    for plural, report in FULL.items():
        for member, value in report.items():
            if member == "raw":
                continue
            wrong = _wrong(value)[0]
            yield change("PUT", f"{wrong!r} at /{member}", plural, report | {member: wrong}, at=f"/{member}", fault="*")
            if not (isinstance(value, dict) and wrong == {}):
                yield change("PATCH", f"{wrong!r} at /{member}", plural, {member: wrong}, at=f"/{member}", fault="*")
        for at in REQUIRED[plural]:
            if at.count("/") == 1:
                yield change("PATCH", f"{at} taken away", plural, {at[1:]: None}, at=at, fault="required")
                yield change("PUT", f"without {at}", plural, drop(report, at), at=at, fault="required")
        entered = {
            "id": NOWHERE, "version": 99, "seq": 999, "recorded_at": "2024-01-01T00:00:00Z", "recorded_by": "somebody",
        }  # fmt: skip
        for member, value in entered.items():
            yield change(
                "PATCH", f"{member} is the store's", plural, {member: value}, at=f"/{member}", fault="read_only"
            )
            yield change(
                "PUT", f"{member} is the store's", plural, report | {member: value}, at=f"/{member}", fault="read_only"
            )
        yield change("PUT", "version is no boolean", plural, report | {"version": True}, at="/version", fault="*")
        yield change("PUT", "version is no float", plural, report | {"version": 1.5}, at="/version", fault="*")
    yield change("PATCH", "tallies", "incidents", {"tallies": []}, at="/tallies", fault="read_only")
    yield change("PATCH", "tally", "statistics", {"tally": None}, at="/tally", fault="read_only")
    for member in ("earliest", "latest", "kind", "precision"):
        wrong = {"kind": "ongoing", "precision": "year"}.get(member, "2001-01-01")
        sent = {"date": {"edtf": "2024-03-22", member: wrong}}
        yield change("PATCH", f"derived date/{member}", "incidents", sent, at=f"/date/{member}", fault="read_only")


EDTF = (
    "", " ", "yesterday", "2024-13", "2024-00", "2024-02-30", "2023-02-29", "2024-04-31", "24-03-26", "2024/03/26x",
    "26.03.2024", "2024-3-26", "2024-03-26T25:00", "2024-03-26 10:00", "20240326", "1711411200",
        "2024-03-26/2024-03-23",
    "[2024-11-30..2024-11-15]", "[2024-11-15", "{2024,", "Y20240", "-0044", "2024-W12", "2024-085", "2024-42",
        "2024-20",
    "2024-03-26??", "0000", "9999-12-32", "\u0662\u0660\u0662\u0664", "2024\u201303", "2024-03-26/", "x" * 121,
    "now", "null", "../..", "2024-03-26T10:00+25:00", "2024-1X-45",
)  # fmt: skip
OPEN_EDTF = {"2024-03-26/"}
"""Not wrong: an end that nobody knows."""


def wrong_values() -> Iterator[Case]:
    """Dates, countries, ids, addresses and pairs that are of the right type and wrong."""
    for text in EDTF:
        if text in OPEN_EDTF:
            continue
        yield post(f"date {text[:30]!r}", "incidents", FULL["incidents"] | {"date": text}, at="/date", fault="*")
        wrong = put(FULL["statistics"], "/period/edtf", text)
        yield post(f"period {text[:30]!r}", "statistics", wrong, at="/period/edtf", fault="*")
    for text in ("2024-13", "1711411200", "2024-03-26/2024-03-23", "soon"):
        sent = {"published": text}
        yield change("PATCH", f"published {text}", "sources", sent, at="/published", fault="date")
        wrong = put(FULL["incidents"], "/claims/0/as_of", text)
        yield post(f"as_of {text}", "incidents", wrong, at="/claims/0/as_of", fault="date")
        wrong = put(FULL["actors"], "/aliases/1/used", text)
        yield post(f"used {text}", "actors", wrong, at="/aliases/1/used", fault="date")
    for number in (1711411200, 20240326, 2024, 1711411200.5, True):
        yield post(f"date as {number}", "incidents", FULL["incidents"] | {"date": number}, at="/date", fault="type")
    for code in ("mx", "Mx", "XX", "MEX", "M", "MÉ", "ＭＸ", "M\u0425", " MX", "484", "MX-SIN"):
        for plural, at in (("actors", "/country"), ("locations", "/country"), ("statistics", "/area/country")):
            yield post(f"country {code!r}", plural, put(FULL[plural], at, code), at=at, fault="*")
    for code in ("SIN", "MX", "mx-sin", "MX_SIN", "MX-XXX", "MX-", "MX-SINA", "ＭＸ-SIN", "MX-SIN "):
        for plural, at in (("locations", "/admin1"), ("statistics", "/area/admin1")):
            yield post(f"admin1 {code!r}", plural, put(FULL[plural], at, code), at=at, fault="*")
    yield post("admin1 elsewhere", "locations", FULL["locations"] | {"admin1": "US-TX"}, at="", fault="*")
    for plural, at in (("incidents", "/locations/0"), ("locations", "")):
        for member, values in {"lon": (180.1, -181, 1e300, 5e15), "lat": (90.1, -90.5, 1e9)}.items():
            for value in values:
                wrong = put(FULL[plural], f"{at}/{member}", value)
                yield post(f"{member} {value}", plural, wrong, at=f"{at}/{member}", fault="range")
            yield post(f"{member} alone", plural, drop(FULL[plural], f"{at}/{member}"), at=at, fault="point")
    addresses = (
        "ftp://x.example/", "javascript:alert(1)", "x", "http://", "https:///x", "//x.example", "http://x y.example/",
        "https://exämple.org/", "https://x.example/\u2028", "https://x.example/<a>", "data:text/html,x", "HTTP:/x",
    )  # fmt: skip
    for text in addresses:
        yield post(f"url {text!r}", "sources", FULL["sources"] | {"url": text}, at="/url", fault="*")
        yield post(f"source {text!r}", "incidents", FULL["incidents"] | {"source": text}, at="/source", fault="*")
    languages = ("Spanish", "ES", "e", "es_MX", "es-", "es mx")
    for text in languages:
        yield post(f"language {text!r}", "sources", FULL["sources"] | {"language": text}, at="/language", fault="*")
    for text in ("abc", "A" * 64, "g" * 64, "0" * 63, "0" * 65):
        sent = drop(FULL["sources"], "/text") | {"fingerprint": text}
        yield post(f"fingerprint {text[:6]}", "sources", sent, at="/fingerprint", fault="pattern")
    sent = FULL["sources"] | {"fingerprint": "0" * 64}
    yield post("fingerprint of another text", "sources", sent, at="/fingerprint", fault="fingerprint")
    for text in ("Migrants", "a b", "", "-x", "ñ", "x" * 65, "a\n"):
        yield post(
            f"tag {text[:5]!r}", "incidents", FULL["incidents"] | {"tags": [text]}, at="/tags/0", fault="pattern"
        )
    for scheme in ("", "Test", "1a", "a-b", "a" * 33, "a:b", "ñ"):
        for plural in FULL:
            sent = FULL[plural] | {"external_ids": {scheme: "1"}}
            yield post(f"scheme {scheme[:5]!r}", plural, sent, at=f"/external_ids/{scheme}", fault="*")
    for text in ("P", "3D", "P3", "PT3H", "P-3D", "P3D4", "P12345Y"):
        wrong = put(FULL["incidents"], "/relations/0/offset", text)
        yield post(f"offset {text}", "incidents", wrong, at="/relations/0/offset", fault="pattern")
    for text in ("mxn", "PESO", "M1N", "€", "MX"):
        wrong = put(FULL["incidents"], "/captivity/ransom_amount/currency", text)
        yield post(f"currency {text}", "incidents", wrong, at="/captivity/ransom_amount/currency", fault="pattern")
    for number in (0, -5, 1e22):
        wrong = put(FULL["incidents"], "/captivity/ransom_amount/amount", number)
        yield post(f"ransom {number}", "incidents", wrong, at="/captivity/ransom_amount/amount", fault="range")
    for at in ("/title", "/actors/0/name", "/locations/0/name", "/claims/0/attributed_to", "/review/reason"):
        for text in ("a\nb", "a\rb", "a\x1bb", "a\u2028b", "\x7f", "   ", "\t"):
            wrong = put(FULL["incidents"], at, text)
            yield post(f"line {text!r} at {at}", "incidents", wrong, at=at, fault="*")


BAD_IDS = (
    "", "1", "x", NOWHERE.upper().replace("0189", "018A"), f"{{{NOWHERE}}}", f"urn:uuid:{NOWHERE}",
    NOWHERE.replace("-", ""), NOWHERE + "\n", NOWHERE[:-1], NOWHERE + "0", "01890000-0000-7000-8000-00000000000g",
    "０1890000-0000-7000-8000-000000000000",
)  # fmt: skip


def references() -> Iterator[Case]:
    """Ids that are none, that name nothing, a record of another kind or one that was ended; names that lead nowhere."""
    holders = (
        ("incidents", "/locations/0/location_id", ACTOR), ("incidents", "/actors/0/actor_id", PLACE),
        ("incidents", "/claims/0/source_id", WHOLE), ("incidents", "/relations/0/incident_id", SOURCE),
        ("incidents", "/claims/0/links/0/incident_id", FIGURE), ("incidents", "/evidence/0/source_id", PLACE),
        ("actors", "/parent_id", PLACE), ("locations", "/parent_id", ACTOR),
        ("sources", "/published/evidence/0/source_id", ACTOR), ("statistics", "/claims/0/source_id", FIGURE),
    )  # fmt: skip
    for plural, at, other in holders:
        report = FULL[plural]
        if plural == "sources":
            report = put(report, "/published/evidence", [{"source_id": SOURCE}])
        for text in BAD_IDS:
            yield post(f"id {text[:12]!r} at {at}", plural, put(report, at, text), at=at, fault="pattern")
        yield post(f"id of nothing at {at}", plural, put(report, at, NOWHERE), at=at, fault="unknown_id")
        yield post(f"id of another kind at {at}", plural, put(report, at, other), at=at, fault="unknown_id")
    yield post("ended actor", "incidents", put(FULL["incidents"], "/actors/0/actor_id", GONE), at="/actors/0/actor_id",
               fault="ended")  # fmt: skip
    yield post("ended parent", "actors", FULL["actors"] | {"parent_id": GONE}, at="/parent_id", fault="ended")
    yield post("ended parent by key", "actors", drop(FULL["actors"], "/parent_id") | {"parent": "test:gone"},
               at="/parent", fault="*")  # fmt: skip
    named = (
        ("/locations/0", "location", ("Nowhereville", "MX-XXX", "ZZ", "Culiacán, Nowhere", "a," * 200, "test:no",
            NOWHERE,
                                      ACTOR, "geonames:abc", "geonames:-1", "geonames:" + "9" * 30, "iso3166:XX", "  ",
                                      "iso3166:ñ", "geonames:", ",", "x" * 2_001, "x" * 1_999, "a\tb")),
        ("/actors/0", "actor", ("test:no", NOWHERE, PLACE, "   ", "x" * 2_001, "x" * 600, "a\nb", "test:gone")),
        ("/claims/1", "source", ("test:no", NOWHERE, ACTOR, "no address", "http://", "https://[", " ", "x" * 2_001)),
        ("/relations/0", "incident", ("test:no", NOWHERE, ACTOR, "Whole", "x" * 501, "https://x.example/")),
    )  # fmt: skip
    for at, member, texts in named:
        report = drop(FULL["incidents"], f"{at}/{member}_id") if "1" not in at else FULL["incidents"]
        if member == "location":
            report = drop(report, f"{at}/country")
        for text in texts:
            wrong = put(report, f"{at}/{member}", text)
            yield post(f"{member} {text[:16]!r}", "incidents", wrong, at=f"{at}/{member}", fault="*")
    yield post("both forms", "incidents", put(FULL["incidents"], "/locations/0/location", "MX"), at="/locations/0",
               fault="reference")  # fmt: skip
    yield post("both forms", "incidents", put(FULL["incidents"], "/actors/0/actor", "x"), at="/actors/0",
               fault="reference")  # fmt: skip
    yield post("both forms", "incidents", FULL["incidents"] | {"location": "MX"}, at="", fault="reference")
    yield post("neither form", "incidents", put(FULL["incidents"], "/actors/0", {"role": "rescuer"}), at="/actors/0",
               fault="reference")  # fmt: skip
    yield post("neither form", "incidents", put(FULL["incidents"], "/locations/0", {}), at="/locations/0",
               fault="reference")  # fmt: skip
    yield post("neither form", "incidents", put(FULL["incidents"], "/relations/0", {"type": "follows"}),
               at="/relations/0", fault="reference")  # fmt: skip
    yield post("type repeated", "incidents", FULL["incidents"] | {"secondary_types": ["rescue_operation"]}, at="",
               fault="type")  # fmt: skip
    yield post("ambiguous place", "incidents", FULL["incidents"] | {"locations": ["Victoria"]},
               at="/locations/0/location", fault="ambiguous")  # fmt: skip


def states() -> Iterator[Case]:
    """Circles, figures, quotes and evidence that the state of the store or the rest of the report stands against."""
    part_of = [{"type": "part_of", "incident_id": PART}]
    yield change("PATCH", "part of itself", "incidents", {"relations": part_of}, at="/relations/0", fault="circle")
    whole = Case(
        "PATCH incidents: circle of two", "PATCH", f"/v1/incidents/{WHOLE}", 422, "invalid",
        body({"relations": part_of}), at="/relations", fault="circle",
    )  # fmt: skip
    yield whole
    named = [{"type": "part_of", "incident": "test:part"}]
    yield change("PATCH", "part of itself by key", "incidents", {"relations": named}, at="/relations/0", fault="circle")
    own = FULL["incidents"] | {"relations": [{"type": "part_of", "incident": "test:n4"}]}
    yield post("part of itself when created", "incidents", own, at="/relations", fault="*")
    for plural, above, below in (("actors", ACTOR, CHILD), ("locations", PLACE, INNER)):
        for name, record_id in (("own parent", below), ("circle of two", above)):
            yield Case(
                f"PATCH {plural}: {name}", "PATCH", f"/v1/{plural}/{record_id}", 422, "invalid",
                body({"parent_id": below, "country": None}), at="/parent_id", fault="circle",
            )  # fmt: skip
        key = FULL[plural]["external_ids"]["test"]
        sent = drop(FULL[plural], "/parent_id") | {"parent": f"test:{key}"}
        yield post("own parent when created", plural, sent, at="/parent", fault="*")
        deep: dict[str, Any] = {"name": "level 0", **({"kind": "facility"} if plural == "locations" else {})}
        for level in range(1, 12):
            deep = {name: value for name, value in deep.items() if name != "parent"} | {
                "name": f"level {level}", "parent": deep,
            }  # fmt: skip
        yield post("12 levels of parents", plural, deep, at="/parent", fault="*")
    figures: dict[str, dict[str, Any]] = {
        "zero without a quote": {"value": 0}, "high of zero without a quote": {"low": 0, "high": 0},
        "explicit_zero of 3": {"qualifier": "explicit_zero", "value": 3}, "no figure": {},
        "explicit_zero alone": {"qualifier": "explicit_zero"}, "low above high": {"low": 9, "high": 3},
        "value below low": {"value": 2, "low": 3}, "value above high": {"value": 9, "high": 3},
        "range without high": {"qualifier": "range", "low": 2}, "not_stated with one": {"qualifier": "not_stated",
            "value": 2},
        "unit_count without unit": {"qualifier": "unit_count", "value": 2}, "all null": {"value": None, "low": None},
        "range of a value": {"qualifier": "range", "value": 2}, "vague word": {"qualifier": "vague",
            "verbatim": "blorps"},
    }  # fmt: skip
    for name, figure in figures.items():
        stated = {"measure": "freed", "population": "victims"} | figure
        yield post(name, "incidents", FULL["incidents"] | {"claims": [stated]}, at="/claims/0", fault="figure")
        yield post(name, "statistics", FULL["statistics"] | {"claims": [figure]}, at="/claims/0", fault="figure")
        yield claim(name, CLAIMS | {"claims": [stated]}, at="/claims/0", fault="figure")
        yield change(
            "PATCH", name, "incidents", {"claims": [stated | {"source_id": SOURCE}]}, at="/claims/0", fault="figure"
        )
    quotes: dict[str, Any] = {
        "words that are not there": "a thing nobody wrote", "other case": "the army rescued", "at another place":
        {"text": "The Army", "start": 1, "end": 9}, "two too long": {"text": "The Army", "start": 0, "end": 10},
        "beyond the end": {"text": "by then.", "start": 10_000, "end": 10_008}, "backwards": {"text": "The",
            "start": 3, "end": 0},
        "empty span": {"text": "The", "start": 3, "end": 3}, "start alone, wrong": {"text": "The Army", "start": 5},
        "end alone, before the text": {"text": "The Army", "end": 3}, "other accents": "Culiaca\u0301n",
    }  # fmt: skip
    for name, words in quotes.items():
        for plural, at in (("incidents", "/claims/0/quote"), ("incidents", "/captivity/evidence/0/quote"),
                           ("statistics", "/claims/0/quote"), ("sources", "/title_quote"),
                           ("sources", "/boilerplate/1/quote")):  # fmt: skip
            yield post(f"quote: {name} at {at}", plural, put(FULL[plural], at, words), at=at, fault="quote")
        stated = {"measure": "freed", "population": "victims", "value": 3, "quote": words}
        yield claim(f"quote: {name}", CLAIMS | {"claims": [stated]}, at="/claims/0/quote", fault="quote")
    for at in ("/date/evidence", "/captivity/evidence", "/relations/0/evidence", "/actors/0/evidence", "/evidence"):
        for entry in ("The Army", {"quote": "The Army"}, {}):
            wrong = put(drop(FULL["incidents"], "/source"), at, [entry])
            yield post(f"no source for {entry!r} at {at}", "incidents", wrong, at=f"{at}/0", fault="source")
    yield claim("without a source", drop(CLAIMS, "/source"), at="/claims/0", fault="source")
    yield claim("id in use", put(CLAIMS, "/claims/0/id", "c1"), at="/claims/0/id", fault="repeated")
    twice = FULL["incidents"] | {"claims": [FULL["incidents"]["claims"][0]] * 2}
    yield post("one claim id twice", "incidents", twice, at="/claims/1/id", fault="repeated")
    twice = FULL["statistics"] | {"claims": [FULL["statistics"]["claims"][0]] * 2}
    yield post("one claim id twice", "statistics", twice, at="/claims/1/id", fault="repeated")
    for other in ("c9", "c1"):
        wrong = put(FULL["incidents"], "/claims/0/links/0", {"type": "restates", "claim": other})
        yield post(f"link to {other}", "incidents", wrong, at="/claims/0/links/0/claim", fault="unknown_id")
        wrong = put(FULL["statistics"], "/claims/0/links/0", {"type": "restates", "claim": other})
        yield post(f"link to {other}", "statistics", wrong, at="/claims/0/links/0/claim", fault="unknown_id")
    chosen = put(FULL["incidents"], "/review/chosen", ["c9"])
    yield post("chosen that is no claim", "incidents", chosen, 403, "missing_scope", says="review")
    yield change("PATCH", "published without the scope", "incidents", {"review": {"status": "published"}}, 403,
                 "missing_scope", says="review")  # fmt: skip
    yield change("PATCH", "restricted without the scope", "incidents", {"sensitivity": "restricted"}, 403,
                 "missing_scope", says="read:restricted")  # fmt: skip
    yield change("PATCH", "reviewed by another", "incidents", {"review": {"by": "somebody"}}, at="/review/by",
                 fault="read_only")  # fmt: skip
    captive = put(FULL["incidents"], "/captivity/days_low", 5)
    yield post("days_low above days_high", "incidents", captive, at="/captivity", fault="figure")
    for plural, report in FULL.items():
        taken = {"incidents": "part", "actors": "q", "locations": "m", "sources": "s", "statistics": "t"}[plural]
        held = report | {"external_ids": {"test": taken}}
        yield post("external id in use", plural, held, 409, "conflict", says=HELD[plural])
    yield change("PATCH", "external id of another", "incidents", {"external_ids": {"test": "whole"}}, 409, "conflict")
    yield post("external id of an ended record", "actors", FULL["actors"] | {"external_ids": {"test": "gone"}}, 409,
               "conflict")  # fmt: skip
    within = put(FULL["locations"], "/parent_id", INNER) | {"country": "US", "admin1": None}
    yield post("country of another parent", "locations", within, at="/country", fault="contradiction")


# --- Requests that are wrong around the body -------------------------------------------------------------------------

GOOD = body({"title": "x"})


def envelopes() -> Iterator[Case]:
    """Media types, encodings, sizes, conditions, reasons of an end, ids in the path, methods and routes."""
    writes = [("POST", f"/v1/{plural}", body(report), "application/json") for plural, report in FULL.items()]
    writes += [("POST", f"/v1/incidents/{PART}/claims", body(CLAIMS), "application/json")]
    for plural, record_id in HELD.items():
        writes += [
            ("PUT", f"/v1/{plural}/{record_id}", body(FULL[plural]), "application/json"),
            ("PATCH", f"/v1/{plural}/{record_id}", GOOD, "application/merge-patch+json"),
        ]
    for method, target, content, right in writes:
        wrong = (
            None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
            "application/xml", "application/jsonx", "application/json-patch+json", "json", "*/*", "\xff",
            "application/json" if method == "PATCH" else "application/merge-patch+json",
        )  # fmt: skip
        for media in wrong:
            yield Case(
                f"{method} {target[:16]}: Content-Type {media!r}", method, target, 415, "wrong_media_type", content,
                (("content-type", media),), says=right,
            )  # fmt: skip
        for coding in ("gzip", "br", "deflate", "zstd", "gzip, gzip", "x"):
            yield Case(
                f"{method} {target[:16]}: Content-Encoding {coding}", method, target, 415, "wrong_media_type",
                b"\x1f\x8b\x08\x00" + bytes(20), (("content-encoding", coding),),
            )  # fmt: skip
        yield Case(f"{method} {target[:16]}: too large", method, target, 413, "too_large", b" " * 2_000_001 + content)
        yield Case(
            f"{method} {target[:16]}: too large, streamed", method, target, 413, "too_large",
            b" " * 2_000_001 + content, streamed=True,
        )  # fmt: skip
        for length in ("99999999999", "9" * 5_000):
            yield Case(
                f"{method} {target[:16]}: said to be {length[:11]} bytes", method, target, 413, "too_large", content,
                (("content-length", length),),
            )  # fmt: skip
        yield Case(
            f"{method} {target[:16]}: unknown parameter", method, f"{target}?dry=1", 400, "bad_request", content,
            at="dry", fault="unknown_parameter",
        )  # fmt: skip
    stale = '"1-0000000000000000"'
    for plural, record_id in HELD.items():
        for method in ("PUT", "PATCH", "DELETE"):
            target = f"/v1/{plural}/{record_id}" + ("?reason=test" if method == "DELETE" else "")
            content = {"PUT": body(FULL[plural]), "PATCH": GOOD, "DELETE": None}[method]
            conditions: dict[str | None, tuple[int, str]] = {
                None: (428, "version_required"), "": (428, "version_required"), stale: (412, "stale_version"),
                f"W/{stale}": (412, "stale_version"), f'{stale}, "x"': (412, "stale_version"),
                '""': (412, "stale_version"),
            }  # fmt: skip
            conditions |= dict.fromkeys(
                ("x", "1", '"x', 'x"', "w/\"x\"", '"a" "b"', '"a";"b"', "'a'", '"a\x00b"', ",", '* "a"', '*, "a"',
                    "**"),
                (400, "bad_request"),
            )  # fmt: skip
            for condition, (status, code) in conditions.items():
                yield Case(
                    f"{method} {plural}: If-Match {condition!r}", method, target, status, code, content,
                    (("if-match", condition),),
                )  # fmt: skip
        for condition in ("x", '"x', "1-ab", '"a" "b"', 'w/"x"', '"a\x00b"'):
            yield get(f"{plural}: If-None-Match {condition!r}", f"/v1/{plural}/{record_id}",
                      headers=(("if-none-match", condition),))  # fmt: skip
        for reason in ("", "reason=", "reason=because", "reason=DUPLICATE", "reason=test,duplicate", "reason=%20test",
                       "reason=duplicat"):  # fmt: skip
            yield Case(f"DELETE {plural}: {reason}", "DELETE", f"/v1/{plural}/{record_id}?{reason}", 400, "bad_request",
                       at="reason", fault="*")  # fmt: skip
        ends: tuple[tuple[str, int, str, str, str], ...] = (
            ("reason=test&reason=test", 400, "bad_request", "reason", "repeated"),
            ("reason=test&note=", 400, "bad_request", "note", "*"),
            ("reason=test&note=%20", 400, "bad_request", "note", "*"),
            ("reason=test&note=" + "x" * 501, 400, "bad_request", "note", "too_long"),
            ("reason=test&note=%00", 400, "bad_request", "note", "nul"),
            ("reason=test&why=x", 400, "bad_request", "why", "unknown_parameter"),
            ("reason=duplicate&successor=", 422, "invalid", "successor", "unknown_id"),
            (f"reason=duplicate&successor={NOWHERE}", 422, "invalid", "successor", "unknown_id"),
            (f"reason=duplicate&successor={record_id}", 422, "invalid", "successor", "unknown_id"),
            (f"reason=duplicate&successor={GONE}", 422, "invalid", "successor", "unknown_id"),
        )  # fmt: skip
        for text, status, code, at, fault in ends:
            yield Case(f"DELETE {plural}: {text[:40]}", "DELETE", f"/v1/{plural}/{record_id}?{text}", status, code,
                at=at,
                       fault=fault)  # fmt: skip
        for text in ("%00", "1", "x" * 5_000, "..", "*", "%FF", "%ED%A0%80", "%0A", f"{NOWHERE}%00", f"{NOWHERE}%0A",
                     record_id.upper(), f"%20{record_id}", "1_0", "-1", "9" * 5_000, "%F0%9F%98%80", GONE
                     if plural != "actors" else PLACE, NOWHERE):  # fmt: skip
            at = f"/v1/{plural}/{text}"
            yield get(f"{plural}/{text[:20]}", at, 404, "not_found")
            yield get(f"{plural}/{text[:20]}/revisions", f"{at}/revisions", 404, "not_found")
            yield get(f"{plural}/{text[:20]}/revisions/1", f"{at}/revisions/1", 404, "not_found")
            for method, content in (("PUT", body(FULL[plural])), ("PATCH", GOOD), ("DELETE", None)):
                asked = f"{at}?reason=test" if method == "DELETE" else at
                yield Case(f"{method} {plural}/{text[:20]}", method, asked, 404, "not_found", content,
                           (("if-match", "*"),))  # fmt: skip
        for version in ("0", "-1", "1.0", "x", "２", "9" * 20, "1_0", "%201"):
            asked = quote(version, safe="%")
            yield get(f"{plural} version {version}", f"/v1/{plural}/{record_id}/revisions/{asked}", at="version",
                      fault="value")  # fmt: skip
        yield get(f"{plural} version 99", f"/v1/{plural}/{record_id}/revisions/99", 404, "not_found")
        for text, at in (("limit=0", "limit"), ("limit=x", "limit"), ("before=0", "before"), ("before=-1", "before"),
                         ("before=1.0", "before"), ("limit=%EF%BC%92", "limit"), ("befor=2", "befor"),
                         ("limit=1&limit=1", "limit"), ("limit=", "limit"), ("before=%00", "before")):  # fmt: skip
            yield get(f"{plural} history {text}", f"/v1/{plural}/{record_id}/revisions?{text}", at=at, fault="*")
        yield get(
            f"{plural} record with a parameter", f"/v1/{plural}/{record_id}?x=1", at="x", fault="unknown_parameter"
        )
    yield Case("claims: stale", "POST", f"/v1/incidents/{PART}/claims", 412, "stale_version", body(CLAIMS),
               (("if-match", stale),))  # fmt: skip
    yield Case("claims: of nothing", "POST", f"/v1/incidents/{NOWHERE}/claims", 404, "not_found", body(CLAIMS))
    yield Case("claims: of a NUL", "POST", "/v1/incidents/%00/claims", 404, "not_found", body(CLAIMS))
    yield Case("gone", "GET", f"/v1/actors/{GONE}", 410, "gone")
    yield Case("gone, patched", "PATCH", f"/v1/actors/{GONE}", 410, "gone", GOOD, (("if-match", "*"),))
    yield Case("gone, ended again", "DELETE", f"/v1/actors/{GONE}?reason=test", 410, "gone", None, (("if-match", "*"),))
    yield Case("referred to, ended", "DELETE", f"/v1/actors/{ACTOR}?reason=test", 409, "conflict", None,
               (("if-match", "*"),))  # fmt: skip
    for target in ("/v1/", "/v2", "/v1/incident", "/v1/incidents/", "/v1/Incidents", "//v1/incidents",
                   "/v1//incidents", "/v1/incidents%2F", "/v1/%00", "/%00", "/v1/incidents%00", "/v1/problems/no",
                   "/v1/problems/%00", "/docs/no.js", "/docs/..%2Fapp.py", "/docs/%2e%2e/%2e%2e/etc/passwd",
                   f"/v1/incidents/{PART}/", f"/v1/incidents/{PART}/nope", f"/v1/actors/{CHILD}/claims", "/favicon.ico",
                   "/.env", "/v1/incidents%0A", "/%FF%FE", "/" + "x" * 10_000):  # fmt: skip
        yield get(f"route {target[:30]}", target, 404, "not_found")
    for host in ("[", "a b", "x:99999999", "[::1", "\x00", "\xff"):
        yield get(f"not found, Host {host!r}", f"/v1/incidents/{NOWHERE}", 404, "not_found", headers=(("host", host),))


def keys() -> Iterator[Case]:
    """Authorization headers that open nothing, and keys without the scope; on reads and on writes."""
    bad = (
        "", " ", "x", "Bearer", "Bearer ", "Bearer x", "Bearer inc_", "Bearer inc_unknown", "Basic aW5jOng=",
        "inc_unknown", "Token inc_x", "Bearer inc_" + "x" * 10_000, "Bearer inc_\xff", "Bearer inc_\x00",
            "Bearer\tinc_x",
        "Bearer inc_a inc_b", "Bearer inc_'; DROP TABLE api_key; --", "Digest x", "Bearer null", "\x00", "Bearer inc_ñ",
    )  # fmt: skip
    for header in bad:
        sent = (("authorization", header),)
        yield Case(f"key {header[:24]!r} writes", "POST", "/v1/actors", 401, "not_authenticated", body(_ACTOR), sent)
        yield get(f"key {header[:24]!r} reads", "/v1/actors", 401, "not_authenticated", headers=sent)
    for plural, report in FULL.items():
        one = f"/v1/{plural}/{HELD[plural]}"
        for method, target, content in (
            ("POST", f"/v1/{plural}", body(report)), ("PUT", one, body(report)), ("PATCH", one, GOOD),
            ("DELETE", f"{one}?reason=test", None),
        ):  # fmt: skip
            yield Case(f"{method} {plural} without a key", method, target, 401, "not_authenticated", content,
                       (("authorization", None),))  # fmt: skip
            yield Case(f"{method} {plural} with another scope", method, target, 403, "missing_scope", content,
                       (("authorization", "{reviewer}"),), says="write")  # fmt: skip
            for ended in ("revoked", "expired"):
                yield Case(f"{method} {plural} with a key that is {ended}", method, target, 401, "not_authenticated",
                           content, (("authorization", f"{{{ended}}}"),))  # fmt: skip


def methods(paths: Mapping[str, Any]) -> Iterator[Case]:
    """Every method that a route does not take, from the OpenAPI document; Allow tells those it takes."""
    for path, operations in paths.items():
        target = (
            path.replace("{id}", PART).replace("{version}", "1").replace("{asset}", "docs.js").replace("{code}", "gone")
        )
        taken = {method.upper() for method in operations}
        taken |= {"HEAD"} if "GET" in taken else set()
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY", "get", "PROPFIND"):
            if method not in taken:
                yield Case(f"{method} {path}", method, target, 405, "method_not_allowed", says=", ".join(sorted(taken)))


# --- Questions that cannot be taken ----------------------------------------------------------------------------------


def queries() -> Iterator[Case]:
    """Every list with parameters that are unknown, repeated, of no sense or broken; taken from the catalogue."""
    for plural, kind in BY_PLURAL.items():
        at = f"/v1/{plural}"
        known_ones = parameters(kind)
        for name, one in known_ones.items():
            yield get(
                f"{plural}?{name}x", f"{at}?{name}x=1", at=f"{name}x", fault="unknown_parameter", says="did you mean"
            )
            yield get(f"{plural}?{name.upper()}", f"{at}?{name.upper()}=1", at=name.upper(), fault="unknown_parameter",
                      says=f"did you mean {name}")  # fmt: skip
            yield get(f"{plural}?{name}= NUL", f"{at}?{name}=a%00b", at=name, fault="nul")
            yield get(f"{plural}?{name}= surrogate", f"{at}?{name}=%ED%A0%80")
            yield get(f"{plural}?{name}= no UTF-8", f"{at}?{name}=%C3%28")
            yield get(f"{plural}?{name}= bad percent", f"{at}?{name}=%ZZ")
            yield get(f"{plural}?{name}=", f"{at}?{name}=", at=name, fault="*")
            yield get(f"{plural}?{name} alone", f"{at}?{name}", at=name, fault="*")
            if name not in ("publisher", "url"):  # compared letter by letter: a comma is a value there
                yield get(f"{plural}?{name}=,", f"{at}?{name}=,", at=name, fault="*")
            if not one.many:
                value = {"limit": "1", "count": "none", "date_mode": "within", "cursor": "x"}.get(name, "2024")
                text = f"{name}={value}&{name}={value}" + ("&from=2024" if name == "date_mode" else "")
                yield get(f"{plural}?{name} twice", f"{at}?{text}", at=name, fault="repeated")
            if one.allowed and name not in ("count", "identified"):
                first = one.allowed[0]
                for word in ("no_such_code", f"{first}x", first.upper(), f"{first},,", f"{first} "):
                    yield get(f"{plural}?{name}={word}", f"{at}?{name}={quote(word)}", at=name, fault="unknown_code")
            if one.field is not None and one.field.type in ("country", "admin1"):
                for word in ("mx", "Mexico", "XX", "MEX", "M%C3%89", "MX-XXX", "%EF%BC%AD%EF%BC%B8", "MX,xx"):
                    yield get(f"{plural}?{name}={word}", f"{at}?{name}={word}", at=name, fault="value")
        for value in ("-1", "0", "x", "1.0", "%EF%BC%92", "1e3", "+5", "%205", "0x10", "1_0", "5%0A",
            "-99999999999999999999",
                      "NaN", "null", "1,2", "1;2", "00"):  # fmt: skip
            yield get(f"{plural}?limit={value}", f"{at}?limit={value}", at="limit", fault="value")
        for value in ("x", "AAAA", "e30", "W10", "bnVsbA", "W1tdLDFd", "%F0%9F%98%80", "WyJ4IiwieSJd", "Ww" * 9_000,
                      "-" * 300, "=", "%2B%2F", "IiI", "WzEsMl0", "9" * 6_000,
                      "W1tb" * 4_500, "eyJhIjp7" * 2_000, "Wzk5" + "OTk5" * 2_000 + "LDFd"):  # fmt: skip
            yield get(f"{plural}?cursor={value[:12]}", f"{at}?cursor={value}", at="cursor", fault="cursor")
        for sort in ("nope", "-nope", "date,nope", "--date", "+date", "Date", "id desc", "1", "name;", "raw"):
            yield get(f"{plural}?sort={sort}", f"{at}?sort={quote(sort, safe=',')}", at="sort", fault="unknown_code")
        first = next(iter(known_ones["sort"].allowed))
        yield get(f"{plural} sorted twice by one", f"{at}?sort={first},-{first}", at="sort", fault="too_many")
        yield get(f"{plural}?identified", f"{at}?count=all", at="count", fault="unknown_code")
        if kind.dated:
            for value in ("2024-13", "2024-02-30", "yesterday", "0000", "24", "2024-3", "2024-03-26T10:00",
                "1711411200",
                          "2024-03-26%0A", "%D9%A2%D9%A0%D9%A2%D9%A4", "-2024", "2024~", "2024/2025",
                              "20240326"):  # fmt: skip
                for name in ("from", "to"):
                    yield get(f"{plural}?{name}={value}", f"{at}?{name}={value}", at=name, fault="value")
            yield get(f"{plural} from after to", f"{at}?from=2024-03-27&to=2024-03-26", at="from", fault="range")
            yield get(f"{plural} from after to", f"{at}?from=2025&to=2024", at="from", fault="range")
            yield get(f"{plural} mode alone", f"{at}?date_mode=within", at="date_mode", fault="alone")
        else:
            yield get(f"{plural} has no date", f"{at}?from=2024", at="from", fault="unknown_parameter")
        many = "&".join(["limit=1"] * 201)
        yield get(f"{plural} with 201 parameters", f"{at}?{many}")
        yield get(f"{plural} with 201 values", f"{at}?external_id={','.join(f'a:{n}' for n in range(201))}")
        yield get(f"{plural} with 20,001 bytes", f"{at}?name={'x' * 19_996}")
        yield get(f"{plural} with a raw byte", f"{at}?name=\xff")
        yield get(f"{plural} with raw UTF-8", f"{at}?name=Culiac\xc3\xa1n")
        for text, name in (("limt=5", "limt"), ("=x", ""), ("a%00b=1", "a?b"), ("%F0%9F%98%80=1", "😀"), ("limit[]=1",
            "limit[]"),
                           ("offset=1", "offset"), ("page=2", "page"), ("_=1", "_"), ("key=inc_x", "key")):  # fmt: skip
            yield get(
                f"{plural}?{text}", f"{at}?{text}", at=name, fault="nul" if "%00" in text else "unknown_parameter"
            )
    for value in ("seed", "seed:", ":x", "Seed:x", "seed: x", "a-b:c"):
        yield get(
            f"incidents?external_id={value}",
            f"/v1/incidents?external_id={quote(value)}",
            at="external_id",
            fault="value",
        )
    yield get("actors?identified=yes", "/v1/actors?identified=yes", at="identified", fault="unknown_code")
    yield get("the service with a parameter", "/v1?x=1", at="x", fault="unknown_parameter")
    yield get("the codebook with a parameter", "/v1/codebook?x=1", at="x", fault="unknown_parameter")


# --- Requests that look odd and are good -----------------------------------------------------------------------------


def _incident(**members: Any) -> dict[str, Any]:
    return {"type": "rescue_operation", "date": "2024-03-26", "source": "test:s"} | members


def _claim(**members: Any) -> dict[str, Any]:
    return _incident(claims=[{"measure": "freed", "population": "victims"} | members])


def welcome() -> Iterator[Case]:
    """Requests that must be taken, with bodies that are the same on both databases."""
    for plural in ("sources", "actors", "locations", "incidents", "statistics"):
        yield _good(f"every member of {plural}", plural, FULL[plural])
    texts = {
        "accents": "Secuestro en Nuevo León: ñandú, Çà, Łódź, ǅ, ﬁ, ẞ", "emoji": "🚨👩‍👩‍👧‍👦🏳️‍🌈 🇲🇽",
        "right to left": "اختطاف ثلاثة أشخاص שלושה נחטפו \u202babc\u202c", "Chinese": "绑架事件𠮷野家",
            "combining": "Culiaca\u0301n e\u0301",
        "beyond the BMP": "\U0010fffd\U0001f600", "noncharacters": "\uffff\ufdd0\U0001fffe", "BOM inside": "a\ufeffb",
        "HTML": "<script>alert('x')</script> & \"quotes\" \\ /",
            "SQL": "'; DROP TABLE incident; --  %s %(x)s :x ? $1 {x}",
        "JSON": '{"items": [null]},\\n', "formula": "=1+1", "separators": "a,\u00a0b\u200bc", "500 emoji": "😀" * 500,
        "500 ligatures": "\ufdfa" * 500, "spaces": "  a  ",
    }  # fmt: skip
    for name, text in texts.items():
        yield _good(f"title of {name}", "incidents", _incident(title=text))
        yield _good(f"actor named with {name}", "actors", {"name": text})
    yield _good("10,000 letters", "incidents", _incident(summary="é" * 10_000))
    yield _good("10,000 emoji", "incidents", _incident(summary="😀" * 10_000))
    yield _good("control characters in prose", "incidents", _incident(summary="a\u0001\u001f\u007f\u2028\r\n\tb"))
    yield _good("empty lists", "incidents", _incident(claims=[], actors=[], locations=[], relations=[], tags=[],
        evidence=[],
                                                     secondary_types=[], external_ids={}, raw={}))  # fmt: skip
    optional = ("title", "summary", "date", "location", "captivity", "raw")
    yield _good("nulls", "incidents", _incident(**dict.fromkeys(optional)))
    yield _good("no more than the type", "incidents", {"type": "unknown"})
    yield _good("BOM", "incidents", b"\xef\xbb\xbf" + body(_incident(title="BOM")))
    yield _good("white space around", "incidents", b" \r\n\t" + body(_incident(title="white")) + b"\n \t")
    turned = dict(reversed(list((FULL["incidents"] | {"external_ids": {"test": "turned"}}).items())))
    yield _good("keys turned round", "incidents", turned)
    yield _good(
        "everything escaped",
        "incidents",
        b'{"\\u0074ype": "\\u006fther", "title": "\\ud83d\\ude00 \\u00e1\\/\\b"}'.replace(b"\\b", b""),
    )
    yield _good("raw UTF-8", "incidents", json.dumps(_incident(title="Culiacán 😀"), ensure_ascii=False).encode())
    numbers = b"[1e21, 1E-7, -0.0, 5e-324, 1.7976931348623157e308, 9007199254740991, -9007199254740991, 0.1]"
    yield _good("numbers in raw", "incidents", body(_incident(raw={"n": "@"})).replace(b'"@"', numbers))
    keys = {"\ue000": 1, "😀": 2, "": 3, "a/b~c": 4, "__proto__": 5, "source_id": "x", "é": 6}
    yield _good("keys in raw", "incidents", _incident(raw=keys))
    yield _good("29 levels in raw", "incidents", body(_incident(raw={"a": "@"})).replace(b'"@"', nested(29).encode()))
    yield _good("10,000 keys in raw", "incidents", _incident(raw={f"k{n}": n for n in range(10_000)}))
    figures: tuple[dict[str, Any], ...] = (
        {"value": 2**31}, {"value": 10**12}, {"low": 0, "high": 10**12}, {"qualifier": "explicit_zero", "value": 0,
            "quote": "The Army"},
        {"value": 0, "quote": {"text": "The  Army\n"}}, {"qualifier": "range", "low": 2, "high": 3},
            {"qualifier": "at_least", "value": 5},
        {"qualifier": "vague", "verbatim": " Dozens"}, {"qualifier": "not_stated"}, {"qualifier": "less_than",
            "value": 9},
        {"qualifier": "unit_count", "value": 2, "unit": "battalion"}, {"qualifier": "additional", "value": 3},
        {"value": 1, "quote": {"text": "Culiacán", "start": 30, "end": 38}}, {"value": 1,
            "dims": {"nationality": "Central America"}},
    )  # fmt: skip
    for figure in figures:
        yield _good(f"figure {json.dumps(figure)}", "incidents", _claim(**figure))
    yield _good("500 claims", "incidents", _incident(claims=_claim(value=1)["claims"] * 500))
    for date in ("2024", "2024-11~", "../2024", "2024-03/..", "[2024-11-15..2024-11-30]", "{2023,2024}", "XXXX",
        "202X", "2024-21",
                 "2024-03-26T10:00:00.123456+05:30", "0001-01-01", "9999-12-31", "2024-02-29", "?2024-03",
                     "2024-03-26/"):  # fmt: skip
        yield _good(f"date {date}", "incidents", _incident(date=date))
        yield _good(
            f"period {date}",
            "statistics",
            {"indicator": "x_1", "period": date, "source": "test:s", "claims": [{"value": 1}]},
        )
    for place in (
        "Culiacán, MX-SIN",
        "culiacan, sinaloa, mexico",
        "MX",
        "Sinaloa",
        "iso3166:MX-TAM",
        f"{PLACE}",
        "test:m",
        "Casa",
    ):
        yield _good(f"location {place}", "incidents", _incident(location=place))
    yield _good(
        "locations by name", "incidents", _incident(locations=["MX-SIN", {"location": "MX-TAM", "role": "origin"}])
    )
    yield _good("point at the edge", "locations", b'{"name": "Edge", "lon": -180, "lat": 9.0e1, "kind": "region"}')
    yield _good("actor by name", "incidents", _incident(actors=[{"name": "fuerza  UNO", "role": "rescuer"}]))
    yield _good(
        "two unnamed",
        "incidents",
        _incident(actors=[{"actor": {"name": "a cartel", "identified": False}, "role": "other"}] * 2),
    )
    yield _good("address of 2,000", "sources", {"url": "https://x.example/" + "p" * 1_982})
    yield _good(
        "emoji in a text",
        "sources",
        {"title": "t", "text": "😀😀 two", "title_quote": {"text": "two", "start": 3, "end": 6}},
    )
    yield _good("longest external id", "actors", {"name": "L", "external_ids": {"a" * 32: "😀" * 200}})
    yield _good(
        "charset", "actors", {"name": "charset"}, headers=(("content-type", "Application/JSON ; charset=utf-16"),)
    )
    yield _good("identity", "actors", {"name": "identity"}, headers=(("content-encoding", "Identity"),))
    yield _good("many tags", "incidents", _incident(tags=[f"t{n}" for n in range(100)]))
    yield _good("streamed", "actors", {"name": "streamed"}, streamed=True)
    for name, value in {"nothing": {}, "a null": {"summary": None}, "tags": {"tags": ["b", "a", "b"]}}.items():
        yield Case(f"patch of {name}", "PATCH", f"/v1/incidents/{WHOLE}", 200, "", body(value), (("if-match", "*"),))
    yield Case("claims added", "POST", f"/v1/incidents/{WHOLE}/claims", 201, "", body(CLAIMS))
    for plural, kind in BY_PLURAL.items():
        for asked in ("limit=1000000000", "limit=9223372036854775807", "limit=9223372036854775808",
            f"limit={'9' * 400}", "limit=1",
                      "limit=007", "limit=1000&", "&&limit=1000", "count=exact", "sort=recorded_at&limit=1000",
                          "external_id=test:s,test:x",
                      f"external_id={'a:%F0%9F%98%80'}", "",
                          *(f"sort={sort}" for sort in parameters(kind)["sort"].allowed[:10])):  # fmt: skip
            yield Case(f"{plural}?{asked[:40]}", "GET", f"/v1/{plural}?{asked}", 200, "")
        yield Case(f"history of {plural}", "GET", f"/v1/{plural}/{HELD[plural]}/revisions?limit={'9' * 12}", 200, "")
    for name in ("%F0%9F%98%80", "a%20b", "a+b", "%2B", "a%2Cb", "%27%3B--", "100%25", "%EF%BB%BFx", "x" * 10_000):
        yield Case(f"actors named {name[:20]}", "GET", f"/v1/actors?name={name}", 200, "")
    yield Case(
        "many codes",
        "GET",
        "/v1/incidents?" + "&".join(f"type={code}" for code in vocabulary.codes("incident_type")),
        200,
        "",
    )


def _good(name: str, plural: str, value: Any, **more: Any) -> Case:
    return Case(name, "POST", f"/v1/{plural}", 201, "", value if isinstance(value, bytes) else body(value), **more)


def batches(paths: Mapping[str, Any]) -> Mapping[str, list[Case]]:
    """The whole corpus, in batches."""
    return {
        "unreadable": list(unreadable()), "not JSON": list(not_json()), "spoilt reports": list(spoilt_reports()),
        "changed members": list(changed_members()), "wrong values": list(wrong_values()),
        "references": list(references()), "states": list(states()), "envelopes": list(envelopes()),
        "keys": list(keys()), "methods": list(methods(paths)), "queries": list(queries()),
    }  # fmt: skip
