"""Canaries: a key, a name and a place are sent through every route; no log, metric or document may sing of them."""

import io
import logging
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from incidents_api.app import endpoints
from incidents_api.cli import logs
from incidents_api.reading import records
from tests import make
from tests.conftest import key_for

NAME, PLACE, WORD = "Canaryname Zzyx", "Canaryplace", "canaryword"


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that is logged, at the finest level, in the form of a running service."""
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.setFormatter(logs.JsonLines() if request.param == "json" else logs.TextLines())
    handler.addFilter(lambda record: not record.name.startswith("httpx"))  # the log of the test's own client
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield told
    root.removeHandler(handler)
    root.setLevel(before)


def test_nothing_leaks(seeded: TestClient, written: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_for(seeded, "admin")
    secret = key["Authorization"].removeprefix("Bearer ")
    bad = f"inc_{'canarykey' * 4}"
    report = make.incident(title=NAME, summary=WORD, location={"name": PLACE, "country": "MX", "kind": "place"})
    made = seeded.post("/v1/incidents", headers=key, json=report)
    assert made.status_code == 201, made.text
    errors = []
    for endpoint in endpoints():
        path = endpoint.path.replace("{id}", made.json()["id"]).replace("{version}", "1")
        path = path.replace("{", "").replace("}", "")
        if endpoint.method == "GET" and "changes" not in path:
            for query in ("", f"?q={WORD}&{WORD}={PLACE}&key={secret}"):
                seeded.get(path + query, headers=key)
                refused = seeded.get(path + query, headers={"Authorization": f"Bearer {bad}"})
                errors.append(refused.text if refused.status_code == 401 else "")
        elif endpoint.method != "GET":
            seeded.request(endpoint.method, path + f"?{WORD}={PLACE}", headers=key, json={WORD: NAME})
            seeded.request(endpoint.method, path, headers=key, content=f"{{{WORD}".encode())

    def boom(*_: object, **__: object) -> None:
        raise RuntimeError(f"{NAME} {PLACE} {secret}")

    with monkeypatch.context() as patch:
        patch.setattr(records, "head", boom)
        assert seeded.get("/readyz", headers=key).status_code == 500
    metrics, document = seeded.get("/metrics").text, seeded.get("/openapi.json").text
    log = written.getvalue()
    assert log.count("/v1/incidents") > 50
    assert "RuntimeError" in log
    for place, text in {"log": log, "metrics": metrics, "OpenAPI": document, "errors": "".join(errors)}.items():
        for canary in (secret, secret[4:], bad, NAME, "Canaryname", PLACE, WORD):
            assert canary.lower() not in text.lower(), (place, canary)
