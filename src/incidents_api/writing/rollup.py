"""What totals are quick by, kept with every write: sums by year and month, and which trees of parts are entwined."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.audience import is_closed, public_id
from incidents_api.model.revision import Revision
from incidents_api.model.wire import Record
from incidents_api.storage import dialects, tables
from incidents_api.storage.levels import added
from incidents_api.storage.tables import NO_POINT, PERIOD_TOTAL, ROLLED
from incidents_api.writing.lookup import some_of

_AT_ONCE = 500
"""How many incidents one statement takes."""


def take_out(conn: Connection, incident_ids: Iterable[str]) -> None:
    """Take what these incidents add out of the sums; to be called before their rows are ended."""
    if _add_up(conn, incident_ids, -1):
        conn.execute(_EMPTY)


def put_in(conn: Connection, incident_ids: Iterable[str]) -> None:
    """Add what these incidents add by now to the sums."""
    _add_up(conn, incident_ids, 1)


def _add_up(conn: Connection, incident_ids: Iterable[str], sign: int) -> bool:
    chosen = sorted(incident_ids)
    for some in some_of(chosen, _AT_ONCE):
        conn.execute(_addition(), {"ids": some, "sign": sign})
    return bool(chosen)


@cache
def _addition() -> sa.Insert:
    """The statement that adds the figures of incidents to the sums, or takes them out of them."""
    spans = (_by(period, grain) for period in ("year", "month") for grain in (period, f"{period}s"))
    rolled = sa.union_all(*spans, _by_point("point"), _by_point("points"))
    return dialects.add_up(tables.rollup, rolled, ROLLED)


def _by(period: str, grain: str) -> sa.Select[Any]:
    """The sums of incidents by year or month; those whose dates are too coarse for it are in none."""
    told = tables.figure.c
    rest = (told.type, told.granularity) if grain == period else (_NOTHING, _IF_PERIOD)
    return _sums(grain, told[period], told.country_order, *rest).where(told[period].is_not(None))


def _by_point(grain: str) -> sa.Select[Any]:
    """How many incidents there are by the precision of their place, and whether it has a point."""
    told = tables.figure.c
    precision = sa.func.coalesce(told.precision, _NOTHING)
    point = sa.case((told.lon.is_(None), sa.literal_column(f"'{NO_POINT}'") + precision), else_=precision)
    rest = (told.country_order, told.type, told.granularity) if grain == "point" else (_NOTHING,) * 3
    return _sums(grain, point, *rest).where(told.measure == _NOTHING)


def _sums(grain: str, period: Any, country: Any, type_: Any, granularity: Any) -> sa.Select[Any]:
    told, sign = tables.figure.c, sa.bindparam("sign", type_=sa.BigInteger)
    status = sa.func.coalesce(told.status, _NOTHING)
    keys = (period, country, told.measure, type_, granularity, status)
    sums = (sa.cast(sign * one, sa.BigInteger) for one in added(told).values())
    return (
        sa.select(sa.literal_column(f"'{grain}'"), *keys, *sums)
        .where(
            told.incident_id.in_(sa.bindparam("ids", expanding=True)),
            told.seq_to.is_(None),
            told.whole,
            told.audience.is_(None),
        )
        .group_by(*(key for key in keys if key is not _NOTHING))
    )


_NOTHING: sa.ColumnElement[Any] = sa.literal_column("''", sa.Text)
_PERIOD: sa.ColumnElement[Any] = sa.literal_column(f"'{PERIOD_TOTAL}'", sa.Text)
_IF_PERIOD = sa.case((tables.figure.c.granularity == _PERIOD, _PERIOD), else_=_NOTHING)
_EMPTY = sa.delete(tables.rollup).where(tables.rollup.c.n == sa.literal_column("0"))


# --- Trees ---------------------------------------------------------------------------------------------------------


def entwine(conn: Connection, entries: Sequence[tuple[Revision, Record | None]]) -> None:
    """Note the incidents of trees that sums do not net, once relations are written: where a part has parts or several
    wholes, or one of the tree speaks of a measure and gives no figure.

    What was noted stays so: the totals of a past moment are read with it, too, and netting an incident by itself is
    never wrong.
    """
    revised = {revision.record_id: revision.seq for revision, _ in entries if revision.version > 1}
    parts: set[str] = set()
    for revision, record in entries:
        if record is not None and any(one["type"] == "part_of" for one in record["relations"]):
            parts |= {revision.record_id, public_id(revision.record_id)} if is_closed(record) else {revision.record_id}
    if not parts and not revised:
        return
    tree = _Tree(conn, revised)
    parts |= tree.whole_of(revised)
    if not parts:
        return
    above = tree.edges(parts, tables.relation.c.incident_id)
    wholes = {whole for _, whole in above}
    higher = {part for part, _ in tree.edges(wholes, tables.relation.c.incident_id)}
    lower = {whole for _, whole in tree.edges(parts, tables.relation.c.other_id)}
    singly = _noted(conn, parts | wholes) | _without_figure(conn, parts | wholes)
    often = Counter(part for part, _ in above)
    found = {part for part, whole in above if often[part] > 1 or part in lower | singly or whole in higher | singly}
    found |= lower & singly
    fresh: set[str] = set()
    while found:
        found -= _noted(conn, found)
        fresh |= found
        edges = tree.edges(found, tables.relation.c.incident_id) | tree.edges(found, tables.relation.c.other_id)
        found = {one for edge in edges for one in edge} - fresh
    if fresh:
        conn.execute(sa.insert(tables.entwined), [{"incident_id": one} for one in sorted(fresh)])


class _Tree:
    """The relations of parts to wholes: those of now, and those that ended with these revisions."""

    def __init__(self, conn: Connection, revised: Mapping[str, int]) -> None:
        self._conn, edge = conn, tables.relation.c
        ended = sa.and_(edge.type == "part_of", edge.seq_to >= min(revised.values(), default=0))
        self._ended = _pairs(conn, set(revised), edge.incident_id, ended)

    def edges(self, ids: set[str], end: sa.Column[str]) -> set[tuple[str, str]]:
        """(part, whole) of the relations that have one of these at an end."""
        edge = tables.relation.c
        at = 0 if end is edge.incident_id else 1
        current = sa.and_(edge.type == "part_of", edge.seq_to.is_(None))
        return _pairs(self._conn, ids, end, current) | {one for one in self._ended if one[at] in ids}

    def whole_of(self, ids: Iterable[str]) -> set[str]:
        """Which of these have parts."""
        return {whole for _, whole in self.edges({*ids}, tables.relation.c.other_id)}


def _pairs(conn: Connection, ids: set[str], end: sa.Column[str], true: sa.ColumnElement[bool]) -> set[tuple[str, str]]:
    edge, found = tables.relation.c, set()
    for some in some_of(sorted(ids), _AT_ONCE):
        query = sa.select(edge.incident_id, edge.other_id).where(end.in_(some), true)
        found |= {(part, whole) for part, whole in conn.execute(query)}
    return found


def _noted(conn: Connection, ids: set[str]) -> set[str]:
    known = tables.entwined.c.incident_id
    return _of(conn, ids, known, sa.true())


def _without_figure(conn: Connection, ids: set[str]) -> set[str]:
    """Those that speak of a measure without a figure (projection.py marks such a row with a question mark)."""
    told = tables.figure.c
    marked = sa.and_(told.measure >= "?", told.measure < "@", told.seq_to.is_(None))
    return _of(conn, ids, told.incident_id, marked)


def _of(conn: Connection, ids: set[str], column: sa.Column[str], true: sa.ColumnElement[bool]) -> set[str]:
    found: set[str] = set()
    for some in some_of(sorted(ids), _AT_ONCE):
        found |= set(conn.execute(sa.select(column).where(column.in_(some), true)).scalars())
    return found
