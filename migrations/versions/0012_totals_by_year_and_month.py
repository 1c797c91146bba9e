"""Totals of a span of days find what they read of figures by year and month, not by where a span ends."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TOLD = (
    "span_start", "status", "granularity", "type", "country", "admin1", "month", "year", "audience", "turns",
    "low", "best", "high", "whole", "seq_to",
)  # fmt: skip
BY = {
    "ix_figure_loose_by_year": (("year", "country_order", "measure", "span_end"), "month IS NULL"),
    "ix_figure_parts_by_month": (
        ("month", "span_end", "measure", "whole_id", "incident_id", "country_order"),
        "whole_id IS NOT NULL",
    ),
}
BY_DAY = {
    "ix_figure_parts_by_day": (
        ("span_end", "measure", "whole_id", "incident_id", "country_order"),
        "whole_id IS NOT NULL",
    )
}


def upgrade() -> None:
    _change(BY_DAY, BY)


def downgrade() -> None:
    _change(BY, BY_DAY)


def _change(away: dict[str, tuple[tuple[str, ...], str]], new: dict[str, tuple[tuple[str, ...], str]]) -> None:
    for name in away:
        op.drop_index(name, table_name="figure")
    for name, (first, some) in new.items():
        columns = list(dict.fromkeys((*first, *TOLD)))
        in_a_file, on_a_server = (sa.text(f"seq_to IS NULL AND {whole} AND {some}") for whole in ("whole = 1", "whole"))
        op.create_index(name, "figure", columns, sqlite_where=in_a_file, postgresql_where=on_a_server)
