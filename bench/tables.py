"""The tables of docs/performance.md, and what the README says of them: `python -m bench.tables --write`.

Figures are taken from the newest run over the most incidents; a goal from the newest such run that measured it. What is
written comes from bench/results alone; `--write` brings the runs there that it needs, and removes those it does not.
"""

import argparse
import json
import re
import shutil
import statistics
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import ROOT, results
from bench.goals import goals
from bench.results import Verdict, table, verdict, verdicts

KEPT = Path(__file__).parent / "results"
PARTS = {
    "quick": "CPU microseconds without sockets",
    "reads": "Requests a second over sockets, in brackets CPU microseconds of a request",
    "writes": "Writes and mixed load: requests (of bulk: rows) a second, in brackets CPU microseconds",
    "exports": "Exports: rows a second, in brackets CPU microseconds of a row",
    "memory": "Very many lines in one bulk request over HTTP, SQLite, and the most memory that the server ever held",
    "scale": "CPU microseconds by incidents in the store, without sockets",
    "serving": "Two and four processes: lists of 100 a second, in brackets CPU microseconds of a list",
}


@dataclass(frozen=True)
class Run:
    """One run that was kept."""

    path: Path
    told: dict[str, Any]

    @property
    def of(self) -> str:
        """Its size, its day, and how busy the machine was."""
        told = [f"{self.told['size']:,} incidents", self.told["date"][:10]]
        told.append(f"load average {self.told['machine']['load'][1]:g}")
        systems = [rounds for found in self.told["rounds"].values() for rounds in found.values()]
        if others := [one["others"] for rounds in systems for one in rounds if "others" in one]:
            told.append(f"others used {statistics.median(others):.1f} cores meanwhile")
        return ", ".join(told)


def runs(folders: Iterable[Path]) -> list[Run]:
    """What was kept, over the most incidents first, of those what was measured over sockets, of those the newest."""
    found = [Run(path, json.loads(path.read_text())) for folder in folders for path in folder.glob("*.json")]
    return sorted(
        found, key=lambda one: (one.told["size"], one.told["what"] != "quick", one.told["date"]), reverse=True
    )


def judged(kept: Sequence[Run]) -> list[tuple[Verdict, Run | None]]:
    """Every goal with what was reached of it and in which run."""
    found: list[tuple[Verdict, Run | None]] = []
    for goal in goals():
        measured = ((verdict(run.told["rounds"], goal), run) for run in kept)
        found.append(next((one for one in measured if one[0].reached is not None), (Verdict(goal), None)))
    return found


def newest(kept: Sequence[Run], what: str) -> Run | None:
    """The run whose table is shown."""
    return next((run for run in kept if run.told["what"] == what), None)


def opening(kept: Sequence[Run]) -> str:
    """How many goals hold, and which do not."""
    found = [one for one, _ in judged(kept)]
    hold = sum(one.holds for one in found)
    missed = [one for one in found if one.reached is not None and not one.holds]
    without = [one for one in found if one.reached is None]
    told = [f"**Of {len(found)} goals {hold} hold, {len(missed)} do not, and {len(without)} were not measured.**"]
    if beyond := sum(one.beyond for one in missed):
        told[0] += f" {beyond} of those that do not hold are missed by the limit, too, in the same rounds."
    told += [f"- does not hold: {one}" for one in _named(missed)] + [
        f"- not measured: {one}" for one in _named(without)
    ]
    return "\n".join([told[0], "", *told[1:]])


def _named(found: Iterable[Verdict]) -> list[str]:
    """Goals of the same kind on one line, each with what was reached."""
    by_bound: dict[str, list[str]] = {}
    for one in found:
        goal = one.goal
        whose = "" if goal.system in ("ours", results.LARGEST) else f"{goal.system}, "
        against = f" of {goal.against}" if goal.against else ""
        reached = "" if one.reached is None else f" ({results.spelled(one.reached)})"
        bound = f"{whose}{goal.of} {goal.told}{against}"
        by_bound.setdefault(bound, []).append(f"{goal.workload}{reached}")
    return [f"{bound}: {', '.join(names)}" for bound, names in by_bound.items()]


def parts(kept: Sequence[Run]) -> str:
    """A table for each part that was measured."""
    told = []
    for what, title in PARTS.items():
        if (run := newest(kept, what)) is not None:
            rounds = {name: found for name, found in run.told["rounds"].items() if name != "start"}
            shown = _one_request(run) if what == "memory" else table(rounds)
            told.append(f"**{title}** ({run.of}).\n\n{shown}")
            told += [_start(run.told["rounds"]["start"])] if "start" in run.told["rounds"] else []
    return "\n\n".join(told)


def _one_request(run: Run) -> str:
    [found] = run.told["rounds"]["one_request"]["ours"]
    lines = ["| lines | seconds | lines a second | most MB |", "|---|---|---|---|"]
    figures = (run.told["size"], found["seconds"], found["rate"], found["most_mb"])
    return "\n".join([*lines, "| " + " | ".join(f"{one:,.0f}" for one in figures) + " |"])


def _start(of: Mapping[str, list[dict[str, float]]]) -> str:
    lines = ["| start | seconds | of them CPU | MB idle |", "|---|---|---|---|"]
    for name, rounds in of.items():
        seconds, used, idle = (results.middle(rounds, one) for one in ("seconds", "cpu_seconds", "idle_mb"))
        lines.append(f"| {name} | {seconds:.2f} | {used:.2f} | {idle:.0f} |")
    return "\n".join(lines)


def machine(kept: Sequence[Run]) -> str:
    """On what it was measured."""
    found = kept[0].told["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return (
        f"{found['cores']} cores of an {found['processor']}, {found['system']}, Python {found['python']}, "
        f"SQLite {found['sqlite']}; {packages}."
    )


def short(kept: Sequence[Run]) -> str:
    """The opening in a few lines."""
    found = [one for one, _ in judged(kept)]
    missed = _workloads(one for one in found if one.reached is not None and not one.holds)
    without = _workloads(one for one in found if one.reached is None)
    told = f"**Of {len(found)} goals of speed {sum(one.holds for one in found)} hold.**"
    told += f" Some goal does not hold of: {missed}." if missed else ""
    told += f" Not measured: some goal of {without}." if without else ""
    return textwrap.fill(told, 120, break_long_words=False, break_on_hyphens=False)


def _workloads(found: Iterable[Verdict]) -> str:
    return ", ".join(dict.fromkeys(one.goal.workload for one in found))


MADE: Mapping[Path, Mapping[str, Callable[[Sequence[Run]], str]]] = {
    ROOT / "docs" / "performance.md": {
        "opening": opening,
        "machine": machine,
        "goals": lambda kept: verdicts(one for one, _ in judged(kept)),
        "parts": parts,
    },
    ROOT / "README.md": {"speed": short},
}


def written(document: Path, kept: Sequence[Run]) -> str:
    """The document with its tables made anew."""
    text = document.read_text("utf-8")
    for name, make in MADE[document].items():
        pattern = rf"(<!-- made from bench/results: {name} -->\n).*?(<!-- end -->)"
        text, count = re.subn(pattern, lambda found: f"{found[1]}\n{make(kept)}\n\n{found[2]}", text, flags=re.DOTALL)  # noqa: B023
        if count != 1:
            raise ValueError(f"the document has no place for {name}")
    return text


def bring(kept: Sequence[Run]) -> None:
    """Leave in bench/results the runs that the tables are made from, and no others."""
    wanted = {run.path for _, run in judged(kept) if run is not None}
    wanted |= {run.path for what in PARTS if (run := newest(kept, what)) is not None}
    KEPT.mkdir(exist_ok=True)
    for path in KEPT.glob("*.json"):
        if path not in wanted:
            path.unlink()
    for path in wanted:
        if path.parent != KEPT:
            shutil.copy(path, KEPT)


def main() -> None:
    """Print the goals, or write the document."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--write", action="store_true", help="write the documents and bench/results")
    given = asked.parse_args()
    kept = runs({KEPT, results.FOLDER})
    if given.write:
        bring(kept)
        for document in MADE:
            document.write_text(written(document, runs([KEPT])))
    print(verdicts(one for one, _ in judged(kept)))
    print(opening(kept))


if __name__ == "__main__":
    main()
