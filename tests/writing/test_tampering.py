"""R8: 1,200 random tamperings are all found, by verify and by the independent verifier, and no clean log is."""

import importlib.util
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import rfc8785
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.revision import Revision, canonical, commit, link, new_id, new_salt
from incidents_api.storage import dialects, tables
from incidents_api.storage.database import Database
from incidents_api.storage.schema import migrate
from incidents_api.writing import replay as replaying
from incidents_api.writing.append import Change, append
from incidents_api.writing.archive import log_lines
from incidents_api.writing.projection import rebuild
from incidents_api.writing.replay import replay, table_faults
from incidents_api.writing.verify import revisions, verify
from tests.make import stored_source
from tests.rows import lay_bare

TOOL = Path(__file__).parents[2] / "tools/verify_log.py"
log = tables.revision
NAMES = Revision.__slots__


def independent() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_log", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


VERIFIER = independent()


def test_it_shares_no_code_with_the_package() -> None:
    assert "incidents_api" not in TOOL.read_text()
    done = subprocess.run([sys.executable, "-I", "-S", TOOL, "--help"], capture_output=True, check=True)
    assert b"--edition" in done.stdout


def test_its_canonical_json_is_that_of_others() -> None:
    chance = random.Random(3)
    for _ in range(3_000):
        number = chance.choice((chance.uniform(-1, 1), chance.uniform(-1e9, 1e9))) * 10.0 ** chance.randint(-30, 30)
        assert VERIFIER.canonical(number).encode() == rfc8785.dumps(number), number
    for value in (0.0, -0.0, 1e21, 1e-7, 5e-324, '\u2028\x1f"\\é😀', {"é": 1, "\ufb33": [True, None], "😀": {}}, -1.5):
        assert VERIFIER.canonical(value).encode() == rfc8785.dumps(value), value


def life(conn: Connection, chance: random.Random, count: int) -> None:
    """A log of sources that are made, changed and ended at random."""
    versions: dict[str, int] = {}
    for n in range(count):
        record_id = chance.choice([*versions, new_id()]) if chance.random() < 0.6 else new_id()
        version = versions[record_id] = versions.get(record_id, 0) + 1
        if version > 1 and chance.random() < 0.2:
            del versions[record_id]
            reason = {"code": "test", "note": chance.choice((None, "told")), "successor": None}
            append(conn, [Change("source", record_id, version, "end", None, reason)], "tester")
        else:
            record = stored_source(n, title=chance.choice(("A", "Ünï 😀", 'Quote "')) * chance.randint(1, 5))
            append(
                conn, [Change("source", record_id, version, "create" if version == 1 else "patch", record)], "tester"
            )


def found(conn: Connection, edition: str | None = None) -> tuple[bool, bool]:
    """Whether verify and the independent verifier find a fault."""
    pinned = None
    if edition is not None:
        seq, _, hash_ = edition.partition(":")
        pinned = (int(seq), hash_)
    entries = (json.loads(line) for line in log_lines(conn))
    return bool(verify(conn, edition=pinned).faults), bool(VERIFIER.check(entries, edition)[1])


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A store to replay logs into."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('beside') / 'store.db'}")
    migrate(database)
    with database.connect_alone() as conn:
        yield conn
    database.close_writer()


def edition_of(conn: Connection) -> str:
    head = conn.execute(sa.select(tables.head)).one()
    return f"{head.seq}:{head.hash}"


# --- Ways to tamper ------------------------------------------------------------------------------------------------


def rows(conn: Connection) -> list[dict[str, Any]]:
    return [{name: getattr(one, name) for name in NAMES} for one in revisions(conn)]


def write(conn: Connection, entries: list[dict[str, Any]]) -> None:
    conn.execute(sa.delete(log))
    if entries:
        conn.execute(sa.insert(log), entries)


def fix_head(conn: Connection, entries: list[dict[str, Any]]) -> None:
    last = entries[-1]
    conn.execute(sa.update(tables.head).values(seq=last["seq"], hash=last["hash"]))


def relink(entries: list[dict[str, Any]], start: int) -> None:
    """Number and link everything from a place on anew, as somebody would who has the code."""
    for place in range(start, len(entries)):
        entries[place]["seq"] = place + 1
        entries[place]["previous_hash"] = entries[place - 1]["hash"] if place else "0" * 64
        entries[place]["hash"] = link(entries[place])


def altered(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    one = chance.choice(entries)
    name = chance.choice([name for name in NAMES if isinstance(one[name], str)])
    place = chance.randrange(len(one[name]))
    one[name] = one[name][:place] + chr(ord(one[name][place]) ^ 1) + one[name][place + 1 :]


def changed_body(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    one = chance.choice(entries)
    one["record"] = canonical(stored_source(9_999, note="forged"))
    if chance.random() < 0.5:  # with a commitment that fits, and perhaps a hash
        one["commitment"] = commit(one["salt"], one["reason"], one["record"])
        one["hash"] = link(one) if chance.random() < 0.5 else one["hash"]


def blanked(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    one = chance.choice(entries)
    one |= {"record": None, "reason": None, "salt": None}


def removed(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    del entries[chance.randrange(len(entries) - 1)]
    if chance.random() < 0.5:
        for seq, one in enumerate(entries, 1):
            one["seq"] = seq


def swapped(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    one, other = chance.sample(entries, 2)
    names = chance.choice((("seq",), ("record", "reason", "salt", "commitment"), ("hash",), ("recorded_at", "seq")))
    for name in names:
        one[name], other[name] = other[name], one[name]


def inserted(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    place = chance.randrange(len(entries))
    salt, record = new_salt(), canonical(stored_source(9_999))
    forged = entries[place] | {
        "record_id": new_id(), "version": 1, "operation": "create", "salt": salt, "record": record, "reason": None,
        "commitment": commit(salt, None, record),
    }  # fmt: skip
    forged["hash"] = link(forged)
    entries.insert(place, forged)
    if chance.random() < 0.7:
        for seq, one in enumerate(entries, 1):
            one["seq"] = seq


def changed_marks(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    one = chance.choice(entries)
    one[chance.choice(("hash", "previous_hash", "commitment"))] = "".join(chance.choices("0123456789abcdef", k=64))


def changed_salt(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    chance.choice(entries)["salt"] = chance.choice((new_salt(), None, ""))


def cut(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    del entries[chance.randrange(1, len(entries)) :]


def rewritten(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    place = chance.choice([place for place, one in enumerate(entries) if one["record"] is not None])
    one = entries[place]
    record = json.loads(one["record"]) | {"note": "another story"}
    one["salt"], one["record"] = new_salt(), canonical(record)
    one["commitment"] = commit(one["salt"], one["reason"], one["record"])
    relink(entries, place)


def rolled_back(chance: random.Random, entries: list[dict[str, Any]]) -> None:
    """As `cut`; the query tables are those of the old backup, too."""
    cut(chance, entries)


SHOWN = (altered, changed_body, blanked, removed, swapped, inserted, changed_marks, changed_salt)
PINNED = (cut, rewritten, rolled_back)
"""What the log itself cannot show: with the head made to fit, only an edition that was cited elsewhere does."""

LENGTH, EACH = 24, 50
"""11 ways in the log and one in the query tables, each 50 times on 2 databases: 1,200."""


@pytest.fixture
def filled(database: Database) -> Database:
    database.write_now(life, random.Random(11), LENGTH)
    return database


def tampered(database: Database, way: Callable[..., None], chance: random.Random, act: Callable[..., Any]) -> Any:
    """What is said of a log that was tampered with; it is as before afterwards."""
    with database.connect() as conn:
        entries = rows(conn)
        before = json.dumps(entries)
        way(chance, entries)
        if json.dumps(entries) == before:
            return None  # two equal values changed places
        try:
            with conn.begin_nested():
                lay_bare(conn)
                write(conn, entries)
                if way in PINNED:
                    fix_head(conn, entries)
                if way is rolled_back:
                    rebuild(conn)
                return act(conn)
        finally:
            conn.rollback()


@pytest.mark.parametrize("way", [*SHOWN, *PINNED], ids=lambda way: way.__name__)
def test_every_tampering_is_found(filled: Database, way: Callable[..., None]) -> None:
    chance = random.Random(way.__name__)
    with filled.connect() as conn:
        edition = edition_of(conn)
    tried: Counter[tuple[bool, bool]] = Counter()
    while tried.total() < EACH:
        told = tampered(filled, way, chance, lambda conn: found(conn, edition if way in PINNED else None))
        if told is not None:
            tried[told] += 1
    assert tried == {(True, True): EACH}


@pytest.mark.parametrize("way", [rewritten, rolled_back], ids=lambda way: way.__name__)
def test_what_shows_only_against_an_edition(filled: Database, way: Callable[..., None]) -> None:
    for seed in range(20):
        assert tampered(filled, way, random.Random(seed), found) == (False, False)


def test_a_tail_that_was_cut_does_not_show_in_the_log_alone(filled: Database) -> None:
    """The store's own head and query tables still tell; an exported log has neither."""
    for seed in range(20):
        assert tampered(filled, cut, random.Random(seed), found) == (True, False)


def edit(conn: Connection, chance: random.Random) -> str:
    """Change, remove or add one row of the query tables; what was done."""
    table = chance.choice((*tables.PROJECTIONS, None))
    rows = [] if table is None else [row._asdict() for row in conn.execute(sa.select(table))]
    if table is None or not rows:
        seq, word = chance.choice(list(dialects.indexed_words(conn)))
        forged = chance.choice(((seq, [word]), (10_000 + chance.randrange(1_000), ["forged"])))
        dialects.index_words(conn, [dialects.Indexed(new_id(), forged[0], "1999-12-31", forged[1])])
        return "a word"
    row = chance.choice(rows)
    here = sa.and_(*(column == row[column.name] for column in table.primary_key.columns))
    way = chance.choice(("change", "remove", "add"))
    if way == "remove":
        conn.execute(sa.delete(table).where(here))
        return f"a row of {table.name}"
    column = chance.choice(list(table.primary_key.columns if way == "add" else table.columns))
    value, other = row[column.name], column.type.python_type
    forged = not value if other is bool else f"{value or ''}~" if other is str else (value or 0) + 1_000_000
    if way == "add":
        conn.execute(sa.insert(table).values(row | {column.name: forged}))
    else:
        conn.execute(sa.update(table).where(here).values({column.name: forged}))
    return f"{way} {table.name}.{column.name}"


def test_every_edit_of_the_query_tables_is_found(
    seeded_database: Database, beside: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "BATCH", 10)
    chance = random.Random(8)
    with seeded_database.connect() as conn:
        replay(conn, beside)
        assert list(table_faults(conn, beside)) == []
        if conn.dialect.name == "postgresql":  # it waits while the log is replayed, for as long as that takes
            assert conn.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "0"
    for _ in range(EACH):
        with seeded_database.connect() as conn:
            done = edit(conn, chance)
            assert len(list(table_faults(conn, beside))) == 1, done
            conn.rollback()


CLEAN = 100
"""Times two databases: 200."""


def test_clean_logs_are_clean(database: Database, beside: Connection) -> None:
    for seed in range(CLEAN):
        chance = random.Random(seed)
        with database.connect() as conn:
            life(conn, chance, chance.randint(0, 20))
            edition = edition_of(conn)
            assert found(conn, edition) == (False, False), seed
            assert VERIFIER.check(json.loads(line) for line in log_lines(conn))[0] == edition
            replay(conn, beside)
            assert list(table_faults(conn, beside)) == [], seed
            conn.rollback()


def test_the_tool_as_it_is_run(filled: Database, tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    with filled.connect() as conn:
        path.write_text("".join(log_lines(conn)), "utf-8")
        edition = edition_of(conn)

    def run(*more: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", TOOL, path, *more], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    assert run() == run("--edition", edition) == (0, f"{edition}\n")
    assert run("--edition", f"{LENGTH + 1}:{'0' * 64}")[0] == 1
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:3], *lines[4:]]), "utf-8")
    assert run() == (1, "revision 5: it follows 3: removed, added or moved\n")
    path.write_text("no log\n")
    assert run()[0] == 2
