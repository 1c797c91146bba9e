"""One random history of the service: rules that write and read, each answer held against the model."""

import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from incidents_api.model import vocabulary
from incidents_api.model.kinds import KINDS
from incidents_api.model.revision import derived_id
from incidents_api.writing import projection
from incidents_api.writing.verify import verify
from tests.rows import dump
from tests.state.model import EDITOR, PUBLIC, WRITER, Model
from tests.state.record import Record
from tests.state.services import Service, Services, alike

TYPES = ("kidnapping", "rescue_operation")
TAGS = ("a", "b")
STATUSES = ("submitted", "in_review", "published", "verified", "disputed")
MOVES = {code: one.extra["moves"] for code, one in vocabulary.LISTS["review_status"].codes.items()}
UNITS = ("MX-SIN", "MX-TAM")
READERS = (EDITOR, WRITER, PUBLIC)

types = st.sampled_from(TYPES)
tags = st.frozensets(st.sampled_from(TAGS))
statuses = st.sampled_from(STATUSES)
readers = st.sampled_from(READERS)
writers = st.sampled_from((EDITOR, EDITOR, WRITER))
values = st.integers(1, 9)


def incident_of(told: dict[str, Any]) -> Record:
    """A document as the model has it."""
    ids, chosen = [claim["id"] for claim in told["claims"]], told["review"]["chosen"]
    return Record(
        told["title"],
        told["type"],
        frozenset(told["tags"]),
        told["review"]["status"],
        told["sensitivity"] == "restricted",
        tuple(one["actor_id"] for one in told["actors"]),
        tuple(one["location_id"] for one in told["locations"]),
        tuple(one["incident_id"] for one in told["relations"]),
        tuple((claim["value"], claim["source_id"]) for claim in told["claims"]),
        ids.index(chosen[0]) if chosen else None,
    )


def named_of(told: dict[str, Any]) -> Record:
    """The same for a document of another kind."""
    return named(told.get("name") or told["title"], told.get("admin1"), told.get("parent_id"))


def named(name: str, unit: str | None = None, parent: str | None = None) -> Record:
    """An actor, a location (in a first-order unit) or a source."""
    return Record(name, unit=unit, wholes=(parent,) if parent else ())


def report_of(record: Record) -> dict[str, Any]:
    """A report that says what the model has."""
    return {
        "title": record.title,
        "type": record.type,
        "date": "2024-03",
        "tags": sorted(record.tags),
        "review": {"status": record.status},
        "sensitivity": "restricted" if record.restricted else "public",
        "actors": [{"actor_id": one, "role": "perpetrator"} for one in record.actors],
        "locations": [{"location_id": one} for one in record.locations],
        "relations": [{"type": "part_of", "incident_id": one} for one in record.wholes],
        "claims": [claim_of(value, source) for value, source in record.claims],
    }


def claim_of(value: int, source: str) -> dict[str, Any]:
    return {"measure": "rescued", "population": "victims", "value": value, "source_id": source}


class History(RuleBasedStateMachine):
    """One history. A rule asks every service for the same, and holds what they say against the model."""

    services: ClassVar[Services]
    length: ClassVar[int]
    runs: ClassVar[int] = 0
    whole: ClassVar[int] = 0
    """Runs of that length; hypothesis gives some up before it, and begins others."""
    steps: ClassVar[int] = 0
    writes: ClassVar[int] = 0
    done: ClassVar[Counter[str]]

    incidents = Bundle("incidents")
    actors = Bundle("actors")
    locations = Bundle("locations")
    sources = Bundle("sources")
    moments = Bundle("moments")

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.began = self.steps
        self.model = Model()
        self.number = 0
        self.touched = True
        self.numbers: dict[str, str] = {}
        self.services.empty()
        self.copies: dict[str | None, dict[str, set[str]]] = {who: {} for who in READERS}
        self.cursors: dict[tuple[str | None, str], str] = {}
        self.seen: dict[str | None, int] = dict.fromkeys(READERS, 0)

    # --- Asking ----------------------------------------------------------------------------------------------------

    def ask(
        self, method: str, path: str | Callable[[Service], str], who: str | None, status: int, **request: Any
    ) -> list[Any]:
        """What each service answers, once its status is the expected one and all of them say the same."""
        answers = self.services.ask(method, path, who, **request)
        what = f"{method} {answers[0].request.url} by {who}"
        told = []
        for one, answer in zip(self.services.each, answers, strict=True):
            one.check(f"{what}: {answer.text[:300]}", answer.status_code, status)
            told.append(
                answer.json()
                if answer.content
                and "json" in answer.headers["content-type"]
                and "nd" not in answer.headers["content-type"]
                else answer.text
            )
        if not isinstance(told[0], str):
            for one, said in zip(self.services.each, told, strict=True):
                one.check(what, alike(said), alike(told[0]))
        return told

    def write(self, method: str, path: str, who: str, status: int, **request: Any) -> Any:
        type(self).writes += 1
        self.touched = True
        media = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = (
            {"If-Match": "*", "Content-Type": media}
            if method != "POST" or path.endswith(("/merge", "/review", "/redact"))
            else {}
        )
        self.done[f"{method} {path.rpartition('/')[2] if path.count('/') > 3 else path.split('/')[2]} {status}"] += 1
        return self.ask(method, path, who, status, headers=headers, **request)[0]

    def path(self, kind: str, one: str | None = None) -> str:
        return f"/v1/{KINDS[kind].plural}" + (f"/{one}" if one else "")

    def new(self, kind: str, who: str, record: Any, report: dict[str, Any]) -> Any:
        self.number += 1
        report = report | {"external_ids": {"t": str(self.number)}}
        one = derived_id(kind, "t", str(self.number))
        self.numbers[one] = str(self.number)
        status = self.model.create(kind, one, who, record)
        told = self.write("POST", self.path(kind), who, status, json=report)
        if status != 201:
            return multiple()
        for each in self.services.each:
            each.check("id", told["id"], one)
        return one

    # --- Writing ---------------------------------------------------------------------------------------------------

    @initialize(target=sources)
    def places_and_papers(self) -> Any:
        """Two sources; and two units, each made with its country by the first place in it."""
        for unit in UNITS:
            report = {"name": f"Rancho {unit}", "kind": "facility", "country": "MX", "admin1": unit}
            self.ask("POST", "/v1/locations", EDITOR, 201, json=report | {"external_ids": {"first": unit}})
        for told in self.ask("GET", "/v1/changes", EDITOR, 200)[0]["items"][len(self.model.log) :]:
            self.model.append(told["kind"], told["id"], "create", EDITOR, named_of(told["record"]))
        self.units = {e.record.unit: e.record.wholes[0] for e in self.model.log if e.record.wholes}
        return multiple(self.source(), self.source())

    @initialize(target=actors)
    def two_actors(self) -> Any:
        return multiple(self.actor(None), self.actor(None))

    @initialize(target=incidents)
    def three_incidents(self) -> Any:
        made = (replace(Record("First", TYPES[0]), tags=frozenset(TAGS[:n])) for n in range(3))
        return multiple(*(self.new("incident", EDITOR, one, report_of(one)) for one in made))

    @rule(target=sources)
    def another_source(self) -> Any:
        return self.source()

    def source(self) -> Any:
        return self.new("source", EDITOR, named("Source"), {"kind": "news_article", "title": "Source"})

    @rule(target=locations, unit=st.sampled_from(UNITS))
    def location(self, unit: str) -> Any:
        name = f"Rancho {self.number}"
        report = {"name": name, "kind": "facility", "country": "MX", "admin1": unit}
        return self.new("location", EDITOR, named(name, unit, self.units[unit]), report)

    @rule(target=actors, parent=st.none() | actors)
    def another_actor(self, parent: str | None) -> Any:
        return self.actor(parent)

    def actor(self, parent: str | None) -> Any:
        name = f"Actor {self.number}"
        report = {"name": name, "type": "gang", "parent_id": parent}
        return self.new("actor", EDITOR, named(name, None, parent), report)

    @rule(
        target=incidents, who=writers, kind=types, tagged=tags, status=statuses,
        restricted=st.sampled_from([False, False, True]),
        actor=st.lists(actors, max_size=2, unique=True), place=st.lists(locations, max_size=1),
        whole=st.lists(incidents, max_size=1), claims=st.lists(st.tuples(values, sources), max_size=2),
    )  # fmt: skip
    def incident(
        self, who: str, kind: str, tagged: frozenset[str], status: str, restricted: bool, **lists: list[Any]
    ) -> Any:
        found = Record(
            f"Incident {self.number}", kind, tagged, status, restricted,
            tuple(lists["actor"]), tuple(lists["place"]), tuple(lists["whole"]), tuple(lists["claims"]),
        )  # fmt: skip
        if who == WRITER:
            found = replace(found, status="submitted", restricted=False)
        return self.new("incident", who, found, report_of(found))

    @rule(one=incidents, who=writers, kind=st.none() | types, tagged=st.none() | tags)
    def patch(self, one: str, who: str, kind: str | None, tagged: frozenset[str] | None) -> None:
        members = (
            {"title": f"Title {self.number % 3}"}
            | ({"type": kind} if kind else {})
            | ({} if tagged is None else {"tags": tagged})
        )
        status = self.model.revise(one, who, "patch", **members)
        told = members | ({} if tagged is None else {"tags": sorted(tagged)})
        self.write("PATCH", self.path("incident", one), who, status, json=told)

    @rule(one=incidents, restricted=st.booleans())
    def close(self, one: str, restricted: bool) -> None:
        status = self.model.revise(one, EDITOR, "patch", restricted=restricted)
        body = {"sensitivity": "restricted" if restricted else "public"}
        self.write("PATCH", self.path("incident", one), EDITOR, status, json=body)

    @rule(one=incidents, to=statuses)
    def review(self, one: str, to: str) -> None:
        path, body = self.path("incident", one) + "/review", {"status": to, "reason": "read again"}
        self.ask("POST", path, WRITER, 403, json=body, headers={"If-Match": "*"})
        self.write("POST", path, EDITOR, self.model.review(one, EDITOR, to, MOVES), json=body)

    @rule(one=incidents, n=st.integers(0, 3))
    def choose(self, one: str, n: int) -> None:
        entry = self.model.newest()[one]
        if entry.record is None or not entry.record.claims:
            return
        told = self.ask("GET", self.path("incident", one), EDITOR, 200)[0]
        place = n % len(told["claims"])
        status = self.model.revise(one, EDITOR, "patch", chosen=place)
        body = {"review": {"chosen": [told["claims"][place]["id"]]}}
        self.write("PATCH", self.path("incident", one), EDITOR, status, json=body)

    @rule(one=incidents, whole=incidents)
    def link(self, one: str, whole: str) -> None:
        status = self.model.revise(one, EDITOR, "patch", wholes=(whole,))
        body = {"relations": [{"type": "part_of", "incident_id": whole}]}
        self.write("PATCH", self.path("incident", one), EDITOR, status, json=body)

    @rule(one=actors, parent=st.none() | actors)
    def move(self, one: str, parent: str | None) -> None:
        status = self.model.revise(one, EDITOR, "patch", wholes=(parent,) if parent else ())
        self.write("PATCH", self.path("actor", one), EDITOR, status, json={"parent_id": parent})

    @rule(one=incidents, who=writers, value=values, source=sources)
    def claim(self, one: str, who: str, value: int, source: str) -> None:
        status = self.model.claim(one, who, value, source)
        body = {"claims": [claim_of(value, source)]}
        self.write("POST", self.path("incident", one) + "/claims", who, status, json=body)

    @rule(one=st.one_of(incidents, incidents, actors, locations, sources))
    def end(self, one: str) -> None:
        kind = self.model.newest()[one].kind
        self.write("DELETE", self.path(kind, one) + "?reason=test", EDITOR, self.model.end(one, EDITOR))

    @rule(old=incidents, into=incidents)
    def merge(self, old: str, into: str) -> None:
        kind = self.model.newest()[old].kind
        self.write(
            "POST", self.path(kind, old) + "/merge", EDITOR, self.model.merge(old, EDITOR, into), json={"into": into}
        )

    @rule(
        pair=st.one_of(
            st.tuples(actors, actors),
            st.tuples(locations, locations),
            st.tuples(sources, sources),
            st.tuples(actors, sources),
        )
    )
    def merge_named(self, pair: tuple[str, str]) -> None:
        self.merge(*pair)

    @rule(one=incidents)
    def redact(self, one: str) -> None:
        path, body = self.path("incident", one) + "/redact", {"paths": ["/title"]}
        self.write("POST", path, EDITOR, self.model.redact(one), json=body)

    @rule(one=incidents)
    def stale(self, one: str) -> None:
        status = self.model.status(EDITOR, one)
        headers = {"If-Match": '"99-none"', "Content-Type": "application/merge-patch+json"}
        self.ask(
            "PATCH",
            self.path("incident", one),
            EDITOR,
            412 if status == 200 else status,
            headers=headers,
            json={"title": "No"},
        )

    @rule(one=sources)
    def again(self, one: str) -> None:
        report = {"kind": "dataset", "title": "Again", "external_ids": {"t": self.numbers[one]}}
        self.ask("POST", "/v1/sources", EDITOR, 409, json=report)

    # --- Reading ---------------------------------------------------------------------------------------------------

    def expect(self, what: str, told: Any, expected: Any) -> None:
        for one in self.services.each:
            one.check(what, told, expected)

    @invariant()
    def what_is_listed_is_what_stands(self) -> None:
        type(self).steps += 1
        if not self.touched:
            return
        self.touched = False
        for who in (EDITOR, PUBLIC):
            told = self.ask("GET", "/v1/incidents?limit=1000", who, 200)[0]
            found = {one["id"]: incident_of(one) for one in told["items"]}
            self.expect(f"list for {who}", found, self.model.current("incident", who))
        for one in told["items"]:
            tally = one["tallies"] and tuple(one["tallies"][0][name] for name in ("low", "best", "high"))
            self.expect(f"tally of {one['id']}", tally or None, found[one["id"]].tally())

    @rule(one=st.one_of(incidents, incidents, actors, locations, sources), who=readers)
    def read(self, one: str, who: str | None) -> None:
        self.read_at(one, who, None, "")

    def read_at(self, one: str, who: str | None, at: int | None, query: str | Callable[[Service], str]) -> None:
        kind = self.model.log[[entry.id for entry in self.model.log].index(one)].kind
        status = self.model.status(who, one, at)
        told = self.ask(
            "GET", lambda of: self.path(kind, one) + (query if isinstance(query, str) else query(of)), who, status
        )[0]
        if status == 200:
            entry = self.model.newest(at)[one]
            self.expect(f"{kind} {one}", incident_of(told) if kind == "incident" else named_of(told), entry.record)
            self.expect("version, seq", (told["version"], told["recorded_by"]), (entry.version, entry.author))
            self.expect("seq", told["seq"], self.model.log.index(entry) + 1)
        elif status == 308 and at is None:
            self.expect("successor", told["successor"], self.model.survivor(one))

    @rule(target=moments)
    def remember(self) -> Any:
        answers = self.ask("GET", "/v1/edition", EDITOR, 200)
        seq = len(self.model.log)
        self.expect("seq of the edition", answers[0]["seq"], seq)
        return seq, {one.name: told["recorded_at"] for one, told in zip(self.services.each, answers, strict=True)}

    @rule(moment=moments, one=st.one_of(incidents, actors, locations, sources), who=readers, by_time=st.booleans())
    def past(self, moment: tuple[int, dict[str, str]], one: str, who: str | None, by_time: bool) -> None:
        seq, times = moment
        if seq == 0:
            return

        def query(of: Service) -> str:
            return f"?as_of={times[of.name] if by_time else seq}"

        self.read_at(one, who, seq, query)
        told = self.ask("GET", lambda of: f"/v1/incidents{query(of)}&limit=1000", who, 200)[0]
        found = {one["id"]: incident_of(one) for one in told["items"]}
        self.expect(f"list for {who} as of {seq}", found, self.model.current("incident", who, seq))

    @rule(
        who=readers,
        tag=st.none() | st.sampled_from(TAGS),
        kind=st.none() | types,
        status=st.none() | statuses,
        actor=st.none() | actors,
        location=st.none() | locations,
        source=st.none() | sources,
    )
    def filters(self, who: str | None, **asked: str | None) -> None:
        query = {"type" if name == "kind" else name: value for name, value in asked.items() if value is not None}
        told = self.ask("GET", "/v1/incidents", who, 200, params=query | {"count": "exact", "fields": "id"})[0]
        expected = self.picked(who, **asked)
        self.expect(f"{query} for {who}", {one["id"] for one in told["items"]}, set(expected))
        self.expect("total", told["total"], len(expected))

    def picked(
        self, who: str | None, at: int | None = None, *, tag: str | None = None, kind: str | None = None,
        status: str | None = None, actor: str | None = None, location: str | None = None, source: str | None = None,
    ) -> dict[str, Record]:  # fmt: skip
        """The incidents that the filters of a list select."""
        return {
            one: record
            for one, record in self.model.current("incident", who, at).items()
            if (tag is None or tag in record.tags)
            and (kind is None or record.type == kind)
            and (status is None or record.status == status)
            and (actor is None or any(self.model.leads(near, actor) for near in record.actors))
            and (location is None or location in record.locations)
            and (source is None or source in record.references)
        }

    @rule(
        who=readers,
        tag=st.none() | st.sampled_from(TAGS),
        status=st.none() | statuses,
        by_type=st.booleans(),
        moment=st.none() | moments,
    )
    def totals(self, who: str | None, tag: str | None, status: str | None, by_type: bool, moment: Any) -> None:
        at = moment[0] if moment else None
        query = {"measure": "rescued"} | ({"tag": tag} if tag else {}) | ({"status": status} if status else {})
        query |= {"by": "type"} if by_type else {}
        query |= {"as_of": str(at)} if at else {}
        told = self.ask("GET", "/v1/totals", who, 200, params=query)[0]
        chosen = {one: told for one, told in self.picked(who, tag=tag, status=status, at=at).items() if told.claims}
        adds = self.model.totals(chosen, self.model.current("incident", who, at))
        expected: dict[str | None, Any] = {} if by_type else {None: [0, 0, 0, 0]}
        for one, record in chosen.items():
            row = expected.setdefault(record.type if by_type else None, [0, 0, 0, 0])
            row[:] = [mine + more for mine, more in zip(row, (1, *adds.get(one, (0, 0, 0))), strict=True)]
        found = {}
        for row in told["rows"]:
            figure = row["measures"].get("rescued") or dict.fromkeys(("low", "best", "high"), 0)
            found[row["key"].get("type")] = [row["incidents"], *(figure[name] or 0 for name in ("low", "best", "high"))]
        self.expect(f"totals {query} for {who}", found, expected)

    @rule(who=readers)
    def follow(self, who: str | None) -> None:
        """What came since the last time, one by one; a copy kept that way is the list."""
        after = {one.name: self.cursors.get((who, one.name), "") for one in self.services.each}
        path = "/v1/changes?limit=1000"
        answers = self.ask("GET", lambda of: path + (f"&after={after[of.name]}" if after[of.name] else ""), who, 200)
        for one, told in zip(self.services.each, answers, strict=True):
            found = [(change["seq"], change["id"], change["change"]) for change in told["items"]]
            one.check(f"feed for {who} after {after}", found, self.model.feed(who, self.seen[who]))
            self.cursors[who, one.name] = told["cursor"]
            copy = self.copies[who].setdefault(one.name, set())
            for change in told["items"]:
                if change["kind"] == "incident":
                    (copy.add if change["change"] == "upsert" else copy.discard)(change["id"])
            one.check(f"copy of {who}", copy, set(self.model.current("incident", who)))
        self.seen[who] = len(self.model.log)

    @rule(who=readers, tag=st.none() | st.sampled_from(TAGS))
    def export(self, who: str | None, tag: str | None) -> None:
        answers = self.ask("GET", "/v1/incidents.ndjson" + (f"?tag={tag}" if tag else ""), who, 200)
        for one, text in zip(self.services.each, answers, strict=True):
            found = {told["id"]: incident_of(told) for told in map(json.loads, text.splitlines())}
            one.check(f"export for {who}", found, self.picked(who, tag=tag))

    @rule()
    def rebuild(self) -> None:
        for one in self.services.each:
            before = dump(one.database)
            one.database.write_now(projection.rebuild)
            one.check("rows after a rebuild", dump(one.database), before)

    @rule()
    def verify(self) -> None:
        for one in self.services.each:
            with one.database.connect() as conn:
                verdict = verify(conn)
            one.check("verify", (verdict.faults, verdict.seq), ([], len(self.model.log)))

    def teardown(self) -> None:
        # Steps are counted from the last of the three rules on that begin a history.
        type(self).whole += self.steps - self.began + 2 >= self.length
        self.rebuild()
        self.verify()
        for who in READERS:
            self.follow(who)
        if self.runs % 20 == 0:
            self.tell()

    @classmethod
    def tell(cls) -> None:
        """What was done so far, to be seen with -s."""
        told = "; ".join(f"{one.name}: {one.answers} answers, {one.mismatches} mismatches" for one in cls.services.each)
        sys.stdout.write(
            f"{cls.runs} runs, {cls.whole} of them whole, {cls.steps} steps, {cls.writes} writes; {told}\n"
        )
