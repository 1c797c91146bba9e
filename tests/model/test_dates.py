"""Tests of the EDTF parser: tables of examples, properties over generated dates, and a comparison with edtf.js."""

import contextlib
import json
import re
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from incidents_api.model.dates import DateError, Span, parse

ORACLE = json.loads(Path(__file__).with_name("edtf_oracle.json").read_text(encoding="utf-8"))
# A busy machine is no failure, so no deadline.
quick = settings(deadline=None, max_examples=200)


def facts(edtf: str) -> tuple[str | None, str | None, str, str]:
    span = parse(edtf)
    return span.earliest, span.latest, span.kind, span.precision


@pytest.mark.parametrize(
    ("edtf", "earliest", "latest", "kind", "precision"),
    [
        ("2024-03-26", "2024-03-26", "2024-03-26", "within", "day"),
        ("2024-03", "2024-03-01", "2024-03-31", "within", "month"),
        ("2021", "2021-01-01", "2021-12-31", "within", "year"),
        # Qualifiers never move a bound.
        ("2022-01-12?", "2022-01-12", "2022-01-12", "within", "day"),
        ("2024?-11", "2024-11-01", "2024-11-30", "within", "month"),
        ("?2024-11~-%02", "2024-11-02", "2024-11-02", "within", "day"),
        ("2024-11-2X~", "2024-11-20", "2024-11-29", "within", "part_of_month"),
        # Unspecified digits.
        ("2024-11-2X", "2024-11-20", "2024-11-29", "within", "part_of_month"),
        ("2024-11-3X", "2024-11-30", "2024-11-30", "within", "day"),
        ("2024-XX", "2024-01-01", "2024-12-31", "within", "year"),
        ("2024-1X", "2024-10-01", "2024-12-31", "within", "part_of_year"),
        ("2024-XX-31", "2024-01-31", "2024-12-31", "within", "part_of_year"),
        ("202X", "2020-01-01", "2029-12-31", "within", "over_year"),
        ("202X-02-29", "2020-02-29", "2028-02-29", "within", "over_year"),
        ("000X", "0001-01-01", "0009-12-31", "within", "over_year"),
        ("XXXX", None, None, "within", "unknown"),
        ("XXXX-12-25", None, None, "within", "unknown"),
        # Parts of a year.
        ("202X-36", "2020-10-01", "2029-12-31", "within", "over_year"),
        ("XXXX-24", None, None, "within", "unknown"),
        # Intervals.
        ("2024-03-23/2024-03-26", "2024-03-23", "2024-03-26", "interval", "days_2_6"),
        ("2021-01/2021-09", "2021-01-01", "2021-09-30", "interval", "part_of_year"),
        ("2020-10-01/2021-09-30", "2020-10-01", "2021-09-30", "interval", "part_of_year"),
        ("2024-06/2024", "2024-06-01", "2024-12-31", "interval", "part_of_year"),
        ("2024-21/2024-23", "2024-03-01", "2024-11-30", "interval", "part_of_year"),
        ("2024-03-26/..", "2024-03-26", None, "ongoing", "bounded_one_side"),
        ("../2024-03", None, "2024-03-31", "interval", "bounded_one_side"),
        ("2024-03/", "2024-03-01", None, "interval", "bounded_one_side"),
        # One of a set.
        ("[2024-11-15..2024-11-30]", "2024-11-15", "2024-11-30", "within", "part_of_month"),
        ("[..2024-03-26]", None, "2024-03-26", "within", "bounded_one_side"),
        ("[2024-03-24..2024-03-26]", "2024-03-24", "2024-03-26", "within", "days_2_6"),
        ("[2024-03-26,2024-03-01,2024-03-12]", "2024-03-01", "2024-03-26", "within", "part_of_month"),
        ("[2021-01..2021-03,2021-07]", "2021-01-01", "2021-07-31", "within", "part_of_year"),
        ("[2024-11-15T06:30..2024-11-15T07:30]", "2024-11-15", "2024-11-15", "within", "day"),
        ("[XXXX..2024]", None, "2024-12-31", "within", "bounded_one_side"),
        ("[XXXX,2024]", None, None, "within", "unknown"),
        # All of a set.
        ("{2021,2023}", "2021-01-01", "2023-12-31", "interval", "over_year"),
        ("{2021..}", "2021-01-01", None, "interval", "bounded_one_side"),
    ],
)
def test_bounds_kind_and_precision(
    edtf: str, earliest: str | None, latest: str | None, kind: str, precision: str
) -> None:
    assert facts(edtf) == (earliest, latest, kind, precision)


# Spring to winter in the north; the southern year begins with its spring in September.
SEASONS = ["2023-03-01..2023-05-31", "2023-06-01..2023-08-31", "2023-09-01..2023-11-30", "2023-12-01..2024-02-29"]
QUARTERS = ["2023-01-01..2023-03-31", "2023-04-01..2023-06-30", "2023-07-01..2023-09-30", "2023-10-01..2023-12-31"]
THIRDS = ["2023-01-01..2023-04-30", "2023-05-01..2023-08-31", "2023-09-01..2023-12-31"]
HALVES = ["2023-01-01..2023-06-30", "2023-07-01..2023-12-31"]
PARTS = [*SEASONS, *SEASONS, *SEASONS[2:], *SEASONS[:2], *QUARTERS, *THIRDS, *HALVES]


@pytest.mark.parametrize(("code", "span"), list(enumerate(PARTS, start=21)))
def test_parts_of_a_year(code: int, span: str) -> None:
    assert facts(f"2023-{code}") == (*span.split(".."), "within", "part_of_year")


SPANS = {
    "day": ["2024-03-24..2024-03-24"],
    "days_2_6": ["2024-03-24..2024-03-25", "2024-03-24..2024-03-29"],
    "week": ["2024-03-24..2024-03-30"],
    "part_of_month": ["2024-03-24..2024-03-31", "2024-03-02..2024-04-01", "2024-02-01..2024-02-28"],
    "month": ["2023-02-01..2023-02-28", "2024-03-01..2024-03-31"],
    "part_of_year": ["2024-03-01..2024-04-01", "2024-01-01..2024-12-30", "2023-07-01..2024-06-30"],
    "year": ["2024-01-01..2024-12-31", "2023-01-01..2023-12-31"],
    "over_year": ["2023-01-01..2024-01-02"],
}


@pytest.mark.parametrize(("precision", "span"), [(code, span) for code, spans in SPANS.items() for span in spans])
def test_precision_counts_days_alike_in_sets_and_intervals(precision: str, span: str) -> None:
    first, last = span.split("..")
    for form in (f"[{first}..{last}]", f"{first}/{last}", f"{{{first}..{last}}}", f"[{first},{last}]"):
        assert parse(form).precision == precision


@pytest.mark.parametrize(
    ("edtf", "first", "last"),
    [
        ("2024-11-15T06:30", "06:30:00.000000", "06:30:59.999999"),
        ("2024-11-15T06:30:05", "06:30:05.000000", "06:30:05.999999"),
        ("2024-11-15T06:30:05.5", "06:30:05.500000", "06:30:05.599999"),
        ("2024-11-15T06:30:05.123456", "06:30:05.123456", "06:30:05.123456"),
        ("2024-11-15T23:59:59+05:30", "23:59:59.000000", "23:59:59.999999"),
        ("2024-11-15T00:00-07", "00:00:00.000000", "00:00:59.999999"),
    ],
)
def test_a_time_spans_what_is_written_in_local_time(edtf: str, first: str, last: str) -> None:
    span = parse(edtf)
    assert (span.first, span.last) == tuple(datetime.fromisoformat(f"2024-11-15T{clock}") for clock in (first, last))
    assert (span.kind, span.precision) == ("within", "time")


# What is wrong: {the date: the character it is wrong at}.
REFUSED = {
    "a date is missing": {"": 1, "[]": 2, "[2021,]": 7},
    "white space": {" 2024": 1, "2024-03-26\n": 11, "[2021, 2022]": 7},
    "has no day 29": {"2023-02-29": 9, "1900-02-29": 9, "2024/2023-02-29": 14, "2023-02-29T06:30": 9},
    "2024-04 has no day": {"2024-04-31": 9, "2024-04-00": 9},
    "is neither a month": {"2024-00": 6, "2024-13": 6, "20XX-13": 6, "2024-42": 6, "2021/2022-13": 11},
    "21 is not a month": {"2024-21-01": 6},
    "no real date fits": {"2024-02-3X": 1, "2023/2X23-02-29": 6, "XXXX-02-30": 1, "2024-2X": 1},
    "years run from 0001 to 9999": {"0000": 1, "0000-01-01T06:30": 1, "Y17000": 1},
    "after the year 9999": {"9999-24": 6},
    "negative years": {"-0044": 1, "2021/-0044": 6},
    "exponents (E) and significant digits (S) are not supported": {"Y-17E7": 1, "1950S2": 1, "1E3": 1},
    "ends too early": {"202": 4, "2024-1": 7, "2024-11-": 9, "2024-11-15T06": 14},
    "unexpected": {"20241": 5, "24-11-15": 3, "202x": 4, "yesterday": 1, "2024-03??": 9, "2024-11T06:30": 8},
    "unexpected '\u0662'": {"\u0662\u0660\u0662\u0664": 1, "2024-1\u0662": 7},
    "unexpected '\uff12'": {"2024-03-\uff12\uff16": 9},
    "unexpected '['": {"2021/[2022,2023]": 6, "[[2021]]": 2},
    "unexpected '.'": {"2021..2022": 5},
    "midnight is 00:00 of the next day": {"2024-11-15T24:00": 12},
    "minutes run": {"2024-11-15T06:60": 15},
    "leap seconds are not supported": {"2016-12-31T23:59:60Z": 18},
    "without X": {"2024-11-XXT06:30": 1},
    "unexpected '?'": {"2024-11-15T06:30?": 17},
    "unexpected '7'": {"2024-11-15T06:30:00.1234567": 27},
    "unexpected '0'": {"2024-11-15T06:30+0500": 20},
    "offsets run": {"2024-11-15T06:30+14:01": 17, "2024-11-15T06:30+05:60": 17},
    "zero offset": {"2024-11-15T06:30-00:00": 17},
    "at least one known end": {"/": 1, "../..": 1, "../": 1},
    "the end lies before the beginning": {"[2024,2022..2021]": 13},
    "the end lies before": {"2022/2021": 6, "{2022..2021}": 8, "2024-03-26T07:00/2024-03-26T06:59": 18},
    "an interval has two ends": {"2021/2022/2023": 10},
    "must end with ]": {"[": 2, "[2021}": 7},
    "must end with }": {"{2021]": 7},
    "open only before its first": {"[..]": 2, "[2021,..2022]": 7, "[2021..,2022]": 6},
}


@pytest.mark.parametrize(
    ("edtf", "reason", "at"), [(edtf, reason, at) for reason, dates in REFUSED.items() for edtf, at in dates.items()]
)
def test_refusals_say_what_where_and_what_is_allowed(edtf: str, reason: str, at: int) -> None:
    with pytest.raises(DateError) as refusal:
        parse(edtf)
    message = str(refusal.value)
    assert reason in message
    assert f"(character {at})" in message
    assert "Allowed: 2024-11-15" in message


HOSTILE = ["[" * 100, "[" * 50 + "]" * 50, "2024-11-15" * 12, "[" + "," * 118 + "]", "." * 120, "X" * 120, "?" * 120]
HOSTILE += ["0" * 10_000, "[" * 10_000, "[" + "2024," * 2_000 + "2024]", "\ud800", "2024\x00"]


@pytest.mark.parametrize("edtf", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_shortly(edtf: str) -> None:
    # The text itself is not repeated, and the message can be sent on as UTF-8.
    with pytest.raises(DateError) as refusal:
        parse(edtf)
    assert len(str(refusal.value).encode()) < 800


def test_the_longest_date_is_120_characters() -> None:
    days = ",".join(f"2024-03-{day:02}" for day in range(1, 11))
    edtf = f"[{days},2024-04-01]"
    assert len(edtf) == 122
    with pytest.raises(DateError, match="at most 120 characters, this one 122"):
        parse(edtf)
    assert parse(edtf.replace("2024-04-01", "2024-04")).latest == "2024-04-30"


# Generated dates ------------------------------------------------------------------------------------------------------

days = st.dates().map(date.isoformat)
qualifier = st.sampled_from(["", "", "?", "~", "%"])


@st.composite
def plain(draw: st.DrawFn) -> str:
    """A year, month or day with qualifiers wherever level 2 allows them."""
    parts = draw(days).split("-")[: draw(st.integers(1, 3))]
    return "-".join(draw(qualifier) + part + draw(qualifier) for part in parts)


@st.composite
def masked(draw: st.DrawFn) -> tuple[str, date]:
    """A real day and a date that has X for some of its digits."""
    day = draw(st.dates())
    digits = list(day.isoformat())
    for position in draw(st.sets(st.sampled_from([0, 1, 2, 3, 5, 6, 8, 9]))):
        digits[position] = "X"
    return "".join(digits)[: draw(st.sampled_from([4, 7, 10]))], day


@st.composite
def grouping(draw: st.DrawFn) -> str:
    return f"{draw(st.integers(1, 9998)):04}-{draw(st.integers(21, 41))}{draw(qualifier)}"


@st.composite
def timed(draw: st.DrawFn) -> str:
    moment = draw(st.datetimes())
    length = draw(st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]))
    zone = draw(st.sampled_from(["", "Z", "+00:00", "-07:00", "+05:30", "-04", "+14:00"]))
    return moment.isoformat(timespec=length) + zone


item = st.one_of(plain(), masked().map(lambda pair: pair[0]), grouping(), timed())


@st.composite
def pair(draw: st.DrawFn) -> tuple[str, str]:
    """Two dates that can be the ends of an interval."""
    a, b = draw(item), draw(item)
    first, last = parse(a).first, parse(b).last
    return (b, a) if first is not None and last is not None and first > last else (a, b)


@st.composite
def listing(draw: st.DrawFn) -> str:
    members = [draw(st.one_of(item, pair().map("..".join))) for _ in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()) and ".." not in members[0]:
        members[0] = ".." + members[0]
    if draw(st.booleans()) and ".." not in members[-1]:
        members[-1] += ".."
    text = ",".join(members)
    return draw(st.sampled_from(["[{}]", "{{{}}}"])).format(text)


interval = st.one_of(
    pair().map("/".join),
    st.builds(str.__add__, item, st.sampled_from(["/..", "/"])),
    st.builds(str.__add__, st.sampled_from(["../", "/"]), item),
)
valid = st.one_of(item, interval, listing().filter(lambda text: len(text) <= 120))


@quick
@given(valid)
def test_every_valid_date_keeps_its_spelling_and_has_ordered_bounds_and_known_codes(edtf: str) -> None:
    span = parse(edtf)
    assert span.edtf == edtf
    assert parse(span.edtf) == span
    assert span.kind in {"within", "interval", "ongoing"}
    assert span.precision in {"time", "bounded_one_side", "unknown", *SPANS}
    assert (span.precision == "bounded_one_side") == ((span.first is None) != (span.last is None))
    assert (span.precision == "unknown") == (span.first is None and span.last is None)
    for bound, day in ((span.first, span.earliest), (span.last, span.latest)):
        assert (bound is None) == (day is None)
        if bound is not None and day is not None:
            assert bound.tzinfo is None
            assert date.fromisoformat(day) == bound.date()
    if span.first and span.last and span.earliest and span.latest:
        assert span.first <= span.last
        assert span.earliest <= span.latest


@quick
@given(pair())
def test_intervals_and_sets_take_their_bounds_from_their_ends(ends: tuple[str, str]) -> None:
    a, b = ends
    expected = parse(a).first, parse(b).last
    for form, kind in ((f"{a}/{b}", "interval"), (f"[{a}..{b}]", "within"), (f"{{{a}..{b}}}", "interval")):
        span = parse(form)
        assert ((span.first, span.last), span.kind) == (expected, kind)


@quick
@given(st.dates(), st.sampled_from(["", "?", "~", "%"]))
def test_a_day_is_its_own_bound(day: date, mark: str) -> None:
    text = day.isoformat()
    span = parse(text + mark)
    assert span.first == datetime.combine(day, time.min)
    assert span.last == datetime.combine(day, time.max)
    assert facts(text + mark) == (text, text, "within", "day")


@quick
@given(masked())
def test_unspecified_digits_span_exactly_the_days_that_fit(case: tuple[str, date]) -> None:
    edtf, day = case
    span = parse(edtf)
    if edtf.startswith("XXXX"):
        assert (span.first, span.last) == (None, None)
        return
    fits = re.compile(edtf.replace("X", "[0-9]"))
    assert span.earliest is not None
    assert span.latest is not None
    assert span.earliest <= day.isoformat() <= span.latest
    assert fits.match(span.earliest)
    assert fits.match(span.latest)
    # No day from the start of that year that lies outside the bounds fits.
    year = (date.fromordinal(n).isoformat() for n in range(date(day.year, 1, 1).toordinal(), day.toordinal() + 1))
    assert all(span.earliest <= other <= span.latest for other in year if fits.match(other))


@quick
@given(st.one_of(st.text(), st.text(alphabet="0123456789-X?~%/.[]{},TZ:+SYE \n\u0662", max_size=130)))
@example("[2024-11-15..2024-11-30")
@example("9999-24/9999-28")
def test_junk_is_a_date_or_a_date_error(text: str) -> None:
    try:
        span = parse(text)
    except DateError as error:
        character = re.search(r"\(character ([0-9]+)\)\. Allowed: ", str(error))
        assert character is not None
        assert 1 <= int(character[1]) <= len(text) + 1
    else:
        assert isinstance(span, Span)


@quick
@given(valid, st.integers(0, 120), st.sampled_from("0129X-?/.[]{},TZ: \u0662"))
def test_a_valid_date_with_one_wrong_character_never_breaks(edtf: str, position: int, character: str) -> None:
    position = min(position, len(edtf))
    for damaged in (edtf[:position] + character + edtf[position + 1 :], edtf[:position] + edtf[position + 1 :]):
        with contextlib.suppress(DateError):
            assert parse(damaged).edtf == damaged


# Comparison with edtf.js ----------------------------------------------------------------------------------------------

# Where we differ from edtf.js 4.11.1 on purpose, and why. tools/edtf_oracle.mjs makes the file.
NO_YEAR_ZERO = "it knows a year 0000; our years begin at 0001"
ANY_YEAR = "it bounds any year at all by 0000 and 9999; for us there is no bound"
REAL_DAYS = "it lets 29 February of a common year run over into March"
SPRING_IN_JANUARY = (
    "it makes every season a quarter of the calendar year, so spring begins in January; ours are meteorological"
)
LONG_THIRDS = "its first two quadrimesters have five months and overlap; ISO 8601-2 gives each four"
RANGE_END = "it ends a set whose last member is a range where that range begins"
UNSORTED = "it takes the first and the last member of a list; we take the smallest and the largest"
INSTANT = "it takes a written minute or second for an instant; ours lasts as long as it is precise"
FRACTION = "it reads .5 as 5 milliseconds"
OFFSET = "it moves the time to UTC; ours stays the local time as written"
DIFFERENT = {
    **dict.fromkeys(["000X", "00XX"], NO_YEAR_ZERO),
    **dict.fromkeys(["XXXX", "XXXX-12-XX", "XXXX-XX"], ANY_YEAR),
    "202X-02-29": REAL_DAYS,
    **{f"2024-{code}": SPRING_IN_JANUARY for code in range(21, 33)},
    **dict.fromkeys(["2024-37", "2024-38"], LONG_THIRDS),
    **dict.fromkeys(["[2021..2022]", "{2021..2022}", "[2021-01..2021-03]", "[1667,1668,1670..1672]"], RANGE_END),
    **dict.fromkeys(["[2024-11-15..2024-11-30]", "[2024-03-24..2024-03-26]"], RANGE_END),
    "[2022,2021]": UNSORTED,
    **dict.fromkeys(["2024-11-15T06:30", "2024-11-15T06:30Z", "2024-11-15T06:30:00"], INSTANT),
    **dict.fromkeys(["2024-11-15T06:30:00Z", "2024-11-15T06:30/2024-11-15T07:30"], INSTANT),
    "2024-11-15T06:30:00.5": FRACTION,
    **dict.fromkeys(["2024-11-15T00:00:00+05:00", "2024-11-15T23:59:59-04"], OFFSET),
}


def milliseconds(bound: datetime | None) -> str | None:
    if bound is None:
        return None
    return bound.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("row", ORACLE, ids=lambda row: row["edtf"])
def test_bounds_are_those_of_edtf_js(row: dict[str, str | None]) -> None:
    edtf = row["edtf"]
    assert edtf is not None
    span = parse(edtf)
    same = (milliseconds(span.first), milliseconds(span.last)) == (row["min"], row["max"])
    assert same == (edtf not in DIFFERENT)


def test_the_comparison_is_broad_and_its_exceptions_are_all_used() -> None:
    compared = {row["edtf"] for row in ORACLE}
    assert len(compared) == len(ORACLE)
    assert len(compared - DIFFERENT.keys()) >= 120
    assert compared >= DIFFERENT.keys()
