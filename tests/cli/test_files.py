"""incidents export: files of every format from the command line, the same as those of the service."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from incidents_api.exporters import EXPORTERS
from tests.conftest import serve
from tests.test_cli import Command


@pytest.fixture
def command(
    seeded_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command over the five articles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INCIDENTS_DATABASE_URL", seeded_url)
    monkeypatch.setenv("COLUMNS", "200")
    return Command(seeded_url, monkeypatch, capsys)


@pytest.fixture
def client(seeded_url: str) -> TestClient:
    return serve(seeded_url)


@pytest.mark.parametrize("suffix", EXPORTERS)
def test_a_file_holds_what_the_address_gives(command: Command, client: TestClient, suffix: str, tmp_path: Path) -> None:
    told = command("export", suffix, "--filter", "admin1=MX-SIN", "--output", "here")
    assert (told.code, told.out) == (0, "")
    assert "records written, as of seq" in told.err
    with client:
        wanted = client.get(f"/v1/incidents.{suffix}?admin1=MX-SIN").content
    content = (tmp_path / "here").read_bytes()
    if suffix == "zip":
        members = zipfile.ZipFile(io.BytesIO(content)).namelist()
        assert members == zipfile.ZipFile(io.BytesIO(wanted)).namelist()
    elif suffix == "xlsx":
        assert content[:4] == wanted[:4]
    else:
        assert content == wanted
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("here")] == ["here"], "no half file"


def test_filters_are_written_as_people_write_them(command: Command) -> None:
    told = command(
        "export", "csv", "--filter", "filter=freed_best >= 16 AND admin1 = 'MX-SIN'", "--filter", "sort=-title"
    )
    assert told.code == 0
    titles = [row["title"] for row in csv.DictReader(io.StringIO(told.out, newline=""))]
    assert len(titles) == 3
    assert titles == sorted(titles, reverse=True)
    both = command("export", "csv", "--filter", "admin1=MX-SIN&type=kidnapping")
    assert len(both.out.splitlines()) == 2
    assert "1 records written" in both.err


def test_layouts_and_tables(command: Command) -> None:
    acled = command("export", "csv", "--layout", "acled", "--filter", "admin1=MX-SIN")
    assert acled.out.startswith("event_id_cnty,event_date,year,time_precision,")
    assert len(acled.out.splitlines()) == 6
    actors = command("export", "csv", "--table", "actors", "--bom")
    assert actors.out.startswith("\ufeffid,version,")


def test_a_moment_of_the_past(command: Command) -> None:
    told = command("export", "ndjson", "--filter", "as_of=20")
    assert told.err.endswith("as of seq 20.")
    assert len(told.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("csv", "--filter", "countri=MX"), "did you mean country?"),
        (("csv", "--layout", "akled"), "did you mean acled?"),
        (("ndjson", "--layout", "ucdp"), "there is no parameter 'layout' here"),
        (("csv", "--table", "incident"), "there is no table 'incident'; there are incidents, actors"),
        (("geojson", "--table", "actors"), "actors cannot be written as geojson; it takes csv"),
        (("csv", "--filter", "as_of=9999"), "as_of lies ahead of the log"),
    ],
)
def test_what_cannot_be_given_is_told(command: Command, arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    answer = command("export", *arguments, "--output", "here")
    assert answer.code == 1
    assert told in answer.err
    assert not list(tmp_path.glob("here*"))


def test_nothing_fits(command: Command) -> None:
    told = command("export", "csv", "--filter", "country=FR")
    assert told.out.splitlines()[0].startswith("id,version,")
    assert "No record fits" in told.err


def test_restricted_records_are_left_out_unless_asked_for(command: Command, client: TestClient) -> None:
    from tests import make
    from tests.conftest import key_for

    with client:
        headers = key_for(client, "write", "read:restricted")
        report = make.incident(sensitivity="restricted", title="Kept apart")
        assert client.post("/v1/incidents", json=report, headers=headers).status_code == 201
    assert "Kept apart" not in command("export", "csv").out
    assert "Kept apart" in command("export", "csv", "--restricted").out
