"""One request on its way through the service: its id, its route, its key, and what is let go of at its end."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import Request


@dataclass(slots=True)
class Passage:
    """What is known of a request; made at the front, filled in on the way, told to log and metrics at the end."""

    id: str
    method: str
    route: str = ""
    """The template of its path; empty where no route fits. Never the path itself: it is the client's own text."""
    key: str | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Added to the answer, whatever it is."""
    status: int = 0
    """Of the answer; 0 until it has begun."""
    size: int = 0
    """Bytes of the body that were handed to the server."""
    whole: bool = False
    """Whether the answer came to its end."""
    ends: list[Callable[[], None]] = field(default_factory=list)
    """Called when the request is over, however it ended."""


def passage_of(request: Request) -> Passage:
    """The passage of a request."""
    passage: Passage = request.scope["passage"]
    return passage
