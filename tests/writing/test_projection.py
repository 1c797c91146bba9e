"""The query tables: replaying the log gives the same rows, ancestry follows every move, and the past stays true."""

import itertools
import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, Invalid
from incidents_api.model.kinds import KINDS
from incidents_api.model.merging import MergeReport
from incidents_api.model.revision import Revision, document, etag
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.storage import dialects, tables
from incidents_api.storage.database import Database
from incidents_api.writing import ingest, lookup, merge, projection, records
from incidents_api.writing.projection import parsed
from incidents_api.writing.verify import verify
from tests import make, postgres
from tests.conftest import ENGINES
from tests.rows import dump

EDITOR = Visitor("editor", frozenset({"write", "review", "read:restricted"}))
PLACES = ("Culiacán, MX-SIN", "MX-TAM", "MX", "GT", "Reynosa, MX-TAM")


def report(of: str, **members: Any) -> Any:
    return validate(KINDS[of].report, make.REPORTS[KINDS[of].plural](**members))


def create(conn: Connection, of: str, **members: Any) -> str:
    return records.create(conn, KINDS[of], report(of, **members), EDITOR).record_id


class Life:
    """A random history of a store, through the one door."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.random = database, random.Random(seed)
        self.alive: dict[str, list[str]] = defaultdict(list)
        self.count = self.refused = 0
        self.merged: list[tuple[str, str]] = []

    def run(self, steps: int) -> None:
        actions = (
            self.create,
            self.create,
            self.patch,
            self.patch,
            self.claim,
            self.move,
            self.move,
            self.end,
            self.merge,
            self.merge,
            self.merge,
        )
        for _ in range(steps):
            try:
                self.random.choice(actions)()
            except (Conflict, Invalid):
                self.refused += 1

    def some(self, kind: str) -> str | None:
        return self.random.choice(self.alive[kind]) if self.alive[kind] else None

    def create(self) -> None:
        kind = self.random.choice(["incident", "incident", "actor", "actor", "location", "source", "statistic"])
        self.count += 1
        members: dict[str, Any] = {}
        if kind == "incident":
            members = {
                "title": f"Incident {self.count}",
                "location": self.some("location") or self.random.choice(PLACES),
                "tags": self.random.sample(["a", "b", "c"], self.random.randrange(3)),
                "actors": [
                    {
                        "name": f"Actor {self.random.randrange(9)}",
                        "role": self.random.choice(["rescuer", "perpetrator"]),
                    }
                    for _ in range(self.random.randrange(3))
                ],
                "date": self.random.choice([None, "2024", "2024-03-26", "../2020", "2024/.."]),
                "relations": [{"type": "part_of", "incident_id": other}] if (other := self.some("incident")) else [],
            }
        elif kind in ("actor", "location"):
            members = {"name": f"{kind} {self.count}", "parent_id": self.some(kind)}
            if kind == "location":
                members |= {"country": None}
        elif kind == "source":
            members = {"url": f"https://news.example/{self.count}", "external_ids": {"test": str(self.count)}}
        members |= {"external_ids": {"life": f"{kind}-{self.count}"}} if self.random.random() < 0.5 else {}
        self.alive[kind].append(self.database.write_now(lambda conn: create(conn, kind, **members)))

    def patch(self) -> None:
        kind = self.random.choice(["incident", "actor", "location", "source", "statistic"])
        if (one := self.some(kind)) is None:
            return
        changes: dict[str, Any] = {
            "incident": {
                "title": f"Title {self.random.randrange(99)}",
                "tags": ["b", "d"],
                "location": None,
                "external_ids": {"life": None, "more": f"{one}"},
                "review": {"status": self.random.choice(["submitted", "published", "disputed"])},
                "sensitivity": self.random.choice(["public", "restricted"]),
            },
            "actor": {"aliases": [f"Alias {self.random.randrange(9)}"], "country": "MX"},
            "location": {"aliases": [f"Alias {self.random.randrange(9)}"], "lon": 1.5, "lat": self.random.random()},
            "source": {"note": f"Note {self.random.randrange(9)}", "published": "2024-05"},
            "statistic": {"period": self.random.choice(["2020", "2019"]), "note": f"Note {self.random.randrange(9)}"},
        }[kind]
        some = dict(self.random.sample(sorted(changes.items()), self.random.randint(1, len(changes))))
        self.database.write_now(records.patch, KINDS[kind], one, some, (), EDITOR)

    def claim(self) -> None:
        if (one := self.some("incident")) is None:
            return
        from incidents_api.model.incident import ClaimsReport

        body = {
            "claims": [make.claim(value=self.random.randint(1, 60), measure="killed")],
            "source": "https://x.example",
        }
        self.database.write_now(records.add_claims, one, validate(ClaimsReport, body), (), EDITOR)

    def move(self) -> None:
        kind = self.random.choice(["actor", "location"])
        if (one := self.some(kind)) is not None:
            parent = self.random.choice([None, self.some(kind)])
            self.database.write_now(records.patch, KINDS[kind], one, {"parent_id": parent}, (), EDITOR)

    def end(self) -> None:
        kind = self.random.choice(["incident", "incident", "actor", "location", "source", "statistic"])
        reason = {"code": "test", "note": None, "successor": None}
        for one in self.random.sample(self.alive[kind], min(4, len(self.alive[kind]))):
            try:
                self.database.write_now(records.end, KINDS[kind], one, reason, (), EDITOR)
            except Conflict:
                self.refused += 1
                continue
            self.alive[kind].remove(one)
            break

    def merge(self) -> None:
        kind = self.random.choice(["incident", "actor", "location", "source", "statistic"])
        if len(self.alive[kind]) > 2:
            old, into = self.random.sample(self.alive[kind], 2)
            self.database.write_now(merge.merge, KINDS[kind], old, MergeReport(into=into), (), EDITOR)
            self.alive[kind].remove(old)
            self.merged.append((kind, old))
        if len(self.merged) > 3:
            self.restore(*self.merged.pop(0))

    def restore(self, kind: str, old: str) -> None:
        with self.database.connect() as conn:
            tombstone = lookup.tombstone(conn, kind, old)
            last = lookup.revision_of(conn, old, tombstone.version - 1)
        mark = etag(tombstone.version, tombstone.hash)
        body = parsed(document(last))
        self.database.write_now(merge.replace, KINDS[kind], old, body, (mark,), EDITOR)
        self.alive[kind].append(old)

    def end_one_of_each(self) -> None:
        """What nobody refers to can always be ended."""
        for kind in KINDS:
            members = {"location": {"name": "Nowhere", "country": None}, "source": {"url": "https://end.example"}}
            named = members.get(kind, {})
            one = self.database.write_now(lambda conn, of=kind, named=named: create(conn, of, **named))
            reason = {"code": "test", "note": None, "successor": None}
            self.database.write_now(records.end, KINDS[kind], one, reason, (), EDITOR)


@pytest.fixture(scope="module", params=ENGINES)
def lived(
    request: pytest.FixtureRequest,
    postgres_server: str,
    template: Callable[[str, bool], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Database]:
    """A store with a random history; tests replay it, but add nothing to it."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("lived") / "store.db"
        shutil.copyfile(template("sqlite", False).removeprefix("sqlite:///"), path)
        url = f"sqlite:///{path}"
    else:
        url = postgres.create_database(postgres_server, template("postgresql", False))
    database = Database(url)
    life = Life(database, 20_240_326)
    life.run(200)
    life.end_one_of_each()
    yield database
    database.close_writer()
    if request.param == "postgresql":
        postgres.drop_database(url)


def log_of(conn: Connection) -> list[Revision]:
    log = tables.revision
    return [Revision(**row) for row in conn.execute(sa.select(log).order_by(log.c.seq)).mappings()]


def test_the_random_history_is_rich(lived: Database) -> None:
    with lived.connect() as conn:
        told = {(one.kind, one.operation) for one in log_of(conn)}
        depths = conn.execute(sa.select(sa.func.max(tables.ancestry.c.depth))).scalar_one()
    for kind in KINDS:
        assert {(kind, "create"), (kind, "patch"), (kind, "end")} <= told
    assert ("incident", "claim") in told
    assert len({kind for kind, operation in told if operation == "merge"}) > 2
    assert {kind for kind, operation in told if operation == "restore"}
    assert depths >= 3
    assert all(dump(lived).values())


def test_the_random_history_holds(lived: Database) -> None:
    with lived.connect() as conn:
        assert verify(conn).faults == []


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_a_rebuild_gives_the_same_rows(lived: Database, batch: int) -> None:
    before, told = dump(lived), []
    count = lived.write_now(projection.rebuild, told.append, batch)
    assert dump(lived) == before
    assert told[-1] == count
    assert told == sorted(told)
    assert lived.write_now(projection.head_seq) == count


def test_a_rebuild_of_the_seeds_gives_the_same_rows(seeded_database: Database) -> None:
    before = dump(seeded_database)
    seeded_database.write_now(projection.rebuild)
    assert dump(seeded_database) == before


def test_a_rebuild_mends_what_was_damaged(seeded_database: Database) -> None:
    before = dump(seeded_database)

    def damage(conn: Connection) -> None:
        for table in tables.PROJECTIONS[::2]:
            conn.execute(sa.delete(table))
        conn.execute(sa.update(tables.term).values(kind="nothing"))

    seeded_database.write_now(damage)
    assert dump(seeded_database) != before
    seeded_database.write_now(projection.rebuild)
    assert dump(seeded_database) == before


def test_one_append_of_many_revisions_projects_as_many_appends_do(database: Database) -> None:
    """A record that changes several times in one append leaves the rows of every step."""
    from incidents_api.model.revision import new_id
    from incidents_api.writing.append import Change, append

    def record(name: str, parent_id: str | None) -> dict[str, Any]:
        return {
            "name": name, "type": "gang", "aliases": [], "identified": True, "parent_id": parent_id, "country": None,
            "description": None, "evidence": [], "external_ids": {"test": name},
        }  # fmt: skip

    one, two, three = sorted(new_id() for _ in range(3))
    reason = {"code": "test", "note": None, "successor": None}
    created = [
        Change("actor", one, 1, "create", record("a", None)),
        Change("actor", two, 1, "create", record("b", one)),
        Change("actor", three, 1, "create", record("d", two)),
    ]
    changed = [
        Change("actor", one, 2, "patch", record("c", None)),
        Change("actor", three, 2, "patch", record("e", one)),
        Change("actor", one, 3, "patch", record("f", None)),
        Change("actor", two, 2, "patch", record("b", None)),
        Change("actor", three, 3, "end", None, reason),
    ]
    database.write_now(append, created, "tester")
    database.write_now(append, changed, "tester")
    together = dump(database)
    database.write_now(projection.rebuild, lambda _: None, 1)
    assert dump(database) == together
    assert len(together["actor"]) == 7
    with database.connect() as conn:
        assert ancestry_of(conn) == {(one, one, 0), (two, two, 0)}


# --- Ancestry ------------------------------------------------------------------------------------------------------


def ancestry_of(conn: Connection) -> set[tuple[str, str, int]]:
    columns = tables.ancestry.c
    rows = conn.execute(
        sa.select(columns.record_id, columns.ancestor_id, columns.depth).where(columns.seq_to.is_(None))
    )
    return {(row.record_id, row.ancestor_id, row.depth) for row in rows}


def walked(conn: Connection) -> set[tuple[str, str, int]]:
    """The closure of the parents of current records, walked one by one."""
    parents = {}
    for kind in ("actor", "location"):
        table = tables.KIND_TABLES[kind]
        rows = conn.execute(sa.select(table.c.id, table.c.parent).where(table.c.seq_to.is_(None)))
        parents |= {row.id: row.parent for row in rows}
    found = set()
    for one in parents:
        above, depth = one, 0
        while above is not None:
            found.add((one, above, depth))
            above, depth = parents[above], depth + 1
            assert depth < 100, "parents go in a circle"
    return found


def test_ancestry_is_the_walk_over_parents(lived: Database) -> None:
    with lived.connect() as conn:
        assert ancestry_of(conn) == walked(conn)


@pytest.mark.parametrize("kind", ["actor", "location"])
def test_ancestry_follows_random_moves(database: Database, kind: str) -> None:
    chance = random.Random(7)
    members = {"actor": {}, "location": {"country": None}}[kind]
    ids = [database.write_now(lambda conn, n=n: create(conn, kind, name=f"N{n}", **members)) for n in range(9)]
    moved, refused = 0, set()
    for _ in range(40):
        one, parent = chance.choice(ids), chance.choice([*ids, None])
        try:
            moved += database.write_now(records.patch, KINDS[kind], one, {"parent_id": parent}, (), EDITOR).changed
        except Invalid as problem:
            refused |= {fault.code for fault in problem.faults}
        with database.connect() as conn:
            assert ancestry_of(conn) == walked(conn)
    assert moved > 15
    assert "circle" in refused
    assert refused <= {"circle", "too_deep"}
    before = dump(database)
    database.write_now(projection.rebuild)
    assert dump(database) == before


@pytest.mark.parametrize("kind", ["actors", "locations"])
@pytest.mark.parametrize("child_first", [False, True])
def test_ancestry_of_records_that_arrive_together(database: Database, kind: str, child_first: bool) -> None:
    members = {"actors": {"type": "gang"}, "locations": {"kind": "region"}}[kind]
    file = [
        {"name": "Whole", "external_ids": {"test": "whole"}} | members,
        {"name": "Part", "external_ids": {"test": "part"}, "parent": "test:whole"} | members,
    ]
    try:
        database.write_now(ingest.ingest, {kind: file[::-1] if child_first else file}, EDITOR)
    except Invalid:
        assert child_first  # it may be refused, but not taken half
    with database.connect() as conn:
        assert ancestry_of(conn) == walked(conn)


def test_parents_that_arrive_together_make_no_circle(database: Database) -> None:
    file = [
        {"name": "One", "type": "gang", "external_ids": {"test": "one"}, "parent": "test:two"},
        {"name": "Two", "type": "gang", "external_ids": {"test": "two"}, "parent": "test:one"},
    ]
    with pytest.raises(Invalid):
        database.write_now(ingest.ingest, {"actors": file}, EDITOR)


# --- The past ------------------------------------------------------------------------------------------------------


def ranged(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    return {table.name: [dict(row) for row in conn.execute(sa.select(table)).mappings()] for table in tables.RANGED}


def valid_at(rows: dict[str, list[dict[str, Any]]], seq: int) -> dict[str, list[str]]:
    """The rows that were true at a seq, without how long they stayed so, nor for whom they are by now."""
    left_out = ("seq_to", "audience", "turns")
    return {
        name: sorted(
            repr(sorted((key, str(value)) for key, value in row.items() if key not in left_out))
            for row in found
            if row["seq_from"] <= seq and (row["seq_to"] is None or row["seq_to"] > seq)
        )
        for name, found in rows.items()
    }


def test_the_ranges_of_a_row_never_overlap(lived: Database) -> None:
    with lived.connect() as conn:
        rows = ranged(conn)
    for table in tables.RANGED:
        key = [column.name for column in table.primary_key.columns if column.name != "seq_from"]
        spans = defaultdict(list)
        for row in rows[table.name]:
            assert row["seq_to"] is None or row["seq_from"] < row["seq_to"]
            spans[tuple(row[name] for name in key)].append((row["seq_from"], row["seq_to"]))
        for found in spans.values():
            found.sort()
            for (_, end), (start, _) in itertools.pairwise(found):
                assert end is not None
                assert end <= start


def test_the_rows_true_at_any_seq_are_those_of_a_rebuild_until_then(lived: Database) -> None:
    with lived.connect() as conn:
        rows, log = ranged(conn), log_of(conn)
    assert len(log) > 100
    checked: list[int] = []

    def replay(conn: Connection) -> None:
        for table in tables.PROJECTIONS:
            conn.execute(sa.delete(table))
        dialects.clear_words(conn)
        for one in log:
            projection.project(conn, [(one, parsed(one.record), parsed(one.reason))])
            if one.seq % 9 == 0 or one.seq == len(log):
                now = {name: [row for row in found if row["seq_to"] is None] for name, found in ranged(conn).items()}
                assert valid_at(now, one.seq) == valid_at(rows, one.seq), one.seq
                checked.append(one.seq)
        raise Undone

    with pytest.raises(Undone):
        lived.write_now(replay)
    assert len(checked) > 10


class Undone(Exception):
    """Rolls a try-out back."""


def test_a_rebuild_that_fails_leaves_the_old_rows(seeded_database: Database) -> None:
    before = dump(seeded_database)

    def stop(_: int) -> None:
        raise Undone

    with pytest.raises(Undone):
        seeded_database.write_now(projection.rebuild, stop)
    assert dump(seeded_database) == before


def test_another_catalogue_makes_the_tables_stale(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not database.write_now(projection.is_stale)
    monkeypatch.setattr(projection, "FINGERPRINT", "another")
    assert database.write_now(projection.is_stale)
    database.write_now(projection.rebuild)
    assert not database.write_now(projection.is_stale)
