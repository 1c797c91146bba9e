"""as_of: after a thousand random edits, whatever is asked as of a remembered moment is answered as it was then."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.engine import Connection
from starlette.testclient import TestClient

from incidents_api.errors import Problem
from incidents_api.model.incident import ClaimsReport
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.storage.database import Database
from incidents_api.writing import ingest, lookup
from incidents_api.writing.records import add_claims, create, end, patch
from tests.conftest import serve
from tests.real import made

EDITS = 1_000
MOMENTS = 50
INCIDENT, ACTOR, LOCATION = (KINDS[name] for name in ("incident", "actor", "location"))

ASKED = (
    "/v1/incidents?limit=1000&count=exact",
    "/v1/incidents?limit=1000&sort=-killed_best,title&fields=title,tallies",
    "/v1/incidents?limit=1000&include=actors,locations,sources&tag=a",
    "/v1/incidents?limit=1000&from=2022&to=2022&count=exact",
    "/v1/incidents?limit=1000&bbox=-108,18,-97,30&max_precision=adm1&count=exact",
    "/v1/incidents?limit=1000&q=migrants",
    "/v1/incidents?limit=1000&q=band pen*",
    "/v1/incidents?limit=1000&actor=Band 1",
    "/v1/incidents?limit=1000&actor=made:1&role=rescuer",
    "/v1/incidents?limit=1000&actor=made:0",
    "/v1/incidents?limit=1000&location=made:region",
    "/v1/incidents?limit=1000&location=MX-SIN",
    "/v1/incidents?limit=1000&filter=killed_best >= 10 AND NOT type = 'attack' OR tag = 'b'",
    "/v1/incidents?limit=1000&external_id=made:3,made:5",
    "/v1/claims?limit=1000&count=exact&measure=freed",
    "/v1/totals?include_period_totals=true",
    "/v1/totals?by=type,year",
    "/v1/totals?by=actor",
    "/v1/totals?by=location&q=army",
    "/v1/actors?limit=1000&count=exact",
    "/v1/actors?limit=1000&name=Band 1",
    "/v1/locations?limit=1000&parent=made:region",
    "/v1/incidents.csv?sort=title",
    "/v1/incidents.ndjson?type=attack,raid",
    "/v1/claims.csv",
)


class Editor:
    """Edits at random; `done` counts those that were taken."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)
        self.done = self.number = 0
        self.live: list[str] = []

    def batch(self, conn: Connection, number: int) -> None:
        wanted = self.done + number
        while self.done < wanted:
            try:
                with conn.begin_nested():
                    self.one(conn)
            except Problem:
                continue
            self.done += 1

    def one(self, conn: Connection) -> None:
        chance = self.chance
        if len(self.live) < 20:
            self.create(conn)
            return
        what = chance.choices(
            (self.create, self.patch, self.claim, self.end, self.actor, self.place), (4, 6, 3, 1, 2, 2)
        )
        what[0](conn)

    def create(self, conn: Connection) -> None:
        report = made.incident(self.chance, self.number, range(max(0, self.number - 9), self.number))
        self.number += 1
        self.live.append(create(conn, INCIDENT, validate(INCIDENT.report, report), made.WHO).record_id)

    def patch(self, conn: Connection) -> None:
        report = made.incident(self.chance, 0)
        names = ("type", "title", "date", "locations", "actors", "claims", "tags", "granularity")
        some = {name: report.get(name) for name in self.chance.sample(names, 2)}
        some = {name: value for name, value in some.items() if value is not None or name in ("title", "date")}
        if "claims" in some:
            some["source"] = f"{made.SCHEME}:source"
        if not patch(conn, INCIDENT, self.chance.choice(self.live), some, (), made.WHO).changed:
            raise Problem("nothing changed")

    def claim(self, conn: Connection) -> None:
        body = {"claims": [made.claim(self.chance)], "source": f"{made.SCHEME}:source"}
        report = validate(ClaimsReport, body)
        add_claims(conn, self.chance.choice(self.live), report, (), made.WHO)

    def end(self, conn: Connection) -> None:
        gone = self.chance.choice(self.live)
        end(conn, INCIDENT, gone, {"code": "coding_error", "note": None, "successor": None}, (), made.WHO)
        self.live.remove(gone)

    def actor(self, conn: Connection) -> None:
        """Another parent, another name, or another external id."""
        chance, n = self.chance, self.chance.choice(made.ACTORS)
        held = lookup.by_external_id(conn, "actor", [(made.SCHEME, str(n))])
        parent = lookup.by_external_id(conn, "actor", [(made.SCHEME, str(chance.choice(made.ACTORS)))])
        changes = chance.choice(
            (
                {"parent_id": parent},
                {"parent_id": None},
                {"aliases": [f"Band {chance.choice(made.ACTORS)}"]},
                {"external_ids": {"other": str(chance.randrange(9))}},
            )
        )
        if not patch(conn, ACTOR, held, changes, (), made.WHO).changed:
            raise Problem("nothing changed")

    def place(self, conn: Connection) -> None:
        """A place moves into the region, or out of it."""
        code = self.chance.choice(("MX-SIN", "MX-TAM", "MX-CHH"))
        held = lookup.by_external_id(conn, "location", [("iso3166", code)])
        region = lookup.by_external_id(conn, "location", [(made.SCHEME, "region")])
        country = lookup.by_external_id(conn, "location", [("iso3166", "MX")])
        if held is None:
            raise Problem("not there yet")
        parent = self.chance.choice((region, country))
        if not patch(conn, LOCATION, held, {"parent_id": parent}, (), made.WHO).changed:
            raise Problem("nothing changed")


def answered(client: TestClient, path: str) -> bytes:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return answer.content


@pytest.fixture(scope="module")
def remembered(lasting_store: Callable[..., str]) -> Callable[[str], Any]:
    """The service after the edits, and what it answered at each of the moments."""
    kept: dict[str, Any] = {}

    def get(engine: str) -> Any:
        if engine not in kept:
            url = lasting_store(engine)
            database, editor = Database(url), Editor("past")
            region = {"name": "The region", "kind": "region", "country": "MX", "external_ids": {made.SCHEME: "region"}}
            database.write_now(ingest.ingest, made.base() | {"locations": [region]}, made.WHO)
            database.write_now(editor.batch, 20)
            told = []
            with serve(url) as client:
                for _ in range(MOMENTS):
                    database.write_now(editor.batch, (EDITS - 20) // MOMENTS + 1)
                    seq = client.get("/v1/edition").json()["seq"]
                    told.append((seq, {path: answered(client, path) for path in (*ASKED, "/v1/edition")}))
            database.close_writer()
            assert editor.done >= EDITS
            kept[engine] = url, told
        return kept[engine]

    return get


def test_every_moment_is_answered_as_it_was(remembered: Callable[[str], Any], engine: str) -> None:
    url, told = remembered(engine)
    wrong: dict[str, list[int]] = {}
    with serve(url) as client:
        assert len({seq for seq, _ in told}) == MOMENTS
        for path in (*ASKED, "/v1/edition"):
            mark = "&" if "?" in path else "?"
            assert len({answers[path] for _, answers in told}) > MOMENTS // 5, path
            for seq, answers in told:
                if answered(client, f"{path}{mark}as_of={seq}") != answers[path]:
                    wrong.setdefault(path, []).append(seq)
    assert wrong == {}


def test_an_external_id_that_was_taken_away_still_named_its_record_then(store_url: str) -> None:
    database, chance = Database(store_url), random.Random("ids")
    incidents = [made.incident(chance, n) for n in range(30)]
    database.write_now(ingest.ingest, made.base() | {"incidents": incidents}, made.WHO)
    with serve(store_url) as client:
        seq = client.get("/v1/edition").json()["seq"]
        path = f"/v1/incidents?limit=1000&actor={made.SCHEME}:0"
        before = answered(client, path)
        assert client.get(path).json()["items"]
        held = database.write_now(lookup.by_external_id, "actor", [(made.SCHEME, "0")])
        database.write_now(patch, ACTOR, held, {"external_ids": {made.SCHEME: None}}, (), made.WHO)
        assert answered(client, f"{path}&as_of={seq}") == before
    database.close_writer()
