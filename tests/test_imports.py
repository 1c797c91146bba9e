"""Importing files: by the command line and over HTTP, again and again, newer releases, stops and rejects."""

import gzip
import inspect
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient
from typer.testing import CliRunner

from incidents_api import cli
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import bulk
from incidents_api.writing.verify import verify
from tests import make
from tests.conftest import key_for
from tests.real.ucdp import FILE as UCDP


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 60 lines of the dataset."""
    path = tmp_path_factory.mktemp("release") / "ged.csv"
    path.write_bytes(b"".join(UCDP.read_bytes().splitlines(keepends=True)[:61]))
    return path


@pytest.fixture
def run(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The command line over a fresh store, in a folder of its own."""
    monkeypatch.setenv("INCIDENTS_DATABASE_URL", store_url)
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str, status: int = 0, stdin: bytes | None = None) -> Any:
        done = CliRunner().invoke(cli.app, ["import", *map(str, words)], input=stdin)
        assert done.exit_code == status, (done.output, done.exception)
        return done

    return invoke


def told(done: Any) -> dict[str, Any]:
    one: dict[str, Any] = json.loads(done.stdout)[0]
    return one


def counts(one: dict[str, Any]) -> tuple[int, ...]:
    return tuple(one[name] for name in ("received", "created", "updated", "unchanged", "refused", "ended"))


def head(url: str) -> int:
    database = Database(url)
    with database.connect() as conn:
        seq: int = conn.execute(sa.select(tables.head.c.seq)).scalar_one()
    database.close_writer()
    return seq


def test_the_same_file_again_changes_nothing_and_a_newer_one_only_what_changed(
    run: Callable[..., Any], release: Path, store_url: str
) -> None:
    first = told(run("ucdp", release, "--json"))
    rows = first["received"]
    assert counts(first) == (rows, rows, 0, 0, 0, 0)
    assert rows > 50
    seq = head(store_url)
    assert counts(told(run("ucdp", release, "--json"))) == (rows, 0, 0, rows, 0, 0)
    assert head(store_url) == seq
    lines = release.read_bytes().splitlines(keepends=True)
    at = lines[0].decode().replace('"', "").strip().split(",").index("where_description")
    assert at
    newer = Path("newer.csv")
    newer.write_bytes(b"".join([*lines[:5], *lines[7:]]))
    ended = told(run("ucdp", newer, "--ended", "retract", "--json"))
    assert ended["ended"] > 0
    assert (ended["updated"], ended["refused"], head(store_url)) == (0, 0, seq + ended["ended"])
    assert counts(told(run("ucdp", newer, "--ended", "retract", "--json")))[-1] == 0
    database = Database(store_url)
    assert database.write_now(verify).faults == []
    with database.connect() as conn:
        operations = set(conn.execute(sa.select(tables.revision.c.operation)).scalars())
        reasons = set(conn.execute(sa.select(tables.revision.c.reason)).scalars()) - {None}
    database.close_writer()
    assert operations >= {"import", "end"}
    assert {json.loads(one)["code"] for one in reasons} == {"source_retracted"}


def test_a_part_of_a_dataset_is_no_newer_release(run: Callable[..., Any], release: Path, store_url: str) -> None:
    run("ucdp", release)
    part = Path("part.csv")
    part.write_bytes(b"".join(release.read_bytes().splitlines(keepends=True)[:9]))
    seq = head(store_url)
    done = run("ucdp", part, "--ended", "retract", status=1)
    assert "whole release" in str(done.exception)
    assert head(store_url) == seq


def test_every_way_to_give_a_file(run: Callable[..., Any], release: Path, store_url: str) -> None:
    content = release.read_bytes()
    rows = told(run("ucdp", release, "--json", "--dry-run"))["received"]
    assert head(store_url) == 0
    Path("a.csv.gz").write_bytes(gzip.compress(content))
    with zipfile.ZipFile("b.zip", "w") as archive:
        archive.writestr("folder/b.csv", content)
    assert counts(told(run("ucdp", "a.csv.gz", "--json")))[:2] == (rows, rows)
    assert counts(told(run("ucdp", "b.zip", "--json")))[:4] == (rows, 0, 0, rows)
    assert counts(told(run("ucdp", "-", "--json", stdin=content)))[:4] == (rows, 0, 0, rows)
    assert f"{rows:,} lines; {rows:,} unchanged" in run("ucdp", release).stderr


def test_what_is_refused_is_written_with_its_reason(run: Callable[..., Any]) -> None:
    lines = [make.incident(external_ids={"paper": str(n)}) for n in range(3)]
    lines[1]["type"] = "nothing"
    Path("night.ndjson").write_text("\n".join(map(json.dumps, lines)))
    done = told(run("reports", "night.ndjson", "--json", status=3))
    assert counts(done)[:2] == (3, 2)
    assert done["rejects"] == "night.ndjson.rejects.ndjson"
    rejected = json.loads(Path(done["rejects"]).read_text())
    assert (rejected["line"], rejected["external_id"]) == (2, "paper:1")
    assert "not a code of incident_type" in rejected["reason"]
    assert json.loads(rejected["row"]) == lines[1]
    run("reports", "night.ndjson", "--rejects", "wrong.csv", status=3)
    assert (
        Path("wrong.csv").read_text().startswith("line,external_id,reason,row\n")
        or "\r\n" in Path("wrong.csv").read_bytes().decode()
    )
    aborted = told(run("reports", "night.ndjson", "--on-error", "abort", "--json", status=3))
    assert aborted["created"] == 0
    assert counts(told(run("reports", "night.ndjson", "--on-existing", "reject", "--json", status=3)))[-2] == 3


def test_other_kinds_can_be_imported(run: Callable[..., Any]) -> None:
    Path("actors.json").write_text(json.dumps([make.actor(name=f"Group {n}") for n in range(3)]))
    assert counts(told(run("reports", "actors.json", "--kind", "actor", "--json")))[:2] == (3, 3)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [("none.csv", None, "be read"), ("some.csv", b"a,b\n1,2\n", ""), ("some.zip", b"no zip", "be unpacked")],
    ids=["missing", "another", "broken"],
)
def test_a_file_that_cannot_be_read(
    run: Callable[..., Any], store_url: str, name: str, content: bytes | None, says: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    assert says in str(run("ucdp", name, status=1).exception)
    assert head(store_url) == 0


def test_a_stop_goes_on_where_it_stood(
    run: Callable[..., Any], store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH_ROWS", 4)
    # No external id: nothing but the run itself knows what was taken.
    Path("night.ndjson").write_text("\n".join(json.dumps(make.incident(title=f"T{n}")) for n in range(20)))
    with monkeypatch.context() as patch:
        patch.setattr(bulk.Bulk, "_step", _stopping(bulk.Bulk._step, 3))
        assert "goes on where it stood" in run("reports", "night.ndjson", status=130).stderr
    assert counts(told(run("reports", "night.ndjson", "--json")))[:2] == (20, 20)
    database = Database(store_url)
    with database.connect() as conn:
        own = conn.execute(sa.select(tables.revision.c.record).where(tables.revision.c.kind == "incident")).scalars()
        assert sorted(json.loads(one)["title"] for one in own) == sorted(f"T{n}" for n in range(20))
    database.close_writer()


@pytest.mark.parametrize("format", ["reports", "ucdp"])
def test_every_process_knows_a_file_by_the_same_key(new_store: Callable[..., str], tmp_path: Path, format: str) -> None:
    """Words of a set come in another order in each process; one that goes on must find what another began."""
    path = tmp_path / "some.csv"
    path.write_text("a,b")
    told = """
        from incidents_api.cli import imports
        imports.Bulk = lambda database, who, options, key, told: print(key) or exit()
        from incidents_api.cli import main; main()
    """
    keys, url = set(), new_store("sqlite")
    for seed in range(4):
        environment = os.environ | {"PYTHONHASHSEED": str(seed), "INCIDENTS_DATABASE_URL": url}
        words = [sys.executable, "-c", inspect.cleandoc(told), "import", format, str(path)]
        keys.add(subprocess.run(words, env=environment, capture_output=True, text=True, check=False).stdout)
    assert len(keys) == 1
    assert "command line" in keys.pop()


def _stopping(step: Callable[..., Any], after: int) -> Callable[..., Any]:
    taken = []

    def stop(*arguments: Any) -> Any:
        taken.append(1)
        if len(taken) == after:
            raise KeyboardInterrupt
        return step(*arguments)

    return stop


# --- Over HTTP -----------------------------------------------------------------------------------------------------


def test_the_same_over_http(client: TestClient, release: Path) -> None:
    headers = key_for(client) | {"Content-Type": "text/csv"}
    first = client.post("/v1/imports/ucdp", content=release.read_bytes(), headers=headers)
    assert first.status_code == 200, first.text
    rows = first.json()["received"]
    assert counts(first.json()) == (rows, rows, 0, 0, 0, 0)
    again = client.post("/v1/imports/ucdp", content=release.read_bytes(), headers=headers)
    assert counts(again.json()) == (rows, 0, 0, rows, 0, 0)
    dry = client.post("/v1/imports/ucdp?dry_run=true&on_existing=reject", content=release.read_bytes(), headers=headers)
    assert counts(dry.json()) == (rows, 0, 0, 0, rows, 0)
    assert client.get("/v1/incidents?count=exact").json()["total"] == rows
    assert client.app.state.database.write_now(verify).faults == []


def test_the_same_file_after_merges_changes_nothing(client: TestClient, release: Path) -> None:
    """Incidents, and what they refer to: those who fought each other, too, become one."""
    headers = key_for(client, "write", "review") | {"Content-Type": "text/csv"}
    first = client.post("/v1/imports/ucdp", content=release.read_bytes(), headers=headers).json()
    items = {
        name: client.get(f"/v1/{name}?limit=100").json()["items"] for name in ("incidents", "sources", "locations")
    }
    state = next(one["id"] for one in items["locations"] if one["external_ids"] == {"iso3166": "MX-GRO"})
    other = client.post("/v1/locations", json=make.location(), headers=key_for(client)).json()["id"]
    pairs = {name: [one["id"] for one in items[name][:2]] for name in ("incidents", "sources")}
    pairs |= {"actors": [one["actor_id"] for one in items["incidents"][0]["actors"]], "locations": [state, other]}
    for name, (old, into) in pairs.items():
        answer = client.post(
            f"/v1/{name}/{old}/merge",
            json={"into": into},
            headers=key_for(client, "write", "review") | {"If-Match": "*"},
        )
        assert answer.status_code == 200, (name, answer.text)
    edition = client.get("/v1/edition").json()
    again = client.post("/v1/imports/ucdp", content=release.read_bytes(), headers=headers).json()
    assert counts(again) == (first["received"], 0, 0, first["received"], 0, 0)
    assert [one["merged_into"] for one in again["notices"]] == [pairs["incidents"][1]]
    assert client.get("/v1/edition").json() == edition


def test_an_import_that_cannot_be_read(client: TestClient, release: Path) -> None:
    headers = key_for(client) | {"Content-Type": "text/csv"}
    content = release.read_bytes()
    assert client.post("/v1/imports/ucpd", content=content, headers=headers).status_code == 404
    assert client.post("/v1/imports/ucdp?ended=yes", content=content, headers=headers).status_code == 400
    both = "/v1/imports/ucdp?ended=retract&dry_run=true"
    assert client.post(both, content=content, headers=headers).status_code == 400
    assert client.post("/v1/imports/ucdp", content=content).status_code == 401
    media = headers | {"Content-Type": "image/png"}
    assert client.post("/v1/imports/ucdp", content=content, headers=media).status_code == 415
    assert client.post("/v1/imports/ucdp", content=b"a,b\n1,2\n", headers=headers).status_code == 422
    assert client.get("/v1/edition").json()["seq"] == 0
