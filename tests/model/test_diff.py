"""The JSON patch between two values turns the one into the other."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incidents_api.model.diff import diff

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab/~0", max_size=3), inner, max_size=4),
    max_leaves=12,
)


def apply(value: Any, patch: list[dict[str, Any]]) -> Any:
    """RFC 6902, as little of it as a diff needs."""
    value = copy.deepcopy(value)
    for operation in patch:
        if operation["path"] == "":
            value = operation["value"]
            continue
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        at = value
        for part in way:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if operation["op"] == "remove":
            del at[int(last) if isinstance(at, list) else last]
        elif isinstance(at, list) and last == "-":
            at.append(operation["value"])
        else:
            at[int(last) if isinstance(at, list) else last] = operation["value"]
    return value


@given(VALUES, VALUES)
def test_applied_to_the_one_it_gives_the_other(before: Any, after: Any) -> None:
    patch = diff(before, after)
    assert repr(apply(before, patch)) == repr(after) or apply(before, patch) == after
    assert diff(before, before) == []
    assert (patch == []) == (before == after and repr(before) == repr(after)) or before == after


def test_examples() -> None:
    assert diff({"a": 1, "b": [1, 2]}, {"a": 2, "b": [1]}) == [
        {"op": "replace", "path": "/a", "value": 2},
        {"op": "remove", "path": "/b/1"},
    ]
    assert diff({"a/b": 1}, {"a/b": True}) == [{"op": "replace", "path": "/a~1b", "value": True}]
