"""What is said of two records is said of the one they become: nothing is lost, and nothing stands twice."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incidents_api.model.claims import tallies
from incidents_api.model.merging import Move, combined, each_once, moved, parted
from incidents_api.model.wire import dated

OWN, OTHER, THIRD = "own", "other", "third"
ids = st.sampled_from(("c1", "c2", "c3", "x"))


@st.composite
def claims(draw: st.DrawFn) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "id": name, "measure": draw(st.sampled_from(("killed", "rescued"))), "population": "victims",
            "dims": {}, "value": draw(st.integers(1, 3)), "low": None, "high": None, "qualifier": "exact",
            "verbatim": None, "unit": None, "attributed_to": None, "as_of": None, "in_headline": False,
            "source_id": draw(st.sampled_from(("s1", "s2"))), "quote": None, "note": None, "links": [],
        }
        for name in draw(st.lists(ids, unique=True, max_size=4))
    ]  # fmt: skip
    for claim in found:
        others = [one["id"] for one in found if one["id"] > claim["id"]]
        if others and draw(st.booleans()):
            link = {"type": "conflicts_with", "claim": draw(st.sampled_from(others)), "incident_id": None}
            claim["links"].append(link)
    return found


@st.composite
def incidents(draw: st.DrawFn, schemes: tuple[str, ...]) -> dict[str, Any]:
    said = draw(claims())
    roles = st.sampled_from(("perpetrator", "rescuer"))
    return {
        "type": draw(st.sampled_from(("raid", "attack"))), "secondary_types": [], "stage": "accomplished",
        "granularity": "single", "title": draw(st.sampled_from((None, "A title", "Another"))), "summary": None,
        "date": dated(draw(st.sampled_from((None, "2024-03-26", "2024-03")))) | {"basis": None, "evidence": []},
        "locations": [], "claims": said, "captivity": None, "tags": draw(st.lists(st.sampled_from("ab"), unique=True)),
        "actors": [
            {"actor_id": one, "name": one, "role": draw(roles), "attribution": "alleged", "attributed_to": None,
             "evidence": []}
            for one in draw(st.lists(st.sampled_from("pqr"), unique=True, max_size=3))
        ],
        "relations": [
            {"type": "follows", "incident_id": one, "offset": None, "evidence": []}
            for one in draw(st.lists(st.sampled_from((THIRD, "fourth")), unique=True))
        ],
        "evidence": [], "external_ids": {scheme: draw(st.sampled_from("12")) for scheme in schemes},
        "review": {"status": "submitted", "by": None, "reason": None, "chosen": [one["id"] for one in said[:1]]},
        "sensitivity": draw(st.sampled_from(("public", "restricted"))), "hold_until": None, "raw": None,
        "tallies": tallies(said, []),
    }  # fmt: skip


def says(claim: dict[str, Any]) -> tuple[Any, ...]:
    return claim["measure"], claim["value"], claim["source_id"]


@given(incidents(("desk", "ucdp")), incidents(("ucdp", "gtd")))
def test_everything_of_both_is_said_once(own: dict[str, Any], other: dict[str, Any]) -> None:
    record, renamed = combined("incident", OWN, own, OTHER, other)
    assert {says(one) for one in record["claims"]} == {says(one) for one in (*own["claims"], *other["claims"])}
    if own["claims"] or other["claims"]:
        assert len({says(one) for one in record["claims"]}) == len(record["claims"])
    by_id = {one["id"]: one for one in record["claims"]}
    assert len(by_id) == len(record["claims"])
    assert renamed.keys() == {one["id"] for one in other["claims"]}
    assert all(says(by_id[renamed[one["id"]]]) == says(one) for one in other["claims"])
    assert all(link["claim"] in by_id for one in record["claims"] for link in one["links"])
    assert set(record["review"]["chosen"]) <= by_id.keys()
    assert set(record["tags"]) == {*own["tags"], *other["tags"]}
    taking_part = [(one["actor_id"], one["role"]) for one in record["actors"]]
    assert len(set(taking_part)) == len(taking_part)
    assert set(taking_part) == {(one["actor_id"], one["role"]) for each in (own, other) for one in each["actors"]}
    assert record["title"] == own["title"] or own["title"] is None
    assert (record["sensitivity"] == "restricted") == ("restricted" in (own["sensitivity"], other["sensitivity"]))
    assert record["external_ids"] == {**other["external_ids"], **own["external_ids"]}


@given(incidents(("desk",)), incidents(("ucdp",)))
def test_the_names_that_came_go_again(own: dict[str, Any], other: dict[str, Any]) -> None:
    record, _ = combined("incident", OWN, own, OTHER, other)
    assert [one["id"] for one in record["merged"]] == [OTHER]
    back = parted(record, [OTHER])
    assert back["external_ids"] == own["external_ids"]
    assert "merged" not in back


@given(incidents(("desk",)))
def test_what_refers_to_nothing_merged_stays_as_it_is(record: dict[str, Any]) -> None:
    assert moved("incident", record, Move("incident", "nobody", OWN, {}, {})) == record
    assert moved("incident", record, Move("actor", "nobody", OWN, {}, {})) == record
    again = each_once("incident", record)
    assert each_once("incident", again) == again


@given(incidents(("desk",)))
def test_a_reference_moves_everywhere_and_only_once(record: dict[str, Any]) -> None:
    found = moved("incident", record, Move("actor", "p", "q", {}, {}))
    assert "p" not in {one["actor_id"] for one in found["actors"]}
    asked = {("q" if one["actor_id"] == "p" else one["actor_id"], one["role"]) for one in record["actors"]}
    assert [(one["actor_id"], one["role"]) for one in found["actors"]] == list(dict.fromkeys(
        ("q" if one["actor_id"] == "p" else one["actor_id"], one["role"]) for one in record["actors"]
    ))  # fmt: skip
    assert len(asked) == len(found["actors"])
    assert moved("incident", found, Move("actor", "p", "q", {}, {})) == found
