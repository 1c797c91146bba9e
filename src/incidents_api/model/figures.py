"""Figures: what an incident's tallies say at a node of the measure and population trees, for totals and filters."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import add as add_numbers
from typing import NamedTuple

import orjson

from incidents_api.model import vocabulary
from incidents_api.model.wire import Record

LEVELS = ("low", "best", "high")

Dims = tuple[tuple[str, str], ...]


class Figure(NamedTuple):
    """Low, best and high; None where nobody knows."""

    low: int | None
    best: int | None
    high: int | None


NEVER_SUMMED = "affected"
"""Exposure and outcome meet under this measure (the kidnapped are freed later), so its children must not be added."""


def _above(name: str, code: str) -> tuple[str, ...]:
    """The code and everything over it in its tree, nearest first."""
    codes = vocabulary.LISTS[name].codes
    found = []
    at: str | None = code
    while at is not None:
        found.append(at)
        at = codes[at].parent
    return tuple(found)


MEASURE_ABOVE: Mapping[str, tuple[str, ...]] = {
    code: tuple(one for one in _above("measure", code) if one == code or one != NEVER_SUMMED)
    for code in vocabulary.codes("measure")
}
"""Every measure with those whose figure it is part of, nearest first."""
POPULATION_ABOVE: Mapping[str, tuple[str, ...]] = {
    code: _above("population", code) for code in vocabulary.codes("population")
}
"""Every population with those that contain it, nearest first."""
EVERYBODY = "all"


def figures(record: Record) -> dict[str, Figure]:
    """The figure of every measure that the record speaks of, for all persons together."""
    told = nodes(record["tallies"])
    return {
        measure: figure for (measure, population, dims), figure in told.items() if population == EVERYBODY and not dims
    }


def nodes(tallies: Iterable[Record]) -> dict[tuple[str, str, Dims], Figure]:
    """The figure at every node (measure, population, dims) that any of the tallies lies under.

    At a node stands the stated figure or, where none is stated, the sum of what is stated beneath, nobody counted
    twice (DESIGN.md section 3). Figures with dims break others down: they get nodes of their own, and stand for the
    whole only where no claim without dims speaks of it.
    """
    stated: dict[Dims, dict[tuple[str, str], Figure]] = {}
    for tally in tallies:
        dims: Dims = tuple(sorted(tally["dims"].items()))
        cell = (tally["measure"], tally["population"])
        stated.setdefault(dims, {})[cell] = Figure(tally["low"], tally["best"], tally["high"])
    for dims, cells in _marginals(stated).items():
        for cell, figure in cells.items():
            stated.setdefault(dims, {}).setdefault(cell, figure)
    whole = stated.setdefault((), {})
    for cell, figure in _from_breakdowns(stated).items():
        if not any(_covers(other, cell) for other in whole):
            whole[cell] = figure
    return {
        (measure, population, dims): figure
        for dims, cells in stated.items()
        for (measure, population), figure in _tree(cells).items()
    }


def _marginals(stated: Mapping[Dims, Mapping[tuple[str, str], Figure]]) -> dict[Dims, dict[tuple[str, str], Figure]]:
    """What figures by several dims say by each of them alone: of 22 migrants from Central America, 22 are migrants."""
    rows: dict[tuple[Dims, tuple[str, str], tuple[str, ...]], list[Figure]] = {}
    for dims, cells in stated.items():
        for one in dims if len(dims) > 1 else ():
            for cell, figure in cells.items():
                rows.setdefault(((one,), cell, tuple(name for name, _ in dims)), []).append(figure)
    found: dict[Dims, dict[tuple[str, str], Figure]] = {}
    for (single, cell, _), figures in sorted(rows.items()):
        summed = add(figures)
        held = found.setdefault(single, {}).get(cell)
        if held is None or (summed.low or 0) > (held.low or 0):
            found[single][cell] = summed
    return found


def _covers(upper: tuple[str, str], lower: tuple[str, str]) -> bool:
    """Whether one cell contains another (or is it)."""
    return upper[0] in MEASURE_ABOVE[lower[0]] and upper[1] in POPULATION_ABOVE[lower[1]]


def _overlap(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether the same persons could stand in both cells."""
    measures = one[0] in MEASURE_ABOVE[other[0]] or other[0] in MEASURE_ABOVE[one[0]]
    populations = one[1] in POPULATION_ABOVE[other[1]] or other[1] in POPULATION_ABOVE[one[1]]
    return measures and populations


def _from_breakdowns(stated: Mapping[Dims, Mapping[tuple[str, str], Figure]]) -> dict[tuple[str, str], Figure]:
    """What figures with dims say of the whole: rows by the same dims add up; of several breakdowns the fullest."""
    rows: dict[tuple[tuple[str, str], tuple[str, ...]], list[Figure]] = {}
    for dims, cells in stated.items():
        for cell, figure in cells.items():
            if dims:
                rows.setdefault((cell, tuple(name for name, _ in dims)), []).append(figure)
    best: dict[tuple[str, str], Figure] = {}
    for (cell, _), found in sorted(rows.items()):
        summed = add(found)
        if cell not in best or (summed.low or 0) > (best[cell].low or 0):
            best[cell] = summed
    return best


def _tree(cells: Mapping[tuple[str, str], Figure]) -> dict[tuple[str, str], Figure]:
    """The figure at every node over these cells: stated, or the sum of the highest beneath that do not overlap."""
    return {node: add(cells[cell] for cell in taken) for node, taken in _summed(frozenset(cells))}


@lru_cache(4_096)
def _summed(cells: frozenset[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], Sequence[tuple[str, str]]]]:
    """Every node over these cells, with the cells that are summed there. Kept: few combinations fill most records."""
    wanted = sorted(
        {
            (measure, population)
            for lower in cells
            for measure in MEASURE_ABOVE[lower[0]]
            for population in POPULATION_ABOVE[lower[1]]
        }
    )
    found = []
    for node in wanted:
        beneath = sorted((cell for cell in cells if _covers(node, cell)), key=_height)
        taken: list[tuple[str, str]] = []
        for cell in beneath:
            if not any(_overlap(cell, other) for other in taken):
                taken.append(cell)
        found.append((node, tuple(taken)))
    return found


def _height(cell: tuple[str, str]) -> tuple[int, int, tuple[str, str]]:
    """Cells near the roots first."""
    return len(MEASURE_ABOVE[cell[0]]), len(POPULATION_ABOVE[cell[1]]), cell


def add(figures: Iterable[Figure]) -> Figure:
    """The sum; a level that is unknown in one of them is unknown in the sum, but a low that is unknown counts as 0."""
    found = list(figures)
    if len(found) == 1:
        return found[0]
    low = sum(figure.low or 0 for figure in found)
    best = None if any(figure.best is None for figure in found) else sum(figure.best or 0 for figure in found)
    high = None if any(figure.high is None for figure in found) else sum(figure.high or 0 for figure in found)
    return Figure(low, best, high)


def standing(figure: Figure) -> tuple[int, int, int]:
    """The figure with what stands in for the unknown: low for best, best for high (the totals count how often)."""
    low = figure.low if figure.low is not None else 0
    best = figure.best if figure.best is not None else low
    return low, best, figure.high if figure.high is not None else best


Levels = list[int]
"""What is kept of figures that are added up, in the order of `SUMMED`."""
SUMMED = (*LEVELS, "incidents", "lower_bound_only", "open_ended")
"""What totals tell of a measure: the levels, how many figures, and of how many best and high are unknown."""


def levels_of(figure: Figure) -> Levels:
    """One figure, as it is added up."""
    return [*standing(figure), 1, int(figure.best is None), int(figure.high is None)]


def added(one: Levels, other: Levels) -> Levels:
    """The sum of two."""
    return [*map(add_numbers, one, other)]


def as_told(figures: Mapping[str, Levels]) -> dict[str, dict[str, int]]:
    """Sums by measure as totals tell them, in the order of the vocabulary."""
    return {
        measure: dict(zip(SUMMED, figures[measure], strict=True)) for measure in MEASURE_ABOVE if measure in figures
    }


def from_told(figures: Mapping[str, Mapping[str, int]]) -> dict[str, Levels]:
    """Sums by measure, from what totals tell of them."""
    return {measure: [told[name] for name in SUMMED] for measure, told in figures.items()}


def sums_of(kept: Iterable[str]) -> dict[str, Levels]:
    """The sum of several that are kept as JSON, by measure or by what else they are of."""
    every: dict[str, list[Levels]] = {}
    for told in orjson.loads(f"[{','.join(kept)}]"):
        for measure, levels in told.items():
            if measure in every:
                every[measure].append(levels)
            else:
                every[measure] = [levels]
    return {
        measure: some[0] if len(some) == 1 else [*map(sum, zip(*some, strict=True))] for measure, some in every.items()
    }
