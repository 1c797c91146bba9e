"""R20: forty requests that are meant to be expensive cost the server a bounded time and memory, whatever they ask."""

import gzip
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from tests import make
from tests.faults.harness import Server, served

SECONDS, MIB = 2.0, 100
"""Of the processor for one request, and of memory for all of them together."""
MERGE = "application/merge-patch+json"


def shape(corners: int) -> str:
    """A polygon of so many corners, on a circle's two sides."""
    there = [f"{-100 + n / 1000:.3f} {20 + n % 7}" for n in range(corners)]
    return f"POLYGON(({', '.join([*there, there[0]])}))"


def reads() -> Iterator[tuple[str, dict[str, str]]]:
    """Paths and queries."""
    terms = [f"title = 'a{n}'" for n in range(2_500)]
    for path in ("/v1/incidents", "/v1/totals", "/v1/incidents.csv", "/v1/changes"):
        yield path, {"filter": " OR ".join(terms)}
        yield path, {"filter": f"S_INTERSECTS(geometry, {shape(3_000)})"}
        yield path, {"filter": f"S_INTERSECTS(geometry, {shape(990)})"}
        yield path, {"filter": "NOT " * 5_000 + "type = 'attack'"}
        yield path, {"filter": "(" * 20_000}
        yield path, {"filter": "title LIKE '" + "%a" * 5_000 + "'"}
        yield path, {"q": " ".join(f"w{n}*" for n in range(6_000))}
    yield "/v1/incidents", {"limit": "1000000000", "count": "exact", "include": "actors,locations,sources"}
    yield "/v1/incidents", {"tag": ",".join(f"t{n}" for n in range(7_000))}
    yield "/v1/incidents", {"cursor": "A" * 60_000}
    yield "/v1/incidents", {"lat": "0", "lon": "0", "radius_km": "20037", "max_precision": "country"}
    yield "/v1/totals", {"by": "actor,location,tag", "include_period_totals": "true"}
    yield "/v1/duplicates", {"km": "20000", "days": "36500", "min_score": "0"}


def writes() -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """Paths, bodies and headers."""
    media = {"Content-Type": "application/json"}
    yield "/v1/incidents", b"[" * 100_000, media
    yield "/v1/incidents", b'{"raw":' * 100_000, media
    yield "/v1/incidents", json.dumps({f"k{n}": n for n in range(100_000)}).encode(), media
    yield "/v1/incidents", json.dumps(make.incident(raw={f"k{n}": n for n in range(100_000)})).encode(), media
    yield "/v1/incidents", json.dumps(make.incident(summary="x" * 1_900_000)).encode(), media
    yield "/v1/incidents", json.dumps(make.incident(claims=[make.claim()] * 15_000)).encode(), media
    yield "/v1/incidents", b'{"title": ' + b"9" * 1_000_000 + b"}", media
    yield "/v1/incidents", gzip.compress(b" " * 10_000_000), media | {"Content-Encoding": "gzip"}
    yield "/v1/incidents/bulk", b'{"title":"' + b"x" * 20_000_000, {"Content-Type": "application/x-ndjson"}
    yield "/v1/incidents/bulk", b"\n" * 1_000_000, {"Content-Type": "application/x-ndjson"}


def told_of(server: Server) -> tuple[float, int]:
    """Seconds of the processor that the server has used, and the most memory (MiB) that it held."""
    assert server.process is not None
    own = Path(f"/proc/{server.process.pid}")
    user, system = (own / "stat").read_text().rpartition(") ")[2].split()[11:13]
    most = int(re.search(r"VmHWM:\s+(\d+) kB", (own / "status").read_text())[1]) // 1024
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK"), most


def test_no_request_costs_more_than_its_bound(seeded_url: str, tmp_path: Path) -> None:
    asked: list[tuple[str, str, dict[str, Any]]] = [("GET", f"{path}?{urlencode(told)}", {}) for path, told in reads()]
    with served(seeded_url, tmp_path) as server:
        key = {"Authorization": f"Bearer {server.key}"}
        asked += [("POST", path, {"content": body, "headers": key | more}) for path, body, more in writes()]
        assert len(asked) >= 40
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60) as client:
            for path in ("/v1/incidents", "/v1/totals", "/v1/incidents.csv", "/v1/duplicates"):
                assert client.get(path).status_code == 200
            client.post("/v1/incidents", json=make.incident(), headers=key)
            _, before = told_of(server)
            costs = []
            for method, path, more in asked:
                begun, _ = told_of(server)
                answer = client.request(method, path, **more)
                costs.append((told_of(server)[0] - begun, answer.status_code, f"{method} {path[:60]}"))
                assert answer.status_code < 500, (path[:200], answer.text[:300])
            assert client.get("/v1/incidents?count=exact").json()["total"] >= 1
            _, after = told_of(server)
    slow, status, what = max(costs)
    sys.stdout.write(f"{len(costs)} requests: the dearest took {slow:.2f} s ({status}, {what}), {after - before} MiB\n")
    assert [one for one in costs if one[0] > SECONDS] == []
    assert after - before <= MIB
