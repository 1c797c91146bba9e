"""The feed while many write: nothing missed, nothing twice, no gap, whatever is rolled back, idle or killed."""

import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict
from incidents_api.model.revision import new_id
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing.append import Change, append
from incidents_api.writing.verify import verify
from tests import live
from tests.make import stored_source

WRITERS, READERS = 8, 3
WRITES, EACH = 26, 50
"""8 writers x 26 writes x 50 changes: 10,400, one write in ten rolled back besides."""


def tell(line: str) -> None:
    """What a test counted, to be seen with -s."""
    sys.stdout.write(f"{line}\n")


def write_some(conn: Connection, who: int, *, fails: bool) -> int:
    changes = [Change("source", new_id(), 1, "create", stored_source(n)) for n in range(EACH)]
    append(conn, changes, f"writer {who}")
    if fails:
        raise Conflict("rolled back")
    return len(changes)


def write(url: str, who: int, barrier: threading.Barrier, told: list[int]) -> None:
    """One writer: a process of its own as far as the store can tell, since it has its own queue and connections."""
    chance = random.Random(who)
    database = Database(url)
    barrier.wait()
    for _ in range(WRITES):
        if chance.random() < 0.1:
            with pytest.raises(Conflict):
                database.write_now(lambda conn: write_some(conn, who, fails=True))
        told.append(database.write_now(lambda conn: write_some(conn, who, fails=False)))
    database.close_writer()


READER = """
import sys, httpx
base, path = sys.argv[1:]
cursor = ""
try:
    cursor = open(path).read().splitlines()[-1]
except (FileNotFoundError, IndexError):
    pass
with open(path, "a", buffering=1) as kept, httpx.Client(base_url=base, trust_env=False) as client:
    while True:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": cursor} if cursor else {})
        with client.stream("GET", "/v1/changes?include=none", headers=headers, timeout=30) as answer:
            for line in answer.iter_lines():
                if line.startswith('data: '):
                    kept.write(place + "\\n")
                    cursor = place
                elif line.startswith("id: "):
                    place = line[4:]
"""
"""A reader in a process of its own, to be killed at any moment: what it has taken is in its file, line by line."""


class Reader:
    """A reader that is killed and started again until it has everything."""

    def __init__(self, base: str, path: Path) -> None:
        self.path, self.kills = path, 0
        self._command = [sys.executable, "-c", READER, base, str(path)]
        self._process = subprocess.Popen(self._command)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        # A line that was cut by the kill was not taken.
        text = self.path.read_text() if self.path.exists() else ""
        self.path.write_text(text[: text.rfind("\n") + 1])
        self.kills += 1

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)

    def seqs(self) -> list[int]:
        return [int(line.partition(".")[2]) for line in self.path.read_text().splitlines()]


def stay_open(conn: Connection) -> None:
    """A transaction that stays open all the time: on PostgreSQL one that has written elsewhere, so that it has an id
    older than all that follow (a feed by transaction ids would wait for it); on SQLite one that reads, since its one
    writer would hold up everybody."""
    conn.execute(sa.select(tables.head.c.seq)).one()
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql("CREATE TABLE unrelated (n int)")
        conn.exec_driver_sql("INSERT INTO unrelated VALUES (1)")


def test_readers_miss_nothing_while_eight_write(engine: str, new_store: Callable[..., str], tmp_path: Path) -> None:
    url = new_store(engine)
    told: list[int] = []
    barrier = threading.Barrier(WRITERS)
    writers = [threading.Thread(target=write, args=(url, n, barrier, told)) for n in range(WRITERS)]
    with live.running(url) as (client, _):
        readers = [Reader(str(client.base_url), tmp_path / f"reader{n}") for n in range(READERS)]
        idle = Database(url)
        with idle.connect() as conn:
            stay_open(conn)
            for thread in writers:
                thread.start()
            chance = random.Random(7)
            while any(thread.is_alive() for thread in writers):
                time.sleep(chance.uniform(0.3, 0.9))
                one = chance.choice(readers)
                one.kill()
                one.start()
            expected = sum(told)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and any(len(one.seqs()) < expected for one in readers):
                time.sleep(0.2)
        for one in readers:
            one.kill()
        idle.close_writer()
        polled = [json.loads(line)["seq"] for line in client.get("/v1/changes.ndjson?include=none").text.splitlines()]
    missed = repeated = gaps = 0
    for one in readers:
        seqs = one.seqs()
        missed += expected - len(set(seqs))
        repeated += len(seqs) - len(set(seqs))
        gaps += sum(after != before + 1 for before, after in itertools.pairwise(seqs))
    kills = sum(one.kills for one in readers) - READERS
    assert kills >= READERS
    sys.stdout.write(
        f"{engine}: {expected} changes, {kills} kills; missed {missed}, repeated {repeated}, gaps {gaps}" + "\n"
    )
    assert (missed, repeated, gaps) == (0, 0, 0)
    assert polled == list(range(1, expected + 1))
    assert expected >= 10_000
    database = Database(url)
    with database.connect() as conn:
        assert verify(conn).faults == []
    database.close_writer()


def test_a_naive_reader_over_an_identity_column_misses_changes(new_store: Callable[..., str]) -> None:
    """The negative control: what the lock on the head is for. The same load on a bare bigserial loses rows."""
    url = new_store("postgresql")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE naive (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who int)")
    done = threading.Event()
    taken: list[int] = []

    def write(who: int) -> None:
        chance = random.Random(who)
        with psycopg.connect(url) as conn:
            for _ in range(150):
                conn.execute("INSERT INTO naive (who) VALUES (%s)", (who,))
                time.sleep(chance.uniform(0, 0.003))
                conn.rollback() if chance.random() < 0.05 else conn.commit()

    def read() -> None:
        cursor = 0
        with psycopg.connect(url, autocommit=True) as conn:
            last = False
            while True:
                rows = conn.execute("SELECT id FROM naive WHERE id > %s ORDER BY id", (cursor,)).fetchall()
                taken.extend(row[0] for row in rows)
                cursor = taken[-1] if taken else 0
                if last:
                    return
                last = done.is_set()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
    reader = threading.Thread(target=read)
    for thread in [reader, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    with psycopg.connect(url) as conn:
        there = {row[0] for row in conn.execute("SELECT id FROM naive")}
    missed = len(there - set(taken))
    tell(f"naive reader: {len(there)} rows, missed {missed}")
    assert missed > 0


def test_readers_that_wait_hold_no_connection(engine: str, new_store: Callable[..., str]) -> None:
    """50 that stand still and 150 that are idle: the store has no more connections than without, and others go on."""
    url = new_store(engine, seeded=True)
    with live.running(url) as (client, app):
        base = str(client.base_url)
        clients = [httpx.Client(base_url=base, trust_env=False, timeout=20) for _ in range(200)]
        opened: list[Any] = []
        reading: list[Any] = []
        try:
            for n, one in enumerate(clients):
                # Those that stand still never read what was sent; the others read all there is and then wait.
                request = one.build_request("GET", "/v1/changes", headers={"Accept": "text/event-stream"})
                answer = one.send(request, stream=True)
                opened.append(answer)
                if n >= 50:
                    reading.append(answer.iter_raw())
                    assert next(reading[-1])
            assert app.state.watch.streams == 200
            slowest = 0.0
            for _ in range(50):
                begun = time.monotonic()
                assert client.get("/v1/incidents?limit=5").status_code == 200
                slowest = max(slowest, time.monotonic() - begun)
            held = connections(engine, url)
            sys.stdout.write(
                f"{engine}: 200 streams, {held} connections held, slowest answer {slowest * 1000:.0f} ms" + "\n"
            )
            assert held <= 6  # the pool of readers and the writer's
        finally:
            for answer in opened:
                answer.close()
            for one in clients:
                one.close()
        deadline = time.monotonic() + 10
        while app.state.watch.streams and time.monotonic() < deadline:
            time.sleep(0.05)
        assert app.state.watch.streams == 0


def connections(engine: str, url: str) -> int:
    """How many connections to the store are open; none may be inside a transaction."""
    if engine == "sqlite":
        path = url.removeprefix("sqlite:///")
        links = [Path(f"/proc/self/fd/{name}") for name in map(str, range(1024))]
        return sum(1 for link in links if link.is_symlink() and str(link.readlink()) == path)
    with psycopg.connect(url) as conn:
        states = conn.execute(
            "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert not [state for (state,) in states if state.startswith("idle in transaction")]
    return len(states)
