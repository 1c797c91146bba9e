"""Two processes that write the same new names in the same instant: one actor, one place and one source of each."""

import multiprocessing
from collections import Counter
from multiprocessing.synchronize import Barrier
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.storage.database import Database
from incidents_api.storage.tables import KIND_TABLES
from incidents_api.writing import records
from incidents_api.writing.batch import Item, take
from tests import make

UNITS = [f"FR-{n:02}" for n in range(1, 20)] + [f"TR-{n:02}" for n in range(1, 20)]
ROUNDS = len(UNITS)
WRITER = Visitor("tester", frozenset({"admin"}))


def report(n: int) -> Any:
    """An incident whose actor, place and source nobody has named before."""
    actor = {"name": f"Band {n}", "role": "perpetrator"}
    given = make.incident(location=UNITS[n], actors=[actor], source=f"https://news.example/{n}")
    return validate(KINDS["incident"].report, given)


def single(conn: Connection, n: int) -> None:
    records.create(conn, KINDS["incident"], report(n), WRITER)


def many(conn: Connection, n: int) -> None:
    take(conn, [Item(0, 1, KINDS["incident"], report(n), "update")], WRITER)


def write(url: str, together: Barrier) -> None:
    """What each process does: the same reports as the other, each round at the same moment."""
    database = Database(url)
    for n in range(ROUNDS):
        together.wait(30)
        database.write_now(single if n % 2 else many, n)
    database.close_writer()


def test_a_name_that_is_new_to_two_processes_is_one_record(store_url: str) -> None:
    processes = multiprocessing.get_context("spawn")
    together = processes.Barrier(2)
    writers = [processes.Process(target=write, args=(store_url, together)) for _ in range(2)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(120)
    assert [one.exitcode for one in writers] == [0, 0]
    database = Database(store_url)
    with database.connect() as conn:
        for kind, column in (("actor", "name"), ("location", "name"), ("source", "url")):
            names = Counter(conn.execute(sa.select(KIND_TABLES[kind].c[column])).scalars())
            assert len(names) >= ROUNDS
            assert max(names.values()) == 1, names
        assert len(conn.execute(sa.select(KIND_TABLES["incident"].c.id)).all()) == 2 * ROUNDS
    database.close_writer()
