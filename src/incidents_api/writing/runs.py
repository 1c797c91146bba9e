"""Runs: a request of many lines that remembers how far it came, so that it goes on there when it is sent again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict
from incidents_api.model.visitor import Visitor
from incidents_api.storage import tables
from incidents_api.writing.batch import Item, Taken, take
from incidents_api.writing.once import Answer, Key, forget_old, held, opened, replayed, stamp

LEASE_SECONDS = 5
"""A run that was not heard of for so long is taken for dead; another request with its key goes on with it."""
MAX_REFUSALS = 100_000
"""How many refused lines of a run are kept; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not taken: `problem` as problem+json; `source` is the line as it stood, for a file of rejects.
    `main`: it is what the line is about, not something that the line refers to."""

    line: int
    external_id: str | None
    problem: dict[str, Any]
    source: str = ""
    main: bool = True

    def wire(self) -> dict[str, Any]:
        """As answers tell it."""
        return {"line": self.line, "external_id": self.external_id, "problem": self.problem}


MAX_NOTICES = 100
"""How many lines whose records were merged are named; the rest is counted."""


@dataclass(slots=True)
class Progress:
    """How far a run came. `rows`: how many were seen, and `digest`, the sha256 over them. `notices`: the first lines
    that were left alone because their record was merged into another."""

    rows: int = 0
    digest: str = ""
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("received", "created", "updated", "unchanged", "refused", "also", "ended", "merged"), 0
        )
    )
    first: int | None = None
    last: int | None = None
    notices: list[dict[str, Any]] = field(default_factory=list)

    def add(self, taken: Taken, refused: Sequence[Refused]) -> None:
        """Count what became of a batch; what lines refer to is counted where it was created."""
        for done in taken.done:
            if done.outcome != "refused" and done.item.main:
                self.counts[done.outcome] += 1
                self.counts["received"] += 1
                if done.into is not None:
                    self._notice(done.item.line, done.item.external_id, done.into)
            elif done.outcome == "created":
                self.counts["also"] += 1
        missed = sum(one.main for one in refused)
        self.counts["refused"] += missed
        self.counts["received"] += missed
        self.counts["also"] += taken.also
        self.first = self.first or taken.first
        self.last = taken.last or self.last

    def _notice(self, line: int, external_id: str | None, into: str) -> None:
        self.counts["merged"] += 1
        if len(self.notices) < MAX_NOTICES:
            self.notices.append({"line": line, "external_id": external_id, "merged_into": into})


@dataclass(frozen=True, slots=True)
class Run:
    """A run that this process carries out. `runner` is its own word for that."""

    key: Key
    id: str
    runner: str


def begin(conn: Connection, key: Key, runner: str) -> tuple[Run, Progress] | tuple[Answer, str | None]:
    """The run of a key from where it stands; or the answer it was given, with the digest of its body.

    Conflict while another process carries it out.
    """
    forget_old(conn, key.days)
    row = held(conn, key)
    now = datetime.now(UTC)
    mine = {"runner": runner, "touched_at": stamp(now)}
    if row is None:
        columns = opened(key) | mine | {"progress": json.dumps(asdict(Progress()))}
        conn.execute(sa.insert(tables.request).values(columns))
        return Run(key, columns["run"], runner), Progress()
    if row.status is not None:
        return replayed(row), row.digest
    if row.runner is not None and row.touched_at > stamp(now - timedelta(seconds=LEASE_SECONDS)):
        raise Conflict("a request with this key is running", headers={"Retry-After": str(LEASE_SECONDS)})
    conn.execute(sa.update(tables.request).where(_of(key)).values(mine))
    return Run(key, row.run, runner), Progress(**json.loads(row.progress))


def _of(key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(tables.request.c.holder == key.holder, tables.request.c.key == key.word)


@dataclass(frozen=True, slots=True)
class Lines:
    """One batch: the lines of the right shape and the others; `last` is the place of its last one among all rows,
    `digest` the sha256 over all up to there."""

    items: Sequence[Item]
    refused: Sequence[Refused]
    last: int
    digest: str


def step(
    conn: Connection, run: Run, progress: Progress, lines: Lines, who: Visitor, operation: str | None
) -> tuple[Progress, list[Refused]]:
    """Write one batch and how far the run has come with it, both or neither; the progress, and the refused lines.

    Of several refusals of one line the first is told: the others follow from it.
    """
    taken = take(conn, lines.items, who, operation)
    more = [
        Refused(done.item.line, done.item.external_id, done.problem.wire(), main=done.item.main)
        for done in taken.done
        if done.problem is not None
    ]
    every = sorted([*lines.refused, *more], key=lambda one: one.line)
    told = Progress(**asdict(progress) | {"rows": lines.last, "digest": lines.digest})
    told.add(taken, every)
    first = list({one.line: one for one in reversed(every)}.values())[::-1]
    _keep(conn, run, {"progress": json.dumps(asdict(told)), "touched_at": stamp(datetime.now(UTC))})
    keep_refusals(conn, run, first[: max(0, MAX_REFUSALS - progress.counts["refused"])])
    return told, first


def keep_refusals(conn: Connection, run: Run, refused: Sequence[Refused]) -> None:
    """Keep lines that were refused, to be asked for later."""
    rows = [one.wire() | {"run": run.id, "problem": json.dumps(one.problem, ensure_ascii=False)} for one in refused]
    if rows:
        conn.execute(sa.insert(tables.refusal), rows)


def _keep(conn: Connection, run: Run, values: dict[str, Any]) -> None:
    """Change the row of the run; Conflict when another process carries it out by now: then nothing is written."""
    own = sa.update(tables.request).where(_of(run.key), tables.request.c.runner == run.runner)
    if conn.execute(own.values(values)).rowcount != 1:
        raise Conflict(
            "another request with this key goes on with the run", headers={"Retry-After": str(LEASE_SECONDS)}
        )


def finish(conn: Connection, run: Run, answer: Answer, digest: str, *, free: bool = False) -> None:
    """Keep the answer of a run and the digest of the whole body it was asked with; `free` its key for another try."""
    kept = {"status": answer.status, "headers": json.dumps(dict(answer.headers)), "body": answer.body, "digest": digest}
    _keep(conn, run, kept | {"runner": None, "progress": None} | ({"key": run.id} if free else {}))


def let_go(conn: Connection, run: Run) -> None:
    """Leave the run to the next request with its key; one that has not begun to write is forgotten."""
    mine = sa.and_(_of(run.key), tables.request.c.runner == run.runner)
    text = conn.execute(sa.select(tables.request.c.progress).where(mine)).scalar_one_or_none()
    if text is not None and json.loads(text)["rows"]:
        conn.execute(sa.update(tables.request).where(mine).values(runner=None))
    else:
        conn.execute(sa.delete(tables.request).where(mine))


def refusals(conn: Connection, run: str, limit: int) -> list[Refused]:
    """The first lines that a run refused."""
    table = tables.refusal
    rows = conn.execute(sa.select(table).where(table.c.run == run).order_by(table.c.line).limit(limit))
    return [Refused(row.line, row.external_id, json.loads(row.problem)) for row in rows]
