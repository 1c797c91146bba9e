"""Review: who may set what, which moves there are, and what free text must be confirmed."""

from collections.abc import Mapping
from typing import Any

from incidents_api.errors import Fault, MissingScope
from incidents_api.model import vocabulary
from incidents_api.model.audience import is_closed
from incidents_api.model.screening import screened
from incidents_api.model.visitor import Visitor
from incidents_api.model.wire import Record
from incidents_api.writing.register import Register

REVIEWED = ("draft", "submitted")
"""Statuses that a writer may give; any other is a reviewer's."""


def check_review(to: Register, record: dict[str, Any], before: Mapping[str, Any] | None, author: Visitor) -> None:
    """Who may set what: `by` is the store's; a status beyond submitted and a chosen figure are a reviewer's.

    A status changes along the moves of the vocabulary alone; a new record may stand anywhere.
    """
    review = record["review"]
    held = before["review"] if before is not None else {"status": None, "by": None, "reason": None, "chosen": []}
    if review["status"] is None:
        review["status"] = held["status"] or ("published" if author.may("review") else "submitted")
    if review["by"] not in (None, held["by"], author.author):
        to.fault("/review/by", "by is the name of the key that reviews; leave it out", "read_only")
    moved = review["status"] != held["status"] or review["chosen"] != held["chosen"]
    judged = review["chosen"] != held["chosen"] or (moved and review["status"] not in REVIEWED)
    if before is not None and moved and (held["status"] not in REVIEWED or author.may("review")):
        judged = True
    if judged and not author.may("review"):
        raise MissingScope("setting a review takes a key with the scope review", scope="review")
    if is_closed(record, author.now) and not author.full:
        raise MissingScope(
            "a restricted or held record takes a key with the scope read:restricted", scope="read:restricted"
        )
    if held["status"] is not None and review["status"] != held["status"]:
        check_move(to, held["status"], review["status"], "/review/status")
    review["by"] = author.author if judged else held["by"]


def check_move(to: Register, held: str, status: str, pointer: str) -> None:
    """Leave a fault, with the moves that there are, for a status that does not follow the one held."""
    moves = vocabulary.LISTS["review_status"].codes[held].extra["moves"]
    if status not in moves:
        stands = "is so already" if status == held else f"does not become {status}"
        to.fault(pointer, f"an incident that is {held} {stands}", "move", allowed=tuple(moves))


def check_text(to: Register, record: Record, before: Record | None, author: Visitor) -> None:
    """Leave a fault for all in new free text that could lead to a person, unless the author confirmed its kind."""
    for pointer, found in screened(record, before):
        if found.kind not in author.confirms:
            detail = f"{found.text!r} at character {found.start} looks like {_NAMES[found.kind]}"
            detail += f"; take it out, or send confirm={found.kind} to keep it"
            to.faults.append(Fault(detail, f"found_{found.kind}", pointer=pointer))


_NAMES = {
    "phone": "a phone number",
    "email": "an e-mail address",
    "plate": "the plate of a vehicle",
    "coordinates": "exact coordinates",
}
