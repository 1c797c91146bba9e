"""The database: writes that share a commit and fail apart, reads that cannot write, and two writers at once."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, NotFound, OperatorError, StaleVersion, Unavailable
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.storage import database as storage
from incidents_api.storage import dialects
from incidents_api.storage.database import Database, Statement
from incidents_api.storage.schema import migrate
from incidents_api.storage.tables import record, revision, source_text
from incidents_api.writing import records
from incidents_api.writing.verify import verify
from tests import make

WRITER = Visitor("tester", frozenset({"write"}))


def keep(conn: Connection, name: str) -> str:
    conn.execute(sa.insert(source_text).values(fingerprint=name, text=name))
    return name


def keep_and_fail(conn: Connection, name: str) -> None:
    keep(conn, name)
    raise NotFound(f"no {name}")


def kept(database: Database) -> list[str]:
    with database.connect() as conn:
        return list(conn.execute(sa.select(source_text.c.fingerprint).order_by(source_text.c.fingerprint)).scalars())


class Blocked:
    """Holds the writer in a job of its own, so that what is queued meanwhile forms one batch."""

    def __init__(self, database: Database) -> None:
        self.database, self.begun, self.release = database, threading.Event(), threading.Event()

    def __enter__(self) -> "Blocked":
        self.job = self.queue(self._wait)
        assert self.begun.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self.job.result(20)

    def _wait(self, _: Connection) -> None:
        self.begun.set()
        assert self.release.wait(20)

    def queue(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self.database._enqueue(function, arguments)


def outcome(future: Future[Any]) -> Any:
    """What a write returned, or what it raised."""
    return future.exception(30) or future.result()


# --- Writes --------------------------------------------------------------------------------------------------------


def test_writes_queued_together_share_one_commit(database: Database) -> None:
    commits: list[int] = []
    event.listen(database._engine, "commit", lambda _: commits.append(1))
    with Blocked(database) as blocked:
        jobs = [blocked.queue(keep, f"{n:03}") for n in range(50)]
    assert [job.result(20) for job in jobs] == [f"{n:03}" for n in range(50)]
    assert len(kept(database)) == 50
    assert len(commits) == 2  # the one that held the writer, and everything behind it


def test_a_batch_has_a_bound(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_BATCH", 10)
    commits: list[int] = []
    event.listen(database._engine, "commit", lambda _: commits.append(1))
    with Blocked(database) as blocked:
        jobs = [blocked.queue(keep, f"{n:03}") for n in range(25)]
    assert all(job.result(20) for job in jobs)
    assert len(commits) == 4


def test_a_failing_write_does_not_undo_its_neighbours(database: Database) -> None:
    with Blocked(database) as blocked:
        jobs = [
            blocked.queue(keep, "a"),
            blocked.queue(keep_and_fail, "b"),
            blocked.queue(keep, "c"),
            blocked.queue(keep, "a"),  # its key is taken: the database itself refuses it
            blocked.queue(keep, "d"),
        ]
    told = [outcome(job) for job in jobs]
    assert [told[0], told[2], told[4]] == ["a", "c", "d"]
    assert isinstance(told[1], NotFound)
    assert isinstance(told[3], sa.exc.IntegrityError)
    assert kept(database) == ["a", "c", "d"]


def test_nobody_is_told_before_the_commit(database: Database) -> None:
    begun, release = threading.Event(), threading.Event()

    def wait(_: Connection) -> None:
        begun.set()
        assert release.wait(20)

    with Blocked(database) as blocked:
        first = blocked.queue(keep, "a")
        last = blocked.queue(wait)
    assert begun.wait(20)
    assert not first.done()
    release.set()
    assert first.result(20) == "a"
    assert last.result(20) is None
    assert kept(database) == ["a"]


def test_a_commit_that_fails_is_told_to_everyone(database: Database) -> None:
    commits: list[int] = []

    def second_fails(_: Connection) -> None:
        commits.append(1)
        if len(commits) == 2:
            raise sa.exc.OperationalError("COMMIT", {}, Exception("disk full"))

    with Blocked(database) as blocked:
        jobs = [blocked.queue(keep, "a"), blocked.queue(keep_and_fail, "b"), blocked.queue(keep, "c")]
        event.listen(database._engine, "commit", second_fails)
    assert [type(outcome(job)) for job in jobs] == [Unavailable] * 3
    assert kept(database) == []
    assert database.write_now(keep, "d") == "d"
    assert kept(database) == ["d"]


def test_close_finishes_what_is_queued(database: Database) -> None:
    blocked = Blocked(database).__enter__()
    jobs = [blocked.queue(keep, f"{n:02}") for n in range(20)]
    closing = threading.Thread(target=lambda: asyncio.run(database.close()))
    closing.start()
    assert not any(job.done() for job in jobs)
    blocked.release.set()
    closing.join(20)
    assert not closing.is_alive()
    assert all(job.done() for job in jobs)
    assert kept(database) == [f"{n:02}" for n in range(20)]


def test_a_closed_database_opens_again(database: Database) -> None:
    database.write_now(keep, "a")
    database.close_writer()
    database.close_writer()
    assert database.write_now(keep, "b") == "b"


def test_a_full_queue_says_come_back_later(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_QUEUE", 2)
    database = Database(store_url)
    with Blocked(database) as blocked:
        jobs = [blocked.queue(keep, "a"), blocked.queue(keep, "b")]
        with pytest.raises(Unavailable) as refused:
            blocked.queue(keep, "c")
        assert refused.value.headers["Retry-After"] == "1"
    assert [job.result(20) for job in jobs] == ["a", "b"]
    database.close_writer()


def test_a_write_goes_on_when_its_caller_hangs_up(database: Database) -> None:
    async def hang_up() -> None:
        with Blocked(database):
            writing = asyncio.ensure_future(database.write(keep, "a"))
            await asyncio.sleep(0)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert await database.write(keep, "b") == "b"
        await database.close()

    asyncio.run(hang_up())
    assert kept(database) == ["a", "b"]


def test_a_problem_reaches_the_one_who_asked(database: Database) -> None:
    async def ask() -> None:
        with pytest.raises(NotFound, match="no b"):
            await database.write(keep_and_fail, "b")
        await database.close()

    asyncio.run(ask())
    assert kept(database) == []


# --- Reads ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(store_url: str) -> Iterator[Callable[[str], list[Any]]]:
    """Runs raw SQL through the read face."""
    loop = asyncio.new_event_loop()
    made: list[dialects.Reader] = []

    async def run(sql: str) -> list[Any]:
        if not made:
            made.append(dialects.make_reader(dialects.parse_url(store_url), 2, 5.0))
        return [tuple(row) for row in await made[0].rows(dialects.Compiled(sql, {}), {}, short=False)]

    yield lambda sql: loop.run_until_complete(run(sql))
    for one in made:
        loop.run_until_complete(one.close())
    loop.close()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM head",
        "UPDATE head SET seq = 9",
        "INSERT INTO source_text VALUES ('a', 'b')",
        "CREATE TABLE more (id TEXT)",
        "DROP TABLE source_text",
    ],
)
def test_reads_cannot_write(reader: Callable[[str], list[Any]], sql: str) -> None:
    with pytest.raises((Unavailable, psycopg.errors.ReadOnlySqlTransaction)):
        reader(sql)
    assert reader("SELECT seq FROM head") == [(0,)]
    assert reader("SELECT count(*) FROM source_text") == [(0,)]


def test_reads_do_not_wait_for_a_write_and_see_only_what_is_committed(database: Database) -> None:
    def select() -> sa.Select[Any]:
        return sa.select(source_text.c.text).where(source_text.c.fingerprint == sa.bindparam("name", type_=sa.Text))

    async def ask() -> None:
        statement = Statement("text", select, {"name": "a"})
        assert await database.read(statement) == []
        with Blocked(database) as blocked:
            job = blocked.queue(keep, "a")
            assert await database.read(statement) == []
        job.result(20)
        assert [tuple(row) for row in await database.read(statement)] == [("a",)]
        short = Statement("text", select, {"name": "nothing"}, short=True)
        assert await database.read(short) == []
        await database.close()
        assert [tuple(row) for row in await database.read(statement)] == [("a",)]
        await database.close()

    asyncio.run(ask())


def test_a_statement_is_built_once_for_each_shape(database: Database) -> None:
    built = []

    def select() -> sa.Select[Any]:
        built.append(1)
        return sa.select(sa.bindparam("n", type_=sa.Integer) + 1)

    async def ask() -> None:
        answers = [(await database.read(Statement("sum", select, {"n": n})))[0][0] for n in range(5)]
        assert answers == [1, 2, 3, 4, 5]
        await database.close()

    asyncio.run(ask())
    assert len(built) == 1


def test_constants_in_the_text_of_a_short_look_up_are_what_they_are_when_bound(database: Database) -> None:
    def select() -> sa.Select[Any]:
        constants = ("it's 100 % \\ :n ? é", 7, 2.5, True, False, None)
        return sa.select(*map(sa.literal, constants), sa.bindparam("n", type_=sa.Integer))

    async def ask() -> None:
        bound = await database.read(Statement("bound", select, {"n": 1}))
        spelt = await database.read(Statement("spelt", select, {"n": 1}, short=True))
        assert [tuple(row) for row in spelt] == [tuple(row) for row in bound] != []
        await database.close()

    asyncio.run(ask())


# --- SQLite --------------------------------------------------------------------------------------------------------


def test_the_sqlite_writer_is_durable(new_store: Callable[..., str]) -> None:
    database = Database(new_store("sqlite"))
    with database.connect() as conn:
        told = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous")}
        told |= {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("foreign_keys", "secure_delete")
        }
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    database.close_writer()


def test_the_sqlite_writer_takes_the_write_lock_at_once(new_store: Callable[..., str]) -> None:
    import sqlite3

    url = new_store("sqlite")
    database = Database(url)
    with Blocked(database):
        other = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
    database.close_writer()


def test_a_store_that_cannot_be_reached_is_told_to_the_operator(tmp_path: Any) -> None:
    for url in (f"sqlite:///{tmp_path}/missing/store.db", "postgresql://nobody:secret@127.0.0.1:1/none"):
        database = Database(url)
        with pytest.raises(OperatorError, match="cannot be reached") as refused:
            database.connect()
        assert "secret" not in str(refused.value)
        database.close_writer()


def test_a_connection_that_only_reads_holds_nobody_up(store_url: str) -> None:
    """As `incidents verify` reads a long log while the service goes on writing."""
    reading, writing = Database(store_url), Database(store_url, statement_seconds=0.5)
    with reading.connect() as conn:
        assert conn.execute(sa.select(revision)).all() == []
        assert writing.write_now(keep, "a") == "a"
    for one in (reading, writing):
        one.close_writer()


# --- Two writers at once -------------------------------------------------------------------------------------------


@pytest.fixture
def two(store_url: str) -> Iterator[tuple[Database, Database]]:
    """Two processes' worth of databases over one store."""
    made = Database(store_url), Database(store_url)
    yield made
    for one in made:
        one.close_writer()


def create(conn: Connection, **members: Any) -> str:
    kind = KINDS["actor"]
    return records.create(conn, kind, validate(kind.report, make.actor(**members)), WRITER).record_id


def in_order(database: Database, count: int) -> None:
    """No gap, no repeat, a whole chain."""
    with database.connect() as conn:
        assert list(conn.execute(sa.select(revision.c.seq).order_by(revision.c.seq)).scalars()) == [
            *range(1, count + 1)
        ]
        verdict = verify(conn)
    assert (verdict.faults, verdict.revisions) == ([], count)


def test_two_writers_never_meet(two: tuple[Database, Database]) -> None:
    def work(thread: int) -> list[str]:
        return [
            two[thread % 2].write_now(lambda conn, n=n: create(conn, name=f"Actor {thread}.{n}")) for n in range(25)
        ]

    with ThreadPoolExecutor(4) as pool:
        made = [one for ids in pool.map(work, range(4)) for one in ids]
    assert len(set(made)) == 100
    in_order(two[0], 100)


def test_two_writers_of_the_same_external_id_make_one_record(two: tuple[Database, Database]) -> None:
    def work(database: Database) -> list[Any]:
        told: list[Any] = []
        for n in range(15):
            try:
                told.append(database.write_now(lambda conn, n=n: create(conn, external_ids={"test": str(n)})))
            except Conflict as conflict:
                told.append(conflict)
        return told

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(work, two)
    for pair in zip(one, other, strict=True):
        assert sorted(type(each).__name__ for each in pair) == ["Conflict", "str"]
    in_order(two[0], 15)


def patch(conn: Connection, record_id: str, etag: str, name: str) -> Any:
    return records.patch(conn, KINDS["actor"], record_id, {"description": name}, (etag,), WRITER)


def current(database: Database, record_id: str) -> tuple[int, str]:
    def look(conn: Connection) -> tuple[int, str]:
        from incidents_api.model.revision import etag
        from incidents_api.writing import lookup

        found = lookup.known(conn, record_id)
        assert found is not None
        return found.version, etag(found.version, lookup.revision_of(conn, record_id, found.version).hash)

    with database.connect() as conn:
        return look(conn)


def test_no_update_is_lost(two: tuple[Database, Database]) -> None:
    ids = [two[0].write_now(lambda conn, n=n: create(conn, name=f"Actor {n}")) for n in range(3)]

    def work(thread: int) -> list[type]:
        told = []
        for n in range(15):
            database, record_id = two[thread % 2], ids[(n + thread) % 3]
            _, mark = current(database, record_id)
            try:
                assert database.write_now(patch, record_id, mark, f"{thread}.{n}").changed
                told.append(bool)
            except (StaleVersion, Unavailable) as refused:
                told.append(type(refused))
        return told

    with ThreadPoolExecutor(4) as pool:
        told = [one for answers in pool.map(work, range(4)) for one in answers]
    wins = sum(current(two[0], one)[0] - 1 for one in ids)
    assert wins == told.count(bool)
    assert set(told) <= {bool, StaleVersion}
    in_order(two[0], 3 + wins)


def test_a_batch_and_a_write_of_another_process_do_not_wait_for_each_other(
    two: tuple[Database, Database], engine: str
) -> None:
    """A batch holds the head of the log while it goes on to the next record, which the other process may hold."""
    first, second = two
    record_id = first.write_now(lambda conn: create(conn, name="Actor"))
    _, mark = current(first, record_id)
    holding, release = threading.Event(), threading.Event()

    def create_and_wait(conn: Connection) -> None:
        create(conn, name="Another")
        holding.set()
        assert release.wait(20)

    with Blocked(first) as blocked:
        made = blocked.queue(create_and_wait)
        mine = blocked.queue(patch, record_id, mark, "mine")
    assert holding.wait(20)
    theirs = second._enqueue(patch, (record_id, mark, "theirs"))
    if engine == "postgresql":
        wait_for_a_lock(first)
    release.set()
    assert outcome(made) is None
    told = [outcome(mine), outcome(theirs)]
    assert sorted(type(one).__name__ for one in told) == ["StaleVersion", "Written"]
    in_order(first, 3)


def wait_for_a_lock(database: Database) -> None:
    """Until some backend of this PostgreSQL database waits for a lock."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(200):
        with database.connect() as conn:
            if conn.exec_driver_sql(sql).scalar_one():
                return
        threading.Event().wait(0.02)
    pytest.fail("nobody waits")


def test_the_record_table_follows(two: tuple[Database, Database]) -> None:
    made = [database.write_now(create) for database in two]
    with two[0].connect() as conn:
        found = dict(conn.execute(sa.select(record.c.id, record.c.version)).all())
    assert found == dict.fromkeys(made, 1)


# --- The file of a store -------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[Database, Path, Path]]:
    """A store in a file that is served, the path of that file, and another store beside it."""
    paths = tmp_path / "served.db", tmp_path / "other.db"
    stores = [Database(f"sqlite:///{path}") for path in paths]
    for store in stores:
        migrate(store)
        store.write_now(keep, "begun")
        store.close_writer()
    yield stores[0], *paths
    for store in stores:
        store.close_writer()


def test_a_store_that_was_removed_does_not_come_back(files: tuple[Database, Path, Path]) -> None:
    store, path, _ = files
    store.write_now(keep, "a")
    path.unlink()
    with pytest.raises(Unavailable):
        store.write_now(keep, "b")
    assert not path.exists()


def test_a_store_in_the_place_of_another_is_the_one_that_is_written(files: tuple[Database, Path, Path]) -> None:
    store, path, other = files
    store.write_now(keep, "a")
    for beside in path.parent.glob("served.db-*"):
        beside.unlink()
    other.replace(path)
    store.write_now(keep, "b")
    assert kept(store) == ["b", "begun"]
