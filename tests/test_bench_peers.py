"""How peers of the bench are asked, and how their answers are read; none of them is started."""

import csv
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pyarrow as pa
import pyarrow.parquet
import pytest

from bench.hits import km
from bench.peers import systems
from bench.peers.peer import REQUIREMENTS, Peer, box_around
from bench.peers.pypgstac import item
from bench.systems import COLUMNS, SUMS, Data, row
from bench.workloads import WORKLOADS

PEERS: dict[str, Peer] = {one.name: one for one in systems()}
LIST = {"country": "MX", "from": "2020-01-01", "to": "2021-01-01", "limit": 100}
FLAT = dict.fromkeys(COLUMNS, "") | {"id": "a" * 36, "country": "MX", "date_start": "2020-01-02", "killed_low": 2}
HITS: dict[str, dict[str, Any]] = {
    "get": {"id": "b" * 36},
    "list": LIST,
    "deep": {"after_date": "2020-01-02", "after_id": "c" * 36, "limit": 100},
    "bbox": {"west": -99.5, "south": 19.0, "east": -98.5, "north": 20.0, "limit": 100},
    "radius": {"lon": -99.1, "lat": 19.4, "radius_km": 50, "limit": 100},
    "text": {"q": "convoy", "limit": 20},
    "text_filter": {"q": "convoy", "country": "MX", "limit": 20},
    "cql": {"country": "MX", "type": "attack", "from": "2020-01-01", "limit": 100},
    "cql_plain": {"country": "MX", "type": "attack", "from": "2020-01-01", "limit": 100},
    "totals_country": {"from": "2018-01-01", "to": "2021-12-31"},
    "totals_month": {"country": "MX"},
    "changes": {"share": 0.5, "limit": 100},
    "changes_idle": {"n": 0},
    "as_of": LIST,
    "post": {"report": {}, "flat": FLAT},
}
READS = "get list deep bbox text text_filter cql_plain"
DOES = {
    "pocketbase": f"{READS} radius totals_month post",
    "datasette": f"{READS} export_csv",
    "datasette-sql": f"{READS} radius totals_country totals_month export_ndjson export_csv",
    "datasette-1.0": "post",
    "roapi": f"{READS} radius totals_country totals_month export_ndjson export_csv export_parquet",
    "tipg": "get list deep bbox radius text text_filter cql totals_country totals_month",
    "pypgstac": "",
}
ASKED = [(name, workload) for name, does in DOES.items() for workload in does.split()]


def test_every_peer_says_what_it_can_do() -> None:
    does = {
        name: {one for one in WORKLOADS if peer.request(one, HITS.get(one, {})) is not None}
        for name, peer in PEERS.items()
    }
    assert does == {name: set(told.split()) for name, told in DOES.items()}


@pytest.mark.parametrize(("name", "workload"), ASKED)
def test_a_request_names_all_that_its_hit_holds(name: str, workload: str) -> None:
    request = PEERS[name].request(workload, HITS.get(workload, {}))
    assert request is not None
    assert request.path.startswith("/")
    split = urlsplit(request.path)
    asked = f"{split.path} {parse_qsl(split.query, strict_parsing=bool(split.query))} {request.body.decode()}"
    for told in [] if workload == "post" else HITS.get(workload, {}).values():
        assert str(told) in asked


@pytest.mark.parametrize("name", [name for name, does in DOES.items() if "post" in does.split()])
def test_a_post_sends_a_row_without_its_id(name: str) -> None:
    request = PEERS[name].request("post", HITS["post"])
    assert request is not None
    sent = orjson.loads(request.body)
    sent = sent.get("row", sent)
    assert sent.items() >= {"country": "MX", "date_start": "2020-01-02", "killed_low": 2}.items()
    assert "id" not in sent
    assert "title" not in sent


ROWS: list[dict[str, Any]] = [{"id": "one", "title": 'a "word",\nand more'}, {"id": "two", "title": ""}]
MONTH = {"month": "2020-01", "key": "2020-01", "incidents": 3} | dict(zip(SUMS, range(12), strict=True))


def sheet() -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, ["id", "title"])
    writer.writeheader()
    writer.writerows(ROWS)
    return file.getvalue().encode()


@pytest.mark.parametrize(
    ("name", "workload", "body"),
    [
        ("roapi", "list", orjson.dumps(ROWS)),
        ("roapi", "export_csv", sheet()),
        ("tipg", "list", orjson.dumps({"features": ROWS, "numberMatched": 2})),
        ("pocketbase", "list", orjson.dumps({"items": ROWS, "page": 1})),
        ("datasette", "list", orjson.dumps(ROWS)),
        ("datasette", "get", orjson.dumps({"rows": ROWS})),
        ("datasette", "export_csv", sheet()),
        ("datasette-sql", "get", orjson.dumps(ROWS)),
        ("datasette-sql", "export_csv", sheet()),
        ("datasette-sql", "export_ndjson", b"\n".join(map(orjson.dumps, ROWS)) + b"\n"),
    ],
)
def test_the_ids_of_an_answer(name: str, workload: str, body: bytes) -> None:
    assert PEERS[name].ids(workload, body) == ["one", "two"]


def test_the_ids_of_a_parquet_file() -> None:
    file = io.BytesIO()
    pa.parquet.write_table(pa.table({"id": ["one", "two"]}), file)
    assert PEERS["roapi"].ids("export_parquet", file.getvalue()) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("pocketbase", orjson.dumps({"items": [MONTH]})),
        *((name, orjson.dumps([MONTH])) for name in ("datasette-sql", "roapi", "tipg")),
    ],
)
def test_the_rows_of_totals(name: str, body: bytes) -> None:
    assert PEERS[name].ids("totals_month", body) == [row("2020-01", 3, range(12))]


def test_an_item_of_a_catalogue_leaves_out_what_is_empty() -> None:
    told = dict.fromkeys(COLUMNS, "") | {
        "id": "one",
        "date_start": "2020-01-02",
        "lat": "19.5",
        "lon": "-99",
        "killed_low": "2",
    }
    made = item(told)
    assert made["geometry"] == {"type": "Point", "coordinates": [-99.0, 19.5]}
    assert made["properties"] == {"date_start": "2020-01-02", "killed_low": 2, "datetime": "2020-01-02T00:00:00Z"}


def test_what_is_installed_is_pinned_and_names_no_address() -> None:
    for peer in PEERS.values():
        lines = (REQUIREMENTS / f"{peer.requirements}.txt").read_text().splitlines()
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
        assert peer.version == next(line.split("==")[1] for line in lines if line.startswith(f"{peer.package}=="))


class Small(Peer):
    """A peer whose store is one line."""

    name = requirements = package = "roapi"
    filled = 0

    def fill(self, data: Data) -> None:
        self.filled += 1
        (self.folder / "store").write_text("a line")


def test_a_store_is_made_once_and_anew_for_another_version(tmp_path: Path) -> None:
    data, peer = Data(tmp_path, 1), Small()
    seconds = peer.load(data)
    assert seconds > 0
    assert (peer.load(data), peer.filled) == (seconds, 1)
    newer = Small()
    newer.version = "999"
    newer.load(data)
    assert newer.filled == 1


def test_a_store_that_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "roapi").mkdir()
    (tmp_path / "roapi" / "half").write_text("of it")
    peer = Small()
    peer.load(Data(tmp_path, 1))
    assert [one.name for one in sorted((tmp_path / "roapi").iterdir())] == ["loaded.json", "store"]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_that_never_started_is_stopped_without_complaint(name: str) -> None:
    peer = PEERS[name]
    peer.stop()
    assert peer._program is None


@pytest.mark.parametrize("lat", [-60.0, 0.0, 45.0])
def test_the_box_around_a_circle_holds_it(lat: float) -> None:
    box = box_around({"lon": 20.0, "lat": lat, "radius_km": 80})
    assert all(km(20.0, lat, box[side], lat) >= 80 for side in ("west", "east"))
    assert all(km(20.0, lat, 20.0, box[side]) >= 80 for side in ("south", "north"))
