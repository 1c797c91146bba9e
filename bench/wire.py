"""A server without sockets: requests go into uvicorn's own HTTP protocol as bytes, answers are taken as it writes them.

So what a server does for each request is in the figure (parsing, headers, framing), and what the kernel does is not.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from bench.systems import Request

App = Callable[..., Any]


class _Pipe(asyncio.Transport):
    """Takes what the protocol writes; `arrived` is set when an answer is whole. `kept`: whether its bytes are, or only
    the lines of its chunks counted."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.arrived = asyncio.Event()
        self.kept, self.lines = True, 0
        self._wanted = -1
        self._got = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """A client on this machine."""
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def is_closing(self) -> bool:
        """Never."""
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """A piece of an answer: its head says how long it is, or a last chunk ends it."""
        piece = bytes(data)
        if self.kept or self._wanted < 0:
            self.pieces.append(piece)
        elif piece:
            self.lines += piece.count(b"\n") - 2  # a line feed before the chunk, and one after it
        if self._wanted < 0:
            head, _, rest = piece.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2]
            self._wanted = int(length.partition(b"\r\n")[0]) if length else 1 << 62
            piece = rest
        self._got += len(piece)
        if self._got >= self._wanted or (self._wanted == 1 << 62 and piece.endswith(b"0\r\n\r\n")):
            self.arrived.set()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Several pieces."""
        for piece in list_of_data:
            self.write(piece)

    def take(self) -> bytes:
        """The whole answer; ready for the next one."""
        told = b"".join(self.pieces)
        self.pieces.clear()
        self.arrived.clear()
        self._wanted, self._got = -1, 0
        return told

    def pause_reading(self) -> None:
        """There is nothing to hold back."""

    def resume_reading(self) -> None:
        """There is nothing to hold back."""

    def close(self) -> None:
        """The server ends the connection."""
        self.arrived.set()

    abort = close


class Wire:
    """One keep-alive connection to an application, which is started and ended as a server does."""

    def __init__(self, app: App, protocol: type[HttpToolsProtocol] = HttpToolsProtocol) -> None:
        self._config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, ws="none", proxy_headers=False
        )
        self._config.load()
        self._protocol = protocol
        self._lifespan = LifespanOn(self._config)

    async def __aenter__(self) -> "Wire":
        """Start the application and connect."""
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            raise RuntimeError("the application did not start")
        made: Any = self._protocol
        self._connection = made(self._config, ServerState(), self._lifespan.state)
        self._pipe = _Pipe()
        self._connection.connection_made(self._pipe)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up and end the application."""
        with suppress(RuntimeError):
            self._connection.connection_lost(None)
        await self._lifespan.shutdown()

    async def ask(self, head: bytes) -> bytes:
        """The whole answer to a request as bytes, head included."""
        self._connection.data_received(head)
        await self._pipe.arrived.wait()
        return self._pipe.take()

    async def count(self, head: bytes) -> int:
        """How many lines an answer in chunks has, however long it is; ValueError when it is not a success."""
        self._pipe.kept, self._pipe.lines = False, 0
        body_of(await self.ask(head))
        self._pipe.kept = True
        return self._pipe.lines


def spelled(request: Request) -> bytes:
    """A request as it goes over the wire."""
    headers = {"Host": "127.0.0.1", "Accept": "*/*"} | dict(request.headers)
    if request.body:
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + request.body


def body_of(answer: bytes) -> bytes:
    """The body of an answer; ValueError when it is not a success."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if head[9:10] != b"2":
        raise ValueError(f"{head.partition(bytes([13]))[0].decode()}: {body[:500].decode(errors='replace')}")
    if b"transfer-encoding: chunked" in head.lower():
        return _unchunked(body)
    return body


def _unchunked(body: bytes) -> bytes:
    pieces, at = [], 0
    while at < len(body):
        begin = body.index(b"\r\n", at) + 2
        end = begin + int(body[at : begin - 2], 16)
        pieces.append(body[begin:end])
        at = end + 2
    return b"".join(pieces)
