"""Incidents in the columns of UCDP and ACLED: imported rows come back as they were, and what was edited shows."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.importers import IMPORTERS
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.writing.records import create_many
from tests import make
from tests.conftest import key_for

FILES = Path(__file__).parents[1] / "importers" / "files"
KEYS = {"ucdp": "id", "acled": "event_id_cnty"}
Cells = dict[str, str]


def load(client: TestClient, importer: str, data: bytes) -> None:
    who = Visitor("importer", frozenset({"write"}))
    reports = [
        (KINDS[row.kind], validate(KINDS[row.kind].report, row.report))
        for row in IMPORTERS[importer].read(io.BytesIO(data))
        if row.report is not None
    ]
    client.app.state.database.write_now(create_many, reports, who)  # type: ignore[attr-defined]


def exported(client: TestClient, layout: str) -> dict[str, Cells]:
    answer = client.get(f"/v1/incidents.csv?layout={layout}", headers=key_for(client, "review"))
    assert answer.status_code == 200
    return {row[KEYS[layout]]: row for row in csv.DictReader(io.StringIO(answer.text, newline=""))}


def edit(client: TestClient, external_id: str, changes: dict[str, Any]) -> None:
    found = client.get(f"/v1/incidents?external_id={external_id}", headers=key_for(client, "review")).json()["items"][0]
    one = client.get(f"/v1/incidents/{found['id']}", headers=key_for(client, "review"))
    headers = {"If-Match": one.headers["ETag"], "Content-Type": "application/merge-patch+json"}
    answer = client.patch(
        f"/v1/incidents/{found['id']}", json=changes, headers=headers | key_for(client, "write", "review")
    )
    assert answer.status_code == 200, answer.text


def claims_of(client: TestClient, external_id: str) -> list[dict[str, Any]]:
    item = client.get(f"/v1/incidents?external_id={external_id}", headers=key_for(client, "review")).json()["items"][0]
    return [{name: one for name, one in claim.items() if one is not None} for claim in item["claims"]]


@pytest.mark.parametrize(("layout", "name"), [("ucdp", "ucdp_hdx"), ("acled", "acled")])
def test_imported_rows_come_back_cell_by_cell(client: TestClient, layout: str, name: str) -> None:
    data = (FILES / f"{name}.csv").read_bytes()
    load(client, layout, data)
    told = exported(client, layout)
    rows = {row[KEYS[layout]]: row for row in csv.DictReader(io.StringIO(data.decode(), newline=""))}
    assert len(told) == {"ucdp": 6, "acled": 4}[layout]
    for key, cells in told.items():
        wanted = {column: rows[key].get(column, "") for column in cells}
        if wanted.get("notes", "").startswith("="):
            wanted["notes"] = "'" + wanted["notes"]  # no spreadsheet runs it
        assert cells == wanted


def test_a_file_of_ours_is_read_again_as_the_same_rows(client: TestClient) -> None:
    data = (FILES / "acled.csv").read_bytes()
    load(client, "acled", data)
    again = client.get("/v1/incidents.csv?layout=acled", headers=key_for(client, "review")).content
    first = {row.external_id: row.report for row in IMPORTERS["acled"].read(io.BytesIO(data)) if row.report}
    second = {row.external_id: row.report for row in IMPORTERS["acled"].read(io.BytesIO(again))}
    assert second == first


def test_what_was_edited_shows_and_nothing_else_changes(client: TestClient) -> None:
    load(client, "ucdp", (FILES / "ucdp_hdx.csv").read_bytes())
    before = exported(client, "ucdp")
    claims = claims_of(client, "ucdp:1")
    claims[0] |= {"value": 4, "low": 4, "high": 6}
    claims[2] |= {"value": 2}
    place = {"location": "MX-CHH", "name": "Ciudad Juárez", "lat": 31.739444, "lon": -106.486944, "precision": "adm2"}
    changes = {"type": "attack", "date": "[2021-03-01..2021-03-04]", "locations": [place], "claims": claims}
    edit(client, "ucdp:1", changes | {"title": "Four die"})
    after = exported(client, "ucdp")
    assert {key: cells for key, cells in after.items() if key != "1"} == {
        key: cells for key, cells in before.items() if key != "1"
    }
    changed = {name: cell for name, cell in after["1"].items() if cell != before["1"][name]}
    assert changed == {
        "type_of_violence": "3",
        "source_headline": "Four die",
        "where_prec": "3",
        "where_coordinates": "Ciudad Juárez",
        "adm_1": "Chihuahua",
        "latitude": "31.739444",
        "longitude": "-106.486944",
        "geom_wkt": "POINT (-106.486944 31.739444)",
        "priogrid_gid": "175108",
        "date_prec": "2",
        "date_start": "2021-03-01",
        "date_end": "2021-03-04",
        "deaths_unknown": "2",
        "best": "4",
        "high": "6",
        "low": "4",
    }


def test_an_edit_that_is_taken_back_gives_the_first_cells_again(client: TestClient) -> None:
    load(client, "ucdp", (FILES / "ucdp_hdx.csv").read_bytes())
    before = exported(client, "ucdp")
    edit(client, "ucdp:2", {"date": "2021-02-03"})
    assert exported(client, "ucdp")["2"]["date_prec"] == "1"
    edit(client, "ucdp:2", {"date": "2021-02"})
    assert exported(client, "ucdp") == before


def test_edited_rows_of_acled(client: TestClient) -> None:
    load(client, "acled", (FILES / "acled.csv").read_bytes())
    before = exported(client, "acled")
    claims = claims_of(client, "acled:MEX90002")
    claims[0]["value"] = 5
    edit(client, "acled:MEX90002", {"claims": claims, "date": "2024-03-28", "summary": "Five died.", "type": "raid"})
    after = exported(client, "acled")
    changed = {name: cell for name, cell in after["MEX90002"].items() if cell != before["MEX90002"][name]}
    assert changed == {"event_date": "2024-03-28", "time_precision": "1", "fatalities": "5", "notes": "Five died."}


def test_incidents_of_other_origin_are_told_as_far_as_they_are_known(client: TestClient) -> None:
    actors = [
        {"name": "Made-up Cartel", "role": "perpetrator"},
        {"name": "Journalists", "role": "victim"},
        {"name": "Governor", "role": "information_source"},
    ]
    claims = [make.claim(measure="killed", value=2), make.claim(measure="kidnapped", value=3)]
    report = make.incident(type="kidnapping", actors=actors, claims=claims, date="2024-03")
    answer = client.post("/v1/incidents", json=report, headers=key_for(client)).json()
    ucdp = exported(client, "ucdp")[""]
    assert {name: cell for name, cell in ucdp.items() if cell} == {
        "relid": answer["id"],
        "year": "2024",
        "side_a": "Made-up Cartel",
        "side_b": "Journalists",
        "source_headline": "Sixteen people rescued",
        "where_prec": "1",
        "where_coordinates": "Culiacán",
        "adm_1": "Sinaloa",
        "latitude": ucdp["latitude"],
        "longitude": ucdp["longitude"],
        "geom_wkt": f"POINT ({ucdp['longitude']} {ucdp['latitude']})",
        "priogrid_gid": "165026",
        "country": "Mexico",
        "country_id": "70",
        "event_clarity": "1",
        "date_prec": "4",
        "date_start": "2024-03-01",
        "date_end": "2024-03-31",
        "best": "2",
        "high": "2",
        "low": "2",
    }
    acled = exported(client, "acled")[answer["id"]]
    assert {name: cell for name, cell in acled.items() if cell} == {
        "event_id_cnty": answer["id"],
        "event_date": "2024-03-01",
        "year": "2024",
        "time_precision": "3",
        "disorder_type": "Political violence",
        "event_type": "Violence against civilians",
        "sub_event_type": "Abduction/forced disappearance",
        "actor1": "Made-up Cartel",
        "actor2": "Journalists",
        "iso": "484",
        "country": "Mexico",
        "admin1": "Sinaloa",
        "location": "Culiacán",
        "latitude": acled["latitude"],
        "longitude": acled["longitude"],
        "geo_precision": "1",
        "notes": "Sixteen people rescued",
        "fatalities": "2",
    }


def test_raw_of_another_origin_is_not_taken_for_a_row_of_the_layout(client: TestClient) -> None:
    report = make.incident(raw={"id": "77", "best": "=1+1", "country": "Nowhere"}, external_ids={"ucdp": "78"})
    client.post("/v1/incidents", json=report, headers=key_for(client))
    cells = exported(client, "ucdp")["78"]
    assert (cells["best"], cells["country"]) == ("", "Mexico")


def test_no_cell_is_a_formula(client: TestClient) -> None:
    raw = {"id": "78", "number_of_sources": "=1+1", "active_year": "-1", "side_a": "@SUM(A1)", "conflict_name": "->"}
    report = make.incident(raw=raw, external_ids={"ucdp": "78"})
    client.post("/v1/incidents", json=report, headers=key_for(client))
    cells = exported(client, "ucdp")["78"]
    assert [cells[name] for name in ("number_of_sources", "active_year", "conflict_name")] == ["'=1+1", "-1", "->"]
    assert not any(cell.startswith(("=", "@", "+")) for cell in cells.values())


def test_the_layout_is_one_of_csv_of_incidents_and_named_in_the_file(seeded: TestClient) -> None:
    answer = seeded.get("/v1/incidents.csv?layout=acled&admin1=MX-SIN")
    assert 'filename="incidents_acled_seq' in answer.headers["Content-Disposition"]
    assert len(answer.text.splitlines()) == 6
    wrong = seeded.get("/v1/incidents.csv?layout=akled")
    assert wrong.status_code == 400
    assert "did you mean acled" in wrong.json()["errors"][0]["detail"]
    assert seeded.get("/v1/incidents.ndjson?layout=ucdp").status_code == 400
    assert seeded.get("/v1/claims.csv?layout=ucdp").status_code == 400
