"""Where generated incidents take place: towns in about a hundred countries, as clustered as the real ones."""

import random
from dataclasses import dataclass
from functools import cache

from bench.rows import Drawn
from incidents_api.model import gazetteer

_CODES = """
MX SY AF NG IQ UA CO IN PK CD SO YE ET ML BF PH BR SD MM TR IL SS CM NE CF MZ TH RU LY EG HT VE KE
BD LB GT HN SV ID PE UG BI TD DZ AZ AM GE LK NP IR SA ZA GH CI BJ TG SN GN SL LR RW TZ MW ZM ZW AO
NA BW MG MR MA TN JO KW OM KZ UZ TJ KG MN CN KH LA VN MY PG EC BO PY AR CL UY CR PA NI DO JM CU US
CA GB FR ES IT DE GR RS
"""
COUNTRIES = tuple(_CODES.split())
"""ISO 3166-1 alpha-2 codes; the nth is 1/n as frequent as the first."""
TOWNS = 40
"""Towns in a country at the most; the nth is 1/n as frequent as the first."""


@dataclass(frozen=True, slots=True)
class Town:
    """A place with its units and its point."""

    country: str
    admin1: str | None
    lon: float
    lat: float


def towns(chance: random.Random, drawn: tuple[Drawn, ...]) -> dict[str, list[Town]]:
    """The towns of every country: around the middles of its first-order units, as far away as the real ones are."""
    found = {}
    for country in COUNTRIES:
        own = [place for place in _units() if place.country == country]
        inside = [place for place in own if place.kind == "admin1" and place.lon is not None] or own
        found[country] = [_town(chance, chance.choice(inside), chance.choice(drawn)) for _ in range(TOWNS)]
    return found


@cache
def _units() -> tuple[gazetteer.Place, ...]:
    """The countries and their first-order units, by code."""
    codes = sorted(code for code in gazetteer._codes().codes if code[:2] in COUNTRIES)
    return tuple(place for place in map(gazetteer.unit, codes) if place is not None)


def unit_names() -> list[str]:
    """Every name of them, in small letters: the service searches these, too."""
    return [name.casefold() for place in _units() for name in (place.name, *place.names)]


def _town(chance: random.Random, unit: gazetteer.Place, row: Drawn) -> Town:
    east, north = row.away
    lon = min(179.0, max(-179.0, (unit.lon or 0.0) + east * chance.uniform(0.5, 1.0)))
    lat = min(80.0, max(-80.0, (unit.lat or 0.0) + north * chance.uniform(0.5, 1.0)))
    return Town(unit.country, unit.admin1, round(lon, 5), round(lat, 5))


def zipf(number: int) -> list[float]:
    """Weights, added up, for random.choices."""
    total, found = 0.0, []
    for n in range(1, number + 1):
        total += 1 / n
        found.append(total)
    return found
