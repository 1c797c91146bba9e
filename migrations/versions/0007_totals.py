"""What totals read: figures that repeat the columns of their incident, sums by year and month, and entwined trees."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Compared byte by byte on both databases.
Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")

SHARED = ("span_start", "status", "granularity", "type", "country", "admin1", "month", "year")
COLUMNS = ("whole_id", "country_order", "span_end", *SHARED, "audience", "turns")
LOCATED = ("incident", "location")
KEY = ("grain", "period", "country_order", "measure", "type", "granularity", "status")
TOLD = (*SHARED, "audience", "turns", "low", "best", "high", "whole", "seq_to")
INDEXES = {
    "ix_figure_totals": (("country_order", "measure", "span_end", *TOLD), ""),
    "ix_figure_period_totals": (("country_order", "measure", "span_end", *TOLD), "granularity = 'period_total'"),
    "ix_figure_loose": (("country_order", "measure", "span_end", *TOLD), "month IS NULL"),
    "ix_figure_closed": (("country_order", "measure", "span_end", *TOLD), "audience IS NOT NULL"),
    "ix_figure_parts": (
        ("country_order", "measure", "span_end", "whole_id", "incident_id", *TOLD),
        "whole_id IS NOT NULL",
    ),
}


def upgrade() -> None:
    op.create_table("entwined", sa.Column("incident_id", Text, nullable=False), _key("entwined", "incident_id"))
    sums = (sa.Column(name, sa.BigInteger(), nullable=False) for name in ("n", "low", "best", "high", "only", "open"))
    op.create_table("rollup", *(sa.Column(name, Text, nullable=False) for name in KEY), *sums, _key("rollup", *KEY))
    by_country = ["grain", "country_order", "measure", "period"]
    op.create_index(op.f("ix_rollup_grain_country_order_measure_period"), "rollup", by_country, unique=False)
    op.create_index("ix_rollup_n", "rollup", ["n"], **_where("n = 0", "n = 0"))
    for name in COLUMNS:
        op.add_column("figure", sa.Column(name, sa.SmallInteger() if name == "audience" else Text, nullable=True))
    for name, (columns, some) in INDEXES.items():
        also = f" AND {some}" if some else ""
        where = _where(f"seq_to IS NULL AND whole = 1{also}", f"seq_to IS NULL AND whole{also}")
        op.create_index(name, "figure", list(columns), **where)
    by_unit = ["admin1", "measure", "span_end"]
    now = _where("seq_to IS NULL", "seq_to IS NULL")
    op.create_index(op.f("ix_figure_admin1_measure_span_end"), "figure", by_unit, **now)
    for table in LOCATED:
        op.create_index(
            op.f(f"ix_{table}_lat_lon"), table, ["lat", "lon"], **_where("seq_to IS NULL", "seq_to IS NULL")
        )
    # The next `incidents migrate` (or `up`) rebuilds the query tables from the log.
    op.execute("UPDATE head SET projection = ''")


def downgrade() -> None:
    for table in LOCATED:
        op.drop_index(op.f(f"ix_{table}_lat_lon"), table_name=table)
    op.drop_index(op.f("ix_figure_admin1_measure_span_end"), table_name="figure")
    for name in INDEXES:
        op.drop_index(name, table_name="figure")
    for name in COLUMNS:
        op.drop_column("figure", name)
    op.drop_table("rollup")
    op.drop_table("entwined")


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _where(in_a_file: str, on_a_server: str) -> dict[str, Any]:
    """A partial index; the two databases spell a flag differently."""
    return {"unique": False, "sqlite_where": sa.text(in_a_file), "postgresql_where": sa.text(on_a_server)}
