"""The read face: reader threads over read-only connections on SQLite, an asynchronous pool on PostgreSQL."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL

from incidents_api.errors import Unavailable
from incidents_api.storage.dialects.connections import need_psycopg
from incidents_api.storage.dialects.expressions import sqlite_dialect
from incidents_api.storage.load import ReaderLoad
from incidents_api.storage.threads import MAX_WAITING, Threads, patience

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as the driver takes it: its text, the values of its literals, the order of all of its values where
    the driver takes them by their places, and whether it is to be planned for its values each time."""

    sql: str | bytes
    literals: Mapping[str, Any]
    order: tuple[str, ...] = ()
    anew: bool = False


class Reader(Protocol):
    """The read face: one statement, its values, its rows; never writes."""

    def compile(self, statement: sa.Select[Any], *, short: bool) -> Compiled: ...
    async def rows(self, compiled: Compiled, values: Mapping[str, Any], *, short: bool) -> list[Row]: ...
    def load(self) -> ReaderLoad: ...
    async def close(self) -> None: ...


def make_reader(url: URL, threads: int, seconds: float) -> Reader:
    """The read face of the database: reader threads on SQLite, an asynchronous pool on PostgreSQL."""
    if url.get_backend_name() == "sqlite":
        return SqliteReader(str(url.database), threads, seconds)
    return PostgresReader(url, max(threads, 4), seconds)


_MAPPED = 2_147_418_112
"""Bytes of the file that are read where the kernel keeps them, the most that SQLite maps. What lies beyond is copied
page by page: a tenth fewer answers a second over 300,000 incidents. The kernel may take them back at any time."""


class _Connection:
    """A connection that only reads, and gives up what runs beyond its deadline."""

    def __init__(self, path: Path, seconds: float) -> None:
        try:
            self.driver = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise Unavailable("the store's file cannot be opened") from error
        for pragma in (
            "query_only=ON",
            "case_sensitive_like=ON",
            f"mmap_size={_MAPPED}",
            f"busy_timeout={int(seconds * 1000)}",
        ):
            self.driver.execute(f"PRAGMA {pragma}")
        self._seconds, self._deadline = seconds, 0.0
        self.driver.set_progress_handler(self._is_over, 100_000)

    def rows(self, sql: Any, values: Mapping[str, Any]) -> list[Row]:
        """The rows; Unavailable when they take too long."""
        self._deadline = time.monotonic() + self._seconds
        try:
            return self.driver.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise Unavailable("the store could not answer in time, or at all") from error

    def _is_over(self) -> bool:
        return time.monotonic() > self._deadline


class SqliteReader:
    """Read-only connections, one for the event loop (short look-ups) and one for each reader thread."""

    def __init__(self, path: str, threads: int, seconds: float) -> None:
        self._path, self._seconds = Path(path).resolve(), seconds
        self._dialects = {short: sqlite_dialect(spelt=short) for short in (False, True)}
        self._threads = Threads(threads, seconds)
        self._local = threading.local()
        self._connections: list[_Connection] = []

    def compile(self, statement: sa.Select[Any], *, short: bool) -> Compiled:
        """The statement as a string for the driver, whose values have names."""
        compiled = statement.compile(dialect=self._dialects[short])
        return Compiled(str(compiled), dict(compiled.params))

    async def rows(self, compiled: Compiled, values: Mapping[str, Any], *, short: bool) -> list[Row]:
        """The rows; `short` look-ups run on the loop itself: they cost less than a hop to a thread."""
        values = {**compiled.literals, **values}
        if short:
            return self._rows(compiled.sql, values)
        return await self._threads.run(self._rows, compiled.sql, values)

    def load(self) -> ReaderLoad:
        """How many reads run and wait."""
        return self._threads.load()

    def _rows(self, sql: Any, values: Mapping[str, Any]) -> list[Row]:
        return self._connection().rows(sql, values)

    def _connection(self) -> _Connection:
        """That of this thread."""
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _Connection(self._path, self._seconds)
            self._connections.append(connection)
        return connection

    async def close(self) -> None:
        """End the threads and their connections."""
        self._threads.close()
        for connection in self._connections:
            connection.driver.close()
        self._connections.clear()
        self._local = threading.local()


async def _leave_as_is(connection: object) -> None:
    """A pool with something to do to a returned connection does it in a worker of its own.

    One with nothing to do takes it back in the task of the request, and loses it when the client hangs up meanwhile.
    """


READ_OPTIONS = "-c default_transaction_read_only=on -c timezone=UTC -c random_page_cost=1.1 -c jit=off"
"""What every reading connection to PostgreSQL is set to. Pages lie in memory or on disks without moving parts: with the
default, which is a turning disk's, the planner reads whole tables where a few look-ups by index would do. To compile a
statement takes longer than nearly every one of them runs."""


class PostgresReader:
    """A pool of read-only connections that give up after `seconds`."""

    def __init__(self, url: URL, connections: int, seconds: float) -> None:
        need_psycopg()
        from psycopg import AsyncRawCursor  # noqa: PLC0415 - an extra that only PostgreSQL needs
        from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415

        self._seconds = seconds
        # Values by their places: names would be looked for in the text again with every request.
        self._dialect = postgresql.psycopg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
        self._opened = False
        self._opening = asyncio.Lock()
        milliseconds = int(seconds * 1000)
        self._pool = AsyncConnectionPool(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            kwargs={
                "autocommit": True,
                "options": f"{READ_OPTIONS} -c statement_timeout={milliseconds}",
                "application_name": "incidents reader",
                "cursor_factory": AsyncRawCursor,
            },
            min_size=1,
            max_size=connections,
            max_waiting=MAX_WAITING,
            reset=_leave_as_is,
            open=False,
        )

    def compile(self, statement: sa.Select[Any], *, short: bool) -> Compiled:
        """The statement as bytes for the driver, whose values have places."""
        compiled: Any = statement.compile(dialect=self._dialect)
        sql = str(compiled)
        # One word is in a hundred incidents, another in a hundred thousand: a plan made for any is good for few.
        return Compiled(sql.encode(), dict(compiled.params), tuple(compiled.positiontup), anew=" @@ " in sql)

    async def rows(self, compiled: Compiled, values: Mapping[str, Any], *, short: bool) -> list[Row]:
        """The rows; `short` makes no difference here."""
        import psycopg  # noqa: PLC0415 - an extra that only PostgreSQL needs
        import psycopg_pool  # noqa: PLC0415

        try:
            if not self._opened:
                async with self._opening:
                    if not self._opened:
                        await self._pool.open()
                        self._opened = True
            own, asked = patience(), time.monotonic()
            async with self._pool.connection(own.most(self._seconds)) as connection:
                own.waited_since(asked)
                placed = [values[name] if name in values else compiled.literals[name] for name in compiled.order]
                cursor = await connection.execute(compiled.sql, placed, prepare=False if compiled.anew else None)
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
