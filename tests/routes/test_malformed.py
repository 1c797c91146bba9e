"""Thousands of malformed requests and some forty unusual good ones, on both databases: one verdict, nothing stored."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from starlette.types import Message

from incidents_api import access
from incidents_api.app import create_app
from incidents_api.model import vocabulary
from incidents_api.model.kinds import BY_PLURAL
from incidents_api.settings import Settings
from incidents_api.storage.database import Database
from incidents_api.storage.tables import api_key
from incidents_api.writing.verify import verify
from tests.conftest import ENGINES
from tests.routes import malformed_corpus as corpus
from tests.routes.malformed_corpus import GONE, WORLD, Case, body


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 when nothing did."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Wire:
    """A client that sends a request byte by byte as it is written, past every check of a client library."""

    def __init__(self, url: str) -> None:
        self.app = create_app(
            Settings(_env_file=None, database_url=url, public_statuses=vocabulary.codes("review_status"))
        )
        self.database: Database = self.app.state.database
        self.keys = {"writer": self.key("write"), "reviewer": self.key("review")}
        for name in ("revoked", "expired"):
            self.keys[name] = self.key("write", "admin", name=name)
        past = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.database.write_now(_end_keys, past)
        self.etags: dict[str, str] = {}
        self._runner = asyncio.Runner()

    def key(self, *scopes: str, name: str = "tester") -> str:
        return f"Bearer {self.database.write_now(access.create_key, name, scopes)}"

    def send(
        self, method: str, target: str, content: bytes | None = None, *, streamed: bool = False, **headers: str | None
    ) -> Answer:
        """One request; header names with _ for -. A NUL or any Latin-1 character in a header goes out as it is."""
        sent = [
            (name.replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in {"host": "testserver", **headers}.items()
            if value is not None
        ]
        if content is not None and not streamed and "content_length" not in headers:
            sent.append((b"content-length", str(len(content)).encode()))
        return self._runner.run(self._exchange(method, target, content or b"", sent))

    async def _exchange(self, method: str, target: str, content: bytes, headers: list[tuple[bytes, bytes]]) -> Answer:
        path, _, query = target.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": unquote(path), "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"), "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
        }  # fmt: skip
        pieces = [content[at : at + 65_536] for at in range(0, len(content), 65_536)] or [b""]
        pieces.reverse()
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": pieces.pop() if pieces else b"", "more_body": bool(pieces)}

        async def send(message: Message) -> None:
            told.append(message)

        try:
            await self.app(scope, receive, send)
        except Exception as error:  # the outermost layer raises again what it answered with 500
            if not told:
                return Answer(0, {}, repr(error).encode())
        names = {name.decode().lower(): value.decode("latin-1") for name, value in told[0]["headers"]}
        return Answer(told[0]["status"], names, b"".join(message.get("body", b"") for message in told[1:]))

    def ask(self, case: Case) -> Answer:
        """A case with the headers that it does not override: a good key, the right type and the current ETag."""
        headers: dict[str, str | None] = {"authorization": self.keys["writer"]} if case.method != "GET" else {}
        if case.body is not None:
            patch = case.method == "PATCH"
            headers["content_type"] = "application/merge-patch+json" if patch else "application/json"
        if case.method in ("PUT", "PATCH", "DELETE"):
            headers["if_match"] = self.etags.get(case.target.partition("?")[0], "*")
        for name, value in case.headers:
            headers[name.replace("-", "_")] = self.keys[value[1:-1]] if value and value[0] == "{" else value
        return self.send(case.method, case.target, case.body, streamed=case.streamed, **headers)

    def write(self, method: str, target: str, value: Any, **headers: str | None) -> Answer:
        """A JSON body with a good key."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        given: dict[str, Any] = {"content_type": kind, "authorization": self.keys["writer"]} | headers
        return self.send(method, target, value if isinstance(value, bytes) else body(value), **given)

    def fill(self) -> None:
        """Store the world that the corpus speaks of."""
        for plural, report in WORLD:
            made = self.write("POST", f"/v1/{plural}", report)
            assert made.status == 201, made.content
            self.etags[made.headers["location"]] = made.headers["etag"]
        ended = self.send("DELETE", f"/v1/actors/{GONE}?reason=test", authorization=self.keys["writer"], if_match="*")
        assert ended.status == 204, ended.content

    def state(self) -> tuple[Any, ...]:
        """The head of the log, and how many records each list tells; every list must answer 200."""
        lists = [self.send("GET", f"/v1/{plural}?count=exact&limit=1000") for plural in BY_PLURAL]
        assert [answer.status for answer in lists] == [200] * len(lists), [answer.content[:300] for answer in lists]
        edition = self.send("GET", "/v1").json()["edition"]
        return (edition["seq"], edition["hash"], *(answer.json()["total"] for answer in lists))

    def faults(self) -> list[str]:
        """What `incidents verify` finds."""
        return self.database.write_now(verify).faults

    def close(self) -> None:
        self._runner.run(self.database.close())
        self._runner.close()


def _end_keys(conn: sa.Connection, past: str) -> None:
    conn.execute(sa.update(api_key).where(api_key.c.name == "revoked").values(revoked_at=past))
    conn.execute(sa.update(api_key).where(api_key.c.name == "expired").values(expires_at=past))


class Pair:
    """A client for a fresh store on each engine, both filled with the world; `renew` begins again."""

    def __init__(self, new_store: Callable[..., str]) -> None:
        self._new_store = new_store
        self.wires: list[Wire] = []
        self.renewed = -1
        self.renew()

    def renew(self) -> None:
        self.close()
        for engine in ENGINES:
            self.wires.append(Wire(self._new_store(engine)))
            self.wires[-1].fill()
        self.renewed += 1
        self._before = self.state()

    def state(self) -> list[tuple[Any, ...]]:
        return [wire.state() for wire in self.wires]

    def poisoned(self) -> list[str]:
        """What the stores hold that they did not hold before, and what is wrong with it."""
        found = [
            f"{engine}: something was stored"
            for engine, was, now in zip(ENGINES, self._before, self.state(), strict=True)
            if was != now
        ]
        return found + [
            f"{engine}: {fault}" for engine, wire in zip(ENGINES, self.wires, strict=True) for fault in wire.faults()
        ]

    def close(self) -> None:
        while self.wires:
            self.wires.pop().close()


@pytest.fixture
def pair(new_store: Callable[..., str]) -> Iterator[Pair]:
    opened = Pair(new_store)
    yield opened
    opened.close()


def verdict(case: Case, answer: Answer) -> str | None:  # noqa: PLR0911 - one for each thing that can be wrong
    """What is wrong with the answer to a case; None when it is the one it must get."""
    if answer.status != case.status:
        return f"{answer.status}, not {case.status}: {answer.content[:200]!r}"
    if answer.headers.get("content-type") != "application/problem+json":
        return f"it is {answer.headers.get('content-type')}"
    if answer.headers.get("x-content-type-options") != "nosniff":
        return "without nosniff"
    try:
        problem = answer.json()
    except ValueError:
        return f"no JSON: {answer.content[:200]!r}"
    if not all(isinstance(problem.get(name), str) for name in ("type", "title", "code", "detail")):
        return f"members are missing: {problem}"
    if (problem["status"], problem["code"], problem["type"]) != (case.status, case.code, f"/v1/problems/{case.code}"):
        return f"it says {problem['status']} {problem['code']}"
    patch = case.method == "PATCH" and any(name == "content-type" for name, _ in case.headers)
    header = {401: "www-authenticate", 405: "allow", 415: "accept-patch" if patch else ""}.get(case.status)
    if header and header not in answer.headers:
        return f"without the header {header}"
    if case.status == 405:
        return None if answer.headers["allow"] == case.says else f"Allow: {answer.headers['allow']}, not {case.says}"
    if case.says and case.says.lower() not in answer.content.decode().lower():
        return f"it does not say {case.says!r}: {answer.content[:300]!r}"
    return None if case.at is None else _misplaced(case, problem.get("errors", []))


def _misplaced(case: Case, errors: list[dict[str, Any]]) -> str | None:
    """Whether no entry of errors names the place that is at fault."""
    where = "pointer" if not case.at or case.at.startswith("/") else "parameter"
    if any(not {"detail", "code"} <= entry.keys() or not ({"pointer", "parameter"} & entry.keys()) for entry in errors):
        return f"an entry says too little: {errors}"
    for entry in errors:
        place = entry.get("parameter" if not case.at and case.method == "GET" else where)
        beneath = case.fault == "*" and place is not None and place.startswith(f"{case.at}/")
        if (place == case.at or beneath) and case.fault in ("*", None, entry["code"]):
            return None
    return f"no entry {case.fault} at {case.at!r}: {json.dumps(errors)[:300]}"


def masked(answer: Answer) -> Any:
    """An answer without what differs between any two stores: ETags."""
    return (answer.status, answer.headers.get("content-type"), re.sub(rb"\d+-[0-9a-f]{16}", b"ETAG", answer.content))


DIFFERENT = re.compile(
    rb"[0-9a-f]{64}"  # a hash
    rb"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # an id
    rb"|\d{4}-\d\d-\d\dT[\d:.]{15}Z"  # a time
    rb"|cursor=[\w-]+"  # holds an id
)


def renamed(answer: Answer) -> bytes:
    """An answer without what differs between two stores: ids, times and hashes become the order of their mention."""
    seen: dict[bytes, bytes] = {}
    content = answer.content
    if content.startswith(b'{"items":[{"id"'):
        # Records that a sort leaves equal stand in the order of their ids, which are random.
        page = answer.json()
        content = json.dumps(page | {"items": sorted(page["items"], key=lambda record: record["seq"])}).encode()
    return DIFFERENT.sub(lambda found: seen.setdefault(found[0], b"@%d" % len(seen)), content)


def test_malformed_requests_get_one_verdict_on_both_databases_and_store_nothing(pair: Pair) -> None:
    verdicts: Counter[tuple[int, str]] = Counter()
    wrong: list[str] = []
    for batch, cases in corpus.batches(pair.wires[0].app.openapi()["paths"]).items():
        for case in cases:
            answers = [wire.ask(case) for wire in pair.wires]
            said = [verdict(case, answer) for answer in answers]
            if masked(answers[0]) != masked(answers[1]):
                wrong.append(f"{batch} / {case.name}: {said}, {masked(answers[0])} but {masked(answers[1])}")
            elif said[0] is not None:
                wrong.append(f"{batch} / {case.name}: {said[0]}")
            verdicts[case.status, case.code] += 1
            if case.method != "GET" and any(answer.status < 400 for answer in answers):
                pair.renew()  # so that one request that was taken by mistake does not spoil those after it
        wrong += [f"{batch}: {fault}" for fault in pair.poisoned()]
    told = ", ".join(f"{status} {code}: {count}" for (status, code), count in sorted(verdicts.items()))
    print(f"malformed: {verdicts.total()} requests on each of 2 databases; {told}; wrong verdicts: {len(wrong)}")  # noqa: T201
    assert verdicts.total() >= 1_200
    assert not wrong, f"{len(wrong)} wrong verdicts:\n" + "\n".join(wrong)


def test_odd_but_good_requests_get_the_same_bytes_from_both_databases(pair: Pair) -> None:
    wrong: list[str] = []
    cases = list(corpus.welcome())
    for case in cases:
        answers = [wire.ask(case) for wire in pair.wires]
        for engine, answer in zip(ENGINES, answers, strict=True):
            if answer.status != case.status:
                wrong.append(f"{case.name} on {engine}: {answer.status}, {answer.content[:300]!r}")
        one, other = map(renamed, answers)
        if one != other:
            wrong.append(f"{case.name}: {one[:500]!r} but {other[:500]!r}")
    wrong += [fault for wire in pair.wires for fault in wire.faults()]
    print(f"odd but good: {len(cases)} requests on each of 2 databases; wrong: {len(wrong)}")  # noqa: T201
    assert not wrong, "\n".join(wrong)


def test_no_chain_grows_so_long_that_its_records_can_no_longer_be_changed(pair: Pair) -> None:
    """Built from below, so that each step alone looks short."""
    links: dict[str, Callable[[str], Any]] = {
        "actors": lambda above: {"parent_id": above},
        "locations": lambda above: {"parent_id": above},
        "incidents": lambda above: {"relations": [{"type": "part_of", "incident_id": above}]},
    }
    wrong: list[str] = []
    for wire in pair.wires:
        for plural, link in links.items():
            reports = [{"type": "unknown", "title": f"level {n}"} for n in range(14)]
            if plural != "incidents":
                reports = [{"name": f"level {n}"} for n in range(14)]
            made = [wire.write("POST", f"/v1/{plural}", report).json()["id"] for report in reports]
            for below, above in pairwise(made):
                answer = wire.write("PATCH", f"/v1/{plural}/{below}", link(above), if_match="*")
                if answer.status not in (200, 422):
                    wrong.append(f"{plural}: {answer.status} {answer.content[:200]!r}")
            for level, record_id in enumerate(made):
                member = {"aliases": ["x"]} if plural == "locations" else {"external_ids": {"level": f"{level}"}}
                answer = wire.write("PATCH", f"/v1/{plural}/{record_id}", member, if_match="*")
                if answer.status != 200:
                    wrong.append(f"{plural} level {level} is locked: {answer.content[:300]!r}")
        wrong += wire.faults()
    assert not wrong, "\n".join(wrong)


def test_an_external_id_that_a_record_gave_up_can_be_told_again(pair: Pair) -> None:
    """The id that was derived from it stays with the record that gave it up; a report that names it gets another."""
    wrong: list[str] = []
    for wire in pair.wires:
        made = wire.write("POST", "/v1/actors", {"name": "Fuerza Cuatro", "external_ids": {"x": "1"}})
        given_up = {"external_ids": {"x": None, "y": "1"}}
        assert wire.write("PATCH", made.headers["location"], given_up, if_match="*").status == 200
        actor = {"name": "Fuerza Cinco", "external_ids": {"x": "1"}}
        inline = wire.write("POST", "/v1/incidents", {"type": "unknown", "actors": [{"actor": actor, "role": "other"}]})
        if inline.status not in (201, 422):
            wrong.append(f"inline: {inline.status} {inline.content[:300]!r}")
        wrong += wire.faults()
    assert not wrong, "\n".join(wrong)
