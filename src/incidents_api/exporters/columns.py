"""The tables that every file format writes: their columns, derived from the catalogue, and the rows of a record.

Order and names are stable: a new field of the catalogue adds a column at its place, a new measure a block of three.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from incidents_api.model import fields as catalogue
from incidents_api.model import vocabulary
from incidents_api.model.claims import DIMS
from incidents_api.model.field import Field
from incidents_api.model.figures import figures as figures_of
from incidents_api.model.kinds import BY_PLURAL, KINDS, Kind
from incidents_api.model.places import main_place
from incidents_api.model.wire import Record

Levels = tuple[int | None, int | None, int | None]
"""Low, best and high of one measure; None where nobody knows."""
Figures = Callable[[Record], Mapping[str, Levels]]
"""Gives the figure of every measure that an incident speaks of."""
Row = Sequence[Any]
"""One value per column: text, int, float, bool or None; a list of texts for a column of many values."""
Pages = Iterable[Iterable[Record]]
"""Records in the order of the file, a page at a time; each page is asked for when the one before it is written."""
Target = Path | IO[bytes]
"""Where a file goes: a path, or something open for writing that can seek."""

TYPES = ("text", "integer", "number", "day", "instant", "flag")
"""day: ISO 8601 date; instant: RFC 3339 in UTC; flag: true or false. Codes and ids are text."""
SEPARATOR = "; "
"""Joins the values of a column of many values in formats whose cells hold one text."""
NO_LEVELS: Levels = (None, None, None)
_LEVELS = {
    "low": "smallest figure claimed",
    "best": "figure to use, null where the claims allow no choice",
    "high": "largest figure claimed, null where open upwards",
}


class MissingExtra(ImportError):
    """A format needs a package that is not installed; the text says how to install it."""


def optional(module: str, extra: str) -> Any:
    """A module that only the extra brings; MissingExtra, which names the extra, when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{extra} files need the package {module}: pip install 'incidents-api[{extra}]'", name=module
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table. `type` is one of TYPES, of each value where there are `many`.

    `codes` names the list of the vocabulary that the values are taken from. `plain`: they are ids or codes, so that
    nothing in them needs to be guarded.
    """

    name: str
    type: str
    meaning: str
    many: bool = False
    codes: str | None = None
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table to write: its columns, and how one record becomes rows of it (one, or one per claim).

    `key` names the columns that tell its rows apart.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    rows: Callable[[Record], Iterable[Row]]
    key: tuple[str, ...] = ("id",)

    def at(self, name: str) -> int:
        """The place of a column; ValueError when there is none of that name."""
        for place, column in enumerate(self.columns):
            if column.name == name:
                return place
        raise ValueError(f"the table {self.name} has no column {name}")


@dataclass(frozen=True, slots=True)
class About:
    """What a file says of itself, in the formats that have room for it.

    `edition` is {seq, hash, recorded_at}: what to cite. `licence` is {name, title, path}, as far as known.
    """

    title: str = "Incidents"
    edition: Mapping[str, Any] = field(default_factory=dict)
    licence: Mapping[str, str] = field(default_factory=dict)


def _text(name: str, path: str, meaning: str, **more: Any) -> Field:
    return Field(name=name, type="text", path=path, meaning=meaning, **more)


_MORE: Mapping[str, tuple[Field, ...]] = {
    "incident": (
        _text(
            "location_name",
            "locations.name",
            "Name, as reported, of the place where it took place.",
            read=lambda record: main_place(record).get("name"),
        ),
        _text("actor_name", "actors.name", "Names, as reported, of those who take part.", many=True),
        _text("summary", "summary", "What happened, in the words of the coder."),
    ),
    "actor": (
        _text("alias", "aliases.name", "Other names.", many=True),
        _text("description", "description", "What is known of it."),
    ),
    "location": (_text("alias", "aliases", "Other names.", many=True),),
    "source": (
        _text("author", "author", "Who wrote it."),
        _text("licence", "licence", "Terms under which it was published."),
        _text("note", "note", "Remarks of the reader."),
    ),
    "statistic": (
        _text("title", "title", "Title in the words of the coder."),
        _text("note", "note", "Remarks of the coder."),
        *(
            Field(name=level, type="integer", path=f"tally.{level}", meaning=f"{meaning.capitalize()}.")
            for level, meaning in _LEVELS.items()
        ),
    ),
}
"""What a reader of a file wants beside the catalogue; a name that the catalogue comes to hold is taken from there."""
_REPLACED = frozenset({"date", "known_as"})
"""Keys for sorting and searching; what they are made of has columns of its own (date_edtf, name, alias)."""


def _edtf(one: Field, kind: Kind) -> Field:
    """The date as written, which stands where the catalogue has the sort key of the date."""
    path = f"{kind.dated}.edtf"
    return Field(name="date_edtf", type="text", path=path, meaning=f"{one.meaning.partition(';')[0]}, as EDTF.")


def _fields(kind: Kind) -> tuple[Field, ...]:
    """Every field of a kind that has a column: envelope, catalogue, more."""
    blocks = {column.name for column in _figure_columns(kind)}
    own = [
        _edtf(one, kind) if one.name == "date" and kind.dated else one
        for one in kind.own_fields
        if not one.internal and one.name not in blocks and (one.name not in _REPLACED or one.name == "date")
    ]
    taken = {one.name for one in own}
    return (*catalogue.ENVELOPE, *own, *(one for one in _MORE[kind.name] if one.name not in taken))


def _column(one: Field) -> Column:
    joined = " Sorted; several are joined by a semicolon and a space where a cell holds one text." if one.many else ""
    return Column(
        name=one.name,
        type=one.type if one.type in TYPES else "text",
        meaning=one.meaning + joined,
        many=one.many,
        codes=one.codes,
        plain=_is_plain(one),
    )


def _is_plain(one: Field) -> bool:
    return one.codes is not None or one.type in ("id", "country", "admin1")


def _figure_columns(kind: Kind) -> tuple[Column, ...]:
    """Three columns per measure, in the order of the vocabulary, for the kind that has tallies."""
    if "tallies" not in kind.derived:
        return ()
    return tuple(
        Column(name=f"{code.code}_{level}", type="integer", meaning=f"{code.label}: {meaning}.")
        for code in vocabulary.LISTS["measure"].codes.values()
        for level, meaning in _LEVELS.items()
    )


def columns(kind: Kind) -> tuple[Column, ...]:
    """The columns of a kind's table: the envelope, the catalogue, texts beside it, then a block per measure."""
    return (*(_column(one) for one in _fields(kind)), *_figure_columns(kind))


def kind_table(kind: Kind, figures: Figures = figures_of) -> Table:
    """The table of a kind: one row per record. `figures` fills the blocks of the measures."""
    values = [one.value for one in _fields(kind)]
    measures = vocabulary.codes("measure") if _figure_columns(kind) else ()
    places = {measure: len(values) + 3 * n for n, measure in enumerate(measures)}
    unknown = NO_LEVELS * len(measures)

    def rows(record: Record) -> list[Row]:
        row = [value(record) for value in values]
        if measures:
            row += unknown
            for measure, levels in figures(record).items():
                row[places[measure] : places[measure] + 3] = levels
        return [row]

    return Table(kind.plural, kind.meaning, columns(kind), rows)


# --- Claims --------------------------------------------------------------------------------------------------------

_OF_INCIDENT = {
    "incident_id": "id",
    "incident_title": "title",
    "incident_type": "type",
    "date_edtf": "date_edtf",
    "earliest": "earliest",
    "latest": "latest",
    "country": "country",
    "admin1": "admin1",
}
"""Columns of a claim that tell of its incident, and the column of the incidents that they repeat."""
_INCIDENT_FIELDS = {one.name: one for one in _fields(KINDS["incident"])}


def _code(name: str, path: str, meaning: str) -> Field:
    codes = name if name in vocabulary.LISTS else None
    return Field(name=name, type="text", path=path, meaning=meaning, codes=codes)


def _whole(name: str, path: str, meaning: str) -> Field:
    return Field(name=name, type="integer", path=path, meaning=meaning)


_CLAIM_FIELDS: tuple[Field, ...] = (
    _text("claim_id", "id", "Id of the claim within its incident."),
    _code("measure", "measure", "What is counted."),
    _code("population", "population", "Of whom."),
    *(
        _code(dim, f"dims.{dim}", f"By {dim.replace('_', ' ')}: the part that is meant; null: all of it.")
        for dim in DIMS
    ),
    _whole("value", "value", "The figure stated, where it is one number."),
    _whole("low", "low", "Lower bound, where one is stated."),
    _whole("high", "high", "Upper bound, where one is stated."),
    _code("qualifier", "qualifier", "How the figure is meant."),
    _text("verbatim", "verbatim", "The word for a number that stands in the source, such as dozens."),
    _text("unit", "unit", "What is counted when it is not persons."),
    _text("attributed_to", "attributed_to", "Whom the source names for the figure."),
    _text("as_of", "as_of", "When the figure stood so, as EDTF."),
    Field(name="in_headline", type="flag", path="in_headline", meaning="Whether it stands in the headline."),
    Field(name="source_id", type="id", path="source_id", meaning="Source that states it."),
    _text("quote", "quote.text", "Words of the source that hold the figure."),
    _whole("quote_start", "quote.start", "Where they begin in its text, in Unicode code points from 0."),
    _whole("quote_end", "quote.end", "Where they end, exclusive."),
    _text("note", "note", "Remarks of the coder."),
)

CLAIM_COLUMNS: tuple[Column, ...] = (
    *(
        Column(
            name=name,
            type=(of := _column(_INCIDENT_FIELDS[repeated])).type,
            meaning=f"Of the incident: {of.meaning}",
            codes=of.codes,
            plain=of.plain,
        )
        for name, repeated in _OF_INCIDENT.items()
    ),
    *(_column(one) for one in _CLAIM_FIELDS),
)
"""The claims as one long table: what is needed of the incident, then the claim."""
_INCIDENT_VALUES = [_INCIDENT_FIELDS[name].value for name in _OF_INCIDENT.values()]
_CLAIM_VALUES = [one.value for one in _CLAIM_FIELDS]


def claim_rows(record: Record) -> list[Row]:
    """One row for each claim of an incident, in the order of the record."""
    told = [value(record) for value in _INCIDENT_VALUES]
    return [[*told, *[value(claim) for value in _CLAIM_VALUES]] for claim in record["claims"]]


CLAIMS = Table(
    "claims",
    "One figure for one measure in one incident, by one source, with the quoted words.",
    CLAIM_COLUMNS,
    claim_rows,
    ("incident_id", "claim_id"),
)


def table(name: str, figures: Figures = figures_of) -> Table:
    """The table of a plural (`incidents`, `actors` ...) or of `claims`; KeyError for any other name."""
    return CLAIMS if name == CLAIMS.name else kind_table(BY_PLURAL[name], figures)
