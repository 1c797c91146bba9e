"""The tests' own PostgreSQL: real, new enough, its databases apart from each other, nothing left of it afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests import postgres


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@contextmanager
def database(server_url: str, template: str | None = None) -> Iterator[str]:
    url = postgres.create_database(server_url, template)
    try:
        yield url
    finally:
        postgres.drop_database(url)


def names(server_url: str) -> set[str]:
    with psycopg.connect(server_url) as conn:
        return {name for (name,) in conn.execute("SELECT datname FROM pg_database")}


def test_the_server_is_new_enough(server_url: str) -> None:
    assert postgres.server_version(server_url) >= 14


def test_two_databases_are_separate(server_url: str) -> None:
    with database(server_url) as one, database(server_url) as other:
        assert one != other
        with psycopg.connect(one) as conn:
            conn.execute("CREATE TABLE note (text text)")
        with psycopg.connect(other) as conn:
            assert conn.execute("SELECT to_regclass('note')").fetchone() == (None,)


@pytest.fixture
def copies(server_url: str) -> Iterator[postgres.Copies]:
    """Copies of a database with one note."""
    with database(server_url) as original:
        with psycopg.connect(original) as conn:
            conn.execute("CREATE TABLE note (text text PRIMARY KEY)")
            conn.execute("INSERT INTO note VALUES ('Culiacán')")
        made = postgres.Copies(server_url, original)
        yield made
        made.close()


def notes(url: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [text for (text,) in conn.execute("SELECT text FROM note ORDER BY text")]


def test_a_copy_that_was_given_back_is_as_it_was(copies: postgres.Copies) -> None:
    url, other = copies.take(), copies.take()
    assert url != other
    for change in ("INSERT INTO note VALUES ('Mazatlán')", "UPDATE note SET text = 'Tepic'", "DELETE FROM note"):
        with psycopg.connect(url) as conn:
            conn.execute(change)
        assert notes(url) != ["Culiacán"]
        copies.give_back(url)
        assert copies.take() == url
        assert notes(url) == ["Culiacán"] == notes(other)


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (text text)",
        "ALTER TABLE note ADD COLUMN more text",
        "CREATE INDEX by_length ON note (length(text))",
        "DROP TABLE note",
        "ALTER TABLE note ALTER COLUMN text TYPE varchar",
        "CREATE SCHEMA more",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database()); END $$",
    ],
)
def test_a_copy_whose_tables_were_changed_is_not_used_again(
    copies: postgres.Copies, server_url: str, change: str
) -> None:
    url = copies.take()
    with psycopg.connect(url) as conn:
        conn.execute(change)
    copies.give_back(url)
    fresh = copies.take()
    assert fresh != url
    assert notes(fresh) == ["Culiacán"]
    assert make_url(url).database not in names(server_url)


def test_a_copy_that_was_dropped_is_not_used_again(copies: postgres.Copies) -> None:
    url = copies.take()
    postgres.drop_database(url)
    copies.give_back(url)
    fresh = copies.take()
    assert fresh != url
    assert notes(fresh) == ["Culiacán"]


def test_who_is_still_connected_to_a_copy_is_thrown_out(copies: postgres.Copies) -> None:
    url = copies.take()
    with psycopg.connect(url) as left:
        left.execute("UPDATE note SET text = 'Tepic'")  # and no end of it
        copies.give_back(url)
        assert notes(copies.take()) == ["Culiacán"]
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")
        left.close()


def test_a_copy_is_not_used_for_ever(copies: postgres.Copies, server_url: str) -> None:
    first = url = copies.take()
    uses = 1
    while url == first:
        copies.give_back(url)
        url = copies.take()
        uses += 1
        assert uses < 1_000
    assert make_url(first).database not in names(server_url)


def test_a_template_is_copied(server_url: str) -> None:
    with database(server_url) as original:
        with psycopg.connect(original) as conn:
            conn.execute("CREATE TABLE note (text text)")
            conn.execute("INSERT INTO note VALUES ('Culiacán')")
        with database(server_url, template=original) as copy:
            with psycopg.connect(copy) as conn:
                assert conn.execute("SELECT upper(text) FROM note").fetchone() == ("CULIACÁN",)
                conn.execute("DELETE FROM note")
            with psycopg.connect(original) as conn:
                assert conn.execute("SELECT count(*) FROM note").fetchone() == (1,)


def test_a_dropped_database_is_gone_even_while_somebody_uses_it(server_url: str) -> None:
    url = postgres.create_database(server_url)
    assert make_url(url).database in names(server_url)
    with psycopg.connect(url) as conn:
        postgres.drop_database(url)
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")
    assert make_url(url).database not in names(server_url)


def test_only_throw_away_databases_are_dropped(server_url: str) -> None:
    with pytest.raises(ValueError, match="not a throw-away database"):
        postgres.drop_database(server_url)


def test_a_named_server_is_used_as_it_is(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named = make_url(server_url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    monkeypatch.setenv("INCIDENTS_TEST_DATABASE_URL", named)
    with postgres.server() as url:
        assert url == named
        with database(url) as fresh, psycopg.connect(make_url(fresh).set(drivername="postgresql").render_as_string()):
            pass
    assert postgres.server_version(server_url) >= 14


def test_without_any_server_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INCIDENTS_TEST_DATABASE_URL", raising=False)
    monkeypatch.setattr(postgres, "_PLACES", {"the wheel": lambda: None})
    with pytest.raises(RuntimeError, match=r"the wheel: not there[\s\S]*make setup[\s\S]*INCIDENTS_TEST_DATABASE_URL"):
        postgres.server().__enter__()


def test_a_server_that_cannot_start_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("INCIDENTS_TEST_DATABASE_URL", raising=False)
    monkeypatch.setattr(postgres, "_PLACES", {"broken": lambda: tmp_path, **postgres._PLACES})
    with postgres.server() as url:
        assert postgres.server_version(url) >= 14


def test_nothing_is_left_when_the_tests_are_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_A_SERVER],
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "INCIDENTS_TEST_DATABASE_URL"},
        cwd=Path(__file__).parents[1],
    ) as tests:
        assert tests.stdout is not None
        home = Path(str(make_url(tests.stdout.readline().strip()).query["host"]))
        server = int((home / "data" / "postmaster.pid").read_text().split()[0])
        assert is_running(server)
        tests.kill()
    deadline = time.monotonic() + 30
    while (home.exists() or is_running(server)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not home.exists()
    assert not is_running(server)


HOLD_A_SERVER = """
import time
from tests import postgres
with postgres.server() as url:
    print(url, flush=True)
    time.sleep(60)
"""


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
