"""A server that does nothing but send, parse or stream, which any must at least: `uvicorn bench.constants:app`.

/bytes/N: N bytes by a bare application. /fastapi/N: the same by a FastAPI route. /chunks/N: N bytes in pieces of 64 KB
by a streaming response. POST /parse: a report is read and validated, and its length answered.
"""

import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from bench import CACHE
from bench.processes import Program
from bench.systems import Running
from incidents_api.model.incident import IncidentReport
from incidents_api.model.validation import parse, validate

CHUNK = b"x" * 65_536
usual = FastAPI(openapi_url=None)


@usual.get("/fastapi/{size}")
async def fastapi(size: int) -> Response:
    """So many bytes."""
    return Response(_bytes(size), media_type="application/json")


@usual.post("/parse", status_code=201)
async def parsed(request: Request) -> Response:
    """Read and validate a report, as the service does before it writes."""
    report = validate(IncidentReport, parse(await request.body()))
    return Response(orjson.dumps({"title": report.title}), status_code=201)


@usual.get("/chunks/{size}")
async def chunks(size: int) -> StreamingResponse:
    """So many bytes in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(CHUNK) + 1):
            yield CHUNK

    return StreamingResponse(pieces(), media_type="application/x-ndjson")


@cache
def _bytes(size: int) -> bytes:
    return b"x" * size


@cache
def _head(size: int) -> dict[str, Any]:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The bare application, with the others behind it."""
    if scope["type"] != "http" or not scope["path"].startswith("/bytes/"):
        await usual(scope, receive, send)
        return
    size = int(scope["path"][7:])
    await send(_head(size))
    await send({"type": "http.response.body", "body": _bytes(size)})


class Constants:
    """That server as a process."""

    def __init__(self) -> None:
        self._program: Program | None = None

    def start(self, port: int) -> Running:
        """Serve."""
        CACHE.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [sys.executable, "-m", "uvicorn", "bench.constants:app", "--port", str(port)]
        self._program = Program([*command, "--no-access-log", "--log-level", "warning"], CACHE / "constants.log")
        self._program.wait_for(f"http://127.0.0.1:{port}/bytes/1")
        return Running(f"http://127.0.0.1:{port}", (self._program.pid,))

    def stop(self) -> None:
        """End it."""
        if self._program is not None:
            self._program.stop()
