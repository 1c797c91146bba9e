"""The pieces of reports: strict types, codes, single lines, addresses, dates, references."""

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from incidents_api.model import vocabulary
from incidents_api.model.answers import ANSWERS, Envelope
from incidents_api.model.kinds import KINDS
from incidents_api.model.wire import (
    Admin1,
    ClaimId,
    Count,
    Country,
    DateForm,
    Edtf,
    ExternalIds,
    Id,
    InList,
    Label,
    Language,
    Latitude,
    Line,
    Longitude,
    Prose,
    Quote,
    QuoteForm,
    Report,
    Url,
    dated,
)


def taken(form: Any, value: Any) -> bool:
    try:
        TypeAdapter(form).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (
            Line,
            ["x", " x ", "Culiacán", "x" * 500],
            ["", "  ", "a\nb", "a\tb", "a\x00", "a\u2028b", "\x7f", "a\x85b", "a\x9bb", "x" * 501, 1],
        ),
        (Prose, ["a\nb", "x" * 10_000], ["", "\n", "a\x00", "x" * 10_001, None]),
        (
            Id,
            ["01900000-0000-7000-8000-000000000001"],
            [
                "01900000-0000-7000-8000-00000000000",
                "01900000-0000-7000-8000-00000000000A",
                "x",
                "01900000-0000-7000-8000-000000000001\n",
                " 01900000-0000-7000-8000-000000000001",
            ],
        ),
        (ClaimId, ["c1", "A-b_c", "0"], ["", "-a", "a b", "x" * 33, "c1\n", "é"]),
        (Label, ["migrants", "a.b-c_1"], ["", "Migrants", "_a", "a b", "x" * 65, "a\n"]),
        (Country, ["MX", "US", "XK"], ["mx", "MEX", "ZZ", "", "M"]),
        (Admin1, ["MX-SIN", "US-TX"], ["MX", "mx-sin", "MX-ZZZ", "MX-", "SIN"]),
        (
            Url,
            ["http://x", "https://x.example/a?b=c#d", "https://x/%C3%A9"],
            [
                "ftp://x",
                "x",
                "https://",
                "https:// x",
                "https://x/a b",
                "https://x/é",
                "https://x/<b>",
                "javascript:alert(1)",
                "https://x/\n",
                "http:///a",
            ],
        ),
        (Language, ["en", "es-MX", "zh-Hant-TW"], ["", "EN", "e", "en_US", "en-", "english-"]),
        (Longitude, [-180.0, 180.0, 0], [180.1, "1", True, float("nan"), float("inf")]),
        (Latitude, [-90.0, 90.0, 0], [90.1, -91, True, float("nan")]),
        (Count, [0, 10**12], [-1, 10**12 + 1, 1.0, "1", True]),
        (Edtf, ["2024", "2024-03-23/2024-03-26", "[2024-11-15..]"], ["", "24", "2024-13", "yesterday", "2" * 121]),
        (
            ExternalIds,
            [{}, {"ucdp": "1"}, {"a_1": "x y"}],
            [
                {"UCDP": "1"},
                {"1a": "1"},
                {"a": ""},
                {"a": 1},
                {"a": "x\ny"},
                {"": "x"},
                {"a": "x" * 201},
                {f"s{n}": "x" for n in range(21)},
            ],
        ),
    ],
)
def test_what_each_piece_takes(form: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not taken(form, value)] == []
    assert [value for value in bad if taken(form, value)] == []


def test_a_url_takes_no_address_without_a_host() -> None:
    assert not taken(Url, "https://?x")
    assert not taken(Url, "https://#x")


class Loose(Report):
    """A report to try strictness on."""

    number: float | None = None
    flag: bool = False


@pytest.mark.parametrize(
    "members", [{"number": "1"}, {"number": True}, {"number": float("nan")}, {"flag": 1}, {"flag": "true"}, {"more": 1}]
)
def test_reports_are_strict(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Loose.model_validate(members)


def test_reports_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Loose().flag = True


@pytest.mark.parametrize("name", vocabulary.LISTS)
def test_codes_of_a_list(name: str) -> None:
    form = Annotated[str, InList(name)]
    assert all(taken(form, code) for code in vocabulary.codes(name))
    assert not taken(form, "no_such_code")
    assert not taken(form, "")
    assert TypeAdapter(form).json_schema()["enum"] == list(vocabulary.codes(name))


def test_an_unknown_code_says_which_is_meant() -> None:
    with pytest.raises(ValidationError, match=r"not a code of qualifier; did you mean at_least\?"):
        TypeAdapter(Annotated[str, InList("qualifier")]).validate_python("at least")


def test_a_quote_is_words_or_an_object() -> None:
    form = TypeAdapter(QuoteForm)
    assert form.validate_python("words") == "words"
    assert form.validate_python({"text": "words", "start": 3}) == Quote(text="words", start=3)
    for wrong in ("", "  ", {"text": ""}, {"start": 1}, {"text": "x", "start": -1}, None, 7, ["x"]):
        with pytest.raises(ValidationError):
            form.validate_python(wrong)


@pytest.mark.parametrize(
    ("edtf", "told"),
    [
        (None, (None, None, "unknown", "unknown")),
        ("2024-03-26", ("2024-03-26", "2024-03-26", "within", "day")),
        ("2024-03-23/2024-03-26", ("2024-03-23", "2024-03-26", "interval", "days_2_6")),
        ("2024/..", ("2024-01-01", None, "ongoing", "bounded_one_side")),
    ],
)
def test_what_follows_from_a_date(edtf: str | None, told: tuple[Any, ...]) -> None:
    found = dated(edtf)
    assert found["edtf"] == edtf
    assert tuple(found[name] for name in ("earliest", "latest", "kind", "precision")) == told
    # What is derived may be sent back.
    assert DateForm.model_validate(found).edtf == edtf


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_an_answer_has_the_members_of_its_report_and_what_is_derived(kind: Any) -> None:
    given_ = set(kind.report.model_fields)
    answered = set(ANSWERS[kind.name].model_fields) - set(Envelope.model_fields) - set(kind.derived)
    short = {"source", "location", "parent", "text"}  # ways to say it that the record does not keep
    assert answered == given_ - short


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(max_size=20))
def test_a_line_is_one_line(text: str) -> None:
    if taken(Line, text):
        assert text.strip()
        assert len(text.splitlines()) == 1
