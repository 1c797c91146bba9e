"""The columns of the UCDP Georeferenced Event Dataset: what they say of an incident, both ways.

Codes after the UCDP GED codebook (version 22.1): type_of_violence, event_clarity, date_prec, where_prec.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from incidents_api.model import dates
from incidents_api.model.figures import figures
from incidents_api.model.layouts import countries
from incidents_api.model.layouts.cells import (
    CellError,
    Cells,
    code,
    day,
    first,
    line,
    point,
    span,
    squeezed,
    whole,
    words,
)
from incidents_api.model.layouts.facet import Facet, Layout, inverted, of_place, point_of, tally_of, told
from incidents_api.model.revision import derived_id
from incidents_api.model.wire import Record

SCHEME = "ucdp"
COLUMNS = words(
    """
    id relid year active_year code_status type_of_violence conflict_dset_id conflict_new_id conflict_name dyad_dset_id
    dyad_new_id dyad_name side_a_dset_id side_a_new_id side_a side_b_dset_id side_b_new_id side_b number_of_sources
    source_article source_office source_date source_headline source_original where_prec where_coordinates
    where_description adm_1 adm_2 latitude longitude geom_wkt priogrid_gid country country_id region event_clarity
    date_prec date_start date_end deaths_a deaths_b deaths_civilians deaths_unknown best high low gwnoa gwnob
    """
)
NUMBERS = frozenset(
    words("""
    id year active_year type_of_violence conflict_dset_id conflict_new_id dyad_dset_id dyad_new_id side_a_dset_id
    side_a_new_id side_b_dset_id side_b_new_id number_of_sources where_prec latitude longitude priogrid_gid country_id
    event_clarity date_prec deaths_a deaths_b deaths_civilians deaths_unknown best high low gwnoa gwnob
    """)
)
ONE_SIDED = "3"
TYPES = {"1": "armed_clash", "2": "armed_clash", ONE_SIDED: "attack"}
CLARITIES = {"1": "single", "2": "series"}
PLACE_PRECISIONS = {
    "1": "city", "2": "near_place", "3": "adm2", "4": "adm1", "5": "part_of_country", "6": "country", "7": "sea_or_air",
}  # fmt: skip
DATE_PRECISIONS = dict(zip("12345", range(1, 6), strict=True))
DEATHS = {
    "deaths_a": "side_a", "deaths_b": "side_b", "deaths_civilians": "civilians", "deaths_unknown": "unknown",
}  # fmt: skip
"""The columns that part the dead, and the population that each counts; they add up to best."""
_PLACE_CODES = inverted(PLACE_PRECISIONS) | dict.fromkeys(("exact", "vicinity", "locality"), "1") | {"linear": "5"}
_TYPE_CODES = {"armed_clash": "2", "attack": ONE_SIDED, "killing": ONE_SIDED}
_LINEAR = re.compile(r"\b(road|highway|river|border|route|railway|line|pass|corridor)\b", re.IGNORECASE)
_CELLS_PER_DEGREE, _CELLS_AROUND = 2, 720

Figures = tuple[int | None, int | None, int | None]


def place_precision(cells: Cells) -> str:
    """How well the place is known; code 5 is a line where the name says so, else a part of the country.

    Without a point of its own a town is known as well as what stands for it on the map: its unit or country.
    """
    found = code(cells, "where_prec", PLACE_PRECISIONS)
    if found == "part_of_country" and _LINEAR.search(cells.get("where_coordinates", "")):
        return "linear"
    if found in ("city", "near_place") and point(cells) is None:
        return "country" if admin1(cells) is None else "adm1"
    return found


def days(cells: Cells) -> tuple[str, str]:
    """First and last day."""
    first, last = day(cells, "date_start"), day(cells, "date_end")
    first, last = first or last, last or first
    if first is None or last is None:
        raise CellError("date_start", "date_start and date_end are empty")
    if first > last:
        raise CellError("date_end", f"date_end ({last}) lies before date_start ({first})")
    return first, last


def when(cells: Cells) -> str:
    """The date as EDTF.

    Days that are known exactly (date_prec 1) and the days of a series (event_clarity 2) are lasted through; in any
    other case it happened on one of them.
    """
    first, last = days(cells)
    exact = code(cells, "date_prec", DATE_PRECISIONS) == 1
    return span(first, last, lasted=exact or code(cells, "event_clarity", CLARITIES) == "series")


def country(cells: Cells) -> str | None:
    """The country's ISO code, by its Gleditsch-Ward number or else by its name; None for one that is not known."""
    given = whole(cells, "country_id")
    known = countries.BY_GLEDITSCH_WARD.get(given) if given is not None else None
    return known or countries.country_named(line(cells, "country"))


def admin1(cells: Cells) -> str | None:
    """The ISO 3166-2 code of adm_1, where the gazetteer knows the name."""
    return countries.admin1_named(line(cells, "adm_1"), country(cells))


def place_name(cells: Cells) -> str:
    """The place as reported, or the smallest unit named."""
    return first(cells, "where_coordinates", "adm_2", "adm_1", "country")


def title(cells: Cells) -> str:
    """The headlines where there are any, else who met where."""
    return line(cells, "source_headline") or squeezed(f"{line(cells, 'dyad_name')}, {place_name(cells)}")


def deaths(cells: Cells) -> Figures:
    """(low, best, high); a bound on the wrong side of best is moved to best, a bound left blank stays unknown."""
    low, best, high = (whole(cells, name) for name in ("low", "best", "high"))
    if best is None:
        raise CellError("best", "best is empty")
    return (None if low is None else min(low, best)), best, (None if high is None else max(high, best))


def actor_value(cells: Cells, side: str) -> str:
    """The stable id of a side within the scheme ucdp: side_a_new_id, or the older id, or else the name."""
    for name in (f"side_{side}_new_id", f"side_{side}_dset_id"):
        if cells.get(name, "").strip():
            return cells[name].strip().removesuffix(".0")
    return line(cells, f"side_{side}")[:200].strip()


# --- From records --------------------------------------------------------------------------------------------------


def _actor_id(side: str, place: int) -> Facet:
    names = (f"side_{side}_new_id", f"side_{side}_dset_id", f"gwno{side}")
    return Facet(
        names,
        lambda cells: derived_id("actor", SCHEME, actor_value(cells, side)) if line(cells, f"side_{side}") else None,
        lambda record: _actor(record, place, "actor_id"),
        lambda value: ("", "", ""),
    )


def _actor(record: Record, place: int, member: str) -> str | None:
    actors = record["actors"]
    return actors[place][member] if len(actors) > place else None


def _date_cells(edtf: str | None) -> Sequence[str]:
    span_ = None if edtf is None else dates.parse(edtf)
    if span_ is None or (span_.earliest is None and span_.latest is None):
        return ("", "", "", "")
    first, last = span_.earliest or span_.latest or "", span_.latest or span_.earliest or ""
    classes = {"time": 1, "day": 1, "days_2_6": 2, "week": 3, "part_of_month": 4, "month": 4}
    exact = span_.kind == "interval" and edtf is not None and len(edtf) == 21
    return (first, last, str(1 if exact else classes.get(span_.precision, 5)), first[:4])


def _point_cells(value: tuple[float, float] | None) -> Sequence[str]:
    if value is None:
        return ("", "", "", "")
    lat, lon = value
    row = math.floor((min(lat, 89.99) + 90) * _CELLS_PER_DEGREE)
    column = math.floor((min(lon, 179.99) + 180) * _CELLS_PER_DEGREE)
    return (str(lat), str(lon), f"POINT ({lon} {lat})", str(row * _CELLS_AROUND + column + 1))


def _country_cells(value: str | None) -> Sequence[str]:
    return ("", "") if value is None else (countries.name_of(value), told(countries.GLEDITSCH_WARD.get(value)))


def _deaths(record: Record) -> Figures:
    return figures(record).get("killed", (None, None, None))


def _part(column: str, population: str) -> Facet:
    """The dead of one side. UCDP fills every part; where it has 0 there is no claim here."""
    return Facet(
        (column,),
        lambda cells: whole(cells, column) or None,
        lambda record: tally_of(record, "killed", population)[1],
        lambda value: (told(value),),
    )


def _attributed(record: Record) -> str | None:
    found = (claim["attributed_to"] for claim in record["claims"] if claim["measure"] == "killed")
    return next((one for one in found if one), None)


def _cell(column: str, of: Callable[[Record], Any], read: Callable[[Cells], Any] | None = None) -> Facet:
    """A column that holds one text as it is."""
    return Facet((column,), read or (lambda cells: line(cells, column) or None), of, lambda value: (told(value),))


LAYOUT = Layout(
    name=SCHEME,
    title="UCDP Georeferenced Event Dataset (UCDP GED)",
    columns=COLUMNS,
    numbers=NUMBERS,
    key="id",
    facets=(
        _cell("id", lambda record: record["external_ids"].get(SCHEME)),
        # A record that is not UCDP's own is known by our id there.
        _cell("relid", lambda record: None if SCHEME in record["external_ids"] else record["id"], lambda cells: None),
        Facet(
            ("type_of_violence",),
            lambda cells: code(cells, "type_of_violence", TYPES),
            lambda record: record["type"],
            lambda value: (_TYPE_CODES.get(value, ""),),
        ),
        Facet(
            ("event_clarity",),
            lambda cells: code(cells, "event_clarity", CLARITIES),
            lambda record: record["granularity"],
            lambda value: ("1" if value in ("single", "operation") else "2",),
        ),
        Facet(
            ("date_start", "date_end", "date_prec", "year"), when, lambda record: record["date"]["edtf"], _date_cells
        ),
        _cell("source_headline", lambda record: record["title"], title),
        _cell("source_original", _attributed),
        _cell("where_coordinates", of_place("name"), place_name),
        Facet(("where_prec",), place_precision, of_place("precision"), lambda value: (_PLACE_CODES.get(value, ""),)),
        Facet(
            ("adm_1",), admin1, of_place("admin1"), lambda value: ("" if value is None else countries.name_of(value),)
        ),
        Facet(("country", "country_id"), country, of_place("country"), _country_cells),
        Facet(("latitude", "longitude", "geom_wkt", "priogrid_gid"), point, point_of, _point_cells),
        Facet(("low", "best", "high"), deaths, _deaths, lambda value: [told(one) for one in value]),
        *(_part(column, population) for column, population in DEATHS.items()),
        _cell("side_a", lambda record: _actor(record, 0, "name")),
        _cell("side_b", lambda record: _actor(record, 1, "name")),
        _actor_id("a", 0),
        _actor_id("b", 1),
    ),
)
