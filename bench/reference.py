"""What every answer must hold: plain SQL and Python over the generated rows, knowing nothing of any system."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from bench.hits import km
from bench.systems import SUMS, Data, row

Hit = Mapping[str, Any]
NEWEST = "ORDER BY date_start DESC, id DESC LIMIT :limit"
OVERLAPS = "country = :country AND date_end >= :from AND date_start <= :to"
AS_BEFORE = """
    SELECT id, country, date_start, date_end FROM flat WHERE id NOT IN (SELECT id FROM earlier)
    UNION ALL SELECT id, country, date_start, date_end FROM earlier
"""
FOUND = "rowid IN (SELECT rowid FROM words WHERE words MATCH :q)"
BOX = "lat BETWEEN :south AND :north AND lon BETWEEN :west AND :east"
AFTER = "date_start <= :after_date AND (date_start < :after_date OR id < :after_id)"
TERMS = "country = :country AND type = :type AND date_start >= :from"
STATEMENTS = {
    "get": "SELECT id FROM flat WHERE id = :id",
    "list": f"SELECT id FROM flat WHERE {OVERLAPS} {NEWEST}",
    "deep": f"SELECT id FROM flat WHERE {AFTER} {NEWEST}",
    "bbox": f"SELECT id FROM flat WHERE {BOX} {NEWEST}",
    "radius": f"SELECT id FROM flat WHERE km(:lon, :lat, lon, lat) <= :radius_km {NEWEST}",
    "text": f"SELECT id FROM flat WHERE {FOUND} {NEWEST}",
    "text_filter": f"SELECT id FROM flat WHERE {FOUND} AND country = :country {NEWEST}",
    "cql": f"SELECT id FROM flat WHERE {TERMS} {NEWEST}",
    "cql_plain": f"SELECT id FROM flat WHERE {TERMS} {NEWEST}",
    "as_of": f"SELECT id FROM ({AS_BEFORE}) WHERE {OVERLAPS} {NEWEST}",
}
"""The ids of each workload, in order."""
TOTALS = {
    "totals_country": ("country", "date_end >= :from AND date_start <= :to"),
    "totals_month": ("month", "country = :country"),
}
"""What rows of totals are grouped by, and of which incidents they are."""


class Reference:
    """The answers as they must be."""

    def __init__(self, data: Data) -> None:
        self._reference = sqlite3.connect(f"file:{data.reference}?mode=ro", uri=True)
        self._reference.execute("PRAGMA cache_size = -500000")
        self._reference.create_function("km", 4, _km, deterministic=True)
        self._known: dict[str, list[list[str]]] = {}

    def answers(self, workload: str, hit: Hit) -> list[list[str]]:
        """Every answer that is right: one, but of totals two, with parts netted and without. Of those the rows are
        sorted, as ids of exports are."""
        asked = f"{workload} {hit}"
        if asked not in self._known:
            self._known[asked] = self._answers(workload, hit)
        return self._known[asked]

    def _answers(self, workload: str, hit: Hit) -> list[list[str]]:
        if workload in TOTALS:
            return [sorted(self._totals(workload, hit, net=net)) for net in (True, False)]
        if workload.startswith("export_"):
            return [self._ids("SELECT id FROM flat ORDER BY id", hit)]
        return [self._ids(STATEMENTS[workload], hit)]

    def close(self) -> None:
        """Let go of the file."""
        self._reference.close()

    def _ids(self, statement: str, hit: Hit) -> list[str]:
        return [found for (found,) in self._reference.execute(statement, dict(hit))]

    def _totals(self, workload: str, hit: Hit, *, net: bool) -> list[str]:
        key, where = TOTALS[workload]
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in SUMS)
        told = self._reference.execute(
            f"SELECT {key}, count(*), {sums} FROM flat WHERE {where} GROUP BY {key}", dict(hit)
        )
        found = {one[0]: list(one[1:]) for one in told}
        if net:
            for group, counted in self._counted_twice(key, where, hit):
                for n, too_many in enumerate(counted, 1):
                    found[group][n] -= too_many
        return [row(group, counts[0], counts[1:]) for group, counts in found.items()]

    def _counted_twice(self, key: str, where: str, hit: Hit) -> list[tuple[str, list[int]]]:
        """Of every whole that is selected: its group, and how much of its figures its selected parts hold already."""
        parts = ", ".join(f"coalesce(sum(part.{name}), 0)" for name in SUMS)
        selected = f"SELECT id, {key}, {', '.join(SUMS)} FROM flat WHERE {where}"
        statement = (
            f"WITH selected AS ({selected}) SELECT whole.{key}, {', '.join(f'whole.{name}' for name in SUMS)}, {parts} "
            "FROM tree JOIN selected AS part ON part.id = tree.part JOIN selected AS whole ON whole.id = tree.whole "
            "GROUP BY whole.id"
        )
        found = []
        for group, *figures in self._reference.execute(statement, dict(hit)):
            own, inside = figures[: len(SUMS)], figures[len(SUMS) :]
            found.append((group, [min(mine or 0, theirs) for mine, theirs in zip(own, inside, strict=True)]))
        return found


def _km(lon: float, lat: float, other_lon: float | None, other_lat: float | None) -> float | None:
    return None if other_lon is None or other_lat is None else km(lon, lat, other_lon, other_lat)
