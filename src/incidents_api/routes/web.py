"""What every route shares: how it is declared, who may use it, how bodies are read and answers and problems written."""

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Request, Response
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from incidents_api import access
from incidents_api.errors import (
    BadQuery,
    Fault,
    Internal,
    Moved,
    NotAuthenticated,
    Problem,
    TooLarge,
    VersionRequired,
    WrongMediaType,
)
from incidents_api.model.validation import parse
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import stamp
from incidents_api.routes.passage import passage_of
from incidents_api.storage.database import Database, Together
from incidents_api.writing.once import Answer, Key, once

log = logging.getLogger("incidents_api")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
OUR_FAULT = "something went wrong on our side; it was logged"
JSON = "application/json"
PROBLEM = "application/problem+json"
MERGE_PATCH = "application/merge-patch+json"
IDEMPOTENCY_KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Write:
    """What a handler asks to have written: `function(conn, *arguments)`, and how its result is answered.

    The route carries it out (see guarded), so that every write honours Idempotency-Key.
    """

    answer: Callable[[Any], Answer]
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    after: Callable[[Request], Awaitable[None]] | None = None
    """What is left to do once it is committed."""
    together: Together | None = None
    """How those that come at one time are written at once."""


Handler = Callable[[Request, Visitor], Awaitable[Response]]
Writer = Callable[[Request, Visitor], Awaitable[Write]]
"""The handler of a route that changes something."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings of the same names say of requests."""

    open_reads: bool
    max_body_bytes: int
    max_bulk_bytes: int
    max_limit: int
    licence: str
    idempotency_days: int
    public_statuses: tuple[str, ...]
    suppress_below: int
    open_metrics: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route, declared once: how it is reached, who may use it, and what OpenAPI says of it."""

    method: str
    path: str
    scope: str
    handler: Handler | Writer
    name: str
    summary: str
    tag: str
    description: str = ""
    parameters: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] | None = None
    status: int = 200
    answer: Mapping[str, Any] | None = None
    """Schema of a JSON answer; `media` for any other."""
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    streams: bool = False
    """Reads its body piece by piece, so it keeps to Idempotency-Key by itself."""
    probe: bool = False
    """Asked by what watches the service: counted against nobody."""

    @property
    def writes(self) -> bool:
        """Whether it changes anything: then it takes an Idempotency-Key."""
        return self.method != "GET"


def database_of(request: Request) -> Database:
    """The store that the application serves."""
    database: Database = request.app.state.database
    return database


def header_of(request: Request, name: bytes) -> str | None:
    """The first header of this name, which is spelt small; read as it came in: a mapping of all costs more than one."""
    for key, value in request.scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def address_of(request: Request) -> str:
    """The address that was asked, without its query."""
    return str(URL(scope={**request.scope, "query_string": b""}))


def stopping_of(request: Request) -> asyncio.Event:
    """Set when the service is about to end: what waits for news must wait no longer."""
    stopping: asyncio.Event = request.app.state.stopping
    return stopping


def limits_of(request: Request) -> Limits:
    """What the settings say of requests."""
    limits: Limits = request.app.state.limits
    return limits


def guarded(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """The handler behind the check of the route's scope; the scope can be read from it (`scope`)."""

    async def handle(request: Request) -> Response:
        passage = passage_of(request)
        passage.route = endpoint.path
        who = await _visitor(request, counted=not endpoint.probe)
        access.allow(who, endpoint.scope, open_reads=limits_of(request).open_reads)
        try:
            wanted = await endpoint.handler(request, who)
            if isinstance(wanted, Write):
                return await _written(request, who, wanted)
            if endpoint.writes and not endpoint.streams:
                raise TypeError("the handler of a write returns a Write")
            return wanted
        except Moved as moved:
            moved.headers["Location"] = _moved_to(request, moved.members["successor"])
            raise
        except (Problem, HTTPException, ClientDisconnect):
            raise
        except Exception:  # told to the log, not to the client; here, so that middleware still sees an answer
            log.exception("unexpected error on %s", endpoint.path, extra={"told": {"request_id": passage.id}})
            return problem_answer(Internal(OUR_FAULT), request.scope["path"])

    handle.__name__ = endpoint.name
    handle.__doc__ = endpoint.description or endpoint.summary
    handle.scope = endpoint.scope  # type: ignore[attr-defined]
    return handle


def _moved_to(request: Request, survivor: str) -> str:
    """The address that was asked for with the id of the survivor: what is meant for the one is meant for the other."""
    asked = request.url.path.replace(request.path_params["id"], survivor, 1)
    return asked + (f"?{request.url.query}" if request.url.query else "")


async def _visitor(request: Request, *, counted: bool) -> Visitor:
    """Who asks, and what is left to them of their share."""
    held = request.app.state
    try:
        who = await access.visitor(held.database, header_of(request, b"authorization"), held.issuer)
    except NotAuthenticated:  # who tries keys is counted by address
        if counted:
            held.shares.charge(request, None)
        raise
    if who.key is not None:
        passage_of(request).key = who.key
        held.uses.note(who.key)
    if counted:
        held.shares.charge(request, who.key)
    return who.asking(held.limits.public_statuses, stamp(held.clock()))


# --- Writes --------------------------------------------------------------------------------------------------------


async def _written(request: Request, who: Visitor, wanted: Write) -> Response:
    key, database = idempotency_key(request, who, getattr(request.state, "body_digest", "")), database_of(request)
    if key is None:
        given = wanted.answer(await database.write(wanted.function, *wanted.arguments, together=wanted.together))
    else:
        given = await database.write(once, key, wanted.answer, wanted.function, *wanted.arguments)
    if wanted.after is not None:
        await wanted.after(request)
    return answered(given)


def answered(given: Answer) -> Response:
    """The answer of a write; one that was given before says so."""
    headers = ({"Content-Type": JSON} if given.body else {}) | dict(given.headers)
    return Response(given.body, given.status, headers | ({REPLAYED: "true"} if given.replayed else {}))


def idempotency_key(request: Request, who: Visitor, body: str) -> Key | None:
    """The key that was sent, with a fingerprint of the request; `body` stands for its body."""
    sent = request.headers.getlist(IDEMPOTENCY_KEY)
    if not sent:
        return None
    if len(sent) > 1 or not re.fullmatch(r"[!-~]{1,255}", sent[0]):
        fault = Fault("one key of 1 to 255 visible ASCII characters", "pattern", parameter=IDEMPOTENCY_KEY)
        raise BadQuery("the Idempotency-Key cannot be read", [fault])
    told = [request.method, request.scope["path"], request.scope["query_string"].decode("latin-1"), body]
    told += [request.headers.get(name, "") for name in ("content-type", "if-match")]
    fingerprint = hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest()
    return Key(who.key or who.author, sent[0], fingerprint, limits_of(request).idempotency_days)


# --- Reading requests ----------------------------------------------------------------------------------------------


def media_of(request: Request, taken: Sequence[str]) -> str:
    """The media type of the body; WrongMediaType when it is none of those taken, or the body is packed."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in taken:
        told = f"this route takes {' or '.join(taken)}" + (f", not {kind[:80]}" if kind else "; name the Content-Type")
        raise WrongMediaType(told, headers={"Accept-Patch": MERGE_PATCH} if request.method == "PATCH" else {})
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("send the body without Content-Encoding")
    return kind


def check_length(request: Request, limit: int) -> None:
    """TooLarge when the body says of itself that it has more bytes."""
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > limit):
        raise TooLarge(f"a body has at the most {limit:,} bytes here")


async def read_body(request: Request, *, media: tuple[str, ...] = (JSON,)) -> Any:
    """The body as values; a Problem for a wrong media type, a body over the limit, or what the pre-parser refuses."""
    media_of(request, media)
    limit = limits_of(request).max_body_bytes
    check_length(request, limit)
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise TooLarge(f"a body has at the most {limit:,} bytes here")
    if not received:
        raise BadQuery("the body is empty")
    request.state.body_digest = hashlib.sha256(received).hexdigest()
    return parse(bytes(received))


_ETAGS = re.compile(r'\s*(\*|(?:W/)?"[\x21\x23-\x7e]*")\s*(?:,|$)')


def entity_tags(header: str | None) -> tuple[str, ...]:
    """The entity tags of If-Match or If-None-Match; BadQuery when it holds none."""
    if header is None:
        return ()
    tags, at = [], 0
    while at < len(header):
        match = _ETAGS.match(header, at)
        if match is None:
            raise BadQuery('entity tags are quoted: "2-1f0c...", as the ETag header of a read gives them')
        tags.append(match[1])
        at = match.end()
    if "*" in tags and len(tags) > 1:
        raise BadQuery("* stands alone, or is left out")
    return tuple(tags)


def if_match(request: Request) -> tuple[str, ...]:
    """The tags of If-Match, which this write needs."""
    tags = entity_tags(request.headers.get("if-match"))
    if not tags:
        raise VersionRequired('read the record and send its ETag back: If-Match: "2-1f0c..."')
    return tags


def not_modified(request: Request, etag: str) -> bool:
    """Whether If-None-Match holds this tag (weak comparison, RFC 9110 section 13.1.2)."""
    header = header_of(request, b"if-none-match")
    if header is None:
        return False
    return any(tag == "*" or tag.removeprefix("W/") == etag for tag in entity_tags(header))


# --- Writing answers -----------------------------------------------------------------------------------------------


def answer(
    body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None, media: str = JSON
) -> Response:
    """Bytes as they are."""
    return Bytes(body, status, headers, media)


class Bytes(Response):
    """A body with our own headers: what they are called, and the types of media, are few and spelt once."""

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """As starlette writes them, without looking for those that it adds itself."""
        self.raw_headers = [(_spelt(name), value.encode("latin-1")) for name, value in (headers or {}).items()]
        if self.status_code != HTTPStatus.NO_CONTENT:  # which may not say how long it is (RFC 9110 section 8.6)
            self.raw_headers.append((b"content-length", b"%d" % len(self.body)))
        self.raw_headers.append((b"content-type", _media_spelt(self.media_type)))


@cache
def _spelt(name: str) -> bytes:
    return name.lower().encode("latin-1")


@cache
def _media_spelt(media: str) -> bytes:
    return (f"{media}; charset=utf-8" if media.startswith("text/") and "charset=" not in media else media).encode()


def smallest_answer(
    request: Request, forms: Mapping[str | None, bytes], headers: Mapping[str, str], media: str = JSON
) -> Response:
    """The first of the forms (by encoding, the smallest first; None: as it is) that the client takes."""
    taken = {
        name.strip().lower()
        for name, _, weight in (one.partition(";") for one in request.headers.get("accept-encoding", "").split(","))
        if not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    }
    encoding = next((name for name in forms if name in taken), None)
    told = {"Vary": "Accept-Encoding"} | ({} if encoding is None else {"Content-Encoding": encoding})
    return answer(forms[encoding], headers={**headers, **told}, media=media)


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A small answer made on the spot; records are never made this way, they are stored bytes."""
    return answer(orjson.dumps(value), status, headers)


def problem_answer(problem: Problem, path: str) -> Response:
    """RFC 9457: the problem as application/problem+json."""
    return Response(
        orjson.dumps(problem.wire(path)), problem.status, {"Cache-Control": "no-store"} | problem.headers, PROBLEM
    )
