"""What finds words and circles: the index by seq holds what a page is found by, that by points their directions too."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OF_PAGES = (
    *("precision", "span_end", "span_start", "status", "audience", "turns"),
    *("date", "id", "version", "seq_from", "seq_to"),
)
BY_SEQ = tuple(dict.fromkeys(("seq_from", "country", "type", *_OF_PAGES)))
POINT, DIRECTION = ("lat", "lon"), ("x", "y", "z")


def upgrade() -> None:
    op.drop_index(op.f("ix_incident_seq_from"), table_name="incident")
    op.create_index("ix_incident_by_seq", "incident", list(BY_SEQ), unique=False)
    op.drop_index("ix_incident_by_point", table_name="incident")
    _by_point(*POINT, *DIRECTION, *_OF_PAGES)


def downgrade() -> None:
    op.drop_index("ix_incident_by_point", table_name="incident")
    _by_point(*POINT, *_OF_PAGES)
    op.drop_index("ix_incident_by_seq", table_name="incident")
    op.create_index(op.f("ix_incident_seq_from"), "incident", ["seq_from"], unique=False)


def _by_point(*columns: str) -> None:
    now = sa.text("seq_to IS NULL")
    op.create_index(
        "ix_incident_by_point", "incident", list(columns), unique=False, sqlite_where=now, postgresql_where=now
    )
