"""How often one client may ask: so many requests in a window that its first one opens. Arithmetic, without a clock."""

from collections import OrderedDict
from dataclasses import dataclass

MAX_CLIENTS = 10_000
"""How many clients are remembered; beyond it those that were quiet longest are forgotten."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a client stands after a request: whether it may go on, what is left, and the seconds until all is there."""

    allowed: bool
    left: int
    reset: float


class Rate:
    """`quota` requests in each window of `seconds`, counted apart for each client."""

    def __init__(self, quota: int, seconds: int = 60) -> None:
        self.quota, self.seconds = quota, seconds
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def spend(self, client: str, now: float) -> Standing:
        """Count a request at a moment of a clock that never goes back, in seconds."""
        end, used = self._windows.pop(client, (0.0, 0))
        if now >= end:
            end, used = now + self.seconds, 0
        allowed = used < self.quota
        used += allowed
        self._windows[client] = end, used
        if len(self._windows) > MAX_CLIENTS:
            self._windows.popitem(last=False)
        return Standing(allowed, self.quota - used, end - now)
