"""Tables as rows of cells, whatever they come in: CSV of any separator and encoding, workbooks, HDX files with tags."""

import codecs
import csv
import importlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO

from incidents_api.errors import Fault, Invalid
from incidents_api.model.layouts.cells import Cells
from incidents_api.model.layouts.facet import canonical
from incidents_api.model.vocabulary import suggest

SHEETS: tuple[str, ...] = ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
"""The media types of what is read here."""

_SEPARATORS = (",", ";", "\t", "|")
_ZIP = b"PK\x03\x04"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PEEK = 4
_FORMULA = frozenset("=+-@")
_LONGEST_TEXT = 20_000
"""So much of a row is kept for the file of rejects."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: `cells` by canonical column name, `raw` by the name in the file, without empty cells."""

    line: int
    text: str
    cells: Cells
    raw: dict[str, str]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table must have: `needed` columns, each by its canonical name, and other names of them (`aliases`)."""

    about: str
    needed: tuple[str, ...]
    aliases: Mapping[str, str]

    def named(self, header: Sequence[str]) -> list[str]:
        """The canonical name of each column; Invalid where the header is not that of such a table."""
        names = [self.aliases.get(name, name) for name in map(canonical, header)]
        missing = [name for name in self.needed if name not in names]
        twice = next((name for name in self.needed if names.count(name) > 1), None)
        if len(missing) > len(self.needed) // 2:
            raise Invalid(
                f"line 1 is no header of {self.about}: it lacks {', '.join(missing[:8])}. A file without a header "
                "cannot be read, because the order of the columns differs between releases"
            )
        if missing:
            told = [_missing(name, names) for name in missing]
            raise Invalid(f"this is no whole table of {self.about}", [Fault(one, "missing_column") for one in told])
        if twice is not None:
            raise Invalid(f"the column {twice} stands twice in the header")
        return names


def _missing(name: str, names: Sequence[str]) -> str:
    near = suggest(name, [one for one in names if one])
    return f"the column {name} is missing" + (f"; is it {near}?" if near else "")


def read(file: BinaryIO, columns: Columns) -> Iterator[Entry]:
    """The rows of a table below its header; empty rows and the row of HXL tags (#date+start) are left out."""
    first = file.read(_PEEK)
    if first.startswith(_OLD_WORKBOOK):
        raise Invalid("this is a workbook of the old kind (.xls); save it as .xlsx or CSV")
    found = _of_workbook(first, file) if first.startswith(_ZIP) else _of_text(first, file)
    header: list[str] = []
    names: list[str] = []
    for line, text, cells in found:
        if not header:
            header = [cell.strip() for cell in cells]
            while header and not header[-1]:
                header.pop()
            names = columns.named(header)
            continue
        if isinstance(cells, Fault):
            yield Entry(line, text, {}, {}, cells)
        elif _tags(cells) or not any(cells):
            continue
        else:
            yield _entry(line, text, cells, header, names)
    if not header:
        raise Invalid("the file is empty")


def _entry(line: int, text: str, cells: list[str], header: list[str], names: list[str]) -> Entry:
    wide = len(header)
    if len(cells) > wide and not any(cells[wide:]):
        cells = cells[:wide]
    if len(cells) != wide:
        detail = f"the row has {len(cells)} cells, the header {wide}; a quote or a separator may be wrong"
        return Entry(line, text, {}, {}, Fault(detail, "columns"))
    if "'" in text:
        cells = [_unguarded(cell) for cell in cells]
    raw = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
    return Entry(line, text, dict(zip(names, cells, strict=True)), raw)


def _unguarded(cell: str) -> str:
    """A cell without the ' by which our own files keep a spreadsheet from running it."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


def _tags(cells: Any) -> bool:
    """Whether these are HXL tags: every cell that holds anything begins with #."""
    return any(cells) and all(cell.startswith("#") for cell in cells if cell)


# --- Text ----------------------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a file as text, with those that the row under way has taken.

    UTF-8, with or without a mark; a line that is no UTF-8 is read as Windows-1252, in which many such tables come.
    """

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("cp1252", errors="replace")
        self.taken.append(text)
        return text


def _of_text(first: bytes, file: BinaryIO) -> Iterator[tuple[int, str, Any]]:
    lines = _Lines(_byte_lines(first, file))
    try:
        header = next(lines)
    except StopIteration:
        return
    lines.taken.clear()
    separator = max(_SEPARATORS, key=header.count)
    reader = csv.reader(chain([header], lines), delimiter=separator)
    line = 1
    while True:
        try:
            cells: Any = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = Fault(f"the row is no CSV: {error}", "csv")
        text = "".join(lines.taken)[:_LONGEST_TEXT].rstrip("\r\n")
        lines.taken.clear()
        yield line, text, cells
        line = reader.line_num + 1


def _byte_lines(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file whose first bytes were read already, without its mark."""
    encoding = _MARKS.get(first[:2])
    if encoding is not None:
        return (line.encode() for line in _decoded(first, file, encoding))
    rest = file.readline() if b"\n" not in first else b""
    begun = (first + rest).removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    if begun and not begun[-1].endswith(b"\n"):
        begun[-1] += file.readline()
    return chain(begun, file)


def _decoded(first: bytes, file: BinaryIO, encoding: str) -> Iterator[str]:
    """The lines of a UTF-16 file, which holds the bytes of a line feed within other characters."""
    decoder = codecs.getincrementaldecoder(encoding)()
    held = ""
    chunk = first
    while chunk:
        *lines, held = (held + decoder.decode(chunk)).split("\n")
        yield from (line + "\n" for line in lines)
        chunk = file.read(1 << 16)
    if held:
        yield held


# --- Workbooks -----------------------------------------------------------------------------------------------------


def _of_workbook(first: bytes, file: BinaryIO) -> Iterator[tuple[int, str, Any]]:
    """The rows of the first sheet; texts are kept as they stand, days become YYYY-MM-DD."""
    try:
        openpyxl = importlib.import_module("openpyxl")
    except ImportError as error:
        raise Invalid("workbooks need the package openpyxl: pip install 'incidents-api[xlsx]'") from error
    with tempfile.TemporaryFile() as copy:
        copy.write(first)
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        try:
            book = openpyxl.load_workbook(copy, read_only=True, data_only=True)
        except Exception as error:  # whatever a broken workbook makes the reader say
            raise Invalid(f"the workbook cannot be read: {error}") from None
        try:
            for line, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
                cells = [_cell(value) for value in row]
                yield line, "\t".join(cells)[:_LONGEST_TEXT], cells
        finally:
            book.close()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
