"""What differs between SQLite and PostgreSQL, and that it makes no difference outside of the one room."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api.errors import OperatorError, Unavailable
from incidents_api.storage import dialects, tables, upkeep
from incidents_api.storage.database import Database

WORDS = ["b", "a", "B", "é", "e", "z", "Z", "_", "ñ", "\U0001f600", "\ufb33", "10", "9", ""]


# --- Addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:///store.db", "sqlite"),
        ("sqlite:////tmp/store.db", "sqlite"),
        ("sqlite+pysqlite:///store.db", "sqlite"),
        ("postgresql://user:secret@host/name", "postgresql+psycopg"),
        ("postgresql+psycopg2://user@host/name", "postgresql+psycopg"),
    ],
)
def test_addresses_that_are_taken(text: str, driver: str) -> None:
    assert dialects.parse_url(text).drivername == driver


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not a database address"),
        ("store.db", "is not a database address"),
        ("mysql://host/name", "mysql is not a database we run on"),
        ("oracle://host/name", "oracle is not a database we run on"),
        ("sqlite://", "an SQLite store is a file"),
        ("sqlite:///", "an SQLite store is a file"),
        ("sqlite:///:memory:", "an SQLite store is a file"),
    ],
)
def test_addresses_that_are_refused(text: str, told: str) -> None:
    with pytest.raises(OperatorError, match=told):
        dialects.parse_url(text)


# --- The same on both ----------------------------------------------------------------------------------------------


def test_text_sorts_byte_by_byte(database: Database) -> None:
    def fill(conn: sa.Connection) -> None:
        conn.execute(sa.insert(tables.source_text), [{"fingerprint": word, "text": word} for word in WORDS])

    database.write_now(fill)
    names = tables.source_text.c.fingerprint
    with database.connect() as conn:
        assert list(conn.execute(sa.select(names).order_by(names)).scalars()) == sorted(WORDS, key=str.encode)
        assert set(conn.execute(sa.select(names).where(names > "Z")).scalars()) == {
            word for word in WORDS if word > "Z"
        }
        assert list(conn.execute(sa.select(names).where(names == "é")).scalars()) == ["é"]
        assert conn.execute(sa.select(sa.func.max(names))).scalar_one() == "\U0001f600"


def test_texts_are_joined_in_the_order_of_their_subquery(database: Database) -> None:
    rows = [{"fingerprint": f"{n:05}", "text": str(n * 7919 % 2_003)} for n in range(2_003)]
    database.write_now(lambda conn: conn.execute(sa.insert(tables.source_text), rows) and None)
    table = tables.source_text
    with database.connect() as conn:
        for order, wanted in (
            (table.c.fingerprint.desc(), [row["text"] for row in reversed(rows)]),
            (table.c.text.asc(), sorted(row["text"] for row in rows)),
        ):
            inner = sa.select(table.c.text).order_by(order).limit(5_000).subquery()
            joined = conn.execute(sa.select(dialects.joined(inner.c.text, sa.literal(",\n")))).scalar_one()
            assert joined == ",\n".join(wanted)


def test_nothing_is_joined_to_null(database: Database) -> None:
    inner = sa.select(tables.source_text.c.text).subquery()
    with database.connect() as conn:
        assert conn.execute(sa.select(dialects.joined(inner.c.text, sa.literal(",")))).scalar_one() is None


def test_indexes_of_current_rows_are_partial(database: Database, engine: str) -> None:
    sql = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }[engine]
    with database.connect() as conn:
        made = {name: text.lower() for name, text in conn.exec_driver_sql(sql).all()}
    current = {index.name for table in tables.RANGED for index in table.indexes}
    assert current
    assert current <= made.keys()
    # The words of a search are kept by seq, of what was true in the past as well: that index holds every row.
    every = {f"ix_{kind}_seq_from" for kind in tables.KIND_TABLES if kind != "incident"} | {"ix_incident_by_seq"}
    # Closed incidents are few; what closes them counts at every moment.
    closed = {"ix_incident_audience_turns_seq_from": "audience", "ix_incident_turns": "turns"}
    # What is true no more is looked for among itself alone.
    past = {f"ix_{kind}_seq_to" for kind in tables.KIND_TABLES}
    past |= {"ix_incident_past_by_date", "ix_incident_past_by_country"}
    assert {name for name in current if "seq_to is null" not in made[name]} == every | past | closed.keys()
    assert all(f"{column} is not null" in made[name] for name, column in closed.items())
    assert all("seq_to is not null" in made[name] for name in past)


# --- Locks and limits ----------------------------------------------------------------------------------------------


def test_only_one_holds_the_writer_lock(tmp_path: Path) -> None:
    url = dialects.parse_url(f"sqlite:///{tmp_path / 'store.db'}")
    told: list[str] = []

    def wait() -> None:
        with dialects.writer_lock(url, 20):
            told.append("second")

    waiting = threading.Thread(target=wait)
    with dialects.writer_lock(url, 1):
        waiting.start()
        with pytest.raises(Unavailable, match="another process holds"), dialects.writer_lock(url, 0.05):
            told.append("never")
        told.append("first")
    waiting.join(20)
    assert told == ["first", "second"]


def test_the_writer_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    url = dialects.parse_url(f"sqlite:///{tmp_path / 'store.db'}")
    with pytest.raises(ZeroDivisionError), dialects.writer_lock(url, 1):
        raise ZeroDivisionError
    with dialects.writer_lock(url, 0.05):
        pass


def test_a_writer_that_waits_too_long_is_told_so(new_store: Callable[..., str]) -> None:
    url = new_store("sqlite")
    database = Database(url, statement_seconds=0.05)
    with dialects.writer_lock(database.url, 1), pytest.raises(Unavailable):
        database.write_now(lambda _: None)
    assert database.write_now(lambda _: 7) == 7
    database.close_writer()


SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


def test_a_read_that_takes_too_long_is_given_up(store_url: str, engine: str) -> None:
    async def ask() -> None:
        reader = dialects.make_reader(dialects.parse_url(store_url), 2, 0.3)
        with pytest.raises(Unavailable):
            await reader.rows(dialects.Compiled(SLOW[engine], {}), {}, short=False)
        assert [tuple(row) for row in await reader.rows(dialects.Compiled("SELECT 1", {}), {}, short=False)] == [(1,)]
        await reader.close()

    asyncio.run(ask())


def test_a_search_is_planned_for_its_words(new_store: Callable[..., str]) -> None:
    """PostgreSQL keeps a plan of what is often asked, but none that is for any word."""
    incident = tables.KIND_TABLES["incident"]
    everything = sa.select(incident.c.id)
    match, tsquery = sa.literal("massacre"), sa.literal("'massacre'")
    held = everything.where(dialects.has_words(incident.c.seq_from, match, tsquery))

    async def ask() -> list[str]:
        reader = dialects.PostgresReader(dialects.parse_url(new_store("postgresql")), 1, 5.0)
        for statement in (everything, held):
            compiled = reader.compile(statement, short=False)
            for _ in range(10):
                await reader.rows(compiled, {}, short=False)
        kept = await reader.rows(dialects.Compiled("SELECT statement FROM pg_prepared_statements", {}), {}, short=False)
        await reader.close()
        return [row[0] for row in kept]

    [kept] = asyncio.run(ask())
    assert "incident" in kept
    assert "search" not in kept


def test_a_store_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async def ask(url: str) -> None:
        reader = dialects.make_reader(dialects.parse_url(url), 2, 0.3)
        with pytest.raises(Unavailable):
            await reader.rows(dialects.Compiled("SELECT 1", {}), {}, short=True)
        await reader.close()

    asyncio.run(ask(f"sqlite:///{tmp_path / 'missing.db'}"))
    assert not (tmp_path / "missing.db").exists()


def test_what_is_unavailable() -> None:
    refused = Exception("refused")
    assert dialects.is_unavailable(sa.exc.OperationalError("x", {}, refused))
    assert dialects.is_unavailable(sa.exc.TimeoutError())
    assert not dialects.is_unavailable(sa.exc.IntegrityError("x", {}, refused))
    assert not dialects.is_unavailable(ValueError())


# --- Health --------------------------------------------------------------------------------------------------------


def test_the_engine_is_described(database: Database, engine: str) -> None:
    with database.connect() as conn:
        facts = dialects.describe(conn)
        assert upkeep.check_integrity(conn) == []
    assert facts["engine"].startswith({"sqlite": "SQLite ", "postgresql": "PostgreSQL "}[engine])
    assert all(isinstance(value, str) for value in facts.values())
    if engine == "sqlite":
        assert upkeep.problems_of(facts) == []


@pytest.mark.parametrize(
    ("facts", "count"),
    [
        ({}, 0),
        ({"synchronous_commit": "on", "fsync": "on", "server_encoding": "UTF8"}, 0),
        ({"synchronous_commit": "off"}, 1),
        ({"fsync": "off", "server_encoding": "LATIN1"}, 2),
    ],
)
def test_what_endangers_a_store_is_told(facts: dict[str, str], count: int) -> None:
    assert len(upkeep.problems_of(facts)) == count


def test_a_damaged_file_is_found(new_store: Callable[..., str]) -> None:
    url = new_store("sqlite", seeded=True)
    path = Path(url.removeprefix("sqlite:///"))
    content = bytearray(path.read_bytes())
    # A page in the middle is overwritten, as a failing disk would.
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    database = Database(url)
    with database.connect() as conn:
        try:
            told: Any = upkeep.check_integrity(conn)
        except sa.exc.DatabaseError as error:
            told = [str(error)]
    assert told
    database.close_writer()


# --- Many rows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 20, 21, 300], ids=["one", "few", "more", "many"])
def test_rows_are_inserted_as_they_are_or_not_at_all(database: Database, count: int) -> None:
    """However many there are, whatever signs are in them, and with the same error where one stands already."""
    hard = ["", "\\N", "\\.", "a\tb\nc\r", '"', "'", "{1,2}", "é\U0001f600", "%s", "?", "\\\\", None]
    rows = [
        {"record_id": f"r{n}", "field": f"f{n}", "value": hard[n % len(hard)] or "", "kind": "incident", "seq_from": n}
        | {"seq_to": None if n % 2 else n + 2**40}
        for n in range(count)
    ]
    states = [
        {"id": f"r{n}", "kind": "actor", "version": n, "ended": hard[n % len(hard)], "successor": None}
        for n in range(count)
    ]
    with database._engine.connect() as conn:
        with conn.begin():
            dialects.insert_rows(conn, tables.term, rows)
            dialects.insert_rows(conn, tables.record, states)
        kept = [dict(row) for row in conn.execute(sa.select(tables.term).order_by(tables.term.c.seq_from)).mappings()]
        assert kept == rows
        known = conn.execute(sa.select(tables.record).order_by(tables.record.c.version)).mappings()
        assert [dict(row) for row in known] == states
        conn.rollback()
        new = [{**one, "id": f"x{n}"} for n, one in enumerate(states)]
        with pytest.raises(sa.exc.IntegrityError), conn.begin():
            dialects.insert_rows(conn, tables.record, [*new, *states])
        assert conn.execute(sa.select(sa.func.count()).select_from(tables.record)).scalar_one() == count


def test_rows_that_are_the_first_of_a_transaction_go_with_it(database: Database) -> None:
    with database.connect() as conn:
        dialects.insert_rows(conn, tables.source_text, [{"fingerprint": "a", "text": "a"}])
        conn.rollback()
    with database.connect() as conn:
        assert conn.execute(sa.select(tables.source_text)).all() == []


# --- Words ---------------------------------------------------------------------------------------------------------


def test_places_are_in_the_order_of_days_and_then_of_revisions() -> None:
    days = ("", "0001-01-01", "0999-12-31", "1999-01-31", "1999-02-01", "1999-12-31", "2000-01-01", "9999-12-31")
    places = [dialects.place_of(day, seq) for day in days for seq in (1, 2, dialects.LAST_SEQ)]
    assert places == sorted(set(places))
    assert max(places) < 1 << 63
    assert {place & dialects.LAST_SEQ for place in places} == {1, 2, dialects.LAST_SEQ}
