"""Pages out: the records of a list in its order, how many there are, and how many a filter could not judge."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.model.dates import BEGINNING
from incidents_api.model.places import as_precise_as
from incidents_api.reading.bound import Bound, Condition, Where
from incidents_api.reading.conditions import conditions, squares_walked
from incidents_api.reading.query import PLACE, SPAN, Query
from incidents_api.reading.records import SEPARATOR, document, head_seq
from incidents_api.reading.rolled import unplaced
from incidents_api.storage import tables
from incidents_api.storage.database import Statement
from incidents_api.storage.dialects import (
    LAST_SEQ,
    as_bytes,
    by_index,
    few_have_words,
    filled,
    first_with_words,
    in_order,
    joined,
    place_of,
    search_values,
)
from incidents_api.storage.tables import KIND_TABLES, PUBLIC_ROW, revision


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of an order: a column, and whether it descends and is ever null, as only figures are."""

    column: Any
    descends: bool
    nullable: bool = False


def page(query: Query, *, to: Audience, left: bool = False, mark: str = SEPARATOR) -> Statement:
    """(records joined by `mark` as bytes, keys joined by line feeds, number, head) of up to limit + 1 of a list.

    `left`: then one number more for each name of `left_out`. The bytes are made by `encoded`.
    """
    bound = Bound(query.at)
    walked = squares_walked(query) if query.kind.name == "incident" else []
    where = conditions(query, bound, to=to, words=not _words_alone(query), in_strips=not walked)
    ordered, ways = _ordered(query, bound), _ways(query, bound, walked)
    after = query.after and [None if value is None else bound.value(value) for value in query.after]
    bound.shape.append(after and tuple(value is None for value in after))
    counts = unjudged(query, where, bound, to=to) if left else []
    log = revision

    def build() -> sa.Select[*tuple[Any, ...]]:
        keys, source = ordered()
        met = [*where, *([] if after is None else [_after(keys, after)])]
        every = ways(met)
        found = [_found(way, source, keys, met, merged=len(every) > 1) for way in every]
        # The rows of the page first: what is looked up and joined afterwards is theirs alone.
        rows = _first(found, keys)
        keys = [replace(key, column=rows.c[f"key_{n}"]) for n, key in enumerate(keys)]
        order = [_lowest_nulls(key) for key in keys]
        told = _document(rows) if query.kind.name != "incident" or to.full else _own_document(rows)
        # By its place in the log, as nearly every row was written there: one look-up instead of two.
        same = sa.and_(log.c.seq == rows.c.seq_from, log.c.record_id == rows.c.id)
        # One row: the driver steps once, however long the page is.
        return sa.select(
            as_bytes(joined(told, sa.literal(mark), *order)),
            joined(_key(keys), sa.literal("\n"), *order),
            sa.func.count(),
            head_seq(),
            *(count() for count in counts),
        ).select_from(rows.outerjoin(log, same))

    return Statement(("page", mark, repr(bound.shape)), build, bound.values | {"limit": query.limit + 1})


def total(query: Query, *, to: Audience) -> Statement:
    """(number) of all records that a query selects."""
    bound = Bound(query.at)
    where = conditions(query, bound, to=to)
    table = KIND_TABLES[query.kind.name]

    def build() -> sa.Select[*tuple[Any, ...]]:
        return sa.select(sa.func.count()).select_from(table).where(*where)

    return Statement(("total", repr(bound.shape)), build, bound.values)


def _own_document(rows: sa.Subquery) -> sa.ColumnElement[str]:
    """The record, or of a closed incident the public's own view, which lies with its row."""
    own = KIND_TABLES["incident"].alias()
    view = sa.select(own.c.document).where(own.c.id == rows.c.id, own.c.seq_from == rows.c.seq_from).scalar_subquery()
    return sa.case((rows.c.audience == PUBLIC_ROW, view), else_=_document(rows))


def _document(rows: sa.Subquery) -> sa.ColumnElement[str]:
    """The record as the log has it; by its version where the row was renewed since it was written."""
    log = revision.alias()
    same = (log.c.record_id == rows.c.id, log.c.version == rows.c.version)
    return sa.func.coalesce(document(), sa.select(document(log)).where(*same).scalar_subquery())


# --- Ways to the rows of a page ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Way:
    """Some of the rows of a list, found by themselves; the ways of one list have no row in common.

    `only_if`: what must hold of the query, or the way is not walked at all.
    """

    where: list[Condition]
    index: str | None = None
    only_if: Any = None


_BY_SEQ = "ix_incident_by_seq"
_CLOSED = "ix_incident_audience_turns_seq_from"
_FEW = 1_000
"""Up to so many revisions that hold the words, each is looked up; of more, the list is walked in its order until
the page is full. Both take as long there in a store of 300,000 incidents."""


def _words_alone(query: Query) -> bool:
    """Whether a list in the order of dates asks for nothing but words, as they are now."""
    only = [name for name, _ in query.filters] == ["q"]
    return only and query.kind.name == "incident" and query.sort[0][0] == "date" and query.at is None


def _ways(query: Query, bound: Bound, squares: Sequence[int]) -> Callable[[list[Any]], list[_Way]]:
    """The ways to all the rows, each of which an index can be walked for in the order of the list; to be made of what
    every row meets.

    Of the past: what is true now, and what is true no more. In the order of dates up to a day: what has its date before
    it, and the few that begin nobody knows when, whose date is that of their end. With words alone: what the index of
    words has first. With words and more: of words that few hold, and of others; one of the two is empty. In a part of
    the map: one for each of its squares.
    """
    if _words_alone(query):
        return _first_with_words(query, bound)
    table = KIND_TABLES[query.kind.name]
    by_day = bool(query.get("to")) and query.sort[0][0] == "date" and query.one("date_mode", "overlaps") == "overlaps"
    last = bound.value(query.one("to")) if by_day else None
    within = bound.all(squares)
    bound.shape.append(("by day", by_day, len(within)))
    words = query.kind.name == "incident" and query.one("q")
    match = bound.value(search_values(words)[0]) if words else None
    walked = "ix_incident_by_date" if query.sort[0][0] == "date" and not query.get("country") else None

    def made(met: list[Any]) -> list[_Way]:
        now: list[Condition] = [table.c.seq_to.is_(None)]
        parts: list[tuple[list[Condition], str | None]] = [([], None)]
        if by_day:
            begins_open = [table.c.span_start == BEGINNING, table.c.earliest.is_(None), table.c.date > last]
            begins_open.append(table.c.span_start.is_not(None))
            begins_open += [table.c.square.in_(within)] if within else []
            parts = [([table.c.date <= last], None), (begins_open, f"ix_{table.name}_open_start")]
        if within:
            first = parts[0][0]
            parts[:1] = [([*first, table.c.square == one], "ix_incident_by_square") for one in within]
        ways = [_Way([*now, *part], index) for part, index in parts]
        if match is not None:
            few: Any = few_have_words(match, sa.literal_column(str(_FEW)))
            first = ways[0].where
            ways[:1] = [_Way(first, _BY_SEQ, few), _Way(first, walked, sa.not_(few))]
        if bound.at is not None:
            ended = table.c.seq_to > sa.bindparam("at", type_=sa.BigInteger)
            ways += [_Way([ended, *part]) for part, _ in parts]
        return ways

    return made


def _first_with_words(query: Query, bound: Bound) -> Callable[[list[Any]], list[_Way]]:
    table, descends = KIND_TABLES["incident"], query.sort[0][1]
    words = [bound.value(text) for text in search_values(query.one("q"))]
    start = query.after and bound.value(place_of(query.after[0], LAST_SEQ if descends else 0))
    bound.shape.append("words alone")

    def made(met: list[Any]) -> list[_Way]:
        now: list[Condition] = [table.c.seq_to.is_(None)]
        page = (sa.bindparam("limit", type_=sa.Integer), start, descends)
        first = first_with_words(table, _BY_SEQ, words, [*met, *now], page=page)
        return [_Way([*now, first], _BY_SEQ)]

    return made


def _found(way: _Way, source: Any, keys: Sequence[_Key], where: Sequence[Any], *, merged: bool) -> sa.Select[Any]:
    """The rows of one way: what leads to their documents, and their place in the order. `merged`: with others."""
    table = keys[-1].column.table
    named = [key.column.label(f"key_{n}") for n, key in enumerate(keys)]
    own = [table.c[name] for name in ("id", "version", "seq_from", "audience") if name in table.c]
    chosen = sa.select(*own, *named).select_from(source).where(*where, *way.where)
    if way.index is not None:
        chosen = by_index(chosen, table, way.index)
    if way.only_if is None:
        return in_order(chosen, [*map(_lowest_nulls, keys)], _LIMIT) if merged else chosen
    # SQLite begins with the limit, and looks at other conditions of this kind once for each row.
    limit = sa.case((way.only_if, _LIMIT), else_=sa.literal_column("0"))
    return sa.select(chosen.order_by(*map(_lowest_nulls, keys)).limit(limit).subquery())


_LIMIT: sa.BindParameter[int] = sa.bindparam("limit", type_=sa.Integer)


def _first(found: Sequence[sa.Select[Any]], keys: Sequence[_Key]) -> sa.Subquery:
    """The first rows of all ways together. Each is walked in the order of the list, so they are merged, not sorted."""
    every: Any = sa.union_all(*found) if len(found) > 1 else found[0]
    columns = every.selected_columns if len(found) > 1 else None
    named = keys if columns is None else [replace(key, column=columns[f"key_{n}"]) for n, key in enumerate(keys)]
    return every.order_by(*map(_lowest_nulls, named)).limit(_LIMIT).subquery("page")  # type: ignore[no-any-return]


# --- What a filter could not judge ---------------------------------------------------------------------------------


_JUDGED = {"unlocated": PLACE, "undated": SPAN}


def left_out(query: Query) -> tuple[str, ...]:
    """What an answer to a filter by place or date says it could not judge."""
    return tuple([name for name, asked in _JUDGED.items() if any(query.get(one) for one in asked)])


def left_out_of(query: Query, *, to: Audience) -> Statement:
    """(one number for each name of `left_out`) of the records that meet all else and cannot be placed."""
    bound = Bound(query.at)
    where = conditions(query, bound, to=to)
    counts = unjudged(query, where, bound, to=to)
    return Statement(("left out", repr(bound.shape)), lambda: sa.select(*(one() for one in counts)), bound.values)


def unjudged(query: Query, where: Where, bound: Bound, *, to: Audience) -> list[Callable[[], Any]]:
    """Those numbers, to be made later as columns of another statement; `where`: the conditions of its query."""
    return [_left_out(query, name, where, bound, to=to) for name in left_out(query)]


def _left_out(query: Query, name: str, met: Where, bound: Bound, *, to: Audience) -> Callable[[], Any]:
    """The number of records that meet all but one group of conditions, and cannot meet that one."""
    table, where = KIND_TABLES[query.kind.name], met.without(name)
    bound.shape.append(name)
    if name == "unlocated":
        return _unlocated(query, where, table, bound, to=to)
    where.append(lambda: table.c.span_start.is_(None))

    def undated() -> Any:
        counted = sa.select(sa.func.count()).select_from(table).where(*where).correlate(None)
        now = by_index(counted.where(table.c.seq_to.is_(None)), table, f"ix_{table.name}_undated")
        if bound.at is None:
            return now.scalar_subquery()
        ended = table.c.seq_to > sa.bindparam("at", type_=sa.BigInteger)
        return now.scalar_subquery() + counted.where(ended).scalar_subquery()

    return undated


def _unlocated(query: Query, where: Where, table: sa.Table, bound: Bound, *, to: Audience) -> Callable[[], Any]:
    """How many have no point, or none that is precise enough to be a place."""
    enough = as_precise_as(query.one("max_precision", "city"))
    pointed = bool(query.get("bbox") or query.get("radius_km"))
    bound.shape.append((len(enough), pointed))
    named = bound.all(enough)

    def lacks_place() -> Condition:
        placed: Condition = table.c.precision.in_(named)
        if pointed:
            placed = sa.and_(placed, table.c.lon.is_not(None))
        return sa.not_(sa.func.coalesce(placed, sa.false()))

    sums = unplaced(query.without(*PLACE), enough, bound, pointed=pointed, to=to)

    def counted() -> Any:
        every = sa.select(sa.func.count()).select_from(table).where(*where, lacks_place()).correlate(None)
        if sums is None:
            return every.scalar_subquery()
        total, others = sums(table)
        # These are few: SQLite would rather walk through all of a type or a country for them.
        return sum((by_index(every.where(one), table, _CLOSED).scalar_subquery() for one in others), total)

    return counted


# --- Keyset paging -------------------------------------------------------------------------------------------------


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


def _lowest_nulls(key: _Key) -> sa.UnaryExpression[Any]:
    """Unknown sorts lowest on both databases."""
    if not key.nullable:
        return key.column.desc() if key.descends else key.column.asc()  # type: ignore[no-any-return]
    return key.column.desc().nulls_last() if key.descends else key.column.asc().nulls_first()  # type: ignore[no-any-return]


def _key(keys: Sequence[_Key]) -> sa.ColumnElement[str]:
    """The place of a row in the order: each value as "+value" or "-" for null, then the id, parted by U+001F."""
    parts = "\x1f".join("%s" if key.nullable else "+%s" for key in keys[:-1])
    known = (sa.literal("+") + sa.cast(key.column, sa.Text) for key in keys[:-1] if key.nullable)
    values = (sa.func.coalesce(next(known), "-") if key.nullable else key.column for key in keys[:-1])
    return filled(sa.literal(f"{parts}\x1f%s"), *values, keys[-1].column)


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
