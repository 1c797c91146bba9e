"""The lines that a run of many did not take, in their order."""

from typing import Any

import sqlalchemy as sa

from incidents_api.storage import tables
from incidents_api.storage.database import Statement

PAGE = 1_000


def holder(run: str) -> Statement:
    """Who sent the request of a run."""

    def build() -> sa.Select[Any]:
        table = tables.request
        return sa.select(table.c.holder).where(table.c.run == sa.bindparam("run", type_=sa.Text))

    return Statement("run", build, {"run": run}, short=True)


def page(run: str, after: int) -> Statement:
    """The refused lines after a line: number, external id, problem as JSON."""

    def build() -> sa.Select[Any]:
        table = tables.refusal.c
        query = sa.select(table.line, table.external_id, table.problem).order_by(table.line).limit(PAGE)
        return query.where(table.run == sa.bindparam("run", type_=sa.Text), table.line > sa.bindparam("after"))

    return Statement("refusals", build, {"run": run, "after": after})
