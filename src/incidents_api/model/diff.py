"""What changed between two versions of a record, as a JSON Patch (RFC 6902)."""

from collections.abc import Iterator
from typing import Any


def diff(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    """The operations that turn one value into the other; empty when they are equal.

    Members are compared by name; entries of an array by their place, so an entry put in front reads as several changes.
    """
    return list(_diff(before, after, path))


def _diff(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            at = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
            if name not in after:
                yield {"op": "remove", "path": at}
            elif name not in before:
                yield {"op": "add", "path": at, "value": after[name]}
            else:
                yield from _diff(before[name], after[name], at)
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(min(len(before), len(after))):
            yield from _diff(before[place], after[place], f"{path}/{place}")
        for place in range(len(before) - 1, len(after) - 1, -1):
            yield {"op": "remove", "path": f"{path}/{place}"}
        for place in range(len(before), len(after)):
            yield {"op": "add", "path": f"{path}/-", "value": after[place]}
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield {"op": "replace", "path": path, "value": after}
