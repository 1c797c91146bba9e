"""What was measured: kept as JSON, told as tables, held against the goals."""

import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import CACHE
from bench.goals import Goal
from bench.rows import CREDIT

FOLDER = CACHE / "results"
Told = Mapping[str, Mapping[str, list[dict[str, float]]]]
"""Workload, system, and for each round its figures by name: rate, cpu, p50 ..."""
PACKAGES = ("fastapi", "starlette", "uvicorn", "sqlalchemy", "pydantic", "psycopg", "orjson")
NO_PEERS = (
    "ours", "ours-pg", "usual", "usual-pg", "limit", "constant_fastapi", "constant_chunks", "parse_only", "get alone",
)  # fmt: skip
LARGEST, BEFORE = "largest store", "size before"


def machine() -> dict[str, Any]:
    """On what this was measured, and how busy it was in the last one, five and fifteen minutes."""
    names = Path("/proc/cpuinfo").read_text().split("model name") if Path("/proc/cpuinfo").exists() else []
    return {
        "processor": names[1].split(":", 1)[1].split("\n", 1)[0].strip() if len(names) > 1 else platform.processor(),
        "cores": os.cpu_count(),
        "load": [round(one, 1) for one in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version(name) for name in PACKAGES},
    }


def keep(what: str, size: int, told: Told, about: Mapping[str, Any]) -> Path:
    """Write the figures of a run into a file of its own."""
    now = datetime.now(UTC)
    path = FOLDER / f"{now:%Y-%m-%d-%H%M%S}-{what}-{size}.json"
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = {"what": what, "date": f"{now:%Y-%m-%dT%H:%M:%SZ}", "size": size, "drawn_from": CREDIT}
    kept |= {"machine": machine(), "systems": about, "rounds": told}
    path.write_text(json.dumps(kept, indent=1, default=str) + "\n")
    return path


def middle(rounds: Iterable[Mapping[str, float]], name: str) -> float:
    """The median of a figure over the rounds."""
    return statistics.median(one[name] for one in rounds)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was reached of a goal: the figure or quotient, and whose they are; None: it was not measured.

    `limit`: what the limit reached of it in the same rounds, where it was asked over sockets, too.
    """

    goal: Goal
    reached: float | None = None
    system: str = ""
    against: str = ""
    limit: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the goal is met, which what was not measured never is."""
        return self.reached is not None and self.goal.holds(self.reached)

    @property
    def beyond(self) -> bool:
        """Whether it is missed, and the limit misses it as well."""
        missed = self.reached is not None and not self.holds
        return missed and self.limit is not None and not self.goal.holds(self.limit)


def verdict(told: Told, goal: Goal) -> Verdict:
    """The median of the quotients within each round, or of the figures where nothing is divided."""
    of = told.get(goal.workload, {})
    system, against = _parties(of, goal)
    mine = [one[goal.of] for one in of.get(system, ()) if goal.of in one]
    if not goal.against:
        return Verdict(goal, statistics.median(mine) if mine else None, system)
    there = told[against].get(system, []) if against in told else of.get(against, [])
    theirs = [one[goal.by or goal.of] for one in there if (goal.by or goal.of) in one]
    if not mine or not theirs:
        return Verdict(goal)
    quotients = [one / other for one, other in zip(mine, theirs, strict=False) if other > 0]
    over_sockets = goal.of == "rate" and system != "limit" and "limit" in of
    limit = verdict(told, replace(goal, system="limit")).reached if over_sockets else None
    return Verdict(goal, statistics.median(quotients) if quotients else None, system, against, limit)


def _parties(of: Mapping[str, list[dict[str, float]]], goal: Goal) -> tuple[str, str]:
    """The names of the systems of a goal, where it does not name them itself."""
    if goal.against == "best peer":
        peers = {name: rounds for name, rounds in of.items() if name not in NO_PEERS and goal.of in rounds[0]}
        known = {name: middle(rounds, goal.of) for name, rounds in peers.items()}
        return goal.system, max(known, key=known.__getitem__, default="")
    if goal.against == "one worker":
        return goal.system, f"{goal.system}, one worker"
    if goal.system == LARGEST:
        sizes = sorted((name for name in of if name.isdigit()), key=int)
        return (sizes[-1], sizes[-2]) if len(sizes) > 1 else ("", "")
    return goal.system, goal.against


def table(told: Told) -> str:
    """Requests a second, in brackets CPU microseconds of a request, medians of the rounds; of one alone no brackets."""
    systems = list(dict.fromkeys(name for found in told.values() for name in found))
    lines = ["| workload | " + " | ".join(systems) + " |", "|---|" + "---|" * len(systems)]
    for name, found in told.items():
        cells = [_cell(found[system]) if system in found else "" for system in systems]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(rounds: list[dict[str, float]]) -> str:
    told = [f"{middle(rounds, 'rate'):,.0f}"] if "rate" in rounds[0] else []
    if "cpu" in rounds[0]:
        cpu = f"{middle(rounds, 'cpu') * 1e6:,.0f}"
        told.append(f"({cpu})" if told else cpu)
    return " ".join(told)


def spelled(figure: float) -> str:
    """A figure with about three digits."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"


def verdicts(found: Iterable[Verdict]) -> str:
    """A line for each goal, with what was reached."""
    lines = ["| workload | system | against | goal | reached | by the limit | holds |", "|---|---|---|---|---|---|---|"]
    for one in found:
        goal = one.goal
        against = f"{one.against or goal.against} ({goal.of})" if goal.against else goal.of
        reached = "not measured" if one.reached is None else spelled(one.reached)
        holds = "yes" if one.holds else "**no**" if one.reached is not None else "?"
        cells = (goal.workload, one.system or goal.system, against, goal.told, reached)
        limit = "" if one.limit is None else spelled(one.limit)
        lines.append("| " + " | ".join((*cells, limit, holds)) + " |")
    return "\n".join(lines)


def judged(told: Told, every: Iterable[Goal]) -> str:
    """The goals that this run has measured."""
    return verdicts(one for goal in every if (one := verdict(told, goal)).reached is not None)
