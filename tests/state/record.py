"""What the log of the model holds: records, and the revisions that say them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

PUBLISHED = ("published", "verified")
ROLES = {"actor": "actors", "location": "locations", "incident": "wholes"}
"""The member in which an incident refers to records of a kind; a source it cites by its claims."""


@dataclass(frozen=True)
class Record:
    """A record of any kind as far as the rules need it; what a kind does not have stays as it is here.

    A claim is (value, source), `chosen` the place of the reviewer's; `wholes` is what an incident is part of, or the
    one actor or location above; `unit` the first-order unit of a location.
    """

    title: str | None
    type: str = ""
    tags: frozenset[str] = frozenset()
    status: str = "published"
    restricted: bool = False
    actors: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    wholes: tuple[str, ...] = ()
    claims: tuple[tuple[int, str], ...] = ()
    chosen: int | None = None
    unit: str | None = None

    @property
    def published(self) -> bool:
        """Whether everybody sees it, if nothing closes it."""
        return self.status in PUBLISHED

    @property
    def references(self) -> set[str]:
        """The ids of all that it refers to."""
        return {*self.actors, *self.locations, *self.wholes, *(source for _, source in self.claims)}

    @property
    def choice(self) -> tuple[int, str] | None:
        """The claim that a reviewer chose."""
        return None if self.chosen is None else self.claims[self.chosen]

    def tally(self) -> tuple[int, int | None, int] | None:
        """Low, best and high: best is the one chosen, else the one that most sources state."""
        values = {value for value, _ in self.claims}
        backed = sorted((len({s for v, s in self.claims if v == value}), value) for value in values)
        alone = backed[-1:] if [count for count, _ in backed].count(max(backed, default=(0,))[0]) == 1 else [(0, None)]
        return (min(values), self.choice[0] if self.choice else alone[0][1], max(values)) if values else None

    def saying(self, claims: Iterable[tuple[int, str]], choice: tuple[int, str] | None) -> "Record":
        """With these claims, each once, of which one is chosen."""
        claims = tuple(dict.fromkeys(claims))
        return replace(self, claims=claims, chosen=None if choice is None else claims.index(choice))

    def renamed(self, name: Callable[[str], str]) -> "Record":
        """With every reference as `name` gives it."""
        lists = {role: tuple(map(name, getattr(self, role))) for role in ROLES.values()}
        return replace(self, **lists, claims=tuple((value, name(source)) for value, source in self.claims))

    def moved(self, kind: str, old: str, new: str) -> "Record":
        """With references to one record of that kind as ones to another, each once."""
        found = self.renamed(lambda one: new if one == old else one)
        if kind not in ROLES:
            return found.saying(found.claims, found.choice)
        return replace(found, **{ROLES[kind]: tuple(dict.fromkeys(getattr(found, ROLES[kind])))})

    def joined(self, other: "Record", kind: str) -> "Record":
        """The survivor of two records, with all that the other one says."""
        lists = {role: tuple(dict.fromkeys(getattr(self, role) + getattr(other, role))) for role in ROLES.values()}
        lists["wholes"] = lists["wholes"] if kind == "incident" else lists["wholes"][:1]
        title, closed = other.title if self.title is None else self.title, self.restricted or other.restricted
        found = replace(self, **lists, title=title, tags=self.tags | other.tags, restricted=closed)
        return found.saying(self.claims + other.claims, self.choice or other.choice)


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


def levels(start: Iterable[str], step: Callable[[str], Iterable[str]]) -> list[set[str]]:
    """What lies no, one, two ... steps away."""
    found, level = [], set(start)
    while level:
        found.append(level)
        level = {far for near in level for far in step(near)}
    return found


def added(figures: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The sums of low, best and high."""
    return tuple(map(sum, zip((0, 0, 0), *figures, strict=True)))
