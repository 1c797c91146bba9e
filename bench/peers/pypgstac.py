"""pypgstac: fills a catalogue of STAC items in PostgreSQL; asked for its bulk load alone.

The time that counts is that of `pypgstac load items`, over a file that is written in its own form beforehand. It wants
a point of everything: what has none is put at 0, 0. What serves such a catalogue (stac-fastapi-pgstac) is no answer to
the other workloads: it filters properties by scanning JSON.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from bench.peers.peer import Hit
from bench.peers.postgis import PostgisPeer
from bench.processes import run
from bench.systems import COLUMNS, SUMS, Data, Request, Running

COLLECTION = {
    "id": "incidents",
    "type": "Collection",
    "stac_version": "1.0.0",
    "description": "Generated incidents.",
    "license": "other",
    "links": [],
    "extent": {
        "spatial": {"bbox": [[-180, -90, 180, 90]]},
        "temporal": {"interval": [["1900-01-01T00:00:00Z", None]]},
    },
}
ELSEWHERE = ("id", "lat", "lon")
"""Columns that an item holds outside of its properties."""


class Pypgstac(PostgisPeer):
    """Its command `load items`."""

    name = requirements = package = "pypgstac"

    def fill_database(self, data: Data) -> float:
        """The seconds of loading the items."""
        collection, items = self.folder / "collection.json", self.folder / "items.ndjson"
        collection.write_bytes(orjson.dumps(COLLECTION))
        with data.flat.open(newline="") as rows, items.open("wb") as file:
            file.writelines(orjson.dumps(item(told)) + b"\n" for told in csv.DictReader(rows))
        self._run("migrate")
        self._run("load", "collections", collection, "--method", "insert")
        seconds = self._run("load", "items", items, "--method", "insert")
        items.unlink()
        return seconds

    def _run(self, *words: str | Path) -> float:
        return run((self.installed("pypgstac"), *words, "--dsn", self.url), self.log)

    def start(self, port: int) -> Running:
        """Its database alone, to look at: nothing answers at the port."""
        self.url, database = self.cluster.start()
        return Running(f"http://127.0.0.1:{port}", (database,))

    def request(self, workload: str, hit: Hit) -> Request | None:
        """Nothing is asked of it."""
        return None

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """It answers nothing."""
        return None


def item(told: Mapping[str, str]) -> dict[str, Any]:
    """A row of flat.csv as a STAC item; what is empty is left out."""
    lon, lat = float(told["lon"] or 0), float(told["lat"] or 0)
    day = f"{told['date_start']}T00:00:00Z"
    kept = {name: told[name] for name in COLUMNS if told[name] and name not in ELSEWHERE}
    return {
        "id": told["id"],
        "type": "Feature",
        "stac_version": "1.0.0",
        "collection": COLLECTION["id"],
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "bbox": [lon, lat, lon, lat],
        "properties": kept | {name: int(told[name]) for name in SUMS if told[name]} | {"datetime": day},
        "links": [],
        "assets": {},
    }
