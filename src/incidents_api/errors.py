"""Every error that a client or operator can meet, with its status and code; the wire form is RFC 9457 problem+json.

Problem
├── Moved 308               the record was merged into another: ask for that one
├── BadQuery 400            the query string or the body cannot be read
├── NotAuthenticated 401    no key, or one that is unknown, expired or revoked
├── MissingScope 403        the key lacks the scope that the problem names
├── NotFound 404            no such record or route
├── MethodNotAllowed 405    the route exists, the method does not
├── NotAcceptable 406       the file cannot be made in this format
├── TooSlow 408             the client did not send its request in time
├── Conflict 409            the state of the store stands against it
├── Gone 410                the record was ended; reason and successor are told
├── StaleVersion 412        If-Match names another version than the current one
├── TooLarge 413            the body is over the limit
├── WrongMediaType 415      the body is of a type that the route does not take
├── RangeNotSatisfiable 416 the range that is asked for lies beyond the file
├── Invalid 422             the report was read and is wrong: each fault says where
├── VersionRequired 428     the write needs If-Match
├── TooManyRequests 429     the client has used up what one may ask for in a while
├── HeadersTooLarge 431     the headers are over the limit
├── Internal 500            our fault; says nothing about the inside
└── Unavailable 503         the database cannot answer now; try again
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: `pointer` (RFC 6901, into the body) or `parameter` (of the query) says where."""

    detail: str
    code: str
    pointer: str | None = None
    parameter: str | None = None
    allowed: tuple[str, ...] = ()
    candidates: tuple[Mapping[str, Any], ...] = field(default=())

    def wire(self) -> dict[str, Any]:
        """The entry of `errors` in problem+json; members that say nothing are left out."""
        members = {
            "pointer": self.pointer,
            "parameter": self.parameter,
            "detail": self.detail,
            "code": self.code,
            "allowed": list(self.allowed) or None,
            "candidates": [dict(candidate) for candidate in self.candidates] or None,
        }
        return {name: value for name, value in members.items() if value is not None}


class Problem(Exception):
    """An answer that is an error; subclasses fix status, code and title, an instance says what happened."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str = "",
        faults: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        self.members = members

    def wire(self, instance: str | None = None) -> dict[str, Any]:
        """The problem+json object; `instance` is the path that was asked."""
        body: dict[str, Any] = {
            "type": f"/v1/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if instance is not None:
            body["instance"] = instance
        if self.faults:
            body["errors"] = [fault.wire() for fault in self.faults]
        return body | self.members


class Moved(Problem):
    """The record was merged into another one, `successor`; Location says where to ask again."""

    status, code, title = 308, "moved", "The record was merged into another"


class BadQuery(Problem):
    """The query string or the body cannot be read."""

    status, code, title = 400, "bad_request", "The request cannot be read"


class NotAuthenticated(Problem):
    """No key, or one that is unknown, expired or revoked."""

    status, code, title = 401, "not_authenticated", "A key is needed"


class MissingScope(Problem):
    """The key is good but lacks a scope."""

    status, code, title = 403, "missing_scope", "The key lacks a scope"


class NotFound(Problem):
    """No such record or route."""

    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(Problem):
    """The route exists, the method does not."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class NotAcceptable(Problem):
    """The file cannot be made: its format needs an extra that is not installed, or holds fewer rows."""

    status, code, title = 406, "not_acceptable", "The answer cannot be given in this form"


class TooSlow(Problem):
    """The client did not send its request in time."""

    status, code, title = 408, "too_slow", "The request did not come in time"


class Conflict(Problem):
    """The state of the store stands against the write."""

    status, code, title = 409, "conflict", "The store stands against it"


class Gone(Problem):
    """The record was ended: `reason`, `note` and `successor` say why."""

    status, code, title = 410, "gone", "The record was ended"


class StaleVersion(Problem):
    """If-Match names another version than the current one."""

    status, code, title = 412, "stale_version", "The record has changed since you read it"


class TooLarge(Problem):
    """The body is over the limit."""

    status, code, title = 413, "too_large", "The body is too large"


class WrongMediaType(Problem):
    """The body is of a type that the route does not take."""

    status, code, title = 415, "wrong_media_type", "Media type not taken here"


class RangeNotSatisfiable(Problem):
    """The Range that is asked for lies beyond the file."""

    status, code, title = 416, "range_not_satisfiable", "The range lies beyond the file"


class Invalid(Problem):
    """The report was read and is wrong; each fault says where."""

    status, code, title = 422, "invalid", "The report is not valid"


class VersionRequired(Problem):
    """The write needs If-Match."""

    status, code, title = 428, "version_required", "If-Match is needed"


class TooManyRequests(Problem):
    """The client has used up what one may ask for in a while; `Retry-After` says when to go on."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class HeadersTooLarge(Problem):
    """The headers are over the limit."""

    status, code, title = 431, "headers_too_large", "The headers are too large"


class Internal(Problem):
    """Our fault; the answer says nothing about the inside, the log does."""

    status, code, title = 500, "internal", "Internal error"


class Unavailable(Problem):
    """The database cannot answer now; try again."""

    status, code, title = 503, "unavailable", "The store cannot answer now"

    def __init__(self, detail: str = "", **more: Any) -> None:
        super().__init__(detail, **more)
        self.headers.setdefault("Retry-After", "1")


PROBLEMS: tuple[type[Problem], ...] = tuple(Problem.__subclasses__())


class OperatorError(Exception):
    """Something the person at the command line must mend; the text says what and how."""
