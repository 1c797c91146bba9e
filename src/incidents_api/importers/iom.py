"""IOM: the Missing Migrants Project of the International Organization for Migration."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

from incidents_api.importers.draft import Draft, Report, claim, located, rows
from incidents_api.importers.row import Row
from incidents_api.importers.tabular import SHEETS, Columns
from incidents_api.model.layouts import countries
from incidents_api.model.layouts.cells import CellError, Cells, code, day, line, needed, slug, squeezed, whole, words

SCHEME = "iom"
DATASET = {
    "kind": "dataset",
    "title": "Missing Migrants Project",
    "publisher": "International Organization for Migration",
    "licence": "CC BY 4.0",
    "assessment": "has_incidents",
}
_DEAD, _MISSING, _TOTAL = "number_dead", "minimum_estimated_number_of_missing", "total_dead_and_missing"
_COLUMNS = Columns(
    "the Missing Migrants Project",
    words(
        f"""
        web_id region reported_date {_DEAD} {_MISSING} {_TOTAL} number_of_survivors number_of_females number_of_males
        number_of_children cause_of_death location_description information_source location_coordinates migration_route
        url source_quality
        """
    ),
    {
        "main_id": "web_id", "incident_id": "web_id", "incident_date": "reported_date",
        "region_of_incident": "region", "no_of_survivors": "number_of_survivors",
        "total_number_of_dead_and_missing": _TOTAL, "location_of_incident": "location_description",
        "coordinates": "location_coordinates",
    },
)  # fmt: skip
_RELIABILITY = {
    "5": "reliable", "4": "usually_reliable", "3": "fairly_reliable", "2": "not_usually_reliable",
    "1": "not_usually_reliable",
}  # fmt: skip
"""Of IOM's source quality: 5 an official source or several NGOs, 4 an NGO or IGO, 3 several media, 2 accounts of
witnesses that nobody confirmed, 1 a single medium."""
_KINDS = {
    "5": "official_statement", "4": "ngo_report", "3": "news_article", "2": "testimony", "1": "news_article",
}  # fmt: skip
_VIOLENT = re.compile(r"\b(shot|stabb|murder|kill|violence|beat|abuse|execut)", re.IGNORECASE)
_REMAINS = re.compile(r"\b(remains|skelet|decompos)", re.IGNORECASE)
_AT_SEA = re.compile(r"\b(off|sea|ocean|coast|nautical|between|channel|unspecified|waters?|en route)\b", re.IGNORECASE)
_POINT = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*")


class Iom:
    """The importer of the Missing Migrants Project."""

    name = "iom"
    about = "The Missing Migrants Project (International Organization for Migration), CSV or XLSX, columns by name."
    media_types = SHEETS

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """The rows of the file: an incident each, after the dataset, its region and the reports that it cites."""
        return rows(file, _COLUMNS, SCHEME, _report)


def _report(draft: Draft) -> Report:
    cells, take = draft.cells, draft.take
    take(code, "source_quality", _RELIABILITY)
    cause, what = line(cells, "cause_of_death"), line(cells, "location_description")
    date = take(day, "reported_date")
    if date is None and not draft.faults:
        draft.fault("reported_date", "reported_date is empty")
    tags = (slug(cause), slug(f"route {line(cells, 'migration_route')}") if line(cells, "migration_route") else "")
    return {
        "type": _type(cells),
        "title": squeezed(f"{cause or 'Deaths or disappearances'}: {what or line(cells, 'region')}"),
        "date": date,
        "locations": [_place(draft)],
        "claims": _claims(draft),
        "source": draft.refer("source", SCHEME, "missing-migrants", DATASET),
        "evidence": [{"source": draft.refer("source", "iom_report", key, cited)} for key, cited in _cited(cells)],
        "tags": [tag for tag in dict.fromkeys(tags) if tag],
        "external_ids": {SCHEME: take(needed, "web_id")},
    }


def _type(cells: Cells) -> str:
    """What the row tells of: killings and finds of remains by the cause of death, people missing, or other deaths."""
    cause = cells.get("cause_of_death", "")
    if _VIOLENT.search(cause):
        return "killing"
    if _REMAINS.search(cause):
        return "remains_found"
    return "missing_person" if not line(cells, _DEAD) and line(cells, _MISSING) else "other"


def _place(draft: Draft) -> Report:
    cells = draft.cells
    what, region = line(cells, "location_description"), line(cells, "region") or "unknown region"
    point = draft.take(_point)

    def elsewhere() -> str:
        return draft.refer("location", SCHEME, slug(f"region {region}"), {"name": region, "kind": "region"})

    # Only a place on land that ends in the name of a country is known to lie in it.
    country = None if _AT_SEA.search(what) else countries.country_named(what.rpartition(",")[2].strip())
    place: Report = {"location": located(None, country, elsewhere), "name": what or region}
    if point is None:
        return place
    vague = not what or re.match(r"unspecified", what, re.IGNORECASE)
    return place | {"lat": point[0], "lon": point[1], "precision": "part_of_country" if vague else "near_place"}


def _point(cells: Cells) -> tuple[float, float] | None:
    """Latitude and longitude, which stand in one column, in some rows the other way round."""
    text = cells.get("location_coordinates", "")
    found = _POINT.fullmatch(text)
    if found is None and not text.strip():
        return None
    lat, lon = (float(found[1]), float(found[2])) if found is not None else (999.0, 999.0)
    if _swapped(lat, lon):
        lat, lon = lon, lat
    if abs(lat) > 90 or abs(lon) > 180:
        raise CellError("location_coordinates", f"location_coordinates is {text[:60]!r}; it takes latitude, longitude")
    return lat, lon


def _swapped(lat: float, lon: float) -> bool:
    """Whether they can only be longitude and latitude: no latitude is over 90."""
    return 90 < abs(lat) <= 180 and abs(lon) <= 90


def _claims(draft: Draft) -> list[Report]:
    """Figures of the cells that hold one; a blank is unknown. Sex and age part the dead and missing together."""
    cells, take = draft.cells, draft.take
    common = {"attributed_to": line(cells, "information_source") or None}

    def counted(column: str, measure: str, **more: Any) -> None:
        value = take(whole, column)
        if value is not None:
            found.append(claim(measure, "victims", value, column, **common, **more))

    found: list[Report] = []
    together = "dead and missing"
    counted(_DEAD, "killed")
    counted(_MISSING, "still_missing", qualifier="at_least")
    counted(_TOTAL, "affected", note=together)
    counted("number_of_survivors", "survived")
    counted("number_of_females", "affected", dims={"sex": "female"}, note=together)
    counted("number_of_males", "affected", dims={"sex": "male"}, note=together)
    counted("number_of_children", "affected", dims={"age_group": "child"}, note=together)
    return found


def _cited(cells: Cells) -> Iterator[tuple[str, Report]]:
    """The reports behind the row: one for each address, or one for the words that name them."""
    quality = line(cells, "source_quality")
    title = line(cells, "information_source")
    made = {"kind": _KINDS.get(quality, "other"), "reliability": _RELIABILITY.get(quality, "cannot_be_judged")}
    urls = [found for part in re.findall(r"https?://\S+", cells.get("url", "")) if (found := _url(part))]
    for url in dict.fromkeys(urls):
        yield _key(url), made | {"url": url, "title": title or None}
    if not urls and title:
        yield _key(f"{title}\n{quality}"), made | {"title": title}


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _url(text: str) -> str | None:
    """An address with what is not ASCII written as percents; None for a text that is none."""
    address = quote(text.rstrip(",;"), safe="%/:=&?~#+!$,;'@()*[]")
    return address if re.fullmatch(r"https?://[^\s/?#]+\.[^\s]+", address) and len(address) <= 2_000 else None
