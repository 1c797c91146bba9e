"""The service against its own OpenAPI document: schemathesis asks what may be asked there, and what may not."""

import gc
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.python import asgi

from incidents_api import access
from incidents_api.app import create_app
from incidents_api.settings import Settings
from incidents_api.writing.verify import verify

LEFT_OUT = {
    "positive_data_acceptance": "what a schema allows can still be refused by the state: unknown ids, circles, quotes",
    "negative_data_rejection": "a count in a path or query is a word on the wire; test_malformed sends what is wrong",
    "missing_required_header": "If-Match is needed for writes that change (428); for added claims it may be left out",
    "ignored_auth": "reads are open, and it can only be told from a 2xx that random writes seldom get",
    "use_after_free": "an id that ended answers 410 here and 404 before it was; test_records follows a whole life",
    "ensure_resource_availability": "a restricted incident is not there for its own author without the scope to see it",
    "object_level_authorization": "there are no owners of records",
}
"""Checks that cannot hold, each with its reason; all others do."""


@schemathesis.serializer("application/x-ndjson")
def lines(_: Any, value: Any) -> bytes:
    """A report as one line."""
    return json.dumps(value).encode()


SAME = "^export_|^(bulk|replace)_(actor|incident|source|statistic)"
"""Operations that are told what others are told in every shape already: files the parameters of a list, lines and
replacements the bodies of reports. Shapes come without If-Match, so a replacement would only say 428."""
BIG = "^(create_incident|create_statistic|add_claims)$"
"""Operations with thousands of shapes."""


def settings(examples: int, *, shapes: str) -> SchemathesisConfig:
    """The same requests every time; `shapes`: which shapes of requests to try (all, right, none).

    No database sees what is of the wrong shape, so one run is enough for that; test_malformed asks both.
    """
    left = {"all": [SAME], "right": [SAME, BIG], "none": [".*"]}[shapes]
    return SchemathesisConfig.from_dict(
        {
            "seed": 20240326,
            "generation": {
                "deterministic": True,
                "no-shrink": True,
                "max-examples": examples,
                "database": "none",
                "mode": "positive" if shapes == "right" else "all",
            },
            "phases": {"stateful": {"enabled": True, "max-steps": 6, "generation": {"max-examples": examples}}},
            "checks": {name: {"enabled": False} for name in LEFT_OUT},
            "operations": [
                {"include-operation-id-regex": names, "phases": {"coverage": {"enabled": False}}} for names in left
            ],
        }
    )


@pytest.fixture
def app(new_store: Callable[..., str], engine: str) -> Iterator[Any]:
    """The service over the five articles, in this process."""
    made = create_app(Settings(_env_file=None, database_url=new_store(engine, seeded=True)))
    yield made
    asgi.shutdown_lifespans()
    gc.freeze()  # schemathesis keeps gigabytes of a run, which every later search for garbage would walk through


RUNS = {
    "sqlite with a key": ("sqlite", ("write", "review"), 8, "all"),
    "postgresql with a key": ("postgresql", ("write", "review"), 8, "right"),
    "sqlite without a key": ("sqlite", (), 4, "none"),
    "postgresql without a key": ("postgresql", (), 4, "none"),
}


@pytest.mark.parametrize(("engine", "scopes", "examples", "shapes"), RUNS.values(), ids=RUNS)
def test_the_service_does_what_its_document_says(app: Any, scopes: tuple[str, ...], examples: int, shapes: str) -> None:
    config = settings(examples, shapes=shapes)
    if scopes:
        token = app.state.database.write_now(access.create_key, "tester", scopes)
        config.projects.default.headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    asked: Counter[str] = Counter()
    answers: Counter[int] = Counter()
    wrong: set[str] = set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.add(str(getattr(event, "value", None) or getattr(event, "exception", event)))
        if not isinstance(event, events.ScenarioFinished):
            continue
        for case_id, checks in event.recorder.checks.items():
            asked[event.phase.value] += 1
            answer = event.recorder.interactions[case_id].response
            answers[answer.status_code if answer is not None else 0] += 1
            sent = event.recorder.cases[case_id].value
            wrong |= {said for check in checks if (said := failed(event.phase.value, sent, check)) is not None}
    print(f"contract: {dict(asked)}; answers {dict(sorted(answers.items()))}; wrong {len(wrong)}")  # noqa: T201
    assert not wrong, "\n\n".join(sorted(wrong))
    assert asked["coverage"] > 1_000 or shapes == "none"
    assert asked["fuzzing"] > 50
    assert not [status for status in answers if status == 0 or status >= 500]
    assert not scopes or min(answers[201], answers[422], answers[428]) > 10
    assert app.state.database.write_now(verify).faults == []


def failed(phase: str, sent: Any, check: Any) -> str | None:
    """What a check found wrong."""
    if check.status != Status.FAILURE or check.failure_info is None:
        return None
    failure = check.failure_info.failure
    return f"{sent.method} {sent.operation.path} ({phase}) {check.name}: {failure.title}: {failure.message[:600]}"
