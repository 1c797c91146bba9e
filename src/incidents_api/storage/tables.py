"""Every table. The log and what stands beside it are the truth; query tables are projections of the log."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, PrimaryKeyConstraint, Table

from incidents_api.model.claims import DIMS
from incidents_api.model.figures import LEVELS
from incidents_api.storage.dialects import (
    IN_ORDER_OF_KEY,
    Place,
    Text,
    current_index,
    index,
    index_of_file,
    index_of_place,
    key_beside_place,
    partial_index,
)
from incidents_api.storage.kind_tables import (
    FULL_ROW,
    KIND_TABLES,
    PUBLIC_ROW,
    closing,
    kept_columns,
    kept_terms,
    metadata,
    ordered_by,
    seq_range,
)

__all__ = [
    "CHILD_TABLES",
    "FULL_ROW",
    "KIND_TABLES",
    "NO_POINT",
    "PERIOD_TOTAL",
    "POINT",
    "PROJECTIONS",
    "PUBLIC_ROW",
    "RANGED",
    "ROLLED",
    "SHARED",
    "SINGLY",
    "ancestry",
    "api_key",
    "claim",
    "entwined",
    "external_id",
    "figure",
    "head",
    "incident_location",
    "kept_columns",
    "kept_terms",
    "metadata",
    "ordered_by",
    "participation",
    "record",
    "refusal",
    "relation",
    "request",
    "revision",
    "rollup",
    "source_text",
    "term",
    "tree",
]

# --- The log -------------------------------------------------------------------------------------------------------

head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("projection", Text, nullable=False),
    Column("closing", BigInteger, nullable=False, server_default="0"),
    info={
        "holds": "One row: the head of the log, the catalogue that the query tables were built with, and the seq at "
        "which an incident that is closed, or was, was written last."
    },
)

revision = Table(
    "revision",
    metadata,
    Column("record_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("seq", Place(), nullable=False),
    Column("kind", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    Column("reason", Text),
    Column("record", Text),
    Column("salt", Text),
    Column("commitment", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    *key_beside_place("record_id", "version"),
    info={"holds": "The append-only log: every record as it stood after each change."},
)
# Unique in fact, by the lock on the head; a unique index without the record's id could not be sharded (ADR 0004).
index_of_place(revision.c.seq)
index(revision.c.recorded_at)

source_text = Table(
    "source_text",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("text", Text, nullable=False),
    info={"holds": "Texts of sources by the sha256 that the log carries; what quotes are checked against."},
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text),
    Column("revoked_at", Text),
    Column("last_used_at", Text),
    info={"holds": "Keys, as the sha256 of 256 random bits."},
)

request = Table(
    "request",
    metadata,
    Column("holder", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("status", Integer),
    Column("headers", Text),
    Column("body", Text),
    Column("digest", Text),
    Column("progress", Text),
    Column("runner", Text),
    Column("touched_at", Text),
    PrimaryKeyConstraint("holder", "key"),
    info={"holds": "Writes sent with an Idempotency-Key: what was answered, or how far a run of many lines has come."},
)
index(request.c.created_at)
index(request.c.run)

refusal = Table(
    "refusal",
    metadata,
    Column("run", Text, nullable=False),
    Column("line", BigInteger, nullable=False),
    Column("external_id", Text),
    Column("problem", Text, nullable=False),
    PrimaryKeyConstraint("run", "line"),
    info={"holds": "Lines that a run of many lines did not take, with their problems; kept as long as its answer."},
)

# --- Projections ---------------------------------------------------------------------------------------------------

record = Table(
    "record",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("ended", Text),
    Column("successor", Text),
    info={"holds": "Every record there ever was: its current version, and the reason when it was ended."},
)

external_id = Table(
    "external_id",
    metadata,
    *(Column(name, Text, nullable=False) for name in ("kind", "scheme", "value", "record_id")),
    PrimaryKeyConstraint("kind", "scheme", "value"),
    info={"holds": "Which record an external id names; held for ever, also when the record is ended."},
)
index(external_id.c.record_id)

incident_location = Table(
    "incident_location",
    metadata,
    Column("incident_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    *seq_range(),
    Column("location_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "n", "seq_from"),
    info={"holds": "Locations of incidents."},
)
current_index(incident_location.c.location_id, incident_location.c.incident_id)

participation = Table(
    "participation",
    metadata,
    Column("incident_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    *seq_range(),
    Column("actor_id", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("attribution", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "n", "seq_from"),
    info={"holds": "Actors of incidents, in a role and with an attribution."},
)
current_index(participation.c.actor_id, participation.c.incident_id)
current_index(participation.c.role, participation.c.incident_id)
current_index(participation.c.attribution, participation.c.incident_id)

claim = Table(
    "claim",
    metadata,
    Column("incident_id", Text, nullable=False),
    Column("claim_id", Text, nullable=False),
    *seq_range(),
    Column("measure", Text, nullable=False),
    Column("population", Text, nullable=False),
    *(Column(dim, Text) for dim in DIMS),
    *(Column(name, BigInteger) for name in ("value", "low", "high")),
    Column("qualifier", Text, nullable=False),
    Column("source_id", Text),
    Column("document", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "claim_id", "seq_from"),
    info={"holds": "Claims of incidents, each with its row of the long table as it is served."},
)
current_index(claim.c.source_id, claim.c.incident_id)
current_index(claim.c.measure, claim.c.incident_id)

SHARED = (
    "country_order",
    "span_end",
    "span_start",
    "status",
    "granularity",
    "type",
    "country",
    "admin1",
    "month",
    "year",
)
"""Columns of incidents that their figures repeat, so that totals read one index and no incident."""
POINT = ("precision", "lon", "lat")
"""More of them, for totals by cells of the map and the number of incidents that cannot be placed."""

figure = Table(
    "figure",
    metadata,
    Column("incident_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    *seq_range(),
    Column("measure", Text, nullable=False),
    Column("population", Text, nullable=False),
    *(Column(dim, Text) for dim in DIMS),
    Column("whole", Boolean, nullable=False),  # of all persons, not broken down
    *(Column(name, BigInteger) for name in LEVELS),
    Column("whole_id", Text),  # what the incident is a part of
    *(Column(name, Text) for name in SHARED),
    *(Column(name, Text if name == "precision" else Double) for name in POINT),
    *closing()[:2],
    PrimaryKeyConstraint("incident_id", "n", "seq_from"),
    info={"holds": "The figure of incidents at every node of the trees; an empty measure is for the incident itself."},
)
current_index(figure.c.incident_id, figure.c.measure, figure.c.whole)
current_index(figure.c.measure, figure.c.population, figure.c.incident_id)
current_index(figure.c.admin1, figure.c.measure, figure.c.span_end)


PERIOD_TOTAL = "period_total"
"""The granularity of incidents that are left out of totals unless they are asked for."""
_FIRST = ("country_order", "measure", "span_end")


def _totals_index(name: str, *some: Any, by: tuple[str, ...] = _FIRST, more: tuple[str, ...] = ()) -> None:
    """An index over whole figures that are true now, or some of them, with all that totals read of them."""
    own = (*SHARED, *more, "audience", "turns", *LEVELS, "whole", "seq_to")
    told = dict.fromkeys((*by, "country_order", "measure", *own))
    partial_index(name, [figure.c[one] for one in told], figure.c.seq_to.is_(None), figure.c.whole, *some)


_totals_index("ix_figure_totals", more=POINT)
_totals_index("ix_figure_period_totals", figure.c.granularity == sa.literal_column(f"'{PERIOD_TOTAL}'"))
_LOOSE = figure.c.month.is_(None)
_totals_index("ix_figure_by_day", sa.not_(_LOOSE), by=("month", "span_start", "country_order", "measure"))
_totals_index("ix_figure_loose", _LOOSE)
_totals_index("ix_figure_loose_by_year", _LOOSE, by=("year", "span_end", "country_order", "measure"))
_totals_index("ix_figure_closed", figure.c.audience.is_not(None), by=("audience", "turns", *_FIRST))
_totals_index("ix_figure_parts", figure.c.whole_id.is_not(None), by=("whole_id", "measure", "incident_id"))
_totals_index("ix_figure_itself", figure.c.measure == sa.literal_column("''"), by=(*POINT, "incident_id"))

relation = Table(
    "relation",
    metadata,
    Column("incident_id", Text, nullable=False),
    Column("n", Integer, nullable=False),
    *seq_range(),
    Column("type", Text, nullable=False),
    Column("other_id", Text, nullable=False),
    PrimaryKeyConstraint("incident_id", "n", "seq_from"),
    info={"holds": "How incidents stand to each other."},
)
current_index(relation.c.other_id, relation.c.type)

ROLLED = ("grain", "period", "country_order", "type", "granularity", "status")
"""What sums are kept by: a grain, and the period that it is of.

`year` and `month` are by all the rest, and so is `rest`: by year, what is too coarse for a month (of no period: what is
too coarse for a year). `years`, `months` and `rests`, which are fewer by far, are not by type, and of the granularity
they only tell period totals. Incidents alone are also counted by the precision of their place, which then stands for
the period: `point` by all the rest, `points` by status alone.
"""
NO_POINT = "-"
"""Begins the precision of a place that has no point."""

entwined = Table(
    "entwined",
    metadata,
    Column("incident_id", Text, primary_key=True),
    info={"holds": "Incidents of trees where a part has parts or several wholes, now or once; totals net them singly."},
)

tree = Table(
    "tree",
    metadata,
    Column("whole_id", Text, primary_key=True),
    *(Column(name, Text, nullable=False) for name in ("cell", "country_order", "granularity", "status", "taken")),
    *(Column(name, Text) for name in ("span_start", "span_end")),
    info={"holds": "Every whole, and what its parts take off it where the sums say so: in the cell, a month or year."},
)
SINGLY = "-"
"""The cell of a whole whose parts are taken off by each query."""
index(*(tree.c[name] for name in ("cell", "country_order", "span_end", "span_start", "whole_id")))

rollup = Table(
    "rollup",
    metadata,
    *(Column(name, Text, nullable=False) for name in ROLLED),
    Column("n", BigInteger, nullable=False),
    # As totals tell them, and as arrays, which add up quicker, with what parts take off them.
    *(Column(name, Text, nullable=False) for name in ("figures", "numbers")),
    PrimaryKeyConstraint("grain", "country_order", "period", *ROLLED[3:]),
    info={"holds": "Incidents that are for everybody, by country and year or month: how many, and sums by measure."},
    **IN_ORDER_OF_KEY,
)
index(*(rollup.c[name] for name in ROLLED[:3]))
_COARSE = [rollup.c[name] for name in (*ROLLED, "n", "numbers")]
index_of_file("ix_rollup_coarse", _COARSE, rollup.c.type == sa.literal_column("''"))

term = Table(
    "term",
    metadata,
    *(Column(name, Text, nullable=False) for name in ("record_id", "field", "value")),
    *seq_range(),
    Column("kind", Text, nullable=False),
    PrimaryKeyConstraint("record_id", "field", "value", "seq_from"),
    info={"holds": "Values of the fields that can have many, such as tags and names."},
)
current_index(term.c.kind, term.c.field, term.c.value, term.c.record_id)

ancestry = Table(
    "ancestry",
    metadata,
    Column("record_id", Text, nullable=False),
    Column("ancestor_id", Text, nullable=False),
    *seq_range(),
    Column("depth", Integer, nullable=False),
    PrimaryKeyConstraint("record_id", "ancestor_id", "seq_from"),
    info={"holds": "Every actor and location with itself (depth 0) and all it is a part of."},
)
current_index(ancestry.c.ancestor_id, ancestry.c.record_id)

CHILD_TABLES: dict[str, tuple[Table, ...]] = {
    "incident": (incident_location, participation, claim, figure, relation, term),
    "actor": (term,),
    "location": (term,),
    "source": (term,),
    "statistic": (term,),
}
"""The tables that hold rows of a record of each kind beside its own; their first column is the record's id."""

RANGED: tuple[Table, ...] = (
    *KIND_TABLES.values(),
    incident_location,
    participation,
    claim,
    figure,
    relation,
    term,
    ancestry,
)
"""Projections whose rows carry the range of seq for which they were true."""

PROJECTIONS: tuple[Table, ...] = (record, external_id, *RANGED, entwined, tree, rollup)
"""Everything that `incidents rebuild` empties and fills again from the log."""
