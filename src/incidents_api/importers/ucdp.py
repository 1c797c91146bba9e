"""UCDP GED: the Georeferenced Event Dataset of the Uppsala Conflict Data Program, every release since version 4."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from incidents_api.importers.draft import Draft, Report, claim, located, rows
from incidents_api.importers.row import Row
from incidents_api.importers.tabular import SHEETS, Columns
from incidents_api.model.layouts import ucdp
from incidents_api.model.layouts.cells import Cells, code, line, needed, point, slug, squeezed, whole, words

DATASET = {
    "kind": "dataset",
    "title": ucdp.LAYOUT.title,
    "publisher": "Uppsala Conflict Data Program, Uppsala University",
    "licence": "CC BY 4.0",
    "assessment": "has_incidents",
}
_COLUMNS = Columns(
    "UCDP GED",
    words(
        """
        id type_of_violence side_a side_b where_prec country event_clarity date_prec date_start date_end
        deaths_a deaths_b deaths_civilians deaths_unknown best high low latitude longitude
        """
    ),
    {"best_est": "best", "high_est": "high", "low_est": "low"},
)
_CIVILIANS = "Civilians"
_CITED = re.compile(r"(.*?) ?,(\d{4}-\d{2}-\d{2})(?:[ T][\d:.]*)?,(.*)", re.DOTALL)
_NO_DAY = "1753-01-01"


class Ucdp:
    """The importer of UCDP GED."""

    name = "ucdp"
    about = (
        "UCDP GED (Uppsala Conflict Data Program), CSV or XLSX as published or as HDX gives it out, columns by name."
    )
    media_types = SHEETS

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """The rows of the file: an incident each, after the dataset, the actors and the reports that it cites."""
        return rows(file, _COLUMNS, ucdp.SCHEME, _report)


def _report(draft: Draft) -> Report:
    cells, take = draft.cells, draft.take
    kind = take(code, "type_of_violence", ucdp.TYPES)
    granularity = take(code, "event_clarity", ucdp.CLARITIES)
    tags = [f"{name}-{one}" for name in ("dyad", "conflict") if (one := slug(cells.get(f"{name}_new_id", "")))]
    made: Report = {
        "type": kind,
        "granularity": granularity,
        "title": ucdp.title(cells),
        "date": take(ucdp.when),
        "locations": [_place(draft)],
        "actors": _actors(draft),
        "claims": _claims(draft, tags),
        "source": draft.refer("source", ucdp.SCHEME, "ged", DATASET),
        "evidence": [{"source": draft.refer("source", "ucdp_report", key, cited)} for key, cited in _cited(cells)],
        "external_ids": {ucdp.SCHEME: take(needed, "id")},
    }
    made["tags"] = tags
    return made


def _place(draft: Draft) -> Report:
    cells = draft.cells
    country = draft.take(ucdp.country)

    def elsewhere() -> str:
        name = line(cells, "country") or "unknown"
        return draft.refer(
            "location", ucdp.SCHEME, slug(f"country {cells.get('country_id', '')} {name}"), _region(name)
        )

    unit = None if country is None else ucdp.admin1(cells)
    place: Report = {"location": located(unit, country, elsewhere), "name": ucdp.place_name(cells) or None}
    at = draft.take(point)
    if at is not None:
        place |= {"lat": at[0], "lon": at[1]}
    return place | {"precision": draft.take(ucdp.place_precision)}


def _region(name: str) -> Report:
    return {"name": name, "kind": "region"}


def _actors(draft: Draft) -> list[Report]:
    """Both sides: in one-sided violence who did it and who suffered it, in fighting two that UCDP does not rank."""
    cells = draft.cells
    one_sided = cells.get("type_of_violence", "").strip() == ucdp.ONE_SIDED
    found = []
    for side in "ab":
        name = draft.take(needed, f"side_{side}")
        if name is None:
            continue
        role = ("perpetrator" if side == "a" else "victim") if one_sided else "other"
        key = draft.refer("actor", ucdp.SCHEME, ucdp.actor_value(cells, side), _actor(name))
        found.append({"actor": key, "name": name, "role": role})
    return found


def _actor(name: str) -> Report:
    """An actor by the name that UCDP gives it; what kind of group a non-state side is, the file does not say."""
    kind = "state_unspecified" if name.startswith("Government of ") else "unknown"
    return {"name": name, "type": "civilians_group" if name == _CIVILIANS else kind}


def _claims(draft: Draft, tags: list[str]) -> list[Report]:
    cells, take = draft.cells, draft.take
    figures = take(ucdp.deaths)
    parts = {name: take(whole, name) for name in ucdp.DEATHS}
    together = sum(one or 0 for one in parts.values())
    if figures is None:
        return []
    low, best, high = figures
    moved = [name for name, level in (("low", low), ("high", high)) if level is not None and take(whole, name) != level]
    notes = [f"{name} ({line(cells, name)}) lies on the wrong side of best ({best}): moved to best" for name in moved]
    if together != best:
        notes.append(f"the parts add up to {together}, best is {best}")
    tags += ["bounds-moved"] * bool(moved) + ["parts-differ"] * (together != best)
    whole_claim: Report = {"measure": "killed", "population": "all", "value": best, "low": low, "high": high}
    if 0 in (best, high):
        whole_claim["quote"] = f"best: {line(cells, 'best')}, high: {line(cells, 'high')}, low: {line(cells, 'low')}"
    whole_claim["attributed_to"] = line(cells, "source_original") or None
    whole_claim["note"] = "; ".join(notes)[:500] or None
    return [whole_claim] + [
        claim("killed", population, count, name) for name, population in ucdp.DEATHS.items() if (count := parts[name])
    ]


def _cited(cells: Cells) -> Iterator[tuple[str, dict[str, Any]]]:
    """The reports that the row names, each with the key under which it is known wherever it is cited.

    Since 2017 source_article holds "office,date,headline";"office,date,headline"; before it is free text.
    """
    text = cells.get("source_article", "").strip()
    for part in dict.fromkeys(re.split(r'"\s*;\s*"', text.strip('"'))) if text else ():
        match = _CITED.fullmatch(part.strip())
        report: dict[str, Any] = {"kind": "news_article", "title": squeezed(part)}
        if match is not None:
            report["title"] = squeezed(match[3]) or squeezed(part)
            report["publisher"] = squeezed(match[1]) or None
            report["published"] = None if match[2] == _NO_DAY else match[2]
        if report["title"]:
            yield hashlib.sha256(squeezed(part).encode()).hexdigest()[:16], report
