"""What importers of tables share: a row under way, the records it refers to, and the rows that come of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

from incidents_api.errors import Fault
from incidents_api.importers import tabular
from incidents_api.importers.row import Row
from incidents_api.importers.tabular import Columns
from incidents_api.model.layouts.cells import CellError, Cells

T = TypeVar("T")

REMEMBERED = 100_000
"""So many references are remembered; beyond that their rows come again, which changes nothing."""

Report = dict[str, Any]


@dataclass(slots=True)
class Draft:
    """One row under way: its cells, what is wrong with them, and what its report refers to."""

    cells: Cells
    told: Mapping[tuple[str, str], None]
    faults: list[Fault] = field(default_factory=list)
    shared: dict[tuple[str, str], Report] = field(default_factory=dict)

    def take(self, read: Callable[..., T], *more: Any) -> T | None:
        """What `read` finds in the cells; None and a fault where it cannot be taken."""
        try:
            return read(self.cells, *more)
        except CellError as error:
            fault = Fault(error.detail, "cell", pointer=f"/{error.column}", allowed=error.allowed)
            self.faults += [] if fault in self.faults else [fault]
            return None

    def refer(self, kind: str, scheme: str, value: str, report: Mapping[str, Any]) -> str:
        """`scheme:value` of a record that others refer to as well; its `report` is a row before this one."""
        key = f"{scheme}:{value}"
        if (kind, key) not in self.told:
            self.shared[kind, key] = {**report, "external_ids": {scheme: value}}
        return key

    def fault(self, column: str, detail: str) -> None:
        """Note what is wrong with a cell."""
        self.faults.append(Fault(detail, "cell", pointer=f"/{column}"))


def rows(file: BinaryIO, columns: Columns, scheme: str, report: Callable[[Draft], Report]) -> Iterator[Row]:
    """The rows of a table: for each incident its report, which has its external id, after what it refers to."""
    told: dict[tuple[str, str], None] = {}
    for entry in tabular.read(file, columns):
        if entry.fault is not None:
            yield Row(entry.line, "incident", None, None, entry.text, (entry.fault,))
            continue
        draft = Draft(entry.cells, told)
        found = report(draft)
        value = found.get("external_ids", {}).get(scheme)
        external_id = f"{scheme}:{value}" if value else None
        if draft.faults:
            yield Row(entry.line, "incident", external_id, None, entry.text, tuple(draft.faults))
            continue
        for (kind, key), shared in draft.shared.items():
            if len(told) >= REMEMBERED:
                told.clear()
            told[kind, key] = None
            yield Row(entry.line, kind, key, shared, entry.text)
        found["raw"] = entry.raw
        yield Row(entry.line, "incident", external_id, found, entry.text)


# --- Pieces of reports ---------------------------------------------------------------------------------------------


def claim(measure: str, population: str, value: int, column: str, **more: Any) -> Report:
    """A figure of one cell. A zero is quoted by its column, because a zero needs the words that say so."""
    if value == 0 and "qualifier" not in more:
        more |= {"qualifier": "explicit_zero", "quote": f"{column}: 0"}
    return {"measure": measure, "population": population, "value": value} | more


def located(admin1: str | None, country: str | None, otherwise: Callable[[], str]) -> str:
    """The location of an incident: its first-order unit, else its country, else what `otherwise` refers to."""
    unit = admin1 or country
    return f"iso3166:{unit}" if unit else otherwise()
