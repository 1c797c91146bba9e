"""Small counts kept back: figures that break people down must not tell of a handful of them (SAFETY.md section 2.5)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

SENSITIVE = ("sex", "age_group", "nationality", "victim_category")
"""What people are broken down by that can lead to one of them. Figures of all persons are headline counts of published
sources and always told."""

Key = tuple[Any, ...]


def suppress(rows: Sequence[Mapping[str, Any]], by: Sequence[str], least: int) -> int:
    """Take figures of fewer than `least` persons out of rows of totals, in place; how many were taken out.

    Where one figure alone is missing in a line of the table (all groups but one the same), the sum of the line gives it
    away. So the smallest other one in that line is taken out, too, until no line misses just one.
    """
    measures = {measure for row in rows for measure in row["measures"]}
    count = 0
    for measure in sorted(measures):
        cells = {tuple(row["key"][name] for name in by): row["measures"].get(measure) for row in rows}
        people = {key: cell["best"] for key, cell in cells.items() if cell is not None and cell["best"] > 0}
        hidden = _complemented(people, {key for key, best in people.items() if best < least}, len(by))
        for row in rows:
            if tuple(row["key"][name] for name in by) in hidden:
                row["measures"][measure] = dict.fromkeys(row["measures"][measure]) | {"suppressed": True}
        count += len(hidden)
    return count


def _complemented(people: Mapping[Key, int], hidden: set[Key], depth: int) -> set[Key]:
    """The keys to hide so that no line of the table misses exactly one."""
    lines: dict[Key, list[Key]] = defaultdict(list)
    for key in people:
        for axis in range(depth):
            lines[axis, *key[:axis], *key[axis + 1 :]].append(key)
    again = True
    while again:
        again = False
        for line in lines.values():
            shown = [key for key in line if key not in hidden]
            if len(line) - len(shown) == 1 and shown:
                hidden = hidden | {min(shown, key=lambda key: (people[key], str(key)))}
                again = True
    return hidden
