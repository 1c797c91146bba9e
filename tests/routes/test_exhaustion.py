"""A store asked by more than it can serve: an answer or 503, never a false 401 or a 500, and soon itself again."""

import asyncio
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import sqlalchemy as sa

from incidents_api import access
from incidents_api.app import create_app
from incidents_api.errors import Unavailable
from incidents_api.settings import Settings
from incidents_api.storage import dialects, threads
from incidents_api.storage.database import Database, Statement

Ask = Callable[..., Awaitable[httpx.Response]]


def play(url: str, script: Callable[[Any, Ask], Awaitable[None]]) -> None:
    """Run a script against the service with a pool of two (SQLite) or four (PostgreSQL), on one loop."""

    async def run() -> None:
        app = create_app(Settings(_env_file=None, database_url=url, read_threads=2))
        store: Database = app.state.database
        key = await store.write(access.create_key, "tester", ["write"])
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test"
        ) as client:

            def get(path: str, *, keyed: bool = True) -> Awaitable[httpx.Response]:
                return client.get(path, headers=headers if keyed else {})

            await script(app, get)
        await store.close()

    asyncio.run(asyncio.wait_for(run(), 120))


PATHS = ("/v1/incidents?q=rescue&count=exact", "/v1/totals?by=admin1", "/v1/incidents", "/v1/claims")


async def turn(store: Database, wait: Callable[[float], Any], seconds: float) -> None:
    """One reader of the store is busy for as long as that waits."""
    reader: Any = store._reader
    if isinstance(reader, dialects.SqliteReader):
        await reader._threads.run(wait, seconds)
    else:
        async with reader._pool.connection():
            await asyncio.to_thread(wait, seconds)


async def held(store: Database, release: threading.Event) -> list["asyncio.Future[Any]"]:
    """Every reader of the store is busy until the release."""
    await store.read(Statement("one", lambda: sa.select(sa.literal(1))))
    tasks = [asyncio.ensure_future(turn(store, release.wait, 60)) for _ in range(store.load().reader.size)]
    while store.load().reader.busy < len(tasks):
        await asyncio.sleep(0.01)
    return tasks


async def hundred(get: Ask, times: int = 1) -> tuple[Counter[int], float]:
    """What a hundred clients at once are answered, and how long the slowest answer took."""
    told, slowest = Counter[int](), 0.0

    async def ask(n: int) -> None:
        nonlocal slowest
        for path in (PATHS[(n + m) % 4] for m in range(times)):
            begun = time.monotonic()
            answer = await get(path, keyed=n % 3 > 0)  # to look a key up is a read, too
            slowest = max(slowest, time.monotonic() - begun)
            told[answer.status_code] += 1
            assert answer.status_code == 200 or answer.headers["Retry-After"]

    await asyncio.gather(*(ask(n) for n in range(100)))
    return told, slowest


def tell(what: str, since: float) -> None:
    """How long it took, to be seen with -s; the time depends on the machine, so nothing is asserted of it."""
    sys.stdout.write(f"{what} after {time.monotonic() - since:.2f} s\n")


def idle_in_transaction(store: Database) -> int:
    """Connections that hold a transaction open and do nothing."""
    if store.url.get_backend_name() == "sqlite":
        return 0
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%%'"
    with store.connect() as conn:
        return int(conn.exec_driver_sql(asked).scalar_one())


def test_nobody_waits_longer_than_is_promised() -> None:
    """An answer or 503 within two seconds (R17). What it takes in the tests below is the machine's, only told."""
    assert threads.PATIENCE + threads.LEAST < 2


def test_a_hundred_clients_and_no_reader_free(seeded_url: str) -> None:
    async def script(app: Any, get: Ask) -> None:
        store: Database = app.state.database
        _, own = await hundred(get)
        release = threading.Event()
        holding = await held(store, release)
        told, slowest = await hundred(get)
        sys.stdout.write(f"100 clients, no reader free: all 503 within {slowest:.2f} s; with readers {own:.2f} s\n")
        assert told == {503: 100}
        assert (await get("/livez")).status_code in (200, 503)
        release.set()
        await asyncio.gather(*holding)
        begun = time.monotonic()
        assert [(await get(path)).status_code for path in PATHS] == [200] * 4
        tell("served again", begun)
        assert store.load().reader.waiting == 0
        assert idle_in_transaction(store) == 0

    play(seeded_url, script)


def test_a_hundred_clients_at_once(seeded_url: str) -> None:
    """Others take turns between them, so that each request waits, and most of them several times."""

    async def script(app: Any, get: Ask) -> None:
        store: Database = app.state.database
        _, own = await hundred(get, 4)
        over = False

        async def hog() -> None:
            while not over:
                with suppress(Unavailable):
                    await turn(store, time.sleep, 0.05)

        hogs = [asyncio.ensure_future(hog()) for _ in range(5 * store.load().reader.size)]
        told, slowest = await hundred(get, 4)
        over = True
        await asyncio.gather(*hogs)
        sys.stdout.write(f"100 clients at once: {dict(told)}, the slowest after {slowest:.2f} s; alone {own:.2f} s\n")
        assert set(told) <= {200, 503}
        assert told[200] > 0
        assert idle_in_transaction(store) == 0

    play(seeded_url, script)


def test_a_thousand_clients_that_hang_up(seeded_url: str) -> None:
    async def script(app: Any, get: Ask) -> None:
        store: Database = app.state.database
        when = random.Random(5)

        async def hang_up(n: int) -> None:
            asking = asyncio.ensure_future(get(PATHS[n % 4]))
            await asyncio.wait([asking], timeout=when.uniform(0, 0.2))
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

        for _ in range(5):  # a connection lost now and then is one of four lost for good
            await asyncio.gather(*(hang_up(n) for n in range(200)))
        begun = time.monotonic()
        async with asyncio.timeout(30):
            while store.load().reader.busy or store.load().reader.waiting:
                await asyncio.sleep(0.01)
        assert [(await get(path)).status_code for path in PATHS] == [200] * 4
        tell("1,000 clients hung up; nothing waits and four are served", begun)
        assert idle_in_transaction(store) == 0

    play(seeded_url, script)
