"""The memory of the server while very many lines are posted in one request: bounded, whatever their number."""

import os
from pathlib import Path

from bench.goals import goals
from bench.memory import LINES, post_lines
from tests.faults.harness import served

COUNT = LINES if os.environ.get("INCIDENTS_SOAK") == "1" else 2_000
[GOAL] = [goal for goal in goals() if goal.workload == "one_request"]


def test_memory_stays_bounded_while_lines_are_posted(store_url: str, tmp_path: Path) -> None:
    with served(store_url, tmp_path) as server:
        assert server.process is not None
        told = post_lines(f"http://127.0.0.1:{server.port}", server.key, server.process.pid, COUNT)
    print(f"{COUNT:,} lines in one request: {told}")  # noqa: T201 - the figures are the result
    assert GOAL.holds(told["most_mb"])
