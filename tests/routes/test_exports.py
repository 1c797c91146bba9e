"""Exports over HTTP: the same records as the list, in every format, streamed or as a file that answers Range."""

import csv
import io
import json
import re
import zipfile

import polars
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient

from incidents_api.exporters import EXPORTERS

FILTERS = ["", "admin1=MX-SIN", "measure=freed&sort=-freed_best", "q=safehouse", "type=hijacking"]


def ids(client: TestClient, asked: str) -> list[str]:
    return [item["id"] for item in client.get(f"/v1/incidents?limit=1000&{asked}").json()["items"]]


@pytest.mark.parametrize("asked", FILTERS)
def test_every_format_holds_what_the_list_holds(seeded: TestClient, asked: str) -> None:
    wanted = ids(seeded, asked)
    text = seeded.get(f"/v1/incidents.csv?{asked}")
    assert text.status_code == 200, text.text
    assert text.headers["content-type"].startswith("text/csv")
    assert text.headers["content-disposition"].startswith('attachment; filename="incidents_seq')
    assert [row["id"] for row in csv.DictReader(io.StringIO(text.text, newline=""))] == wanted
    lines = seeded.get(f"/v1/incidents.ndjson?{asked}").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == wanted
    features = seeded.get(f"/v1/incidents.geojson?{asked}").json()["features"]
    assert [feature["id"] for feature in features] == wanted
    parquet = seeded.get(f"/v1/incidents.parquet?{asked}")
    table = pyarrow.parquet.read_table(io.BytesIO(parquet.content))
    assert table.column("id").to_pylist() == wanted
    if wanted:
        sheet = polars.read_excel(io.BytesIO(seeded.get(f"/v1/incidents.xlsx?{asked}").content), engine="openpyxl")
        assert sheet["id"].to_list() == wanted
    archive = zipfile.ZipFile(io.BytesIO(seeded.get(f"/v1/incidents.zip?{asked}").content))
    told = json.loads(archive.read("datapackage.json"))
    assert {resource["name"] for resource in told["resources"]} == {
        "incidents",
        "claims",
        "actors",
        "locations",
        "sources",
    }


@pytest.mark.parametrize(
    "name",
    [*(f"incidents.{suffix}" for suffix in EXPORTERS), "claims.csv", "claims.parquet", "actors.xlsx", "sources.ndjson"],
)
def test_a_file_answers_head_and_range(seeded: TestClient, name: str) -> None:
    url = f"/v1/{name}"
    whole = seeded.get(url).content
    head = seeded.head(url)
    assert head.headers["accept-ranges"] == "bytes"
    assert re.fullmatch(
        rf'attachment; filename="{name.replace(".", r"_seq[0-9]+.", 1)}"', head.headers["content-disposition"]
    )
    assert int(head.headers["content-length"]) == len(whole)
    part = seeded.get(url, headers={"Range": "bytes=10-99"})
    assert part.status_code == 206
    assert part.content == whole[10:100]
    assert part.headers["etag"] == head.headers["etag"]
    same = seeded.get(url, headers={"If-None-Match": head.headers["etag"]})
    assert same.status_code == 304


def test_accept_asks_for_a_file(seeded: TestClient) -> None:
    named = seeded.get("/v1/incidents?admin1=MX-SIN", headers={"Accept": "text/csv"})
    assert named.content == seeded.get("/v1/incidents.csv?admin1=MX-SIN").content
    assert seeded.get("/v1/incidents.csv?bom=1").content.startswith(b"\xef\xbb\xbf")


def test_every_kind_and_the_claims(seeded: TestClient) -> None:
    for plural in ("actors", "locations", "sources", "statistics"):
        total = seeded.get(f"/v1/{plural}?count=exact").json()["total"]
        rows = list(csv.DictReader(io.StringIO(seeded.get(f"/v1/{plural}.csv").text, newline="")))
        assert len(rows) == total
    listed = seeded.get("/v1/claims?count=exact").json()
    assert listed["total"] == len(listed["items"]) == 20
    rows = list(csv.DictReader(io.StringIO(seeded.get("/v1/claims.csv").text, newline="")))
    assert len(rows) == 20
    for asked, number in (
        ("measure=freed", 10),
        ("measure=released", 1),
        ("age_group=child", 1),
        ("qualifier=vague", 2),
    ):
        assert seeded.get(f"/v1/claims?count=exact&{asked}").json()["total"] == number, asked
        assert len(list(csv.DictReader(io.StringIO(seeded.get(f"/v1/claims.csv?{asked}").text, newline="")))) == number


def test_claims_page_by_page(seeded: TestClient) -> None:
    whole = seeded.get("/v1/claims").json()["items"]
    paged, url = [], "/v1/claims?limit=3"
    while url:
        page = seeded.get(url).json()
        paged += page["items"]
        url = page["next"]
    assert paged == whole
    assert {"incident_id", "claim_id", "value", "quote", "incident_title"} <= whole[0].keys()


def test_the_edition_and_the_past(seeded: TestClient) -> None:
    now = seeded.get("/v1/edition").json()
    assert now["counts"] == {"incidents": 12, "actors": 18, "locations": 6, "sources": 5, "statistics": 8}
    assert seeded.get(f"/v1/edition?as_of={now['seq']}").json() == now
    assert seeded.get("/v1/edition?as_of=0").json()["counts"]["incidents"] == 0
    early = seeded.get("/v1/incidents.csv?as_of=20")
    assert early.headers["cache-control"] == "public, max-age=300"
    listed = seeded.get("/v1/incidents?as_of=20").json()["items"]
    assert [row["id"] for row in csv.DictReader(io.StringIO(early.text, newline=""))] == [one["id"] for one in listed]
