"""The follower of docs/scripts.md through a life of records: its copy is what the store holds, on both databases."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests import live, make
from tests.conftest import key_for
from tests.test_docs import ADDRESS, ROOT, blocks

PROGRAMS = [block.text for block in blocks(ROOT / "docs/scripts.md") if block.language == "python"]
FOLLOWER = next(text for text in PROGRAMS if "copy.db" in text)


def program(text: str, client: httpx.Client) -> str:
    """A program of the page, asking the server of the test."""
    assert ADDRESS in text
    return text.replace(f"http://{ADDRESS}", str(client.base_url).rstrip("/"))


def run(text: str, client: httpx.Client, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", program(text, client)], cwd=folder, check=True, timeout=60)


def copied(folder: Path) -> dict[str, Any]:
    with sqlite3.connect(folder / "copy.db") as copy:
        return {row[0]: json.loads(row[1]) for row in copy.execute("SELECT id, document FROM record")}


def current(client: httpx.Client) -> dict[str, Any]:
    kinds = ("incidents", "actors", "locations", "sources", "statistics")
    found = [one for kind in kinds for one in client.get(f"/v1/{kind}?limit=1000").json()["items"]]
    return {one["id"]: one for one in found}


def test_a_follower_keeps_a_copy(engine: str, new_store: Callable[..., str], tmp_path: Path) -> None:
    assert len([line for line in FOLLOWER.splitlines() if line]) <= 25
    with live.running(new_store(engine, seeded=True)) as (client, app):
        key = key_for(type("Holder", (), {"app": app})(), "write", "read:restricted")  # type: ignore[arg-type]
        run(FOLLOWER, client, tmp_path)
        assert copied(tmp_path) == current(client)
        made = [client.post("/v1/incidents", json=make.incident(title=f"No {n}"), headers=key).json() for n in range(3)]
        put = key | {"If-Match": "*"}
        client.delete(f"/v1/incidents/{made[0]['id']}?reason=test", headers=put)
        merge = put | {"Content-Type": "application/merge-patch+json"}
        run(FOLLOWER, client, tmp_path)
        assert copied(tmp_path) == current(client)
        client.patch(f"/v1/incidents/{made[1]['id']}", content='{"sensitivity":"restricted"}', headers=merge)
        client.patch(f"/v1/incidents/{made[2]['id']}", content='{"title":"Better"}', headers=merge)
        run(FOLLOWER, client, tmp_path)
        assert copied(tmp_path) == current(client)
        assert made[1]["id"] not in copied(tmp_path)
    # The store was restored: the copy starts over by itself.
    with live.running(new_store(engine)) as (client, _):
        run(FOLLOWER, client, tmp_path)
        assert copied(tmp_path) == {}
