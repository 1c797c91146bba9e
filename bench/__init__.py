"""What the service costs, side by side with what would be used instead and with the limit of the machine."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "bench"
"""Generated data, stores and environments of peers; `make clean` removes it."""
