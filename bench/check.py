"""Whether the answers of a system hold what they must, before anything is measured."""

import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.hits import Hit
from bench.reference import Reference
from bench.systems import Request, Running, System

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not know this machine's ports
PATIENCE = 600.0


def fetched(running: Running, request: Request) -> bytes:
    """The body of an answer; an error is one."""
    asked = urllib.request.Request(
        running.url + request.path, request.body or None, dict(request.headers), method=request.method
    )
    with _DIRECT.open(asked, timeout=PATIENCE) as answer:
        body: bytes = answer.read()
    return body


def right(reference: Reference, name: str, hit: Hit, found: Sequence[str] | None) -> bool:
    """Whether an answer holds what it must. The log of changes is known to us alone: it must be in order, and miss no
    more than what is closed to the public."""
    if name == "post" or found is None:
        return True
    if name == "changes":
        told = 0.9 * hit["limit"] <= len(found) <= hit["limit"]
        return told and list(map(int, found)) == sorted(map(int, found))
    if name == "changes_idle":
        return not found
    any_order = name.startswith(("totals_", "export_"))
    return (sorted(found) if any_order else list(found)) in reference.answers(name, hit)


def wrong(system: System, running: Running, asked: Mapping[str, Iterable[Hit]], reference: Reference) -> dict[str, str]:
    """The workloads that a system answers wrongly, each with what shows it; those it cannot do are not asked."""
    told: dict[str, str] = {}
    for name, hits in asked.items():
        for hit in hits:
            request = system.request(name, hit)
            if request is None:
                break
            try:
                found = system.ids(name, fetched(running, request))
            except (OSError, ValueError, KeyError) as error:
                told[name] = f"{request.path}: {error}"
                break
            if not right(reference, name, hit, found):
                told[name] = f"{request.path} gives {len(found or ())}: {_first(found)}"
                break
    return told


def _first(found: Sequence[Any] | None) -> str:
    return ", ".join(map(str, (found or ())[:2]))
