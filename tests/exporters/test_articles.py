"""The five articles as files: golden bytes of every text format, made from what the store serves.

`UPDATE_GOLDEN=1` writes the golden files anew; the diff then says what a user of the files will notice.
"""

import io
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest
from starlette.testclient import TestClient

from incidents_api.exporters import EXPORTERS, About, table
from incidents_api.exporters.package import NAMES, Package
from incidents_api.model.kinds import BY_PLURAL

GOLDEN = Path(__file__).with_name("golden")
ABOUT = About(
    title="Five articles",
    edition={"seq": 49, "hash": "0" * 64, "recorded_at": "2026-01-01T00:00:00.000000Z"},
    licence={"name": "CC-BY-4.0", "title": "Creative Commons Attribution 4.0"},
)


@pytest.fixture
def engine() -> str:
    """One engine: files are made from records, and that both engines serve the same is shown elsewhere."""
    return "sqlite"


def lasting(documents: str) -> str:
    """The documents with times and random ids (UUIDv7) replaced by ones that are the same in every run."""
    names: dict[str, str] = {}

    def renamed(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"00000000-0000-7000-8000-{len(names) + 1:012}")

    documents = re.sub(r'("recorded_at":)"[^"]*"', r'\1"2026-01-01T00:00:00.000000Z"', documents)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", renamed, documents)


def check(name: str, made: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(made)
    assert made == path.read_bytes(), f"{name} has changed; UPDATE_GOLDEN=1 writes it anew"


def documents(plural: str) -> list[str]:
    return (GOLDEN / f"{plural}.ndjson").read_text(encoding="utf-8").splitlines()


def records(plural: str) -> list[Mapping[str, object]]:
    return [json.loads(document) for document in documents(plural)]


def test_the_records_are_those_of_the_store(seeded: TestClient) -> None:
    """Every other golden file is made from these, so that only this test needs a store."""
    served = {
        plural: [
            json.dumps(item, ensure_ascii=False, separators=(",", ":"))
            for item in seeded.get(f"/v1/{plural}?limit=1000").json()["items"]
        ]
        for plural in BY_PLURAL
    }
    whole = lasting("\f".join("\n".join(items) for items in served.values()))
    for plural, text in zip(served, whole.split("\f"), strict=True):
        exporter = EXPORTERS["ndjson"]()
        check(f"{plural}.ndjson", exporter.begin() + exporter.write(f"{text}\n".encode()) + exporter.end())


@pytest.mark.parametrize("name", ["incidents", "claims", "actors", "locations", "sources", "statistics"])
def test_csv(name: str) -> None:
    exporter = EXPORTERS["csv"](table(name))
    items = records("incidents" if name == "claims" else name)
    made = exporter.begin() + exporter.write(items[:2]) + exporter.write(items[2:]) + exporter.end()
    check(f"{name}.csv", made)


@pytest.mark.parametrize("name", ["incidents", "locations"])
def test_geojson(name: str) -> None:
    exporter = EXPORTERS["geojson"](table(name), ABOUT)
    items = records(name)
    pieces = [exporter.begin(), exporter.write(items[:2]), exporter.write([]), exporter.write(items[2:])]
    check(f"{name}.geojson", b"".join(pieces) + exporter.end())


def test_the_package_holds_the_tables_and_what_they_mean() -> None:
    file = io.BytesIO()
    pages = {name: [records("incidents" if name == "claims" else name)] for name in NAMES}
    Package(about=ABOUT).write_file(file, pages)
    with ZipFile(file) as archive:
        assert archive.namelist() == [*(f"data/{name}.csv" for name in NAMES), "datapackage.json"]
        for name in NAMES:
            assert archive.read(f"data/{name}.csv") == (GOLDEN / f"{name}.csv").read_bytes()
        check("datapackage.json", archive.read("datapackage.json"))
    again = io.BytesIO()
    Package(about=ABOUT).write_file(again, pages)
    assert again.getvalue() == file.getvalue()
