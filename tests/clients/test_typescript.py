"""TypeScript types generated from the OpenAPI document: strict code that uses them compiles, runs, and is checked."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import CACHE, Server, making, npm, with_programs
from tests.test_docs import stated

PACKAGES = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3", "@types/node@20.19.0")

CALLS = """
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

const [address, key] = process.argv.slice(2) as [string, string];
const store = createClient<paths>({ baseUrl: address, headers: { Authorization: `Bearer ${key}` } });

const report: components["schemas"]["IncidentReport"] = {
  type: "kidnapping",
  date: "2024-11~",
  location: "Mazatlán, MX-SIN",
  claims: [{ measure: "kidnapped", population: "victims", value: 4, quote: "four were taken" }],
  source: "https://news.example/mazatlan",
};
const made = await store.POST("/v1/incidents", { body: report });
if (!made.data) throw new Error(made.error.detail);
console.log(made.response.status, made.data.tallies[0]?.best, made.data.resolved?.[0]?.how);

const read = await store.GET("/v1/incidents/{id}", { params: { path: { id: made.data.id } } });
console.log(read.data?.locations[0]?.admin1, read.response.headers.get("etag") !== null);

const page = await store.GET("/v1/incidents", {
  params: { query: { admin1: ["MX-SIN"], sort: ["-date"], limit: 2, count: "exact" } },
});
console.log(page.data?.total, page.data?.items.length, page.data?.next !== null);

const totals = await store.GET("/v1/totals", { params: { query: { by: ["country"] } } });
const row = totals.data?.rows[0];
console.log(row?.key.country, row?.measures.freed?.best);

const table = await store.GET("/v1/incidents.csv", { parseAs: "text" });
console.log(table.data?.slice(0, 2));

const wrong = await store.GET("/v1/incidents", { params: { query: { country: ["XX"] } } });
console.log(wrong.error?.status, wrong.error?.errors?.[0]?.parameter);
"""

PRINTED = """
201 4 created
MX-SIN true
6 2 true
MX 82
id
400 country
"""

WRONG = CALLS.replace('type: "kidnapping"', 'type: "kidnaping"')


@pytest.fixture(scope="session")
def openapi_typescript() -> Path:
    """A folder with the generator, the small client that uses what it writes, and the compiler."""
    name = "openapi-typescript-7.13.0"
    with making(name) as folder:
        if folder is not None:
            folder.mkdir(exist_ok=True)
            (folder / "package.json").write_text('{"private": true, "type": "module"}')
            npm(["install", "--no-audit", "--no-fund", "--no-package-lock", "--save-exact", *PACKAGES], folder)
    return CACHE / name


def test_generated_types_compile_and_run(openapi_typescript: Path, server: Server, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(openapi_typescript / "node_modules")
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    (tmp_path / "main.ts").write_text(CALLS)
    (tmp_path / "wrong.ts").write_text(WRONG)
    environment = with_programs(openapi_typescript / "node_modules/.bin")

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    made = run(
        "openapi-typescript",
        f"{server.address}/openapi.json",
        "--default-non-nullable=false",
        "--output",
        "schema.d.ts",
    )
    assert made.returncode == 0, made.stderr
    compiler = ["tsc", "--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]
    compiled = run(*compiler, "main.ts")
    assert compiled.returncode == 0, compiled.stdout
    done = run("node", "main.js", server.address, server.key)
    assert done.returncode == 0, done.stderr
    assert stated(PRINTED).fullmatch(done.stdout.strip()), done.stdout
    refused = run(*compiler, "--noEmit", "wrong.ts")
    assert refused.returncode != 0
    assert "kidnaping" in refused.stdout
