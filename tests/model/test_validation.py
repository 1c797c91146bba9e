"""From bytes to a report: what the pre-parser refuses, that it changes nothing else, and where faults are told."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents_api.errors import BadQuery, Invalid
from incidents_api.model.incident import ClaimsReport, IncidentReport
from incidents_api.model.kinds import BY_PLURAL
from incidents_api.model.revision import MAX_INTEGER
from incidents_api.model.validation import MAX_DEPTH, MAX_FAULTS, MAX_MEMBERS, parse, pointer, validate
from incidents_api.model.wire import FORMS
from tests import make

fixed = settings(max_examples=300, deadline=None, derandomize=True)


def nested(levels: int, inner: str = "") -> bytes:
    return ("[" * levels + inner + "]" * levels).encode()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'"a\x00b"', "not JSON"),
        (b"\xff", r"not UTF-8 \(byte 0\)"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'"\xed\xa0\x80"', "not UTF-8"),  # a surrogate in raw bytes
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b"[Infinity]", "Infinity is no JSON number"),
        (b"-Infinity", "-Infinity is no JSON number"),
        (b"1e400", "too large"),
        (b'{"a": {"b": [-1e999]}}', "too large"),
        (b"9007199254740992", "beyond 2"),
        (b"-9007199254740992", "beyond 2"),
        (b"1" * 5_000, "beyond 2"),
        (b"-" + b"1" * 5_000, "beyond 2"),
        (b'"\\u0000"', "U\\+0000"),
        (b'{"\\u0000": 1}', "U\\+0000"),
        (b'{"a": ["\\ud800"]}', "surrogates"),
        (b'{"\\udfff": 1}', "surrogates"),
        (b'"\\udc00\\ud800"', "surrogates"),
        (b'{"a": 1, "a": 1}', "'a' stands twice"),
        (b'{"b": [{"a": 1, "\\u0061": 2}]}', "'a' stands twice"),
        (nested(MAX_DEPTH + 1), "deeper than 32"),
        (nested(MAX_DEPTH + 1, "1"), "deeper than 32"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "deeper than 32"),
        (nested(100_000), "deeper than 32"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "deeper than 32"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_is_refused(body: bytes, told: str) -> None:
    with pytest.raises(BadQuery, match=told):
        parse(body)


def test_too_many_members_are_refused() -> None:
    def members(count: int) -> bytes:
        return json.dumps([{str(n): 0 for n in range(count - 10)}, dict.fromkeys("abcdefghij", 1)]).encode()

    assert parse(members(MAX_MEMBERS))
    with pytest.raises(BadQuery, match="20,000 members"):
        parse(members(MAX_MEMBERS + 1))


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_DEPTH),
        nested(MAX_DEPTH, "1"),
        b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH,
        b'{"b": [], "a":' + nested(MAX_DEPTH - 1, "1") + b"}",
        b'["[[[[", ' + nested(MAX_DEPTH - 1, '"x"') + b"]",
        b"[" + b",".join([b"[]"] * 200) + b"]",
        b'"' + b"[" * 100 + b'"',
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_thirty_two_levels_are_taken_whatever_stands_beside(body: bytes) -> None:
    assert parse(body) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"[9007199254740991, -9007199254740991]", [MAX_INTEGER, -MAX_INTEGER]),
        (b" null ", None),
        (b"1e-400", 0.0),
        (b'"\\n"', "\n"),
    ],
)
def test_what_is_taken(body: bytes, value: Any) -> None:
    assert parse(body) == value


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=10)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-MAX_INTEGER, MAX_INTEGER),
        st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not MAX_INTEGER < abs(x) < 1e21),
        TEXTS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(TEXTS, inner, max_size=6)),
    max_leaves=25,
)


@fixed
@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_valid_json_is_read_as_json_reads_it(value: Any, plain: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=plain, indent=indent).encode()
    assert repr(parse(body)) == repr(json.loads(body))


@fixed
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        value = parse(body)
    except BadQuery:
        return
    assert repr(value) == repr(json.loads(body.decode("utf-8-sig")))


@fixed
@given(st.text(st.sampled_from('{}[]",:0123456789.eE+-\\ud8ab tfn'), max_size=30))
def test_near_json_is_read_as_json_reads_it_or_refused(text: str) -> None:
    try:
        value = parse(text.encode())
    except BadQuery:
        return
    assert repr(value) == repr(json.loads(text))
    assert not isinstance(value, float) or math.isfinite(value)


# --- Faults --------------------------------------------------------------------------------------------------------


def faults(model: Any, body: Any) -> dict[str | None, tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        validate(model, body)
    return {fault.pointer: (fault.code, fault.detail) for fault in refused.value.faults}


@pytest.mark.parametrize("body", [None, [], "text", 1, True])
def test_a_body_that_is_no_object(body: Any) -> None:
    assert faults(IncidentReport, body) == {"": ("type", "give a JSON object")}


@pytest.mark.parametrize(
    ("members", "where", "code"),
    [
        ({"type": None}, "/type", "type"),
        ({"type": "rescue_operatoin"}, "/type", "unknown_code"),
        ({"tittle": "x"}, "/tittle", "unknown_member"),
        ({"a/b~c": "x"}, "/a~1b~0c", "unknown_member"),
        ({"title": ""}, "/title", "too_short"),
        ({"title": " "}, "/title", "pattern"),
        ({"title": "a\nb"}, "/title", "one_line"),
        ({"title": "a" * 501}, "/title", "too_long"),
        ({"title": 7}, "/title", "type"),
        ({"secondary_types": ["raid", "rad"]}, "/secondary_types/1", "unknown_code"),
        ({"date": "yesterday"}, "/date", "date"),
        ({"date": {"edtf": "2024-13"}}, "/date/edtf", "date"),
        ({"date": {"edtf": "2024", "basis": "told"}}, "/date/basis", "unknown_code"),
        ({"date": 2024}, "/date", "type"),
        ({"location": {"name": "x", "kind": "plce"}}, "/location/kind", "unknown_code"),
        ({"location": {"kind": "place"}}, "/location/name", "required"),
        (
            {"location": {"name": "x", "parent": {"name": "y", "lon": 200.0, "lat": 1.0}}},
            "/location/parent/lon",
            "range",
        ),
        ({"locations": ["MX", {"location": "MX", "lon": 1.0}]}, "/locations/1", "point"),
        ({"locations": [{"role": "occurred_at"}]}, "/locations/0", "reference"),
        ({"actors": [{"name": "x", "role": "rescuer"}, {"name": "y"}]}, "/actors/1/role", "required"),
        (
            {"actors": [{"actor": {"name": "x", "aliases": [{"name": "y", "usd": "2024"}]}, "role": "rescuer"}]},
            "/actors/0/actor/aliases/0/usd",
            "unknown_member",
        ),
        ({"claims": [make.claim(value=True)]}, "/claims/0/value", "type"),
        ({"claims": [make.claim(value=1.5)]}, "/claims/0/value", "type"),
        ({"claims": [make.claim(value=-1)]}, "/claims/0/value", "range"),
        ({"claims": [make.claim(dims={"age_group": "adlt"})]}, "/claims/0/dims/age_group", "unknown_code"),
        ({"claims": [make.claim(quote={"text": "x", "start": -1})]}, "/claims/0/quote/start", "range"),
        ({"claims": [make.claim(links=[{"type": "restates"}])]}, "/claims/0/links/0/claim", "required"),
        ({"claims": [make.claim(source={"url": "ftp://x"})]}, "/claims/0/source/url", "url"),
        ({"evidence": ["words", {"quote": {"start": 1}}]}, "/evidence/1/quote/text", "required"),
        ({"external_ids": {"UCDP": "1"}}, "/external_ids/UCDP", "pattern"),
        ({"external_ids": {"ucdp": ""}}, "/external_ids/ucdp", "too_short"),
        ({"review": {"status": "publishd"}}, "/review/status", "unknown_code"),
        ({"captivity": {"days_low": 1e400}}, "/captivity/days_low", "range"),
        (
            {"captivity": {"ransom_amount": {"amount": 0.0, "currency": "USD"}}},
            "/captivity/ransom_amount/amount",
            "range",
        ),
        ({"relations": [{"type": "part_of"}]}, "/relations/0", "reference"),
        ({"tags": ["Migrants"]}, "/tags/0", "pattern"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_faults_point_at_their_member(members: dict[str, Any], where: str, code: str) -> None:
    told = faults(IncidentReport, make.incident() | members)
    assert list(told) == [where]
    assert told[where][0] == code
    assert "{" not in told[where][1] or code in ("date", "pattern")


def test_an_unknown_code_names_the_nearest_and_all() -> None:
    with pytest.raises(Invalid) as refused:
        validate(IncidentReport, make.incident(type="rescue_operatoin"))
    [fault] = refused.value.faults
    assert "did you mean rescue_operation?" in fault.detail
    assert "rescue_operation" in fault.allowed


def test_every_fault_is_told_up_to_a_bound() -> None:
    assert len(faults(IncidentReport, make.incident(title="", tags=["A", "B"], date="x"))) == 4
    assert len(faults(ClaimsReport, {"claims": [{}] * 90})) == MAX_FAULTS


def test_a_fault_at_the_top_of_a_report_points_at_the_whole() -> None:
    both = make.incident(locations=["MX"]) | {"location": "MX"}
    assert list(faults(IncidentReport, both)) == [""]


@pytest.mark.parametrize("mark", ["=text", "=form", "[key]", "text"])
def test_a_member_named_like_an_inner_mark_is_told_whole(mark: str) -> None:
    assert list(faults(IncidentReport, make.incident() | {mark: 1})) == [f"/{mark}"]


def test_pointers_escape_as_rfc_6901_says() -> None:
    assert pointer(["a/b", 0, "m~n", FORMS[0], "c"]) == "/a~1b/0/m~0n/c"
    assert pointer([]) == ""


@pytest.mark.parametrize("plural", make.REPORTS)
def test_whole_reports_are_taken(plural: str) -> None:
    assert validate(BY_PLURAL[plural].report, make.REPORTS[plural]())
