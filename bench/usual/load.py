"""Loads the store of the usual architecture: `python -m bench.usual.load FOLDER SIZE TOLD`, as many programs do it."""

import csv
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.incidents import SCHEME
from bench.systems import NUMBERS, Data
from bench.usual.answers import IncidentIn
from bench.usual.app import DIALECT, engine, entity, new_session, words
from bench.usual.entities import ADD_WORDS, INDEX_OF_WORDS, WORDS, Actor, Entity, Incident, Revision, Source

BATCH = 1_000


def load(data: Data) -> float:
    """Everything that the public sees, as it stands after the revisions; the seconds for the incidents."""
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS words"))
    Entity.metadata.drop_all(engine)  # an earlier attempt that was stopped
    Entity.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(WORDS[DIALECT]))
        for table, file, kept in ((Actor, data.actors, ("name",)), (Source, data.sources, ("title", "url"))):
            told = (json.loads(line) for line in file.open(encoding="utf-8"))
            rows = [{"id": _number(one) + 1} | {name: one[name] for name in kept} for one in told]
            connection.execute(sa.insert(table), rows)
    begun = time.perf_counter()
    flat = _flat(data)
    reports = _reports(data)
    while batch := list(islice(zip(flat, reports, strict=True), BATCH)):
        with new_session() as db:
            made = [entity(row, report) for row, report in batch]
            db.add_all(made)
            db.flush()
            found = [{"n": one.n, "text": words(row)} for one, (row, _) in zip(made, batch, strict=True)]
            db.execute(sa.text(ADD_WORDS[DIALECT]), found)
            db.add_all(_audit(one, row, report) for one, (row, report) in zip(made, batch, strict=True))
            db.commit()
    with engine.begin() as connection:
        if (statement := INDEX_OF_WORDS[DIALECT]) is not None:
            connection.execute(sa.text(statement))
    seconds = time.perf_counter() - begun
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
    return seconds


def _audit(one: Incident, row: dict[str, Any], report: IncidentIn) -> Revision:
    """The row that each write leaves, as a POST leaves it."""
    body = report.model_copy(update={"flat": row}).model_dump_json()
    return Revision(incident_n=one.n, version=1, recorded_at=one.recorded_at, body=body)


def _flat(data: Data) -> Iterator[dict[str, Any]]:
    with data.flat.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {name: NUMBERS.get(name, str)(text) if text else None for name, text in row.items()}


def _reports(data: Data) -> Iterator[IncidentIn]:
    """Claims and actors of the incidents that the public sees, in the order of the flat rows."""
    revised = {_number(one): one for one in map(json.loads, data.revisions.open(encoding="utf-8"))}
    for line in data.incidents.open(encoding="utf-8"):
        one = json.loads(line)
        if one.get("sensitivity") != "restricted":
            one = revised.get(_number(one), one)
            actors = [int(actor["actor"].partition(":")[2]) + 1 for actor in one["actors"]]
            source = int(one["source"].partition(":")[2]) + 1
            yield IncidentIn(flat={}, claims=one["claims"], actors=actors, source=source)


def _number(report: dict[str, Any]) -> int:
    return int(report["external_ids"][SCHEME])


if __name__ == "__main__":
    seconds = load(Data(Path(sys.argv[1]), int(sys.argv[2])))
    Path(sys.argv[3]).write_text(json.dumps({"seconds": seconds}))
