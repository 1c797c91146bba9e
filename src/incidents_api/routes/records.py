"""The routes of the five kinds, made from one declaration: list, create, read, replace, patch, end, merge."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import Request

from incidents_api.access import READ
from incidents_api.errors import BadQuery, Fault
from incidents_api.model import vocabulary
from incidents_api.model.incident import ClaimsReport, ReviewReport
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.merging import MergeReport
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.reading import query
from incidents_api.reading.parameters import nearest
from incidents_api.routes import exports, history, lists, web
from incidents_api.routes.confirm import CONFIRM, confirming
from incidents_api.routes.describe import (
    AS_OF,
    ID,
    IF_NONE_MATCH,
    body_of,
    created_answer,
    list_answer,
    merged_answer,
    parameter,
    parameters_of,
    record_answer,
    written_answer,
)
from incidents_api.routes.web import Endpoint, Write
from incidents_api.storage.database import Together
from incidents_api.writing import likely, merge
from incidents_api.writing import records as writing
from incidents_api.writing.once import Answer
from incidents_api.writing.records import Written

_IF_MATCH = parameter("If-Match", "header", "The ETag of the version that you read.", {"type": "string"})
ON_DUPLICATE = parameter(
    "on_duplicate", "query",
    "What to do when the store may hold the incident already: report it in the answer, or reject it with a 409 that "
    "names the candidates.",
    {"type": "string", "enum": ["report", "reject"], "default": "report"},
)  # fmt: skip


def endpoints() -> list[Endpoint]:
    """Every route over records."""
    made = [endpoint for kind in KINDS.values() for endpoint in _of_kind(kind)]
    return [*made, _add_claims(KINDS["incident"]), _review(KINDS["incident"])]


def _of_kind(kind: Kind) -> list[Endpoint]:
    every, one = f"/v1/{kind.plural}", f"/v1/{kind.plural}/{{id}}"
    return [
        Endpoint(
            "GET", every, READ, exports.negotiated(kind.plural, lists.handler(kind)), f"list_{kind.plural}",
            f"List {kind.plural}", kind.plural,
            kind.meaning, parameters_of(kind), answer=list_answer(kind), headers={"Link": "The next page."},
            problems=(304, 400),
        ),
        Endpoint(
            "POST", every, "write", _create(kind), f"create_{kind.name}", f"Create one {kind.name}", kind.plural,
            "Locations, actors and sources may be given by name, code or address; `resolved` says which were found "
            "or created.",
            (CONFIRM, ON_DUPLICATE) if kind.name == "incident" else (CONFIRM,),
            body_of(kind.report), 201, created_answer(kind),
            headers={"Location": "Where the record is.", "ETag": "Its version."},
            problems=(400, 401, 403, 409, 413, 415, 422),
        ),
        Endpoint(
            "GET", one, READ, history.read(kind), f"read_{kind.name}", f"Read one {kind.name}", kind.plural,
            parameters=(ID, IF_NONE_MATCH, AS_OF),
            answer=record_answer(kind), headers={"ETag": "The version of the record."},
            problems=(304, 308, 400, 404, 410),
        ),
        Endpoint(
            "PUT", one, "write", _replace(kind), f"replace_{kind.name}", f"Replace one {kind.name}", kind.plural,
            "What the store derives may be left out or sent back unchanged.", (ID, _IF_MATCH, CONFIRM),
            body_of(kind.report), answer=written_answer(kind), headers={"ETag": "The new version."},
            problems=(308, 400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428),
        ),
        Endpoint(
            "PATCH", one, "write", _patch(kind), f"patch_{kind.name}", f"Change members of one {kind.name}",
            kind.plural, "A JSON merge patch (RFC 7396): null removes, arrays are replaced.",
            (ID, _IF_MATCH, CONFIRM),
            {"media": web.MERGE_PATCH, "schema": {"type": "object", "examples": [{"title": "A better title"}]}},
            answer=written_answer(kind), headers={"ETag": "The new version."},
            problems=(308, 400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428),
        ),
        Endpoint(
            "DELETE", one, "write", _end(kind), f"end_{kind.name}", f"End one {kind.name}", kind.plural,
            "Nothing is erased: the record answers 410 with the reason from then on, its history stays.",
            (
                ID,
                _IF_MATCH,
                parameter(
                    "reason", "query", "Why.",
                    {"type": "string", "enum": list(vocabulary.codes("deletion_reason"))}, required=True,
                ),
                parameter("note", "query", "In your own words.", {"type": "string", "maxLength": 500}),
                parameter("successor", "query", "The record that stands for it.", {"type": "string", "format": "uuid"}),
            ),
            status=204, problems=(308, 400, 401, 403, 404, 409, 410, 412, 422, 428),
        ),
        Endpoint(
            "POST", f"{one}/merge", "review", _merge(kind), f"merge_{kind.name}", f"Merge one {kind.name} into another",
            kind.plural,
            "All that it says moves to the record that it is merged into; what refers to it refers to that one. "
            "The old id answers 308 for ever; its history stays. A PUT with the ETag of the 308 brings it back.",
            (ID, _IF_MATCH), body_of(MergeReport), answer=merged_answer(kind),
            headers={"Location": "Where the survivor is.", "ETag": "The new version of the survivor."},
            problems=(308, 400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428),
        ),
    ]  # fmt: skip


# --- One record ----------------------------------------------------------------------------------------------------


# --- Writes --------------------------------------------------------------------------------------------------------


def _changed(written: Written, **told: Any) -> Answer:
    told = {"resolved": [dict(note) for note in written.resolved]} | told
    more = json.dumps(told, ensure_ascii=False, separators=(",", ":"))[1:]
    return Answer(200, f"{written.document[:-1]},{more}", {"ETag": written.etag})


def _made(kind: Kind, written: Written, **told: Any) -> Answer:
    answer = _changed(written, **told)
    return replace(answer, status=201, headers={"Location": f"/v1/{kind.plural}/{written.record_id}", **answer.headers})


def _confirming(request: Request, who: Visitor) -> Visitor:
    """The visitor with what `confirm`, the only parameter of the route, says to keep."""
    return confirming(who, query.read_once(request.scope["query_string"], ("confirm",)).get("confirm"))


def _review(kind: Kind) -> Endpoint:
    async def handle(request: Request, who: Visitor) -> Write:
        who = _confirming(request, who)
        tags = web.if_match(request)
        report = validate(ReviewReport, await web.read_body(request))
        return Write(_changed, writing.review, (request.path_params["id"], report, tags, who))

    return Endpoint(
        "POST", "/v1/incidents/{id}/review", "review", handle, "review_incident", "Move an incident in review",
        kind.plural, "Along the moves of `review_status` in the codebook; `chosen` claims are the best from then on.",
        (ID, _IF_MATCH, CONFIRM), body_of(ReviewReport), 200, written_answer(kind),
        headers={"ETag": "The new version."},
        problems=(308, 400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428),
    )  # fmt: skip


def _create(kind: Kind) -> web.Writer:
    async def handle(request: Request, who: Visitor) -> Write:
        who = _confirming(request, who)
        report = validate(kind.report, await web.read_body(request))
        return Write(partial(_made, kind), writing.create, (kind, report, who))

    async def compared(request: Request, who: Visitor) -> Write:
        given = query.read_once(request.scope["query_string"], ("confirm", "on_duplicate"))
        wanted, allowed = given.get("on_duplicate", "report"), ("report", "reject")
        if wanted not in allowed:
            detail = f"give report or reject{nearest(wanted, allowed)}"
            raise BadQuery(
                "The query cannot be taken; see errors",
                [Fault(detail, "value", parameter="on_duplicate", allowed=allowed)],
            )
        who = confirming(who, given.get("confirm"))
        report = validate(kind.report, await web.read_body(request))
        arguments = (kind, report, who, wanted == "reject")
        alike = Together(likely.create_all_compared, who)  # who may do the same in one name sees the same
        return Write(partial(_made_compared, kind), likely.create_compared, arguments, together=alike)

    return compared if kind.name == "incident" else handle


def _made_compared(kind: Kind, made: tuple[Written, list[dict[str, Any]]]) -> Answer:
    return _made(kind, made[0], possible_duplicates=made[1])


def _replace(kind: Kind) -> web.Writer:
    return _change(kind, merge.replace, (web.JSON,))


def _patch(kind: Kind) -> web.Writer:
    return _change(kind, writing.patch, (web.MERGE_PATCH,))


def _change(kind: Kind, change: Callable[..., Written], media: tuple[str, ...]) -> web.Writer:
    async def handle(request: Request, who: Visitor) -> Write:
        who = _confirming(request, who)
        tags = web.if_match(request)
        body = await web.read_body(request, media=media)
        if not isinstance(body, dict):
            raise BadQuery("the body must be a JSON object")
        record_id = request.path_params["id"]
        return Write(_changed, change, (kind, record_id, body, tags, who))

    return handle


def _end(kind: Kind) -> web.Writer:
    async def handle(request: Request, who: Visitor) -> Write:
        given = query.read_once(request.scope["query_string"], ("reason", "note", "successor"))
        allowed = vocabulary.codes("deletion_reason")
        if given.get("reason") not in allowed:
            code = "unknown_code" if "reason" in given else "required"
            detail = f"say why, by a code of deletion_reason{nearest(given.get('reason', ''), allowed)}"
            fault = Fault(detail, code, parameter="reason", allowed=allowed)
            raise BadQuery("A record is ended with a reason", [fault])
        note = given.get("note")
        if note is not None and not (note.strip() and len(note) <= 500):
            raise BadQuery("The note cannot be taken", [Fault("1 to 500 characters", "too_long", parameter="note")])
        reason = {"code": given["reason"], "note": note, "successor": given.get("successor")}
        tags = web.if_match(request)
        arguments = (kind, request.path_params["id"], reason, tags, who)
        return Write(lambda _: Answer(204), writing.end, arguments)

    return handle


def _merge(kind: Kind) -> web.Writer:
    def told(merged: merge.Merged) -> Answer:
        answer = _changed(merged.survivor, revised=merged.revised)
        location = f"/v1/{kind.plural}/{merged.survivor.record_id}"
        return replace(answer, headers={"Location": location, **answer.headers})

    async def handle(request: Request, who: Visitor) -> Write:
        query.read_once(request.scope["query_string"])
        tags = web.if_match(request)
        report = validate(MergeReport, await web.read_body(request))
        return Write(told, merge.merge, (kind, request.path_params["id"], report, tags, who))

    return handle


def _add_claims(kind: Kind) -> Endpoint:
    async def handle(request: Request, who: Visitor) -> Write:
        who = _confirming(request, who)
        tags = web.entity_tags(request.headers.get("if-match"))
        report = validate(ClaimsReport, await web.read_body(request))
        return Write(partial(_made, kind), writing.add_claims, (request.path_params["id"], report, tags, who))

    return Endpoint(
        "POST", "/v1/incidents/{id}/claims", "write", handle, "add_claims", "Add claims to an incident", kind.plural,
        "For a source that says something new, or otherwise; the record need not be sent again. If-Match is optional: "
        "claims only add.",
        (ID, _IF_MATCH, CONFIRM), body_of(ClaimsReport), 201, written_answer(kind),
        headers={"Location": "Where the record is.", "ETag": "Its version."},
        problems=(308, 400, 401, 403, 404, 410, 412, 413, 415, 422),
    )  # fmt: skip
