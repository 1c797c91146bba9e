"""From bytes to a valid report: one pre-parser with its limits, and the model's faults as JSON pointers."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from incidents_api.errors import BadQuery, Fault, Invalid
from incidents_api.model.revision import MAX_INTEGER
from incidents_api.model.wire import FORMS, Report

R = TypeVar("R", bound=Report)

MAX_DEPTH = 32
MAX_MEMBERS = 20_000
MAX_FAULTS = 50
"""How many faults an answer tells at the most."""


def parse(body: bytes) -> Any:
    """JSON as values; BadQuery for anything that the two databases or another reader could take differently.

    Refused: other encodings than UTF-8, repeated keys, U+0000 and lone surrogates, numbers that are not finite or not
    exact, more than 32 levels or 20,000 members.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadQuery(f"the body is not UTF-8 (byte {error.start})") from None
    members = 0

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal members
        members += len(pairs)
        if members > MAX_MEMBERS:
            raise BadQuery(f"the body has more than {MAX_MEMBERS:,} members")
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise BadQuery(f"the key {repeated[:80]!a} stands twice in one object")
        return found

    try:
        value = json.loads(
            text, object_pairs_hook=unique, parse_int=_integer, parse_float=_finite, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise BadQuery(f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise BadQuery(f"the body is nested deeper than {MAX_DEPTH} levels") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise BadQuery(f"the body is nested deeper than {MAX_DEPTH} levels")
    # Raw control characters are no JSON and raw surrogates no UTF-8, so only escapes can bring them in.
    if "\\u" in text:
        _check_text(value)
    return value


def _integer(digits: str) -> int:
    """A whole number that every reader keeps exactly."""
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise BadQuery("an integer is beyond 2**53 - 1")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadQuery("a number is too large")
    if MAX_INTEGER < abs(number) < 1e21:
        # RFC 8785 writes these without a point: they would come back as integers that nobody takes.
        raise BadQuery("a whole number is beyond 2**53 - 1")
    return number


def _constant(name: str) -> Any:
    raise BadQuery(f"{name} is no JSON number")


def _depth(value: Any) -> int:
    """How many objects and arrays stand inside each other."""
    depth, level = 0, [value] if isinstance(value, dict | list) else []
    while level and depth <= MAX_DEPTH:
        depth += 1
        children = (child for one in level for child in (one.values() if isinstance(one, dict) else one))
        level = [child for child in children if isinstance(child, dict | list)]
    return depth


def _check_text(value: Any) -> None:
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            if "\x00" in one or any("\ud800" <= character <= "\udfff" for character in one):
                raise BadQuery("U+0000 and lone surrogates are not taken")
        elif isinstance(one, dict):
            stack.extend(one)
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)


def validate(model: type[R], value: Any) -> R:
    """The report of a parsed body; Invalid with a fault for each thing wrong."""
    if not isinstance(value, Mapping):
        raise Invalid("The body must be a JSON object", [Fault("give a JSON object", "type", pointer="")])
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise Invalid("The report is not valid; see errors", faults_of(details)) from None


def faults_of(details: Iterable[ErrorDetails]) -> list[Fault]:
    """Pydantic's errors as faults: pointers instead of locations, sentences instead of Python."""
    faults = []
    for detail in details:
        context = detail.get("ctx") or {}
        code = _CODES.get(detail["type"], detail["type"])
        template = _MESSAGES.get(detail["type"])
        message = template.format_map(context) if template else detail["msg"]
        allowed = tuple(context["allowed"]) if isinstance(context.get("allowed"), list) else ()
        faults.append(Fault(message, code, pointer=pointer(detail["loc"]), allowed=allowed))
        if len(faults) == MAX_FAULTS:
            break
    return faults


def pointer(location: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901); the marks that tell the forms of a member apart are no part of it."""
    steps = list(location)
    if steps[-1:] == ["[key]"] and "external_ids" in steps:
        steps.pop()  # pydantic's mark of a key that is wrong
    parts = [str(part) for part in steps if part not in FORMS]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_member",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "too_long": "too_many",
    "too_short": "too_few",
    "string_pattern_mismatch": "pattern",
    "greater_than_equal": "range",
    "less_than_equal": "range",
    "greater_than": "range",
    "finite_number": "range",
} | dict.fromkeys(
    ("string_type", "int_type", "float_type", "bool_type", "list_type", "dict_type", "model_type", "int_from_float"),
    "type",
)
_MESSAGES = {
    "missing": "this member is required",
    "extra_forbidden": "no member of this name is known here",
    "string_type": "give a string",
    "int_type": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "bool_type": "give true or false",
    "list_type": "give an array",
    "dict_type": "give an object",
    "model_type": "give an object",
    "string_too_long": "at the most {max_length} characters",
    "string_too_short": "at least {min_length} character",
    "too_long": "at the most {max_length} entries",
    "too_short": "at least {min_length} entry",
    "string_pattern_mismatch": "it must match {pattern}",
    "greater_than_equal": "it must be at least {ge}",
    "greater_than": "it must be above {gt}",
    "less_than_equal": "it must be at most {le}",
}
