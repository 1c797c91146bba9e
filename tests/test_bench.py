"""The bench measures what it says: the same data each time, many different hits, goals that name what there is."""

import json
from pathlib import Path

import pytest

from bench import results
from bench.generate import data
from bench.goals import goals
from bench.hits import hits
from bench.reference import Reference
from bench.results import ratio
from bench.systems import Data
from bench.workloads import OTHERS, READS, WORKLOADS
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


def test_goals_name_workloads_that_there_are_and_say_one_bound() -> None:
    for goal in goals():
        assert goal.workload in {*WORKLOADS, *OTHERS}
        assert (goal.at_most is None) != (goal.at_least is None)
        assert goal.of in ("cpu", "rate")


def test_a_ratio_is_of_figures_of_the_same_round() -> None:
    goal = next(one for one in goals() if one.workload == "list" and one.against == "usual")
    told = {"list": {"ours": [{"rate": 10.0}, {"rate": 90.0}], "usual": [{"rate": 1.0}, {"rate": 3.0}]}}
    assert ratio(told, goal) == 20.0


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
