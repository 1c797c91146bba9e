"""Canonical JSON against an independent implementation, the links of the chain, and permanent ids."""

import json
import math
import re
import uuid
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from incidents_api.model.revision import (
    GENESIS,
    MAX_INTEGER,
    Revision,
    canonical,
    commit,
    derived_id,
    document,
    etag,
    link,
    new_id,
    new_salt,
)

fixed = settings(max_examples=500, deadline=None, derandomize=True)

TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from(
            ["\x00", "\x1f", "\x7f", '"', "\\", "/", "\u2028", "\ue000", "\ufb33", "\U0001f600", "\U0010ffff"]
        ),
    ),
    max_size=8,
)
NUMBERS = st.one_of(
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-330, 310).flatmap(lambda power: st.floats(1, 10).map(lambda digits: float(f"{digits}e{power}"))),
    st.integers(-(10**23), 10**23).map(float),
).filter(lambda number: isinstance(number, int) or math.isfinite(number))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(TEXTS, inner, max_size=5)),
    max_leaves=12,
)


@fixed
@given(VALUES)
@example({"\U0001f600": 1, "\ufb33": 2, "\r": 3, "1": 4, "\x80": 5, "\u00f6": 6, "\u20ac": 7})
@example([1e-06, 1e-07, 1e20, 1e21, 5e-324, -0.0, 1.7976931348623157e308, 333333333.33333329])
@example([9007199254740991.0, 9007199254740992.0, 9007199254740994.0, -9007199254740992.0, 9999999999999998.0, 1e16])
def test_canonical_json_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical(value).encode() == rfc8785.dumps(value)


@settings(max_examples=1_000, deadline=None, derandomize=True)
@given(NUMBERS)
def test_numbers_of_every_size(number: float) -> None:
    assert canonical([number]).encode() == rfc8785.dumps([number])


@fixed
@given(VALUES)
def test_canonical_json_is_stable(value: Any) -> None:
    def whole(digits: str) -> float:
        return int(digits) if abs(int(digits)) <= MAX_INTEGER else float(digits)

    text = canonical(value)
    assert canonical(json.loads(text, parse_int=whole)) == text
    assert "\n" not in text


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53,
        -(2**53),
        10**400,
        "\ud800",
        {"\udfff": 1},
        ["a", {"b": "\udc00"}],
        {1: 2},
        {None: 2},
        {"a": {2.5: 1}},
        b"bytes",
        {1, 2},
        object(),
    ],
    ids=lambda value: ascii(value)[:20] if type(value) is not object else "object",
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        canonical(value)


def test_canonical_does_not_change_what_it_is_given() -> None:
    value = {"b": [1.0, {"a": 2.0}], "a": 1e300}
    canonical(value)
    assert value == {"b": [1.0, {"a": 2.0}], "a": 1e300}
    assert isinstance(value["b"][0], float)


# --- The chain -----------------------------------------------------------------------------------------------------

COVERED = {
    "record_id": "01900000-0000-7000-8000-000000000001",
    "version": 2,
    "seq": 17,
    "kind": "incident",
    "operation": "patch",
    "author": "seed",
    "recorded_at": "2026-11-22T10:00:00.000000Z",
    "commitment": "c" * 64,
    "previous_hash": GENESIS,
}


@pytest.mark.parametrize("member", COVERED)
def test_every_covered_member_changes_the_hash(member: str) -> None:
    value = COVERED[member]
    changed = value + 1 if isinstance(value, int) else value[:-1] + ("1" if value[-1] != "1" else "2")
    assert link(COVERED | {member: changed}) != link(COVERED)
    assert re.fullmatch(r"[0-9a-f]{64}", link(COVERED))


def test_members_that_are_not_covered_leave_the_hash() -> None:
    assert link(COVERED | {"salt": "x", "record": "{}", "hash": "y"}) == link(COVERED)


def test_the_link_is_pinned() -> None:
    assert link(COVERED) == "8eb9ae146cd1320dcd35cb333d4e1ac118a9857fba5006b11bab698894053c9b"


@fixed
@given(st.tuples(TEXTS, st.none() | TEXTS, st.none() | TEXTS), st.tuples(TEXTS, st.none() | TEXTS, st.none() | TEXTS))
def test_a_commitment_stands_for_salt_reason_and_record(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    one, other = (
        (salt.replace("\n", ""), *(None if body is None else canonical(body) for body in bodies))
        for salt, *bodies in (one, other)
    )
    assert (commit(*one) == commit(*other)) is (one == other)


def test_a_commitment_tells_reason_from_record() -> None:
    assert (
        len({commit("s", "{}", None), commit("s", None, "{}"), commit("s", None, None), commit("t", None, None)}) == 4
    )


def test_salts_differ() -> None:
    assert len({new_salt() for _ in range(100)}) == 100
    assert re.fullmatch(r"[0-9a-f]{32}", new_salt())


def test_a_document_is_the_record_with_its_envelope() -> None:
    revision = Revision(**COVERED, reason=None, record='{"a":1}', salt="s", hash="f" * 64)
    told = json.loads(document(revision))
    assert list(told) == ["id", "version", "seq", "recorded_at", "recorded_by", "a"]
    assert (told["id"], told["recorded_by"], told["a"]) == (COVERED["record_id"], "seed", 1)
    assert json.loads(document(replace(revision, record='{"é":"\\"x"}')))["é"] == '"x'
    assert etag(2, revision.hash) == f'"2-{"f" * 16}"'


# --- Ids -----------------------------------------------------------------------------------------------------------


def test_new_ids_are_uuids_of_version_7_that_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for moment in (0, 1_700_000_000_000, 1_700_000_000_001, 2**48 - 1):
        monkeypatch.setattr("time.time_ns", lambda moment=moment: moment * 1_000_000)
        made.append(new_id())
    assert made == sorted(made)
    for text, moment in zip(made, (0, 1_700_000_000_000, 1_700_000_000_001, 2**48 - 1), strict=True):
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 7, uuid.RFC_4122)
        assert parsed.int >> 80 == moment


def test_new_ids_never_repeat() -> None:
    assert len({new_id() for _ in range(5_000)}) == 5_000


def test_derived_ids_are_the_same_in_every_installation() -> None:
    assert derived_id("incident", "seed", "S001-R0") == "f027266a-9e6c-8dd4-8a74-258d8abdcdcb"


def test_derived_ids_differ_by_kind_scheme_and_value() -> None:
    keys = [("incident", "ucdp", "1"), ("source", "ucdp", "1"), ("incident", "gtd", "1"), ("incident", "ucdp", "2")]
    assert len({derived_id(*key) for key in keys}) == 4


@fixed
@given(TEXTS)
def test_derived_ids_are_uuids_of_version_8(value: str) -> None:
    parsed = uuid.UUID(derived_id("incident", "ucdp", value))
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
    assert str(parsed) == derived_id("incident", "ucdp", value)
