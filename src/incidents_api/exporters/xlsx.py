"""XLSX: one sheet of rows and one that says what the columns mean; needs the extra [xlsx]."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from incidents_api.exporters.columns import SEPARATOR, About, Column, Pages, Table, Target, optional

MAX_ROWS = 1_048_576
"""Rows of a sheet, the header among them: a limit of the format (ECMA-376, as Excel keeps it)."""
MAX_TEXT = 32_767
"""Characters (UTF-16 units) of a cell, likewise; a longer text is cut and ends in an ellipsis."""
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


class TooManyRows(ValueError):
    """The table does not fit into a sheet; the text names the formats that take it."""


class Xlsx:
    """A table as a workbook. Texts are written as texts, so none is run; dates stay ISO 8601 texts."""

    media_type: ClassVar[str] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    suffix: ClassVar[str] = "xlsx"
    streamed: ClassVar[bool] = False
    takes_text: ClassVar[bool] = False

    def __init__(self, table: Table, about: About | None = None) -> None:
        """MissingExtra when xlsxwriter is not installed."""
        self._table = table
        self._about = about or About()
        self._library = optional("xlsxwriter", "xlsx")

    def write_file(self, target: Target, pages: Pages) -> None:
        """Write the rows of all records, a row at a time; TooManyRows when a sheet cannot hold them."""
        where = target if hasattr(target, "write") else str(target)
        with self._library.Workbook(where, _OPTIONS) as book:
            book.set_properties(self._properties())
            head = book.add_format({"bold": True})
            self._write_rows(book.add_worksheet(self._table.name), head, pages)
            self._write_meanings(book.add_worksheet("columns"), head)

    def _write_rows(self, sheet: Any, head: Any, pages: Pages) -> None:
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._table.columns):
            sheet.write_string(0, place, column.name, head)
        writers = [_writer(sheet, column) for column in self._table.columns]
        number = 0
        for page in pages:
            for record in page:
                for row in self._table.rows(record):
                    number += 1
                    if number >= MAX_ROWS:
                        raise TooManyRows(
                            f"An XLSX sheet holds {MAX_ROWS - 1:,} rows and there are more: "
                            "ask for CSV or Parquet instead, or narrow the query"
                        )
                    for place, value in enumerate(row):
                        if value is not None:
                            writers[place](number, place, value)

    def _write_meanings(self, sheet: Any, head: Any) -> None:
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(("column", "type", "meaning", "codes")):
            sheet.write_string(0, place, name, head)
        for number, column in enumerate(self._table.columns, 1):
            for place, text in enumerate((column.name, column.type, column.meaning, column.codes)):
                if text is not None:
                    sheet.write_string(number, place, text)

    def _properties(self) -> dict[str, Any]:
        edition, licence = self._about.edition, self._about.licence
        told = {
            "title": self._about.title,
            "subject": _said(edition),
            "comments": _said(licence),
        }
        # Without a time of its own the file would carry the time of writing, and no two would be alike.
        moment = edition.get("recorded_at")
        created = datetime.fromisoformat(moment) if moment else datetime(2000, 1, 1)  # noqa: DTZ001 - as xlsxwriter has it
        return told | {"created": created.replace(tzinfo=None, microsecond=0)}


def _said(members: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in members.items())


def _cut(text: str) -> str:
    """The text as far as a cell holds it; what lies beyond the Basic Multilingual Plane counts twice."""
    if len(text) * 2 <= MAX_TEXT or len(text.encode("utf-16-le")) // 2 <= MAX_TEXT:
        return text
    kept = text.encode("utf-16-le")[: (MAX_TEXT - 1) * 2].decode("utf-16-le", "ignore")
    return f"{kept}…"


def _writer(sheet: Any, column: Column) -> Callable[[int, int, Any], Any]:
    """Writes a value of a column into a cell."""
    if column.many:
        return lambda row, place, value: value and sheet.write_string(row, place, _cut(SEPARATOR.join(value)))
    if column.type in ("integer", "number"):
        number: Callable[[int, int, Any], Any] = sheet.write_number
        return number
    if column.type == "flag":
        flag: Callable[[int, int, Any], Any] = sheet.write_boolean
        return flag
    return lambda row, place, value: sheet.write_string(row, place, _cut(value))
