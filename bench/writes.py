"""Writes and mixed load: `python -m bench.writes` posts one by one, then lets 32 clients read and write together.

What is posted stays in a store, so this has stores of its own, of 20,000 incidents, made anew for every run. The limit
is a server that reads and validates the report and writes nothing.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench import CACHE, load, postgres, results
from bench.constants import Constants
from bench.generate import data
from bench.goals import goals
from bench.hits import Hit, hits
from bench.ours import Ours
from bench.run import PORT, all_systems, begin
from bench.systems import Data, Request, Running, System, chosen
from bench.wire import spelled

SIZE = 20_000
CLIENTS = 32
POSTERS = 16
MIX = {"get": 50, "list": 25, "text": 10, "totals_month": 10, "post": 5}
"""Shares of the mixed load, in percent."""


def fdatasync(folder: Path, number: int = 200) -> float:
    """Median seconds in which this disk takes 4 KB for certain."""
    took = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(number):
            begun = time.perf_counter()
            file.write(b"x" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return statistics.median(took)


def mixed(system: System, asked: dict[str, list[Hit]]) -> tuple[list[bytes], list[str]]:
    """Requests in the shares of the mix, and what each of them is; none for a system that cannot do all of them."""
    chance, requests, kinds = random.Random(5), [], []
    for name in chance.choices(list(MIX), weights=list(MIX.values()), k=2_000):
        request = system.request(name, chance.choice(asked[name]))
        if request is None:
            return [], []
        requests.append(spelled(request))
        kinds.append(name)
    return requests, kinds


@dataclass
class Writes:
    """The systems under way, what they are asked, and what was measured."""

    made: Data
    systems: list[System]
    asked: dict[str, list[Hit]]
    running: dict[str, Running] = field(default_factory=dict)
    told: dict[str, dict[str, list[dict[str, float]]]] = field(default_factory=dict)

    def start(self) -> None:
        """Load and start them; loading is the bulk that is measured, once."""
        self.told |= {"post": {}, "mixed": {}, "bulk": {}}
        for n, system in enumerate(self.systems):
            if (begun := begin(system, self.made, PORT + n)) is not None:
                self.running[system.name], seconds = begun
                self.told["bulk"][system.name] = [{"rate": self.made.size / seconds}]
        self.systems = [one for one in self.systems if one.name in self.running]

    def posts(self, system: System) -> list[bytes]:
        """The incidents to post, as this system takes them."""
        made = [system.request("post", hit) for hit in self.asked["post"]]
        return [spelled(one) for one in made if one is not None]

    def round(self, number: int, seconds: float, floor: Running) -> None:
        """All systems one after the other, each beside what bounds it."""
        for system in self.systems[::-1] if number % 2 else self.systems:
            running = self.running[system.name]
            if posts := self.posts(system):
                self.note("post", system.name, load.drive(running, posts, POSTERS, seconds))
            requests, kinds = mixed(system, self.asked)
            if requests:
                self.note("mixed", system.name, load.drive(running, requests, CLIENTS, seconds, kinds))
            if isinstance(system, Ours) and system.name == "ours":
                parsed = [Request("POST", "/parse", {}, orjson.dumps(hit["report"])) for hit in self.asked["post"]]
                self.note("post", "parse_only", load.drive(floor, list(map(spelled, parsed)), POSTERS, seconds))
                alone = [spelled(one) for hit in self.asked["get"] if (one := system.request("get", hit)) is not None]
                self.note("mixed", "get alone", load.drive(running, alone, CLIENTS, seconds))

    def note(self, name: str, system: str, found: load.Load) -> None:
        """Keep what one drive gave, the waits of each kind too."""
        if found.failed:
            print(f"{system} {name}: {found.failed} of {found.requests} failed", file=sys.stderr)
        figures = {"rate": found.rate, "cpu": found.cpu_each, "p50": found.wait(0.5), "p99": found.wait(0.99)}
        figures |= {"failed": found.failed, "others": found.others}
        for kind, waits in found.by.items():
            figures[f"{kind}_p50"] = waits[len(waits) // 2]
            figures[f"{kind}_p99"] = waits[int(len(waits) * 0.99)]
        self.told[name].setdefault(system, []).append(figures)


def measure(systems: list[System], made: Data, rounds: int, seconds: float) -> tuple[Any, Any]:
    """Start everything, post and mix in turn."""
    about: dict[str, Any] = {"disk": {"fdatasync_seconds": fdatasync(made.folder)}}
    constants = Constants()
    writes = Writes(made, systems, {name: hits(made, name) for name in MIX})
    try:
        writes.start()
        floor = constants.start(PORT - 1)
        for number in range(rounds):
            writes.round(number, seconds, floor)
    finally:
        for system in systems:
            system.stop()
        constants.stop()
        postgres.SERVER.stop()
    return writes.told, about


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=SIZE)
    asked.add_argument("--systems", nargs="+", default=["ours", "ours-pg", "usual", "usual-pg"], help="or all")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=3.0)
    given = asked.parse_args()
    folder = CACHE / f"writes-{given.size}"
    shutil.rmtree(folder, ignore_errors=True)
    systems = chosen(all_systems(), [] if given.systems == ["all"] else given.systems)
    told, about = measure(systems, data(given.size, folder), given.rounds, given.seconds)
    path = results.keep("writes", given.size, told, about)
    print(results.table(told))
    for name, rounds in told["mixed"].items():
        waits = {key: results.middle(rounds, key) * 1e3 for key in rounds[0] if key.endswith(("p50", "p99"))}
        print(f"{name:<12}", ", ".join(f"{key} {value:.1f} ms" for key, value in waits.items()))
    print(results.judged(told, goals()))
    print(f"fdatasync {about['disk']['fdatasync_seconds'] * 1e3:.2f} ms; kept in {path}")


if __name__ == "__main__":
    main()
