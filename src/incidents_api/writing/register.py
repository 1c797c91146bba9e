"""What one write looks up, creates and finds wrong; names are turned into records on top of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from incidents_api.errors import Fault, Invalid
from incidents_api.model.revision import derived_id, new_id
from incidents_api.model.validation import validate
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Report
from incidents_api.writing import lookup
from incidents_api.writing.append import Change

R = TypeVar("R", bound=Report)


class Register:
    """The records to create, the notes on what was found or created, and the faults of one write of one visitor.

    `coming`: the external ids (kind, scheme, value) of records that the same write will create, with their ids.
    """

    def __init__(
        self, conn: Connection, who: Visitor, coming: Mapping[tuple[str, str, str], str] | None = None
    ) -> None:
        self.conn = conn
        self.who = who
        self.changes: list[Change] = []
        self.notes: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.coming = dict(coming or {})
        self.coming_kinds = {record_id: kind for (kind, _, _), record_id in self.coming.items()}
        self.records: dict[str, dict[str, Any]] = {}
        self.kinds: dict[str, str] = {}
        self.texts: dict[str, str | None] = {}

    def fault(self, pointer: str, detail: str, code: str = "reference", **more: Any) -> None:
        """Note something wrong; `finish` raises them all together."""
        self.faults.append(Fault(detail, code, pointer=pointer, **more))

    def finish(self) -> None:
        """Raise Invalid when anything was wrong."""
        if self.faults:
            raise Invalid("The report was read but cannot be taken; see errors", self.faults)

    def create(self, kind: str, record: dict[str, Any], record_id: str | None = None) -> str:
        """Queue the creation of a record; its id."""
        record_id = record_id or new_record_id(self.conn, kind, record["external_ids"])
        self.changes.append(Change(kind, record_id, 1, "create", record))
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
            self.records[record_id] = lookup.record_of(self.conn, record_id)
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
            return record_id
        found = lookup.known(self.conn, record_id)
        if found is None or found.kind != kind or not lookup.shown(self.conn, record_id, self.who):
            self.fault(pointer, f"there is no {kind} with the id {record_id}", "unknown_id")
            return None
        if found.ended and (survivor := lookup.survivor(self.conn, record_id)) != record_id:
            return self.by_id(kind, survivor, pointer)
        if found.ended:
            successor = f"; {found.successor} stands for it" if found.successor else ""
            self.fault(pointer, f"this {kind} was ended ({found.ended}){successor}", "ended")
            return None
        return record_id

    def external(self, kind: str, external_ids: dict[str, str]) -> str | None:
        """The record that one of these external ids names, in the store or in this write."""
        found = lookup.by_external_id(self.conn, kind, external_ids.items())
        if found is not None:
            return found
        held = {
            (of_kind, scheme, value): record_id
            for record_id, of_kind in self.kinds.items()
            for scheme, value in self.records[record_id]["external_ids"].items()
        }
        wanted = [(kind, scheme, value) for scheme, value in external_ids.items()]
        return next((both[key] for key in wanted for both in (held, self.coming) if key in both), None)

    def by_text(self, kind: str, text: str, pointer: str) -> tuple[bool, str | None]:
        """(settled, id) for an id or `scheme:value`; not settled means that the text is something else."""
        if lookup.is_id(text):
            return True, self.by_id(kind, text, pointer)
        external = lookup.split_external(text)
        if external is None:
            return False, None
        found = self.external(kind, dict([external]))
        if found is not None and lookup.shown(self.conn, found, self.who):
            return True, self.by_id(kind, found, pointer)
        self.fault(pointer, f"no {kind} has the external id {text}", "unknown_id")
        return True, None


def new_record_id(conn: Connection, kind: str, external_ids: Mapping[str, str]) -> str:
    """A derived id for a record that arrives with an external id, a fresh one for any other.

    Also a fresh one where a record took the derived id and gave the external id up since.
    """
    for scheme, value in external_ids.items():
        record_id = derived_id(kind, scheme, value)
        return record_id if lookup.known(conn, record_id) is None else new_id()
    return new_id()
