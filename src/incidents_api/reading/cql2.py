"""A CQL2 filter (OGC 21-065, text form) as a checked tree: `type = 'kidnapping' AND freed_best >= 10`.

Taken: AND, OR, NOT and brackets; =, <>, <, <=, >, >=; [NOT] IN, BETWEEN and LIKE (% and _, literal behind a backslash);
IS [NOT] NULL; CASEI and ACCENTI around both sides; S_INTERSECTS and S_WITHIN; T_INTERSECTS, T_DURING, T_BEFORE and
T_AFTER; DATE, TIMESTAMP and INTERVAL. Refused by name: arithmetic, other functions, arrays, a field compared with a
field. Stricter than the standard: a condition compares one field with values, so TRUE alone or 1 = 1 is none. Looser: a
day or time may stand as a bare text, in an INTERVAL also as DATE or TIMESTAMP; a timestamp may have an offset. A text
cannot end in a backslash, because \\' stands for a quote, as '' does.

What a filter means, for whoever compiles it:

- Logic has two values. A condition on a field whose value is unknown is false - <> too - so NOT of it is true; only
  IS NULL tells. That is not SQL's NULL: `NOT (x = 1)` and `x NOT IN (1)` select the unknown, `x <> 1` does not.
- A field with many values meets a condition when any of them does, so `tag <> 'a'` asks for another tag than a, and
  `NOT tag = 'a'` for none that is a. It IS NULL when it has no value.
- `casei` and `accenti` fold both the field and the value: full case folding; letters without their accents.
- Spatial: "intersects" and "within" are the same for a record's point, whose absence makes both false.
- Temporal: start and end are inclusive, None is open. A dated record's span is from its earliest to its latest day, an
  instant is a span of its own. "intersects": some moment in common. "during": the span lies inside, ends included (the
  standard's T_DURING leaves the ends out; with whole days that would lose the first and the last). "before": the span
  ends before `start`; "after": it begins after `end`. `start` of before and `end` of after are never None.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from incidents_api.model import geometry
from incidents_api.model.geometry import Geometry, GeometryError
from incidents_api.reading.cql2_tokens import FilterError, Lexer, Token, unexpected
from incidents_api.reading.cql2_tree import (
    And,
    Between,
    Compare,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    Spatial,
    Temporal,
    shape,
    to_json,
)
from incidents_api.reading.cql2_values import FieldInfo, Literal, Value, literal, nearest, typed

# fmt: off
__all__ = [
    "And", "Between", "Compare", "FieldInfo", "FilterError", "In", "IsNull", "Like", "Node", "Not", "Or", "Spatial",
    "Temporal", "Value", "parse", "shape", "to_json",
]
# fmt: on

MAX_DEPTH = 32
"""How deep brackets and NOT may nest."""
MAX_TERMS = 500
"""How many conditions a filter may have."""
MAX_VALUES = 200
"""How many values one IN may list."""


def parse(text: str, fields: Mapping[str, FieldInfo]) -> Node:
    """The tree of a filter over these fields; FilterError points at the first character that is at fault.

    Every value in it has the type of its field (see `Value`) and is one that the field takes. Takes time in proportion
    to the text and never more than MAX_DEPTH levels of recursion, so a RecursionError cannot come of it.
    """
    return _Parser(text, fields).whole()


# --- Reading ---------------------------------------------------------------------------------------------------------

_ORDERED = {"text", "day", "instant", "integer", "number"}
_MIRROR = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_EDGES = {"<": "first", ">=": "first", ">": "last", "<=": "last"}
_FOLDS = ("CASEI", "ACCENTI")
_RESERVED = frozenset(("AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "DIV"))
_SPATIAL = ("S_INTERSECTS", "S_WITHIN")
_TEMPORAL = ("T_INTERSECTS", "T_DURING", "T_BEFORE", "T_AFTER")
_OPERATORS = "an operator (=, <>, <, <=, >, >=, IN, BETWEEN, LIKE, IS NULL)"


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a condition: a field, a value or - of T_ operators - the two ends of a time."""

    start: int
    field: FieldInfo | None = None
    value: Literal | None = None
    folds: frozenset[str] = frozenset()
    ends: tuple[Literal | None, Literal | None] | None = None
    place: Geometry | None = None


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, FieldInfo]) -> None:
        self.lexer = Lexer(text)
        self.fields = fields
        self.depth = self.terms = 0

    def whole(self) -> Node:
        if self.lexer.peek().kind == "end":
            raise FilterError("the filter is empty", 0)
        node = self.either()
        if self.lexer.peek().kind != "end":
            unexpected(self.lexer.peek(), "AND, OR or the end")
        return node

    def either(self) -> Node:
        nodes = [self.both()]
        while self.lexer.keyword("OR"):
            nodes.append(self.both())
        return Or(tuple(nodes)) if len(nodes) > 1 else nodes[0]

    def both(self) -> Node:
        nodes = [self.factor()]
        while self.lexer.keyword("AND"):
            nodes.append(self.factor())
        return And(tuple(nodes)) if len(nodes) > 1 else nodes[0]

    def factor(self) -> Node:
        token = self.lexer.peek()
        negated = self.lexer.keyword("NOT")
        if not negated and not self.lexer.sign("("):
            return self.condition()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FilterError(f"brackets and NOT nest at the most {MAX_DEPTH} deep", token.start)
        node = Not(self.factor()) if negated else self.either()
        self.depth -= 1
        if not negated and not self.lexer.sign(")"):
            if self.lexer.peek().kind == "end":
                raise FilterError("the bracket that opens here is not closed", token.start)
            unexpected(self.lexer.peek(), "AND, OR or )")
        return node

    def condition(self) -> Node:
        token = self.lexer.peek()
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise FilterError(f"at the most {MAX_TERMS} conditions", token.start)
        if token.opens and token.word in _SPATIAL:
            return self.spatial()
        if token.opens and token.word in _TEMPORAL:
            return self.temporal()
        left = self.side()
        return self.about(left, left.field) if left.field else self.mirrored(left)

    # Conditions

    def about(self, left: _Side, field: FieldInfo) -> Node:
        """What is asked of the field that was just read."""
        token = self.lexer.next()
        negated = token.word == "NOT"
        if negated:
            token = self.lexer.next()
        if token.word == "IS" and not negated:
            return self.is_null(left, field)
        ask = {"IN": self.listed, "BETWEEN": self.between, "LIKE": self.like}.get(token.word)
        compared = token.kind == "sign" and token.text in _MIRROR
        if negated and not ask:
            unexpected(token, "IN, BETWEEN or LIKE")
        if not compared and not ask:
            unexpected(token, f"after {field.name} {_OPERATORS}")
        if field.spatial:
            raise FilterError(f"{field.name} is a place: ask S_INTERSECTS, S_WITHIN or IS NULL", token.start)
        if ask:
            node = ask(left, field, token)
            return Not(node) if negated else node
        return _compare(token.text, token, left, field, self.value(left))

    def mirrored(self, left: _Side) -> Node:
        """A comparison that has its value on the left."""
        token = self.lexer.next()
        if token.kind != "sign" or token.text not in _MIRROR:
            if token.word in _RESERVED - {"AND", "OR", "DIV"}:
                raise FilterError(f"{token.word} has a field on its left, not a value", left.start)
            if token.kind == "end" or token.word in ("AND", "OR") or token.text == ")":
                raise FilterError("a value alone is no condition: compare a field with it", left.start)
            unexpected(token, "=, <>, <, <=, > or >=")
        right = self.side()
        if right.field is None or left.value is None:
            raise FilterError("a condition compares a field: both sides of this one are values", left.start)
        _same_folds(right, left)
        if right.field.spatial:
            raise FilterError(f"{right.field.name} is a place: ask S_INTERSECTS, S_WITHIN or IS NULL", token.start)
        return _compare(_MIRROR[token.text], token, right, right.field, left.value)

    def is_null(self, left: _Side, field: FieldInfo) -> Node:
        negated = self.lexer.keyword("NOT")
        token = self.lexer.next()
        if token.word != "NULL":
            unexpected(token, "NULL" if negated else "NULL or NOT NULL")
        if left.folds:
            raise FilterError("IS NULL asks the field itself, without CASEI or ACCENTI", left.start)
        return Not(IsNull(field.name)) if negated else IsNull(field.name)

    def listed(self, left: _Side, field: FieldInfo, _: Token) -> Node:
        self.lexer.expect("(")
        values: list[Value] = []
        while not values or self.lexer.sign(","):
            if len(values) == MAX_VALUES:
                raise FilterError(f"IN lists at the most {MAX_VALUES} values", self.lexer.peek().start)
            values.append(typed(field, self.value(left)))
        if not self.lexer.sign(")"):
            unexpected(self.lexer.peek(), ", or )")
        return In(field.name, tuple(values), *_folded(left))

    def between(self, left: _Side, field: FieldInfo, token: Token) -> Node:
        if field.type not in _ORDERED - {"text"}:
            raise FilterError(f"BETWEEN is for numbers and times; {field.name} is neither", token.start)
        literal = self.value(left)
        low: Any = typed(field, literal, "first")
        if not self.lexer.keyword("AND"):
            unexpected(self.lexer.peek(), "AND and the upper value of BETWEEN")
        high: Any = typed(field, self.value(left), "last")
        if low > high:
            raise FilterError("the lower value of BETWEEN, which comes first, is above the upper one", literal.start)
        return Between(field.name, low, high)

    def like(self, left: _Side, field: FieldInfo, token: Token) -> Node:
        if field.type != "text":
            raise FilterError(f"LIKE is for texts; {field.name} takes = and IN", token.start)
        literal = self.value(left)
        pattern = str(typed(field, literal))
        escaped = pattern.replace("\\\\", "").replace("\\%", "").replace("\\_", "")
        if "\\" in escaped:
            raise FilterError("in a pattern, a backslash stands before %, _ or a backslash only", literal.start)
        return Like(field.name, pattern, *_folded(left))

    # Sides

    def side(self, folds: frozenset[str] = frozenset()) -> _Side:
        """A field or a value."""
        token = self.lexer.peek()
        if token.opens and token.word in _FOLDS:
            return self.folded(folds)
        value = literal(self.lexer)
        if value is not None:
            return _Side(token.start, value=value, folds=folds)
        if token.opens and token.word not in _RESERVED:
            _refuse_function(token)
        if token.text == "(":
            raise FilterError(
                "brackets stand around conditions; around values they are arithmetic, which is not taken", token.start
            )
        if token.kind not in ("name", "quoted") or token.word in _RESERVED:
            unexpected(token, "a field or a value")
        field = self.fields.get(token.text)
        if field is None:
            raise FilterError(
                f"there is no field {token.shown()}{nearest(token.text, tuple(self.fields))}", token.start
            )
        self.lexer.next()
        return _Side(token.start, field=field, folds=folds)

    def folded(self, folds: frozenset[str]) -> _Side:
        token = self.lexer.next()
        if token.word in folds:
            raise FilterError(f"{token.word} stands within itself", token.start)
        self.lexer.expect("(")
        inner = self.side(folds | {token.word})
        field, value = inner.field, inner.value
        if (field.type if field else value and value.kind) != "text" or (field and field.spatial):
            raise FilterError(f"{token.word} is for fields and values that are texts", inner.start)
        self.lexer.expect(")")
        return replace(inner, start=token.start)

    def value(self, left: _Side) -> Literal:
        """A value to stand against the field on the left, folded as that is."""
        token = self.lexer.peek()
        if token.kind == "quoted" or (token.kind == "name" and not token.opens):
            if token.word == "NULL":
                raise FilterError("nothing equals NULL: write IS NULL", token.start)
            if token.text not in self.fields and token.word not in (*_RESERVED, "TRUE", "FALSE"):
                raise FilterError(f"a text stands in single quotes: '{token.shown()}'", token.start)
        right = self.side()
        if right.value is None:
            raise FilterError("a field is compared with values, not with another field", right.start)
        _same_folds(left, right)
        return right.value

    # Space and time

    def spatial(self) -> Node:
        name = self.lexer.next()
        first, second = self.pair(self.place)
        field, other = (first, second) if first.field else (second, first)
        if field.field is None or other.place is None:
            raise FilterError(f"{name.word} takes a field and a geometry", (other if field.field else field).start)
        if not field.field.spatial:
            places = ", ".join(each.name for each in self.fields.values() if each.spatial) or "none here"
            raise FilterError(f"{field.field.name} is not a place; places are: {places}", field.start)
        if name.word == "S_WITHIN" and field is second:
            raise FilterError("S_WITHIN takes the field first, then the geometry it lies in", first.start)
        return Spatial(name.word[2:].lower(), field.field.name, other.place)

    def pair(self, read: Callable[[], _Side]) -> tuple[_Side, _Side]:
        self.lexer.expect("(")
        first = read()
        self.lexer.expect(",")
        second = read()
        self.lexer.expect(")")
        return first, second

    def place(self) -> _Side:
        token = self.lexer.peek()
        if token.word not in geometry.NAMES or (token.text in self.fields and not token.opens):
            return self.side()
        try:
            found, end = geometry.read(self.lexer.text, token.start)
        except GeometryError as error:
            raise FilterError(error.detail, error.position) from None
        self.lexer.move(end)
        return _Side(token.start, place=found)

    def temporal(self) -> Node:
        name = self.lexer.next()
        op = name.word[2:].lower()
        first, second = self.pair(self.time)
        side, other = (first, second) if first.field else (second, first)
        field, ends = side.field, other.ends
        if field is None or ends is None:
            raise FilterError(f"{name.word} takes a dated field and a time", (other if field else side).start)
        if not field.temporal and field.type not in ("day", "instant"):
            raise FilterError(f"{field.name} is no day or time", side.start)
        if side is second:
            if op == "during":
                raise FilterError("T_DURING takes the field first, then the interval it lies in", first.start)
            op = {"before": "after", "after": "before"}.get(op, op)
        start: Any = ends[0] and typed(field, ends[0], "first")
        end: Any = ends[1] and typed(field, ends[1], "last")
        if start is not None and end is not None and start > end:
            raise FilterError("the interval ends before it begins", other.start)
        if (op == "before" and start is None) or (op == "after" and end is None):
            raise FilterError(f"nothing is {op} an interval that is open on that side", other.start)
        return Temporal(op, field.name, start, end)

    def time(self) -> _Side:
        token = self.lexer.peek()
        if not (token.opens and token.word == "INTERVAL"):
            side = self.side()
            if side.field is None and (side.value is None or side.folds):
                unexpected(token, "a field or a time")
            return replace(side, ends=(side.value, side.value)) if side.value else side
        self.lexer.next()
        first, second = self.pair(self.end)
        return _Side(token.start, ends=(first.value, second.value))

    def end(self) -> _Side:
        """One end of an INTERVAL; '..' is open, which has no value."""
        token = self.lexer.peek()
        if token.kind in ("name", "quoted") and not token.opens:
            why = "INTERVAL takes days and times in single quotes"
            raise FilterError(f"{why}: ask the dated field itself, as in T_DURING(date, INTERVAL(...))", token.start)
        value = literal(self.lexer)
        if value is None:
            unexpected(token, "a day or a time in single quotes, or '..'")
        return _Side(token.start, value=None if value.kind == "text" and value.text == ".." else value)


def _compare(op: str, token: Token, side: _Side, field: FieldInfo, literal: Literal) -> Node:
    if op not in ("=", "<>") and field.type not in _ORDERED:
        raise FilterError(f"{field.name} has no order: it takes =, <>, IN and IS NULL", token.start)
    return Compare(op, field.name, typed(field, literal, _EDGES.get(op, "")), *_folded(side))


def _folded(side: _Side) -> tuple[bool, bool]:
    return "CASEI" in side.folds, "ACCENTI" in side.folds


def _same_folds(field: _Side, value: _Side) -> None:
    if field.folds != value.folds:
        one = min(field.folds ^ value.folds)
        raise FilterError(
            f"{one} stands on one side only: write it around the field and around each value", value.start
        )


def _refuse_function(token: Token) -> NoReturn:
    word = token.word
    instead = "the only functions are CASEI and ACCENTI"
    if word in geometry.NAMES or word == "INTERVAL":
        instead = f"it stands in {'a T_' if word == 'INTERVAL' else 'an S_'} operator only"
    elif word.startswith("A_"):
        instead = "= and IN match a field with many values when any of them does"
    elif word in ("S_DISJOINT", "T_DISJOINT"):
        instead = f"write NOT {word[0]}_INTERSECTS(...)"
    elif word.startswith(("S_", "T_")):
        known = _SPATIAL if word[0] == "S" else _TEMPORAL
        instead = f"there is {', '.join(known[:-1])} and {known[-1]}"
    raise FilterError(f"{token.shown()} is not taken: {instead}", token.start)
