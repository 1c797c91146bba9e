"""Which rows of an incident are for whom: the marks on its own rows, and the rows that are the public's own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.audience import COARSENED, coarsened, public_id
from incidents_api.model.revision import Revision, canonical
from incidents_api.model.wire import Record
from incidents_api.storage import tables
from incidents_api.storage.dialects import Prepared
from incidents_api.storage.tables import CHILD_TABLES, FULL_ROW, KIND_TABLES, PUBLIC_ROW
from incidents_api.writing import lookup

INCIDENT = KIND_TABLES["incident"]
_CLOSING = Prepared(sa.update(tables.head).values(closing=tables.head.c.seq))


@dataclass(frozen=True, slots=True)
class Row:
    """The rows to make of a revision: of the record itself, or of the public's view of it (`public`).

    `seq_to`: the revision from which on they are true no more. `turns`: when an embargo ends the public's view.
    """

    revision: Revision
    record: Record
    owner: str | None
    public: bool = False
    seq_to: int | None = None
    turns: str | None = None

    @property
    def key(self) -> str:
        """The id that the rows stand under."""
        return public_id(self.revision.record_id) if self.public else self.revision.record_id

    def closing(self) -> dict[str, Any]:
        """The columns that say for whom the row is (storage/tables.py)."""
        if self.public:
            return {"audience": PUBLIC_ROW, "turns": self.turns, "document": self._document(), "owner": self.owner}
        audience, turns = _marks([(self.record["sensitivity"], self.record.get("hold_until"))])
        return {"audience": audience, "turns": turns, "document": None, "owner": self.owner}

    def _document(self) -> str:
        """What the public is served: the view, without who recorded it."""
        log = self.revision
        return (
            f'{{"id":"{log.record_id}","version":{log.version},"seq":{log.seq},'
            f'"recorded_at":"{log.recorded_at}","recorded_by":null,{canonical(self.record)[1:]}'
        )


def owners_of(conn: Connection, ids: Iterable[str]) -> dict[str, str | None]:
    """The names that made these incidents, of those that are there."""
    found: dict[str, str | None] = {}
    for some in lookup.some_of(ids, 500):
        query = sa.select(INCIDENT.c.id, INCIDENT.c.owner).where(INCIDENT.c.id.in_(some))
        found |= {row[0]: row[1] for row in conn.execute(query.order_by(INCIDENT.c.seq_from))}
    return found


def settle(conn: Connection, incidents: Sequence[tuple[Revision, Record | None]], treatment: str) -> Iterator[Row]:
    """Mark the rows of incidents by what closed them then and what closes them by now, and give the public's rows anew.

    What is closed by now is closed at every moment of the past. So both follow from the whole history of an incident
    up to this revision, whose own rows are in the tables already, and a rebuild comes to the same. The past of an
    incident that was merged into another is closed as that one is, too, whichever of the two is revised. A row must be
    written before the next is asked for.
    """
    kept = _kept(conn, [revision.record_id for revision, _ in incidents])
    for revision, record in incidents:
        yield from _settle(conn, revision, kept.get(revision.record_id, ()), _survivor(conn, revision), treatment)
        for merged in (record or {}).get("merged", ()):
            last = _revisions(conn, merged["id"])[-1]
            rows = _kept(conn, [last.record_id]).get(last.record_id, ())
            yield from _settle(conn, last, rows, record, treatment)


def _kept(conn: Connection, ids: Iterable[str]) -> dict[str, list[Any]]:
    """The rows of these incidents, oldest first."""
    own = INCIDENT.c
    columns = (own.id, own.seq_from, own.seq_to, own.sensitivity, own.hold_until, own.audience, own.turns, own.owner)
    found: dict[str, list[Any]] = {}
    for some in lookup.some_of(ids, 500):
        for row in conn.execute(sa.select(*columns).where(own.id.in_(some)).order_by(own.id, own.seq_from)):
            found.setdefault(row.id, []).append(row)
    return found


def _survivor(conn: Connection, revision: Revision) -> Record | None:
    """What the incident that stands for this one says, or said last; None for one that was not merged.

    Where nothing is left of it, it was taken out for somebody's sake, and the same may stand here: then it is closed.
    """
    if revision.record is not None or revision.operation != "merge" or revision.reason is None:
        return None
    log, survivor = tables.revision.c, lookup.survivor(conn, orjson.loads(revision.reason)["successor"])
    said = sa.select(log.record).where(log.record_id == survivor, log.record.is_not(None))
    text = conn.execute(said.order_by(log.version.desc()).limit(1)).scalar_one_or_none()
    return {"sensitivity": "restricted"} if text is None else lookup.parse(text)


def _settle(
    conn: Connection, revision: Revision, rows: Sequence[Any], survivor: Record | None, treatment: str
) -> Iterator[Row]:
    if not rows:
        return
    by_now = [(rows[-1].sensitivity, rows[-1].hold_until)]
    if survivor is not None:
        by_now.append((survivor["sensitivity"], survivor.get("hold_until")))
    marks = [_marks([(row.sensitivity, row.hold_until), *by_now]) for row in rows]
    if not any(row.audience or audience for row, (audience, _) in zip(rows, marks, strict=True)):
        return
    _CLOSING.run(conn, {})
    for row, (audience, turns) in zip(rows, marks, strict=True):
        if (row.audience, row.turns) != (audience, turns):
            for table in (INCIDENT, tables.figure):
                key, since = table.columns[0], table.c.seq_from
                marked = sa.update(table).where(key == revision.record_id, since == row.seq_from)
                conn.execute(marked.values(audience=audience, turns=turns))
    for table in (INCIDENT, *CHILD_TABLES["incident"]):
        conn.execute(sa.delete(table).where(table.columns[0] == public_id(revision.record_id)))
    if treatment == COARSENED:
        closed = {row.seq_from: (row, turns) for row, (audience, turns) in zip(rows, marks, strict=True) if audience}
        yield from _views(_revisions(conn, revision.record_id, revision.version), closed)


def _marks(states: Sequence[tuple[str, str | None]]) -> tuple[int | None, str | None]:
    """(audience, turns) of a row that these pairs of sensitivity and hold_until close."""
    if any(sensitivity == "restricted" for sensitivity, _ in states):
        return FULL_ROW, None
    holds = [hold for _, hold in states if hold is not None]
    return (FULL_ROW, max(holds)) if holds else (None, None)


def _revisions(conn: Connection, record_id: str, version: int | None = None) -> list[Revision]:
    """The history of a record, up to a version where one is given."""
    log = tables.revision
    query = sa.select(log).where(log.c.record_id == record_id)
    if version is not None:
        query = query.where(log.c.version <= version)
    return [Revision(**row) for row in conn.execute(query.order_by(log.c.version)).mappings()]


def _views(history: Sequence[Revision], closed: dict[int, tuple[Any, str | None]]) -> Iterator[Row]:
    """The public's rows: one for each stretch of the history in which the public sees the same.

    A revision that changes nothing that the public sees makes no row: it is not to tell that something was changed.
    """
    current: Row | None = None
    for revision in history:
        row, turns = closed.get(revision.seq, (None, None))
        if row is None or revision.record is None:
            if current is not None:
                yield replace(current, seq_to=revision.seq)
            current = None
            continue
        view = coarsened(orjson.loads(revision.record))
        if current is not None and (current.record, current.turns) == (view, turns):
            continue
        if current is not None:
            yield replace(current, seq_to=revision.seq)
        current = Row(revision, view, row.owner, public=True, turns=turns)
    if current is not None:
        yield current
