"""GTD: the Global Terrorism Database of START, University of Maryland, in the columns of its codebook."""

import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from incidents_api.importers.draft import Draft, Report, claim, located, rows
from incidents_api.importers.row import Row
from incidents_api.importers.tabular import SHEETS, Columns
from incidents_api.model.layouts import countries
from incidents_api.model.layouts.cells import CellError, Cells, day, line, number, slug, span, squeezed, words

SCHEME = "gtd"
DATASET = {
    "kind": "dataset",
    "title": "Global Terrorism Database (GTD)",
    "publisher": "START, University of Maryland",
    "licence": "GTD terms of use: not to be given on",
    "assessment": "has_incidents",
}
_COLUMNS = Columns(
    "GTD",
    words(
        """
        eventid iyear imonth iday country_txt provstate city latitude longitude specificity summary success attacktype1
        gname nkill nwound ishostkid nhostkid
        """
    ),
    {},
)
_NOT_KNOWN = frozenset({"", "-9", "-99", "-9.0", "-99.0", "unknown", "na", "n/a", "."})
_TYPES = {
    1: "killing", 2: "attack", 3: "explosion_remote", 4: "hijacking", 5: "hostage_taking", 6: "kidnapping",
    7: "robbery_property", 8: "attack", 9: "unknown",
}  # fmt: skip
_PRECISIONS = {1: "city", 2: "adm2", 3: "adm2", 4: "adm1", 5: "country"}
_OUTCOMES = {
    1: "attempted_rescue", 2: "released", 3: "escaped", 4: "killed", 5: "rescued", 6: "combination", 7: "unknown",
}  # fmt: skip
_ANSWERS = {0: "no", 1: "yes"}
_NAMES = re.compile(
    r"(?P<state>\b(?:police|military|army|government)\b)|(?P<gang>\b(?:cartel|mafia|gang)\b)", re.IGNORECASE
)
_PARTIES = (("gname", "1"), ("gname2", "2"), ("gname3", "3"))


class Gtd:
    """The importer of GTD."""

    name = "gtd"
    about = "GTD (Global Terrorism Database, START), CSV or XLSX with its 135 columns or fewer, by name."
    media_types = SHEETS

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """The rows of the file: an incident each, after the dataset, the groups and the reports that it cites."""
        seen: set[int] = set()
        return rows(file, _COLUMNS, SCHEME, lambda draft: _report(draft, seen))


def _report(draft: Draft, seen: set[int]) -> Report:
    cells, take = draft.cells, draft.take
    event = take(_event)
    types = [one for n in "123" if (one := take(_coded, f"attacktype{n}", _TYPES)) is not None] or ["unknown"]
    made: Report = {
        "type": types[0],
        "secondary_types": [one for one in dict.fromkeys(types[1:]) if one != types[0]],
        "stage": {"0": "attempted", "1": "accomplished"}.get(line(cells, "success"), "unknown"),
        "title": squeezed(f"{line(cells, 'attacktype1_txt') or types[0].replace('_', ' ')}, {_place_name(cells)}"),
        "summary": cells.get("summary", "").strip()[:10_000] or None,
        "date": take(_when),
        "locations": [_place(draft)],
        "actors": _actors(draft, event or ""),
        "claims": _claims(draft),
        "captivity": _captivity(draft),
        "relations": [] if event is None else _relations(cells, int(event), seen),
        "source": draft.refer("source", SCHEME, "gtd", DATASET),
        "evidence": _cited(draft),
        "tags": _tags(cells),
        "external_ids": {SCHEME: event},
    }
    if event is not None and not draft.faults:
        seen.add(int(event))
    return made


def _event(cells: Cells) -> str:
    text = line(cells, "eventid").removesuffix(".0")
    if not re.fullmatch(r"\d{12}", text):
        cut = "; a spreadsheet has cut it, keep the column as text" if "E+" in text.upper() else ""
        raise CellError("eventid", f"eventid is {text[:60]!r}, not 12 digits{cut}")
    return text


# --- Cells ---------------------------------------------------------------------------------------------------------


def _known(cells: Cells, column: str) -> float | None:
    """A number; None where it is blank or one of the numbers that stand for unknown (-9, -99)."""
    if cells.get(column, "").strip().lower() in _NOT_KNOWN:
        return None
    return number(cells, column, 1e12)


def _coded(cells: Cells, column: str, table: dict[int, str]) -> str | None:
    found = _known(cells, column)
    if found is not None and found not in table:
        allowed = tuple(map(str, table))
        raise CellError(column, f"{column} is {line(cells, column)!r}; it takes one of {', '.join(allowed)}", allowed)
    return None if found is None else table[int(found)]


def _flagged(cells: Cells, column: str) -> bool:
    return line(cells, column).removesuffix(".0") == "1"


def _when(cells: Cells) -> str:
    """The date as EDTF, never from eventid: a month or day of 0 is unknown, and what was extended lasted."""
    year, month, dom = (_known(cells, name) for name in ("iyear", "imonth", "iday"))
    if not year:
        raise CellError("iyear", "iyear is empty")
    found = f"{int(year):04}"
    if month:
        found += f"-{int(month):02}" + (f"-{int(dom):02}" if dom else "")
    if month and dom:
        checked = day({"iday": found}, "iday")
        until = _resolved(cells) if _flagged(cells, "extended") else None
        if checked is not None and until is not None and until > checked:
            return span(checked, until, lasted=True)
    elif month and month > 12:
        raise CellError("imonth", f"imonth is {line(cells, 'imonth')!r}; it takes 0 to 12")
    return found


def _resolved(cells: Cells) -> str | None:
    """The day on which it was over; GTD writes month/day/year."""
    american = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", line(cells, "resolution"))
    if american is None:
        return day(cells, "resolution")
    return day({"resolution": f"{american[3]}-{american[1]}-{american[2]}"}, "resolution")


def _place_name(cells: Cells) -> str:
    names = (line(cells, name) for name in ("city", "provstate", "country_txt"))
    return next((name for name in names if name.lower() not in _NOT_KNOWN), "unknown place")


def _place(draft: Draft) -> Report:
    cells = draft.cells
    name = line(cells, "country_txt") or "unknown"
    country = countries.country_named(name)
    lat, lon = draft.take(number, "latitude", 90), draft.take(number, "longitude", 180)
    precision = draft.take(_coded, "specificity", _PRECISIONS) or "unknown"

    def elsewhere() -> str:
        return draft.refer("location", SCHEME, slug(f"country {name}"), {"name": name, "kind": "region"})

    admin1 = countries.admin1_named(line(cells, "provstate"), country)
    place: Report = {"location": located(admin1, country, elsewhere), "name": _place_name(cells)}
    if lat is None or lon is None:
        return place
    near = precision == "city" and _flagged(cells, "vicinity")
    return place | {"lat": lat, "lon": lon, "precision": "near_place" if near else precision}


def _actors(draft: Draft, event: str) -> list[Report]:
    """The groups named. Several doubts about one: the weaker word holds."""
    cells = draft.cells
    found = []
    for column, n in _PARTIES:
        name = line(cells, column)
        if name.lower() in _NOT_KNOWN:
            continue
        attribution = "reported_as_fact"
        if _flagged(cells, f"guncertain{n}"):
            attribution = "possible"
        elif _flagged(cells, "compclaim"):
            attribution = "contested"
        elif _flagged(cells, "claimed" if n == "1" else f"claim{n}"):
            attribution = "claimed_by_actor"
        matched = _NAMES.search(name)
        kind = "unknown" if matched is None else "state_unspecified" if matched["state"] else "organized_crime_group"
        generic = name.lower().startswith(("unidentified", "unaffiliated", "individual"))
        value = f"{event} {column}" if generic else name[:200].strip()
        report = {"name": name, "type": kind} | ({"identified": False} if generic else {})
        actor = draft.refer("actor", SCHEME, value, report)
        found.append({"actor": actor, "name": name, "role": "perpetrator", "attribution": attribution})
    return found


def _claims(draft: Draft) -> list[Report]:
    """Figures that are known: all persons first, then parts of them where they are not 0."""
    found = []
    for column, measure, population in (
        ("nkill", "killed", "all"),
        ("nkillter", "killed", "perpetrators"),
        ("nwound", "injured", "all"),
        ("nwoundte", "injured", "perpetrators"),
        ("nhostkid", "kidnapped", "hostages"),
        ("nreleased", "freed", "hostages"),
        ("nperps", "participants", "perpetrators"),
        ("nperpcap", "arrested", "perpetrators"),
    ):
        value = draft.take(_known, column)
        hostages = population == "hostages" and not _flagged(draft.cells, "ishostkid")
        if value is None or hostages or (value == 0 and column not in ("nkill", "nwound")):
            continue
        if value < 0:
            draft.fault(column, f"{column} is {line(draft.cells, column)!r}, which is no figure")
        elif value.is_integer():
            found.append(claim(measure, population, int(value), column))
        else:
            # A total for several incidents, which GTD has shared out among them.
            low, high = math.floor(value), math.ceil(value)
            more = {"low": low, "high": high, "qualifier": "range", "note": f"{column} {value:g}: a share of a total"}
            found.append({"measure": measure, "population": population, **more})
    return found


def _captivity(draft: Draft) -> Report | None:
    cells, take = draft.cells, draft.take
    if not _flagged(cells, "ishostkid"):
        return None
    held = take(_known, "ndays") or (take(_known, "nhours") or 0) / 24 or None
    amount, paid = take(_known, "ransomamt"), take(_known, "ransompaid")
    return {
        "ransom_demanded": take(_coded, "ransom", _ANSWERS) or "unknown",
        # 0 stands for none as well as for nobody knows: no amount either way.
        "ransom_amount": {"amount": amount, "currency": "USD"} if amount and amount > 0 else None,
        "ransom_paid": "yes" if paid and paid > 0 else "unknown",
        "days_low": held,
        "days_high": held,
        "outcome": take(_coded, "hostkidoutcome", _OUTCOMES),
    }


def _relations(cells: Cells, event: int, seen: set[int]) -> list[dict[str, Any]]:
    """Related incidents that the file has told before; the later of two names the earlier, once."""
    found = dict.fromkeys(int(one) for one in re.findall(r"\d{12}", cells.get("related", "")))
    return [{"type": "related", "incident": f"{SCHEME}:{one}"} for one in found if one in seen and one != event][:200]


def _cited(draft: Draft) -> list[Report]:
    texts = dict.fromkeys(filter(None, (line(draft.cells, f"scite{n}") for n in "123")))
    return [
        {
            "source": draft.refer(
                "source",
                "gtd_report",
                hashlib.sha256(text.encode()).hexdigest()[:16],
                {"kind": "news_article", "title": text},
            )
        }
        for text in texts
    ]


def _tags(cells: Cells) -> list[str]:
    texts = [line(cells, f"{name}{n}_txt") for name in ("targtype", "weaptype") for n in "123"]
    texts += [name for name in ("suicide", "multiple", "doubtterr") if _flagged(cells, name)]
    return list(dict.fromkeys(filter(None, map(slug, texts))))
