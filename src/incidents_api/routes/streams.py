"""Answers that take long: sent piece by piece, given up when the reader leaves or takes nothing for too long."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi import Response
from starlette.types import Receive, Scope, Send

from incidents_api.storage.threads import be_patient

log = logging.getLogger("incidents_api")

SEND_SECONDS = 30.0
"""A reader that takes nothing for this long is cut; what it has not read is a few buffers of the server's, no more."""

CANCEL_SECONDS = 1.0
"""What a task that was cancelled may take to end before it is cancelled again."""


class Stream(Response):
    """A body that is made while it is sent: the next piece only once the reader has room for it."""

    def __init__(self, pieces: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(b"", 200, dict(headers), media_type)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the pieces end, the reader leaves, or it stands still for too long."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope.get("head"):
            await send({"type": "http.response.body", "body": b""})
            return
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            await end(sending, leaving)
            await self._pieces.aclose()  # type: ignore[attr-defined]

    async def _send(self, send: Send) -> None:
        be_patient()
        async for piece in self._pieces:
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except TimeoutError:
                log.info("a reader that took nothing for %.0f s was cut", SEND_SECONDS)
                return
            be_patient()
        await send({"type": "http.response.body", "body": b""})


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait until they have ended, whatever they end with.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which a pool of connections waits with, gives its result
    instead of the cancellation when both come in the same moment, and the task goes on.
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
