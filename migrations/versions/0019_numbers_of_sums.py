"""Sums are kept as arrays beside what totals tell of them, which add up in half the time, and lie by country.

They are made of what is kept, and the query tables are told to be of the catalogue that knows them where they were of
the one before, so that no store need be built anew.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")
KEY = ("grain", "period", "country_order", "type", "granularity", "status")
BEFORE, AFTER = "9c9d1cfba5a07c72", "fc8aba5d4a6966be"
BY_PERIOD, BY_COUNTRY = KEY[:3], ("grain", "country_order", "period")
AT_ONCE = 5_000
LEVELS = ("low", "best", "high", "incidents", "lower_bound_only", "open_ended")


def upgrade() -> None:
    _lay_out("more", "numbers", BY_COUNTRY, BY_PERIOD, _with_figures)
    if op.get_bind().dialect.name == "sqlite":
        coarse = [*BY_PERIOD, *KEY[3:], "n", "numbers"]
        op.create_index("ix_rollup_coarse", "rollup", coarse, sqlite_where=sa.text("type = ''"))
    _told(BEFORE, AFTER)


def downgrade() -> None:
    _lay_out("numbers", "more", BY_PERIOD, BY_COUNTRY, _without_figures)
    _told(AFTER, BEFORE)


def _lay_out(
    before: str, after: str, key: Sequence[str], found_by: Sequence[str], change: Callable[[str, str], str]
) -> None:
    """Make the table anew with another key, another index, and another column, made of the one that it has."""
    in_a_file = op.get_bind().dialect.name == "sqlite"
    columns = [sa.Column(name, Text, nullable=False) for name in KEY]
    columns += [sa.Column("n", sa.BigInteger(), nullable=False)]
    columns += [sa.Column(name, Text, nullable=False) for name in ("figures", after)]
    name = "pk_rollup" if in_a_file else "pk_rollup_new"
    laid_out = sa.PrimaryKeyConstraint(*key, *KEY[3:], name=op.f(name))
    new = op.create_table("rollup_new", *columns, laid_out, sqlite_with_rowid=after == "more")
    for some in _pages(sa.table("rollup", *(sa.column(one, Text) for one in (*KEY, "n", "figures", before)))):
        told = [{**row._mapping, after: change(row.figures, row._mapping[before])} for row in some]
        op.get_bind().execute(sa.insert(new), [{name: one[name] for name in new.c.keys()} for one in told])  # noqa: SIM118
    op.drop_table("rollup")
    op.rename_table("rollup_new", "rollup")
    if not in_a_file:
        op.execute("ALTER INDEX pk_rollup_new RENAME TO pk_rollup")
    op.create_index(op.f(f"ix_rollup_{'_'.join(found_by)}"), "rollup", [*found_by])


def _with_figures(figures: str, more: str) -> str:
    told = {measure: [levels[name] for name in LEVELS] for measure, levels in json.loads(figures).items()}
    return _spelt(dict(sorted((told | json.loads(more)).items())))


def _without_figures(figures: str, numbers: str) -> str:
    told = json.loads(figures)
    return _spelt({name: levels for name, levels in json.loads(numbers).items() if name not in told})


def _spelt(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _pages(rollup: sa.TableClause) -> Iterator[Sequence[Any]]:
    """All sums, some at once, so that a store of any size fits."""
    key, after = [rollup.c[name] for name in KEY], None
    while True:
        asked = sa.select(rollup).order_by(*key).limit(AT_ONCE)
        found = op.get_bind().execute(asked if after is None else asked.where(sa.tuple_(*key) > after)).all()
        if not found:
            return
        yield found
        after = sa.tuple_(*found[-1][: len(KEY)])


def _told(before: str, after: str) -> None:
    """How closed incidents are treated stands behind the catalogue."""
    op.execute(
        sa.text("UPDATE head SET projection = replace(projection, :before, :after)").bindparams(
            before=before, after=after
        )
    )
