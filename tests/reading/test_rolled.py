"""The whole years and months of a span of days: together with the months that it cuts they are all of its days."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from incidents_api.reading.rolled import stretches, years_beside

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
    found, cut = stretches(first.isoformat(), last.isoformat(), monthly=monthly)
    whole = []
    for stretch in found:
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
    assert not monthly or {stretch.grain for stretch in found} <= {"month"}


def test_a_span_without_an_end_goes_on_by_years() -> None:
    assert [(one.grain, one.first, one.last) for one in stretches(None, None, monthly=False)[0]] == [
        ("year", None, None)
    ]
    found, cut = stretches("2020-05-17", None, monthly=False)
    assert [(one.grain, one.first, one.last) for one in found] == [
        ("year", "2021", None),
        ("month", "2020-06", "2020-12"),
    ]
    assert cut == ["2020-05"]
    found, cut = stretches(None, "2020-11-30", monthly=True)
    assert [(one.grain, one.first, one.last) for one in found] == [("month", None, "2020-11")]
    assert cut == []


@given(st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS), st.booleans())
def test_every_year_of_a_span_is_in_the_stretches_of_years_or_beside_them(
    one: date | None, other: date | None, monthly: bool
) -> None:
    if one and other:
        one, other = sorted((one, other))
    first, last = (day and day.isoformat() for day in (one, other))
    found, _ = stretches(first, last, monthly=monthly)
    held = [stretch for stretch in found if stretch.grain == "year"]
    every = held + years_beside(first, last, found)
    for year in map(str, range(1990, 2010)):
        times = sum((one.first or year) <= year <= (one.last or year) for one in every)
        assert times == int((first or year)[:4] <= year <= (last or year)[:4])
