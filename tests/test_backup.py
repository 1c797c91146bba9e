"""Backup and restore, drilled on both databases: while others write, into either database, and with damaged files."""

import gzip
import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api import cli
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import ingest
from incidents_api.writing.archive import KEPT, log_lines
from incidents_api.writing.verify import verify
from tests import make
from tests.conftest import ENGINES, key_for, serve
from tests.routes.test_feed import write_some
from tests.writing.test_projection import dump
from tests.writing.test_tampering import VERIFIER

Run = Callable[..., SimpleNamespace]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command over the store at an address."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")

    def command(url: str, *arguments: str) -> SimpleNamespace:
        monkeypatch.setenv("INCIDENTS_DATABASE_URL", url)
        monkeypatch.setattr(sys, "argv", ["incidents", *arguments])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        capsys.readouterr()
        try:
            cli.main()
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=" ".join(told.err.split()))

    return command


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens stores, and closes them in the end."""
    stores: list[Database] = []

    def get(url: str) -> Database:
        stores.append(Database(url))
        return stores[-1]

    yield get
    for one in stores:
        one.close_writer()


def kept(database: Database) -> dict[str, list[Any]]:
    """Every row of what is not made from the log."""
    with database.connect() as conn:
        return {table.name: sorted(map(str, conn.execute(sa.select(table)))) for table in KEPT}


def head_of(database: Database) -> Any:
    with database.connect() as conn:
        return conn.execute(sa.select(tables.head)).one()


def filled(url: str) -> str:
    """A store with a key, a kept text, an answer kept for a retry, an end and a redaction; the key."""
    text = "The day. Four were taken."
    with serve(url) as client:
        key = key_for(client, "admin")
        headers = key | {"Idempotency-Key": "again"}
        source = make.source(text=text)
        made = client.post("/v1/incidents", json=make.incident(source=source), headers=key).json()["id"]
        other = client.post("/v1/incidents", json=make.incident(title="Other"), headers=key).json()["id"]
        put = key | {"If-Match": "*"}
        assert client.post(f"/v1/incidents/{made}/redact", json={"paths": ["/title"]}, headers=put).status_code == 200
        assert client.delete(f"/v1/incidents/{other}?reason=test", headers=put).status_code == 204
        assert client.post("/v1/actors", json=make.actor(name="Kept"), headers=headers).status_code == 201
        client.app.state.database.write_now(ingest.keep_and_check, "0" * 64, "no source has it")  # type: ignore[attr-defined]
    return key["Authorization"]


@pytest.mark.parametrize("to", ENGINES)
@pytest.mark.parametrize("name", ["store.ndjson.gz", "store.ndjson", "store.db"])
def test_a_store_is_restored_whole_into_either_database(
    engine: str, to: str, name: str, new_store: Callable[..., str], run: Run, tmp_path: Path
) -> None:
    url, target = new_store(engine, seeded=True), new_store(to)
    secret = filled(url)
    done = run(url, "backup", name)
    if name == "store.db" and engine == "postgresql":
        assert (done.code, "only a store in one file" in done.err) == (1, True)
        assert list(tmp_path.iterdir()) == [] or not (tmp_path / name).exists()
        return
    assert done.code == 0, done.err
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    edition = done.out.strip()
    restored = run(target, "restore", name)
    assert (restored.code, restored.out.strip()) == (0, edition), restored.err
    first, second = Database(url), Database(target)
    assert kept(second) == kept(first)
    tables_of = [dump(one) for one in (first, second)]
    if to != engine:
        for one in tables_of:
            del one["search"]  # which each engine keeps in its own way
    assert tables_of[0] == tables_of[1]
    before, after = head_of(first), head_of(second)
    assert (after.seq, after.hash, after.recorded_at) == (before.seq, before.hash, before.recorded_at)
    assert f"{after.seq}:{after.hash}" == edition
    assert after.epoch != before.epoch
    assert run(target, "verify", "--edition", edition).code == 0
    with second.connect() as conn:
        assert VERIFIER.check((json.loads(line) for line in log_lines(conn)), edition)[1] == []
    with serve(target) as client:
        key = {"Authorization": secret}
        assert client.get(f"/v1/changes?after={before.epoch}.1").status_code == 409
        again = client.post("/v1/actors", json=make.actor(name="Kept"), headers=key | {"Idempotency-Key": "again"})
        assert again.headers["idempotency-replayed"] == "true"
        assert client.post("/v1/actors", json=make.actor(name="Goes on"), headers=key).status_code == 201
    first.close_writer()
    second.close_writer()


def test_a_backup_while_others_write_is_one_moment(
    engine: str, new_store: Callable[..., str], opened: Callable[[str], Database], run: Run
) -> None:
    url, target = new_store(engine, seeded=True), new_store(engine)
    stop = threading.Event()

    def write() -> None:
        database = Database(url)
        while not stop.is_set():
            database.write_now(lambda conn: write_some(conn, 1, fails=False))
        database.close_writer()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = [run(url, "backup", name) for name in ("first.ndjson.gz", "second.ndjson.gz")]
        done += [run(url, "backup", "third.db")] if engine == "sqlite" else []
    finally:
        stop.set()
        writer.join()
    assert [one.code for one in done] == [0] * len(done), done
    editions = [one.out.strip() for one in done]
    assert len(set(editions)) == len(editions)  # the writer went on in between
    restored = run(target, "restore", "second.ndjson.gz")
    assert restored.out.strip() == editions[1], restored.err
    with opened(url).connect() as conn, opened(target).connect() as copy:
        for edition in editions:  # the store that went on still holds each of them
            seq, _, link = edition.partition(":")
            assert verify(conn, edition=(int(seq), link)).faults == []
        count = int(editions[1].partition(":")[0])
        assert list(log_lines(copy)) == list(log_lines(conn))[:count]


def test_what_cannot_be_restored_leaves_the_store_empty(
    engine: str, new_store: Callable[..., str], opened: Callable[[str], Database], run: Run, tmp_path: Path
) -> None:
    url, target = new_store(engine, seeded=True), new_store(engine)
    assert run(url, "backup", "good.ndjson.gz").code == 0
    lines = gzip.decompress((tmp_path / "good.ndjson.gz").read_bytes()).decode().splitlines(keepends=True)
    altered = [*lines[:5], lines[5].replace('"version":1', '"version":2'), *lines[6:]]
    told = [line.replace('"operation":"create"', '"operation":"patch"') for line in lines[:-1]]
    total = hashlib.sha256("".join(told).encode()).hexdigest()
    forged = [*told, json.dumps({"end": {"lines": len(told), "sha256": total}}) + "\n"]
    assert forged != lines
    damaged = {
        "forged.ndjson": "".join(forged),
        "cut.ndjson": "".join(lines[:-1]), "short.ndjson": "".join(lines[:9] + lines[-1:]),
        "altered.ndjson": "".join(altered), "more.ndjson": "".join([*lines, lines[3]]), "none.ndjson": "",
        "text.ndjson": "no backup at all\n", "other.ndjson": '{"incidents":99}\n', "empty.ndjson": "{}\n",
    }  # fmt: skip
    for name, content in damaged.items():
        (tmp_path / name).write_text(content, "utf-8")
    packed = (tmp_path / "good.ndjson.gz").read_bytes()
    (tmp_path / "half.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "flip.ndjson.gz").write_bytes(packed[:700] + bytes([packed[700] ^ 4]) + packed[701:])
    for name in [*damaged, "half.ndjson.gz", "flip.ndjson.gz"]:
        refused = run(target, "restore", name)
        assert (refused.code, refused.out) == (1, ""), name
        assert "Traceback" not in refused.err, name
        assert head_of(opened(target)).seq == 0, name
    assert "there is no file" in run(target, "restore", "nowhere").err
    assert run(target, "restore", "good.ndjson.gz").code == 0
    assert "not empty" in run(target, "restore", "good.ndjson.gz").err
    assert "is there already" in run(url, "backup", "good.ndjson.gz").err


def test_a_store_that_was_tampered_with_is_not_backed_up(
    engine: str, new_store: Callable[..., str], opened: Callable[[str], Database], run: Run, tmp_path: Path
) -> None:
    url = new_store(engine, seeded=True)
    log = tables.revision

    def tamper(conn: Any) -> None:
        conn.execute(sa.update(log).where(log.c.seq == 3).values(author="x"))

    opened(url).write_now(tamper)
    for name in ("a.ndjson.gz", *(["a.db"] if engine == "sqlite" else [])):
        refused = run(url, "backup", name)
        assert (refused.code, "does not verify" in refused.err) == (1, True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("a.")]
