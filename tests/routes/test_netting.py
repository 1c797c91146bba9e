"""Random trees, filters and groupings: buckets add up to the whole, and a part beside its whole adds nothing."""

import itertools
import random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests import make
from tests.conftest import key_for

RUN = itertools.count()
LEVELS = ("low", "best", "high")


class Node(NamedTuple):
    """An incident of a tree: which earlier one it is part of, its figures, and what it is grouped by."""

    whole: int | None
    figures: dict[str, int]
    location: str | None
    type: str
    year: str


PLACES = st.sampled_from(["Culiacán, MX-SIN", "Mazatlán, MX-SIN", "Matamoros, MX-TAM", "MX", None])


@st.composite
def trees(draw: st.DrawFn) -> list[Node]:
    nodes = []
    for n in range(draw(st.integers(2, 7))):
        whole = draw(st.one_of(st.none(), st.integers(0, n - 1))) if n else None
        figures = draw(
            st.dictionaries(st.sampled_from(["rescued", "released", "freed"]), st.integers(0, 60), max_size=2)
        )
        kind = draw(st.sampled_from(["rescue_operation", "kidnapping", "release"]))
        nodes.append(Node(whole, figures, draw(PLACES), kind, draw(st.sampled_from(["2023", "2024-05", "2024-05-01"]))))
    return nodes


def post(client: TestClient, key: dict[str, str], nodes: list[Node]) -> list[str]:
    """Store a tree; the tags that select each of its incidents alone."""
    run = next(RUN)
    for n, node in enumerate(nodes):
        report = make.incident(
            type=node.type,
            location=node.location,
            date=node.year,
            actors=[],
            claims=[make.claim(measure=measure, value=value) for measure, value in node.figures.items() if value],
            tags=[f"t{run}-{n}"],
            external_ids={"tree": f"{run}-{n}"},
            relations=[] if node.whole is None else [{"type": "part_of", "incident": f"tree:{run}-{node.whole}"}],
        )
        answer = client.post("/v1/incidents", json=report, headers=key)
        assert answer.status_code == 201, answer.text
    return [f"t{run}-{n}" for n in range(len(nodes))]


def totals(client: TestClient, tags: list[str], **asked: str) -> dict[str, Any]:
    answer = client.get("/v1/totals", params={"tag": ",".join(tags)} | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sums(rows: list[dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    measures = {measure for row in rows for measure in row["measures"]}
    return {
        measure: tuple(sum(row["measures"].get(measure, {}).get(level, 0) for row in rows) for level in LEVELS)
        for measure in measures
    }


def inside(nodes: list[Node], n: int, selected: set[int]) -> bool:
    """Whether an incident lies within another selected one."""
    above = nodes[n].whole
    while above is not None:
        if above in selected:
            return True
        above = nodes[above].whole
    return False


@pytest.fixture
def key(client: TestClient) -> dict[str, str]:
    return key_for(client)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nodes=trees(), data=st.data())
def test_buckets_add_up_and_parts_count_once(
    client: TestClient, key: dict[str, str], nodes: list[Node], data: st.DataObject
) -> None:
    tags = post(client, key, nodes)
    selected = data.draw(st.sets(st.integers(0, len(nodes) - 1), min_size=1))
    chosen = [tags[n] for n in sorted(selected)]
    whole = totals(client, chosen)
    for by in ("admin1", "country", "type", "year", "month", "admin1,type", "year,type,country"):
        told = totals(client, chosen, by=by)
        assert sums(told["rows"]) == sums(whole["rows"]), by
        assert sum(row["incidents"] for row in told["rows"]) == len(selected)
    low, best, high = (sums(whole["rows"]).get("freed", (0, 0, 0))[n] for n in range(3))
    assert low <= best <= high
    # Parts never change the total of a selection that holds their whole, unless they exceed it.
    if whole["excluded"]["parts_exceed_whole"] == 0:
        wholes = {n for n in selected if not inside(nodes, n, selected)}
        if all(_covered(nodes, n, wholes) for n in selected - wholes if nodes[n].figures):
            event("parts inside wholes that tell the same measures")
            alone = totals(client, [tags[n] for n in sorted(wholes)])
            assert sums(alone["rows"]) == sums(whole["rows"])


DATES = (
    "2021-03-04",
    "2021-03",
    "2021-03-30/2021-04-02",
    "2021",
    "2020-12-30/2021-01-02",
    "2020-11",
    "2020/2022",
    "2022-01-31",
)
DAYS = (
    None,
    "2020-11-15",
    "2020-12-31",
    "2021-01-01",
    "2021-03-03",
    "2021-03-31",
    "2021-04-01",
    "2021-12-31",
    "2022-01-31",
)


def test_totals_of_a_span_are_those_of_the_past_as_of_now(client: TestClient) -> None:
    """The past is read from figures alone; now from sums, and parts by their months."""
    chance = random.Random(5)
    client.headers |= key_for(client, "write", "review")
    tops: list[str] = []
    for _ in range(70):
        whole = chance.choice(tops) if tops and chance.random() < 0.75 else None
        report = make.incident(
            date=chance.choice(DATES),
            location=chance.choice(("Culiacán, MX-SIN", "Matamoros, MX-TAM", "NG")),
            claims=[make.claim(measure=one, value=1 + chance.randrange(9)) for one in ("killed", "rescued")],
            relations=[{"type": "part_of", "incident_id": whole}] if whole else [],
        )
        posted = client.post("/v1/incidents", json=report).raise_for_status().json()["id"]
        tops += [] if whole else [posted]
    parted = 0
    groupings = itertools.cycle(
        (("country", "overlaps"), ("month", "overlaps"), ("year,type", "within"), ("", "within"))
    )
    for first, last, country in itertools.product(DAYS, DAYS, (None, "MX", None)):
        if (first or last) and (first or "") <= (last or "9"):
            by, mode = next(groupings)
            asked = {"from": first, "to": last, "country": country, "by": by or None, "date_mode": mode}
            asked = {name: value for name, value in asked.items() if value is not None}
            now = client.get("/v1/totals", params=asked).raise_for_status().json()
            then = client.get("/v1/totals", params=asked | {"as_of": now["as_of"]}).raise_for_status().json()
            assert now["rows"] == then["rows"], asked
            assert now["excluded"] == then["excluded"], asked
            parted += now["excluded"]["netted_parts"]
    assert parted > 100


def _covered(nodes: list[Node], n: int, wholes: set[int]) -> bool:
    """Whether the outermost selected incident around a part has a figure at each node where the part has one."""
    above = nodes[n].whole
    while above is not None and above not in wholes:
        above = nodes[above].whole
    if above is None:
        return False
    own, outer = (_measures(nodes[one].figures) for one in (n, above))
    return own <= outer


def _measures(figures: dict[str, int]) -> set[str]:
    """The measures at which an incident has a figure: what it states, and freed above rescued and released."""
    stated = {measure for measure, value in figures.items() if value}
    return stated | ({"freed"} if stated & {"rescued", "released"} else set())
