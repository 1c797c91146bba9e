"""Full text: the words are ours (model/words.py), so that both engines find the same; only their index differs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from incidents_api.model.words import Term
from incidents_api.storage.dialects.expressions import by_index
from incidents_api.storage.dialects.rows import FEW, copy_rows, insert_values

_SEQ_BITS = 36
"""More revisions than the largest file of SQLite has room for."""
LAST_SEQ = (1 << _SEQ_BITS) - 1
_LAST_PLACE = (1 << 63) - 1


class Indexed(NamedTuple):
    """What the index of words holds of a revision: its words in order, and the day its record is sorted by, if any."""

    record_id: str
    seq: int
    date: str
    words: Sequence[str]


def place_of(date: str, seq: int) -> int:
    """Where SQLite's index keeps a revision: by the day of its record, then by its seq.

    Such an index is walked from either end, so the newest that hold a word are found without a look at the others.
    """
    year, month, day = (int(date[part] or 0) for part in (slice(4), slice(5, 7), slice(8, 10)))
    return ((year * 12 + month) * 31 + day) << _SEQ_BITS | seq


class has_words(FunctionElement[bool]):  # noqa: N801 - reads as an SQL function
    """has_words(seq_from, match, tsquery): whether the row of that revision holds the words; see `search_values`.

    has_words(seq_from, match, tsquery, first, last): of those alone that are kept from the day of one place to the day
    of another, on the engine that keeps them so.
    """

    # Not Boolean: SQLite would be given "... = 1", which hides the index.
    type = sa.types.NullType()  # type: ignore[assignment]
    inherit_cache = True
    name = "has_words"


@compiles(has_words, "sqlite")
def _match(element: has_words, compiler: Any, **options: Any) -> str:
    clauses = list(element.clauses)
    column, match = compiler.process(clauses[0], **options), compiler.process(clauses[1], **options)
    span = ""
    if bounds := [compiler.process(one, **options) for one in clauses[3:]]:
        span = f" AND rowid >= {bounds[0]} & ~{LAST_SEQ} AND rowid <= {bounds[1]} | {LAST_SEQ}"
    # All are rendered clauses, columns and bound parameters: no text of a client is in them.
    return f"{column} IN (SELECT rowid & {LAST_SEQ} FROM search WHERE search MATCH {match}{span})"  # noqa: S608


@compiles(has_words, "postgresql")
def _tsquery(element: has_words, compiler: Any, **options: Any) -> str:
    clauses = list(element.clauses)
    column, query = compiler.process(clauses[0], **options), compiler.process(clauses[2], **options)
    return f"{column} IN (SELECT seq_from FROM search WHERE words @@ CAST({query} AS tsquery))"  # noqa: S608


class few_have_words(FunctionElement[bool]):  # noqa: N801 - reads as an SQL function
    """few_have_words(match, most): whether no more revisions than that hold the words, for the engine that has no
    statistics of them; true on the one that has, whose planner knows better."""

    # As above.
    type = sa.types.NullType()  # type: ignore[assignment]
    inherit_cache = True
    name = "few_have_words"


@compiles(few_have_words, "sqlite")
def _count_some(element: few_have_words, compiler: Any, **options: Any) -> str:
    match, most = (compiler.process(one, **options) for one in element.clauses)
    # Rendered clauses, as in _match. What it found beyond the most is not counted.
    some = f"SELECT 1 FROM search WHERE search MATCH {match} LIMIT {most} + 1"  # noqa: S608
    return f"((SELECT count(*) FROM ({some})) <= {most})"  # noqa: S608


@compiles(few_have_words, "postgresql")
def _unasked(element: few_have_words, compiler: Any, **options: Any) -> str:
    return "true"


_entry = sa.table("search", sa.column("rowid", sa.BigInteger), sa.column("search"))


def first_with_words(
    table: sa.Table, index: str, words: Sequence[Any], where: Iterable[Any], *, page: tuple[Any, Any, bool]
) -> has_words:
    """Whether a row has the words and is among the first of a list in the order of days, or of their last day.

    `words`: match and tsquery. `where`: what else the rows of the list meet, `index`: that by which they are found by
    seq. `page`: how many are wanted, the place where they begin (None: at the end), and whether days descend.
    """
    number, start, descends = page
    place = _entry.c.rowid
    if start is None:
        start = sa.literal_column(str(_LAST_PLACE if descends else 0))
    found = sa.select(place).select_from(
        _entry.join(table, table.c.seq_from == place.bitwise_and(sa.literal_column(str(LAST_SEQ))))
    )
    found = found.where(_entry.c.search.op("MATCH")(words[0]), place <= start if descends else place >= start, *where)
    found = found.order_by(place.desc() if descends else place).limit(1).offset(number - 1).correlate(None)
    # Where there are fewer, all of them are among the first.
    every: Any = sa.literal_column(str(0 if descends else _LAST_PLACE))
    end = sa.func.coalesce(by_index(found, table, index).scalar_subquery(), every)
    return has_words(table.c.seq_from, *words, *((end, start) if descends else (start, end)))


def search_values(terms: Iterable[Term]) -> tuple[str, str]:
    """A search in the words of both engines: FTS5's MATCH and PostgreSQL's tsquery."""
    match, tsquery = [], []
    for term in terms:
        match.append(f'"{" ".join(term.words)}"' + (" *" if term.prefix else ""))
        tsquery.append(" <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else ""))
    return " AND ".join(match), " & ".join(f"({one})" for one in tsquery)


def create_search(connection: Connection) -> None:
    """Make the index of words: a contentless FTS5 table by place, or a table with a tsvector."""
    if connection.dialect.name == "sqlite":
        # Words come folded and apart by spaces; the ascii tokenizer cuts there and nowhere else. Its rowids are places.
        connection.exec_driver_sql("CREATE VIRTUAL TABLE search USING fts5(words, content='', tokenize='ascii')")
        return
    connection.exec_driver_sql(
        'CREATE TABLE search (record_id text COLLATE "C" NOT NULL, seq_from bigint NOT NULL, '
        "words tsvector NOT NULL, CONSTRAINT pk_search PRIMARY KEY (record_id, seq_from))"
    )
    connection.exec_driver_sql("CREATE INDEX ix_search_words ON search USING gin (words)")


def index_words(connection: Connection, entries: Sequence[Indexed]) -> None:
    """Add the words of revisions."""
    if not entries:
        return
    if connection.dialect.name == "sqlite":
        # In their order: FTS5 writes what it has gathered whenever a rowid is smaller than the last.
        rows: list[tuple[Any, ...]] = sorted((place_of(one.date, one.seq), " ".join(one.words)) for one in entries)
        insert_values(connection, ("INSERT INTO search (rowid, words) VALUES (?, ?)", rows))
        return
    rows = [(one.record_id, one.seq, _tsvector(one.words)) for one in entries]
    if len(rows) > FEW:
        copy_rows(connection, "COPY search (record_id, seq_from, words) FROM STDIN", rows)
        return
    insert_values(connection, ("INSERT INTO search VALUES ($1, $2, CAST($3 AS tsvector))", rows))


def _tsvector(words: Sequence[str]) -> str:
    places: dict[str, list[str]] = {}
    for n, word in enumerate(words, 1):
        places.setdefault(word, []).append(str(n))
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())


def forget_words(connection: Connection, entries: Sequence[Indexed]) -> None:
    """Take revisions out of the index, given as they were indexed; its pages keep none of their words."""
    if not entries:
        return
    if connection.dialect.name == "sqlite":
        rows: list[tuple[Any, ...]] = [(place_of(one.date, one.seq), " ".join(one.words)) for one in entries]
        connection.exec_driver_sql("INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)", rows)
        # What was deleted is only marked so, until all parts of the index are made one.
        connection.exec_driver_sql("INSERT INTO search (search) VALUES ('optimize')")
        return
    keys = [(one.record_id, one.seq) for one in entries]
    connection.exec_driver_sql("DELETE FROM search WHERE record_id = %s AND seq_from = %s", keys)


def clear_words(connection: Connection) -> None:
    """Empty the index of words."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO search (search) VALUES ('delete-all')")
    else:
        connection.exec_driver_sql("DELETE FROM search")


def indexed_words(connection: Connection, beside: Connection | None = None) -> Iterator[tuple[Any, ...]]:
    """All that the index holds, in order: the seq of a revision and each of its words, once.

    `beside`: a store that is compared with this one. Where both keep places, that of the revision stands between them.
    """
    placed = beside is not None and beside.dialect.name == "sqlite"
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.word USING fts5vocab(main, search, instance)"
        )
        columns = f"doc & {LAST_SEQ} AS seq, {'doc, ' if placed else ''}term"
        query = f"SELECT DISTINCT {columns} FROM temp.word ORDER BY seq, doc, term"  # noqa: S608
    else:
        word = 'unnest(tsvector_to_array(words)) COLLATE "C" AS word'
        query = f"SELECT seq_from, {word} FROM search ORDER BY seq_from, word"  # noqa: S608
    with connection.exec_driver_sql(query, execution_options={"yield_per": 1_000}) as found:
        yield from map(tuple, found)
