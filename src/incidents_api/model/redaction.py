"""Redaction: which words of a record can be taken out, what stands in their place, and what must stay of a reason."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from incidents_api.model.wire import InList, Line, Record, Report

MARK = "[redacted]"

IN_PLACE: Mapping[str, Any] = {
    "name": MARK,
    **dict.fromkeys(("title", "summary", "description", "note", "attributed_to", "reason", "raw")),
    **dict.fromkeys(("publisher", "author", "url", "licence", "quote", "title_quote", "fingerprint", "length")),
    **{name: [] for name in ("evidence", "tags", "aliases", "boilerplate")},
    "external_ids": {},
}
"""What can be taken out, by the name of the member, and what is put in its place. Codes, figures, dates, places and
links are what the record says; a record that must not say them is redacted whole."""


def _redactable(path: str) -> str:
    names = segments(path)
    if not path.startswith("/") or not names or (_leaf(names) not in IN_PLACE and "raw" not in names):
        allowed = ", ".join(IN_PLACE)
        told = {"detail": f"not a JSON pointer to something that can be redacted: {allowed}, or an entry of one"}
        raise PydanticCustomError("not_redactable", "{detail}", told)
    return path


class RedactReport(Report):
    """What is to be removed from a record, and why.

    `paths`: JSON pointers; none: the whole body. `versions`: of these alone; none: of every version.
    """

    reason: Annotated[str, InList("deletion_reason")] = "privacy"
    note: Line | None = None
    paths: (
        Annotated[
            list[Annotated[str, Field(max_length=200), AfterValidator(_redactable)]], Field(min_length=1, max_length=50)
        ]
        | None
    ) = None
    versions: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=1_000)] | None = None


def segments(path: str) -> list[str]:
    """The parts of a JSON pointer (RFC 6901)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _leaf(names: Sequence[str]) -> str:
    """The member that a path ends in or, when it ends in an entry of a list, that list."""
    return next((name for name in reversed(names) if not name.isdecimal()), "")


def removed(record: Record, paths: Sequence[str]) -> list[tuple[str, Any]]:
    """(path, value) of what these paths name in a record; a path that is not there names nothing."""
    found: list[tuple[str, Any]] = []
    for path in paths:
        value: Any = record
        for name in segments(path):
            if isinstance(value, dict):
                value = value.get(name)
            elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            else:
                value = None
        if value not in (None, [], {}, MARK):
            found.append((path, value))
    return found


def without(record: Record, paths: Sequence[str], gone: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The record without what the paths name, and without what they name in other versions (`gone`): in a list, the
    same words may have stood at another place."""
    exact = [segments(path) for path in paths]
    same = [([_any(name) for name in segments(path)], canonical_of(value)) for path, value in gone]

    def cut(value: Any, at: list[str]) -> Any:
        pattern = [_any(name) for name in at]
        if at in exact or any(pattern == place and canonical_of(value) == words for place, words in same):
            return _CUT if at[-1].isdecimal() else IN_PLACE.get(at[-1])
        if isinstance(value, dict):
            return {name: cut(inner, [*at, name]) for name, inner in value.items()}
        if isinstance(value, list):
            entries = [cut(inner, [*at, str(n)]) for n, inner in enumerate(value)]
            return [entry for entry in entries if entry is not _CUT]
        return value

    told: dict[str, Any] = cut(dict(record), [])
    return told


_CUT = object()


def _any(name: str) -> str:
    return "*" if name.isdecimal() else name


def canonical_of(value: Any) -> str:
    """A spelling by which two values of records are compared."""
    return json.dumps(value, sort_keys=True)


def words_in(value: Any) -> Iterator[str]:
    """Every text in a value that is long enough to be told from others."""
    if isinstance(value, str) and len(value.strip()) >= 4:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from words_in(inner)


def kept_reason(reason: Record | None) -> dict[str, Any] | None:
    """What stays of a reason when its revision is redacted whole: what the record's state and the chain rest on."""
    if reason is None:
        return None
    kept = {name: value if name in ("code", "successor") else None for name, value in reason.items()}
    if reason.get("redaction"):
        kept["redaction"] = reason["redaction"] | {"note": None}
    return kept
