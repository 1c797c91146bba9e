"""No figure of a few persons is told, and none can be worked out from the others in its line."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incidents_api.model.suppression import suppress


def row(best: int, **key: Any) -> dict[str, Any]:
    figure = {"low": best, "best": best, "high": best, "incidents": 1, "lower_bound_only": 0, "open_ended": 0}
    return {"key": key, "incidents": 1, "measures": {"freed": figure}}


def told(rows: list[dict[str, Any]]) -> list[int | None]:
    return [one["measures"]["freed"]["best"] for one in rows]


def test_a_small_figure_takes_the_next_one_with_it() -> None:
    rows = [row(36, sex="male"), row(3, sex="female"), row(9, sex=None)]
    assert suppress(rows, ("sex",), 5) == 2
    assert told(rows) == [36, None, None]
    assert rows[1]["measures"]["freed"] == {
        "low": None,
        "best": None,
        "high": None,
        "incidents": None,
        "lower_bound_only": None,
        "open_ended": None,
        "suppressed": True,
    }


def test_what_is_large_or_nothing_or_alone_in_its_line() -> None:
    rows = [row(36, sex="male"), row(5, sex="female"), row(0, sex=None)]
    assert suppress(rows, ("sex",), 5) == 0
    assert suppress(rows, ("sex",), 0) == 0
    alone = [row(4, sex="male")]
    assert suppress(alone, ("sex",), 5) == 1
    assert suppress([row(3)], (), 5) == 1


def test_lines_go_both_ways() -> None:
    rows = [
        row(best, admin1=unit, sex=sex)
        for unit, sexes in (("A", (2, 20)), ("B", (30, 40)), ("C", (50, 60)))
        for sex, best in zip(("f", "m"), sexes, strict=True)
    ]
    suppress(rows, ("admin1", "sex"), 5)
    assert told(rows) == [None, None, None, None, 50, 60]


@given(st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=1, max_size=5), st.integers(1, 8))
def test_no_line_misses_just_one(table: list[list[int]], least: int) -> None:
    rows = [row(best, x=x, y=y) for x, line in enumerate(table) for y, best in enumerate(line)]
    before = copy.deepcopy(rows)
    count = suppress(rows, ("x", "y"), least)
    after = told(rows)
    assert after.count(None) == count
    for one, best, origin in zip(rows, after, told(before), strict=True):
        assert best is None or best == 0 or best >= least
        assert best in (None, origin)
        for axis in ("x", "y"):
            line = [
                (was, now)
                for other, now, was in zip(rows, after, told(before), strict=True)
                if other["key"][axis] == one["key"][axis] and was
            ]
            assert sum(now is None for _, now in line) != 1 or len(line) == 1
