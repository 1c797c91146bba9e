"""The store as lines of NDJSON, whatever engine keeps it: the log to be verified elsewhere, or all of it."""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import OperatorError
from incidents_api.model.revision import Revision
from incidents_api.storage import tables
from incidents_api.writing.projection import rebuild
from incidents_api.writing.verify import revisions, verify

FORM = 1
"""The form of an archive; one that this version cannot read has another."""

KEPT = tuple(table for table in tables.metadata.sorted_tables if table not in (*tables.PROJECTIONS, tables.head))
"""What is not made from the log: the log, and what stands beside it."""

BATCH = 500


def log_lines(conn: Connection) -> Iterator[str]:
    """Each revision as a JSON object with its columns as they are stored, in the order of seq."""
    for revision in revisions(conn):
        yield _line({name: getattr(revision, name) for name in Revision.__slots__})


def lines(conn: Connection) -> Iterator[str]:
    """The whole store: what it is, every row of every table that is not made from the log, and a sum over it all."""
    head = conn.execute(sa.select(tables.head)).one()
    digest = hashlib.sha256()
    count = 0
    for line in _content(conn, head):
        digest.update(line.encode())
        count += 1
        yield line
    yield _line({"end": {"lines": count, "sha256": digest.hexdigest()}})


def _content(conn: Connection, head: Any) -> Iterator[str]:
    yield _line({"incidents": FORM, "seq": head.seq, "hash": head.hash, "recorded_at": head.recorded_at})
    for table in KEPT:
        order = table.c.seq if table is tables.revision else None
        query = sa.select(table).order_by(*(table.primary_key.columns if order is None else (order,)))
        for row in conn.execute(query, execution_options={"yield_per": BATCH}).mappings():
            yield _line({table.name: dict(row)})


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def restore(
    conn: Connection, given: Iterable[str], progress: Callable[[int], None] = lambda done: None
) -> tuple[int, str]:
    """Fill an empty store from the lines of another; (seq, hash) of the edition that it holds then.

    The query tables are made from the log, and all is verified before anything is kept. The epoch is new: whoever
    follows the feed must start over, because the store that was lost may have gone on from there otherwise. Raises
    OperatorError for a store that is not empty, and for lines that are damaged or not whole.
    """
    if any(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in KEPT):
        raise OperatorError("the store is not empty; a backup is restored into a new one")
    head = _fill(conn, _checked(given), progress)
    epoch = secrets.token_hex(8)
    conn.execute(sa.update(tables.head).values(**head, epoch=epoch))
    rebuild(conn)
    faults = verify(conn, edition=(head["seq"], head["hash"])).faults
    if faults:
        raise OperatorError(f"the backup does not verify, nothing was restored: {faults[0]}")
    return head["seq"], head["hash"]


def _fill(conn: Connection, entries: Iterator[dict[str, Any]], progress: Callable[[int], None]) -> dict[str, Any]:
    """Insert every row; what the archive says of the head."""
    by_name = {table.name: table for table in KEPT}
    first = next(entries, {})
    if first.get("incidents") != FORM:
        raise OperatorError("this is no backup of an incident event store, or one of another version")
    waiting: list[dict[str, Any]] = []
    name, done = "", 0
    for entry in entries:
        ((table, row),) = entry.items()
        known = by_name.get(table)
        if known is None or not row.keys() <= set(known.c.keys()):
            raise OperatorError(f"the backup holds {table} as this version does not know it; update this service")
        if table != name or len(waiting) >= BATCH:
            _insert(conn, by_name.get(name), waiting)
            waiting = []
        name, done = table, done + 1
        waiting.append(row)
        if done % BATCH == 0:
            progress(done)
    _insert(conn, by_name.get(name), waiting)
    return {part: first[part] for part in ("seq", "hash", "recorded_at")}


def _insert(conn: Connection, table: sa.Table | None, rows: list[dict[str, Any]]) -> None:
    if table is not None and rows:
        conn.execute(sa.insert(table), rows)


def _checked(given: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The entries of the lines, but for the last one, which must agree with them all."""
    digest = hashlib.sha256()
    count = 0
    end: dict[str, Any] | None = None
    for line in given:
        if end is not None:
            raise OperatorError("the backup goes on after its end")
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or not entry:
            raise OperatorError(f"line {count + 1} of the backup cannot be read: it is damaged, or no backup")
        if "end" in entry:
            end = entry["end"]
            continue
        digest.update(line.encode())
        count += 1
        yield entry
    if end != {"lines": count, "sha256": digest.hexdigest()}:
        raise OperatorError("the backup is damaged or was cut short; nothing was restored")
