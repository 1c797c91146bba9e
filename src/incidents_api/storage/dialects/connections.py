"""THE ONE ROOM where SQLite and PostgreSQL differ: types, indexes, aggregates, connections, readers and error words."""

import asyncio
import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Index, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from incidents_api.errors import OperatorError, Unavailable
from incidents_api.model.words import Term
from incidents_api.storage.load import ReaderLoad
from incidents_api.storage.threads import MAX_WAITING, PATIENCE, Threads

# Compared and sorted byte by byte on both engines, whatever the locale of the PostgreSQL database.
Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

Row = Sequence[Any]


def index(*columns: Any) -> Index:
    """An index over columns of one table."""
    return Index(None, *columns)


def current_index(*columns: Any) -> Index:
    """An index over the rows that are true now (`seq_to` is null), partial on both engines.

    Nulls sort lowest on both: SQLite does so by itself, PostgreSQL is told by the query (see reading/records.py).
    """
    current = columns[0].table.c.seq_to.is_(None)
    return Index(None, *columns, sqlite_where=current, postgresql_where=current)


def few_index(*columns: Any) -> Index:
    """An index over the few rows in which the first of these columns is known, partial on both engines."""
    known = columns[0].is_not(None)
    return Index(None, *columns, sqlite_where=known, postgresql_where=known)


class joined(FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """joined(text, separator): the texts of all rows in the order of the subquery they come from."""

    type = sa.Text()
    inherit_cache = True
    name = "joined"


@compiles(joined, "sqlite")
def _group_concat(element: joined, compiler: Any, **options: Any) -> str:
    # SQLite before 3.44 has no ORDER BY inside an aggregate; rows are taken in the order of the subquery (tested).
    return f"group_concat({compiler.process(element.clauses, **options)})"


@compiles(joined, "postgresql")
def _string_agg(element: joined, compiler: Any, **options: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **options)})"


class inside(FunctionElement[bool]):  # noqa: N801 - reads as an SQL function
    """inside(lon, lat, edges): whether a point lies in a polygon or on its edge; edges are JSON [[x1,y1,x2,y2],...].

    Even-odd: inside is where an odd number of edges lies to the east. The same arithmetic on both engines.
    """

    # Not Boolean: SQLite would be given "... = 1", which hides the index.
    type = sa.types.NullType()  # type: ignore[assignment]
    inherit_cache = True
    name = "inside"


_INSIDE = """(SELECT max(CASE WHEN (y - y1) * (x2 - x1) = (x - x1) * (y2 - y1) AND x BETWEEN low_x AND high_x
    AND y BETWEEN low_y AND high_y THEN 1 ELSE 0 END) = 1 OR
    sum(CASE WHEN (y1 > y) = (y2 > y) THEN 0
    WHEN x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 THEN 1 ELSE 0 END) {mod} 2 = 1
    FROM (SELECT x, y, x1, y1, x2, y2, CASE WHEN x1 < x2 THEN x1 ELSE x2 END AS low_x,
    CASE WHEN x1 < x2 THEN x2 ELSE x1 END AS high_x, CASE WHEN y1 < y2 THEN y1 ELSE y2 END AS low_y,
    CASE WHEN y1 < y2 THEN y2 ELSE y1 END AS high_y FROM (SELECT {x} AS x, {y} AS y, {columns} FROM {rows})
    AS edge) AS boxed)"""


def _inside(element: inside, compiler: Any, words: tuple[str, str, str], options: dict[str, Any]) -> str:
    column, rows, mod = words
    x, y, edges = (compiler.process(clause, **options) for clause in element.clauses)
    columns = ", ".join(f"{column.format(n=n)} AS {name}" for n, name in enumerate(("x1", "y1", "x2", "y2")))
    return _INSIDE.format(x=x, y=y, columns=columns, rows=rows.format(edges=edges), mod=mod)


@compiles(inside, "sqlite")
def _inside_sqlite(element: inside, compiler: Any, **options: Any) -> str:
    words = "json_extract(e.value, '$[{n}]')", "json_each({edges}) AS e", "%"
    return _inside(element, compiler, words, options)


@compiles(inside, "postgresql")
def _inside_postgresql(element: inside, compiler: Any, **options: Any) -> str:
    rows = "jsonb_array_elements(CAST({edges} AS jsonb)) AS e(value)"
    # The driver takes a single % for the mark of a parameter.
    return _inside(element, compiler, ("CAST(e.value ->> {n} AS double precision)", rows, "%%"), options)


# --- Full text: the words are ours (model/words.py), so that both engines find the same -----------------------------


class has_words(FunctionElement[bool]):  # noqa: N801 - reads as an SQL function
    """has_words(seq_from, match, tsquery): whether the row of that revision holds the words; see `search_values`."""

    # Not Boolean: SQLite would be given "... = 1", which hides the index.
    type = sa.types.NullType()  # type: ignore[assignment]
    inherit_cache = True
    name = "has_words"


@compiles(has_words, "sqlite")
def _match(element: has_words, compiler: Any, **options: Any) -> str:
    clauses = list(element.clauses)
    column, match = compiler.process(clauses[0], **options), compiler.process(clauses[1], **options)
    # Both are rendered clauses, a column and a bound parameter: no text of a client is in them.
    return f"{column} IN (SELECT rowid FROM search WHERE search MATCH {match})"  # noqa: S608


@compiles(has_words, "postgresql")
def _tsquery(element: has_words, compiler: Any, **options: Any) -> str:
    clauses = list(element.clauses)
    column, query = compiler.process(clauses[0], **options), compiler.process(clauses[2], **options)
    return f"{column} IN (SELECT seq_from FROM search WHERE words @@ CAST({query} AS tsquery))"  # noqa: S608


def search_values(terms: Iterable[Term]) -> tuple[str, str]:
    """A search in the words of both engines: FTS5's MATCH and PostgreSQL's tsquery."""
    match, tsquery = [], []
    for term in terms:
        match.append(f'"{" ".join(term.words)}"' + (" *" if term.prefix else ""))
        tsquery.append(" <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else ""))
    return " AND ".join(match), " & ".join(f"({one})" for one in tsquery)


def create_search(connection: Connection) -> None:
    """Make the index of words: a contentless FTS5 table by seq, or a table with a tsvector."""
    if connection.dialect.name == "sqlite":
        # Words come folded and apart by spaces; the ascii tokenizer cuts there and nowhere else.
        connection.exec_driver_sql("CREATE VIRTUAL TABLE search USING fts5(words, content='', tokenize='ascii')")
        return
    connection.exec_driver_sql(
        'CREATE TABLE search (record_id text COLLATE "C" NOT NULL, seq_from bigint NOT NULL, '
        "words tsvector NOT NULL, CONSTRAINT pk_search PRIMARY KEY (record_id, seq_from))"
    )
    connection.exec_driver_sql("CREATE INDEX ix_search_words ON search USING gin (words)")


def index_words(connection: Connection, entries: Sequence[tuple[str, int, Sequence[str]]]) -> None:
    """Add the words of revisions: (record id, seq, words in order)."""
    if not entries:
        return
    if connection.dialect.name == "sqlite":
        rows: list[tuple[Any, ...]] = [(seq, " ".join(words)) for _, seq, words in entries]
        connection.exec_driver_sql("INSERT INTO search (rowid, words) VALUES (?, ?)", rows)
        return
    rows = [(record_id, seq, _tsvector(words)) for record_id, seq, words in entries]
    connection.exec_driver_sql("INSERT INTO search VALUES (%s, %s, CAST(%s AS tsvector))", rows)


def _tsvector(words: Sequence[str]) -> str:
    places: dict[str, list[str]] = {}
    for n, word in enumerate(words, 1):
        places.setdefault(word, []).append(str(n))
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())


def clear_words(connection: Connection) -> None:
    """Empty the index of words."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO search (search) VALUES ('delete-all')")
    else:
        connection.exec_driver_sql("DELETE FROM search")


class Reader(Protocol):
    """The read face: one statement, its values, its rows; never writes."""

    def compile(self, statement: sa.Select[Any]) -> tuple[str, dict[str, Any]]: ...
    async def rows(self, sql: str, values: Mapping[str, Any], *, short: bool) -> list[Row]: ...
    def load(self) -> ReaderLoad: ...
    async def close(self) -> None: ...


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
        # mode=rw: a store that was removed while it is served must not come back empty.
        file = f"{Path(str(url.database)).resolve().as_uri()}?mode=rw"
        engine = sa.create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(file, uri=True, timeout=seconds, check_same_thread=False),
            poolclass=sa.NullPool,
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_sqlite_writer)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    _need_psycopg()
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


def _begin_sqlite(connection: Connection) -> None:
    """pysqlite would begin late; a writer takes the write lock at once (no upgrade, no deadlock), a reader never."""
    reads = connection.get_execution_options().get("reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def for_reading(connection: Connection) -> Connection:
    """The connection for reads alone: each of its transactions sees one moment, whatever is committed meanwhile."""
    if connection.dialect.name == "postgresql":
        return connection.execution_options(isolation_level="REPEATABLE READ")
    return connection.execution_options(reads=True)


def make_file(url: URL) -> None:
    """Make an empty SQLite file where there is none; only a migration does."""
    if url.get_backend_name() == "sqlite":
        try:
            Path(str(url.database)).touch()
        except OSError as error:
            raise OperatorError(f"the store {url.render_as_string()} cannot be made: {error.strerror}") from None


def lock_head(connection: Connection) -> None:
    """Take the log's head before anything else, where other processes write, too.

    One commit holds many writes: were the head taken after the first of them, a second could wait for a record that
    another process holds while that one waits for the head. SQLite's write lock is taken by BEGIN IMMEDIATE.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT seq FROM head FOR UPDATE")


def _prepare_sqlite_writer(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _need_psycopg() -> None:
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


def make_reader(url: URL, threads: int, seconds: float) -> Reader:
    """The read face of the database: reader threads on SQLite, an asynchronous pool on PostgreSQL."""
    if url.get_backend_name() == "sqlite":
        return SqliteReader(str(url.database), threads, seconds)
    return PostgresReader(url, max(threads, 4), seconds)


class SqliteReader:
    """Read-only connections, one for the event loop (short look-ups) and one for each reader thread."""

    def __init__(self, path: str, threads: int, seconds: float) -> None:
        self._path, self._seconds = Path(path).resolve(), seconds
        self._dialect = sqlite.dialect(paramstyle="named")
        self._threads = Threads(threads, seconds)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def compile(self, statement: sa.Select[Any]) -> tuple[str, dict[str, Any]]:
        """The statement as a string for the driver, with the values of its literals."""
        compiled = statement.compile(dialect=self._dialect)
        return str(compiled), dict(compiled.params)

    async def rows(self, sql: str, values: Mapping[str, Any], *, short: bool) -> list[Row]:
        """The rows; `short` look-ups run on the loop itself: they cost less than a hop to a thread."""
        if short:
            return self._rows(sql, values)
        return await self._threads.run(self._rows, sql, values)

    def load(self) -> ReaderLoad:
        """How many reads run and wait."""
        return self._threads.load()

    def _rows(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        deadline = time.monotonic() + self._seconds
        connection = self._connection()
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
        try:
            return connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable("the store could not answer in time, or at all") from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            try:
                connection = sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
            except sqlite3.OperationalError as error:
                raise Unavailable("the store's file cannot be opened") from error
            for pragma in (
                "query_only=ON",
                "case_sensitive_like=ON",
                "mmap_size=268435456",
                f"busy_timeout={int(self._seconds * 1000)}",
            ):
                connection.execute(f"PRAGMA {pragma}")
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    async def close(self) -> None:
        """End the threads and their connections."""
        self._threads.close()
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()


READ_OPTIONS = "-c default_transaction_read_only=on -c timezone=UTC -c random_page_cost=1.1"
"""What every reading connection to PostgreSQL is set to. Pages lie in memory or on disks without moving parts: with the
default, which is a turning disk's, the planner reads whole tables where a few look-ups by index would do."""


class PostgresReader:
    """A pool of read-only connections that give up after `seconds`."""

    def __init__(self, url: URL, connections: int, seconds: float) -> None:
        _need_psycopg()
        from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415 - an extra that only PostgreSQL needs

        self._dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
        self._opened = False
        self._opening = asyncio.Lock()
        milliseconds = int(seconds * 1000)
        self._pool = AsyncConnectionPool(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            kwargs={
                "autocommit": True,
                "options": f"{READ_OPTIONS} -c statement_timeout={milliseconds}",
                "application_name": "incidents reader",
            },
            min_size=1,
            max_size=connections,
            timeout=min(seconds, PATIENCE),
            max_waiting=MAX_WAITING,
            open=False,
        )

    def compile(self, statement: sa.Select[Any]) -> tuple[str, dict[str, Any]]:
        """The statement as a string for the driver, with the values of its literals."""
        compiled = statement.compile(dialect=self._dialect)
        return str(compiled), dict(compiled.params)

    async def rows(self, sql: str, values: Mapping[str, Any], *, short: bool) -> list[Row]:
        """The rows; `short` makes no difference here."""
        import psycopg  # noqa: PLC0415 - an extra that only PostgreSQL needs
        import psycopg_pool  # noqa: PLC0415

        try:
            if not self._opened:
                async with self._opening:
                    if not self._opened:
                        await self._pool.open()
                        self._opened = True
            async with self._pool.connection() as connection:
                cursor = await connection.execute(sql.encode(), values)
                return list(await cursor.fetchall())
        except (psycopg.OperationalError, psycopg_pool.PoolTimeout) as error:
            raise Unavailable("the store could not answer in time") from error

    def load(self) -> ReaderLoad:
        """How many connections of the pool are in use, and how many reads wait for one."""
        told = self._pool.get_stats()
        busy = told.get("pool_size", 0) - told.get("pool_available", 0)
        return ReaderLoad(busy, self._pool.max_size, told.get("requests_waiting", 0))

    async def close(self) -> None:
        """Close every connection of the pool."""
        with suppress(Exception):  # a pool that never opened, or whose server is gone, has nothing to close
            await self._pool.close()


def is_unavailable(error: Exception) -> bool:
    """Whether a write failed for a reason outside the request: busy, full, locked, gone."""
    # After a connection broke, whatever else was to go with it meets a transaction that is pending its end.
    kinds = sa.exc.OperationalError | sa.exc.TimeoutError | sa.exc.InterfaceError | sa.exc.PendingRollbackError
    return isinstance(error, kinds) or type(error) is sa.exc.DatabaseError


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
        return f"sqlite:///{path}" if file.read(16) == b"SQLite format 3\x00" else None


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
