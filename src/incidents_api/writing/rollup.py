"""Sums that totals are quick by, kept with every write: of each country by year and month, and what parts take off."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.figures import LEVELS, Figure, Levels, added, as_told, levels_of
from incidents_api.storage import dialects, tables
from incidents_api.storage.dialects import Prepared
from incidents_api.storage.tables import NO_POINT, PERIOD_TOTAL, ROLLED
from incidents_api.writing.lookup import some_of

Key = tuple[str, ...]
"""The values of `ROLLED`."""

_AT_ONCE = 500
"""How many incidents one statement takes."""
_N = len(LEVELS)
"""Where the number of figures stands among what is kept of them."""


class Told(NamedTuple):
    """What sums take of a row of figures."""

    incident_id: str
    measure: str
    low: int | None
    best: int | None
    high: int | None
    year: str | None
    month: str | None
    country_order: str
    type: str
    granularity: str
    status: str | None
    precision: str | None
    lon: float | None


class Tree(NamedTuple):
    """A whole whose parts are taken off it in the sums of its own month or year (`cell`): how much of each measure."""

    cell: str
    country_order: str
    granularity: str
    status: str
    taken: Mapping[str, Levels]


class Sums:
    """What one write changes of the sums; `keep` brings it in."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._incidents: dict[Key, int] = defaultdict(int)
        self._figures: dict[Key, dict[str, Levels]] = defaultdict(dict)

    def take_out(self, incident_ids: Iterable[str]) -> None:
        """What these incidents add by now; to be called before their rows are ended."""
        self._add(self._told(incident_ids), -1)

    def put_in(self, incident_ids: Iterable[str]) -> None:
        """What these incidents add, once their rows are written."""
        self._add(self._told(incident_ids), 1)

    def put_in_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """The same of incidents that are new and for everybody, from their rows of figures."""
        self._add((Told(*(row[name] for name in Told._fields)) for row in rows if row["whole"]), 1)

    def net(self, one: Tree, sign: int) -> None:
        """Take the parts of a whole off (1), or no more (-1)."""
        year = one.cell[:4]
        spans = [("months" if len(one.cell) > len(year) else "rests", one.cell), *([("years", year)] if year else [])]
        for grain, period in spans:
            held = self._figures[grain, period, one.country_order, "", one.granularity, one.status]
            for measure, levels in one.taken.items():
                _note(held, f"-{measure}", [sign * level for level in levels])

    def keep(self) -> None:
        """Bring the sums to what they are after the write."""
        keys = [key for key in {**self._incidents, **self._figures} if self._incidents[key] or any(self._changed(key))]
        held = self._held(keys)
        kept, empty = [], []
        for key in keys:
            number, figures = held.get(key, (0, {}))
            number += self._incidents[key]
            for measure, levels in self._figures[key].items():
                _note(figures, measure, levels)
            figures = {measure: levels for measure, levels in sorted(figures.items()) if levels[_N]}
            if number or figures:
                kept.append((*key, number, *(orjson.dumps(one).decode() for one in (as_told(figures), figures))))
            else:
                empty.append(key)
        dialects.put_rows(self._conn, tables.rollup, kept, ROLLED)
        dialects.delete_rows(self._conn, tables.rollup, empty, ROLLED)

    def _changed(self, key: Key) -> Iterable[int]:
        return (level for levels in self._figures[key].values() for level in levels)

    def _held(self, keys: Sequence[Key]) -> dict[Key, tuple[int, dict[str, Levels]]]:
        rows = dialects.rows_of(self._conn, tables.rollup, keys, ROLLED) if keys else []
        return {tuple(key): (number, orjson.loads(numbers)) for *key, number, _, numbers in rows}

    def _told(self, incident_ids: Iterable[str]) -> Iterable[Told]:
        for some in some_of(sorted(incident_ids), _AT_ONCE):
            for row in _TOLD.rows(self._conn, {"ids": list(some)}):
                yield Told(*row)

    def _add(self, rows: Iterable[Told], sign: int) -> None:
        for row in rows:
            if not row.measure:
                for key in (*_spans(*row[5:11]), *_points(*row[7:])):
                    self._incidents[key] += sign
                continue
            levels = [sign * level for level in levels_of(Figure(row.low, row.best, row.high))]
            for key in _spans(*row[5:11]):
                _note(self._figures[key], row.measure, levels)


def _note(figures: dict[str, Levels], measure: str, levels: Levels) -> None:
    held = figures.get(measure)
    figures[measure] = levels if held is None else added(held, levels)


@lru_cache(4_096)
def _spans(
    year: str | None, month: str | None, country: str, type_: str, granularity: str, status: str | None
) -> tuple[Key, ...]:
    """The sums by year and month that an incident of these values is in."""
    fine, coarse = (type_, granularity), ("", PERIOD_TOTAL if granularity == PERIOD_TOTAL else "")
    spans = [("month", month) if month else ("rest", year or ""), *([("year", year)] if year else [])]
    return tuple(
        (name, period, country, *what, status or "")
        for grain, period in spans
        for name, what in ((grain, fine), (f"{grain}s", coarse))
    )


def _points(
    country: str, type_: str, granularity: str, status: str | None, precision: str | None, lon: float | None
) -> tuple[Key, ...]:
    """Those by the precision of the place, and whether it has a point."""
    place = f"{NO_POINT if lon is None else ''}{precision or ''}"
    return ("point", place, country, type_, granularity, status or ""), ("points", place, "", "", "", status or "")


FOR_ALL = (tables.figure.c.seq_to.is_(None), tables.figure.c.whole)
"""Figures of all persons that are true now."""
_TOLD = Prepared(
    sa.select(*(tables.figure.c[name] for name in Told._fields)).where(
        tables.figure.c.incident_id.in_(sa.bindparam("ids", expanding=True)),
        *FOR_ALL,
        tables.figure.c.audience.is_(None),
    )
)
