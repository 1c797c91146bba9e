"""Writes that are done once however often they are sent: their answers, and the lines that were refused."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Compared byte by byte on both databases.
Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "request",
        sa.Column("holder", Text, nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("run", Text, nullable=False),
        sa.Column("fingerprint", Text, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", Text, nullable=True),
        sa.Column("body", Text, nullable=True),
        sa.Column("digest", Text, nullable=True),
        sa.Column("progress", Text, nullable=True),
        sa.Column("runner", Text, nullable=True),
        sa.Column("touched_at", Text, nullable=True),
        sa.PrimaryKeyConstraint("holder", "key", name=op.f("pk_request")),
    )
    op.create_index(op.f("ix_request_created_at"), "request", ["created_at"], unique=False)
    op.create_index(op.f("ix_request_run"), "request", ["run"], unique=False)
    op.create_table(
        "refusal",
        sa.Column("run", Text, nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("external_id", Text, nullable=True),
        sa.Column("problem", Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "line", name=op.f("pk_refusal")),
    )


def downgrade() -> None:
    op.drop_table("refusal")
    op.drop_table("request")
