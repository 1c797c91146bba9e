"""Rows of incidents by audience: what closes one, when that ends, and who made it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Compared byte by byte on both databases.
Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")

COLUMNS = ("hold_until", "audience", "turns", "document", "owner")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("incident", sa.Column(name, sa.SmallInteger() if name == "audience" else Text, nullable=True))
    op.create_index(
        op.f("ix_incident_audience_turns_seq_from"),
        "incident",
        ["audience", "turns", "seq_from"],
        unique=False,
        sqlite_where=sa.text("audience IS NOT NULL"),
        postgresql_where=sa.text("audience IS NOT NULL"),
    )
    # The next `incidents migrate` (or `up`) rebuilds the query tables from the log.
    op.execute("UPDATE head SET projection = ''")


def downgrade() -> None:
    op.drop_index(op.f("ix_incident_audience_turns_seq_from"), table_name="incident")
    for name in COLUMNS:
        op.drop_column("incident", name)
