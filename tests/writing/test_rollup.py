"""Sums by year and month hold what the figures say after any history, and a rebuild comes to the same."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from incidents_api.model.figures import SUMMED
from incidents_api.storage import tables
from incidents_api.writing import projection
from tests import make
from tests.conftest import key_for

DATES = (
    "2021-03-04",
    "2021-03",
    "2021",
    "2020-12-30/2021-01-02",
    "2021-02-27/2021-03-02",
    "2020/2022",
    "2020-11",
    "2020",
)


Sums = dict[tuple[str, ...], tuple[int, dict[str, list[int]]]]


def sums(conn: sa.Connection) -> Sums:
    """The sums as they are kept: how many incidents, and the sums of their figures by measure."""
    kept = tables.rollup.c
    found: Sums = {}
    for row in conn.execute(sa.select(*kept)):
        told, numbers = json.loads(row.figures), json.loads(row.numbers)
        assert told == {
            measure: dict(zip(SUMMED, levels, strict=True))
            for measure, levels in numbers.items()
            if measure[0] not in "-?"
        }
        found[tuple(row[:6])] = (row.n, numbers)
    return found


def standing(row: Any) -> tuple[int, int, int]:
    """The levels of a figure; what is unknown is as high as what is known below it."""
    low = row.low or 0
    best = row.best if row.best is not None else low
    return low, best, row.high if row.high is not None else best


def sums_of_figures(conn: sa.Connection) -> Sums:
    """The same, row by row from the figures that are true now and for everybody, and from what is noted of trees."""
    told = tables.figure.c
    number: Counter[tuple[str, ...]] = Counter()
    figures: dict[tuple[str, ...], dict[str, list[int]]] = {}

    def count(key: tuple[str, ...], measure: str, levels: Iterable[int]) -> None:
        held = figures.setdefault(key, {}).setdefault(measure, [0] * 6)
        for n, level in enumerate(levels):
            held[n] += level

    query = sa.select(tables.figure).where(told.seq_to.is_(None), told.whole, told.audience.is_(None))
    for row in conn.execute(query):
        what = (row.country_order, row.type, row.granularity, row.status or "")
        less = (what[0], "", row.granularity if row.granularity == "period_total" else "", what[3])
        spans = [("month", row.month) if row.month else ("rest", row.year or "")]
        spans += [("year", row.year)] if row.year else []
        keys = [one for grain, period in spans for one in ((grain, period, *what), (f"{grain}s", period, *less))]
        if row.measure == "":
            point = f"{'-' if row.lon is None else ''}{row.precision or ''}"
            number.update([*keys, ("point", point, *what), ("points", point, "", "", "", what[3])])
            continue
        for key in keys:
            count(key, row.measure, (*standing(row), 1, row.best is None, row.high is None))
    for _, cell, country, granularity, status, taken, *_ in conn.execute(sa.select(tables.tree)):
        for measure, levels in json.loads(taken).items() if cell != "-" else ():
            spans = [("months" if len(cell) > 4 else "rests", cell), *([("years", cell[:4])] if cell else [])]
            for grain, period in spans:
                count((grain, period, country, "", granularity, status), f"-{measure}", levels)
    return {key: (number[key], figures.get(key, {})) for key in {*number, *figures}}


def taken_off(conn: sa.Connection) -> dict[str, tuple[str, dict[str, list[int]]]]:
    """By whole, what trees come to: where its parts are taken off it in the sums, and what; told again from nothing."""
    told, singly = tables.figure.c, entwined(conn)
    found: dict[str, tuple[str, dict[str, list[int]]]] = {}
    rows = [*conn.execute(sa.select(tables.figure).where(told.seq_to.is_(None), told.whole))]
    for whole in {row.whole_id for row in rows if row.whole_id}:
        own = {row.measure: row for row in rows if row.incident_id == whole}
        parts = [row for row in rows if row.whole_id == whole]
        found[whole] = ("-", {})
        same = {(row.country_order, row.status, row.granularity == "period_total") for row in [*own.values(), *parts]}
        if not own or whole in singly or len(same) > 1 or any(row.audience for row in [*own.values(), *parts]):
            continue
        head = own[""]
        if any(head.month not in (None, row.month) or head.year not in (None, row.year) for row in parts):
            continue
        taken: dict[str, list[int]] = {"": [0, 0, 0, sum(row.measure == "" for row in parts), 0, 0]}
        for measure, row in own.items():
            below = [one for one in parts if one.measure == measure != ""]
            if below:
                mine = standing(row)
                theirs = [*map(sum, zip(*map(standing, below), strict=True))]
                above = int(any(one > other for one, other in zip(theirs, mine, strict=True)))
                taken[measure] = [*map(min, theirs, mine), len(below), above, 0]
                taken[""][4] |= above
        found[whole] = (head.month or head.year or "", taken)
    return found


def trees(conn: sa.Connection) -> dict[str, tuple[str, dict[str, list[int]]]]:
    """The same as it is kept."""
    kept = tables.tree.c
    return {row.whole_id: (row.cell, json.loads(row.taken)) for row in conn.execute(sa.select(*kept))}


def entwined(conn: sa.Connection) -> set[str]:
    """The incidents that are netted one by one."""
    return set(conn.execute(sa.select(tables.entwined.c.incident_id)).scalars())


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_sums_follow_every_write(client: TestClient, seed: int) -> None:
    chance = random.Random(seed)
    client.headers |= key_for(client, "write", "review", "read:restricted")
    database: Any = client.app.state.database  # type: ignore[attr-defined]
    ids: list[str] = []
    tops: list[str] = []
    for n in range(60):
        some = tops if chance.random() < 0.8 else ids  # whose trees are no more than wholes and their parts
        wholes = chance.sample(some, min(len(some), chance.choice((0, 0, 0, 1, 1, 1, 1, 2))))
        changed = {
            "date": chance.choice((*DATES, *["2021-03"] * 16)),
            "location": chance.choice((*["Culiacán, MX-SIN"] * 8, "NG")),
            "granularity": chance.choice((*["single"] * 8, "operation", "period_total")),
            "sensitivity": chance.choice((*["public"] * 16, "restricted")),
            "claims": [make.claim(measure="killed", value=1 + chance.randrange(9)) for _ in range(chance.randrange(2))],
            "relations": [{"type": "part_of", "incident_id": whole} for whole in wholes],
        }
        if ids and n % 3 == 0:
            path = f"/v1/incidents/{chance.choice(ids)}"
            headers = {"If-Match": client.get(path).headers["etag"]}
            if n % 9 == 0:
                gone = client.delete(path, headers=headers, params={"reason": "source_retracted"})
                assert gone.status_code == 204, gone.text
                ids.remove(gone.request.url.path.rpartition("/")[2])
                tops = [one for one in tops if one in ids]
            else:
                del changed["location"]
                if path.rpartition("/")[2] in tops and chance.random() < 0.9:
                    del changed["relations"]
                headers["Content-Type"] = "application/merge-patch+json"
                told = client.patch(path, json=changed, headers=headers)
                assert told.status_code in (200, 422), told.text  # a circle
        else:
            answer = client.post("/v1/incidents", json=make.incident(**changed))
            assert answer.status_code in (201, 422), answer.text  # a circle, or a whole that was ended
            if answer.status_code == 422:
                continue
            ids.append(answer.json()["id"])
            tops += [] if wholes else ids[-1:]
    with database.connect() as conn:
        kept, told, singly = sums(conn), sums_of_figures(conn), entwined(conn)
        kept_trees, told_trees = trees(conn), taken_off(conn)
    assert len(ids) > 20
    assert len(kept) > 10
    assert len(singly) > 2
    assert kept == told
    assert kept_trees == told_trees
    assert {cell == "-" for cell, _ in kept_trees.values()} == {True, False}
    database.write_now(projection.rebuild)
    with database.connect() as conn:
        assert sums(conn) == sums_of_figures(conn)
        assert trees(conn) == taken_off(conn)
        assert entwined(conn) >= singly


def test_a_whole_of_very_many_parts_is_netted_by_each_question(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incidents_api.writing.trees.MOST_PARTS", 2)
    client.headers |= key_for(client, "write", "review")
    database: Any = client.app.state.database  # type: ignore[attr-defined]

    def post(number: int, *wholes: str) -> str:
        relations = [{"type": "part_of", "incident_id": whole} for whole in wholes]
        claims = [make.claim(measure="killed", value=number)]
        made = client.post("/v1/incidents", json=make.incident(date="2021-03-04", claims=claims, relations=relations))
        record_id: str = made.json()["id"]
        return record_id

    def told() -> tuple[str, int, int]:
        """Where the whole's parts are taken off it, how many are killed in all, and how many parts that is less."""
        with database.connect() as conn:
            assert sums(conn) == sums_of_figures(conn)
            ((cell, _),) = trees(conn).values()
        answer = client.get("/v1/totals").json()
        return cell, answer["rows"][0]["measures"]["killed"]["best"], answer["excluded"]["netted_parts"]

    whole = post(9)
    parts = [post(number, whole) for number in (1, 2)]
    assert told() == ("2021-03", 9, 2)
    parts.append(post(4, whole))
    assert told() == ("-", 9, 3)
    gone = client.delete(f"/v1/incidents/{parts[0]}", params={"reason": "source_retracted"}, headers={"If-Match": "*"})
    assert gone.status_code == 204, gone.text
    assert told() == ("2021-03", 9, 2)
