"""Threads that take turns: a bounded number of reads at once, and a bounded wait for the rest.

Every read of a list hops to a thread and back, so the hop is made of as little as it needs: `concurrent.futures` locks
and wakes several times for each job, which took longer than many of the queries.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from queue import SimpleQueue
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


class _Job:
    """A function that waits for its turn, and the future that hears of it; `turn` is taken by whoever comes first:
    the thread that runs it, or the patience that gives it up."""

    __slots__ = ("arguments", "asked", "function", "future", "loop", "patience", "turn")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function, self.arguments, self.turn = function, arguments, [True]
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.patience, self.asked = patience(), time.monotonic()

    def take_turn(self) -> bool:
        """Whether nobody took it before; one step, so that only one can."""
        try:
            return self.turn.pop()
        except IndexError:
            return False


class Threads:
    """Runs functions in a few threads; Unavailable for one whose turn does not come in time."""

    def __init__(self, size: int, seconds: float) -> None:
        self._size, self._seconds = size, seconds
        self._asked = 0  # changed by the loop alone
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns. When the caller is cancelled, one that runs already goes on to its end."""
        if self._asked >= self._size + MAX_WAITING:
            raise Unavailable("too many are reading at once")
        if len(self._threads) < self._size:
            self._threads.append(threading.Thread(target=self._work, name=f"reader {len(self._threads)}", daemon=True))
            self._threads[-1].start()
        job = _Job(function, arguments)
        self._asked += 1
        self._jobs.put(job)
        timer = job.loop.call_later(job.patience.most(self._seconds), self._give_up, job)
        try:
            return await job.future  # type: ignore[no-any-return]
        finally:
            timer.cancel()
            if job.future.cancelled() and job.take_turn():  # nobody waits for it, and it has not begun
                self._asked -= 1

    def _give_up(self, job: _Job) -> None:
        if job.take_turn():  # only what waits can be given up
            self._end(job, None, Unavailable("too many are reading at once"))

    def _end(self, job: _Job, result: Any, error: BaseException | None) -> None:
        self._asked -= 1
        if job.future.done():  # the caller was cancelled
            return
        if error is None:
            job.future.set_result(result)
        else:
            job.future.set_exception(error)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not job.take_turn():
                continue
            job.patience.waited_since(job.asked)
            result, error = None, None
            try:
                result = job.function(*job.arguments)
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
                job.loop.call_soon_threadsafe(self._end, job, result, error)
            del job, result, error  # a thread that waits holds on to nothing

    def load(self) -> ReaderLoad:
        """How many run and wait."""
        busy = min(self._asked, self._size)
        return ReaderLoad(busy, self._size, self._asked - busy)

    def close(self) -> None:
        """Wait for what runs, then end the threads."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
