"""kill -9 of the server, kill -9 of PostgreSQL, connections cut at any byte: nothing is lost, doubled or half there.

A few rounds here; INCIDENTS_SOAK=1 (`make soak`) takes the full numbers.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests import postgres
from tests.conftest import prepare
from tests.faults.harness import Account, Server, report, send, served
from tests.faults.mortal import mortal_postgres
from tests.faults.proxy import Cutting

SOAK = os.environ.get("INCIDENTS_SOAK") == "1"
KILLS = {"sqlite": 25, "postgresql": 15} if SOAK else {"sqlite": 2, "postgresql": 1}
DATABASE_KILLS = 10 if SOAK else 1
CREATES = 2_000 if SOAK else 60
SIZES = (1, 7, 60, 500)
"""Lines of a request of each client."""


JSON = "application/json"


def body_of(title: str) -> bytes:
    return json.dumps(report(title)).encode()


def keep_sending(account: Account, server: Server, client: int, stop: threading.Event) -> None:
    """Post single reports and files of many lines, one after the other, until told to stop."""
    n = 0
    while not stop.is_set():
        n += 1
        size = SIZES[(client + n) % len(SIZES)]
        titles = [f"{client}-{n}-{line}" for line in range(size)]
        with account.lock:
            account.sent.update(titles)
        if size == 1:
            send(account, server, server.port, "/v1/incidents", titles[0], body_of(titles[0]), JSON)
        else:
            body = "\n".join(json.dumps(report(title)) for title in titles).encode()
            answer = send(account, server, server.port, "/v1/incidents/bulk", titles[0], body, "application/x-ndjson")
            told = answer.json()
            if (told.get("received"), told.get("created")) != (size, size):
                account.wrong.append(f"{size} lines: {answer.text[:300]}")


def under_load(account: Account, server: Server, fault: Callable[[], None], rounds: int) -> None:
    """Let four clients send while the fault strikes so many times at any moment."""
    stop = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(keep_sending, account, server, client, stop) for client in range(4)]
        try:
            for _ in range(rounds):
                time.sleep(random.uniform(0.05, 1.0))
                fault()
                account.kills, account.struck = account.kills + 1, time.monotonic()
        finally:
            time.sleep(0.5)
            stop.set()
        for client in clients:
            client.result(200)


def test_the_server_is_killed(engine: str, store_url: str, tmp_path: Path) -> None:
    account = Account()
    with served(store_url, tmp_path) as server:

        def fault() -> None:
            server.kill()
            server.start()

        under_load(account, server, fault, KILLS[engine])
    assert "lost 0, doubled 0, half-written 0" in account.close(store_url, f"kill -9 of the server on {engine}")


def test_the_database_server_is_killed(tmp_path: Path) -> None:
    account = Account()
    with mortal_postgres() as (address, kill_and_start):
        url = postgres.create_database(address)
        prepare(url, seeded=False)
        with served(url, tmp_path) as server:
            back: list[float] = []

            def fault() -> None:
                kill_and_start()
                account.struck = time.monotonic()
                started, title = time.monotonic(), f"after {time.monotonic_ns()}"
                with account.lock:
                    account.sent.add(title)
                send(account, server, server.port, "/v1/incidents", title.replace(" ", "-"), body_of(title), JSON)
                back.append(time.monotonic() - started)

            under_load(account, server, fault, DATABASE_KILLS)
        assert "lost 0, doubled 0, half-written 0" in account.close(url, "kill -9 of PostgreSQL")
        told = f"the service, never restarted, wrote again {max(back):.1f} s after PostgreSQL was back, at the most"
        print(told)  # noqa: T201 - part of the account


def test_connections_are_cut_at_any_byte(store_url: str, tmp_path: Path, engine: str) -> None:
    account, random_bytes = Account(), 20240326
    with served(store_url, tmp_path) as server:
        proxy = Cutting(server.port, 0.3, random_bytes)

        def create(n: int) -> str:
            title = f"create-{n}"
            with account.lock:
                account.sent.add(title)
            answer = send(account, server, proxy.port, "/v1/incidents", title, body_of(title), JSON)
            return str(answer.json()["id"])

        count = CREATES if engine == "sqlite" else CREATES // 4
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(create, range(count)))
        # What is asked once more is answered with the first answer, byte for byte, and with another body not at all.
        again = [
            send(account, server, server.port, "/v1/incidents", "create-0", body_of("create-0"), JSON) for _ in "ab"
        ]
        assert again[0].content == again[1].content
        assert again[0].json()["id"] == ids[0]
        headers = {"Authorization": f"Bearer {server.key}", "Idempotency-Key": "create-0", "Content-Type": JSON}
        other = httpx.post(
            f"http://127.0.0.1:{server.port}/v1/incidents", content=body_of("other"), headers=headers, trust_env=False
        )
        assert other.status_code == 422
        proxy.close()
    assert len(set(ids)) == count
    assert proxy.cut > 0.2 * proxy.passed
    line = account.close(store_url, f"{proxy.cut:,} of {proxy.passed:,} connections cut on {engine}")
    assert "lost 0, doubled 0, half-written 0" in line
