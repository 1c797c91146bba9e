"""The body of a request as a file: a thread reads it piece by piece, so what nobody reads is not sent."""

import asyncio
import hashlib
import io
import time
from concurrent.futures import Future
from typing import Any

from fastapi import Request

from incidents_api.errors import TooLarge

IDLE_SECONDS = 60
"""A client that sends nothing for so long has gone away."""


class CutOff(Exception):
    """The body did not come to its end."""


class Body(io.RawIOBase):
    """A body to be read in a thread beside the event loop; it never holds more than one piece of it."""

    def __init__(self, request: Request, limit: int) -> None:
        self._pieces = request.stream()
        self._loop = asyncio.get_running_loop()
        self._limit, self._size = limit, 0
        self._held = memoryview(b"")
        self._digest = hashlib.sha256()
        self._stopped = False

    def stop(self) -> None:
        """Let the thread that reads give up."""
        self._stopped = True

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes, none at the end; TooLarge beyond the limit, CutOff when no more will come."""
        while not self._held:
            piece = self._next()
            if piece is None:
                return 0
            self._size += len(piece)
            if self._size > self._limit:
                raise TooLarge(f"a body has at the most {self._limit:,} bytes here")
            self._digest.update(piece)
            self._held = memoryview(piece)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def _next(self) -> bytes | None:
        async def piece() -> bytes | None:
            return await anext(self._pieces, None)

        future: Future[bytes | None] = asyncio.run_coroutine_threadsafe(piece(), self._loop)
        deadline = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < deadline and not self._stopped:
            try:
                return future.result(0.5)
            except TimeoutError:
                continue
            except Exception as error:
                raise CutOff from error
        future.cancel()
        raise CutOff

    def digest(self) -> str:
        """The sha256 of the whole body, what was not read included."""
        while self.read(65_536):
            pass
        return self._digest.hexdigest()
