"""Problems: each is told at its own address, an unexpected error says nothing of the inside, a lost store is a 503."""

import logging
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api.errors import PROBLEMS, Problem
from incidents_api.model.kinds import BY_PLURAL
from incidents_api.reading import pages, records
from incidents_api.writing import records as writing
from tests import make, postgres
from tests.conftest import key_for, serve

MERGE = {"Content-Type": "application/merge-patch+json"}
SECRET = "/etc/secret: SELECT secret FROM api_key"  # what an exception could say that nobody should read


def is_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, whole and of that kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/v1/problems/{code}"
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"]
    assert problem["detail"]
    return problem


def test_codes_are_each_told_once() -> None:
    assert len({problem.code for problem in PROBLEMS}) == len(PROBLEMS) >= 14
    assert all((400 <= problem.status < 600 or problem.status == 308) and problem.__doc__ for problem in PROBLEMS)


def test_every_problem_is_told_at_the_address_of_its_type(client: TestClient) -> None:
    listed = client.get("/v1/problems").json()["problems"]
    assert [entry["code"] for entry in listed] == [problem.code for problem in PROBLEMS]
    for problem, entry in zip(PROBLEMS, listed, strict=True):
        told = client.get(problem().wire()["type"])
        assert told.status_code == 200
        assert told.json() == entry
        assert (entry["status"], entry["title"], entry["meaning"]) == (problem.status, problem.title, problem.__doc__)
    is_problem(client.get("/v1/problems/nothing"), 404, "not_found")


def test_the_document_tells_every_code(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()["components"]["schemas"]["Problem"]
    assert schema["properties"]["code"]["enum"] == [problem.code for problem in PROBLEMS]


def fail(*_: Any, **__: Any) -> Any:
    raise RuntimeError(SECRET)


ASKED: dict[str, Callable[[TestClient, dict[str, str]], Any]] = {
    "list": lambda client, key: client.get("/v1/incidents", headers=key),
    "total": lambda client, key: client.get("/v1/actors?count=exact", headers=key),
    "record": lambda client, key: client.get("/v1/incidents/01890000-0000-7000-8000-000000000000", headers=key),
    "create": lambda client, key: client.post("/v1/actors", json=make.actor(), headers=key),
    "patch": lambda client, key: client.patch(
        "/v1/actors/01890000-0000-7000-8000-000000000000", json={}, headers=key | MERGE | {"If-Match": "*"}
    ),
    "head": lambda client, key: client.head("/v1/incidents", headers=key),
}


@pytest.mark.parametrize("asked", ASKED)
def test_an_unexpected_error_leaks_nothing(
    client: TestClient, asked: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = key_for(client)
    rooms = {pages: ("page", "total"), records: ("one",), writing: ("compose", "standing")}
    for room, names in rooms.items():
        for name in names:
            monkeypatch.setattr(room, name, fail)
    with caplog.at_level(logging.ERROR):
        answer = ASKED[asked](client, key | {"Origin": "https://map.example"})
    monkeypatch.undo()
    assert answer.status_code == 500
    said = answer.text + repr(answer.headers)
    assert not [word for word in ("secret", "SELECT", "RuntimeError", "Traceback", ".py", "Bearer") if word in said]
    # Whoever runs the service reads what happened; the key is not part of it.
    assert SECRET in caplog.text
    assert key["Authorization"].removeprefix("Bearer ") not in caplog.text
    for plural in BY_PLURAL:
        assert client.get(f"/v1/{plural}").status_code == 200
    assert client.post("/v1/actors", json=make.actor(), headers=key).status_code == 201
    if asked == "head":
        assert answer.content == b""
    else:
        problem = is_problem(answer, 500, "internal")
        assert problem.keys() <= {"type", "title", "status", "code", "detail", "instance"}
    assert answer.headers["access-control-allow-origin"] == "*"


def unavailable(client: TestClient, key: dict[str, str]) -> list[str]:
    """What is not as it should be: every way in says 503, and when to come again, and nothing of the inside."""
    asked = [("GET", f"/v1/{plural}", {}) for plural in BY_PLURAL]
    asked += [("GET", path, {}) for path in ("/readyz", "/v1", "/v1/actors/01890000-0000-7000-8000-000000000000")]
    asked += [("GET", "/v1/incidents", key), ("POST", "/v1/actors", key)]
    wrong = []
    for method, path, headers in asked:
        answer = client.request(method, path, headers=headers, json=make.actor() if method == "POST" else None)
        try:
            problem = is_problem(answer, 503, "unavailable")
        except AssertionError:
            wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            continue
        if not answer.headers.get("retry-after", "").isdecimal():
            wrong.append(f"{method} {path}: no Retry-After")
        inside = ("sql", "table", "psycopg", "postgres", "connection", "host", ".db", "port", "database disk")
        if [word for word in inside if word in problem["detail"].lower()]:
            wrong.append(f"{method} {path} tells of the inside: {problem['detail']}")
    lasting = ("/livez", "/v1/codebook", "/v1/problems/unavailable", "/openapi.json")
    return wrong + [f"{path} needs the store" for path in lasting if client.get(path).status_code != 200]


def refused(client: TestClient, key: dict[str, str]) -> list[str]:
    """What is not as it should be with writes to a store that was lost while it was served."""
    wrong = []
    for _ in range(2):
        answer = client.post("/v1/actors", json=make.actor(), headers=key)
        if answer.status_code != 503 or not answer.headers.get("retry-after", "").isdecimal():
            wrong.append(f"{answer.status_code} {dict(answer.headers)} {answer.text[:200]}")
    return wrong


def test_the_file_is_gone(new_store: Callable[..., str]) -> None:
    url = new_store("sqlite")
    with serve(url) as client:
        key = key_for(client)
    path = Path(url.removeprefix("sqlite:///"))
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    with serve(url, statement_seconds=0.5) as client:
        wrong = unavailable(client, key)
    wrong += ["a store that is gone came back empty"] if path.exists() else []
    assert not wrong, "\n".join(wrong)


def test_the_folder_is_gone(new_store: Callable[..., str], tmp_path: Path) -> None:
    folder = tmp_path / "away"
    folder.mkdir()
    shutil.move(new_store("sqlite").removeprefix("sqlite:///"), folder / "store.db")
    url = f"sqlite:///{folder / 'store.db'}"
    with serve(url) as client:
        key = key_for(client)
    shutil.rmtree(folder)
    with serve(url, statement_seconds=0.5) as client:
        wrong = unavailable(client, key)
    assert not wrong, "\n".join(wrong)


def test_the_file_is_no_store(new_store: Callable[..., str], tmp_path: Path) -> None:
    with serve(new_store("sqlite")) as client:
        key = key_for(client)
    wrong = []
    for name, content in {"empty.db": b"", "text.db": b"This is a text and no database.\n" * 200}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with serve(f"sqlite:///{path}", statement_seconds=0.5) as client:
            wrong += [f"{name}: {said}" for said in unavailable(client, key)]
    assert not wrong, "\n".join(wrong)


def test_the_server_is_gone(new_store: Callable[..., str]) -> None:
    with serve(new_store("postgresql")) as client:
        key = key_for(client)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        url = f"postgresql://nobody:hidden@127.0.0.1:{taken.getsockname()[1]}/nothing"
        with serve(url, statement_seconds=0.5) as client:
            wrong = unavailable(client, key)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("lost", ["file", "folder"])
def test_the_file_is_lost_while_it_is_served(new_store: Callable[..., str], tmp_path: Path, lost: str) -> None:
    folder = tmp_path / "away"
    folder.mkdir()
    path = folder / "store.db"
    shutil.move(new_store("sqlite").removeprefix("sqlite:///"), path)
    with serve(f"sqlite:///{path}", statement_seconds=0.5) as client:
        key = key_for(client)
        assert client.post("/v1/actors", json=make.actor(), headers=key).status_code == 201
        if lost == "folder":
            shutil.rmtree(folder)
        else:
            for file in folder.iterdir():
                file.unlink()
        wrong = refused(client, key)
    wrong += [f"{file.name} came back empty" for file in folder.glob("store.db")]
    assert not wrong, "\n".join(wrong)


def test_the_database_is_lost_while_it_is_served(new_store: Callable[..., str]) -> None:
    url = new_store("postgresql")
    with serve(url, statement_seconds=0.5) as client:
        key = key_for(client)
        assert client.post("/v1/actors", json=make.actor(), headers=key).status_code == 201
        postgres.drop_database(url)
        wrong = unavailable(client, key)
    assert not wrong, "\n".join(wrong)


def test_every_status_has_one_problem() -> None:
    by_status: dict[int, list[type[Problem]]] = {}
    for problem in PROBLEMS:
        by_status.setdefault(problem.status, []).append(problem)
    assert {400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 428, 500, 503} <= by_status.keys()
    assert all(issubclass(problem, Problem) for problem in PROBLEMS)
