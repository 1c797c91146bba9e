"""Records out: one by id, a page of a list, how many there are, and the history of one; each is one statement."""

from typing import Any

import sqlalchemy as sa

from incidents_api.model.fields import Field
from incidents_api.model.kinds import Kind
from incidents_api.reading.conditions import Bound, conditions
from incidents_api.reading.query import Query
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import joined
from incidents_api.storage.tables import KIND_TABLES, revision

SEPARATOR = ",\n"
"""Between the records of a page; canonical JSON never holds a raw line feed, so it parts them for certain."""


def _document(log: Any = revision) -> sa.ColumnElement[str]:
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


def one(kind: Kind, record_id: str) -> Statement:
    """(document, version, hash, reason of the tombstone, restricted) of a record of that kind, or no row."""

    def build() -> sa.Select[*tuple[Any, ...]]:
        records = tables.record
        own = KIND_TABLES[kind.name]
        restricted: sa.ColumnElement[bool] = sa.literal(value=False)
        query = sa.select(_document(), revision.c.version, revision.c.hash, revision.c.reason)
        joins: Any = records.join(
            revision, sa.and_(revision.c.record_id == records.c.id, revision.c.version == records.c.version)
        )
        if kind.name == "incident":
            # A tombstone has no current row; then the newest row says what it was.
            newest = (
                sa.select(own.c.sensitivity)
                .where(own.c.id == records.c.id)
                .order_by(own.c.seq_from.desc())
                .limit(1)
                .scalar_subquery()
            )
            restricted = newest == "restricted"
        query = query.add_columns(restricted).select_from(joins)
        return query.where(records.c.id == sa.bindparam("id", type_=sa.Text), records.c.kind == kind.name)

    return Statement(("one", kind.name), build, {"id": record_id}, short=True)


def page(query: Query, *, full: bool) -> Statement:
    """(records joined by SEPARATOR, keys joined by line feeds, number) of up to limit + 1 rows of a list."""
    bound = Bound()
    where = conditions(query, bound, full=full)
    table = KIND_TABLES[query.kind.name]
    columns = [(table.c[name], descending, query.kind.field(name)) for name, descending in query.sort]
    last_descends = columns[-1][1]
    order = [_lowest_nulls(column, descending) for column, descending, _ in columns]
    order.append(table.c.id.desc() if last_descends else table.c.id.asc())
    if query.after is not None:
        where.append(_after(columns, table, query.after, bound))
    bound.shape += [query.sort, None if query.after is None else [value is None for value in query.after]]

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision
        rows = (
            sa.select(_document().label("document"), _key(columns, table).label("key"))
            .select_from(table.join(log, sa.and_(log.c.record_id == table.c.id, log.c.version == table.c.version)))
            .where(*where)
            .order_by(*order)
            .limit(sa.bindparam("limit", type_=sa.Integer))
            .subquery()
        )
        # One row: the driver steps once, however long the page is.
        return sa.select(
            joined(rows.c.document, sa.literal(SEPARATOR)), joined(rows.c.key, sa.literal("\n")), sa.func.count()
        )

    shape = ("page", repr(bound.shape))
    return Statement(shape, build, bound.values | {"limit": query.limit + 1})


def total(query: Query, *, full: bool) -> Statement:
    """(number) of all records that a query selects."""
    bound = Bound()
    where = conditions(query, bound, full=full)
    table = KIND_TABLES[query.kind.name]

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(sa.func.count()).select_from(table).where(*where)

    return Statement(("total", repr(bound.shape)), build, bound.values)


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
    """(document, hash, reason, record) of one revision, or no row."""

    def build() -> sa.Select[*tuple[Any, ...]]:
        log = revision.c
        return sa.select(_document(), log.hash, log.reason, log.record).where(
            log.record_id == sa.bindparam("id", type_=sa.Text),
            log.version == sa.bindparam("version", type_=sa.Integer),
            log.kind == kind.name,
        )

    return Statement(("revision", kind.name), build, {"id": record_id, "version": version}, short=True)


def head() -> Statement:
    """(seq, hash, recorded_at, epoch) of the log."""
    columns = tables.head.c
    return Statement(
        "head", lambda: sa.select(columns.seq, columns.hash, columns.recorded_at, columns.epoch), short=True
    )


# --- Keyset paging -------------------------------------------------------------------------------------------------


def _lowest_nulls(column: sa.ColumnElement[Any], descending: bool) -> sa.UnaryExpression[Any]:
    """Unknown sorts lowest on both databases."""
    return column.desc().nulls_last() if descending else column.asc().nulls_first()


def _key(columns: list[tuple[Any, bool, Field]], table: sa.Table) -> sa.ColumnElement[str]:
    """The place of a row in the order: each value as "+value" or "-" for null, then the id, parted by U+001F."""
    key: Any = None
    for column, _, _ in columns:
        part = sa.case((column.is_(None), sa.literal("-")), else_=sa.literal("+") + sa.cast(column, sa.Text))
        key = part if key is None else key + part
        key = key + sa.literal("\x1f")
    return key + table.c.id  # type: ignore[no-any-return]


def _after(
    columns: list[tuple[Any, bool, Field]], table: sa.Table, after: tuple[Any, ...], bound: Bound
) -> sa.ColumnElement[bool]:
    """Rows that come after a place in the order: beyond it in the first key, or equal there and beyond in the next."""
    keys = [*((column, descending) for column, descending, _ in columns), (table.c.id, columns[-1][1])]
    steps = []
    equal: list[sa.ColumnElement[bool]] = []
    for (column, descending), value in zip(keys, after, strict=True):
        if value is None:
            beyond = None if descending else column.is_not(None)
            same = column.is_(None)
        else:
            limit = bound.value(value)
            beyond = sa.or_(column < limit, column.is_(None)) if descending else column > limit
            same = column == limit
        if beyond is not None:
            steps.append(sa.and_(*equal, beyond))
        equal.append(same)
    condition = sa.or_(*steps)
    (first, descending), value = keys[0], after[0]
    if value is not None and first.name == "date":
        # Never null: the plain bound on the first key lets the index start at the place.
        limit = bound.value(value)
        condition = sa.and_(first <= limit if descending else first >= limit, condition)
    return condition
