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
    """One row: a workload, what its figure is divided by, and what the quotient must be."""

    workload: str
    against: str
    of: str
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
    """Every goal; one with several workloads counts for each of them."""
    told = tomllib.loads(FILE.read_text())["goal"]
    return tuple(Goal(workload=name, **row) for row in told for name in row.pop("workloads"))
