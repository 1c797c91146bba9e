"""Layouts: what the columns of another dataset say, read from its rows and told back from records as they stand now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from incidents_api.model.layouts.cells import CellError, Cells
from incidents_api.model.places import main_place
from incidents_api.model.wire import Record


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing that some columns say together.

    `read` takes it from a row, `of` from a record, `write` gives the cells for it. A row that was imported is told back
    by its own cells as long as `read` of them equals `of` the record: so nothing is lost, and what was edited shows.
    """

    columns: tuple[str, ...]
    read: Callable[[Cells], Any]
    of: Callable[[Record], Any]
    write: Callable[[Any], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a dataset in the order of its newest release, its facets, and the column that holds its ids."""

    name: str
    title: str
    columns: tuple[str, ...]
    numbers: frozenset[str]
    """Columns whose cells are numbers."""
    key: str
    facets: tuple[Facet, ...]

    def row(self, record: Record) -> list[str]:
        """The cells of a record: those it was imported with where it still says the same, else what it says now."""
        own = _canonical(record["raw"] or {})
        if own.get(self.key, "").strip() != record["external_ids"].get(self.name):
            own = {}
        cells = dict.fromkeys(self.columns, "") | {name: own[name] for name in self.columns if name in own}
        for facet in self.facets:
            value = facet.of(record)
            if not own or not _same(facet, own, value):
                cells.update(zip(facet.columns, facet.write(value), strict=True))
        return list(cells.values())


def _same(facet: Facet, cells: Cells, value: Any) -> bool:
    try:
        return bool(facet.read(cells) == value)
    except CellError:
        return False


def canonical(name: str) -> str:
    """The name by which a column is known: "Number Dead", "number_dead" and "NUMBER DEAD " are one."""
    return "_".join("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())


def _canonical(raw: Mapping[str, Any]) -> dict[str, str]:
    return {canonical(name): value for name, value in raw.items() if isinstance(value, str)}


# --- What several layouts share ------------------------------------------------------------------------------------


def tally_of(record: Record, measure: str, population: str) -> tuple[int | None, int | None, int | None]:
    """(low, best, high) of what claims state, as (None, None, None) where none does."""
    for tally in record["tallies"]:
        if tally["measure"] == measure and tally["population"] == population and not tally["dims"]:
            return tally["low"], tally["best"], tally["high"]
    return None, None, None


def of_place(member: str) -> Callable[[Record], Any]:
    """A member of the place where it took place."""
    return lambda record: main_place(record).get(member)


def point_of(record: Record) -> tuple[float, float] | None:
    """(lat, lon) of the incident."""
    place = main_place(record)
    return None if place.get("lat") is None else (place["lat"], place["lon"])


def told(value: object) -> str:
    """A value as a cell; unknown is an empty one."""
    return "" if value is None else str(value)


def inverted(table: Mapping[str, str]) -> dict[str, str]:
    """The first foreign code for each of ours."""
    found: dict[str, str] = {}
    for foreign, own in table.items():
        found.setdefault(own, foreign)
    return found
