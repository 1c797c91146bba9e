"""GET /v1/changes: every change in the order of the log, as a page, as NDJSON, or as Server-Sent Events."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import orjson
from fastapi import Request, Response

from incidents_api.access import READ
from incidents_api.errors import BadQuery, Conflict, Fault, Unavailable
from incidents_api.model.diff import diff
from incidents_api.model.kinds import KINDS
from incidents_api.model.visitor import Visitor
from incidents_api.reading import changes, parameters, query, records
from incidents_api.reading.query import Query
from incidents_api.routes import exports, history, lists, web
from incidents_api.routes.describe import changes_answer, parameter, parameters_of
from incidents_api.routes.streams import Stream
from incidents_api.routes.watch import Watch
from incidents_api.routes.web import Endpoint, database_of, limits_of
from incidents_api.storage.dialects import encoded

NDJSON, STREAM = "application/x-ndjson", "text/event-stream"

MAX_LOOKS = 10
"""How many windows of the log one page looks through; a page may hold less than `limit`, and still have a next."""
KEEP_ALIVE_SECONDS = 15.0
STREAM_SECONDS = 900.0
"""A stream ends after this long and the reader comes back: a key that was revoked does not read on for ever."""
MAX_STREAMS = 500
RETRY_MILLISECONDS = 2_000

_LAST_ID = parameter("Last-Event-ID", "header", "For a stream: the cursor to go on after.", {"type": "string"})
_TOLD = (
    "Every revision in the order of the log: no gap, no repeat, however many write. `change` says what to do with a "
    "copy: `upsert`: keep `record` under its id; anything else (`end`, `leave`, `redacted`): drop the id. With the "
    "filters of incidents, a change is told when the record met them before or after it: one that no longer does is a "
    "`leave`. `cursor` is where to go on; one of an older epoch, from before a restore, is a 409: start over. "
    "`Accept: text/event-stream` keeps the answer open."
)


def endpoints() -> list[Endpoint]:
    """The feed."""
    incident = KINDS["incident"]
    return [
        Endpoint(
            "GET", "/v1/changes", READ, _changes, "list_changes", "Follow every change", "changes", _TOLD,
            (*parameters_of(incident, "changes"), _LAST_ID), answer=changes_answer(),
            headers={"Link": "The next page.", "ETag": "Of this page at this head."}, problems=(304, 400, 409),
        ),
        Endpoint(
            "GET", "/v1/changes.ndjson", READ, _lines, "export_changes_ndjson", "Every change so far, one to a line",
            "changes", "The feed up to the head of the log; the last `cursor` is where to go on.",
            parameters_of(incident, "changes export"), answer={"type": "string"}, media=NDJSON, problems=(400, 409),
        ),
    ]  # fmt: skip


async def _changes(request: Request, who: Visitor) -> Response:
    for media in exports.preferred(web.header_of(request, b"accept")):
        if media == STREAM:
            return await _stream(request, who)
        if media == NDJSON:
            return await _lines(request, who, "changes")
        if media in (web.JSON, "application/*", "*/*"):
            break
    return await _page(request, who)


@dataclass(slots=True)
class _Feed:
    """A reader's place in the feed. `look` moves it on."""

    request: Request
    who: Visitor
    query: Query
    epoch: str | None
    seq: int
    head: int = 0
    told: int = 0
    """How many the last look told, or might have."""

    async def look(self, limit: int) -> bytes:
        """Up to `limit` more changes out of the next window of the log; Conflict when it is another log."""
        seq, _, _, epoch = (await database_of(self.request).read(records.head()))[0]
        if self.seq >= seq:  # as most who ask are told: nothing is new
            self._reach(seq, seq, epoch)
            self.told = 0
            return b""
        asked = replace(self.query, limit=limit)
        if changes.is_plain(asked):
            return await self._plain(asked)
        page = await self._without_hidden(await self._picked(asked))
        if page and self.query.one("include") == "diff":
            return await asyncio.to_thread(_with_diffs, page)
        return page

    async def _picked(self, asked: Query) -> bytes:
        row = (await database_of(self.request).read(changes.page(asked, self.seq, to=self.who.audience)))[0]
        self._reach(*row[2:])
        self.told = row[1]
        return encoded(row[0])

    async def _plain(self, asked: Query) -> bytes:
        """The same for the next revisions, of which only the few are looked into that are no upserts."""
        after, database = self.seq, database_of(self.request)
        joined, others, *reached = (await database.read(changes.plain(asked, after, to=self.who.audience)))[0]
        self._reach(*reached)
        page = encoded(joined)
        if others:
            few = _padded([int(seq) for seq in others.split(" ")])
            statement = changes.page(asked, after, to=self.who.audience, only=few)
            more = await self._without_hidden(encoded((await database.read(statement))[0][0]))
            page = _in_their_places(page, more)
        self.told = self.query.limit if page else 0  # what it may tell is what it looked at
        return page

    def _reach(self, last: int, head: int, epoch: str) -> None:
        self.head = head
        if self.epoch not in (None, epoch) or self.seq > head:
            told = "the cursor is of another time of this store, which was restored since; start over without after"
            raise Conflict(told, epoch=epoch)
        self.epoch, self.seq = epoch, last

    async def _without_hidden(self, page: bytes) -> bytes:
        """The changes of a page, whose ends name no successor that this visitor may not know of by now."""
        everything = self.who.full and self.who.may("review")
        if everything or b'"successor":"' not in page:
            return page
        told = page.split(SEPARATOR)
        for n, text in enumerate(told):
            if b'"successor":"' in text:
                one = orjson.loads(text)
                if one["change"] == "end":
                    reason = await history.reason_for(self.request, self.who, KINDS[one["kind"]], one["reason"])
                    told[n] = orjson.dumps(one | {"reason": reason})
        return SEPARATOR.join(told)

    @property
    def cursor(self) -> str:
        """The place reached."""
        return f"{self.epoch}.{self.seq}"


def _feed(request: Request, who: Visitor, purpose: str) -> _Feed:
    """The place that a request begins at."""
    asked = query.parse(KINDS["incident"], request.scope["query_string"], limits_of(request).max_limit, purpose)
    if asked.filters and any(kind != "incident" for kind in asked.get("kind")):
        fault = Fault("the filters are of incidents; leave kind out", "alone", parameter="kind")
        raise BadQuery("The query cannot be taken; see errors", [fault])
    epoch, seq = asked.one("after", (None, 0))
    return _Feed(request, who, asked, epoch, seq)


SEPARATOR = records.SEPARATOR.encode()


def _padded(seqs: list[int]) -> list[int]:
    """Repeated up to a power of two: so that there are few statements of the kind to be compiled."""
    return seqs + seqs[-1:] * ((1 << (len(seqs) - 1).bit_length()) - len(seqs))


def _in_their_places(page: bytes, more: bytes) -> bytes:
    """The changes of a page that were marked in it by their seq, each where its mark stands, or nothing."""
    told = {_seq_of(one): one for one in more.split(SEPARATOR)} if more else {}
    first, *marked = page.split(changes.MARK.encode())  # a page is long: it is walked through once, for one letter
    pieces = [first.removesuffix(SEPARATOR)]
    for one in marked:
        seq, _, rest = one.partition(SEPARATOR)
        pieces += [told.get(int(seq), b""), rest.removesuffix(SEPARATOR)]
    return SEPARATOR.join(filter(None, pieces))


def _seq_of(change: bytes) -> int:
    begins = len(b'{"cursor":"')
    cursor = change[begins : change.index(b'"', begins)]
    return int(cursor.rpartition(b".")[2])


def _with_diffs(joined: bytes) -> bytes:
    """The changes of a page with the patch that makes each in the place of the two records."""
    told = []
    for one in orjson.loads(b"[%b]" % joined):
        if one["change"] != "leave":
            before, after = one.pop("before", WHOLE), _members(one.pop("record"))
            replaced = [{"op": "replace", "path": "", "value": after}]
            one["diff"] = replaced if before is WHOLE else diff(_members(before), after)
        told.append(orjson.dumps(one))
    return SEPARATOR.join(told)


WHOLE: dict[str, object] = {}
"""Stands for no `before`: the change is told whole."""


def _members(record: dict[str, object] | None) -> dict[str, object]:
    return {name: value for name, value in (record or {}).items() if name not in _ENVELOPE}


_ENVELOPE = ("id", "version", "seq", "recorded_at", "recorded_by")


async def _page(request: Request, who: Visitor) -> Response:
    feed = _feed(request, who, "changes")
    found: list[bytes] = []
    count = 0
    for _ in range(MAX_LOOKS):
        joined = await feed.look(feed.query.limit - count)
        found += [joined] if joined else []
        count += feed.told
        if count >= feed.query.limit or feed.seq >= feed.head:
            break
    following = None
    if feed.seq < feed.head:
        pairs = [pair for pair in feed.query.pairs if pair[0] != "after"]
        following = f"{web.address_of(request)}?{urlencode([*pairs, ('after', feed.cursor)])}"
    headers = lists.Pin(feed.head).headers(who) | {"ETag": await lists.tag_of(request, who, feed.head)}
    headers |= {"Link": f'<{following}>; rel="next"'} if following else {}
    if web.not_modified(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    told = orjson.dumps({"next": following, "cursor": feed.cursor, "as_of": feed.head})
    return web.answer(b'{"items":[%b],%b' % (SEPARATOR.join(found), told[1:]), headers=headers)


async def _lines(request: Request, who: Visitor, purpose: str = "changes export") -> Response:
    feed = _feed(request, who, purpose)
    asked = exports.PAGE
    first = await feed.look(asked)
    end = feed.head

    async def pieces() -> AsyncIterator[bytes]:
        page = first
        while True:
            if page:
                yield page.replace(SEPARATOR, b"\n") + b"\n"
            if feed.seq >= end:
                return
            page = await feed.look(min(asked, end - feed.seq))

    headers = {"Content-Disposition": f'attachment; filename="changes_seq{end}.ndjson"', **lists.Pin(end).headers(who)}
    return Stream(pieces(), headers, NDJSON)


# --- Server-Sent Events (HTML standard, section 9.2) ---------------------------------------------------------------


async def _stream(request: Request, who: Visitor) -> Response:
    feed = _feed(request, who, "changes")
    given = request.headers.get("last-event-id")
    if given:
        try:
            feed.epoch, feed.seq = parameters.cursor(given)
        except ValueError as error:
            raise BadQuery(f"Last-Event-ID cannot be taken: {error}") from None
    watch: Watch = request.app.state.watch
    if watch.streams >= MAX_STREAMS:
        raise Unavailable("too many streams are open", headers={"Retry-After": "10"})
    first = await feed.look(feed.query.limit)
    headers = {"Cache-Control": "no-store", "Vary": "Accept, Authorization", "X-Accel-Buffering": "no"}
    return Stream(_messages(feed, first, watch), headers, STREAM)


async def _messages(feed: _Feed, page: bytes, watch: Watch) -> AsyncIterator[bytes]:
    """What a stream says: each change under its cursor, and signs of life; between two pages nothing is held."""
    watch.streams += 1
    loop = asyncio.get_running_loop()
    until = loop.time() + STREAM_SECONDS
    try:
        yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
        while not watch.closing() and loop.time() < until:
            told = b"".join(map(_message, page.split(SEPARATOR))) if page else b""
            # An id without data moves the place on, past what the filter left out, and is no message.
            yield told + f"id: {feed.cursor}\n\n".encode()
            while feed.seq >= feed.head:
                if await watch.beyond(feed.seq, min(KEEP_ALIVE_SECONDS, until - loop.time())):
                    break
                if watch.closing() or loop.time() >= until:
                    return
                yield b": still here\n\n"
            try:
                page = await feed.look(feed.query.limit)
            except (Conflict, Unavailable):
                return  # the reader comes back and is told
    finally:
        watch.streams -= 1


def _message(change: bytes) -> bytes:
    begins = len(b'{"cursor":"')
    return b"id: %b\ndata: %b\n\n" % (change[begins : change.index(b'"', begins)], change)
