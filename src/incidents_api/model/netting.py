"""Netting: what each incident adds to a total when its parts are counted, too; nobody is counted twice."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from incidents_api.model.figures import Figure, standing

Cell = Hashable
"""What a figure is of: measure, population and dims; wholes and parts are netted cell by cell."""


@dataclass(frozen=True, slots=True)
class Netted:
    """What is added by whom: for each incident and cell the three levels; how many parts stand inside a whole that
    was counted, and how many wholes their parts exceed."""

    adds: Mapping[tuple[str, Cell], tuple[int, int, int]]
    parts: int
    exceeded: int


def net(figures: Mapping[str, Mapping[Cell, Figure]], wholes: Mapping[str, Iterable[str]]) -> Netted:
    """The contributions of incidents to a total.

    `figures`: of the selected incidents that are whole or part; `wholes`: for a selected part the nearest selected
    incidents that it is part of. An incident adds its figure less what stands for its selected parts, never less than
    zero: where parts exceed the whole, the parts stand (DESIGN.md section 3, Totals). Each level is netted by itself.
    """
    parts: dict[str, list[str]] = {}
    for part, above in wholes.items():
        for whole in above:
            parts.setdefault(whole, []).append(part)
    stands: dict[tuple[str, Cell], tuple[int, int, int]] = {}
    adds: dict[tuple[str, Cell], tuple[int, int, int]] = {}
    exceeded: set[str] = set()
    cells = {cell for told in figures.values() for cell in told}
    # An incident without a figure of its own still stands between its parts and the whole above it.
    for incident in _parts_first({*figures, *wholes, *parts}, parts):
        for cell in cells:
            own = figures.get(incident, {}).get(cell)
            beneath = [stands[part, cell] for part in parts.get(incident, ()) if (part, cell) in stands]
            inside = tuple(sum(levels) for levels in zip(*beneath, strict=True)) or (0, 0, 0)
            if own is None:
                if beneath:
                    stands[incident, cell] = (inside[0], inside[1], inside[2])
                continue
            stated = standing(own)
            rest = [max(0, mine - theirs) for mine, theirs in zip(stated, inside, strict=True)]
            if any(theirs > mine for mine, theirs in zip(stated, inside, strict=True)):
                exceeded.add(incident)
            adds[incident, cell] = (rest[0], rest[1], rest[2])
            stands[incident, cell] = (rest[0] + inside[0], rest[1] + inside[1], rest[2] + inside[2])
    return Netted(adds, sum(1 for above in wholes.values() if any(True for _ in above)), len(exceeded))


def _parts_first(incidents: Iterable[str], parts: Mapping[str, list[str]]) -> list[str]:
    """Every incident after all of its parts (part_of has no circles: writes refuse them)."""
    order: list[str] = []
    seen: set[str] = set()
    for root in sorted(incidents):
        stack = [(root, False)]
        while stack:
            incident, done = stack.pop()
            if done:
                order.append(incident)
            elif incident not in seen:
                seen.add(incident)
                stack.append((incident, True))
                stack += [(part, False) for part in parts.get(incident, ())]
    return order
