"""A field of the catalogue: what one line of it says, and how its value is found in a record."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from incidents_api.model.wire import Record
from incidents_api.model.words import folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that can be asked about a record.

    `type`: code, country and admin1 (ISO 3166), text, id, day (ISO 8601), instant (RFC 3339, UTC), integer,
    number, flag. `path`: where it stands in
    the record. `filter`: how the parameter of this name selects: `equals` (the column), `term` (any of many values) or
    a shape that reading/conditions.py knows; None: not a parameter. `kept`: as a column of the kind's table, or as
    terms where it has `many` values. `internal`: a column that queries use and nobody is told of. `read` gives the
    value where the path alone does not.
    """

    name: str
    type: str
    meaning: str
    path: str
    read: Callable[[Record], Any] | None = None
    codes: str | None = None
    many: bool = False
    filter: str | None = None
    sort: bool = False
    group: bool = False
    kept: bool = True
    internal: bool = False

    value: Callable[[Record], Any] = field(init=False, repr=False, compare=False)
    """The value in a record: a scalar or None, or for `many` a sorted list without repeats."""

    def __post_init__(self) -> None:
        # Made once: every record is asked for each of its fields, when it is written and when it is exported.
        object.__setattr__(self, "value", _several(self) if self.many else self.read or _first(self.path))


def _several(one: Field) -> Callable[[Record], list[Any]]:
    read = one.read or every(one.path)

    def value(record: Record) -> list[Any]:
        found = set(read(record))
        found.discard(None)
        return sorted(found) if len(found) > 1 else list(found)

    return value


def _first(path: str) -> Callable[[Record], Any]:
    """What stands at a dotted path; the first where there are several."""
    each, names = every(path), path.split(".")

    def value(record: Record) -> Any:
        found: Any = record
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
            if isinstance(found, list):
                return next(iter(each(record)), None)
        return found

    return value


def every(path: str) -> Callable[[Record], list[Any]]:
    """Every value at a dotted path; lists on the way are walked through."""
    names = path.split(".")

    def each(record: Record) -> list[Any]:
        found: list[Any] = [record]
        for name in names:
            below: list[Any] = []
            for item in found:
                value = item.get(name) if isinstance(item, dict) else None
                if isinstance(value, list):
                    below += value
                else:
                    below.append(value)
            found = below
        return found

    return each


def in_order(one: Field) -> Field:
    """What lists are sorted by in the place of a field that may be unknown: empty then, and never null.

    So unknown sorts lowest on both databases, and an index gives the order and every page of it: of nulls one
    database makes the first rows, the other the last.
    """
    value = one.value
    return Field(
        name=f"{one.name}_order",
        type="text",
        path=one.path,
        read=lambda record: value(record) or "",
        internal=True,
        meaning=f"{one.meaning} Empty where it is unknown.",
    )


def folds(one: Field) -> tuple[Field, ...]:
    """A text and what filters compare with it under CASEI and ACCENTI."""

    def fold(case: bool, accents: bool) -> Callable[[Record], str | None]:
        def read(record: Record) -> str | None:
            text = one.value(record)
            return None if text is None else folded(text, case=case, accents=accents)[:500]

        return read

    return (
        one,
        *(
            Field(
                name=f"{one.name}_{suffix}",
                type="text",
                path=one.path,
                read=fold(case, accents),
                internal=True,
                meaning=f"{one.meaning} Folded.",
            )
            for suffix, case, accents in (("casei", True, False), ("accenti", False, True), ("folded", True, True))
        ),
    )
