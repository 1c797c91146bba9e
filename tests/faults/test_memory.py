"""The memory of the server while very many lines are posted in one request: bounded, whatever their number."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.faults.harness import Server, report, served

LINES = 1_000_000 if os.environ.get("INCIDENTS_SOAK") == "1" else 2_000
LIMIT = 300
"""MiB, for any number of lines."""


def test_memory_stays_bounded_while_lines_are_posted(store_url: str, tmp_path: Path) -> None:
    with served(store_url, tmp_path) as server:
        assert post_lines(server, LINES) < LIMIT


def post_lines(server: Server, count: int) -> int:
    """Post so many lines in one request; the most memory that the server ever held, in MiB."""

    def lines() -> Iterator[bytes]:
        for n in range(count):
            told = report(f"Report {n}") | {"summary": "Sixteen people were freed from a safe house. " * (1 + n % 20)}
            yield json.dumps(told | {"external_ids": {"load": str(n)}}).encode() + b"\n"

    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/x-ndjson"}
    started = time.monotonic()
    answer = httpx.post(
        f"http://127.0.0.1:{server.port}/v1/incidents/bulk",
        content=lines(),
        headers=headers,
        trust_env=False,
        timeout=7_200,
    )
    seconds = time.monotonic() - started
    assert answer.json()["created"] == count, answer.text[:500]
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    most = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) // 1024
    told = f"{count:,} lines in one request: {seconds:,.0f} s, the server held {most} MiB at the most"
    print(told)  # noqa: T201 - the figure is the result
    return most
