"""Points are looked for in strips of the map one degree wide, which the index of points begins with.

The strips are written here, and the query tables are told to be of the catalogue that knows them where they were of the
one before: so a store of that one need not be built anew, which takes hours for millions of incidents.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_OTHERS = (
    *("lat", "lon", "x", "y", "z", "precision", "span_end", "span_start", "status", "audience", "turns", "date", "id"),
    *("version", "seq_from", "seq_to"),
)
BEFORE, AFTER = "c752dde3fb39c161", "2b772ddfad170d05"
COARSE = "CASE WHEN precision IN ('exact', 'vicinity', 'locality', 'city') THEN 0 ELSE 1000 END"
WHOLE_DEGREES = {"sqlite": "CAST(lon AS INTEGER) - (lon < CAST(lon AS INTEGER))", "postgresql": "floor(lon)"}


def upgrade() -> None:
    op.drop_index("ix_incident_by_point", table_name="incident")
    op.add_column("incident", sa.Column("strip", sa.BigInteger()))
    degrees = WHOLE_DEGREES[op.get_bind().dialect.name]
    op.execute(f"UPDATE incident SET strip = {degrees} + {COARSE} WHERE lon IS NOT NULL AND lat IS NOT NULL")  # noqa: S608
    _by_point("strip", *_OTHERS)
    _told(BEFORE, AFTER)


def downgrade() -> None:
    op.drop_index("ix_incident_by_point", table_name="incident")
    op.drop_column("incident", "strip")
    _by_point(*_OTHERS)
    _told(AFTER, BEFORE)


def _by_point(*columns: str) -> None:
    now = sa.text("seq_to IS NULL")
    op.create_index("ix_incident_by_point", "incident", list(columns), sqlite_where=now, postgresql_where=now)


def _told(before: str, after: str) -> None:
    """How closed incidents are treated stands behind the catalogue."""
    op.execute(
        sa.text("UPDATE head SET projection = replace(projection, :before, :after)").bindparams(
            before=before, after=after
        )
    )
