"""The real rows that generated incidents are drawn from: texts, dates, places, figures and names of UCDP."""

import csv
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache

from bench import ROOT

FOLDER = ROOT.parent / "shared" / "data"
EVENTS = FOLDER / "ucdp_ged_mexico_1989-2023_49col.csv"
ACTORS = FOLDER / "ucdp_actor_22.1.csv"
CREDIT = "Uppsala Conflict Data Program, GED (Mexico 1989-2023) and Actor Dataset 22.1, CC BY 4.0"
PRECISIONS = {"1": "exact", "2": "near_place", "3": "adm2", "4": "adm1", "5": "linear", "6": "country"}
TYPES = {"1": "armed_clash", "2": "armed_clash", "3": "attack"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is taken of a real row. `days`: how long its span is; `within`: happened on one day of the span.

    `away`: how far its point lies from the middle of its state, in degrees of longitude and latitude.
    """

    title: str
    text: str
    place: str
    type: str
    precision: str
    away: tuple[float, float]
    first: date
    days: int
    within: bool
    figures: tuple[int, int, int]


def missing() -> str | None:
    """Why there is nothing to draw from; None when there is."""
    absent = [path.name for path in (EVENTS, ACTORS) if not path.exists()]
    return f"put {' and '.join(absent)} into ../shared/data beside the repository" if absent else None


@cache
def events() -> tuple[Drawn, ...]:
    """Every row of the file."""
    with EVENTS.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    points: dict[str, list[tuple[float, float]]] = {}
    for row in found:
        points.setdefault(row["adm_1"], []).append((float(row["longitude"]), float(row["latitude"])))
    middles = {
        name: (sum(lon for lon, _ in some) / len(some), sum(lat for _, lat in some) / len(some))
        for name, some in points.items()
    }
    return tuple(_drawn(row, middles[row["adm_1"]]) for row in found)


def _drawn(row: dict[str, str], middle: tuple[float, float]) -> Drawn:
    first, last = (date.fromisoformat(row[name][:10]) for name in ("date_start", "date_end"))
    low, best, high = (int(row[name]) for name in ("low", "best", "high"))
    place = plain(row["where_coordinates"]) or "unknown place"
    cited = plain(f"{row['source_article']} {row['where_description']} {row['dyad_name']}".replace('"', ""))
    return Drawn(
        title=plain(row["source_headline"])[:300] or f"{plain(row['dyad_name'])}, {place}",
        text=cited[:600],
        place=place[:120],
        type=TYPES[row["type_of_violence"]],
        precision=PRECISIONS[row["where_prec"]],
        away=(float(row["longitude"]) - middle[0], float(row["latitude"]) - middle[1]),
        first=first,
        days=(last - first).days,
        within=int(row["date_prec"]) > 1,
        figures=(min(low, best), best, max(high, best)),
    )


@cache
def actors() -> tuple[str, ...]:
    """Names of actors of the world, each once."""
    with ACTORS.open(encoding="utf-8-sig", newline="") as file:
        return tuple(dict.fromkeys(plain(row["NameData"])[:200] for row in csv.DictReader(file)))


def plain(text: str) -> str:
    """One line without signs that do not print."""
    kept = "".join(sign if unicodedata.category(sign)[0] not in "CZ" else " " for sign in text)
    return " ".join(kept.split())
