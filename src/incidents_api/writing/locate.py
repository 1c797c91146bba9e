"""Names of places to location records: from the store, from the packaged gazetteer, or created when new."""

import re
from collections.abc import Sequence
from typing import Any

from incidents_api.model import gazetteer
from incidents_api.model.gazetteer import Place
from incidents_api.model.location import DEFAULT_PRECISION, LocationReport
from incidents_api.model.places import scope_of
from incidents_api.model.revision import derived_id
from incidents_api.model.words import name_key
from incidents_api.writing import lookup
from incidents_api.writing.register import Register

_TIERS = ("country", "admin1", "place", "admin2")
"""Which kind a bare name means first: the larger one when it names a country or a state as well as a town (UCDP's
rule), but the town rather than the municipality that is named after it."""


class Locator(Register):
    """Finds or creates the location that a report means."""

    def location(self, given: str | LocationReport, pointer: str, *, closed: bool = False) -> str | None:
        """A location by id, code, external id or name ("Culiacán, MX-SIN"), from the store or the gazetteer.

        `closed`: of a closed incident. A place that is new is no record then; what it lies in stands for it.
        """
        if isinstance(given, str):
            place = gazetteer.by_key(given)
            if place is not None:
                return self._ensure(place, pointer)
            settled, found = self.by_text("location", given, pointer)
            return found if settled else self._named_location(given, pointer)
        found = self.external("location", given.external_ids)
        if found is None and given.lon is None and given.parent is None and given.parent_id is None:
            settled, found = self._same_location(given, pointer)
            if settled:
                return found
        if found is not None:
            return self.note(pointer, "location", found, "found") if self.by_id("location", found, pointer) else None
        if closed:
            return self._around(given, pointer)
        record = self.location_record(given, pointer)
        return self.note(pointer, "location", self.create("location", record), "created")

    def _around(self, report: LocationReport, pointer: str) -> str | None:
        """The unit or place that a new place of a closed incident lies in: everybody sees the records of locations."""
        made = [name for name in ("aliases", "external_ids") if getattr(report, name)]
        for member in [*made, *(["parent"] if isinstance(report.parent, LocationReport) else [])]:
            told = "a new place of a closed incident has no record of its own, which everybody would see; leave it out"
            self.fault(f"{pointer}/{member}", told, "exposed")
        if isinstance(report.parent, LocationReport):
            return None
        parent_id: str | None = self.location_record(report, pointer)["parent_id"]
        if parent_id is None:
            self.fault(
                pointer, "say the country or the first-order unit of a new place of a closed incident", "exposed"
            )
            return None
        return self.note(pointer, "location", parent_id, "found")

    def _same_location(self, report: LocationReport, pointer: str) -> tuple[bool, str | None]:
        """What a report by name, kind, country and admin1 means: (settled, id); an id not settled is yet to be told."""
        found = [
            one
            for one in self._stored_locations(report.name)
            if self.record(one)["kind"] == report.kind
            and report.country in (None, self.record(one)["country"])
            and report.admin1 in (None, self.record(one)["admin1"])
        ]
        places = [
            place
            for place in gazetteer.find(report.name, report.country, report.admin1)
            if place.kind == report.kind and not self._is_among(place, found)
        ]
        if len(found) + len(places) > 1:
            self._ambiguous(report.name, found, places, pointer)
            return True, None
        if places:
            return True, self._ensure(places[0], pointer)
        return False, found[0] if found else None

    def _is_among(self, place: Place, found: Sequence[str]) -> bool:
        """Whether an entry of the gazetteer is one of these records, or was merged into one of them."""
        scheme, value = place.key.split(":", 1)
        return bool(found) and (
            derived_id("location", scheme, value) in found
            or lookup.by_external_id(self.conn, "location", [(scheme, value)]) in found
        )

    def _stored_locations(self, name: str) -> list[str]:
        fresh = self.fresh("location", "known as", name_key(name))
        return sorted({*self.look(lookup.by_name, "location", name), *fresh})

    def _named_location(self, text: str, pointer: str) -> str | None:
        """A location by a bare name or code, or one with what it lies in: "Culiacán, Sinaloa, MX"."""
        unit = gazetteer.unit(text) if re.fullmatch(r"[A-Z]{2,3}(-[A-Z0-9]{1,3})?", text) else None
        if unit is not None:
            return self._ensure(unit, pointer)
        name, *context = [part.strip() for part in text.split(",")]
        try:
            country, admin1 = scope_of(context)
        except ValueError as error:
            detail = f"{str(error)!r} is no country or first-order unit that we know, or not where the rest says"
            self.fault(pointer, detail, "unknown_location")
            return None
        found = [
            one
            for one in self._stored_locations(name)
            if country in (None, self.record(one)["country"]) and admin1 in (None, self.record(one)["admin1"])
        ]
        places = [place for place in gazetteer.find(name, country, admin1) if not self._is_among(place, found)]
        return self._choose(text, found, places, pointer, certain=admin1 is not None)

    def _choose(self, text: str, found: list[str], places: list[Place], pointer: str, *, certain: bool) -> str | None:
        """The one candidate of the first tier that has any; inside a known unit a far larger town wins over hamlets."""
        for tier in (*_TIERS, None):
            held = [one for one in found if tier is None or self.record(one)["kind"] == tier]
            new = [place for place in places if place.kind == tier]
            if certain and tier == "place" and not held and len(new) > 1:
                sizes = [place.population or 0 for place in new]
                new = new[:1] if sizes[0] >= 10 * max(sizes[1], 1) else new
            if len(held) + len(new) > 1:
                self._ambiguous(text, found, [*new, *(place for place in places if place not in new)], pointer)
                return None
            if held:
                return self.note(pointer, "location", held[0], "found")
            if new:
                return self._ensure(new[0], pointer)
        self.fault(
            pointer,
            f"{text!r} is no location that the store or the gazetteer knows; to create one, send a report "
            '({"name", "kind", "country", "admin1", "lon", "lat"})',
            "unknown_location",
        )
        return None

    def _ambiguous(self, text: str, found: Sequence[str], places: Sequence[Place], pointer: str) -> None:
        told = [
            {"location": one} | {key: self.record(one)[key] for key in ("name", "kind", "country", "admin1")}
            for one in found
        ]
        told += [
            {
                "location": place.key,
                "name": place.name,
                "kind": place.kind,
                "country": place.country,
                "admin1": place.admin1,
                "population": place.population,
            }
            for place in places
        ]
        self.fault(
            pointer,
            f"{len(told)} locations are called {text!r}; say which by id or key, or add the unit ('Victoria, MX-TAM')",
            "ambiguous",
            candidates=tuple(told[:20]),
        )

    def _ensure(self, place: Place, pointer: str) -> str | None:
        """The location record of an entry of the gazetteer, created with everything it lies in when it is new."""
        scheme, value = place.key.split(":", 1)
        found = self.look(lookup.by_external_id, "location", ((scheme, value),))
        record_id = found or derived_id("location", scheme, value)
        if found is not None or record_id in self.kinds:
            return (
                self.note(pointer, "location", record_id, "found")
                if self.by_id("location", record_id, pointer)
                else None
            )
        parents = gazetteer.parents(place)
        parent_id = self._ensure_quietly(parents[0], pointer) if parents else None
        record = {
            "name": place.name,
            "kind": place.kind,
            "aliases": list(place.names),
            "parent_id": parent_id,
            "country": place.country,
            "admin1": place.admin1,
            "lon": place.lon,
            "lat": place.lat,
            "precision": DEFAULT_PRECISION[place.kind],
            "external_ids": {scheme: value},
        }
        self.create("location", record, record_id)
        return self.note(pointer, "location", record_id, "created from the gazetteer")

    def _ensure_quietly(self, place: Place, pointer: str) -> str | None:
        noted = len(self.notes)
        found = self._ensure(place, pointer)
        self.notes[noted:] = [note for note in self.notes[noted:] if note["how"] != "found"]
        return found

    def location_record(self, report: LocationReport, pointer: str) -> dict[str, Any]:
        """The record of a location; country and admin1 follow from the parent, or the parent from them."""
        parent_id = report.parent_id
        if parent_id is not None:
            parent_id = self.by_id("location", parent_id, f"{pointer}/parent_id")
        elif report.parent is not None:
            parent_id = self.location(report.parent, f"{pointer}/parent")
        elif report.admin1 or (report.country and report.kind != "country"):
            unit = gazetteer.unit(report.admin1 or report.country or "")
            own = unit is not None and report.kind == unit.kind
            parent_id = self._ensure_quietly(unit, f"{pointer}/country") if unit is not None and not own else None
        parent_id = self.composed(parent_id, f"{pointer}/parent")
        above = self.record(parent_id) if parent_id else {"country": None, "admin1": None}
        for name in ("country", "admin1"):
            given = getattr(report, name)
            if given is not None and above[name] is not None and given != above[name]:
                self.fault(f"{pointer}/{name}", f"the parent lies in {above[name]}, not in {given}", "contradiction")
        return {
            "name": report.name,
            "kind": report.kind,
            "aliases": report.aliases,
            "parent_id": parent_id,
            "country": report.country or above["country"] or (report.admin1 or "")[:2] or None,
            "admin1": report.admin1 or above["admin1"],
            "lon": report.lon,
            "lat": report.lat,
            "precision": report.precision or DEFAULT_PRECISION[report.kind],
            "external_ids": report.external_ids,
        }
