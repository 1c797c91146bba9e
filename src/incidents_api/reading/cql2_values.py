"""What a literal of a CQL2 filter means for the field it stands beside, or why it means nothing there."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NoReturn

from incidents_api.model import gazetteer, vocabulary
from incidents_api.reading.cql2_tokens import FilterError, Lexer, shown, unexpected

Value = str | int | float | bool | date | datetime
"""What a field is compared with: `date` for a day, aware `datetime` in UTC for an instant, `float` for a number, 64-bit
`int` for an integer, `bool` for a flag, `str` for the rest."""

_LARGEST = 2**63 - 1


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
class Literal:
    """A value as written: `kind` is text, number, flag, date or timestamp; `text` is what stood in it."""

    kind: str
    text: str
    start: int


def literal(lexer: Lexer) -> Literal | None:
    """The value that comes next, taken; None when something else does."""
    token = lexer.peek()
    if token.kind == "string":
        lexer.next()
        return Literal("text", token.text, token.start)
    if token.word in ("TRUE", "FALSE"):
        lexer.next()
        return Literal("flag", token.word, token.start)
    if token.opens and token.word in ("DATE", "TIMESTAMP"):
        return _quoted(lexer)
    if token.kind == "sign" and token.text in "+-":
        lexer.next()
        if lexer.peek().kind != "number":
            unexpected(token, "a value")
        return Literal("number", token.text + lexer.next().text, token.start)
    if token.kind == "number":
        lexer.next()
        return Literal("number", token.text, token.start)
    return None


def _quoted(lexer: Lexer) -> Literal:
    """DATE('...') or TIMESTAMP('...')."""
    name = lexer.next()
    lexer.expect("(")
    token = lexer.next()
    if token.kind != "string":
        unexpected(token, f"the {name.word} in single quotes")
    lexer.expect(")")
    found = Literal(name.word.lower(), token.text, token.start)
    read = read_day if name.word == "DATE" else read_instant
    if read(token.text) is None:
        _wrong(found, "'2024-03-26'" if name.word == "DATE" else "'2024-03-26T10:00:00Z'")
    return found


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

    Where the field holds days, a timestamp counts as the day it is written with. Where it holds instants, a day counts
    as its first or last microsecond in UTC, as `edge` ("first", "last") says; without an edge it is refused.
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
    if field.type == "integer" and value.is_integer():
        value = int(text) if text.lstrip("+-").isdecimal() else int(value)
    elif field.type == "integer" and abs(value) != float("inf"):
        raise FilterError(f"{field.name} takes {_WANTED['integer']}, not {text}", literal.start)
    if abs(value) > (_LARGEST if field.type == "integer" else sys.float_info.max):
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
            _wrong(literal, _WANTED[field.type])
        # The day where it happened, as dates are kept: the offset moves no day.
        return date.fromisoformat(literal.text[:10]) if field.type == "day" else found
    if field.type == "day":
        return day
    if not edge:
        why = f"{field.name} holds instants and {shown(literal.text)} is a whole day"
        raise FilterError(f"{why}: ask T_INTERSECTS({field.name}, DATE('{day}'))", literal.start)
    return datetime.combine(day, time.min if edge == "first" else time.max, UTC)


def _wrong(literal: Literal, wanted: str) -> NoReturn:
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
