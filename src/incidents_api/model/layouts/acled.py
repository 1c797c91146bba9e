"""The columns of ACLED (Armed Conflict Location & Event Data): what they say of an incident, both ways."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

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
    needed,
    point,
    span,
    whole,
    words,
)
from incidents_api.model.layouts.facet import Facet, Layout, inverted, of_place, point_of, told
from incidents_api.model.wire import Record

SCHEME = "acled"
COLUMNS = words(
    """
    event_id_cnty event_date year time_precision disorder_type event_type sub_event_type actor1 assoc_actor_1 inter1
    actor2 assoc_actor_2 inter2 interaction civilian_targeting iso region country admin1 admin2 admin3 location latitude
    longitude geo_precision source source_scale notes fatalities tags timestamp
    """
)
NUMBERS = frozenset(words("year time_precision iso latitude longitude geo_precision fatalities timestamp"))

_BATTLES, _PROTESTS, _RIOTS = "Battles", "Protests", "Riots"
_REMOTE, _CIVILIANS, _STRATEGIC = "Explosions/Remote violence", "Violence against civilians", "Strategic developments"
_BY_EVENT = {
    _BATTLES: "armed_clash", _PROTESTS: "protest", _RIOTS: "protest", _REMOTE: "explosion_remote",
    _CIVILIANS: "attack", _STRATEGIC: "other",
}  # fmt: skip
_BY_SUB_EVENT = {
    "abduction/forced disappearance": "kidnapping", "sexual violence": "sexual_violence", "arrests": "arrest",
    "looting/property destruction": "robbery_property",
}  # fmt: skip
"""Where the sub-event says more than the event; an abduction by state forces is an enforced disappearance."""
_VIOLENCE, _DEMONSTRATION, _DEVELOPMENT = "Political violence", "Demonstrations", "Strategic developments"
_CELLS = {
    "armed_clash": (_VIOLENCE, _BATTLES, "Armed clash"),
    "raid": (_VIOLENCE, _BATTLES, "Armed clash"),
    "attack": (_VIOLENCE, _CIVILIANS, "Attack"),
    "killing": (_VIOLENCE, _CIVILIANS, "Attack"),
    "sexual_violence": (_VIOLENCE, _CIVILIANS, "Sexual violence"),
    **dict.fromkeys(
        ("kidnapping", "hostage_taking", "enforced_disappearance", "hijacking", "forced_recruitment"),
        (_VIOLENCE, _CIVILIANS, "Abduction/forced disappearance"),
    ),
    "explosion_remote": (_VIOLENCE, _REMOTE, "Remote explosive/landmine/IED"),
    "protest": (_DEMONSTRATION, _PROTESTS, "Peaceful protest"),
    "arrest": (_DEVELOPMENT, _STRATEGIC, "Arrests"),
    "robbery_property": (_DEVELOPMENT, _STRATEGIC, "Looting/property destruction"),
}
_OTHER = (_DEVELOPMENT, _STRATEGIC, "Other")
TIME_PRECISIONS = {"1": "day", "2": "week", "3": "month"}
PLACE_PRECISIONS = {"1": "city", "2": "near_place", "3": "adm1"}
_PLACE_CODES = inverted(PLACE_PRECISIONS) | {
    "exact": "1", "vicinity": "1", "locality": "1", "adm2": "2", "linear": "3", "part_of_country": "3", "country": "3",
}  # fmt: skip
INTERS = {
    **{str(number): number for number in range(1, 9)},
    "State forces": 1, "Rebel group": 2, "Rebel groups": 2, "Rebel forces": 2, "Political militia": 3,
    "Political militias": 3, "Identity militia": 4, "Identity militias": 4, "Rioters": 5, "Protesters": 6,
    "Civilians": 7, "External/Other forces": 8, "Other forces": 8,
}  # fmt: skip
"""The kind of an actor: a number in older releases, words in newer ones."""
_INTERS = {name.lower(): value for name, value in INTERS.items()}
STATE, CIVILIAN = 1, 7
NO_DEATHS = re.compile(
    r"\b(?:no|without(?: any)?|zero)(?: reported)? (?:fatalities|casualties|deaths)\b"
    r"|\b(?:nobody|no one|no-one)(?: was| were)? (?:killed|died)\b",
    re.IGNORECASE,
)
"""Words of the notes that say that nobody died; a bare 0 only says that no death was reported."""
_HALF_WEEK = timedelta(days=3)

Party = tuple[str, str]
"""Name and role of one that took part."""


def inter(cells: Cells, side: str) -> int | None:
    """The kind of actor 1 or 2; None where the cell is empty."""
    text = line(cells, f"inter{side}").lower().removesuffix(".0")
    if text in ("", "0"):
        return None
    if text not in _INTERS:
        raise CellError(f"inter{side}", f"inter{side} is {text[:60]!r}, which is no kind of actor", tuple(INTERS))
    return _INTERS[text]


def incident_type(cells: Cells) -> str:
    """The type by sub-event, else by event."""
    found = code(cells, "event_type", _BY_EVENT)
    found = _BY_SUB_EVENT.get(line(cells, "sub_event_type").lower(), found)
    return "enforced_disappearance" if found == "kidnapping" and inter(cells, "1") == STATE else found


def when(cells: Cells) -> str:
    """The date as EDTF: the day, the week around it (time_precision 2), or its month (3)."""
    found = day(cells, "event_date")
    if found is None:
        raise CellError("event_date", "event_date is empty")
    match code(cells, "time_precision", TIME_PRECISIONS):
        case "month":
            return found[:7]
        case "week":
            middle = date.fromisoformat(found)
            return span((middle - _HALF_WEEK).isoformat(), (middle + _HALF_WEEK).isoformat())
    return found


def country(cells: Cells) -> str | None:
    """The country's ISO code by its ISO number or else its name."""
    given = whole(cells, "iso")
    known = countries.BY_ISO_NUMBER.get(given) if given is not None else None
    return known or countries.country_named(line(cells, "country"))


def admin1(cells: Cells) -> str | None:
    """The ISO 3166-2 code of admin1, where the gazetteer knows the name."""
    return countries.admin1_named(line(cells, "admin1"), country(cells))


def place_name(cells: Cells) -> str:
    """The place as reported, or the smallest unit named."""
    return first(cells, "location", "admin3", "admin2", "admin1", "country")


def fatalities(cells: Cells) -> int:
    """The dead: reported ones, so that 0 says that none was reported."""
    found = whole(cells, "fatalities")
    if found is None:
        raise CellError("fatalities", "fatalities is empty")
    return found


def parties(cells: Cells) -> list[Party]:
    """Who took part: actor 1, those with it, actor 2, those with it. Only civilians are known to suffer the act."""
    found = []
    for side in "12":
        name = line(cells, f"actor{side}")
        if name:
            found.append((name, "victim" if inter(cells, side) == CIVILIAN else "other"))
        found += [(one, "other") for one in associates(cells, side)]
    return found


def associates(cells: Cells, side: str) -> list[str]:
    """The names of assoc_actor_1 or assoc_actor_2."""
    names = (name.strip() for name in line(cells, f"assoc_actor_{side}").split(";"))
    return [name for name in dict.fromkeys(names) if name]


def notes(cells: Cells) -> str:
    """What happened, in ACLED's words."""
    return cells.get("notes", "").replace("\x00", "").strip()[:10_000]


# --- From records --------------------------------------------------------------------------------------------------


def _date_cells(edtf: str | None) -> Sequence[str]:
    found = None if edtf is None else dates.parse(edtf)
    first = None if found is None else found.earliest or found.latest
    if found is None or first is None:
        return ("", "", "")
    if found.precision in ("days_2_6", "week") and found.kind == "within" and found.earliest and found.latest:
        start, end = date.fromisoformat(found.earliest), date.fromisoformat(found.latest)
        middle = (start + (end - start) // 2).isoformat()
        return (middle, middle[:4], "2")
    exact = found.precision in ("time", "day") or (found.kind == "interval" and found.earliest is not None)
    return (first, first[:4], "1" if exact else "3")


def _country_cells(value: str | None) -> Sequence[str]:
    return ("", "") if value is None else (countries.name_of(value), told(countries.ISO_NUMBER.get(value)))


_SUFFERING = frozenset({"victim", "intended_target"})
_TELLING = frozenset({"informant", "accuser", "information_source", "witness", "investigator"})


def _party_cells(value: list[Party]) -> Sequence[str]:
    """Who acts stands first, with others of that role; who suffers, or else who acts in another role, second."""
    suffering = [name for name, role in value if role in _SUFFERING]
    acting = [(name, role) for name, role in value if role not in _SUFFERING and role not in _TELLING]
    one = [name for name, role in acting if role == acting[0][1]]
    two = suffering or [name for name, role in acting if role != acting[0][1]]
    if not two and len(one) > 1:
        one, two = [one[0], *one[2:]], [one[1]]
    return tuple(cell for names in (one, two) for cell in ((names or [""])[0], "; ".join(names[1:])))


def _fatalities_of(record: Record) -> int | None:
    found = figures(record).get("killed")
    return None if found is None else found.best if found.best is not None else found.low


LAYOUT = Layout(
    name=SCHEME,
    title="ACLED (Armed Conflict Location & Event Data)",
    columns=COLUMNS,
    numbers=NUMBERS,
    key="event_id_cnty",
    facets=(
        Facet(
            ("event_id_cnty",),
            lambda cells: needed(cells, "event_id_cnty"),
            lambda record: record["external_ids"].get(SCHEME, record["id"]),
            lambda value: (value,),
        ),
        Facet(
            ("disorder_type", "event_type", "sub_event_type"),
            incident_type,
            lambda record: record["type"],
            lambda value: _CELLS.get(value, _OTHER),
        ),
        Facet(("event_date", "year", "time_precision"), when, lambda record: record["date"]["edtf"], _date_cells),
        Facet(
            ("actor1", "assoc_actor_1", "actor2", "assoc_actor_2"),
            parties,
            lambda record: [(one["name"], one["role"]) for one in record["actors"]],
            _party_cells,
        ),
        Facet(("country", "iso"), country, of_place("country"), _country_cells),
        Facet(
            ("admin1",), admin1, of_place("admin1"), lambda value: ("" if value is None else countries.name_of(value),)
        ),
        Facet(("location",), place_name, of_place("name"), lambda value: (told(value),)),
        Facet(
            ("latitude", "longitude"),
            point,
            point_of,
            lambda value: ("", "") if value is None else (str(value[0]), str(value[1])),
        ),
        Facet(
            ("geo_precision",),
            lambda cells: code(cells, "geo_precision", PLACE_PRECISIONS),
            of_place("precision"),
            lambda value: (_PLACE_CODES.get(value, ""),),
        ),
        Facet(("fatalities",), fatalities, _fatalities_of, lambda value: (told(value),)),
        Facet(("notes",), notes, lambda record: record["summary"] or record["title"] or "", lambda value: (value,)),
    ),
)
