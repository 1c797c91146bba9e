"""The place that stands for an incident, points as directions, and what "Culiacán, Sinaloa, Mexico" says."""

import math
from collections.abc import Sequence

from incidents_api.model import gazetteer
from incidents_api.model.wire import Record

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""

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
