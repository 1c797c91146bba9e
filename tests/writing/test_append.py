"""append: numbers without gaps, versions, the chain, the clock, and all or nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from incidents_api.errors import Conflict, StaleVersion
from incidents_api.model.revision import GENESIS, Revision, canonical, commit, link, new_id
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing.append import Change, append
from incidents_api.writing.verify import verify
from tests.writing.test_projection import dump

NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
REASON = {"code": "test", "note": None, "successor": None}


def actor(name: str = "Actor", **external_ids: str) -> dict[str, Any]:
    return {
        "name": name, "type": "gang", "aliases": [], "identified": True, "parent_id": None, "country": None,
        "description": None, "evidence": [], "external_ids": external_ids,
    }  # fmt: skip


def change(record_id: str, version: int = 1, record: dict[str, Any] | None = None, **members: Any) -> Change:
    operation = "create" if version == 1 else "patch"
    return Change("actor", record_id, version, operation, record or actor(), **members)


def write(database: Database, *changes: Change, now: datetime | None = NOW) -> list[Revision]:
    return database.write_now(append, changes, "tester", now)


def log_of(database: Database) -> list[Revision]:
    with database.connect() as conn:
        rows = conn.execute(sa.select(tables.revision).order_by(tables.revision.c.seq)).mappings()
        return [Revision(**row) for row in rows]


def head_of(database: Database) -> tuple[int, str]:
    with database.connect() as conn:
        row = conn.execute(sa.select(tables.head)).one()
        return row.seq, row.hash


def test_numbers_have_no_gap_and_follow_the_changes(database: Database) -> None:
    ids = [new_id() for _ in range(5)]
    first = write(database, *map(change, ids))
    second = write(database, change(ids[3], 2), change(ids[1], 2))
    assert [one.seq for one in first] == [1, 2, 3, 4, 5]
    assert [one.record_id for one in first] == ids
    assert [(one.seq, one.record_id, one.version) for one in second] == [(6, ids[3], 2), (7, ids[1], 2)]
    assert log_of(database) == [*first, *second]
    assert head_of(database) == (7, second[-1].hash)


def test_every_revision_links_to_the_one_before(database: Database) -> None:
    one = new_id()
    made = write(database, change(one), change(new_id())) + write(database, change(one, 2))
    made += write(database, Change("actor", one, 3, "end", None, REASON))
    previous = GENESIS
    for revision in log_of(database):
        assert revision.previous_hash == previous
        members = {name: getattr(revision, name) for name in Revision.__slots__}
        assert revision.hash == link(members)
        assert revision.commitment == commit(str(revision.salt), revision.reason, revision.record)
        previous = revision.hash
    assert made[-1].record is None
    assert made[-1].reason == canonical(REASON)
    assert made[0].record == canonical(actor())
    assert len({revision.salt for revision in made}) == 4


@pytest.mark.parametrize("version", [1, 2, 4, 0])
def test_a_version_that_does_not_follow_is_stale(database: Database, version: int) -> None:
    one = new_id()
    write(database, change(one), change(new_id()))
    write(database, change(one, 2))
    before, log = dump(database), log_of(database)
    with pytest.raises((StaleVersion, Conflict)):
        write(database, change(one, version))
    assert (dump(database), log_of(database)) == (before, log)


def test_a_record_there_never_was_cannot_change(database: Database) -> None:
    with pytest.raises(StaleVersion):
        write(database, change(new_id(), 2))
    assert log_of(database) == []


def test_an_ended_record_cannot_change(database: Database) -> None:
    one = new_id()
    write(database, change(one), Change("actor", new_id(), 1, "create", actor("Other")))
    write(database, Change("actor", one, 2, "end", None, REASON))
    for version in (2, 3):
        with pytest.raises(StaleVersion):
            write(database, change(one, version))
    assert head_of(database)[0] == 3


@pytest.mark.parametrize("place", [0, 3, 6])
def test_all_or_nothing(database: Database, place: int) -> None:
    one = new_id()
    write(database, change(one, record=actor("Taken", test="taken")))
    before, log = dump(database), log_of(database)
    good = [change(new_id(), record=actor(f"Good {n}", test=f"good {n}")) for n in range(6)]
    for bad in (change(one, 3), change(new_id(), record=actor("Bad", test="taken"))):
        with pytest.raises((StaleVersion, Conflict)):
            write(database, *good[:place], bad, *good[place:])
        assert (dump(database), log_of(database)) == (before, log)
        assert head_of(database) == (1, log[0].hash)
    assert [revision.seq for revision in write(database, *good)] == [2, 3, 4, 5, 6, 7]


def test_a_record_that_json_cannot_hold_leaves_no_trace(database: Database) -> None:
    with pytest.raises(ValueError, match="finite"):
        write(database, change(new_id()), change(new_id(), record=actor() | {"country": float("nan")}))
    assert log_of(database) == []
    assert head_of(database) == (0, GENESIS)


def test_an_external_id_names_one_record_of_a_kind(database: Database) -> None:
    one, other = new_id(), new_id()
    write(database, change(one, record=actor(test="1")), change(other, record=actor(test="2")))
    with pytest.raises(Conflict) as refused:
        write(database, change(other, 2, actor(test="1")))
    assert "already names another actor" in refused.value.detail  # and not whose: that may be hidden from who asks
    # Two records of one write that want the same.
    with pytest.raises(Conflict):
        write(database, change(new_id(), record=actor(test="3")), change(new_id(), record=actor(test="3")))
    # Given up, it is free; held by the record itself, it stays.
    write(database, change(one, 2, actor(test="9")))
    write(database, change(other, 2, actor(test="1")))
    write(database, change(other, 3, actor(test="1", more="x")))
    with database.connect() as conn:
        ids = tables.external_id.c
        found = conn.execute(sa.select(ids.scheme, ids.value, ids.record_id).order_by(ids.scheme, ids.value)).all()
    assert [tuple(row) for row in found] == [("more", "x", other), ("test", "1", other), ("test", "9", one)]


def test_an_ended_record_keeps_its_external_id(database: Database) -> None:
    one = new_id()
    write(database, change(one, record=actor(test="1")))
    write(database, Change("actor", one, 2, "end", None, REASON))
    with pytest.raises(Conflict):
        write(database, change(new_id(), record=actor(test="1")))


# --- The clock -----------------------------------------------------------------------------------------------------


def test_one_append_has_one_moment(database: Database) -> None:
    made = write(database, change(new_id()), change(new_id()))
    assert {revision.recorded_at for revision in made} == {"2026-11-22T10:00:00.000000Z"}


def test_the_moment_is_told_in_utc(database: Database) -> None:
    from datetime import timezone

    zone = timezone(timedelta(hours=-7))
    assert write(database, change(new_id()), now=NOW.astimezone(zone))[0].recorded_at == "2026-11-22T10:00:00.000000Z"


@pytest.mark.parametrize(
    "steps",
    [
        [timedelta(hours=-1)] * 3,
        [timedelta(0)] * 3,
        [timedelta(days=3650), timedelta(days=-3650), timedelta(0)],
        [timedelta(seconds=5 * (-1) ** n) for n in range(6)],
    ],
    ids=["back", "still", "leap", "strobe"],
)
def test_recorded_at_never_goes_back(database: Database, steps: list[timedelta]) -> None:
    moment = NOW
    write(database, change(new_id()), now=moment)
    for step in steps:
        moment += step
        write(database, change(new_id()), now=moment)
    told = [revision.recorded_at for revision in log_of(database)]
    assert told == sorted(set(told))
    with database.connect() as conn:
        assert verify(conn).faults == []
        assert conn.execute(sa.select(tables.head.c.recorded_at)).scalar_one() == told[-1]


def test_without_a_clock_given_it_is_now(database: Database) -> None:
    before = datetime.now(UTC)
    [revision] = write(database, change(new_id()), now=None)
    moment = datetime.fromisoformat(revision.recorded_at)
    assert before <= moment <= datetime.now(UTC)


# --- Inside the transaction ----------------------------------------------------------------------------------------


def test_two_appends_in_one_transaction_go_on_from_each_other(database: Database) -> None:
    def both(conn: Connection) -> list[int]:
        one = new_id()
        first = append(conn, [change(one)], "tester", NOW)
        second = append(conn, [change(one, 2)], "tester", NOW)
        return [revision.seq for revision in (*first, *second)]

    assert database.write_now(both) == [1, 2]
    told = [revision.recorded_at for revision in log_of(database)]
    assert told == sorted(set(told))
    with database.connect() as conn:
        assert verify(conn).faults == []


def test_an_append_in_a_transaction_that_fails_gives_its_numbers_back(database: Database) -> None:
    def fail(conn: Connection) -> None:
        append(conn, [change(new_id())], "tester", NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write_now(fail)
    assert [revision.seq for revision in write(database, change(new_id()))] == [1]
