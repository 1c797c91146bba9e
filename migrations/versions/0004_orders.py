"""Columns that lists are sorted by in the place of those that may be unknown, with the indexes of their orders."""

import sqlalchemy as sa
from alembic import op

from incidents_api.storage.dialects import Text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPTIONAL = (
    ("actor", "country", False),
    ("incident", "admin1", True),
    ("incident", "country", True),
    ("incident", "title", True),
    ("location", "admin1", False),
    ("location", "country", False),
    ("source", "publisher", True),
    ("source", "title", True),
    ("statistic", "admin1", True),
    ("statistic", "country", True),
)
"""Table, column, and whether an index of the column itself served its order alone."""
CURRENT = {"sqlite_where": sa.text("seq_to IS NULL"), "postgresql_where": sa.text("seq_to IS NULL")}


def upgrade() -> None:
    for table, column, own in OPTIONAL:
        order = f"{column}_order"
        op.add_column(table, sa.Column(order, Text))
        if own:
            op.drop_index(op.f(f"ix_{table}_{column}_id"), table)
        op.create_index(op.f(f"ix_{table}_{order}_id"), table, [order, "id"], **CURRENT)
    # The columns are empty; the next `incidents migrate` (or `up`) fills them from the log.
    op.execute("UPDATE head SET projection = ''")


def downgrade() -> None:
    for table, column, own in OPTIONAL:
        op.drop_index(op.f(f"ix_{table}_{column}_order_id"), table)
        if own:
            op.create_index(op.f(f"ix_{table}_{column}_id"), table, [column, "id"], **CURRENT)
        op.drop_column(table, f"{column}_order")
