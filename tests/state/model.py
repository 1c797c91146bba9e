"""The store as a few pure rules: the log is a list, and every answer is worked out from it anew."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, wraps
from typing import Any

from tests.state.record import Entry, Record, added, levels

EDITOR, WRITER, PUBLIC = "editor", "writer", None
"""Who asks: sees and may do all; sees what is published and its own; sees what is published."""

LEVELS = 8


def standing(rule: Callable[..., int]) -> Callable[..., int]:
    """A write to a record that the author sees standing; else it is answered as a read would be."""

    @wraps(rule)
    def checked(model: "Model", one: str, who: str, *told: Any, **more: Any) -> int:
        status = model.status(who, one)
        return rule(model, one, who, *told, **more) if status == 200 else status

    return checked


class Model:
    """The log, and what follows from it. A write gives the status of its answer and appends where that is a success."""

    def __init__(self) -> None:
        self.log: list[Entry] = []

    # --- What is ---------------------------------------------------------------------------------------------------

    def newest(self, at: int | None = None) -> dict[str, Entry]:
        """The last entry of every record, up to a seq."""
        return {entry.id: entry for entry in self.log[:at]}

    def bodies(self, one: str, at: int | None = None) -> list[Entry]:
        """The entries in which a record says something, up to a seq."""
        return [entry for entry in self.log[:at] if entry.id == one and entry.record is not None]

    def current(self, kind: str, who: str | None = EDITOR, at: int | None = None) -> dict[str, Record]:
        """The records of a kind that stand, and that somebody sees."""
        stand = {one: entry.record for one, entry in self.newest(at).items() if entry.kind == kind and entry.record}
        return {one: record for one, record in stand.items() if self.sees(who, one, at)}

    def sees(self, who: str | None, one: str, at: int | None = None, *, ever: bool = False) -> bool:
        """Whether somebody sees a record as it stood, ended or not; `ever`: though it may have been closed since."""
        then = self.bodies(one, at)
        if not then or who == EDITOR:
            return bool(then)
        closed = then[-1].record.restricted or (not ever and self.closed(one))
        return not closed and (then[-1].record.published or then[0].author == who)

    def closed(self, one: str) -> bool:
        """Whether a record, or what it was merged into, was restricted when it last said anything."""
        return any(self.bodies(each)[-1].record.restricted for each in (one, self.survivor(one)))

    def status(self, who: str | None, one: str, at: int | None = None) -> int:
        """How a read of one record is answered."""
        entry = self.newest(at).get(one)
        if entry is None or not self.sees(who, one, at):
            return 404
        if entry.record is not None or entry.successor is None:
            return 410 if entry.record is None else 200
        return 404 if self.status(who, entry.successor, at) == 404 else 308

    def survivor(self, one: str) -> str:
        """What stands for a record by now."""
        successor = self.newest()[one].successor
        return one if successor is None else self.survivor(successor)

    def feed(self, who: str | None, after: int) -> list[tuple[int, str, str]]:
        """(seq, id, change) of all that was written since, as somebody is told it."""
        return [
            (seq, entry.id, change)
            for seq, entry in enumerate(self.log[after:], after + 1)
            if (change := self.change(who, seq, entry))
        ]

    def change(self, who: str | None, seq: int, entry: Entry) -> str | None:
        """What became of a record by an entry, for somebody: it stands, it ended, it went out of their sight."""
        before = self.newest(seq - 1).get(entry.id)
        stood = before and before.record and self.sees(who, entry.id, seq - 1, ever=True)
        if entry.record is None:
            gone = "leave" if who != EDITOR and self.closed(entry.id) else "end"
            return gone if stood or who == EDITOR else None
        if self.sees(who, entry.id, seq):
            return "upsert"
        return "leave" if stood and not self.sees(who, entry.id, seq, ever=True) else None

    # --- What is part of what --------------------------------------------------------------------------------------

    def above(self, one: str) -> tuple[str, ...]:
        """What a record is part of, directly."""
        record = self.newest()[one].record
        return record.wholes if record else ()

    def beneath(self, one: str) -> set[str]:
        """What is part of a record, directly."""
        return {entry.id for entry in self.newest().values() if entry.record and one in entry.record.wholes}

    def leads(self, near: str, far: str) -> bool:
        """Whether one is the other, or lies within it."""
        return any(far in level for level in levels({near}, self.above))

    def fits(self, one: str | None, record: Record) -> bool:
        """Whether what a record is part of makes no circle and goes no deeper than it may."""
        up, down = levels(record.wholes, self.above), levels({one} - {None}, self.beneath)[1:]
        return not up or (all(one not in level for level in up) and len(up) + len(down) <= LEVELS)

    def totals(self, chosen: Mapping[str, Record], seen: Mapping[str, Record]) -> dict[str, tuple[int, ...]]:
        """What each of the chosen incidents adds (low, best, high), so that nobody is counted twice."""
        adds: dict[str, tuple[int, ...]] = {}

        @cache
        def nearest(one: str) -> set[str]:
            found = {whole for whole in seen[one].wholes if whole in seen}
            return found & chosen.keys() | {far for near in found - chosen.keys() for far in nearest(near)}

        @cache
        def stands(one: str) -> tuple[int, ...]:
            parts = added(stands(part) for part in chosen if one in nearest(part))
            if (figure := chosen[one].tally()) is None:
                return parts
            stated = (figure[0], figure[0] if figure[1] is None else figure[1], figure[2])
            adds[one] = tuple(max(0, own - theirs) for own, theirs in zip(stated, parts, strict=True))
            return added((parts, adds[one]))

        for one in chosen:
            stands(one)
        return adds

    # --- What is done ----------------------------------------------------------------------------------------------

    def append(self, kind: str, one: str, operation: str, who: str, record: Any, successor: str | None = None) -> None:
        """One more revision."""
        version = sum(entry.id == one for entry in self.log) + 1
        self.log.append(Entry(kind, one, version, operation, who, record, successor))

    def settled(self, who: str, record: Record, held: Iterable[str] = ()) -> Record | None:
        """The record with references to what stands by now; None where `who` finds nothing that stands.

        What it refers to already (`held`) it may keep, ended since or not.
        """
        stands = {one: (200, 410) if one in held else (200,) for one in record.references}
        found = all(self.status(who, self.survivor(one)) in allowed for one, allowed in stands.items())
        return record.renamed(self.survivor) if found else None

    def create(self, kind: str, one: str, who: str, record: Record) -> int:
        """201; 409 where the id is taken, 422 where a reference leads nowhere or too deep."""
        if one in self.newest():
            return 409
        settled = self.settled(who, record)
        if settled is None or not self.fits(None, settled):
            return 422
        self.append(kind, one, "create", who, settled)
        return 201

    @standing
    def revise(self, one: str, who: str, operation: str, **members: Any) -> int:
        """200, also where nothing changes (then there is no revision); 422 where a patch leads nowhere or too deep."""
        entry = self.newest()[one]
        record = replace(entry.record, **members)
        if operation == "patch":
            record = self.settled(who, record, entry.record.references)
            if record is None or not self.fits(one, record):
                return 422
        if record != entry.record:
            self.append(entry.kind, one, operation, who, record)
        return 200

    @standing
    def review(self, one: str, who: str, to: str, moves: Mapping[str, Iterable[str]]) -> int:
        """200; 422 where the status does not follow the one held."""
        allowed = to in moves[self.newest()[one].record.status]
        return self.revise(one, who, "review", status=to) if allowed else 422

    @standing
    def claim(self, one: str, who: str, value: int, source: str) -> int:
        """201; 422 where the source is none that stands."""
        claims = (*self.newest()[one].record.claims, (value, self.survivor(source)))
        stands = self.status(who, self.survivor(source)) == 200
        return 201 if stands and self.revise(one, who, "claim", claims=claims) else 422

    def redact(self, one: str) -> int:
        """200: no version of the incident has had a title; 422 where none has one."""
        if all(entry.record.title is None for entry in self.bodies(one)):
            return 422
        self.log = [
            replace(e, record=replace(e.record, title=None)) if e.id == one and e.record else e for e in self.log
        ]
        last = self.newest()[one]
        self.append(last.kind, one, "redact" if last.record else last.operation, EDITOR, last.record, last.successor)
        return 200

    @standing
    def end(self, one: str, who: str) -> int:
        """204; 409 while others refer to what is no incident."""
        kind = self.newest()[one].kind
        if kind != "incident" and self.referring(one):
            return 409
        self.append(kind, one, "end", who, None)
        return 204

    def referring(self, one: str) -> list[str]:
        """The ids of all that stands and refers to a record, in their order."""
        return sorted(e.id for e in self.newest().values() if e.record is not None and one in e.record.references)

    @standing
    def merge(self, old: str, who: str, into: str) -> int:
        """200; 422 where `into` is none to merge into, 409 where the two cannot be one."""
        into, newest = self.survivor(into), self.newest()
        (kind, other), own = (newest[old].kind, newest[old].record), newest[into].record
        if own is None or newest[into].kind != kind or into == old:
            return 422
        up, down = (levels({old, into}, step)[1:] for step in (self.above, self.beneath))
        over, under = (set().union(*both) for both in (up, down))
        circle = over & (under | {old, into}) or under & {old, into} or len(up) + len(down) > LEVELS
        record = own.joined(other, kind)
        if own.unit != other.unit or circle or self.settled(who, record) is None:
            return 409
        if record.restricted != other.restricted:
            self.append(kind, old, "patch", who, replace(other, restricted=True))
        self.append(kind, old, "merge", who, None, into)
        for one in (into, *(one for one in sorted(newest) if one not in (old, into))):
            said = record if one == into else newest[one].record
            if one == into or (said is not None and old in said.references):
                self.append(newest[one].kind, one, "merge", who, said.moved(kind, old, into))
        return 200
