"""When an incident was closed or opened last, and when embargoes end: found at once, however many are closed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("head", sa.Column("closing", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE head SET closing = seq")
    known = sa.text("turns IS NOT NULL")
    op.create_index(
        op.f("ix_incident_turns"), "incident", ["turns"], unique=False, sqlite_where=known, postgresql_where=known
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_incident_turns"), table_name="incident")
    op.drop_column("head", "closing")
