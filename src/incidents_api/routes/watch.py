"""What streams wait for: one look at the log's head for all of them, at once after a commit of our own."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from incidents_api.errors import Unavailable
from incidents_api.reading import records
from incidents_api.storage.database import Database
from incidents_api.storage.threads import be_patient

POLL_SECONDS = 0.5
"""How often the head is read while somebody waits: commits of other processes are not told, they are found."""


class Watch:
    """The head of the log as every waiting stream of this process sees it; nothing is read while nobody waits.

    `closing` says that the process is about to stop: every stream then ends by itself.
    """

    def __init__(self, database: Database) -> None:
        self.closing: Callable[[], bool] = lambda: False
        self.streams = 0
        self._database = database
        self._head = -1
        self._waiting = 0
        self._turn = asyncio.Event()
        self._committed = asyncio.Event()
        self._poll: asyncio.Task[None] | None = None

    async def beyond(self, seq: int, seconds: float) -> bool:
        """Waits until the log stands beyond a seq (True), or until the time is up or the process is to stop (False)."""
        self._waiting += 1
        try:
            if self._poll is None or self._poll.done():
                self._poll = asyncio.create_task(self._look(asyncio.get_running_loop()))
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while self._head <= seq and not self.closing():
                        await self._turn.wait()
            return self._head > seq
        finally:
            self._waiting -= 1

    async def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        def committed() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._committed.set)

        self._database.on_commit = committed
        while self._waiting:
            self._committed.clear()
            be_patient()  # this goes on when the request that began it is over
            with suppress(Unavailable):
                head = (await self._database.read(records.head()))[0][0]
                if head != self._head or self.closing():
                    self._head = head
                    turn, self._turn = self._turn, asyncio.Event()
                    turn.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._committed.wait()
        self._database.on_commit = None
