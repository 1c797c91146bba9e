"""What a client can do to records: every change, what it may not change, and what stands against an end."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from incidents_api.errors import Conflict, Gone, Invalid, MissingScope, NotFound, Problem, StaleVersion
from incidents_api.model import vocabulary
from incidents_api.model.incident import ClaimsReport
from incidents_api.model.kinds import BY_PLURAL, KINDS
from incidents_api.model.validation import parse, validate
from incidents_api.model.visitor import NOBODY, Visitor
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import records
from incidents_api.writing.records import Written, merge_patch
from tests import make

WRITER = Visitor("writer", frozenset({"write"}))
REVIEWER = Visitor("reviewer", frozenset({"write", "review"}))
TRUSTED = Visitor("trusted", frozenset({"write", "read:restricted"}), statuses=vocabulary.codes("review_status"))
ADMIN = Visitor("admin", frozenset({"admin"}))
REASON = {"code": "test", "note": None, "successor": None}
INCIDENT = KINDS["incident"]


def create(database: Database, of: str = "incident", who: Visitor = WRITER, **members: Any) -> Written:
    report = validate(KINDS[of].report, make.REPORTS[KINDS[of].plural](**members))
    return database.write_now(records.create, KINDS[of], report, who)


def patch(
    database: Database, written: Written, changes: Any, who: Visitor = WRITER, kind: str = "incident", *match: str
) -> Written:
    return database.write_now(records.patch, KINDS[kind], written.record_id, changes, match, who)


def replace(
    database: Database, written: Written, body: Any, who: Visitor = WRITER, kind: str = "incident", *match: str
) -> Written:
    return database.write_now(records.replace, KINDS[kind], written.record_id, body, match, who)


def end(database: Database, record_id: str, kind: str = "incident", who: Visitor = WRITER, **reason: Any) -> Any:
    return database.write_now(records.end, KINDS[kind], record_id, REASON | reason, (), who)


def add(database: Database, written: Written, body: Any, who: Visitor = WRITER, *match: str) -> Written:
    return database.write_now(records.add_claims, written.record_id, validate(ClaimsReport, body), match, who)


def told(written: Written) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written.document)
    return found


def codes(problem: Problem) -> list[tuple[str | None, str]]:
    return [(fault.pointer or fault.parameter, fault.code) for fault in problem.faults]


def revisions(database: Database) -> int:
    with database.connect() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(tables.revision)).scalar_one()


# --- RFC 7396 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "changes", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_table_of_rfc_7396(target: Any, changes: Any, result: Any) -> None:
    before = json.dumps(target)
    assert merge_patch(target, changes) == result
    assert json.dumps(target) == before


# --- Create --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plural", make.REPORTS)
def test_a_record_is_created_at_version_1(database: Database, plural: str) -> None:
    kind = BY_PLURAL[plural].name
    written = create(database, kind)
    record = told(written)
    assert (written.created, written.changed) == (True, True)
    assert (record["id"], record["version"], record["recorded_by"]) == (written.record_id, 1, "writer")
    assert record["seq"] == revisions(database)
    assert written.etag.startswith('"1-')


def test_an_external_id_names_one_record_for_ever(database: Database) -> None:
    first = create(database, external_ids={"ucdp": "1"})
    for external_ids in ({"ucdp": "1"}, {"gtd": "7", "ucdp": "1"}):
        with pytest.raises(Conflict) as refused:
            create(database, external_ids=external_ids)
        assert refused.value.members == {"id": first.record_id, "location": f"/v1/incidents/{first.record_id}"}
    patch(database, first, {"external_ids": {"ucdp": None, "gtd": "8"}})
    # Given up, it may name another record, which gets an id of its own: ids are permanent.
    assert create(database, external_ids={"ucdp": "1"}).record_id != first.record_id
    end(database, first.record_id)
    with pytest.raises(Conflict):
        create(database, external_ids={"gtd": "8"})
    assert create(database, "source", external_ids={"ucdp": "1"}, url="https://other.example").created


def test_a_refused_report_leaves_no_trace(database: Database) -> None:
    with pytest.raises(Invalid) as refused:
        create(
            database,
            location="Nowhere at all, MX",
            claims=[make.claim(quote="words"), make.claim(source_id="01900000-0000-7000-8000-000000000001")],
            relations=[{"type": "part_of", "incident": "seed:none"}],
        )
    assert {pointer for pointer, _ in codes(refused.value)} == {
        "/location", "/claims/1/source_id", "/relations/0/incident",
    }  # fmt: skip
    assert revisions(database) == 0


def test_claims_are_checked_against_each_other(database: Database) -> None:
    claims = [
        make.claim(id="c1"),
        make.claim(id="c1", measure="killed"),
        make.claim(links=[{"type": "restates", "claim": "c9"}]),
        make.claim(id="c5", links=[{"type": "updates", "claim": "c5"}]),
    ]
    with pytest.raises(Invalid) as refused:
        create(database, claims=claims, review={"chosen": ["c8"]}, who=REVIEWER)
    assert codes(refused.value) == [
        ("/claims/1/id", "repeated"),
        ("/claims/2/links/0/claim", "unknown_id"),
        ("/claims/3/links/0/claim", "unknown_id"),
        ("/review/chosen/0", "unknown_id"),
    ]


def test_claims_of_a_statistic_are_checked_against_each_other(database: Database) -> None:
    with pytest.raises(Invalid) as refused:
        create(
            database,
            "statistic",
            claims=[{"id": "c1", "value": 3}, {"id": "c1", "value": 4, "links": [{"type": "restates", "claim": "zz"}]}],
        )
    assert codes(refused.value) == [("/claims/1/id", "repeated"), ("/claims/1/links/0/claim", "unknown_id")]


def test_a_claim_needs_a_source(database: Database) -> None:
    report = make.incident()
    del report["source"]
    with pytest.raises(Invalid) as refused:
        database.write_now(records.create, INCIDENT, validate(INCIDENT.report, report), WRITER)
    assert codes(refused.value) == [("/claims/0", "source")]


def test_a_source_that_nothing_cites_stands_behind_the_whole(database: Database) -> None:
    record = told(create(database, claims=[]))
    assert [entry["quote"] for entry in record["evidence"]] == [None]
    assert told(create(database))["evidence"] == []


def test_a_period_total_lasts_its_period(database: Database) -> None:
    record = told(create(database, granularity="period_total", date="2021"))
    assert (record["date"]["kind"], record["date"]["earliest"], record["date"]["latest"]) == (
        "interval", "2021-01-01", "2021-12-31",
    )  # fmt: skip


# --- Replace and patch ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plural", make.REPORTS)
def test_a_record_sent_back_whole_makes_no_revision(database: Database, plural: str) -> None:
    kind = BY_PLURAL[plural].name
    written = create(database, kind)
    count = revisions(database)
    for again in (replace(database, written, told(written), WRITER, kind), patch(database, written, {}, WRITER, kind)):
        assert (again.changed, again.created) == (False, False)
        assert (again.document, again.etag) == (written.document, written.etag)
    assert revisions(database) == count


def test_every_seed_record_can_be_sent_back_whole(seeded_database: Database) -> None:
    from incidents_api.writing import lookup

    with seeded_database.connect() as conn:
        found = conn.execute(sa.select(tables.record.c.id, tables.record.c.kind)).all()
        documents = [(row.kind, row.id, records.document(lookup.revision_of(conn, row.id, 1))) for row in found]
    count = revisions(seeded_database)
    for kind, record_id, document in documents:
        for change in (records.replace, records.patch):
            again = seeded_database.write_now(change, KINDS[kind], record_id, parse(document.encode()), (), ADMIN)
            assert not again.changed, (kind, record_id)
    assert revisions(seeded_database) == count


@pytest.mark.parametrize("name", [*records.ENVELOPE, "tallies"])
@pytest.mark.parametrize("change", ["replace", "patch"])
def test_what_the_store_gives_cannot_be_changed(database: Database, name: str, change: str) -> None:
    written = create(database)
    record = told(written)
    wrong = {"version": 7, "seq": 99, "tallies": []}.get(name, "01900000-0000-7000-8000-000000000001")
    write, body = {"replace": (replace, record | {name: wrong}), "patch": (patch, {name: wrong})}[change]
    with pytest.raises(Invalid) as refused:
        write(database, written, body)
    assert codes(refused.value) == [(f"/{name}", "read_only")]
    assert patch(database, written, {name: record[name], "title": "Another"}).changed


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"date": {"earliest": "2020-01-01"}}, "/date/earliest"),
        ({"date": {"kind": "interval"}}, "/date/kind"),
        ({"locations": [{"location": "MX-SIN", "country": "GT"}]}, "/locations/0/country"),
        ({"locations": [{"location": "MX-SIN", "admin1": "MX-TAM"}]}, "/locations/0/admin1"),
        ({"review": {"by": "somebody"}}, "/review/by"),
    ],
)
def test_what_is_derived_inside_a_record_cannot_be_changed(database: Database, changes: Any, pointer: str) -> None:
    written = create(database)
    with pytest.raises(Invalid) as refused:
        patch(database, written, changes)
    assert codes(refused.value) == [(pointer, "read_only")]


def test_a_patch_changes_what_follows_from_it(database: Database) -> None:
    written = create(database)
    record = told(patch(database, written, {"date": {"edtf": "2024-04"}}))
    assert (record["date"]["earliest"], record["date"]["precision"]) == ("2024-04-01", "month")
    record = told(patch(database, written, {"claims": [record["claims"][0] | {"value": 20}]}))
    assert record["tallies"][0]["best"] == 20
    record = told(patch(database, written, {"date": None, "locations": [], "actors": None, "claims": None}))
    assert (record["date"]["edtf"], record["locations"], record["actors"], record["tallies"]) == (None, [], [], [])


def test_a_patch_moves_a_statistic_to_another_area(database: Database) -> None:
    written = create(database, "statistic")
    area = told(patch(database, written, {"area": {"location_id": None, "location": "GT"}}, WRITER, "statistic"))[
        "area"
    ]
    assert area["country"] == "GT"
    # What says two things is refused, never half ignored.
    try:
        area = told(patch(database, written, {"area": {"location": "MX"}}, WRITER, "statistic"))["area"]
    except Invalid:
        return
    assert area["country"] == "MX"


def test_a_replacement_leaves_out_what_it_does_not_name(database: Database) -> None:
    written = create(database, summary="Told at length", tags=["migrants"])
    record = told(replace(database, written, make.incident(title="Another")))
    assert (record["version"], record["title"], record["summary"], record["tags"]) == (2, "Another", None, [])


def test_a_patch_that_is_no_valid_report_is_refused(database: Database) -> None:
    written = create(database)
    for changes, where in (
        ({"type": None}, "/type"),
        ({"titel": "x"}, "/titel"),
        ({"date": {"edtf": "x"}}, "/date/edtf"),
    ):
        with pytest.raises(Invalid) as refused:
            patch(database, written, changes)
        assert [pointer for pointer, _ in codes(refused.value)] == [where]
    assert revisions(database) == told(written)["seq"]


def test_an_old_tag_is_stale(database: Database) -> None:
    written = create(database)
    changed = patch(database, written, {"title": "One"}, WRITER, "incident", '"9-x"', written.etag)
    for write in (patch, replace):
        with pytest.raises(StaleVersion) as refused:
            write(database, written, make.incident(title="Two"), WRITER, "incident", written.etag)
        assert refused.value.members == {"version": 2, "etag": changed.etag}
    with pytest.raises(StaleVersion):
        add(database, written, {"claims": [make.claim()], "source": "https://x.example"}, WRITER, written.etag)
    assert told(patch(database, written, {"title": "Three"}, WRITER, "incident", "*"))["version"] == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_is_not_there(database: Database, kind: str) -> None:
    other = create(database, "actor" if kind != "actor" else "source")
    for record_id in (other.record_id, "01900000-0000-7000-8000-000000000001", "x", ""):
        with pytest.raises(NotFound):
            database.write_now(records.patch, KINDS[kind], record_id, {}, (), WRITER)
        with pytest.raises(NotFound):
            end(database, record_id, kind)


def test_numbers_that_json_writes_otherwise_can_be_sent_back(database: Database) -> None:
    """`raw` holds any JSON; what the store took once it must take again."""
    body = parse(b'{"a": 1e21, "b": 9007199254740991.0, "c": 1.0, "d": 1e-7, "e": -0.0, "f": 1e300}')
    written = create(database, raw=body)
    assert told(written)["raw"] == body
    assert told(patch(database, written, {"title": "Another"}))["raw"] == body
    assert not replace(database, written, parse(patch(database, written, {}).document.encode())).changed


# --- Claims --------------------------------------------------------------------------------------------------------


def test_claims_are_added_from_a_new_source(database: Database) -> None:
    written = create(database)
    body = {"claims": [make.claim(value=18)], "source": make.source(url="https://news.example/2")}
    added = add(database, written, body)
    record = told(added)
    assert [claim["id"] for claim in record["claims"]] == ["c1", "c2"]
    assert len({claim["source_id"] for claim in record["claims"]}) == 2
    assert (record["version"], record["tallies"][0]["low"], record["tallies"][0]["high"]) == (2, 16, 18)
    assert record["tallies"][0]["contested"] is True
    assert [note["how"] for note in added.resolved] == ["created"]
    with database.connect() as conn:
        log = tables.revision.c
        operation = sa.select(log.operation).where(log.record_id == written.record_id, log.version == 2)
        assert conn.execute(operation).scalar_one() == "claim"


def test_added_claims_may_speak_of_those_there(database: Database) -> None:
    written = create(database)
    body = {"source": "https://x.example", "claims": [make.claim(value=18, links=[{"type": "updates", "claim": "c1"}])]}
    assert told(add(database, written, body))["tallies"][0]["best"] == 18


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([make.claim(id="c1")], ("/claims/0/id", "repeated")),
        ([make.claim(id="x"), make.claim(id="x")], ("/claims/1/id", "repeated")),
        ([make.claim(links=[{"type": "restates", "claim": "c7"}])], ("/claims/0/links/0/claim", "unknown_id")),
    ],
)
def test_added_claims_that_do_not_fit_point_into_what_was_sent(database: Database, claims: Any, expected: Any) -> None:
    written = create(database)
    with pytest.raises(Invalid) as refused:
        add(database, written, {"source": "https://x.example", "claims": claims})
    assert codes(refused.value) == [expected]


def test_an_incident_holds_a_bounded_number_of_claims(database: Database) -> None:
    written = create(database, claims=[make.claim() for _ in range(450)])
    with pytest.raises(Invalid) as refused:
        add(database, written, {"source": "https://x.example", "claims": [make.claim() for _ in range(51)]})
    assert ("/claims", "too_many") in codes(refused.value)


# --- Review and sensitivity ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["in_review", "published", "verified", "disputed", "rejected"])
def test_a_status_beyond_submitted_is_a_reviewers(database: Database, status: str) -> None:
    written = create(database)
    with pytest.raises(MissingScope) as refused:
        patch(database, written, {"review": {"status": status}})
    assert refused.value.members == {"scope": "review"}
    with pytest.raises(MissingScope):
        create(database, review={"status": status})
    if status in ("verified", "disputed"):
        patch(database, written, {"review": {"status": "in_review"}}, REVIEWER)
    record = told(patch(database, written, {"review": {"status": status}}, REVIEWER))
    assert (record["review"]["status"], record["review"]["by"]) == (status, "reviewer")


def test_a_writer_moves_between_draft_and_submitted(database: Database) -> None:
    written = create(database, review={"status": "draft"})
    assert told(written)["review"]["by"] is None
    assert told(patch(database, written, {"review": {"status": "submitted"}}))["review"]["by"] is None


def test_what_a_reviewer_set_a_writer_cannot_take_back(database: Database) -> None:
    written = create(database)
    patch(database, written, {"review": {"status": "published", "reason": "checked"}}, REVIEWER)
    for status in ("submitted", "draft"):
        with pytest.raises(MissingScope):
            patch(database, written, {"review": {"status": status}})
    assert told(replace(database, written, make.incident()))["review"]["reason"] == "checked"
    record = told(patch(database, written, {"title": "Better told"}))
    assert record["review"] == {"status": "published", "by": "reviewer", "reason": "checked", "chosen": []}


def test_the_choice_of_a_figure_is_a_reviewers(database: Database) -> None:
    claims = [make.claim(), make.claim(value=18, source="https://other.example")]
    written = create(database, claims=claims)
    assert told(written)["tallies"][0]["best"] is None
    with pytest.raises(MissingScope):
        patch(database, written, {"review": {"chosen": ["c2"]}})
    with pytest.raises(MissingScope):
        create(database, claims=claims, review={"chosen": ["c2"]})
    record = told(patch(database, written, {"review": {"chosen": ["c2"]}}, REVIEWER))
    assert (record["tallies"][0]["best"], record["review"]["by"]) == (18, "reviewer")
    with pytest.raises(MissingScope):
        patch(database, written, {"review": {"chosen": None}})


def test_an_admin_may_do_what_a_reviewer_may(database: Database) -> None:
    assert told(create(database, who=ADMIN, review={"status": "verified"}))["review"]["by"] == "admin"


def test_the_reviewer_is_entered_by_the_store(database: Database) -> None:
    written = create(database)
    with pytest.raises(Invalid):
        patch(database, written, {"review": {"status": "published", "by": "somebody"}}, REVIEWER)
    record = told(patch(database, written, {"review": {"status": "published", "by": "reviewer"}}, REVIEWER))
    assert record["review"]["by"] == "reviewer"


def test_a_restricted_record_takes_the_right_to_read_it(database: Database) -> None:
    with pytest.raises(MissingScope) as refused:
        create(database, sensitivity="restricted")
    assert refused.value.members == {"scope": "read:restricted"}
    written = create(database)
    with pytest.raises(MissingScope):
        patch(database, written, {"sensitivity": "restricted"})
    hidden = patch(database, written, {"sensitivity": "restricted"}, TRUSTED)
    body = {"claims": [make.claim()], "source": "https://x.example"}
    for attempt in (
        lambda: patch(database, hidden, {"title": "x"}),
        lambda: replace(database, hidden, make.incident()),
        lambda: add(database, hidden, body),
        lambda: end(database, hidden.record_id),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert told(patch(database, hidden, {"sensitivity": "public"}, TRUSTED))["sensitivity"] == "public"
    assert add(database, hidden, body).changed


def test_a_restricted_record_is_not_there_for_others_who_refer_to_it(database: Database) -> None:
    hidden = create(database, who=TRUSTED, sensitivity="restricted", external_ids={"test": "hidden"})
    for relation in ({"incident_id": hidden.record_id}, {"incident": "test:hidden"}, {"incident": hidden.record_id}):
        with pytest.raises(Invalid) as refused:
            create(database, relations=[{"type": "related"} | relation])
        assert codes(refused.value)[0][1] == "unknown_id"
    other = create(database)
    with pytest.raises(Invalid):
        end(database, other.record_id, successor=hidden.record_id, code="duplicate")
    assert create(database, who=TRUSTED, relations=[{"type": "related", "incident_id": hidden.record_id}]).created


def test_the_scopes_of_nobody() -> None:
    assert not any(NOBODY.may(scope) for scope in ("write", "review", "admin", "read:restricted"))
    assert all(ADMIN.may(scope) for scope in ("write", "review", "admin", "read:restricted"))


# --- End -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plural", make.REPORTS)
def test_an_ended_record_is_gone_but_kept(database: Database, plural: str) -> None:
    kind = BY_PLURAL[plural].name
    written = create(database, kind)
    tombstone = end(database, written.record_id, kind, note="told")
    assert (tombstone.version, tombstone.operation, tombstone.record) == (2, "end", None)
    assert json.loads(tombstone.reason) == REASON | {"note": "told"}
    for attempt in (
        lambda: patch(database, written, {}, WRITER, kind),
        lambda: replace(database, written, told(written), WRITER, kind),
        lambda: end(database, written.record_id, kind),
    ):
        with pytest.raises(Gone) as refused:
            attempt()
        assert refused.value.members["reason"] == "test"
    with database.connect() as conn:
        row = conn.execute(sa.select(tables.record).where(tables.record.c.id == written.record_id)).one()
        table = tables.KIND_TABLES[kind]
        current = sa.select(table).where(table.c.id == written.record_id, table.c.seq_to.is_(None))
        assert conn.execute(current).all() == []
    assert (row.version, row.ended, row.successor) == (2, "test", None)


def test_a_record_keeps_its_relation_to_what_was_ended(database: Database) -> None:
    whole = create(database)
    relation = {"type": "part_of", "incident_id": whole.record_id}
    part = create(database, relations=[relation])
    end(database, whole.record_id)
    part = patch(database, part, {"title": "Changed"})
    part = replace(database, part, told(part) | {"title": "Once more"})
    assert told(part)["relations"][0]["incident_id"] == whole.record_id
    with pytest.raises(Invalid) as refused:
        create(database, relations=[relation])
    assert codes(refused.value) == [("/relations/0/incident_id", "ended")]


def test_a_successor_stands_for_what_was_ended(database: Database) -> None:
    one, other, ended, actor = create(database), create(database), create(database), create(database, "actor")
    end(database, ended.record_id)
    for wrong in (one.record_id, ended.record_id, actor.record_id, "01900000-0000-7000-8000-000000000001", "x"):
        with pytest.raises(Invalid) as refused:
            end(database, one.record_id, code="duplicate", successor=wrong)
        assert codes(refused.value) == [("successor", "unknown_id")]
    end(database, one.record_id, code="duplicate", successor=other.record_id)
    with pytest.raises(Gone) as refused:
        patch(database, one, {})
    assert refused.value.members["successor"] == other.record_id


def test_what_others_refer_to_cannot_be_ended(database: Database) -> None:
    incident = told(create(database))
    statistic = told(create(database, "statistic", source="https://figures.example"))
    group = create(database, "actor", name="Whole")
    part = create(database, "actor", name="Part", parent_id=group.record_id)
    region = create(database, "location", name="Region", kind="region", country=None)
    inside = create(database, "location", name="Inside", country=None, parent_id=region.record_id)
    cited = create(database, "source", url="https://cited.example")
    teller = create(database, "actor", name="Teller", evidence=[{"source_id": cited.record_id, "quote": "words"}])
    held = [
        ("location", incident["locations"][0]["location_id"], incident["id"]),
        ("actor", incident["actors"][0]["actor_id"], incident["id"]),
        ("source", incident["claims"][0]["source_id"], incident["id"]),
        ("source", statistic["claims"][0]["source_id"], statistic["id"]),
        ("location", statistic["area"]["location_id"], statistic["id"]),
        ("actor", group.record_id, part.record_id),
        ("location", region.record_id, inside.record_id),
        ("source", cited.record_id, teller.record_id),
    ]
    for kind, record_id, holder in held:
        with pytest.raises(Conflict) as refused:
            end(database, record_id, kind)
        assert holder in refused.value.members["referents"]
    # When the last of them lets go, it can.
    end(database, incident["id"])
    end(database, part.record_id, "actor")
    end(database, inside.record_id, "location")
    patch(database, teller, {"evidence": []}, WRITER, "actor")
    for kind, record_id, _ in (held[1], held[2], *held[5:]):
        assert end(database, record_id, kind).operation == "end"


# --- Parts and wholes ----------------------------------------------------------------------------------------------


def part_of(*wholes: str) -> dict[str, Any]:
    return {"relations": [{"type": "part_of", "incident_id": whole} for whole in wholes]}


def test_an_incident_cannot_be_part_of_itself(database: Database) -> None:
    one = create(database)
    two = create(database, **part_of(one.record_id))
    three = create(database, **part_of(two.record_id))
    for whole in (one, two, three):
        with pytest.raises(Invalid) as refused:
            patch(database, one, part_of(whole.record_id))
        assert codes(refused.value)[0][1] == "circle"
    # Another relation may go in a circle.
    assert patch(database, one, {"relations": [{"type": "related", "incident_id": three.record_id}]}).changed


def test_incidents_that_arrive_together_make_no_circle(database: Database) -> None:
    def report(name: str, whole: str) -> Any:
        relations = [{"type": "part_of", "incident": f"test:{whole}"}]
        return INCIDENT, validate(INCIDENT.report, make.incident(external_ids={"test": name}, relations=relations))

    for names in (["a"], ["a", "b"], ["a", "b", "c"]):
        reports = [report(name, whole) for name, whole in zip(names, [*names[1:], names[0]], strict=True)]
        with pytest.raises(Invalid):
            database.write_now(records.create_many, reports, WRITER)
    assert revisions(database) == 0


def test_part_of_has_a_depth(database: Database) -> None:
    chain = [create(database)]

    def grow() -> None:
        for _ in range(2 * records.MAX_DEPTH):
            chain.append(create(database, **part_of(chain[-1].record_id)))

    with pytest.raises(Invalid) as refused:
        grow()
    assert codes(refused.value) == [("/relations", "too_deep")]
    # What was taken can be changed again.
    for one in chain:
        assert patch(database, one, {"summary": "Told"}).changed


@pytest.mark.parametrize("kind", ["actor", "location"])
def test_parents_have_a_depth_whichever_way_they_are_given(database: Database, kind: str) -> None:
    """However deep the store lets them go, a record that was taken can be changed again."""
    members: dict[str, Any] = {"location": {"country": None, "kind": "region"}, "actor": {}}[kind]
    chain = [create(database, kind, name="N0", **members)]

    def grow() -> None:
        for n in range(2 * records.MAX_DEPTH):
            chain.append(create(database, kind, name=f"N{n + 1}", parent_id=chain[-1].record_id, **members))

    with pytest.raises(Invalid) as refused:
        grow()
    assert [code for _, code in codes(refused.value)] == ["too_deep"]
    for one in chain:
        assert patch(database, one, {"aliases": ["Old name"]}, WRITER, kind).changed


@pytest.mark.parametrize("kind", ["actor", "location"])
def test_a_record_with_others_beneath_it_cannot_move_too_deep(database: Database, kind: str) -> None:
    members: dict[str, Any] = {"location": {"country": None, "kind": "region"}, "actor": {}}[kind]
    chains = []
    for name in ("A", "B"):
        above = create(database, kind, name=f"{name}0", **members)
        chains.append([above])
        for n in range(records.MAX_DEPTH - 2):
            above = create(database, kind, name=f"{name}{n + 1}", parent_id=above.record_id, **members)
            chains[-1].append(above)
    first, second = chains
    with pytest.raises(Invalid) as refused:
        patch(database, second[0], {"parent_id": first[-1].record_id}, WRITER, kind)
    assert codes(refused.value) == [("/parent_id", "too_deep")]


@pytest.mark.parametrize("kind", ["actor", "location"])
def test_a_parent_is_no_part_of_its_part(database: Database, kind: str) -> None:
    members: dict[str, Any] = {"location": {"country": None, "kind": "region"}, "actor": {}}[kind]
    one = create(database, kind, name="One", **members)
    two = create(database, kind, name="Two", parent_id=one.record_id, **members)
    for parent in (one, two):
        with pytest.raises(Invalid) as refused:
            patch(database, one, {"parent_id": parent.record_id}, WRITER, kind)
        assert codes(refused.value) == [("/parent_id", "circle")]
