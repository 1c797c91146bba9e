"""Threads that take turns: a bounded number of reads at once, and a bounded wait for the rest."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from incidents_api.errors import Unavailable
from incidents_api.storage.load import ReaderLoad

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds that a read waits for its turn before it is told to come back later."""
MAX_WAITING = 500
"""How many reads may wait for their turn; one more is told at once."""


class Threads:
    """Runs functions in a few threads; Unavailable for one whose turn does not come in time."""

    def __init__(self, size: int, patience: float) -> None:
        self._size, self._patience = size, min(patience, PATIENCE)
        self._asked, self._counting = 0, threading.Lock()
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="reader")

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns. When the caller is cancelled, one that runs already goes on to its end."""
        if self._asked >= self._size + MAX_WAITING:
            raise Unavailable("too many are reading at once")
        self._count(1)
        job = self._executor.submit(function, *arguments)
        job.add_done_callback(lambda _: self._count(-1))
        late = False

        def give_up() -> None:  # only what waits can be cancelled
            nonlocal late
            late = job.cancel()

        timer = asyncio.get_running_loop().call_later(self._patience, give_up)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            if late:
                raise Unavailable("too many are reading at once") from None
            raise
        finally:
            timer.cancel()

    def _count(self, step: int) -> None:
        with self._counting:
            self._asked += step

    def load(self) -> ReaderLoad:
        """How many run and wait."""
        busy = min(self._asked, self._size)
        return ReaderLoad(busy, self._size, self._asked - busy)

    def close(self) -> None:
        """Wait for what runs, then end the threads."""
        self._executor.shutdown(wait=True)
