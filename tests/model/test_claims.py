"""Tallies of claims: an example for every rule, and what must hold for any set of claims."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from incidents_api.model.claims import ClaimReport, bounds, number_claims, stored_figure, tallies, tally

fixed = settings(max_examples=300, deadline=None, derandomize=True)


def claim(claim_id: str, value: int | None = None, low: int | None = None, high: int | None = None, **more: Any) -> Any:
    """A claim as the log keeps it."""
    return {
        "id": claim_id,
        "value": value,
        "low": low,
        "high": high,
        "qualifier": "exact",
        "attributed_to": None,
        "as_of": None,
        "in_headline": False,
        "source_id": "s1",
        "links": [],
        "measure": "freed",
        "population": "victims",
        "dims": {},
    } | more


def link(kind: str, other: str, incident_id: str | None = None) -> dict[str, Any]:
    return {"type": kind, "claim": other, "incident_id": incident_id}


def seen(claims: list[Any], chosen: tuple[str, ...] = ()) -> tuple[int | None, int | None, int | None, bool]:
    found = tally(claims, chosen)
    assert found is not None
    return found.low, found.best, found.high, found.contested


# --- Examples ------------------------------------------------------------------------------------------------------


def test_one_exact_claim_is_its_own_tally() -> None:
    found = tally([claim("c1", 58)])
    assert found is not None
    assert found.wire() == {
        "low": 58,
        "best": 58,
        "high": 58,
        "contested": False,
        "claims": ["c1"],
        "flags": [],
    }


def test_no_claims_no_tally() -> None:
    assert tally([]) is None
    assert tallies([]) == []


def test_a_restatement_does_not_count() -> None:
    found = tally([claim("c1", 58), claim("c2", 60, source_id="s2", links=[link("restates", "c1")])])
    assert found is not None
    assert (found.low, found.best, found.high, found.claims) == (58, 58, 58, ("c1",))


def test_a_restatement_of_a_claim_in_another_record_counts_here() -> None:
    assert seen([claim("c1", 58, links=[link("restates", "c1", "another")])]) == (58, 58, 58, False)


@pytest.mark.parametrize("kind", ["restates", "part_of", "breakdown_of"])
def test_a_link_into_another_group_does_not_hide_a_claim(kind: str) -> None:
    first = claim("c1", 40, measure="kidnapped")
    second = claim("c2", 38, links=[link(kind, "c1")])
    assert [(one["measure"], one["best"]) for one in tallies([first, second])] == [("kidnapped", 40), ("freed", 38)]


def test_an_update_replaces_what_it_updates() -> None:
    old, new = claim("c1", 20), claim("c2", 25, source_id="s2", links=[link("updates", "c1")])
    assert seen([old, new]) == (25, 25, 25, False)
    assert seen([new, old]) == (25, 25, 25, False)


def test_an_update_of_another_record_replaces_nothing_here() -> None:
    assert seen([claim("c1", 20), claim("c2", 25, source_id="s2", links=[link("updates", "c1", "another")])]) == (
        20,
        None,
        25,
        True,
    )


@pytest.mark.parametrize("kind", ["breakdown_of", "part_of"])
def test_parts_of_a_figure_in_the_same_record_do_not_count(kind: str) -> None:
    claims = [
        claim("c1", 58),
        claim("c2", 42, links=[link(kind, "c1")]),
        claim("c3", 16, links=[link(kind, "c1")]),
    ]
    assert seen(claims) == (58, 58, 58, False)


def test_part_of_a_figure_in_another_record_counts() -> None:
    assert seen([claim("c1", 16, links=[link("part_of", "c1", "another")])]) == (16, 16, 16, False)


def test_an_additional_figure_adds_to_its_source() -> None:
    found = tally([claim("c1", 600), claim("c2", 300, qualifier="additional")])
    assert found is not None
    assert (found.low, found.best, found.high, found.contested) == (900, 900, 900, False)
    assert found.claims == ("c1", "c2")


def test_an_additional_figure_adds_to_a_lower_bound() -> None:
    assert seen([claim("c1", low=5, qualifier="at_least"), claim("c2", 3, qualifier="additional")]) == (
        8,
        None,
        None,
        False,
    )


def test_an_additional_figure_adds_to_a_range() -> None:
    assert seen([claim("c1", low=5, high=8, qualifier="range"), claim("c2", 3, qualifier="additional")]) == (
        8,
        None,
        11,
        False,
    )


def test_an_additional_figure_alone_is_a_lower_bound() -> None:
    assert seen([claim("c1", 300, qualifier="additional")]) == (300, None, None, False)
    assert seen([claim("c1", 100), claim("c2", 300, qualifier="additional", source_id="s2")])[0] == 100


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ([claim("c1", 600), claim("c2", 500, source_id="s2")], (500, None, 900, True)),
        ([claim("c2", 500, source_id="s2"), claim("c1", 600)], (500, None, 900, True)),
    ],
)
def test_an_additional_figure_leaves_other_sources_alone(base: list[Any], expected: tuple[Any, ...]) -> None:
    assert seen([*base, claim("c3", 300, qualifier="additional")]) == expected


def test_two_figures_of_one_source_and_an_addition_do_not_depend_on_their_order() -> None:
    early = claim("c1", 600, as_of="2024-01-01")
    late = claim("c2", 700, as_of="2024-02-01")
    extra = claim("c3", 300, qualifier="additional")
    answers = {seen(order) for order in ([early, late, extra], [late, early, extra], [extra, late, early])}
    assert len(answers) == 1


@pytest.mark.parametrize("qualifier", ["unit_count", "not_stated"])
def test_what_counts_no_persons_does_not_take_part(qualifier: str) -> None:
    value = 3 if qualifier == "unit_count" else None
    assert tally([claim("c1", value, qualifier=qualifier)]) is None
    assert seen([claim("c1", value, qualifier=qualifier), claim("c2", 90)]) == (90, 90, 90, False)


@pytest.mark.parametrize(
    ("qualifier", "given_", "stored"),
    [
        ("exact", (5, None, None), (None, 5, None)),
        ("about", (50, None, None), (None, 50, None)),
        ("at_least", (5, None, None), (5, None, None)),
        ("more_than", (5, None, None), (5, None, None)),
        ("at_most", (5, None, None), (None, None, 5)),
        ("less_than", (5, None, None), (None, None, 5)),
        ("range", (None, 5, 8), (5, None, 8)),
        ("at_least", (None, 5, None), (5, None, None)),
        ("at_most", (None, None, 5), (None, None, 5)),
        ("not_stated", (None, None, None), (None, None, None)),
    ],
)
def test_bounds_by_qualifier(qualifier: str, given_: tuple[Any, ...], stored: tuple[Any, ...]) -> None:
    value, low, high = given_
    assert bounds(qualifier, value, low, high) == stored


@pytest.mark.parametrize(
    ("word", "low"), [("dozens", 24), (" Dozens ", 24), ("hundreds", 200), ("umpteen", None), (None, None)]
)
def test_a_vague_word_gives_its_lower_bound(word: str | None, low: int | None) -> None:
    assert bounds("vague", None, None, None, word) == (low, None, None)
    assert bounds("vague", None, 7, None, word) == (7, None, None)


def test_at_least_is_open_upwards() -> None:
    assert seen([claim("c1", low=5, qualifier="at_least")]) == (5, None, None, False)


def test_at_least_below_an_exact_figure_agrees_with_it() -> None:
    assert seen([claim("c1", 7), claim("c2", low=5, qualifier="at_least", source_id="s2")]) == (5, 7, 7, False)


def test_at_least_above_every_stated_high_opens_the_high() -> None:
    assert seen([claim("c1", 7), claim("c2", low=9, qualifier="at_least", source_id="s2")]) == (7, 7, None, True)


def test_at_most_gives_no_low() -> None:
    assert seen([claim("c1", high=5, qualifier="at_most")]) == (None, None, 5, False)
    assert seen([claim("c1", 3), claim("c2", high=5, qualifier="at_most", source_id="s2")]) == (3, 3, 5, False)
    assert seen([claim("c1", 7), claim("c2", high=5, qualifier="at_most", source_id="s2")]) == (7, 7, 7, True)


def test_a_range_holds_the_figures_inside_it() -> None:
    spread = claim("c1", low=5, high=8, qualifier="range")
    assert seen([spread]) == (5, None, 8, False)
    assert seen([spread, claim("c2", 6, source_id="s2")]) == (5, 6, 8, False)
    assert seen([spread, claim("c2", 9, source_id="s2")]) == (5, 9, 9, True)


def test_an_attributed_statement_in_the_body_beats_a_headline() -> None:
    headline = claim("c1", 60, in_headline=True)
    assert seen([headline, claim("c2", 58, attributed_to="the governor")]) == (58, 58, 60, True)
    # Without somebody who says so, the two stand against each other.
    assert seen([headline, claim("c2", 58)]) == (58, None, 60, True)
    # Said by somebody in the headline itself, it stays a headline.
    assert seen([claim("c1", 60, in_headline=True, attributed_to="the mayor"), claim("c2", 58)])[1] is None


def test_the_later_as_of_of_the_same_source_is_best() -> None:
    first, second = claim("c1", 20, as_of="2024-03-23"), claim("c2", 25, as_of="2024-03-26")
    assert seen([first, second]) == (20, 25, 25, True)
    assert seen([second, first]) == (20, 25, 25, True)


def test_a_later_as_of_of_another_source_settles_nothing() -> None:
    first, second = claim("c1", 20, as_of="2024-03-23"), claim("c2", 25, as_of="2024-03-26", source_id="s2")
    assert seen([first, second]) == (20, None, 25, True)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2023-12-31", "2024"),
        ("2024-03", "2024-04-01"),
        ("[2020-01-01..2020-12-31]", "2024-03-26"),
        ("2020-~05", "2024-03-26"),
        ("~2020-05", "2024-03-26"),
        ("../2020-01-01", "2019-12-31/2024-03-26"),
        ("201X", "2019-12-31/2021-01-01"),
    ],
)
def test_the_later_as_of_is_a_matter_of_time_not_of_spelling(earlier: str, later: str) -> None:
    assert seen([claim("c1", 20, as_of=earlier), claim("c2", 25, as_of=later)])[1] == 25


def test_the_figure_with_more_sources_is_best() -> None:
    claims = [claim("c1", 20), claim("c2", 25, source_id="s2"), claim("c3", 25, source_id="s3")]
    assert seen(claims) == (20, 25, 25, True)
    assert seen(claims[:2])[1] is None
    # The same source saying it twice is one source.
    assert seen([claim("c1", 20), claim("c2", 25, source_id="s2"), claim("c3", 25, source_id="s2")])[1] is None


def test_a_chosen_claim_is_best() -> None:
    claims = [claim("c1", 20), claim("c2", 25, source_id="s2"), claim("c3", 25, source_id="s3")]
    assert seen(claims, ("c1",)) == (20, 20, 25, True)
    assert seen(claims, ("c2", "c3")) == (20, 25, 25, True)
    # Two choices that differ choose nothing, nor does one that is not among these claims.
    assert seen(claims, ("c1", "c2"))[1] == 25
    assert seen(claims, ("c9",))[1] == 25


def test_conflict_links_make_a_tally_contested() -> None:
    claims = [claim("c1", low=5, qualifier="at_least"), claim("c2", 7, links=[link("conflicts_with", "c1")])]
    assert seen(claims) == (5, 7, 7, True)
    assert seen([claims[0], claims[1] | {"links": [link("conflicts_with", "c1", "another")]}]) == (5, 7, 7, False)


def test_tallies_stand_in_the_order_of_the_claims_and_keep_dims_apart() -> None:
    claims = [
        claim("c1", 58),
        claim("c2", 36, dims={"age_group": "adult"}),
        claim("c3", 4, measure="killed", population="perpetrators"),
        claim("c4", 22, dims={"age_group": "child"}),
        claim("c5", 57, source_id="s2"),
    ]
    told = [(one["measure"], one["population"], one["dims"], one["claims"]) for one in tallies(claims)]
    assert told == [
        ("freed", "victims", {}, ["c1", "c5"]),
        ("freed", "victims", {"age_group": "adult"}, ["c2"]),
        ("killed", "perpetrators", {}, ["c3"]),
        ("freed", "victims", {"age_group": "child"}, ["c4"]),
    ]


@pytest.mark.parametrize(
    ("parts", "flagged"),
    [
        ((36, 22), False),  # adds up
        ((36, 23), True),  # too many
        ((36, 21), True),  # too few, in two rows
        ((36,), False),  # one row leaves the rest unsaid
        ((59,), True),  # one row above the whole
        ((), False),
    ],
)
def test_a_breakdown_that_does_not_add_up_is_flagged(parts: tuple[int, ...], flagged: bool) -> None:
    ages = ("adult", "child")
    claims = [claim("c0", 58), *(claim(ages[n], value, dims={"age_group": ages[n]}) for n, value in enumerate(parts))]
    assert tallies(claims)[0]["flags"] == (["breakdown_differs"] if flagged else [])
    assert all(one["flags"] == [] for one in tallies(claims)[1:])


def test_a_breakdown_by_two_dims_or_without_a_figure_proves_nothing() -> None:
    crossed = [
        claim("c1", 58),
        claim("c2", 99, dims={"age_group": "adult", "sex": "male"}),
        claim("c3", dims={"age_group": "child"}, low=90, qualifier="at_least"),
        claim("c4", 1, dims={"age_group": "adult"}),
    ]
    assert tallies(crossed)[0]["flags"] == []


# --- Reports of claims ---------------------------------------------------------------------------------------------


def report(**members: Any) -> ClaimReport:
    return ClaimReport.model_validate({"measure": "freed", "population": "victims"} | members)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({}, "a figure is missing"),
        ({"low": 8, "high": 5}, "low must not be above high"),
        ({"value": 9, "low": 5, "high": 8}, "between low and high"),
        ({"value": 3, "low": 5}, "between low and high"),
        ({"qualifier": "not_stated", "value": 3}, "not_stated takes no figure"),
        ({"qualifier": "explicit_zero", "value": 1, "quote": "none"}, "explicit_zero takes value 0"),
        ({"qualifier": "range", "low": 3}, "range takes low and high"),
        ({"qualifier": "unit_count", "value": 3}, "unit_count takes a unit"),
        ({"value": 0}, "a zero needs the quoted words"),
        ({"qualifier": "at_most", "value": 0}, "a zero needs the quoted words"),
        ({"qualifier": "vague", "verbatim": "umpteen"}, "a figure is missing"),
        ({"qualifier": "at_most", "low": 5, "value": 3}, "low must not be above high"),
    ],
)
def test_inconsistent_figures_are_refused(members: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        report(**members)


@pytest.mark.parametrize(
    "members",
    [
        {"value": 0, "quote": "nobody"},
        {"qualifier": "explicit_zero", "value": 0, "quote": "nobody"},
        {"qualifier": "not_stated"},
        {"qualifier": "unit_count", "value": 3, "unit": "battalion"},
        {"qualifier": "vague", "verbatim": "dozens"},
        {"low": 0, "high": 4},
        {"value": 5, "low": 5, "high": 5},
    ],
)
def test_consistent_figures_are_taken(members: dict[str, Any]) -> None:
    stored = stored_figure(report(**members))
    assert stored["measure"] == "freed"
    assert stored["links"] == []


@pytest.mark.parametrize("value", [True, "7", 1.0, 1.5, -5, 10**13])
def test_a_count_is_a_whole_number_in_its_range(value: Any) -> None:
    with pytest.raises(ValidationError):
        report(value=value)


def test_claims_without_an_id_get_the_next_free_one() -> None:
    claims = [{"id": None}, {"id": "c2"}, {"id": None}, {"id": "x"}, {"id": None}]
    number_claims(claims)
    assert [one["id"] for one in claims] == ["c1", "c2", "c3", "x", "c4"]


# --- Properties ----------------------------------------------------------------------------------------------------

DATES = (None, "2024-01-01", "2024-02-01", "2024-03-01")


@st.composite
def some_claims(draw: st.DrawFn, *, additional: bool = False, links: bool = True) -> list[Any]:
    made = []
    for n in range(draw(st.integers(1, 6))):
        form = draw(st.sampled_from(["value", "low", "high", "range", "all", *(["additional"] if additional else [])]))
        low, value, high = sorted(draw(st.lists(st.integers(0, 30), min_size=3, max_size=3)))
        figures = {
            "value": {"value": value},
            "additional": {"value": value, "qualifier": "additional"},
            "low": {"low": low, "qualifier": "at_least"},
            "high": {"high": high, "qualifier": "at_most"},
            "range": {"low": low, "high": high, "qualifier": "range"},
            "all": {"low": low, "value": value, "high": high},
        }[form]
        others = [f"c{m}" for m in range(n)]
        linked = []
        if links and others and draw(st.booleans()):
            kinds = ["restates", "part_of", "breakdown_of", "updates", "conflicts_with"]
            linked = [link(draw(st.sampled_from(kinds)), draw(st.sampled_from(others)))]
        more = {
            "source_id": draw(st.sampled_from(["s1", "s2", "s3"])),
            "attributed_to": draw(st.sampled_from([None, "somebody"])),
            "in_headline": draw(st.booleans()),
            "as_of": draw(st.sampled_from(DATES)),
            "links": linked,
        }
        made.append(claim(f"c{n}", **figures, **more))
    return made


@fixed
@given(some_claims(additional=True), st.sets(st.sampled_from(["c0", "c1", "c2"])))
def test_low_best_and_high_are_in_order(claims: list[Any], chosen: set[str]) -> None:
    found = tally(claims, chosen)
    if found is not None:
        known = [figure for figure in (found.low, found.best, found.high) if figure is not None]
        assert known == sorted(known)


@fixed
@given(some_claims(), st.sets(st.sampled_from(["c0", "c1", "c2"])))
def test_best_is_always_a_stated_value(claims: list[Any], chosen: set[str]) -> None:
    found = tally(claims, chosen)
    if found is not None and found.best is not None:
        assert found.best in {one["value"] for one in claims if one["id"] in found.claims}


@fixed
@given(some_claims(), st.randoms(use_true_random=False), st.sets(st.sampled_from(["c0", "c1"])))
def test_the_order_of_claims_does_not_matter(claims: list[Any], random: Any, chosen: set[str]) -> None:
    same_in_any_order(claims, random, chosen)


@fixed
@given(some_claims(additional=True), st.randoms(use_true_random=False), st.sets(st.sampled_from(["c0", "c1"])))
def test_the_order_of_additions_does_not_matter(claims: list[Any], random: Any, chosen: set[str]) -> None:
    same_in_any_order(claims, random, chosen)


def same_in_any_order(claims: list[Any], random: Any, chosen: set[str]) -> None:
    shuffled = random.sample(claims, len(claims))
    one, other = tally(claims, chosen), tally(shuffled, chosen)
    if one is None or other is None:
        assert one is other
        return
    assert (one.low, one.best, one.high, one.contested) == (other.low, other.best, other.high, other.contested)
    assert sorted(one.claims) == sorted(other.claims)


@fixed
@given(some_claims(additional=True), st.integers(0, 99), st.data())
def test_a_restatement_changes_nothing(claims: list[Any], figure: int, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from(claims))["id"]
    again = claim("again", figure, source_id=data.draw(st.sampled_from(["s1", "s9"])), links=[link("restates", other)])
    place = data.draw(st.integers(0, len(claims)))
    assert tally([*claims[:place], again, *claims[place:]]) == tally(claims)


@fixed
@given(some_claims(additional=True), some_claims(additional=True))
def test_a_claim_with_dims_never_changes_the_tally_without(claims: list[Any], broken: list[Any]) -> None:
    names = {f"c{n}": f"d{n}" for n in range(len(broken))}
    dimmed = [
        one
        | {"id": names[one["id"]], "dims": {"sex": "female"}}
        | {"links": [each | {"claim": names[each["claim"]]} for each in one["links"]]}
        for one in broken
    ]
    plain = [one for one in tallies([*claims, *dimmed]) if not one["dims"]]
    kept = ("low", "best", "high", "contested", "claims")
    assert [[one[name] for name in kept] for one in plain] == [
        [one[name] for name in kept] for one in tallies(claims) if not one["dims"]
    ]


@fixed
@given(some_claims(links=False))
def test_contested_means_that_no_figure_satisfies_all(claims: list[Any]) -> None:
    def meets(figure: int, one: Any) -> bool:
        low = one["low"] if one["low"] is not None else one["value"]
        high = one["high"] if one["high"] is not None else one["value"]
        return (low is None or figure >= low) and (high is None or figure <= high)

    found = tally(claims)
    assert found is not None
    assert found.contested is not any(all(meets(figure, one) for one in claims) for figure in range(32))


@fixed
@given(some_claims(links=False))
def test_low_and_high_enclose_every_stated_figure(claims: list[Any]) -> None:
    found = tally(claims)
    assert found is not None
    stated = [one[name] for one in claims for name in ("low", "value", "high") if one[name] is not None]
    lows = [one[name] for one in claims for name in ("low", "value") if one[name] is not None]
    assert found.low == (min(lows) if lows else None)
    if found.high is not None:
        assert found.high == max([one[name] for one in claims for name in ("high", "value") if one[name] is not None])
        assert found.high >= max(stated)
