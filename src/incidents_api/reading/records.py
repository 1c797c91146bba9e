"""Records out: one by id, a page of a list, how many there are, and the history of one; each is one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from incidents_api.model import vocabulary
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.reading.conditions import Bound, conditions
from incidents_api.reading.query import PLACE, SPAN, Query
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import joined
from incidents_api.storage.tables import KIND_TABLES, revision

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
        + sa.func.substr(log.c.record, 2)
    )
    return text


def one(kind: Kind, record_id: str, at: int | None = None) -> Statement:
    """(document, version, hash, reason, restricted, head, operation) of a record of that kind, or no row.

    Where it is ended there is no document; the reason is the tombstone's, and the operation says how it was ended.
    """

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        query = sa.select(document(), log.c.version, log.c.hash, log.c.reason, _restricted(kind), head_seq())
        query = query.add_columns(log.c.operation).where(
            log.c.record_id == sa.bindparam("id", type_=sa.Text), log.c.kind == kind.name
        )
        if at is None:
            records = tables.record
            current = sa.and_(records.c.id == log.c.record_id, records.c.version == log.c.version)
            return query.select_from(log.join(records, current))
        query = query.where(log.c.seq <= sa.bindparam("at", type_=sa.BigInteger))
        return query.order_by(log.c.version.desc()).limit(1)

    values = {"id": record_id} | ({} if at is None else {"at": at})
    return Statement(("one", kind.name, at is None), build, values, short=True)


def _restricted(kind: Kind) -> sa.ColumnElement[bool]:
    """Whether the public may not see a revision: its record is restricted, then or by now (or was, when it ended)."""
    if kind.name != "incident":
        return sa.literal(value=False)
    own = KIND_TABLES[kind.name]
    then = sa.select(own.c.sensitivity).where(own.c.id == revision.c.record_id, own.c.seq_from <= revision.c.seq)
    last = sa.select(own.c.sensitivity).where(own.c.id == revision.c.record_id)
    both = [
        sa.func.coalesce(one.order_by(own.c.seq_from.desc()).limit(1).scalar_subquery() == "restricted", sa.false())
        for one in (then, last)
    ]
    return sa.or_(*both)


def head_seq() -> sa.ScalarSelect[Any]:
    """The seq that the log stands at, in the same snapshot as the answer."""
    return sa.select(tables.head.c.seq).scalar_subquery()


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of an order: a column, and whether it descends and is ever null, as only figures are."""

    column: Any
    descends: bool
    nullable: bool = False


def _ordered(query: Query, bound: Bound) -> tuple[list[_Key], Any]:
    """The keys of the order, the id last, and the table joined with the figures that it sorts by."""
    table = KIND_TABLES[query.kind.name]
    source: Any = table
    keys = []
    for name, descends in query.sort:
        if name in table.c:
            keys.append(_Key(tables.ordered_by(table, name), descends))
            continue
        measure, _, level = name.rpartition("_")
        told = tables.figure.alias()
        same = sa.and_(told.c.incident_id == table.c.id, told.c.measure == bound.value(measure), told.c.whole)
        source = source.outerjoin(told, sa.and_(same, bound.true(told)))
        keys.append(_Key(told.c[level], descends, nullable=True))
    keys.append(_Key(table.c.id, keys[-1].descends))
    bound.shape.append(query.sort)
    return keys, source


def page(query: Query, *, full: bool) -> Statement:
    """(records joined by SEPARATOR, keys joined by line feeds, number, head) of up to limit + 1 rows of a list."""
    bound = Bound(query.at)
    where = conditions(query, bound, full=full)
    keys, source = _ordered(query, bound)
    if query.after is not None:
        where.append(_after(keys, query.after, bound))
        bound.shape.append([value is None for value in query.after])
    table, log = KIND_TABLES[query.kind.name], revision

    def build() -> sa.Select[*tuple[Any, ...]]:
        rows = (
            sa.select(document().label("document"), _key(keys).label("key"))
            .select_from(source.join(log, sa.and_(log.c.record_id == table.c.id, log.c.version == table.c.version)))
            .where(*where)
            .order_by(*(_lowest_nulls(key) for key in keys))
            .limit(sa.bindparam("limit", type_=sa.Integer))
            .subquery()
        )
        # One row: the driver steps once, however long the page is.
        return sa.select(
            joined(rows.c.document, sa.literal(SEPARATOR)),
            joined(rows.c.key, sa.literal("\n")),
            sa.func.count(),
            head_seq(),
        )

    return Statement(("page", repr(bound.shape)), build, bound.values | {"limit": query.limit + 1})


def total(query: Query, *, full: bool) -> Statement:
    """(number) of all records that a query selects."""
    bound = Bound(query.at)
    where = conditions(query, bound, full=full)
    table = KIND_TABLES[query.kind.name]

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(sa.func.count()).select_from(table).where(*where)

    return Statement(("total", repr(bound.shape)), build, bound.values)


def left_out(query: Query, *, full: bool) -> dict[str, Statement]:
    """For a filter by place or date: (number) of the records that meet everything else and cannot be placed."""
    asked = {"unlocated": PLACE, "undated": SPAN}
    return {
        name: _left_out(
            query.without(*parameters),
            name,
            query.one("max_precision", "city"),
            pointed=bool(query.get("bbox") or query.get("radius_km")),
            full=full,
        )
        for name, parameters in asked.items()
        if any(query.get(parameter) for parameter in parameters)
    }


def _left_out(query: Query, name: str, coarsest: str, *, pointed: bool, full: bool) -> Statement:
    bound = Bound(query.at)
    table = KIND_TABLES[query.kind.name]
    where = conditions(query, bound, full=full)
    if name == "undated":
        where.append(table.c.span_start.is_(None))
    else:
        precisions = vocabulary.codes("location_precision")
        enough = precisions[: precisions.index(coarsest) + 1]
        bound.shape.append(len(enough))
        placed = bound.any_of(table.c.precision, enough)
        if pointed:
            placed = sa.and_(placed, table.c.lon.is_not(None))
        where.append(sa.not_(sa.func.coalesce(placed, sa.false())))

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(sa.func.count()).select_from(table).where(*where)

    return Statement((name, pointed, repr(bound.shape)), build, bound.values)


def by_ids(kind: Kind, ids: Sequence[str], at: int | None) -> Statement:
    """(records joined by SEPARATOR) of these ids, as they stand."""
    bound = Bound(at)
    table = KIND_TABLES[kind.name]
    wanted = bound.any_of(table.c.id, ids)

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        rows = (
            sa.select(document().label("document"))
            .select_from(table.join(log, sa.and_(log.c.record_id == table.c.id, log.c.version == table.c.version)))
            .where(wanted, bound.true(table))
            .order_by(table.c.id)
            .subquery()
        )
        return sa.select(joined(rows.c.document, sa.literal(SEPARATOR)))

    return Statement(("by ids", kind.name, len(ids), at is None), build, bound.values)


def seq_at(moment: str) -> Statement:
    """(seq) of the last revision that was recorded at that moment or before; None when there was none."""
    log = revision.c

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(sa.func.max(log.seq)).where(log.recorded_at <= sa.bindparam("moment", type_=sa.Text))

    return Statement("seq at", build, {"moment": moment}, short=True)


def revisions(kind: Kind, record_id: str, before: int, limit: int) -> Statement:
    """(version, seq, operation, author, recorded_at, reason, hash, previous hash), newest first, below a version."""

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision.c
        columns = (log.version, log.seq, log.operation, log.author, log.recorded_at, log.reason, log.hash)
        return (
            sa.select(*columns, log.previous_hash)
            .where(
                log.record_id == sa.bindparam("id", type_=sa.Text),
                log.kind == kind.name,
                log.version < sa.bindparam("before", type_=sa.Integer),
            )
            .order_by(log.version.desc())
            .limit(sa.bindparam("limit", type_=sa.Integer))
        )

    return Statement(("revisions", kind.name), build, {"id": record_id, "before": before, "limit": limit}, short=True)


def revision_at(kind: Kind, record_id: str, version: int) -> Statement:
    """(document, hash, reason, restricted) of one revision, or no row."""

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision.c
        return sa.select(document(), log.hash, log.reason, _restricted(kind)).where(
            log.record_id == sa.bindparam("id", type_=sa.Text),
            log.version == sa.bindparam("version", type_=sa.Integer),
            log.kind == kind.name,
        )

    return Statement(("revision", kind.name), build, {"id": record_id, "version": version}, short=True)


def edition(at: int | None, *, full: bool) -> Statement:
    """(what, text, number): seq, hash and time of the revision that an edition ends in, and its number of records."""

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
        bound = Bound(at)
        counts = [
            sa.select(sa.literal(kind.name), sa.literal(""), sa.func.count())
            .select_from(KIND_TABLES[kind.name])
            .where(*conditions(Query(kind, (), ()), bound, full=full))
            for kind in KINDS.values()
        ]
        return sa.select(sa.union_all(*said, *counts).subquery())

    return Statement(("edition", at is None, full), build, {} if at is None else {"at": at})


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


def _after(keys: Sequence[_Key], after: Sequence[Any], bound: Bound) -> sa.ColumnElement[bool]:
    """Rows that come after a place in the order: beyond it in the first key, or equal there and beyond in the next."""
    steps = []
    equal: list[sa.ColumnElement[bool]] = []
    for key, value in zip(keys, after, strict=True):
        if value is None:
            beyond = None if key.descends else key.column.is_not(None)
            same = key.column.is_(None)
        else:
            limit = bound.value(value)
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
        limit = bound.value(after[0])
        condition = sa.and_(keys[0].column <= limit if keys[0].descends else keys[0].column >= limit, condition)
    return condition
