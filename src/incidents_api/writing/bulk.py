"""Bulk: rows of any number into the store, batch by batch with what was read so far remembered, or all or nothing.

The same for the routes and the command line. It runs in a thread of its own and hands each batch to the one writer, so
that other writes come in between.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from sqlalchemy.engine import Connection

from incidents_api.errors import Fault, Invalid, Problem, TooLarge
from incidents_api.model.kinds import KINDS
from incidents_api.model.revision import new_id
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.storage.database import Database
from incidents_api.storage.dialects import MANY, take_stock
from incidents_api.writing import gone, lookup, runs
from incidents_api.writing.batch import Item
from incidents_api.writing.once import Answer, Key, reused
from incidents_api.writing.runs import Lines, Progress, Refused, Run

BATCH_ROWS = 1_000
BATCH_CHARACTERS = 4_000_000
"""How much goes into one transaction: what other writers may have to wait for."""
SHOWN_REFUSALS = 1_000
REVISED = ("incident", "statistic")
"""Kinds that an import brings up to date; what their rows refer to is only created."""
_NO_ID = Fault("give the id of a record, or leave it out", "pattern", pointer="/id")


class Incoming(Protocol):
    """A row as importers give it (importers/row.py)."""

    @property
    def line(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def report(self) -> dict[str, Any] | None: ...
    @property
    def source(self) -> str: ...
    @property
    def faults(self) -> tuple[Fault, ...]: ...


@dataclass(frozen=True, slots=True)
class Options:
    """How rows are taken. `whole`: all or nothing, in one transaction of at the most `max_rows` rows, which a `dry_run`
    takes back in any case. `operation`: what revisions are called, where not create and replace; rows of kinds that
    are not in `revised` only create what is not there. `ended: retract` ends what the rows no longer name.
    `remembered`: a request that is done is answered again from what was kept."""

    dry_run: bool = False
    on_error: str = "skip"
    on_existing: str = "skip"
    operation: str | None = None
    revised: tuple[str, ...] = tuple(KINDS)
    ended: str = "keep"
    remembered: bool = True
    max_rows: int = 20_000

    @property
    def whole(self) -> bool:
        """Whether the rows are one transaction."""
        return self.dry_run or self.on_error == "abort"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rows. `refusals` are the first of them; `kept`: whether anything was written."""

    run: str
    progress: Progress
    refusals: Sequence[Refused]
    kept: bool
    dry_run: bool = False

    def wire(self) -> dict[str, Any]:
        """As the answer tells it."""
        counts = dict(self.progress.counts)
        if not (self.kept or self.dry_run):
            counts |= dict.fromkeys(("created", "updated", "also"), 0)
        seqs = {"from": self.progress.first, "to": self.progress.last}
        told: dict[str, Any] = {"run": self.run, "dry_run": self.dry_run, **counts}
        told["seq"] = seqs if self.kept and self.progress.first is not None else None
        told["notices"] = self.progress.notices
        told["refusals"] = [one.wire() for one in self.refusals]
        if counts["refused"]:
            told["refusals_url"] = f"/v1/refusals/{self.run}"
        return told


class _TakenBack(Exception):
    """Undoes what was written, and tells what it would have been."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Bulk:
    """One request of many rows. `told` hears of every batch: the rows so far, and the refused of this batch."""

    def __init__(
        self,
        database: Database,
        who: Visitor,
        options: Options,
        key: Key,
        told: Callable[[Progress, Sequence[Refused]], None] = lambda progress, refused: None,
    ) -> None:
        self.database, self.who, self.options, self.key, self.told = database, who, options, key, told

    def run(self, rows: Iterable[Incoming], digest: Callable[[], str], answer: Callable[[Outcome], Answer]) -> Answer:
        """Take the rows and answer; the kept answer when this request was answered before.

        `digest` gives the sha256 of the whole body and may read the rest of it. Whatever breaks, the batches that were
        committed stay, and the same request sent again goes on after them.
        """
        begun = self.database.write_now(runs.begin, self.key, new_id())
        if isinstance(begun[0], Answer):
            if begun[1] != digest():
                raise reused()
            return begun[0]
        run, progress = begun[0], begun[1]
        assert isinstance(progress, Progress)  # noqa: S101 - says to the type checker what begin promises
        try:
            if self.options.whole:
                return self._whole(run, rows, digest, answer)
            given = answer(self._batches(run, progress, rows))
            finish = partial(runs.finish, free=not self.options.remembered)
            self.database.write_now(finish, run, given, digest())
        except BaseException:
            self.database.write_now(runs.let_go, run)
            raise
        return given

    # --- Batch by batch --------------------------------------------------------------------------------------------

    def _batches(self, run: Run, progress: Progress, rows: Iterable[Incoming]) -> Outcome:
        seen: set[str] = set()
        for batch in self._after(progress, self._noted(rows, seen) if self.options.ended == "retract" else rows):
            progress, _ = self._step(partial(self.database.write_now, runs.step), run, progress, batch)
        for scheme in sorted({name.partition(":")[0] for name in seen}):
            self._retract(scheme, seen, progress)
        if progress.rows >= MANY:
            self.database.write_now(take_stock)
        shown = self.database.write_now(runs.refusals, run.id, SHOWN_REFUSALS)
        return Outcome(run.id, progress, shown, kept=True)

    def _noted(self, rows: Iterable[Incoming], seen: set[str]) -> Iterator[Incoming]:
        """The rows, and what they name."""
        for row in rows:
            if row.external_id is not None and row.kind == "incident":
                seen.add(row.external_id)
            yield row

    def _retract(self, scheme: str, seen: set[str], progress: Progress) -> None:
        """End the incidents of a dataset that its newer release does not hold any more."""
        lost = self.database.write_now(gone.lost, scheme, seen)
        for some in lookup.some_of(lost, BATCH_ROWS):
            revisions = self.database.write_now(gone.end, scheme, some, self.who)
            progress.counts["ended"] += len(revisions)
            if revisions:
                progress.first, progress.last = progress.first or revisions[0].seq, revisions[-1].seq

    def _step(
        self, step: Callable[..., tuple[Progress, list[Refused]]], run: Run, progress: Progress, batch: "_Batch"
    ) -> tuple[Progress, list[Refused]]:
        items, refused = self._items(batch.rows)
        lines = Lines(items, refused, batch.last, batch.digest)
        progress, more = step(run, progress, lines, self.who, self.options.operation)
        sources = {row.line: row.source for row in batch.rows} if more else {}
        self.told(progress, [replace(one, source=sources[one.line]) for one in more])
        return progress, more

    def _after(self, progress: Progress, rows: Iterable[Incoming]) -> Iterator["_Batch"]:
        """The rows in batches, from the first on that the run has not seen; they must be those that it saw."""
        seen = hashlib.sha256()
        batch: list[Incoming] = []
        size = count = 0
        for row in rows:
            if (len(batch) >= BATCH_ROWS or size > BATCH_CHARACTERS) and row.line != batch[-1].line:
                yield _Batch(batch, count, seen.hexdigest())
                batch, size = [], 0
            count += 1
            seen.update(f"{row.line}\n{row.source}\n".encode("utf-8", "replace"))
            if count <= progress.rows:
                if count == progress.rows and seen.hexdigest() != progress.digest:
                    raise reused()
                continue
            batch.append(row)
            size += len(row.source)
        if count < progress.rows:
            raise reused()
        if batch:
            yield _Batch(batch, count, seen.hexdigest())

    def _items(self, rows: Sequence[Incoming]) -> tuple[list[Item], list[Refused]]:
        """The rows whose shape is right, and those whose is not."""
        items: list[Item] = []
        refused: list[Refused] = []
        for place, row in enumerate(rows):
            kind, main = KINDS[row.kind], row.kind in self.options.revised
            try:
                if row.report is None:
                    raise Invalid("The line cannot be read as a report; see errors", row.faults)
                members = dict(row.report)
                record_id = members.pop("id", None)
                if record_id is not None and not (isinstance(record_id, str) and lookup.is_id(record_id)):
                    raise Invalid("The report is not valid; see errors", [_NO_ID])
                report = validate(kind.report, members)
            except Problem as problem:
                refused.append(Refused(row.line, row.external_id, problem.wire(), main=main))
                continue
            on_existing = self.options.on_existing if main else "skip"
            items.append(Item(place, row.line, kind, report, on_existing, row.external_id, record_id, main))
        return items, refused

    # --- All or nothing --------------------------------------------------------------------------------------------

    def _whole(
        self, run: Run, rows: Iterable[Incoming], digest: Callable[[], str], answer: Callable[[Outcome], Answer]
    ) -> Answer:
        """Every row in one transaction, which stays open while they are read: they must come from a file."""
        try:
            return self.database.write_now(self._write_whole, run, rows, digest, answer)
        except _TakenBack as back:
            every = back.outcome.refusals
            given = answer(replace(back.outcome, refusals=every[:SHOWN_REFUSALS]))
            self.database.write_now(runs.keep_refusals, run, every[: runs.MAX_REFUSALS])
            # Nothing was written, so the key may be used again; its refusals are found by the run.
            self.database.write_now(partial(runs.finish, free=True), run, given, digest())
            return given

    def _write_whole(
        self,
        conn: Connection,
        run: Run,
        rows: Iterable[Incoming],
        digest: Callable[[], str],
        answer: Callable[[Outcome], Answer],
    ) -> Answer:
        progress, every = Progress(), list[Refused]()
        for batch in self._after(progress, rows):
            if batch.last > self.options.max_rows:
                limit = f"{self.options.max_rows:,}"
                raise TooLarge(
                    f"all or nothing, and a dry run, take at the most {limit} lines; split them or skip errors"
                )
            progress, more = self._step(partial(runs.step, conn), run, progress, batch)
            every += more
        outcome = Outcome(run.id, progress, every, kept=True)
        if self.options.dry_run or every:
            raise _TakenBack(replace(outcome, kept=False, dry_run=self.options.dry_run))
        if progress.rows >= MANY:
            take_stock(conn)
        given = answer(outcome)
        runs.finish(conn, run, given, digest())
        return given


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows of one transaction; `last` is the place of the last one among all, `digest` the sha256 up to there."""

    rows: Sequence[Incoming]
    last: int
    digest: str
