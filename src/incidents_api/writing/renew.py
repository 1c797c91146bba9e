"""The query tables after a redaction: the rows of the record are made again, and the words of all that names it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.audience import public_id
from incidents_api.model.kinds import Kind
from incidents_api.model.revision import Revision
from incidents_api.storage import dialects, tables
from incidents_api.storage.tables import CHILD_TABLES, KIND_TABLES
from incidents_api.writing import ancestry, lookup, projection, trees
from incidents_api.writing.projection import Entry, named, parsed
from incidents_api.writing.rollup import Sums

Words = dict[int, dialects.Indexed]
"""What the index of words holds of revisions, by seq."""


class Renewal:
    """What the query tables hold of a record, seen before words are taken out of the log; `finish` takes them out here.

    Nothing is looked at but the history of the record and, where it has names that others are found by, the revisions
    that refer to it. The outcome is that of a rebuild, without its time: see `tests/writing/test_redact.py`.
    """

    def __init__(self, conn: Connection, kind: Kind, record_id: str) -> None:
        self._conn, self._kind, self._record_id = conn, kind, record_id
        self._seqs = _seqs_of(conn, kind, record_id)
        self._words = _words(conn, self._seqs)
        history = _history(conn, record_id)
        self._bodies = sum(record is not None for _, record, _ in history)
        self._merged = {one["id"] for _, record, _ in history for one in (record or {}).get("merged", ())}

    def finish(self) -> None:
        """Make again what was derived from the words that are gone."""
        conn, record_id = self._conn, self._record_id
        history = _history(conn, record_id)
        built: str = conn.execute(sa.select(tables.head.c.projection)).scalar_one()
        self._rows(history, projection.treatment_of(built))
        _renew_external_ids(conn, history)
        bodies = sum(record is not None for _, record, _ in history)
        if self._kind.name in ("actor", "location") and bodies < self._bodies + (history[-1][1] is not None):
            ancestry.renew(conn, record_id)
        self._index()

    def _rows(self, history: Sequence[Entry], treatment: str) -> None:
        """The rows of the record, and the marks on those that were merged into it."""
        conn = self._conn
        incident = self._kind.name == "incident"
        sums = Sums(conn)
        sums.take_out([self._record_id] if incident else [])
        above = trees.wholes_of(conn, self._record_id)
        keys = [self._record_id, *([public_id(self._record_id)] if incident else [])]
        for table in (KIND_TABLES[self._kind.name], *CHILD_TABLES[self._kind.name], tables.record):
            conn.execute(sa.delete(table).where(table.columns[0].in_(keys)))
        projection.project_again(conn, history)
        touched = [history[-1], *(_history(conn, one)[-1] for one in sorted(self._merged))] if incident else []
        for revision, record, _ in touched:
            projection.settle(conn, [(revision, record)], treatment)
        if incident:
            sums.put_in([self._record_id])
            trees.renew(conn, sums, [history[-1][:2]], again=True, above=above)
            sums.keep()

    def _index(self) -> None:
        """The words of the revisions concerned, where they are others now."""
        words = _words(self._conn, self._seqs)
        changed = [seq for seq in self._words if words.get(seq) != self._words[seq]]
        dialects.forget_words(self._conn, [self._words[seq] for seq in changed])
        dialects.index_words(self._conn, [words[seq] for seq in changed if seq in words])


def _history(conn: Connection, record_id: str) -> list[Entry]:
    log = tables.revision
    query = sa.select(log).where(log.c.record_id == record_id).order_by(log.c.version)
    return [_entry(row) for row in conn.execute(query).mappings()]


def _entry(row: Any) -> Entry:
    revision = Revision(**row)
    return revision, parsed(revision.record), parsed(revision.reason)


# --- Words ---------------------------------------------------------------------------------------------------------


def _seqs_of(conn: Connection, kind: Kind, record_id: str) -> list[int]:
    """The revisions whose words may hold some of a record: its own, and of incidents that name an actor or location."""
    log = tables.revision.c
    found = set(conn.execute(sa.select(log.seq).where(log.record_id == record_id)).scalars())
    naming = {"actor": tables.participation.c, "location": tables.incident_location.c}.get(kind.name)
    if naming is not None:
        reference = naming[f"{kind.name}_id"]
        found |= set(conn.execute(sa.select(naming.seq_from).where(reference == record_id).distinct()).scalars())
    return sorted(found)


def _words(conn: Connection, seqs: Iterable[int]) -> Words:
    """The words of revisions as they are indexed: with the names that actors and locations had at that time."""
    log, found = tables.revision, Words()
    for some in lookup.some_of(seqs, 500):
        query = sa.select(log).where(log.c.seq.in_(some), log.c.record.is_not(None))
        entries = [_entry(row) for row in conn.execute(query).mappings()]
        names = _names(conn, {one for _, record, _ in entries for one in named(record or {})})
        for revision, record, _ in entries:
            if record is not None:
                called = [name for one in sorted(named(record)) for name in _then(names[one], revision.seq)]
                found[revision.seq] = projection.indexed(revision, record, called)
    return found


def _names(conn: Connection, ids: set[str]) -> dict[str, list[tuple[str, int, int | None]]]:
    """Every name that these actors and locations ever had, in their order, with the seqs from and until which."""
    found: dict[str, list[tuple[str, int, int | None]]] = defaultdict(list)
    term = tables.term.c
    columns = (term.record_id, term.value, term.seq_from, term.seq_to)
    for some in lookup.some_of(sorted(ids), 500):
        query = sa.select(*columns).where(term.record_id.in_(some), term.field == "known_as")
        for record_id, *name in conn.execute(query.order_by(term.record_id, term.value)):
            found[record_id].append(tuple(name))
    return found


def _then(names: Iterable[tuple[str, int, int | None]], seq: int) -> list[str]:
    return [name for name, first, last in names if first <= seq and (last is None or last > seq)]


# --- External ids --------------------------------------------------------------------------------------------------


def _renew_external_ids(conn: Connection, history: Sequence[Entry]) -> None:
    """The external ids that the history, as it is left, gives the record; what another took since stays with that."""
    held: set[tuple[str, str]] = set()
    for revision, record, _ in history:
        if record is not None:
            held = set(record["external_ids"].items())
            held |= {pair for one in record.get("merged", ()) for pair in one["external_ids"].items()}
        elif revision.operation == "merge":
            held = set()  # its successor has them
    table, (last, _, _) = tables.external_id, history[-1]
    rows = conn.execute(sa.select(table.c.scheme, table.c.value).where(table.c.record_id == last.record_id))
    now = {(scheme, value) for scheme, value in rows}
    for scheme, value in now - held:
        named_so = (table.c.kind == last.kind, table.c.scheme == scheme, table.c.value == value)
        conn.execute(sa.delete(table).where(*named_so))
    for scheme, value in sorted(held - now):
        if lookup.by_external_id(conn, last.kind, [(scheme, value)]) is None:
            row = {"kind": last.kind, "scheme": scheme, "value": value, "record_id": last.record_id}
            conn.execute(sa.insert(table), row)
