"""Names to records: ids, names, codes and addresses given inline are looked up, or what is new is created and told."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from incidents_api.model.actor import ActorReport, Alias
from incidents_api.model.audience import is_exposed, not_named
from incidents_api.model.quotes import QuoteError, check
from incidents_api.model.source import Boilerplate, SourceReport
from incidents_api.model.wire import DateForm, Evidence, Quote, dated
from incidents_api.model.words import name_key
from incidents_api.writing import lookup
from incidents_api.writing.locate import Locator


class Resolver(Locator):
    """Finds or creates every record that a report refers to, and checks its quotes and dates."""

    def incident(self, text: str, pointer: str) -> str | None:
        """An incident by id or `scheme:value`."""
        settled, found = self.by_text("incident", text, pointer)
        if not settled:
            self.fault(pointer, "give an id or scheme:value", "reference")
        return found

    # --- Sources ---------------------------------------------------------------------------------------------------

    def source(self, given: str | SourceReport, pointer: str) -> str | None:
        """A source by id, external id or address; a report of one that is new is created."""
        if isinstance(given, str):
            settled, found = self.by_text("source", given, pointer)
            if settled:
                return found
            if not re.match(r"https?://", given):
                self.fault(pointer, "give an id, scheme:value, an address, or a report with a title")
                return None
            made = self.report(SourceReport, pointer, url=given)
            if made is None:
                return None
            given = made
        return self._source(given, pointer)

    def _source(self, report: SourceReport, pointer: str) -> str | None:
        record_id = self.new_id("source", report.external_ids)
        record = self.source_record(report, record_id, pointer)
        found = self.external("source", report.external_ids)
        for column in ("url", "fingerprint"):
            if found is None and record[column] is not None:
                fresh = self.fresh("source", f"by {column}", record[column])
                found = self.look(lookup.source_where, column, record[column]) or next(iter(fresh), None)
        if found is not None:
            return self.note(pointer, "source", found, "found") if self.by_id("source", found, pointer) else None
        if report.title is None and report.url is None and not report.external_ids and report.fingerprint is None:
            self.fault(pointer, "a source needs a title, an address, a fingerprint or an external id")
            return None
        return self.note(pointer, "source", self.create("source", record, record_id), "created")

    def source_record(self, report: SourceReport, record_id: str, pointer: str) -> dict[str, Any]:
        """The record of a source; its text, if given, is kept beside it."""
        fingerprint, length = report.fingerprint, report.length
        if report.text is not None:
            digest = hashlib.sha256(report.text.encode()).hexdigest()
            if fingerprint not in (None, digest):
                self.fault(f"{pointer}/fingerprint", f"the text has the sha256 {digest}", "fingerprint")
            fingerprint, length = digest, len(report.text)
            self.kept_texts[digest] = report.text
        text = self.texts[record_id] = self.text(fingerprint)
        boilerplate = []
        for n, given in enumerate(report.boilerplate):
            entry = Boilerplate(quote=given) if isinstance(given, str) else given
            quote = self._checked(entry.quote, text, f"{pointer}/boilerplate/{n}/quote")
            boilerplate.append({"quote": quote, "note": entry.note})
        return {
            "kind": report.kind,
            "title": report.title,
            "publisher": report.publisher,
            "author": report.author,
            "url": report.url,
            "published": self.date(report.published, f"{pointer}/published", record_id),
            "language": report.language,
            "licence": report.licence,
            "reliability": report.reliability,
            "assessment": report.assessment,
            "note": report.note,
            "fingerprint": fingerprint,
            "length": length,
            "title_quote": self._checked(report.title_quote, text, f"{pointer}/title_quote"),
            "boilerplate": boilerplate,
            "external_ids": report.external_ids,
        }

    # --- Evidence --------------------------------------------------------------------------------------------------

    def _checked(self, quote: Quote | str | None, text: str | None, pointer: str) -> dict[str, Any] | None:
        if quote is None:
            return None
        members = {"text": quote, "start": None, "end": None} if isinstance(quote, str) else quote.model_dump()
        start, end = members["start"], members["end"]
        if start is not None and end is not None and start >= end:
            self.fault(pointer, "start must be below end", "quote")
            return None
        if text is None:
            return members
        try:
            return check(members, text)
        except QuoteError as error:
            self.fault(pointer, str(error), "quote")
            return None

    def quote(self, quote: Quote | str | None, source_id: str | None, pointer: str) -> dict[str, Any] | None:
        """A quote checked against the text of its source, where that is known."""
        if quote is None or source_id is None:
            return self._checked(quote, None, pointer)
        if source_id not in self.texts:
            self.texts[source_id] = self.text(self.record(source_id)["fingerprint"])
        return self._checked(quote, self.texts[source_id], pointer)

    def evidence(self, entries: Sequence[Evidence | str], source_id: str | None, pointer: str) -> list[dict[str, Any]]:
        """Evidence as stored: source and checked quote. `source_id` is meant where an entry names none."""
        stored = []
        for n, given in enumerate(entries):
            entry = Evidence(quote=given) if isinstance(given, str) else given
            at = f"{pointer}/{n}"
            own = source_id
            if entry.source_id is not None:
                own = self.by_id("source", entry.source_id, f"{at}/source_id")
            elif entry.source is not None:
                own = self.source(entry.source, f"{at}/source")
            if own is None:
                if entry.source_id is None and entry.source is None:
                    self.fault(
                        at, "evidence needs a source: give source_id, or source at the top of the report", "source"
                    )
                continue
            stored.append({"source_id": own, "quote": self.quote(entry.quote, own, f"{at}/quote")})
        return stored

    def date(
        self,
        form: DateForm | str | None,
        pointer: str,
        source_id: str | None,
        *,
        lasted: bool = False,
    ) -> dict[str, Any]:
        """A date as stored; `lasted` makes one that reads as a moment an interval (a total lasts its whole period)."""
        if isinstance(form, str):
            form = DateForm(edtf=form)
        form = form or DateForm()
        derived = dated(form.edtf)
        if lasted and derived["kind"] == "within":
            derived["kind"] = "interval"
        for name in ("earliest", "latest", "kind", "precision"):
            given = getattr(form, name)
            if given is not None and given != derived[name]:
                self.fault(
                    f"{pointer}/{name}", f"{name} follows from edtf ({derived[name]}); leave it out", "read_only"
                )
        basis = form.basis or (None if form.edtf is None else "stated")
        return derived | {
            "basis": basis,
            "evidence": self.evidence(form.evidence, source_id, f"{pointer}/evidence"),
        }

    # --- Actors ----------------------------------------------------------------------------------------------------

    def actor(
        self, given: str | ActorReport, pointer: str, source_id: str | None = None, hidden_as: str | None = None
    ) -> str | None:
        """An actor by id, external id or name; a name that is new is created. Unnamed ones are always new.

        `hidden_as`: the role in a closed incident, which may keep the name of a new actor out of its record.
        """
        if isinstance(given, str):
            settled, found = self.by_text("actor", given, pointer)
            if settled:
                return found
            made = self.report(ActorReport, pointer, name=given)
            if made is None:
                return None
            given = made
        found = self.external("actor", given.external_ids)
        if found is None and given.identified:
            found = self._one_named("actor", given.name, pointer)
            if found == "":
                return None
        if found is not None:
            return self.note(pointer, "actor", found, "found") if self.by_id("actor", found, pointer) else None
        if hidden_as is not None and is_exposed(hidden_as, given.type):
            for member in sorted(given.model_fields_set - {"name", "type", "identified"}):
                told = "somebody in danger has no record of their own beside a closed incident; leave it out"
                self.fault(f"{pointer}/{member}", told, "exposed")
            given = ActorReport(name=not_named(given.type), type=given.type, identified=False)
        record = self.actor_record(given, pointer, source_id)
        return self.note(pointer, "actor", self.create("actor", record), "created")

    def _one_named(self, kind: str, name: str, pointer: str) -> str | None:
        """The one record of that name; "" (and a fault) when there are several."""
        found = sorted({*self.look(lookup.by_name, kind, name), *self.fresh(kind, "known as", name_key(name))})
        if len(found) > 1:
            told = tuple(
                {"id": one, "name": self.record(one)["name"], "type": self.record(one)["type"]} for one in found[:10]
            )
            self.fault(
                pointer, f"{len(found)} {kind}s are called {name}; give the id of one", "ambiguous", candidates=told
            )
            return ""
        return found[0] if found else None

    def actor_record(self, report: ActorReport, pointer: str, source_id: str | None = None) -> dict[str, Any]:
        """The record of an actor."""
        aliases = []
        for given in report.aliases:
            entry = Alias(name=given) if isinstance(given, str) else given
            used = entry.used.edtf if isinstance(entry.used, DateForm) else entry.used
            aliases.append({"name": entry.name, "used": None if used is None else dated(used)})
        parent_id = report.parent_id
        if parent_id is not None:
            parent_id = self.by_id("actor", parent_id, f"{pointer}/parent_id")
        elif report.parent is not None:
            parent_id = self.actor(report.parent, f"{pointer}/parent", source_id)
        parent_id = self.composed(parent_id, f"{pointer}/parent")
        return {
            "name": report.name,
            "type": report.type,
            "aliases": aliases,
            "identified": report.identified,
            "parent_id": parent_id,
            "country": report.country,
            "description": report.description,
            "evidence": self.evidence(report.evidence, source_id, f"{pointer}/evidence"),
            "external_ids": report.external_ids,
        }
