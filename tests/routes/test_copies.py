"""A copy kept by the feed is the list, whatever is closed, held, opened, ended, merged or redacted."""

import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from incidents_api import app
from incidents_api.model.audience import COARSENED, HIDDEN
from incidents_api.settings import Settings
from incidents_api.storage.database import Database
from incidents_api.writing import embargo, projection
from tests import make
from tests.conftest import key_for, serve
from tests.model.test_diff import apply
from tests.rows import dump

MERGE = {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
ENVELOPE = ("id", "version", "seq", "recorded_at", "recorded_by")
SHORT, LONG = (1, 45), (25, 200)
"""Histories and steps of each, in the suite and with --soak."""


@dataclass
class Copy:
    """A follower: what it asks for, its key, where it is, and what it holds."""

    asked: str = ""
    key: dict[str, str] = field(default_factory=dict)
    cursor: str = ""
    held: dict[str, Any] = field(default_factory=dict)
    seqs: list[int] = field(default_factory=list)

    def follow(self, client: TestClient) -> None:
        """Take what there is since the last time."""
        more = True
        while more:
            after = f"&after={self.cursor}" if self.cursor else ""
            page = client.get(f"/v1/changes?limit=7&{self.asked}{after}", headers=self.key).json()
            self.cursor, more = page["cursor"], page["next"]
            for change in page["items"]:
                self.seqs.append(change["seq"])
                if change["change"] != "upsert":
                    self.held.pop(change["id"], None)
                elif "diff" in change:
                    self.held[change["id"]] = apply(self.held.get(change["id"], {}), change["diff"])
                else:
                    self.held[change["id"]] = change["record"]

    def wanted(self, client: TestClient) -> dict[str, Any]:
        """What the list says."""
        asked = self.asked.replace("kind=incident", "").replace("include=diff", "")
        items = client.get(f"/v1/incidents?limit=1000&{asked}", headers=self.key).json()["items"]
        bare = "diff" in self.asked
        return {one["id"]: {n: v for n, v in one.items() if not (bare and n in ENVELOPE)} for one in items}


@dataclass
class World:
    """A store in which anything happens, by chance."""

    client: TestClient
    key: dict[str, str]
    chance: random.Random
    now: datetime = datetime(2026, 11, 22, tzinfo=UTC)
    ids: list[str] = field(default_factory=list)

    def members(self) -> dict[str, Any]:
        """A change of what is seen, of what is not, of who sees it, or of until when."""
        later = (self.now + timedelta(hours=self.chance.randint(1, 9))).isoformat()
        return self.chance.choice([
            {"type": self.chance.choice(["kidnapping", "rescue_operation"])},
            {"title": f"Title {self.chance.randint(1, 9)}"},
            {"sensitivity": self.chance.choice(["public", "restricted"])},
            {"sensitivity": "restricted"},
            {"hold_until": later},
            {"hold_until": None},
            {"review": {"status": self.chance.choice(["published", "disputed"]), "reason": "x"}},
        ])  # fmt: skip

    def step(self) -> None:
        one = self.chance.choice(self.ids) if self.ids else ""
        path, put = f"/v1/incidents/{one}", self.key | {"If-Match": "*"}
        do: list[tuple[int, Callable[[], Any]]] = [
            (6, self.create),
            (12, lambda: self.client.patch(path, json=self.members(), headers=self.key | MERGE)),
            (2, lambda: self.client.delete(f"{path}?reason=test&note=secret", headers=put)),
            (2, lambda: self.client.post(f"{path}/merge", json={"into": self.chance.choice(self.ids)}, headers=put)),
            (1, lambda: self.client.post(f"{path}/redact", json={"paths": ["/title"]}, headers=put)),
            (1, lambda: self.client.post(f"{path}/redact", json={}, headers=put)),
            (1, lambda: self.client.post(f"{path}/redact", json={"versions": [1]}, headers=put)),
            (5, self.pass_time),
        ]
        what = self.chance.choices([one for _, one in do], [often for often, _ in do])[0]
        answer = (what if self.ids else self.create)()
        assert answer is None or answer.status_code < 500, answer.text

    def create(self) -> Any:
        report = make.incident(external_ids={}, title="First", summary="secret") | self.members()
        answer = self.client.post("/v1/incidents", json=report, headers=self.key)
        self.ids.append(answer.json()["id"])
        return answer

    def pass_time(self) -> None:
        """Embargoes end; the service looks for them every few seconds."""
        self.now += timedelta(hours=self.chance.randint(1, 4))
        database: Database = self.client.app.state.database  # type: ignore[attr-defined]
        database.write_now(embargo.lift, self.now)


def difference(copy: Copy, world: World) -> str:
    """How a copy differs from the list, with the log of what differs."""
    wanted = copy.wanted(world.client)
    wrong = [one for one in copy.held.keys() | wanted.keys() if copy.held.get(one) != wanted.get(one)]
    lines = [copy.asked, str(world.now)]
    for one in wrong:
        held, is_ = copy.held.get(one) or {}, wanted.get(one) or {}
        lines += [f"{one}: {[(n, held.get(n), is_.get(n)) for n in held | is_ if held.get(n) != is_.get(n)]}"]
        for change in world.client.get("/v1/changes?limit=1000", headers=world.key).json()["items"]:
            if change["id"] == one:
                record = change["record"] or {}
                known = [record.get(n) for n in ("type", "title", "sensitivity", "hold_until")]
                lines.append(
                    f"  {change['seq']} {change['operation']} {known} {record.get('review', {}).get('status')}"
                )
    return "\n".join(lines) + f"\n{copy.seqs} {copy.cursor}"


@pytest.fixture
def world(store_url: str, treatment: str) -> Iterator[World]:
    database = Database(store_url)
    database.write_now(projection.rebuild, lambda _: None, 500, treatment)
    database.close_writer()
    with serve(store_url, public_statuses=("published", "verified"), rate_per_address=0, rate_per_key=0) as client:
        made = World(client, key_for(client, "admin"), random.Random(treatment))
        client.app.state.clock = lambda: made.now  # type: ignore[attr-defined]
        yield made


@pytest.mark.parametrize("treatment", [HIDDEN, COARSENED])
def test_copies_are_the_list(world: World, request: pytest.FixtureRequest, treatment: str) -> None:
    runs, steps = LONG if request.config.getoption("--soak") else SHORT
    writer = key_for(world.client, "write", name="writer")
    compared = 0
    for _ in range(runs):
        copies = [
            Copy("kind=incident"),
            Copy("kind=incident&include=diff"),
            Copy("type=kidnapping"),
            Copy("kind=incident", world.key),
            Copy("kind=incident", writer),
        ]
        for _ in range(steps):
            world.step()
            for copy in copies:
                if world.chance.random() < 0.4:
                    copy.follow(world.client)
                    assert copy.held == copy.wanted(world.client), difference(copy, world)
                    compared += 1
        late = [Copy(copy.asked, copy.key) for copy in copies]
        for copy, other in zip(copies, late, strict=True):
            for each in (copy, other):
                each.follow(world.client)
                assert each.held == each.wanted(world.client), difference(each, world)
                assert each.seqs == sorted(set(each.seqs))
        database: Database = world.client.app.state.database  # type: ignore[attr-defined]
        before = dump(database)
        database.write_now(projection.rebuild, lambda _: None, 500, treatment)
        assert dump(database) == before
    sys.stdout.write(f"{treatment}: {len(world.ids)} incidents, {compared} comparisons\n")
    assert compared > steps


@pytest.mark.parametrize("treatment", [COARSENED])
def test_the_feed_tells_of_a_view_no_more_than_the_view(world: World) -> None:
    client, key = world.client, world.key
    made = client.post("/v1/incidents", json=make.incident(title="Canary", external_ids={"t": "canary"}), headers=key)
    path = made.headers["location"]
    for members in ({"sensitivity": "restricted"}, {"summary": "canary"}, {"type": "kidnapping"}):
        assert client.patch(path, json=members, headers=key | MERGE).status_code == 200
    view = client.get(path).json()
    assert client.delete(f"{path}?reason=privacy&note=canary", headers=key | {"If-Match": "*"}).status_code == 204
    for include in ("record", "diff", "none"):
        lines = client.get(f"/v1/changes?kind=incident&include={include}")
        assert "canary" not in lines.text.lower()
        items = lines.json()["items"]
        # Told when it came, when it was taken out of sight, when it changed and when it ended; not when its text did.
        assert [(one["change"], one["version"]) for one in items] == [
            ("upsert", 1), ("upsert", 1), ("upsert", 4), ("end", None),
        ]  # fmt: skip
        assert {(one["recorded_by"], one["hash"]) for one in items} == {(None, None)}
        assert items[-1]["reason"] == {"code": "privacy", "note": None, "successor": None}
        assert [one.get("record") for one in items[2:]] == ([view, None] if include == "record" else [None, None])
        if include == "diff":
            assert [one["diff"][0]["path"] for one in items] == [""] * 4


@pytest.mark.parametrize("treatment", [HIDDEN, COARSENED])
def test_who_follows_hears_once_of_an_embargo_that_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch, treatment: str
) -> None:
    """The service says it by itself: at its start, and every few seconds after it."""
    monkeypatch.setattr(app, "LIFT_SECONDS", 0.05)
    report = make.incident(hold_until=(world.now + timedelta(hours=1)).isoformat())
    held = world.client.post("/v1/incidents", json=report, headers=world.key).json()
    copy = Copy("kind=incident")
    copy.follow(world.client)
    assert (held["id"] in copy.held) == (treatment == COARSENED)
    world.now += timedelta(hours=1)
    url = world.client.app.state.database.url.render_as_string(hide_password=False)  # type: ignore[attr-defined]
    with TestClient(app.create_app(Settings(_env_file=None, database_url=url))) as other:
        other.app.state.clock = lambda: world.now  # type: ignore[attr-defined]
        deadline = time.monotonic() + 30
        while world.client.get("/v1/edition").json()["seq"] == held["seq"] and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.2)  # time to say it once more, were it not once
    copy.follow(world.client)
    assert copy.held == copy.wanted(world.client)
    assert copy.seqs[-1] == held["seq"] + 1
    told = copy.held[held["id"]]
    assert (told["version"], told["hold_until"], told["recorded_by"]) == (2, None, embargo.AUTHOR)
    assert all(told[name] == held[name] for name in ("title", "claims", "actors", "date", "sensitivity"))
