"""The words of a CQL2 filter: tokens read one at a time, and the error that points at one.

The rules are those of the BNF of OGC 21-065 (CQL2), Annex B. Each character is looked at once or twice, and no pattern
ever goes back: no text can make it take more than time in proportion to its length.
"""

import re
from typing import NamedTuple, NoReturn

from incidents_api.model.geometry import number_end

MAX_TEXT = 20_000
"""Characters of a filter."""
MAX_NUMBER = 40
"""Characters of a number: more than any figure needs, and few enough to read at once."""

_SIGNS = frozenset(("<>", "<=", ">=", "!=", "==", *"()=<>,+-*/^%"))
_NEVER = re.compile(r"[\x00\ud800-\udfff]")
_SPACE = re.compile(r"\s*")
_REST = re.compile(r"[\w:.\u203f\u2040\u0300-\u036f]*")
"""How a name goes on: with letters, digits, some signs, and the marks that combine with letters."""


class FilterError(ValueError):
    """Not a filter that we take: `detail` says why, `position` is the character of the fault, counted from 0."""

    def __init__(self, detail: str, position: int) -> None:
        super().__init__(f"{detail} (at position {position})")
        self.detail = detail
        self.position = position


class Token(NamedTuple):
    """A word: `kind` is name, quoted (a name in double quotes), string, number, sign or end; `text` without quotes.

    `word`: a plain name in capitals, as keywords are told; empty for anything else, quoted names and Unicode too.
    `opens`: whether it is a plain name with a bracket after it: an operator, function or literal, never a field.
    """

    kind: str
    text: str
    start: int
    end: int
    word: str = ""
    opens: bool = False

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
        if (never := _NEVER.search(text)) is not None:
            raise FilterError(f"U+{ord(never[0]):04X} is not taken", never.start())
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
        token = self._ahead or self._read()
        self._position, self._ahead = token.end, None
        return token

    def move(self, position: int) -> None:
        """Read on from there."""
        self._position, self._ahead = position, None

    def keyword(self, word: str) -> bool:
        """Takes the keyword if it comes next."""
        return self.peek().word == word and bool(self.next())

    def sign(self, sign: str) -> bool:
        """Takes the sign if it comes next."""
        token = self.peek()
        return token.kind == "sign" and token.text == sign and bool(self.next())

    def expect(self, sign: str) -> None:
        """Takes the sign, which must come next."""
        if not self.sign(sign):
            unexpected(self.peek(), sign)

    def _skip(self, position: int) -> int:
        return _SPACE.match(self.text, position).end()  # type: ignore[union-attr]  # it matches everywhere

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
        for sign in (text[start : start + 2], first):
            if sign in _SIGNS:
                return Token("sign", sign, start, start + len(sign))
        hint = ": texts stand in straight quotes, 'so'" if first in "\u2018\u2019\u201c\u201d`" else ""
        raise FilterError(f"the character {first!r} is not taken here{hint}", start)

    def _name(self, start: int) -> Token:
        text = self.text
        if text[start] == '"':
            end = text.find('"', start + 1)
            if end < 0:
                raise FilterError('the name that begins here has no closing "', start)
            return Token("quoted", text[start + 1 : end], start, end + 1)
        end = _REST.match(text, start + 1).end()  # type: ignore[union-attr]  # it matches everywhere
        name = text[start:end]
        word = name.upper() if name.isascii() else ""
        return Token("name", name, start, end, word, text.startswith("(", self._skip(end)))

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


def unexpected(token: Token, wanted: str) -> NoReturn:
    """Refuse a token where something else is wanted."""
    if token.kind == "sign" and token.text in ("==", "!="):
        raise FilterError(f"{token.text} is not taken: write {'=' if token.text == '==' else '<>'}", token.start)
    if (token.kind == "sign" and token.text in "+-*/^%") or token.word == "DIV":
        raise FilterError(f"arithmetic ({token.text}) is not taken: compare a field with a plain value", token.start)
    raise FilterError(f"{wanted} expected, not {token.shown()}", token.start)
