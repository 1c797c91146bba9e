"""Lists of a part of the map are walked by date in squares of one degree, which an index of points begins with.

The squares are written here, and the query tables are told to be of the catalogue that knows them where they were of
the one before: so a store of that one need not be built anew, which takes hours for millions of incidents.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COLUMNS = (
    *("square", "date", "id", "lat", "lon", "x", "y", "z", "precision", "span_end", "span_start", "status", "audience"),
    *("turns", "version", "seq_from", "seq_to"),
)
BEFORE, AFTER = "2b772ddfad170d05", "9c9d1cfba5a07c72"
WHOLE_DEGREES = {"sqlite": "CAST(lat AS INTEGER) - (lat < CAST(lat AS INTEGER))", "postgresql": "floor(lat)"}


def upgrade() -> None:
    op.add_column("incident", sa.Column("square", sa.BigInteger()))
    degrees = WHOLE_DEGREES[op.get_bind().dialect.name]
    op.execute(f"UPDATE incident SET square = 1000 * strip + {degrees} + 90 WHERE strip IS NOT NULL")  # noqa: S608
    now = sa.text("seq_to IS NULL")
    op.create_index("ix_incident_by_square", "incident", list(COLUMNS), sqlite_where=now, postgresql_where=now)
    _told(BEFORE, AFTER)


def downgrade() -> None:
    op.drop_index("ix_incident_by_square", table_name="incident")
    op.drop_column("incident", "square")
    _told(AFTER, BEFORE)


def _told(before: str, after: str) -> None:
    op.execute(
        sa.text("UPDATE head SET projection = replace(projection, :before, :after)").bindparams(
            before=before, after=after
        )
    )
