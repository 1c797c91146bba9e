"""What one write looks up, creates and finds wrong; names are turned into records on top of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from incidents_api.errors import Fault, Invalid
from incidents_api.model.kinds import KINDS
from incidents_api.model.revision import derived_id, new_id
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Report
from incidents_api.writing import lookup
from incidents_api.writing.append import Change
from incidents_api.writing.lookup import Memory

R = TypeVar("R", bound=Report)


class Register:
    """The records to create, the notes on what was found or created, and the faults of one write of one visitor.

    `coming`: the external ids (kind, scheme, value) of records that the same write will create, with their ids.
    `leaning`: those of them that a report referred to before they were made. `own`: the records that the record under
    revision refers to; one that would be made anew exactly as one of them is that one.
    """

    def __init__(
        self,
        conn: Connection,
        who: Visitor,
        coming: Mapping[tuple[str, str, str], str] | None = None,
        look: Memory | None = None,
    ) -> None:
        self.conn = conn
        self.who = who
        self.look = look or Memory(conn)
        self.own: list[str] = []
        self.leaning: set[str] = set()
        self.kept_texts: dict[str, str] = {}
        self._fresh: dict[tuple[str, ...], list[str]] = {}
        self.changes: list[Change] = []
        self.notes: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.expect(coming or {})
        self.records: dict[str, dict[str, Any]] = {}
        self.kinds: dict[str, str] = {}
        self.texts: dict[str, str | None] = {}
        self.held: set[str] = set()
        """Ids that the record as it stands refers to: it may keep them, ended since or not."""

    def fault(self, pointer: str, detail: str, code: str = "reference", **more: Any) -> None:
        """Note something wrong; `finish` raises them all together."""
        self.faults.append(Fault(detail, code, pointer=pointer, **more))

    def finish(self) -> None:
        """Raise Invalid when anything was wrong; else keep the texts that came with the reports."""
        if self.faults:
            raise Invalid("The report was read but cannot be taken; see errors", self.faults)
        for fingerprint, text in self.kept_texts.items():
            lookup.keep_text(self.conn, fingerprint, text)

    def mark(self) -> tuple[int, int, int]:
        """Where this write stands, for `undo`."""
        return len(self.changes), len(self.notes), len(self.kept_texts)

    def undo(self, mark: tuple[int, int, int]) -> None:
        """Take back what one report brought since the mark, its faults included."""
        changes, notes, texts = mark
        for change in self.changes[changes:]:
            record = self.records.pop(change.record_id)
            del self.kinds[change.record_id]
            for key in _keys(change.kind, record):
                self._fresh[key].remove(change.record_id)
        for fingerprint in list(self.kept_texts)[texts:]:
            del self.kept_texts[fingerprint]
        del self.changes[changes:], self.notes[notes:], self.faults[:]

    def expect(self, coming: Mapping[tuple[str, str, str], str]) -> None:
        """These external ids, and no others, are of records that this write is yet to create."""
        self.coming = dict(coming)
        self.coming_kinds = {record_id: kind for (kind, _, _), record_id in coming.items()}

    def forget(self, names: Iterable[tuple[str, str, str]]) -> None:
        """These external ids will not come after all: what follows finds none of them."""
        for name in names:
            self.coming_kinds.pop(self.coming.pop(name, ""), None)

    def create(self, kind: str, record: dict[str, Any], record_id: str | None = None, operation: str = "create") -> str:
        """Queue the creation of a record; its id."""
        for one in self.own:
            if one not in self.kinds and self.look(lookup.known, one) is not None and self.record(one) == record:
                self.own.remove(one)
                return one
        record_id = record_id or self.new_id(kind, record["external_ids"])
        for key in _keys(kind, record):
            self._fresh.setdefault(key, []).append(record_id)
        self.changes.append(Change(kind, record_id, 1, operation, record))
        self.records[record_id] = record
        self.kinds[record_id] = kind
        return record_id

    def report(self, model: type[R], pointer: str, **members: Any) -> R | None:
        """A report that a plain text stands for; faults at the text's own place when it cannot be one."""
        try:
            return validate(model, members)
        except Invalid as invalid:
            self.faults += [replace(fault, pointer=pointer) for fault in invalid.faults]
            return None

    def record(self, record_id: str) -> dict[str, Any]:
        """A record of the store or of this write, as values."""
        if record_id not in self.records:
            if record_id in self.coming_kinds:
                raise Invalid(f"the {self.coming_kinds[record_id]} {record_id} must come before what refers to it")
            self.records[record_id] = self.look(lookup.record_of, record_id)
        return self.records[record_id]

    def composed(self, record_id: str | None, pointer: str) -> str | None:
        """The id, unless it names a record that this write makes only later (or this one itself)."""
        if record_id in self.coming_kinds and record_id not in self.records:
            self.fault(
                pointer, "it is not made yet: a parent comes before its parts, and is no part of itself", "circle"
            )
            return None
        return record_id

    def note(self, pointer: str, kind: str, record_id: str, how: str) -> str:
        """Tell which record was found or created for the member at `pointer`; its id."""
        record = self.record(record_id)
        name = record.get("name") or record.get("title") or record.get("url")
        if kind == "location":
            # A town and the municipality around it often share their name.
            within = record["admin1"] if record["kind"] != "admin1" else record["country"]
            name = f"{name} ({', '.join(filter(None, (record['kind'], within or record['country'])))})"
        told = {"pointer": pointer, "kind": kind, "id": record_id, "name": name, "how": how}
        self.notes.append(told)
        return record_id

    def by_id(self, kind: str, record_id: str, pointer: str) -> str | None:
        """The id, when it names a record of that kind that is not ended; the survivor's, when it was merged."""
        if kind in (self.kinds.get(record_id), self.coming_kinds.get(record_id)):
            if record_id not in self.kinds:
                self.leaning.add(record_id)
            return record_id
        found = self.look(lookup.known, record_id)
        if found is None or found.kind != kind or not self._shown(kind, record_id):
            self.fault(pointer, f"there is no {kind} with the id {record_id}", "unknown_id")
            return None
        if found.ended and (survivor := lookup.survivor(self.conn, record_id)) != record_id:
            return self.by_id(kind, survivor, pointer)
        if found.ended and record_id not in self.held:
            successor = lookup.successor_for(self.conn, found, self.who)
            stands = f"; {successor} stands for it" if successor else ""
            self.fault(pointer, f"this {kind} was ended ({found.ended}){stands}", "ended")
            return None
        return record_id

    def _shown(self, kind: str, record_id: str) -> bool:
        """Whether the visitor may know of a record; only incidents are ever closed."""
        return kind != "incident" or self.look(lookup.shown, record_id, self.who)

    def external(self, kind: str, external_ids: dict[str, str]) -> str | None:
        """The record that one of these external ids names, in the store or in this write."""
        for scheme, value in external_ids.items():
            found = self.look(lookup.by_external_id, kind, ((scheme, value),))
            if found is not None:
                return found
        for scheme, value in external_ids.items():
            fresh = [*self.fresh(kind, scheme, value), self.coming.get((kind, scheme, value))]
            if fresh[0] is not None:
                return fresh[0]
        return None

    def fresh(self, *key: str) -> list[str]:
        """Records of this write by (kind, scheme, value), (kind, known as, folded name) or (source, by url, url)."""
        return self._fresh.get(key, [])

    def text(self, fingerprint: str | None) -> str | None:
        """The text with that sha256, where it is kept or came with this write."""
        return self.kept_texts.get(fingerprint or "") or self.look(lookup.text_of, fingerprint)

    def new_id(self, kind: str, external_ids: Mapping[str, str]) -> str:
        """A derived id for a record that arrives with an external id, a fresh one for any other.

        Also a fresh one where a record took the derived id and gave the external id up since.
        """
        for scheme, value in external_ids.items():
            record_id = derived_id(kind, scheme, value)
            return record_id if self.look(lookup.known, record_id) is None else new_id()
        return new_id()

    def by_text(self, kind: str, text: str, pointer: str) -> tuple[bool, str | None]:
        """(settled, id) for an id or `scheme:value`; not settled means that the text is something else."""
        if lookup.is_id(text):
            return True, self.by_id(kind, text, pointer)
        external = lookup.split_external(text)
        if external is None:
            return False, None
        found = self.external(kind, dict([external]))
        if found is not None and self._shown(kind, found):
            return True, self.by_id(kind, found, pointer)
        self.fault(pointer, f"no {kind} has the external id {text}", "unknown_id")
        return True, None


def _keys(kind: str, record: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """By what the reports that follow in the same write can find a record."""
    for scheme, value in record["external_ids"].items():
        yield kind, scheme, value
    if kind in ("actor", "location") and record.get("identified", True):
        for name in KINDS[kind].field("known_as").value(record):
            yield kind, "known as", name
    if kind == "source":
        for column in ("url", "fingerprint"):
            if record[column] is not None:
                yield kind, f"by {column}", record[column]
