"""Full text: the words are ours (model/words.py), so that both engines find the same; only their index differs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from incidents_api.model.words import Term
from incidents_api.storage.dialects.rows import FEW, copy_rows, insert_values


class has_words(FunctionElement[bool]):  # noqa: N801 - reads as an SQL function
    """has_words(seq_from, match, tsquery): whether the row of that revision holds the words; see `search_values`."""

    # Not Boolean: SQLite would be given "... = 1", which hides the index.
    type = sa.types.NullType()  # type: ignore[assignment]
    inherit_cache = True
    name = "has_words"


@compiles(has_words, "sqlite")
def _match(element: has_words, compiler: Any, **options: Any) -> str:
    clauses = list(element.clauses)
    column, match = compiler.process(clauses[0], **options), compiler.process(clauses[1], **options)
    # Both are rendered clauses, a column and a bound parameter: no text of a client is in them.
    return f"{column} IN (SELECT rowid FROM search WHERE search MATCH {match})"  # noqa: S608


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


def search_values(terms: Iterable[Term]) -> tuple[str, str]:
    """A search in the words of both engines: FTS5's MATCH and PostgreSQL's tsquery."""
    match, tsquery = [], []
    for term in terms:
        match.append(f'"{" ".join(term.words)}"' + (" *" if term.prefix else ""))
        tsquery.append(" <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.prefix else ""))
    return " AND ".join(match), " & ".join(f"({one})" for one in tsquery)


def create_search(connection: Connection) -> None:
    """Make the index of words: a contentless FTS5 table by seq, or a table with a tsvector."""
    if connection.dialect.name == "sqlite":
        # Words come folded and apart by spaces; the ascii tokenizer cuts there and nowhere else.
        connection.exec_driver_sql("CREATE VIRTUAL TABLE search USING fts5(words, content='', tokenize='ascii')")
        return
    connection.exec_driver_sql(
        'CREATE TABLE search (record_id text COLLATE "C" NOT NULL, seq_from bigint NOT NULL, '
        "words tsvector NOT NULL, CONSTRAINT pk_search PRIMARY KEY (record_id, seq_from))"
    )
    connection.exec_driver_sql("CREATE INDEX ix_search_words ON search USING gin (words)")


def index_words(connection: Connection, entries: Sequence[tuple[str, int, Sequence[str]]]) -> None:
    """Add the words of revisions: (record id, seq, words in order)."""
    if not entries:
        return
    if connection.dialect.name == "sqlite":
        rows: list[tuple[Any, ...]] = [(seq, " ".join(words)) for _, seq, words in entries]
        insert_values(connection, ("INSERT INTO search (rowid, words) VALUES (?, ?)", rows))
        return
    rows = [(record_id, seq, _tsvector(words)) for record_id, seq, words in entries]
    if len(rows) > FEW:
        copy_rows(connection, "COPY search (record_id, seq_from, words) FROM STDIN", rows)
        return
    insert_values(connection, ("INSERT INTO search VALUES ($1, $2, CAST($3 AS tsvector))", rows))


def _tsvector(words: Sequence[str]) -> str:
    places: dict[str, list[str]] = {}
    for n, word in enumerate(words, 1):
        places.setdefault(word, []).append(str(n))
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())


def forget_words(connection: Connection, entries: Sequence[tuple[str, int, Sequence[str]]]) -> None:
    """Take revisions out of the index, given the words that they were indexed with; its pages keep none of them."""
    if not entries:
        return
    if connection.dialect.name == "sqlite":
        rows: list[tuple[Any, ...]] = [(seq, " ".join(words)) for _, seq, words in entries]
        connection.exec_driver_sql("INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)", rows)
        # What was deleted is only marked so, until all parts of the index are made one.
        connection.exec_driver_sql("INSERT INTO search (search) VALUES ('optimize')")
        return
    keys = [(record_id, seq) for record_id, seq, _ in entries]
    connection.exec_driver_sql("DELETE FROM search WHERE record_id = %s AND seq_from = %s", keys)


def clear_words(connection: Connection) -> None:
    """Empty the index of words."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO search (search) VALUES ('delete-all')")
    else:
        connection.exec_driver_sql("DELETE FROM search")


def indexed_words(connection: Connection) -> Iterator[tuple[int, str]]:
    """All that the index holds, in order: the seq of a revision and each of its words, once."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.word USING fts5vocab(main, search, instance)"
        )
        query = "SELECT DISTINCT doc, term FROM temp.word ORDER BY doc, term"
    else:
        word = 'unnest(tsvector_to_array(words)) COLLATE "C" AS word'
        query = f"SELECT seq_from, {word} FROM search ORDER BY seq_from, word"  # noqa: S608
    with connection.exec_driver_sql(query, execution_options={"yield_per": 1_000}) as found:
        yield from map(tuple, found)
