"""Sums of all measures in one row, of what has no month, too, and what parts take off them.

What no sum holds is found by less: what is too coarse for a month by where it ends, what is closed by when it opens.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
KEY = ("grain", "period", "country_order", "type", "granularity", "status")
KEY_BEFORE = ("grain", "period", "country_order", "measure", "type", "granularity", "status")
TREE = ("whole_id", "cell", "country_order", "granularity", "status", "taken")
SPAN = ("span_start", "span_end")
SHARED = ("span_start", "status", "granularity", "type", "country", "admin1", "month", "year")
TOLD = ("country_order", "measure", "span_end", *SHARED, "audience", "turns", "low", "best", "high", "whole", "seq_to")
FIRST = ("country_order", "measure", "span_end")
SOME = {
    "ix_figure_parts": "whole_id IS NOT NULL",
    "ix_figure_parts_by_month": "whole_id IS NOT NULL",
    "ix_figure_loose_by_year": "month IS NULL",
    "ix_figure_closed": "audience IS NOT NULL",
}
NOW = {
    "ix_figure_parts": ("whole_id", "measure", "incident_id"),
    "ix_figure_loose_by_year": ("year", "span_end", "country_order", "measure"),
    "ix_figure_closed": ("audience", "turns", *FIRST),
}
BEFORE = {
    "ix_figure_parts": (*FIRST, "whole_id", "incident_id"),
    "ix_figure_parts_by_month": ("month", "span_end", "measure", "whole_id", "incident_id"),
    "ix_figure_loose_by_year": ("year", *FIRST),
    "ix_figure_closed": FIRST,
}


def upgrade() -> None:
    op.drop_table("rollup")
    sums = (sa.Column(name, Text, nullable=False) for name in ("figures", "more"))
    _create("rollup", KEY, KEY, sa.Column("n", sa.BigInteger(), nullable=False), *sums)
    op.create_index(op.f("ix_rollup_grain_country_order_period"), "rollup", ["grain", "country_order", "period"])
    _create("tree", TREE, TREE[:1], *(sa.Column(name, Text, nullable=True) for name in SPAN))
    found_by = ["cell", "country_order", "span_end", "span_start", "whole_id"]
    op.create_index(op.f("ix_tree_cell_country_order_span_end_span_start_whole_id"), "tree", found_by)
    _change(BEFORE, NOW)
    # The next `incidents migrate` (or `up`) rebuilds the query tables from the log.
    op.execute("UPDATE head SET projection = ''")


def downgrade() -> None:
    _change(NOW, BEFORE)
    op.drop_table("tree")
    op.drop_table("rollup")
    sums = (sa.Column(name, sa.BigInteger(), nullable=False) for name in ("n", "low", "best", "high", "only", "open"))
    _create("rollup", KEY_BEFORE, KEY_BEFORE, *sums)
    by_country = ["grain", "country_order", "measure", "period"]
    op.create_index(op.f("ix_rollup_grain_country_order_measure_period"), "rollup", by_country)
    empty = sa.text("n = 0")
    op.create_index("ix_rollup_n", "rollup", ["n"], sqlite_where=empty, postgresql_where=empty)
    op.execute("UPDATE head SET projection = ''")


def _create(name: str, texts: tuple[str, ...], key: tuple[str, ...], *more: Any) -> None:
    columns = (sa.Column(one, Text, nullable=False) for one in texts)
    op.create_table(name, *columns, *more, sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")))


def _change(away: dict[str, tuple[str, ...]], new: dict[str, tuple[str, ...]]) -> None:
    for name in away:
        op.drop_index(name, table_name="figure")
    for name, first in new.items():
        in_a_file, on_a_server = (
            sa.text(f"seq_to IS NULL AND {whole} AND {SOME[name]}") for whole in ("whole = 1", "whole")
        )
        columns = list(dict.fromkeys((*first, *TOLD)))
        op.create_index(name, "figure", columns, sqlite_where=in_a_file, postgresql_where=on_a_server)
