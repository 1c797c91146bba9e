"""Writes and mixed load: `python -m bench.writes` posts one by one, then lets 32 clients read and write together.

What is posted stays in a store, so this has stores of its own, of 20,000 incidents, made anew for every run. The limit
is a server that reads and validates the report and writes nothing.
"""

import argparse
import os
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import CACHE, load, postgres, results
from bench.constants import Constants
from bench.generate import data
from bench.hits import Hit, hits
from bench.run import PORT, all_systems
from bench.systems import Data, Running, System, chosen
from bench.wire import spelled

SIZE = 20_000
CLIENTS = 32
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
    """Requests in the shares of the mix, and what each of them is; kinds that a system cannot do are left out."""
    chance, requests, kinds = random.Random(5), [], []
    for name in chance.choices(list(MIX), weights=list(MIX.values()), k=2_000):
        request = system.request(name, chance.choice(asked[name]))
        if request is not None:
            requests.append(spelled(request))
            kinds.append(name)
    return requests, kinds


def measure(systems: list[System], made: Data, rounds: int, seconds: float) -> tuple[Any, Any]:
    """Start everything, post and mix in turn."""
    asked = {name: hits(made, name) for name in MIX}
    told: dict[str, dict[str, list[dict[str, float]]]] = {"post": {}, "mixed": {}, "bulk": {}}
    about: dict[str, Any] = {"disk": {"fdatasync_seconds": fdatasync(made.folder)}}
    constants, running = Constants(), dict[str, Running]()
    try:
        for n, system in enumerate(systems):
            took = system.load(made)
            told["bulk"][system.name] = [{"rate": made.size / took, "cpu": float("nan")}]
            running[system.name] = system.start(PORT + n)
        floor = constants.start(PORT - 1)
        posts = {one.name: [one.request("post", hit) for hit in asked["post"]] for one in systems}
        for number in range(rounds):
            for system in systems[::-1] if number % 2 else systems:
                some = [spelled(one) for one in posts[system.name] if one is not None]
                if some:
                    note(told["post"], system.name, load.drive(running[system.name], some, 16, seconds))
                requests, kinds = mixed(system, asked)
                note(told["mixed"], system.name, load.drive(running[system.name], requests, CLIENTS, seconds, kinds))
            bodies = [one for one in posts["ours"] if one is not None]
            parsed = [spelled(type(one)("POST", "/parse", {}, one.body)) for one in bodies]
            note(told["post"], "parse_only", load.drive(floor, parsed, 16, seconds))
            alone = [spelled(one) for hit in asked["get"] if (one := systems[0].request("get", hit)) is not None]
            note(told["mixed"], "get alone", load.drive(running[systems[0].name], alone, CLIENTS, seconds))
    finally:
        for system in systems:
            system.stop()
        constants.stop()
        postgres.SERVER.stop()
    return told, about


def note(told: dict[str, list[dict[str, float]]], name: str, found: load.Load) -> None:
    """Keep what one drive gave, the waits of each kind too."""
    figures = {"rate": found.rate, "cpu": found.cpu_each, "p50": found.wait(0.5), "p99": found.wait(0.99)}
    figures["failed"] = found.failed
    for kind, waits in found.by.items():
        figures[f"{kind}_p50"] = waits[len(waits) // 2]
        figures[f"{kind}_p99"] = waits[int(len(waits) * 0.99)]
    told.setdefault(name, []).append(figures)


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=SIZE)
    asked.add_argument("--systems", nargs="+", default=["ours", "usual"], help="or all")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=3.0)
    given = asked.parse_args()
    folder = CACHE / f"writes-{given.size}"
    shutil.rmtree(folder, ignore_errors=True)
    systems = chosen(all_systems(), [] if given.systems == ["all"] else given.systems)
    systems = [one for one in systems if one.missing() is None]
    told, about = measure(systems, data(given.size, folder), given.rounds, given.seconds)
    path = results.keep("writes", given.size, told, about)
    print(results.table(told))
    for name, rounds in told["mixed"].items():
        waits = {key: results.middle(rounds, key) * 1e3 for key in rounds[0] if key.endswith(("p50", "p99"))}
        print(f"{name:<12}", ", ".join(f"{key} {value:.1f} ms" for key, value in waits.items()))
    print(results.verdicts(told))
    print(f"fdatasync {about['disk']['fdatasync_seconds'] * 1e3:.2f} ms; kept in {path}")


if __name__ == "__main__":
    main()
