"""The store as a few pure rules: the log is a list, and every answer is worked out from it anew."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

EDITOR, WRITER, PUBLIC = "editor", "writer", None
"""Who asks: sees and may do all; sees what is published and its own; sees what is published."""

PUBLISHED = ("published", "verified")
LEVELS = 8


@dataclass(frozen=True)
class Incident:
    """An incident as far as the rules need it; a claim is (value, source), `chosen` the place of the reviewer's."""

    title: str | None
    type: str
    tags: frozenset[str] = frozenset()
    status: str = "published"
    restricted: bool = False
    actors: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    wholes: tuple[str, ...] = ()
    claims: tuple[tuple[int, str], ...] = ()
    chosen: int | None = None

    @property
    def choice(self) -> tuple[int, str] | None:
        """The claim that a reviewer chose."""
        return None if self.chosen is None else self.claims[self.chosen]

    def tally(self) -> tuple[int, int | None, int] | None:
        """Low, best and high: best is the one chosen, else the one that most sources state."""
        if not self.claims:
            return None
        values = {value for value, _ in self.claims}
        backed = sorted(((len({s for v, s in self.claims if v == value}), value) for value in values), reverse=True)
        alone = len(backed) == 1 or backed[0][0] > backed[1][0]
        best = self.claims[self.chosen][0] if self.chosen is not None else backed[0][1] if alone else None
        return min(values), best, max(values)


@dataclass(frozen=True)
class Named:
    """An actor, a location (in a first-order unit) or a source."""

    name: str
    unit: str | None = None
    parent: str | None = None


Record = Incident | Named


@dataclass(frozen=True)
class Entry:
    """A revision; `record` is None where it ends one."""

    kind: str
    id: str
    version: int
    operation: str
    author: str
    record: Any
    successor: str | None = None


def references(record: Record) -> set[str]:
    """The ids of all that a record refers to."""
    if isinstance(record, Named):
        return wholes_of(record)
    return {*record.actors, *record.locations, *record.wholes, *(source for _, source in record.claims)}


def with_claims(record: Incident, claims: Iterable[tuple[int, str]], chosen: tuple[int, str] | None) -> Incident:
    """The incident with these claims, each once, of which one is chosen."""
    claims = once(claims)
    return replace(record, claims=claims, chosen=None if chosen is None else claims.index(chosen))


def once(items: Iterable[Any]) -> tuple[Any, ...]:
    """Each item once, where it stood first."""
    return tuple(dict.fromkeys(items))


def renamed(record: Any, name: Callable[[str], str]) -> Any:
    """The record with every reference as `name` gives it."""
    if isinstance(record, Named):
        return replace(record, parent=record.parent and name(record.parent))
    lists = {member: tuple(map(name, getattr(record, member))) for member in ("actors", "locations", "wholes")}
    return replace(record, **lists, claims=tuple((value, name(source)) for value, source in record.claims))


def moved(record: Any, kind: str, old: str, new: str) -> Any:
    """The record with references to one record of that kind as ones to another, each once."""
    record = renamed(record, lambda one: new if one == old else one)
    if isinstance(record, Named):
        return record
    if kind == "source":
        return with_claims(record, record.claims, record.choice)
    member = {"actor": "actors", "location": "locations", "incident": "wholes"}[kind]
    return replace(record, **{member: once(getattr(record, member))})


def wholes_of(record: Record) -> set[str]:
    """What a record is part of, directly."""
    return set(record.wholes) if isinstance(record, Incident) else {record.parent} - {None}  # type: ignore[return-value]


def levels(start: Iterable[Any], step: Callable[[str], set[str]]) -> list[set[str]]:
    """What lies no, one, two ... steps away."""
    found, level = [], set(start)
    while level:
        found.append(level)
        level = {far for near in level for far in step(near)}
    return found


def joined(own: Any, other: Any, both: set[str]) -> Any:
    """The survivor of two records, with all that the other one says."""
    if isinstance(own, Named):
        return replace(own, parent=own.parent or other.parent)
    lists = {name: once((*getattr(own, name), *getattr(other, name))) for name in ("actors", "locations", "wholes")}
    lists["wholes"] = tuple(one for one in lists["wholes"] if one not in both)
    own_or_other = own.choice or other.choice
    said = {"title": other.title if own.title is None else own.title, "restricted": own.restricted or other.restricted}
    own = replace(own, tags=own.tags | other.tags, **said, **lists)
    return with_claims(own, (*own.claims, *other.claims), own_or_other)


class Model:
    """The log, and what follows from it. A write gives the status of its answer and appends where that is a success."""

    def __init__(self) -> None:
        self.log: list[Entry] = []

    # --- What is ---------------------------------------------------------------------------------------------------

    def newest(self, at: int | None = None) -> dict[str, Entry]:
        """The last entry of every record, up to a seq."""
        return {entry.id: entry for entry in self.log[:at]}

    def current(self, kind: str, who: str | None = EDITOR, at: int | None = None) -> dict[str, Any]:
        """The records of a kind that stand, and that somebody sees."""
        newest = self.newest(at).items()
        return {
            one: e.record for one, e in newest if e.kind == kind and e.record is not None and self.sees(who, one, at)
        }

    def sees(self, who: str | None, one: str, at: int | None = None, *, ever: bool = False) -> bool:
        """Whether somebody sees a record as it stood, ended or not; `ever`: though it may have been closed since."""
        bodies = [entry for entry in self.log if entry.id == one and entry.record is not None]
        then = [entry.record for entry in self.log[:at] if entry.id == one and entry.record is not None]
        if not then or isinstance(then[-1], Named) or who == EDITOR:
            return bool(then)
        closed = then[-1].restricted or (not ever and self.closed(one))
        return not closed and (then[-1].status in PUBLISHED or bodies[0].author == who)

    def closed(self, one: str) -> bool:
        """Whether an incident, or what it was merged into, was restricted when it last said anything."""
        said = {entry.id: entry.record for entry in self.log if entry.record is not None}
        return any(said[each].restricted for each in (one, self.survivor(one)))

    def status(self, who: str | None, one: str, at: int | None = None) -> int:
        """How a read of one record is answered."""
        entry = self.newest(at).get(one)
        if entry is None or not self.sees(who, one, at):
            return 404
        if entry.record is not None:
            return 200
        if entry.successor is None:
            return 410
        return 404 if self.status(who, entry.successor, at) == 404 else 308

    def survivor(self, one: str) -> str:
        """What stands for a record by now."""
        successor = self.newest()[one].successor
        return one if successor is None else self.survivor(successor)

    def feed(self, who: str | None, after: int) -> list[tuple[int, str, str]]:
        """(seq, id, change) of all that was written since, as somebody is told it."""
        told = []
        for seq, entry in enumerate(self.log[after:], after + 1):
            own = entry.kind == "incident" and who != EDITOR
            before = self.newest(seq - 1).get(entry.id)
            stood = not own or (before and before.record and self.sees(who, entry.id, seq - 1, ever=True))
            if entry.record is None:
                told += [(seq, entry.id, "leave" if own and self.closed(entry.id) else "end")] if stood else []
            elif not own or self.sees(who, entry.id, seq):
                told.append((seq, entry.id, "upsert"))
            elif stood and not self.sees(who, entry.id, seq, ever=True):
                told.append((seq, entry.id, "leave"))
        return told

    # --- What is part of what --------------------------------------------------------------------------------------

    def above(self, one: str) -> set[str]:
        """What a record is part of, directly."""
        record = self.newest()[one].record
        return set() if record is None else wholes_of(record)

    def beneath(self, one: str) -> set[str]:
        """What is part of a record, directly."""
        return {entry.id for entry in self.newest().values() if entry.record and one in wholes_of(entry.record)}

    def leads(self, near: str, far: str) -> bool:
        """Whether one is the other, or lies within it."""
        return any(far in level for level in levels({near}, self.above))

    def fits(self, one: str | None, record: Record) -> bool:
        """Whether what a record is part of makes no circle and goes no deeper than it may."""
        up, down = levels(wholes_of(record), self.above), levels({one} - {None}, self.beneath)[1:]
        return not up or (all(one not in level for level in up) and len(up) + len(down) <= LEVELS)

    def totals(self, chosen: Mapping[str, Incident], seen: Mapping[str, Incident]) -> dict[str, tuple[int, ...]]:
        """What each of the chosen incidents adds (low, best, high), so that nobody is counted twice."""

        def nearest(one: str) -> set[str]:
            found = {one for one in seen[one].wholes if one in seen}
            return found & chosen.keys() | {far for near in found - chosen.keys() for far in nearest(near)}

        wholes = {one: nearest(one) for one in chosen}
        adds: dict[str, tuple[int, ...]] = {}

        @cache
        def stands(one: str) -> tuple[int, ...]:
            inside = [stands(part) for part, above in wholes.items() if one in above]
            parts = tuple(map(sum, zip((0, 0, 0), *inside, strict=True)))
            figure = chosen[one].tally()
            if figure is None:
                return parts
            low, best, high = figure
            stated = (low, low if best is None else best, high)
            adds[one] = tuple(max(0, own - theirs) for own, theirs in zip(stated, parts, strict=True))
            return tuple(map(sum, zip(parts, adds[one], strict=True)))

        for one in chosen:
            stands(one)
        return adds

    # --- What is done ----------------------------------------------------------------------------------------------

    def append(self, kind: str, one: str, operation: str, who: str, record: Any, successor: str | None = None) -> None:
        """One more revision."""
        version = sum(entry.id == one for entry in self.log) + 1
        self.log.append(Entry(kind, one, version, operation, who, record, successor))

    def settled(self, who: str, record: Any, held: Iterable[str] = ()) -> Any:
        """The record with references to what stands by now; None where `who` finds nothing that stands.

        What it refers to already (`held`) it may keep, ended since or not.
        """
        stands = {one: (200, 410) if one in held else (200,) for one in references(record)}
        if any(self.status(who, self.survivor(one)) not in allowed for one, allowed in stands.items()):
            return None
        return renamed(record, self.survivor)

    def create(self, kind: str, one: str, who: str, record: Any) -> int:
        """201; 409 where the id is taken, 422 where a reference leads nowhere or too deep."""
        if one in self.newest():
            return 409
        record = self.settled(who, record)
        if record is None or not self.fits(None, record):
            return 422
        self.append(kind, one, "create", who, record)
        return 201

    def revise(self, one: str, who: str, operation: str, **members: Any) -> int:
        """200 (or 201 for a claim), also where nothing changes; then there is no revision."""
        if (status := self.status(who, one)) != 200:
            return status
        entry = self.newest()[one]
        record = replace(entry.record, **members)
        if operation == "patch":
            record = self.settled(who, record, references(entry.record))
            if record is None or not self.fits(one, record):
                return 422
        if record != entry.record:
            self.append(entry.kind, one, operation, who, record)
        return 201 if operation == "claim" else 200

    def review(self, one: str, to: str, moves: Mapping[str, Iterable[str]]) -> int:
        """200; 422 where the status does not follow the one held."""
        if (status := self.status(EDITOR, one)) != 200:
            return status
        if to not in moves[self.newest()[one].record.status]:
            return 422
        return self.revise(one, EDITOR, "review", status=to)

    def claim(self, one: str, who: str, value: int, source: str) -> int:
        """201; 422 where the source is none that stands."""
        if (status := self.status(who, one)) != 200:
            return status
        if self.status(who, self.survivor(source)) != 200:
            return 422
        claims = self.newest()[one].record.claims
        return self.revise(one, who, "claim", claims=(*claims, (value, self.survivor(source))))

    def redact(self, one: str) -> int:
        """200: no version of the incident has had a title; 422 where none has one."""
        bodies = [entry.record for entry in self.log if entry.id == one and entry.record is not None]
        if all(record.title is None for record in bodies):
            return 422
        self.log = [
            replace(e, record=replace(e.record, title=None)) if e.id == one and e.record is not None else e
            for e in self.log
        ]
        last = self.newest()[one]
        operation = last.operation if last.record is None else "redact"
        self.append(last.kind, one, operation, EDITOR, last.record, last.successor)
        return 200

    def end(self, one: str) -> int:
        """204; 409 while others refer to what is no incident."""
        if (status := self.status(EDITOR, one)) != 200:
            return status
        kind = self.newest()[one].kind
        if kind != "incident" and self.referring(one):
            return 409
        self.append(kind, one, "end", EDITOR, None)
        return 204

    def referring(self, one: str) -> list[str]:
        """The ids of all that stands and refers to a record, in their order."""
        return sorted(e.id for e in self.newest().values() if e.record is not None and one in references(e.record))

    def merge(self, old: str, into: str) -> int:
        """200; 422 where `into` is none to merge into, 409 where the two cannot be one."""
        if (status := self.status(EDITOR, old)) != 200:
            return status
        into, newest = self.survivor(into), self.newest()
        other, own = newest[old], newest[into]
        if own.record is None or own.kind != other.kind or into == old:
            return 422
        record = joined(own.record, other.record, {old, into})
        up, down = (levels({old, into}, step)[1:] for step in (self.above, self.beneath))
        over, under = (set().union(*both) for both in (up, down))
        apart = own.kind == "location" and own.record.unit != other.record.unit
        if apart or over & (under | {old, into}) or under & {old, into} or len(up) + len(down) > LEVELS:
            return 409
        if self.settled(EDITOR, record) is None:
            return 409
        referring = [one for one in self.referring(old) if one not in (old, into)]
        if isinstance(record, Incident) and record.restricted != other.record.restricted:
            self.append(own.kind, old, "patch", EDITOR, replace(other.record, restricted=True))
        self.append(own.kind, old, "merge", EDITOR, None, into)
        self.append(own.kind, into, "merge", EDITOR, moved(record, own.kind, old, into))
        for one in referring:
            self.append(newest[one].kind, one, "merge", EDITOR, moved(newest[one].record, own.kind, old, into))
        return 200
