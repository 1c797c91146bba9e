"""Threads that take turns: how many run, how many wait, and what becomes of those whose turn does not come."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from incidents_api.errors import Unavailable
from incidents_api.storage import threads
from incidents_api.storage.load import Histogram, ReaderLoad
from incidents_api.storage.threads import Threads


def run(script: Callable[[Threads, threading.Event], Awaitable[None]], patience: float = 60) -> None:
    """Run a script with two threads and an event that lets go of what holds them."""

    async def play() -> None:
        turns, release = Threads(2, patience), threading.Event()
        try:
            await asyncio.wait_for(script(turns, release), 30)
        finally:
            release.set()
            turns.close()

    asyncio.run(play())


async def holding(turns: Threads, release: threading.Event) -> list["asyncio.Task[bool]"]:
    """Both threads are busy until the release."""
    held = [asyncio.ensure_future(turns.run(release.wait, 20)) for _ in range(2)]
    await asyncio.sleep(0)
    return held


def test_what_waits_too_long_is_told_and_what_runs_goes_on() -> None:
    async def script(turns: Threads, release: threading.Event) -> None:
        held = await holding(turns, release)
        with pytest.raises(Unavailable) as refused:
            await turns.run(lambda: 1)
        assert refused.value.headers["Retry-After"]
        assert turns.load() == ReaderLoad(2, 2, 0)
        release.set()
        assert await asyncio.gather(*held) == [True, True]
        assert await turns.run(lambda: 3) == 3

    run(script, patience=0.05)


def test_no_more_may_wait_than_can_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_WAITING", 3)

    async def script(turns: Threads, release: threading.Event) -> None:
        held = await holding(turns, release)
        waiting = [asyncio.ensure_future(turns.run(lambda n=n: n)) for n in range(3)]
        await asyncio.sleep(0)
        assert turns.load() == ReaderLoad(2, 2, 3)
        with pytest.raises(Unavailable):
            await turns.run(lambda: 1)
        release.set()
        assert await asyncio.gather(*waiting) == [0, 1, 2]
        await asyncio.gather(*held)

    run(script)


def test_a_client_that_hangs_up_gives_up_its_turn() -> None:
    async def script(turns: Threads, release: threading.Event) -> None:
        held = await holding(turns, release)
        waiting = [asyncio.ensure_future(turns.run(lambda: 1)) for _ in range(10)]
        await asyncio.sleep(0)
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)
        assert all(one.cancelled() for one in waiting)
        assert turns.load() == ReaderLoad(2, 2, 0)
        release.set()
        await asyncio.gather(*held)

    run(script)


def test_an_error_is_handed_on() -> None:
    def fail() -> None:
        raise KeyError("no")

    async def script(turns: Threads, _: threading.Event) -> None:
        with pytest.raises(KeyError):
            await turns.run(fail)
        assert turns.load() == ReaderLoad(0, 2, 0)

    run(script)


def test_a_histogram_counts_at_or_below_each_bound() -> None:
    histogram = Histogram((1, 2, 4))
    for value in (0.5, 1, 1.5, 2, 3, 4, 5, 100):
        histogram.add(value)
    assert (histogram.counts, histogram.total) == ([2, 2, 2, 2], 117)
