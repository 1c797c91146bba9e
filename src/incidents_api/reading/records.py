"""Records out: one by id, a page of a list, how many there are, and the history of one; each is one statement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from incidents_api.model import vocabulary
from incidents_api.model.audience import Audience, public_id
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.wire import stamp
from incidents_api.reading.bound import Bound, Condition, Later, seen
from incidents_api.reading.conditions import conditions
from incidents_api.reading.query import PLACE, SPAN, Query
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import as_bytes, joined, tail
from incidents_api.storage.tables import FULL_ROW, KIND_TABLES, revision

SEPARATOR = ",\n"
"""Between the records of a page; canonical JSON never holds a raw line feed, so it parts them for certain."""


def document(log: Any = revision) -> sa.ColumnElement[str]:
    """The record as served: what the log gave it, then its members (model/revision.py builds the same bytes)."""
    text: sa.ColumnElement[str] = (
        sa.literal('{"id":"')
        + log.c.record_id
        + sa.literal('","version":')
        + sa.cast(log.c.version, sa.Text)
        + sa.literal(',"seq":')
        + sa.cast(log.c.seq, sa.Text)
        + sa.literal(',"recorded_at":"')
        + log.c.recorded_at
        + sa.literal('","recorded_by":"')
        + log.c.author
        + sa.literal('",')
        + tail(log.c.record)
    )
    return text


def one(kind: Kind, record_id: str, at: int | None = None, *, to: Audience) -> Statement:
    """(document, version, hash, reason, seen, head, operation) of a record of that kind, or no row.

    Where it is ended there is no document; the reason is the tombstone's, and the operation says how it was ended.
    `seen`: whether the audience sees it whole; where it does not, `public_rows` may hold something for it.
    """
    bound = Bound(at)
    shown = _seen(kind, to, bound)

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        query = sa.select(as_bytes(document()), log.c.version, log.c.hash, log.c.reason, shown(), head_seq())
        query = query.add_columns(log.c.operation).where(
            log.c.record_id == sa.bindparam("id", type_=sa.Text), log.c.kind == kind.name
        )
        if at is None:
            records = tables.record
            current = sa.and_(records.c.id == log.c.record_id, records.c.version == log.c.version)
            return query.select_from(log.join(records, current))
        query = query.where(log.c.seq <= sa.bindparam("at", type_=sa.BigInteger))
        return query.order_by(log.c.version.desc()).limit(1)

    return Statement(("one", kind.name, repr(bound.shape)), build, bound.values | {"id": record_id}, short=True)


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
    """(seq of the last closing, number of closed rows, last embargo that lifted): while these stand, what the audience
    sees of any moment of the past stands, too."""
    own = KIND_TABLES["incident"].c

    def build() -> sa.Select[*tuple[Any, ...]]:
        lifted = sa.case((own.turns <= sa.bindparam("now", type_=sa.Text), own.turns))
        return sa.select(sa.func.max(own.seq_from), sa.func.count(), sa.func.max(lifted)).where(
            own.audience.is_not(None)
        )

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


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of an order: a column, and whether it descends and is ever null, as only figures are."""

    column: Any
    descends: bool
    nullable: bool = False


def _ordered(query: Query, bound: Bound) -> Callable[[], tuple[list[_Key], Any]]:
    """The keys of the order, the id last, and the table joined with the figures that it sorts by; to be made later."""
    table = KIND_TABLES[query.kind.name]
    levels = [None if name in table.c else name.rpartition("_") for name, _ in query.sort]
    measures = [None if level is None else bound.value(level[0]) for level in levels]
    bound.shape.append(query.sort)

    def made() -> tuple[list[_Key], Any]:
        source: Any = table
        keys = []
        for (name, descends), level, measure in zip(query.sort, levels, measures, strict=True):
            if level is None:
                keys.append(_Key(tables.ordered_by(table, name), descends))
                continue
            told = tables.figure.alias()
            same = sa.and_(told.c.incident_id == table.c.id, told.c.measure == measure, told.c.whole)
            source = source.outerjoin(told, sa.and_(same, bound.true(told)))
            keys.append(_Key(told.c[level[2]], descends, nullable=True))
        return [*keys, _Key(table.c.id, keys[-1].descends)], source

    return made


def page(query: Query, *, to: Audience, left: bool = False) -> Statement:
    """(records joined by SEPARATOR as bytes, keys joined by line feeds, number, head) of up to limit + 1 rows of a list.

    `left`: then one number more for each name of `left_out`. The bytes are made by `encoded`.
    """
    bound = Bound(query.at)
    where = conditions(query, bound, to=to)
    ordered = _ordered(query, bound)
    after = query.after and [None if value is None else bound.value(value) for value in query.after]
    bound.shape.append(after and tuple(value is None for value in after))
    counts = [_left_out(query, name, bound, to=to) for name in left_out(query)] if left else []
    table, log = KIND_TABLES[query.kind.name], revision
    own = query.kind.name == "incident" and not to.full  # rows of the public's own carry their document

    def build() -> sa.Select[*tuple[Any, ...]]:
        keys, source = ordered()
        further = [] if after is None else [_after(keys, after)]
        named = [key.column.label(f"key_{n}") for n, key in enumerate(keys)]
        chosen = [table.c.id, table.c.version, *([table.c.document] if own else [])]
        # The rows of the page first: what is looked up and joined afterwards is theirs alone.
        rows = (
            sa.select(*chosen, *named)
            .select_from(source)
            .where(*where, *further)
            .order_by(*map(_lowest_nulls, keys))
            .limit(sa.bindparam("limit", type_=sa.Integer))
            .subquery("page")
        )
        keys = [replace(key, column=rows.c[one.name]) for key, one in zip(keys, named, strict=True)]
        order = [_lowest_nulls(key) for key in keys]
        told = sa.func.coalesce(rows.c.document, document()) if own else document()
        same = sa.and_(log.c.record_id == rows.c.id, log.c.version == rows.c.version)
        # One row: the driver steps once, however long the page is.
        return sa.select(
            as_bytes(joined(told, sa.literal(SEPARATOR), *order)),
            joined(_key(keys), sa.literal("\n"), *order),
            sa.func.count(),
            head_seq(),
            *(count() for count in counts),
        ).select_from(rows.outerjoin(log, same))

    return Statement(("page", repr(bound.shape)), build, bound.values | {"limit": query.limit + 1})


def total(query: Query, *, to: Audience) -> Statement:
    """(number) of all records that a query selects."""
    bound = Bound(query.at)
    where = conditions(query, bound, to=to)
    table = KIND_TABLES[query.kind.name]

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(sa.func.count()).select_from(table).where(*where)

    return Statement(("total", repr(bound.shape)), build, bound.values)


def left_out(query: Query) -> dict[str, tuple[str, ...]]:
    """What an answer to a filter by place or date says it could not judge, and the parameters of that filter."""
    asked = {"unlocated": PLACE, "undated": SPAN}
    return {name: one for name, one in asked.items() if any(query.get(parameter) for parameter in one)}


def left_out_of(query: Query, *, to: Audience) -> Statement:
    """(one number for each name of `left_out`) of the records that meet all else and cannot be placed."""
    bound = Bound(query.at)
    counts = [_left_out(query, name, bound, to=to) for name in left_out(query)]
    return Statement(("left out", repr(bound.shape)), lambda: sa.select(*(one() for one in counts)), bound.values)


def _left_out(query: Query, name: str, bound: Bound, *, to: Audience) -> Callable[[], sa.ScalarSelect[Any]]:
    rest = query.without(*left_out(query)[name])
    table = KIND_TABLES[query.kind.name]
    bound.shape.append(name)
    where = conditions(rest, bound, to=to)
    where.append((lambda: table.c.span_start.is_(None)) if name == "undated" else _unplaced(query, table, bound))
    return lambda: sa.select(sa.func.count()).select_from(table).where(*where).correlate(None).scalar_subquery()


def _unplaced(query: Query, table: sa.Table, bound: Bound) -> Later:
    precisions = vocabulary.codes("location_precision")
    enough = precisions[: precisions.index(query.one("max_precision", "city")) + 1]
    pointed = bool(query.get("bbox") or query.get("radius_km"))
    bound.shape.append((len(enough), pointed))
    named = bound.all(enough)

    def made() -> Condition:
        placed: Condition = table.c.precision.in_(named)
        if pointed:
            placed = sa.and_(placed, table.c.lon.is_not(None))
        return sa.not_(sa.func.coalesce(placed, sa.false()))

    return made


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


# --- Keyset paging -------------------------------------------------------------------------------------------------


def _lowest_nulls(key: _Key) -> sa.UnaryExpression[Any]:
    """Unknown sorts lowest on both databases."""
    if not key.nullable:
        return key.column.desc() if key.descends else key.column.asc()  # type: ignore[no-any-return]
    return key.column.desc().nulls_last() if key.descends else key.column.asc().nulls_first()  # type: ignore[no-any-return]


def _key(keys: Sequence[_Key]) -> sa.ColumnElement[str]:
    """The place of a row in the order: each value as "+value" or "-" for null, then the id, parted by U+001F."""
    told: Any = None
    for key in keys[:-1]:
        part = sa.case((key.column.is_(None), sa.literal("-")), else_=sa.literal("+") + sa.cast(key.column, sa.Text))
        told = (part if told is None else told + part) + sa.literal("\x1f")
    return told + keys[-1].column  # type: ignore[no-any-return]


def _after(keys: Sequence[_Key], after: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Rows that come after a place in the order: beyond it in the first key, or equal there and beyond in the next."""
    steps = []
    equal: list[sa.ColumnElement[bool]] = []
    for key, limit in zip(keys, after, strict=True):
        if limit is None:
            beyond = None if key.descends else key.column.is_not(None)
            same = key.column.is_(None)
        else:
            beyond = key.column < limit if key.descends else key.column > limit
            if key.descends and key.nullable:
                beyond = sa.or_(beyond, key.column.is_(None))
            same = key.column == limit
        if beyond is not None:
            steps.append(sa.and_(*equal, beyond))
        equal.append(same)
    condition = sa.or_(*steps)
    if not keys[0].nullable:
        # The plain bound on the first key lets the index start at the place.
        condition = sa.and_(keys[0].column <= after[0] if keys[0].descends else keys[0].column >= after[0], condition)
    return condition
