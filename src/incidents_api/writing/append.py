"""append: the one function that writes to the log. Checks versions, numbers, links the chain and projects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, StaleVersion
from incidents_api.model.revision import Revision, canonical, commit, link, new_salt
from incidents_api.storage import dialects, tables
from incidents_api.storage.dialects import Prepared
from incidents_api.writing import lookup
from incidents_api.writing.projection import project, treatment_of


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one record: `version` is the number of the revision it makes, `record` None when it ends it."""

    kind: str
    record_id: str
    version: int
    operation: str
    record: dict[str, Any] | None
    reason: dict[str, Any] | None = None


def append(conn: Connection, changes: Sequence[Change], author: str, now: datetime | None = None) -> list[Revision]:
    """Append a revision for each change, in order, and project them; all in the caller's transaction.

    The lock on the head of the log is taken last and held to the commit, so the order of seq is the order of commits
    and no number is skipped. Raises StaleVersion when another write came first, Conflict for an external id in use.
    """
    if not changes:
        return []
    _take(conn, changes)
    texts = [
        (
            None if change.record is None else canonical(change.record),
            None if change.reason is None else canonical(change.reason),
            new_salt(),
        )
        for change in changes
    ]
    [(seq, previous, last, built)] = _HEAD.rows(conn, {})
    moment = _moment(last, now)
    revisions = []
    for change, (record, reason, salt) in zip(changes, texts, strict=True):
        seq += 1
        entry: dict[str, Any] = {
            "record_id": change.record_id,
            "version": change.version,
            "seq": seq,
            "kind": change.kind,
            "operation": change.operation,
            "author": author,
            "recorded_at": moment,
            "commitment": commit(salt, reason, record),
            "previous_hash": previous,
        }
        previous = link(entry)
        revisions.append(Revision(**entry, reason=reason, record=record, salt=salt, hash=previous))
    rows = [{name: getattr(one, name) for name in Revision.__slots__} for one in revisions]
    try:
        text, moved = _MOVE_HEAD.bound(conn, {"now_seq": seq, "now_hash": previous, "now_recorded_at": moment})
        dialects.insert_all(conn, {tables.revision: rows}, (text, [moved]))
        entries = [(one, change.record, change.reason) for one, change in zip(revisions, changes, strict=True)]
        project(conn, entries, treatment_of(built))
    except sa.exc.IntegrityError:
        # Another process took the id or the external id between our look and the lock on the head.
        raise Conflict("another write created the same record first; send it again") from None
    return revisions


_HEAD = Prepared(
    sa.select(*(tables.head.c[name] for name in ("seq", "hash", "recorded_at", "projection"))).with_for_update()
)
_MOVE_HEAD = Prepared(
    sa.update(tables.head).values({name: sa.bindparam(f"now_{name}") for name in ("seq", "hash", "recorded_at")})
)
_HELD = (
    sa.update(tables.record)
    .values(version=sa.bindparam("next"))
    .where(tables.record.c.id == sa.bindparam("of"), tables.record.c.version == sa.bindparam("last"))
)
# Only a restored record, or a redacted one, changes after its end.
_HOLD = {False: Prepared(_HELD.where(tables.record.c.ended.is_(None))), True: Prepared(_HELD)}


def _take(conn: Connection, changes: Sequence[Change]) -> None:
    """Lock the records that change, in the order of their ids so that two writers never wait for each other."""
    taken: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for one in sorted(changes, key=lambda change: (change.record_id, change.version)):
        if one.version != 1:
            late = one.operation == "restore" or "redaction" in (one.reason or {})
            taken[late].append({"of": one.record_id, "next": one.version, "last": one.version - 1})
    for late, values in taken.items():
        if values and _HOLD[late].run(conn, *values) != len(values):
            raise StaleVersion("another write came first; read the record again")
    wanted = {
        (change.kind, scheme, value): change.record_id
        for change in changes
        if change.record is not None
        for scheme, value in change.record["external_ids"].items()
    }
    # What a merge, or its undoing, takes from one record to give it to another in the same append.
    given = {change.record_id for change in changes if change.operation in ("merge", "restore")}
    for name, holder in lookup.holders(conn, wanted).items():
        if holder not in (wanted[name], *given):
            raise Conflict("{1}:{2} already names another {0}".format(*name))


def _moment(last: str, now: datetime | None) -> str:
    """Now, but always after the last revision, whatever the clock does."""
    moment = now or datetime.now(UTC)
    if last:
        moment = max(moment, datetime.fromisoformat(last) + timedelta(microseconds=1))
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
