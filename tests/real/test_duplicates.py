"""Duplicates among 18,957 real rows: what is compared stays few, what is coded twice is found, plans use indexes."""

import random
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Connection
from starlette.testclient import TestClient

from incidents_api.model.audience import EVERYTHING
from incidents_api.model.duplicates import Asked, Traits, traits, window
from incidents_api.model.kinds import KINDS
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.reading import duplicates, query
from incidents_api.storage.database import Database
from incidents_api.writing.likely import create_compared
from tests.real import ucdp
from tests.real.test_plans import LARGE, plan_of

WALKED = 1_000
EDITOR = Visitor("editor", frozenset({"admin"}))


def walk(client: TestClient, **asked: Any) -> tuple[int, int, list[Any]]:
    """(walked, compared, pairs) of page after page, until enough incidents were looked at."""
    walked, compared, found = 0, 0, []
    url: str | None = "/v1/duplicates"
    while url and walked < WALKED:
        answer = client.get(url, params=asked or None)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        walked, compared, asked = walked + page["walked"], compared + page["compared"], {}
        found += page["items"]
        url = page["next"]
    return walked, compared, found


def test_each_incident_is_compared_with_few(ucdp_client: TestClient) -> None:
    """Of 18,957 incidents; all pairs would be 18,956 for each. UCDP numbers its rows, so none is another's like."""
    walked, compared, found = walk(ucdp_client, to="2012-12-31")
    assert walked >= WALKED
    assert 0 < compared < 60 * walked
    assert found == []


def _sample() -> list[ucdp.Row]:
    """Rows of one day and a place, spread over the years."""
    fit = [row for row in ucdp.rows() if row["date_prec"] == "1" and row["where_prec"] == "1" and row["adm_1"]]
    return random.Random(7).sample(fit, 60)


def _coded_again(row: ucdp.Row, chance: random.Random) -> dict[str, Any]:
    """The row as somebody else would report it: a day off, some kilometres away, another figure, other words."""
    return {
        "type": ucdp.TYPES[row["type_of_violence"]],
        "title": "Reported by a local paper",
        "date": row["date_start"][:10],
        "locations": [
            {
                "location": ucdp.admin1_of(row["adm_1"]),
                "lon": float(row["longitude"]) + chance.uniform(-0.03, 0.03),
                "lat": float(row["latitude"]) + chance.uniform(-0.03, 0.03),
                "precision": "city",
            }
        ],
        "claims": [{"measure": "killed", "population": "all", "value": max(1, int(row["best"])), "quote": "killed"}],
        "actors": [{"actor": f"ucdp:{row['side_a_new_id']}", "role": "other"}],
        "source": "https://local.example/1",
    }


class Back(Exception):
    """Carries what was found out of a write that must leave no trace."""


def test_what_is_coded_twice_is_found(ucdp_url: str) -> None:
    """Reported once more, compared, and rolled back: the rows stay as they are for the other tests."""
    chance, database = random.Random(11), Database(ucdp_url)

    def report(conn: Connection, row: ucdp.Row) -> None:
        again = validate(KINDS["incident"].report, _coded_again(row, chance))
        raise Back([told["id"] for told in create_compared(conn, KINDS["incident"], again, EDITOR, False)[1]])

    missed = []
    for row in _sample():
        with pytest.raises(Back) as found:
            database.write_now(report, row)
        if ucdp.incident_id(row) not in found.value.args[0]:
            missed.append(row["id"])
    database.close_writer()
    assert len(missed) <= 3, missed


def test_the_look_up_runs_over_indexes(ucdp_url: str, ucdp_client: TestClient) -> None:
    kind = KINDS["incident"]
    items = orjson.loads(ucdp_client.get("/v1/incidents", params={"to": "2012-12-31", "limit": 20}).content)["items"]
    told = [traits(one["id"], one) for one in items]
    windows = [window(one, Asked()) for one in told if isinstance(one, Traits)]
    assert len(windows) > 10
    for asked in (b"", b"type=attack&admin1=MX-NAY"):
        read = query.parse(kind, asked, 100, "duplicates")
        for some in (windows, windows[:1]):
            steps = list(plan_of(ucdp_url, duplicates.candidates(read, some, to=EVERYTHING)))
            assert len(steps) >= 2
            wrong = [step for step in steps if step.partition(":")[0] in LARGE and ": search," not in step]
            assert wrong == [], steps
