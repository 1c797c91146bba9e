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


def insert_all(
    connection: Connection, tables: Mapping[sa.Table, Rows], *then: tuple[str, Sequence[Sequence[Any]]]
) -> None:
    """The same for several tables, and other statements then; with few rows of each it is one trip to a server."""
    server = connection.dialect.name == "postgresql"
    few: list[tuple[str, Sequence[Sequence[Any]]]] = []
    for table, rows in tables.items():
        if not rows:
            continue
        names, values = _columns(table)
        if not server:
            few.append((_insert(table, names, 1, "?"), list(map(values, rows))))
        elif len(rows) <= FEW:
            few.append((_insert(table, names, len(rows), "$"), [[one for row in rows for one in values(row)]]))
        else:
            copy_rows(connection, f"COPY {table.name} ({names}) FROM STDIN", map(values, rows))
    insert_values(connection, *few, *then)


@cache
def _columns(table: sa.Table) -> tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    """The names of the columns, quoted, and what picks their values out of a row."""
    names = [column.name for column in table.columns]
    return ", ".join(f'"{name}"' for name in names), itemgetter(*names)


@cache
def _insert(table: sa.Table, names: str, rows: int, mark: str) -> str:
    """The statement that inserts so many rows."""
    each = len(table.columns)
    marks = [mark if mark == "?" else f"{mark}{n + 1}" for n in range(each * rows)]
    values = ", ".join(f"({', '.join(marks[n : n + each])})" for n in range(0, len(marks), each))
    # Names of our own tables and columns; every value is bound.
    return f"INSERT INTO {table.name} ({names}) VALUES {values}"  # noqa: S608


Keys = Sequence[Sequence[str]]


def rows_of(connection: Connection, table: sa.Table, keys: Keys, key: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows that have these values of a key of texts, every column in its order."""
    names = [f't."{column.name}"' for column in table.columns]
    if connection.dialect.name == "sqlite":
        # It walks through the table for a list of keys; one by one is a search for each.
        text = f"SELECT {', '.join(names)} FROM {table.name} AS t WHERE {_same(key, '?')}"  # noqa: S608
        with cursor_of(connection, text) as cursor:
            return [row for one in keys for row in cursor.execute(text, one)]
    wanted = ", ".join(f"CAST(${n} AS text[])" for n in range(1, len(key) + 1))
    same = " AND ".join(f't."{name}" = wanted."{name}" COLLATE "C"' for name in key)
    text = (
        f"SELECT {', '.join(names)} FROM unnest({wanted}) AS wanted({', '.join(key)}) JOIN {table.name} AS t ON {same}"  # noqa: S608
    )
    with cursor_of(connection, text) as cursor:
        cursor.execute(text, [list(values) for values in zip(*keys, strict=True)])
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def put_rows(connection: Connection, table: sa.Table, rows: Sequence[Sequence[Any]], key: Sequence[str]) -> None:
    """Insert rows, the values of every column in their order, each in the place of one with the same key."""
    others = [column.name for column in table.columns if column.name not in key]
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in others)
    instead = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    names, _ = _columns(table)
    if connection.dialect.name == "sqlite":
        insert_values(connection, *([(_insert(table, names, 1, "?") + instead, rows)] if rows else []))
        return
    parts = [rows[at : at + _TOGETHER] for at in range(0, len(rows), _TOGETHER)]
    each = [(_insert(table, names, len(part), "$") + instead, [[one for row in part for one in row]]) for part in parts]
    insert_values(connection, *each)


_TOGETHER = 100
"""How many rows one statement puts in place of others."""


def delete_rows(connection: Connection, table: sa.Table, keys: Keys, key: Sequence[str]) -> None:
    """Delete the rows that have these values of a key."""
    mark = "?" if connection.dialect.name == "sqlite" else "$"
    text = f"DELETE FROM {table.name} AS t WHERE {_same(key, mark)}"  # noqa: S608 - our own names
    insert_values(connection, *([(text, keys)] if keys else []))


def _same(key: Sequence[str], mark: str) -> str:
    return " AND ".join(f't."{name}" = {mark if mark == "?" else f"{mark}{n}"}' for n, name in enumerate(key, 1))


def insert_values(connection: Connection, *statements: tuple[str, Sequence[Sequence[Any]]]) -> None:
    """Statements, each executed for each of its rows, as a part of the transaction."""
    if len(statements) == 1 and len(statements[0][1]) == 1:
        statement, [row] = statements[0]
        with cursor_of(connection, statement) as cursor:
            cursor.execute(statement, row)
    elif statements:
        with together(connection, statements[0][0]) as execute:
            for statement, rows in statements:
                execute(statement, rows)


def copy_rows(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """PostgreSQL's COPY, as a part of the transaction."""
    with cursor_of(connection, statement) as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
