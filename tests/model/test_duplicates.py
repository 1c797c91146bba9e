"""The score of a pair: the same from either side, the sum of its parts, and never beyond where the look-ups reach."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents_api.model.duplicates import WEIGHTS, Asked, Traits, likeness, window
from incidents_api.model.figures import Figure

BUS = Traits(
    id="a", types=("kidnapping",), first=date(2024, 5, 2), last=date(2024, 5, 2), country="MX", admin1="MX-TAM",
    point=(-98.28, 26.09), actors=frozenset("xy"), counts={"kidnapped": Figure(8, 8, 8)},
    words=frozenset(("seven", "taken", "from", "reynosa")), rows={}, related=frozenset(), wholes=frozenset(),
    total=False,
)  # fmt: skip
ANY = Asked(min_score=0)

some = st.frozensets(st.sampled_from("pqrstu"), max_size=4)
counts = st.dictionaries(
    st.sampled_from(("killed", "kidnapped", "rescued")), st.integers(0, 40).map(lambda n: Figure(n, n, n)), max_size=3
)
points = st.one_of(st.none(), st.tuples(st.floats(-98.6, -98.0), st.floats(25.8, 26.4)))


@st.composite
def told(draw: st.DrawFn, record_id: str) -> Traits:
    first = date(2024, 5, 1) + timedelta(draw(st.integers(0, 9)))
    types = draw(st.lists(st.sampled_from(("kidnapping", "hostage_taking", "attack")), min_size=1, max_size=2))
    return Traits(
        id=record_id, types=tuple(types), first=first, last=first + timedelta(draw(st.integers(0, 12))), country="MX",
        admin1=draw(st.sampled_from(("MX-TAM", "MX-NLE", None))), point=draw(points), actors=draw(some),
        counts=draw(counts), words=draw(some), rows={}, related=frozenset(), wholes=frozenset(), total=False,
    )  # fmt: skip


@given(told("a"), told("b"), st.integers(0, 5), st.floats(0, 60))
def test_a_pair_is_alike_from_either_side_and_lies_in_the_window(
    one: Traits, other: Traits, days: int, km: float
) -> None:
    asked = Asked(km=km, days=days, min_score=0)
    found = likeness(one, other, asked)
    assert found == likeness(other, one, asked)
    if found is None:
        return
    assert found.why.keys() == WEIGHTS.keys()
    assert all(0 <= part <= 1 for part in found.why.values())
    assert found.score == pytest.approx(sum(WEIGHTS[name] * part for name, part in found.why.items()), abs=0.002)
    near = window(one, asked)
    assert near.reached <= other.last.isoformat()
    assert near.since <= other.first.isoformat() <= near.until
    if one.point is not None and other.point is not None:
        assert near.west <= other.point[0] <= near.east
        assert near.south <= other.point[1] <= near.north
    assert likeness(one, other, replace(asked, min_score=min(1.0, found.score + 0.001))) is None or found.score == 1


@given(told("a"))
def test_what_is_known_whole_is_wholly_like_itself(one: Traits) -> None:
    found = likeness(one, replace(one, id="b"), ANY)
    assert found is not None
    longest = (one.last - one.first).days + 1
    assert found.why["date"] == pytest.approx(min(1, 7 / longest), abs=0.001)
    assert found.why["type"] == 1
    assert (found.why["actors"], found.why["words"]) == (bool(one.actors), bool(one.words))
    assert found.why["counts"] == bool(one.counts)


@pytest.mark.parametrize(
    ("change", "score", "why"),
    [
        ({}, 1.0, {}),
        ({"first": date(2024, 5, 3), "last": date(2024, 5, 3)}, 0.938, {"date": 0.75}),
        ({"first": date(2024, 5, 1), "last": date(2024, 5, 28)}, 0.812, {"date": 0.25}),
        ({"point": None}, 0.85, {"place": 0.4}),
        ({"point": None, "admin1": None}, 0.8, {"place": 0.2}),
        ({"counts": {"kidnapped": Figure(7, 7, 7)}}, 0.981, {"counts": 0.875}),
        ({"counts": {"kidnapped": Figure(5, None, None)}}, 0.97, {"counts": 0.8}),
        ({"counts": {"killed": Figure(8, 8, 8)}}, 0.85, {"counts": 0.0}),
        ({"actors": frozenset("xz")}, 0.925, {"actors": 0.5}),
        ({"types": ("hostage_taking",)}, 0.95, {"type": 0.5}),
        ({"types": ("extortion",)}, 0.9, {"type": 0.0}),
        ({"words": frozenset(("taken", "eight"))}, 0.95, {"words": 0.5}),
    ],
    ids=lambda one: ", ".join(one) if isinstance(one, dict) else None,
)
def test_what_each_difference_costs(change: dict[str, Any], score: float, why: dict[str, float]) -> None:
    found = likeness(BUS, replace(BUS, id="b", **change), ANY)
    assert found is not None
    assert (found.score, dict(found.why)) == (score, dict.fromkeys(WEIGHTS, 1.0) | why)


@pytest.mark.parametrize(
    "change",
    [
        {"first": date(2024, 5, 6), "last": date(2024, 5, 6)},
        {"point": (-98.28, 26.29)},
        {"point": None, "admin1": "MX-NLE"},
        {"related": frozenset("a")},
        {"wholes": frozenset("w")},
        {"rows": {"ucdp": "2"}},
        {"total": True},
    ],
    ids=", ".join,
)
def test_what_is_no_candidate(change: dict[str, Any]) -> None:
    one = replace(BUS, rows={"ucdp": "1"}, wholes=frozenset("w"))
    assert likeness(one, replace(BUS, id="b"), ANY) is not None
    assert likeness(one, replace(BUS, id="b", **change), ANY) is None
