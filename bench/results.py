"""What was measured: kept as JSON, told as a table, held against the goals."""

import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.goals import Goal, goals
from bench.rows import CREDIT

FOLDER = Path(__file__).parent / "results"
Told = Mapping[str, Mapping[str, list[dict[str, float]]]]
"""Workload, system, and for each round its figures by name: rate, cpu, p50 ..."""
PACKAGES = ("fastapi", "starlette", "uvicorn", "sqlalchemy", "pydantic", "psycopg", "orjson")


def machine() -> dict[str, Any]:
    """On what this was measured."""
    names = Path("/proc/cpuinfo").read_text().split("model name") if Path("/proc/cpuinfo").exists() else []
    return {
        "processor": names[1].split(":", 1)[1].split("\n", 1)[0].strip() if len(names) > 1 else platform.processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
    }


def keep(what: str, size: int, told: Told, about: Mapping[str, Any]) -> Path:
    """Write the figures into bench/results; the file."""
    now = datetime.now(UTC)
    path = FOLDER / f"{now:%Y-%m-%d}-{what}-{size}.json"
    FOLDER.mkdir(exist_ok=True)
    kept = {"date": f"{now:%Y-%m-%dT%H:%M:%SZ}", "size": size, "drawn_from": CREDIT, "machine": machine()}
    kept |= {"systems": about, "rounds": told}
    path.write_text(json.dumps(kept, indent=1, default=str) + "\n")
    return path


def middle(rounds: Iterable[Mapping[str, float]], name: str) -> float:
    """The median of a figure over the rounds."""
    return statistics.median(one[name] for one in rounds)


def ratio(told: Told, goal: Goal) -> float | None:
    """The median of the quotients within each round; None where one side was not measured."""
    of = told.get(goal.workload, {})
    mine = of.get(goal.system)
    theirs = told[goal.against].get(goal.system) if goal.against in told else of.get(goal.against)
    if goal.against == "best peer":
        known = [found for name, found in of.items() if name not in NO_PEERS]
        theirs = max(known, key=lambda rounds: middle(rounds, goal.of), default=None)
    if not mine or not theirs:
        return None
    return statistics.median(one[goal.of] / other[goal.of] for one, other in zip(mine, theirs, strict=False))


NO_PEERS = ("ours", "ours-pg", "usual", "usual-pg", "limit", "constant_fastapi", "constant_chunks", "parse_only")


def table(told: Told) -> str:
    """Requests a second, in brackets CPU microseconds of a request, medians of the rounds."""
    systems = list(dict.fromkeys(name for found in told.values() for name in found))
    lines = ["| workload | " + " | ".join(systems) + " |", "|---|" + "---|" * len(systems)]
    for name, found in told.items():
        cells = [_cell(found[system]) if system in found else "" for system in systems]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(rounds: list[dict[str, float]]) -> str:
    return f"{middle(rounds, 'rate'):,.0f} ({middle(rounds, 'cpu') * 1e6:,.0f})"


def verdicts(told: Told) -> str:
    """Every goal that was measured, with what was reached."""
    lines = ["| workload | system | against | goal | reached | holds |", "|---|---|---|---|---|---|"]
    for goal in goals():
        found = ratio(told, goal)
        if found is not None:
            holds = "yes" if goal.holds(found) else "**no**"
            against = f"{goal.against} ({goal.of})"
            lines.append(f"| {goal.workload} | {goal.system} | {against} | {goal.told} | {found:.2f} | {holds} |")
    return "\n".join(lines)
