"""replay: the query tables made anew from the log, in a store beside it, and held against the ones that there are."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, zip_longest
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.revision import Revision
from incidents_api.storage import dialects, tables
from incidents_api.writing.projection import rebuild, treatment_of
from incidents_api.writing.verify import BATCH, revisions


def replay(conn: Connection, beside: Connection, progress: Callable[[int], None] = lambda done: None) -> None:
    """Fill the query tables of another store, of either engine, from the log of this one, which is only read."""
    dialects.take_time(conn)
    beside.execute(sa.delete(tables.revision))
    entries = ({name: getattr(one, name) for name in Revision.__slots__} for one in revisions(conn))
    while some := list(islice(entries, BATCH)):
        dialects.insert_rows(beside, tables.revision, some)
    rebuild(beside, progress, treatment=treatment_of(_built(conn)))


def table_faults(conn: Connection, beside: Connection) -> Iterator[str]:
    """Where the query tables say otherwise than those that were replayed beside: in each table the first row.

    Both are read in the order of their keys, so that no more than some rows are held in memory.
    """
    if _built(conn) != _built(beside):
        yield "the query tables are of another version; run: incidents migrate"
        return
    for table in tables.PROJECTIONS:
        key = [table.columns.keys().index(column.name) for column in table.primary_key.columns]
        yield from _first_fault(table.name, key, _rows(conn, table), _rows(beside, table))
    words = dialects.indexed_words(conn, beside), dialects.indexed_words(beside, conn)
    yield from _first_fault("search", [0], *words)


def _built(conn: Connection) -> str:
    built: str = conn.execute(sa.select(tables.head.c.projection)).scalar_one()
    return built


def _rows(conn: Connection, table: sa.Table) -> Iterator[tuple[Any, ...]]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    with conn.execute(query, execution_options={"yield_per": BATCH}) as found:
        yield from map(tuple, found)


def _first_fault(
    name: str, key: list[int], held: Iterable[tuple[Any, ...]], made: Iterable[tuple[Any, ...]]
) -> Iterator[str]:
    """Both in the order of the key: the first pair that is none stands where the first difference is."""
    for pair in zip_longest(held, made):
        if pair[0] != pair[1]:
            at = min(tuple(row[place] for place in key) for row in pair if row is not None)
            where = ", ".join(map(str, at))
            yield f"the query table {name} does not agree with the log at {where}; run: incidents rebuild"
            return
