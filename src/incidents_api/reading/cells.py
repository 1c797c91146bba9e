"""Cells of the map: a group of totals by where precise points lie, told as the box that `bbox` takes."""

import re
from typing import Any

import sqlalchemy as sa

from incidents_api.model.places import as_precise_as

CELL = "cell"
DEFAULT_ZOOM, MAX_ZOOM = 6, 20
_ROW = 2**21
"""More than there are cells around the earth, so that one number holds both indices."""


def read_zoom(value: str) -> int:
    """The zoom that a text says; ValueError for any other."""
    if not re.fullmatch(r"[0-9]{1,2}", value) or int(value) > MAX_ZOOM:
        raise ValueError(f"give a whole number from 0 to {MAX_ZOOM}")
    return int(value)


def side(zoom: int) -> float:
    """The side of a cell in degrees: halved with each zoom, and exact in binary and decimal."""
    return 360.0 / (1 << zoom)


def cell_of(table: Any, zoom: int, coarsest: str) -> sa.ColumnElement[Any]:
    """The number of the cell that an incident's point lies in; null where no point is precise enough to be a place.

    Everything is written out, not bound: the grouping must be the same text as the selection.
    """
    step = _written(side(zoom))
    column, row = _floor((table.c.lon + _written(180)) / step), _floor((table.c.lat + _written(90)) / step)
    precise = table.c.precision.in_([_written(f"'{code}'") for code in as_precise_as(coarsest)])
    return sa.case((sa.and_(table.c.lon.is_not(None), precise), row * _written(_ROW) + column), else_=sa.null())


def _floor(number: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The whole number at or below: not every engine knows floor(), and a cast cuts off in one and rounds in the other.

    A billionth of a cell keeps halves, which the engines round differently, from being met.
    """
    return sa.cast(sa.func.round(number - _written(0.499999999)), sa.BigInteger)


def _written(value: Any) -> sa.ColumnClause[Any]:
    return sa.literal_column(str(value))


def box(number: str, zoom: int) -> str:
    """A cell as `west,south,east,north`, the way bbox takes it."""
    row, column = divmod(int(number), _ROW)
    step = side(zoom)
    west, south = column * step - 180, row * step - 90
    return ",".join(
        f"{edge:.12f}".rstrip("0").rstrip(".") for edge in (west, south, min(west + step, 180), min(south + step, 90))
    )
