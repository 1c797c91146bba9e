"""Many rows into a table: one prepared statement on SQLite; on PostgreSQL COPY, or the like for a few of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

FEW = 20
"""Up to so many rows, COPY costs PostgreSQL more than it saves."""

Values = Callable[[Mapping[str, Any]], tuple[Any, ...]]


def insert_rows(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that name every column of the table, by the driver alone; raises what any insert raises."""
    if not rows:
        return
    names, values = _columns(table)
    if connection.dialect.name == "postgresql" and len(rows) > FEW:
        copy_rows(connection, f"COPY {table.name} ({names}) FROM STDIN", map(values, rows))
        return
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    marks = ", ".join([mark] * len(table.columns))
    # Names of our own tables and columns; every value is bound.
    insert_values(connection, f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(map(values, rows)))  # noqa: S608


@cache
def _columns(table: sa.Table) -> tuple[str, Values]:
    """The names of the columns, quoted, and what picks their values out of a row."""
    names = [column.name for column in table.columns]
    return ", ".join(f'"{name}"' for name in names), itemgetter(*names)


def insert_values(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """One statement executed for each row, as a part of the transaction."""
    with _driver(connection, statement) as driver:
        driver.cursor().executemany(statement, rows)


def copy_rows(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """PostgreSQL's COPY, as a part of the transaction."""
    with _driver(connection, statement) as driver, driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def _driver(connection: Connection, statement: str) -> Iterator[Any]:
    """The connection of the driver; what it raises is raised as SQLAlchemy tells it, whichever way was taken."""
    error = connection.dialect.loaded_dbapi.Error
    if not connection.in_transaction():
        connection.begin()  # as any other statement would; the driver of SQLite would keep each row by itself
    try:
        yield connection.connection.driver_connection
    except error as broken:
        raise sa.exc.DBAPIError.instance(
            statement, None, broken, error, hide_parameters=True, dialect=connection.dialect
        ) from broken
