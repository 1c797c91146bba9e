"""What a client can do to records: create, replace, patch, end, add claims. Each is one append, all or nothing."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, Fault, Gone, Invalid, Moved, NotFound, StaleVersion
from incidents_api.model.audience import is_closed
from incidents_api.model.incident import ClaimsReport, ReviewReport
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.model.revision import Revision, canonical, derived_id, document, etag
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Report
from incidents_api.writing import lookup
from incidents_api.writing.ahead import look_ahead
from incidents_api.writing.append import Change, append
from incidents_api.writing.compose import claims, compose, derive
from incidents_api.writing.lookup import Own
from incidents_api.writing.resolve import Resolver
from incidents_api.writing.review import check_move, check_review, check_text

ENVELOPE = ("id", "version", "seq", "recorded_at", "recorded_by")
"""Members that the log gives; a PUT may send them back unchanged."""

MAX_DEPTH = 8
"""How deep part_of and parents may go (no recursive SQL: they are walked level by level)."""


@dataclass(frozen=True, slots=True)
class Written:
    """The record after the write, as reads return it, and what was resolved on the way."""

    record_id: str
    document: str
    etag: str
    resolved: tuple[Mapping[str, Any], ...]
    created: bool
    changed: bool


@dataclass(frozen=True, slots=True)
class Current:
    """A record as it stands before a write: its values, its document and its ETag."""

    kind: Kind
    record_id: str
    version: int
    record: dict[str, Any]
    document: str
    etag: str


def create(conn: Connection, kind: Kind, report: Report, author: Visitor) -> Written:
    """Create one record, and what it refers to by name; Conflict when its external id names one already."""
    return create_many(conn, [(kind, report)], author)[0]


def create_many(conn: Connection, reports: Sequence[tuple[Kind, Report]], author: Visitor) -> list[Written]:
    """Create records that may refer to each other by `scheme:value`, in one append."""
    to = Resolver(conn, author)
    holders = _look_ahead(to, reports)
    ids: list[str] = []
    coming: dict[Own, str] = {}
    for kind, report in reports:
        ids.append(_new_id(to, kind, report, holders, ids))
        coming |= dict.fromkeys(_names(kind, report), ids[-1])
    to = Resolver(conn, author, coming, to.look)
    for (kind, report), record_id in zip(reports, ids, strict=True):
        _create(to, kind, report, record_id)
    revisions = _append_new(to, ids)
    return [written(revisions[record_id], to.notes, created=True) for record_id in ids]


def create_in_turn(conn: Connection, reports: Sequence[tuple[Kind, Report, Visitor]]) -> list[Written]:
    """Create records as if one by one, in one append: a report finds what those before it made, and nothing else.

    The visitors may see and do the same. Raises when any report cannot be taken as it is; nothing is kept then.
    """
    to = Resolver(conn, reports[0][2])
    holders = _look_ahead(to, [(kind, report) for kind, report, _ in reports])
    made: dict[str, int] = {}
    for kind, report, who in reports:
        to.who = who
        record_id = _new_id(to, kind, report, holders, made)
        to.expect(dict.fromkeys(_names(kind, report), record_id))
        _create(to, kind, report, record_id)
        if to.faults:
            break
        made[record_id] = len(to.notes)
    revisions = _append_new(to, made)
    notes = [to.notes[begin:end] for begin, end in pairwise((0, *made.values()))]
    return [written(revisions[one], own, created=True) for one, own in zip(made, notes, strict=True)]


def _names(kind: Kind, report: Report) -> list[Own]:
    return [(kind.name, *pair) for pair in getattr(report, "external_ids", {}).items()]


def _look_ahead(to: Resolver, reports: Sequence[tuple[Kind, Report]]) -> Mapping[Own, str]:
    """Look up what the reports name; which records hold their own external ids."""
    own = [name for one in reports for name in _names(*one)]
    return look_ahead(to.look, [report for _, report in reports], own, [derived_id(*name) for name in own])[0]


def _new_id(to: Resolver, kind: Kind, report: Report, holders: Mapping[Own, str], given: Container[str]) -> str:
    """The id of a new record; Conflict when an external id names a record already, or one of those just `given`."""
    external_ids: dict[str, str] = getattr(report, "external_ids", {})
    held = next((holders[name] for name in _names(kind, report) if name in holders), None)
    record_id = to.new_id(kind.name, external_ids)
    if held is None and record_id not in given:
        return record_id
    held = held or record_id
    spelled = ", ".join(f"{scheme}:{value}" for scheme, value in external_ids.items())
    told: dict[str, Any] = {"id": held, "location": _path(kind, held)} if lookup.shown(to.conn, held, to.who) else {}
    raise Conflict(f"there is a record of kind {kind.name} with the external id {spelled} already", **told)


def _create(to: Resolver, kind: Kind, report: Report, record_id: str) -> None:
    """Compose the record and queue its creation; faults are left with the resolver."""
    record = compose(to, report, record_id)
    if kind.name == "incident":
        check_review(to, record, None, to.who)
    check_text(to, record, None, to.who)
    inline = report.__dict__.get("parent") is not None
    check_parent(to, record_id, record, "/parent" if inline else "/parent_id")
    to.create(kind.name, record, record_id)


def _append_new(to: Resolver, ids: Iterable[str]) -> Mapping[str, Revision]:
    """Append all that is queued, once the new records of these ids were found to be right."""
    to.finish()
    _check_wholes(to, [(record_id, to.record(record_id)) for record_id in ids])
    return {revision.record_id: revision for revision in append(to.conn, to.changes, to.who.author)}


def replace(
    conn: Connection, kind: Kind, record_id: str, body: Mapping[str, Any], if_match: Sequence[str], author: Visitor
) -> Written:
    """Replace a record by a report; what only the store enters may be sent back unchanged, and a review stays when the
    report does not speak of it."""
    current = standing(conn, kind, record_id, author, if_match)
    kept = {"review": current.record["review"]} if kind.name == "incident" else {}
    return _revise(conn, current, kept | own_members(current, body), "replace", author)


def patch(
    conn: Connection, kind: Kind, record_id: str, changes: Mapping[str, Any], if_match: Sequence[str], author: Visitor
) -> Written:
    """Change members of a record by a merge patch (RFC 7396)."""
    current = standing(conn, kind, record_id, author, if_match)
    changes = own_members(current, changes)
    form = as_report(kind, current.record)
    if changes.get("location") is not None and "locations" not in changes:
        form.pop("locations", None)  # the short form stands for them all
    body = merge_patch(form, changes)
    return _revise(conn, current, body, "patch", author)


def add_claims(
    conn: Connection, record_id: str, report: ClaimsReport, if_match: Sequence[str], author: Visitor
) -> Written:
    """Add claims to an incident, from a source it may not have cited before."""
    kind = KINDS["incident"]
    current = standing(conn, kind, record_id, author, if_match)
    to = Resolver(conn, author)
    source_id = None if report.source is None else to.source(report.source, "/source")
    held = current.record["claims"]
    added = claims(to, report.claims, source_id)
    if len(held) + len(added) > 500:
        to.fault("/claims", "an incident holds at the most 500 claims", "too_many")
    record = derive(to, current.record | {"claims": [*held, *added]}, len(held))
    return _finish(current, to, record, "claim", author)


def review(conn: Connection, record_id: str, report: ReviewReport, if_match: Sequence[str], author: Visitor) -> Written:
    """Move an incident in review; the revision says who did, and the record why."""
    current = standing(conn, KINDS["incident"], record_id, author, if_match)
    to = Resolver(conn, author)
    held, known = current.record["review"], {claim["id"] for claim in current.record["claims"]}
    chosen = held["chosen"] if report.chosen is None else report.chosen
    if chosen == held["chosen"] or report.status != held["status"]:
        check_move(to, held["status"], report.status, "/status")
    for n, claim_id in enumerate(chosen):
        if claim_id not in known:
            to.fault(f"/chosen/{n}", "it names no claim of this record", "unknown_id")
    to.finish()
    told = {"status": report.status, "by": author.author, "reason": report.reason, "chosen": list(chosen)}
    record = derive(to, current.record | {"review": told}, len(known))
    return _finish(current, to, record, "review", author)


def end(
    conn: Connection, kind: Kind, record_id: str, reason: Mapping[str, Any], if_match: Sequence[str], author: Visitor
) -> Revision:
    """End a record: a tombstone with the reason's code, a note and, for a duplicate, the successor."""
    current = standing(conn, kind, record_id, author, if_match)
    successor = reason.get("successor")
    if successor is not None:
        found = lookup.known(conn, successor)
        known = found is not None and found.kind == kind.name and found.ended is None
        if not known or successor == record_id or not lookup.shown(conn, successor, author):
            fault = Fault(f"it names no other current {kind.name}", "unknown_id", parameter="successor")
            raise Invalid("The successor cannot stand for the record", [fault])
    # What was part of an ended incident, or followed it, did so; nothing can be of an ended actor, place or source.
    held = [] if kind.name == "incident" else lookup.referents(conn, kind.name, record_id)
    if held:
        told = [one for one in held if lookup.shown(conn, one, author)]
        raise Conflict(f"other records refer to this {kind.name}; change them first", referents=told)
    change = Change(kind.name, record_id, current.version + 1, "end", None, dict(reason))
    return append(conn, [change], author.author)[0]


def merge_patch(target: Any, changes: Any) -> Any:
    """RFC 7396: null removes a member, objects merge, anything else replaces."""
    if not isinstance(changes, Mapping):
        return changes
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


# --- Steps ---------------------------------------------------------------------------------------------------------


def standing(conn: Connection, kind: Kind, record_id: str, author: Visitor, if_match: Sequence[str]) -> Current:
    """The record as it stands; NotFound, Moved when it was merged, Gone when it was ended, StaleVersion otherwise."""
    found = lookup.known(conn, record_id) if lookup.is_id(record_id) else None
    if found is None or found.kind != kind.name:
        raise NotFound(f"there is no {kind.name} with this id")
    if not lookup.shown(conn, record_id, author):
        raise NotFound(f"there is no {kind.name} with this id")
    revision = lookup.revision_of(conn, record_id, found.version)
    if found.ended and revision.operation == "merge":
        survivor = lookup.survivor(conn, record_id)
        if not lookup.shown(conn, survivor, author):  # as a read answers, too
            raise NotFound(f"there is no {kind.name} with this id")
        raise Moved(f"the {kind.name} was merged", successor=survivor)
    if found.ended:
        successor = lookup.successor_for(conn, found, author)
        raise Gone(f"the {kind.name} was ended", reason=found.ended, successor=successor)
    record = lookup.record_of(conn, record_id)
    mark = etag(revision.version, revision.hash)
    if if_match and "*" not in if_match and mark not in if_match:
        raise StaleVersion(f"the record is at version {revision.version} now", version=revision.version, etag=mark)
    return Current(kind, record_id, revision.version, record, document(revision), mark)


def refuse_hidden(kind: Kind, record: Mapping[str, Any], author: Visitor) -> None:
    """NotFound for a closed record without the scope: whoever may not see it must not learn of it."""
    if is_closed(record, author.now) and not author.full:
        raise NotFound(f"there is no {kind.name} with this id")


def own_members(current: Current, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without what only the store enters; Invalid when it would change any of that."""
    held = lookup.parse(current.document)
    kind = current.kind
    faults = [
        Fault(f"{name} is given by the store; leave it out or send it back unchanged", "read_only", pointer=f"/{name}")
        for name in (*ENVELOPE, *kind.derived)
        if name in body and canonical(body[name]) != canonical(held.get(name))
    ]
    if faults:
        raise Invalid("Some members cannot be changed by a client", faults)
    return {name: value for name, value in body.items() if name not in (*ENVELOPE, *kind.derived)}


def as_report(kind: Kind, record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as a report: without what is derived from the rest, so that a patch can change the rest."""
    form = {name: value for name, value in record.items() if name not in kind.derived}
    if kind.dated:
        kept = ("edtf", "basis", "evidence")
        form[kind.dated] = {name: value for name, value in record[kind.dated].items() if name in kept}
    if kind.name == "statistic" and form["area"] is not None:
        form["area"] = {name: form["area"][name] for name in ("location_id", "name")}
    return form


def _revise(conn: Connection, current: Current, body: Mapping[str, Any], operation: str, author: Visitor) -> Written:
    report = validate(current.kind.report, body)
    to = Resolver(conn, author)
    to.held = {one["incident_id"] for one in current.record.get("relations", ())}
    record = compose(to, report, current.record_id)
    return _finish(current, to, record, operation, author)


def _finish(current: Current, to: Resolver, record: dict[str, Any], operation: str, author: Visitor) -> Written:
    kind = current.kind
    if "merged" in current.record:
        record = record | {"merged": current.record["merged"]}
    check_whole(current, to, record, author)
    if record == current.record and not to.changes:
        return Written(current.record_id, current.document, current.etag, tuple(to.notes), created=False, changed=False)
    change = Change(kind.name, current.record_id, current.version + 1, operation, record)
    revisions = append(to.conn, [*to.changes, change], author.author)
    return written(revisions[-1], to.notes, created=False)


def check_whole(current: Current, to: Resolver, record: dict[str, Any], author: Visitor) -> None:
    """Raise what speaks against a revision of a record as a whole, and every fault left with the resolver."""
    if current.kind.name == "incident":
        check_review(to, record, current.record, author)
    check_text(to, record, current.record, author)
    check_parent(to, current.record_id, record)
    to.finish()
    _check_wholes(to, [(current.record_id, record)])


def written(revision: Revision, notes: Iterable[Mapping[str, Any]], *, created: bool) -> Written:
    """The answer of a write: the record as it stands after this revision, and what was resolved on the way."""
    mark = etag(revision.version, revision.hash)
    return Written(revision.record_id, document(revision), mark, tuple(notes), created=created, changed=True)


def check_parent(to: Resolver, record_id: str, record: Mapping[str, Any], pointer: str = "/parent_id") -> None:
    """Factions and places go at the most MAX_DEPTH levels deep, what stands beneath the record included."""
    above: list[str] = []
    parent_id = record.get("parent_id")
    while parent_id is not None and len(above) <= MAX_DEPTH:
        if parent_id == record_id:
            to.fault(pointer, "a record cannot be part of itself", "circle")
            return
        above.append(parent_id)
        parent_id = to.record(parent_id)["parent_id"]
    if above and len(above) + lookup.depth_below(to.conn, record_id) > MAX_DEPTH:
        to.fault(pointer, f"at the most {MAX_DEPTH} levels", "too_deep")


def _check_wholes(to: Resolver, records: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    to.faults += [fault for _, fault in faults_of_wholes(to.conn, records)]
    to.finish()


def faults_of_wholes(conn: Connection, records: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Fault]]:
    """Ids of the records whose part_of goes in a circle, or deeper than the walk that totals take, what lies beneath
    included; each with its fault."""
    own = {
        record_id: {one["incident_id"] for one in record.get("relations", ()) if one["type"] == "part_of"}
        for record_id, record in records
    }
    own_parts: dict[str, set[str]] = {}
    for part, direct in own.items():
        for whole in direct:
            own_parts.setdefault(whole, set()).add(part)

    def above(level: set[str]) -> set[str]:
        stored = lookup.wholes(conn, level - own.keys())
        return stored.union(*(own[one] for one in level & own.keys()))

    def below(level: set[str]) -> set[str]:
        stored = {part for part in lookup.parts(conn, level) if part not in own}
        return stored.union(*(own_parts[one] for one in level & own_parts.keys()))

    for record_id, direct in own.items():
        if not direct:
            continue
        height, circle = _levels(direct, above, record_id)
        depth, _ = _levels(below({record_id}), below, record_id)
        if circle:
            yield record_id, Fault("an incident cannot be part of itself", "circle", pointer="/relations")
        elif height + depth > MAX_DEPTH:
            detail = f"part_of goes at the most {MAX_DEPTH} levels deep"
            yield record_id, Fault(detail, "too_deep", pointer="/relations")


def _levels(level: set[str], step: Callable[[set[str]], set[str]], start: str) -> tuple[int, bool]:
    """How many levels a walk takes until nothing is left (bounded), and whether it comes back to its start."""
    count = 0
    while level and count <= MAX_DEPTH:
        if start in level:
            return count, True
        count, level = count + 1, step(level)
    return count, False


def _path(kind: Kind, record_id: str) -> str:
    return f"/v1/{kind.plural}/{record_id}"
