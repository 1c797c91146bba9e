"""Names to records: every way to name a location, an actor or a source, what is found, created or told apart."""

import hashlib
import json
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api.errors import Invalid
from incidents_api.model import gazetteer
from incidents_api.model.kinds import KINDS
from incidents_api.model.revision import derived_id
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import records
from incidents_api.writing.records import Written
from tests import make

WRITER = Visitor("writer", frozenset({"write"}))
REASON = {"code": "test", "note": None, "successor": None}


def create(database: Database, of: str = "incident", **members: Any) -> Written:
    report = validate(KINDS[of].report, make.REPORTS[KINDS[of].plural](**members))
    return database.write_now(records.create, KINDS[of], report, WRITER)


def told(written: Written) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written.document)
    return found


def notes(written: Written, kind: str) -> list[tuple[str, str, str]]:
    """What a write tells of its references; what tells one name from another, in brackets, is left out."""
    told = [one for one in written.resolved if one["kind"] == kind]
    return [(one["pointer"], one["name"].partition(" (")[0], one["how"]) for one in told]


def refusal(database: Database, of: str = "incident", **members: Any) -> Any:
    with pytest.raises(Invalid) as refused:
        create(database, of, **members)
    [fault] = refused.value.faults
    return fault


def count(database: Database, kind: str) -> int:
    table = tables.KIND_TABLES[kind]
    with database.connect() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(table).where(table.c.seq_to.is_(None))).scalar_one()


def located(database: Database, location: Any) -> str:
    found: str = told(create(database, location=location))["locations"][0]["location_id"]
    return found


def key(place: Any) -> str:
    scheme, value = place.key.split(":", 1)
    return derived_id("location", scheme, value)


CULIACAN = gazetteer.find("Culiacán", "MX", "MX-SIN")[0]


# --- Locations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("MX", "iso3166:MX"),
        ("MEX", "iso3166:MX"),
        ("iso3166:MX", "iso3166:MX"),
        ("Mexico", "iso3166:MX"),
        ("México", "iso3166:MX"),
        ("MX-SIN", "iso3166:MX-SIN"),
        ("iso3166:MX-SIN", "iso3166:MX-SIN"),
        ("Sinaloa", "iso3166:MX-SIN"),
        ("sinaloa", "iso3166:MX-SIN"),
        ("Sinaloa, MX", "iso3166:MX-SIN"),
        ("Sinaloa, Mexico", "iso3166:MX-SIN"),
        ("Culiacán, MX-SIN", CULIACAN.key),
        ("culiacan, mx-sin", CULIACAN.key),
        ("CULIACAN,MX-SIN", CULIACAN.key),
        ("Culiacán, Sinaloa", CULIACAN.key),
        ("Culiacán, Sinaloa, MX", CULIACAN.key),
        ("Culiacán, Sinaloa, México", CULIACAN.key),
        ("Culiacán Rosales, MX-SIN", CULIACAN.key),
        (CULIACAN.key, CULIACAN.key),
        ({"name": "Culiacán", "admin1": "MX-SIN"}, CULIACAN.key),
        ({"name": "Sinaloa", "kind": "admin1"}, "iso3166:MX-SIN"),
        ({"name": "Mexico", "kind": "country"}, "iso3166:MX"),
    ],
    ids=str,
)
def test_each_way_to_name_a_location(database: Database, location: Any, found: str) -> None:
    place = gazetteer.by_key(found)
    first = create(database, location=location)
    assert told(first)["locations"][0]["location_id"] == key(place)
    assert notes(first, "location")[-1] == ("/location", place.name, "created from the gazetteer")
    # From then on it is in the store, by whatever name.
    made = count(database, "location")
    again = create(database, location=location)
    assert notes(again, "location") == [("/location", place.name, "found")]
    assert located(database, key(place)) == located(database, found) == key(place)
    assert count(database, "location") == made


def test_what_a_location_lies_in_is_created_once(database: Database) -> None:
    first = create(database, location="Culiacán, MX-SIN")
    names = [name for _, name, _ in notes(first, "location")]
    assert names[-1] == "Culiacán"
    assert {"Mexico", "Sinaloa"} <= set(names)
    assert {how for _, _, how in notes(first, "location")} == {"created from the gazetteer"}
    made = count(database, "location")
    assert made == len(names)
    second = create(database, location="Mazatlán, MX-SIN")
    assert not {"Mexico", "Sinaloa"} & {name for _, name, _ in notes(second, "location")}
    with database.connect() as conn:
        above = tables.ancestry.c
        query = sa.select(above.ancestor_id).where(above.record_id == key(CULIACAN), above.seq_to.is_(None))
        found = set(conn.execute(query).scalars())
    assert {key(gazetteer.unit("MX")), key(gazetteer.unit("MX-SIN")), key(CULIACAN)} <= found


def test_a_location_twice_in_one_report_is_one_record(database: Database) -> None:
    record = told(
        create(database, locations=["Culiacán, MX-SIN", {"role": "held_at", "location": "culiacan, Sinaloa"}, "MX-SIN"])
    )
    ids = [place["location_id"] for place in record["locations"]]
    assert ids[0] == ids[1] == key(CULIACAN)
    assert ids[2] == key(gazetteer.unit("MX-SIN"))


def test_an_ambiguous_name_lists_what_it_may_mean(database: Database) -> None:
    fault = refusal(database, location="Victoria, MX")
    assert (fault.pointer, fault.code) == ("/location", "ambiguous")
    assert len(fault.candidates) > 1
    for candidate in fault.candidates[:4]:
        assert candidate["country"] == "MX"
        record = told(create(database, location=candidate["location"]))
        assert record["locations"][0]["country"] == "MX"
        assert record["locations"][0]["admin1"] == candidate["admin1"]
    # Those that are in the store now are told by their ids, and resolve as well.
    again = refusal(database, location="Victoria, MX")
    assert {candidate["name"] for candidate in again.candidates} == {one["name"] for one in fault.candidates}
    for candidate in again.candidates:
        assert create(database, location=candidate["location"]).created


def test_an_ambiguous_report_lists_what_it_may_mean(database: Database) -> None:
    for _ in range(2):
        create(database, "location", name="Rancho Viejo", kind="facility", lon=-107.0, lat=24.0)
    fault = refusal(database, location={"name": "rancho viejo", "kind": "facility", "country": "MX"})
    assert (fault.code, len(fault.candidates)) == ("ambiguous", 2)
    assert {located(database, one["location"]) for one in fault.candidates} == {
        one["location"] for one in fault.candidates
    }


@pytest.mark.parametrize(
    ("location", "code", "word"),
    [
        ("Xyzzyville", "unknown_location", "to create one, send a report"),
        ("Xyzzyville, MX-SIN", "unknown_location", "to create one, send a report"),
        ("Culiacán, Xyzzyland", "unknown_location", "'Xyzzyland' is no country"),
        ("Culiacán, GT", "unknown_location", "to create one"),
        ("Culiacán, Sinaloa, GT", "unknown_location", "'Sinaloa' is no country"),
        ("seed:nothing", "unknown_id", "no location has the external id"),
        ("01900000-0000-7000-8000-000000000001", "unknown_id", "there is no location with the id"),
    ],
)
def test_an_unknown_location_says_what_to_do(database: Database, location: str, code: str, word: str) -> None:
    fault = refusal(database, location=location)
    assert (fault.pointer, fault.code) == ("/location", code)
    assert word in fault.detail
    assert count(database, "incident") == 0


def test_a_place_of_our_own_is_found_by_name_and_alias(database: Database) -> None:
    made = create(database, "location", name="Casa Xyzzy", aliases=["Quinta Plugh"], external_ids={"test": "ranch"})
    for name in (
        "Casa Xyzzy", "casa  xyzzy", "Casa Xyzzy, MX", "QUINTA PLÚGH", "test:ranch", made.record_id,
        {"name": "CASA XYZZY", "kind": "facility"}, {"name": "Anything", "external_ids": {"test": "ranch"}},
    ):  # fmt: skip
        assert located(database, name) == made.record_id, name


def test_a_report_with_a_point_is_a_location_of_its_own(database: Database) -> None:
    ranch = make.location()
    first, second = (create(database, location=ranch) for _ in range(2))
    assert told(first)["locations"][0]["location_id"] != told(second)["locations"][0]["location_id"]
    assert notes(first, "location")[-1] == ("/location", "Rancho Viejo", "created")
    place = told(first)["locations"][0]
    assert (place["country"], place["lon"], place["precision"]) == ("MX", -107.1, "exact")


def test_an_incident_may_have_a_point_of_its_own(database: Database) -> None:
    place = told(create(database, locations=[{"location": "Culiacán, MX-SIN", "lon": -107.4, "lat": 24.8}]))[
        "locations"
    ][0]
    assert (place["lon"], place["lat"], place["precision"]) == (-107.4, 24.8, "exact")
    place = told(create(database, locations=[{"location": "Culiacán, MX-SIN"}]))["locations"][0]
    assert (place["lon"], place["precision"]) == (CULIACAN.lon, "city")
    assert told(create(database, location="MX-SIN"))["locations"][0]["precision"] == "adm1"


def test_the_name_is_kept_as_reported(database: Database) -> None:
    for given, kept in (("Culiacan, MX-SIN", "Culiacan"), ("Culiacán, MX-SIN", "Culiacán"), ("MX-SIN", "Sinaloa")):
        assert told(create(database, location=given))["locations"][0]["name"] == kept
    assert told(create(database, locations=[{"location": "MX-SIN", "name": "the north"}]))["locations"][0]["name"] == (
        "the north"
    )


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"country": "GT", "parent": "MX-SIN"}, "contradiction"),
        ({"country": "MX", "admin1": "MX-TAM", "parent": "MX-SIN"}, "contradiction"),
    ],
)
def test_a_location_lies_where_its_parent_lies(database: Database, members: dict[str, Any], code: str) -> None:
    assert refusal(database, "location", **members).code == code


def test_country_and_unit_follow_from_the_parent(database: Database) -> None:
    record = told(create(database, "location", name="Camp", country=None, parent="MX-SIN"))
    assert (record["country"], record["admin1"], record["parent_id"]) == ("MX", "MX-SIN", key(gazetteer.unit("MX-SIN")))
    record = told(create(database, "location", name="Camp", country=None, admin1="MX-SIN"))
    assert (record["country"], record["admin1"], record["parent_id"]) == ("MX", "MX-SIN", key(gazetteer.unit("MX-SIN")))


# --- Actors --------------------------------------------------------------------------------------------------------


def taking_part(database: Database, actor: Any) -> str:
    record = told(create(database, actors=[{"actor": actor, "role": "perpetrator"}]))
    found: str = record["actors"][0]["actor_id"]
    return found


def test_each_way_to_name_an_actor(database: Database) -> None:
    made = create(
        database, "actor", name="Cártel de Sinaloa", aliases=["CDS", {"name": "Sinaloa Cartel", "used": "1989/.."}],
        external_ids={"ucdp": "999"},
    )  # fmt: skip
    for actor in (
        made.record_id, "ucdp:999", "Cártel de Sinaloa", "CARTEL DE  SINALOA", "cds", "sinaloa cartel",
        {"name": "Cartel de Sinaloa"}, {"name": "Anything", "external_ids": {"ucdp": "999"}},
    ):  # fmt: skip
        assert taking_part(database, actor) == made.record_id, actor
    assert count(database, "actor") == 1


def test_a_new_actor_is_created_once_and_told(database: Database) -> None:
    actors = [
        {"name": "Marina", "role": "rescuer"},
        {"name": "MARINA", "role": "responder"},
        {"actor": {"name": "marina", "type": "state_military"}, "role": "responder"},
    ]
    first = create(database, actors=actors)
    ids = {one["actor_id"] for one in told(first)["actors"]}
    assert len(ids) == 1
    assert [how for _, _, how in notes(first, "actor")] == ["created", "found", "found"]
    assert [pointer for pointer, _, _ in notes(first, "actor")] == [
        "/actors/0/name",
        "/actors/1/name",
        "/actors/2/actor",
    ]
    assert [one["name"] for one in told(first)["actors"]][:2] == ["Marina", "MARINA"]
    assert [how for _, _, how in notes(create(database, actors=actors[:1]), "actor")] == ["found"]


def test_unnamed_actors_are_always_new(database: Database) -> None:
    unnamed = {"actor": {"name": "a cartel", "identified": False}, "role": "perpetrator"}
    record = told(create(database, actors=[unnamed, unnamed]))
    assert len({one["actor_id"] for one in record["actors"]}) == 2
    assert told(create(database, actors=[unnamed]))["actors"][0]["actor_id"] not in {
        one["actor_id"] for one in record["actors"]
    }
    # Nor is one ever found by its name; a named one of that name is its own.
    named = create(database, actors=[{"name": "A cartel", "role": "perpetrator"}])
    assert [how for _, _, how in notes(named, "actor")] == ["created"]
    assert taking_part(database, "a cartel") == told(named)["actors"][0]["actor_id"]
    assert count(database, "actor") == 4


def test_an_actor_that_is_called_like_another_is_told_apart(database: Database) -> None:
    ids = {
        create(database, "actor", name="Los Zetas").record_id,
        create(database, "actor", aliases=["Zetas", "LOS ZETAS"]).record_id,
    }
    fault = refusal(database, actors=[{"name": "los zetas", "role": "perpetrator"}])
    assert (fault.pointer, fault.code) == ("/actors/0/name", "ambiguous")
    assert {candidate["id"] for candidate in fault.candidates} == ids
    assert {taking_part(database, one) for one in ids} == ids
    assert taking_part(database, "Zetas") in ids


def test_parents_of_actors_are_resolved_too(database: Database) -> None:
    record = told(
        create(
            database, "actor", name="Los Chapitos", parent={"name": "Sinaloa Cartel", "type": "organized_crime_group"}
        )
    )
    assert taking_part(database, "Sinaloa Cartel") == record["parent_id"]
    assert (
        told(create(database, "actor", name="Los Mayos", parent="sinaloa cartel"))["parent_id"] == record["parent_id"]
    )


# --- Sources -------------------------------------------------------------------------------------------------------


def cited(database: Database, source: Any) -> str:
    found: str = told(create(database, source=source))["claims"][0]["source_id"]
    return found


def test_each_way_to_name_a_source(database: Database) -> None:
    text = "Sixteen people were freed."
    digest = hashlib.sha256(text.encode()).hexdigest()
    made = create(database, "source", external_ids={"test": "1"}, text=text)
    for source in (
        made.record_id, "test:1", "https://news.example/1", make.source(title="Another title"),
        {"external_ids": {"test": "1"}}, {"title": "x", "fingerprint": digest}, {"text": text},
    ):  # fmt: skip
        assert cited(database, source) == made.record_id, source
    assert count(database, "source") == 1


def test_a_source_twice_in_one_report_is_one_record(database: Database) -> None:
    for source in (
        {"url": "https://news.example/7"},
        {"title": "A book", "external_ids": {"isbn": "1"}},
        {"title": "A text", "text": "Sixteen people were freed."},
    ):
        written = create(database, source=source, claims=[make.claim(), make.claim(source=source)])
        assert len({claim["source_id"] for claim in told(written)["claims"]}) == 1
        assert [how for _, _, how in notes(written, "source")] == ["created", "found"]
    assert count(database, "source") == 3


def test_an_address_alone_makes_a_source(database: Database) -> None:
    written = create(database, source="https://news.example/9")
    assert notes(written, "source") == [("/source", "https://news.example/9", "created")]
    assert cited(database, "https://news.example/9") == told(written)["claims"][0]["source_id"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("The Daily News", "reference"),
        ("seed:nothing", "unknown_id"),
        ("01900000-0000-7000-8000-000000000001", "unknown_id"),
        ({"kind": "news_article"}, "reference"),
    ],
)
def test_a_source_that_cannot_be_told_is_refused(database: Database, source: Any, code: str) -> None:
    fault = refusal(database, source=source, claims=[])
    assert (fault.pointer, fault.code) == ("/source", code)


def test_a_fingerprint_is_that_of_the_text(database: Database) -> None:
    fault = refusal(database, "source", text="words", fingerprint="0" * 64)
    assert (fault.pointer, fault.code) == ("/fingerprint", "fingerprint")
    record = told(create(database, "source", text="Culiacán"))
    assert record["length"] == 8
    assert record["fingerprint"] == hashlib.sha256("Culiacán".encode()).hexdigest()


# --- Quotes --------------------------------------------------------------------------------------------------------

TEXT = "Sixteen people were freed.\nThe army said so in Culiacán."


def quoting(database: Database, quote: Any) -> Any:
    return told(
        create(database, source={"url": "https://text.example", "text": TEXT}, claims=[make.claim(quote=quote)])
    )


def test_a_quote_is_found_in_the_text(database: Database) -> None:
    for quote, start in (("Sixteen people", 0), ({"text": "people"}, 8), ("freed. The army", 20)):
        stored = quoting(database, quote)["claims"][0]["quote"]
        assert stored["start"] == start
        assert stored["text"] == TEXT[stored["start"] : stored["end"]]


@pytest.mark.parametrize("quote", ["Seventeen people", {"text": "people", "start": 3, "end": 9}, "sixteen"])
def test_a_quote_that_is_not_in_the_text_is_refused(database: Database, quote: Any) -> None:
    fault = refusal(database, source={"url": "https://text.example", "text": TEXT}, claims=[make.claim(quote=quote)])
    assert (fault.pointer, fault.code) == ("/claims/0/quote", "quote")


def test_a_quote_of_a_text_nobody_has_is_kept_as_it_is(database: Database) -> None:
    quote = {"text": "any words", "start": 3, "end": 12}
    assert told(create(database, claims=[make.claim(quote=quote)]))["claims"][0]["quote"] == quote
    fault = refusal(database, claims=[make.claim(quote={"text": "x", "start": 4, "end": 4})])
    assert fault.code == "quote"


def test_quotes_are_checked_wherever_they_stand(database: Database) -> None:
    wrong = [{"quote": "not there"}]
    with pytest.raises(Invalid) as refused:
        create(
            database,
            source={
                "url": "https://text.example",
                "text": TEXT,
                "boilerplate": ["not there"],
                "title_quote": "nor here",
            },
            date={"edtf": "2024", "evidence": wrong},
            locations=[{"location": "MX", "evidence": wrong}],
            actors=[{"name": "Marina", "role": "rescuer", "evidence": wrong}],
            captivity={"evidence": ["not there"]},
            evidence=["not there"],
        )
    assert {fault.pointer for fault in refused.value.faults} == {
        "/source/boilerplate/0/quote", "/source/title_quote", "/date/evidence/0/quote",
        "/locations/0/evidence/0/quote", "/actors/0/evidence/0/quote", "/captivity/evidence/0/quote",
        "/evidence/0/quote",
    }  # fmt: skip


def test_evidence_needs_a_source(database: Database) -> None:
    report = make.incident(claims=[], evidence=["words"])
    del report["source"]
    with pytest.raises(Invalid) as refused:
        database.write_now(records.create, KINDS["incident"], validate(KINDS["incident"].report, report), WRITER)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/evidence/0", "source")]


# --- What may not be referred to -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["actor", "location", "source", "incident"])
def test_what_was_ended_cannot_be_referred_to(database: Database, kind: str) -> None:
    members = {"source": {"url": "https://ended.example"}, "location": {"name": "Ended", "country": None}}.get(kind, {})
    made = create(database, kind, external_ids={"test": "ended"}, **members)
    database.write_now(records.end, KINDS[kind], made.record_id, REASON, (), WRITER)
    for name in (made.record_id, "test:ended"):
        report: dict[str, Any] = {
            "actor": {"actors": [{"actor": name, "role": "rescuer"}]},
            "location": {"location": name},
            "source": {"source": name, "claims": []},
            "incident": {"relations": [{"type": "related", "incident": name}]},
        }[kind]
        fault = refusal(database, **report)
        assert fault.code == "ended"
        assert "was ended (test)" in fault.detail


def test_what_was_merged_tells_its_successor(database: Database) -> None:
    one, other = create(database, "actor", name="One"), create(database, "actor", name="Other")
    reason = {"code": "duplicate", "note": None, "successor": other.record_id}
    database.write_now(records.end, KINDS["actor"], one.record_id, reason, (), WRITER)
    fault = refusal(database, actors=[{"actor_id": one.record_id, "role": "rescuer"}])
    assert other.record_id in fault.detail


def test_a_name_of_what_was_ended_is_free_again(database: Database) -> None:
    one = create(database, "actor", name="Marina")
    database.write_now(records.end, KINDS["actor"], one.record_id, REASON, (), WRITER)
    assert [how for _, _, how in notes(create(database, actors=[{"name": "Marina", "role": "rescuer"}]), "actor")] == [
        "created"
    ]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"locations": [{"location_id": "ACTOR"}]}, "/locations/0/location_id"),
        ({"actors": [{"actor_id": "SOURCE", "role": "rescuer"}]}, "/actors/0/actor_id"),
        ({"claims": [make.claim(source_id="ACTOR")]}, "/claims/0/source_id"),
        ({"relations": [{"type": "related", "incident_id": "ACTOR"}]}, "/relations/0/incident_id"),
        ({"evidence": [{"source_id": "ACTOR", "quote": "x"}]}, "/evidence/0/source_id"),
    ],
)
def test_an_id_of_another_kind_is_refused(database: Database, members: dict[str, Any], pointer: str) -> None:
    ids = {"ACTOR": create(database, "actor").record_id, "SOURCE": create(database, "source").record_id}
    text = json.dumps(members)
    for name, one in ids.items():
        text = text.replace(name, one)
    fault = refusal(database, **json.loads(text))
    assert (fault.pointer, fault.code) == (pointer, "unknown_id")
