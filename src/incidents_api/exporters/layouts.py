"""Incidents in the columns of another dataset: what was imported comes back as it was, but for later edits."""

import re
from collections.abc import Iterable

from incidents_api.exporters.columns import Column, Row, Table
from incidents_api.exporters.csv import harmless
from incidents_api.model.layouts import LAYOUTS
from incidents_api.model.wire import Record

_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?")


def layout_table(name: str) -> Table:
    """The incidents in a layout of `LAYOUTS`, one row for each; KeyError for a name that is none.

    Cells are texts. They are guarded here, because a number such as -99.1 is none of the formulas that it looks like.
    """
    layout = LAYOUTS[name]
    numeric = [column in layout.numbers for column in layout.columns]

    def rows(record: Record) -> Iterable[Row]:
        cells = zip(layout.row(record), numeric, strict=True)
        return [[cell if number and _NUMBER.fullmatch(cell) else harmless(cell) for cell, number in cells]]

    columns = tuple(
        Column(name=column, type="text", meaning=f"As in {layout.title}.", plain=True) for column in layout.columns
    )
    return Table(layout.name, f"Incidents in the columns of {layout.title}.", columns, rows, (layout.key,))
