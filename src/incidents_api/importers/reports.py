"""Our own reports as a file: NDJSON, a JSON array, or CSV in the columns of the export; read piece by piece."""

import csv
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from incidents_api.errors import BadQuery, Fault, Invalid
from incidents_api.importers.row import Row
from incidents_api.importers.sheet import ENVELOPE, report_of
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import parse

NDJSON, JSON, CSV = "application/x-ndjson", "application/json", "text/csv"
MEDIA_TYPES = (NDJSON, "application/ndjson", "application/jsonl", JSON, CSV)
MAX_LINE = 2_000_000
"""Longest line, or element of an array, in bytes: that of a single report."""
_CHUNK = 65_536
_SHOWN = 20_000
"""How much of a row that cannot be read goes into the file of rejects, in characters."""


class Reports:
    """Reports of one kind, as POST takes them and as the exports give them."""

    name = "reports"
    about = "Reports as POST takes them: NDJSON, a JSON array, or CSV in the columns of the export."
    media_types: tuple[str, ...] = MEDIA_TYPES

    def __init__(self, kind: str = "incident", media: str | None = None) -> None:
        self.kind, self.media = kind, media

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """The rows of a file; where nobody says of what media type it is, its first character does."""
        lines = _Lines(file)
        start = lines.peek().removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if self.media == JSON or (self.media is None and start == b"["):
            return self._array(lines)
        if self.media == CSV or (self.media is None and start not in (b"{", b"")):
            return self._sheet(lines)
        return self._ndjson(lines)

    # --- NDJSON ----------------------------------------------------------------------------------------------------

    def _ndjson(self, lines: "_Lines") -> Iterator[Row]:
        for number, line, whole in lines:
            if not line.strip():
                continue
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not whole:
                yield self._refused(number, text, f"a line has at the most {MAX_LINE:,} bytes", "too_long")
                continue
            yield self._row(number, line, text)

    def _row(self, number: int, raw: bytes, text: str) -> Row:
        try:
            value = parse(raw)
        except BadQuery as problem:
            return self._refused(number, text, problem.detail, "syntax")
        if not isinstance(value, dict):
            return self._refused(number, text, "give a JSON object", "type")
        for name in (*ENVELOPE[1:], *KINDS[self.kind].derived):
            value.pop(name, None)  # what the store enters: an export may be sent as it is
        return Row(number, self.kind, _named(value.get("external_ids")), value, text)

    def _refused(self, number: int, text: str, detail: str, code: str) -> Row:
        return Row(number, self.kind, None, None, text[:_SHOWN], (Fault(detail, code, pointer=""),))

    # --- A JSON array ----------------------------------------------------------------------------------------------

    def _array(self, lines: "_Lines") -> Iterator[Row]:
        text = _Text(lines)
        if text.next_sign() != "[":
            raise Invalid("the body must be a JSON array of reports")
        text.skip()
        number, sign = 0, text.next_sign()
        while sign != "]":
            number += 1
            element = text.element()
            if element is None:
                detail = "from here on the array cannot be read: no JSON, or an element that is too long"
                yield self._refused(number, text.rest(), detail, "syntax")
                return
            yield self._row(number, element.encode("utf-8", "surrogatepass"), element)
            sign = text.next_sign()
            if sign not in (",", "]"):
                yield self._refused(number + 1, text.rest(), "after an element stands a comma, or the end", "syntax")
                return
            if sign == ",":
                text.skip()

    # --- CSV -------------------------------------------------------------------------------------------------------

    def _sheet(self, lines: "_Lines") -> Iterator[Row]:
        cells = csv.reader(lines.texts(), strict=True)
        try:
            header = [name.strip() for name in next(cells, [])]
            check = report_of(self.kind, header)
        except csv.Error as error:
            raise Invalid(f"the header is no CSV: {error}") from None
        while True:
            number = lines.number + 1
            try:
                row = next(cells, None)
            except csv.Error as error:
                yield self._refused(number, "", f"this line is no CSV: {error}", "syntax")
                continue
            if row is None:
                return
            if not any(cell.strip() for cell in row):
                continue
            source = _line(row)
            if re.search("[\x00\ud800-\udfff]", source):
                shown = source.encode("utf-8", "replace").decode()
                yield self._refused(number, shown, "the line is not UTF-8, holds U+0000 or is too long", "syntax")
                continue
            if len(row) != len(header):
                detail = f"the line has {len(row)} cells, the header has {len(header)}"
                yield self._refused(number, source, detail, "cells")
                continue
            report, faults = check(row)
            if faults:
                yield Row(number, self.kind, _named(report.get("external_ids")), None, source, tuple(faults))
            else:
                yield Row(number, self.kind, _named(report.get("external_ids")), report, source)


def _named(external_ids: Any) -> str | None:
    """`scheme:value` of the first external id."""
    if not isinstance(external_ids, dict):
        return None
    return next((f"{scheme}:{value}" for scheme, value in external_ids.items()), None)


def _line(row: list[str]) -> str:
    """The cells as one line of CSV."""
    return ",".join('"' + cell.replace('"', '""') + '"' if re.search(r'[",\r\n]', cell) else cell for cell in row)


class _Lines:
    """The lines of a binary stream, none longer than MAX_LINE in memory: (number, bytes, whether it is whole)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._held, self._end = file, b"", False
        self.number = 0

    def peek(self) -> bytes:
        """The first bytes of the stream."""
        self._fill()
        return self._held[:100]

    def _fill(self) -> bool:
        chunk = b"" if self._end else self._file.read(_CHUNK)
        self._end = not chunk
        self._held += chunk
        return bool(chunk)

    def __iter__(self) -> Iterator[tuple[int, bytes, bool]]:
        while True:
            *lines, self._held = self._held.split(b"\n")
            for line in lines:
                self.number += 1
                yield self.number, line, len(line) <= MAX_LINE
            if len(self._held) > MAX_LINE:
                start = self._held[:_SHOWN]
                while b"\n" not in self._held[-_CHUNK:]:
                    self._held = b""
                    if not self._fill():
                        break
                self._held = self._held.partition(b"\n")[2]
                self.number += 1
                yield self.number, start, False
            elif not self._fill():
                if self._held:
                    self.number += 1
                    yield self.number, self._held, True
                return

    def texts(self) -> Iterator[str]:
        """The lines for the CSV reader, with their ends; a byte order mark is no part of the first."""
        for number, line, whole in self:
            yield (line if whole else b"\0").decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape") + "\n"

    def read(self) -> bytes:
        """The next piece of the stream, whatever lines are in it."""
        if not self._held:
            self._fill()
        held, self._held = self._held, b""
        return held


class _Text:
    """A JSON text that is read element by element."""

    _scan = json.JSONDecoder(strict=False).raw_decode

    def __init__(self, lines: _Lines) -> None:
        self._lines, self._text, self._rest, self._first = lines, "", b"", True

    def _more(self) -> bool:
        piece = self._lines.read()
        if self._first:
            piece, self._first = piece.removeprefix(b"\xef\xbb\xbf"), False
        held = self._rest + piece
        try:
            text, self._rest = held.decode(), b""
        except UnicodeDecodeError as error:
            # A character that is cut at the end of a piece waits for the next; any other is wrong and is kept so.
            whole = error.start if len(held) - error.start < 4 and piece else len(held)
            text, self._rest = held[:whole].decode("utf-8", "surrogateescape"), held[whole:]
        self._text += text
        return bool(piece)

    def next_sign(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            self._text = self._text.lstrip(" \t\r\n")
            if self._text or not self._more():
                return self._text[:1]

    def skip(self) -> None:
        """Pass over one character."""
        self._text = self._text[1:]

    def element(self) -> str | None:
        """The next value as text; None where there is none."""
        self.next_sign()
        while True:
            try:
                _, end = self._scan(self._text)
            except (json.JSONDecodeError, RecursionError, ValueError):
                end = len(self._text)
            # A number or a word could go on in the next piece.
            if end < len(self._text):
                element, self._text = self._text[:end], self._text[end:]
                return element
            if len(self._text) > MAX_LINE or not self._more():
                return None

    def rest(self) -> str:
        """What is left of the piece that was read, for the message."""
        return self._text[:200]
