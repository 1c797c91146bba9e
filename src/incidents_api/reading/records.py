"""Records out: one by id, some by theirs, the history of one, and the edition; each is one statement."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience, public_id
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.wire import stamp
from incidents_api.reading.bound import Bound, Condition, Later, seen
from incidents_api.reading.conditions import conditions
from incidents_api.reading.query import Query
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import as_bytes, filled, joined, tail
from incidents_api.storage.tables import FULL_ROW, KIND_TABLES, revision

SEPARATOR = ",\n"
"""Between the records of a page; canonical JSON never holds a raw line feed, so it parts them for certain."""


ENVELOPE = '{"id":"%s","version":%s,"seq":%s,"recorded_at":"%s","recorded_by":"%s",'
"""What the log gave a record, before its members: `envelope` fills it."""


def envelope(log: Any = revision) -> tuple[sa.ColumnElement[Any], ...]:
    """What the log says of a record that it gives it."""
    return log.c.record_id, log.c.version, log.c.seq, log.c.recorded_at, log.c.author


def document(log: Any = revision) -> sa.ColumnElement[str]:
    """The record as served: what the log gave it, then its members (model/revision.py builds the same bytes)."""
    text: sa.ColumnElement[str] = filled(sa.literal(ENVELOPE), *envelope(log)) + tail(log.c.record)
    return text


def one(kind: Kind, record_id: str, at: int | None = None, *, to: Audience) -> Statement:
    """(document, version, hash, reason, seen, head, operation) of a record of that kind, or no row.

    Where it is ended there is no document; the reason is the tombstone's, and the operation says how it was ended.
    `seen`: whether the audience sees it whole; where it does not, `public_rows` may hold something for it.
    """
    made = _one(kind.name, at is None, to.full, to.statuses, to.author)
    return made._replace(values={**made.values, "at": at, "now": to.now, "id": record_id})


@lru_cache(256)
def _one(name: str, current: bool, full: bool, statuses: tuple[str, ...] | None, author: str | None) -> Statement:
    """The statement for an audience, with what it binds at any moment and of any record."""
    kind, bound = KINDS[name], Bound(None if current else 0)
    shown = _seen(kind, Audience(full, statuses, author), bound)

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        query = sa.select(as_bytes(document()), log.c.version, log.c.hash, log.c.reason, shown(), head_seq())
        query = query.add_columns(log.c.operation).where(
            log.c.record_id == sa.bindparam("id", type_=sa.Text), log.c.kind == kind.name
        )
        if not current:
            query = query.where(log.c.seq <= sa.bindparam("at", type_=sa.BigInteger))
        return query.order_by(log.c.version.desc()).limit(1)

    return Statement(("one", kind.name, *bound.shape), build, bound.values, short=True)


def _seen(kind: Kind, to: Audience, bound: Bound) -> Later:
    """Whether the audience sees a revision whole, by the row that it made true (of a tombstone: the row it ended).

    What was redacted whole has no rows; that it was there is then told to none but those who see everything.
    """
    if kind.name != "incident":
        return lambda: sa.literal(value=True)
    bound.shape.append(to.full)
    own = KIND_TABLES[kind.name]
    open_to = seen(own, to, bound)

    def made() -> Condition:
        row = sa.select(open_to()).where(own.c.id == revision.c.record_id, own.c.seq_from <= revision.c.seq)
        return sa.func.coalesce(row.order_by(own.c.seq_from.desc()).limit(1).scalar_subquery(), sa.literal(to.full))

    return made


def public_rows(record_id: str, *, to: Audience) -> Statement:
    """(document, version, seq_from, seq_to, recorded_at) of every row of a closed incident that is the public's own,
    newest first; none for who sees it whole."""
    bound = Bound()
    own = KIND_TABLES["incident"]
    shown = seen(own, to, bound)

    def build() -> sa.Select[*tuple[Any, ...]]:
        columns = (own.c.document, own.c.version, own.c.seq_from, own.c.seq_to, own.c.recorded_at)
        mine = own.c.id == sa.bindparam("id", type_=sa.Text)
        return sa.select(*columns).where(mine, shown()).order_by(own.c.seq_from.desc())

    return Statement(("public rows", repr(bound.shape)), build, bound.values | {"id": public_id(record_id)}, short=True)


def openings(*, to: Audience) -> Statement:
    """(seq of the last closing or opening, what the query tables were built with, last embargo that lifted).

    While these stand, what the audience sees of any moment of the past stands, too. All are found at once, however
    many incidents are closed.
    """
    turns = KIND_TABLES["incident"].c.turns

    def build() -> sa.Select[*tuple[Any, ...]]:
        lifted = sa.select(sa.func.max(turns)).where(turns <= sa.bindparam("now", type_=sa.Text), turns.is_not(None))
        return sa.select(tables.head.c.closing, tables.head.c.projection, lifted.scalar_subquery())

    return Statement("openings", build, {"now": to.now}, short=True)


def embargoes_over(now: datetime) -> Statement:
    """(whether there is one) of incidents that stand, are open by now, and whose log does not say so yet."""
    own = KIND_TABLES["incident"].c

    def build() -> sa.Select[*tuple[Any, ...]]:
        over = own.turns <= sa.bindparam("now", type_=sa.Text)
        return sa.select(sa.exists().where(own.audience == FULL_ROW, over, own.seq_to.is_(None)))

    return Statement("embargoes over", build, {"now": stamp(now)}, short=True)


def head_seq() -> sa.ScalarSelect[Any]:
    """The seq that the log stands at, in the same snapshot as the answer."""
    return sa.select(tables.head.c.seq).scalar_subquery()


def by_ids(kind: Kind, ids: Sequence[str], at: int | None) -> Statement:
    """(records joined by SEPARATOR as bytes) of these ids, as they stand."""
    bound = Bound(at)
    table = KIND_TABLES[kind.name]
    wanted = bound.any_of(table.c.id, ids)

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        rows = (
            sa.select(table.c.id, document().label("document"))
            .select_from(table.join(log, sa.and_(log.c.record_id == table.c.id, log.c.version == table.c.version)))
            .where(wanted, bound.true(table))
            .order_by(table.c.id)
            .subquery()
        )
        return sa.select(as_bytes(joined(rows.c.document, sa.literal(SEPARATOR), rows.c.id)))

    return Statement(("by ids", kind.name, len(ids), at is None), build, bound.values)


def seq_at(moment: str) -> Statement:
    """(seq) of the last revision that was recorded at that moment or before; None when there was none."""
    log = revision.c

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(sa.func.max(log.seq)).where(log.recorded_at <= sa.bindparam("moment", type_=sa.Text))

    return Statement("seq at", build, {"moment": moment}, short=True)


def revisions(kind: Kind, record_id: str, before: int, limit: int, *, to: Audience) -> Statement:
    """(version, seq, operation, author, recorded_at, reason, hash, previous hash, seen), newest first, below a
    version."""
    bound = Bound()
    shown = _seen(kind, to, bound)

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision.c
        columns = (log.version, log.seq, log.operation, log.author, log.recorded_at, log.reason, log.hash)
        return (
            sa.select(*columns, log.previous_hash, shown())
            .where(
                log.record_id == sa.bindparam("id", type_=sa.Text),
                log.kind == kind.name,
                log.version < sa.bindparam("before", type_=sa.Integer),
            )
            .order_by(log.version.desc())
            .limit(sa.bindparam("limit", type_=sa.Integer))
        )

    values = bound.values | {"id": record_id, "before": before, "limit": limit}
    return Statement(("revisions", kind.name, repr(bound.shape)), build, values, short=True)


def revision_at(kind: Kind, record_id: str, version: int, *, to: Audience) -> Statement:
    """(document, hash, reason, seen) of one revision, or no row."""
    bound = Bound()
    shown = _seen(kind, to, bound)

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision.c
        return sa.select(as_bytes(document()), log.hash, log.reason, shown()).where(
            log.record_id == sa.bindparam("id", type_=sa.Text),
            log.version == sa.bindparam("version", type_=sa.Integer),
            log.kind == kind.name,
        )

    values = bound.values | {"id": record_id, "version": version}
    return Statement(("revision", kind.name, repr(bound.shape)), build, values, short=True)


def edition(at: int | None, *, to: Audience) -> Statement:
    """(what, text, number): seq, hash and time of the revision that an edition ends in, and its number of records."""
    bound = Bound(at)
    where = {kind: conditions(Query(kind, (), ()), bound, to=to) for kind in KINDS.values()}

    def build() -> sa.Select[*tuple[Any, ...]]:
        log, top = revision.c, tables.head.c
        if at is None:
            said = [
                sa.select(sa.literal("hash"), top.hash, top.seq),
                sa.select(sa.literal("time"), top.recorded_at, top.seq),
            ]
        else:
            here = log.seq == sa.bindparam("at", type_=sa.BigInteger)
            said = [
                sa.select(sa.literal("hash"), log.hash, log.seq).where(here),
                sa.select(sa.literal("time"), log.recorded_at, log.seq).where(here),
            ]
        counts = [
            sa.select(sa.literal(kind.name), sa.literal(""), sa.func.count())
            .select_from(KIND_TABLES[kind.name])
            .where(*found)
            for kind, found in where.items()
        ]
        return sa.select(sa.union_all(*said, *counts).subquery())

    return Statement(("edition", repr(bound.shape)), build, bound.values)


def head() -> Statement:
    """(seq, hash, recorded_at, epoch) of the log."""
    columns = tables.head.c
    return Statement(
        "head", lambda: sa.select(columns.seq, columns.hash, columns.recorded_at, columns.epoch), short=True
    )
