"""One record: as it stands, as it stood at a moment or version, its history, and what changed between two versions."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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
        pin = await lists.pin(database_of(request), query.moment(given["as_of"])) if given else None
        at = None if pin is None else pin.at
        found = await _state(request, who, kind, at)
        if found.document is None and found.operation == "merge":
            survivor = await _survivor(request, who, kind, found.reason["successor"], at)
            raise _moved(kind, found.reason, survivor, found.tag)
        if found.document is None:
            raise _gone(kind, await reason_for(request, who, kind, found.reason))
        return _record(request, found.document, found.tag, (pin or lists.Pin(found.head)).headers(who))

    return handle


class _State(NamedTuple):
    """A version of a record as the visitor sees it; `document` is None where the record was ended."""

    document: str | bytes | None
    version: int
    tag: str
    reason: Mapping[str, Any]
    head: int = 0
    operation: str = ""


async def _state(request: Request, who: Visitor, kind: Kind, at: int | None = None, of: str = "") -> _State:
    """The state of a record, the one that the path names where none is said; NotFound when there is none that this
    visitor may know of."""
    record_id = of or request.path_params["id"]
    known = _UUID.fullmatch(record_id) is not None
    rows = await database_of(request).read(records.one(kind, record_id, at, to=who.audience)) if known else []
    if rows and rows[0][4]:
        document, version, link, reason, _, head, operation = rows[0]
        return _State(document, version, etag(version, link), _read(reason), head, operation)
    for document, version, first, last, _ in await _public_rows(request, who, kind, record_id) if rows else ():
        if (last is None) if at is None else (first <= at and (last is None or last > at)):
            return _State(document, version, _public_tag(version, document), {}, rows[0][5])
        if rows[0][3] is not None and rows[0][0] is None:
            # It was ended while it was closed: the public hears why in one word.
            reason = {"code": json.loads(rows[0][3])["code"], "note": None, "successor": None}
            return _State(None, rows[0][1], "", reason, rows[0][5])
    raise NotFound(f"there is no {kind.name} with this id" + (f" as of {at}" if at is not None else ""))


async def _public_rows(request: Request, who: Visitor, kind: Kind, of: str = "") -> Sequence[Any]:
    """The public's own rows of a closed incident, newest first; see `public_rows` of reading/records.py."""
    if kind.name != "incident" or who.full:
        return ()
    return await database_of(request).read(records.public_rows(of or request.path_params["id"], to=who.audience))


_UUID = re.compile(UUID_PATTERN)


def _read(reason: str | None) -> Mapping[str, Any]:
    """Why a record was ended; nothing of one that was not."""
    told: Mapping[str, Any] = json.loads(reason) if reason else {}
    return told


def _public_tag(version: int, document: str) -> str:
    """The validator of the public's view: of what it is given alone, not of the record behind it."""
    return etag(version, hashlib.sha256(document.encode()).hexdigest())


async def reason_for(request: Request, who: Visitor, kind: Kind, reason: Mapping[str, Any]) -> Mapping[str, Any]:
    """Why a record was ended, as this visitor may hear it: without a successor that they may not know of by now."""
    if kind.name != "incident" or not reason.get("successor"):
        return reason
    try:
        await _state(request, who, kind, of=reason["successor"])
    except NotFound:
        return {**reason, "successor": None}
    return reason


async def _survivor(request: Request, who: Visitor, kind: Kind, record_id: str, at: int | None) -> str:
    """The end of a chain of merges; NotFound when this visitor may not know of it."""
    while True:
        rows = await database_of(request).read(records.one(kind, record_id, at, to=who.audience))
        document, _, _, reason, seen, _, operation = rows[0]
        if not seen:
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
    if reason.get("code") is None:
        raise Gone(f"this version of the {kind.name} was redacted", reason="redacted")
    told = f"the {kind.name} was ended: {vocabulary.LISTS['deletion_reason'].codes[reason['code']].label}"
    successor = reason["successor"]
    link = {"Link": f'</v1/{kind.plural}/{successor}>; rel="successor-version"'} if successor else {}
    return Gone(told, headers=link, reason=reason["code"], note=reason["note"], successor=successor)


def _record(request: Request, document: str | bytes, mark: str, more: Mapping[str, str] = _NO_CACHE) -> Response:
    headers = {"ETag": mark, **more}
    if web.not_modified(request, mark):
        return Response(status_code=304, headers=headers)
    return web.answer(document, headers=headers)


_ENTRY = ("version", "seq", "operation", "author", "recorded_at", "reason", "hash", "previous_hash")


def _revisions(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        given = query.read_once(request.scope["query_string"], ("before", "limit"))
        limit = min(_whole("limit", given.get("limit"), 100), limits_of(request).max_limit)
        before = _whole("before", given.get("before"), 2**31 - 1)
        await _state(request, who, kind)
        statement = records.revisions(kind, request.path_params["id"], before, limit + 1, to=who.audience)
        rows = await database_of(request).read(statement)
        mine: dict[int, Any] = {}
        if not all(row[8] for row in rows):
            mine = {row[1]: row for row in await _public_rows(request, who, kind)}
        here = web.address_of(request)
        items = [
            (_entry(row) if row[8] else _public_entry(mine[row[0]])) | {"url": f"{here}/{row[0]}"}
            for row in rows[:limit]
            if row[8] or row[0] in mine
        ]
        for entry in (one for one in items if one["reason"]):
            entry["reason"] = await reason_for(request, who, kind, entry["reason"])
        following = f"{here}?before={rows[limit - 1][0]}&limit={limit}" if len(rows) > limit else None
        headers = _NO_CACHE | ({"Link": f'<{following}>; rel="next"'} if following else {})
        return web.json_answer({"items": items, "next": following}, headers=headers)

    return handle


def _entry(row: Any) -> dict[str, Any]:
    entry = dict(zip(_ENTRY, row[:8], strict=True))
    return entry | {"reason": None if entry["reason"] is None else json.loads(entry["reason"])}


def _public_entry(row: Any) -> dict[str, Any]:
    """A version of the public's view: when it came to be, not by whom, how, nor with which hash."""
    told = {"version": row[1], "seq": row[2], "operation": "create" if row[1] == 1 else "replace"}
    return dict.fromkeys(_ENTRY) | told | {"recorded_at": row[4]}


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
        await _state(request, who, kind)
        found = await _version(request, who, kind, version)
        if found.document is None:
            raise _gone(kind, await reason_for(request, who, kind, found.reason))
        return _record(request, found.document, found.tag)

    return handle


def _diff(kind: Kind) -> web.Handler:
    async def handle(request: Request, who: Visitor) -> Response:
        given = query.read_once(request.scope["query_string"], ("from", "to"))
        newest = (await _state(request, who, kind)).version
        last = _whole("to", given.get("to"), newest)
        first = _whole("from", given.get("from"), max(1, last - 1))
        if "from" not in given:
            # Of the public's view there may be no version just before.
            held = [row[1] for row in await _public_rows(request, who, kind)]
            first = max((one for one in held if one < last), default=last) if last in held else first
        before, after = [_members(await _version(request, who, kind, version)) for version in (first, last)]
        return web.answer(json.dumps(diff(before, after), ensure_ascii=False), headers=_NO_CACHE, media=_PATCH)

    return handle


async def _version(request: Request, who: Visitor, kind: Kind, version: int) -> _State:
    """One version as the visitor sees it; NotFound when there is none."""
    statement = records.revision_at(kind, request.path_params["id"], version, to=who.audience)
    rows = await database_of(request).read(statement)
    if rows and rows[0][3]:
        document, link, reason, _ = rows[0]
        return _State(document, version, etag(version, link), _read(reason))
    for document, own, *_ in await _public_rows(request, who, kind) if rows else ():
        if own == version:
            return _State(document, version, _public_tag(version, document), {})
    raise NotFound(f"the {kind.name} has no version {version}")


def _members(state: _State) -> dict[str, Any]:
    """The members of a version, without what the log gives; a tombstone has none."""
    document = json.loads(state.document) if state.document is not None else {}
    return {name: value for name, value in document.items() if name not in _ENVELOPE}


_ENVELOPE = ("id", "version", "seq", "recorded_at", "recorded_by")
