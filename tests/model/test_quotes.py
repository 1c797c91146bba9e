"""Quotes against the text of their source: where they stand, and when they are refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents_api.model.quotes import QuoteError, check

TEXT = "Sixteen people were freed on Tuesday. The army said sixteen\npeople\u00a0were freed; 16 people were freed."
fixed = settings(max_examples=300, deadline=None, derandomize=True)


def quote(text: str, start: int | None = None, end: int | None = None) -> dict[str, Any]:
    return {"text": text, "start": start, "end": end}


def test_the_first_place_is_taken() -> None:
    assert check(quote("people were freed"), TEXT) == quote("people were freed", 8, 25)


def test_given_offsets_hold_for_a_repeated_word() -> None:
    first, second = TEXT.index("freed"), TEXT.rindex("freed")
    assert check(quote("freed"), TEXT)["start"] == first
    assert check(quote("freed", second, second + 5), TEXT) == quote("freed", second, second + 5)
    assert check(quote("freed", second), TEXT) == quote("freed", second, second + 5)
    assert check(quote("freed", None, second + 5), TEXT) == quote("freed", second, second + 5)


def test_other_white_space_keeps_the_original_slice() -> None:
    start = TEXT.index("sixteen\n")
    whole = "sixteen\npeople\u00a0were freed"
    assert check(quote("sixteen people were freed"), TEXT) == quote(whole, start, start + len(whole))
    assert check(quote("  sixteen   people were\tfreed "), TEXT) == quote(whole, start, start + len(whole))
    assert check(quote("sixteen people were freed", start, start + len(whole)), TEXT)["text"] == whole


def test_offsets_count_code_points() -> None:
    text = "\U0001f600 Culiaca\u0301n"
    assert check(quote("Culiaca\u0301n"), text) == quote("Culiaca\u0301n", 2, 11)
    with pytest.raises(QuoteError):
        check(quote("Culiac\u00e1n"), text)  # another spelling of the same letter is another text


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("people were freed", 9, 26),
        ("people were freed", 8, 24),
        ("people were freed", 0, 7),
        ("people were freed", 5_000, 5_017),
        ("people were freed", 9, None),
        ("people were freed", None, 3),
        ("people were freed", 25, 8),
    ],
)
def test_wrong_offsets_are_refused_and_the_right_ones_told(words: str, start: int | None, end: int | None) -> None:
    with pytest.raises(QuoteError, match="it stands at 8 to 25"):
        check(quote(words, start, end), TEXT)


def test_offsets_of_words_that_are_nowhere() -> None:
    with pytest.raises(QuoteError, match="not in the text at all"):
        check(quote("seventeen people", 0, 16), TEXT)


@pytest.mark.parametrize(
    "words", ["seventeen people", "SIXTEEN PEOPLE", "people were freed on Wednesday", "\u2009", " \t"]
)
def test_words_that_are_not_in_the_text_are_refused(words: str) -> None:
    with pytest.raises(QuoteError, match="not in the text"):
        check(quote(words), "Sixteen people were freed on Tuesday.".replace(" ", "_"))


def test_an_end_beyond_the_text_is_refused() -> None:
    for start, end in ((0, 100), (0, None)):
        try:
            found = check(quote("abc", start, end), "abc")
        except QuoteError:
            continue
        assert found == quote("abc", 0, 3)


def test_an_empty_text_holds_nothing() -> None:
    with pytest.raises(QuoteError):
        check(quote("a"), "")


SPACES = st.sampled_from(" \n\t\u00a0\u2003\u202f\u3000\x85")
LETTERS = st.text(st.one_of(st.characters(exclude_categories=("Cs",)), SPACES, st.sampled_from("ab")), max_size=60)


@fixed
@given(LETTERS, st.integers(0, 60), st.integers(0, 60))
def test_any_slice_is_found_and_is_its_slice(text: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    words = text[start:end]
    if words:
        found = check(quote(words), text)
        assert found["text"] == words == text[found["start"] : found["end"]]
        assert found["start"] <= start
        assert check(quote(words, start, end), text) == quote(words, start, end)


@fixed
@given(LETTERS, st.integers(0, 60), st.integers(0, 60), st.lists(SPACES, min_size=1, max_size=3))
def test_any_slice_is_found_with_other_white_space(text: str, one: int, other: int, spaces: list[str]) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    words = "".join(spaces).join(text[start:end].split())
    if words:
        found = check(quote(words), text)
        assert found["text"] == text[found["start"] : found["end"]]
        assert found["text"].split() == words.split()


@fixed
@given(LETTERS, st.integers(0, 70), st.integers(0, 70), st.integers(0, 70))
def test_what_is_taken_always_stands_where_it_says(text: str, start: int, end: int, cut: int) -> None:
    try:
        found = check(quote(text[cut:] or "a", start, end), text)
    except QuoteError:
        return
    assert found["text"] == text[found["start"] : found["end"]]
    assert found["end"] - found["start"] == len(found["text"])
