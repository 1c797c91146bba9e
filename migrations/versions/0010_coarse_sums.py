"""Sums that are not kept by type, nor by granularity but for period totals: fewer by far, for most questions enough."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
KEPT = ("period", "country_order", "measure", "status")
SUMS = ("n", "low", "best", "high", "only", "open")

rollup = sa.table(
    "rollup",
    *(sa.column(name, Text) for name in ("grain", *KEPT, "type", "granularity")),
    *(sa.column(name, sa.BigInteger) for name in SUMS),
)


def upgrade() -> None:
    told = rollup.c
    names = ("grain", *KEPT, "type", "granularity", *SUMS)
    nothing, period = sa.literal_column("''", Text), sa.literal_column("'period_total'", Text)
    granularity = sa.case((told.granularity == period, period), else_=nothing)
    for grain in ("year", "month"):
        keys = (*(told[name] for name in KEPT), granularity)
        sums = (sa.cast(sa.func.sum(told[name]), sa.BigInteger) for name in SUMS)
        coarse = sa.select(
            sa.literal_column(f"'{grain}s'", Text), *keys[:-1], nothing.label("any_type"), granularity, *sums
        )
        op.execute(
            sa.insert(rollup).from_select(
                names, coarse.where(told.grain == sa.literal_column(f"'{grain}'")).group_by(*keys)
            )
        )


def downgrade() -> None:
    op.execute("DELETE FROM rollup WHERE grain IN ('years', 'months')")
