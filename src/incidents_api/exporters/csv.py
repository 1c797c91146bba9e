"""CSV: UTF-8, RFC 4180, a header always, and no cell that a spreadsheet would run as a formula."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from incidents_api.exporters.columns import SEPARATOR, About, Column, Row, Table
from incidents_api.model.wire import Record

_FORMULA = r"=+\-@\uff1d\uff0b\uff0d\uff20"  # with their full-width forms, which spreadsheets take as well
_BLANK = r"\s\x00\ufeff"
# An arrow (->) is no formula anywhere.
_SIGN = f"[{_FORMULA}](?!>)"
_SUSPECT = re.compile(f"[{_FORMULA}\t\r\n\x00]")
_STARTS = re.compile(f"[{_BLANK}]*+{_SIGN}|[\t\r\n\x00]")
# A run of blanks and semicolons before a formula sign; the look-behind keeps the search linear.
_INSIDE = re.compile(f"(?<![;{_BLANK}])([;{_BLANK}]++)(?={_SIGN})")
_PARTS = frozenset(";\t\r\n")
_PARTED = re.compile("[;\t\r\n]")


def harmless(text: str) -> str:
    """The text with `'` before whatever a spreadsheet would run (OWASP ASVS 1.2.10).

    That is a text whose first sign, blanks aside, is one of = + - @, or that starts with a tab, line break or NUL.
    Where a semicolon separates, spreadsheets do not see the quotes around our cells, so the same holds within a
    text after a semicolon, a tab and a line break.
    """
    if not _SUSPECT.search(text):
        return text
    inside = _INSIDE.sub(_guarded, text) if _PARTED.search(text) else text
    return f"'{inside}" if _STARTS.match(text) else inside


def _guarded(found: re.Match[str]) -> str:
    return f"{found[1]}'" if _PARTS.intersection(found[1]) else found[1]


def _joined(values: Sequence[str]) -> str:
    return SEPARATOR.join(map(harmless, values))


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _maker(column: Column) -> Callable[[Any], str] | None:
    """What turns a value of a column into its cell; None where csv writes the value as it should be."""
    if column.many:
        return SEPARATOR.join if column.plain else _joined
    if column.type == "flag":
        return _flag
    return harmless if column.type == "text" and not column.plain else None


class Csv:
    """A table as CSV, page by page: null is an empty cell, many values are joined, numbers are never quoted."""

    media_type: ClassVar[str] = "text/csv"
    suffix: ClassVar[str] = "csv"
    streamed: ClassVar[bool] = True
    takes_text: ClassVar[bool] = False

    def __init__(self, table: Table, about: About | None = None, *, bom: bool = False) -> None:
        self._table = table
        self._bom = bom
        makers = enumerate(map(_maker, table.columns))
        self._made = [(place, maker) for place, maker in makers if maker is not None]

    def begin(self) -> bytes:
        """The header; with `bom` after the mark by which Excel knows UTF-8."""
        mark = "\ufeff" if self._bom else ""
        return (mark + self._lines([[column.name for column in self._table.columns]])).encode()

    def write(self, records: Iterable[Record]) -> bytes:
        """The rows of these records."""
        return self._lines(self._cells(row) for record in records for row in self._table.rows(record)).encode()

    def end(self) -> bytes:
        """Nothing: the last row ends with its line break."""
        return b""

    def _cells(self, row: Row) -> list[Any]:
        cells = list(row)
        for place, maker in self._made:
            if cells[place] is not None:
                cells[place] = maker(cells[place])
        return cells

    def _lines(self, rows: Iterable[Sequence[Any]]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue()
