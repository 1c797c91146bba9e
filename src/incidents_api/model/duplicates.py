"""Duplicates: how likely two incidents are the same one, told in parts; and where to look for the like of one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from incidents_api.model import vocabulary
from incidents_api.model.figures import Figure, figures
from incidents_api.model.gazetteer import fold
from incidents_api.model.places import EARTH_KM, PRECISE, direction, main_place
from incidents_api.model.wire import Record

KM, DAYS, MIN_SCORE = 20.0, 3, 0.7
"""What a pair may lie apart, and the score from which it is told, where nobody asks for anything else."""

WEIGHTS: Mapping[str, float] = {
    "date": 0.25, "place": 0.25, "counts": 0.15, "actors": 0.15, "type": 0.1, "words": 0.1,
}  # fmt: skip
"""What each part adds to the score at the most. What is not known of one of the two adds nothing."""

LONGEST = 31
"""An incident whose days are known no better than this is compared with nothing: half the store would be like it."""

_KIN = (
    {"kidnapping", "hostage_taking", "enforced_disappearance", "unlawful_detention", "missing_person", "hijacking"},
    {"trafficking_in_persons", "migrant_smuggling", "forced_labour", "forced_recruitment", "sexual_violence"},
    {"rescue_operation", "release", "escape", "raid", "search_operation", "arrest"},
    {"armed_clash", "attack", "killing", "explosion_remote", "remains_found", "raid"},
    {"extortion", "threat", "home_invasion", "robbery_property"},
)
"""Types that two people may give to one incident."""

_DATASETS = frozenset(
    scheme for listed in vocabulary.LISTS.values() for code in listed.codes.values() for scheme in code.crosswalk
)
"""Datasets that number incidents, as far as the vocabulary knows them: there two numbers are two incidents."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How far apart a pair may lie, in kilometres and days, and the least score that is told."""

    km: float = KM
    days: int = DAYS
    min_score: float = MIN_SCORE


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two incidents are, from 0 to 1: every part with what it is of 1, and the distances where known."""

    score: float
    why: Mapping[str, float]
    days_apart: int
    km_apart: float | None

    def wire(self) -> dict[str, Any]:
        """The members of an answer."""
        return {"score": self.score, "why": dict(self.why), "days_apart": self.days_apart, "km_apart": self.km_apart}


@dataclass(frozen=True, slots=True)
class Traits:
    """What of an incident is compared."""

    id: str
    types: tuple[str, ...]
    first: date
    last: date
    country: str | None
    admin1: str | None
    point: tuple[float, float] | None
    actors: frozenset[str]
    counts: Mapping[str, Figure]
    words: frozenset[str]
    rows: Mapping[str, str]
    related: frozenset[str]
    wholes: frozenset[str]
    total: bool


def traits(record_id: str, record: Record) -> Traits | None:
    """What is compared of an incident; None where its days or its country are not known well enough."""
    days = span(record["date"]["earliest"], record["date"]["latest"])
    place = main_place(record)
    if days is None or place.get("country") is None:
        return None
    precise = place["precision"] in PRECISE and place["lon"] is not None
    quotes = [claim["quote"]["text"] for claim in record["claims"] if claim["quote"] is not None]
    texts = [record["title"] or "", record["summary"] or "", *quotes]
    return Traits(
        id=record_id,
        types=(record["type"], *record["secondary_types"]),
        first=days[0],
        last=days[1],
        country=place["country"],
        admin1=place["admin1"],
        point=(place["lon"], place["lat"]) if precise else None,
        actors=frozenset(one["actor_id"] for one in record["actors"]),
        counts=figures(record),
        words=frozenset(word for text in texts for word in fold(text).split() if len(word) > 3 or word.isdigit()),
        rows={scheme: value for scheme, value in record["external_ids"].items() if scheme in _DATASETS},
        related=frozenset(one["incident_id"] for one in record["relations"]),
        wholes=frozenset(one["incident_id"] for one in record["relations"] if one["type"] == "part_of"),
        total=record["granularity"] == "period_total",
    )


def brief(record_id: str, record: Record) -> dict[str, Any]:
    """What is told of an incident that is one of a pair."""
    place = main_place(record)
    told = {"id": record_id, "type": record["type"], "title": record["title"], "date": record["date"]["edtf"]}
    return told | {"place": place.get("name")} | {name: place.get(name) for name in ("country", "admin1")}


def span(earliest: str | None, latest: str | None) -> tuple[date, date] | None:
    """The first and last day of a date that is known to within LONGEST days."""
    try:
        first, last = date.fromisoformat(str(earliest)[:10]), date.fromisoformat(str(latest)[:10])
    except ValueError:
        return None
    return (first, last) if (last - first).days < LONGEST else None


def likeness(one: Traits, other: Traits, asked: Asked) -> Likeness | None:
    """How alike two incidents are; None for a pair that is no candidate.

    No candidates are: what lies too far apart, what is related already (somebody looked at both), parts of one whole,
    an incident and a total for a period, and rows of one dataset, which tells them apart by their numbers.
    """
    related = other.id in one.related or one.id in other.related or bool(one.wholes & other.wholes)
    told_apart = any(other.rows.get(scheme, value) != value for scheme, value in one.rows.items())
    if related or told_apart or one.total != other.total:
        return None
    days = max(0, (max(one.first, other.first) - min(one.last, other.last)).days)
    km = _km(one.point, other.point)
    place = _place(one, other, km, asked.km)
    if days > asked.days or place is None:
        return None
    longer = max((each.last - each.first).days + 1 for each in (one, other))
    parts = {
        "date": (1 - days / (asked.days + 1)) * min(1.0, 7 / longer),
        "place": place,
        "counts": _counts(one.counts, other.counts),
        "actors": _shared(one.actors, other.actors),
        "type": _type(one.types, other.types),
        "words": _shared(one.words, other.words),
    }
    score = round(sum(WEIGHTS[name] * value for name, value in parts.items()), 3)
    if score < asked.min_score:
        return None
    rounded = {name: round(value, 3) for name, value in parts.items()}
    return Likeness(score, rounded, days, None if km is None else round(km, 3))


def _km(one: tuple[float, float] | None, other: tuple[float, float] | None) -> float | None:
    if one is None or other is None:
        return None
    return 2 * EARTH_KM * math.asin(min(1.0, math.dist(direction(*one), direction(*other)) / 2))


def _place(one: Traits, other: Traits, km: float | None, most: float) -> float | None:
    """By distance between places; where one is known only by its unit, little for the same unit."""
    if km is not None:
        return 1 - km / (most or 1) / 2 if km <= most else None
    if one.country != other.country:
        return None
    if None in (one.admin1, other.admin1):
        return 0.2
    return 0.4 if one.admin1 == other.admin1 else None


def _type(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    if one[0] == other[0]:
        return 1.0
    kin = any({one[0], other[0]} <= group for group in _KIN)
    return 0.5 if kin or one[0] in other or other[0] in one else 0.0


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    """The part of the smaller set that the other holds, too."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def _counts(one: Mapping[str, Figure], other: Mapping[str, Figure]) -> float:
    """How near the figures of the measures come that both speak of: smaller by larger, on average."""
    near = [_near(one[measure], other[measure]) for measure in one.keys() & other.keys()]
    return sum(near) / len(near) if near else 0.0


def _near(one: Figure, other: Figure) -> float:
    if one.best is not None and other.best is not None:
        return min(one.best, other.best) / max(one.best, other.best) if max(one.best, other.best) else 1.0
    lows = [each.low if each.low is not None else 0 for each in (one, other)]
    highs = [each.high if each.high is not None else math.inf for each in (one, other)]
    return 0.8 if max(lows) <= min(highs) else 0.0


# --- Where to look -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """Where the like of one incident can be: days and a box, for look-ups by index.

    `reached`: the day that a candidate must reach; one that lasted may have begun as early as `since`. `around`: from
    which day on the box counts beyond the unit as well. The box is the whole world where there is no point.
    """

    id: str
    country: str
    admin1: str | None
    began: str
    since: str
    reached: str
    until: str
    around: str
    west: float
    south: float
    east: float
    north: float


def window(one: Traits, asked: Asked) -> Window:
    """The window of an incident: `until` is its own last day and the days asked for."""
    reached, until = one.first - _days(asked.days, one.first), one.last + _days(asked.days, date.max - one.last)
    beyond = one.point is not None or one.admin1 is None
    west, south, east, north = _box(one.point, asked.km)
    return Window(
        id=one.id,
        country=str(one.country),
        admin1=one.admin1,
        began=one.first.isoformat(),
        since=(reached - _days(LONGEST, reached)).isoformat(),
        reached=reached.isoformat(),
        until=until.isoformat(),
        around=reached.isoformat() if beyond else _NEVER,
        west=west,
        south=south,
        east=east,
        north=north,
    )


_NEVER = "9999-12-32"


def _days(wanted: int, room: date | timedelta) -> timedelta:
    """So many days, or as many as the calendar has left."""
    left = (room - date.min) if isinstance(room, date) else room
    return min(timedelta(days=wanted), left)


def _box(point: tuple[float, float] | None, km: float) -> tuple[float, float, float, float]:
    """West, south, east and north of all that lies so near; where that crosses a pole or the antimeridian, a belt."""
    if point is None:
        return -180.0, -90.0, 180.0, 90.0
    reach = math.degrees(km / EARTH_KM) + 1e-9
    south, north = point[1] - reach, point[1] + reach
    widest = math.cos(math.radians(min(89.9, max(abs(south), abs(north)))))
    west, east = point[0] - reach / widest, point[0] + reach / widest
    if west < -180 or east > 180 or south < -89 or north > 89:
        west, east = -180.0, 180.0
    return west, south, east, north
