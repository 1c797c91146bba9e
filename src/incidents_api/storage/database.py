"""The database with its two faces: reads run one statement, one writer commits together what is queued."""

import asyncio
import queue
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import OperatorError, Problem, Unavailable
from incidents_api.storage import dialects, upkeep
from incidents_api.storage.dialects import Row
from incidents_api.storage.load import Histogram, Load, ReaderLoad

T = TypeVar("T")

MAX_BATCH = 256
"""How many queued writes share one commit."""
MAX_QUEUE = 2_000
"""How many writes may wait; one more is told to come back later."""


class Statement(NamedTuple):
    """A read: `build` makes the SQL, once for each `shape`; `values` fill its bound parameters.

    Two statements of one shape must build the same SQL. `short`: an indexed look-up of a row or two.
    """

    shape: Hashable
    build: Callable[[], sa.Select[Any]]
    values: Mapping[str, Any] = MappingProxyType({})
    short: bool = False


class Together(NamedTuple):
    """How writes that come at one time are carried out by one call: `function(conn, [arguments, ...])` gives what each
    would have given by itself, or raises, and then each is carried out by itself. Only those that are `alike`."""

    function: Callable[[Connection, Sequence[tuple[Any, ...]]], Sequence[Any]]
    alike: Hashable


@dataclass(slots=True)
class _Job:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    together: Together | None
    future: Future[Any]


Begun = sa.RootTransaction | dialects.Savepoint
"""What a job that fails is taken back by."""
Ran = tuple[_Job, Any, BaseException | None]
"""A job, what it returned, or what it raised."""


class Database:
    """One store. Reads never meet the writer; writes queue for the one writer of this process."""

    def __init__(self, url: str, read_threads: int = 2, statement_seconds: float = 10.0) -> None:
        self.url = dialects.parse_url(url)
        self._seconds = statement_seconds
        self._read_threads = read_threads
        self._engine = dialects.make_writer(self.url, statement_seconds)
        self._reader: dialects.Reader | None = None
        self._compiled: dict[Hashable, dialects.Compiled] = {}
        self._queue: queue.Queue[_Job | None] = queue.Queue(MAX_QUEUE)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._batches = Histogram((1, 2, 4, 8, 16, 32, 64, 128, MAX_BATCH))
        self.on_commit: Callable[[], None] | None = None
        """Called by the writer after each of its commits; it must neither wait nor raise."""

    # --- Reads -----------------------------------------------------------------------------------------------------

    async def read(self, statement: Statement) -> list[Row]:
        """The rows of a statement; Unavailable when the database cannot answer in time."""
        if self._reader is None:
            self._reader = dialects.make_reader(self.url, self._read_threads, self._seconds)
        compiled = self._compiled.get(statement.shape)
        if compiled is None:
            if len(self._compiled) > 5_000:
                self._compiled.clear()
            compiled = self._compiled[statement.shape] = self._reader.compile(statement.build(), short=statement.short)
        return await self._reader.rows(compiled, statement.values, short=statement.short)

    # --- Writes ----------------------------------------------------------------------------------------------------

    async def write(self, function: Callable[..., T], *arguments: Any, together: Together | None = None) -> T:
        """What `function(conn, *arguments)` returns, once it is committed; its Problem when it raised one.

        The write goes on when the caller is cancelled: a client that hangs up does not undo it.
        """
        return await asyncio.shield(asyncio.wrap_future(self._enqueue(function, arguments, together)))

    def write_now(self, function: Callable[..., T], *arguments: Any) -> T:
        """The same for the command line: waits for the commit."""
        result: T = self._enqueue(function, arguments).result()
        return result

    def _enqueue(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], together: Together | None = None
    ) -> Future[Any]:
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._write_queued, name="writer", daemon=True)
                    self._thread.start()
        future: Future[Any] = Future()
        try:
            self._queue.put_nowait(_Job(function, arguments, together, future))
        except queue.Full:
            raise Unavailable("too many writes are waiting", headers={"Retry-After": "1"}) from None
        return future

    def _write_queued(self) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            batch = [job]
            while len(batch) < MAX_BATCH:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._queue.put(None)
                    break
                batch.append(following)
            self._commit(batch)

    def _commit(self, batch: list[_Job]) -> None:
        """Run each job in one transaction, commit, and only then tell anyone.

        One that fails is taken back to a savepoint before it; one that is alone, with the transaction itself.
        """
        try:
            with (
                dialects.writer_lock(self.url, self._seconds),
                self._engine.connect() as connection,
                connection.begin() as transaction,
            ):
                dialects.lock_head(connection)
                begun = transaction if len(batch) == 1 else dialects.Savepoint(connection)
                results = [
                    result
                    for _, jobs in groupby(batch, key=lambda job: job.together or id(job))
                    for result in self._run_all(connection, [*jobs], begun)
                ]
            self._batches.add(len(batch))
        except Exception as error:  # whatever failed, every caller must hear that nothing was kept
            failure = error if isinstance(error, Problem) else _translated(error)
            results = [(job, None, failure) for job in batch]
        if (tell := self.on_commit) is not None:
            tell()
        for job, result, problem in results:
            if problem is not None:
                job.future.set_exception(problem)
            else:
                job.future.set_result(result)

    def _run_all(self, connection: Connection, jobs: list[_Job], begun: Begun) -> list[Ran]:
        """Jobs that can be carried out together, or one."""
        if (together := jobs[0].together) is not None and len(jobs) > 1:
            try:
                results = together.function(connection, [job.arguments for job in jobs])
                begun.commit()
            except Exception:  # each hears of its own
                begun.rollback()
            else:
                return [(job, result, None) for job, result in zip(jobs, results, strict=True)]
        return [self._run(connection, job, begun) for job in jobs]

    @staticmethod
    def _run(connection: Connection, job: _Job, begun: Begun) -> Ran:
        try:
            result = job.function(connection, *job.arguments)
            begun.commit()
        except Exception as error:  # handed to the caller that asked for it
            begun.rollback()
            return job, None, error if isinstance(error, Problem) else _translated(error)
        return job, result, None

    # --- Life ------------------------------------------------------------------------------------------------------

    def load(self) -> Load:
        """How busy the store is."""
        reader = ReaderLoad(0, self._read_threads, 0) if self._reader is None else self._reader.load()
        return Load(self._queue.qsize(), self._batches, reader)

    def exists(self) -> bool:
        """Whether there is a store at the address; asking makes none."""
        return dialects.exists(self.url)

    def connect(self) -> Connection:
        """A connection outside the queue that holds nobody up and sees one moment, for verify, doctor and backups."""
        return dialects.for_reading(self._connect())

    def _connect(self) -> Connection:
        try:
            return self._engine.connect()
        except sa.exc.DBAPIError as error:
            raise OperatorError(f"the database {self.url.render_as_string()} cannot be reached: {error.orig}") from None

    @contextmanager
    def connect_alone(self) -> Iterator[Connection]:
        """A transaction that holds the write lock of the store, for migrations; makes the file where there is none."""
        dialects.make_file(self.url)
        with dialects.writer_lock(self.url, 30), self._connect() as connection, connection.begin():
            dialects.lock_migrations(connection)
            yield connection

    async def scrub(self) -> bool:
        """Overwrite what was deleted where the engine still keeps its bytes; False when a reader stood in the way."""
        return await asyncio.to_thread(self.scrub_now)

    def scrub_now(self) -> bool:
        """The same for the command line; waits for the writer's lock, and for readers as long as for any lock."""
        with dialects.writer_lock(self.url, self._seconds):
            return upkeep.scrub(self._engine)

    async def close(self) -> None:
        """Finish what is queued, then let go of every connection."""
        await asyncio.to_thread(self.close_writer)
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    def close_writer(self) -> None:
        """Finish what is queued and end the writer."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        self._engine.dispose()


def _translated(error: Exception) -> Exception:
    if dialects.is_unavailable(error):
        problem = Unavailable("the store cannot take writes now; try again", headers={"Retry-After": "1"})
        problem.__cause__ = error
        return problem
    return error
