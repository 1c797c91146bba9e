"""Limits for each client: rates by key and by address, exports at once, and who a request is taken to come from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.app import create_app
from incidents_api.routes.limits import LOCAL, client_of
from incidents_api.settings import Settings
from tests.conftest import key_for


@pytest.fixture
def far(new_store: Callable[..., str]) -> Callable[..., Any]:
    """The service, asked from an address that is not of this machine."""
    url = new_store("sqlite", seeded=True)

    @contextmanager
    def serve(address: str = "203.0.113.9", **settings: Any) -> Iterator[TestClient]:
        app = create_app(Settings(_env_file=None, database_url=url, **settings))
        with TestClient(app, raise_server_exceptions=False, client=(address, 5000)) as client:
            yield client

    return serve


# --- Rates ---------------------------------------------------------------------------------------------------------


def test_an_address_that_asks_too_often_is_told_when_to_go_on(far: Callable[..., Any]) -> None:
    with far(rate_per_address=5) as client:
        for n in range(5):
            answer = client.get("/v1/incidents?limit=1", headers={"Origin": "http://page.example"})
            assert answer.status_code == 200
            assert answer.headers["RateLimit-Policy"] == '"address";q=5;w=60'
            assert answer.headers["RateLimit"].startswith(f'"address";r={4 - n};t=')
            assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]
        refused = client.get("/v1/incidents?limit=1")
        assert (refused.status_code, refused.headers["Content-Type"]) == (429, "application/problem+json")
        assert refused.json()["code"] == "too_many_requests"
        wait = int(refused.headers["Retry-After"])
        assert refused.headers["RateLimit"] == f'"address";r=0;t={wait}'
        assert 0 < wait <= 60
        assert refused.headers["X-Request-Id"]
        # What watches the service is never refused, and says nothing of rates.
        for probe in ("/livez", "/readyz", "/metrics"):
            answer = client.get(probe)
            assert answer.status_code == 200
            assert "RateLimit" not in answer.headers


def test_a_key_has_a_share_of_its_own(far: Callable[..., Any]) -> None:
    with far(rate_per_address=1, rate_per_key=3) as client:
        first, second = key_for(client, "write"), key_for(client, "write")
        assert [client.get("/v1", headers=first).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert client.get("/v1", headers=second).headers["RateLimit"].startswith('"key";r=2;t=')
        assert [client.get("/v1").status_code for _ in range(2)] == [200, 429]
        assert client.get("/v1", headers=second).status_code == 200


def test_who_tries_keys_is_counted_by_address(far: Callable[..., Any]) -> None:
    with far(rate_per_address=3) as client:
        told = [client.get("/v1", headers={"Authorization": f"Bearer inc_{n:043}"}).status_code for n in range(5)]
        assert told == [401, 401, 401, 429, 429]


def test_what_is_refused_counts_too(far: Callable[..., Any]) -> None:
    with far(rate_per_address=3) as client:
        told = [client.get("/v1/incidents?nope=1"), client.post("/v1/incidents", json={}), client.head("/v1")]
        assert [one.status_code for one in told] == [400, 401, 200]
        assert client.get("/v1").status_code == 429


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.9.1", "a socket"])
def test_this_machine_is_not_counted(far: Callable[..., Any], address: str) -> None:
    with far(address, rate_per_address=1, rate_per_key=1) as client:
        answers = [client.get("/v1", headers=headers) for headers in ({}, key_for(client)) for _ in range(3)]
        assert {one.status_code for one in answers} == {200}
        assert "RateLimit" not in answers[0].headers


def test_rates_can_be_switched_off(far: Callable[..., Any]) -> None:
    with far(rate_per_address=0, rate_per_key=0) as client:
        answers = [client.get("/v1", headers=headers) for headers in ({}, key_for(client)) for _ in range(5)]
        assert {one.status_code for one in answers} == {200}
        assert not any("RateLimit" in one.headers for one in answers)


# --- Where a request comes from ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "client"),
    [
        ("203.0.113.9", [], 0, "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], 0, "203.0.113.9"),  # anybody can write the header
        ("127.0.0.1", ["198.51.100.1"], 0, LOCAL),
        ("127.0.0.1", ["198.51.100.1"], 1, "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], 1, "198.51.100.1"),  # what the client wrote stands to the left
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], 1, "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1, 10.0.0.2"], 2, "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1"], 2, "198.51.100.1"),
        ("10.0.0.1", [], 1, "10.0.0.1"),
        ("10.0.0.1", ["nonsense"], 1, "unknown"),
        ("10.0.0.1", ["127.0.0.1, "], 1, "unknown"),
        ("10.0.0.1", ["198.51.100.1:4711"], 1, "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:1:2:3::4]:4711"], 1, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", [], 0, "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", [], 0, "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], 0, "fe80::/64"),
        ("::ffff:203.0.113.9", [], 0, "203.0.113.9"),
        ("::ffff:127.0.0.1", [], 0, LOCAL),
    ],
)
def test_the_client_of_a_request(peer: str, forwarded: list[str], hops: int, client: str) -> None:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    assert client_of({"type": "http", "client": (peer, 1), "headers": headers}, hops) == client
    assert client_of({"type": "http", "client": None, "headers": []}, hops) == LOCAL


def test_proxies_are_believed_only_when_a_setting_says_so(far: Callable[..., Any]) -> None:
    sent = [{"X-Forwarded-For": f"198.51.100.{n}", "X-Forwarded-Proto": "https"} for n in range(3)]
    with far(rate_per_address=1) as client:
        answers = [client.get("/v1", headers=headers) for headers in sent]
        assert [one.status_code for one in answers] == [200, 429, 429]
        assert answers[0].json()["docs"].startswith("http://")
    with far(rate_per_address=1, trusted_hops=1) as client:
        answers = [client.get("/v1", headers=headers) for headers in (*sent, sent[0])]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert answers[0].json()["docs"].startswith("https://")


# --- Exports -------------------------------------------------------------------------------------------------------


def running(client: TestClient) -> float:
    [line] = [one for one in client.get("/metrics").text.splitlines() if one.startswith("incidents_exports_running ")]
    return float(line.split()[1])


def test_exports_at_once_have_a_bound(far: Callable[..., Any]) -> None:
    with far(max_exports=2) as client:
        exports = client.app.state.shares.exports
        exports["somebody"] += 1
        assert client.get("/v1/incidents.csv").status_code == 200
        exports["somebody"] += 1
        for path, headers in (("/v1/incidents.csv", {}), ("/v1/incidents", {"Accept": "text/csv"})):
            refused = client.get(path, headers=headers)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert running(client) == 2
        assert client.get("/v1/incidents").status_code == 200
        exports.clear()
        assert client.get("/v1/incidents.csv").status_code == 200


def test_one_client_has_half_of_them(far: Callable[..., Any]) -> None:
    with far(max_exports=5) as client:
        exports = client.app.state.shares.exports
        exports["203.0.113.9"] = 3
        refused = client.get("/v1/incidents.csv")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
        assert client.get("/v1/incidents.csv", headers=key_for(client)).status_code == 200


def test_a_place_is_given_back_however_the_export_ends(far: Callable[..., Any]) -> None:
    with far(max_exports=1) as client:
        etag = client.get("/v1/incidents.csv").headers["ETag"]
        asked: list[tuple[str, dict[str, str], int]] = [
            ("/v1/incidents.ndjson", {}, 200),
            ("/v1/incidents.csv", {"If-None-Match": etag}, 304),
            ("/v1/incidents.csv", {"Range": "bytes=0-9"}, 206),
            ("/v1/incidents.csv", {"Range": "bytes=99999999-"}, 416),
            ("/v1/incidents.csv?nope=1", {}, 400),
        ]
        for path, headers, status in asked:
            assert client.get(path, headers=headers).status_code == status
            assert client.app.state.shares.exports.total() == 0
        assert client.head("/v1/incidents.csv").status_code == 200
        assert running(client) == 0
