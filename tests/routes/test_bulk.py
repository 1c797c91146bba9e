"""Bulk posting on both databases: each line once, by itself or all together, and on again where it was cut off."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from incidents_api.importers.reports import CSV, JSON, NDJSON
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import bulk, once, runs
from incidents_api.writing.bulk import Bulk, Options
from incidents_api.writing.verify import verify
from tests import make
from tests.conftest import key_for, serve
from tests.writing.test_records import WRITER


def report(n: int, **members: Any) -> dict[str, Any]:
    return make.incident(external_ids={"paper": str(n)}, title=f"Report {n}") | members


def lines(reports: list[Any]) -> bytes:
    return "\n".join(one if isinstance(one, str) else json.dumps(one) for one in reports).encode()


def post(client: TestClient, key: dict[str, str], body: bytes, query: str = "", media: str = NDJSON) -> Any:
    return client.post(f"/v1/incidents/bulk{query}", content=body, headers=key | {"Content-Type": media})


def told(answer: Any) -> tuple[int, ...]:
    assert answer.status_code == 200, answer.text
    return tuple(answer.json()[name] for name in ("received", "created", "updated", "unchanged", "refused"))


def titles(client: TestClient) -> list[str]:
    return sorted(one["title"] for one in client.get("/v1/incidents?limit=1000").json()["items"])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few lines make several transactions."""
    monkeypatch.setattr(bulk, "BATCH_ROWS", 4)


def test_every_line_by_itself(client: TestClient) -> None:
    key = key_for(client)
    good = [report(n) for n in range(9)]
    bad = ["{not json", report(90, type="nothing"), report(91, claims=[{"measure": "killed"}])]
    mixed = [*good[:2], bad[0], *good[2:6], bad[1], "", bad[2], *good[6:]]
    answer = post(client, key, lines(mixed))
    assert told(answer) == (12, 9, 0, 0, 3)
    refused = answer.json()["refusals"]
    assert [(one["line"], one["external_id"]) for one in refused] == [(3, None), (8, "paper:90"), (10, "paper:91")]
    assert [one["problem"]["errors"][0]["code"] for one in refused] == ["syntax", "unknown_code", "required"]
    assert titles(client) == [f"Report {n}" for n in range(9)]
    head = client.get("/v1/edition").json()["seq"]
    assert answer.json()["seq"] == {"from": 1, "to": head}
    assert head == answer.json()["created"] + answer.json()["also"]
    everything = client.get(answer.json()["refusals_url"], headers=key)
    assert [json.loads(line) for line in everything.text.splitlines()] == refused
    assert client.get(answer.json()["refusals_url"], headers=key_for(client, name="other")).status_code == 404


def test_a_line_says_the_same_as_a_single_report(client: TestClient) -> None:
    key = key_for(client)
    assert told(post(client, key, lines([report(1)]))) == (1, 1, 0, 0, 0)
    by_line = client.get("/v1/incidents?external_id=paper:1").json()["items"][0]
    alone = client.post("/v1/incidents", json=report(2, title="Report 1"), headers=key).json()
    given = ("id", "seq", "recorded_at", "external_ids", "resolved", "possible_duplicates")
    assert {name: value for name, value in alone.items() if name not in given} == {
        name: value for name, value in by_line.items() if name not in given
    }
    wrong = report(3, actors=[{"name": "Someone", "role": "rescuer"}], location="Nowhere at all")
    single = client.post("/v1/incidents", json=wrong, headers=key)
    one = post(client, key, lines([wrong])).json()["refusals"][0]["problem"]
    assert {name: one[name] for name in ("status", "code", "errors")} == {
        name: single.json()[name] for name in ("status", "code", "errors")
    }
    assert client.get("/v1/actors?q=Someone").json()["items"] == []


@pytest.mark.parametrize("plural", make.REPORTS)
def test_every_kind_can_be_posted(client: TestClient, plural: str) -> None:
    reports = [make.REPORTS[plural](external_ids={"list": str(n)}) for n in range(3)]
    if plural == "sources":
        reports = [one | {"url": f"https://news.example/{n}"} for n, one in enumerate(reports)]
    headers = key_for(client) | {"Content-Type": JSON}
    answer = client.post(f"/v1/{plural}/bulk", content=json.dumps(reports, indent=1), headers=headers)
    assert told(answer)[:2] == (3, 3)
    assert len(client.get(f"/v1/{plural}?external_id=list:0,list:1,list:2").json()["items"]) == 3


def test_many_lines_are_not_compared_and_whoever_asks_for_it_is_told(client: TestClient) -> None:
    key = key_for(client)
    refused = post(client, key, lines([report(1)]), "?on_duplicate=reject")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (400, "on_duplicate")
    twins = [report(n, title="Sixteen rescued in Culiacán") for n in (1, 2)]
    assert told(post(client, key, lines(twins))) == (2, 2, 0, 0, 0)
    pair = client.get("/v1/duplicates?from=2024-03-26&to=2024-03-26").json()["items"]
    assert [len(one["incidents"]) for one in pair] == [2]


def test_what_stands_is_left_brought_up_to_date_or_refused(client: TestClient) -> None:
    key = key_for(client)
    first = [report(n) for n in range(3)]
    assert told(post(client, key, lines(first))) == (3, 3, 0, 0, 0)
    newer = [first[0], report(1, title="Newer"), report(2, claims=[make.claim(value=17)]), report(3)]
    assert told(post(client, key, lines(newer[:3]), "?on_existing=reject")) == (3, 0, 0, 0, 3)
    assert told(post(client, key, lines(newer[:3]))) == (3, 0, 0, 3, 0)
    assert titles(client) == ["Report 0", "Report 1", "Report 2"]
    seq = client.get("/v1/edition").json()["seq"]
    assert told(post(client, key, lines(newer), "?on_existing=update")) == (4, 1, 2, 1, 0)
    assert client.get("/v1/edition").json()["seq"] == seq + 3
    assert told(post(client, key, lines(newer), "?on_existing=update")) == (4, 0, 0, 4, 0)
    assert client.get("/v1/edition").json()["seq"] == seq + 3
    assert titles(client) == ["Newer", "Report 0", "Report 2", "Report 3"]
    assert client.app.state.database.write_now(verify).faults == []


def test_what_a_reader_corrected_stays_unless_the_line_says_otherwise(client: TestClient) -> None:
    key, reviewer = key_for(client, name="nightly"), key_for(client, "write", "review", name="reader")
    cartel = {"actor": {"name": "a cartel", "identified": False}, "role": "perpetrator"}
    place = {"name": "a ranch", "kind": "facility", "country": "MX", "lon": -107.1, "lat": 24.5}
    sent = report(1, actors=[cartel], location=place, source={"title": "A leaflet"}, summary="First words.")
    post(client, key, lines([sent]))
    where = f"/v1/incidents/{client.get('/v1/incidents').json()['items'][0]['id']}"

    def patch(change: dict[str, Any]) -> None:
        tag = {"If-Match": client.get(where).headers["etag"], "Content-Type": "application/merge-patch+json"}
        assert client.patch(where, json=change, headers=reviewer | tag).status_code == 200

    patch({"title": "A better title", "tags": ["checked"]})
    patch({"review": {"status": "published"}})
    seq = client.get("/v1/edition").json()["seq"]
    assert told(post(client, key, lines([sent]), "?on_existing=update")) == (1, 0, 0, 1, 0)
    assert client.get("/v1/edition").json()["seq"] == seq, "no unnamed actor, place or source is made anew"
    newer = sent | {"summary": "Other words.", "claims": [make.claim(value=20)]}
    assert told(post(client, key, lines([newer]), "?on_existing=update")) == (1, 0, 1, 0, 0)
    record = client.get(where).json()
    assert (record["title"], record["tags"]) == ("A better title", ["checked"])
    assert (record["summary"], record["tallies"][0]["best"]) == ("Other words.", 20)
    assert record["review"]["status"] == "published"
    assert told(post(client, key, lines([newer]), "?on_existing=update")) == (1, 0, 0, 1, 0)


def test_what_was_ended_or_merged_stays_so(client: TestClient) -> None:
    key = key_for(client, "write", "review")
    sent = [report(1), report(2), report(3, title="Third")]
    post(client, key, lines(sent))
    ids = {one["title"]: one["id"] for one in client.get("/v1/incidents").json()["items"]}

    def tag(title: str) -> dict[str, str]:
        return key | {"If-Match": client.get(f"/v1/incidents/{ids[title]}").headers["etag"]}

    into = {"into": ids["Report 1"], "reason": "duplicate"}
    merged = client.post(f"/v1/incidents/{ids['Report 2']}/merge", json=into, headers=tag("Report 2"))
    assert merged.status_code in (200, 201), merged.text
    assert client.delete(f"/v1/incidents/{ids['Third']}?reason=test", headers=tag("Third")).status_code == 204
    seq = client.get("/v1/edition").json()["seq"]
    for query in ("", "?on_existing=update"):
        assert told(post(client, key, lines([report(2, title="Changed"), report(3)]), query)) == (2, 0, 0, 2, 0)
    assert client.get("/v1/edition").json()["seq"] == seq
    assert told(post(client, key, lines([report(1, title="Newer")]), "?on_existing=update")) == (1, 0, 1, 0, 0)
    survivor = client.get(f"/v1/incidents/{ids['Report 1']}").json()
    assert survivor["title"] == "Newer"
    assert survivor.get("merged")
    assert client.app.state.database.write_now(verify).faults == []


def test_a_line_of_a_merged_record_never_touches_the_survivor_and_says_so(client: TestClient) -> None:
    """Whether its id was derived from the name that the line gives, or the name came to it otherwise."""
    key = key_for(client, "write", "review")
    whole = key_for(client, "write", "review", "read:restricted")
    sent = [report(1), report(2), report(3, external_ids={"desk": "3", "wire": "33"})]
    post(client, key, lines(sent))
    ids = [
        client.get(f"/v1/incidents?external_id={name}").json()["items"][0]["id"]
        for name in ("paper:1", "paper:2", "wire:33")
    ]
    for old in ids[1:]:
        into = {"into": ids[0], "reason": "duplicate"}
        headers = key | {"If-Match": "*"}
        assert client.post(f"/v1/incidents/{old}/merge", json=into, headers=headers).status_code == 200
    seq = client.get("/v1/edition").json()["seq"]
    again = [report(2, title="New"), report(3, external_ids={"wire": "33"}, title="New"), report(9, type="raid")]
    for _ in range(2):
        answer = post(client, key, lines(again), "?on_existing=update&dry_run=true")
        assert told(answer) == (3, 1, 0, 2, 0)
        assert (answer.json()["merged"], answer.json()["notices"]) == (
            2,
            [
                {"line": 1, "external_id": "paper:2", "merged_into": ids[0]},
                {"line": 2, "external_id": "wire:33", "merged_into": ids[0]},
            ],
        )
    assert told(post(client, key, lines(again[:2]), "?on_existing=update")) == (2, 0, 0, 2, 0)
    assert client.get("/v1/edition").json()["seq"] == seq
    both = report(1, title="Newer", external_ids={"paper": "1", "wire": "33"})
    assert told(post(client, key, lines([both]), "?on_existing=update")) == (1, 0, 1, 0, 0)
    # Who may not see the survivor does not learn of it.
    closed = client.patch(
        f"/v1/incidents/{ids[0]}", json={"sensitivity": "restricted"},
        headers=whole | {"If-Match": "*", "Content-Type": "application/merge-patch+json"},
    )  # fmt: skip
    assert closed.status_code == 200, closed.text
    hidden = post(client, key, lines(again[:2]), "?on_existing=update").json()
    assert (hidden["updated"], hidden["merged"], hidden["notices"]) == (0, 0, [])
    assert ids[0] not in json.dumps(hidden)
    assert post(client, whole, lines(again[:2]), "?on_existing=update").json()["merged"] == 2


def test_lines_may_refer_to_each_other(client: TestClient) -> None:
    key = key_for(client)
    chain = [report(0)] + [
        report(n, relations=[{"type": "follows", "incident": f"paper:{n - 1}"}]) for n in range(1, 10)
    ]
    assert told(post(client, key, lines(chain))) == (10, 10, 0, 0, 0)
    ahead = [report(20, relations=[{"type": "part_of", "incident": "paper:21"}]), report(21)]
    assert told(post(client, key, lines(ahead))) == (2, 2, 0, 0, 0)
    lost = [
        report(30, relations=[{"type": "part_of", "incident": "paper:31"}]),
        report(31, type="nothing"),
        report(32, relations=[{"type": "part_of", "incident": "paper:30"}]),
        report(33),
    ]
    assert told(post(client, key, lines(lost))) == (4, 1, 0, 0, 3)
    circle = [report(n, relations=[{"type": "part_of", "incident": f"paper:{81 - n}"}]) for n in (40, 41)]
    assert told(post(client, key, lines([*circle, report(42)]))) == (3, 1, 0, 0, 2)
    assert client.app.state.database.write_now(verify).faults == []


def test_a_line_may_change_what_a_line_before_it_made(client: TestClient) -> None:
    twice = [report(1), report(1, title="Again"), report(2)]
    key = key_for(client)
    assert told(post(client, key, lines(twice), "?on_existing=update")) == (3, 2, 1, 0, 0)
    assert titles(client) == ["Again", "Report 2"]
    assert told(post(client, key, lines(twice), "?on_existing=reject")) == (3, 0, 0, 0, 3)


def test_an_export_can_be_sent_as_it_is(client: TestClient) -> None:
    key = key_for(client)
    post(client, key, lines([report(n) for n in range(5)]))
    for suffix, media in (("ndjson", NDJSON), ("csv", CSV)):
        exported = client.get(f"/v1/incidents.{suffix}").content
        assert told(post(client, key, exported, media=media)) == (5, 0, 0, 5, 0)
    exported = client.get("/v1/incidents.ndjson").content
    assert told(post(client, key, exported, "?on_existing=update")) == (5, 0, 0, 5, 0)
    unknown = exported.splitlines()[0].replace(client.get("/v1/incidents").json()["items"][0]["id"].encode(), b"x")
    assert told(post(client, key, unknown))[4] in (0, 1)


def test_csv_says_what_its_columns_can_say(client: TestClient) -> None:
    key = key_for(client)
    header = "type,title,date_edtf,location_name,admin1,actor_name,role,external_id,source,rescued_best,killed_low,tag"
    rows = [
        'raid,"One, with a comma",2024-03,Culiac\u00e1n,MX-SIN,Mexican Army,rescuer,sheet:1,https://a.org/1,5,,a; b',
        "raid,'=Two,,,,,,sheet:2,https://news.example/1,,3,",
        "raid,Three,,,,,,sheet:3,,five,,",
        "raid,Four",
        "",
        "raid,Five,,,,A; B,rescuer; victim,sheet:5,,,,",
        "kidnaping,Six,,,,,,sheet:6,,,,",
    ]
    answer = post(client, key, "\r\n".join([header, *rows]).encode(), media=CSV)
    assert told(answer) == (6, 2, 0, 0, 4)
    assert [(one["line"], one["external_id"]) for one in answer.json()["refusals"]] == [
        (4, "sheet:3"), (5, None), (7, "sheet:5"), (8, "sheet:6"),
    ]  # fmt: skip
    one = client.get("/v1/incidents?external_id=sheet:1").json()["items"][0]
    assert (one["title"], one["tags"], one["date"]["edtf"]) == ("One, with a comma", ["a", "b"], "2024-03")
    assert one["locations"][0]["admin1"] == "MX-SIN"
    assert [(figure["measure"], figure["best"]) for figure in one["tallies"]] == [("rescued", 5)]
    two = client.get("/v1/incidents?external_id=sheet:2").json()["items"][0]
    assert (two["title"], two["tallies"][0]["low"], two["tallies"][0]["high"]) == ("=Two", 3, None)
    assert post(client, key, b"type,titel\nraid,x", media=CSV).status_code == 422
    assert "did you mean title" in post(client, key, b"type,titel\nraid,x", media=CSV).json()["detail"]
    assert post(client, key, b"type\nraid", "?on_existing=update", media=CSV).status_code == 400


def test_all_or_nothing(client: TestClient) -> None:
    key = key_for(client) | {"Idempotency-Key": "all"}
    mixed = lines([report(n) for n in range(6)] + [report(6, type="nothing"), report(7)])
    answer = post(client, key, mixed, "?on_error=abort")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert (answer.json()["received"], answer.json()["created"], answer.json()["refused"]) == (8, 0, 1)
    assert answer.json()["refusals"][0]["line"] == 7
    assert client.get("/v1/edition").json()["seq"] == 0
    assert len(client.get(answer.json()["refusals_url"], headers=key).text.splitlines()) == 1
    mended = lines([report(n) for n in range(8)])
    done = post(client, key, mended, "?on_error=abort")
    assert told(done) == (8, 8, 0, 0, 0)
    again = post(client, key, mended, "?on_error=abort")
    assert (again.content, again.headers["idempotency-replayed"]) == (done.content, "true")


def test_a_dry_run_says_the_same_and_writes_nothing(client: TestClient) -> None:
    key = key_for(client) | {"Idempotency-Key": "try"}
    body = lines([report(n) for n in range(6)] + [report(6, type="nothing"), report(7)])
    dry = post(client, key, body, "?dry_run=true").json()
    assert client.get("/v1/edition").json()["seq"] == 0
    real = post(client, key_for(client), body).json()
    same = ("received", "created", "updated", "unchanged", "refused", "also", "refusals")
    assert [dry[name] for name in same] == [real[name] for name in same]
    assert (dry["dry_run"], dry["seq"]) == (True, None)
    assert post(client, key, body, "?dry_run=true").json()["unchanged"] == 7


def test_what_is_all_or_nothing_has_a_limit(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Options.__init__, "__defaults__", (*Options.__init__.__defaults__[:-1], 5))
    answer = post(client, key_for(client), lines([report(n) for n in range(9)]), "?on_error=abort")
    assert answer.status_code == 413
    assert client.get("/v1/edition").json()["seq"] == 0


WRONG = {
    "unknown parameter": ("?on_eror=abort", NDJSON, b"{}", 400),
    "unknown word": ("?on_error=stop", NDJSON, b"{}", 400),
    "twice": ("?dry_run=true&dry_run=true", NDJSON, b"{}", 400),
    "media type": ("", "text/plain", b"{}", 415),
    "no array": ("", JSON, b'{"type": "raid"}', 422),
}


@pytest.mark.parametrize(("query", "media", "body", "status"), WRONG.values(), ids=WRONG)
def test_a_request_that_cannot_be_read(client: TestClient, query: str, media: str, body: bytes, status: int) -> None:
    key = key_for(client) | {"Idempotency-Key": "wrong"}
    assert post(client, key, body, query, media).status_code == status
    assert told(post(client, key, lines([report(1)]))) == (1, 1, 0, 0, 0), "the key is still free"


def test_a_body_over_the_limit(store_url: str) -> None:
    with serve(store_url, max_bulk_bytes=1_000) as client:
        assert post(client, key_for(client), lines([report(n) for n in range(9)])).status_code == 413

        def pieces() -> Iterator[bytes]:
            yield from (b"{}\n" * 100 for _ in range(9))

        headers = key_for(client) | {"Content-Type": NDJSON}
        assert client.post("/v1/incidents/bulk", content=pieces(), headers=headers).status_code == 413


def test_only_who_may_write(client: TestClient) -> None:
    assert post(client, {}, b"{}").status_code == 401
    assert post(client, key_for(client, "review"), b"{}").status_code == 403
    restricted = lines([report(1, sensitivity="restricted"), report(2, review={"status": "published"}), report(3)])
    answer = post(client, key_for(client), restricted)
    assert told(answer) == (3, 1, 0, 0, 2)
    assert [one["problem"]["code"] for one in answer.json()["refusals"]] == ["missing_scope"] * 2


# --- Cut off -------------------------------------------------------------------------------------------------------


class Row:
    """A line as an importer gives it."""

    def __init__(self, n: int, **members: Any) -> None:
        self.line, self.kind, self.external_id, self.faults = n, "incident", None, ()
        # No external id: nothing but the run itself knows whether the line was taken already.
        self.report: dict[str, Any] | None = (
            make.incident(title=f"Report {n:03}", source="https://news.example/1") | members
        )
        self.source = json.dumps(self.report)


class Cut(Exception):
    """The body ends before its end."""


def rows(count: int, stop: int | None = None) -> Iterator[Row]:
    for n in range(1, count + 1):
        if n == stop:
            raise Cut
        yield Row(n)


KEY = once.Key("holder", "word", "print", 7)


def run(database: Database, every: Iterator[Row], **options: Any) -> Any:
    made = Bulk(database, WRITER, Options(**options), KEY)
    answer = made.run(every, lambda: "digest", lambda outcome: once.Answer(200, json.dumps(outcome.wire())))
    return json.loads(answer.body)


def stored(database: Database) -> list[str]:
    with database.connect() as conn:
        texts = conn.execute(sa.select(tables.revision.c.record).where(tables.revision.c.kind == "incident")).scalars()
        return sorted(json.loads(text)["title"] for text in texts)


@pytest.mark.parametrize("stop", [1, 4, 5, 6, 13, 22])
def test_it_goes_on_where_it_was_cut_off(database: Database, stop: int) -> None:
    with pytest.raises(Cut):
        run(database, rows(22, stop))
    assert len(stored(database)) == max(0, stop - 2) // 4 * 4
    assert run(database, rows(22))["created"] == 22
    assert stored(database) == [f"Report {n:03}" for n in range(1, 23)]
    assert run(database, rows(22))["created"] == 22, "the kept answer"
    assert len(stored(database)) == 22


def test_it_goes_on_only_with_the_same_lines(database: Database) -> None:
    with pytest.raises(Cut):
        run(database, rows(22, 10))
    with pytest.raises(Exception, match="another request"):
        run(database, iter([Row(1), Row(2, title="Other"), *(Row(n) for n in range(3, 23))]))
    with pytest.raises(Exception, match="another request"):
        run(database, rows(3))
    assert len(stored(database)) == 8
    assert run(database, rows(22))["created"] == 22


def test_a_run_of_a_process_that_died_is_taken_over_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, progress = database.write_now(runs.begin, KEY, "a process that died")
    with pytest.raises(Exception, match="is running"):
        run(database, rows(9))
    monkeypatch.setattr(runs, "LEASE_SECONDS", -1)
    assert run(database, rows(9))["created"] == 9
    late = runs.Lines([], [], 4, "digest")
    with pytest.raises(Exception, match="goes on with the run"):
        database.write_now(runs.step, dead, progress, late, WRITER, None)
    assert len(stored(database)) == 9


def test_two_runs_at_once_with_one_key(two_writers: list[Database]) -> None:
    begun = two_writers[0].write_now(runs.begin, KEY, "first")
    assert isinstance(begun[0], runs.Run)
    with pytest.raises(Exception, match="is running"):
        run(two_writers[1], rows(9))
    two_writers[0].write_now(runs.let_go, begun[0])
    assert run(two_writers[1], rows(9))["created"] == 9


@pytest.fixture
def two_writers(store_url: str) -> Iterator[list[Database]]:
    opened = [Database(store_url), Database(store_url)]
    yield opened
    for one in opened:
        one.close_writer()


# --- Anything at all -----------------------------------------------------------------------------------------------

SHAPES: tuple[Callable[[int], Any], ...] = (
    report,
    lambda n: report(n, type="nothing"),
    lambda n: report(n, relations=[{"type": "follows", "incident": f"paper:{n + 1}"}]),
    lambda n: report(n, relations=[{"type": "part_of", "incident": f"paper:{n - 1}"}]),
    lambda n: report(n, location=f"Unheard of {n}"),
    lambda n: report(n // 2),
    lambda n: "[1, 2",
)


@settings(max_examples=25, deadline=None)
@given(shapes=st.lists(st.sampled_from(range(len(SHAPES))), min_size=1, max_size=14))
def test_whatever_the_lines_the_counts_add_up(template: Callable[..., str], shapes: list[int]) -> None:
    import shutil
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        shutil.copyfile(template("sqlite", False).removeprefix("sqlite:///"), path)
        with serve(f"sqlite:///{path}") as client:
            answer = post(client, key_for(client), lines([SHAPES[shape](n) for n, shape in enumerate(shapes)]))
            received, created, updated, unchanged, refused = told(answer)
            assert received == len(shapes) == created + updated + unchanged + refused
            assert len(answer.json()["refusals"]) == refused
            assert client.get("/v1/incidents?count=exact").json()["total"] == created
            assert client.app.state.database.write_now(verify).faults == []
