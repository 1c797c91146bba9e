"""The index of figures by month and day holds all that totals read of them, for the months that a span of days cuts."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = (
    *("month", "span_start", "country_order", "measure", "span_end", "status", "granularity", "type", "country"),
    *("admin1", "year", "audience", "turns", "low", "best", "high", "whole", "seq_to"),
)


def upgrade() -> None:
    op.drop_index("ix_figure_month_span_start", table_name="figure")
    in_a_file, on_a_server = (
        sa.text(f"seq_to IS NULL AND {whole} AND month IS NOT NULL") for whole in ("whole = 1", "whole")
    )
    op.create_index("ix_figure_by_day", "figure", COLUMNS, sqlite_where=in_a_file, postgresql_where=on_a_server)


def downgrade() -> None:
    op.drop_index("ix_figure_by_day", table_name="figure")
    now = sa.text("seq_to IS NULL")
    name = op.f("ix_figure_month_span_start")
    op.create_index(name, "figure", ["month", "span_start"], sqlite_where=now, postgresql_where=now)
