"""The store as lines of NDJSON, whatever engine it is kept in: the log, to be verified elsewhere."""

import json
from collections.abc import Iterator

from sqlalchemy.engine import Connection

from incidents_api.model.revision import Revision
from incidents_api.writing.verify import revisions


def log_lines(conn: Connection) -> Iterator[str]:
    """Each revision as a JSON object with its columns as they are stored, in the order of seq."""
    for revision in revisions(conn):
        yield json.dumps({name: getattr(revision, name) for name in Revision.__slots__}, ensure_ascii=False) + "\n"
