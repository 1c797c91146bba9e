"""Sums by year and month hold what the figures say after any history, and a rebuild comes to the same."""

import random
from typing import Any

import sqlalchemy as sa
from starlette.testclient import TestClient

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


def sums(conn: sa.Connection) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """The sums as they are kept."""
    kept = tables.rollup.c
    return {tuple(row[:7]): tuple(map(int, row[7:])) for row in conn.execute(sa.select(*kept))}


def sums_of_figures(conn: sa.Connection) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """The same, row by row from the figures that are true now and for everybody."""
    told = tables.figure.c
    found: dict[tuple[Any, ...], list[int]] = {}
    query = sa.select(tables.figure).where(told.seq_to.is_(None), told.whole, told.audience.is_(None))
    for row in conn.execute(query):
        place = (row.country_order, row.measure)
        what = (*place, row.type, row.granularity)
        less = (*place, "", row.granularity if row.granularity == "period_total" else "")
        spans = [grain for grain in ("year", "month") if getattr(row, grain) is not None]
        keys = [
            one
            for grain in spans
            for one in ((grain, getattr(row, grain), *what), (f"{grain}s", getattr(row, grain), *less))
        ]
        if row.measure == "":
            point = f"{'-' if row.lon is None else ''}{row.precision or ''}"
            keys += [("point", point, *what), ("points", point, "", "", "", "")]
        for key in ((*one, row.status or "") for one in keys):
            low = row.low or 0
            best = row.best if row.best is not None else low
            high = row.high if row.high is not None else best
            held = found.setdefault(key, [0] * 6)
            for n, number in enumerate((1, low, best, high, row.best is None, row.high is None)):
                held[n] += number
    return {key: tuple(held) for key, held in found.items()}


def entwined(conn: sa.Connection) -> set[str]:
    """The incidents that are netted one by one."""
    return set(conn.execute(sa.select(tables.entwined.c.incident_id)).scalars())


def test_sums_follow_every_write(client: TestClient) -> None:
    chance = random.Random(11)
    client.headers |= key_for(client, "write", "review", "read:restricted")
    database: Any = client.app.state.database  # type: ignore[attr-defined]
    ids: list[str] = []
    for n in range(60):
        wholes = chance.sample(ids, min(len(ids), chance.choice((0, 0, 0, 1, 2))))
        changed = {
            "date": chance.choice(DATES),
            "granularity": chance.choice(("single", "operation", "period_total")),
            "sensitivity": chance.choice(("public", "public", "public", "restricted")),
            "claims": [make.claim(measure="killed", value=1 + chance.randrange(9)) for _ in range(chance.randrange(2))],
            "relations": [{"type": "part_of", "incident_id": whole} for whole in wholes],
        }
        if ids and n % 3 == 0:
            path = f"/v1/incidents/{chance.choice(ids)}"
            headers = {"If-Match": client.get(path).headers["etag"]}
            if n % 9 == 0:
                client.delete(path, headers=headers, params={"reason": "retracted"})
            else:
                headers["Content-Type"] = "application/merge-patch+json"
                client.patch(path, json=changed, headers=headers)
        else:
            answer = client.post("/v1/incidents", json=make.incident(**changed))
            assert answer.status_code in (201, 422), answer.text  # a circle, or a whole that was ended
            if answer.status_code == 422:
                continue
            ids.append(answer.json()["id"])
    with database.connect() as conn:
        kept, told, singly = sums(conn), sums_of_figures(conn), entwined(conn)
    assert len(ids) > 20
    assert len(kept) > 10
    assert len(singly) > 2
    assert kept == told
    database.write_now(projection.rebuild)
    with database.connect() as conn:
        assert sums(conn) == kept
        assert entwined(conn) >= singly
