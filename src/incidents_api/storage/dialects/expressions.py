"""What SQL is spelt differently in: types, partial indexes, and functions that each engine has under another name."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Constraint, Index
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

# Compared and sorted byte by byte on both engines, whatever the locale of the PostgreSQL database.
Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


class Place(sa.BigInteger):
    """The place of a row in its table, by which a file is laid out: one step leads to it, and neighbours lie together.

    On a server a number like any other, with an index (docs/decisions/0034-the-log-in-its-own-order.md).
    """


@compiles(Place, "sqlite")
def _row_id(element: Place, compiler: Any, **options: Any) -> str:
    return "INTEGER PRIMARY KEY"


def key_beside_place(*columns: str) -> tuple[Constraint, Constraint]:
    """The key of a table that has a Place: its primary key on a server, unique in a file."""
    key, unique = sa.PrimaryKeyConstraint(*columns), sa.UniqueConstraint(*columns, info={"only": "sqlite"})
    return key.ddl_if(dialect="postgresql"), unique.ddl_if(dialect="sqlite")


def index_of_place(column: Any) -> Index:
    """What finds a row by its Place on a server; a file has no need of it."""
    return Index(None, column, info={"only": "postgresql"}).ddl_if(dialect="postgresql")


def index(*columns: Any, name: str | None = None) -> Index:
    """An index over columns of one table."""
    return Index(name, *columns)


def current_index(*columns: Any) -> Index:
    """An index over the rows that are true now (`seq_to` is null), partial on both engines.

    Nulls sort lowest on both: SQLite does so by itself, PostgreSQL is told by the query (see reading/records.py).
    """
    return partial_index(None, columns, columns[0].table.c.seq_to.is_(None))


def few_index(*columns: Any) -> Index:
    """An index over the few rows in which the first of these columns is known, partial on both engines."""
    return partial_index(None, columns, columns[0].is_not(None))


def partial_index(name: str | None, columns: Sequence[Any], *where: Any) -> Index:
    """An index over the rows that meet these conditions, named after its columns unless a name is given."""
    met = sa.and_(*where)
    return Index(name, *columns, sqlite_where=met, postgresql_where=met)


def index_of_file(name: str, columns: Sequence[Any], *where: Any) -> Index:
    """A partial index of a file alone, with all that is read of its rows. A server would have to write it whenever one
    of them changes, and look them up all the same until they are vacuumed."""
    return Index(name, *columns, sqlite_where=sa.and_(*where), info={"only": "sqlite"}).ddl_if(dialect="sqlite")


IN_ORDER_OF_KEY: Mapping[str, Any] = {"sqlite_with_rowid": False}
"""Options of a table whose rows lie in the order of its key in a file: neighbours are read together."""


def by_index(select: sa.Select[Any], table: sa.FromClause, name: str) -> sa.Select[Any]:
    """The select with its table read by this index, of few rows or with all that is read of them: without statistics
    SQLite cannot know. PostgreSQL knows."""
    return select.with_hint(table, f"INDEXED BY {name}", dialect_name="sqlite")


def in_order(select: sa.Select[Any], order: Sequence[Any], limit: Any) -> sa.Select[Any]:
    """One of several selects that are to be merged in an order up to a limit, which its own first rows are enough for.

    SQLite merges what each of them walks, up to the end. PostgreSQL does so where it expects many rows; not knowing how
    places, dates and audiences hang together it expects few, and sorts all there are, unless it is asked like this.
    """
    return sa.select(select.order_by(*order).limit(limit).execution_options(**_MERGED).subquery())


_MERGED = {"merged": True}


def _is_merged(select: Any) -> bool:
    return bool(select.get_execution_options().get("merged"))


class _Hinting(SQLiteCompiler):
    """SQLAlchemy's compiler, which has a place for such hints and leaves them out."""

    def order_by_clause(self, select: Any, **options: Any) -> Any:
        """None of its own for a select that is merged with others."""
        return "" if _is_merged(select) else super().order_by_clause(select, **options)  # type: ignore[no-untyped-call]

    def limit_clause(self, select: Any, **options: Any) -> Any:
        """As above."""
        return "" if _is_merged(select) else super().limit_clause(select, **options)  # type: ignore[no-untyped-call]

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        """The hint as it was given."""
        return text


class _Spelling(_Hinting):
    """The same with constants in the text: in a short look-up, to bind them all takes a fifth of the time."""

    def visit_bindparam(self, bindparam: Any, *, literal_binds: bool = False, **options: Any) -> Any:  # type: ignore[override]
        """A value that the statement brings along, as a literal; the name of any other."""
        constant = literal_binds or bindparam.value is not None
        return super().visit_bindparam(bindparam, literal_binds=constant, **options)  # type: ignore[no-untyped-call]


def sqlite_dialect(*, spelt: bool = False) -> Any:
    """How reads are spelt for SQLite; `spelt`: with their constants in the text."""
    dialect = sqlite.dialect(paramstyle="named")
    dialect.statement_compiler = _Spelling if spelt else _Hinting
    return dialect


class joined(FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """joined(text, separator, *order): the texts of all rows, in the order of the subquery they come from.

    `order` is that order once more, for the engine that promises it only where the aggregate names it.
    """

    type = sa.Text()
    inherit_cache = True
    name = "joined"


@compiles(joined, "sqlite")
def _group_concat(element: joined, compiler: Any, **options: Any) -> str:
    # SQLite before 3.44 has no ORDER BY inside an aggregate; rows are taken in the order of the subquery (tested).
    text, separator = (compiler.process(one, **options) for one in list(element.clauses)[:2])
    return f"group_concat({text}, {separator})"


@compiles(joined, "postgresql")
def _string_agg(element: joined, compiler: Any, **options: Any) -> str:
    text, separator, *order = (compiler.process(one, **options) for one in element.clauses)
    return f"string_agg({text}, {separator}{' ORDER BY ' + ', '.join(order) if order else ''})"


class rows_as_json(FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """rows_as_json(*columns): all rows as one JSON array of arrays, in no order.

    To make and parse it takes half as long as to step through rows whose every value the driver makes an object.
    """

    type = sa.Text()
    inherit_cache = True
    name = "rows_as_json"


@compiles(rows_as_json, "sqlite")
def _json_group_array(element: rows_as_json, compiler: Any, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **options)}))"


@compiles(rows_as_json, "postgresql")
def _json_agg(element: rows_as_json, compiler: Any, **options: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **options)})) AS text)"


class filled(FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """filled(template, *values): the template with a value in the place of each `%s`; nothing for null.

    A third of what the same pieces cost when they are joined one by one, each time into a text of its own.
    """

    type = sa.Text()
    inherit_cache = True
    name = "filled"


@compiles(filled, "sqlite")
def _printf(element: filled, compiler: Any, **options: Any) -> str:
    return f"printf({compiler.process(element.clauses, **options)})"


@compiles(filled, "postgresql")
def _format(element: filled, compiler: Any, **options: Any) -> str:
    return f"format({compiler.process(element.clauses, **options)})"


class tail(FunctionElement[str]):  # noqa: N801 - reads as an SQL function
    """tail(text): the text without its first letter, which has one byte. Long texts are not walked through for it."""

    type = sa.Text()
    inherit_cache = True
    name = "tail"


@compiles(tail, "sqlite")
def _substr(element: tail, compiler: Any, **options: Any) -> str:
    # Of a text SQLite would count every letter up to its end; joined to another text the bytes are a text again.
    return f"substr(CAST({compiler.process(element.clauses, **options)} AS BLOB), 2)"


@compiles(tail, "postgresql")
def _right(element: tail, compiler: Any, **options: Any) -> str:
    return f"right({compiler.process(element.clauses, **options)}, -1)"


class as_bytes(FunctionElement[bytes]):  # noqa: N801 - reads as an SQL function
    """as_bytes(text): UTF-8, where that saves the driver from making a text of what is bytes again at once; else the
    text itself. `encoded` makes bytes of either."""

    type = sa.types.NullType()  # type: ignore[assignment]
    inherit_cache = True
    name = "as_bytes"


@compiles(as_bytes, "sqlite")
def _cast_to_blob(element: as_bytes, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(as_bytes, "postgresql")
def _as_it_is(element: as_bytes, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


def encoded(value: str | bytes | None) -> bytes:
    """What `as_bytes` gave, as bytes; nothing where there was no row."""
    return value.encode() if isinstance(value, str) else value or b""


class inside(FunctionElement[bool]):  # noqa: N801 - reads as an SQL function
    """inside(lon, lat, edges): whether a point lies in a polygon or on its edge; edges are JSON [[x1,y1,x2,y2],...].

    Even-odd: inside is where an odd number of edges lies to the east. The same arithmetic on both engines.
    """

    # Not Boolean: SQLite would be given "... = 1", which hides the index.
    type = sa.types.NullType()  # type: ignore[assignment]
    inherit_cache = True
    name = "inside"


_INSIDE = """(SELECT max(CASE WHEN (y - y1) * (x2 - x1) = (x - x1) * (y2 - y1) AND x BETWEEN low_x AND high_x
    AND y BETWEEN low_y AND high_y THEN 1 ELSE 0 END) = 1 OR
    (sum(CASE WHEN (y1 > y) = (y2 > y) THEN 0
    WHEN x < (x2 - x1) * (y - y1) / (y2 - y1) + x1 THEN 1 ELSE 0 END) & 1) = 1
    FROM (SELECT x, y, x1, y1, x2, y2, CASE WHEN x1 < x2 THEN x1 ELSE x2 END AS low_x,
    CASE WHEN x1 < x2 THEN x2 ELSE x1 END AS high_x, CASE WHEN y1 < y2 THEN y1 ELSE y2 END AS low_y,
    CASE WHEN y1 < y2 THEN y2 ELSE y1 END AS high_y FROM (SELECT {x} AS x, {y} AS y, {columns} FROM {rows})
    AS edge) AS boxed)"""


def _inside(element: inside, compiler: Any, words: tuple[str, str], options: dict[str, Any]) -> str:
    column, rows = words
    x, y, edges = (compiler.process(clause, **options) for clause in element.clauses)
    columns = ", ".join(f"{column.format(n=n)} AS {name}" for n, name in enumerate(("x1", "y1", "x2", "y2")))
    return _INSIDE.format(x=x, y=y, columns=columns, rows=rows.format(edges=edges))


@compiles(inside, "sqlite")
def _inside_sqlite(element: inside, compiler: Any, **options: Any) -> str:
    words = "json_extract(e.value, '$[{n}]')", "json_each({edges}) AS e"
    return _inside(element, compiler, words, options)


@compiles(inside, "postgresql")
def _inside_postgresql(element: inside, compiler: Any, **options: Any) -> str:
    rows = "jsonb_array_elements(CAST({edges} AS jsonb)) AS e(value)"
    return _inside(element, compiler, ("CAST(e.value ->> {n} AS double precision)", rows), options)
