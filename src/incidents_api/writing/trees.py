"""Trees of parts: which are entwined, and what the parts of the others take off their wholes in the sums."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.audience import is_closed, public_id
from incidents_api.model.figures import LEVELS, Figure, Levels, added, levels_of
from incidents_api.model.revision import Revision
from incidents_api.model.wire import Record
from incidents_api.storage import tables
from incidents_api.storage.dialects import Prepared, put_rows
from incidents_api.storage.tables import PERIOD_TOTAL, SINGLY
from incidents_api.writing.lookup import some_of
from incidents_api.writing.rollup import FOR_ALL, Sums, Tree

_AT_ONCE = 500
"""How many incidents one statement takes."""
_LEVELS = len(LEVELS)


def renew(
    conn: Connection,
    sums: Sums,
    entries: Sequence[tuple[Revision, Record | None]],
    *,
    again: bool = False,
    above: Iterable[str] = (),
) -> None:
    """Bring the notes of trees, and what sums say of them, to what these revisions of incidents make of them; to be
    called when their relations and figures are written. `again`: they stood there before, and were parts of `above`.

    Entwined are the trees that sums do not net: where a part has parts or several wholes, or one of the tree speaks of
    a measure and gives no figure. What was noted of that stays so: the totals of a past moment are read with it, too,
    and netting an incident by itself is never wrong.
    """
    revised = {revision.record_id: revision.seq for revision, _ in entries if again or revision.version > 1}
    parts: set[str] = set()
    for revision, record in entries:
        if record is not None and any(one["type"] == "part_of" for one in record["relations"]):
            parts |= {revision.record_id, public_id(revision.record_id)} if is_closed(record) else {revision.record_id}
    if not parts and not revised:
        return
    tree = _Tree(conn, revised)
    own = {whole for _, whole in tree.edges({*revised}, tables.relation.c.incident_id)} | tree.whole_of(revised)
    parts |= tree.whole_of(revised)
    wholes, fresh = _entwine(conn, tree, parts) if parts else (set(), set())
    _net(conn, sums, own | wholes | fresh | {*above})


def wholes_of(conn: Connection, incident_id: str) -> set[str]:
    """What an incident is a part of."""
    edge = tables.relation.c
    above = sa.select(edge.other_id).where(edge.incident_id == incident_id, edge.type == "part_of")
    return set(conn.execute(above.where(edge.seq_to.is_(None))).scalars())


def _entwine(conn: Connection, tree: "_Tree", parts: set[str]) -> tuple[set[str], set[str]]:
    """Note the trees of these parts and wholes that are entwined: (their wholes, what was noted)."""
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
    return wholes, fresh


# --- Sums ----------------------------------------------------------------------------------------------------------


def _net(conn: Connection, sums: Sums, wholes: set[str]) -> None:
    """Take what these wholes' parts say off them in the sums, where one cell of the sums holds the whole tree."""
    for some in some_of(sorted(wholes), _AT_ONCE):
        given = {"ids": list(some)}
        for _, cell, country, granularity, status, taken, *_ in _KEPT.rows(conn, given):
            if cell != SINGLY:
                sums.net(Tree(cell, country, granularity, status, orjson.loads(taken)), -1)
        _GONE.run(conn, given)
        number: dict[str, int] = {row[0]: row[1] for row in conn.execute(_count(some))}
        singly = _noted(conn, {*number}) | {whole for whole, parts in number.items() if parts > MOST_PARTS}
        told: dict[str, list[Any]] = {whole: [] for whole in number}
        for row in conn.execute(_members([*number], [whole for whole in number if whole not in singly])):
            told[row.root].append(row)
        rows = []
        for whole, members in told.items():
            head = next((one for one in members if one.incident_id == whole), None)
            span = (None, None) if head is None else (head.span_start, head.span_end)
            found = None if whole in singly else _tree(whole, members)
            if found is None:
                rows.append((whole, SINGLY, "" if head is None else head.country_order, "", "", "{}", *span))
            else:
                sums.net(found, 1)
                rows.append((whole, *found[:4], orjson.dumps(found.taken, option=orjson.OPT_SORT_KEYS).decode(), *span))
        put_rows(conn, tables.tree, rows, ("whole_id",))


MOST_PARTS = 1_000
"""A whole with more is netted by each question: a write of one part would read all the others."""


def _count(wholes: Sequence[str]) -> sa.Select[Any]:
    """How many parts each of these has that has any."""
    told = tables.figure.c
    parts = sa.select(told.whole_id, sa.func.count()).where(told.whole_id.in_(wholes), told.measure == "", *FOR_ALL)
    return parts.group_by(told.whole_id)


def _members(wholes: Sequence[str], netted: Sequence[str]) -> sa.CompoundSelect[Any]:
    """The figures of wholes, and of the parts of those that are netted, each with its whole."""
    told = tables.figure.c
    columns = [told[name] for name in ("incident_id", "measure", *LEVELS, *_SAME, *_ABOUT)]
    above = sa.select(told.incident_id.label("root"), *columns).where(told.incident_id.in_(wholes), *FOR_ALL)
    below = sa.select(told.whole_id, *columns).where(told.whole_id.in_(netted), *FOR_ALL)
    return sa.union_all(above, below)


_SAME = ("country_order", "granularity", "status")
"""What the sums are kept by and a query may ask for: a whole and parts that differ in it may not both be selected."""
_ABOUT = ("year", "month", "span_start", "span_end", "audience")


def _tree(whole: str, members: Sequence[Any]) -> Tree | None:
    """What parts take off their whole, where every query that takes all of the whole's cell selects them all."""
    own = {one.measure: one for one in members if one.incident_id == whole}
    parts = [one for one in members if one.incident_id != whole]
    head = own.get("")
    if head is None or any(not _goes_with(one, head) for one in members):
        return None
    taken: dict[str, Levels] = {}
    exceeded = False
    for measure, rows in groupby(sorted(parts, key=lambda one: one.measure), key=lambda one: one.measure):
        if measure in own:
            beneath = _sum(rows)
            if measure:
                stated = levels_of(_figure(own[measure]))[:_LEVELS]
                above = any(theirs > mine for theirs, mine in zip(beneath, stated, strict=False))
                less = [*map(min, beneath, stated)]
                taken[measure] = [*less, beneath[_LEVELS], int(above), 0]
                exceeded |= above
            else:
                taken[""] = [0, 0, 0, beneath[_LEVELS], 0, 0]
    taken[""][_LEVELS + 1] = int(exceeded)
    granularity = PERIOD_TOTAL if head.granularity == PERIOD_TOTAL else ""
    return Tree(head.month or head.year or "", head.country_order, granularity, head.status or "", taken)


def _goes_with(part: Any, whole: Any) -> bool:
    """Whether a part is selected wherever the cell of its whole is."""
    return (
        part.audience is None
        and part.country_order == whole.country_order
        and part.status == whole.status
        and (part.granularity == PERIOD_TOTAL) == (whole.granularity == PERIOD_TOTAL)
        and whole.month in (None, part.month)
        and whole.year in (None, part.year)
    )


def _sum(rows: Iterable[Any]) -> Levels:
    total = [0] * (_LEVELS + 3)
    for row in rows:
        total = added(total, levels_of(_figure(row)))
    return total


def _figure(row: Any) -> Figure:
    return Figure(row.low, row.best, row.high)


_OWN = tables.tree.c.whole_id.in_(sa.bindparam("ids", expanding=True))
_KEPT = Prepared(sa.select(*tables.tree.c).where(_OWN))
_GONE = Prepared(sa.delete(tables.tree).where(_OWN))


# --- Relations -----------------------------------------------------------------------------------------------------


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
