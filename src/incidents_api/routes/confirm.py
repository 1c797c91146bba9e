"""The parameter `confirm`: what screening finds in free text and a client means to keep."""

from dataclasses import replace

from incidents_api.errors import BadQuery, Fault
from incidents_api.model import screening
from incidents_api.model.visitor import Visitor
from incidents_api.reading.parameters import nearest, shown
from incidents_api.routes.describe import parameter

CONFIRM = parameter(
    "confirm",
    "query",
    "Kinds of what was found in free text that are to stay, parted by commas.",
    {"type": "array", "items": {"type": "string", "enum": list(screening.KINDS)}},
) | {"style": "form", "explode": False}


def confirming(who: Visitor, given: str | None) -> Visitor:
    """The visitor with the kinds that it says to keep; BadQuery for one that there is none of."""
    named = () if given is None else tuple(part.strip() for part in given.split(","))
    for one in named:
        if one not in screening.KINDS:
            detail = f"{shown(one)} is nothing that is screened for{nearest(one, screening.KINDS)}"
            fault = Fault(detail, "unknown_code", parameter="confirm", allowed=screening.KINDS)
            raise BadQuery("The query cannot be taken; see errors", [fault])
    return replace(who, confirms=frozenset(named))
