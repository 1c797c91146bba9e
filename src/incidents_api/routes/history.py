"""One record: as it stands, as it stood at a moment or version, its history, and what changed between two versions."""

import json
import re
from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from incidents_api.access import READ
from incidents_api.errors import BadQuery, Fault, Gone, Moved, NotFound
from incidents_api.model import vocabulary
from incidents_api.model.diff import diff
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.revision import etag
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import UUID_PATTERN
from incidents_api.reading import query, records
from incidents_api.routes import lists, web
from incidents_api.routes.describe import ID, list_answer, parameter, record_answer
from incidents_api.routes.web import Endpoint, database_of, limits_of

_VERSION = parameter("version", "path", "Its number.", {"type": "integer", "minimum": 1}, required=True)
_NO_CACHE = {"Cache-Control": "no-cache"}
_PATCH = "application/json-patch+json"


def endpoints() -> list[Endpoint]:
    """The histories of every kind."""
    return [endpoint for kind in KINDS.values() for endpoint in _of_kind(kind)]


def _of_kind(kind: Kind) -> list[Endpoint]:
    one = f"/v1/{kind.plural}/{{id}}"
    whole = {"type": "integer", "minimum": 1}
    return [
        Endpoint(
            "GET", f"{one}/revisions", READ, _revisions(kind), f"list_{kind.name}_revisions",
            f"History of one {kind.name}", kind.plural, "Newest first; ended records keep theirs.",
            (
                ID,
                parameter("before", "query", "Only versions below.", {"type": "integer", "minimum": 1}),
                parameter("limit", "query", "How many.", {"type": "integer", "minimum": 1, "default": 100}),
            ),
            answer=list_answer(None), problems=(400, 404),
        ),
        Endpoint(
            "GET", f"{one}/revisions/{{version}}", READ, _revision(kind), f"read_{kind.name}_revision",
            f"One {kind.name} as it stood at a version", kind.plural,
            parameters=(ID, _VERSION),
            answer=record_answer(kind), headers={"ETag": "The version."}, problems=(304, 400, 404, 410),
        ),
        Endpoint(
            "GET", f"{one}/diff", READ, _diff(kind), f"diff_{kind.name}", f"What changed in one {kind.name}",
            kind.plural,
            "The JSON patch (RFC 6902) that turns the members of one version into those of another.",
            (
                ID,
                parameter("from", "query", "Version to begin with; the one before `to` when left out.", whole),
                parameter("to", "query", "Version to end with; the newest when left out.", whole),
            ),
            answer={"type": "array", "items": {"type": "object"}}, media=_PATCH, problems=(400, 404, 410),
        ),
    ]  # fmt: skip


def read(kind: Kind) -> web.Handler:
    """One record as it stands, or as it stood at a moment."""

    async def handle(request: Request, who: Visitor) -> Response:
        given = query.read_once(request.scope["query_string"], ("as_of",))
        if not given:
            row = await _row(request, who, kind)
            pin = lists.Pin(row[5])
        else:
            pin = await lists.pin(request, query.moment(given["as_of"]))
            row = await _row(request, who, kind, pin.at)
        document, version, link, reason, *_, operation = row
        if document is None and operation == "merge":
            survivor = await _survivor(request, who, kind, json.loads(reason)["successor"], pin.at if given else None)
            raise _moved(kind, json.loads(reason), survivor, etag(version, link))
        if document is None:
            raise _gone(kind, json.loads(reason))
        return _record(request, document, etag(version, link), pin.headers(who))

    return handle


async def _row(request: Request, who: Visitor, kind: Kind, at: int | None = None) -> Any:
    """The state of the record that the path names, if this visitor may know of it."""
    record_id = request.path_params["id"]
    known = re.fullmatch(UUID_PATTERN, record_id) is not None
    rows = await database_of(request).read(records.one(kind, record_id, at)) if known else []
    if not rows or (rows[0][4] and not who.full):
        raise NotFound(f"there is no {kind.name} with this id" + (f" as of {at}" if at is not None else ""))
    return rows[0]


async def _survivor(request: Request, who: Visitor, kind: Kind, record_id: str, at: int | None) -> str:
    """The end of a chain of merges; NotFound when this visitor may not know of it."""
    while True:
        rows = await database_of(request).read(records.one(kind, record_id, at))
        document, _, _, reason, restricted, _, operation = rows[0]
        if restricted and not who.full:
            raise NotFound(f"there is no {kind.name} with this id")
        if document is not None or operation != "merge":
            return record_id
        record_id = json.loads(reason)["successor"]


def _moved(kind: Kind, reason: Mapping[str, Any], survivor: str, mark: str) -> Moved:
    """308: where to ask again; the ETag is that of the tombstone, with which a PUT brings the record back."""
    told = f"the {kind.name} was merged into another: {vocabulary.LISTS['deletion_reason'].codes[reason['code']].label}"
    headers = {"ETag": mark, "Link": f'</v1/{kind.plural}/{survivor}>; rel="successor-version"'} | _NO_CACHE
    return Moved(told, headers=headers, reason=reason["code"], note=reason["note"], successor=survivor)


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
    if name == "limit" and given.isascii() and given.isdecimal() and len(given) > 9:
        return 2**31 - 1  # clamped, as every limit is
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


def _diff(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        given = query.read_once(request.scope["query_string"], ("from", "to"))
        newest = (await _row(request, who, kind))[1]
        last = _whole("to", given.get("to"), newest)
        first = _whole("from", given.get("from"), max(1, last - 1))
        before, after = [await _version(request, who, kind, version) for version in (first, last)]
        return web.answer(json.dumps(diff(before, after), ensure_ascii=False), headers=_NO_CACHE, media=_PATCH)

    return handle


async def _version(request: Request, who: Visitor, kind: Kind, version: int) -> dict[str, Any]:
    """The members of a version, without what the log gives; a tombstone has none."""
    rows = await database_of(request).read(records.revision_at(kind, request.path_params["id"], version))
    if not rows or (rows[0][3] and not who.full):
        raise NotFound(f"the {kind.name} has no version {version}")
    document = json.loads(rows[0][0]) if rows[0][0] is not None else {}
    return {name: value for name, value in document.items() if name not in _ENVELOPE}


_ENVELOPE = ("id", "version", "seq", "recorded_at", "recorded_by")
