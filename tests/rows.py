"""The rows of a store: all of its query tables, to compare one state with another; its log, to be tampered with."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.storage import tables
from incidents_api.storage.database import Database


def dump(database: Database) -> dict[str, list[str]]:
    """Every row of every projection as text, sorted, and every word of the index of words with its place."""
    with database.connect() as conn:
        words = "SELECT record_id, seq_from, words::text FROM search"
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql("CREATE VIRTUAL TABLE temp.word USING fts5vocab(main, search, instance)")
            words = 'SELECT doc, term, "offset" FROM temp.word'
        found = {"search": sorted(map(repr, map(tuple, conn.exec_driver_sql(words))))}
        for table in tables.PROJECTIONS:
            found[table.name] = sorted(repr(tuple(row)) for row in conn.execute(sa.select(table)))
        return found


def lay_bare(conn: Connection) -> None:
    """Take the keys from the log of a file, as whoever can write the file can, so that two rows may have one number."""
    if conn.dialect.name == "sqlite":
        for step in ("CREATE TABLE bare AS SELECT * FROM {0}", "DROP TABLE {0}", "ALTER TABLE bare RENAME TO {0}"):
            conn.exec_driver_sql(step.format(tables.revision.name))
