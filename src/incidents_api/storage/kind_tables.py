"""The tables of the five kinds of record, made from the catalogue, with the indexes that lists are found by."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, PrimaryKeyConstraint, SmallInteger, Table

from incidents_api.model.field import Field
from incidents_api.model.kinds import KINDS, Kind
from incidents_api.storage.dialects import Text, current_index, few_index, index, partial_index

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

TYPES: dict[str, Any] = {
    "code": Text,
    "text": Text,
    "id": Text,
    "country": Text,
    "admin1": Text,
    "day": Text,
    "instant": Text,
    "integer": BigInteger,
    "number": Double,
    "flag": Boolean,
}


def seq_range() -> tuple[Column[int], Column[int | None]]:
    """From which seq on a row was true, and from which on no more (null: it is now)."""
    return Column("seq_from", BigInteger, nullable=False), Column("seq_to", BigInteger)


def kept_columns(kind: Kind) -> tuple[Field, ...]:
    """The fields of a kind that are columns of its table, the envelope apart."""
    return tuple(field for field in kind.own_fields if field.kept and not field.many)


def kept_terms(kind: Kind) -> tuple[Field, ...]:
    """The many-valued fields of a kind that are kept as terms."""
    return tuple(field for field in kind.own_fields if field.kept and field.many)


def ordered_by(table: Table, name: str) -> Column[Any]:
    """The column that a sort by a field reads: its own, or where it may be null the one that never is."""
    return table.c.get(f"{name}_order", table.c[name])


PUBLIC_ROW, FULL_ROW = 1, 2


def closing() -> tuple[Column[Any], ...]:
    """What parts the rows of incidents by audience (docs/decisions/0023-audiences.md).

    `audience`: null for both, nearly all rows; FULL_ROW: the public sees it only from the moment `turns` on, or never;
    PUBLIC_ROW: the public's own row, until `turns`. That row has an id of its own (`public_id`), with the rows of the
    other tables under the same, and carries the `document` that is served. `owner`: who made the incident.
    """
    return Column("audience", SmallInteger), Column("turns", Text), Column("document", Text), Column("owner", Text)


def _kind_table(kind: Kind) -> Table:
    table = Table(
        kind.name,
        metadata,
        Column("id", Text, nullable=False),
        *seq_range(),
        Column("version", Integer, nullable=False),
        Column("recorded_at", Text, nullable=False),
        *(Column(field.name, TYPES[field.type]) for field in kept_columns(kind)),
        *(closing() if kind.name == "incident" else ()),
        PrimaryKeyConstraint("id", "seq_from"),
        info={"holds": kind.meaning},
    )
    # One for each sort and each filter by a column; a filter is most often asked together with the order by date.
    wanted: set[tuple[str, ...]] = {(ordered_by(table, field.name).name, "id") for field in kind.fields if field.sort}
    by_date = ("date", "id") if kind.dated else ("id",)
    wanted |= {(field.name, *by_date) for field in kind.fields if field.filter in ("equals", "reference", "inside")}
    if kind.located:
        wanted.add(_BY_POINT if "strip" in table.c else ("lat", "lon"))
    whole = _WHOLE_PAGES if kind.name == "incident" else {}
    for names in sorted(wanted - whole.keys()):
        current_index(*(table.c[name] for name in names))
    for names, name in whole.items():
        columns = [table.c[one] for one in dict.fromkeys((*names, *_ALSO.get(name, ()), *_OF_PAGES))]
        partial_index(f"ix_incident_{name}", columns, table.c.seq_to.is_(None))
        if names in _OF_THE_PAST:
            partial_index(f"ix_incident_past_{name}", columns, table.c.seq_to.is_not(None))
    if kind.name == "incident":
        few_index(table.c.audience, table.c.turns, table.c.seq_from)
        few_index(table.c.turns)
    if kind.dated:
        now, dated = table.c.seq_to.is_(None), table.c.span_start.is_not(None)
        partial_index(f"ix_{kind.name}_undated", [table.c.id], table.c.span_start.is_(None), now)
        partial_index(f"ix_{kind.name}_open_start", [table.c.date, table.c.id], table.c.earliest.is_(None), dated, now)
    # The words of a search are kept by seq, and a common word is in very many incidents.
    if kind.name == "incident":
        columns = [table.c[one] for one in dict.fromkeys(("seq_from", *_ALSO["by_seq"], *_OF_PAGES))]
        index(*columns, name="ix_incident_by_seq")
    else:
        index(table.c.seq_from)
    few_index(table.c.seq_to)  # what is true no more, of which lists of the past want some
    return table


_BY_POINT = ("strip", "lat", "lon")
_WHOLE_PAGES: dict[tuple[str, ...], str] = {
    ("date", "id"): "by_date",
    ("country", "date", "id"): "by_country",
    ("country", "type", "date", "id"): "by_country_and_type",
    _BY_POINT: "by_point",
    ("square", "date", "id"): "by_square",
}
"""Orders in which incidents are mostly asked for. Their indexes hold all that finds a page, so no row is looked at that
is not on it."""
_ALSO = {
    "by_point": ("x", "y", "z"),
    "by_square": ("lat", "lon", "x", "y", "z"),
    "by_seq": ("country", "type"),
}
"""What more some of them hold: a circle is measured by directions, words are mostly looked for in a country."""
_OF_THE_PAST = (("date", "id"), ("country", "date", "id"))
"""Those of them in which what is true no more is looked for as well."""
_OF_PAGES = (
    *("precision", "span_end", "span_start", "status", "audience", "turns"),
    *("date", "id", "version", "seq_from", "seq_to"),
)


KIND_TABLES = {kind.name: _kind_table(kind) for kind in KINDS.values()}
