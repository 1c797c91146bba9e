"""Merging: what a record is once another is merged into it, and what records say that referred to the other one."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from incidents_api.model.claims import tallies, tally
from incidents_api.model.quotes import check
from incidents_api.model.revision import canonical
from incidents_api.model.wire import InList, Line, Record, Reference, Report
from incidents_api.model.words import name_key


class MergeReport(Report):
    """The record that stays, by id or `scheme:value`, and why the two are the same."""

    into: Reference
    reason: Annotated[str, InList("deletion_reason")] = "duplicate"
    note: Line | None = None


UNKNOWN = (None, "unknown", "not_assessed", "cannot_be_judged")
"""Values that say nothing: there the merged record is heard."""

Renamed = Mapping[str, str]
"""Ids of claims of the merged record, and what they are called in the survivor."""


@dataclass(frozen=True, slots=True)
class Move:
    """References to one record become references to another: the ids, both records, and what else follows from it.

    `claims`: how the claims of the merged one are called now. `text`: the text of the surviving source, where it is
    known; quotes that move to it must stand in it.
    """

    kind: str
    old: str
    new: str
    before: Record
    after: Record
    claims: Renamed = field(default_factory=dict)
    text: str | None = None


def combined(kind: str, own_id: str, own: Record, other_id: str, other: Record) -> tuple[dict[str, Any], Renamed]:
    """The survivor's record with everything of the other one, and how the other's claims are called in it.

    What the survivor says stands; where it says nothing the other is heard; lists are joined, each entry once. What is
    derived (tallies) is left as it was: it must be derived anew.
    """
    known = {name: other.get(name) if own[name] in UNKNOWN else own[name] for name in own if not _is_tree(own[name])}
    record: dict[str, Any] = {**own, **known, "external_ids": {**other["external_ids"], **own["external_ids"]}}
    if "evidence" in own:
        record["evidence"] = _each_once([*own["evidence"], *other["evidence"]])
    renamed: Renamed = {}
    if "claims" in own:
        record["claims"], renamed, same = _joined_claims(own_id, own["claims"], other_id, other["claims"])
        if "review" in own:
            record["review"] = own["review"] | {"chosen": _chosen(own, other, record["claims"], renamed, same)}
    for member in ("date", "period", "published"):
        if member in own:
            _join_dates(record, member, own[member], other[member])
    if kind == "incident":
        _join_incidents(record, own, other, {own_id, other_id})
    elif kind in ("actor", "location"):
        record["aliases"] = _joined_names(own, other)
    elif kind == "source":
        same_text = own["fingerprint"] in (None, other["fingerprint"])
        # Spans of a text mean nothing in another one.
        record["boilerplate"] = _each_once([*own["boilerplate"], *(other["boilerplate"] if same_text else ())])
        record["title_quote"] = own["title_quote"] or (other["title_quote"] if same_text else None)
    record["merged"] = [*own.get("merged", ()), _trace(kind, other_id, other, renamed), *_traces(other, renamed)]
    return record, renamed


def _is_tree(value: Any) -> bool:
    return isinstance(value, dict | list)


def _trace(kind: str, record_id: str, record: Record, renamed: Renamed) -> dict[str, Any]:
    """What the survivor keeps of a record merged into it: by what names it is still asked for, and its claims."""
    trace: dict[str, Any] = {"id": record_id, "external_ids": record["external_ids"], "claims": dict(renamed)}
    return trace | ({name: record[name] for name in ("url", "fingerprint")} if kind == "source" else {})


def _traces(record: Record, renamed: Renamed) -> list[dict[str, Any]]:
    """What the merged record kept of those that were merged into it before."""
    return [
        one | {"claims": {name: renamed.get(now, now) for name, now in one["claims"].items()}}
        for one in record.get("merged", ())
    ]


def parted(record: Record, gone: Iterable[str]) -> dict[str, Any]:
    """A survivor without what names it as the successor of these records: traces and the external ids they brought."""
    left = [one for one in record["merged"] if one["id"] not in set(gone)]
    brought = {pair for one in record["merged"] if one not in left for pair in one["external_ids"].items()}
    external_ids = {scheme: value for scheme, value in record["external_ids"].items() if (scheme, value) not in brought}
    found = {name: value for name, value in record.items() if name != "merged"}
    return found | {"external_ids": external_ids} | ({"merged": left} if left else {})


# --- References ----------------------------------------------------------------------------------------------------


def moved(kind: str, record: Record, move: Move) -> dict[str, Any]:
    """A record of any kind with every reference to the merged record as one to the survivor, each entry once.

    Tallies are derived anew where claims changed: whether two sources are one decides which figure is best. Raises
    QuoteError when a quote does not stand in the text of the surviving source.
    """
    found: dict[str, Any] = _moved(record, move)
    if kind == move.kind and found.get("parent_id") == move.old:
        found["parent_id"] = move.new
    if "claims" in record and move.kind == "source":
        found["claims"], same = _claims_once(found["claims"])
        if kind == "incident":
            found["review"] = found["review"] | {"chosen": _mapped(found["review"]["chosen"], same)}
    if kind == "incident" and move.kind in _ENTRIES:
        member, key = _ENTRIES[move.kind]
        found[member] = _once(found[member], key)
    if found.get("claims") != record.get("claims"):
        if kind == "incident":
            found["tallies"] = tallies(found["claims"], found["review"]["chosen"])
        else:
            figure = tally(found["claims"])
            found["tally"] = None if figure is None else figure.wire()
    return found


def each_once(kind: str, record: Record) -> dict[str, Any]:
    """A record said anew by who does not know of merges: what is the same since then stands once in it, too."""
    found = dict(record)
    for one in ("source", *_ENTRIES):
        found = moved(kind, found, Move(one, "", "", {}, {}))
    return found


def _moved(value: Any, move: Move) -> Any:
    if isinstance(value, list):
        return [_moved(item, move) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: item if name == "raw" else _moved(item, move) for name, item in value.items()}
    member = f"{move.kind}_id"
    if found.get(member) == move.old:
        found[member] = move.new
        if move.kind == "location":
            found |= _placed(found, move)
        elif move.kind == "incident" and "claim" in found:
            found["claim"] = move.claims.get(found["claim"], found["claim"])
        elif move.kind == "source" and found.get("quote") is not None and move.text is not None:
            # Another text has the words elsewhere.
            found["quote"] = check({"text": found["quote"]["text"], "start": None, "end": None}, move.text)
    if "evidence" in found and move.kind == "source":
        found["evidence"] = _each_once(found["evidence"])
    return found


def _placed(place: Mapping[str, Any], move: Move) -> dict[str, Any]:
    """What a place copies from its location: the units always, the point where it was the location's own."""
    copied = {name: move.after[name] for name in ("country", "admin1")}
    point = ("lon", "lat", "precision")
    if move.after["lon"] is not None and all(place.get(name) == move.before[name] for name in point if name in place):
        copied |= {name: move.after[name] for name in point if name in place}
    return copied


# --- Lists, each entry once ----------------------------------------------------------------------------------------


def _once(entries: Iterable[Record], key: Callable[[Record], Hashable]) -> list[dict[str, Any]]:
    """Entries of which no two have the same key: the first stands, with the evidence of all."""
    found: dict[Hashable, dict[str, Any]] = {}
    for entry in entries:
        first = found.setdefault(key(entry), dict(entry))
        first["evidence"] = _each_once([*first["evidence"], *entry["evidence"]])
    return list(found.values())


def _each_once(entries: Iterable[Any]) -> list[Any]:
    return list({canonical(entry): entry for entry in entries}.values())


def _key(*members: str) -> Callable[[Record], Hashable]:
    return lambda entry: tuple(entry[member] for member in members)


_ENTRIES: Mapping[str, tuple[str, Callable[[Record], Hashable]]] = {
    "actor": ("actors", _key("actor_id", "role", "attribution", "attributed_to")),
    "location": ("locations", _key("location_id", "role", "lon", "lat")),
    "incident": ("relations", _key("incident_id", "type", "offset")),
}
"""The lists of an incident that refer to each kind, and what makes two of their entries one."""


def _join_incidents(record: dict[str, Any], own: Record, other: Record, both: set[str]) -> None:
    for name, key in _ENTRIES.values():
        record[name] = _once((one for one in (*own[name], *other[name]) if one.get("incident_id") not in both), key)
    types = dict.fromkeys([*own["secondary_types"], other["type"], *other["secondary_types"]])
    record["secondary_types"] = [one for one in types if one not in (record["type"], "unknown", "other")]
    record["tags"] = sorted({*own["tags"], *other["tags"]})
    if "restricted" in (own["sensitivity"], other["sensitivity"]):
        record["sensitivity"] = "restricted"
    held = [one["hold_until"] for one in (own, other) if one.get("hold_until") is not None]
    record |= {"hold_until": max(held)} if held else {}
    if own["captivity"] is not None and other["captivity"] is not None:
        mine, theirs = own["captivity"], other["captivity"]
        record["captivity"] = {name: theirs[name] if value in UNKNOWN else value for name, value in mine.items()}
        record["captivity"]["evidence"] = _each_once([*mine["evidence"], *theirs["evidence"]])


def _join_dates(record: dict[str, Any], member: str, own: Record, other: Record) -> None:
    """The survivor's date, or the other's where it has none; evidence of a date that is not taken is kept beside."""
    if own["edtf"] is None:
        record[member] = other
    elif own["edtf"] == other["edtf"]:
        record[member] = {**own, "evidence": _each_once([*own["evidence"], *other["evidence"]])}
    elif "evidence" in record:
        record["evidence"] = _each_once([*record["evidence"], *other["evidence"]])


def _joined_names(own: Record, other: Record) -> list[Any]:
    """Aliases, with the name of the merged one; what an unnamed actor was called is nobody's name."""
    name = {"name": other["name"], "used": None} if "identified" in own else other["name"]
    taken = {name_key(own["name"])}
    found = []
    for alias in [*own["aliases"], *([name] if other.get("identified", True) else ()), *other["aliases"]]:
        key = name_key(alias["name"] if isinstance(alias, dict) else alias)
        if key not in taken:
            taken.add(key)
            found.append(alias)
    return found


# --- Claims --------------------------------------------------------------------------------------------------------


def _joined_claims(
    own_id: str, own: Sequence[Record], other_id: str, other: Sequence[Record]
) -> tuple[list[dict[str, Any]], Renamed, Renamed]:
    """The claims of both, what the other's ids became, and which of all ids now mean another claim."""
    taken = {claim["id"] for claim in own}
    free = (f"c{n}" for n in range(1, 2 + len(own) + 2 * len(other)))
    every = taken | {claim["id"] for claim in other}
    spare = iter([name for name in free if name not in every])
    renamed = {claim["id"]: next(spare) if claim["id"] in taken else claim["id"] for claim in other}

    def theirs(link: Record) -> dict[str, Any]:
        if link["incident_id"] not in (None, other_id):
            return {**link, "incident_id": None if link["incident_id"] == own_id else link["incident_id"]}
        return {**link, "claim": renamed.get(link["claim"], link["claim"]), "incident_id": None}

    def mine(link: Record) -> dict[str, Any]:
        if link["incident_id"] != other_id:
            return dict(link)
        return {**link, "claim": renamed.get(link["claim"], link["claim"]), "incident_id": None}

    joined = [{**claim, "links": [mine(link) for link in claim["links"]]} for claim in own]
    joined += [
        {**claim, "id": renamed[claim["id"]], "links": [theirs(link) for link in claim["links"]]} for claim in other
    ]
    found, same = _claims_once(joined)
    return found, {name: same.get(now, now) for name, now in renamed.items()}, same


def _claims_once(claims: Sequence[Record]) -> tuple[list[dict[str, Any]], Renamed]:
    """Claims without those that say the same in the same words of the same source, and which id stands for theirs."""
    first: dict[str, str] = {}
    same = {claim["id"]: first.setdefault(_said(claim), claim["id"]) for claim in claims}
    if all(name == kept for name, kept in same.items()):
        return [dict(claim) for claim in claims], {}
    found: dict[str, dict[str, Any]] = {}
    for claim in claims:
        kept = found.setdefault(same[claim["id"]], {**claim, "links": []})
        for link in claim["links"]:
            inside = link["incident_id"] is None
            told = {**link, "claim": same.get(link["claim"], link["claim"]) if inside else link["claim"]}
            if told not in kept["links"] and not (inside and told["claim"] == kept["id"]):
                kept["links"].append(told)
    return list(found.values()), {name: kept for name, kept in same.items() if name != kept}


def _said(claim: Record) -> str:
    """What a claim says, apart from its id, its links and what the coder noted."""
    words = None if claim["quote"] is None else claim["quote"]["text"]
    return canonical({name: claim[name] for name in claim if name not in ("id", "links", "note")} | {"quote": words})


def _mapped(ids: Iterable[str], same: Renamed) -> list[str]:
    return list(dict.fromkeys(same.get(one, one) for one in ids))


def _chosen(own: Record, other: Record, claims: Sequence[Record], renamed: Renamed, same: Renamed) -> list[str]:
    """The reviewer's choices: the survivor's, and the other's for figures about which the survivor has none."""
    about = {claim["id"]: canonical([claim[name] for name in ("measure", "population", "dims")]) for claim in claims}
    chosen = _mapped(own["review"]["chosen"], same)
    settled = {about[one] for one in chosen}
    more = [one for one in _mapped(other["review"]["chosen"], renamed) if about[one] not in settled]
    return [*chosen, *more]
