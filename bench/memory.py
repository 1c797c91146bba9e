"""The memory of one long request: `python -m bench.memory` posts lines in bulk and looks at what the server held.

The client makes each line as it is taken, and the server keeps none: so its memory must not depend on their number.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench import CACHE, ours, results
from bench.goals import goals
from bench.ours import Ours
from bench.processes import Failed
from bench.run import PORT

LINES = 1_000_000
HOURS = 4
"""How long the client waits at the most."""
STATEMENT = "Sixteen people were freed from a safe house. "


def lines(count: int) -> Iterator[bytes]:
    """Reports of different lengths, each with its place."""
    for n in range(count):
        told = {
            "type": "rescue_operation",
            "title": f"Report {n}",
            "date": "2024-03-26",
            "summary": STATEMENT * (1 + n % 20),
            "claims": [{"measure": "rescued", "population": "victims", "value": 16}],
            "source": {"title": "A paper", "url": "https://news.example/1"},
            "external_ids": {"load": str(n)},
        }
        yield orjson.dumps(told) + b"\n"


def post_lines(url: str, key: str, pid: int, count: int) -> dict[str, float]:
    """Post so many lines to a server in one request: seconds, lines a second, the most megabytes that it ever held."""
    begun = time.perf_counter()
    answer = httpx.post(
        f"{url}/v1/incidents/bulk",
        content=lines(count),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"},
        timeout=HOURS * 3600,
        trust_env=False,
    )
    seconds = time.perf_counter() - begun
    if answer.json().get("created") != count:
        raise Failed(f"{count:,} lines were posted: {answer.text[:500]}")
    status = Path(f"/proc/{pid}/status").read_text()
    most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return {"seconds": seconds, "rate": count / seconds, "most_mb": most * 1024 / 1e6}


def measure(service: Ours, count: int) -> dict[str, float]:
    """The same to the service over a new store."""
    service.at(CACHE / "memory" / service.name)
    service.command("migrate")
    key = service.command("key", "create", "--scope", "write").strip()
    running = service.start(PORT)
    try:
        return post_lines(running.url, key, running.pids[0], count)
    finally:
        service.stop()


def main() -> None:
    """Measure, print and keep."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--lines", type=int, default=LINES)
    given = asked.parse_args()
    found: dict[str, Any] = {"one_request": {"ours": [measure(ours.sqlite(), given.lines)]}}
    print(json.dumps(found["one_request"]["ours"][0]))
    print(results.judged(found, goals()))
    print(f"kept in {results.keep('memory', given.lines, found, {})}")


if __name__ == "__main__":
    main()
