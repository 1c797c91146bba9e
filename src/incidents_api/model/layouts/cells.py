"""Cells of foreign rows as values: texts, numbers, days and codes; what is none of them is a CellError."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import TypeVar

Cells = Mapping[str, str]
"""A row by the canonical names of its columns; a column that the file does not have is an empty cell."""

T = TypeVar("T")

LINE = 500
"""The longest text of one line that a report takes."""
_UNKNOWN = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "-"})
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ][\d:.]+Z?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3,9})\.?[- ](\d{4}|\d{2})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})")
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?")
_EXCEL_EPOCH = date(1899, 12, 30)


class CellError(ValueError):
    """A cell that cannot be taken: its column, what is wrong, and what is allowed."""

    def __init__(self, column: str, detail: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.column = column
        self.detail = detail
        self.allowed = allowed


def words(text: str) -> tuple[str, ...]:
    """Names of columns, written one after the other."""
    return tuple(text.split())


def squeezed(text: str) -> str:
    """The text on one line with single blanks, cut to what a line may hold."""
    if text.isprintable() and "  " not in text:
        return text.strip()[:LINE].rstrip()
    return _CONTROL.sub(" ", text).strip()[:LINE].rstrip()


def line(cells: Cells, column: str) -> str:
    """A cell as one line of text; "" where it is empty."""
    return squeezed(cells.get(column, ""))


def first(cells: Cells, *columns: str) -> str:
    """The first of these cells that is not empty, as one line of text; "" where all are."""
    return next((found for column in columns if (found := line(cells, column))), "")


def needed(cells: Cells, column: str) -> str:
    """A cell that must not be empty."""
    found = line(cells, column)
    if not found:
        raise CellError(column, f"{column} is empty")
    return found


def whole(cells: Cells, column: str) -> int | None:
    """A whole number of 0 or more, "1,022" and "3.0" included; None where it is blank or says that it is unknown."""
    text = cells.get(column, "")
    if text.isascii() and text.isdigit() and len(text) < 13:
        return int(text)
    bare = text.strip()
    if bare.lower() in _UNKNOWN:
        return None
    found = re.fullmatch(r"(\d{1,12}|\d{1,3}(?:[,\u00a0 ]\d{3}){1,3})(?:\.0*)?", bare, re.ASCII)
    if found is None:
        raise CellError(column, f"{column} is {text[:60]!r}, which is no whole number of 0 or more")
    return int(re.sub(r"\D", "", found[1]))


def number(cells: Cells, column: str, limit: float) -> float | None:
    """A number from -limit to limit, also with a comma for its point; None where it is blank."""
    text = cells.get(column, "").strip()
    if text.lower() in _UNKNOWN:
        return None
    try:
        found = float(text.replace(",", ".") if text.count(",") == 1 else text)
    except ValueError:
        raise CellError(column, f"{column} is {text[:60]!r}, which is no number") from None
    if not -limit <= found <= limit:
        raise CellError(column, f"{column} is {text[:60]!r}; it lies from {-limit:g} to {limit:g}")
    return found


def point(cells: Cells) -> tuple[float, float] | None:
    """(latitude, longitude); None where one of them is blank."""
    lat, lon = number(cells, "latitude", 90), number(cells, "longitude", 180)
    return None if lat is None or lon is None else (lat, lon)


def code(cells: Cells, column: str, table: Mapping[str, T]) -> T:
    """What a code stands for; the error lists the codes."""
    text = cells.get(column, "")
    if text in table:
        return table[text]
    bare = text.strip()
    bare = bare.removesuffix(".0") if bare not in table else bare
    if bare not in table:
        told = f"{column} is {text[:60]!r}" if bare else f"{column} is empty"
        raise CellError(column, f"{told}; it takes one of {', '.join(table)}", tuple(table))
    return table[bare]


def day(cells: Cells, column: str) -> str | None:
    """A day as YYYY-MM-DD; None where the cell is empty.

    Taken are 2024-03-26 (a time of day may follow), 26 March 2024, 26-Mar-24, March 26, 2024, and the day numbers that
    Excel writes. 3/4/2024 is refused: nobody can tell the day from the month.
    """
    text = cells.get(column, "").strip()
    if not text:
        return None
    found = _day(text)
    if found is None:
        raise CellError(column, f"{column} is {text[:60]!r}, which is no day; write it as YYYY-MM-DD")
    return found


@lru_cache(maxsize=20_000)
def _day(text: str) -> str | None:
    try:
        if match := _ISO.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        if match := _DAY_FIRST.fullmatch(text):
            return date(_year(match[3]), _month(match[2]), int(match[1])).isoformat()
        if match := _MONTH_FIRST.fullmatch(text):
            return date(int(match[3]), _month(match[1]), int(match[2])).isoformat()
        if match := _SERIAL.fullmatch(text):
            return (_EXCEL_EPOCH + timedelta(days=int(match[1]))).isoformat()
    except ValueError:
        return None
    return None


def _year(text: str) -> int:
    """Two digits are a year from 1970 to 2069."""
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= 70 else 2000)


def _month(word: str) -> int:
    return _MONTHS.index(word[:3].lower()) + 1


def span(first: str, last: str, *, lasted: bool = False) -> str:
    """EDTF of the days from first to last: one of them, or all of them when it `lasted`."""
    if first == last:
        return first
    if lasted:
        return f"{first}/{last}"
    if first[:4] == last[:4] and first[4:] == "-01-01" and last[4:] == "-12-31":
        return first[:4]
    if first[:7] == last[:7] and first[7:] == "-01" and (date.fromisoformat(last) + timedelta(days=1)).day == 1:
        return first[:7]
    return f"[{first}..{last}]"


def slug(text: str) -> str:
    """A text as a tag."""
    return re.sub(r"[^a-z0-9]+", "-", squeezed(text).lower()).strip("-")[:64].rstrip("-")
