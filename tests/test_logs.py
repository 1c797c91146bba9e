"""The log of a running service: what its lines hold, and that faults are told without what clients sent."""

import json
import logging
from typing import Any

import pytest

from incidents_api.cli import logs


@pytest.fixture(params=["text", "json"])
def style(request: pytest.FixtureRequest) -> Any:
    """Both forms, set up as a server does; the root logger is put back afterwards."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    yield request.param
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.level, root.handlers[:] = before


def fail() -> None:
    try:
        {}["canary key"]
    except KeyError as error:
        raise ValueError("canary value") from error


def test_a_request_is_one_line(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(style, "info")
    logging.getLogger("x").info("request", extra={"told": {"route": "/v1/incidents", "status": 200}})
    logging.getLogger("x").debug("too fine")
    [line] = capsys.readouterr().err.splitlines()
    if style == "json":
        told = json.loads(line)
        assert told.pop("time").endswith("Z")
        assert told == {
            "level": "info", "logger": "x", "message": "request", "route": "/v1/incidents", "status": 200,
        }  # fmt: skip
    else:
        assert line.endswith("Z info request route=/v1/incidents status=200")


def test_a_fault_is_told_by_its_kind_and_place(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(style, "warning")
    try:
        fail()
    except ValueError:
        logging.getLogger("x").exception("unexpected error", extra={"told": {"request_id": "r1"}})
    told = capsys.readouterr().err
    assert "canary" not in told
    for word in ("unexpected error", "r1", "builtins.ValueError", "builtins.KeyError", "test_logs.py:", " fail"):
        assert word in told
    if style == "json":
        assert len(told.splitlines()) == 1


def test_an_error_that_leads_to_itself_ends() -> None:
    error = ValueError()
    error.__cause__ = KeyError()
    error.__cause__.__cause__ = error
    assert [type(one) for one in logs._chain(error)] == [ValueError, KeyError]


def test_a_line_break_in_a_message_stays_in_its_line_of_json(capsys: pytest.CaptureFixture[str], style: str) -> None:
    logs.set_up("json", "info")
    logging.getLogger("x").warning("one\ntwo %s", "three")
    assert json.loads(capsys.readouterr().err)["message"] == "one\ntwo three"
