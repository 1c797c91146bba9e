"""Random histories over HTTP, on both databases at once: every answer is the one that a small model gives."""

import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from incidents_api.model.audience import PUBLISHED
from tests import postgres
from tests.conftest import prepare
from tests.state import record
from tests.state.history import History
from tests.state.services import Services, fast_folder, running

SHORT, LONG = (15, 30), (300, 50)
"""Histories and steps of each: in the suite, always the same ones; with --soak, others every time."""


@pytest.fixture(scope="module")
def services(postgres_server: str) -> Iterator[Services]:
    """Two stores, kept for all histories."""
    with fast_folder() as folder:
        urls = {"SQLite": f"sqlite:///{folder / 'store.db'}", "PostgreSQL": postgres.create_database(postgres_server)}
        for url in urls.values():
            prepare(url, seeded=False)
        with running(urls) as opened:
            yield opened
        postgres.drop_database(urls["PostgreSQL"])


def test_every_answer_is_the_models(services: Services, request: pytest.FixtureRequest) -> None:
    soak: bool = request.config.getoption("--soak")
    runs, steps = LONG if soak else SHORT
    assert record.PUBLISHED == PUBLISHED
    History.services, History.done, History.length = services, Counter(), steps
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            derandomize=not soak,
            phases=(Phase.generate, Phase.shrink),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
        _min_steps=steps,
    )
    History.tell()
    sys.stdout.write("\n".join(f"{count:7} {what}" for what, count in sorted(History.done.items())) + "\n")
    assert History.whole >= runs
    for write in ("POST merge 200", "POST review 200", "DELETE incidents 204", "PATCH incidents 200"):
        assert History.done[write], write
