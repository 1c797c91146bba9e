"""Claims and tallies: one figure by one source with its words, and the low, best and high that claims add up to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from incidents_api.model import dates, vocabulary
from incidents_api.model.wire import NOTHING, ClaimId, Count, Edtf, Id, InList, Line, QuoteForm, Record, Report

DIMS = ("sex", "age_group", "nationality", "victim_category", "combat_status", "exploitation")
"""What a claim can be broken down by; a claim with dims breaks a figure down and never adds to it."""


class Dims(Report):
    """The part of the population that a claim speaks of; nationality is ISO 3166-1 alpha-2 or the region's name."""

    sex: Annotated[str, InList("sex")] | None = None
    age_group: Annotated[str, InList("age_group")] | None = None
    nationality: Annotated[str, Field(min_length=2, max_length=80, pattern=r"\S")] | None = None
    victim_category: Annotated[str, InList("victim_category")] | None = None
    combat_status: Annotated[str, InList("combat_status")] | None = None
    exploitation: Annotated[str, InList("exploitation")] | None = None


class ClaimLink(Report):
    """How a claim stands to another one of the same incident, or of `incident` (an id or `scheme:value`)."""

    type: Annotated[str, InList("claim_link")]
    claim: ClaimId
    incident_id: Id | None = None
    incident: Line | None = None


class Figure(Report):
    """One figure as a source states it: a value or bounds, how it is meant, and the words."""

    id: ClaimId | None = None
    value: Count | None = None
    low: Count | None = None
    high: Count | None = None
    qualifier: Annotated[str, InList("qualifier")] = "exact"
    verbatim: Line | None = None
    unit: Annotated[str, Field(min_length=1, max_length=80, pattern=r"\S")] | None = None
    attributed_to: Line | None = None
    as_of: Edtf | None = None
    in_headline: bool = False
    source_id: Id | None = None
    quote: QuoteForm | None = None
    note: Line | None = None
    links: Annotated[list[ClaimLink], Field(max_length=20)] = NOTHING

    @model_validator(mode="after")
    def _consistent(self) -> "Figure":
        low, value, high = bounds(self.qualifier, self.value, self.low, self.high, self.verbatim)
        if low is not None and high is not None and low > high:
            raise _wrong("low must not be above high")
        if value is not None and ((low is not None and low > value) or (high is not None and high < value)):
            raise _wrong("value must lie between low and high")
        stated = [number for number in (low, value, high) if number is not None]
        if self.qualifier == "not_stated" and stated:
            raise _wrong("not_stated takes no figure")
        if self.qualifier == "explicit_zero" and value != 0:
            raise _wrong("explicit_zero takes value 0")
        if self.qualifier == "range" and (low is None or high is None):
            raise _wrong("range takes low and high")
        if self.qualifier == "unit_count" and self.unit is None:
            raise _wrong("unit_count takes a unit, such as battalion")
        if self.qualifier != "not_stated" and not stated:
            raise _wrong("a figure is missing: value, low or high (unknown is qualifier not_stated)")
        if 0 in (value, high) and self.quote is None:
            raise _wrong("a zero needs the quoted words that say so; unknown is null, never 0")
        return self


class ClaimReport(Figure):
    """One figure for one measure of one population in an incident."""

    measure: Annotated[str, InList("measure")]
    population: Annotated[str, InList("population")]
    dims: Dims = Dims()


def _wrong(detail: str) -> PydanticCustomError:
    return PydanticCustomError("figure", "{detail}", {"detail": detail})


_ONE_SIDED = {"at_least": "low", "more_than": "low", "at_most": "high", "less_than": "high", "vague": "low"}


def bounds(
    qualifier: str, value: int | None, low: int | None, high: int | None, verbatim: str | None = None
) -> tuple[int | None, int | None, int | None]:
    """(low, value, high) as stored: "at least 5" is low 5 without a value, a known word of quantity gives its low.

    Unknown stays None: a bound that nobody stated is not made up.
    """
    side = _ONE_SIDED.get(qualifier)
    if side == "low":
        low = low if low is not None else value
        if low is None and qualifier == "vague" and verbatim is not None:
            low = vocabulary.VAGUE_WORDS.get(verbatim.strip().lower())
        value = None
    elif side == "high":
        high, value = high if high is not None else value, None
    return low, value, high


def stored_figure(report: Figure) -> dict[str, Any]:
    """The claim as it stands in the record, apart from links, source and quote, which `resolve` fills in."""
    low, value, high = bounds(report.qualifier, report.value, report.low, report.high, report.verbatim)
    figure: dict[str, Any] = {
        "id": report.id,
        "value": value,
        "low": low,
        "high": high,
        "qualifier": report.qualifier,
        "verbatim": report.verbatim,
        "unit": report.unit,
        "attributed_to": report.attributed_to,
        "as_of": report.as_of,
        "in_headline": report.in_headline,
        "note": report.note,
        "links": [],
    }
    if isinstance(report, ClaimReport):
        figure |= {
            "measure": report.measure,
            "population": report.population,
            "dims": {dim: value for dim in DIMS if (value := getattr(report.dims, dim)) is not None},
        }
    return figure


def number_claims(claims: Sequence[dict[str, Any]]) -> None:
    """Give every claim without an id the next free `cN` of its record, in place."""
    taken = {claim["id"] for claim in claims if claim["id"]}
    number = 0
    for claim in claims:
        if claim["id"] is None:
            number += 1
            while f"c{number}" in taken:
                number += 1
            claim["id"] = f"c{number}"


@dataclass(frozen=True, slots=True)
class Tally:
    """Low, best and high of claims about the same thing; `claims` are the ids that were counted.

    `contested`: no figure satisfies all of them. `flags`: `breakdown_differs` when a complete-looking breakdown does
    not add up to the whole.
    """

    low: int | None
    best: int | None
    high: int | None
    contested: bool
    claims: tuple[str, ...]
    flags: tuple[str, ...] = ()

    def wire(self) -> dict[str, Any]:
        """The members of a tally in a record."""
        return {
            "low": self.low,
            "best": self.best,
            "high": self.high,
            "contested": self.contested,
            "claims": list(self.claims),
            "flags": list(self.flags),
        }


def tally(claims: Iterable[Record], chosen: Iterable[str] = ()) -> Tally | None:
    """The tally of claims about the same thing (same measure, population and dims); None when nothing is countable.

    Rules (DESIGN.md section 3): low is the smallest and high the largest figure; restatements, superseded figures,
    addends and unit counts do not take part; "an additional 300" adds to the other figure of its source. Best is a
    reviewer's choice (`chosen` claim ids); then an attributed statement in the body over a headline; then the later
    `as_of` of the same source; then the figure with more independent sources; else None. High is None where a claim
    is open upwards beyond every stated high.
    """
    everything = list(claims)
    stated = _countable(everything)
    counted = _with_additions(stated)
    if not counted:
        return None
    lows = [claim["low"] for claim in counted if claim["low"] is not None]
    highs = [claim["high"] for claim in counted if claim["high"] is not None]
    values = [claim["value"] for claim in counted if claim["value"] is not None]
    low = min(lows + values, default=None)
    high = max(highs + values, default=None)
    floors = [low for low in (_floor(claim) for claim in counted) if low is not None]
    ceilings = [ceiling for ceiling in (_ceiling(claim) for claim in counted) if ceiling is not None]
    contested = bool(floors and ceilings and max(floors) > min(ceilings)) or _in_conflict(counted)
    if high is not None and any(_ceiling(claim) is None and (claim["low"] or 0) > high for claim in counted):
        high = None
    best = _best([claim for claim in counted if claim["value"] is not None], frozenset(chosen))
    added = [claim["id"] for claim in stated if claim["qualifier"] == "additional"]
    ids = [claim["id"] for claim in counted]
    return Tally(low, best, high, contested, (*ids, *(one for one in added if one not in ids)))


def _floor(claim: Record) -> int | None:
    value: int | None = claim["low"] if claim["low"] is not None else claim["value"]
    return value


def _ceiling(claim: Record) -> int | None:
    value: int | None = claim["high"] if claim["high"] is not None else claim["value"]
    return value


def _countable(claims: Sequence[Record]) -> list[Record]:
    """Claims that state a figure of persons of their own: no restatement, no addend, nothing that was updated."""
    stating = [claim for claim in claims if claim["qualifier"] not in ("unit_count", "not_stated")]
    if not any(claim["links"] for claim in claims):
        return stating
    own = {claim["id"] for claim in claims}
    updated = {
        link["claim"]
        for claim in claims
        for link in claim["links"]
        if link["type"] == "updates" and link["incident_id"] is None
    }
    dependent = {"restates", "part_of", "breakdown_of"}
    return [
        claim
        for claim in stating
        if claim["id"] not in updated
        and not any(
            link["type"] in dependent and link["incident_id"] is None and link["claim"] in own
            for link in claim["links"]
        )
    ]


def _with_additions(claims: list[Record]) -> Sequence[Record]:
    """Claims with every `additional` figure added to the base figure of its source, or standing as "at least"."""
    if all(claim["qualifier"] != "additional" for claim in claims):
        return claims
    bases = [dict(claim) for claim in claims if claim["qualifier"] != "additional"]
    for extra in (claim for claim in claims if claim["qualifier"] == "additional"):
        same = [base for base in bases if base["source_id"] == extra["source_id"]]
        base = max(same, key=lambda base: (_ceiling(base) or _floor(base) or 0, base["id"]), default=None)
        if base is None:
            bases.append(dict(extra) | {"low": _floor(extra), "value": None, "high": None})
            continue
        base["low"] = _sum(_floor(base), _floor(extra)) if base["low"] is not None or extra["low"] is not None else None
        base["high"] = (
            _sum(_ceiling(base), _ceiling(extra)) if base["high"] is not None or extra["high"] is not None else None
        )
        base["value"] = _sum(base["value"], extra["value"])
    return bases


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _in_conflict(counted: Sequence[Record]) -> bool:
    ids = {claim["id"] for claim in counted}
    return any(
        link["type"] == "conflicts_with" and link["incident_id"] is None and link["claim"] in ids
        for claim in counted
        for link in claim["links"]
    )


def _moment(claim: Record) -> str:
    """The last day for which a claim may speak; empty when it says none."""
    if not claim["as_of"]:
        return ""
    span = dates.parse(claim["as_of"])
    return span.latest or span.earliest or ""


def _best(stated: list[Record], chosen: frozenset[str]) -> int | None:
    if len(stated) == 1:
        return int(stated[0]["value"])
    reviewed = {claim["value"] for claim in stated if claim["id"] in chosen}
    if len(reviewed) == 1:
        return int(reviewed.pop())
    if any(claim["attributed_to"] and not claim["in_headline"] for claim in stated):
        stated = [claim for claim in stated if not claim["in_headline"]]
    latest: dict[str | None, str] = {}
    for claim in stated:
        if claim["as_of"]:
            latest[claim["source_id"]] = max(latest.get(claim["source_id"], ""), _moment(claim))
    stated = [claim for claim in stated if _moment(claim) == latest.get(claim["source_id"], "")]
    sources: dict[int, set[str | None]] = {}
    for claim in stated:
        sources.setdefault(claim["value"], set()).add(claim["source_id"])
    ranked = sorted(sources, key=lambda value: len(sources[value]), reverse=True)
    if not ranked or (len(ranked) > 1 and len(sources[ranked[0]]) == len(sources[ranked[1]])):
        return None
    return ranked[0]


def tallies(claims: Sequence[Record], chosen: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The tallies of a record, one for each measure, population and dims that its claims speak of, in claim order."""
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Record]] = {}
    for claim in claims:
        key = (claim["measure"], claim["population"], tuple(sorted(claim["dims"].items())))
        groups.setdefault(key, []).append(claim)
    chosen = frozenset(chosen)
    found = {key: tally(group, chosen) for key, group in groups.items()}
    answer = []
    for (measure, population, dims), result in found.items():
        if result is None:
            continue
        flags = [] if dims or not _breakdown_differs(measure, population, result, found) else ["breakdown_differs"]
        described = {"measure": measure, "population": population, "dims": dict(dims)}
        answer.append(described | result.wire() | {"flags": flags})
    return answer


def _breakdown_differs(
    measure: str,
    population: str,
    whole: Tally,
    found: Mapping[tuple[str, str, tuple[tuple[str, str], ...]], Tally | None],
) -> bool:
    """Whether the figures of a breakdown by one dim sum to more than the whole, or, with two rows or more, to less."""
    broken_down: dict[str, list[Tally]] = {}
    for (of_measure, of_population, dims), part in found.items():
        if len(dims) == 1 and part and (of_measure, of_population) == (measure, population):
            broken_down.setdefault(dims[0][0], []).append(part)
    for rows in broken_down.values():
        figures = [part.best for part in rows if part.best is not None]
        if whole.best is None or len(figures) < len(rows):
            continue
        if sum(figures) > whole.best or (len(rows) > 1 and sum(figures) < whole.best):
            return True
    return False
