"""Threads that take turns: a bounded number of reads at once, and a bounded wait for the rest."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, TypeVar

from incidents_api.errors import Unavailable
from incidents_api.storage.load import ReaderLoad

T = TypeVar("T")

PATIENCE = 1.5
"""Seconds that the reads of one request wait for their turns, all together, before it is told to come back later: so an
answer is there within two seconds, whatever it is."""
LEAST = 0.05
"""What a read may wait when all of that is used up: it takes a turn that is free."""
MAX_WAITING = 500
"""How many reads may wait for their turn; one more is told at once."""


class Patience:
    """How long the reads of one request may still wait."""

    def __init__(self) -> None:
        self.left = PATIENCE

    def most(self, seconds: float) -> float:
        """How long the next one may, and no longer than `seconds`."""
        return min(seconds, max(self.left, LEAST))

    def waited_since(self, moment: float) -> None:
        """A turn has come, after a wait that began at this moment of the monotonic clock."""
        self.left -= time.monotonic() - moment


_patience: ContextVar[Patience] = ContextVar("patience")


def be_patient() -> None:
    """A request begins, or the next piece of an answer that lasts: what follows in this context may wait anew."""
    _patience.set(Patience())


def patience() -> Patience:
    """That of the request that is under way; a read that belongs to none has its own."""
    return _patience.get(None) or Patience()


class Threads:
    """Runs functions in a few threads; Unavailable for one whose turn does not come in time."""

    def __init__(self, size: int, seconds: float) -> None:
        self._size, self._seconds = size, seconds
        self._asked, self._counting = 0, threading.Lock()
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="reader")

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns. When the caller is cancelled, one that runs already goes on to its end."""
        if self._asked >= self._size + MAX_WAITING:
            raise Unavailable("too many are reading at once")
        self._count(1)
        own, asked = patience(), time.monotonic()

        def turn() -> T:
            own.waited_since(asked)
            return function(*arguments)

        job = self._executor.submit(turn)
        job.add_done_callback(lambda _: self._count(-1))
        late = False

        def give_up() -> None:  # only what waits can be cancelled
            nonlocal late
            late = job.cancel()

        timer = asyncio.get_running_loop().call_later(own.most(self._seconds), give_up)
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
