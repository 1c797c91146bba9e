"""The bench over sockets: `python -m bench` starts every system, checks its answers, and measures them in turn.

All systems are up at once; rounds go through them forwards and backwards, and every ratio is of figures of one round.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from bench import check, limits, load, ours, peers, postgres, results, usual
from bench.constants import Constants
from bench.generate import data
from bench.goals import goals
from bench.hits import Hit, hits
from bench.processes import Failed
from bench.reference import Reference
from bench.systems import Data, Request, Running, System, chosen
from bench.wire import spelled
from bench.workloads import READS

PORT = 8700
CHECKED = 40
"""Hits of each workload whose answers are compared with the reference before it is measured; after it, a quarter."""
LIMIT, CONSTANT = "limit", "constant"


@dataclass
class Bench:
    """The systems under way, and what was measured: workload, system, then one entry for each round."""

    data: Data
    systems: list[System]
    asked: dict[str, list[Hit]]
    running: dict[str, Running] = field(default_factory=dict)
    told: dict[str, dict[str, list[dict[str, float]]]] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Load and start every system that can run; those that cannot are told and left out."""
        for n, system in enumerate(list(self.systems)):
            if (begun := begin(system, self.data, PORT + n)) is None:
                self.systems.remove(system)
                continue
            self.running[system.name], seconds = begun
            idle = load.memory(self.running[system.name])
            self.about[system.name] = {"load_seconds": seconds, "idle_bytes": idle}
            print(f"{system.name}: {self.data.size / seconds:,.0f} rows/s loaded, {idle / 1e6:.0f} MB")

    def check(self, number: int) -> bool:
        """Whether so many answers of each workload are right; a workload that is answered wrongly is not measured."""
        reference, good = Reference(self.data), True
        for system in self.systems:
            some = {name: found[:number] for name, found in self.asked.items()}
            wrong = check.wrong(system, self.running[system.name], some, reference)
            print(f"{system.name}: {sum(map(len, some.values()))} hits checked, {len(wrong)} wrong", flush=True)
            self.about[system.name].setdefault("wrong", {}).update(wrong)
            for name, why in wrong.items():
                print(f"WRONG {system.name} {name}: {why}", file=sys.stderr)
            good = good and not (wrong and isinstance(system, ours.Ours))
        reference.close()
        return good

    def requests(self, system: System, name: str) -> list[bytes]:
        """The hits of a workload as this system is asked; none where it cannot or does not rightly answer."""
        if name in self.about[system.name].get("wrong", {}):
            return []
        made = [system.request(name, hit) for hit in self.asked[name]]
        return [spelled(one) for one in made if one is not None]

    def round(self, number: int, seconds: float, connections: int) -> None:
        """Every workload, each by all systems one after the other."""
        order = self.systems[::-1] if number % 2 else self.systems
        for name in self.asked:
            for system in order:
                asked = self.requests(system, name)
                if asked:
                    self.note(name, system.name, load.drive(self.running[system.name], asked, connections, seconds))

    def note(self, name: str, system: str, found: load.Load) -> None:
        """Keep what one drive gave."""
        if found.failed:
            print(f"{system} {name}: {found.failed} of {found.requests} failed", file=sys.stderr)
        told = {
            "rate": found.rate,
            "cpu": found.cpu_each,
            "p50": found.wait(0.5),
            "p99": found.wait(0.99),
            "bytes": found.bytes / max(1, found.requests),
            "failed": found.failed,
            "others": found.others,
        }
        self.told.setdefault(name, {}).setdefault(system, []).append(told)

    def limits(self, raw: limits.Raw, constants: Running, seconds: float, connections: int) -> None:
        """The limit of every workload in this round: one SQL step in this process, and sending as many bytes."""
        for name, asked in self.asked.items():
            size = int(self.told[name]["ours"][-1]["bytes"]) if "ours" in self.told.get(name, {}) else 1_000
            sent = load.drive(constants, [spelled(Request("GET", f"/bytes/{size}"))], connections, seconds / 2)
            bound = [raw.bound(name, hit) for hit in asked]
            begun = time.process_time()
            for one in bound:
                raw.ask(name, one)
            sql = (time.process_time() - begun) / len(bound)
            told = {"cpu": sql + sent.cpu_each, "sql": sql, "send": sent.cpu_each, "rate": 1 / (sql + sent.cpu_each)}
            self.told[name].setdefault(LIMIT, []).append(told)
        size = int(self.told.get("changes_idle", {}).get("ours", [{"bytes": 100}])[-1]["bytes"])
        idle = load.drive(constants, [spelled(Request("GET", f"/fastapi/{size}"))], connections, seconds / 2)
        self.note("changes_idle", "constant_fastapi", idle)


def begin(system: System, made: Data, port: int) -> tuple[Running, float] | None:
    """Load and start a system: where it answers, and the seconds of loading. None when it cannot run here, which is
    told; our own must."""
    why = system.missing()
    if why is None:
        try:
            seconds = system.load(made)
            return system.start(port), seconds
        except Failed as failed:
            if isinstance(system, ours.Ours):
                raise
            why = str(failed)
            system.stop()
    print(f"{system.name}: left out, {why}", flush=True)
    return None


def all_systems() -> list[System]:
    """Ours, the usual way, and the peers."""
    return [ours.sqlite(), ours.postgresql(), usual.sqlite(), usual.postgresql(), *peers.systems()]


def main() -> None:
    """Measure, keep the figures, and print how they stand to the goals."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--size", type=int, default=300_000, help="incidents")
    asked.add_argument("--systems", nargs="+", default=["ours", "ours-pg", "usual", "usual-pg"], help="or all")
    asked.add_argument("--only", nargs="+", choices=READS, default=READS, metavar="WORKLOAD")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=2.0, help="of each workload, system and round")
    asked.add_argument("--connections", type=int, default=8)
    given = asked.parse_args()
    made = data(given.size)
    names = [] if given.systems == ["all"] else given.systems
    bench = Bench(made, chosen(all_systems(), names), {name: hits(made, name) for name in given.only})
    constants = Constants()
    try:
        bench.start()
        raw = limits.Raw(made)
        if not raw.made():
            exported = check.fetched(bench.running["ours"], Request("GET", "/v1/incidents.ndjson"))
            raw.make((found[7:43].decode(), found) for found in exported.splitlines())
        raw.open()
        floor = constants.start(PORT - 1)
        good = bench.check(CHECKED)
        for number in range(given.rounds):
            bench.round(number, given.seconds, given.connections)
            bench.limits(raw, floor, given.seconds, given.connections)
        good = bench.check(CHECKED // 4) and good  # and still they are, after all that
        for system in bench.systems:
            bench.about[system.name]["busy_bytes"] = load.memory(bench.running[system.name])
    finally:
        for system in bench.systems:
            system.stop()
        constants.stop()
        postgres.SERVER.stop()
    path = results.keep("reads", given.size, bench.told, bench.about)
    print(results.table(bench.told))
    print(results.judged(bench.told, goals()))
    print(f"kept in {path}")
    sys.exit(not good)
