"""The metrics: in Prometheus' format, with as many series as there are routes, whatever clients send."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.app import endpoints
from incidents_api.errors import Unavailable
from incidents_api.storage.database import Database
from tests import make
from tests.conftest import key_for, serve

SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="[^"\\\n]*",?)+\})? (\S+)')


def scrape(client: TestClient, **more: Any) -> dict[str, float]:
    """Every sample by its name and labels; the format is checked on the way."""
    answer = client.get("/metrics", **more)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.text.endswith("\n")
    told: dict[str, float] = {}
    kinds: dict[str, str] = {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            found = SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] in kinds or re.sub("_(bucket|sum|count)$", "", found[1]) in kinds, line
            assert found[1] + (found[2] or "") not in told
            told[found[1] + (found[2] or "")] = float(found[3])
    return told


def test_requests_are_counted_by_route(seeded: TestClient) -> None:
    for _ in range(3):
        seeded.get("/v1/incidents?q=rescue")
    seeded.get("/v1/incidents?nope=1")
    told = scrape(seeded)
    labels = 'method="GET",route="/v1/incidents"'
    assert told[f'incidents_requests_total{{{labels},status="200"}}'] == 3
    assert told[f'incidents_requests_total{{{labels},status="400"}}'] == 1
    assert told[f"incidents_request_seconds_count{{{labels}}}"] == 4
    assert told[f'incidents_request_seconds_bucket{{{labels},le="+Inf"}}'] == 4
    assert told[f"incidents_request_seconds_sum{{{labels}}}"] > 0
    counts = [value for name, value in told.items() if name.startswith(f"incidents_request_seconds_bucket{{{labels}")]
    assert counts == sorted(counts)
    assert scrape(seeded)['incidents_requests_total{method="GET",route="/metrics",status="200"}'] == 1


def test_what_clients_make_up_adds_no_series(seeded: TestClient) -> None:
    for n in range(20):
        seeded.get(f"/made/up/{n}")
        seeded.get(f"/v1/incidents/{n}")
        seeded.request(f"VERB{n}", f"/v1/incidents?n={n}")
    told = scrape(seeded)
    counted = {name: value for name, value in told.items() if name.startswith("incidents_requests_total")}
    assert counted == {
        'incidents_requests_total{method="GET",route="unmatched",status="404"}': 20,
        'incidents_requests_total{method="GET",route="/v1/incidents/{id}",status="404"}': 20,
        'incidents_requests_total{method="other",route="unmatched",status="405"}': 20,
    }
    routes = {found for name in told for found in re.findall('route="([^"]*)"', name)}
    assert routes <= {endpoint.path for endpoint in endpoints()} | {"unmatched"}


def test_the_store_is_told(seeded: TestClient) -> None:
    seq = seeded.get("/v1/edition").json()["seq"]
    key = key_for(seeded, "write")
    before = scrape(seeded)
    for n in range(4):
        assert seeded.post("/v1/actors", headers=key, json=make.actor(name=f"Actor {n}")).status_code == 201
    after = scrape(seeded)
    assert (before["incidents_log_seq"], after["incidents_log_seq"]) == (seq, seq + 4)
    assert after["incidents_batch_writes_sum"] - before["incidents_batch_writes_sum"] == 4
    assert after["incidents_batch_writes_count"] - before["incidents_batch_writes_count"] == 4
    assert (after["incidents_store_up"], after["incidents_writes_queued"]) == (1, 0)
    assert after["incidents_readers"] >= 2
    assert after["incidents_reads_waiting"] == 0


def test_a_store_that_does_not_answer_does_not_end_the_scrape(
    seeded: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: Any, **__: Any) -> None:
        raise Unavailable

    store: Database = seeded.app.state.database
    monkeypatch.setattr(store, "read", busy)
    told = scrape(seeded)
    assert told["incidents_store_up"] == 0
    assert "incidents_log_seq" not in told


def test_metrics_can_be_kept_for_those_who_run_the_service(store_url: str) -> None:
    with serve(store_url, open_metrics=False) as client:
        for headers, status in (({}, 401), (key_for(client, "write"), 403), (key_for(client, "admin"), 200)):
            assert client.get("/metrics", headers=headers).status_code == status
