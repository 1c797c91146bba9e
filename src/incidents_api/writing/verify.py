"""verify: recompute the hash chain of the log and check the links between records; says where the first fault is.

docs/verify.md says the same for those who write their own; tools/verify_log.py is one that shares no code with this.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import OperatorError
from incidents_api.model.revision import GENESIS, Revision, commit, link
from incidents_api.storage import tables

BATCH = 1_000


@dataclass(slots=True)
class Verdict:
    """What was found: revisions read, the head they end in, every redaction and every fault in plain words."""

    revisions: int = 0
    seq: int = 0
    hash: str = GENESIS
    redacted: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Seen:
    """What the log has said of a record so far."""

    kind: str
    version: int
    ended: str | None
    successor: str | None
    merged: bool
    links: set[tuple[str, str]]


Place = tuple[str, int]
"""A record's id and a version."""


@dataclass(slots=True)
class _Bodies:
    """Bodies that are not those the chain committed to, and those that redactions put in their place."""

    found: dict[Place, tuple[str, Revision]] = field(default_factory=dict)
    told: dict[Place, tuple[str, Revision]] = field(default_factory=dict)

    def see(self, revision: Revision) -> None:
        """Take note of a body that was blanked, and of what a redaction says that it blanked."""
        mark = commit(revision.salt or "", revision.reason, revision.record)
        if revision.salt is None or mark != revision.commitment:
            self.found[revision.record_id, revision.version] = (mark, revision)
        for version, left in redaction_of(revision)["versions"].items():
            self.told[revision.record_id, int(version)] = (left, revision)

    def settle(self, verdict: Verdict) -> None:
        """Each body is the one committed to, or the one that the last redaction of it left; nothing else."""
        wrong: list[tuple[int, str]] = []
        for place, (mark, revision) in self.found.items():
            left, redaction = self.told.get(place, (None, None))
            where = f"revision {revision.seq} ({revision.kind} {revision.record_id})"
            if mark == left and redaction is not None:
                verdict.redacted.append(f"{where}: redacted by revision {redaction.seq}{_why(redaction)}")
            else:
                wrong.append((revision.seq, f"{where}: its body does not fit its commitment: {_ALTERED}"))
        for (record_id, version), (_, redaction) in self.told.items():
            if (record_id, version) not in self.found:
                where = f"revision {redaction.seq} ({redaction.kind} {record_id})"
                wrong.append((redaction.seq, f"{where}: the body of version {version} that it redacted is there again"))
        verdict.faults += [fault for _, fault in sorted(wrong)[:1]]


_ALTERED = "the record or the reason was altered"


def redaction_of(revision: Revision) -> dict[str, Any]:
    """What a revision says that it redacted: `versions`, each with the commitment of what it left; mostly nothing."""
    told = _members(revision.reason).get("redaction")
    return told if isinstance(told, dict) and isinstance(told.get("versions"), dict) else {"versions": {}}


def _why(redaction: Revision) -> str:
    told = [redaction_of(redaction)[name] for name in ("code", "note") if redaction_of(redaction).get(name)]
    return f" ({': '.join(told)})" if told else ""


def verify(
    conn: Connection,
    progress: Callable[[int], None] = lambda done: None,
    edition: tuple[int, str] | None = None,
) -> Verdict:
    """Read the whole log: order, chain, bodies, versions; then whether every link names a record of its kind.

    `edition`: a seq and hash that were cited; only they show that the tail was cut or the log written anew.
    """
    verdict = Verdict()
    bodies = _Bodies()
    seen: dict[str, _Seen] = {}
    for revision in revisions(conn):
        fault = _fault(revision, verdict, seen.get(revision.record_id))
        if fault is not None:
            verdict.faults.append(f"revision {revision.seq} ({revision.kind} {revision.record_id}): {fault}")
            return verdict  # what follows a broken link proves nothing
        verdict.revisions += 1
        verdict.seq, verdict.hash = revision.seq, revision.hash
        if edition is not None and edition[0] == revision.seq != 0 and edition[1] != revision.hash:
            verdict.faults.append(f"revision {revision.seq} is not the edition's: the log was written anew up to there")
            return verdict
        bodies.see(revision)
        seen[revision.record_id] = _seen(revision)
        if verdict.revisions % BATCH == 0:
            progress(verdict.revisions)
    if edition is not None and edition[0] > verdict.seq:
        verdict.faults.append(f"the log ends at {verdict.seq}, before the edition {edition[0]}: its tail was cut")
    bodies.settle(verdict)
    if verdict.faults:
        return verdict
    verdict.faults += _head_faults(conn, verdict)
    verdict.faults += _link_faults(seen)
    verdict.faults += _record_faults(conn, seen)
    verdict.faults += _text_faults(conn)
    progress(verdict.revisions)
    return verdict


def _members(text: str | None) -> dict[str, Any]:
    """The members of a body; none of one that is no JSON any more, which its commitment tells."""
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _seen(revision: Revision) -> _Seen:
    links = set(links_of(revision.kind, _members(revision.record)))
    reason = _members(revision.reason) if revision.record is None else {}
    merged = revision.record is None and revision.operation == "merge"
    return _Seen(revision.kind, revision.version, reason.get("code"), reason.get("successor"), merged, links)


def read_edition(text: str) -> tuple[int, str]:
    """A cited edition, `seq:hash`; OperatorError when it is none."""
    match = re.fullmatch(r"([0-9]{1,15}):([0-9a-f]{64})", text)
    if match is None:
        raise OperatorError(f"{text!r} is no edition; it is cited as seq:hash (GET /v1/edition, incidents verify)")
    return int(match[1]), match[2]


def revisions(conn: Connection) -> Iterator[Revision]:
    """The whole log, in the order of seq."""
    log, after = tables.revision, None
    while True:
        query = sa.select(log).order_by(log.c.seq, log.c.record_id, log.c.version).limit(BATCH)
        if after is not None:
            query = query.where(log.c.seq > after)
        page = [Revision(**row) for row in conn.execute(query).mappings()]
        if not page:
            return
        if len(page) == BATCH and page[0].seq != page[-1].seq:
            # A seq that stands twice must not be cut in two by the page.
            page = [revision for revision in page if revision.seq < page[-1].seq]
        yield from page
        after = page[-1].seq


def _fault(revision: Revision, verdict: Verdict, before: _Seen | None) -> str | None:
    """What is wrong with a revision, given the one before it in the log and the last one of its record."""
    if revision.seq != verdict.seq + 1:
        return f"the log goes from {verdict.seq} to {revision.seq}: something was removed, added or moved"
    if revision.previous_hash != verdict.hash:
        return "it does not follow the revision before it"
    if link({name: getattr(revision, name) for name in Revision.__slots__}) != revision.hash:
        return "its hash does not fit: it was altered"
    last = before.version if before else 0
    # Only a merge is ever undone; a redaction may come at any time.
    undone = before is not None and before.merged and revision.operation == "restore"
    redacts = bool(redaction_of(revision)["versions"])
    over = before is not None and before.ended is not None and not (undone or redacts)
    if revision.version != last + 1 or (before and before.kind != revision.kind) or over:
        return f"version {revision.version} of the {revision.kind} does not follow version {last} of the record"
    return None


def _head_faults(conn: Connection, verdict: Verdict) -> Iterator[str]:
    rows = conn.execute(sa.select(tables.head)).all()
    if len(rows) != 1:
        yield f"the log has {len(rows)} heads instead of one"
        return
    head = rows[0]
    if (head.seq, head.hash) != (verdict.seq, verdict.hash):
        yield f"the head stands at {head.seq} ({head.hash[:12]}), the log ends at {verdict.seq} ({verdict.hash[:12]})"


def links_of(kind: str, record: Any) -> Iterator[tuple[str, str]]:
    """Every (kind, id) that a record refers to."""
    named = {"source_id": "source", "location_id": "location", "actor_id": "actor", "incident_id": "incident"}
    if isinstance(record, dict):
        for name, value in record.items():
            if name == "parent_id" and isinstance(value, str):
                yield kind, value
            elif name in named and isinstance(value, str):
                yield named[name], value
            elif name != "raw" and isinstance(value, dict | list):
                yield from links_of(kind, value)
    elif isinstance(record, list):
        for item in record:
            yield from links_of(kind, item)


def _link_faults(seen: dict[str, _Seen]) -> Iterator[str]:
    for record_id, one in sorted(seen.items()):
        for kind, other in sorted(one.links):
            found = seen.get(other)
            if found is None or found.kind != kind:
                yield f"the {one.kind} {record_id} refers to the {kind} {other}, which there is not"
            elif found.ended and (kind != "incident" or found.merged):
                yield f"the {one.kind} {record_id} refers to the {kind} {other}, which was ended"
        if one.merged and (one.successor not in seen or seen[one.successor].kind != one.kind):
            yield f"the {one.kind} {record_id} was merged into {one.successor}, which there is not"


def _record_faults(conn: Connection, seen: dict[str, _Seen]) -> Iterator[str]:
    """Whether the query tables know the same records at the same versions (`incidents rebuild` mends this)."""
    held = {row.id: row for row in conn.execute(sa.select(tables.record))}
    for record_id in sorted(held.keys() | seen.keys()):
        one, row = seen.get(record_id), held.get(record_id)
        told = one and (one.kind, one.version, one.ended, one.successor)
        if told != (row and (row.kind, row.version, row.ended, row.successor)):
            yield f"the query tables do not agree with the log on {record_id}; run: incidents rebuild"


def _text_faults(conn: Connection) -> Iterator[str]:
    """Whether the texts of sources are still those whose fingerprints the log carries."""
    for fingerprint, text in conn.execute(sa.select(tables.source_text)):
        if hashlib.sha256(text.encode()).hexdigest() != fingerprint:
            yield f"the text of the source with the fingerprint {fingerprint} was altered"
