"""The application as it is joined: every route says who may use it, and one that does not keeps it from starting."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from incidents_api.access import OPEN, READ, SCOPES
from incidents_api.app import check_scopes, create_app, endpoints
from incidents_api.settings import Settings


async def nothing() -> None:
    """A handler that declares no scope."""


def test_a_route_without_a_scope_keeps_the_service_from_starting() -> None:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/v1/forgotten", nothing)
    with pytest.raises(RuntimeError, match="/v1/forgotten declares no scope"):
        check_scopes(app)


def test_every_route_declares_one_and_writes_declare_more_than_reading() -> None:
    app = create_app(Settings(_env_file=None))
    check_scopes(app)
    assert len(app.routes) == len(endpoints())
    for endpoint in endpoints():
        assert endpoint.scope in (OPEN, READ, *SCOPES)
        reads = endpoint.method == "GET" and endpoint.path != "/v1/refusals/{run}"  # told to the key that sent them
        assert reads == (endpoint.scope in (OPEN, READ)), endpoint.path


def test_the_docs_pages_ask_nobody_else() -> None:
    """The policy that travels with the pages forbids the browser every address but the service's own."""
    client = TestClient(create_app(Settings(_env_file=None)))
    answer = client.get("/docs")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "//" not in answer.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "docs.js"):
        assert client.get(f"/docs/{asset}").status_code == 200
