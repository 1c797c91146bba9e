"""What finds a page: indexes that hold all it is found by, points of figures, what is true no more, what is undated."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Compared byte by byte on both databases.
Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")

POINT = {"precision": Text, "lon": sa.Double(), "lat": sa.Double()}
DATED = ("incident", "source", "statistic")
KINDS = ("actor", "incident", "location", "source", "statistic")

_OF_PAGES = (
    *("precision", "span_end", "span_start", "status", "audience", "turns"),
    *("date", "id", "version", "seq_from", "seq_to"),
)
PAGES = {
    "by_date": ("date", "id"),
    "by_country": ("country", "date", "id"),
    "by_country_and_type": ("country", "type", "date", "id"),
    "by_point": ("lat", "lon"),
}
PAST = ("by_date", "by_country")
DROPPED = {
    "incident": (
        ("country", "date", "id"),
        ("country", "span_end", "span_start"),
        ("date", "id"),
        ("lat", "lon"),
        ("span_end", "span_start"),
    ),
    "source": (("span_end", "span_start"),),
    "statistic": (("country", "span_end", "span_start"), ("span_end", "span_start")),
}

_SHARED = ("span_start", "status", "granularity", "type", "country", "admin1", "month", "year")
_TOLD = (*_SHARED, "audience", "turns", "low", "best", "high", "whole", "seq_to")
_WHERE = {
    "sqlite_where": sa.text("seq_to IS NULL AND whole = 1"),
    "postgresql_where": sa.text("seq_to IS NULL AND whole"),
}
_TOTALS = ("country_order", "measure", "span_end", *_SHARED)
FIGURES = {
    "ix_figure_parts_by_day": (
        ("span_end", "measure", "whole_id", "incident_id", "country_order", *_TOLD),
        "whole_id IS NOT NULL",
    ),
    "ix_figure_itself": ((*POINT, "incident_id", "country_order", "measure", "span_end", *_TOLD), "measure = ''"),
}


def upgrade() -> None:
    for table, dropped in DROPPED.items():
        for names in dropped:
            op.drop_index(op.f(f"ix_{table}_{'_'.join(names)}"), table_name=table)
    for name, type_ in POINT.items():
        op.add_column("figure", sa.Column(name, type_, nullable=True))
    op.drop_index("ix_figure_totals", table_name="figure")
    op.create_index("ix_figure_totals", "figure", [*_TOTALS, *POINT, *_TOLD[len(_SHARED) :]], **_WHERE)
    for name, (columns, some) in FIGURES.items():
        in_a_file, on_a_server = (f"seq_to IS NULL AND {whole} AND {some}" for whole in ("whole = 1", "whole"))
        op.create_index(name, "figure", list(columns), **_where(in_a_file, on_a_server))
    op.create_index(op.f("ix_figure_month_span_start"), "figure", ["month", "span_start"], **_where("seq_to IS NULL"))
    for name, first in PAGES.items():
        columns = list(dict.fromkeys((*first, *_OF_PAGES)))
        op.create_index(f"ix_incident_{name}", "incident", columns, **_where("seq_to IS NULL"))
        if name in PAST:
            op.create_index(f"ix_incident_past_{name}", "incident", columns, **_where("seq_to IS NOT NULL"))
    for table in KINDS:
        op.create_index(op.f(f"ix_{table}_seq_to"), table, ["seq_to"], **_where("seq_to IS NOT NULL"))
    for table in DATED:
        op.create_index(f"ix_{table}_undated", table, ["id"], **_where("span_start IS NULL AND seq_to IS NULL"))
        open_start = _where("earliest IS NULL AND span_start IS NOT NULL AND seq_to IS NULL")
        op.create_index(f"ix_{table}_open_start", table, ["date", "id"], **open_start)
    # The next `incidents migrate` (or `up`) rebuilds the query tables from the log.
    op.execute("UPDATE head SET projection = ''")


def downgrade() -> None:
    for table in DATED:
        op.drop_index(f"ix_{table}_open_start", table_name=table)
        op.drop_index(f"ix_{table}_undated", table_name=table)
    for table in KINDS:
        op.drop_index(op.f(f"ix_{table}_seq_to"), table_name=table)
    for name in (*PAGES, *(f"past_{name}" for name in PAST)):
        op.drop_index(f"ix_incident_{name}", table_name="incident")
    op.drop_index(op.f("ix_figure_month_span_start"), table_name="figure")
    for name in (*FIGURES, "ix_figure_totals"):
        op.drop_index(name, table_name="figure")
    op.create_index("ix_figure_totals", "figure", [*_TOTALS, *_TOLD[len(_SHARED) :]], **_WHERE)
    for name in POINT:
        op.drop_column("figure", name)
    for table, dropped in DROPPED.items():
        for names in dropped:
            op.create_index(op.f(f"ix_{table}_{'_'.join(names)}"), table, list(names), **_where("seq_to IS NULL"))


def _where(in_a_file: str, on_a_server: str | None = None) -> dict[str, Any]:
    """A partial index; the two databases spell a flag differently."""
    server = sa.text(on_a_server or in_a_file)
    return {"unique": False, "sqlite_where": sa.text(in_a_file), "postgresql_where": server}
