"""Audiences: who may see what of a record, and the one view of it that the public is given; no clock, no store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from incidents_api.model import gazetteer, vocabulary
from incidents_api.model.kinds import Kind
from incidents_api.model.revision import derived_id
from incidents_api.model.wire import Record, dated

HIDDEN, COARSENED = "hidden", "coarsened"
"""What the public sees of an incident that is closed to it: nothing, or its coarsened view."""

PUBLISHED = ("published", "verified")
"""Review statuses that anybody sees, unless the settings say otherwise."""


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom an answer is.

    `full`: sees closed incidents whole. `statuses`: review statuses of which it sees everybody's incidents; None: all.
    `author`: the name whose own incidents it sees at any status. `now`: the moment (as the log spells it) against which
    embargoes are judged; the default is before all of them, so what is held stays hidden.
    """

    full: bool = False
    statuses: tuple[str, ...] | None = PUBLISHED
    author: str | None = None
    now: str = ""

    @property
    def mark(self) -> str:
        """Stands for everything that tells this audience from another at one moment; for ETags and kept files."""
        return f"{self.full}|{self.statuses}|{self.author if self.statuses is not None else ''}"

    def opens(self, audience: int | None, turns: str | None) -> bool:
        """Whether a row of the query tables shows this audience an incident whole (storage/tables.py: the columns)."""
        return audience is None or self.full or (turns is not None and turns <= self.now)

    def sees(self, status: str, owner: str | None) -> bool:
        """Whether review lets this audience see an incident: of that status, made by `owner`."""
        return self.statuses is None or status in self.statuses or (self.author is not None and self.author == owner)

    def view(self, kind: Kind, record: Record, treatment: str, owner: str | None = None) -> Record | None:
        """What this audience sees of a record; `owner` is the name that made it. None: there is no such record."""
        if kind.name == "incident" and not self.sees(record["review"]["status"], owner):
            return None
        return record if self.full else for_public(kind, record, treatment, self.now)


def public_id(record_id: str) -> str:
    """The id under which the query tables keep the public's rows of a closed incident; no answer tells it."""
    return derived_id("public incident", "", record_id)


PUBLIC, EVERYTHING = Audience(), Audience(full=True, statuses=None)
"""Somebody without a key, before any embargo lifts; and who sees all there is."""


def is_closed(record: Record, now: str = "") -> bool:
    """Whether an incident is closed to the public at a moment: restricted, or held until later."""
    hold = record.get("hold_until")
    return record.get("sensitivity") == "restricted" or (hold is not None and hold > now)


def for_public(kind: Kind, record: Record, treatment: str, now: str = "") -> Record | None:
    """The public's view of a record: itself where nothing closes it; else None (hidden) or coarsened."""
    if kind.name != "incident" or not is_closed(record, now):
        return record
    return coarsened(record) if treatment == COARSENED else None


EXPOSED = ("victim", "intended_target", "witness", "informant")
PERSONS = ("civilian_individual", "civilians_group")
"""Roles and types of actors by which a closed incident could point at somebody who is in danger."""


def is_exposed(role: str, actor_type: str) -> bool:
    """Whether an actor of a closed incident must not be named in a record of its own, which everybody sees."""
    return role in EXPOSED or actor_type in PERSONS


def not_named(actor_type: str) -> str:
    """What such an actor is called in its record; the incident itself keeps the name as reported."""
    return f"{vocabulary.LISTS['actor_type'].codes[actor_type].label} (not named)"


def coarsened(record: Record) -> dict[str, Any]:
    """A closed incident without what could lead to the people in it (DESIGN.md section 5, Access).

    What happened, in which month and first-order unit, and how many people: codes and figures alone. Nothing that
    somebody wrote or was quoted with stays, nor who took part, nor what leads to a source, another record or a row
    elsewhere, nor a figure that breaks people down by who they are.
    """
    claims = [_claim(claim) for claim in record["claims"] if not claim["dims"]]
    kept = {claim["id"] for claim in claims}
    return {
        "type": record["type"],
        "secondary_types": record["secondary_types"],
        "stage": record["stage"],
        "granularity": record["granularity"],
        "title": None,
        "summary": None,
        "date": _months(record["date"]) | {"basis": None, "evidence": []},
        "locations": _units(record["locations"]),
        "actors": [],
        "claims": claims,
        "tallies": [
            tally | {"claims": [claim for claim in tally["claims"] if claim in kept], "flags": []}
            for tally in record["tallies"]
            if not tally["dims"]
        ],
        "relations": [],
        "captivity": None,
        "tags": [],
        "evidence": [],
        "external_ids": {},
        "review": {"status": record["review"]["status"], "by": None, "reason": None, "chosen": []},
        "sensitivity": "restricted",
        "hold_until": None,
        "raw": None,
    }


def _months(date: Record) -> dict[str, Any]:
    """The month or months that a date lies in, or lasted through; a year where it is known no better."""
    first, last = (day and day[:7] for day in (date["earliest"], date["latest"]))
    if not first and not last:
        return dated(None)
    if first == last:
        edtf = first
    elif first and last and date["kind"] == "within" and (first[-3:], last) == ("-01", f"{first[:4]}-12"):
        edtf = first[:4]
    elif date["kind"] == "within":
        edtf = f"[{first or ''}..{last or ''}]"
    else:
        edtf = f"{first or '..'}/{last or '..'}"
    return dated(edtf) | {"kind": date["kind"]}


def _units(places: Sequence[Record]) -> list[dict[str, Any]]:
    """The first-order units, or countries where those are unknown, each once in its role."""
    precisions = vocabulary.codes("location_precision")
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for place in places:
        code = place["admin1"] or place["country"]
        unit = code and gazetteer.unit(code)
        if not unit:
            continue
        least = "adm1" if place["admin1"] else "country"
        coarsest = max(place["precision"], least, key=precisions.index)
        found.setdefault(
            (place["role"], code),
            {
                "role": place["role"],
                "location_id": derived_id("location", "iso3166", code),
                "name": unit.name,
                "country": place["country"],
                "admin1": place["admin1"],
                "lon": None,
                "lat": None,
                "precision": coarsest if coarsest != "unknown" else least,
                "evidence": [],
            },
        )
    return list(found.values())


_FIGURES = ("id", "measure", "population", "value", "low", "high", "qualifier", "in_headline")


def _claim(claim: Record) -> dict[str, Any]:
    """The figure of a claim without words, source and links; its dims are empty."""
    told = ("dims", "verbatim", "unit", "attributed_to", "as_of", "source_id", "quote", "note", "links")
    nothing: dict[str, Any] = dict.fromkeys(told) | {"dims": {}, "links": []}
    return nothing | {name: claim[name] for name in _FIGURES}
