"""Bad queries: each is answered 400 in the same words by both databases, and the answer points at the fault."""

# ruff: noqa: RUF001 - look-alike characters are among the faults

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from starlette.testclient import TestClient

from incidents_api.model.revision import derived_id
from tests.conftest import ENGINES, serve

HERE = "▸"
"""Stands before the character of a filter that is at fault."""
INCIDENTS, CLAIMS, TOTALS, EDITION = "/v1/incidents", "/v1/claims", "/v1/totals", "/v1/edition"
RECORD = f"{INCIDENTS}/{derived_id('incident', 'seed', 'S001-R0')}"
FILES = ("incidents.csv", "incidents.ndjson", "incidents.geojson", "incidents.parquet", "incidents.xlsx")
FILES += ("incidents.zip", "claims.csv", "claims.ndjson", "claims.parquet")


class Bad(NamedTuple):
    """A query that is refused: where it is sent, the parameter at fault, and for a filter the character."""

    path: str
    query: str
    parameter: str
    position: int | None = None


def bad(path: str, parameter: str, *values: str, beside: str = "") -> list[Bad]:
    """One bad query for each value of a parameter."""
    return [Bad(path, "&".join(filter(None, (urlencode({parameter: value}), beside))), parameter) for value in values]


LIST = [
    *bad(INCIDENTS, "limit", "-1", "0", "00", "1.5", "", "abc", "1e3", "+5", " 5", "5 ", "٥", "0x10", "NaN"),
    *bad(INCIDENTS, "sort", "nope", "-nope", "", "date,,title", "--date", "+date", "freed", "freed_worst", "lon"),
    *bad(INCIDENTS, "sort", "date,-date", "date,type,title,country", "title;date", "DATE"),
    *bad(INCIDENTS, "count", "yes", "", "EXACT", "1"),
    *bad(INCIDENTS, "fields", "nope", "", "id,,title", "seq_from", "locations.lon"),
    *bad(INCIDENTS, "include", "nope", "", "claims", "actor"),
    *bad(INCIDENTS, "from", "2024-13", "2024-02-30", "24", "tomorrow", "0000", "", "2024-1-1", "2024-03-26T10:00:00Z"),
    *bad(INCIDENTS, "from", "٢٠٢٤", "2024/03", "2024-03-26 ", "99999"),
    *bad(INCIDENTS, "from", "2024-03-02", beside="to=2024-03-01"),
    *bad(INCIDENTS, "to", "2023-02-29", "..", "-2024", "2024-W10"),
    *bad(INCIDENTS, "date_mode", "near", "", "OVERLAPS", beside="from=2024"),
    *bad(INCIDENTS, "date_mode", "within"),
    *bad(INCIDENTS, "bbox", "", "1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,nan,nan,nan", "-inf,0,inf,1", "181,0,10,10"),
    *bad(
        INCIDENTS, "bbox", "0,-91,10,10", "0,10,10,0", "1e1,0,20,10", "1;2;3;4", "0, 1, 2, 3", "0,1,2,", "0,0,10,90.1"
    ),
    *bad(INCIDENTS, "bbox", "0,0,1,1", beside="lat=1&lon=1&radius_km=1"),
    *bad(INCIDENTS, "lat", "91", "-90.5", "north", "", "NaN", "1e1", "24,8", beside="lon=1&radius_km=1"),
    *bad(INCIDENTS, "lon", "181", "-180.1", "west", "", "--1", beside="lat=1&radius_km=1"),
    *bad(INCIDENTS, "radius_km", "-1", "99999", "1e9", "", "inf", "5km", beside="lat=1&lon=1"),
    *bad(INCIDENTS, "lat", "1"),
    *bad(INCIDENTS, "radius_km", "1"),
    *bad(INCIDENTS, "lon", "1", beside="radius_km=1"),
    *bad(INCIDENTS, "max_precision", "City", "", "town", "city,adm1", "0"),
    *bad(INCIDENTS, "q", "", " ", "!!!", "...", "*", '""', '"unclosed', 'un"closed', '"', "-", "¿?", "x" * 501),
    *bad(INCIDENTS, "q", " ".join(f"w{n}" for n in range(40))),
    *bad(INCIDENTS, "type", "kidnaping", "", "release,", "RELEASE", "null", "release;raid"),
    *bad(INCIDENTS, "stage", "done"),
    *bad(INCIDENTS, "granularity", "period"),
    *bad(INCIDENTS, "role", "rescuers"),
    *bad(INCIDENTS, "attribution", "fact"),
    *bad(INCIDENTS, "measure", "freed_best", "dead"),
    *bad(INCIDENTS, "status", "public"),
    *bad(INCIDENTS, "country", "Mexico", "mx", "XX", "", "MEX", "MX,Mexico"),
    *bad(INCIDENTS, "admin1", "MX-XXX", "Sinaloa", "mx-sin", "", "MX", "MX-SIN,"),
    *bad(INCIDENTS, "external_id", "seed", ":x", "seed:", "SEED:1", ""),
    *bad(INCIDENTS, "tag", ""),
    *bad(INCIDENTS, "actor", "", "  "),
    *bad(INCIDENTS, "location", ""),
    *bad(INCIDENTS, "source", ""),
    *bad(INCIDENTS, "updated_after", "yesterday", "2024-13-01", "-1", "2024-01-01T00:00:00", "", "1.5"),
    *bad(INCIDENTS, "as_of", "nonsense", "999999999", "-1", "2024-02-30", "2024-01-01T25:00:00Z", "1.5", "0x1", ""),
    *bad(INCIDENTS, "as_of", "2024-01-01T00:00:00", "now", "9" * 30, "2024-01-01T00:00:00+99:00"),
    *bad(INCIDENTS, "tpye", "release"),
    *bad(INCIDENTS, "limit[]", "1"),
    *bad(INCIDENTS, "Type", "release"),
    *bad(INCIDENTS, "bom", "1"),
    *bad(INCIDENTS, "by", "type"),
    *bad(INCIDENTS, "offset", "1000000000"),
    *bad(INCIDENTS, "", "x"),
    *bad(INCIDENTS, "population", "victims"),
    *bad(INCIDENTS, "limit", "5", beside="limit=6"),
    *bad(INCIDENTS, "q", "one", beside="q=two"),
    *bad(INCIDENTS, "filter", "version=1", beside="filter=version%3D1"),
    *bad(INCIDENTS, "tag", "a\0b"),
    *bad("/v1/actors", "measure", "freed"),
    *bad("/v1/actors", "bbox", "0,0,1,1"),
    *bad("/v1/actors", "type", "cartel"),
    *bad("/v1/sources", "from", "202"),
    *bad("/v1/locations", "kind", "town"),
    *bad("/v1/statistics", "sort", "freed_best"),
]

OTHERS = [
    *bad(CLAIMS, "population", "people", ""),
    *bad(CLAIMS, "qualifier", "exactly"),
    *bad(CLAIMS, "sex", "f"),
    *bad(CLAIMS, "age_group", "kids"),
    *bad(CLAIMS, "nationality", " "),
    *bad(CLAIMS, "measure", "free"),
    *bad(CLAIMS, "sort", "date"),
    *bad(CLAIMS, "fields", "value"),
    *bad(CLAIMS, "limit", "-1", "x"),
    *bad(CLAIMS, "as_of", "99999999", "later"),
    *bad(CLAIMS, "bbox", "1,2"),
    *bad(CLAIMS, "value", "5"),
    *bad(TOTALS, "by", "nope", "", "title", "date", "freed_best", "admin1,nope", "type,stage,year,month", "id"),
    *bad(TOTALS, "include_period_totals", "1", "yes", "", "TRUE"),
    *bad(TOTALS, "limit", "5"),
    *bad(TOTALS, "sort", "date"),
    *bad(TOTALS, "cursor", "x"),
    *bad(TOTALS, "measure", "deaths"),
    *bad(TOTALS, "victim_category", "everyone"),
    *bad(TOTALS, "as_of", "99999999", "2024-99-01"),
    *bad(TOTALS, "q", '"'),
    *bad(TOTALS, "lat", "1"),
    *bad(EDITION, "as_of", "nonsense", "999999999", "-1", ""),
    *bad(EDITION, "at", "1"),
    *bad(EDITION, "as_of", "1", beside="as_of=1"),
    *bad(f"{RECORD}/diff", "from", "0", "-1", "abc", "1.5", "", "٣"),
    *bad(f"{RECORD}/diff", "to", "0", "x", "1e1"),
    *bad(f"{RECORD}/diff", "form", "1"),
    *bad(f"{RECORD}/diff", "to", "1", beside="to=1"),
    *bad(f"{RECORD}/revisions", "limit", "0", "-1", "all"),
    *bad(f"{RECORD}/revisions", "before", "0", "last"),
    *bad(f"{RECORD}/revisions/1", "as_of", "1"),
    *bad(RECORD, "as_of", "nonsense", "999999999", ""),
    *bad(RECORD, "fields", "title"),
    *(one for file in FILES for one in bad(f"/v1/{file}", "as_of", "99999999", "never")),
    *(one for file in FILES for one in bad(f"/v1/{file}", "limit", "5")),
    *(one for file in FILES for one in bad(f"/v1/{file}", "bbox", "1,2,3")),
    *(one for file in FILES for one in bad(f"/v1/{file}", "bom", "2", "true")),
    *(one for file in FILES[:6] for one in bad(f"/v1/{file}", "sort", "nope")),
    *(one for file in FILES[6:] for one in bad(f"/v1/{file}", "measure", "nope")),
]

RING = ", ".join(f"{n / 100} {n % 2}" for n in range(1_000))
FILTERS = [
    f"{HERE}",
    f"{HERE}   ",
    f"{HERE}typ = 'release'",
    f"type = {HERE}'relase'",
    f"type = 'release' AND{HERE}",
    f"type = 'release' OR {HERE}OR type = 'raid'",
    f"type = 'release' {HERE}type = 'raid'",
    f"{HERE}AND type = 'raid'",
    f"NOT{HERE}",
    f"{HERE}(type = 'release'",
    f"type = 'release'{HERE})",
    f"(({HERE}",
    f"type = {HERE}'release",
    f"type = 'release{HERE}''".replace(HERE, "").replace("= ", f"= {HERE}"),
    f'{HERE}"type = 1',
    f"type = {HERE}\"release\"",
    f"type = {HERE}release",
    f"type = {HERE}5",
    f"type {HERE}> 'release'",
    f"type {HERE}LIKE 'r%'",
    f"type IN {HERE}'release'",
    f"type IN ({HERE})",
    f"type IN ('release'{HERE} 'raid')".replace(f"{HERE} ", f" {HERE}"),
    f"type IN ('release', {HERE}'nope')",
    f"freed_best > {HERE}'x'",
    f"freed_best > {HERE}1.5",
    f"freed_best > {HERE}99999999999999999999",
    f"freed_best > {HERE}{'9' * 60}",
    f"freed_best > {HERE}1e999",
    f"{HERE}freed_worst > 1",
    f"freed_best {HERE}== 1",
    f"freed_best {HERE}!= 1",
    f"freed_best {HERE}+ 1 = 2",
    f"freed_best = 1 {HERE}+ 1",
    f"freed_best BETWEEN {HERE}5 AND 1",
    f"freed_best BETWEEN 1{HERE}",
    f"freed_best BETWEEN 1 {HERE}OR 2",
    f"freed_best {HERE}LIKE '1%'",
    f"freed_best = {HERE}NULL",
    f"freed_best IS {HERE}5",
    f"freed_best IS NOT {HERE}TRUE",
    f"freed_best = {HERE}killed_best",
    f"{HERE}1 = 1",
    f"{HERE}TRUE",
    f"{HERE}'x'",
    f"country = {HERE}'Mexico'",
    f"country = {HERE}'mx'",
    f"admin1 = {HERE}'Sinaloa'",
    f"admin1 IN ('MX-SIN', {HERE}'MX-ZZZ')",
    f"version = {HERE}'1'",
    f"version = {HERE}TRUE",
    f"date >= {HERE}'2024-02-30'",
    f"date >= {HERE}5",
    f"date = DATE({HERE}'nonsense')",
    f"date = DATE({HERE}5)",
    f"recorded_at > TIMESTAMP({HERE}'2024-01-01')",
    f"recorded_at = {HERE}'2024-01-01'",
    f"T_INTERSECTS({HERE}type, DATE('2024-01-01'))",
    f"T_INTERSECTS(date, {HERE}INTERVAL('2024-02-01', '2024-01-01'))",
    f"T_INTERSECTS(date, INTERVAL({HERE}date, '..'))",
    f"T_BEFORE(date, {HERE}INTERVAL('..', '2024-01-01'))",
    f"{HERE}T_DISJOINT(date, DATE('2024-01-01'))",
    f"{HERE}T_NEAR(date, DATE('2024-01-01'))",
    f"{HERE}S_DISJOINT(geometry, POINT(1 2))",
    f"{HERE}S_DWITHIN(geometry, POINT(1 2), 5)",
    f"S_INTERSECTS({HERE}type, POINT(1 2))",
    f"S_INTERSECTS(geometry{HERE})",
    f"S_INTERSECTS(geometry, {HERE}LINESTRING(1 2, 3 4))",
    f"S_INTERSECTS(geometry, POINT({HERE}181 2))",
    f"S_INTERSECTS(geometry, POINT(1 {HERE}91))",
    f"S_INTERSECTS(geometry, POINT(1{HERE}, 2))",
    f"S_INTERSECTS(geometry, POINT(1 2 {HERE}3))",
    f"S_INTERSECTS(geometry, POINT {HERE}Z (1 2 3))",
    f"S_INTERSECTS(geometry, POINT {HERE}EMPTY)",
    f"S_INTERSECTS(geometry, POLYGON({HERE}(0 0, 1 0, 0 0)))",
    f"S_INTERSECTS(geometry, POLYGON({HERE}(0 0, 1 0, 1 1, 0 1)))",
    f"S_INTERSECTS(geometry, POLYGON({HERE}(0 0, 1 0, 0 0, 0 0)))",
    f"S_INTERSECTS(geometry, POLYGON((0 0, {HERE}x 0, 1 1, 0 0)))",
    f"S_INTERSECTS(geometry, BBOX(0, {HERE}10, 1, 0))",
    f"S_INTERSECTS(geometry, BBOX(0, 0, 1{HERE}))",
    f"S_INTERSECTS(geometry, BBOX(0, 0, {HERE}181, 1))",
    f"S_INTERSECTS(geometry, {HERE}ENVELOPE(0, 1, 0, 1))",
    f"geometry {HERE}= POINT(1 2)",
    f"{HERE}POINT(1 2)",
    f"{HERE}upper(title) = 'X'",
    f"{HERE}pg_sleep(10) = 1",
    f"{HERE}A_CONTAINS(tag, ('a'))",
    f"CASEI({HERE}freed_best) = 1",
    f"CASEI(title) = {HERE}'x'",
    f"title = {HERE}CASEI('x')",
    f"CASEI({HERE}CASEI(title)) = CASEI(CASEI('x'))",
    f"title LIKE {HERE}'a\\\\b\\c'",
    f"title = {HERE}NULL",
    f"title {HERE}; DROP TABLE incident",
    f"title = 'x'{HERE}; DROP TABLE incident",
    f"title = 'x' {HERE}-- x",
    f"title = {HERE}‘x’",
    f"{HERE}title.x = 'a'",
    f"{HERE}sensitivity_x = 'public'",
    f"{HERE}recorded_by = 'seed'",
    f"{HERE}span_start > '2024-01-01'",
    f"{HERE}known_as = 'x'",
    f"type = 'raid' AND {HERE}",
    "(" * 32 + f"{HERE}(type = 'raid'" + ")" * 33,
    "NOT " * 32 + f"{HERE}NOT type = 'raid'",
    "(" * 32 + f"{HERE}" + "(" * 5_000,
    " OR ".join(["id='x'"] * 500) + f" OR {HERE}id='x'",
    f"version IN ({','.join('1' * 200)},{HERE}1)",
    f"S_WITHIN(geometry, MULTIPOINT({','.join(['1 2'] * 1_000)},{HERE}1 2))",
]  # fmt: skip

TOO_LONG = {
    "a filter of 100,000 characters": "title = '" + "x" * 100_000 + "'",
    "a filter nested 50,000 deep": "(" * 50_000 + "type = 'raid'" + ")" * 50_000,
    "20,000 conditions": " OR ".join(["version = 1"] * 20_000),
    "a polygon of 10,000 vertices": f"S_INTERSECTS(geometry, POLYGON(({', '.join(['1.5 2.5'] * 10_000)})))",
}


def filters() -> Iterator[Bad]:
    for n, marked in enumerate(FILTERS):
        text, place = marked.replace(HERE, ""), marked.index(HERE)
        assert marked.count(HERE) == 1, marked
        path = (INCIDENTS, CLAIMS, TOTALS, "/v1/incidents.csv", "/v1/claims.csv", "/v1/incidents.parquet")[n % 6]
        yield Bad(path, urlencode({"filter": text}, quote_via=quote, safe="=(),'"), "filter", place)


# --- Asking --------------------------------------------------------------------------------------------------------


JSONS = ("application/json", "application/problem+json")


class Answer(NamedTuple):
    """What came back."""

    status: int
    media: str
    body: Any


async def _ask(app: Any, path: str, query: bytes) -> Answer:
    """One GET without a client in between: httpx takes no address as long as some of these."""
    sent: list[dict[str, Any]] = []
    asked = iter((True,))

    async def receive() -> dict[str, Any]:
        if not next(asked, False):
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": []}
    await app({**scope, "server": ("testserver", 80), "client": ("testclient", 1)}, receive, send)
    headers = dict(sent[0]["headers"])
    body = b"".join(message.get("body", b"") for message in sent[1:])
    media = headers[b"content-type"].decode()
    return Answer(sent[0]["status"], media, json.loads(body) if media in JSONS else body)


Ask = Callable[[str, str], Answer]


@pytest.fixture(scope="module")
def clients(lasting_store: Callable[..., str]) -> Iterator[dict[str, TestClient]]:
    """The service over the five articles, on each database."""
    with serve(lasting_store(ENGINES[0], seeded=True)) as one, serve(lasting_store(ENGINES[1], seeded=True)) as other:
        yield dict(zip(ENGINES, (one, other), strict=True))


@pytest.fixture(scope="module")
def both(clients: dict[str, TestClient]) -> Ask:
    """Asks both databases; their answers are the same."""

    def ask(path: str, query: str) -> Answer:
        answers = [one_engine(client)(path, query) for client in clients.values()]
        assert len({answer.status for answer in answers}) == 1
        # What is taken tells of records, which each store made at its own time; a refusal is the same to the letter.
        assert answers[0].status == 200 or answers[0] == answers[1]
        return answers[0]

    return ask


def one_engine(client: TestClient) -> Ask:
    """Asks one database."""
    return lambda path, query: client.portal.call(_ask, client.app, path, query.encode("ascii"))


@pytest.fixture(params=ENGINES)
def asks(clients: dict[str, TestClient], request: pytest.FixtureRequest) -> Ask:
    """Asks one database after the other; cursors are good for their own store."""
    return one_engine(clients[request.param])


def check(answer: Answer, parameter: str, position: int | None) -> None:
    assert answer.status == 400, answer
    assert answer.media == "application/problem+json"
    assert answer.body["code"] == "bad_request"
    fault = answer.body["errors"][0]
    assert fault["parameter"] == parameter
    assert fault["detail"]
    assert fault["code"]
    if position is not None:
        assert fault["detail"].endswith(f"(at position {position})"), fault["detail"]
    told = json.dumps(answer.body).lower()
    assert not any(word in told for word in ("traceback", "sqlite", "psycopg", "sqlalchemy", "select "))
    # What was sent is never sent back whole.
    assert len(told) < 20_000


def test_there_are_enough() -> None:
    every = [*LIST, *OTHERS, *filters()]
    assert len(set(every)) == len(every) >= 150


def test_the_same_without_the_fault_is_taken(both: Ask) -> None:
    """The paths and parameters are right; it is the values that are wrong."""
    for path in {one.path for one in (*LIST, *OTHERS)}:
        assert both(path, "").status == 200, path


@pytest.mark.parametrize("one", [*LIST, *OTHERS], ids=lambda one: f"{one.path}?{one.query}"[:80])
def test_a_bad_value_is_told_where(both: Ask, one: Bad) -> None:
    check(both(one.path, one.query), one.parameter, None)


@pytest.mark.parametrize("one", [*filters()], ids=lambda one: one.query[:60])
def test_a_bad_filter_is_told_at_which_character(both: Ask, one: Bad) -> None:
    check(both(one.path, one.query), one.parameter, one.position)


@pytest.mark.parametrize("text", TOO_LONG.values(), ids=TOO_LONG)
@pytest.mark.parametrize("path", [INCIDENTS, CLAIMS, TOTALS, "/v1/incidents.csv", "/v1/actors"])
def test_what_is_too_long_is_told_by_its_name(both: Ask, path: str, text: str) -> None:
    check(both(path, urlencode({"filter": text}, safe="=(),'")), "filter", None)


def test_several_faults_are_told_together(both: Ask) -> None:
    answer = both(INCIDENTS, "type=kidnaping&limit=-1&nope=1&bbox=1,2&filter=typ%3D1&as_of=never")
    assert {fault["parameter"] for fault in answer.body["errors"]} == {
        "type", "limit", "nope", "bbox", "filter", "as_of",
    }  # fmt: skip


@pytest.mark.parametrize("query", ["&".join(["tag=a"] * 201), "tag=%ff", "%ff=1", f"tag={'x' * 30_000}"])
def test_what_no_parameter_can_be_blamed_for(both: Ask, query: str) -> None:
    answer = both(INCIDENTS, query)
    assert (answer.status, answer.media, answer.body["code"]) == (400, "application/problem+json", "bad_request")


# --- Cursors -------------------------------------------------------------------------------------------------------


def cursor(ask: Ask, path: str, query: str) -> str:
    """The cursor of the second page."""
    following = ask(path, query).body["next"]
    assert following is not None
    return following.partition("cursor=")[2]


def spelled(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("made_by", "sent_to"),
    [
        ((INCIDENTS, "limit=2"), (CLAIMS, "limit=2")),
        ((CLAIMS, "limit=2"), (INCIDENTS, "limit=2")),
        (("/v1/actors", "limit=2"), (INCIDENTS, "limit=2")),
        (("/v1/actors", "limit=2"), ("/v1/locations", "limit=2")),
        ((INCIDENTS, "limit=2&sort=title"), (INCIDENTS, "limit=2")),
        ((INCIDENTS, "limit=2"), (INCIDENTS, "limit=2&sort=date")),
        ((INCIDENTS, "limit=2"), (INCIDENTS, "limit=2&type=rescue_operation")),
        ((INCIDENTS, "limit=2&q=rescued"), (INCIDENTS, "limit=2")),
        ((INCIDENTS, "limit=2&filter=version%3D1"), (INCIDENTS, "limit=2&filter=version%3D2")),
        ((INCIDENTS, "limit=2&as_of=40"), (INCIDENTS, "limit=2")),
        ((INCIDENTS, "limit=2&sort=-freed_best"), (INCIDENTS, "limit=2&sort=-freed_low")),
    ],
)
def test_a_cursor_is_good_for_its_own_query_alone(
    asks: Ask, made_by: tuple[str, str], sent_to: tuple[str, str]
) -> None:
    mark = cursor(asks, *made_by)
    assert asks(made_by[0], f"{made_by[1]}&cursor={mark}").status == 200
    check(asks(sent_to[0], f"{sent_to[1]}&cursor={mark}"), "cursor", None)


@pytest.mark.parametrize("change", ["cut", "longer", "turned", "empty", "words"])
def test_a_cursor_is_taken_whole(asks: Ask, change: str) -> None:
    mark = cursor(asks, INCIDENTS, "limit=2")
    spoilt = {"cut": mark[:-3], "longer": f"{mark}AAAA", "turned": mark[::-1], "empty": "", "words": "next page"}
    check(asks(INCIDENTS, urlencode({"limit": "2", "cursor": spoilt[change]})), "cursor", None)


def test_a_forged_place_is_refused(asks: Ask) -> None:
    mark = cursor(asks, INCIDENTS, "limit=2")
    fingerprint, key = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    last = key.rpartition("\x1f")[2]
    forged: list[Any] = [
        None, 5, [], {}, "x", [fingerprint], [fingerprint, key, 1], [fingerprint, None], [fingerprint, 7],
        [fingerprint, ""], [fingerprint, last], [fingerprint, f"2024\x1f{last}"], [fingerprint, f"+a\x1f+b\x1f{last}"],
        [fingerprint, "+2024-01-01\x1f' OR 1=1"], [fingerprint, f"+\0\x1f{last}"], [fingerprint, f"+\ud800\x1f{last}"],
        [fingerprint, f"+2024-01\x1f{last}"], [fingerprint, f"+2024-13-4x\x1f{last}"], ["0" * 12, key], [None, key],
    ]  # fmt: skip
    for value in forged:
        check(asks(INCIDENTS, f"limit=2&cursor={spelled(value)}"), "cursor", None)
    mark = cursor(asks, INCIDENTS, "limit=2&q=rescued")
    fingerprint, key = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
    for day in ("zzzz", "\u00b2\u00b2\u00b2\u00b2-01-01", "99999-01-01", "2024-03-2x", "-1"):
        value = [fingerprint, f"+{day}\x1f{last}"]
        check(asks(INCIDENTS, f"limit=2&q=rescued&cursor={spelled(value)}"), "cursor", None)
