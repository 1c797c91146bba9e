"""Cells of the map: what is precise enough lies in one, everything else under null, and the key is a box to ask for."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from incidents_api.reading.cells import box, side

CULIACAN = (-107.38782, 24.79032)


def rows(client: TestClient, query: str) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/totals?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found


def edges(key: str) -> Iterator[float]:
    return map(float, key.split(","))


@pytest.mark.parametrize("zoom", [0, 1, 6, 13, 20])
def test_a_cell_holds_its_points_and_tells_their_middle(seeded: TestClient, zoom: int) -> None:
    (placed, rest) = rows(seeded, f"by=cell&zoom={zoom}")
    west, south, east, north = edges(placed["key"]["cell"])
    assert west <= CULIACAN[0] <= east
    assert south <= CULIACAN[1] <= north
    assert (placed["incidents"], placed["point"]) == (2, {"lon": CULIACAN[0], "lat": CULIACAN[1]})
    assert rest["key"] == {"cell": None}
    assert "point" not in rest
    assert placed["incidents"] + rest["incidents"] == rows(seeded, "")[0]["incidents"]


def test_the_key_of_a_cell_is_a_box_to_ask_for(seeded: TestClient) -> None:
    key = rows(seeded, "by=cell&zoom=8")[0]["key"]["cell"]
    assert rows(seeded, f"bbox={key}")[0]["incidents"] == 2


def test_coarser_points_lie_in_a_cell_when_asked_for(seeded: TestClient) -> None:
    assert sum(row["incidents"] for row in rows(seeded, "by=cell&max_precision=adm1") if row["key"]["cell"]) == 6


def test_a_whole_and_its_parts_count_once_across_cells(seeded: TestClient) -> None:
    freed = [row["measures"].get("freed", {"best": 0})["best"] for row in rows(seeded, "by=cell,admin1&zoom=9")]
    assert sum(freed) == rows(seeded, "measure=freed")[0]["measures"]["freed"]["best"]


@pytest.mark.parametrize("zoom", ["21", "-1", "x", "1.5", ""])
def test_a_zoom_that_there_is_not_is_refused(seeded: TestClient, zoom: str) -> None:
    answer = seeded.get(f"/v1/totals?by=cell&zoom={zoom}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "zoom"


@given(st.integers(0, 20), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_boxes_are_told_without_an_exponent_and_exactly(zoom: int, along: float, up: float) -> None:
    column, row = int(along * (1 << zoom)), int(up * max(1, (1 << zoom) // 2))
    west, south, east, north = edges(box(str(row * 2**21 + column), zoom))
    assert abs(west - (column * side(zoom) - 180)) < 1e-11
    assert abs(south - (row * side(zoom) - 90)) < 1e-11
    assert (east > west, north > south) == (True, True)


def test_what_relates_to_an_incident_is_found_by_it(seeded: TestClient) -> None:
    def keys(query: str) -> set[str]:
        return {one["external_ids"]["seed"] for one in seeded.get(f"/v1/incidents?{query}").json()["items"]}

    (whole,) = seeded.get("/v1/incidents?external_id=seed:S001-R0").json()["items"]
    assert keys(f"related_to={whole['id']}") == keys("related_to=seed:S001-R0") >= {"S001-R1", "S001-R2"}
    assert keys(f"filter=related_to%20=%20'{whole['id']}'") == keys("related_to=seed:S001-R0")


@pytest.mark.parametrize("by", ["", "&by=type", "&by=actor", "&by=cell&zoom=7", "&by=year,month"])
def test_numbers_alone_are_the_numbers_of_totals(seeded: TestClient, by: str) -> None:
    alone = {str(row["key"]): row["incidents"] for row in rows(seeded, f"figures=none{by}")}
    assert alone == {str(row["key"]): row["incidents"] for row in rows(seeded, by.removeprefix("&"))}
    assert all(row["measures"] == {} for row in rows(seeded, f"figures=none{by}"))
