"""Many reports in one append: each line is created, left as it stands, brought up to date or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, Fault, Gone, Invalid, Problem
from incidents_api.model.kinds import Kind
from incidents_api.model.merging import each_once
from incidents_api.model.revision import derived_id
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Report
from incidents_api.storage import tables
from incidents_api.writing import lookup
from incidents_api.writing.ahead import look_ahead
from incidents_api.writing.append import Change, append
from incidents_api.writing.compose import compose
from incidents_api.writing.lookup import Known, Memory, Own
from incidents_api.writing.records import check_parent, faults_of_wholes
from incidents_api.writing.resolve import Resolver
from incidents_api.writing.restate import followed, own_names, referred, restated, said
from incidents_api.writing.review import check_review, check_text

STATEMENTS = ("create", "replace")
"""Operations by which an author states a whole record; an import does whoever carries it out."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the right shape; a line of a foreign file can be several, told apart by their `place`.

    `on_existing`: skip, update or reject a record that stands already; `record_id` where the line names one; `main`:
    it is what the line is about, and counted.
    """

    place: int
    line: int
    kind: Kind
    report: Report
    on_existing: str
    external_id: str | None = None
    record_id: str | None = None
    main: bool = True
    names: tuple[Own, ...] = field(init=False)
    """Its external ids."""

    def __post_init__(self) -> None:
        external_ids: dict[str, str] = getattr(self.report, "external_ids", {})
        names = tuple([(self.kind.name, scheme, value) for scheme, value in external_ids.items()])
        object.__setattr__(self, "names", names)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a line: created, updated, unchanged or refused (`problem` says why).

    `into`: the record that its own was merged into, where the author may see it; such a line is left unchanged.
    """

    item: Item
    outcome: str
    record_id: str | None = None
    problem: Problem | None = None
    into: str | None = None


@dataclass(slots=True)
class Taken:
    """What became of many lines; `also` counts records that they name and that were created on the way."""

    done: list[Done]
    also: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, other: "Taken") -> None:
        """Add what became of the lines that follow."""
        self.done += other.done
        self.also += other.also
        self.first = self.first or other.first
        self.last = other.last or self.last


def take(conn: Connection, items: Sequence[Item], who: Visitor, operation: str | None = None) -> Taken:
    """Write the lines; a line that is refused leaves nothing behind and never fails its neighbours.

    A line may refer to any record that a line before it made, and to what follows closely. `operation`: what the
    revisions are called, where not create and replace.
    """
    taken = Taken([])
    for part in _parts(items):
        try:
            with conn.begin_nested():
                taken.add(_Batch(conn, part, who, operation).write())
        except Problem as problem:
            if len(part) == 1:
                taken.add(Taken([Done(part[0], "refused", problem=problem)]))
                continue
            # Something that only the append sees, such as another process's write: each line by itself.
            for item in part:
                taken.add(take(conn, [item], who, operation))
    return taken


def _parts(items: Sequence[Item]) -> list[list[Item]]:
    """Cut where a line names a record that an earlier line of the part names: it must find what that one wrote."""
    parts: list[list[Item]] = [[]]
    seen: set[Any] = set()
    for item in items:
        named = {*item.names, item.record_id} - {None}
        if seen & named:
            parts.append([])
            seen = set()
        seen |= named
        parts[-1].append(item)
    return [part for part in parts if part]


@dataclass(slots=True)
class _Standing:
    """A record that stands: its version and body, and the last whole statement of the same author. `moved`: there was
    a merge, of it or of what it refers to."""

    record_id: str
    known: Known
    record: dict[str, Any] | None = None
    base: Mapping[str, Any] | None = None
    moved: bool = False


class _Batch:
    """Lines of one append that name each a record of its own."""

    def __init__(self, conn: Connection, items: Sequence[Item], who: Visitor, operation: str | None) -> None:
        self.conn, self.items, self.who, self.operation = conn, items, who, operation
        self.look = Memory(conn)
        self.done: dict[int, Done] = {}
        self.leans: dict[str, set[str]] = {}
        self.standing = self._find()

    def write(self) -> Taken:
        """Compose every line, then append what changed."""
        new = [item for item in self.items if item.place not in self.standing and item.place not in self.done]
        dropped: set[str] = set()
        barred: dict[str, Problem] = {}
        while True:
            to, ids = self._compose(new, dropped, barred)
            lost = self._leaners({ids[item.place] for item in new if self.done[item.place].outcome == "refused"})
            whole = [(change.record_id, change.record) for change in to.changes if change.record is not None]
            faulty = {
                record_id: Invalid("The report was read but cannot be taken; see errors", [fault])
                for record_id, fault in faults_of_wholes(self.conn, whole)
            }
            if not faulty and lost <= dropped:
                break
            barred |= faulty
            dropped |= lost | faulty.keys()
        to.finish()
        revisions = append(self.conn, to.changes, self.who.author)
        done = [self.done[item.place] for item in self.items]
        written = sum(one.outcome in ("created", "updated") for one in done)
        seqs = [revisions[0].seq, revisions[-1].seq] if revisions else [None, None]
        return Taken(done, len(revisions) - written, *seqs)

    def _leaners(self, refused: set[str]) -> set[str]:
        """Refused records that lines before them lean on, with these and all that leans on them in turn."""
        lost = {one for held in self.leans.values() for one in held} & refused
        while more := {one for one, held in self.leans.items() if held & lost} - lost:
            lost |= more
        return lost

    # --- What stands -----------------------------------------------------------------------------------------------

    def _find(self) -> dict[int, _Standing]:
        """The record that each line names, if it stands; lines that name none well are refused."""
        derived = {own: derived_id(*own) for item in self.items for own in item.names[:1]}
        ids = [*derived.values(), *(item.record_id for item in self.items if item.record_id)]
        names = [name for item in self.items for name in item.names]
        holders, known = look_ahead(self.look, [item.report for item in self.items], names, ids)
        found: dict[int, _Standing] = {}
        for item in self.items:
            named = {holders[own] for own in item.names if own in holders}
            named |= {item.record_id} if item.record_id else set()
            if len(named) > 1:
                self._refuse(item, Conflict("its ids name several records", ids=sorted(named)))
                continue
            record_id = next(iter(named), None)
            made = derived[item.names[0]] if item.names and item.record_id is None else ""
            if made in known and known[made].ended and (record_id is None or known[made].successor):
                record_id = made  # the record that was made of this line was ended, or merged into another
            if record_id is None:
                continue
            if record_id not in known or known[record_id].kind != item.kind.name:
                detail = f"there is no {item.kind.name} with this id; leave id out to create a record"
                self._refuse(item, Invalid(detail, [Fault(detail, "unknown_id", pointer="/id")]))
            elif (stands := self._settle(item, record_id, known[record_id])) is not None:
                found[item.place] = stands
        self._load(list(found.values()))
        return found

    def _settle(self, item: Item, record_id: str, known: Known) -> _Standing | None:
        """The record that the line is to bring up to date; None when the line is done with already."""
        if item.on_existing == "reject":
            held = record_id if self.look(lookup.shown, record_id, self.who) else None
            self._refuse(item, Conflict("there is such a record already", id=held))
        elif item.on_existing == "skip" or (known.ended and item.record_id is None):
            self.done[item.place] = Done(item, "unchanged", record_id, into=self._into(record_id, known))
        elif known.ended:
            successor = lookup.successor_for(self.conn, known, self.who)
            self._refuse(item, Gone(f"the {item.kind.name} was ended", reason=known.ended, successor=successor))
        elif not self.look(lookup.shown, record_id, self.who):
            self._refuse(item, Conflict("another record has this id already"))
        else:
            return _Standing(record_id, known)
        return None

    def _into(self, record_id: str, known: Known) -> str | None:
        """The record that stands for one that was merged, where the author may see it."""
        survivor = self.look(lookup.survivor, record_id) if known.ended else record_id
        return survivor if survivor != record_id and self.look(lookup.shown, survivor, self.who) else None

    def _load(self, standing: Sequence[_Standing]) -> None:
        """The bodies of records to bring up to date, and what the same author last said of each as a whole."""
        log = tables.revision.c
        by_id = {one.record_id: one for one in standing}
        for ids in lookup.some_of(by_id, 200):
            query = sa.select(log.record_id, log.author, log.operation, log.record)
            query = query.where(log.record_id.in_(ids)).order_by(log.record_id, log.version)
            for record_id, author, operation, text in self.conn.execute(query):
                if text is not None:
                    one, record = by_id[record_id], orjson.loads(text)
                    if operation == "import" or (author == self.who.author and operation in STATEMENTS):
                        one.base = said(one.base, one.record or {}, record)
                    one.moved = one.moved or operation == "merge"
                    one.record = record
        for one in standing:
            if one.record is not None:
                self.look.learn(one.record, lookup.record_of, one.record_id)
            if one.moved and one.base is not None:
                one.base = followed(self.look, one.known.kind, one.base)

    def _refuse(self, item: Item, problem: Problem) -> None:
        self.done[item.place] = Done(item, "refused", problem=problem)

    # --- Reports to records ----------------------------------------------------------------------------------------

    def _compose(
        self, new: Sequence[Item], dropped: set[str], barred: Mapping[str, Problem]
    ) -> tuple[Resolver, dict[int, str]]:
        """Every line as a change, or refused; the changes, and the id of each line that makes a record.

        `dropped`: ids that will not be made, so that nothing may lean on them; `barred`: records that were found to be
        wrong together with others.
        """
        to = Resolver(self.conn, self.who, look=self.look)
        ids = {item.place: to.new_id(item.kind.name, dict(own[1:] for own in item.names)) for item in new}
        coming = {own: ids[item.place] for item in new for own in item.names if ids[item.place] not in dropped}
        to = Resolver(self.conn, self.who, coming, self.look)
        for item in self.items:
            stands = self.standing.get(item.place)
            if stands is None and item.place not in ids:
                continue
            record_id = ids[item.place] if stands is None else stands.record_id
            mark = to.mark()
            to.leaning = self.leans[record_id] = set()
            try:
                if record_id in barred:
                    raise barred[record_id]
                outcome = self._change(to, item, record_id, stands)
            except Problem as problem:
                to.undo(mark)
                to.forget(item.names)
                self._refuse(item, problem)
                continue
            if outcome in ("unchanged", "merged"):
                to.undo(mark)
            into, outcome = (record_id, "unchanged") if outcome == "merged" else (None, outcome)
            self.done[item.place] = Done(item, outcome, record_id, into=into)
        return to, ids

    def _change(self, to: Resolver, item: Item, record_id: str, stands: _Standing | None) -> str:
        """Queue what the line changes; what becomes of it ("merged": its record went into the one that stands)."""
        if stands is not None:
            if stands.record is None:
                raise Conflict("the body of the record was redacted")
            if item.record_id is None and not {name[1:] for name in item.names} & own_names(stands.record):
                return "merged"
        to.own = [] if stands is None else sorted(referred(stands.record))
        record = compose(to, item.report, record_id)
        if item.kind.name == "incident":
            check_review(to, record, None if stands is None else stands.base or stands.record, self.who)
        if stands is not None and stands.record is not None:
            record = each_once(item.kind.name, record) if stands.moved else record
            record = restated(to, stands.base, stands.record, record)
            if "merged" in stands.record:
                record["merged"] = stands.record["merged"]
        check_text(to, record, None if stands is None else stands.record, self.who)
        inline = item.report.__dict__.get("parent") is not None
        check_parent(to, record_id, record, "/parent" if inline else "/parent_id")
        if to.faults:
            raise Invalid("The report was read but cannot be taken; see errors", to.faults)
        if stands is None:
            to.create(item.kind.name, record, record_id, self.operation or "create")
            return "created"
        if all((stands.record or {}).get(name) == value for name, value in record.items()):
            return "unchanged"
        version = stands.known.version + 1
        to.changes.append(Change(item.kind.name, record_id, version, self.operation or "replace", record))
        to.records[record_id] = record
        return "updated"
