"""One GET without a client in between, so that a test sees every piece of the body and can hold the next one up."""

import asyncio
from collections.abc import Callable
from typing import Any


async def download(app: Any, path: str, taken: Callable[[bytes], Any]) -> int:
    """The status of one GET whose body goes to `taken`, piece by piece; a piece that is awaited holds up the next."""
    status = 0
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(asked, None) or await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message.get("body"):
            told = taken(message["body"])
            if told is not None:
                await told

    name, _, query = path.partition("?")
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": name, "raw_path": name.encode(), "query_string": query.encode(), "root_path": "", "headers": []}
    await app({**scope, "server": ("testserver", 80), "client": ("testclient", 1)}, receive, send)
    return status
