"""The goals of goals.toml, and whether a figure meets one."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "goals.toml"
SLACK = 1.5
"""How far beyond its goal a ratio may lie before the quick bench fails."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One row: a workload, what its figure is divided by (nothing: it is taken as it is), and what that must be."""

    workload: str
    of: str
    against: str = ""
    by: str = ""
    system: str = "ours"
    at_most: float | None = None
    at_least: float | None = None

    def holds(self, ratio: float, slack: float = 1.0) -> bool:
        """Whether a quotient meets it, give or take a factor."""
        if self.at_most is not None:
            return ratio <= self.at_most * slack
        return ratio >= (self.at_least or 0.0) / slack

    @property
    def told(self) -> str:
        """The bound as people write it."""
        return f"<= {self.at_most:g}" if self.at_most is not None else f">= {self.at_least:g}"


@cache
def goals() -> tuple[Goal, ...]:
    """Every goal; one of several workloads and systems counts for each of them."""
    return tuple(
        Goal(workload=workload, system=system, **row)
        for row in tomllib.loads(FILE.read_text())["goal"]
        for systems in [row.pop("systems", ["ours"])]
        for workload in row.pop("workloads")
        for system in systems
    )
