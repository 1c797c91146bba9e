"""Actors: who takes part in incidents. Never a victim or a private person."""

from typing import Annotated

from pydantic import Field

from incidents_api.model.wire import (
    EITHER,
    FORM,
    NO_IDS,
    NOTHING,
    TEXT,
    Country,
    DateForms,
    EvidenceForms,
    ExternalIds,
    Id,
    InList,
    Line,
    Prose,
    Reference,
    Report,
)


class Alias(Report):
    """Another name, with the years in which it was used, where known."""

    name: Line
    used: DateForms | None = None


class ActorReport(Report):
    """A group, an authority or an organisation.

    `identified: false` is an unnamed one ("a cartel"): such an actor belongs to its incident alone and is never found
    by name. `parent` is the actor of which it is a faction, by id, name or as a report of its own.
    """

    name: Line
    type: Annotated[str, InList("actor_type")] = "unknown"
    aliases: Annotated[
        list[Annotated[Annotated[Alias, FORM] | Annotated[Line, TEXT], EITHER]], Field(max_length=100)
    ] = NOTHING
    identified: bool = True
    parent_id: Id | None = None
    parent: "ActorRef | None" = None
    country: Country | None = None
    description: Prose | None = None
    evidence: EvidenceForms = NOTHING
    external_ids: ExternalIds = NO_IDS


ActorRef = Annotated[Annotated[Reference, TEXT] | Annotated[ActorReport, FORM], EITHER]
"""Another record by id, `scheme:value`, name or code, or as a report of its own."""
ActorReport.model_rebuild()
