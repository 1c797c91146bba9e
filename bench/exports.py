"""Exports of everything: `python -m bench.exports` reads each to the end, and looks how much memory it takes."""

import argparse
import threading
import time
import urllib.request
from typing import Any

from bench import load, postgres, results
from bench.check import PATIENCE, right
from bench.constants import Constants
from bench.generate import data
from bench.reference import Reference
from bench.run import PORT, all_systems
from bench.systems import Data, Request, Running, System, chosen
from bench.workloads import WORKLOADS

EXPORTS = tuple(name for name in WORKLOADS if name.startswith("export_"))
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Watch(threading.Thread):
    """Looks at the memory of a system while it works."""

    def __init__(self, running: Running) -> None:
        super().__init__(daemon=True)
        self._running, self._ended = running, threading.Event()
        self.before = self.most = load.memory(running)

    def run(self) -> None:
        """Until it is told to end."""
        while not self._ended.wait(0.05):
            self.most = max(self.most, load.memory(self._running))

    def grown(self) -> int:
        """By how many bytes at the most."""
        self._ended.set()
        self.join()
        return self.most - self.before


def fetch(running: Running, request: Request) -> tuple[bytes, float, float, int]:
    """The body of an export, the seconds it took, CPU seconds of the server, and bytes of memory it grew by."""
    asked = urllib.request.Request(running.url + request.path, headers=dict(request.headers))
    watch = Watch(running)
    watch.start()
    before, begun = load.cpu(running), time.perf_counter()
    pieces = []
    with _DIRECT.open(asked, timeout=PATIENCE) as answer:
        while piece := answer.read(1 << 20):
            pieces.append(piece)
    took, used = time.perf_counter() - begun, load.cpu(running) - before
    return b"".join(pieces), took, used, watch.grown()


def measure(systems: list[System], made: Data, rounds: int) -> Any:
    """Every export of every system in turn, checked in the first round; beside NDJSON as many constant bytes."""
    told: dict[str, dict[str, list[dict[str, float]]]] = {}
    constants, running, reference = Constants(), dict[str, Running](), Reference(made)
    try:
        for n, system in enumerate(systems):
            system.load(made)
            running[system.name] = system.start(PORT + n)
        floor = constants.start(PORT - 1)
        for number in range(rounds):
            for name in EXPORTS:
                for system in systems[::-1] if number % 2 else systems:
                    request = system.request(name, {})
                    if request is None:
                        continue
                    body, took, used, grown = fetch(running[system.name], request)
                    if not number and not right(reference, name, {}, system.ids(name, body)):
                        print(f"WRONG {system.name} {name}: {len(body)} bytes")
                    figures = {"rate": made.size / took, "cpu": used / made.size, "bytes": len(body) / took}
                    told.setdefault(name, {}).setdefault(system.name, []).append(figures | {"grown": grown})
                    if name == "export_ndjson" and system.name == "ours":
                        size = len(body)
                        body, took, used, grown = fetch(floor, Request("GET", f"/chunks/{size}"))
                        figures = {"rate": made.size / took, "cpu": used / made.size, "bytes": size / took}
                        told[name].setdefault("constant_chunks", []).append(figures | {"grown": grown})
    finally:
        for system in systems:
            system.stop()
        constants.stop()
        postgres.SERVER.stop()
        reference.close()
    return told


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=300_000)
    asked.add_argument("--systems", nargs="+", default=["ours", "usual"], help="or all")
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    systems = chosen(all_systems(), [] if given.systems == ["all"] else given.systems)
    systems = [one for one in systems if one.missing() is None]
    told = measure(systems, data(given.size), given.rounds)
    path = results.keep("exports", given.size, told, {})
    print(results.table(told).replace("workload", "rows a second (CPU us a row)"))
    for name, found in told.items():
        grown = {system: max(one["grown"] for one in rounds) / 1e6 for system, rounds in found.items()}
        print(f"{name}: memory grew by", ", ".join(f"{system} {size:.0f} MB" for system, size in grown.items()))
    print(results.verdicts(told))
    print(f"kept in {path}")


if __name__ == "__main__":
    main()
