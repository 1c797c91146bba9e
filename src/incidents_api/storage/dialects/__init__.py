"""THE ONE ROOM where SQLite and PostgreSQL differ: types, indexes, functions, words, connections and readers."""

from incidents_api.storage.dialects.connections import (
    COPIES,
    describe,
    exists,
    for_reading,
    is_one_file,
    is_unavailable,
    lock_head,
    lock_migrations,
    make_file,
    make_writer,
    parse_url,
    url_of_copy,
    writer_lock,
)
from incidents_api.storage.dialects.expressions import Text, current_index, few_index, index, inside, joined
from incidents_api.storage.dialects.readers import READ_OPTIONS, PostgresReader, Reader, Row, SqliteReader, make_reader
from incidents_api.storage.dialects.rows import insert_rows
from incidents_api.storage.dialects.words import (
    clear_words,
    create_search,
    forget_words,
    has_words,
    index_words,
    search_values,
)

__all__ = [
    "COPIES",
    "READ_OPTIONS",
    "PostgresReader",
    "Reader",
    "Row",
    "SqliteReader",
    "Text",
    "clear_words",
    "create_search",
    "current_index",
    "describe",
    "exists",
    "few_index",
    "for_reading",
    "forget_words",
    "has_words",
    "index",
    "index_words",
    "insert_rows",
    "inside",
    "is_one_file",
    "is_unavailable",
    "joined",
    "lock_head",
    "lock_migrations",
    "make_file",
    "make_reader",
    "make_writer",
    "parse_url",
    "search_values",
    "url_of_copy",
    "writer_lock",
]
