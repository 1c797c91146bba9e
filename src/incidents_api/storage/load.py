"""How busy the store is: what waits, what is in use, and how large the batches were. For /metrics."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass


class Histogram:
    """How many values lay at or below each bound, and their sum; adding one costs less than a microsecond."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


@dataclass(frozen=True, slots=True)
class ReaderLoad:
    """The read face: how many reads run, how many may, and how many wait for one to end."""

    busy: int
    size: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Load:
    """The store as it is now. `batches`: writes in one commit, of all commits since the start."""

    queued: int
    batches: Histogram
    reader: ReaderLoad
