"""AWSD: the Aid Worker Security Database of Humanitarian Outcomes."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from incidents_api.importers.draft import Draft, Report, claim, located, rows
from incidents_api.importers.row import Row
from incidents_api.importers.tabular import SHEETS, Columns
from incidents_api.model import gazetteer
from incidents_api.model.layouts import countries
from incidents_api.model.layouts.cells import CellError, Cells, day, line, needed, number, slug, squeezed, whole, words
from incidents_api.model.vocabulary import suggest

SCHEME = "awsd"
DATASET = {
    "kind": "dataset",
    "title": "Aid Worker Security Database (AWSD)",
    "publisher": "Humanitarian Outcomes",
    "licence": "AWSD terms of use",
    "assessment": "has_incidents",
}
_COLUMNS = Columns(
    "AWSD",
    words(
        """
        incident_id year month day country region district city nationals_killed nationals_wounded nationals_kidnapped
        internationals_killed internationals_wounded internationals_kidnapped total_killed total_wounded total_kidnapped
        total_affected means_of_attack latitude longitude
        """
    ),
    {"admin1": "region", "admin2": "district"},
)
_EXPLOSION = (
    "aerial bombardment", "body-borne ied", "roadside ied", "vehicle-born ied", "landmine/uxo detonation",
    "other explosives", "shelling", "complex attack",
)  # fmt: skip
_MEANS = {
    "kidnapping": "kidnapping", "rape/sexual assault": "sexual_violence", "bodily assault": "attack",
    "shooting": "attack", "unknown": "attack", **dict.fromkeys(_EXPLOSION, "explosion_remote"),
}  # fmt: skip
_ACTORS = {
    "host state": "state_military", "foreign or coalition forces": "foreign_state",
    "police or paramilitary": "state_police", "state: unknown": "state_unspecified", "criminal": "criminal_unspecified",
    "non-state armed group: national": "rebel_group", "non-state armed group: regional": "rebel_group",
    "non-state armed group: global": "rebel_group", "non-state armed group: unknown": "rebel_group",
    "non-state armed group: subnational": "militia", "aid recipient": "other", "staff member": "other",
}  # fmt: skip
_MEASURES = {"killed": "killed", "wounded": "injured", "kidnapped": "kidnapped"}
_EXCLUSIVE = "AWSD counts each person once, as killed, wounded or kidnapped: these were kidnapped and not killed"
_AGENCIES = ("un", "ingo", "icrc", "nrcs_and_ifrc", "nngo", "other")
_NOBODY = frozenset({"", "unknown", "none", "n/a", "na"})


class Awsd:
    """The importer of AWSD."""

    name = "awsd"
    about = "AWSD (Aid Worker Security Database, Humanitarian Outcomes), CSV or XLSX as published, columns by name."
    media_types = SHEETS

    def read(self, file: BinaryIO) -> Iterator[Row]:
        """The rows of the file: an incident each, after the dataset and the groups that it names."""
        return rows(file, _COLUMNS, SCHEME, _report)


def _report(draft: Draft) -> Report:
    cells, take = draft.cells, draft.take
    incident = take(needed, "incident_id")
    kind = _alike(line(cells, "means_of_attack"), _MEANS) or "attack"
    kidnapped = take(whole, "total_kidnapped") or 0
    means = line(cells, "means_of_attack")
    return {
        "type": kind,
        "secondary_types": ["kidnapping"] if kidnapped and kind != "kidnapping" else [],
        "title": squeezed(
            f"{means if means.lower() not in _NOBODY else 'Attack'} on aid workers, {_place_name(cells)}"
        ),
        "summary": cells.get("details", "").strip()[:10_000] or None,
        "date": take(_when),
        "locations": [_place(draft)],
        "actors": _actors(draft, incident or ""),
        "claims": _claims(draft),
        "source": draft.refer("source", SCHEME, "awsd", DATASET),
        "tags": _tags(cells),
        "external_ids": {SCHEME: (incident or "").removesuffix(".0")},
    }


def _alike(text: str, table: Mapping[str, str]) -> str | None:
    """What a word of a list kept by hand means, its typing errors and capitals aside; None where nobody knows."""
    bare = " ".join(text.lower().split())
    if bare in table:
        return table[bare]
    near = suggest(bare, table) if len(bare) > 3 else None
    return None if near is None else table[near]


def _when(cells: Cells) -> str:
    """The date as EDTF, as far as it is known: year, month, day."""
    year, month, dom = (whole(cells, name) for name in ("year", "month", "day"))
    if not year or not 1900 <= year <= 2100:
        raise CellError("year", f"year is {line(cells, 'year')!r}, which is no year")
    if not month:
        return f"{year}"
    if month > 12:
        raise CellError("month", f"month is {line(cells, 'month')!r}; it takes 1 to 12")
    found = f"{year}-{month:02}"
    return (day({"day": f"{found}-{dom:02}"}, "day") or found) if dom else found


def _place_name(cells: Cells) -> str:
    names = (line(cells, name) for name in ("city", "district", "region", "country"))
    return next((name for name in names if name.lower() not in _NOBODY), "unknown place")


def _place(draft: Draft) -> Report:
    """A point of AWSD is where the smallest unit named lies; which unit that is says how well it is known."""
    cells = draft.cells
    name = line(cells, "country") or "unknown"
    unit = gazetteer.unit(line(cells, "country_code").upper())
    country = unit.country if unit is not None else countries.country_named(name)
    lat, lon = draft.take(number, "latitude", 90), draft.take(number, "longitude", 180)

    def elsewhere() -> str:
        return draft.refer("location", SCHEME, slug(f"country {name}"), {"name": name, "kind": "region"})

    admin1 = countries.admin1_named(line(cells, "region"), country)
    place: Report = {"location": located(admin1, country, elsewhere), "name": _place_name(cells)}
    if lat is None or lon is None:
        return place
    known = (code for column, code in _UNITS if line(cells, column).lower() not in _NOBODY)
    return place | {"lat": lat, "lon": lon, "precision": next(known, "country")}


_UNITS = (("city", "city"), ("district", "adm2"), ("region", "adm1"))


def _actors(draft: Draft, incident: str) -> list[Report]:
    """Who attacked. A kind of group without a name is an actor of this incident alone."""
    cells = draft.cells
    kind, name = line(cells, "actor_type"), line(cells, "actor_name")
    named = name.lower() not in _NOBODY
    if not named and kind.lower() in _NOBODY:
        return []
    report: Report = {"name": name if named else kind, "type": _alike(kind, _ACTORS) or "unknown"}
    value = name[:200].strip() if named else f"{incident} actor"
    actor = draft.refer("actor", SCHEME, value, report if named else report | {"identified": False})
    return [{"actor": actor, "name": report["name"], "role": "perpetrator"}]


def _claims(draft: Draft) -> list[Report]:
    """Totals, zeros quoted; then nationals, internationals and sexes as parts of them, where they are not 0."""
    cells, take = draft.cells, draft.take
    country = line(cells, "country_code").upper() or line(cells, "country") or "national"
    found = []
    for word, measure in _MEASURES.items():
        value = take(whole, f"total_{word}")
        more = {"note": _EXCLUSIVE} if measure == "kidnapped" and value else {}
        if value is not None:
            found.append(claim(measure, "victims", value, f"total_{word}", **more))
        for who, nationality in (("nationals", country), ("internationals", "international")):
            if part := take(whole, f"{who}_{word}"):
                dims = {"nationality": nationality}
                found.append(claim(measure, "victims", part, f"{who}_{word}", dims=dims, **more))
    if affected := take(whole, "total_affected"):
        found.append(claim("affected", "victims", affected, "total_affected"))
    return found + [
        claim("affected", "victims", part, f"gender_{sex}", dims={"sex": sex})
        for sex in ("male", "female", "unknown")
        if (part := take(whole, f"gender_{sex}"))
    ]


def _tags(cells: Cells) -> list[str]:
    texts = [line(cells, name) for name in ("attack_context", "location", "motive")]
    texts += [name for name in _AGENCIES if line(cells, name) not in ("", "0", "0.0")]
    # Whether AWSD has confirmed it; the review of this store is its own.
    texts += [f"awsd verified {line(cells, 'verified')}"] if line(cells, "verified") else []
    return list(dict.fromkeys(tag for tag in map(slug, texts) if tag and tag not in _NOBODY))
