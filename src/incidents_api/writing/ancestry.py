"""What lies in what: every actor and location with all that it is a part of, kept as the closure of `parent_id`."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.revision import Revision
from incidents_api.model.wire import Record
from incidents_api.storage import dialects, tables
from incidents_api.storage.dialects import Prepared
from incidents_api.writing import lookup


def alone(revision: Revision, record: Record | None) -> list[dict[str, Any]] | None:
    """The rows of an actor or location that needs no look at others to find its place; None where it does.

    Its redaction leaves it where it is, and a new one without a parent is a line of its own.
    """
    if record is None:
        return None if revision.operation in ("end", "merge") else []
    if revision.version == 1 and record["parent_id"] is None:
        return [_line(revision, revision.record_id, revision.record_id, 0)]
    return None


def place(conn: Connection, revision: Revision, record: Record | None) -> None:
    """Keep the closure of `parent_id`: when a parent changes, everything below the record moves with it."""
    table = tables.ancestry
    current = table.c.seq_to.is_(None)
    own = dict(_ABOVE.rows(conn, {"of": revision.record_id}))
    wanted: dict[str, int] = {}
    if record is not None:
        wanted = {revision.record_id: 0}
        if record["parent_id"] is not None:
            above = _ABOVE.rows(conn, {"of": record["parent_id"]})
            wanted |= {ancestor: depth + 1 for ancestor, depth in above}
    if own == wanted:
        return
    beneath = {revision.record_id: 0} | dict(_BELOW.rows(conn, {"of": revision.record_id}))
    fresh = []
    for record_id, depth in sorted(beneath.items()):
        gone = [ancestor for ancestor in own if ancestor not in wanted or own[ancestor] != wanted[ancestor]]
        if gone:
            moved = sa.update(table).where(table.c.record_id == record_id, table.c.ancestor_id.in_(gone), current)
            conn.execute(moved.values(seq_to=revision.seq))
        for ancestor, distance in wanted.items():
            if own.get(ancestor) != distance:
                fresh.append(_line(revision, record_id, ancestor, distance + depth))
    dialects.insert_rows(conn, table, fresh)


def renew(conn: Connection, record_id: str) -> None:
    """Where bodies of an actor or location are gone: what it lay in, and what lay in it, by all that is left."""
    table = tables.ancestry
    beneath = sa.select(table.c.record_id).where(table.c.ancestor_id == record_id, table.c.record_id != record_id)
    conn.execute(sa.delete(table).where(table.c.record_id == record_id))
    log = tables.revision
    left = sa.select(log.c.seq).where(log.c.record_id == record_id, log.c.record.is_not(None))
    if conn.execute(beneath.limit(1)).first() is None and conn.execute(left.limit(1)).first() is None:
        return
    conn.execute(sa.delete(table))
    query = sa.select(log).where(log.c.kind.in_(("actor", "location")))
    for row in conn.execute(query.order_by(log.c.seq)).mappings().all():
        revision = Revision(**row)
        record = None if revision.record is None else lookup.parse(revision.record)
        line = alone(revision, record)
        if line is None:
            place(conn, revision, record)
        else:
            dialects.insert_rows(conn, table, line)


def _line(revision: Revision, record_id: str, ancestor: str, depth: int) -> dict[str, Any]:
    """A row of the closure."""
    told = {"record_id": record_id, "ancestor_id": ancestor, "depth": depth}
    return told | {"seq_from": revision.seq, "seq_to": None}


_LINE = tables.ancestry.c
_OF: sa.BindParameter[str] = sa.bindparam("of")
_ABOVE = Prepared(sa.select(_LINE.ancestor_id, _LINE.depth).where(_LINE.record_id == _OF, _LINE.seq_to.is_(None)))
_BELOW = Prepared(sa.select(_LINE.record_id, _LINE.depth).where(_LINE.ancestor_id == _OF, _LINE.seq_to.is_(None)))
