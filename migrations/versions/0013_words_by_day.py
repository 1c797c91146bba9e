"""The index of words of a file keeps revisions by the day of their record, so that the newest are found first.

On a server words are found by a GIN index, which has no order. There the list of what it has not sorted in yet is kept
short, since every search walks through it.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SEQ = (1 << 36) - 1
DAY = "((substr(date, 1, 4) * 12 + substr(date, 6, 2)) * 31 + substr(date, 9, 2)) << 36"
BY_DAY = " UNION ALL ".join(
    f"SELECT seq_from AS seq, {DAY} AS day FROM {table} WHERE date <> ''{but}"  # noqa: S608
    # The public's own row of a closed incident has no words, but the seq of one that has.
    for table, but in (("incident", " AND coalesce(audience, 0) <> 1"), ("source", ""), ("statistic", ""))
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _keep_by("doc | coalesce((SELECT day FROM temp.by_day WHERE seq = doc), 0)")
        return
    op.execute("ALTER INDEX ix_search_words SET (gin_pending_list_limit = 128)")
    op.execute("SELECT gin_clean_pending_list('ix_search_words')")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _keep_by(f"doc & {SEQ}")
        return
    op.execute("ALTER INDEX ix_search_words RESET (gin_pending_list_limit)")


def _keep_by(place: str) -> None:
    """The words of each revision once more, at another place; they are read from the index, which keeps no texts."""
    for statement in (
        "CREATE TEMP TABLE by_day (seq INTEGER PRIMARY KEY, day INTEGER NOT NULL)",
        f"INSERT OR IGNORE INTO temp.by_day {BY_DAY}",
        "CREATE VIRTUAL TABLE temp.held USING fts5vocab(main, search, instance)",
        "CREATE VIRTUAL TABLE kept USING fts5(words, content='', tokenize='ascii')",
        # The order of words is part of what is searched for. Places go up, or FTS5 would write each one by itself.
        "CREATE TEMP TABLE told AS SELECT doc, group_concat(term, ' ') AS words "
        "FROM (SELECT doc, term FROM temp.held ORDER BY doc, offset) GROUP BY doc",
        f"INSERT INTO kept (rowid, words) SELECT {place} AS place, words FROM temp.told ORDER BY place",  # noqa: S608
        "DROP TABLE temp.held",
        "DROP TABLE temp.told",
        "DROP TABLE temp.by_day",
        "DROP TABLE search",
        "ALTER TABLE kept RENAME TO search",
    ):
        op.execute(statement)
