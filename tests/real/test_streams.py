"""Exports of 18,957 rows: pieces of a decent size, memory that does not follow the rows, no connection held."""

import asyncio
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.routes.exports import PIECE
from tests.conftest import serve
from tests.real.asking import download

STREAMED = ("incidents.csv", "incidents.ndjson", "incidents.geojson", "claims.csv", "claims.ndjson")
FILES = ("incidents.parquet", "incidents.xlsx", "incidents.zip")
QUARTER = "to=2011-04"
"""Selects about a quarter of the rows."""
GROWTH = 2 * 2**20
"""How many bytes more may be held of four times the rows; the larger body alone has ten times as many more."""


@pytest.fixture(scope="module")
def narrow(ucdp_url: str) -> Iterator[TestClient]:
    """The service with as few readers as can be: a single thread, or a pool of four connections."""
    with serve(ucdp_url, read_threads=1, max_exports=32) as client:
        yield client


@pytest.mark.parametrize("name", [*STREAMED, *FILES])
def test_pieces_have_64_kib_or_more(narrow: TestClient, name: str) -> None:
    sizes: list[int] = []
    assert (
        narrow.portal.call(download, narrow.app, f"/v1/{name}?{QUARTER}", lambda piece: sizes.append(len(piece))) == 200
    )
    assert len(sizes) > 3
    assert min(sizes[:-1]) >= PIECE == 64 * 1024


def most_in_use(client: TestClient, path: str) -> tuple[int, int]:
    """The most memory that one download holds at a time, and the bytes of its body."""
    sizes: list[int] = []
    tracemalloc.start()
    try:
        assert client.portal.call(download, client.app, path, lambda piece: sizes.append(len(piece))) == 200
        return tracemalloc.get_traced_memory()[1], sum(sizes)
    finally:
        tracemalloc.stop()


def test_memory_does_not_follow_the_number_of_rows(narrow: TestClient) -> None:
    """From the store to the client; tests/exporters/test_memory.py shows the same of the formats alone."""
    most_in_use(narrow, f"/v1/incidents.ndjson?{QUARTER}")  # the first time also imports and compiles
    few, small = most_in_use(narrow, f"/v1/incidents.ndjson?{QUARTER}")
    many, large = most_in_use(narrow, "/v1/incidents.ndjson")
    assert large - small > 5 * GROWTH
    assert many - few <= GROWTH, (few, many, small, large)


@pytest.mark.parametrize("name", [*STREAMED, *FILES])
def test_a_slow_client_holds_no_connection(narrow: TestClient, name: str) -> None:
    """Four clients read one piece and stop; with no more readers than that, others are still answered."""

    async def contend() -> list[int]:
        go, stopped, sizes = asyncio.Event(), asyncio.Semaphore(0), [0] * 4

        def client(n: int) -> Callable[[bytes], Any]:
            async def take(piece: bytes) -> None:
                if not sizes[n]:
                    stopped.release()
                    await go.wait()
                sizes[n] += len(piece)

            return take

        path = f"/v1/{name}?{QUARTER}"
        slow = [asyncio.create_task(download(narrow.app, path, client(n))) for n in range(4)]
        for _ in slow:
            await stopped.acquire()
        load = narrow.app.state.database.load
        assert load().reader.size <= len(slow)  # were a connection held by each, none would be left
        async with asyncio.timeout(60):  # each reads one page ahead, and then nothing until its client goes on
            while (load().reader.busy, load().reader.waiting) != (0, 0):
                await asyncio.sleep(0.05)
        for other in ("/v1/incidents?limit=1&sort=title", "/v1/totals?by=year", "/v1/edition"):
            assert await asyncio.wait_for(download(narrow.app, other, lambda piece: None), 30) == 200
        assert not any(task.done() for task in slow)
        go.set()
        assert set(await asyncio.gather(*slow)) == {200}
        return sizes

    sizes = narrow.portal.call(contend)
    assert len(set(sizes)) == 1
    assert sizes[0] == len(narrow.get(f"/v1/{name}?{QUARTER}").content) > PIECE
