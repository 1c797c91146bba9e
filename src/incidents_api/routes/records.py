"""The routes of the five kinds, made from one declaration: list, create, read, replace, patch, end, history."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import Request, Response

from incidents_api.access import READ
from incidents_api.errors import BadQuery, Fault, Gone, NotFound
from incidents_api.model import vocabulary
from incidents_api.model.incident import ClaimsReport
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.revision import etag
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.reading import query, records
from incidents_api.routes import exports, lists, web
from incidents_api.routes.describe import body_of, list_answer, parameter, parameters_of, record_answer, written_answer
from incidents_api.routes.web import Endpoint, database_of, limits_of
from incidents_api.writing import records as writing
from incidents_api.writing.records import Written

_ID = parameter("id", "path", "Permanent id of the record.", {"type": "string", "format": "uuid"}, required=True)
_IF_MATCH = parameter("If-Match", "header", "The ETag of the version that you read.", {"type": "string"})
_IF_NONE_MATCH = parameter("If-None-Match", "header", "An ETag that you hold.", {"type": "string"})
_AS_OF = parameter("as_of", "query", "As it stood then: a time, a date or a seq.", {"type": "string"})
_VERSION = parameter("version", "path", "Its number.", {"type": "integer", "minimum": 1}, required=True)
_NO_CACHE = {"Cache-Control": "no-cache"}


def endpoints() -> list[Endpoint]:
    """Every route over records."""
    made = [endpoint for kind in KINDS.values() for endpoint in _of_kind(kind)]
    return [*made, _add_claims(KINDS["incident"])]


def _of_kind(kind: Kind) -> list[Endpoint]:
    every, one = f"/v1/{kind.plural}", f"/v1/{kind.plural}/{{id}}"
    return [
        Endpoint(
            "GET", every, READ, exports.negotiated(kind, lists.handler(kind)), f"list_{kind.plural}",
            f"List {kind.plural}", kind.plural,
            kind.meaning, parameters_of(kind), answer=list_answer(kind), headers={"Link": "The next page."},
            problems=(304, 400),
        ),
        Endpoint(
            "POST", every, "write", _create(kind), f"create_{kind.name}", f"Create one {kind.name}", kind.plural,
            "Locations, actors and sources may be given by name, code or address; `resolved` says which were found "
            "or created.",
            body=body_of(kind.report), status=201, answer=written_answer(kind),
            headers={"Location": "Where the record is.", "ETag": "Its version."},
            problems=(400, 401, 403, 409, 413, 415, 422),
        ),
        Endpoint(
            "GET", one, READ, _read(kind), f"read_{kind.name}", f"Read one {kind.name}", kind.plural,
            parameters=(_ID, _IF_NONE_MATCH, _AS_OF),
            answer=record_answer(kind), headers={"ETag": "The version of the record."}, problems=(304, 400, 404, 410),
        ),
        Endpoint(
            "PUT", one, "write", _replace(kind), f"replace_{kind.name}", f"Replace one {kind.name}", kind.plural,
            "What the store derives may be left out or sent back unchanged.", (_ID, _IF_MATCH),
            body_of(kind.report), answer=written_answer(kind), headers={"ETag": "The new version."},
            problems=(400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428),
        ),
        Endpoint(
            "PATCH", one, "write", _patch(kind), f"patch_{kind.name}", f"Change members of one {kind.name}",
            kind.plural, "A JSON merge patch (RFC 7396): null removes, arrays are replaced.", (_ID, _IF_MATCH),
            {"media": web.MERGE_PATCH, "schema": {"type": "object", "examples": [{"title": "A better title"}]}},
            answer=written_answer(kind), headers={"ETag": "The new version."},
            problems=(400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 428),
        ),
        Endpoint(
            "DELETE", one, "write", _end(kind), f"end_{kind.name}", f"End one {kind.name}", kind.plural,
            "Nothing is erased: the record answers 410 with the reason from then on, its history stays.",
            (
                _ID,
                _IF_MATCH,
                parameter(
                    "reason", "query", "Why.",
                    {"type": "string", "enum": list(vocabulary.codes("deletion_reason"))}, required=True,
                ),
                parameter("note", "query", "In your own words.", {"type": "string", "maxLength": 500}),
                parameter("successor", "query", "The record that stands for it.", {"type": "string", "format": "uuid"}),
            ),
            status=204, problems=(400, 401, 403, 404, 409, 410, 412, 422, 428),
        ),
        Endpoint(
            "GET", f"{one}/revisions", READ, _revisions(kind), f"list_{kind.name}_revisions",
            f"History of one {kind.name}", kind.plural, "Newest first; ended records keep theirs.",
            (
                _ID,
                parameter("before", "query", "Only versions below.", {"type": "integer", "minimum": 1}),
                parameter("limit", "query", "How many.", {"type": "integer", "minimum": 1, "default": 100}),
            ),
            answer=list_answer(None), problems=(400, 404),
        ),
        Endpoint(
            "GET", f"{one}/revisions/{{version}}", READ, _revision(kind), f"read_{kind.name}_revision",
            f"One {kind.name} as it stood at a version", kind.plural,
            parameters=(_ID, _VERSION),
            answer=record_answer(kind), headers={"ETag": "The version."}, problems=(304, 400, 404, 410),
        ),
    ]  # fmt: skip


# --- One record ----------------------------------------------------------------------------------------------------


def _read(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        given = query.read_once(request.scope["query_string"], ("as_of",))
        if not given:
            document, version, link, reason, _, head = await _row(request, who, kind)
            pin = lists.Pin(head)
        else:
            pin = await lists.pin(request, query.moment(given["as_of"]))
            document, version, link, reason, *_ = await _row(request, who, kind, pin.at)
        if document is None:
            raise _gone(kind, json.loads(reason))
        return _record(request, document, etag(version, link), pin.headers(who))

    return handle


async def _row(request: Request, who: Visitor, kind: Kind, at: int | None = None) -> Any:
    """The state of the record that the path names, if this visitor may know of it."""
    record_id = request.path_params["id"]
    rows = await database_of(request).read(records.one(kind, record_id, at)) if record_id.isascii() else []
    if not rows or (rows[0][4] and not who.full):
        raise NotFound(f"there is no {kind.name} with this id" + (f" as of {at}" if at is not None else ""))
    return rows[0]


def _gone(kind: Kind, reason: Mapping[str, Any]) -> Gone:
    told = f"the {kind.name} was ended: {vocabulary.LISTS['deletion_reason'].codes[reason['code']].label}"
    successor = reason["successor"]
    link = {"Link": f'</v1/{kind.plural}/{successor}>; rel="successor-version"'} if successor else {}
    return Gone(told, headers=link, reason=reason["code"], note=reason["note"], successor=successor)


def _record(request: Request, document: str, mark: str, more: Mapping[str, str] = _NO_CACHE) -> Response:
    headers = {"ETag": mark, **more}
    if web.not_modified(request, mark):
        return Response(status_code=304, headers=headers)
    return web.answer(document, headers=headers)


def _revisions(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        given = query.read_once(request.scope["query_string"], ("before", "limit"))
        limit = min(_whole("limit", given.get("limit"), 100), limits_of(request).max_limit)
        before = _whole("before", given.get("before"), 2**31 - 1)
        await _row(request, who, kind)
        record_id = request.path_params["id"]
        rows = await database_of(request).read(records.revisions(kind, record_id, before, limit + 1))
        here = str(request.url.replace(query="")).rstrip("?")
        names = ("version", "seq", "operation", "author", "recorded_at", "reason", "hash", "previous_hash")
        items = []
        for row in rows[:limit]:
            entry = dict(zip(names, row, strict=True))
            entry["reason"] = None if entry["reason"] is None else json.loads(entry["reason"])
            items.append(entry | {"url": f"{here}/{entry['version']}"})
        following = f"{here}?before={rows[limit - 1][0]}&limit={limit}" if len(rows) > limit else None
        headers = _NO_CACHE | ({"Link": f'<{following}>; rel="next"'} if following else {})
        return web.json_answer({"items": items, "next": following}, headers=headers)

    return handle


def _whole(name: str, given: str | None, default: int) -> int:
    if given is None:
        return default
    if not (given.isascii() and given.isdecimal() and len(given) <= 9 and int(given) >= 1):
        raise BadQuery(
            "The query cannot be taken; see errors", [Fault("give a whole number from 1", "value", parameter=name)]
        )
    return int(given)


def _revision(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        query.read_once(request.scope["query_string"])
        version = _whole("version", request.path_params["version"], 0)
        await _row(request, who, kind)
        rows = await database_of(request).read(records.revision_at(kind, request.path_params["id"], version))
        if not rows:
            raise NotFound(f"the {kind.name} has no version {version}")
        document, link, reason, restricted = rows[0]
        if restricted and not who.full:
            raise NotFound(f"the {kind.name} has no version {version}")
        if document is None:
            raise _gone(kind, json.loads(reason))
        return _record(request, document, etag(version, link))

    return handle


# --- Writes --------------------------------------------------------------------------------------------------------


def _written(written: Written, status: int = 200, location: str | None = None) -> Response:
    resolved = json.dumps([dict(note) for note in written.resolved], ensure_ascii=False, separators=(",", ":"))
    headers = {"ETag": written.etag} | ({"Location": location} if location else {})
    return web.answer(f'{written.document[:-1]},"resolved":{resolved}}}', status, headers)


def _create(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        query.read_once(request.scope["query_string"])
        report = validate(kind.report, await web.read_body(request))
        written = await database_of(request).write(writing.create, kind, report, who)
        return _written(written, 201, f"/v1/{kind.plural}/{written.record_id}")

    return handle


def _replace(kind: Kind) -> web.Handler:
    return _change(kind, writing.replace, (web.JSON,))


def _patch(kind: Kind) -> web.Handler:
    return _change(kind, writing.patch, (web.MERGE_PATCH,))


def _change(kind: Kind, change: Callable[..., Written], media: tuple[str, ...]) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        query.read_once(request.scope["query_string"])
        tags = web.if_match(request)
        body = await web.read_body(request, media=media)
        if not isinstance(body, dict):
            raise BadQuery("the body must be a JSON object")
        record_id = request.path_params["id"]
        return _written(await database_of(request).write(change, kind, record_id, body, tags, who))

    return handle


def _end(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        given = query.read_once(request.scope["query_string"], ("reason", "note", "successor"))
        allowed = vocabulary.codes("deletion_reason")
        if given.get("reason") not in allowed:
            near = vocabulary.suggest(given.get("reason", ""), allowed)
            detail = "say why: reason is a code of deletion_reason" + (f"; did you mean {near}?" if near else "")
            raise BadQuery(
                "A record is ended with a reason", [Fault(detail, "unknown_code", parameter="reason", allowed=allowed)]
            )
        note = given.get("note")
        if note is not None and not (note.strip() and len(note) <= 500):
            raise BadQuery("The note cannot be taken", [Fault("1 to 500 characters", "too_long", parameter="note")])
        reason = {"code": given["reason"], "note": note, "successor": given.get("successor")}
        tags = web.if_match(request)
        await database_of(request).write(writing.end, kind, request.path_params["id"], reason, tags, who)
        return Response(status_code=204)

    return handle


def _add_claims(kind: Kind) -> Endpoint:
    async def handle(request: Request, who: Visitor) -> Response:
        query.read_once(request.scope["query_string"])
        tags = web.entity_tags(request.headers.get("if-match"))
        report = validate(ClaimsReport, await web.read_body(request))
        record_id = request.path_params["id"]
        written = await database_of(request).write(writing.add_claims, record_id, report, tags, who)
        return _written(written, 201, f"/v1/{kind.plural}/{record_id}")

    return Endpoint(
        "POST", "/v1/incidents/{id}/claims", "write", handle, "add_claims", "Add claims to an incident", kind.plural,
        "For a source that says something new, or otherwise; the record need not be sent again. If-Match is optional: "
        "claims only add.",
        (_ID, _IF_MATCH), body_of(ClaimsReport), 201, written_answer(kind),
        headers={"Location": "Where the record is.", "ETag": "Its version."},
        problems=(400, 401, 403, 404, 410, 412, 413, 415, 422),
    )  # fmt: skip
