"""Incidents made up from real rows: each as the report that is sent, and as the flat row that is compared."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from bench import places, rows
from bench.rows import Drawn
from bench.systems import MEASURES
from incidents_api.model.revision import derived_id

SCHEME = "bench"
SEVERAL_CLAIMS, IN_TREES, REVISED, RESTRICTED = 0.10, 0.05, 0.03, 0.01
"""Shares of incidents; those in trees are neither revised nor restricted."""
MEAN_TREE = 4
POINTS = ("exact", "vicinity", "locality", "city")
"""Precisions of places that a box or a circle finds."""
OWN_TYPES = {
    "kidnapping": "kidnapped",
    "hostage_taking": "kidnapped",
    "trafficking_in_persons": "kidnapped",
    "rescue_operation": "rescued",
    "attack": "injured",
    "explosion_remote": "injured",
}
"""Types beside those of the real rows, each with the measure that its figures are of."""

Levels = tuple[int, int | None, int | None]
Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """One incident. `figures`: the tally of each measure; `whole`: the number of the incident that it is part of."""

    number: int
    row: Drawn
    text: str
    type: str
    town: places.Town
    first: date
    last: date
    actors: tuple[int, int]
    source: int
    claims: tuple[Report, ...]
    figures: Mapping[str, Levels]
    granularity: str = "single"
    whole: int | None = None
    restricted: bool = False

    @property
    def id(self) -> str:
        """The id in every system."""
        return id_of(self.number)

    @property
    def placed(self) -> bool:
        """Whether a box or a circle finds it."""
        return self.row.precision in POINTS

    def report(self) -> Report:
        """As our door takes it."""
        town, names = self.town, rows.actors()
        place = {"location": town.admin1 or town.country, "name": self.row.place, "precision": self.row.precision}
        made: Report = {
            "type": self.type,
            "granularity": self.granularity,
            "title": self.row.title,
            "summary": self.text,
            "date": self._edtf(),
            "locations": [place | {"lon": town.lon, "lat": town.lat}],
            "actors": [
                {"actor": f"{SCHEME}:{actor}", "name": names[actor], "role": role}
                for actor, role in zip(self.actors, ("perpetrator", "other"), strict=True)
            ],
            "claims": list(self.claims),
            "source": f"{SCHEME}:{self.source}",
            "external_ids": {SCHEME: str(self.number)},
        }
        if self.whole is not None:
            made["relations"] = [{"type": "part_of", "incident": f"{SCHEME}:{self.whole}"}]
        if self.restricted:
            made["sensitivity"] = "restricted"
        return made

    def _edtf(self) -> str:
        if self.first == self.last:
            return str(self.first)
        return f"[{self.first}..{self.last}]" if self.row.within else f"{self.first}/{self.last}"

    def flat(self) -> list[Any]:
        """Its values for systems.COLUMNS."""
        month, names = str(self.first)[:7], rows.actors()
        point = (self.town.lat, self.town.lon) if self.placed else (None, None)
        told: list[Any] = [
            self.id,
            self.row.title,
            self.text,
            self.type,
            "accomplished",
            self.town.country,
            self.town.admin1,
        ]
        told += [str(self.first), str(self.last), month if month == str(self.last)[:7] else None, *point]
        told += [self.row.place, names[self.actors[0]], names[self.actors[1]], str(self.source), "published"]
        for measure in MEASURES:
            told += standing(self.figures.get(measure))
        return told


def id_of(number: int) -> str:
    """The id of an incident; it follows from its external id."""
    return derived_id("incident", SCHEME, str(number))


def standing(levels: Levels | None) -> list[int | None]:
    """What totals add: low where best is unknown, best where high is; nothing where there is no figure."""
    if levels is None:
        return [None, None, None]
    low, best, high = levels
    best = low if best is None else best
    return [low, best, best if high is None else high]


class Maker:
    """Makes incidents one after the other; the same seed gives the same ones, and a larger number begins alike."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._rows = rows.events()
        self._towns = places.towns(self._chance, self._rows)
        self._countries, self._weights = places.COUNTRIES, places.zipf(len(places.COUNTRIES))
        self._town_weights, self._actor_weights = places.zipf(places.TOWNS), places.zipf(len(rows.actors()))
        self._actors = range(len(rows.actors()))

    def incidents(self) -> Iterator[tuple[Made, Made | None]]:
        """Without end: single ones, each with what it is revised to, if it is; now and then a whole with its parts."""
        number = 0
        while True:
            if self._chance.random() < IN_TREES / (MEAN_TREE - IN_TREES * (MEAN_TREE - 1)):
                for made in self._tree(number):
                    yield made, None
                    number += 1
                continue
            made = self._single(number)
            drawn = self._chance.random()
            if drawn < RESTRICTED:
                yield replace(made, restricted=True), None
            else:
                yield made, self._revision(made) if drawn < RESTRICTED + REVISED else None
            number += 1

    def _revision(self, made: Made) -> Made:
        """The same incident, known better: another figure, and one time in three another day."""
        measure, levels = next(iter(made.figures.items()))
        more = self._chance.randint(1, 9)
        low = levels[0] + more
        claim = _claim(measure, (low, low, low))
        moved = timedelta(days=self._chance.randint(1, 30) if self._chance.random() < 1 / 3 else 0)
        kept = {name: told for name, told in made.figures.items() if name != measure}
        others = [one for one in made.claims if one["measure"] != measure]
        return replace(
            made,
            first=made.first - moved,
            last=made.last - moved,
            claims=(claim, *others),
            figures={measure: (low, low, low), **kept},
        )

    def _single(self, number: int) -> Made:
        chance = self._chance
        row, other = chance.choice(self._rows), chance.choice(self._rows)
        country = chance.choices(self._countries, cum_weights=self._weights)[0]
        town = chance.choices(self._towns[country], cum_weights=self._town_weights)[0]
        kind, measure = row.type, "killed"
        if chance.random() < 0.35:
            kind, measure = chance.choice(list(OWN_TYPES.items()))
        first = _day(row.first, 2024 - int(35 * chance.random() ** 1.6))
        actors = chance.choices(self._actors, cum_weights=self._actor_weights, k=2)
        claims, figures = self._claims(measure, row)
        return Made(
            number=number,
            row=row,
            text=f"{row.text}; {other.text}",
            type=kind,
            town=town,
            first=first,
            last=first + timedelta(days=min(row.days, 3650)),
            actors=(actors[0], actors[1]),
            source=number // 10,
            claims=tuple(claims),
            figures=figures,
        )

    def _claims(self, measure: str, row: Drawn) -> tuple[list[Report], dict[str, Levels]]:
        """The claims of an incident and the tallies that follow from them."""
        chance = self._chance
        low, best, high = (max(1, figure) for figure in row.figures)
        if chance.random() >= SEVERAL_CLAIMS:
            if chance.random() < 0.1:
                at_least = {"measure": measure, "population": "all", "value": low, "qualifier": "at_least"}
                return [at_least], {measure: (low, None, None)}
            figures: dict[str, Levels] = {measure: (low, best, high)}
            claims = [_claim(measure, (low, best, high))]
            if measure in ("killed", "injured") and chance.random() < 0.3:
                beside = "injured" if measure == "killed" else "killed"
                more = chance.choice(self._rows).figures[1] or 1
                figures[beside] = (more, more, more)
                claims.append(_claim(beside, (more, more, more)))
            return claims, figures
        # Two or three sources, each with its own figure; two that agree outweigh the third.
        told = [best, best + chance.randint(0, 5), best + chance.choice((0, 0, 1, 7))][: chance.randint(2, 3)]
        claims = [
            _claim(measure, (one, one, one)) | {"source": f"{SCHEME}:{source}"}
            for source, one in zip(chance.sample(range(20), len(told)), told, strict=True)
        ]
        most = max(told, key=told.count)
        alone = told.count(most) == 1 and len(set(told)) > 1
        return claims, {measure: (min(told), None if alone else most, max(told))}

    def _tree(self, number: int) -> Iterator[Made]:
        """A whole and its parts, near each other; the whole knows of a few more persons than its parts."""
        chance = self._chance
        first = self._single(number)
        levels = [chance.choice(self._rows).figures for _ in range(chance.choice((2, 3, 4)))]
        measure = next(iter(first.figures))
        sums = [max(1, sum(one[n] for one in levels)) for n in range(3)]
        more = chance.choice((0, 0, 1, 5))
        low, best, high = (one + more for one in sums)
        days = chance.randint(0, 40)
        yield replace(
            first,
            granularity="operation",
            last=first.first + timedelta(days=days),
            claims=(_claim(measure, (low, best, high)),),
            figures={measure: (low, best, high)},
        )
        for n, (low, best, high) in enumerate(levels, 1):
            part = self._single(number + n)
            day = first.first + timedelta(days=chance.randint(0, days))
            told = (max(1, low), max(1, best), max(1, high))
            yield replace(
                part,
                town=replace(first.town, lon=part.town.lon, lat=part.town.lat) if chance.random() < 0.5 else first.town,
                first=day,
                last=day,
                claims=(_claim(measure, told),),
                figures={measure: told},
                whole=number,
            )


def _claim(measure: str, levels: tuple[int, int, int]) -> Report:
    low, best, high = levels
    told: Report = {"measure": measure, "population": "all", "value": best}
    return told if low == high else told | {"low": low, "high": high}


def _day(day: date, year: int) -> date:
    return day.replace(year=year, day=min(day.day, 28) if day.month == 2 else day.day)
