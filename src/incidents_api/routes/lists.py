"""Lists of records: the page as stored bytes, with what was left out, at a moment that stands fast when asked for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson
from fastapi import Request, Response

from incidents_api.errors import BadQuery, Fault
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.visitor import Visitor
from incidents_api.reading import pages, query, records
from incidents_api.reading.query import Query
from incidents_api.routes import web
from incidents_api.routes.web import database_of, limits_of
from incidents_api.storage.database import Database
from incidents_api.storage.dialects import encoded

PUBLIC_SECONDS = 300
"""How long caches may keep what the public was told of the past."""

INCLUDED = {
    "actors": ("actor", ("actors", "actor_id")),
    "locations": ("location", ("locations", "location_id")),
    "sources": ("source", ()),
}


class Pin(NamedTuple):
    """The seq that an answer was read at; `stands`: it was asked for, and nothing can change the answer any more."""

    at: int
    stands: bool = False

    def headers(self, who: Visitor) -> dict[str, str]:
        """What an answer says of its moment and how long it is good."""
        told = {"As-Of-Seq": str(self.at), "Vary": "Accept, Authorization"}
        if not self.stands:
            return told | {"Cache-Control": "no-cache"}
        if who.full:
            return told | {"Cache-Control": "private, max-age=31536000, immutable"}
        # What is closed to the public later must leave the caches soon (ADR 0023).
        scope = "public" if who.name is None else "private"
        return told | {"Cache-Control": f"{scope}, max-age={PUBLIC_SECONDS}"}


async def pin(database: Database, when: int | str) -> Pin:
    """The seq that a moment means; BadQuery for a seq that the log has not reached."""
    head = (await database.read(records.head()))[0][0]
    if isinstance(when, int):
        if when > head:
            fault = Fault(f"the log stands at {head}", "range", parameter="as_of")
            raise BadQuery("as_of lies ahead of the log", [fault])
        return Pin(when, stands=True)
    at = (await database.read(records.seq_at(when)))[0][0] or 0
    return Pin(at, stands=when < datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for, and for a moment that stands fast the ETag of its answer."""

    query: Query
    pin: Pin | None
    tag: str | None

    def unchanged(self, request: Request, who: Visitor) -> Response | None:
        """304, when the client holds this very answer."""
        if self.tag is None or self.pin is None or not web.not_modified(request, self.tag):
            return None
        return Response(status_code=304, headers={"ETag": self.tag} | self.pin.headers(who))

    def headers(self, who: Visitor, head: int) -> dict[str, str]:
        """What the answer says of its moment: the one asked for, or the head of the log."""
        return (self.pin or Pin(head)).headers(who) | ({"ETag": self.tag} if self.tag else {})


async def asked(request: Request, who: Visitor, kind: Kind, purpose: str = "list") -> Asked:
    """The query of a request, with the seq that its as_of means."""
    read = query.parse(kind, request.scope["query_string"], limits_of(request).max_limit, purpose)
    if read.as_of is None:
        return Asked(read, None, None)
    found = await pin(database_of(request), read.as_of)
    tag = await tag_of(request, who, found.at) if found.stands else None
    return Asked(replace(read, at=found.at), found, tag)


async def tag_of(request: Request, who: Visitor, at: int) -> str:
    """The ETag of an answer that depends on nothing but the address, the seq and what the audience sees."""
    path, asked = request.scope["path"], request.scope["query_string"].decode("latin-1")
    told = f"{path}?{asked}|{at}|{await audience_mark(request, who)}"
    return f'"{at}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"'


async def audience_mark(request: Request, who: Visitor) -> str:
    """Stands for what this visitor sees of a moment of the past; changes when an incident is closed or opened."""
    if who.full:
        return who.audience.mark
    openings = (await database_of(request).read(records.openings(to=who.audience)))[0]
    return f"{who.audience.mark}|{tuple(openings)}"


def handler(kind: Kind) -> web.Handler:
    """The list of a kind."""

    async def handle(request: Request, who: Visitor) -> Response:
        ask = await asked(request, who, kind)
        read, database = ask.query, database_of(request)
        if (same := ask.unchanged(request, who)) is not None:
            return same
        first = read.after is None  # what was left out is told with the first page
        page = (await database.read(pages.page(read, to=who.audience, left=first)))[0]
        told: dict[str, Any] = {}
        if read.one("count") == "exact":
            told["total"] = (await database.read(pages.total(read, to=who.audience)))[0][0]
        if first:
            told |= zip(pages.left_out(read), page[4:], strict=True)
        if read.get("include"):
            told["included"] = await _included(request, read, _cut(request, read, page)[0])
        return page_answer(request, who, ask, page, told)

    return handle


async def left_out(request: Request, who: Visitor, read: Query) -> dict[str, int]:
    """How many records a filter by place or date could not place; told with the first page."""
    names = pages.left_out(read) if read.after is None else ()
    if not names:
        return {}
    return dict(zip(names, (await database_of(request).read(pages.left_out_of(read, to=who.audience)))[0], strict=True))


def page_answer(request: Request, who: Visitor, ask: Asked, page: Any, told: dict[str, Any]) -> Response:
    """The answer of a list: its entries as stored bytes, the next page, and what else is told."""
    items, following = _cut(request, ask.query, page)
    if ask.query.get("fields"):
        items = memoryview(_only(items, ask.query.get("fields")))
    headers = ask.headers(who, page[3])
    told = {"next": following} | told | {"as_of": int(headers["As-Of-Seq"])}
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    return web.answer(b"".join((b'{"items":[', items, b"],", _members(told), b"}")), headers=headers)


def _cut(request: Request, read: Query, page: Any) -> tuple[memoryview, str | None]:
    """The entries of a page without the one that only shows that there are more, and where those begin."""
    joined, keys, count = encoded(page[0]), page[1], page[2]
    if count <= read.limit:
        return memoryview(joined), None
    last = keys.split("\n")[read.limit - 1]
    following = query.next_url(read, web.address_of(request), last)
    return memoryview(joined)[: joined.rindex(_SEPARATOR)], following  # not copied: a page may be large


def _members(told: Mapping[str, Any]) -> bytes:
    included = told.get("included")
    plain = orjson.dumps({name: value for name, value in told.items() if name != "included"})[1:-1]
    if included is None:
        return plain
    kinds = b",".join(b'"%b":[%b]' % (name.encode(), items) for name, items in included.items())
    return b'%b,"included":{%b}' % (plain, kinds)


_SEPARATOR = records.SEPARATOR.encode()


def _only(items: memoryview, names: tuple[str, ...]) -> bytes:
    """The records of a page with these members alone; the id is always there."""
    wanted = {"id", *names}
    page = orjson.loads(b"".join((b"[", items, b"]")))
    cut_down = ({name: value for name, value in one.items() if name in wanted} for one in page)
    return _SEPARATOR.join(map(orjson.dumps, cut_down))


async def _included(request: Request, read: Query, items: memoryview) -> dict[str, bytes]:
    """The actors, locations and sources that a page refers to, each once."""
    page = orjson.loads(b"".join((b"[", items, b"]")))
    found = {}
    for name in read.get("include"):
        kind_name, path = INCLUDED[name]
        if path:
            ids = {entry[path[1]] for one in page for entry in one.get(path[0], ())}
        else:
            ids = {source_id for one in page for source_id in KINDS["incident"].field("source").value(one)}
        statement = records.by_ids(KINDS[kind_name], sorted(ids), read.at)
        found[name] = encoded((await database_of(request).read(statement))[0][0]) if ids else b""
    return found
