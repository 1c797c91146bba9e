"""An independent verifier of the log: shares no code with the package, needs nothing but Python, reads one NDJSON file.

    incidents export log > log.ndjson
    python tools/verify_log.py log.ndjson [--edition SEQ:HASH]

docs/verify.md says what is checked, in words enough to write another one. Exit code 0: whole; 1: a fault; 2: no log.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Iterable
from typing import Any

LINKED = (
    "author", "commitment", "kind", "operation", "previous_hash", "record_id", "recorded_at", "seq", "version",
)  # fmt: skip


def number(value: float) -> str:
    """ECMAScript's spelling of a number (RFC 8785 section 3.2.2.3)."""
    if isinstance(value, int) or value == 0:
        return str(int(value))
    if not math.isfinite(value):
        raise ValueError("no JSON number")
    # The shortest digits that read back as the same number, and where their point stands.
    digits = exponent = ""
    for places in range(17):
        digits, _, exponent = f"{abs(value):.{places}e}".partition("e")
        if float(f"{digits}e{exponent}") == abs(value):
            break
    plain, point = digits.replace(".", ""), int(exponent) + 1
    plain = plain.rstrip("0") or "0"
    sign = "-" if value < 0 else ""
    if 0 < point <= 21:
        return sign + (plain[:point].ljust(point, "0") + ("." + plain[point:] if len(plain) > point else ""))
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{plain}"
    mantissa = plain[0] + ("." + plain[1:] if len(plain) > 1 else "")
    return f"{sign}{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def string(text: str) -> str:
    """A JSON string with no escapes but those that must be (RFC 8785 section 3.2.2.2)."""
    short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
    return '"' + "".join(short.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


def canonical(value: Any) -> str:
    """RFC 8785: one spelling for each value."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return string(value)
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return f"[{','.join(map(canonical, value))}]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(f"{string(key)}:{canonical(value[key])}" for key in keys) + "}"


def sha256(text: str) -> str:
    """Hexadecimal sha256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def body_mark(entry: dict[str, Any]) -> str:
    """What stands for salt, reason and record."""
    return sha256(f"{entry['salt'] or ''}\n{entry['reason'] or ''}\n{entry['record'] or ''}")


def members(text: str | None) -> dict[str, Any]:
    """The members of a body; none of one that is no JSON any more, which its commitment tells."""
    try:
        told = json.loads(text or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def redactions(entry: dict[str, Any]) -> dict[str, str]:
    """The versions that a revision says it redacted, each with the commitment of what it left; mostly none."""
    told = members(entry["reason"]).get("redaction")
    versions = told.get("versions") if isinstance(told, dict) else None
    return versions if isinstance(versions, dict) else {}


class Log:
    """What the log has said so far; `faults` is what is wrong with it."""

    def __init__(self, edition: str | None = None) -> None:
        at, _, link = (edition or "0:").partition(":")
        self.pinned = (int(at), link)
        self.seq, self.hash = 0, "0" * 64
        self.faults: list[str] = []
        self.last: dict[str, tuple[str, int, str]] = {}
        self.strange: dict[tuple[str, int], tuple[int, str]] = {}
        self.redacted: dict[tuple[str, int], tuple[int, str]] = {}

    def broken(self, entry: dict[str, Any]) -> str | None:
        """Why a revision does not follow; None when it does."""
        if entry["seq"] != self.seq + 1:
            return f"it follows {self.seq}: removed, added or moved"
        if entry["previous_hash"] != self.hash:
            return "it does not follow the one before it"
        if sha256(canonical({name: entry[name] for name in LINKED})) != entry["hash"]:
            return "its hash does not fit"
        kind, version, ended = self.last.get(entry["record_id"], (entry["kind"], 0, ""))
        over = ended and not redactions(entry) and (ended, entry["operation"]) != ("merge", "restore")
        if (kind, version + 1) != (entry["kind"], entry["version"]) or over:
            return "its version does not follow"
        if self.pinned[0] == entry["seq"] and self.pinned[1] != entry["hash"]:
            return "it is not the edition's: the log was written anew"
        return None

    def add(self, entry: dict[str, Any]) -> bool:
        """Take the next revision; False when it does not follow, and nothing after it proves anything."""
        why = self.broken(entry)
        if why is not None:
            self.faults.append(f"revision {entry['seq']}: {why}")
            return False
        self.seq, self.hash = entry["seq"], entry["hash"]
        mark = body_mark(entry)
        if entry["salt"] is None or mark != entry["commitment"]:
            self.strange[entry["record_id"], entry["version"]] = (self.seq, mark)
        reason = members(entry["reason"])
        for version, left in redactions(entry).items():
            self.redacted[entry["record_id"], int(version)] = (self.seq, left)
        ended = entry["record"] is None and reason.get("code") is not None
        self.last[entry["record_id"]] = (entry["kind"], entry["version"], entry["operation"] if ended else "")
        return True

    def close(self) -> None:
        """What can only be said at the end."""
        if self.pinned[0] > self.seq:
            self.faults.append(f"the log ends at {self.seq}, before the edition {self.pinned[0]}: its tail was cut")
        for key, (at, mark) in self.strange.items():
            if self.redacted.get(key, (0, ""))[1] != mark:
                self.faults.append(f"revision {at}: its body does not fit its commitment")
        for key, (at, _) in self.redacted.items():
            if key not in self.strange:
                self.faults.append(f"revision {at}: what it redacted is there again")


def check(entries: Iterable[dict[str, Any]], edition: str | None = None) -> tuple[str, list[str]]:
    """(the edition that the log ends in, what is wrong; nothing when it is whole)."""
    log = Log(edition)
    if all(log.add(entry) for entry in entries):
        log.close()
    return f"{log.seq}:{log.hash}", log.faults


def main() -> int:
    """Read the file, say what was found."""
    given = argparse.ArgumentParser(description="Verify an exported log.")
    given.add_argument("log", help="NDJSON from: incidents export log")
    given.add_argument("--edition", help="SEQ:HASH, as it was cited")
    asked = given.parse_args()
    try:
        with open(asked.log, encoding="utf-8") as file:
            end, faults = check((json.loads(line) for line in file), asked.edition)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.stderr.write(f"this is no log: {type(error).__name__}: {error}\n")
        return 2
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if not faults:
        sys.stdout.write(f"{end}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
