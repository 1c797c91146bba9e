"""tipg: OGC API Features over PostGIS; read-only, every page counts all that match.

It gets what favours it: compiled parts for its server, no log of requests, no catalogue read again while it serves, an
index for every workload, and functions of the database, which it serves as collections, for what its filters cannot
say: words, circles and sums.

It keeps no log of changes and no past, and writes nothing. All rows in one answer it is not asked for: it makes objects
of them all before it sends the first, which took 0.9 GB and minutes for 300,000; it means them to be paged.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import psycopg

from bench.peers.peer import Hit
from bench.peers.postgis import PostgisPeer
from bench.systems import COLUMNS, SUMS, Data, Request, row

POINT = ("lat", "lon")
TYPES = dict.fromkeys(COLUMNS, "text") | dict.fromkeys(("date_start", "date_end"), "date")
TYPES |= dict.fromkeys(POINT, "float8") | dict.fromkeys(SUMS, "int")
SHOWN = {name: kind for name, kind in TYPES.items() if name not in POINT}
"""What a row shows besides its point, `geom`."""
ROWS = ", ".join((*SHOWN, "geom"))
TEXTS = " || ' ' || ".join(f"coalesce({name}, '')" for name in ("title", "summary", "place", "actor_a", "actor_b"))
WORDS = f"to_tsvector('simple', {TEXTS})"


def _declared(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in kinds.items())


TABLES = f"""
    CREATE EXTENSION postgis;
    CREATE TEMPORARY TABLE raw ({_declared(TYPES)});
    CREATE TABLE incidents ({_declared(SHOWN)}, geom geometry(Point, 4326), PRIMARY KEY (id));
"""
FILL = f"""
    INSERT INTO incidents SELECT {", ".join(SHOWN)}, ST_SetSRID(ST_MakePoint(lon, lat), 4326) FROM raw
    ORDER BY date_start, id;
    CREATE INDEX ON incidents (date_start, id);
    CREATE INDEX ON incidents (country, date_start, id);
    CREATE INDEX ON incidents (country, type, date_start, id);
    CREATE INDEX ON incidents (country, month) INCLUDE ({", ".join(SUMS)});
    CREATE INDEX ON incidents (date_start, date_end, country) INCLUDE ({", ".join(SUMS)});
    CREATE INDEX ON incidents USING gist (geom);
    CREATE INDEX ON incidents USING gist ((geom::geography));
    CREATE INDEX ON incidents USING gin ({WORDS});
"""


def _function(told: str, answers: Mapping[str, str], asks: str) -> str:
    """One that the planner reads through, so that a filter or a limit around it counts."""
    table = f"RETURNS TABLE ({_declared(answers)})"
    return f"CREATE FUNCTION {told} {table} LANGUAGE sql STABLE PARALLEL SAFE AS $$ {asks} $$;"


ROW = SHOWN | {"geom": "geometry"}
GROUP = {"key": "text", "incidents": "bigint"} | dict.fromkeys(SUMS, "bigint")
SUMMED = f"count(*), {', '.join(f'sum({name})' for name in SUMS)} FROM incidents WHERE"
WITHIN = "ST_DWithin(geom::geography, ST_SetSRID(ST_MakePoint(at_lon, at_lat), 4326)::geography, radius_km * 1000)"
FUNCTIONS = (
    _function("with_word(q text)", ROW, f"SELECT {ROWS} FROM incidents WHERE {WORDS} @@ to_tsquery('simple', q)"),
    _function(
        "around(at_lon float8, at_lat float8, radius_km float8)", ROW, f"SELECT {ROWS} FROM incidents WHERE {WITHIN}"
    ),
    _function(
        "totals_country(first date, last date)",
        GROUP,
        f"SELECT country, {SUMMED} date_end >= first AND date_start <= last GROUP BY country",
    ),
    _function("totals_month(of_country text)", GROUP, f"SELECT month, {SUMMED} country = of_country GROUP BY month"),
)


class Tipg(PostgisPeer):
    """Its items of collections."""

    name = requirements = package = "tipg"
    ready = "/healthz"

    def fill_database(self, data: Data) -> float:
        """One table, in the order of days."""
        begun = time.perf_counter()
        with psycopg.connect(self.url, autocommit=True) as database, data.flat.open("rb") as file:
            database.execute(TABLES)
            with database.cursor().copy("COPY raw FROM STDIN (FORMAT csv, HEADER)") as copy:
                while part := file.read(1 << 20):
                    copy.write(part)
            database.execute(FILL)
            for function in FUNCTIONS:
                database.execute(function)
            database.execute("VACUUM (ANALYZE) incidents")
        return time.perf_counter() - begun

    def command(self, port: int) -> Sequence[str | Path]:
        """One worker of uvicorn."""
        server = ("-m", "uvicorn", "tipg.main:app", "--no-access-log", "--log-level", "warning")
        return (self.installed("python"), *server, "--host", "127.0.0.1", "--port", str(port))

    def settings(self) -> Mapping[str, str]:
        """What differs from its defaults."""
        return {
            "DATABASE_URL": self.url,
            "TIPG_CATALOG_TTL": "0",
            "TIPG_DB_ONLY_SPATIAL_TABLES": "false",
        }

    def request(self, workload: str, hit: Hit) -> Request | None:
        """A collection and what is asked of it."""
        if workload == "get":
            return _items("incidents", f"/{hit['id']}", {})
        if workload in TOTALS:
            return _items(workload, "", TOTALS[workload](hit) | {"limit": 10_000, "f": "json"})
        if workload not in ASKED:
            return None
        collection, asked = ASKED[workload](hit)
        return _items(collection, "", asked | {"sortby": "-date_start,-id", "limit": hit["limit"]})

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """The ids of features, or rows of totals."""
        told = orjson.loads(body)
        if workload == "get":
            return [told["id"]]
        if workload in TOTALS:
            return [row(one["key"], one["incidents"], [one[name] for name in SUMS]) for one in told]
        return [one["id"] for one in told["features"]]


def _items(collection: str, item: str, asked: Mapping[str, Any]) -> Request:
    query = f"?{urlencode(asked)}" if asked else ""
    return Request("GET", f"/collections/public.{collection}/items{item}{query}")


def _after(hit: Hit) -> str:
    date = f"DATE('{hit['after_date']}')"
    return f"date_start <= {date} AND (date_start < {date} OR id < '{hit['after_id']}')"


def _terms(hit: Hit) -> str:
    return f"country = '{hit['country']}' AND type = '{hit['type']}' AND date_start >= DATE('{hit['from']}')"


def _overlaps(hit: Hit) -> str:
    return f"date_end >= DATE('{hit['from']}') AND date_start <= DATE('{hit['to']}')"


ASKED: Mapping[str, Callable[[Hit], tuple[str, dict[str, Any]]]] = {
    "list": lambda hit: ("incidents", {"filter": f"country = '{hit['country']}' AND {_overlaps(hit)}"}),
    "deep": lambda hit: ("incidents", {"filter": _after(hit)}),
    "bbox": lambda hit: (
        "incidents",
        {"bbox": ",".join(str(hit[name]) for name in ("west", "south", "east", "north"))},
    ),
    "radius": lambda hit: ("around", {"at_lon": hit["lon"], "at_lat": hit["lat"], "radius_km": hit["radius_km"]}),
    "text": lambda hit: ("with_word", {"q": hit["q"]}),
    "text_filter": lambda hit: ("with_word", {"q": hit["q"], "country": hit["country"]}),
    "cql": lambda hit: ("incidents", {"filter": _terms(hit)}),
}
TOTALS: Mapping[str, Callable[[Hit], dict[str, Any]]] = {
    "totals_country": lambda hit: {"first": hit["from"], "last": hit["to"]},
    "totals_month": lambda hit: {"of_country": hit["country"]},
}
