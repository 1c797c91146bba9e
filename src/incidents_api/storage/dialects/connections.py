"""Addresses, the connections of writers, their locks, and what an engine says of itself and of its failures."""

import fcntl
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from incidents_api.errors import OperatorError, Unavailable
from incidents_api.storage.dialects.prepared import cursor_of


def parse_url(text: str) -> URL:
    """A database address; OperatorError when it is none, or of an engine that is not ours."""
    try:
        url = make_url(text)
    except sa.exc.ArgumentError:
        raise OperatorError(f"{text!r} is not a database address; give sqlite:///FILE or postgresql://...") from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise OperatorError(f"{url.get_backend_name()} is not a database we run on; give sqlite:/// or postgresql://")
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise OperatorError("an SQLite store is a file: sqlite:///incidents.db")
        return url.set(drivername="sqlite")
    return url.set(drivername="postgresql+psycopg")


def exists(url: URL) -> bool:
    """Whether an SQLite file is there (connecting would make an empty one); a server is asked by connecting."""
    return url.get_backend_name() != "sqlite" or (Path(str(url.database)).is_file())


def make_writer(url: URL, seconds: float) -> Engine:
    """The engine of the one writer: full durability, and waits for locks no longer than `seconds`."""
    if url.get_backend_name() == "sqlite":
        return _make_sqlite_writer(Path(str(url.database)).resolve(), seconds)
    need_psycopg()
    milliseconds = int(seconds * 1000)
    options = (
        f"-c lock_timeout={milliseconds} -c statement_timeout={milliseconds * 6} "
        "-c idle_in_transaction_session_timeout=60s -c timezone=UTC"
    )
    return sa.create_engine(
        url,
        pool_size=2,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": max(1, int(seconds)), "application_name": "incidents"},
    )


def _make_sqlite_writer(path: Path, seconds: float) -> Engine:
    """One connection that is kept from commit to commit: a new one reads the whole schema, has no page in memory, and
    writes the log of changes back into the file as soon as it is closed."""
    # mode=rw: a store that was removed while it is served must not come back empty.
    file = f"{path.as_uri()}?mode=rw"
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(file, uri=True, timeout=seconds, check_same_thread=False),
        poolclass=sa.QueuePool,
        pool_size=1,
        hide_parameters=True,
    )

    def prepare(connection: sqlite3.Connection, kept: ConnectionPoolEntry) -> None:
        _prepare_sqlite_writer(connection)
        kept.info["file"] = _identity(path)

    def check(_: sqlite3.Connection, kept: ConnectionPoolEntry, __: object) -> None:
        if kept.info["file"] != _identity(path):
            raise sa.exc.DisconnectionError("the store was removed, or another one was put in its place")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "checkout", check)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that is put in its place; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _begin_sqlite(connection: Connection) -> None:
    """pysqlite would begin late; a writer takes the write lock at once (no upgrade, no deadlock), a reader never."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def for_reading(connection: Connection) -> Connection:
    """The connection for reads alone: each of its transactions sees one moment, whatever is committed meanwhile."""
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ")
    return connection.execution_options(reads=True)


def take_time(connection: Connection) -> None:
    """Let a transaction that only reads last for as long as it takes, with pauses of any length."""
    if connection.dialect.name == "postgresql":
        for bound in ("statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {bound} = 0")


def make_file(url: URL) -> None:
    """Make an empty SQLite file where there is none; only a migration does."""
    if url.get_backend_name() == "sqlite":
        try:
            Path(str(url.database)).touch()
        except OSError as error:
            raise OperatorError(f"the store {url.render_as_string()} cannot be made: {error.strerror}") from None


def lock_head(connection: Connection) -> None:
    """Take the log's head before anything else, where other processes write, too.

    What the write then looks up holds all that was committed before (READ COMMITTED: each statement has a snapshot of
    its own), so a name that two processes bring in the same instant is one record. And one commit holds many writes:
    were the head taken after the first of them, a second could wait for a record that another process holds while that
    one waits for the head. SQLite's write lock is taken by BEGIN IMMEDIATE.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT seq FROM head FOR UPDATE")


def _prepare_sqlite_writer(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None
    for name, value in _WRITER_PRAGMAS.items():
        connection.execute(f"PRAGMA {name}={value}")


_WRITER_PRAGMAS: Mapping[str, str | int] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "secure_delete": "ON",
    "cache_size": -65_536,  # KiB: what a batch of many lines changes, or it is written and read again within the batch
    "wal_autocheckpoint": 16_000,  # pages: those that every write changes are written back once for many writes
    "journal_size_limit": 67_108_864,
}


def need_psycopg() -> None:
    """OperatorError that says what to install, where the driver of PostgreSQL is missing."""
    try:
        import psycopg_pool  # noqa: F401, PLC0415 - an extra that only PostgreSQL needs
    except ImportError:
        raise OperatorError("PostgreSQL needs its driver: pip install 'incidents-api[postgres]'") from None


@contextmanager
def writer_lock(url: URL, seconds: float) -> Iterator[None]:
    """Only one process writes at a time: a lock file beside an SQLite file; PostgreSQL locks the head's row instead.

    SQLite's own busy handler is unfair (a writer can starve for seconds); waiting on a file lock is not.
    """
    if url.get_backend_name() != "sqlite":
        yield
        return
    deadline = time.monotonic() + seconds
    try:
        opened = Path(f"{url.database}.writer").open("w")  # noqa: SIM115 - closed by the with below
    except OSError as error:
        raise Unavailable("the folder of the store cannot be written") from error
    with opened as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable("another process holds the store's write lock") from None
                time.sleep(0.002)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


class Savepoint:
    """Where a transaction can be taken back to, again and again; SQLAlchemy's own take ten times as long."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._say("SAVEPOINT job")

    def commit(self) -> None:
        """Keep what was done since; what follows can be taken back to here."""
        moved = ("RELEASE SAVEPOINT job", "SAVEPOINT job")
        for statement in moved if is_one_file(self._connection) else ("; ".join(moved),):  # a server: in one trip
            self._say(statement)

    def rollback(self) -> None:
        """Take back what was done since."""
        self._say("ROLLBACK TO SAVEPOINT job")

    def _say(self, statement: str) -> None:
        with cursor_of(self._connection, statement) as cursor:
            cursor.execute(statement)


def is_unavailable(error: Exception) -> bool:
    """Whether a write failed for a reason outside the request: busy, full, locked, gone."""
    # After a connection broke, whatever else was to go with it meets a transaction that is pending its end.
    kinds = sa.exc.OperationalError | sa.exc.TimeoutError | sa.exc.InterfaceError | sa.exc.PendingRollbackError
    return isinstance(error, kinds) or type(error) is sa.exc.DatabaseError


MANY = 1_000
"""From so many new rows on, what a planner knew of a table is not to be trusted."""


def take_stock(connection: Connection) -> None:
    """Let the planner know what the tables hold by now, at the end of a write of many rows.

    A server does so by itself within a minute or so; until then it takes tables for as small as they were, and reads
    them again and again where it should not. SQLite plans by the shape of statements (tests/real/test_plans.py).
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")


def lock_migrations(connection: Connection) -> None:
    """Let one process migrate at a time; on PostgreSQL, wait only briefly for tables that readers use."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET lock_timeout = '5s'")
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7041776)")


def is_one_file(connection: Connection) -> bool:
    """Whether the store is a file of its own rather than a part of a server."""
    return connection.dialect.name == "sqlite"


COPIES = (".db", ".sqlite", ".sqlite3")
"""Endings of files that are a copied store."""


def url_of_copy(path: Path) -> str | None:
    """The address of the store in a file; None for a file that is none."""
    with path.open("rb") as file:
        return url_of_file(path) if file.read(16) == b"SQLite format 3\x00" else None


def url_of_file(path: Path) -> str:
    """The address of a store in one file, whether it is there or is to be made."""
    return f"sqlite:///{path}"


def describe(connection: Connection) -> dict[str, str]:
    """Engine, version and durability, for `incidents doctor`."""
    if connection.dialect.name == "sqlite":
        pragmas = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in _PRAGMAS}
        told = {name: names.get(pragmas[name], pragmas[name]) for name, names in _PRAGMAS.items()}
        return {"engine": f"SQLite {sqlite3.sqlite_version}"} | told
    settings = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in _SHOWN}
    return {"engine": f"PostgreSQL {settings.pop('server_version')}"} | settings


_PRAGMAS: Mapping[str, Mapping[str, str]] = {
    "journal_mode": {},
    "synchronous": {"0": "off", "1": "normal", "2": "full", "3": "extra"},
    "foreign_keys": {"0": "off", "1": "on"},
}
_SHOWN = ("server_version", "synchronous_commit", "fsync", "server_encoding")
