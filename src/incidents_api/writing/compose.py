"""Reports to records: every kind's report, its references resolved, as the plain record that the log keeps."""

from collections.abc import Sequence
from typing import Any

from incidents_api.model.actor import ActorReport
from incidents_api.model.audience import is_closed, not_named
from incidents_api.model.claims import Figure, number_claims, stored_figure, tallies, tally
from incidents_api.model.incident import Claim, IncidentReport, Participation, Place, Relation, Review
from incidents_api.model.location import DEFAULT_PRECISION, LocationReport
from incidents_api.model.source import SourceRef, SourceReport
from incidents_api.model.statistic import Area, StatisticClaim, StatisticReport
from incidents_api.model.wire import Record, Report
from incidents_api.writing.resolve import Resolver


def compose(to: Resolver, report: Report, record_id: str) -> dict[str, Any]:
    """The record of a report of any kind; faults are left with the resolver."""
    match report:
        case IncidentReport():
            return _incident(to, report, record_id)
        case StatisticReport():
            return _statistic(to, report)
        case ActorReport():
            return to.actor_record(report, "")
        case LocationReport():
            return to.location_record(report, "")
        case SourceReport():
            return to.source_record(report, record_id, "")
    raise TypeError(type(report).__name__)


def _source(to: Resolver, given: SourceRef | None) -> str | None:
    return None if given is None else to.source(given, "/source")


_REVIEW = tuple(Review.model_fields)


def _incident(to: Resolver, report: IncidentReport, record_id: str) -> dict[str, Any]:
    source_id = _source(to, report.source)
    places = [Place(location=place) if isinstance(place, str) else place for place in report.locations]
    at = "/locations"
    if report.location is not None:
        places, at = [Place(location=report.location)], "/location"
    pointers = [at if report.location is not None else f"{at}/{n}" for n in range(len(places))]
    closed = is_closed({"sensitivity": report.sensitivity, "hold_until": report.hold_until}, to.who.now)
    locations = [
        _place(to, place, source_id, pointer, closed=closed) for place, pointer in zip(places, pointers, strict=True)
    ]
    captivity = None
    if report.captivity is not None:
        captivity = report.captivity.model_dump(exclude={"evidence"})
        captivity["evidence"] = to.evidence(report.captivity.evidence, source_id, "/captivity/evidence")
    record: dict[str, Any] = {
        "type": report.type,
        "secondary_types": report.secondary_types,
        "stage": report.stage,
        "granularity": report.granularity,
        "title": report.title,
        "summary": report.summary,
        "date": to.date(report.date, "/date", source_id, lasted=report.granularity == "period_total"),
        "locations": [place for place in locations if place is not None],
        "actors": [
            one
            for n, given in enumerate(report.actors)
            if (one := _participation(to, given, source_id, f"/actors/{n}", closed=closed)) is not None
        ],
        "claims": claims(to, report.claims, source_id),
        "relations": [
            one
            for n, given in enumerate(report.relations)
            if (one := _relation(to, given, source_id, f"/relations/{n}", record_id)) is not None
        ],
        "captivity": captivity,
        "tags": sorted(set(report.tags)),
        "evidence": to.evidence(report.evidence, source_id, "/evidence"),
        "external_ids": report.external_ids,
        "review": {name: getattr(report.review, name) for name in _REVIEW},
        "sensitivity": report.sensitivity,
        "hold_until": report.hold_until,
        "raw": report.raw,
    }
    cited = any(claim["source_id"] == source_id for claim in record["claims"])  # nearly always, and quick to tell
    if source_id is not None and not cited and not _cites(record, source_id):
        record["evidence"].append({"source_id": source_id, "quote": None})
    return derive(to, record)


def _cites(record: Any, source_id: str) -> bool:
    if type(record) is dict:
        return record.get("source_id") == source_id or any(
            _cites(value, source_id) for value in record.values() if type(value) in (dict, list)
        )
    return any(_cites(value, source_id) for value in record if type(value) in (dict, list))


def derive(to: Resolver, record: dict[str, Any], sent_from: int = 0) -> dict[str, Any]:
    """The record with its tallies, its claims checked against each other; the claims from `sent_from` on are new."""
    check_claims(to, record["claims"], sent_from)
    ids = [claim["id"] for claim in record["claims"]]
    chosen = record["review"]["chosen"]
    for n, claim_id in enumerate(chosen):
        if claim_id not in ids:
            to.fault(f"/review/chosen/{n}", "it names no claim of this record", "unknown_id")
    return record | {"tallies": tallies(record["claims"], chosen)}


def check_claims(to: Resolver, found: list[dict[str, Any]], sent_from: int = 0) -> None:
    """Number the claims of a record and check that ids do not repeat, links lead somewhere, and not in a circle."""
    number_claims(found)
    ids = [claim["id"] for claim in found]
    for n, claim in enumerate(found):
        at = f"/claims/{n - sent_from}"
        if ids.index(claim["id"]) != n:
            to.fault(f"{at}/id", f"another claim has the id {claim['id']}", "repeated")
        for m, link in enumerate(claim["links"]):
            if link["incident_id"] is None and (link["claim"] not in ids or link["claim"] == claim["id"]):
                to.fault(f"{at}/links/{m}/claim", "it names no other claim of this record", "unknown_id")
    for n, claim in enumerate(found):
        if n >= sent_from and _leads_back(claim["id"], found):
            to.fault(f"/claims/{n - sent_from}/links", "the links lead back to the claim itself", "circle")


def _leads_back(claim_id: str, found: list[dict[str, Any]]) -> bool:
    """Whether the links by which a figure depends on another go in a circle."""
    dependent = ("restates", "part_of", "breakdown_of", "updates")
    leads = {
        claim["id"]: {
            link["claim"]
            for link in claim["links"]
            if link["type"] in dependent and link["incident_id"] is None and link["claim"] != claim["id"]
        }
        for claim in found
    }
    seen: set[str] = set()
    level = leads[claim_id]
    while level - seen:
        seen |= level
        level = {far for near in level for far in leads.get(near, ())}
    return claim_id in seen


def _place(to: Resolver, place: Place, source_id: str | None, pointer: str, *, closed: bool) -> dict[str, Any] | None:
    if place.location_id is not None:
        location_id = to.by_id("location", place.location_id, f"{pointer}/location_id")
    else:
        at = pointer if pointer == "/location" else f"{pointer}/location"
        location_id = to.location(place.location or "", at, closed=closed)
    evidence = to.evidence(place.evidence, source_id, f"{pointer}/evidence")
    if location_id is None:
        return None
    location = to.record(location_id)
    if closed and isinstance(place.location, LocationReport) and place.location.name != location["name"]:
        place = _kept(place, place.location)
    _same_units(to, place, location, pointer)
    own = place.lon is not None
    reported = place.location.split(",")[0].strip() if isinstance(place.location, str) else None
    return {
        "role": place.role,
        "location_id": location_id,
        "name": place.name or _as_reported(reported, location),
        "country": location["country"],
        "admin1": location["admin1"],
        "lon": place.lon if own else location["lon"],
        "lat": place.lat if own else location["lat"],
        "precision": place.precision or ("exact" if own else location["precision"]),
        "evidence": evidence,
    }


def _kept(place: Place, new: LocationReport) -> Place:
    """A place of which no record is made: the incident keeps its name and point."""
    told: dict[str, Any] = {"name": place.name or new.name}
    if place.lon is None and new.lon is not None:
        precision = place.precision or new.precision or DEFAULT_PRECISION[new.kind]
        told |= {"lon": new.lon, "lat": new.lat, "precision": precision}
    return place.model_copy(update=told)


def _same_units(to: Resolver, given: Place | Area, location: Record, pointer: str) -> None:
    """Country and admin1 are derived; sent back, they must agree with the location."""
    for name in ("country", "admin1"):
        sent = getattr(given, name)
        if sent is not None and sent != location[name]:
            to.fault(
                f"{pointer}/{name}", f"{name} follows from the location ({location[name]}); leave it out", "read_only"
            )


def _as_reported(given: str | None, location: Record) -> str:
    """The location's name; a code or id that stood for it in the report is no name."""
    name: str = location["name"]
    return given if given is not None and given in location["aliases"] else name


def _participation(
    to: Resolver, given: Participation, source_id: str | None, pointer: str, *, closed: bool
) -> dict[str, Any] | None:
    told = given.actor.name if isinstance(given.actor, ActorReport) else given.actor
    if given.actor_id is not None:
        actor_id = to.by_id("actor", given.actor_id, f"{pointer}/actor_id")
    else:
        member = "actor" if given.actor is not None else "name"
        hidden_as = given.role if closed else None
        actor_id = to.actor(given.actor or given.name or "", f"{pointer}/{member}", source_id, hidden_as)
    evidence = to.evidence(given.evidence, source_id, f"{pointer}/evidence")
    if actor_id is None:
        return None
    record = to.record(actor_id)
    hidden = record["name"] == not_named(record["type"])
    return {
        "actor_id": actor_id,
        "name": given.name or (told if hidden else None) or record["name"],
        "role": given.role,
        "attribution": given.attribution,
        "attributed_to": given.attributed_to,
        "evidence": evidence,
    }


def _relation(to: Resolver, given: Relation, source_id: str | None, pointer: str, own_id: str) -> dict[str, Any] | None:
    if given.incident_id is not None:
        other = to.by_id("incident", given.incident_id, f"{pointer}/incident_id")
    else:
        other = to.incident(given.incident or "", f"{pointer}/incident")
    evidence = to.evidence(given.evidence, source_id, f"{pointer}/evidence")
    if other is None:
        return None
    if other == own_id:
        to.fault(pointer, "an incident cannot stand in a relation to itself", "circle")
    return {"type": given.type, "incident_id": other, "offset": given.offset, "evidence": evidence}


def claims(to: Resolver, reports: Sequence[Claim | StatisticClaim], source_id: str | None) -> list[dict[str, Any]]:
    """Claims as stored: each with its source, its checked quote and its links."""
    return [_claim(to, report, source_id, f"/claims/{n}") for n, report in enumerate(reports)]


def _claim(to: Resolver, report: Claim | StatisticClaim, source_id: str | None, pointer: str) -> dict[str, Any]:
    own: str | None
    if report.source_id is not None:
        own = to.by_id("source", report.source_id, f"{pointer}/source_id")
    elif report.source is not None:
        own = to.source(report.source, f"{pointer}/source")
    else:
        own = source_id
        if own is None:
            to.fault(pointer, "a claim needs a source: give source_id, or source at the top of the report", "source")
    quote = to.quote(report.quote, own, f"{pointer}/quote")
    return stored_figure(report) | {"source_id": own, "quote": quote, "links": _links(to, report, pointer)}


def _links(to: Resolver, report: Figure, pointer: str) -> list[dict[str, Any]]:
    stored = []
    for n, given in enumerate(report.links):
        other = given.incident_id
        if other is not None:
            other = to.by_id("incident", other, f"{pointer}/links/{n}/incident_id")
        elif given.incident is not None:
            other = to.incident(given.incident, f"{pointer}/links/{n}/incident")
        claim = given.claim
        if given.incident_id not in (None, other) and other is not None:
            # It was merged since: its claims may be called otherwise there.
            traces = to.record(other).get("merged", ())
            claim = next((one["claims"].get(claim, claim) for one in traces if one["id"] == given.incident_id), claim)
        stored.append({"type": given.type, "claim": claim, "incident_id": other})
    return stored


def _statistic(to: Resolver, report: StatisticReport) -> dict[str, Any]:
    source_id = _source(to, report.source)
    area = Area(location=report.area, name=None) if isinstance(report.area, str) else report.area
    found = claims(to, report.claims, source_id)
    check_claims(to, found)
    figure = tally(found)
    return {
        "indicator": report.indicator,
        "title": report.title,
        "note": report.note,
        "period": to.date(report.period, "/period", source_id, lasted=True),
        "area": None if area is None else _area(to, area),
        "claims": found,
        "tally": None if figure is None else figure.wire(),
        "evidence": to.evidence(report.evidence, source_id, "/evidence"),
        "external_ids": report.external_ids,
    }


def _area(to: Resolver, area: Area) -> dict[str, Any]:
    location_id = area.location_id
    if location_id is not None:
        location_id = to.by_id("location", location_id, "/area/location_id")
    elif area.location is not None:
        location_id = to.location(area.location, "/area/location")
    location = to.record(location_id) if location_id is not None else {"name": None, "country": None, "admin1": None}
    _same_units(to, area, location, "/area")
    return {
        "location_id": location_id,
        "name": area.name or location["name"],
        "country": location["country"],
        "admin1": location["admin1"],
    }
