"""The log and what stands beside it: head, revisions, texts of sources, keys."""

import secrets

import sqlalchemy as sa
from alembic import op

from incidents_api.errors import OperatorError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Compared byte by byte on both databases.
Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")

TABLES = ("api_key", "head", "revision", "source_text")
HEAD = "INSERT INTO head (id, seq, hash, recorded_at, epoch, projection) VALUES (1, 0, :hash, '', :epoch, '')"


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", Text, nullable=False),
        sa.Column("hash", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("scopes", Text, nullable=False),
        sa.Column("created_at", Text, nullable=False),
        sa.Column("expires_at", Text, nullable=True),
        sa.Column("revoked_at", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", Text, nullable=False),
        sa.Column("recorded_at", Text, nullable=False),
        sa.Column("epoch", Text, nullable=False),
        sa.Column("projection", Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head")),
    )
    op.create_table(
        "revision",
        sa.Column("record_id", Text, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("operation", Text, nullable=False),
        sa.Column("author", Text, nullable=False),
        sa.Column("recorded_at", Text, nullable=False),
        sa.Column("reason", Text, nullable=True),
        sa.Column("record", Text, nullable=True),
        sa.Column("salt", Text, nullable=True),
        sa.Column("commitment", Text, nullable=False),
        sa.Column("previous_hash", Text, nullable=False),
        sa.Column("hash", Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "version", name=op.f("pk_revision")),
    )
    op.create_index(op.f("ix_revision_recorded_at"), "revision", ["recorded_at"], unique=False)
    op.create_index(op.f("ix_revision_seq"), "revision", ["seq"], unique=False)
    op.create_table(
        "source_text",
        sa.Column("fingerprint", Text, nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_source_text")),
    )
    op.execute(sa.text(HEAD).bindparams(hash="0" * 64, epoch=secrets.token_hex(8)))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM revision")):
        # The log is the truth: nothing may drop it while it holds anything.
        raise OperatorError("the log holds revisions; back the store up and remove its database instead")
    for table in TABLES:
        op.drop_table(table)
