"""Migrations on both databases: no drift, down and up again without a loss, and the log never dropped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from incidents_api.cli.seeds import SEEDER
from incidents_api.errors import OperatorError
from incidents_api.storage import schema, tables
from incidents_api.storage.database import Database
from incidents_api.storage.schema import behind, migrate
from incidents_api.writing import ingest, projection
from incidents_api.writing.verify import verify
from tests import make, postgres
from tests.writing.test_projection import dump

LOG = {"api_key", "head", "revision", "source_text", "alembic_version"}
EVERY = {table.name for table in tables.metadata.sorted_tables} | {"alembic_version"}


def names(database: Database) -> set[str]:
    """Every table, apart from those that the index of words is made of."""
    with database.connect() as conn:
        return {name for name in sa.inspect(conn).get_table_names() if not name.startswith("search")}


def log_of(database: Database) -> list[object]:
    with database.connect() as conn:
        return [tuple(row) for row in conn.execute(sa.select(tables.revision).order_by(tables.revision.c.seq))]


def test_the_migrations_give_the_tables_of_the_code(database: Database) -> None:
    config = schema.alembic_config()
    with database.connect() as conn, conn.begin():
        config.attributes["connection"] = conn
        command.check(config)  # raises when autogenerate would do anything


def test_the_revisions_are_those_of_the_files() -> None:
    heads = ScriptDirectory.from_config(schema.alembic_config()).walk_revisions()
    assert [one.revision for one in heads] == list(reversed(schema.revisions()))


def test_indexes_are_those_of_the_code(database: Database) -> None:
    with database.connect() as conn:
        inspector = sa.inspect(conn)
        for table in tables.metadata.sorted_tables:
            found = {
                (index["name"], tuple(index["column_names"]))
                for index in inspector.get_indexes(table.name)
                if not index.get("duplicates_constraint")
            }
            assert found == {
                (index.name, tuple(column.name for column in index.columns))
                for index in table.indexes
                if index.info.get("only") in (None, conn.dialect.name)
            }
            key = [column.name for column in table.primary_key.columns]
            if table is tables.revision and conn.dialect.name == "sqlite":  # which lays it out by seq
                assert [one["column_names"] for one in inspector.get_unique_constraints(table.name)] == [key]
                key = ["seq"]
            assert inspector.get_pk_constraint(table.name)["constrained_columns"] == key


def test_tables_lie_in_a_file_as_the_code_says(database: Database) -> None:
    found = {table.name for table in tables.metadata.sorted_tables if not table.dialect_options["sqlite"]["with_rowid"]}
    assert found
    with database.connect() as conn:
        if conn.dialect.name == "sqlite":
            told = "SELECT name FROM pragma_table_list WHERE wr AND schema = 'main' AND name NOT LIKE 'search%'"
            assert set(conn.scalars(sa.text(told))) == found


def test_a_current_store_is_not_behind(database: Database) -> None:
    assert not behind(database)
    assert names(database) == EVERY
    migrate(database)
    assert not behind(database)


def test_down_and_up_again_loses_nothing(seeded_database: Database) -> None:
    before, log = dump(seeded_database), log_of(seeded_database)
    assert not seeded_database.write_now(projection.is_stale)

    migrate(seeded_database, "0001")
    assert names(seeded_database) == LOG
    assert behind(seeded_database)
    assert log_of(seeded_database) == log

    migrate(seeded_database)
    assert names(seeded_database) == EVERY
    assert not behind(seeded_database)
    # Empty tables are told to be of no state of the log.
    assert seeded_database.write_now(projection.is_stale)
    assert not any(dump(seeded_database).values())

    assert seeded_database.write_now(projection.rebuild) == len(log)
    assert dump(seeded_database) == before
    assert log_of(seeded_database) == log
    assert not seeded_database.write_now(projection.is_stale)
    with seeded_database.connect() as conn:
        assert verify(conn).faults == []


def test_places_on_the_map_are_written_as_the_code_writes_them(database: Database) -> None:
    reports = [
        make.incident(title=f"At {lon}", locations=[{"location": "MX-SIN", "lon": lon, "lat": lat, "precision": how}])
        for lon, lat in zip(
            (-180, -179.5, -107.4, -1, -0.000001, 0, 0.5, 1, 179.999, 180),
            (-0.000001, -90, 24.5, -89.5, 0, -1, 0.5, 1, 90, 89.999),
            strict=True,
        )
        for how in ("exact", "adm1")
    ]
    database.write_now(ingest.ingest, {"incidents": reports}, SEEDER)
    before = dump(database)
    migrate(database, "0016")
    migrate(database)
    assert dump(database) == before
    assert not database.write_now(projection.is_stale)


def test_numbers_of_sums_are_written_as_the_code_writes_them(seeded_database: Database) -> None:
    nine, three = (make.claim(measure="killed", value=value) for value in (9, 3))
    whole = make.incident(external_ids={"test": "whole"}, date="2024-03-05", claims=[nine])
    part = {"type": "part_of", "incident": "test:whole"}
    parts = [make.incident(title=f"Part {n}", date="2024-03-05", relations=[part], claims=[three]) for n in range(2)]
    seeded_database.write_now(ingest.ingest, {"incidents": [whole, *parts]}, SEEDER)
    before = dump(seeded_database)
    assert any('"-killed"' in row for row in before["rollup"])
    migrate(seeded_database, "0018")
    with seeded_database.connect() as conn:
        more = [json.loads(told) for told in conn.scalars(sa.text("SELECT more FROM rollup"))]
    assert {name[0] for told in more for name in told} == {"-"}
    migrate(seeded_database)
    assert dump(seeded_database) == before
    assert not seeded_database.write_now(projection.is_stale)


def test_the_log_is_not_dropped_while_it_holds_anything(seeded_database: Database) -> None:
    before, log = dump(seeded_database), log_of(seeded_database)
    with pytest.raises((RuntimeError, OperatorError), match="the log holds revisions"):
        migrate(seeded_database, "base")
    # Nothing half-done is left: the step before it is undone as well.
    assert names(seeded_database) == EVERY
    assert not behind(seeded_database)
    assert (dump(seeded_database), log_of(seeded_database)) == (before, log)


def test_an_empty_store_goes_all_the_way_down_and_up(database: Database) -> None:
    migrate(database, "base")
    assert names(database) == {"alembic_version"}
    assert behind(database)
    migrate(database)
    assert names(database) == EVERY
    with database.connect() as conn:
        head = conn.execute(sa.select(tables.head)).one()
    assert (head.seq, head.hash, head.recorded_at) == (0, "0" * 64, "")
    assert head.epoch


def test_every_revision_can_be_reached_from_every_other(database: Database) -> None:
    for to in ("0001", "0002", "0001", "base", "0001", "base", "head"):
        migrate(database, to)
    assert names(database) == EVERY


def test_an_unknown_revision_is_told_to_the_operator(database: Database) -> None:
    with pytest.raises(OperatorError):
        migrate(database, "9999")
    assert names(database) == EVERY


def test_a_store_of_a_newer_version_is_told_to_the_operator(database: Database) -> None:
    with database.connect() as conn, conn.begin():
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert behind(database)
    with pytest.raises(OperatorError):
        migrate(database)
    assert names(database) == EVERY


def test_a_fresh_database_is_behind(engine: str, postgres_server: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fresh.db'}" if engine == "sqlite" else postgres.create_database(postgres_server)
    database = Database(url)
    assert behind(database)
    migrate(database)
    assert names(database) == EVERY
    database.close_writer()
    if engine == "postgresql":
        postgres.drop_database(url)


def test_two_stores_have_epochs_of_their_own(tmp_path: Path, new_store: Callable[..., str]) -> None:
    epochs = set()
    for name in ("one", "two"):
        database = Database(f"sqlite:///{tmp_path / name}.db")
        migrate(database)
        with database.connect() as conn:
            epochs.add(conn.execute(sa.select(tables.head.c.epoch)).scalar_one())
        database.close_writer()
    assert len(epochs) == 2
