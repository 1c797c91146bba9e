"""The bench measures what it says: the same data each time, many different hits, goals that name what there is."""

import asyncio
import csv
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench import ours, results, scale, tables
from bench.generate import data
from bench.goals import Goal, goals
from bench.hits import hits
from bench.ours import Ours
from bench.reference import Reference
from bench.results import verdict
from bench.systems import Data
from bench.wire import Wire, spelled
from bench.workloads import OTHERS, READS, WORKLOADS
from incidents_api.app import create_app
from incidents_api.settings import Settings
from incidents_api.storage.database import Database
from incidents_api.storage.tables import metadata, record
from tests.real.ucdp import need

SIZE = 2_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Data:
    need()
    return data(SIZE, tmp_path_factory.mktemp("bench"))


def test_the_same_size_gives_the_same_bytes(made: Data, tmp_path: Path) -> None:
    again = data(SIZE, tmp_path)
    for name in ("incidents", "revisions", "flat", "actors", "sources"):
        assert getattr(again, name).read_bytes() == getattr(made, name).read_bytes()


def test_the_shares_are_those_that_are_told(made: Data) -> None:
    reports = made.incidents.read_text().splitlines()
    assert len(reports) == SIZE
    shares = {
        "restricted": sum('"sensitivity":"restricted"' in one for one in reports),
        "in trees": sum('"part_of"' in one or '"granularity":"operation"' in one for one in reports),
        "revised": len(made.revisions.read_text().splitlines()),
        "several sources": sum('"claims":[{' in one and one.count('"source":"bench:') > 1 for one in reports),
    }
    told = {"restricted": 0.01, "in trees": 0.05, "revised": 0.03, "several sources": 0.10}
    for name, share in told.items():
        assert 0.5 * share < shares[name] / SIZE < 1.6 * share, (name, shares)


@pytest.mark.parametrize("name", [*READS, "post"])
def test_every_workload_has_a_hundred_different_hits_and_each_finds_something(made: Data, name: str) -> None:
    found = hits(made, name, 100)
    assert len({repr(one) for one in found}) == 100
    assert found == hits(made, name, 100)
    if name not in ("post", "changes", "changes_idle"):
        reference = Reference(made)
        empty = [hit for hit in found if not reference.answers(name, hit)[0]]
        reference.close()
        # Of the rarest countries a small store may hold nothing; the sums are then no rows.
        assert len(empty) <= (20 if name == "totals_month" else 0)


def test_a_store_is_loaded_whole_though_most_of_it_came_without_indexes(
    made: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "MANY", SIZE - 1)
    service = Ours("put off", lambda folder: f"sqlite:///{folder / 'store.db'}")
    assert service.load(made) > 0
    database = Database(service.url)
    with database.connect() as store:
        found = set(sa.inspect(store).get_table_names())
        indexes = {one["name"] for name in found for one in sa.inspect(store).get_indexes(name)}
        number = store.execute(sa.select(sa.func.count()).where(record.c.kind == "incident")).scalar_one()
    database.close_writer()
    every = (one for table in metadata.tables.values() for one in table.indexes)
    assert {one.name for one in every if one.info.get("only") in (None, "sqlite")} <= indexes
    assert number == SIZE


def test_a_row_of_bulk_is_measured_and_taken_back(made: Data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "MORE", 200)
    service = ours.sqlite()
    service.load(made)
    before = service.head
    scale.row(service, made)
    assert "would be: 200 created" in (service.folder / "log").read_text()
    service.load(made)
    assert service.head == before


def test_lines_of_an_answer_in_chunks_are_counted_and_not_kept(made: Data) -> None:
    service = ours.sqlite()
    service.load(made)
    request = service.request("export_ndjson", {})
    assert request is not None

    async def counted() -> int:
        async with Wire(create_app(Settings(_env_file=None, database_url=service.url))) as wire:
            return await wire.count(spelled(request))

    with made.flat.open(newline="") as sheet:
        rows = sum(1 for _ in csv.DictReader(sheet))
    assert asyncio.run(counted()) == rows


def test_goals_name_workloads_that_there_are_and_say_one_bound() -> None:
    for goal in goals():
        assert goal.workload in {*WORKLOADS, *OTHERS}
        assert (goal.at_most is None) != (goal.at_least is None)
        assert goal.of in ("cpu", "rate", "seconds", "idle_mb", "grown_mb", "most_mb", "get_p99")


def test_every_workload_has_a_goal_but_the_plain_twin_of_cql() -> None:
    assert {goal.workload for goal in goals()} == {*WORKLOADS, *OTHERS} - {"cql_plain"}


def goal(workload: str, against: str = "", of: str = "rate", system: str = "ours") -> Goal:
    return next(
        one for one in goals() if (one.workload, one.against, one.of, one.system) == (workload, against, of, system)
    )


def test_a_ratio_is_of_figures_of_the_same_round() -> None:
    told = {"list": {"ours": [{"rate": 10.0}, {"rate": 90.0}], "usual": [{"rate": 1.0}, {"rate": 3.0}]}}
    found = verdict(told, goal("list", "usual"))
    assert (found.reached, found.holds) == (20.0, False)


@pytest.mark.parametrize(("ours", "limit", "beyond"), [(30.0, 20.0, True), (30.0, 60.0, False), (50.0, 20.0, False)])
def test_a_goal_that_the_limit_misses_too_is_told_apart(ours: float, limit: float, beyond: bool) -> None:
    rates = {"ours": ours, "usual": 1.0, "limit": limit}
    found = verdict({"list": {name: [{"rate": rate}] for name, rate in rates.items()}}, goal("list", "usual"))
    assert (found.limit, found.beyond) == (limit, beyond)


def test_what_was_not_measured_does_not_hold() -> None:
    found = verdict({"list": {"ours": [{"rate": 10.0}]}}, goal("list", "usual"))
    assert (found.reached, found.holds) == (None, False)


def test_a_figure_that_is_not_divided_counts_as_it_is() -> None:
    found = verdict({"start": {"ours": [{"seconds": 1.0, "idle_mb": 91.0}]}}, goal("start", of="idle_mb"))
    assert (found.reached, found.holds) == (91.0, False)


def test_the_best_peer_is_none_of_ours_and_no_limit() -> None:
    rates = {"ours": 50.0, "usual": 1.0, "limit": 900.0, "roapi": 5.0, "tipg": 20.0}
    found = verdict({"bbox": {name: [{"rate": rate}] for name, rate in rates.items()}}, goal("bbox", "best peer"))
    assert (found.against, found.reached) == ("tipg", 2.5)


def test_a_wait_in_the_mix_is_held_against_the_wait_alone() -> None:
    told = {"mixed": {"ours": [{"rate": 1.0, "get_p99": 0.04}], "get alone": [{"rate": 9.0, "p50": 0.01}]}}
    assert verdict(told, goal("mixed", "get alone", "get_p99")).reached == 4.0


def test_growth_is_that_between_the_two_largest_stores() -> None:
    told = {"get": {"30000": [{"cpu": 1.0}], "300000": [{"cpu": 2.0}], "3000000": [{"cpu": 3.0}]}}
    found = verdict(told, goal("get", "size before", "cpu", "largest store"))
    assert (found.system, found.against, found.reached) == ("3000000", "300000", 1.5)


def test_several_workers_are_held_against_one_on_the_same_database() -> None:
    told = {"two_workers": {"ours-pg": [{"rate": 17.0}], "ours-pg, one worker": [{"rate": 10.0}]}}
    assert verdict(told, goal("two_workers", "one worker", system="ours-pg")).reached == 1.7


@pytest.mark.parametrize("document", tables.MADE, ids=lambda path: path.name)
def test_the_tables_of_a_document_are_those_of_the_runs_that_were_kept(document: Path) -> None:
    assert document.read_text("utf-8") == tables.written(document, tables.runs([tables.KEPT])), "run: make bench-tables"


def test_figures_are_kept_with_their_machine_and_the_makers_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    told = {"list": {"ours": [{"rate": 10.0}]}}
    kept = json.loads(results.keep("reads", 300, told, {}).read_text())
    assert (kept["size"], kept["rounds"]) == (300, told)
    assert kept["machine"]["cores"] > 0
    assert "Uppsala Conflict Data Program" in kept["drawn_from"]
    assert "CC BY 4.0" in kept["drawn_from"]
