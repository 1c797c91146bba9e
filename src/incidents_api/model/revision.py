"""Revisions: canonical JSON (RFC 8785), the link of the hash chain, and permanent ids."""

import hashlib
import json
import math
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

GENESIS = "0" * 64
"""Previous hash of the first revision."""

MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8259 section 6)."""


def canonical(value: Any) -> str:
    """Canonical JSON of a value of dicts, lists, strings, numbers, booleans and None (RFC 8785).

    Raises ValueError for what JSON or I-JSON cannot hold: non-finite numbers, integers beyond 2**53 - 1, lone
    surrogates, keys that are not strings.
    """
    plain, simple = (value, True) if _is_plain(value) else _plain(value)
    if simple:
        try:
            return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
        except TypeError as error:
            raise ValueError(str(error)) from None  # a lone surrogate
    text = _write(plain)
    text.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
    return text


def _is_plain(value: Any) -> bool:
    """Whether the JSON writer spells the value as RFC 8785 wants as it stands: nearly always, and quick to tell."""
    left = [value]
    for one in left:
        kind = type(one)
        if kind is str or one is None or kind is bool:
            continue
        if kind is dict:
            for key in one:
                if type(key) is not str or not key.isascii():
                    return False
            left += [each for each in one.values() if each is not None and type(each) is not str]
        elif kind is list:
            left += one
        elif kind is int:
            if abs(one) > MAX_INTEGER:
                return False
        elif kind is not float or not math.isfinite(one) or one.is_integer() or "e" in repr(one):
            return False
    return True


def _plain(value: Any) -> tuple[Any, bool]:
    """The value with integral floats as integers; False when only the slow writer spells it as RFC 8785 wants."""
    match value:
        case None | bool() | str():
            return value, True
        case int() | float():
            return _plain_number(value)
        case list() | tuple():
            pairs = [_plain(item) for item in value]
            return [item for item, _ in pairs], all(simple for _, simple in pairs)
        case dict():
            members = {}
            simple = True
            for key, item in value.items():
                if not isinstance(key, str):
                    raise ValueError(f"the key {key!r} is no text")
                members[key], plain = _plain(item)
                simple = simple and plain and key.isascii()
            return members, simple
    raise ValueError(f"{type(value).__name__} is not JSON")


def _plain_number(value: int | float) -> tuple[int | float, bool]:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("numbers must be finite")
    if isinstance(value, float) and not value.is_integer():
        return value, "e" not in repr(value)
    if abs(value) <= MAX_INTEGER:
        return int(value), True
    if isinstance(value, int):
        raise ValueError("an integer is beyond 2**53 - 1")
    return value, False


def _write(value: Any) -> str:
    if isinstance(value, dict):
        # RFC 8785 3.2.3: keys in the order of their UTF-16 code units, which differs from code points beyond the BMP.
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_write(key)}:{_write(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A float as ECMAScript spells it (RFC 8785 3.2.2.3)."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    point = len(whole) - leading + int(exponent or 0)
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    tail = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + tail


@dataclass(frozen=True, slots=True)
class Revision:
    """One entry of the append-only log.

    `record` is the full record as canonical JSON (None for a tombstone or a redacted body), `reason` canonical JSON or
    None. `commitment` stands for both in the chain, so that blanking them leaves the chain whole.
    """

    record_id: str
    version: int
    seq: int
    kind: str
    operation: str
    author: str
    recorded_at: str
    reason: str | None
    record: str | None
    salt: str | None
    commitment: str
    previous_hash: str
    hash: str


def document(revision: Revision) -> str:
    """The record as every read returns it: what the log gave it, then its members in canonical order."""
    return (
        f'{{"id":"{revision.record_id}","version":{revision.version},"seq":{revision.seq},'
        f'"recorded_at":"{revision.recorded_at}","recorded_by":"{revision.author}",{(revision.record or "{}")[1:]}'
    )


def etag(version: int, link_hash: str) -> str:
    """The strong validator of a record's representation (RFC 9110 section 8.8.3)."""
    return f'"{version}-{link_hash[:16]}"'


def new_salt() -> str:
    """128 random bits, so that nobody can guess a redacted body back from its commitment."""
    return secrets.token_hex(16)


def commit(salt: str, reason: str | None, record: str | None) -> str:
    """sha256 over salt, reason and record, each on its own line (canonical JSON holds no raw line feed)."""
    return hashlib.sha256(f"{salt}\n{reason or ''}\n{record or ''}".encode()).hexdigest()


def link(revision: Mapping[str, Any]) -> str:
    """Hash of a revision: sha256 over the canonical JSON of what the chain covers, the previous hash included."""
    covered = {name: revision[name] for name in _COVERED}
    return hashlib.sha256(canonical(covered).encode()).hexdigest()


_COVERED = (
    "record_id",
    "version",
    "seq",
    "kind",
    "operation",
    "author",
    "recorded_at",
    "commitment",
    "previous_hash",
)


def new_id() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then random bits."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return _uuid(number, 7)


def derived_id(kind: str, scheme: str, value: str) -> str:
    """The UUIDv8 of a record that arrives with an external id: the same in every installation."""
    digest = hashlib.sha256(f"{kind}\n{scheme}\n{value}".encode()).digest()
    return _uuid(int.from_bytes(digest[:16], "big"), 8)


def _uuid(number: int, version: int) -> str:
    number = number & ~(0xF << 76) | version << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
