"""What a measured system must be able to do, and what all of them are given: the same files, the same hits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

MEASURES = ("killed", "injured", "kidnapped", "rescued")
"""The figures that flat rows hold and that totals are compared by."""
LEVELS = ("low", "best", "high")
SUMS = tuple(f"{measure}_{level}" for measure in MEASURES for level in LEVELS)
"""The columns of figures in flat.csv, and the order of the sums in a row of totals."""

COLUMNS = (
    "id", "title", "summary", "type", "stage", "country", "admin1", "date_start", "date_end", "month", "lat", "lon",
    "place", "actor_a", "actor_b", "source", "status", *SUMS,
)  # fmt: skip
"""The columns of flat.csv, one row for each incident that the public sees, as it stands now.

`id` is the id in every system. `date_start` and `date_end` are days (YYYY-MM-DD), never empty; `month` (YYYY-MM) is
empty where the date is not known to the month. `lat` and `lon` are empty where the place is coarser than a city: a box
or a circle never finds such a row. Figures are empty where the incident has none of that measure; where the best or
high figure is not known, the one below it stands there, as in totals.
"""


NUMBERS: dict[str, type] = {"lat": float, "lon": float} | dict.fromkeys(SUMS, int)
"""The columns that hold numbers; all others hold texts."""


@dataclass(frozen=True)
class Data:
    """Files made by bench/generate.py, `size` incidents; every system keeps its store in `folder`/NAME.

    actors.ndjson, sources.ndjson: reports of what incidents refer to, in our wire form, one to a line.
    incidents.ndjson: the incidents in the order of loading, restricted ones included.
    revisions.ndjson: the reports that 3 % of them are revised by afterwards.
    flat.csv: see COLUMNS, as after the revisions.
    reference.db: SQLite with the table `flat` of the same columns, what the answers are compared with.
    """

    folder: Path
    size: int

    @property
    def actors(self) -> Path:
        """Reports of the actors that take part."""
        return self.folder / "actors.ndjson"

    @property
    def sources(self) -> Path:
        """Reports of the sources that are cited."""
        return self.folder / "sources.ndjson"

    @property
    def incidents(self) -> Path:
        """Our reports, as first sent."""
        return self.folder / "incidents.ndjson"

    @property
    def revisions(self) -> Path:
        """The reports of those that are revised."""
        return self.folder / "revisions.ndjson"

    @property
    def flat(self) -> Path:
        """One row for each incident that the public sees."""
        return self.folder / "flat.csv"

    @property
    def reference(self) -> Path:
        """The same rows in SQLite."""
        return self.folder / "reference.db"


@dataclass(frozen=True)
class Running:
    """A started system: its address without a slash at the end, and the roots of the process trees whose CPU counts.

    The first of them is the system itself, whose memory counts; a database that it asks stands after it. `more`: the
    addresses of further processes that serve the same.
    """

    url: str
    pids: tuple[int, ...]
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is sent; `path` begins with a slash and holds the query, already percent-encoded."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class System(Protocol):
    """One way to serve the data. Everything it prints goes to a log in its folder, never to our output."""

    name: str

    def missing(self) -> str | None:
        """Why it cannot run here (not installed, no network ...); None when it can."""
        ...

    def load(self, data: Data) -> float:
        """Make its store under data.folder/NAME, once; the seconds that took. When it is there: what it took then."""
        ...

    def start(self, port: int) -> Running:
        """Serve that store on 127.0.0.1:port; returns when it answers. An environment of its own lives in
        .cache/bench/NAME."""
        ...

    def stop(self) -> None:
        """End every process that start began; nothing when none runs."""
        ...

    def request(self, workload: str, hit: Mapping[str, Any]) -> Request | None:
        """How it is asked for this hit of a workload (bench/workloads.py says what hits hold); None: it cannot."""
        ...

    def ids(self, workload: str, body: bytes) -> list[str] | None:
        """The ids that an answer holds, in its order; of totals the rows as `row` spells them, in any order.

        None: the answer holds none (of a POST, say). A body that is an error raises ValueError.
        """
        ...


def row(key: str | None, incidents: int, sums: Sequence[int | None]) -> str:
    """A row of totals as it is compared: the group ("" for none), its incidents, then the sums in the order of SUMS."""
    if len(sums) != len(SUMS):
        raise ValueError(f"{len(sums)} sums, not {len(SUMS)}")
    return "|".join((key or "", str(incidents), *(str(value or 0) for value in sums)))


def chosen(systems: Iterable[System], names: Sequence[str]) -> list[System]:
    """The systems of these names, in their own order; all of them when none is named. KeyError for an unknown name."""
    known = {one.name: one for one in systems}
    if unknown := set(names) - known.keys():
        raise KeyError(f"there is no system {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [one for name, one in known.items() if not names or name in names]
