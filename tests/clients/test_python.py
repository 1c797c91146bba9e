"""A Python client generated from the OpenAPI document: every module loads; it posts, reads, asks and takes files."""

import subprocess
from pathlib import Path

from tests.clients.conftest import Server, with_programs
from tests.test_docs import ROOT, blocks, stated

CALLS = """
import pkgutil, sys
from importlib import import_module

import incidents_client
from incidents_client import AuthenticatedClient
from incidents_client.api.claims import list_claims
from incidents_client.api.incidents import (
    create_incident, export_incidents_csv, export_incidents_ndjson, export_incidents_parquet, list_incidents,
    patch_incident, read_incident, totals,
)
from incidents_client.models import IncidentReport, Problem

modules = [name for _, name, _ in pkgutil.walk_packages(incidents_client.__path__, "incidents_client.")]
for name in modules:
    import_module(name)
print("modules", len(modules) > 500)

address, key = sys.argv[1:]
with AuthenticatedClient(base_url=address, token=key) as client:
    report = IncidentReport.from_dict({
        "type": "kidnapping",
        "date": "2024-11~",
        "location": "Mazatlán, MX-SIN",
        "claims": [{"measure": "kidnapped", "population": "victims", "value": 4, "quote": "four were taken"}],
        "source": "https://news.example/mazatlan",
    })
    answer = create_incident.sync_detailed(client=client, body=report)
    print(answer.status_code, answer.parsed.tallies[0].best, [one.how for one in answer.parsed.resolved])
    read = read_incident.sync_detailed(answer.parsed.id, client=client)
    print(read.parsed == read_incident.sync(answer.parsed.id, client=client), read.parsed.locations[0].admin1)
    page = list_incidents.sync(client=client, admin1=["MX-SIN"], sort=["-date"], limit=2, count="exact")
    print(page.total, len(page.items), page.next_ is not None)
    rows = totals.sync(client=client, by=["country"]).rows
    print(rows[0].key.additional_properties, rows[0].measures.additional_properties["freed"].best)
    print(len(list_claims.sync(client=client, measure=["freed"]).items) > 1)
    print(export_incidents_csv.sync(client=client)[:2].decode(), end=" ")
    print(len(export_incidents_ndjson.sync(client=client).splitlines()), end=" ")
    print(export_incidents_parquet.sync(client=client)[:4])
    problem = list_incidents.sync(client=client, country=["XX"])
    print(isinstance(problem, Problem), problem.errors[0].parameter)
"""

PRINTED = """
modules True
201 4 ['created', ...]
True MX-SIN
6 2 True
{'country': 'MX'} 82
True
id 13 b'PAR1'
True country
"""


def test_a_generated_client_compiles_and_runs(openapi_python_client: Path, server: Server, tmp_path: Path) -> None:
    config = next(block.text for block in blocks(ROOT / "docs/scripts.md") if block.language == "yaml")
    (tmp_path / "client.yaml").write_text(config)
    document = f"{server.address}/openapi.json"
    command = ["openapi-python-client", "generate", "--url", document, "--config", "client.yaml"]
    environment = with_programs(openapi_python_client)
    made = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (made.returncode, "WARNING" in made.stdout + made.stderr) == (0, False), made.stdout + made.stderr
    run = [openapi_python_client / "python", "-c", CALLS, server.address, server.key]
    done = subprocess.run(
        run, cwd=tmp_path / "incidents-client", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert stated(PRINTED).fullmatch(done.stdout.strip()), done.stdout
