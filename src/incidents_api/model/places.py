"""The place that stands for an incident, points as directions, and what "Culiacán, Sinaloa, Mexico" says."""

import math
from collections.abc import Iterable, Sequence

from incidents_api.model import gazetteer, vocabulary
from incidents_api.model.geometry import Box
from incidents_api.model.wire import Record

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""

_PRECISIONS = vocabulary.codes("location_precision")


def as_precise_as(code: str) -> tuple[str, ...]:
    """The codes of precision from the most exact to this one."""
    return _PRECISIONS[: _PRECISIONS.index(code) + 1]


PRECISE = as_precise_as("city")
"""Precisions of points that are places (DESIGN.md section 3, Precision); any other point stands for a unit, and has no
distance to anything."""

_PLACE_ROLES = ("occurred_at", "taken_from", "held_at", "rescued_at", "transferred_to", "transit", "destination")


def main_place(record: Record) -> Record:
    """The location that stands for an incident in columns and groups: where it occurred, else the next best role.

    Where victims come from (`origin`) never stands for the incident. An empty mapping when there is none.
    """
    for role in _PLACE_ROLES:
        for place in record["locations"]:
            if place["role"] == role:
                return place  # type: ignore[no-any-return]
    return {}


def direction(lon: float, lat: float) -> tuple[float, float, float]:
    """The unit vector of a point (WGS 84 degrees, taken as a sphere), so that SQL needs no trigonometry."""
    theta, phi = math.radians(lat), math.radians(lon)
    return math.cos(theta) * math.cos(phi), math.cos(theta) * math.sin(phi), math.sin(theta)


_COARSE = 1_000


def strip(lon: float, precision: str | None) -> int:
    """The strip of the map, one degree of longitude wide, that a point is looked for in: its whole degrees, eastward.

    Points that only stand for a unit have strips of their own, 1,000 further on.
    """
    return math.floor(lon) + (0 if precision in PRECISE else _COARSE)


def strips(spans: Iterable[tuple[float, float]], *, coarse: bool = True) -> list[int]:
    """Every strip that these spans of longitude touch; with `coarse` those of points that stand for units, too.

    The last stands there several times: lengths are 1, 2, 4 and so on, so that few statements are to be made.
    """
    found = _touched(spans, coarse=coarse)
    return found + found[-1:] * ((1 << (len(found) - 1).bit_length()) - len(found))


def _touched(spans: Iterable[tuple[float, float]], *, coarse: bool) -> list[int]:
    found = [one for west, east in spans for one in range(math.floor(west), math.floor(east) + 1)]
    return found + [one + _COARSE for one in found] if coarse else found


def square(lon: float, lat: float, precision: str | None) -> int:
    """The square of the map that a point is looked for in: its whole degrees, northward, within its strip."""
    return 1_000 * strip(lon, precision) + math.floor(lat) + 90


def squares(box: Box, *, coarse: bool) -> list[int]:
    """Every square that a box touches; with `coarse` those of points that stand for units, too."""
    bands = range(math.floor(max(box.south, -90.0)) + 90, math.floor(min(box.north, 90.0)) + 91)
    touched = _touched(((one.west, one.east) for one in box.spans()), coarse=coarse)
    return [1_000 * one + band for one in touched for band in bands]


def chord(km: float) -> float:
    """The straight line, on a sphere of radius 1, between points that lie so many kilometres apart on the earth."""
    return 2 * math.sin(min(km / EARTH_KM, math.pi) / 2)


def scope_of(units: Sequence[str]) -> tuple[str | None, str | None]:
    """(country, admin1) that the parts after a place's name say: ("Sinaloa", "Mexico") or ("MX-SIN",).

    ValueError with the part that is no country or first-order unit, or lies elsewhere than the one after it.
    """
    country = admin1 = None
    for part in reversed(units):
        unit = gazetteer.unit(part) or next(
            (place for place in gazetteer.find(part, country) if place.kind in ("country", "admin1")), None
        )
        if unit is None or unit.kind not in ("country", "admin1") or country not in (None, unit.country):
            raise ValueError(part)
        country, admin1 = unit.country, unit.admin1 if unit.kind == "admin1" else admin1
    return country, admin1
