"""HTTP/1.1 connections with bounds: how many, how large their headers, how slow a client may send and read."""

import asyncio
import logging
import secrets
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from incidents_api.errors import BadQuery, HeadersTooLarge, Problem, TooSlow, Unavailable
from incidents_api.routes import web

log = logging.getLogger("incidents_api")

MAX_HEAD_BYTES = 65_536
"""The request line and all headers; a filter with hundreds of terms fits."""
LEAST_RATE = 100
"""Bytes a second that a client must send while the service waits for its request."""


class InOnePiece:
    """A transport on which the head of an answer waits for the body, or for the end of this turn of the loop.

    Written one by one they are two calls of the kernel, and wake the client twice.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: bytes | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold this back, or write it with what was."""
        if self._held is None:
            self._held = data
            self._loop.call_soon(self._flush)
        else:
            held, self._held = self._held, None
            self._transport.writelines((held, data))

    def _flush(self) -> None:
        held, self._held = self._held, None
        if held is not None and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        """Close it when everything is written."""
        self._flush()
        self._transport.close()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for a slow client for ever."""

    client_seconds: float = 30.0
    max_connections: int = 1000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch the connection; one far beyond the bound is not even heard."""
        super().connection_made(transport)
        self.transport = InOnePiece(transport, self.loop)  # type: ignore[assignment]
        self._waits, self._since = True, self.loop.time()
        self._in_head, self._head_bytes, self._received = True, 0, 0
        self._stalled: asyncio.TimerHandle | None = None
        self._watch = self.loop.call_later(self.client_seconds, self._look)
        if len(self.connections) > 2 * self.max_connections:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        self._watch.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    # --- What comes in ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Count what comes; headers without end are refused."""
        self._received += len(data)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HeadersTooLarge(f"the request line and headers have at the most {MAX_HEAD_BYTES:,} bytes"))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._waits, self._since = True, self.loop.time()

    def on_headers_complete(self) -> None:
        """Its headers are there: it is served, or told that too many are."""
        self._in_head = False
        full = len(self.connections) > self.max_connections
        self.app = _full if full else self.config.loaded_app
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole; what comes next are the headers of another."""
        self._waits = False
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def _look(self) -> None:
        """Now and then: cut off a client that was waited for all this time and sent next to nothing."""
        waited = self._waits and self.loop.time() - self._since >= self.client_seconds
        ours = self.flow.read_paused  # it is we who do not take what it sends
        if waited and not ours and self._received < LEAST_RATE * self.client_seconds:
            self._refuse(TooSlow(f"a client sends at least {LEAST_RATE} bytes a second"))
            return
        self._received = 0
        self._watch = self.loop.call_later(self.client_seconds, self._look)

    def _refuse(self, problem: Problem) -> None:
        """Answer where no answer has begun and anything was asked, and close."""
        begun = self.cycle is not None and not self.cycle.response_complete and self.cycle.response_started
        if self._head_bytes and not begun:
            self.transport.write(_raw(problem))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP."""
        self.transport.write(_raw(BadQuery("the request is not HTTP/1.1")))
        self.transport.close()

    # --- What goes out ---------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The client does not read: it has a while to begin again."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.client_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()


def _raw(problem: Problem) -> bytes:
    """A problem as bytes on the wire, where no application was reached."""
    body = orjson.dumps(problem.wire())
    headers = {
        "content-type": web.PROBLEM,
        "content-length": str(len(body)),
        "cache-control": "no-store",
    } | _refused(problem)
    lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _refused(problem: Problem) -> dict[str, str]:
    """The headers that the application would have added; the log has a line as for any request."""
    request_id = secrets.token_hex(8)
    log.info("refused", extra={"told": {"status": problem.status, "code": problem.code, "request_id": request_id}})
    return {"connection": "close", "x-request-id": request_id} | problem.headers


async def _full(scope: Any, receive: Any, send: Any) -> None:
    problem = Unavailable("too many connections are open")
    problem.headers = _refused(problem)
    await web.problem_answer(problem, scope["path"])(scope, receive, send)


def bounded(client_seconds: float, max_connections: int) -> type[BoundedProtocol]:
    """The protocol with these bounds."""
    members = {"client_seconds": client_seconds, "max_connections": max_connections}
    return type("Bounded", (BoundedProtocol,), members)
