"""CQL2 filters over HTTP: what they select, that NOT selects the rest, and where a bad one is wrong."""

import pytest
from starlette.testclient import TestClient

POLYGON = "POLYGON((-108 24, -107 24, -107 25.5, -108 25.5, -108 24))"
TRIANGLE = "POLYGON((-108 24, -106 24, -108 26, -108 24))"
HOLED = "POLYGON((-110 23, -105 23, -105 27, -110 27, -110 23), (-108 24, -107 24, -107 25.5, -108 25.5, -108 24))"

FOUND = {
    "type = 'release'": 1,
    "type IN ('release', 'kidnapping')": 3,
    "freed_best >= 42": 3,
    "freed_best >= 10 AND country = 'MX' AND NOT granularity = 'period_total'": 4,
    "freed_low BETWEEN 1 AND 20": 2,
    "freed_best IS NULL AND freed_low IS NOT NULL": 1,
    "killed_best = 0": 1,
    "admin1 IS NULL": 6,
    "admin1 <> 'MX-SIN'": 1,
    "NOT admin1 = 'MX-SIN'": 7,
    "tag = 'migrants'": 2,
    "NOT tag = 'migrants'": 10,
    "tag IS NULL OR tag LIKE 'migr%'": 8,
    "CASEI(title) LIKE CASEI('%SAFEHOUSE%')": 1,
    "title LIKE '%SAFEHOUSE%'": 0,
    "ACCENTI(title) LIKE ACCENTI('%Culiacan%')": 3,
    "title LIKE '%Culiacan%'": 0,
    "date >= DATE('2024-11-01')": 2,
    "date IS NULL": 1,
    "T_INTERSECTS(date, INTERVAL('2024-03-01', '2024-03-31'))": 6,
    "T_DURING(date, INTERVAL('2024-03-01', '2024-03-31'))": 3,
    "T_BEFORE(date, DATE('2022-06-01'))": 4,
    "T_AFTER(date, DATE('2024-06-01'))": 1,
    f"S_INTERSECTS(geometry, {POLYGON})": 5,
    f"S_WITHIN(geometry, {TRIANGLE})": 5,
    f"S_INTERSECTS(geometry, {HOLED})": 0,
    "S_INTERSECTS(geometry, BBOX(-108, 24, -107, 24.9))": 2,
    "S_INTERSECTS(geometry, POINT(-107.38782 24.79032))": 2,
    "geometry IS NULL": 2,
    "version = 1 AND seq > 0": 12,
    "recorded_at > TIMESTAMP('2020-01-01T00:00:00Z')": 12,
}


@pytest.mark.parametrize(("text", "number"), FOUND.items())
def test_what_a_filter_selects(seeded: TestClient, text: str, number: int) -> None:
    answer = seeded.get("/v1/incidents", params={"filter": text, "count": "exact"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == number
    rest = seeded.get("/v1/incidents", params={"filter": f"NOT ({text})", "count": "exact"}).json()["total"]
    assert number + rest == 12


@pytest.mark.parametrize(
    ("text", "place"),
    [("typ = 'release'", 0), ("type = 'relase'", 7), ("type = 'release' AND", 20), ("freed_best > 'x'", 13), ("((", 2)],
)
def test_a_bad_filter_is_told_where(seeded: TestClient, text: str, place: int) -> None:
    answer = seeded.get("/v1/incidents", params={"filter": text})
    assert answer.status_code == 400
    fault = answer.json()["errors"][0]
    assert fault["parameter"] == "filter"
    assert f"(at position {place})" in fault["detail"]


@pytest.mark.parametrize("plural", ["actors", "locations", "sources", "statistics"])
def test_every_kind_can_be_filtered(seeded: TestClient, plural: str) -> None:
    answer = seeded.get(
        f"/v1/{plural}", params={"filter": "version >= 1 AND NOT external_id = 'a:b'", "count": "exact"}
    )
    assert answer.json()["total"] == seeded.get(f"/v1/{plural}?count=exact").json()["total"]
