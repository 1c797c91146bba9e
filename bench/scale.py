"""What a request costs as the store grows: `python -m bench.scale 30000 300000 3000000`; a table and a drawing.

CPU time of the service in this process, without sockets, as the quick bench measures it.
"""

import argparse
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
import uvloop

from bench import ROOT, ours, results
from bench.generate import data
from bench.goals import goals
from bench.hits import hits
from bench.quick import Quick, cpu_asking
from bench.systems import Data
from bench.wire import Wire, spelled
from incidents_api.cli import collect_rarely
from incidents_api.cli.protocol import bounded

ASKED = ("get", "list", "deep", "bbox", "text", "totals_country", "totals_month")
DRAWING = ROOT / "docs" / "images" / "performance-scale.svg"
CHECKED = 20
"""Answers of each workload that are compared with the reference, which looks at every row for some of them."""
MORE = 5_000
"""Incidents that tell what one more costs in a store of a size."""
COLOURS = ("#1b6ca8", "#c0392b", "#2e7d32", "#8e44ad", "#d35400", "#00838f", "#5d4037")

Costs = dict[str, dict[int, float]]
"""Microseconds of CPU by workload and size."""


async def measure(quick: Quick, rounds: int, *, export: bool) -> Mapping[str, float]:
    """Microseconds of CPU of each workload, and if it is wanted of a row of an export."""
    told: dict[str, list[float]] = {name: [] for name in quick.asked}
    async with Wire(quick.app(), bounded(30.0, 1000)) as wire:
        if wrong := await quick.check(wire, CHECKED):
            raise ValueError("; ".join(wrong))
        for _ in range(rounds):
            for name, asked in quick.asked.items():
                heads = [quick.spelled_for(name, hit) for hit in asked]
                told[name].append(await cpu_asking(wire.ask, heads) / len(heads))
        costs = {name: statistics.median(found) * 1e6 for name, found in told.items()}
        request = quick.service.request("export_ndjson", {})
        if export and request is not None:
            begun = time.process_time()
            lines = await wire.count(spelled(request))
            costs["export_row"] = (time.process_time() - begun) / lines * 1e6
    return costs


def row(service: ours.Ours, made: Data) -> float:
    """CPU seconds of bringing one more incident in; none of them stays."""
    file, used = service.folder / "more.ndjson", []
    more = [orjson.dumps(hit["report"]) + b"\n" for hit in hits(made, "post", MORE)]
    for number in (1, MORE):  # the first tells what the command costs by itself
        file.write_bytes(b"".join(more[:number]))
        used.append(service.try_out(file))
    return (used[1] - used[0]) / (MORE - 1)


def table(costs: Costs, sizes: Sequence[int]) -> str:
    """The costs by size, and how the last stands to the one before."""
    lines = ["| CPU us | " + " | ".join(f"{size:,}" for size in sizes) + " | last / before |"]
    lines.append("|---|" + "---|" * (len(sizes) + 1))
    for name, found in costs.items():
        cells = " | ".join(f"{found[size]:,.1f}" if size in found else "" for size in sizes)
        last = f"{found[sizes[-1]] / found[sizes[-2]]:.2f}" if found.keys() >= {*sizes[-2:]} and len(sizes) > 1 else ""
        lines.append(f"| {name} | {cells} | {last} |")
    return "\n".join(lines)


def drawing(costs: Costs, sizes: Sequence[int]) -> str:
    """The same as lines on two logarithmic axes, as SVG."""
    values = [one for found in costs.values() for one in found.values()]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def across(size: int) -> float:
        return 70 + 430 * (math.log10(size) - first) / max(0.01, last - first)

    def up(cost: float) -> float:
        return 340 - 300 * (math.log10(cost) - low) / max(1, high - low)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 680 390" font-family="sans-serif" font-size="12">',
        '<rect width="680" height="390" fill="#fff"/>',
        '<text x="70" y="20">CPU of a request in microseconds, by incidents in the store</text>',
    ]
    for power in range(low, high + 1):
        y = up(10**power)
        parts.append(f'<line x1="70" y1="{y:.0f}" x2="500" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="62" y="{y + 4:.0f}" text-anchor="end">{10**power:,}</text>')
    parts += [f'<text x="{across(size):.0f}" y="362" text-anchor="middle">{size:,}</text>' for size in sizes]
    for n, (name, found) in enumerate(sorted(costs.items(), key=lambda one: -one[1][sizes[-1]])):
        colour = COLOURS[n % len(COLOURS)]
        points = " ".join(f"{across(size):.0f},{up(found[size]):.0f}" for size in sizes)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="512" y="{60 + 18 * n}" fill="{colour}">{name}: {found[sizes[-1]]:,.0f}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Measure, print, draw."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("sizes", type=int, nargs="+")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--hits", type=int, default=100)
    asked.add_argument("--exports", type=int, default=1_000_000, help="incidents up to which all are exported")
    asked.add_argument("--draw", type=Path, default=DRAWING)
    given = asked.parse_args()
    collect_rarely()  # as every command does
    costs: Costs = {}
    for size in given.sizes:
        service, made = ours.sqlite(), data(size)
        service.load(made)
        quick = Quick(made, service, given.hits, ASKED)
        found = dict(uvloop.run(measure(quick, given.rounds, export=size <= given.exports)))
        found["bulk_row"] = row(service, made) * 1e6
        for name, cost in found.items():
            costs.setdefault(name, {})[size] = cost
    print(table(costs, given.sizes))
    drawn = {name: found for name, found in costs.items() if name in ASKED}
    given.draw.write_text(drawing(drawn, given.sizes))
    told = {name: {str(size): [{"cpu": cost / 1e6}] for size, cost in found.items()} for name, found in costs.items()}
    print(results.judged(told, goals()))
    print(f"drawn in {given.draw}; kept in {results.keep('scale', given.sizes[-1], told, {})}")


if __name__ == "__main__":
    main()
