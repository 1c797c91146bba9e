"""A file lays the log out by seq: a page finds each of its records in one step, and the feed reads neighbours.

On a server nothing changes: there seq keeps its index, and the key begins with the record's id, by which it is sharded.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NAMES = "record_id, version, seq, kind, operation, author, recorded_at, reason, record, salt, commitment, previous_hash"
COLUMNS = (
    "record_id TEXT NOT NULL",
    "version INTEGER NOT NULL",
    "seq {seq} NOT NULL",
    "kind TEXT NOT NULL",
    "operation TEXT NOT NULL",
    "author TEXT NOT NULL",
    "recorded_at TEXT NOT NULL",
    "reason TEXT",
    "record TEXT",
    "salt TEXT",
    "commitment TEXT NOT NULL",
    "previous_hash TEXT NOT NULL",
    "hash TEXT NOT NULL",
    "CONSTRAINT {key} (record_id, version)",
)


def upgrade() -> None:
    _lay_out(seq="INTEGER PRIMARY KEY", key="uq_revision_record_id_version UNIQUE")


def downgrade() -> None:
    _lay_out(seq="BIGINT", key="pk_revision PRIMARY KEY", indexes=("recorded_at", "seq"))


def _lay_out(seq: str, key: str, indexes: tuple[str, ...] = ("recorded_at",)) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    told = ", ".join(COLUMNS).format(seq=seq, key=key)
    for statement in (
        f"CREATE TABLE laid_out ({told})",
        f"INSERT INTO laid_out SELECT {NAMES}, hash FROM revision ORDER BY seq",  # noqa: S608
        "DROP TABLE revision",
        "ALTER TABLE laid_out RENAME TO revision",
        *(f"CREATE INDEX ix_revision_{one} ON revision ({one})" for one in indexes),
    ):
        op.execute(statement)
