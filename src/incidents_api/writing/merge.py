"""merge: two records of the same thing become one, with all that refers to them; and a merged record brought back."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from typing import Any

from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, Invalid, MissingScope
from incidents_api.model import screening
from incidents_api.model.audience import is_closed
from incidents_api.model.kinds import Kind
from incidents_api.model.merging import MergeReport, Move, combined, moved, parted
from incidents_api.model.quotes import QuoteError
from incidents_api.model.revision import Revision, document, etag
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Record
from incidents_api.writing import lookup, records
from incidents_api.writing.append import Change, append
from incidents_api.writing.compose import compose
from incidents_api.writing.records import MAX_DEPTH, Current, Written
from incidents_api.writing.resolve import Resolver

MAX_REFERRING = 10_000
"""How many records one merge may revise: one transaction that other writes wait for. So many took 11 s of processor
time and 300 MB on the machine that this was measured on; 2,000 took 1.8 s."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The survivor after the merge, and how many other records (that the author may see) name it now instead."""

    survivor: Written
    revised: int


def merge(
    conn: Connection, kind: Kind, record_id: str, report: MergeReport, if_match: Sequence[str], author: Visitor
) -> Merged:
    """Merge a record into another of its kind: one append revises the survivor and all that refers to the merged one.

    Conflict where the two cannot be one; Invalid where `into` names no other current record.
    """
    other = records.standing(conn, kind, record_id, author, if_match)
    to = Resolver(conn, author)
    own = _survivor(to, kind, report.into, other)
    _refuse(kind.name, own, other)
    _refuse_entangled(conn, kind.name, own.record_id, other.record_id)
    joined, claims = combined(kind.name, own.record_id, own.record, other.record_id, other.record)
    move = Move(kind.name, other.record_id, own.record_id, other.record, joined, claims, _text(conn, joined))
    try:
        report_of_both = validate(kind.report, records.as_report(kind, moved(kind.name, joined, move)))
        record = compose(to, report_of_both, own.record_id) | {"merged": joined["merged"]}
        # What the two say was screened when it was written.
        records.check_whole(own, to, record, replaced(author, confirms=frozenset(screening.KINDS)))
        revised = list(_referring(conn, move, {own.record_id, other.record_id}))
    except (Invalid, QuoteError) as broken:
        faults = broken.faults if isinstance(broken, Invalid) else ()
        raise Conflict(f"together they would break a rule of records: {broken}", faults) from None
    reason = {"code": report.reason, "note": report.note, "successor": own.record_id}
    survivor = Change(kind.name, own.record_id, own.version + 1, "merge", record)
    # The tombstone first: it hands its external ids over.
    revisions = append(conn, [*to.changes, *_tombstone(other, record, reason), survivor, *revised], author.author)
    made = next(one for one in revisions if one.record_id == own.record_id)
    seen = sum(author.full or not is_closed(one.record or {}, author.now) for one in revised)
    return Merged(records.written(made, to.notes, created=False), seen)


def _survivor(to: Resolver, kind: Kind, into: str, other: Current) -> Current:
    settled, found = to.by_text(kind.name, into, "/into")
    if not settled:
        to.fault("/into", "give an id or scheme:value", "reference")
    if found == other.record_id:
        to.fault("/into", "a record cannot be merged into itself", "circle")
    to.finish()
    return records.standing(to.conn, kind, str(found), to.who, ())


def _text(conn: Connection, record: Record) -> str | None:
    return lookup.text_of(conn, record.get("fingerprint"))


def _tombstone(other: Current, record: Record, reason: Record) -> Iterator[Change]:
    """The end of the merged record; first it is closed as far as the survivor is, so that its past is, too."""
    kind, version = other.kind.name, other.version
    closed = {name: record[name] for name in ("sensitivity", "hold_until") if name in other.record}
    if any(other.record[name] != value for name, value in closed.items()):
        version += 1
        yield Change(kind, other.record_id, version, "patch", other.record | closed)
    yield Change(kind, other.record_id, version + 1, "merge", None, dict(reason))


def _referring(conn: Connection, move: Move, both: set[str]) -> Iterator[Change]:
    """A revision of every record that refers to the merged one."""
    held = [one for one in lookup.referents(conn, move.kind, move.old, MAX_REFERRING + 3) if one not in both]
    if len(held) > MAX_REFERRING:
        raise Conflict(
            f"more than {MAX_REFERRING:,} records refer to the one that would end; merge the other way round"
        )
    for record_id, kind, version, record in lookup.current_records(conn, held):
        yield Change(kind, record_id, version + 1, "merge", moved(kind, record, move))


# --- What cannot be one --------------------------------------------------------------------------------------------


def _refuse(kind: str, own: Current, other: Current) -> None:
    """Conflict for two records that say of themselves that they are not the same."""
    ids, one, two = {own.record_id, other.record_id}, own.record, other.record
    why = None
    if kind == "incident":
        related = [
            relation["type"] for both in (one, two) for relation in both["relations"] if relation["incident_id"] in ids
        ]
        if "distinct_from" in related:
            why = "somebody compared the two and said that they are not the same (distinct_from); take that back first"
        elif "period_total" in (one["granularity"], two["granularity"]) and one["granularity"] != two["granularity"]:
            why = "one is an incident, the other a total for a period"
    elif kind == "actor" and not one["identified"] and two["identified"]:
        why = "an unnamed actor stands for one incident alone; merge the unnamed one into the named one"
    elif kind == "location":
        differ = [
            name for name in ("country", "admin1") if None not in (one[name], two[name]) and one[name] != two[name]
        ]
        why = f"they lie in {two[differ[0]]} and in {one[differ[0]]}" if differ else None
    elif kind == "statistic":
        said = [
            (each["indicator"], each["period"]["edtf"], (each["area"] or {}).get("location_id")) for each in (one, two)
        ]
        names = ("indicator", "period", "area")
        differ = [name for name, a, b in zip(names, *said, strict=True) if a != b]
        why = f"they speak of another {differ[0]}" if differ else None
    if why:
        raise Conflict(f"the two {kind}s cannot be one: {why}")


def _refuse_entangled(conn: Connection, kind: str, own_id: str, other_id: str) -> None:
    """Conflict where one lies within the other, or what is above one lies beneath the other, or both go too deep."""
    both = {own_id, other_id}
    if kind == "incident":
        above, below = (_walk(conn, step, both) for step in (lookup.wholes, lookup.parts))
    elif kind in ("actor", "location"):
        above, below = (_lineage(conn, both, upwards=upwards) for upwards in (True, False))
    else:
        return
    if above.keys() & (both | below.keys()) or below.keys() & both:
        raise Conflict(f"one {kind} is a part of the other; change that first")
    if max(above.values(), default=0) + max(below.values(), default=0) > MAX_DEPTH:
        raise Conflict(f"what is above one and beneath the other would make more than {MAX_DEPTH} levels")
    if kind == "actor":
        unnamed = [not lookup.record_of(conn, one)["identified"] for one in both]
        if all(unnamed) and len({incident for one in both for incident in lookup.referents(conn, kind, one)}) > 1:
            raise Conflict("an unnamed actor stands for one incident alone; these two take part in different ones")


def _lineage(conn: Connection, ids: set[str], *, upwards: bool) -> dict[str, int]:
    """How far away at the most everything is that stands above any of these, or beneath."""
    found: dict[str, int] = {}
    for near in ids:
        for far, depth in lookup.lineage(conn, near, upwards=upwards).items():
            if far != near:
                found[far] = max(depth, found.get(far, 0))
    return found


def _walk(conn: Connection, step: Any, start: set[str]) -> dict[str, int]:
    """How far away everything is that steps lead to (bounded: part_of goes MAX_DEPTH levels deep)."""
    found: dict[str, int] = {}
    level, depth = step(conn, start), 1
    while level and depth <= MAX_DEPTH + 1:
        found |= dict.fromkeys(level, depth)
        level, depth = step(conn, level), depth + 1
    return found


# --- Back again ----------------------------------------------------------------------------------------------------


def replace(
    conn: Connection, kind: Kind, record_id: str, body: Mapping[str, Any], if_match: Sequence[str], author: Visitor
) -> Written:
    """Replace a record; one that was merged comes back when If-Match names its tombstone."""
    tombstone = lookup.tombstone(conn, kind.name, record_id)
    if tombstone is not None and etag(tombstone.version, tombstone.hash) in if_match:
        return _restore(conn, kind, tombstone, body, author)
    return records.replace(conn, kind, record_id, body, if_match, author)


def _restore(conn: Connection, kind: Kind, tombstone: Revision, body: Mapping[str, Any], author: Visitor) -> Written:
    """The merged record as the body says, alive again; the survivor gives up its names and external ids.

    What else moved (claims, references of other records) stays with the survivor: its own history says what it was.
    """
    if not author.may("review"):
        raise MissingScope("bringing a merged record back takes a key with the scope review", scope="review")
    last = lookup.revision_of(conn, tombstone.record_id, tombstone.version - 1)
    mark = etag(tombstone.version, tombstone.hash)
    if last.record is None:
        raise Conflict(f"what the {kind.name} said before it was merged was redacted; it cannot come back")
    before = json.loads(last.record)
    current = Current(kind, tombstone.record_id, tombstone.version, before, document(last), mark)
    records.refuse_hidden(kind, before, author)
    to = Resolver(conn, author)
    record = compose(to, validate(kind.report, records.own_members(current, body)), current.record_id)
    back = [tombstone.record_id, *(one["id"] for one in before.get("merged", ()))]
    record |= {"merged": before["merged"]} if len(back) > 1 else {}
    records.check_whole(current, to, record, author)
    changes = [*to.changes]
    for record_id, name, version, survivor in lookup.current_records(
        conn, [lookup.survivor(conn, tombstone.record_id)]
    ):
        changes.append(Change(name, record_id, version + 1, "restore", parted(survivor, back)))
    changes.append(Change(kind.name, current.record_id, current.version + 1, "restore", record))
    return records.written(append(conn, changes, author.author)[-1], to.notes, created=False)
