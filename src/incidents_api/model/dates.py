"""Reads EDTF dates (ISO 8601-2:2019): what a written date says of its earliest and latest instant, kind and precision.

Rules and where they come from:

- Forms: EDTF levels 0 to 2 (ISO 8601-2:2019, Annex A) without years outside 0001..9999 and without significant digits.
- Precision: the time-precision classes of the UCDP GED codebook (day, 2-6 days, week, part of a month, month, up to a
  year), with `time`, `over_year` and `bounded_one_side` added.
- Bounds are local calendar time as written: an offset is checked and then left out, because a source's day is the day
  where it happened. Ends with different offsets are therefore put in order as their clocks show them.
- `?`, `~` and `%` say how sure the source is; they never move a bound.
"""

import re
from calendar import isleap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import NoReturn

_MAX_LENGTH = 120
"""Longest accepted date in characters; the longest useful sets stay far below it."""

_ALLOWED = (
    "Allowed: 2024-11-15, 2024-11, 2024, each with ?, ~ or %; X for an unknown digit (2024-11-2X, 202X); "
    "2024-21 to 2024-41 (season, quarter, third, half); 2024-11-15T06:30 (seconds, fraction up to 6 digits, "
    "Z or +hh:mm may follow); a/b, a/.., ../b, a/, /b (lasted); [a..b], [..b], [a..], [a,b] (one of); "
    "{a..b}, {a,b} (all of)."
)

# Group 1 to 3 are year, month (or season, quarter ...) and day in both patterns. [0-9] and not \d, which takes every
# script's digits.
_DATE = re.compile(r"[?~%]?([0-9X]{4})[?~%]?(?:-[?~%]?([0-9X]{2})[?~%]?(?:-[?~%]?([0-9X]{2})[?~%]?)?)?")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?"
    r"(?:Z|([+-])([0-9]{2})(?::([0-9]{2}))?)?"
)
_ZONE = r"(?:Z|[+-][0-9]{0,2}(?::[0-9]{0,2})?)?"
# For messages only: each atom is optional together with all that follow it, so a match ends where a date goes wrong.
_ATOMS = (
    *("[?~%]?[0-9X]", "[0-9X]", "[0-9X]", "[0-9X][?~%]?"),
    *("-", "[?~%]?[0-9X]", "[0-9X][?~%]?", "-", "[?~%]?[0-9X]", "[0-9X][?~%]?"),
    *("T", "[0-9]", "[0-9]", ":", "[0-9]", f"[0-9]{_ZONE}", ":", "[0-9]", f"[0-9]{_ZONE}", rf"\.[0-9]{{0,6}}{_ZONE}"),
)
_PREFIX = re.compile("".join(f"(?:{atom}" for atom in _ATOMS) + ")?" * len(_ATOMS))
_TOO_MUCH = re.compile(r"Y|-[0-9]|[0-9X]+[ES][0-9]")

_UP, _DOWN = "0123456789", "9876543210"
_MONTH_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Code of a sub-year grouping: (first month, months). EDTF leaves the months of a season open; these are the
# meteorological ones, northern for 21-24, which name no hemisphere. A winter (southern: summer) begins in December of
# the year written, since EDTF orders the seasons of a year from spring to winter.
# fmt: off
_GROUPINGS = {
    21: (3, 3), 22: (6, 3), 23: (9, 3), 24: (12, 3),  # spring, summer, autumn, winter
    25: (3, 3), 26: (6, 3), 27: (9, 3), 28: (12, 3),  # the same, northern hemisphere
    29: (9, 3), 30: (12, 3), 31: (3, 3), 32: (6, 3),  # the same, southern hemisphere
    33: (1, 3), 34: (4, 3), 35: (7, 3), 36: (10, 3),  # quarters
    37: (1, 4), 38: (5, 4), 39: (9, 4),  # quadrimesters
    40: (1, 6), 41: (7, 6),  # semestrals
}
# fmt: on

_Known = tuple[datetime, datetime]
_Bounds = tuple[datetime | None, datetime | None]

BEGINNING = "0001-01-01"
"""Where a span is kept to start of which nobody knows when it began."""


class DateError(ValueError):
    """Not a date in the EDTF forms we take; `str(error)` says what is wrong, where (character, from 1) and what is
    allowed."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one EDTF date says about time.

    `first` and `last` are the earliest and the latest possible instant, naive local calendar time with microseconds (a
    day ends 23:59:59.999999); None means unbounded or unknown. `first <= last` where both are known.
    """

    edtf: str
    """The date exactly as given."""
    first: datetime | None
    last: datetime | None
    kind: str
    """`within` (some moment between the bounds), `interval` (lasted from one to the other) or `ongoing` (`a/..`)."""
    precision: str
    """A code of `date_precision`, after the UCDP GED codebook: how long the span is, counted in days."""

    @property
    def earliest(self) -> str | None:
        """The first day it may have happened, `YYYY-MM-DD`, inclusive; None if there is no known bound."""
        return None if self.first is None else self.first.date().isoformat()

    @property
    def latest(self) -> str | None:
        """The last day it may have happened, `YYYY-MM-DD`, inclusive; None if there is no known bound."""
        return None if self.last is None else self.last.date().isoformat()


def parse(edtf: str) -> Span:
    """Read one EDTF date (ISO 8601-2:2019, levels 0 to 2; the module's text names what is left out).

    A year that is wholly unspecified (`XXXX`, `XXXX-12-25`) gives no bounds. Lists are bounded by their smallest and
    largest member. Raises DateError for anything that is not such a date, that names no real day, or whose end lies
    before its beginning.
    """
    if len(edtf) > _MAX_LENGTH:
        _refuse(f"a date has at most {_MAX_LENGTH} characters, this one {len(edtf)}", _MAX_LENGTH)
    kind = "within"
    if match := _DATE.fullmatch(edtf):
        first, last = _date_bounds(match, 0)
    elif match := _TIME.fullmatch(edtf):
        return Span(edtf, *_time_bounds(match, 0), kind, "time")
    elif edtf.startswith(("[", "{")):
        first, last = _set_bounds(edtf)
        kind = "within" if edtf[0] == "[" else "interval"
    elif "/" in edtf:
        first, last = _interval_bounds(edtf)
        kind = "ongoing" if edtf.endswith("/..") else "interval"
    else:
        _explain(edtf, 0)
    return Span(edtf, first, last, kind, _precision(first, last))


def _refuse(reason: str, position: int) -> NoReturn:
    raise DateError(f"Not a date: {reason} (character {position + 1}). {_ALLOWED}")


def _explain(text: str, at: int) -> NoReturn:
    """Refuse a text that is no date, naming the likeliest cause and its position."""
    if not text:
        _refuse("a date is missing", at)
    if _TOO_MUCH.match(text):
        _refuse(
            "negative years, years of more than four digits (Y...), exponents (E) and significant digits (S) are not "
            "supported; years run from 0001 to 9999",
            at,
        )
    prefix = _PREFIX.match(text)
    stop = prefix.end() if prefix else 0
    if stop < len(text):
        what = "white space is not allowed" if text[stop].isspace() else f"unexpected {text[stop]!r}"
        _refuse(what, at + stop)
    if "T" in text and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", text):
        _refuse("a time follows a full day without X, ?, ~ or %", at)
    _refuse("it ends too early; years have four digits, all other parts two", at + stop)


def _precision(first: datetime | None, last: datetime | None) -> str:
    """The code of `date_precision` for a span: UCDP GED's classes, by inclusive days."""
    if first is None or last is None:
        return "unknown" if first is last else "bounded_one_side"
    days = last.toordinal() - first.toordinal() + 1
    if days <= 7:
        return "day" if days == 1 else "week" if days == 7 else "days_2_6"
    if days <= 31:
        whole = first.day == 1 and days == _month_length(first.year, first.month)
        return "month" if whole else "part_of_month"
    if days <= 366:
        whole = first.month == first.day == 1 and days == 365 + isleap(first.year)
        return "year" if whole else "part_of_year"
    return "over_year"


def _month_length(year: int, month: int) -> int:
    return 29 if month == 2 and isleap(year) else _MONTH_LENGTHS[month]


def _day_start(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day)  # noqa: DTZ001 - local calendar time, whose zone is not known


def _day_end(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 23, 59, 59, 999999)  # noqa: DTZ001 - as above


def _date_bounds(match: re.Match[str], at: int) -> _Bounds:
    """Bounds of a match of _DATE that stands at position `at` of the whole text."""
    return _masked_bounds(match, at) if "X" in match[0] else _known_bounds(match, at)


def _known_bounds(match: re.Match[str], at: int) -> _Known:
    """Bounds of the date in groups 1 to 3 of a match, all of whose digits are given."""
    year_text, month_text, day_text = match.group(1, 2, 3)
    year = int(year_text)
    if year == 0:
        _refuse("years run from 0001 to 9999", at + match.start(1))
    if month_text is None:
        return _day_start(year, 1, 1), _day_end(year, 12, 31)
    month = int(month_text)
    if not 1 <= month <= 12:
        if day_text is None:
            return _grouping_bounds(year, year, month, at + match.start(2))
        _refuse(f"{month_text} is not a month (01 to 12)", at + match.start(2))
    length = _month_length(year, month)
    if day_text is None:
        return _day_start(year, month, 1), _day_end(year, month, length)
    day = int(day_text)
    if not 1 <= day <= length:
        _refuse(f"{year_text}-{month_text} has no day {day_text}", at + match.start(3))
    return _day_start(year, month, day), _day_end(year, month, day)


def _grouping_bounds(first_year: int, last_year: int, code: int, at: int) -> _Known:
    """Bounds of a season, quarter, third or half (EDTF codes 21 to 41) from its first to its last possible year."""
    if code not in _GROUPINGS:
        _refuse(f"{code:02} is neither a month (01 to 12) nor a part of a year (21 to 41)", at)
    month, months = _GROUPINGS[code]
    extra_years, end = divmod(month + months - 2, 12)
    end_year = last_year + extra_years
    if end_year > 9999:
        _refuse("this winter would end after the year 9999", at)
    return _day_start(first_year, month, 1), _day_end(end_year, end + 1, _month_length(end_year, end + 1))


def _readings(mask: str, digits: str = _UP) -> Iterator[int]:
    """The numbers that fit digits with X, in the order of `digits`; lazy, as `XXXX` fits ten thousand."""
    return (int("".join(chosen)) for chosen in product(*(digits if c == "X" else c for c in mask)))


def _candidates(mask: str | None, highest: int) -> Sequence[int]:
    """The months or days from 1 that fit a mask, all of them where there is none."""
    if mask is None or mask == "XX":
        return range(1, highest + 1)
    return [number for number in _readings(mask) if 1 <= number <= highest]


def _masked_bounds(match: re.Match[str], at: int) -> _Bounds:
    """Bounds of a date with unspecified digits: the first and the last real date that fits them."""
    year, month, day = match.groups()
    bounds: _Known
    if month is not None and day is None and "X" not in month and int(month) > 12:
        first_year = next(y for y in _readings(year) if y)
        # Any year does for XXXX, whose bounds are dropped below; its last winter would end after 9999.
        last_year = first_year if year == "XXXX" else next(_readings(year, _DOWN))
        bounds = _grouping_bounds(first_year, last_year, int(month), at + match.start(2))
    else:
        months, days = _candidates(month, 12), _candidates(day, 31)
        first = _first_fit(_readings(year), months, days)
        last = _first_fit(_readings(year, _DOWN), months[::-1], days[::-1])
        if first is None or last is None:
            _refuse("no real date fits these digits", at)
        bounds = _day_start(*first), _day_end(*last)
    # A date in any year at all is bounded by nothing; 0001 and 9999 would only look like knowledge.
    return (None, None) if year == "XXXX" else bounds


def _first_fit(years: Iterable[int], months: Iterable[int], days: Iterable[int]) -> tuple[int, int, int] | None:
    """The first combination, in the order given, that is a real day of the years 0001 to 9999."""
    fits = ((y, m, d) for y in years if y for m in months for d in days if d <= _month_length(y, m))
    return next(fits, None)


def _time_bounds(match: re.Match[str], at: int) -> _Known:
    """Bounds of a match of _TIME: the minute, the second, or the part of a second that is written."""
    day, _ = _known_bounds(match, at)
    hour, minute, second = int(match[4]), int(match[5]), int(match[6] or 0)
    if hour > 23:
        _refuse("hours run from 00 to 23 (midnight is 00:00 of the next day)", at + match.start(4))
    if minute > 59:
        _refuse("minutes run from 00 to 59", at + match.start(5))
    if second > 59:
        _refuse("seconds run from 00 to 59; leap seconds are not supported", at + match.start(6))
    if match[8]:
        _check_offset(match, at)
    fraction = match[7] or ""
    first = day.replace(hour=hour, minute=minute, second=second, microsecond=int(fraction.ljust(6, "0")))
    last = first.replace(second=second if match[6] else 59, microsecond=int(fraction.ljust(6, "9")))
    return first, last


def _check_offset(match: re.Match[str], at: int) -> None:
    """Refuse an offset that no clock has: beyond 14 hours, or -00:00, which ISO 8601-1 rules out."""
    hours, minutes = int(match[9]), int(match[10] or 0)
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        _refuse("offsets run from -14:00 to +14:00", at + match.start(8))
    if match[8] == "-" and hours == minutes == 0:
        _refuse("a zero offset is written +00:00 or Z", at + match.start(8))


def _item_bounds(text: str, at: int) -> _Bounds:
    """Bounds of one end of an interval or one member of a set, which stands at position `at` of the whole text."""
    if match := _DATE.fullmatch(text):
        return _date_bounds(match, at)
    if match := _TIME.fullmatch(text):
        return _time_bounds(match, at)
    _explain(text, at)


def _ordered_bounds(a: str, b: str, a_at: int, b_at: int) -> _Bounds:
    """Bounds from the start of `a` to the end of `b`; refused only where b is certainly over before a begins."""
    first, last = _item_bounds(a, a_at)[0], _item_bounds(b, b_at)[1]
    if first is not None and last is not None and first > last:
        _refuse("the end lies before the beginning", b_at)
    return first, last


def _interval_bounds(text: str) -> _Bounds:
    """Bounds of `a/b`, where `..` is an open end and an empty end is an unknown one."""
    a, _, b = text.partition("/")
    b_at = len(a) + 1
    if "/" in b:
        _refuse("an interval has two ends", b_at + b.index("/"))
    a_open, b_open = a in ("", ".."), b in ("", "..")
    if a_open and b_open:
        _refuse("an interval needs at least one known end", 0)
    if a_open:
        return None, _item_bounds(b, b_at)[1]
    if b_open:
        return _item_bounds(a, 0)[0], None
    return _ordered_bounds(a, b, 0, b_at)


def _set_bounds(text: str) -> _Bounds:
    """Bounds of `[...]` or `{...}`: from the smallest to the largest of the members, whatever their order."""
    close = "]" if text[0] == "[" else "}"
    if text[-1] != close:
        _refuse(f"a set that opens with {text[0]} must end with {close}", len(text))
    members = text[1:-1].split(",")
    bounds: list[_Bounds] = []
    at = 1
    for index, member in enumerate(members):
        bounds.append(_member_bounds(member, at, index == 0, index == len(members) - 1))
        at += len(member) + 1
    firsts = [first for first, _ in bounds if first is not None]
    lasts = [last for _, last in bounds if last is not None]
    return (
        min(firsts) if len(firsts) == len(bounds) else None,
        max(lasts) if len(lasts) == len(bounds) else None,
    )


def _member_bounds(member: str, at: int, is_first: bool, is_last: bool) -> _Bounds:
    """Bounds of one member of a set: a date, `a..b`, or at the outer ends of the set `..b` or `a..`."""
    a, dots, b = member.partition("..")
    if not dots:
        return _item_bounds(member, at)
    b_at = at + len(a) + 2
    if a and b:
        return _ordered_bounds(a, b, at, b_at)
    if b and is_first:
        return None, _item_bounds(b, b_at)[1]
    if a and is_last:
        return _item_bounds(a, at)[0], None
    _refuse("a set is open only before its first or after its last date", at + len(a))
