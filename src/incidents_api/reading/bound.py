"""What statements are put together from: values that are bound at once, and conditions that are made later.

Values are bound for every request; the expressions are made when a statement of a new shape is compiled, and never
again (making them costs ten times what the query does).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol

import sqlalchemy as sa

from incidents_api.model.audience import Audience
from incidents_api.storage.tables import FULL_ROW, PUBLIC_ROW

Condition = sa.ColumnElement[bool]
Later = Callable[[], Condition]
"""A condition whose values are bound, to be made when a statement is."""
Test = Callable[[Any], Condition]
"""The same, of a column that is given then."""


class Where(list[Condition | Later]):
    """Conditions, made as they are taken out. `groups`: by name those that can be left out together."""

    groups: Mapping[str, list[Later]] = MappingProxyType({})

    def without(self, name: str) -> "Where":
        """The conditions but for a group of them."""
        left_out = {id(one) for one in self.groups.get(name, ())}
        return Where(one for one in super().__iter__() if id(one) not in left_out)

    def __iter__(self) -> Iterator[Any]:
        return (one if isinstance(one, sa.ColumnElement) else one() for one in super().__iter__())


class Columns(Protocol):
    """Columns by their names."""

    def __getitem__(self, name: str, /) -> sa.ColumnElement[Any]: ...
    def __getattr__(self, name: str, /) -> sa.ColumnElement[Any]: ...
    def __contains__(self, name: str, /) -> bool: ...


class Rows(Protocol):
    """The table of a kind, or what stands for it: its name and its columns."""

    @property
    def name(self) -> str: ...
    @property
    def c(self) -> Columns: ...


def has_strips(table: Any) -> bool:
    """Whether rows can be looked for by strips of the map; figures, which stand for incidents in totals, cannot."""
    return isinstance(table, sa.FromClause) and "strip" in table.c


@dataclass(slots=True)
class Bound:
    """Collects the values that a statement binds, and in `shape` what the statement's text depends on.

    `at`: the seq as of which rows are asked for; None: now. `moment`: that seq as an expression of the enclosing
    statement, where every row is asked for as of its own. `views`: of incidents, ask for the public's own rows alone.
    """

    at: int | None = None
    moment: sa.ColumnElement[int] | None = None
    views: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    shape: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.shape.append(self.at is None)
        if self.at is not None:
            self.values["at"] = self.at

    def true(self, table: Any) -> Condition:
        """Rows of a projection that were true as of the seq asked for, or are true now."""
        if self.at is None and self.moment is None:
            return table.c.seq_to.is_(None)  # type: ignore[no-any-return]
        at = sa.bindparam("at", type_=sa.BigInteger) if self.moment is None else self.moment
        return sa.and_(table.c.seq_from <= at, sa.or_(table.c.seq_to.is_(None), table.c.seq_to > at))

    def value(self, value: Any) -> sa.BindParameter[Any]:
        """A bound parameter; two queries of one shape bind the same names."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return _parameter(name, type(value).__name__)

    def now(self, to: Audience) -> sa.BindParameter[Any]:
        """The moment against which embargoes are judged, as a bound parameter; one statement has one."""
        self.values["now"] = to.now
        return _parameter("now", "str")

    def all(self, values: Iterable[Any]) -> list[sa.BindParameter[Any]]:
        """Bound parameters, one for each value."""
        return [self.value(value) for value in values]

    def any_of(self, column: sa.ColumnElement[Any], values: Sequence[Any]) -> Condition:
        """The column is one of these values."""
        return column.in_(self.all(values))


@cache
def _parameter(name: str, kind: str) -> sa.BindParameter[Any]:
    types: dict[str, sa.types.TypeEngine[Any]] = {"bool": sa.Boolean(), "int": sa.BigInteger(), "float": sa.Double()}
    return sa.bindparam(name, type_=types.get(kind, sa.Text()))


def seen(table: Any, to: Audience, bound: Bound) -> Later:
    """Rows of incidents that are this audience's: its own, or everybody's, of statuses that it sees."""
    which = opened if bound.moment is None else _views if bound.views else _opened_then
    rows = which(table, to, bound)
    if to.statuses is None:
        return rows
    bound.shape.append((len(to.statuses), to.author is None))
    statuses = bound.all(to.statuses)
    author = None if to.author is None else bound.value(to.author)

    def made() -> Condition:
        # Nearly every row passes: coalesce keeps SQLite from taking the index by status for it.
        reviewed: Condition = sa.func.coalesce(table.c.status, "").in_(statuses)
        if author is not None:
            reviewed = sa.or_(reviewed, table.c.owner == author)
        return sa.and_(rows(), reviewed)

    return made


def opened(table: Any, to: Audience, bound: Bound) -> Later:
    """Rows of incidents that nothing closes to this audience by now, and those of the public's own.

    The moment is bound, not a part of the text: an embargo lifts by itself under statements that are compiled already.
    """
    bound.shape.append(("opened", to.full, to.statuses is None))
    if to.full:
        return lambda: sa.or_(table.c.audience.is_(None), table.c.audience == FULL_ROW)
    now = bound.now(to)

    def made() -> Condition:
        audience, turns = table.c.audience, table.c.turns
        lifted = sa.and_(audience == FULL_ROW, turns.is_not(None), turns <= now)
        return sa.or_(audience.is_(None), _is_view(table, now), lifted)

    return made


def _is_view(table: Any, now: sa.ColumnElement[str]) -> Condition:
    """Rows of closed incidents that are the public's own, until their embargo ends."""
    return sa.and_(table.c.audience == PUBLIC_ROW, sa.or_(table.c.turns.is_(None), table.c.turns > now))


def _views(table: Any, to: Audience, bound: Bound) -> Later:
    """Those rows alone."""
    bound.shape.append("views")
    now = bound.now(to)
    return lambda: _is_view(table, now)


def _opened_then(table: Any, to: Audience, bound: Bound) -> Later:
    """Rows of incidents that nothing closed to this audience in the state that they stand for."""
    if to.full:
        return opened(table, to, bound)
    bound.shape.append("then")
    now = bound.now(to)
    return lambda: sa.and_(
        table.c.sensitivity == "public", sa.or_(table.c.hold_until.is_(None), table.c.hold_until <= now)
    )
