"""What OpenAPI says of routes: parameters from the catalogue, bodies and answers from the models."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from incidents_api.errors import PROBLEMS
from incidents_api.model.answers import ANSWERS, Change, Resolved, RevisionEntry, StoredClaim
from incidents_api.model.duplicates import WEIGHTS
from incidents_api.model.incident import ClaimsReport, ReviewReport
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.merging import MergeReport
from incidents_api.model.redaction import RedactReport
from incidents_api.reading.parameters import parameters

_REF = "#/components/schemas/{model}"
_REPORTS: tuple[type[BaseModel], ...] = (
    *(kind.report for kind in KINDS.values()),
    ClaimsReport,
    MergeReport,
    ReviewReport,
    RedactReport,
)
_SHOWN: tuple[type[BaseModel], ...] = (*ANSWERS.values(), Resolved, RevisionEntry, Change)


def schemas() -> dict[str, Any]:
    """Every schema of the document, by name."""
    _, taken = models_json_schema([(model, "validation") for model in _REPORTS], ref_template=_REF)
    _, shown = models_json_schema([(model, "serialization") for model in _SHOWN], ref_template=_REF)
    made: dict[str, Any] = taken["$defs"] | shown["$defs"] | {"Problem": _PROBLEM}
    return made


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Members beyond these say more of some problems.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Address of what is said of this problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": [problem.code for problem in PROBLEMS]},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail", "code"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "Parameter of the query."},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                    "allowed": {"type": "array", "items": {"type": "string"}},
                    "candidates": {"type": "array", "items": {"type": "object"}},
                },
            },
        },
    },
}


def parameter(
    name: str, where: str, meaning: str, schema: Mapping[str, Any], *, required: bool = False
) -> dict[str, Any]:
    """A parameter of an operation."""
    return {"name": name, "in": where, "description": meaning, "required": required, "schema": dict(schema)}


ID = parameter("id", "path", "Permanent id of the record.", {"type": "string", "format": "uuid"}, required=True)
IF_NONE_MATCH = parameter("If-None-Match", "header", "An ETag that you hold.", {"type": "string"})
IDEMPOTENCY_KEY = parameter(
    "Idempotency-Key",
    "header",
    "A word of your own for this write: sent again with the same word, it is done once and answered as the first time.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
)
AS_OF = parameter("as_of", "query", "As it stood then: a time, a date or a seq.", {"type": "string"})


def parameters_of(kind: Kind, purpose: str = "list") -> tuple[Mapping[str, Any], ...]:
    """The parameters of a read of a kind, from the catalogue."""
    return tuple(
        dict(parameter(one.name, "query", one.meaning, one.schema))
        | ({"style": "form", "explode": True} if one.schema.get("type") == "array" else {})
        for one in parameters(kind, purpose).values()
    )


def body_of(model: type[BaseModel]) -> Mapping[str, Any]:
    """The body of a write."""
    reference = {"$ref": _REF.format(model=model.__name__)}
    return {"media": "application/json", "schema": reference}


def record_answer(kind: Kind) -> Mapping[str, Any]:
    """The schema of a record."""
    return {"$ref": _REF.format(model=ANSWERS[kind.name].__name__)}


def written_answer(kind: Kind) -> Mapping[str, Any]:
    """The schema of a record after a write, with what was resolved."""
    resolved = {"type": "array", "items": {"$ref": _REF.format(model="Resolved")}}
    name = ANSWERS[kind.name].__name__
    shown = _shown(ANSWERS[kind.name])
    told: dict[str, Any] = shown | {
        "title": f"Written{name}",
        "properties": shown["properties"] | {"resolved": resolved},
        "required": [*shown["required"], "resolved"],
    }
    return told


@cache
def _shown(model: type[BaseModel]) -> dict[str, Any]:
    made: dict[str, Any] = models_json_schema([(model, "serialization")], ref_template=_REF)[1]["$defs"][model.__name__]
    return made


def merged_answer(kind: Kind) -> Mapping[str, Any]:
    """The schema of a survivor after a merge, with how many other records were revised to name it."""
    told = dict(written_answer(kind))
    revised = {"type": "integer", "minimum": 0, "description": "How many other records refer to the survivor now."}
    return told | {"properties": told["properties"] | {"revised": revised}, "required": [*told["required"], "revised"]}


def bulk_answer() -> Mapping[str, Any]:
    """The schema of what became of many lines."""
    number = {"type": "integer", "minimum": 0}
    counts = ("received", "created", "updated", "unchanged", "refused", "also", "ended", "merged")
    seq = {"type": "object", "required": ["from", "to"], "properties": {"from": number, "to": number}}
    line = {"line": number, "external_id": {"anyOf": [{"type": "string"}, {"type": "null"}]}}

    def of_line(**members: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"type": "object", "required": [*line, *members], "properties": line | members}

    return {
        "type": "object",
        "required": ["run", "dry_run", *counts, "seq", "notices", "refusals"],
        "properties": {
            "run": {"type": "string", "description": "Names this request in /v1/refusals/{run}."},
            "dry_run": {"type": "boolean"},
            **dict.fromkeys(counts, number),
            "seq": {
                "anyOf": [seq, {"type": "null"}],
                "description": "The first and the last revision.",
            },
            "notices": {
                "type": "array",
                "items": of_line(merged_into={"type": "string", "format": "uuid"}),
                "description": "The first 100 lines that were left alone: their records were merged into others.",
            },
            "refusals": {
                "type": "array",
                "items": of_line(problem={"$ref": "#/components/schemas/Problem"}),
                "description": "The first 1,000 refused lines.",
            },
            "refusals_url": {"type": "string", "description": "All of them, where there are any."},
        },
    }


def list_answer(kind: Kind | None) -> Mapping[str, Any]:
    """The schema of a page of records, or of a history."""
    item: Mapping[str, Any] = {"$ref": _REF.format(model=RevisionEntry.__name__)}
    if kind is not None:
        # With `fields`, only some members of a record are there.
        some = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "format": "uuid"}}}
        item = {"anyOf": [record_answer(kind), some]}
    return {
        "type": "object",
        "required": ["items", "next"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": item},
            "next": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]},
            **{name: {"type": "integer", "minimum": 0} for name in ("total", "unlocated", "undated", "as_of")},
            "included": {"type": "object", "description": "Records that the page refers to, by kind."},
        },
    }


def changes_answer() -> Mapping[str, Any]:
    """The schema of a page of changes."""
    return {
        "type": "object",
        "required": ["items", "next", "cursor", "as_of"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": {"$ref": _REF.format(model=Change.__name__)}},
            "next": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]},
            "cursor": {"type": "string", "description": "Where to go on, now or later."},
            "as_of": {"type": "integer", "minimum": 0},
        },
    }


def totals_answer() -> Mapping[str, Any]:
    """The schema of totals."""
    number = {"type": "integer", "minimum": 0}
    levels = ("low", "best", "high", "incidents", "lower_bound_only", "open_ended")
    told = {"type": ["integer", "null"], "minimum": 0, "description": "Null where it is kept back (suppressed)."}
    members: dict[str, Any] = dict.fromkeys(levels, told) | {
        "suppressed": {"type": "boolean", "description": "True where kept back."}
    }
    figure = {"type": "object", "required": list(levels), "properties": members}
    row = {
        "type": "object",
        "required": ["key", "incidents", "measures"],
        "properties": {
            "key": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
            "incidents": number,
            "measures": {"type": "object", "additionalProperties": figure},
            "point": {
                "type": "object",
                "description": "With by=cell: the middle of the points in the cell.",
                "required": ["lon", "lat"],
                "properties": {axis: {"type": "number"} for axis in ("lon", "lat")},
            },
        },
    }
    left = ("period_totals", "netted_parts", "parts_exceed_whole")
    return {
        "type": "object",
        "required": ["rows", "excluded", "overlapping", "as_of"],
        "properties": {
            "rows": {"type": "array", "items": row},
            "excluded": {"type": "object", "required": list(left), "properties": dict.fromkeys(left, number)},
            "overlapping": {"type": "boolean", "description": "An incident can stand in several rows."},
            "as_of": number,
            "suppressed": {**number, "description": "How many figures are kept back; left out where none is."},
        },
    }


def likeness_answer() -> dict[str, Any]:
    """The schema of how alike two incidents are."""
    part = {"type": "number", "minimum": 0, "maximum": 1}
    return {
        "score": part,
        "why": {"type": "object", "required": list(WEIGHTS), "properties": dict.fromkeys(WEIGHTS, part)},
        "days_apart": {"type": "integer", "minimum": 0},
        "km_apart": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]},
    }


def _brief() -> dict[str, Any]:
    """The members that are told of an incident that is one of a pair."""
    text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    told: dict[str, Any] = {"id": {"type": "string", "format": "uuid"}, "type": {"type": "string"}}
    return told | dict.fromkeys(("title", "date", "place", "country", "admin1"), text)


def _members(told: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(told), "properties": dict(told)}


def created_answer(kind: Kind) -> Mapping[str, Any]:
    """The schema of a record that was created; an incident's answer names what it may be a duplicate of."""
    told = written_answer(kind)
    if kind.name != "incident":
        return told
    like = {"type": "array", "items": _members(_brief() | likeness_answer())}
    properties = told["properties"] | {"possible_duplicates": like}
    return dict(told) | {"properties": properties, "required": [*told["required"], "possible_duplicates"]}


def duplicates_answer() -> dict[str, Any]:
    """The schema of a page of pairs."""
    one = _members(_brief())
    pair = likeness_answer() | {"incidents": {"type": "array", "minItems": 2, "maxItems": 2, "items": one}}
    number = {"type": "integer", "minimum": 0}
    return {
        "type": "object",
        "required": ["items", "next", "walked", "compared"],
        "properties": {
            "items": {"type": "array", "items": _members(pair)},
            "next": {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]},
            "walked": number | {"description": "How many incidents this page looked at."},
            "compared": number | {"description": "How many pairs it compared."},
        },
    }


def claims_answer() -> Mapping[str, Any]:
    """The schema of a page of claims."""
    claim = models_json_schema([(StoredClaim, "serialization")], ref_template=_REF)[1]["$defs"]["StoredClaim"]
    own = dict(claim["properties"])
    own["claim_id"] = own.pop("id")
    text: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    names = ("type", "stage", "granularity", "title")
    told: dict[str, Any] = {f"incident_{name}": text for name in names} | dict.fromkeys(_OF_INCIDENT, text)
    told |= {"incident_id": {"type": "string", "format": "uuid"}, "incident_version": {"type": "integer"}}
    row = {"type": "object", "additionalProperties": False, "required": sorted(own | told), "properties": told | own}
    page = dict(list_answer(None))
    return page | {"properties": page["properties"] | {"items": {"type": "array", "items": row}}}


_OF_INCIDENT = ("edtf", "earliest", "latest", "country", "admin1")
"""What a row of claims tells of its incident beside what begins with incident_."""
