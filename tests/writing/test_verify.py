"""verify: whatever is done to the log behind its back is found and named, and nothing else is."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.model.revision import GENESIS, Revision, canonical, commit, link, new_id, new_salt
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import verify as verification
from incidents_api.writing.append import Change, append
from incidents_api.writing.verify import Verdict, verify
from tests import postgres
from tests.conftest import ENGINES
from tests.make import stored_source as source
from tests.rows import lay_bare

log = tables.revision


def fill(database: Database, count: int) -> None:
    """A log of `count` revisions: sources, now and then changed, now and then ended."""
    versions: dict[str, int] = {}
    reason = {"code": "test", "note": "told", "successor": None}

    def write(conn: Connection) -> None:
        # A record is created in one append and changed in a later one.
        batch: list[Change] = []
        for n in range(count):
            one = list(versions)[len(versions) // 2] if n % 4 in (2, 3) else new_id()
            if any(change.record_id == one for change in batch):
                append(conn, batch, "tester")
                batch = []
            version = versions[one] = versions.get(one, 0) + 1
            if n % 8 == 7:
                batch.append(Change("source", one, version, "end", None, reason))
                del versions[one]
            else:
                batch.append(Change("source", one, version, "create" if version == 1 else "patch", source(n)))
        if batch:
            append(conn, batch, "tester")

    database.write_now(write)


def tampered(database: Database, *statements: Any) -> Verdict:
    """The verdict on a log that somebody changed by hand; it is as before afterwards."""
    with database.connect() as conn:
        lay_bare(conn)
        for statement in statements:
            assert conn.execute(statement).rowcount >= 1 or isinstance(statement, sa.Insert)
        verdict = verify(conn)
        conn.rollback()
    return verdict


def at(seq: int) -> Any:
    return sa.update(log).where(log.c.seq == seq)


def found_at(verdict: Verdict, seq: int) -> None:
    """Exactly one fault, and it names this revision."""
    assert len(verdict.faults) == 1, verdict.faults
    assert verdict.faults[0].startswith(f"revision {seq} ("), verdict.faults
    assert verdict.revisions == seq - 1 or verdict.revisions == verdict.seq


def row(database: Database, seq: int) -> dict[str, Any]:
    with database.connect() as conn:
        return dict(conn.execute(sa.select(log).where(log.c.seq == seq)).mappings().one())


COUNT = 16
POSITIONS = (1, 2, 3, 8, 15, 16)


@pytest.fixture(scope="module", params=ENGINES)
def small(
    request: pytest.FixtureRequest,
    postgres_server: str,
    template: Callable[[str, bool], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Database]:
    """A short log; what is done to it is undone by every test."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("verify") / "store.db"
        shutil.copyfile(template("sqlite", False).removeprefix("sqlite:///"), path)
        url = f"sqlite:///{path}"
    else:
        url = postgres.create_database(postgres_server, template("postgresql", False))
    database = Database(url)
    fill(database, COUNT)
    yield database
    database.close_writer()
    if request.param == "postgresql":
        postgres.drop_database(url)


def test_the_log_is_whole_again_after_what_the_tests_did(small: Database) -> None:
    assert len(tampered(small, at(3).values(author="x")).faults) == 1
    with small.connect() as conn:
        assert verify(conn).faults == []


# --- No false alarm ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 40])
def test_a_clean_log_is_clean(database: Database, count: int) -> None:
    fill(database, count)
    with database.connect() as conn:
        verdict = verify(conn)
        head = conn.execute(sa.select(tables.head)).one()
    assert (verdict.faults, verdict.revisions, verdict.seq) == ([], count, count)
    assert verdict.hash == head.hash
    assert (verdict.hash == GENESIS) is (count == 0)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 16, 17])
def test_a_clean_log_is_clean_whatever_the_page(small: Database, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(verification, "BATCH", batch)
    with small.connect() as conn:
        verdict = verify(conn)
    assert (verdict.faults, verdict.revisions) == ([], COUNT)


def test_the_seeds_are_clean(seeded_database: Database) -> None:
    with seeded_database.connect() as conn:
        assert verify(conn).faults == []


# --- Every kind of tampering, at several places --------------------------------------------------------------------


def flipped(value: str, place: int) -> str:
    place %= len(value)
    return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]


@pytest.mark.parametrize("seq", POSITIONS)
@pytest.mark.parametrize(
    "column",
    ["record", "reason", "author", "recorded_at", "hash", "previous_hash", "commitment", "salt", "kind", "operation"],
)
def test_a_flipped_byte_is_found(small: Database, column: str, seq: int) -> None:
    value = row(small, seq)[column]
    for place in (0, 5, -1) if value is not None else (0,):
        changed = flipped(value, place) if value is not None else "{}"
        found_at(tampered(small, at(seq).values({column: changed})), seq)


@pytest.mark.parametrize("seq", POSITIONS)
def test_a_changed_version_or_record_id_is_found(small: Database, seq: int) -> None:
    found_at(tampered(small, at(seq).values(version=log.c.version + 7)), seq)
    found_at(tampered(small, at(seq).values(record_id=new_id())), seq)


@pytest.mark.parametrize("seq", POSITIONS)
def test_a_body_that_is_blanked_is_found(small: Database, seq: int) -> None:
    for column in ("record", "reason"):
        if row(small, seq)[column] is not None:
            found_at(tampered(small, at(seq).values({column: None})), seq)
    found_at(tampered(small, at(seq).values(salt=None)), seq)
    found_at(tampered(small, at(seq).values(salt=None, record=None, reason=None)), seq)


@pytest.mark.parametrize("seq", POSITIONS)
def test_a_body_with_a_new_commitment_is_found(small: Database, seq: int) -> None:
    held = row(small, seq)
    body = canonical(source(999))
    held |= {"record": body, "reason": None, "commitment": commit(held["salt"], None, body)}
    columns = ("record", "reason", "commitment")
    found_at(tampered(small, at(seq).values({name: held[name] for name in columns})), seq)
    # With its own hash made to fit, the next revision does not follow it, or the head does not.
    columns = (*columns, "hash")
    held["hash"] = link(held)
    verdict = tampered(small, at(seq).values({name: held[name] for name in columns}))
    if seq < COUNT:
        found_at(verdict, seq + 1)
    else:
        assert any("the head stands at 16" in fault for fault in verdict.faults)


@pytest.mark.parametrize("seq", POSITIONS)
def test_a_row_that_was_dropped_is_found(small: Database, seq: int) -> None:
    verdict = tampered(small, sa.delete(log).where(log.c.seq == seq))
    if seq < COUNT:
        found_at(verdict, seq + 1)
        assert f"from {seq - 1} to {seq + 1}" in verdict.faults[0]
    else:
        assert any("the head stands at 16" in fault and "ends at 15" in fault for fault in verdict.faults)


@pytest.mark.parametrize("seq", POSITIONS[:-1])
def test_a_row_that_was_dropped_and_the_rest_renumbered_is_found(small: Database, seq: int) -> None:
    close = sa.update(log).where(log.c.seq > seq).values(seq=log.c.seq - 1)
    found_at(tampered(small, sa.delete(log).where(log.c.seq == seq), close), seq)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (1, 16), (2, 3), (7, 12), (15, 16)])
def test_two_rows_that_changed_places_are_found(small: Database, one: int, other: int) -> None:
    swap = sa.case((log.c.seq == one, other), else_=one)
    verdict = tampered(small, sa.update(log).where(log.c.seq.in_([one, other])).values(seq=swap))
    found_at(verdict, one)


@pytest.mark.parametrize("seq", [*POSITIONS, COUNT + 1])
def test_a_forged_row_is_found(small: Database, seq: int) -> None:
    before = row(small, seq - 1)["hash"] if seq > 1 else GENESIS
    body, salt = canonical(source(999)), new_salt()
    forged: dict[str, Any] = {
        "record_id": new_id(), "version": 1, "seq": seq, "kind": "source", "operation": "create", "author": "tester",
        "recorded_at": "2026-11-22T10:00:00.000000Z", "reason": None, "record": body, "salt": salt,
        "commitment": commit(salt, None, body), "previous_hash": before,
    }  # fmt: skip
    forged["hash"] = link(forged)
    room = sa.update(log).where(log.c.seq >= seq).values(seq=log.c.seq + 1)
    insert = sa.insert(log).values(forged)
    if seq > COUNT:
        verdict = tampered(small, insert)
        assert any("the head stands at 16" in fault and "ends at 17" in fault for fault in verdict.faults)
    else:
        found_at(tampered(small, room, insert), seq + 1)
        # Beside the true one, at the same number.
        beside = tampered(small, insert)
        assert len(beside.faults) == 1
        assert beside.faults[0].startswith((f"revision {seq} (", f"revision {seq + 1} ("))


@pytest.mark.parametrize("seq", POSITIONS)
def test_a_copied_row_is_found(small: Database, seq: int) -> None:
    copy = row(small, seq) | {"record_id": new_id()}
    verdict = tampered(small, sa.insert(log).values(copy))
    assert len(verdict.faults) == 1
    assert verdict.faults[0].startswith(f"revision {seq} (")


@pytest.mark.parametrize("shift", [1, 100, -1, -17])
def test_a_renumbered_log_is_found(small: Database, shift: int) -> None:
    verdict = tampered(small, sa.update(log).values(seq=log.c.seq + shift))
    found_at(verdict, 1 + shift)


@pytest.mark.parametrize("kept", [0, 1, 8, 15])
def test_a_tail_that_was_cut_is_found(small: Database, kept: int) -> None:
    verdict = tampered(small, sa.delete(log).where(log.c.seq > kept))
    assert verdict.revisions == kept
    assert any("the head stands at 16" in fault and f"the log ends at {kept} " in fault for fault in verdict.faults)


@pytest.mark.parametrize(
    "values",
    [{"seq": 15}, {"seq": 17}, {"seq": 0}, {"hash": "0" * 64}, {"hash": "f" * 64}, {"seq": 0, "hash": GENESIS}],
    ids=str,
)
def test_a_head_that_was_edited_is_found(small: Database, values: dict[str, Any]) -> None:
    verdict = tampered(small, sa.update(tables.head).values(values))
    assert verdict.revisions == COUNT
    assert len(verdict.faults) == 1
    assert "the head stands at" in verdict.faults[0]


@pytest.mark.parametrize("count", [0, 2])
def test_a_head_that_is_missing_or_stands_twice_is_found(small: Database, count: int) -> None:
    change = sa.delete(tables.head)
    if count:
        with small.connect() as conn:
            held = dict(conn.execute(sa.select(tables.head)).mappings().one())
        change = sa.insert(tables.head).values(held | {"id": 2})
    assert tampered(small, change).faults


def test_a_cut_tail_and_a_head_that_fits_still_differ_from_the_query_tables(small: Database) -> None:
    """Cut and mended by somebody with time: only a pinned edition, or what was forgotten, tells."""
    last = row(small, 10)
    mend = sa.update(tables.head).values(seq=10, hash=last["hash"])
    verdict = tampered(small, sa.delete(log).where(log.c.seq > 10), mend)
    assert all("run: incidents rebuild" in fault for fault in verdict.faults)
    assert verdict.faults
    assert (verdict.seq, verdict.hash) == (10, last["hash"])


@pytest.mark.parametrize(
    "change",
    [
        lambda one: sa.update(tables.record).where(tables.record.c.id == one).values(version=9),
        lambda one: sa.update(tables.record).where(tables.record.c.id == one).values(kind="actor"),
        lambda one: sa.update(tables.record).where(tables.record.c.id == one).values(ended="privacy"),
        lambda one: sa.update(tables.record).where(tables.record.c.id == one).values(successor=new_id()),
        lambda one: sa.delete(tables.record).where(tables.record.c.id == one),
        lambda _: sa.insert(tables.record).values(id=new_id(), kind="source", version=1),
    ],
    ids=["version", "kind", "ended", "successor", "dropped", "added"],
)
@pytest.mark.parametrize("seq", [1, 5, 13])
def test_an_edited_record_table_is_found(small: Database, change: Callable[[str], Any], seq: int) -> None:
    verdict = tampered(small, change(row(small, seq)["record_id"]))
    assert len(verdict.faults) == 1
    assert "run: incidents rebuild" in verdict.faults[0]


def test_an_ended_record_that_is_told_otherwise_is_found(small: Database) -> None:
    ended = sa.update(tables.record).where(tables.record.c.ended.is_not(None))
    for values in ({"ended": None}, {"ended": "privacy"}, {"successor": new_id()}):
        assert tampered(small, ended.values(values)).faults


# --- Links between records -----------------------------------------------------------------------------------------


def test_links_to_what_there_is_not_are_found(database: Database) -> None:
    """Rows that are whole as a chain, but refer to nothing, to the wrong kind, or to what was ended."""

    def actor(name: str, parent_id: str | None) -> dict[str, Any]:
        return {
            "name": name, "type": "gang", "aliases": [], "identified": True, "parent_id": parent_id, "country": None,
            "description": None, "evidence": [], "external_ids": {},
        }  # fmt: skip

    lost, one, ended, wrong = (new_id() for _ in range(4))
    changes = [
        Change("source", one, 1, "create", source(1)),
        Change("source", ended, 1, "create", source(2)),
        Change("actor", new_id(), 1, "create", actor("a", lost)),
        Change("actor", wrong, 1, "create", actor("b", one)),
        Change("actor", new_id(), 1, "create", actor("c", None) | {"evidence": [{"source_id": ended, "quote": None}]}),
    ]
    database.write_now(append, changes, "tester")
    end = Change("source", ended, 2, "end", None, {"code": "test", "note": None, "successor": None})
    database.write_now(append, [end], "tester")
    with database.connect() as conn:
        verdict = verify(conn)
    assert verdict.revisions == 6
    told = sorted(fault.partition(" refers to the ")[2] for fault in verdict.faults)
    assert told == sorted(
        [
            f"actor {lost}, which there is not",
            f"actor {one}, which there is not",
            f"source {ended}, which was ended",
        ]
    )


# --- Over the bounds of its pages ----------------------------------------------------------------------------------


def test_a_log_of_several_pages(database: Database) -> None:
    count = 2_003
    fill(database, count)
    told: list[int] = []
    with database.connect() as conn:
        verdict = verify(conn, told.append)
    assert (verdict.faults, verdict.revisions) == ([], count)
    assert told == [1_000, 2_000, count]
    for seq in (999, 1_000, 1_001, 1_999, 2_000, 2_001):
        found_at(tampered(database, sa.delete(log).where(log.c.seq == seq)), seq + 1)
        copy = tampered(database, sa.insert(log).values(row(database, seq) | {"record_id": new_id()}))
        assert copy.faults[0].startswith(f"revision {seq} (")
        found_at(tampered(database, at(seq).values(author="somebody")), seq)
    swap = sa.case((log.c.seq == 1_000, 1_001), else_=1_000)
    found_at(tampered(database, sa.update(log).where(log.c.seq.in_([1_000, 1_001])).values(seq=swap)), 1_000)


@pytest.mark.parametrize("batch", [2, 3, 5])
def test_many_rows_of_one_number_over_small_pages(small: Database, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(verification, "BATCH", batch)
    for seq in (1, 2, 15, 16):
        copies = [sa.insert(log).values(row(small, seq) | {"record_id": new_id()}) for _ in range(4)]
        verdict = tampered(small, *copies)
        assert len(verdict.faults) == 1
        assert verdict.faults[0].startswith(f"revision {seq} (")


def test_a_revision_names_all_that_the_chain_covers() -> None:
    assert {column.name for column in log.c} == set(Revision.__slots__)
