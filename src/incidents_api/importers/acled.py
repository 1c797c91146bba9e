"""ACLED: Armed Conflict Location & Event Data, as its export tool and its API give it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from incidents_api.importers.draft import Draft, Report, located, rows
from incidents_api.importers.row import Row
from incidents_api.importers.tabular import SHEETS, Columns
from incidents_api.model.layouts import acled
from incidents_api.model.layouts.cells import CellError, Cells, code, line, needed, point, slug, squeezed, whole, words

DATASET = {
    "kind": "dataset",
    "title": acled.LAYOUT.title,
    "publisher": "ACLED",
    "licence": "ACLED terms of use: not to be given on",
    "assessment": "has_incidents",
}
_COLUMNS = Columns(
    "ACLED",
    words(
        """
        event_id_cnty event_date time_precision event_type sub_event_type actor1 inter1 actor2 inter2 country admin1
        location latitude longitude geo_precision notes fatalities
        """
    ),
    {"event_id": "event_id_cnty", "event_id_country": "event_id_cnty"},
)
_UNNAMED = re.compile(r"unidentified|unknown", re.IGNORECASE)
_BY_NAME = (
    (re.compile(r"\bPolice\b"), "state_police"),
    (re.compile(r"\b(Military|Army|Navy|Armed) Forces?\b|\bMilitary\b"), "state_military"),
    (re.compile(r"\bCartel\b|\bMafia\b"), "organized_crime_group"),
    (re.compile(r"\bGang\b"), "gang"),
    (re.compile(r"\bPrivate Security\b"), "private_security"),
)
_TYPES = {
    1: "state_unspecified",
    2: "rebel_group",
    3: "militia",
    4: "militia",
    5: "mob",
    6: "protesters",
    7: "civilians_group",
    8: "other",
}


class Acled:
    """The importer of ACLED."""

    name = "acled"
    about = (
        "ACLED (Armed Conflict Location & Event Data), CSV or XLSX with the columns of its export tool or API, by name."
    )
    media_types = SHEETS

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """The rows of the file: an incident each, after the dataset and the actors that it refers to."""
        return rows(file, _COLUMNS, acled.SCHEME, _report)


def _report(draft: Draft) -> Report:
    cells, take = draft.cells, draft.take
    event = take(needed, "event_id_cnty")
    what = line(cells, "sub_event_type") or line(cells, "event_type")
    return {
        "type": take(acled.incident_type),
        "title": squeezed(f"{what}, {acled.place_name(cells)}"),
        "summary": acled.notes(cells) or None,
        "date": take(acled.when),
        "locations": [_place(draft)],
        "actors": _actors(draft, event or ""),
        "claims": _claims(draft),
        "source": draft.refer("source", acled.SCHEME, "acled", DATASET),
        "tags": _tags(cells),
        "external_ids": {acled.SCHEME: event},
    }


def _place(draft: Draft) -> Report:
    cells = draft.cells
    country, at = draft.take(acled.country), draft.take(point)
    precision = draft.take(code, "geo_precision", acled.PLACE_PRECISIONS)

    def elsewhere() -> str:
        name = line(cells, "country") or "unknown"
        return draft.refer("location", acled.SCHEME, slug(f"country {name}"), {"name": name, "kind": "region"})

    unit = None if country is None else draft.take(acled.admin1)
    place: Report = {"location": located(unit, country, elsewhere), "name": acled.place_name(cells) or None}
    if at is None:
        draft.fault("latitude", "latitude and longitude are empty")
        return place
    return place | {"lat": at[0], "lon": at[1], "precision": precision}


def _actors(draft: Draft, event: str) -> list[Report]:
    """Who took part. An unidentified group is an actor of this incident alone, whatever name many of them share."""
    kinds = {line(draft.cells, f"actor{side}"): draft.take(acled.inter, side) for side in "12"}
    found = []
    for name, role in draft.take(acled.parties) or ():
        unnamed = _UNNAMED.match(name) is not None
        value = f"{event} {name}"[:200].strip() if unnamed else name[:200].strip()
        kind = _actor_type(name, kinds.get(name))
        report = {"name": name, "type": kind} | ({"identified": False} if unnamed else {})
        found.append({"actor": draft.refer("actor", acled.SCHEME, value, report), "name": name, "role": role})
    return found


def _actor_type(name: str, inter: int | None) -> str:
    if inter is None or inter in (1, 3, 8):
        found = next((kind for pattern, kind in _BY_NAME if pattern.search(name)), None)
        if found is not None:
            return "foreign_state" if inter == 8 and found == "state_military" else found
    return "unknown" if inter is None else _TYPES[inter]


def _claims(draft: Draft) -> list[Report]:
    """The dead. A bare 0 says that none was reported, which is a lower bound; words of the notes make it a zero."""
    found = draft.take(acled.fatalities)
    claim: Report = {"measure": "killed", "population": "all", "value": found}
    claim["attributed_to"] = line(draft.cells, "source") or None
    claim["as_of"] = draft.take(_coded_on)
    if found == 0:
        said = acled.NO_DEATHS.search(acled.notes(draft.cells))
        if said is not None:
            claim |= {"qualifier": "explicit_zero", "quote": said[0]}
        else:
            claim |= {"qualifier": "at_least", "note": "fatalities 0: no death was reported"}
    return [claim]


def _coded_on(cells: Cells) -> str | None:
    """The day on which ACLED last changed the row: its timestamp counts seconds since 1970."""
    found = whole(cells, "timestamp")
    if found is None:
        return None
    try:
        return datetime.fromtimestamp(found, UTC).date().isoformat()
    except (OverflowError, OSError, ValueError):
        raise CellError("timestamp", f"timestamp is {found}, which is no time") from None


def _tags(cells: Cells) -> list[str]:
    parts = [*line(cells, "tags").split(";"), *(["civilian targeting"] if line(cells, "civilian_targeting") else [])]
    return list(dict.fromkeys(filter(None, map(slug, parts))))
