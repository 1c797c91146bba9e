"""The whole years and months of a span of days: together with the months that it cuts they are all of its days."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incidents_api.reading.rolled import stretches

DAYS = st.dates(date(1999, 1, 1), date(2004, 12, 31))


def months(first: str, last: str) -> list[str]:
    found, day = [], date.fromisoformat(f"{first}-01")
    while day.isoformat()[:7] <= last:
        found.append(day.isoformat()[:7])
        day = (day + timedelta(days=32)).replace(day=1)
    return found


@given(DAYS, DAYS, st.booleans())
def test_a_span_is_its_whole_stretches_and_the_months_that_it_cuts(one: date, other: date, monthly: bool) -> None:
    first, last = sorted((one, other))
    found, _, cut = stretches(first.isoformat(), last.isoformat(), monthly=monthly)
    whole = []
    for stretch in (one for one in found if one.grain != "rest"):
        assert stretch.first is not None
        assert stretch.last is not None
        ends = (
            (stretch.first, stretch.last) if stretch.grain == "month" else (f"{stretch.first}-01", f"{stretch.last}-12")
        )
        whole += months(*ends)
    assert sorted([*whole, *cut]) == months(first.isoformat()[:7], last.isoformat()[:7])
    for month in whole:
        begins = date.fromisoformat(f"{month}-01")
        assert first <= begins
        assert (begins + timedelta(days=32)).replace(day=1) - timedelta(days=1) <= last
    for month in cut:
        begins = date.fromisoformat(f"{month}-01")
        assert begins < first or (begins + timedelta(days=32)).replace(day=1) - timedelta(days=1) > last
    assert not monthly or {stretch.grain for stretch in found} <= {"month", "rest"}


def test_a_span_without_an_end_goes_on_by_years() -> None:
    def told(first: str | None, last: str | None, *, monthly: bool) -> tuple[Any, ...]:
        found, years, cut = stretches(first, last, monthly=monthly)
        return [(one.grain, one.first, one.last) for one in found], years, cut

    # Of no year at all is what lies in the rest of no period.
    assert told(None, None, monthly=False) == ([("year", None, None), ("rest", "", "")], [], [])
    assert told(None, None, monthly=True) == ([("month", None, None), ("rest", None, None)], [], [])
    by_years = [("year", "2021", None), ("month", "2020-06", "2020-12")]
    assert told("2020-05-17", None, monthly=False) == (by_years, ["2020"], ["2020-05"])
    by_months = [("month", None, "2020-11"), ("rest", "0", "2019")]
    assert told(None, "2020-11-30", monthly=True) == (by_months, ["2020"], [])
    assert told("2020-01-01", None, monthly=True) == ([("month", "2020-01", None), ("rest", "2020", None)], [], [])


@given(st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS), st.booleans())
def test_what_is_too_coarse_for_a_month_is_in_whole_years_or_in_those_that_are_cut(
    one: date | None, other: date | None, monthly: bool
) -> None:
    if one and other:
        one, other = sorted((one, other))
    first, last = (day and day.isoformat() for day in (one, other))
    found, years, _ = stretches(first, last, monthly=monthly)
    whole = [stretch for stretch in found if stretch.grain == ("rest" if monthly else "year")]
    for year in map(str, range(1990, 2010)):
        times = sum((one.first or year) <= year <= (one.last or year) for one in whole) + years.count(year)
        assert times == int((first or year)[:4] <= year <= (last or year)[:4])
        # A year is whole where all of its days are asked for.
        assert (year in years) <= ((first or "") > f"{year}-01-01" or (last or "9") < f"{year}-12-31")
