"""The query tables as projections of the log: the rows that a revision makes true, and those that it ends."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.audience import HIDDEN, is_closed
from incidents_api.model.claims import DIMS
from incidents_api.model.figures import EVERYBODY, LEVELS, NEVER_SUMMED, nodes
from incidents_api.model.kinds import KINDS
from incidents_api.model.places import main_place
from incidents_api.model.revision import Revision, canonical
from incidents_api.model.wire import Record
from incidents_api.model.words import words_of
from incidents_api.storage import dialects, tables
from incidents_api.storage.dialects import Prepared
from incidents_api.storage.tables import CHILD_TABLES, KIND_TABLES
from incidents_api.writing import ancestry, audiences, lookup, trees
from incidents_api.writing.audiences import Row
from incidents_api.writing.rollup import Sums

Rows = dict[sa.Table, list[dict[str, Any]]]
Entry = tuple[Revision, Record | None, Record | None]
"""A revision, its record (None when it ends the record) and the reason of an end."""

FINGERPRINT = hashlib.sha256(
    json.dumps(
        [[table.name, sorted(column.name for column in table.columns)] for table in tables.PROJECTIONS]
        + [[kind.name, [(field.name, field.path) for field in kind.fields]] for kind in KINDS.values()]
    ).encode()
).hexdigest()[:16]
"""Changes when the catalogue or a query table does: then the tables must be rebuilt from the log."""


def project(conn: Connection, entries: Sequence[Entry], treatment: str = HIDDEN, *, again: bool = False) -> None:
    """Bring the query tables to the state after these revisions, in their order.

    `treatment`: what the public sees of closed incidents (model/audience.py). `again`: they were written before, and
    some of the log may have been redacted since.
    """
    names = _Names(conn, entries)
    words: list[dialects.Indexed] = []
    for part in _parts(entries):
        if again:
            _give_up_external_ids(conn, part)
        _project_part(conn, part, names, words, treatment)
    dialects.index_words(conn, words)


PART = 1_000
"""How many revisions are written together: their rows are held in memory, and the database waits for them."""


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The entries in parts, each written with a few statements: no record stands twice in one and no external id, and a
    merge, which hands names over, begins one."""
    part: list[Entry] = []
    seen: set[Any] = set()
    for entry in entries:
        revision, record, _ = entry
        hands_over = revision.operation == "merge" and record is None
        named_so = ((record or {}).get("external_ids") or {}).items()
        own = {revision.record_id, *((revision.kind, *pair) for pair in named_so)}
        if part and (hands_over or own & seen or len(part) == PART):
            yield part
            part, seen = [], set()
        part.append(entry)
        seen |= own
    if part:
        yield part


def _project_part(
    conn: Connection, part: Sequence[Entry], names: "_Names", words: list[dialects.Indexed], treatment: str
) -> None:
    rows: Rows = defaultdict(list)
    first, _, reason = part[0]
    if first.operation == "merge" and first.record is None:
        _hand_over(conn, first, reason)
    revised = [revision for revision, _, _ in part if revision.version > 1]
    own = [one.record_id for one in revised if one.kind == "incident"]
    owners = audiences.owners_of(conn, own)
    sums = Sums(conn)
    sums.take_out(own)
    _end_rows(conn, revised)
    _project_records(conn, rows, part)
    _project_external_ids(conn, rows, part)
    apart: list[tuple[Revision, Record | None]] = []
    for revision, record, _ in part:
        if record is not None:
            owner = revision.author if revision.version == 1 else owners.get(revision.record_id)
            _rows_of(rows, Row(revision, record, owner))
            words.append(indexed(revision, record, names.of(record)))
        if revision.kind in ("actor", "location"):
            names.learn(revision, record)
            line = ancestry.alone(revision, record)
            rows[tables.ancestry] += [] if line is None else line
            if line is None:
                apart.append((revision, record))
    told = rows[tables.figure]
    _insert(conn, rows)
    for revision, record in apart:
        ancestry.place(conn, revision, record)
    incidents = [(revision, record) for revision, record, _ in part if revision.kind == "incident"]
    changed = [one for one in incidents if one[0].version > 1 or is_closed(one[1] or {})]
    settle(conn, changed, treatment)
    sums.put_in(marked := {revision.record_id for revision, _ in changed})
    sums.put_in_rows(row for row in told if row["incident_id"] not in marked)
    trees.renew(conn, sums, incidents)
    sums.keep()


def settle(conn: Connection, incidents: Sequence[tuple[Revision, Record | None]], treatment: str) -> None:
    """Bring the rows of incidents, which are written already, to what each audience sees (writing/audiences.py)."""
    rows: Rows = defaultdict(list)
    for row in audiences.settle(conn, incidents, treatment):
        _rows_of(rows, row)
        _insert(conn, rows)


def project_again(conn: Connection, history: Sequence[Entry]) -> None:
    """The rows of one record, none of which is there, from all its history; no words, audiences, ids or ancestry."""
    first, body, _ = history[0]
    owner = None if body is None else first.author
    for entry in history:
        rows: Rows = defaultdict(list)
        revision, record, _ = entry
        if revision.version > 1:
            _end_rows(conn, [revision])
        _project_records(conn, rows, [entry])
        if record is not None:
            _rows_of(rows, Row(revision, record, owner))
        _insert(conn, rows)


class _Names:
    """Every name of the actors and locations of incidents, so that a search by an alias finds them.

    Asked for all entries together; what an entry makes of an actor or location holds for those after it.
    """

    def __init__(self, conn: Connection, entries: Sequence[Entry]) -> None:
        wanted = {one for _, record, _ in entries if record is not None for one in named(record)}
        self._names: dict[str, list[str]] = {one: [] for one in wanted}
        for record_id, value in lookup.names_of(conn, wanted):
            self._names[record_id].append(value)

    def of(self, record: Record) -> list[str]:
        """The names for an incident."""
        return [name for one in sorted(named(record)) for name in self._names[one]]

    def learn(self, revision: Revision, record: Record | None) -> None:
        """An actor or location is called so from now on."""
        field = KINDS[revision.kind].field("known_as")
        self._names[revision.record_id] = sorted(set(field.value(record))) if record is not None else []


def indexed(revision: Revision, record: Record, names: Iterable[str]) -> dialects.Indexed:
    """What the index of words holds of a revision; `names`: those of the actors and locations of an incident."""
    day = KINDS[revision.kind].field("date").value(record) if KINDS[revision.kind].dated else ""
    return dialects.Indexed(revision.record_id, revision.seq, day, words_of(record, names))


def named(record: Record) -> set[str]:
    """The actors and locations of an incident, whose names are among its words."""
    actors = {one["actor_id"] for one in record.get("actors", ())}
    return actors | {place["location_id"] for place in record.get("locations", ())}


def _insert(conn: Connection, rows: Rows) -> None:
    dialects.insert_all(conn, rows)
    rows.clear()


def _end_rows(conn: Connection, revised: Sequence[Revision]) -> None:
    """What was true of these records before is true no more."""
    for kind in {one.kind for one in revised}:
        ends = [{"of": one.record_id, "ending": one.seq} for one in revised if one.kind == kind]
        for table in (KIND_TABLES[kind], *CHILD_TABLES[kind]):
            _ending(table).run(conn, *ends)


@cache
def _ending(table: sa.Table) -> Prepared:
    """The statement that ends the rows of a record."""
    ended = sa.update(table).where(table.columns[0] == sa.bindparam("of"), table.c.seq_to.is_(None))
    return Prepared(ended.values(seq_to=sa.bindparam("ending")))


def _project_records(conn: Connection, rows: Rows, part: Sequence[Entry]) -> None:
    states = []
    for revision, _, why in part:
        reason = why or {}
        ended = reason.get("code") if revision.record is None and revision.operation in ("end", "merge") else None
        state = {"version": revision.version, "ended": ended, "successor": reason.get("successor")}
        if revision.version == 1:
            rows[tables.record].append({"id": revision.record_id, "kind": revision.kind} | state)
        else:
            states.append({"of": revision.record_id} | {f"now_{name}": value for name, value in state.items()})
    if states:
        _STATE.run(conn, *states)


_STATE = Prepared(
    sa.update(tables.record)
    .where(tables.record.c.id == sa.bindparam("of"))
    .values({name: sa.bindparam(f"now_{name}") for name in ("version", "ended", "successor")})
)


def _hand_over(conn: Connection, revision: Revision, reason: Record | None) -> None:
    """What named the merged record names its successor from now on."""
    held = sa.update(tables.external_id).where(tables.external_id.c.record_id == revision.record_id)
    conn.execute(held.values(record_id=(reason or {}).get("successor")))


def _give_up_external_ids(conn: Connection, part: Sequence[Entry]) -> None:
    """What a record is named by now names no other: the revision in which the other gave it up may be redacted."""
    table = tables.external_id
    wanted = {
        (revision.kind, scheme, value): revision.record_id
        for revision, record, _ in part
        if record is not None
        for scheme, value in record["external_ids"].items()
    }
    for (kind, scheme, value), holder in lookup.holders(conn, wanted).items():
        if holder != wanted[kind, scheme, value]:
            named_so = (table.c.kind == kind, table.c.scheme == scheme, table.c.value == value)
            conn.execute(sa.delete(table).where(*named_so))


def _project_external_ids(conn: Connection, rows: Rows, part: Sequence[Entry]) -> None:
    table = tables.external_id
    held: dict[str, set[tuple[str, str]]] = defaultdict(set)
    revised = [revision.record_id for revision, record, _ in part if revision.version > 1 and record is not None]
    for some in lookup.some_of(revised, 500):
        query = sa.select(table.c.record_id, table.c.scheme, table.c.value).where(table.c.record_id.in_(some))
        for record_id, scheme, value in conn.execute(query):
            held[record_id].add((scheme, value))
    gone = []
    for revision, record, _ in part:
        if record is None:
            continue
        wanted = set(record["external_ids"].items())
        wanted |= {pair for one in record.get("merged", ()) for pair in one["external_ids"].items()}
        own = held.get(revision.record_id, set())
        for scheme, value in sorted(own - wanted):
            gone.append({"of": revision.kind, "by": scheme, "named": value})
        for scheme, value in sorted(wanted - own):
            entry = {"kind": revision.kind, "scheme": scheme, "value": value, "record_id": revision.record_id}
            rows[table].append(entry)
    if gone:
        named = (table.c.kind == sa.bindparam("of"), table.c.scheme == sa.bindparam("by"))
        conn.execute(sa.delete(table).where(*named, table.c.value == sa.bindparam("named")), gone)


_COLUMNS = {name: tables.kept_columns(kind) for name, kind in KINDS.items()}
_TERMS = {name: tables.kept_terms(kind) for name, kind in KINDS.items()}
_MEASURE = KINDS["incident"].field("measure")
_SHARED = (*tables.SHARED, *tables.POINT)


def _rows_of(rows: Rows, row: Row) -> None:
    kind, record, key = row.revision.kind, row.record, row.key
    current = {"seq_from": row.revision.seq, "seq_to": row.seq_to}
    own = {field.name: field.value(record) for field in _COLUMNS[kind]}
    envelope = {"id": key, "version": row.revision.version, "recorded_at": row.revision.recorded_at}
    closing = row.closing() if kind == "incident" else {}
    rows[KIND_TABLES[kind]].append(envelope | current | own | closing)
    terms, named = rows[tables.term], {"record_id": key, "kind": kind} | current
    for field in _TERMS[kind]:
        terms += [named | {"field": field.name, "value": value} for value in field.value(record)]
    if kind == "incident":
        shared = {name: own[name] for name in _SHARED} | {name: closing[name] for name in ("audience", "turns")}
        held = {"incident_id": key} | current
        for table, entries in _incident_rows(row.revision, record, shared):
            rows[table] += [held | entry for entry in entries]


def _incident_rows(
    revision: Revision, record: Record, shared: dict[str, Any]
) -> Iterable[tuple[sa.Table, Iterable[dict[str, Any]]]]:
    yield (
        tables.incident_location,
        (
            {"n": n, "location_id": place["location_id"], "role": place["role"]}
            for n, place in enumerate(record["locations"])
        ),
    )
    yield (
        tables.participation,
        (
            {"n": n, "actor_id": one["actor_id"], "role": one["role"], "attribution": one["attribution"]}
            for n, one in enumerate(record["actors"])
        ),
    )
    yield tables.claim, (_claim_row(revision, record, claim) for claim in record["claims"])
    yield tables.figure, _figure_rows(record, shared)
    yield (
        tables.relation,
        (
            {"n": n, "type": relation["type"], "other_id": relation["incident_id"]}
            for n, relation in enumerate(record["relations"])
        ),
    )


def _figure_rows(record: Record, shared: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A row for the incident itself, which has no measure, one for each figure, and one for each measure that claims
    speak of without a figure (its code after a question mark), so that the incidents of a measure can be counted."""
    wholes = [one["incident_id"] for one in record["relations"] if one["type"] == "part_of"]
    nobody = _NOBODY | shared | {"whole_id": wholes[0] if wholes else None}
    yield nobody | {"n": 0, "measure": "", "population": EVERYBODY, "whole": True}
    spoken = {*_MEASURE.value(record)} - {NEVER_SUMMED}
    told = sorted(nodes(record["tallies"]).items())
    for n, ((measure, population, dims), figure) in enumerate(told, 1):
        whole = population == EVERYBODY and not dims
        cell = {"n": n, "measure": measure, "population": population, "whole": whole}
        yield nobody | cell | dict(dims) | figure._asdict()
        spoken -= {measure} if whole else set()
    for n, measure in enumerate(sorted(spoken), len(told) + 1):
        yield nobody | {"n": n, "measure": f"?{measure}", "population": EVERYBODY, "whole": True}


_NOBODY: dict[str, Any] = dict.fromkeys((*DIMS, *LEVELS))


def _claim_row(revision: Revision, record: Record, claim: Record) -> dict[str, Any]:
    """A row of the long table of claims; `document` is the row as it is served, the incident's own columns included."""
    incident = {f"incident_{name}": record[name] for name in ("type", "stage", "granularity", "title")}
    place = main_place(record)
    told = {"incident_id": revision.record_id, "incident_version": revision.version, **incident}
    told |= {name: record["date"][name] for name in ("edtf", "earliest", "latest")}
    told |= {name: place.get(name) for name in ("country", "admin1")}
    told |= {"claim_id" if name == "id" else name: value for name, value in claim.items()}
    copied = ("measure", "population", "value", "low", "high", "qualifier", "source_id")
    columns = {"claim_id": claim["id"]} | {name: claim[name] for name in copied}
    return columns | {dim: claim["dims"].get(dim) for dim in DIMS} | {"document": canonical(told)}


def head_seq(conn: Connection) -> int:
    """How many revisions the log holds."""
    seq: int = conn.execute(sa.select(tables.head.c.seq)).scalar_one()
    return seq


def built_with(treatment: str) -> str:
    """What the head of the log says of query tables that this catalogue built with that treatment."""
    return FINGERPRINT if treatment == HIDDEN else f"{FINGERPRINT} {treatment}"


def treatment_of(built: str) -> str:
    """The treatment that the query tables were built with, as the head of the log says it."""
    return built.partition(" ")[2] or HIDDEN


def is_stale(conn: Connection, treatment: str = HIDDEN) -> bool:
    """Whether the query tables were built by another catalogue or treatment of closed incidents, or not at all."""
    built: str = conn.execute(sa.select(tables.head.c.projection)).scalar_one()
    return built != built_with(treatment)


def rebuild(
    conn: Connection,
    progress: Callable[[int], None] = lambda done: None,
    batch: int = 500,
    treatment: str = HIDDEN,
) -> int:
    """Empty every query table and replay the log into them; the number of revisions replayed.

    Runs inside the caller's transaction: readers see the old rows or the new ones, never something between.
    """
    for table in tables.PROJECTIONS:
        conn.execute(sa.delete(table))
    dialects.clear_words(conn)
    done = 0
    while True:
        log = tables.revision
        page = conn.execute(sa.select(log).where(log.c.seq > done).order_by(log.c.seq).limit(batch)).mappings().all()
        if not page:
            break
        revisions = [Revision(**row) for row in page]
        project(conn, [(one, parsed(one.record), parsed(one.reason)) for one in revisions], treatment, again=True)
        done = revisions[-1].seq
        progress(done)
    conn.execute(sa.update(tables.head).values(projection=built_with(treatment)))
    dialects.take_stock(conn)
    return done


def parsed(text: str | None) -> Any:
    """A record or reason as stored in the log, as values."""
    return None if text is None else orjson.loads(text)
