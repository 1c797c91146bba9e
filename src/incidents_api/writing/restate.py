"""What an author says of a record anew, beside what it said last and what others made of the record since."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from incidents_api.model.merging import Move, moved
from incidents_api.model.quotes import QuoteError
from incidents_api.writing import lookup
from incidents_api.writing.compose import derive
from incidents_api.writing.lookup import Memory
from incidents_api.writing.resolve import Resolver

_JUDGED = ("review", "sensitivity")
"""Members in which the judgement of others stands against a row that is sent again."""


def own_names(record: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The external ids of a record itself, without those that merged records brought."""
    brought = {pair for one in record.get("merged", ()) for pair in one["external_ids"].items()}
    return set(record["external_ids"].items()) - brought


def said(base: Mapping[str, Any] | None, before: Mapping[str, Any], record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an author's statement said, from the record that came of it: a member that others had changed `before` and
    that came out as they left it says nothing new."""
    if base is None:
        return record
    return {
        name: base.get(name) if value == before.get(name) != base.get(name) else value for name, value in record.items()
    }


def restated(
    to: Resolver, base: Mapping[str, Any] | None, current: dict[str, Any], new: dict[str, Any]
) -> dict[str, Any]:
    """The new statement of an author, and what others changed since the last one (`base`) in the members that it
    leaves as they were. Where both changed a member, the new statement stands, but for what is judged of a record."""
    if base is None or base == current:
        return new
    record = {
        name: current.get(name)
        if current.get(name) != base.get(name) and (new[name] == base.get(name) or name in _JUDGED)
        else new[name]
        for name in new
    }
    if "tallies" in record and any(record[name] != new[name] for name in ("claims", "review")):
        return derive(to, {name: value for name, value in record.items() if name != "tallies"})
    return record


def followed(look: Memory, kind: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was said, with the survivors in the place of records that were merged since: nobody said that anew."""
    ids = referred(said) | {one["incident_id"] for one in said.get("relations", ())}
    for old, known in sorted(lookup.known_among(look.conn, ids).items()):
        new = look(lookup.survivor, old) if known.ended else old
        before = look(lookup.revision_of, old, known.version - 1).record if new != old else None
        if before is not None:
            after = look(lookup.record_of, new)
            text = look(lookup.text_of, after.get("fingerprint"))
            # Words that the survivor's text does not hold were taken back since: then what was said stays as it was.
            with suppress(QuoteError):
                said = moved(kind, said, Move(known.kind, old, new, orjson.loads(before), after, text=text))
    return said


def referred(value: Any) -> set[str]:
    """Ids of every actor, location and source that a record refers to."""
    if isinstance(value, dict):
        own = {one for name in ("actor_id", "location_id", "source_id") if (one := value.get(name)) is not None}
        return own.union(*(referred(item) for name, item in value.items() if name != "raw"))
    return set().union(*map(referred, value)) if isinstance(value, list) else set()
