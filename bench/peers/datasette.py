"""Datasette: its table API and its route for SQL over one SQLite file, with an index for every workload.

It gets what favours it: rows lie in the order of days in a file that is served as immutable, no page counts its rows
(`_nocount`) or looks for facets, the limits of time and of rows are lifted where they would cut an answer short, and a
column `newest` (day and id) lets a page be sorted by one index, as it sorts by one column alone.

- `datasette`: the table API. It has no totals and no circles; all rows come as CSV alone, streamed page by page.
- `datasette-sql`: `?sql=` with named parameters, so whatever SQLite can do, with an R*Tree for boxes and circles.
- `datasette-1.0`: the coming version, asked for what the stable one lacks: a POST of one row. The token that it asks
  for is left out: its settings let everybody insert.

None of them keeps a log of changes or the past, or speaks CQL2.
"""

import csv
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from bench.peers.peer import Hit, Peer, box_around, csv_ids
from bench.systems import COLUMNS, SUMS, Data, Request, Running, row

KEPT = ", ".join(COLUMNS)
NUMBERS = {"lat": "REAL", "lon": "REAL"} | dict.fromkeys(SUMS, "INTEGER")
TYPES = dict.fromkeys(COLUMNS, "TEXT") | NUMBERS
TYPES |= {"id": "TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16))))"}
"""The default is for rows that come without an id: those of POSTs."""
INDEXES = {
    "newest": "newest",
    "by_country": "country, newest, date_end",
    "by_country_and_type": "country, type, newest",
    "by_point": "lat, lon",
    "of_countries": f"country, date_start, date_end, {', '.join(SUMS)}",
    "of_months": f"country, month, {', '.join(SUMS)}",
}
WORDS = "title, summary, place, actor_a, actor_b"
LAST = "~"
"""Sorts after every id."""
JSON = {"Content-Type": "application/json"}
UNASKED = {"_nocount": 1, "_nofacet": 1, "_nocol": "newest"}


class Datasette(Peer):
    """The table API."""

    name = requirements = package = "datasette"
    mode: Sequence[str] = ("-i",)
    limits: Mapping[str, str] = {"sql_time_limit_ms": "60000", "max_csv_mb": "0"}

    def store(self, data: Data) -> Path:
        """One for all ways to ask."""
        return data.folder / "datasette"

    @property
    def file(self) -> Path:
        """What is served, called `store` by its name."""
        return self.folder / "store.db"

    def fill(self, data: Data) -> None:
        """One table with its indexes, its words for full text search and its points for boxes."""
        columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
        with closing(sqlite3.connect(self.file)) as database, data.flat.open(newline="") as file:
            database.execute("PRAGMA synchronous = OFF")
            database.execute(f"CREATE TABLE incidents ({columns}, newest TEXT AS (date_start || ' ' || id) VIRTUAL)")
            database.execute(f"CREATE TEMPORARY TABLE raw ({KEPT})")
            marks = ", ".join("?" * len(COLUMNS))
            database.executemany(f"INSERT INTO raw VALUES ({marks})", map(_stored, csv.DictReader(file)))
            database.execute(f"INSERT INTO incidents ({KEPT}) SELECT * FROM raw ORDER BY date_start, id")
            for name, told in INDEXES.items():
                database.execute(f"CREATE INDEX {name} ON incidents ({told})")
            database.execute(f'CREATE VIRTUAL TABLE words USING fts5({WORDS}, content="incidents", detail=column)')
            database.execute("INSERT INTO words (words) VALUES ('rebuild')")
            database.execute("CREATE VIRTUAL TABLE points USING rtree(number, south, north, west, east, +lat, +lon)")
            points = "SELECT rowid, lat, lat, lon, lon, lat, lon FROM incidents WHERE lat IS NOT NULL"
            database.execute(f"INSERT INTO points {points}")
            database.commit()
            database.execute("ANALYZE")

    def command(self, port: int) -> Sequence[str | Path]:
        """Its own server."""
        limits = [word for name, value in self.limits.items() for word in ("--setting", name, value)]
        return (self.installed("datasette"), "serve", *self.mode, self.file, "-p", str(port), *limits)

    def request(self, workload: str, hit: Hit) -> Request | None:
        """Filters by column, sorted by `newest`."""
        if workload == "get":
            return Request("GET", f"/store/incidents/{hit['id']}.json?_shape=objects")
        if workload == "export_csv":
            return Request("GET", f"/store/incidents.csv?{urlencode({'_stream': 'on'} | UNASKED)}")
        if workload not in FILTERS:
            return None
        asked = FILTERS[workload](hit) | {"_sort_desc": "newest", "_size": hit["limit"], "_shape": "array"} | UNASKED
        return Request("GET", f"/store/incidents.json?{urlencode(asked)}")

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """The ids of rows, or rows of totals."""
        if workload == "post":
            return None
        if workload == "export_csv":
            return csv_ids(body)
        if workload == "export_ndjson":
            return [orjson.loads(line)["id"] for line in body.splitlines()]
        told = orjson.loads(body)
        if workload in TOTALS:
            return [row(one["key"], one["incidents"], [one[name] for name in SUMS]) for one in told]
        return [one["id"] for one in (told["rows"] if isinstance(told, dict) else told)]


class DatasetteSQL(Datasette):
    """Its route for any SQL."""

    name = "datasette-sql"
    limits: Mapping[str, str] = dict(Datasette.limits) | {"max_returned_rows": "10000000"}

    def request(self, workload: str, hit: Hit) -> Request | None:
        """A statement with named parameters."""
        if workload in EXPORTS:
            kind, shape = EXPORTS[workload]
            return Request("GET", f"/store.{kind}?{urlencode({'sql': f'SELECT {KEPT} FROM incidents'} | shape)}")
        if workload not in STATEMENTS:
            return None
        more = box_around(hit) if workload == "radius" else {}
        asked = {"sql": STATEMENTS[workload], "_shape": "array"} | dict(hit) | more
        return Request("GET", f"/store.json?{urlencode(asked)}")


class DatasetteNext(Datasette):
    """The coming version, for its POST."""

    name = requirements = "datasette-1.0"
    mode = ()
    limits: Mapping[str, str] = {"permissions.insert-row": "true"}

    def store(self, data: Data) -> Path:
        """One of its own, as it writes."""
        return data.folder / self.name

    def start(self, port: int) -> Running:
        """Take out what an earlier run posted, then serve; a write-ahead log makes its durable commits cheaper."""
        with closing(sqlite3.connect(self.file)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("DELETE FROM incidents WHERE length(id) = 32")
            database.commit()
        return super().start(port)

    def request(self, workload: str, hit: Hit) -> Request | None:
        """One row, without our id."""
        if workload != "post":
            return None
        told = {name: value for name, value in hit["flat"].items() if name != "id" and value not in (None, "")}
        return Request("POST", "/store/incidents/-/insert", JSON, orjson.dumps({"row": told}))


def _stored(flat: dict[str, str]) -> list[str | None]:
    return [flat[name] or None if name in NUMBERS else flat[name] for name in COLUMNS]


FILTERS: Mapping[str, Callable[[Hit], dict[str, Any]]] = {
    "list": lambda hit: {
        "country__exact": hit["country"], "date_end__gte": hit["from"], "newest__lte": hit["to"] + LAST,
    },
    "deep": lambda hit: {"newest__lt": f"{hit['after_date']} {hit['after_id']}"},
    "bbox": lambda hit: {
        "lat__gte": hit["south"], "lat__lte": hit["north"], "lon__gte": hit["west"], "lon__lte": hit["east"],
    },
    "text": lambda hit: {"_search": hit["q"]},
    "text_filter": lambda hit: {"_search": hit["q"], "country__exact": hit["country"]},
    "cql_plain": lambda hit: {
        "country__exact": hit["country"], "type__exact": hit["type"], "newest__gte": hit["from"],
    },
}  # fmt: skip
ROWS = f"SELECT {KEPT} FROM incidents WHERE"
LIMIT = "LIMIT CAST(:limit AS INTEGER)"
NEWEST = f"ORDER BY newest DESC {LIMIT}"
LATEST = f"ORDER BY rowid DESC {LIMIT}"
"""The same, as rows lie in the order of days: what finds rows by number needs to look at no other."""
WORD = "SELECT rowid FROM words WHERE words MATCH :q"
IN_BOX = """
    north >= :south AND south <= :north AND east >= :west AND west <= :east
    AND lat BETWEEN CAST(:south AS REAL) AND CAST(:north AS REAL)
    AND lon BETWEEN CAST(:west AS REAL) AND CAST(:east AS REAL)
"""
"""The R*Tree rounds outwards, so the points are asked again."""
HALF = """
    pow(sin(radians(lat - :lat) / 2), 2)
    + cos(radians(lat)) * cos(radians(:lat)) * pow(sin(radians(lon - :lon) / 2), 2)
"""
NEAR = f"2 * 6371.0088 * asin(sqrt({HALF})) <= CAST(:radius_km AS REAL)"
POINTS = f"SELECT number FROM points WHERE {IN_BOX}"
TOTALS = ("totals_country", "totals_month")
ALL = f"count(*) AS incidents, {', '.join(f'sum({name}) AS {name}' for name in SUMS)} FROM incidents"
STATEMENTS = {
    "get": f"{ROWS} id = :id",
    "list": f"{ROWS} country = :country AND date_end >= :from AND newest <= :to || '{LAST}' {NEWEST}",
    "deep": f"{ROWS} newest < :after_date || ' ' || :after_id {NEWEST}",
    "bbox": f"{ROWS} rowid IN ({POINTS} ORDER BY number DESC {LIMIT}) {NEWEST}",
    "radius": f"{ROWS} rowid IN ({POINTS} AND {NEAR} ORDER BY number DESC {LIMIT}) {NEWEST}",
    "text": f"{ROWS} rowid IN ({WORD} {LATEST}) {NEWEST}",
    "text_filter": f"{ROWS} rowid IN ({WORD}) AND country = :country {LATEST}",
    "cql_plain": f"{ROWS} country = :country AND type = :type AND newest >= :from {NEWEST}",
    "totals_country": (f"SELECT country AS key, {ALL} WHERE date_end >= :from AND date_start <= :to GROUP BY country"),
    "totals_month": f"SELECT month AS key, {ALL} WHERE country = :country GROUP BY month",
}
EXPORTS: Mapping[str, tuple[str, dict[str, str]]] = {
    "export_csv": ("csv", {}),
    "export_ndjson": ("json", {"_shape": "array", "_nl": "on"}),
}
