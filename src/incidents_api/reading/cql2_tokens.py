"""The words of a CQL2 filter: tokens read one at a time, and what a literal means for the field it stands beside.

Rules and where they come from: the BNF of OGC 21-065 (CQL2), Annex B. Read by hand, character by character: no text can
make it take more than time in proportion to its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NoReturn

from incidents_api.model import gazetteer, vocabulary
from incidents_api.model.geometry import number_end

MAX_TEXT = 20_000
"""Characters of a filter."""
MAX_NUMBER = 40
"""Characters of a number: more than any figure needs, and few enough to read at once."""

Value = str | int | float | bool | date | datetime
"""What a field is compared with: `date` for a day, aware `datetime` in UTC for an instant, `float` for a number."""

_SIGNS = ("<>", "<=", ">=", "!=", "==", *"()=<>,+-*/^%")
_LARGEST = 2**63 - 1


class FilterError(ValueError):
    """Not a filter that we take: `detail` says why, `position` is the character of the fault, counted from 0."""

    def __init__(self, detail: str, position: int) -> None:
        super().__init__(f"{detail} (at position {position})")
        self.detail = detail
        self.position = position


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """What a filter may ask of a field.

    `type`: code, text, id, country, admin1, day, instant, integer, number or flag; `codes`: the only values a code
    takes. `many`: it has many values in a record. `spatial`: it is the place, for S_ operators alone (`type` says
    nothing then). `temporal`: it is the span of the record's date, for T_ operators; `type` is day or instant.
    """

    name: str
    type: str
    many: bool = False
    codes: tuple[str, ...] | None = None
    spatial: bool = False
    temporal: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A word: `kind` is name, quoted (a name in double quotes), string, number, sign or end; `text` without quotes."""

    kind: str
    text: str
    start: int
    end: int

    def shown(self) -> str:
        """The word as a message names it."""
        if self.kind == "end":
            return "the end"
        return shown(self.text) if self.kind == "string" else self.text[:60]


def shown(text: str) -> str:
    """A text as a message quotes it, shortened."""
    return repr(text if len(text) <= 60 else text[:60] + "...")


class Lexer:
    """Reads tokens on demand, so that whoever knows a geometry by its position may read on from there."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            raise FilterError(f"at the most {MAX_TEXT:,} characters", MAX_TEXT)
        for place, character in enumerate(text):
            if character == "\0" or "\ud800" <= character <= "\udfff":
                raise FilterError(f"U+{ord(character):04X} is not taken", place)
        self.text = text
        self._ahead: Token | None = None
        self._position = 0

    def peek(self) -> Token:
        """The next token, left where it is."""
        if self._ahead is None:
            self._ahead = self._read()
        return self._ahead

    def next(self) -> Token:
        """The next token, taken."""
        token = self.peek()
        self.move(token.end)
        return token

    def move(self, position: int) -> None:
        """Read on from there."""
        self._position, self._ahead = position, None

    def opens(self, token: Token) -> bool:
        """Whether the word is a plain name with a bracket after it: an operator, function or literal, never a field."""
        return token.kind == "name" and self.text.startswith("(", self._skip(token.end))

    def _skip(self, position: int) -> int:
        while position < len(self.text) and self.text[position].isspace():
            position += 1
        return position

    def _read(self) -> Token:
        text, start = self.text, self._skip(self._position)
        first = text[start : start + 1]
        if not first:
            return Token("end", "", start, start)
        if first == "'":
            return self._string(start)
        if first in ':_"' or first.isalpha():
            return self._name(start)
        end = number_end(text, start)
        if end > start:
            if end - start > MAX_NUMBER:
                raise FilterError(f"a number has at the most {MAX_NUMBER} characters", start)
            return Token("number", text[start:end], start, end)
        for sign in _SIGNS:
            if text.startswith(sign, start):
                return Token("sign", sign, start, start + len(sign))
        hint = ": texts stand in straight quotes, 'so'" if first in "\u2018\u2019\u201c\u201d`" else ""
        raise FilterError(f"the character {first!r} is not taken here{hint}", start)

    def _name(self, start: int) -> Token:
        text, end = self.text, start + 1
        if text[start] == '"':
            end = text.find('"', start + 1)
            if end < 0:
                raise FilterError('the name that begins here has no closing "', start)
            return Token("quoted", text[start + 1 : end], start, end + 1)
        while end < len(text) and (text[end] in ":_.\u203f\u2040" or _part(text[end])):
            end += 1
        return Token("name", text[start:end], start, end)

    def _string(self, start: int) -> Token:
        parts: list[str] = []
        place = start + 1
        while True:
            end = self.text.find("'", place)
            if end < 0:
                hint = " (\\' and '' stand for a quote within it)" if parts else ""
                raise FilterError(f"the text that begins here has no closing '{hint}", start)
            piece, after = self.text[place:end], self.text[end + 1 : end + 2]
            if piece.endswith("\\"):
                parts.append(piece[:-1] + "'")
                place = end + 1
            elif after == "'":
                parts.append(piece + "'")
                place = end + 2
            else:
                return Token("string", "".join((*parts, piece)), start, end + 1)


def _part(character: str) -> bool:
    """Whether a name may go on with it: letters, digits and the marks that combine with letters."""
    return character.isalnum() or "\u0300" <= character <= "\u036f"


# --- Literals --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written: `kind` is text, number, flag, date or timestamp; `text` is what stood in it."""

    kind: str
    text: str
    start: int


_WANTED = {
    "code": "one of its codes in single quotes",
    "country": "an ISO 3166-1 alpha-2 code such as 'MX'",
    "admin1": "an ISO 3166-2 code such as 'MX-SIN'",
    "text": "a text in single quotes",
    "id": "an id or a name in single quotes",
    "day": "a day such as DATE('2024-03-26')",
    "instant": "an instant such as TIMESTAMP('2024-03-26T10:00:00Z')",
    "integer": "a whole number such as 10",
    "number": "a number such as 10.5",
    "flag": "TRUE or FALSE",
}


def typed(field: FieldInfo, literal: Literal, edge: str = "") -> Value:
    """The value that the literal has for the field; FilterError when it has none.

    A timestamp counts as its UTC day where the field holds days. A day counts, where the field holds instants, as its
    first or last microsecond in UTC, as `edge` ("first", "last") says; without an edge it is refused.
    """
    if field.type == "flag" and literal.kind == "flag":
        return literal.text == "TRUE"
    if field.type in ("integer", "number") and literal.kind == "number":
        return _number(field, literal)
    if field.type in ("day", "instant") and literal.kind in ("text", "date", "timestamp"):
        return _moment(field, literal, edge)
    if field.type in ("code", "country", "admin1", "text", "id") and literal.kind == "text":
        return _text(field, literal)
    raise FilterError(f"{field.name} takes {_WANTED[field.type]}", literal.start)


def _number(field: FieldInfo, literal: Literal) -> int | float:
    text, value = literal.text, float(literal.text)
    if field.type == "integer":
        if abs(value) > _LARGEST:
            raise FilterError(f"{text} is too large a number", literal.start)
        exact = int(text) if text.lstrip("+-").isdecimal() else int(value)
        if exact != value or abs(exact) > _LARGEST:
            raise FilterError(f"{field.name} takes {_WANTED['integer']}, not {text}", literal.start)
        return exact
    if abs(value) == float("inf"):
        raise FilterError(f"{text} is too large a number", literal.start)
    return value


def _text(field: FieldInfo, literal: Literal) -> str:
    text, start = literal.text, literal.start
    if field.codes is not None:
        if text not in field.codes:
            raise FilterError(f"{shown(text)} is not a code of {field.name}{nearest(text, field.codes)}", start)
    elif field.type in ("country", "admin1"):
        plain = len(text) == 2 if field.type == "country" else text[2:3] == "-"
        if not plain or text != text.upper().strip() or gazetteer.unit(text) is None:
            raise FilterError(f"{shown(text)} is not {_WANTED[field.type]}{_unit(field.type, text)}", start)
    elif field.type == "id" and not text.strip():
        raise FilterError(f"{field.name} takes {_WANTED['id']}, not an empty text", start)
    return text


def _unit(level: str, text: str) -> str:
    """The did-you-mean of a country or a first-order unit: by a code in small letters, or by its name."""
    found = (gazetteer.unit(text.upper()), *gazetteer.find(text[:200]))
    near = next((place for place in found if place and place.kind == level), None)
    return f"; did you mean {near.country if level == 'country' else near.admin1}?" if near else ""


def nearest(word: str, allowed: Sequence[str]) -> str:
    """The did-you-mean that ends a message; empty when nothing is near."""
    near = vocabulary.suggest(word, allowed)
    return f"; did you mean {near}?" if near else ""


def _moment(field: FieldInfo, literal: Literal, edge: str) -> date | datetime:
    day = None if literal.kind == "timestamp" else read_day(literal.text)
    if day is None:
        found = None if literal.kind == "date" else read_instant(literal.text)
        if found is None:
            wrong(literal, _WANTED[field.type])
        return found.date() if field.type == "day" else found
    if field.type == "day":
        return day
    if not edge:
        why = f"{field.name} holds instants and {shown(literal.text)} is a whole day"
        raise FilterError(f"{why}: ask T_INTERSECTS({field.name}, DATE('{day}'))", literal.start)
    return datetime.combine(day, time.min if edge == "first" else time.max, UTC)


def wrong(literal: Literal, wanted: str) -> NoReturn:
    """Refuse the text of a temporal literal."""
    raise FilterError(f"{shown(literal.text)} is no such day or time: give {wanted}", literal.start)


def read_day(text: str) -> date | None:
    """YYYY-MM-DD as a day of the calendar (years 0001 to 9999); None when it is none."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-" or not _digits(text[:4], text[5:7], text[8:]):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_instant(text: str) -> datetime | None:
    """An RFC 3339 time with Z or an offset, up to microseconds, in UTC; None when it is none."""
    if text.endswith("Z"):
        clock, offset = text[11:-1], ["00", "00"]
    elif text[-6:-5] in ("+", "-") and text[-3:-2] == ":":
        clock, offset = text[11:-6], [text[-5:-3], text[-2:]]
    else:
        return None
    whole, dot, fraction = clock.partition(".")
    if read_day(text[:10]) is None or text[10] != "T" or len(whole) != 8 or whole[2] != ":" or whole[5] != ":":
        return None
    if not _digits(whole[:2], whole[3:5], whole[6:], *offset, fraction if dot else "0") or len(fraction) > 6:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # 25:00, or a year that the shift to UTC leaves
        return None


def _digits(*texts: str) -> bool:
    return all(text.isascii() and text.isdigit() for text in texts)
