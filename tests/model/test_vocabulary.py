"""The code lists are whole, well formed and fit for the records that are written with them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from incidents_api.model import vocabulary
from incidents_api.model.vocabulary import LISTS, VAGUE_WORDS, Code, below, codes, suggest

FILE = Path(vocabulary.__file__).with_name("data") / "vocabulary.json"
EVERY = [pytest.param(entry, id=f"{name}-{entry.code}") for name in LISTS for entry in LISTS[name].codes.values()]

NAMES = [
    "incident_type",
    "stage",
    "granularity",
    "date_kind",
    "date_precision",
    "date_basis",
    "location_precision",
    "location_role",
    "location_kind",
    "actor_type",
    "actor_role",
    "attribution",
    "measure",
    "population",
    "sex",
    "age_group",
    "victim_category",
    "combat_status",
    "exploitation",
    "qualifier",
    "claim_link",
    "relation",
    "source_kind",
    "assessment",
    "reliability",
    "review_status",
    "deletion_reason",
    "captivity_setting",
    "captivity_outcome",
    "answer",
    "sensitivity",
    "scope",
    "date_mode",
    "operation",
]

# What the five seed articles are coded with.
SEEDS = {
    "incident_type": """armed_clash home_invasion kidnapping raid release rescue_operation search_operation
        trafficking_in_persons""",
    "stage": "accomplished",
    "granularity": "single operation series period_total",
    "date_kind": "within interval unknown",
    "date_precision": "days_2_6 part_of_month year unknown",
    "date_basis": "stated relative_to_publication inferred",
    "location_precision": "city adm1 part_of_country country",
    "location_role": "occurred_at held_at transferred_to",
    "actor_type": """civilians_group criminal_unspecified government_official intergovernmental_organisation
        organized_crime_group state_gendarmerie state_migration_authority state_military state_police
        state_unspecified""",
    "actor_role": "perpetrator victim rescuer deployed_force informant information_source",
    "attribution": """reported_as_fact reported_by_authority claimed_by_actor accused_by_party alleged
        reported_unidentified""",
    "measure": "kidnapped freed rescued released killed injured hospitalised deployed still_missing",
    "population": "victims hostages security_forces",
    "age_group": "adult child",
    "victim_category": "migrant trafficking_victim",
    "qualifier": "exact about more_than vague explicit_zero additional unit_count",
    "claim_link": "restates conflicts_with breakdown_of part_of",
    "relation": "part_of resolves resolves_part_of retaliation_for motive_of follows same_victims",
    "source_kind": "news_article",
    "assessment": "has_incidents no_incident",
    "review_status": "published",
    "captivity_setting": "safehouse",
}


def test_the_lists_are_the_agreed_ones() -> None:
    assert list(LISTS) == NAMES
    for name, listed in LISTS.items():
        assert listed.name == name
        assert listed.label
        assert listed.meaning.endswith(".")
        assert listed.codes


@pytest.mark.parametrize("entry", EVERY)
def test_every_code_is_explained(entry: Code) -> None:
    assert re.fullmatch(r"[a-z0-9_]+(:[a-z]+)?", entry.code)
    assert entry.label
    assert entry.label == entry.label.strip()
    assert re.fullmatch(r"[A-Z][^\n]*\.", entry.definition)
    assert not re.search(r"\.\s+[A-Z]|  ", entry.definition), "one sentence"
    text = f"{entry.label} {entry.definition} {entry.extra}"
    assert not re.search(r"\bevents?\b", text, re.IGNORECASE), "say incident"


@pytest.mark.parametrize("name", NAMES)
def test_no_two_codes_of_a_list_read_alike(name: str) -> None:
    entries = LISTS[name].codes.values()
    assert len({entry.label.casefold() for entry in entries}) == len(entries)
    assert len({entry.definition for entry in entries}) == len(entries)


@pytest.mark.parametrize("name", NAMES)
def test_parents_form_trees(name: str) -> None:
    listed = LISTS[name].codes
    for entry in listed.values():
        seen = {entry.code}
        above = entry.parent
        while above is not None:
            assert above not in seen
            seen.add(above)
            above = listed[above].parent


@pytest.mark.parametrize("name", SEEDS)
def test_the_seed_articles_find_their_codes(name: str) -> None:
    assert set(SEEDS[name].split()) <= set(codes(name))


def test_below_gives_the_branch_in_file_order() -> None:
    assert below("measure", "freed") == ("freed", "rescued", "released", "escaped")
    assert below("measure", "killed") == ("killed", "found_dead")
    assert below("measure", "deployed") == ("deployed",)
    assert below("population", "victims") == ("victims", "hostages")
    assert below("population", "all") == codes("population")
    assert below("stage", "foiled") == ("foiled",)


def test_a_branch_reaches_through_several_levels() -> None:
    assert {"freed", "escaped", "killed", "found_dead"} < set(below("measure", "affected"))
    assert not {"arrested", "participants", "deployed"} & set(below("measure", "affected"))


@pytest.mark.parametrize(("name", "code"), [("measure", "liberated"), ("measures", "freed")])
def test_below_refuses_what_it_does_not_know(name: str, code: str) -> None:
    with pytest.raises(KeyError):
        below(name, code)


def test_measures_have_a_class() -> None:
    assert {entry.extra["class"] for entry in LISTS["measure"].codes.values()} == {
        "exposure",
        "outcome",
        "consequence",
        "resource",
    }
    assert "AWSD" in LISTS["measure"].codes["kidnapped"].extra["warning"]


def test_reviews_lead_to_every_status_and_out_of_every_status() -> None:
    statuses = LISTS["review_status"].codes
    for status in statuses.values():
        assert status.extra["moves"], "no status is a dead end"
        assert set(status.extra["moves"]) <= set(statuses) - {status.code}
    reached = {"draft"}
    while more := {move for status in reached for move in statuses[status].extra["moves"]} - reached:
        reached |= more
    assert reached == set(statuses)
    assert statuses["draft"].extra["moves"] == ("submitted",)


def test_what_tombstones_and_merges_say_is_no_status_and_no_relation() -> None:
    assert not {"withdrawn", "merged"} & set(codes("review_status"))
    assert not {"duplicate_of", "possible_duplicate"} & set(codes("relation"))


def test_crosswalks_hold_codes_of_other_datasets() -> None:
    assert LISTS["incident_type"].codes["kidnapping"].crosswalk["gtd_attacktype"] == 6
    assert LISTS["incident_type"].codes["armed_clash"].crosswalk["ucdp_type_of_violence"] == (1, 2)
    assert [entry.crosswalk["admiralty"] for entry in LISTS["reliability"].codes.values()] == list("ABCDEF")
    for listed in LISTS.values():
        for entry in listed.codes.values():
            assert not re.search(r"\bmem\b|not checked", str(entry.crosswalk)), "nothing from memory"


def test_vague_words_are_lower_bounds() -> None:
    assert VAGUE_WORDS["multiple"] == 2
    assert VAGUE_WORDS["a few dozen"] == VAGUE_WORDS["dozens"] == 24
    assert all(word == word.casefold() and bound >= 2 for word, bound in VAGUE_WORDS.items())


@pytest.mark.parametrize(
    ("word", "name", "meant"),
    [
        ("kidnaping", "incident_type", "kidnapping"),
        ("KIDNAPPING", "incident_type", "kidnapping"),
        ("Armed Clash", "incident_type", "armed_clash"),
        ("armed-clash", "incident_type", "armed_clash"),
        (" forced_labor ", "incident_type", "forced_labour"),
        ("trafficking", "incident_type", "trafficking_in_persons"),
        ("organised_crime_group", "actor_type", "organized_crime_group"),
        ("hospitalized", "measure", "hospitalised"),
        ("read-restricted", "scope", "read:restricted"),
        ("zzz", "incident_type", None),
        ("", "incident_type", None),
    ],
)
def test_suggest(word: str, name: str, meant: str | None) -> None:
    assert suggest(word, codes(name)) == meant


def test_suggest_keeps_the_spelling_of_what_is_allowed() -> None:
    assert suggest("by-name", ["By Name", "other"]) == "By Name"
    assert suggest("anything", []) is None


@pytest.mark.parametrize(
    "word", ["a" * 1_000_000, "kidnapping" * 100_000, "ß" * 1_000_000, "_-" * 500_000, " " * 1_000_000]
)
def test_suggest_does_bounded_work(word: str) -> None:
    allowed = [code for name in NAMES for code in codes(name)]
    assert suggest(word, allowed) == suggest(word[:64], allowed)


def test_suggest_completes_a_beginning() -> None:
    assert suggest("rescue", codes("incident_type")) == "rescue_operation"


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([{"code": "a"}, {"code": "a"}], "'a' is listed twice"),
        ([{"code": "a", "parent": "b"}], "'a' has the unknown parent 'b'"),
        ([{"code": "a", "parent": "a"}], "'a' stands before its parent 'a' or in a cycle with it"),
        ([{"code": "a", "parent": "b"}, {"code": "b", "parent": "a"}], "or in a cycle with it"),
        ([{"code": "a", "parent": "b"}, {"code": "b"}], "'a' stands before its parent 'b'"),
        ([{"code": "a", "definitoin": "x"}], "unknown keys ['definitoin']"),
    ],
)
def test_a_broken_list_is_refused_by_name(rows: list[dict[str, Any]], complaint: str) -> None:
    whole = [{"label": "L", "definition": "D.", **row} for row in rows]
    with pytest.raises(ValueError, match=re.escape(complaint)) as refused:
        vocabulary._code_list("measure", {"label": "Measure", "meaning": "M.", "codes": whole})
    assert "vocabulary.json: measure:" in str(refused.value)


def test_nothing_can_be_changed_at_run_time() -> None:
    with pytest.raises(TypeError):
        LISTS["stage"] = LISTS["measure"]  # type: ignore[index]
    with pytest.raises(TypeError):
        LISTS["stage"].codes["foiled"].crosswalk["gtd"] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        VAGUE_WORDS["lots"] = 5  # type: ignore[index]


def test_the_file_is_written_one_way() -> None:
    text = FILE.read_bytes().decode("utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"  # also: no key twice in an object
    assert not re.search(r"\s\"[,\n]", text), "no trailing spaces in texts"
    assert "convention of this project" in json.loads(text)["vague_words"]["note"]


def test_a_fresh_interpreter_can_import_it_alone() -> None:
    code = "from incidents_api.model.vocabulary import LISTS; print(len(LISTS))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) == len(NAMES)
