"""Totals: the golden numbers of the five articles, and nobody counted twice whatever is selected; on both databases."""

from typing import Any

import pytest
from starlette.testclient import TestClient


def total(client: TestClient, asked: str = "") -> dict[str, Any]:
    answer = client.get(f"/v1/totals?{asked}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def levels(row: dict[str, Any], measure: str) -> tuple[int, int, int]:
    figure = row["measures"][measure]
    return figure["low"], figure["best"], figure["high"]


def test_the_golden_numbers(seeded: TestClient) -> None:
    answer = total(seeded)
    assert len(answer["rows"]) == 1
    row = answer["rows"][0]
    assert row["incidents"] == 11
    assert levels(row, "kidnapped") == (88, 88, 88)
    assert levels(row, "freed")[:2] == (82, 82)
    assert row["measures"]["freed"]["lower_bound_only"] == 1
    assert levels(row, "rescued")[0] == 40
    assert levels(row, "released") == (42, 42, 42)
    assert levels(row, "killed")[1] == 1
    assert answer["excluded"] == {"period_totals": 1, "netted_parts": 2, "parts_exceed_whole": 0}
    period = total(seeded, "include_period_totals=true")["rows"][0]
    assert levels(period, "freed")[:2] == (7408, 7411)
    assert period["incidents"] == 12


@pytest.mark.parametrize(
    "selected",
    [
        "S001-R1,seed:S001-R2",
        "S001-R0",
        "S001-R0,seed:S001-R1",
        "S001-R0,seed:S001-R2",
        "S001-R0,seed:S001-R1,seed:S001-R2",
    ],
)
def test_a_whole_and_its_parts_count_once(seeded: TestClient, selected: str) -> None:
    assert levels(total(seeded, f"external_id=seed:{selected}")["rows"][0], "freed") == (58, 58, 58)


@pytest.mark.parametrize(
    "by",
    [
        "admin1",
        "country",
        "type",
        "year",
        "month",
        "granularity",
        "status",
        "date_precision",
        "earliest,latest",
        "admin1,type",
    ],
)
@pytest.mark.parametrize("asked", ["", "include_period_totals=true", "measure=freed", "from=2024&to=2024"])
def test_buckets_add_up_to_the_whole(seeded: TestClient, by: str, asked: str) -> None:
    whole = total(seeded, asked)["rows"][0]
    answer = total(seeded, f"{asked}&by={by}")
    assert answer["overlapping"] is False
    assert sum(row["incidents"] for row in answer["rows"]) == whole["incidents"]
    for measure in whole["measures"]:
        summed = [levels(row, measure) for row in answer["rows"] if measure in row["measures"]]
        assert tuple(map(sum, zip(*summed, strict=True))) == levels(whole, measure)


def test_groups(seeded: TestClient) -> None:
    rows = {row["key"]["admin1"]: row for row in total(seeded, "by=admin1")["rows"]}
    assert {key: row["incidents"] for key, row in rows.items()} == {"MX-SIN": 5, "MX-TAM": 1, None: 5}
    assert levels(rows["MX-SIN"], "freed") == (58, 58, 58)
    months = {row["key"]["month"]: row["incidents"] for row in total(seeded, "by=month")["rows"]}
    assert months["2024-03"] == 3
    spans = total(seeded, "by=earliest,latest&from=2024-11&to=2024-11&figures=none")["rows"]
    assert [(*row["key"].values(), row["incidents"]) for row in spans] == [
        ("2024-11-15", "2024-11-30", 1),
        (None, "2024-11-30", 1),
    ]
    ages = {row["key"]["age_group"]: row for row in total(seeded, "by=age_group&measure=freed")["rows"]}
    assert levels(ages["adult"], "freed") == (36, 36, 36)
    assert levels(ages["child"], "freed") == (22, 22, 22)
    child = total(seeded, "age_group=child")["rows"][0]
    assert levels(child, "freed") == (22, 22, 22)
    actors = total(seeded, "by=actor")
    assert actors["overlapping"] is True
    forces = total(seeded, "population=security_forces")["rows"][0]
    assert levels(forces, "killed") == (1, 1, 1)


def test_nothing_selected(seeded: TestClient) -> None:
    answer = total(seeded, "type=hijacking")
    assert answer["rows"] == [{"key": {}, "incidents": 0, "measures": {}}]
    assert total(seeded, "type=hijacking&by=country")["rows"] == []


def test_a_moment_stands_fast(seeded: TestClient) -> None:
    at = total(seeded)["as_of"]
    assert total(seeded, f"as_of={at}")["rows"] == total(seeded)["rows"]
    assert total(seeded, "as_of=0")["rows"][0]["incidents"] == 0
