"""The levels of figures as SQL adds them up: what stands in for an unknown one, and how often it did (ADR 0016)."""

from typing import Any

import sqlalchemy as sa

from incidents_api.model.figures import LEVELS


def standing(told: Any) -> dict[str, sa.ColumnElement[int]]:
    """The levels of a row of figures: low stands in for an unknown best, best for an unknown high."""
    low = sa.func.coalesce(told.low, sa.literal_column("0"))
    best = sa.func.coalesce(told.best, low)
    return dict(zip(LEVELS, (low, best, sa.func.coalesce(told.high, best)), strict=True))


def added_up(told: Any) -> dict[str, sa.ColumnElement[Any]]:
    """Aggregates by the names of columns of sums: how many figures, their levels, and how often one was unknown."""
    sums: dict[str, sa.ColumnElement[Any]] = {name: sa.func.sum(level) for name, level in standing(told).items()}
    unknown = {"only": told.best, "open": told.high}
    return {"n": sa.func.count(), **sums} | {
        name: sa.func.sum(sa.case((level.is_(None), sa.literal_column("1")), else_=sa.literal_column("0")))
        for name, level in unknown.items()
    }
