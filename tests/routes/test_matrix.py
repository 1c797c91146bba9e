"""R14: who may use every route, cell by cell, and canaries that no way out gives to somebody who may not see them.

Both follow from the routes as they are declared: a new route is asked by itself, and one that cannot be asked fails.
"""

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
from pyarrow import parquet
from starlette.testclient import TestClient

from incidents_api import access
from incidents_api.app import endpoints
from incidents_api.model.audience import COARSENED, HIDDEN, public_id
from incidents_api.routes.web import Endpoint
from incidents_api.storage import tables
from incidents_api.storage.database import Database
from incidents_api.writing import projection
from tests import make
from tests.conftest import key_for, serve

MERGE = {"Content-Type": "application/merge-patch+json"}
NOBODY: dict[str, str] = {}
FUTURE = "2999-01-01T00:00:00Z"
SCOPES: dict[str, tuple[str, ...]] = {
    "no scope": (),
    "write": ("write",),
    "review": ("review",),
    "restricted": ("read:restricted",),
    "all but admin": ("write", "review", "read:restricted"),
    "admin": ("admin",),
}
ROUTES = endpoints()


def open_service(url: str, treatment: str = HIDDEN, **settings: Any) -> TestClient:
    database = Database(url)
    database.write_now(projection.rebuild, lambda _: None, 500, treatment)
    database.close_writer()
    chosen = {"public_statuses": ("published", "verified"), "rate_per_address": 0, "rate_per_key": 0}
    return serve(url, **(chosen | settings))


# --- Who may use a route -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Who:
    """A state of a key: its header, its scopes, and whether it is good."""

    header: dict[str, str]
    scopes: tuple[str, ...] = ()
    good: bool = True
    named: bool = True

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


def everybody(client: TestClient) -> dict[str, Who]:
    database: Database = client.app.state.database
    found = {"none": Who(NOBODY, named=False)}
    for name in ("malformed", "unknown"):
        found[name] = Who({"Authorization": f"Bearer inc_{name}" if name == "unknown" else "Basic x"}, good=False)
    for name in ("revoked", "expired"):
        header = key_for(client, "admin", name=name)
        column = {"revoked": "revoked_at", "expired": "expires_at"}[name]

        def spoil(conn: sa.Connection, name: str = name, column: str = column) -> None:
            spoiled = sa.update(tables.api_key).where(tables.api_key.c.name == name)
            conn.execute(spoiled.values({column: "2020-01-01T00:00:00Z"}))

        database.write_now(spoil)
        found[name] = Who(header, good=False)
    for name, scopes in SCOPES.items():
        token = database.write_now(access.create_key, name, scopes)
        found[name] = Who({"Authorization": f"Bearer {token}"}, scopes)
    return found


def path_of(endpoint: Endpoint, ids: dict[str, str]) -> str:
    """The path with something for each of its parameters; KeyError for one that nobody has thought of."""
    given = {
        "version": "1",
        "code": "not_found",
        "asset": "docs.js",
        "file": "nothing.js",
        "run": "nothing",
        "format": "ucdp",
    }
    plural = endpoint.path.split("/")[2] if endpoint.path.startswith("/v1/") else "incidents"
    return re.sub(r"\{(\w+)\}", lambda match: given.get(match[1]) or ids[f"{plural}.{match[1]}"], endpoint.path)


def verdict(endpoint: Endpoint, who: Who, *, open_reads: bool) -> int | None:
    """The status that the check of the key gives; None: it lets pass."""
    if not who.good:
        return 401
    if endpoint.scope == access.OPEN or (endpoint.scope == access.READ and (open_reads or who.named)):
        return None
    if not who.named:
        return 401
    return None if who.may(endpoint.scope) else 403


def ask(client: TestClient, endpoint: Endpoint, path: str, header: dict[str, str]) -> Any:
    """A request that the check of the key decides: a write has no body, so it changes nothing when it is let pass."""
    return client.request(endpoint.method, path, headers=header)


@pytest.mark.parametrize("open_reads", [True, False])
def test_every_route_and_every_key(store_url: str, *, open_reads: bool) -> None:
    cells = 0
    routes = [one for one in ROUTES if open_reads or one.scope == access.READ]
    with open_service(store_url, open_reads=open_reads) as client:
        people = everybody(client)
        admin = people["admin"].header
        ids = {
            f"{plural}.id": client.post(f"/v1/{plural}", json=report(), headers=admin).json()["id"]
            for plural, report in make.REPORTS.items()
        }
        for endpoint in routes:
            path = path_of(endpoint, ids)
            for name, who in people.items():
                answer = ask(client, endpoint, path, who.header)
                wanted = verdict(endpoint, who, open_reads=open_reads)
                cell = (endpoint.method, endpoint.path, name, answer.status_code)
                cells += 1
                if wanted is not None:
                    assert answer.status_code == wanted, cell
                    assert answer.headers["content-type"] == "application/problem+json", cell
                    assert (answer.json().get("scope") == endpoint.scope) == (wanted == 403), cell
                elif endpoint.method == "GET":
                    missing = ("{file}" in endpoint.path) or ("{run}" in endpoint.path)
                    assert answer.status_code == (404 if missing else 200), cell
                else:
                    assert answer.status_code in (400, 415, 428), cell
        assert client.get("/v1/edition", headers=admin).json()["counts"]["incidents"] == 1
    assert cells == len(routes) * (5 + len(SCOPES))


STATES: dict[str, dict[str, Any]] = {
    "public": {},
    "restricted": {"sensitivity": "restricted"},
    "held": {"hold_until": FUTURE},
    "submitted": {"review": {"status": "submitted"}},
    "restricted and rejected": {"sensitivity": "restricted", "review": {"status": "rejected"}},
}


def sees(who: Who, state: str) -> bool:
    closed, waiting = "restricted" in state or state == "held", state.endswith(("submitted", "rejected"))
    return (not closed or who.may("read:restricted")) and (not waiting or who.may("review"))


_WRITES: dict[str, Any] = {
    "PUT": make.incident(),
    "PATCH": {"title": "x"},
    "claims": {"claims": [make.claim()], "source": "https://x.example"},
    "review": {"status": "in_review", "reason": "x"},
    "merge": {"into": "0193aaaa-0000-7000-8000-000000000000", "reason": "duplicate"},
    "redact": {"paths": ["/title"]},
}


def test_every_route_of_an_incident_by_key_and_state(store_url: str) -> None:
    """A record that a key may not see is a 404 on every route; one that it sees is served, or a 412 to an old tag."""
    cells = 0
    with open_service(store_url) as client:
        people = everybody(client)
        admin = people["admin"].header
        for state, members in STATES.items():
            made = client.post("/v1/incidents", json=make.incident(**members), headers=admin)
            ids = {"incidents.id": made.json()["id"]}
            for endpoint in (one for one in ROUTES if one.path.startswith("/v1/incidents/{id}")):
                for name, who in people.items():
                    if verdict(endpoint, who, open_reads=True) is not None:
                        continue
                    last = endpoint.path.rpartition("/")[2]
                    body = _WRITES.get(last, _WRITES.get(endpoint.method))
                    media = MERGE if endpoint.method == "PATCH" else {}
                    headers = who.header | media | ({"If-Match": '"0-0"'} if endpoint.method != "GET" else {})
                    path = path_of(endpoint, ids) + ("?reason=test" if endpoint.method == "DELETE" else "")
                    answer = client.request(endpoint.method, path, headers=headers, json=body)
                    wanted = 404 if not sees(who, state) else 200 if endpoint.method == "GET" else 412
                    assert answer.status_code == wanted, (endpoint.method, path, state, name, answer.text)
                    cells += 1
    assert cells >= 220


def test_the_cells_are_enough() -> None:
    read = sum(one.scope == access.READ for one in ROUTES)
    assert (len(ROUTES) + read) * (5 + len(SCOPES)) >= 1_500


# --- Canaries ------------------------------------------------------------------------------------------------------

WORD = "zanatequiscal"
NUMBER = 918_273_645_546
"""So long that no id or tag holds its digits by chance."""
POINT = {"lon": -107.123457, "lat": 24.654321}
DAY = "1987-06-05"
TRACES = (WORD, str(NUMBER), "107.123457", "24.654321", DAY)


def canary(**members: Any) -> dict[str, Any]:
    """A report that holds something to be found by in every member that an incident has of its own."""
    place = {"location": "Culiacán, MX-SIN", "name": f"{WORD} ranch", **POINT}
    quoted = make.claim(value=NUMBER, quote=f"{WORD} quoted", attributed_to=WORD, note=WORD, verbatim=WORD)
    return (
        make.incident(
            title=f"{WORD} title",
            summary=f"{WORD} summary",
            date=DAY,
            tags=[WORD],
            locations=[place],
            actors=[{"name": "Mexican Army", "role": "rescuer", "attributed_to": WORD}],
            claims=[quoted, make.claim(value=NUMBER, dims={"sex": "female"})],
            raw={WORD: WORD},
            review={"status": "published", "reason": WORD},
        )
        | members
    )


@dataclass
class Hidden:
    """What nobody but the trusted may know of: the ids, and a tag that the trusted hold."""

    ids: list[str]
    tags: list[str]


def hide(client: TestClient) -> Hidden:
    """A store with one incident that everybody sees, and canaries that are closed in every way."""
    trusted = key_for(client, "admin", name="trusted")
    assert client.post("/v1/incidents", json=make.incident(), headers=trusted).status_code == 201
    made = [
        client.post("/v1/incidents", json=canary(external_ids={"t": f"{WORD}{n}"}, **members), headers=trusted)
        for n, members in enumerate(
            (
                {"sensitivity": "restricted"},
                {"hold_until": FUTURE},
                {"review": {"status": "submitted", "reason": WORD}},
                {"review": {"status": "rejected", "reason": WORD}},
                {},
                {"sensitivity": "restricted"},
            )
        )
    ]
    assert {one.status_code for one in made} == {201}
    places = [one.headers["location"] for one in made]
    write = trusted | {"If-Match": "*"}
    # One was open once, one is ended: what is closed by now is closed at every moment.
    assert client.patch(places[4], json={"sensitivity": "restricted"}, headers=write | MERGE).status_code == 200
    assert client.delete(f"{places[5]}?reason=privacy&note={WORD}", headers=write).status_code == 204
    tags = [client.get(place, headers=trusted).headers["etag"] for place in places[:5]]
    return Hidden([one.json()["id"] for one in made], tags)


def questions(hidden: Hidden) -> dict[str, list[str]]:
    """For each parameter values that only the canaries match."""
    filters = [
        f"title = '{WORD} title'",
        f"title LIKE '{WORD}%'",
        f"CASEI(title) = CASEI('{WORD} title')",
        f"tag = '{WORD}'",
        f"rescued_best = {NUMBER}",
        f"rescued_high > {NUMBER - 1}",
        f"T_INTERSECTS(date, DATE('{DAY}'))",
        "S_INTERSECTS(geometry, BBOX(-107.2, 24.6, -107.1, 24.7))",
        "sensitivity = 'restricted' AND title IS NOT NULL",
        f"id IN ({', '.join(repr(one) for one in hidden.ids)}) AND tag = '{WORD}'",
    ]
    return {
        "q": [WORD, f"{WORD[:6]}*", f'"{WORD} quoted"'],
        "tag": [WORD],
        "external_id": [f"t:{WORD}{n}" for n in range(6)],
        "filter": filters,
        "bbox": ["-107.2,24.6,-107.1,24.7"],
        "lat": ["24.654321&lon=-107.123457&radius_km=0.1"],
        "from": [f"{DAY}&to={DAY}&date_mode=within"],
        "measure": [f"rescued&tag={WORD}"],
        "sort": [f"-rescued_best&tag={WORD}", f"title&tag={WORD}"],
        "by": [f"tag&tag={WORD}", f"sex&tag={WORD}", f"location&tag={WORD}"],
        "include": [f"actors&tag={WORD}"],
        "fields": [f"title&tag={WORD}"],
        "count": [f"exact&tag={WORD}"],
        "updated_after": [f"0&tag={WORD}"],
    }


def text_of(answer: Any) -> str:
    """All that an answer says, headers and packed files included."""
    told = " ".join(f"{name}: {value}" for name, value in answer.headers.items())
    body: bytes = answer.content
    if body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            body = b" ".join(package.read(name) for name in package.namelist())
    elif body[:4] == b"PAR1":
        body = json.dumps(parquet.read_table(io.BytesIO(body)).to_pylist(), default=str).encode()
    return told + body.decode("utf-8", "replace")


def found_in(answer: Any) -> int | None:
    """How many incidents an answer tells of, where it can be counted."""
    if answer.headers["content-type"] != "application/json":
        return None
    told = answer.json()
    if "rows" in told:
        return sum(row["incidents"] for row in told["rows"])
    return told.get("total", len(told["items"])) if "items" in told else None


def ways_out(hidden: Hidden, *, thorough: bool) -> Iterator[tuple[str, bool]]:
    """(path, whether it asks for the canaries alone) for every route that reads, by the parameters it declares."""
    asked = questions(hidden)
    for endpoint in ROUTES:
        if endpoint.method != "GET" or endpoint.scope == "write":
            continue
        if "{id}" in endpoint.path and endpoint.path.startswith(("/v1/incidents", "/incidents")):
            for record_id in (*hidden.ids, *(public_id(one) for one in hidden.ids)):
                path = path_of(endpoint, {"incidents.id": record_id})
                yield from ((f"{path}{more}", False) for more in ("", "?as_of=3", "?as_of=12"))
            continue
        names = {one["name"] for one in endpoint.parameters if one["in"] == "query"}
        if "{id}" in endpoint.path:
            continue  # records of other kinds are public
        path = path_of(endpoint, {})
        yield path, False
        about_incidents = "tag" in names and "role" in names
        for name, values in asked.items() if about_incidents else ():
            plain = thorough and endpoint.media == "application/json"
            for value in (values if plain else values[:2]) if name in names else ():
                first, _, rest = value.partition("&")
                encoded = f"{name}={quote(first, safe=',:*')}" + (f"&{rest}" if rest else "")
                for moment in ("", "&as_of=12") if plain and "as_of" in names else ("",):
                    yield f"{path}?{encoded}{moment}", True


@pytest.mark.parametrize("treatment", [HIDDEN, COARSENED])
def test_no_way_out_tells_of_a_canary(store_url: str, treatment: str) -> None:
    probes = 0
    with open_service(store_url, treatment) as client:
        hidden = hide(client)
        secret = {*TRACES, *(public_id(one) for one in hidden.ids), *hidden.ids}
        if treatment == COARSENED:
            secret -= {str(NUMBER), *hidden.ids}  # figures of all persons are told, under the id of their incident
        others = [NOBODY, key_for(client, "write", name="other")]
        for path, alone in ways_out(hidden, thorough=treatment == HIDDEN):
            for key in others[: 2 if probes < 200 else 1]:
                answer = client.get(path, headers=key)
                told = text_of(answer)
                probes += 1
                assert answer.status_code < 500, path
                # What the request itself says comes back in next links and problems.
                asked = {trace for trace in secret if trace in path}
                if path.startswith("/v1/changes"):
                    asked.add(hidden.ids[4])  # open once: whoever holds a copy is told to drop it, by its id alone
                kept = [trace for trace in secret if trace in told and trace not in asked]
                assert kept == [], (path, kept, told[:500])
                # A figure and the month may be asked for where they are told.
                told_to_all = treatment == COARSENED and ("filter=rescued" in path or "T_INTERSECTS" in path)
                if alone and answer.status_code == 200 and not told_to_all and not path.startswith("/v1/changes"):
                    assert found_in(answer) in (0, None), (path, told[:500])
                    assert not _echoes(answer, asked), (path, told[:500])
    assert probes >= (600 if treatment == HIDDEN else 250)


def _echoes(answer: Any, asked: set[str]) -> bool:
    """Whether a good answer holds what was asked for other than in an address of its own."""
    body = text_of(answer).split("\n")
    lines = [line for line in body if 'rel="next"' not in line]
    return any(trace in re.sub(r'https?://[^"\s]*', "", line) for trace in asked for line in lines)


def test_what_conditional_requests_and_lengths_tell(store_url: str) -> None:
    with open_service(store_url) as client:
        hidden = hide(client)
        unknown = "0193aaaa-0000-7000-8000-000000000000"
        nothing = client.get(f"/v1/incidents/{unknown}")
        for record_id in hidden.ids:
            for tag in (*hidden.tags, "*"):
                answer = client.get(f"/v1/incidents/{record_id}", headers={"If-None-Match": tag})
                assert answer.status_code == 404
                assert answer.content.replace(record_id.encode(), unknown.encode()) == nothing.content
            for method in ("HEAD", "GET"):
                answer = client.request(method, f"/v1/incidents/{record_id}")
                assert answer.headers["content-length"] == nothing.headers["content-length"]
                assert "etag" not in answer.headers


def naming(record_id: str, n: int) -> dict[str, list[Any]]:
    """By the model of a body, or the method: bodies that name a closed incident in every way that there is."""
    name, held = f"t:{WORD}{n}", {"external_ids": {"t": f"{WORD}{n}"}}
    given = ({"incident": name}, {"incident_id": record_id}, {"incident": record_id})
    related = [{"relations": [{"type": "part_of", **one}]} for one in given]
    linked = make.claim(links=[{"type": "restates", "claim": "c1", "incident_id": record_id}])
    reports = [make.incident(id=record_id), *(make.incident(**one) for one in (held, *related))]
    others = {
        f"{plural[:-1].title()}Report": [report(**held), report(id=record_id)]
        for plural, report in make.REPORTS.items()
        if plural != "incidents"
    }
    return others | {
        "IncidentReport": reports,
        "PATCH": [held, *related],
        "ClaimsReport": [{"claims": [linked], "source": "https://x.example"}],
        "MergeReport": [{"into": into, "reason": "duplicate"} for into in (record_id, name)],
        "ReviewReport": [{"status": "in_review", "reason": "x", "chosen": [record_id]}],
        "RedactReport": [{"paths": ["/title"], "note": name}],
        "text/csv": [f"id,title\n{record_id},{name}\n"],
        "DELETE": [None],
    }


def asked_with(endpoint: Endpoint, record_id: str, n: int) -> Iterator[str]:
    """Query strings by the parameters that a write declares: each word of a list of codes, each text a closed name."""
    declared = {one["name"]: one["schema"] for one in endpoint.parameters if one["in"] == "query"}
    always = {"reason": "test"} if "reason" in declared else {}
    always |= {"dry_run": "true"} if "dry_run" in declared else {}
    yield urlencode(always)
    for name, schema in declared.items() if n == 0 else ():
        words = schema.get("enum") or schema.get("items", {}).get("enum") or [record_id, f"t:{WORD}{n}"]
        for word in words if name not in always else ():
            yield urlencode(always | {name: word})


def probes_of(endpoint: Endpoint, hidden: Hidden, n: int, open_ids: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """(path, body) of every way in which a write could be made to speak of the n-th canary; KeyError for a new body."""
    record_id, declared = hidden.ids[n], endpoint.body
    model = endpoint.method if endpoint.method in ("PATCH", "DELETE") else declared and declared["media"]
    if declared and "$ref" in declared["schema"]:
        model = declared["schema"]["$ref"].rpartition("/")[2]
    bodies = naming(record_id, n)[str(model)]
    bodies = [[one] for one in bodies] if endpoint.path.endswith("/bulk") else bodies
    plural = endpoint.path.split("/")[2]
    targets = [record_id, open_ids["incidents"]] if plural == "incidents" else [open_ids.get(plural, "")]
    for target in targets if "{id}" in endpoint.path else [""]:
        path = path_of(endpoint, {f"{plural}.id": target})
        for query in asked_with(endpoint, record_id, n):
            yield from ((f"{path}?{query}", body) for body in bodies)


def test_no_refusal_of_a_write_tells_of_a_canary(store_url: str) -> None:
    """Every write that is declared, with a closed incident in the place of all that it can name."""
    asked: Counter[str] = Counter()
    with open_service(store_url) as client:
        hidden = hide(client)
        writer = key_for(client, "write", "review", name="writer")
        own = client.post("/v1/incidents", json=make.incident(tags=["own"]), headers=writer).json()["id"]
        open_ids = {"incidents": own, "actors": client.get("/v1/actors?name=Mexican Army").json()["items"][0]["id"]}
        open_ids["locations"] = client.get("/v1/locations?name=Culiacán").json()["items"][0]["id"]
        open_ids["sources"] = client.get("/v1/sources").json()["items"][0]["id"]
        statistic = client.post("/v1/statistics", json=make.statistic(), headers=writer)
        open_ids["statistics"] = statistic.json()["id"]
        for endpoint in (one for one in ROUTES if one.writes):
            for n in (0, 1, 4, 5):  # a reviewer sees the others
                for path, body in probes_of(endpoint, hidden, n, open_ids):
                    # What is open stays as it is: whatever a refusal says, it says before anything is written.
                    ends = endpoint.method == "DELETE" and own in path
                    headers = writer | {"If-Match": '"0-0"' if ends else "*"}
                    content = body if isinstance(body, str) else json.dumps(body) if body is not None else None
                    media = (endpoint.body or {}).get("media", "application/json")
                    media = "application/json" if endpoint.path.endswith("/bulk") else media
                    answer = client.request(
                        endpoint.method, path, content=content, headers=headers | {"Content-Type": media}
                    )
                    asked[endpoint.name] += 1
                    told = answer.text.replace(f'"instance":"{answer.request.url.path}"', "")
                    sent = (content or "") + str(answer.request.url)
                    assert answer.status_code < 500, (path, told)
                    for trace in (*TRACES, *hidden.ids, *(public_id(one) for one in hidden.ids)):
                        assert trace not in told or trace in sent, (endpoint.method, path, sent[:300], told[:600])
    assert asked.keys() == {one.name for one in ROUTES if one.writes}
    assert asked.total() >= 400
