"""Many rows into tables: one prepared statement on SQLite; on PostgreSQL COPY, or the like for a few of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.storage.dialects.prepared import cursor_of, together

FEW = 20
"""Up to so many rows, COPY costs PostgreSQL more than it saves."""

Rows = Sequence[Mapping[str, Any]]


def insert_rows(connection: Connection, table: sa.Table, rows: Rows) -> None:
    """Insert rows that name every column of the table, by the driver alone; raises what any insert raises."""
    insert_all(connection, {table: rows})


def insert_all(connection: Connection, tables: Mapping[sa.Table, Rows]) -> None:
    """The same for several tables; a few rows of each take one trip to a server."""
    few: list[tuple[str, list[tuple[Any, ...]]]] = []
    for table, rows in tables.items():
        if not rows:
            continue
        names, insert, values = _columns(table, connection.dialect.name)
        if connection.dialect.name == "postgresql" and len(rows) > FEW:
            copy_rows(connection, f"COPY {table.name} ({names}) FROM STDIN", map(values, rows))
        else:
            few.append((insert, list(map(values, rows))))
    insert_values(connection, *few)


@cache
def _columns(table: sa.Table, engine: str) -> tuple[str, str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """The names of the columns, quoted; the statement that inserts a row; and what picks its values."""
    names = [column.name for column in table.columns]
    quoted = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" if engine == "sqlite" else f"${n}" for n, _ in enumerate(names, 1))
    # Names of our own tables and columns; every value is bound.
    return quoted, f"INSERT INTO {table.name} ({quoted}) VALUES ({marks})", itemgetter(*names)  # noqa: S608


def insert_values(connection: Connection, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
    """Statements, each executed for each of its rows, as a part of the transaction."""
    if len(statements) == 0:
        return
    with together(connection, statements[0][0]) as many:
        for statement, rows in statements:
            many(statement, rows)


def copy_rows(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """PostgreSQL's COPY, as a part of the transaction."""
    with cursor_of(connection, statement) as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
