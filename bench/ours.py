"""This service, on SQLite and on PostgreSQL: loaded by its own import command, served by its own serve command."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import orjson
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import sqlalchemy as sa

from bench import postgres
from bench.incidents import SCHEME, id_of
from bench.processes import Failed, Program, run
from bench.systems import SUMS, Data, Request, Running, row
from incidents_api.model.kinds import KINDS
from incidents_api.model.screening import KINDS as SCREENED
from incidents_api.reading import query
from incidents_api.storage import tables
from incidents_api.storage.database import Database

CLI = (sys.executable, "-c", "from incidents_api.cli import main; main()")
SETTINGS = {
    "INCIDENTS_LOG_LEVEL": "warning",
    "INCIDENTS_RATE_PER_ADDRESS": "0",
    "INCIDENTS_RATE_PER_KEY": "0",
    "INCIDENTS_STATEMENT_SECONDS": "60",
}
"""What differs from the defaults: no limits of requests, no log line for each, and patience with a busy machine."""
MANY = 100_000
"""Of more incidents, loading takes hours with every index in place."""
_READ = (tables.KIND_TABLES["incident"], tables.claim, tables.figure, tables.participation, tables.term)
READ_ONLY: tuple[sa.Index, ...] = tuple(
    index
    for table in (*_READ, tables.incident_location)
    for index in sorted(table.indexes, key=lambda one: str(one.name))
    if index.name != "ix_figure_incident_id_measure_whole"
)
"""The indexes that no write looks at."""
Hit = Mapping[str, Any]


class Ours:
    """The service over one engine; `url_of` gives the store's address for a folder, `clear` removes what is there, and
    `servers` are processes beside its own whose CPU counts."""

    def __init__(
        self,
        name: str,
        url_of: Callable[[Path], str],
        clear: Callable[[Path], None] = lambda folder: None,
        servers: Callable[[], tuple[int, ...]] = tuple,
    ) -> None:
        self.name, self.servers = name, servers
        self._url_of, self._clear = url_of, clear
        self._program: Program | None = None
        self.folder = Path()
        self.before = 0
        """The seq at which nothing was revised yet."""
        self.head, self.epoch, self.key = 0, "", ""

    def missing(self) -> str | None:
        """The server of its database, if anything."""
        return postgres.SERVER.missing() if self._url_of is postgres.url_of else None

    @property
    def url(self) -> str:
        """The address of the store."""
        return self._url_of(self.folder)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the service over this store."""
        return SETTINGS | {"INCIDENTS_DATABASE_URL": self.url}

    def on(self, port: int) -> dict[str, str]:
        """The same, to be served at a port."""
        return self.environment | {"INCIDENTS_PORT": str(port)}

    def at(self, folder: Path) -> None:
        """Keep the store in this folder, empty as yet."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._clear(folder)

    def load(self, data: Data) -> float:
        """Import actors and sources, then the incidents (which is the time that counts), then the revisions.

        Very many come in the order of their ids, while the indexes are away that only reads look at: every index then
        grows at its end.
        """
        self.folder = data.folder / self.name
        told = self.folder / "store.json"
        if not told.exists():
            self.at(self.folder)  # without what an attempt left that was stopped
        self.command("migrate")  # also a store that an older version of the service made
        if not told.exists():
            self._import(data.actors, "actor")
            self._import(data.sources, "source")
            away = self._without_indexes() if data.size > MANY else nullcontext(SimpleNamespace(seconds=0.0))
            with away as making:
                ordered = self._by_id if data.size > MANY else Path
                seconds = self._import(ordered(data.incidents), "incident")
                before = self._head()[0]
                self._import(ordered(data.revisions), "incident")
            seconds += making.seconds
            key = self.command("key", "create", "--scope", "write", "--scope", "review")
            told.write_text(json.dumps({"seconds": seconds, "before": before, "key": key.strip()}))
        found = json.loads(told.read_text())
        self.before, self.key = found["before"], found["key"]
        self.head, self.epoch = self._head()
        return float(found["seconds"])

    def start(self, port: int) -> Running:
        """Serve it."""
        self._program = Program([*CLI, "serve"], self.folder / "log", self.on(port))
        url = f"http://127.0.0.1:{port}"
        self._program.wait_for(f"{url}/readyz")
        return Running(url, (self._program.pid, *self.servers()))

    def stop(self) -> None:
        """End it."""
        if self._program is not None:
            self._program.stop()
            self._program = None

    def request(self, workload: str, hit: Hit) -> Request | None:
        """The address of each workload."""
        if workload == "post":
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            return Request("POST", "/v1/incidents", headers, orjson.dumps(hit["report"]))
        if workload.startswith("export_"):
            return Request("GET", f"/v1/incidents.{workload.removeprefix('export_')}")
        if workload == "get":
            return Request("GET", f"/v1/incidents/{hit['id']}")
        route, asked = self._asked(workload, hit)
        return Request("GET", f"/v1/{route}?{urlencode(asked)}")

    def _asked(self, workload: str, hit: Hit) -> tuple[str, dict[str, Any]]:
        """Route and parameters."""
        route, asked = "incidents", dict(hit)
        match workload:
            case "deep":
                asked = {"limit": hit["limit"], "cursor": _cursor(hit)}
            case "bbox":
                box = ",".join(str(hit[name]) for name in ("west", "south", "east", "north"))
                asked = {"bbox": box, "limit": hit["limit"]}
            case "cql":
                told = f"country = '{hit['country']}' AND type = '{hit['type']}' AND earliest >= DATE('{hit['from']}')"
                asked = {"filter": told, "limit": hit["limit"]}
            case "cql_plain":
                asked["date_mode"] = "within"
            case "totals_country" | "totals_month":
                route, asked["by"] = "totals", workload.removeprefix("totals_")
            case "changes":
                after = int(hit["share"] * (self.head - hit["limit"]))
                route, asked = "changes", {"after": f"{self.epoch}.{after}", "limit": hit["limit"]}
            case "changes_idle":
                route, asked = "changes", {"after": f"{self.epoch}.{self.head}"}
            case "as_of":
                asked["as_of"] = self.before
        return route, asked

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """What an answer holds; of changes the seqs."""
        if workload == "post":
            return None
        if workload in FILES:
            return FILES[workload](body)
        told = orjson.loads(body)
        if workload.startswith("totals_"):
            return [_row(one) for one in told["rows"]]
        if workload.startswith("changes"):
            return [one["cursor"].partition(".")[2] for one in told["items"]]
        found = told["features"] if workload == "export_geojson" else told.get("items", [told])
        return [one["id"] for one in found]

    def try_out(self, file: Path) -> float:
        """CPU seconds of bringing incidents in and taking them back again: all of an import but its commits."""
        begun = _used()
        self._import(file, "incident", "--dry-run")
        return _used() - begun

    def _import(self, file: Path, kind: str, *how: str) -> float:
        confirmed = [word for name in SCREENED for word in ("--confirm", name)]
        rejects = self.folder / f"{file.stem}.rejects.ndjson"
        options: list[str | Path] = ["--kind", kind, "--rejects", rejects, *how, *confirmed]
        command = [*CLI, "import", "reports", file, *options]
        return run(command, self.folder / "log", self.environment)

    @contextmanager
    def _without_indexes(self) -> Iterator[SimpleNamespace]:
        """While the indexes are away that no write looks at; afterwards `seconds` tells what making them again took."""
        making, database = SimpleNamespace(seconds=0.0), Database(self.url, statement_seconds=3_600)
        try:
            with database.connect_alone() as connection:
                for index in READ_ONLY:
                    index.drop(connection)
            yield making
            begun = time.perf_counter()
            for index in READ_ONLY:
                with database.connect_alone() as connection:
                    index.create(connection)
            making.seconds = time.perf_counter() - begun
        finally:
            database.close_writer()

    def _by_id(self, reports: Path) -> Path:
        """The same reports in a file of their own: by their ids, and what is part of another after all others."""
        ordered = self.folder / reports.name
        places: list[tuple[bool, str, int, int]] = []
        with reports.open("rb") as file:
            begin = 0
            for line in file:
                report = orjson.loads(line)
                key = "relations" in report, id_of(report["external_ids"][SCHEME])
                places.append((*key, begin, begin + len(line)))
                begin += len(line)
            places.sort()
            with mmap(file.fileno(), 0, access=ACCESS_READ) as held, ordered.open("wb") as to:
                for *_, begin, end in places:
                    to.write(held[begin:end])
        return ordered

    def command(self, *words: str) -> str:
        """What a command of the service prints."""
        environment = os.environ | self.environment
        done = subprocess.run([*CLI, *words], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"incidents {' '.join(words)}: {done.stderr.strip()[-1_000:]}")
        return done.stdout

    def _head(self) -> tuple[int, str]:
        """Where the log stands, and its epoch."""
        database = Database(self.url)
        try:
            with database.connect() as connection:
                found = connection.execute(sa.select(tables.head.c.seq, tables.head.c.epoch)).one()
        finally:
            database.close_writer()
        return found.seq, found.epoch


def sqlite() -> Ours:
    """The service over one file."""
    return Ours("ours", lambda folder: f"sqlite:///{folder / 'store.db'}", _remove_files)


def postgresql() -> Ours:
    """The service over a database of a server that is durable as in production."""
    return Ours(
        "ours-pg",
        postgres.url_of,
        lambda folder: postgres.SERVER.drop(postgres.name_of(folder)),
        lambda: (postgres.SERVER.pid(),),
    )


def _used() -> float:
    """CPU seconds of the programs that have ended so far."""
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


def _remove_files(folder: Path) -> None:
    for path in folder.glob("store.db*"):
        path.unlink()


def _cursor(hit: Hit) -> str:
    """The cursor of a page that begins after a row."""
    asked = query.parse(KINDS["incident"], f"limit={hit['limit']}".encode(), 1_000)
    return query.cursor_for(asked, f"+{hit['after_date']}\x1f{hit['after_id']}")


def _row(told: dict[str, Any]) -> str:
    measures = told["measures"]
    sums = [measures.get(name, {}).get(level) for name, _, level in (one.partition("_") for one in SUMS)]
    return row(next(iter(told["key"].values())), told["incidents"], sums)


FILES: Mapping[str, Callable[[bytes], list[str]]] = {
    "export_csv": lambda body: [line[:36].decode() for line in body.splitlines()[1:] if _is_row(line)],
    "export_ndjson": lambda body: [line[7:43].decode() for line in body.splitlines()],
    "export_parquet": lambda body: pa.parquet.read_table(pa.BufferReader(body), columns=["id"])["id"].to_pylist(),
}
"""The ids of the files that are not read as JSON."""


def _is_row(line: bytes) -> bool:
    """Whether a line of the CSV begins a record; cells may hold line feeds."""
    return len(line) > 36 and line[8:9] == line[13:14] == line[18:19] == b"-" and line[36:37] == b","
