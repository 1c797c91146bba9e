"""Many reports at once: loaded once, corrections kept, all or nothing, and texts that prove or refute their quotes."""

import hashlib
import json
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api.cli.seeds import SEEDER
from incidents_api.errors import Conflict, Invalid
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import parse
from incidents_api.model.visitor import Visitor
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import records
from incidents_api.writing.ingest import Ingested, ingest, keep_and_check
from incidents_api.writing.verify import verify
from tests import make
from tests.conftest import SEEDS
from tests.writing.test_projection import dump

WRITER = Visitor("writer", frozenset({"write"}))
TEXT = "Sixteen people were freed on Tuesday, the army said."
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


def file(**more: Any) -> dict[str, list[Any]]:
    """A file whose records refer to each other."""
    return {
        "incidents": [
            make.incident(
                external_ids={"test": "i1"}, source="test:s1", location="test:l1",
                actors=[{"actor": "test:a1", "role": "rescuer"}],
                claims=[make.claim(quote={"text": "Sixteen people", "start": 0, "end": 14})],
            ),
            make.incident(
                external_ids={"test": "i2"}, source="test:s1", location="Culiacán, MX-SIN", actors=[],
                relations=[{"type": "part_of", "incident": "test:i1"}],
            ),
        ],
        "statistics": [make.statistic(external_ids={"test": "t1"}, source="test:s1")],
        "sources": [make.source(external_ids={"test": "s1"}, fingerprint=DIGEST)],
        "actors": [make.actor(external_ids={"test": "a1"})],
        "locations": [make.location(external_ids={"test": "l1"})],
    } | more  # fmt: skip


def load(database: Database, reports: Any, who: Visitor = WRITER) -> Ingested:
    return database.write_now(ingest, reports, who)


def seq(database: Database) -> int:
    with database.connect() as conn:
        return conn.execute(sa.select(tables.head.c.seq)).scalar_one()


def record(database: Database, external_id: str, kind: str = "incident") -> dict[str, Any]:
    from incidents_api.writing import lookup

    with database.connect() as conn:
        found = lookup.by_external_id(conn, kind, [tuple(external_id.split(":"))])
        assert found is not None
        return {"id": found} | lookup.record_of(conn, found)


def test_records_come_before_what_refers_to_them(database: Database) -> None:
    done = load(database, file())
    assert done.created == {"sources": 1, "locations": 1, "actors": 1, "incidents": 2, "statistics": 1}
    assert set(done.kept.values()) == {0}
    assert done.also == seq(database) - 6
    first = record(database, "test:i1")
    assert first["locations"][0]["location_id"] == record(database, "test:l1", "location")["id"]
    assert first["actors"][0]["actor_id"] == record(database, "test:a1", "actor")["id"]
    assert record(database, "test:i2")["relations"][0]["incident_id"] == first["id"]
    with database.connect() as conn:
        assert verify(conn).faults == []


def test_a_file_loaded_again_changes_nothing(database: Database) -> None:
    load(database, file())
    before, last = dump(database), seq(database)
    for _ in range(2):
        done = load(database, file())
        assert set(done.created.values()) == {0}
        assert (sum(done.kept.values()), done.also) == (6, 0)
    assert (dump(database), seq(database)) == (before, last)


def test_the_seeds_loaded_again_change_nothing(seeded_database: Database) -> None:
    before, last = dump(seeded_database), seq(seeded_database)
    for path in sorted(SEEDS.glob("*.json")):
        done = load(seeded_database, parse(path.read_bytes()), SEEDER)
        assert (set(done.created.values()), done.also) == ({0}, 0)
    assert (dump(seeded_database), seq(seeded_database)) == (before, last)


def test_what_is_new_in_a_file_is_added(database: Database) -> None:
    load(database, file())
    more = file(actors=[make.actor(external_ids={"test": "a1"}), make.actor(name="B", external_ids={"test": "a2"})])
    assert load(database, more).created["actors"] == 1


def test_corrections_are_kept(database: Database) -> None:
    load(database, file())
    one = record(database, "test:i1")
    database.write_now(records.patch, KINDS["incident"], one["id"], {"title": "Corrected"}, (), WRITER)
    two = record(database, "test:i2")
    reason = {"code": "test", "note": None, "successor": None}
    database.write_now(records.end, KINDS["incident"], two["id"], reason, (), WRITER)
    last = seq(database)
    assert load(database, file()).kept["incidents"] == 2
    assert (record(database, "test:i1")["title"], seq(database)) == ("Corrected", last)


@pytest.mark.parametrize(
    "broken",
    [
        {"statistics": [make.statistic(indicator="No Indicator")]},
        {"incidents": [make.incident(type="rescue_operatoin")]},
        {"incidents": [make.incident(location="Xyzzyville")]},
        {"actors": [make.actor(parent="test:nobody")]},
        {"incident": [make.incident()]},
        {"incidents": ["not an object"]},
    ],
    ids=["report", "code", "location", "parent", "kind", "form"],
)
def test_a_file_is_taken_whole_or_not_at_all(database: Database, broken: dict[str, Any]) -> None:
    before = dump(database)
    with pytest.raises(Invalid):
        load(database, file(**broken))
    assert (dump(database), seq(database)) == (before, 0)
    assert load(database, file()).created["incidents"] == 2


def test_the_same_external_id_twice_in_one_file_is_refused(database: Database) -> None:
    twice = [make.actor(external_ids={"test": "a1"}), make.actor(name="B", external_ids={"test": "a1"})]
    with pytest.raises(Conflict):
        load(database, {"actors": twice})
    assert seq(database) == 0


def test_an_empty_file_is_nothing(database: Database) -> None:
    assert sum(load(database, {}).created.values()) == 0
    assert seq(database) == 0


def test_the_order_of_a_file_makes_no_difference(database: Database, new_store: Any, engine: str) -> None:
    other = Database(new_store(engine))
    load(database, file())
    turned = {plural: entries[::-1] for plural, entries in reversed(file().items())}
    load(other, turned)
    for kind in ("incident", "actor", "location", "source", "statistic"):
        table = tables.KIND_TABLES[kind]
        columns = [column for column in table.c if column.name not in ("seq_from", "seq_to", "version", "recorded_at")]
        told = []
        for one in (database, other):
            with one.connect() as conn:
                told.append(sorted(map(repr, map(tuple, conn.execute(sa.select(*columns))))))
        assert told[0] == told[1]
    other.close_writer()


# --- Texts ---------------------------------------------------------------------------------------------------------


def test_a_text_proves_its_quotes(database: Database) -> None:
    load(database, file())
    found = database.write_now(keep_and_check, DIGEST, TEXT)
    assert found is not None
    assert (found.source_id, found.checked, found.wrong) == (record(database, "test:s1", "source")["id"], 1, ())
    # Kept from then on: a quote that is not in it is refused.
    with pytest.raises(Invalid):
        load(database, {"incidents": [make.incident(source="test:s1", claims=[make.claim(quote="Seventeen")])]})


@pytest.mark.parametrize(
    ("quote", "word"),
    [
        ({"text": "Seventeen people", "start": 0, "end": 16}, "reads otherwise"),
        ({"text": "people", "start": 3, "end": 9}, "it stands at 8 to 14"),
        ("Seventeen people", "not in the text"),
        ("Sixteen people", "stands elsewhere"),  # without its offsets it is not as a read would give it
    ],
)
def test_a_text_finds_a_wrong_quote(database: Database, quote: Any, word: str) -> None:
    for place in ("claims", "date", "evidence"):
        members: dict[str, Any] = {
            "claims": {"claims": [make.claim(quote=quote)]},
            "date": {"date": {"edtf": "2024", "evidence": [{"quote": quote}]}},
            "evidence": {"evidence": [{"quote": quote}]},
        }[place]
        load(database, {"sources": file()["sources"], "incidents": [make.incident(source="test:s1", **members)]})
    found = database.write_now(keep_and_check, DIGEST, TEXT)
    assert found is not None
    assert (found.checked, len(found.wrong)) == (3, 3)
    assert all(word in fault for fault in found.wrong)


def test_the_quotes_of_a_source_itself_are_checked(database: Database) -> None:
    source = make.source(
        external_ids={"test": "s1"},
        fingerprint=DIGEST,
        title_quote="Not there",
        boilerplate=["the army said", "nor this"],
    )
    load(database, {"sources": [source]})
    found = database.write_now(keep_and_check, DIGEST, TEXT)
    assert found is not None
    assert found.checked == 3
    assert sum("not in the text" in fault for fault in found.wrong) == 2


def test_quotes_of_other_sources_and_of_the_past_are_left_alone(database: Database) -> None:
    load(database, file())
    one = record(database, "test:i1")
    other = make.claim(quote="Other words", source="https://other.example")
    changes = {"claims": [one["claims"][0], other]}
    database.write_now(records.patch, KINDS["incident"], one["id"], changes, (), WRITER)
    found = database.write_now(keep_and_check, DIGEST, TEXT)
    assert found is not None
    assert (found.checked, found.wrong) == (1, ())
    database.write_now(records.patch, KINDS["incident"], one["id"], {"claims": None}, (), WRITER)
    assert database.write_now(keep_and_check, DIGEST, TEXT).checked == 0


def test_a_text_that_no_source_has_is_not_kept(database: Database) -> None:
    assert database.write_now(keep_and_check, DIGEST, TEXT) is None
    with database.connect() as conn:
        assert conn.execute(sa.select(tables.source_text)).all() == []


def test_words_in_raw_are_no_quotes(database: Database) -> None:
    load(database, {"sources": file()["sources"]})
    source_id = record(database, "test:s1", "source")["id"]
    raw = {"source_id": source_id, "quote": {"text": "Seventeen", "start": None, "end": None}}
    load(database, {"incidents": [make.incident(source="test:s1", raw=json.loads(json.dumps(raw)))]})
    found = database.write_now(keep_and_check, DIGEST, TEXT)
    assert found is not None
    assert found.wrong == ()
