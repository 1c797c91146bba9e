"""The usual architecture as a system to be measured."""

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from bench import postgres
from bench.processes import Program, run
from bench.systems import SUMS, Data, Request, Running, row


class Usual:
    """FastAPI, SQLAlchemy's ORM and Pydantic over one engine; `url_of` gives the store's address for a folder."""

    def __init__(self, name: str, url_of: Any) -> None:
        self.name, self._url_of = name, url_of
        self._folder = Path()
        self._program: Program | None = None

    def missing(self) -> str | None:
        """The server of its database, if anything."""
        return postgres.SERVER.missing() if self._url_of is postgres.url_of else None

    def load(self, data: Data) -> float:
        """Entities with their children, a thousand to a transaction."""
        self._folder = data.folder / self.name
        told = self._folder / "loaded.json"
        if not told.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            environment = {"BENCH_USUAL_URL": self._url()}
            command: list[str | Path] = [sys.executable, "-m", "bench.usual.load", data.folder, str(data.size), told]
            run(command, self._folder / "log", environment)
        return float(json.loads(told.read_text())["seconds"])

    def start(self, port: int) -> Running:
        """Serve it with one worker."""
        command = [sys.executable, "-m", "uvicorn", "bench.usual.app:app", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "warning"]
        environment = {"BENCH_USUAL_URL": self._url()}
        self._program = Program(command, self._folder / "log", environment)
        url = f"http://127.0.0.1:{port}"
        self._program.wait_for(f"{url}/incidents?limit=1")
        servers = (postgres.SERVER.pid(),) if self._url_of is postgres.url_of else ()
        return Running(url, (self._program.pid, *servers))

    def _url(self) -> str:
        """The address of the store as SQLAlchemy spells it."""
        url: str = self._url_of(self._folder)
        return url.replace("postgresql://", "postgresql+psycopg://")

    def stop(self) -> None:
        """End it."""
        if self._program is not None:
            self._program.stop()
            self._program = None

    def request(self, workload: str, hit: Mapping[str, Any]) -> Request | None:
        """The address of each workload; there is no filter language, no feed and no past."""
        if workload in ("cql", "changes", "changes_idle", "as_of", "export_geojson", "export_parquet"):
            return None
        if workload == "post":
            return Request("POST", "/incidents", {"Content-Type": "application/json"}, orjson.dumps(_report(hit)))
        if workload.startswith("export_"):
            return Request("GET", f"/export.{workload.removeprefix('export_')}")
        if workload == "get":
            return Request("GET", f"/incidents/{hit['id']}")
        if workload.startswith("totals_"):
            return Request("GET", f"/totals?{urlencode({'by': workload.removeprefix('totals_')} | dict(hit))}")
        asked = dict(hit)
        if workload == "deep":
            asked = {"after": f"{hit['after_date']} {hit['after_id']}", "limit": hit["limit"]}
        elif workload == "bbox":
            box = ",".join(str(hit[name]) for name in ("west", "south", "east", "north"))
            asked = {"bbox": box, "limit": hit["limit"]}
        elif workload == "cql_plain":
            asked["within"] = "true"
        return Request("GET", f"/incidents?{urlencode(asked)}")

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """What an answer holds."""
        if workload == "post":
            return None
        if workload == "export_csv":
            return [told[0] for told in csv.reader(body.decode().splitlines())]
        if workload == "export_ndjson":
            return [orjson.loads(line)["id"] for line in body.splitlines()]
        told = orjson.loads(body)
        if workload == "get":
            return [told["id"]]
        if workload.startswith("totals_"):
            return [row(one["key"], one["incidents"], [one["sums"][name] for name in SUMS]) for one in told]
        return [one["id"] for one in told["items"]]


def sqlite() -> Usual:
    """Over one file."""
    return Usual("usual", lambda folder: f"sqlite:///{folder / 'store.db'}")


def postgresql() -> Usual:
    """Over a database."""
    return Usual("usual-pg", postgres.url_of)


def _report(hit: Mapping[str, Any]) -> dict[str, Any]:
    report = hit["report"]
    return {
        "flat": hit["flat"],
        "claims": report["claims"],
        "actors": [int(one["actor"].partition(":")[2]) + 1 for one in report["actors"]],
        "source": int(report["source"].partition(":")[2]) + 1,
    }
