"""The coded articles in `seeds/` hold together: shapes, quotes, counts, keys and references."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from incidents_api.model.actor import ActorReport
from incidents_api.model.claims import stored_figure, tallies
from incidents_api.model.incident import IncidentReport
from incidents_api.model.location import LocationReport
from incidents_api.model.source import SourceReport
from incidents_api.model.statistic import StatisticReport
from tests.machine import needs

ROOT = Path(__file__).resolve().parents[1]
SEEDS = ROOT / "seeds"
ARTICLES = ROOT.parent / "shared" / "articles"

REPORTS = {
    "sources": SourceReport,
    "locations": LocationReport,
    "actors": ActorReport,
    "incidents": IncidentReport,
    "statistics": StatisticReport,
}
NAMES_KIND = {"source": "sources", "location": "locations", "actor": "actors", "incident": "incidents"}
"""Which kind a `seed:` reference names, by the member it stands in; `parent` is of the kind of its entry."""

# name: (quotes, locations, actors, incidents, claims of incidents, statistics)
EXPECTED = {
    "000_a7f6c4db95669953": (47, 1, 4, 2, 4, 1),
    "001_5b768a7a55963e86": (55, 0, 8, 5, 12, 0),
    "002_1ecc0c3fc0e2a857": (29, 0, 2, 1, 2, 0),
    "003_eb784c9875607433": (7, 0, 0, 0, 0, 0),
    "004_4a4ccd3e4b21aaf4": (69, 0, 4, 4, 2, 7),
}

File = dict[str, list[dict[str, Any]]]


def read(name: str) -> File:
    """One seed file; `json` refuses what is not JSON, and a member that stands twice is refused here."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        assert len(members) == len(pairs), f"{name}: a member stands twice among {[key for key, _ in pairs]}"
        return members

    found: File = json.loads((SEEDS / f"{name}.json").read_text("utf-8"), object_pairs_hook=once)
    return found


FILES = {path.stem: read(path.stem) for path in sorted(SEEDS.glob("*.json"))}
INCIDENTS = {entry["external_ids"]["seed"]: entry for file in FILES.values() for entry in file.get("incidents", [])}


def entries(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every entry of a file with its kind."""
    for kind in REPORTS:
        for entry in FILES[name].get(kind, []):
            yield kind, entry


def quotes(value: Any) -> Iterator[Any]:
    """Every quote in a value, wherever it stands."""
    if isinstance(value, dict):
        for member, inner in value.items():
            if member in ("quote", "title_quote") and inner is not None:
                yield inner
            else:
                yield from quotes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from quotes(inner)


def references(kind: str, value: Any) -> Iterator[tuple[str, str]]:
    """(kind, key) of every `seed:` reference in an entry of that kind."""
    if isinstance(value, dict):
        for member, inner in value.items():
            if isinstance(inner, str) and inner.startswith("seed:"):
                yield NAMES_KIND.get(member, kind), inner.removeprefix("seed:")
            else:
                yield from references(kind, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(kind, inner)


def article(name: str) -> bytes:
    """The article of a seed file; without the folder the test fails on CI and is told as not run elsewhere."""
    path = ARTICLES / f"{name}.txt"
    needs(
        path, f"{name} was not compared with its article: there is no ../shared/articles/{path.name} by the repository"
    )
    return path.read_bytes()


def tally_of(key: str, measure: str, **dims: str) -> dict[str, Any]:
    """The tally of one measure of an incident, as it comes out of the coded claims."""
    report = IncidentReport.model_validate(INCIDENTS[key])
    figures = []
    for claim in report.claims:
        links = [link.model_dump() | {"incident_id": link.incident} for link in claim.links]
        figures.append(stored_figure(claim) | {"source_id": report.source, "links": links})
    found = [row for row in tallies(figures) if row["measure"] == measure and row["dims"] == dims]
    assert len(found) == 1, (key, measure, dims, found)
    return found[0]


def test_the_five_articles_are_coded() -> None:
    assert list(FILES) == list(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_entry_is_what_post_takes(name: str) -> None:
    assert set(FILES[name]) <= set(REPORTS)
    for kind, entry in entries(name):
        REPORTS[kind].model_validate(entry)
        # The id of a record derives from the first external id: references within one write rely on it.
        assert next(iter(entry["external_ids"])) == "seed", entry["external_ids"]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_quote_is_a_short_fragment_with_offsets(name: str) -> None:
    for quote in quotes(FILES[name]):
        assert set(quote) == {"text", "start", "end"}, quote
        assert 0 < len(quote["text"]) <= 200, quote
        assert quote["end"] - quote["start"] == len(quote["text"]), quote


@pytest.mark.parametrize("name", EXPECTED)
def test_every_quote_stands_in_the_article(name: str) -> None:
    bytes_ = article(name)
    text = bytes_.decode("utf-8")
    (source,) = FILES[name]["sources"]
    assert source["fingerprint"] == hashlib.sha256(bytes_).hexdigest()
    assert source["length"] == len(text)
    for quote in quotes(FILES[name]):
        assert text[quote["start"] : quote["end"]] == quote["text"]
    if source["title"] is not None:
        assert source["title"] == source["title_quote"]["text"]


@pytest.mark.parametrize("name", EXPECTED)
def test_nothing_but_quotes_repeats_the_article(name: str) -> None:
    """Titles, summaries and notes are our own words: no run of seven words of the article stands in them."""
    run = 7
    words = article(name).decode("utf-8").split()
    runs = {" ".join(words[n : n + run]).casefold() for n in range(len(words) - run + 1)}
    for _, entry in entries(name):
        own = [entry.get(member) or "" for member in ("title", "summary", "note", "description")]
        own = own[1:] if "fingerprint" in entry else own  # a source carries its own headline
        own += [part.get("note") or "" for part in entry.get("boilerplate", []) + entry.get("claims", [])]
        for text in own:
            said = text.split()
            for n in range(len(said) - run + 1):
                assert " ".join(said[n : n + run]).casefold() not in runs, text


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_counts_of_each_file(name: str, expected: tuple[int, ...]) -> None:
    file = FILES[name]
    incidents = file.get("incidents", [])
    found = (
        sum(1 for _ in quotes(file)),
        len(file.get("locations", [])),
        len(file.get("actors", [])),
        len(incidents),
        sum(len(incident.get("claims", [])) for incident in incidents),
        len(file.get("statistics", [])),
    )
    assert found == expected
    assert len(file["sources"]) == 1


def test_counts_of_all() -> None:
    assert Counter(incident["granularity"] for incident in INCIDENTS.values()) == {
        "single": 6,
        "operation": 4,
        "series": 1,
        "period_total": 1,
    }
    assert sum(len(incident.get("claims", [])) for incident in INCIDENTS.values()) == 20
    assert sum(len(file.get("statistics", [])) for file in FILES.values()) == 8
    links = Counter(
        link["type"]
        for incident in INCIDENTS.values()
        for claim in incident.get("claims", [])
        for link in claim.get("links", [])
    )
    assert links == {"restates": 2, "breakdown_of": 2, "part_of": 2, "conflicts_with": 1}
    assert {incident["review"]["status"] for incident in INCIDENTS.values()} == {"published"}
    assessed = [file["sources"][0]["assessment"] for file in FILES.values()]
    assert assessed == ["has_incidents"] * 3 + ["no_incident", "has_incidents"]


def test_no_victim_is_an_actor() -> None:
    for name in EXPECTED:
        for actor in FILES[name].get("actors", []):
            assert actor["type"] not in ("civilian_individual", "civilians_group"), actor
    roles = {one["role"] for incident in INCIDENTS.values() for one in incident.get("actors", [])}
    assert not roles & {"victim", "intended_target", "witness"}


# incident, measure, dims: low, best, high, contested
TALLIES = [
    ("S001-K1", "kidnapped", {}, (66, 66, 66, False)),
    ("S001-R0", "freed", {}, (58, 58, 58, False)),
    ("S001-R0", "freed", {"age_group": "adult"}, (36, 36, 36, False)),
    ("S001-R0", "freed", {"age_group": "child"}, (22, 22, 22, False)),
    ("S001-R0", "deployed", {}, (900, 900, 900, False)),
    ("S001-R1", "rescued", {}, (16, 16, 16, False)),
    ("S001-R1", "killed", {}, (1, 1, 1, False)),
    ("S001-R2", "released", {}, (42, 42, 42, False)),
    ("S000-R1", "killed", {}, (0, 0, 0, False)),
    ("S000-R1", "injured", {}, (0, 0, 0, False)),
    ("S002-R1", "rescued", {}, (2, None, None, False)),
    ("S002-R1", "hospitalised", {}, (2, None, None, False)),
    ("S004-A1", "rescued", {}, (7326, 7329, 7329, True)),
]


@pytest.mark.parametrize(("key", "measure", "dims", "expected"), TALLIES)
def test_the_coded_claims_add_up(
    key: str, measure: str, dims: dict[str, str], expected: tuple[int | None, ...]
) -> None:
    found = tally_of(key, measure, **dims)
    assert (found["low"], found["best"], found["high"], found["contested"]) == expected
    assert found["flags"] == []


def test_the_additional_soldiers_and_the_battalion() -> None:
    claims = {claim["id"]: claim for claim in INCIDENTS["S001-R0"]["claims"]}
    assert (claims["d1"]["value"], claims["d1"]["qualifier"]) == (600, "exact")
    assert (claims["d2"]["value"], claims["d2"]["qualifier"]) == (300, "additional")
    assert (claims["d3"]["value"], claims["d3"]["qualifier"], claims["d3"]["unit"]) == (1, "unit_count", "battalion")


def test_no_two_records_of_a_kind_share_a_key() -> None:
    keys = Counter((kind, entry["external_ids"]["seed"]) for name in EXPECTED for kind, entry in entries(name))
    assert [key for key, times in keys.items() if times > 1] == []


def test_every_reference_exists_in_the_same_or_an_earlier_file() -> None:
    """Files load in the order of their names, each in one transaction; within one, kinds and actors in their order."""
    known: set[tuple[str, str]] = set()
    for name in EXPECTED:
        coming = {("incidents", entry["external_ids"]["seed"]) for entry in FILES[name].get("incidents", [])}
        for kind, entry in entries(name):
            for wanted in references(kind, entry):
                assert wanted in known | coming, f"{name}: {kind} {entry['external_ids']} names {wanted}"
            known.add((kind, entry["external_ids"]["seed"]))


def test_every_claim_link_names_a_claim() -> None:
    for key, incident in INCIDENTS.items():
        own = [claim["id"] for claim in incident.get("claims", [])]
        assert len(own) == len(set(own)), key
        for claim in incident.get("claims", []):
            for link in claim.get("links", []):
                other = INCIDENTS[link.get("incident", f"seed:{key}").removeprefix("seed:")]
                assert link["claim"] in [one["id"] for one in other["claims"]], (key, claim["id"], link)
