"""The catalogue: the one list of fields from which columns, parameters, OpenAPI texts and the codebook come.

Adding a field is one line here, its member in the report, and a migration; `incidents rebuild` fills the column.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from incidents_api.model import vocabulary
from incidents_api.model.dates import BEGINNING
from incidents_api.model.field import Field, folds, in_order
from incidents_api.model.places import direction, main_place, square, strip
from incidents_api.model.wire import Record
from incidents_api.model.words import name_key

_CITES_NOTHING = frozenset({"raw", "tallies"})  # what a foreign file said, and what follows from the claims


def sources_of(record: Any) -> list[str]:
    """Every source id that a record cites, in claims and in evidence."""
    found: list[str] = []
    left = [record]
    # A loop, and exact types: JSON knows no others, and this runs through every member of every record exported.
    for at in left:
        if type(at) is list:
            left += at
        elif type(at) is dict:
            if type(source := at.get("source_id")) is str:
                found.append(source)
            left += [
                value
                for name, value in at.items()
                if (type(value) is dict or type(value) is list) and value and name not in _CITES_NOTHING
            ]
    return found


def _external_ids(record: Record) -> list[str]:
    """Its own, and those of records merged into it: they name it now."""
    told = (record["external_ids"], *(one["external_ids"] for one in record.get("merged", ())))
    return [f"{scheme}:{value}" for ids in told for scheme, value in ids.items()]


def _merged(record: Record) -> Iterator[str | None]:
    for one in record.get("merged", ()):
        yield from (one["id"], one.get("url"), one.get("fingerprint"))


def _linked(record: Record) -> Iterator[str | None]:
    return (link["incident_id"] for claim in record["claims"] for link in claim["links"])


def _measures(record: Record) -> Iterator[str]:
    """Every measure claimed and what it is a kind of, so that `measure=freed` finds the rescued."""
    measures = vocabulary.LISTS["measure"].codes
    for claim in record["claims"]:
        measure: str | None = claim["measure"]
        while measure is not None:
            yield measure
            measure = measures[measure].parent


def _names(record: Record) -> Iterator[str]:
    for alias in [record["name"], *record["aliases"]]:
        yield name_key(alias["name"] if isinstance(alias, dict) else alias)


KNOWN_AS = Field(
    name="known_as",
    type="text",
    path="aliases",
    read=_names,
    many=True,
    meaning="Every name and alias, folded: no accents, no capitals, no punctuation.",
)
EXTERNAL_ID = Field(
    name="external_id",
    type="text",
    path="external_ids",
    read=_external_ids,
    many=True,
    filter="term",
    meaning="Id of the record in another system, as scheme:value.",
)
SOURCE = Field(
    name="source",
    type="id",
    path="source_id",
    read=sources_of,
    many=True,
    filter="source",
    meaning="Source cited by any claim or evidence: its id, address or scheme:value.",
)
MERGED = Field(
    name="merged",
    type="text",
    path="merged",
    read=_merged,
    many=True,
    internal=True,
    meaning="Ids of the records merged into this one; of sources also their addresses and fingerprints.",
)


def _dates(member: str, what: str) -> tuple[Field, ...]:
    """The columns of a dated kind; `date` is the key of its sort: earliest day, else latest, else empty."""

    def key(record: Record) -> str:
        date = record[member] or {}
        return str(date.get("earliest") or date.get("latest") or "")

    def bound(name: str, unbounded: str) -> Callable[[Record], str | None]:
        def read(record: Record) -> str | None:
            date = record[member] or {}
            return (date[name] or unbounded) if date.get("edtf") else None

        return read

    def bucket(length: int) -> Callable[[Record], str | None]:
        def read(record: Record) -> str | None:
            date = record[member] or {}
            first, last = str(date.get("earliest") or "")[:length], str(date.get("latest") or "-")[:length]
            return first if first == last else None

        return read

    return (
        Field(name="date", type="day", path=member, read=key, sort=True, meaning=f"When {what}; unknown sorts lowest."),
        *(
            Field(
                name=end,
                type="day",
                path=f"{member}.{end}",
                group=True,
                meaning=f"{ordinal} day on which {what}, if known.",
            )
            for end, ordinal in (("earliest", "First"), ("latest", "Last"))
        ),
        Field(
            name="date_kind",
            type="code",
            codes="date_kind",
            path=f"{member}.kind",
            group=True,
            meaning="Whether the date is one moment within bounds, a span that lasted, or unknown.",
        ),
        Field(
            name="date_precision",
            type="code",
            codes="date_precision",
            path=f"{member}.precision",
            group=True,
            meaning="How exactly the date is known.",
        ),
        *(
            Field(
                name=name,
                type="text",
                path=f"{member}.edtf",
                read=bucket(length),
                group=True,
                meaning=f"{told} in which {what}; null when it is known too coarsely to say.",
            )
            for name, length, told in (("year", 4, "Year"), ("month", 7, "Month (YYYY-MM)"))
        ),
        Field(
            name="span_start",
            type="day",
            path=f"{member}.earliest",
            read=bound("earliest", BEGINNING),
            internal=True,
            meaning="Earliest day, with an open beginning as 0001-01-01; null when undated.",
        ),
        Field(
            name="span_end",
            type="day",
            path=f"{member}.latest",
            read=bound("latest", "9999-12-31"),
            internal=True,
            meaning="Latest day, with an open end as 9999-12-31; null when undated.",
        ),
    )


def _of_point(name: str, type: str, told: Callable[[float, float, str | None], Any], meaning: str) -> Field:
    """What queries use of longitude, latitude and precision of the point; null where there is none."""

    def read(record: Record) -> Any:
        place = main_place(record)
        lon, lat = place.get("lon"), place.get("lat")
        return None if lon is None or lat is None else told(lon, lat, place.get("precision"))

    return Field(name=name, type=type, path="locations", read=read, internal=True, meaning=meaning)


def _main(name: str) -> Callable[[Record], Any]:
    return lambda record: main_place(record).get(name)


def _text(name: str, meaning: str, path: str | None = None, **more: Any) -> Field:
    return Field(name=name, type="text", path=path or name, meaning=meaning, **more)


def _unit(
    name: str, meaning: str, path: str | None = None, read: Callable[[Record], Any] | None = None
) -> tuple[Field, Field]:
    asked: dict[str, Any] = {"filter": "equals", "sort": True, "group": True}
    one = Field(name=name, type=name, path=path or name, meaning=meaning, read=read, **asked)
    return one, in_order(one)


def _optional_text(name: str, meaning: str, **more: Any) -> tuple[Field, ...]:
    """A text that lists are sorted by and some records do not have."""
    one = _text(name, meaning, sort=True, **more)
    return *folds(one), in_order(one)


def _code(name: str, codes: str, meaning: str, path: str | None = None, **more: Any) -> Field:
    given: dict[str, Any] = {"filter": "equals", "group": True} | more
    return Field(name=name, type="code", codes=codes, path=path or name, meaning=meaning, **given)


_COUNTRY = "ISO 3166-1 alpha-2 code of the country"
_RELATED = "Incident that it relates to, such as the whole of which it is a part: id or scheme:value."
_ADMIN1 = "ISO 3166-2 code of the first-order unit"

INCIDENT: tuple[Field, ...] = (
    _code("type", "incident_type", "What happened, in one word.", sort=True),
    _code("secondary_type", "incident_type", "What else happened.", "secondary_types", many=True, filter="term"),
    _code("stage", "stage", "How far it went."),
    _code("granularity", "granularity", "One incident, an operation with parts, a series, or a total for a period."),
    *_optional_text("title", "Title in the words of the coder."),
    *_dates("date", "it happened"),
    *_unit("country", f"{_COUNTRY} where it took place.", "locations.country", read=_main("country")),
    *_unit("admin1", f"{_ADMIN1} where it took place.", "locations.admin1", read=_main("admin1")),
    Field(
        name="location",
        type="id",
        path="locations.location_id",
        read=_main("location_id"),
        filter="location",
        group=True,
        meaning="Any location of the incident, with everything inside it: id, name, ISO code or scheme:value.",
    ),
    Field(name="lon", type="number", path="locations.lon", read=_main("lon"), meaning="Longitude, WGS 84 degrees."),
    Field(name="lat", type="number", path="locations.lat", read=_main("lat"), meaning="Latitude, WGS 84 degrees."),
    # The point as a direction from the middle of the earth: distances need no trigonometry in SQL.
    _of_point("x", "number", lambda lon, lat, _: direction(lon, lat)[0], "Axis x."),
    _of_point("y", "number", lambda lon, lat, _: direction(lon, lat)[1], "Axis y."),
    _of_point("z", "number", lambda lon, lat, _: direction(lon, lat)[2], "Axis z."),
    _of_point("strip", "integer", lambda lon, _, precision: strip(lon, precision), "Strip of the map that it is in."),
    _of_point("square", "integer", square, "Square of the map that it is in."),
    _code(
        "precision",
        "location_precision",
        "How exactly the place is known.",
        "locations.precision",
        read=_main("precision"),
        filter=None,
    ),
    Field(
        name="actor",
        type="id",
        path="actors.actor_id",
        many=True,
        kept=False,
        filter="actor",
        group=True,
        meaning="Who takes part, with their factions: id, name or scheme:value.",
    ),
    _code(
        "role",
        "actor_role",
        "Role of a participation (of the `actor` asked for, if any).",
        "actors.role",
        many=True,
        kept=False,
        filter="participation",
    ),
    _code(
        "attribution",
        "attribution",
        "How sure a participation is (of the `actor` asked for, if any).",
        "actors.attribution",
        many=True,
        kept=False,
        filter="participation",
    ),
    _code(
        "measure",
        "measure",
        "Measure that a claim speaks of, or a kind of it.",
        "claims.measure",
        read=_measures,
        many=True,
        filter="term",
        group=False,
    ),
    _code("status", "review_status", "Where the record stands in review.", "review.status"),
    _text("tag", "Free label.", "tags", many=True, filter="term", group=True),
    Field(name="related_to", type="id", path="relations.incident_id", many=True, filter="related", meaning=_RELATED),
    SOURCE,
    _code("sensitivity", "sensitivity", "Who may see the record.", filter=None, group=False),
    Field(
        name="linked",
        type="id",
        path="claims.links.incident_id",
        read=_linked,
        many=True,
        internal=True,
        meaning="Incidents to whose claims a claim is linked.",
    ),
    MERGED,
    Field(
        name="hold_until", type="instant", path="hold_until", internal=True, meaning="Closed to the public until then."
    ),
    EXTERNAL_ID,
)

ACTOR: tuple[Field, ...] = (
    *folds(_text("name", "Name or alias, accents and case aside.", filter="name", sort=True)),
    KNOWN_AS,
    _code("type", "actor_type", "What kind of actor.", sort=True),
    Field(
        name="identified", type="flag", path="identified", filter="equals", group=True, meaning="Whether it is named."
    ),
    *_unit("country", f"{_COUNTRY} it belongs to."),
    Field(name="parent", type="id", path="parent_id", filter="reference", meaning="Actor of which it is a faction."),
    SOURCE,
    MERGED,
    EXTERNAL_ID,
)

LOCATION: tuple[Field, ...] = (
    *folds(_text("name", "Name or alias, accents and case aside.", filter="name", sort=True)),
    KNOWN_AS,
    _code("kind", "location_kind", "What kind of location.", sort=True),
    *_unit("country", f"{_COUNTRY} it lies in."),
    *_unit("admin1", f"{_ADMIN1} it lies in."),
    Field(
        name="parent", type="id", path="parent_id", filter="reference", meaning="Location that contains it directly."
    ),
    Field(name="lon", type="number", path="lon", meaning="Longitude, WGS 84 degrees."),
    Field(name="lat", type="number", path="lat", meaning="Latitude, WGS 84 degrees."),
    _code("precision", "location_precision", "How exactly its point is meant.", filter=None),
    MERGED,
    EXTERNAL_ID,
)

SOURCE_FIELDS: tuple[Field, ...] = (
    _code("kind", "source_kind", "What kind of document.", sort=True),
    *_optional_text("title", "Title, where it has one."),
    *_optional_text("publisher", "Who published it.", filter="equals", group=True),
    _text("url", "Address.", filter="equals"),
    *_dates("published", "it was published"),
    _text("language", "BCP 47 language tag.", filter="equals", group=True),
    _code("assessment", "assessment", "What a reader found in it."),
    _code("reliability", "reliability", "How far the source can be relied on."),
    _text("fingerprint", "sha256 of its text.", filter="equals"),
    replace(SOURCE, filter=None, internal=True),
    MERGED,
    EXTERNAL_ID,
)

STATISTIC: tuple[Field, ...] = (
    _text("indicator", "What is counted.", filter="equals", sort=True, group=True),
    *_dates("period", "it was counted"),
    *_unit("country", f"{_COUNTRY} it speaks of.", "area.country"),
    *_unit("admin1", f"{_ADMIN1} it speaks of.", "area.admin1"),
    Field(
        name="location",
        type="id",
        path="area.location_id",
        filter="inside",
        meaning="Area, with everything inside it: id, name, ISO code or scheme:value.",
    ),
    SOURCE,
    MERGED,
    EXTERNAL_ID,
)

ENVELOPE: tuple[Field, ...] = (
    Field(name="id", type="id", path="id", meaning="Permanent id of the record (UUID)."),
    Field(name="version", type="integer", path="version", meaning="Number of the revision within the record."),
    Field(name="seq", type="integer", path="seq", meaning="Number of the revision across the whole log."),
    Field(
        name="recorded_at", type="instant", path="recorded_at", sort=True, meaning="When this revision was recorded."
    ),
    Field(name="recorded_by", type="text", path="recorded_by", meaning="Name of the key that recorded it."),
)
"""What every record carries beside its own members; given by the log."""
