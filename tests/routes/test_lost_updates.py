"""No lost update: 16 clients patch 20 incidents 3,200 times; who read the newest version wins, the others hear 412."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import httpx
import pytest

from incidents_api import access
from incidents_api.app import create_app
from incidents_api.settings import Settings
from incidents_api.writing.verify import verify
from tests import make

CLIENTS, INCIDENTS = 16, 20
MERGE = {"Content-Type": "application/merge-patch+json"}


async def patient(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """What is answered to a client that comes back when it is told to, as it may be on a busy machine."""
    while (answer := await ask()).status_code == 503:
        await asyncio.sleep(float(answer.headers["Retry-After"]))
    return answer


async def contend(client: httpx.AsyncClient, number: int, paths: list[str], patches: int) -> Counter[str]:
    """One client: read an incident, raise the counter that its tag holds, send it back with the ETag that was read."""
    chance = random.Random(number)
    told: Counter[str] = Counter()
    for _ in range(patches):
        path = chance.choice(paths)
        read = await patient(partial(client.get, path))
        count = int(read.json()["tags"][0].removeprefix("n"))
        changes = {"tags": [f"n{count + 1}"], "summary": f"by client {number}"}
        headers = MERGE | {"If-Match": read.headers["etag"]}
        answer = await patient(partial(client.patch, path, json=changes, headers=headers))
        told["sent"] += 1
        if answer.status_code == 200 and answer.json()["tags"] == changes["tags"]:
            told["wins"] += 1
        elif answer.status_code == 412 and answer.json()["code"] == "stale_version":
            told["stale"] += 1
        else:
            told[f"{answer.status_code} {answer.json()['detail'] if answer.status_code != 200 else answer.text}"] += 1
    return told


async def history_of(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    """Every entry of a record's history, newest first, page by page."""
    entries: list[dict[str, Any]] = []
    following: str | None = f"{path}/revisions?limit=100"
    while following is not None:
        page = (await client.get(following)).json()
        entries += page["items"]
        following = page["next"]
    return entries


async def run(url: str, writers: int, patches: int) -> str:
    """The whole contest over that many applications on one database; the line that accounts for it."""
    async with AsyncExitStack() as stack:
        apps = [create_app(Settings(_env_file=None, database_url=url)) for _ in range(writers)]
        for app in apps:
            stack.push_async_callback(app.state.database.close)
        token = apps[0].state.database.write_now(access.create_key, "tester", ("write",))
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(apps[number % writers]),
                    base_url="http://testserver",
                    headers={"Authorization": f"Bearer {token}"},
                )
            )
            for number in range(CLIENTS)
        ]
        paths = []
        for number in range(INCIDENTS):
            made = await clients[0].post("/v1/incidents", json=make.incident(title=f"Incident {number}", tags=["n0"]))
            assert made.status_code == 201, made.text
            paths.append(made.headers["location"])

        tallied = await asyncio.gather(
            *(contend(client, number, paths, patches) for number, client in enumerate(clients))
        )
        told = sum(tallied, Counter())
        other = {name: count for name, count in told.items() if name not in ("sent", "wins", "stale")}
        line = f"{writers} writer(s): sent {told['sent']}, wins {told['wins']}, stale {told['stale']}, other {other}"

        assert told["sent"] == CLIENTS * patches, line
        assert not other, line
        assert told["wins"] + told["stale"] == told["sent"], line
        assert told["stale"] > 0, f"nobody ever met anybody: {line}"
        records = [(await client.get(path)).json() for path, client in zip(paths, clients * 2, strict=False)]
        assert sum(record["version"] - 1 for record in records) == told["wins"], line
        for path, record in zip(paths, records, strict=True):
            # Each win raised the counter by one: had one been lost, the counter would lag behind the version.
            assert record["tags"] == [f"n{record['version'] - 1}"], line
            history = await history_of(clients[-1], path)
            assert [entry["version"] for entry in history] == list(range(record["version"], 0, -1))
            seqs = [entry["seq"] for entry in history]
            assert seqs == sorted(set(seqs), reverse=True)
        edition = (await clients[0].get("/v1")).json()["edition"]
        found = apps[-1].state.database.write_now(verify)
        assert found.faults == []
        assert (found.seq, found.hash) == (edition["seq"], edition["hash"])
        return line


@pytest.mark.parametrize(
    ("engine", "writers", "patches"),
    [("sqlite", 1, 200), ("sqlite", 2, 50), ("postgresql", 1, 50), ("postgresql", 2, 200)],
)
def test_no_update_is_lost(new_store: Callable[..., str], engine: str, writers: int, patches: int) -> None:
    line = asyncio.run(run(new_store(engine), writers, patches))
    print(f"lost updates on {engine}, {line}")  # noqa: T201


def test_without_if_match_nothing_is_patched(new_store: Callable[..., str], engine: str) -> None:
    async def ask(url: str) -> None:
        app = create_app(Settings(_env_file=None, database_url=url))
        token = app.state.database.write_now(access.create_key, "tester", ("write",))
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://testserver", headers=headers
        ) as client:
            path = (await client.post("/v1/incidents", json=make.incident(tags=["n0"]))).headers["location"]
            answers = await asyncio.gather(
                *(client.patch(path, json={"tags": [f"n{n}"]}, headers=MERGE) for n in range(1, 17))
            )
            assert {answer.status_code for answer in answers} == {428}
            record = (await client.get(path)).json()
            assert (record["version"], record["tags"]) == (1, ["n0"])
        await app.state.database.close()

    asyncio.run(ask(new_store(engine)))
