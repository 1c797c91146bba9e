"""Throw-away loader: 18,957 rows of UCDP GED become incidents straight through append, until the importer exists."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from incidents_api.model import gazetteer
from incidents_api.model.actor import ActorReport
from incidents_api.model.claims import tallies
from incidents_api.model.revision import derived_id
from incidents_api.model.source import SourceReport
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import dated
from incidents_api.storage.database import Database
from incidents_api.writing.append import Change, append
from incidents_api.writing.resolve import Resolver
from tests.machine import needs

FILE = Path(__file__).parents[3] / "shared" / "data" / "ucdp_ged_mexico_1989-2023_49col.csv"
BATCH = 1_000
SOURCE = {"ucdp": "ged"}
LOADER = Visitor("ucdp", frozenset({"admin"}))
PRECISIONS = {"1": "exact", "2": "near_place", "3": "adm2", "4": "adm1", "5": "linear", "6": "country"}
TYPES = {"1": "armed_clash", "2": "armed_clash", "3": "attack"}

Row = dict[str, str]


def need() -> Path:
    """The file; without it the test is skipped, but never in CI."""
    needs(FILE, f"the rows of UCDP were not read: there is no ../shared/data/{FILE.name} by the repository")
    return FILE


@cache
def rows() -> tuple[Row, ...]:
    """The rows of the file, by column name; cells hold quoted line feeds."""
    with need().open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def admin1_of(name: str) -> str | None:
    """The ISO 3166-2 code of a first-order unit as UCDP writes it; None when the gazetteer knows none."""
    bare = name.removesuffix(" state").strip()
    found = [place for place in gazetteer.find(bare, "MX") if place.kind == "admin1"] if bare else []
    return found[0].admin1 if found else None


def incident_id(row: Row) -> str:
    """The id that follows from the external id."""
    return derived_id("incident", "ucdp", row["id"])


def edtf_of(row: Row) -> str:
    """One day, or one of several: coarse dates happened somewhere within, precise ones lasted."""
    first, last = row["date_start"][:10], row["date_end"][:10]
    if first == last:
        return first
    return f"[{first}..{last}]" if int(row["date_prec"]) > 1 else f"{first}/{last}"


def title_of(row: Row) -> str:
    """The headline of the source where there is one."""
    return " ".join(row["source_headline"].split())[:500] or f"{row['dyad_name']}, {row['where_coordinates']}"[:500]


def figures_of(row: Row) -> tuple[int, int, int]:
    """(low, best, high); a bound on the wrong side of best is moved to best."""
    low, best, high = (int(row[name]) for name in ("low", "best", "high"))
    return min(low, best), best, max(high, best)


@dataclass(frozen=True, slots=True)
class _Known:
    """Ids of what the incidents refer to."""

    places: dict[str | None, str]
    actors: dict[str, str]
    source: str


def _prepare(conn: Connection, found: Sequence[Row]) -> _Known:
    to = Resolver(conn, LOADER)
    places = {
        code: to.location(code or "MX", "/location")
        for code in sorted({admin1_of(row["adm_1"]) for row in found}, key=str)
    }
    actors = {}
    for row in found:
        for side in ("a", "b"):
            if row[f"side_{side}"] not in actors:
                external = {"ucdp": row[f"side_{side}_new_id"]}
                report = ActorReport(name=row[f"side_{side}"], type="organized_crime_group", external_ids=external)
                actors[row[f"side_{side}"]] = to.actor(report, "/actor")
    source = to.source(SourceReport(kind="dataset", title="UCDP GED", external_ids=SOURCE), "/source")
    to.finish()
    append(conn, to.changes, "ucdp")
    return _Known(places, actors, source)


def record_of(row: Row, known: _Known) -> dict[str, Any]:
    """The row as the record that a report of it would compose to."""
    low, best, high = figures_of(row)
    admin1 = admin1_of(row["adm_1"])
    claims = [
        {
            "id": "c1", "measure": "killed", "population": "all", "dims": {},
            "value": best, "low": low, "high": high, "qualifier": "exact", "verbatim": None, "unit": None,
            "attributed_to": None, "as_of": None, "in_headline": False, "source_id": known.source, "quote": None,
            "note": None, "links": [],
        }
    ]  # fmt: skip
    place = {
        "role": "occurred_at", "location_id": known.places[admin1], "name": row["where_coordinates"] or "Mexico",
        "country": "MX", "admin1": admin1, "lon": float(row["longitude"]), "lat": float(row["latitude"]),
        "precision": PRECISIONS[row["where_prec"]], "evidence": [],
    }  # fmt: skip
    one_sided = row["type_of_violence"] == "3"
    roles = ("perpetrator", "intended_target") if one_sided else ("other", "other")
    actors = [
        {
            "actor_id": known.actors[row[f"side_{side}"]], "name": row[f"side_{side}"], "role": role,
            "attribution": "reported_as_fact", "attributed_to": None, "evidence": [],
        }
        for side, role in zip("ab", roles, strict=True)
    ]  # fmt: skip
    return {
        "type": TYPES[row["type_of_violence"]],
        "secondary_types": [],
        "stage": "accomplished",
        "granularity": "series" if row["event_clarity"] == "2" else "single",
        "title": title_of(row),
        "summary": None,
        "date": dated(edtf_of(row)) | {"basis": "stated", "evidence": []},
        "locations": [place],
        "actors": actors,
        "claims": claims,
        "relations": [],
        "captivity": None,
        "tags": [f"dyad-{row['dyad_new_id']}"],
        "evidence": [],
        "external_ids": {"ucdp": row["id"]},
        "review": {"status": "submitted", "by": None, "reason": None, "chosen": []},
        "sensitivity": "public",
        "raw": None,
        "tallies": tallies(claims),
    }


def _batches(found: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(found), BATCH):
        yield found[start : start + BATCH]


def load(database: Database) -> None:
    """Store every row."""
    found = rows()
    known = database.write_now(_prepare, found)
    for batch in _batches(found):
        changes = [Change("incident", incident_id(row), 1, "create", record_of(row, known)) for row in batch]
        database.write_now(append, changes, "ucdp")
