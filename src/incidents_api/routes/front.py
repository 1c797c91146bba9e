"""What every request passes first and last: an id, HEAD as GET, headers of every answer, log, metrics, our faults."""

import logging
import re
import time
from random import getrandbits
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from incidents_api.errors import Internal, NotFound
from incidents_api.routes import web
from incidents_api.routes.metrics import Metrics
from incidents_api.routes.passage import Passage
from incidents_api.storage.threads import be_patient

log = logging.getLogger("incidents_api")
requests = logging.getLogger("incidents_api.requests")

_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,100}")
"""A request id that a client or proxy may give: nothing that could break a line of the log."""
_CONTROL = re.compile(r"[\x00-\x1f]")
HUNG_UP = 499
"""In log and metrics: the client went away before there was an answer (the number that nginx uses)."""
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class Front:
    """The outermost middleware. Whatever happens behind it, the client has an answer and the log a line."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, behind_proxy: bool = False) -> None:
        self.app, self.metrics, self.behind_proxy = app, metrics, behind_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; a HEAD as a GET whose body is dropped."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.behind_proxy:
            _take_scheme(scope)
        started = time.perf_counter()
        be_patient()
        passage = scope["passage"] = Passage(_id(scope), scope["method"])
        try:
            await self._pass(scope, receive, _outward(passage, send), passage)
        finally:
            for end in passage.ends:
                end()
            seconds = time.perf_counter() - started
            self.metrics.add(passage, seconds)
            if requests.isEnabledFor(logging.INFO):
                requests.info("request", extra={"told": _told(passage, seconds)})

    async def _pass(self, scope: Scope, receive: Receive, send: Send, passage: Passage) -> None:
        if _CONTROL.search(scope["path"]):
            # A route would take a line feed at the end of a path for its end.
            unknown = web.problem_answer(NotFound("there is no such route; GET /v1 tells what there is"), scope["path"])
            await unknown(scope, receive, send)
            return
        if passage.method == "HEAD":
            scope = {**scope, "method": "GET", "head": True}
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:  # nobody is there to be answered
            passage.status = passage.status or HUNG_UP
        except Exception:  # told to the log, not to the client
            if passage.status:
                raise  # half an answer must not look like a whole one: the server cuts the connection
            log.exception("unexpected error", extra={"told": {"request_id": passage.id}})
            await web.problem_answer(Internal(web.OUR_FAULT), scope["path"])(scope, receive, send)


def _outward(passage: Passage, send: Send) -> Send:
    """What the answer passes on its way out."""
    head = passage.method == "HEAD"

    async def outward(message: Message) -> None:
        if message["type"] == "http.response.start":
            passage.status = message["status"]
            own = (_NOSNIFF, (b"x-request-id", passage.id.encode()))
            message["headers"] = [*message["headers"], *own, *passage.headers]
        else:
            more = message.get("more_body", False)
            if head:
                message = {"type": "http.response.body", "body": b"", "more_body": more}
            passage.size += len(message.get("body", b""))
            passage.whole = not more
        await send(message)

    return outward


def _take_scheme(scope: Scope) -> None:
    """The scheme that the client used, as the proxy tells it: addresses in answers are made with it."""
    for name, value in scope["headers"]:
        if name == b"x-forwarded-proto" and value in (b"http", b"https"):
            scope["scheme"] = value.decode()


def _id(scope: Scope) -> str:
    """The id that the client or a proxy gave, if it is sane; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE.fullmatch(value):
            return str(value, "ascii")
    return f"{getrandbits(64):016x}"


def _told(passage: Passage, seconds: float) -> dict[str, Any]:
    """The line of the log: neither the path nor the query, which are the client's own words, nor any address."""
    told: dict[str, Any] = {
        "method": passage.method if passage.method in web.METHODS else "other",
        "route": passage.route or "unmatched",
        "status": passage.status,
        "ms": round(seconds * 1000, 1),
        "bytes": passage.size,
        "request_id": passage.id,
    }
    if passage.key is not None:
        told["key"] = passage.key
    if not passage.whole:
        told["cut"] = True
    return told
