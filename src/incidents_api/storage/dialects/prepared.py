"""Statements that every write runs: compiled once for each engine, then given to the driver as they are.

SQLAlchemy takes some 90 us for a statement that the engine answers in 10: it makes the key of what it compiled before,
binds each value by its type, and wraps the answer. Values go, and rows come, as the driver takes and gives them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """What the driver is given: the text, the values of its literals, and the order of all of its values."""

    sql: str
    literals: Values
    order: tuple[str, ...]


class Prepared:
    """A statement in SQLAlchemy's words. Parameters of it that are expanding are given lists, one element at least."""

    def __init__(self, statement: sa.Executable) -> None:
        self._statement: Any = statement
        self._texts: dict[tuple[Any, ...], _Text] = {}

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        """The rows that it finds."""
        text, bound = self.bound(connection, values)
        with cursor_of(connection, text) as cursor:
            cursor.execute(text, bound)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def run(self, connection: Connection, *several: Values) -> int:
        """Run it with each of these values, whose lists are of one length; how many rows it changed."""
        text, bound = "", []
        for values in several:
            text, one = self.bound(connection, values)
            bound.append(one)
        with cursor_of(connection, text) as cursor:
            if len(bound) == 1:
                cursor.execute(text, bound[0])
            else:
                cursor.executemany(text, bound)
            count: int = cursor.rowcount
        return count

    def bound(self, connection: Connection, values: Values) -> tuple[str, list[Any]]:
        """The text for lists of these lengths, and the values in its order."""
        lists = {name: _padded(value) for name, value in values.items() if type(value) is list}
        engine = connection.dialect.name
        shape = (engine, *map(len, lists.values()))
        text = self._texts.get(shape)
        if text is None:
            text = self._texts[shape] = self._compile(engine, lists)
        if lists:
            values = dict(values)
            for name, some in lists.items():
                values |= {f"{name}_{n}": one for n, one in enumerate(some, 1)}
        return text.sql, [values[name] if name in values else text.literals[name] for name in text.order]

    def _compile(self, engine: str, lists: Mapping[str, list[Any]]) -> _Text:
        compiled = self._statement.compile(dialect=_DIALECTS[engine]())
        state = compiled.construct_expanded_state(compiled.params | lists)
        literals = {name: one.value for name, one in compiled.binds.items() if not one.required}
        return _Text(state.statement, literals, tuple(state.positiontup))


def _padded(some: list[Any]) -> list[Any]:
    """Few texts for all lengths: an IN that names its last value several times finds the same."""
    return some + some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))


_DIALECTS: Mapping[str, Any] = {
    "sqlite": sqlite.dialect,
    # Values by their places: names would be looked for in the text each time.
    "postgresql": lambda: postgresql.psycopg.dialect(paramstyle="numeric_dollar"),  # type: ignore[no-untyped-call]
}


@contextmanager
def cursor_of(connection: Connection, statement: str) -> Iterator[Any]:
    """A cursor of the driver in the transaction of this connection, which takes values by their places; what it raises
    is raised as SQLAlchemy tells it, whichever way was taken."""
    if not connection.in_transaction():
        connection.begin()  # as any other statement would; the driver of SQLite would keep each row by itself
    driver: Any = connection.connection.driver_connection
    error = connection.dialect.loaded_dbapi.Error
    try:
        yield driver.cursor() if connection.dialect.name == "sqlite" else _raw_cursor()(driver)
    except error as broken:
        raise sa.exc.DBAPIError.instance(
            statement, None, broken, error, hide_parameters=True, dialect=connection.dialect
        ) from broken


@cache
def _raw_cursor() -> Any:
    from psycopg import RawCursor  # noqa: PLC0415 - an extra that only PostgreSQL needs

    return RawCursor


@contextmanager
def together(connection: Connection, statement: str) -> Iterator[Callable[[str, Sequence[Sequence[Any]]], None]]:
    """A function that executes a statement for each of some rows; a server is waited for once, when all is sent."""
    with cursor_of(connection, statement) as cursor:
        if connection.dialect.name == "sqlite":
            yield cursor.executemany
            return

        def send(statement: str, rows: Sequence[Sequence[Any]]) -> None:
            for row in rows:
                cursor.execute(statement, row)

        with cursor.connection.pipeline():
            yield send
