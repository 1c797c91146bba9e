"""A row of CSV in the columns of the export as a report: what the columns can say, and no more."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from incidents_api.errors import Fault, Invalid
from incidents_api.model import vocabulary
from incidents_api.model.figures import EVERYBODY
from incidents_api.model.kinds import KINDS
from incidents_api.model.vocabulary import suggest

ENVELOPE = ("id", "version", "seq", "recorded_at", "recorded_by")
"""What the log gives; of these only `id` says which record is meant."""
_LEVELS = ("low", "best", "high")

_PLAIN: Mapping[str, Mapping[str, str]] = {
    "incident": {name: name for name in ("type", "stage", "granularity", "title", "summary", "sensitivity")}
    | {"date_edtf": "date"},
    "actor": {name: name for name in ("name", "type", "country", "description")} | {"parent": "parent"},
    "location": {name: name for name in ("name", "kind", "country", "admin1", "precision")} | {"parent": "parent"},
    "source": {
        name: name
        for name in (
            "kind", "title", "publisher", "author", "url", "language", "licence", "assessment", "reliability", "note",
            "fingerprint",
        )
    }
    | {"date_edtf": "published"},
    "statistic": {name: name for name in ("indicator", "title", "note")} | {"date_edtf": "period"},
}  # fmt: skip
"""Columns that hold a member as it is."""
_MANY: Mapping[str, Mapping[str, str]] = {
    "incident": {"secondary_type": "secondary_types", "tag": "tags"},
    "actor": {"alias": "aliases"},
    "location": {"alias": "aliases"},
}
"""Columns that hold the values of a list, with a semicolon between them."""
_TOGETHER: Mapping[str, Sequence[str]] = {
    "incident": (
        "location", "location_name", "country", "admin1", "lon", "lat", "precision", "actor", "actor_name", "role",
        "attribution", "status", "source",
        *(f"{measure}_{level}" for measure in vocabulary.codes("measure") for level in _LEVELS),
    ),
    "actor": ("identified", "source"),
    "location": ("lon", "lat"),
    "statistic": ("location", "country", "admin1", "source", *_LEVELS),
}  # fmt: skip
"""Columns that make a member together."""
_DERIVED = ("earliest", "latest", "date_kind", "date_precision", "year", "month", "measure")
"""Columns that follow from others."""

Reader = Callable[[Sequence[str]], tuple[dict[str, Any], list[Fault]]]


def report_of(kind: str, header: Sequence[str]) -> Reader:
    """What makes a report of the cells of a row; Invalid for a column that is unknown, or stands twice."""
    passed_over = (field.name for field in KINDS[kind].own_fields)  # columns of the export that no cell can carry back
    carried = (*_PLAIN[kind], *_MANY.get(kind, ()), *_TOGETHER.get(kind, ()), "external_id")
    own = tuple(dict.fromkeys((*carried, *ENVELOPE, *_DERIVED, *passed_over)))
    for name in header:
        if name not in own:
            near = suggest(name, own)
            hint = f"; did you mean {near}?" if near else ""
            raise Invalid(f"the column {name[:80]!r} is none of the export of {KINDS[kind].plural}{hint}")
        if header.count(name) > 1:
            raise Invalid(f"the column {name} stands more than once")

    def read(row: Sequence[str]) -> tuple[dict[str, Any], list[Fault]]:
        cells = {name: _plain(cell) for name, cell in zip(header, row, strict=True) if cell.strip()}
        return _Sheet(kind, cells).report()

    return read


def _plain(cell: str) -> str:
    """The cell without the sign by which our exports keep a spreadsheet from running it."""
    return re.sub(r"(^|[;\t\r\n][;\s]*)'(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n])", r"\1", cell).strip()


def _many(cell: str) -> list[str]:
    return [one.strip() for one in cell.split(";") if one.strip()]


class _Sheet:
    """The cells of one row that say something; a blank one says nothing."""

    def __init__(self, kind: str, cells: Mapping[str, str]) -> None:
        self.kind, self.cells = kind, cells
        self.faults: list[Fault] = []

    def report(self) -> tuple[dict[str, Any], list[Fault]]:
        """The report, and what is wrong with the cells."""
        told: dict[str, Any] = {name: self.cells[name] for name in ("id",) if name in self.cells}
        told |= {to: self.cells[name] for name, to in _PLAIN[self.kind].items() if name in self.cells}
        told |= {to: _many(self.cells[name]) for name, to in _MANY.get(self.kind, {}).items() if name in self.cells}
        if "external_id" in self.cells:
            pairs = (one.partition(":") for one in _many(self.cells["external_id"]))
            told["external_ids"] = {scheme: value for scheme, _, value in pairs}
        if self.kind == "incident":
            told |= self._incident()
        elif self.kind == "statistic":
            told |= self._statistic()
        elif self.kind == "location":
            told |= self._numbers("lon", "lat")
        elif "identified" in self.cells:
            told["identified"] = self.cells["identified"].lower() == "true"
        return told, self.faults

    def _fault(self, column: str, detail: str) -> None:
        self.faults.append(Fault(detail, "cell", pointer=f"/{column}"))

    def _numbers(self, *columns: str) -> dict[str, float]:
        found = {}
        for name in columns:
            if name not in self.cells:
                continue
            try:
                found[name] = float(self.cells[name])
            except ValueError:
                self._fault(name, "give a number")
        return found

    def _source(self) -> dict[str, str]:
        sources = _many(self.cells.get("source", ""))
        if len(sources) > 1:
            self._fault("source", "a row has one source; send records with several as NDJSON")
        return {"source": sources[0]} if sources else {}

    def _where(self) -> str | None:
        """The place as one string: an id, or a name with the unit that it lies in."""
        name, unit = self.cells.get("location_name"), self.cells.get("admin1") or self.cells.get("country")
        return self.cells.get("location") or (", ".join(filter(None, (name, unit))) or None)

    def _incident(self) -> dict[str, Any]:
        told: dict[str, Any] = self._source()
        if "status" in self.cells:
            told["review"] = {"status": self.cells["status"]}
        if (where := self._where()) is not None:
            place = {"location": where} | self._numbers("lon", "lat")
            named = {"name": "location_name", "precision": "precision"}
            told["locations"] = [place | {to: self.cells[name] for to, name in named.items() if name in self.cells}]
        told["actors"] = self._actors()
        told["claims"] = [
            {"measure": measure, "population": EVERYBODY} | figure
            for measure in vocabulary.codes("measure")
            if (figure := self._figure(f"{measure}_"))
        ]
        return told

    def _actors(self) -> list[dict[str, Any]]:
        names = _many(self.cells.get("actor", "") or self.cells.get("actor_name", ""))
        how = {}
        for column in ("role", "attribution"):
            codes = _many(self.cells.get(column, ""))
            if len(codes) > 1:
                self._fault(column, f"a row cannot say which actor has which {column}; send such records as NDJSON")
            elif codes:
                how[column] = codes[0]
        return [{"actor": name} | how for name in names]

    def _figure(self, prefix: str) -> dict[str, int]:
        levels = {}
        for level in _LEVELS:
            cell = self.cells.get(f"{prefix}{level}")
            if cell is None:
                continue
            if re.fullmatch(r"\d{1,12}(\.0)?", cell):
                levels[level] = int(cell.partition(".")[0])
            else:
                self._fault(f"{prefix}{level}", "give a whole number, or leave the cell blank where nobody knows")
        if len(levels) == 3 and len(set(levels.values())) == 1:
            return {"value": levels["best"]}
        return {{"best": "value"}.get(level, level): number for level, number in levels.items()}

    def _statistic(self) -> dict[str, Any]:
        told: dict[str, Any] = self._source()
        where = self.cells.get("location") or self.cells.get("admin1") or self.cells.get("country")
        if where is not None:
            told["area"] = where
        figure = self._figure("")
        return told | {"claims": [figure] if figure else []}
