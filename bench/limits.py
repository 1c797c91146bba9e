"""What the machine could do at best: one step of hand-written SQL over finished bytes, and a server that only sends.

The raw store is laid out for these questions alone: no history, no audiences, no parts netted, the very bytes that the
service answers stored ready. Nothing that keeps what the service promises can be as fast: that makes it a limit.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from fastapi import FastAPI, Response

from bench.generate import folded
from bench.systems import COLUMNS, SUMS, Data

Hit = Mapping[str, Any]
NUMBERS = ", ".join(SUMS)
_TABLES = f"""
    CREATE TABLE body (seq INTEGER PRIMARY KEY, body TEXT);
    CREATE TABLE incident (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, country TEXT, type TEXT, date_start TEXT,
        date_end TEXT, month TEXT, lat REAL, lon REAL, {", ".join(f"{name} INTEGER" for name in SUMS)});
    CREATE VIRTUAL TABLE point USING rtree(seq, west, east, south, north);
    CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='ascii');
"""
_INDEXES = f"""
    CREATE INDEX by_date ON incident (date_start, id, seq);
    CREATE INDEX by_country ON incident (country, date_start, id, date_end, seq);
    CREATE INDEX by_type ON incident (country, type, date_start, id, seq);
    CREATE INDEX sums_by_date ON incident (date_start, date_end, country, {NUMBERS});
    CREATE INDEX sums_by_country ON incident (country, month, {NUMBERS});
    ANALYZE;
"""
_NEWEST = "ORDER BY date_start DESC, id DESC LIMIT :limit"
_BOX = "SELECT seq FROM point WHERE west >= :west AND east <= :east AND south >= :south AND north <= :north"
_TERMS = "country = :country AND type = :type AND date_start >= :from"
_PAGES = {
    "list": f"SELECT seq FROM incident WHERE country = :country AND date_end >= :from AND date_start <= :to {_NEWEST}",
    "deep": f"SELECT seq FROM incident WHERE (date_start, id) < (:after_date, :after_id) {_NEWEST}",
    "bbox": f"SELECT seq FROM incident WHERE seq IN ({_BOX}) {_NEWEST}",
    "radius": f"""
        SELECT seq FROM incident WHERE seq IN ({_BOX})
        AND acos(min(1, sin(radians(:lat)) * sin(radians(lat))
            + cos(radians(:lat)) * cos(radians(lat)) * cos(radians(lon - :lon)))) * 6371.0088 <= :radius_km {_NEWEST}
    """,
    "text": f"SELECT seq FROM incident WHERE seq IN (SELECT rowid FROM words WHERE words MATCH :q) {_NEWEST}",
    "text_filter": f"""
        SELECT seq FROM incident
        WHERE seq IN (SELECT rowid FROM words WHERE words MATCH :q) AND country = :country {_NEWEST}
    """,
    "cql": f"SELECT seq FROM incident WHERE {_TERMS} {_NEWEST}",
    "cql_plain": f"SELECT seq FROM incident WHERE {_TERMS} {_NEWEST}",
    "as_of": f"SELECT seq FROM incident WHERE country = :country AND date_end >= :from AND date_start <= :to {_NEWEST}",
    "changes": "SELECT seq FROM incident WHERE seq > :after ORDER BY seq LIMIT :limit",
    "changes_idle": "SELECT seq FROM incident WHERE seq > :after ORDER BY seq LIMIT :limit",
}
_TOTALS = {
    "totals_country": ("country", "date_start <= :to AND date_end >= :from"),
    "totals_month": ("month", "country = :country"),
}


def _page(seqs: str) -> str:
    return f"SELECT group_concat(body, ',') FROM (SELECT body FROM ({seqs}) AS page CROSS JOIN body USING (seq))"


def _sums(key: str, where: str) -> str:
    sums = ", ".join(f"sum({name})" for name in SUMS)
    grouped = f"SELECT json_array({key}, count(*), {sums}) AS told FROM incident WHERE {where} GROUP BY {key}"
    return f"SELECT group_concat(told, ',') FROM ({grouped})"


STATEMENTS = {
    "get": "SELECT body FROM incident JOIN body USING (seq) WHERE id = :id",
    **{name: _page(seqs) for name, seqs in _PAGES.items()},
    **{name: _sums(key, where) for name, (key, where) in _TOTALS.items()},
}
"""The one statement of each workload; it gives one row."""


class Raw:
    """The raw store and its statements."""

    def __init__(self, data: Data) -> None:
        self._path = data.folder / "limit.db"
        self._data = data
        self.connection = sqlite3.connect(":memory:")
        self.last = 0

    def made(self) -> bool:
        """Whether the store is there."""
        return self._path.exists()

    def make(self, bodies: Iterable[tuple[str, bytes]]) -> None:
        """Make the store of the records as the service serves them, each with its id."""
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(part, isolation_level=None)) as store,
            closing(sqlite3.connect(self._data.reference)) as reference,
        ):
            store.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
            store.execute("BEGIN")
            for seq, (record_id, body) in enumerate(bodies, 1):
                row = reference.execute("SELECT * FROM flat WHERE id = ?", (record_id,)).fetchone()
                self._insert(store, seq, dict(zip(COLUMNS, row, strict=True)), body)
            store.execute("COMMIT")
            store.executescript(_INDEXES)
        part.rename(self._path)

    @staticmethod
    def _insert(store: sqlite3.Connection, seq: int, row: dict[str, Any], body: bytes) -> None:
        kept = ("id", "country", "type", "date_start", "date_end", "month", "lat", "lon", *SUMS)
        marks = ",".join("?" * (len(kept) + 1))
        store.execute(f"INSERT INTO incident VALUES ({marks})", (seq, *(row[name] for name in kept)))
        store.execute("INSERT INTO body VALUES (?, ?)", (seq, body.decode()))
        store.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (seq, folded(list(row.values()))))
        if row["lat"] is not None:
            store.execute("INSERT INTO point VALUES (?, ?, ?, ?, ?)", (seq, *(row["lon"],) * 2, *(row["lat"],) * 2))

    def open(self) -> None:
        """Begin to ask."""
        self.connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)
        self.connection.execute("PRAGMA mmap_size = 17179869184")
        self.connection.text_factory = bytes
        self.last = self.connection.execute("SELECT max(seq) FROM incident").fetchone()[0]

    def ask(self, workload: str, hit: Hit) -> bytes:
        """What the statement gives."""
        told: bytes | None = self.connection.execute(STATEMENTS[workload], hit).fetchone()[0]
        return told or b""

    def bound(self, workload: str, hit: Hit) -> dict[str, Any]:
        """The values that a statement binds, made beforehand."""
        bound = dict(hit)
        if workload == "changes":
            bound["after"] = int(hit["share"] * (self.last - hit["limit"]))
        elif workload == "changes_idle":
            bound |= {"after": self.last, "limit": 100}
        elif workload == "radius":
            tall = hit["radius_km"] / 111.19
            wide = tall / math.cos(math.radians(hit["lat"])) * 1.02
            bound |= {"west": hit["lon"] - wide, "east": hit["lon"] + wide}
            bound |= {"south": hit["lat"] - tall, "north": hit["lat"] + tall}
        return bound


def constant(body: bytes) -> Any:
    """An application that does nothing but send these bytes."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def _live(receive: Any, send: Any) -> None:
    for kind in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{kind}.complete"})


def constant_fastapi(body: bytes) -> Any:
    """The same by FastAPI: a route that returns a response of bytes."""
    app = FastAPI(openapi_url=None)

    @app.get("/v1/changes")
    async def answer() -> Response:
        return Response(body, media_type="application/json")

    return app
