"""The five kinds of record, each declared once: routes, tables, lists and history all come from this."""

from collections.abc import Mapping
from dataclasses import dataclass

from incidents_api.model import fields
from incidents_api.model.actor import ActorReport
from incidents_api.model.field import Field
from incidents_api.model.incident import IncidentReport
from incidents_api.model.location import LocationReport
from incidents_api.model.source import SourceReport
from incidents_api.model.statistic import StatisticReport
from incidents_api.model.wire import Report


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record. `dated` is its member that holds a date, `located` says that it has a point; `derived` are
    members that no client enters.

    `sort` is the default order of its list: a field name, `-` in front for descending.
    """

    name: str
    plural: str
    meaning: str
    report: type[Report]
    own_fields: tuple[Field, ...]
    sort: str
    dated: str | None = None
    located: bool = False
    derived: tuple[str, ...] = ("merged",)

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field of the catalogue for this kind, the envelope last."""
        return self.own_fields + fields.ENVELOPE

    def field(self, name: str) -> Field:
        """The field of that name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "incident",
            "incidents",
            "Something that happened, or is claimed to have.",
            IncidentReport,
            fields.INCIDENT,
            "-date",
            "date",
            located=True,
            derived=("tallies", "merged"),
        ),
        Kind("actor", "actors", "Who takes part in incidents.", ActorReport, fields.ACTOR, "name"),
        Kind(
            "location",
            "locations",
            "Where incidents take place.",
            LocationReport,
            fields.LOCATION,
            "name",
            located=True,
        ),
        Kind(
            "source",
            "sources",
            "A document that says so.",
            SourceReport,
            fields.SOURCE_FIELDS,
            "-date",
            "published",
        ),
        Kind(
            "statistic",
            "statistics",
            "A figure about a period and an area that is no incident.",
            StatisticReport,
            fields.STATISTIC,
            "-date",
            "period",
            derived=("tally", "merged"),
        ),
    )
}
BY_PLURAL: Mapping[str, Kind] = {kind.plural: kind for kind in KINDS.values()}
