"""The quick bench: 20,000 incidents, no sockets, CPU time against the limit of the same run; run by CI.

`python -m bench.quick`. CPU time of the process hardly moves with what else the machine does, and ratios within a round
even less. It fails when an answer is wrong, or when a ratio is beyond 1.5 times its goal; a row that misses its goal
may not go beyond 1.5 times what it reached before (REACHED), so that nothing gets slower unseen.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop

from bench import limits, ours, results
from bench.check import right
from bench.generate import data
from bench.goals import SLACK, Goal, goals
from bench.hits import Hit, hits
from bench.ours import Ours
from bench.reference import Reference
from bench.systems import Data
from bench.wire import Wire, body_of, spelled
from bench.workloads import READS
from incidents_api.app import create_app
from incidents_api.cli import collect_rarely
from incidents_api.cli.protocol import bounded
from incidents_api.settings import Settings

SIZE = 20_000
ROUNDS = 3
TURNS = 20
"""A machine that is slow for a second is so for all ways of answering: they take turns within a round."""
REACHED = {
    "list": 4.0,
    "deep": 4.5,
    "text": 3.6,
    "totals_month": 2.9,
    "changes": 4.9,
}
"""What the rows that miss their goal come to. One leaves when it holds, and figures may only go down."""
SETTINGS: dict[str, Any] = {"rate_per_address": 0, "rate_per_key": 0, "statement_seconds": 60}


@dataclass
class Seconds:
    """CPU seconds of a request by each way of answering a workload, one entry for each round."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def add(self, way: str, seconds: float) -> None:
        """One round's figure."""
        self.of.setdefault(way, []).append(seconds)

    def middle(self, way: str) -> float:
        """The median of the rounds, in microseconds."""
        return statistics.median(self.of[way]) * 1e6


Measured = dict[str, Seconds]


class Quick:
    """The service in this process, asked without sockets, and its limit."""

    def __init__(self, made: Data, service: Ours, number: int, names: Sequence[str] = READS) -> None:
        self.data, self.service = made, service
        self.asked = {name: hits(made, name, number) for name in names}
        self.raw = limits.Raw(made)

    def app(self) -> Any:
        """The application over the store that was loaded."""
        return create_app(Settings(_env_file=None, database_url=self.service.url, **SETTINGS))

    async def prepare(self, wire: Wire) -> None:
        """Make the raw store out of what the service answers."""
        if not self.raw.made():
            request = self.service.request("export_ndjson", {})
            lines = body_of(await wire.ask(spelled(request))).splitlines() if request else []
            self.raw.make((line[7:43].decode(), line) for line in lines)
        self.raw.open()

    async def check(self, wire: Wire, number: int | None = None) -> list[str]:
        """Workloads whose answers, or the first so many, are not what they must be, with a hit that shows it."""
        reference, wrong = Reference(self.data), []
        for name, asked in self.asked.items():
            for hit in asked[:number]:
                found = self.service.ids(name, body_of(await wire.ask(self.spelled_for(name, hit)))) or []
                if not right(reference, name, hit, found):
                    wrong.append(f"{name}: {hit} is answered by {found[:3]}...")
                    break
        reference.close()
        return wrong

    def spelled_for(self, name: str, hit: Hit) -> bytes:
        """The request of a workload as it goes over the wire."""
        request = self.service.request(name, hit)
        if request is None:
            raise ValueError(f"there is no request for {name}")
        return spelled(request)

    async def measure(self, wire: Wire, rounds: int) -> Measured:
        """Rounds, in each every workload by every way."""
        told: Measured = {name: Seconds() for name in self.asked}
        sizes = {name: await self._mean_size(wire, name) for name in self.asked}
        constants = {name: Wire(limits.constant(b"x" * size)) for name, size in sizes.items()}
        constants["constant_fastapi"] = Wire(limits.constant_fastapi(b"x" * sizes.get("changes_idle", 100)))
        for one in constants.values():
            await one.__aenter__()
        for _ in range(rounds):
            for name, asked in self.asked.items():
                heads = [self.spelled_for(name, hit) for hit in asked]
                bound = [self.raw.bound(name, hit) for hit in asked]
                spent = dict.fromkeys(("ours", "sql", "send"), 0.0)
                for some in (slice(n, None, TURNS) for n in range(min(TURNS, len(asked)))):
                    spent["ours"] += await cpu_asking(wire.ask, heads[some])
                    spent["sql"] += _cpu_of(partial(self.raw.ask, name), bound[some])
                    spent["send"] += await cpu_asking(constants[name].ask, [HEAD] * len(heads[some]))
                for way, seconds in spent.items():
                    told[name].add(way, seconds / len(asked))
            told.setdefault("constant_fastapi", Seconds()).add(
                "ours", await cpu_asking(constants["constant_fastapi"].ask, [HEAD] * 200) / 200
            )
        for one in constants.values():
            await one.__aexit__()
        return told

    def with_what_they_are_held_against(self, names: Iterable[str]) -> set[str]:
        """These workloads and those that the goals compare them with."""
        others = {goal.against for goal in quick_goals() if goal.workload in names}
        return (set(names) | others) & self.asked.keys()

    async def _mean_size(self, wire: Wire, name: str) -> int:
        some = [len(body_of(await wire.ask(self.spelled_for(name, hit)))) for hit in self.asked[name]]
        return round(statistics.mean(some))


HEAD = b"GET /v1/changes HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"


async def cpu_asking(ask: Callable[[Any], Awaitable[Any]], asked: Sequence[Any]) -> float:
    """CPU seconds of this process for all of these."""
    begun = time.process_time()
    for one in asked:
        await ask(one)
    return time.process_time() - begun


def _cpu_of(ask: Callable[[Any], Any], asked: Sequence[Any]) -> float:
    begun = time.process_time()
    for one in asked:
        ask(one)
    return time.process_time() - begun


def ratios(told: Measured, goal: Goal) -> list[float]:
    """The quotients of a goal, one for each round."""
    mine = told[goal.workload].of["ours"]
    if goal.against == "limit":
        parts = told[goal.workload].of
        theirs = [sql + send for sql, send in zip(parts["sql"], parts["send"], strict=True)]
    else:
        theirs = told[goal.against].of["ours"]
    return [one / other for one, other in zip(mine, theirs, strict=True)]


def quick_goals() -> list[Goal]:
    """The goals that can be judged here: CPU of the service against a limit or against itself."""
    known = {"limit", "constant_fastapi", *READS}
    return [one for one in goals() if one.of == "cpu" and one.system == "ours" and one.against in known]


def report(told: Mapping[str, Seconds]) -> dict[str, str]:
    """Print the table; what is to be said of the rows that are too slow, by their workloads."""
    print(f"{'workload':<16}{'us':>9}{'sql us':>9}{'send us':>9}  {'ratio':>6}  against, goal")
    beyond = {}
    for goal in quick_goals():
        if goal.workload not in told or goal.against not in {"limit", *told}:
            continue
        ratio = statistics.median(ratios(dict(told), goal))
        parts = told[goal.workload]
        figures = "".join(f"{parts.middle(way):>9,.0f}" for way in ("ours", "sql", "send"))
        known = REACHED.get(goal.workload, 0.0)
        slow = not goal.holds(ratio, SLACK) and ratio > known * SLACK
        missed = f"  missed ({known:g} before)" if known else "  missed"
        verdict = "" if goal.holds(ratio) else "  TOO SLOW" if slow else missed
        print(f"{goal.workload:<16}{figures}  {ratio:>6.2f}  {goal.against} {goal.told}{verdict}")
        if slow:
            beyond[goal.workload] = f"{goal.workload}: {ratio:.2f}, {goal.told}, {known:g} before"
    return beyond


async def run(quick: Quick, rounds: int) -> list[str]:
    """Check, measure and report; what is wrong."""
    async with Wire(quick.app(), bounded(30.0, 1000)) as wire:
        await quick.prepare(wire)
        wrong = await quick.check(wire)
        if wrong:
            return wrong
        measured = await quick.measure(wire, rounds)
        if set(quick.asked) == set(READS):
            keep(quick.data.size, measured)
        if not (slow := report(measured)):
            return []
        print("once more, since a busy machine can do that:")
        quick.asked = {name: quick.asked[name] for name in quick.with_what_they_are_held_against(slow)}
        return list(report(await quick.measure(wire, 2 * rounds + 1)).values())


def keep(size: int, told: Measured) -> None:
    """Keep the figures of a whole run as those of the other parts are kept."""
    kept: dict[str, dict[str, list[dict[str, float]]]] = {}
    for name in READS:
        ways = told[name].of
        limit = [sql + send for sql, send in zip(ways["sql"], ways["send"], strict=True)]
        kept[name] = {way: [{"cpu": one} for one in rounds] for way, rounds in (ways | {"limit": limit}).items()}
    kept["changes_idle"]["constant_fastapi"] = [{"cpu": one} for one in told["constant_fastapi"].of["ours"]]
    results.keep("quick", size, kept, {})


def main() -> None:
    """Print the ratios; status 1 when an answer is wrong or a goal is missed by far."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--size", type=int, default=SIZE)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--hits", type=int, default=100)
    asked.add_argument("--only", nargs="+", choices=READS, default=READS, metavar="WORKLOAD")
    given = asked.parse_args()
    collect_rarely()  # as every command does
    service = ours.sqlite()
    made = data(given.size)
    loaded = service.load(made)
    print(f"{given.size:,} incidents, loaded in {loaded:.0f} s ({given.size / loaded:,.0f} rows/s)")
    wrong = uvloop.run(run(Quick(made, service, given.hits, given.only), given.rounds))
    for one in wrong:
        print(f"FAILED {one}", file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
