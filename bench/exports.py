"""Exports of everything: `python -m bench.exports` reads each to the end, and looks how much memory it takes."""

import argparse
import threading
import time
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from bench import load, postgres, results
from bench.check import PATIENCE, right
from bench.constants import Constants
from bench.generate import data
from bench.goals import goals
from bench.hits import hits
from bench.ours import Ours
from bench.reference import Reference
from bench.run import PORT, all_systems, begin
from bench.systems import Data, Request, Running, System, chosen
from bench.workloads import WORKLOADS

EXPORTS = tuple(name for name in WORKLOADS if name.startswith("export_"))
WHOLE = "export_parquet"
"""What ours keeps for two minutes once it is made; so its rate is that of the process that was asked for it alone."""
PIECE = 1 << 18
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Watch(threading.Thread):
    """Looks at the memory of a system while it works."""

    def __init__(self, running: Running) -> None:
        super().__init__(daemon=True)
        self._running, self._ended = running, threading.Event()
        self._before = self._most = load.own_memory(running)

    def run(self) -> None:
        """Until it is told to end."""
        while not self._ended.wait(0.1):
            self._most = max(self._most, load.own_memory(self._running))

    def grown(self) -> int:
        """By how many bytes at the most."""
        self._ended.set()
        self.join()
        return max(self._most, load.own_memory(self._running)) - self._before


@dataclass
class Read:
    """An export that was read to its end; `pieces` is empty where its bytes were not wanted."""

    pieces: list[bytes]
    size: int
    seconds: float
    cpu: float

    def figures(self, rows: int) -> dict[str, float]:
        """Rows and bytes a second, CPU of a row."""
        return {"rate": rows / self.seconds, "cpu": self.cpu / rows, "bytes": self.size / self.seconds}


def read(running: Running, request: Request, *, whole: bool = False) -> Read:
    """Read an export to its end."""
    asked = urllib.request.Request(running.url + request.path, request.body or None, dict(request.headers))
    pieces, size = [], 0
    before, begun = load.cpu(running), time.perf_counter()
    with _DIRECT.open(asked, timeout=PATIENCE) as answer:
        while piece := answer.read(PIECE):
            size += len(piece)
            if whole:
                pieces.append(piece)
    return Read(pieces, size, time.perf_counter() - begun, load.cpu(running) - before)


class Exports:
    """The systems under way, and what was measured."""

    def __init__(self, systems: list[System], made: Data) -> None:
        self.made, self.systems = made, systems
        self.running: dict[str, Running] = {}
        self.told: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in EXPORTS}

    def alone(self, port: int) -> dict[tuple[str, str], dict[str, float]]:
        """Each export of ours by a process of its own: by how much it grows, with nothing left of another export."""
        found = {}
        for system in self.systems:
            for name in EXPORTS if isinstance(system, Ours) else ():
                system.load(self.made)
                running = system.start(port)
                try:
                    if (asked := system.request(name, {})) is not None:
                        for hit in hits(self.made, "list", 20):  # so that it is awake, and has loaded what it needs
                            read(
                                running,
                                Request("GET", f"{asked.path}?{urlencode({'from': hit['from'], 'to': hit['from']})}"),
                            )
                        watch = Watch(running)
                        watch.start()
                        figures = read(running, asked).figures(self.made.size)
                        found[system.name, name] = figures | {"grown_mb": watch.grown() / 1e6}
                finally:
                    system.stop()
        return found

    def start(self) -> None:
        """Start all that can run here."""
        for n, system in enumerate(self.systems):
            if (begun := begin(system, self.made, PORT + n)) is not None:
                self.running[system.name] = begun[0]
        self.systems = [one for one in self.systems if one.name in self.running]

    def check(self) -> None:
        """Every export holds the ids that it must, each once."""
        reference = Reference(self.made)
        for system in self.systems:
            for name in EXPORTS:
                if (request := system.request(name, {})) is not None:
                    found = read(self.running[system.name], request, whole=True)
                    if not right(reference, name, {}, system.ids(name, b"".join(found.pieces))):
                        raise ValueError(f"{system.name} {name} does not hold what it must: {found.size} bytes")
        reference.close()

    def round(self, number: int, floor: Running) -> None:
        """Every export of every system in turn; beside NDJSON as many constant bytes."""
        for name in EXPORTS:
            for system in self.systems[::-1] if number % 2 else self.systems:
                request = system.request(name, {})
                if request is None or (name == WHOLE and isinstance(system, Ours)):
                    continue
                found = read(self.running[system.name], request)
                self.told[name].setdefault(system.name, []).append(found.figures(self.made.size))
                if name == "export_ndjson" and system.name == "ours":
                    sent = read(floor, Request("GET", f"/chunks/{found.size}"))
                    self.told[name].setdefault("constant_chunks", []).append(sent.figures(self.made.size))


def measure(systems: list[System], made: Data, rounds: int) -> Any:
    """Memory first, then the answers, then rounds."""
    exports, constants = Exports(systems, made), Constants()
    try:
        alone = exports.alone(PORT)
        exports.start()
        exports.check()
        floor = constants.start(PORT - 1)
        for number in range(rounds):
            exports.round(number, floor)
    finally:
        for system in systems:
            system.stop()
        constants.stop()
        postgres.SERVER.stop()
    for (name, export), figures in alone.items():
        if export == WHOLE:
            exports.told[export][name] = [figures]
        for told in exports.told[export][name]:
            told["grown_mb"] = figures["grown_mb"]
    return exports.told


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=300_000)
    asked.add_argument("--systems", nargs="+", default=["ours", "ours-pg", "usual", "usual-pg"], help="or all")
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    systems = chosen(all_systems(), [] if given.systems == ["all"] else given.systems)
    told = measure(systems, data(given.size), given.rounds)
    path = results.keep("exports", given.size, told, {})
    print(results.table(told).replace("workload", "rows a second (CPU us a row)", 1))
    print(results.judged(told, goals()))
    print(f"kept in {path}")


if __name__ == "__main__":
    main()
