"""redact: take words out of the log itself, in every version, and leave the chain whole and the removal in sight."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, Fault, Invalid, NotFound, StaleVersion
from incidents_api.model.kinds import Kind
from incidents_api.model.redaction import RedactReport, kept_reason, removed, without, words_in
from incidents_api.model.revision import Revision, canonical, commit, etag, new_salt
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Record
from incidents_api.storage import tables
from incidents_api.writing import lookup, once
from incidents_api.writing.append import Change, append
from incidents_api.writing.projection import parsed
from incidents_api.writing.renew import Renewal
from incidents_api.writing.verify import links_of


@dataclass(frozen=True, slots=True)
class Redacted:
    """What was done: the revision that says so, the versions that lost something, and how many kept texts did."""

    revision: Revision
    versions: tuple[int, ...]
    texts: int


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of a revision."""

    revision: Revision
    record: dict[str, Any] | None
    reason: dict[str, Any] | None
    gone: tuple[Any, ...]


def redact(
    conn: Connection, kind: Kind, record_id: str, report: RedactReport, if_match: Sequence[str], author: Visitor
) -> Redacted:
    """Blank bodies, or members of them, in the log and in all that was made from it, in one transaction.

    What the query tables derive from the words is made again from the log as it is then. A record whose current body is
    blanked whole is ended. docs/decisions tells why the chain holds.
    """
    revisions = _revisions(conn, kind, record_id)
    last = revisions[-1]
    mark = etag(last.version, last.hash)
    if if_match and "*" not in if_match and mark not in if_match:
        raise StaleVersion(f"the record is at version {last.version} now", version=last.version, etag=mark)
    _refuse_holes(kind, last, report)
    left = list(_left(revisions, report))
    if not left:
        raise Conflict("everything that this names was redacted before")
    renewal = Renewal(conn, kind, record_id)
    versions = {str(one.revision.version): _blank(conn, one) for one in left}
    told = {"code": report.reason, "note": report.note, "paths": report.paths, "versions": versions}
    change = _announced(conn, kind, last, left, told)
    revision = append(conn, [change], author.author)[0]
    texts = _forget_texts(conn, kind, left)
    once.forget_bodies(conn)
    renewal.finish()
    return Redacted(revision, tuple(one.revision.version for one in left), texts)


def _revisions(conn: Connection, kind: Kind, record_id: str) -> list[Revision]:
    log = tables.revision
    query = sa.select(log).where(log.c.record_id == record_id, log.c.kind == kind.name).order_by(log.c.version)
    found = [Revision(**row) for row in conn.execute(query).mappings()] if lookup.is_id(record_id) else []
    if not found:
        raise NotFound(f"there is no {kind.name} with this id")
    return found


def _refuse_holes(kind: Kind, last: Revision, report: RedactReport) -> None:
    """Where something was is told by every version of a place or an actor: what lies in it hangs on each of them."""
    if kind.name in ("actor", "location") and last.record is not None and not report.paths and report.versions:
        fault = Fault("name paths, or leave versions out to redact it whole", "alone", pointer="/versions")
        raise Invalid(f"Single versions of a current {kind.name} are not redacted whole", [fault])


def _left(revisions: Sequence[Revision], report: RedactReport) -> Iterator[_Left]:
    """What will be left of each revision that loses something."""
    known = {one.version for one in revisions}
    unknown = sorted(set(report.versions or ()) - known)
    if unknown:
        fault = Fault(f"there is no version {unknown[0]}", "unknown_version", pointer="/versions")
        raise Invalid("The record has no such version", [fault])
    wanted = [one for one in revisions if report.versions is None or one.version in report.versions]
    bodies = {one.version: parsed(one.record) for one in wanted if one.record is not None}
    if report.paths is None:
        for one in wanted:
            reason = parsed(one.reason)
            if one.salt is not None:
                yield _Left(one, None, kept_reason(reason), (bodies.get(one.version), reason))
        return
    gone = [pair for body in bodies.values() for pair in removed(body, report.paths)]
    for n, path in enumerate(report.paths):
        if path not in {place for place, _ in gone}:
            fault = Fault("none of the versions has anything here", "nothing_there", pointer=f"/paths/{n}")
            raise Invalid("There is nothing to redact", [fault])
    for one in wanted:
        body = bodies.get(one.version)
        rest = None if body is None else without(body, report.paths, gone)
        if rest != body:
            yield _Left(one, rest, parsed(one.reason), tuple(value for _, value in gone))


def _blank(conn: Connection, one: _Left) -> str:
    """Write what is left over the body; the commitment of what is left, which the redaction carries."""
    record = None if one.record is None else canonical(one.record)
    reason = None if one.reason is None else canonical(one.reason)
    salt = None if record is None else new_salt()
    log, place = tables.revision, one.revision
    own = sa.and_(log.c.record_id == place.record_id, log.c.version == place.version)
    conn.execute(sa.update(log).where(own).values(record=record, reason=reason, salt=salt))
    return commit(salt or "", reason, record)


def _announced(conn: Connection, kind: Kind, last: Revision, left: Sequence[_Left], told: Record) -> Change:
    """The revision that says what was redacted: the record as it stands without it, its end, or its end once more."""
    now = next((one for one in left if one.revision.version == last.version), None)
    record = parsed(last.record) if now is None else now.record
    reason: dict[str, Any] = {"code": None, "note": told["note"], "successor": None, "redaction": told}
    operation = "redact"
    if last.record is None:
        operation = last.operation
        reason |= {name: value for name, value in (parsed(last.reason) or {}).items() if name in ("code", "successor")}
    elif record is None:
        held = [] if kind.name == "incident" else lookup.referents(conn, kind.name, last.record_id)
        if held:
            raise Conflict(f"other records refer to this {kind.name}; change them first", referents=held)
        operation, reason["code"] = "end", told["code"]
    return Change(kind.name, last.record_id, last.version + 1, operation, record, reason)


def _forget_texts(conn: Connection, kind: Kind, left: Sequence[_Left]) -> int:
    """Remove the kept texts of the sources concerned that hold any of the words; the number removed."""
    words = {text for one in left for value in one.gone for text in words_in(value)}
    sources = {one.revision.record_id for one in left if kind.name == "source"}
    for one in left:
        before = parsed(one.revision.record)
        sources |= {other for name, other in links_of(kind.name, before) if name == "source"}
    log, kept = tables.revision, tables.source_text
    prints = {text for one in left for text in _fingerprints(parsed(one.revision.record))}
    for record_id in sorted(sources):
        bodies = conn.execute(sa.select(log.c.record).where(log.c.record_id == record_id, log.c.record.is_not(None)))
        prints |= {text for body in bodies.scalars() for text in _fingerprints(json.loads(body))}
    count = 0
    for fingerprint in sorted(prints):
        text = lookup.text_of(conn, fingerprint)
        if text is not None and (fingerprint in words or any(word in text for word in words)):
            count += conn.execute(sa.delete(kept).where(kept.c.fingerprint == fingerprint)).rowcount
    return count


def _fingerprints(record: Record | None) -> Iterator[str]:
    if record is not None and record.get("fingerprint"):
        yield record["fingerprint"]
