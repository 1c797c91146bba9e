"""roapi: one Rust program (DataFusion) over a Parquet file, read-only; every question is a scan, as it has no index.

It gets what favours it: the file lies newest first in memory, days are days, a record is looked up in its key-value
store, and what its REST filters cannot say (negative numbers, a second sort, sums) is asked as SQL.

`export_ndjson` is its JSON: one array, as it has no lines. It writes nothing, keeps no log and speaks no CQL2; words
are found by LIKE, in a column that holds all texts of a row.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from bench.peers.peer import Hit, Peer, box_around, csv_ids
from bench.systems import COLUMNS, SUMS, Data, Request, row

TYPES = dict.fromkeys(COLUMNS, pa.string()) | dict.fromkeys(("date_start", "date_end"), pa.date32())
TYPES |= dict.fromkeys(("lat", "lon"), pa.float64()) | dict.fromkeys(SUMS, pa.int32())
KEPT = ", ".join(COLUMNS)
NEWEST = "ORDER BY date_start DESC, id DESC LIMIT"
WORDS = ("title", "summary", "place", "actor_a", "actor_b")
SUMMED = f"count(*) AS incidents, {', '.join(f'sum({name}) AS {name}' for name in SUMS)} FROM incidents WHERE"
FORMATS = {
    "export_csv": "application/csv",
    "export_ndjson": "application/json",
    "export_parquet": "application/parquet",
}
"""What it answers all rows as."""
CONFIG = """
tables:
  - name: incidents
    uri: {folder}/incidents.parquet
kvstores:
  - name: records
    uri: {folder}/records.parquet
    key: id
    value: record
"""
OTHER_DOORS = ("--addr-postgres", "127.0.0.1:0", "--addr-flight-sql", "127.0.0.1:0")
"""Opened whether wanted or not: at any port that is free."""


class Roapi(Peer):
    """Its SQL and its key-value store."""

    name = requirements = package = "roapi"
    ready = "/api/schema"

    def fill(self, data: Data) -> None:
        """A Parquet file of rows, one of finished records by id, and what says where they are."""
        cells = pa.csv.ConvertOptions(column_types=TYPES, strings_can_be_null=False)
        lines = pa.csv.ParseOptions(newlines_in_values=True)
        rows = pa.csv.read_csv(data.flat, parse_options=lines, convert_options=cells)
        rows = rows.sort_by([("date_start", "descending"), ("id", "descending")])
        words = pc.utf8_lower(pc.binary_join_element_wise(*(rows[name] for name in WORDS), " "))
        pa.parquet.write_table(rows.append_column("words", words), self.folder / "incidents.parquet")
        records = [orjson.dumps(told).decode() for batch in rows.to_batches(10_000) for told in batch.to_pylist()]
        by_id = pa.table({"id": rows["id"], "record": pa.array(records)})
        pa.parquet.write_table(by_id, self.folder / "records.parquet")
        (self.folder / "roapi.yml").write_text(CONFIG.format(folder=self.folder))

    def command(self, port: int) -> Sequence[str | Path]:
        """It reads the files into memory, then serves."""
        config = self.folder / "roapi.yml"
        return (self.installed("roapi"), "--config", config, "--addr-http", f"127.0.0.1:{port}", *OTHER_DOORS)

    def request(self, workload: str, hit: Hit) -> Request | None:
        """A statement, but a look-up for one record."""
        if workload == "get":
            return Request("GET", f"/api/kv/records/{hit['id']}")
        if workload in FORMATS:
            return _sql(f"SELECT {KEPT} FROM incidents", FORMATS[workload])
        if workload in TOTALS:
            return _sql(TOTALS[workload](hit))
        if workload in CONDITIONS:
            return _sql(f"SELECT {KEPT} FROM incidents WHERE {CONDITIONS[workload](hit)} {NEWEST} {hit['limit']}")
        return None

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """The ids of its rows, or rows of totals."""
        if workload == "export_parquet":
            return [str(one) for one in pa.parquet.read_table(pa.BufferReader(body), columns=["id"])["id"].to_pylist()]
        if workload == "export_csv":
            return csv_ids(body)
        told = orjson.loads(body)
        if workload in TOTALS:
            return [row(one["key"], one["incidents"], [one.get(name) for name in SUMS]) for one in told]
        return [told["id"]] if workload == "get" else [one["id"] for one in told]


def _sql(statement: str, answer: str = "application/json") -> Request:
    return Request("POST", "/api/sql", {"Accept": answer, "Content-Type": "text/plain"}, statement.encode())


def _box(hit: Hit) -> str:
    return f"lat BETWEEN {hit['south']} AND {hit['north']} AND lon BETWEEN {hit['west']} AND {hit['east']}"


def _circle(hit: Hit) -> str:
    lat, lon = hit["lat"], hit["lon"]
    half = (
        f"pow(sin(radians(lat - ({lat})) / 2), 2)"
        f" + cos(radians(lat)) * cos(radians({lat})) * pow(sin(radians(lon - ({lon})) / 2), 2)"
    )
    return f"{_box(box_around(hit))} AND 2 * 6371.0088 * asin(sqrt({half})) <= {hit['radius_km']}"


def _overlaps(hit: Hit) -> str:
    return f"date_end >= DATE '{hit['from']}' AND date_start <= DATE '{hit['to']}'"


def _after(hit: Hit) -> str:
    date, last = f"DATE '{hit['after_date']}'", f"'{hit['after_id']}'"
    return f"date_start <= {date} AND (date_start < {date} OR id < {last})"


CONDITIONS: Mapping[str, Callable[[Hit], str]] = {
    "list": lambda hit: f"country = '{hit['country']}' AND {_overlaps(hit)}",
    "deep": _after,
    "bbox": _box,
    "radius": _circle,
    "text": lambda hit: f"words LIKE '%{hit['q']}%'",
    "text_filter": lambda hit: f"country = '{hit['country']}' AND words LIKE '%{hit['q']}%'",
    "cql_plain": lambda hit: (
        f"country = '{hit['country']}' AND type = '{hit['type']}' AND date_start >= DATE '{hit['from']}'"
    ),
}
TOTALS: Mapping[str, Callable[[Hit], str]] = {
    "totals_country": lambda hit: f"SELECT country AS key, {SUMMED} {_overlaps(hit)} GROUP BY country",
    "totals_month": lambda hit: f"SELECT month AS key, {SUMMED} country = '{hit['country']}' GROUP BY month",
}
