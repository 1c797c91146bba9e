"""The codebook: every field of the catalogue and every code list, as JSON or CSV, with what they mean."""

import csv
import gzip
import io
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson
from fastapi import Request, Response

from incidents_api.access import OPEN
from incidents_api.errors import PROBLEMS, NotFound
from incidents_api.model import vocabulary
from incidents_api.model.kinds import KINDS
from incidents_api.model.visitor import Visitor
from incidents_api.reading import query
from incidents_api.routes import web
from incidents_api.routes.describe import parameter
from incidents_api.routes.web import Endpoint

_DAY = {"Cache-Control": "public, max-age=3600"}


def endpoints() -> list[Endpoint]:
    """The codebook and the list of problems."""
    made = {"type": "object"}
    code = parameter("code", "path", "Code of a problem.", {"type": "string"}, required=True)

    def get(path: str, handler: web.Handler, name: str, summary: str, **more: Any) -> Endpoint:
        return Endpoint("GET", path, OPEN, handler, name, summary, "service", **({"answer": made} | more))

    return [
        get("/v1/codebook", _codebook, "codebook", "Fields and codes, with their meanings"),
        get(
            "/v1/codebook.csv", _csv, "codebook_csv", "The codebook as CSV", answer={"type": "string"}, media="text/csv"
        ),
        get("/v1/problems", _problems, "list_problems", "Every problem that an answer can be"),
        get(
            "/v1/problems/{code}", _problem, "read_problem", "What a problem means", parameters=(code,), problems=(404,)
        ),
    ]


def fields() -> list[dict[str, Any]]:
    """Every field of every kind: what it means, where it stands, and what can be done with it."""
    return [
        {
            "kind": kind.name,
            "field": field.name,
            "path": field.path,
            "type": field.type,
            "many": field.many,
            "meaning": field.meaning,
            "codes": field.codes,
            "filter": field.filter is not None,
            "sort": field.sort,
            "group": field.group,
        }
        for kind in KINDS.values()
        for field in kind.fields
        if not field.internal
    ]


def lists() -> list[dict[str, Any]]:
    """Every code list with its codes, definitions, parents and crosswalks."""
    return [
        {
            "list": one.name,
            "label": one.label,
            "meaning": one.meaning,
            "codes": [
                {
                    "code": code.code,
                    "label": code.label,
                    "definition": code.definition,
                    "parent": code.parent,
                    "crosswalk": dict(code.crosswalk),
                }
                | {name: list(value) if isinstance(value, tuple) else value for name, value in code.extra.items()}
                for code in one.codes.values()
            ],
        }
        for one in vocabulary.LISTS.values()
    ]


async def _codebook(request: Request, _: Visitor) -> Response:
    query.read_once(request.scope["query_string"])
    return web.smallest_answer(request, _forms(), _DAY)


@cache
def _forms() -> Mapping[str | None, bytes]:
    """The codebook, compressed too: the explorer page reads all of it, and it never changes while the service runs."""
    told = {"fields": fields(), "lists": lists(), "vague_words": dict(vocabulary.VAGUE_WORDS)}
    plain = orjson.dumps(told)
    return {"gzip": gzip.compress(plain, mtime=0), None: plain}


async def _csv(request: Request, _: Visitor) -> Response:
    query.read_once(request.scope["query_string"])
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(("kind_or_list", "name", "type", "label", "meaning", "parent", "codes"))
    for field in fields():
        table.writerow((field["kind"], field["field"], field["type"], "", field["meaning"], "", field["codes"] or ""))
    for one in vocabulary.LISTS.values():
        for code in one.codes.values():
            table.writerow((one.name, code.code, "code", code.label, code.definition, code.parent or "", ""))
    headers = _DAY | {"Content-Disposition": 'attachment; filename="codebook.csv"'}
    return web.answer(text.getvalue(), headers=headers, media="text/csv")


def _told(problem: Any) -> dict[str, Any]:
    return {"code": problem.code, "status": problem.status, "title": problem.title, "meaning": problem.__doc__}


async def _problems(request: Request, _: Visitor) -> Response:
    query.read_once(request.scope["query_string"])
    return web.json_answer({"problems": [_told(problem) for problem in PROBLEMS]}, headers=_DAY)


async def _problem(request: Request, _: Visitor) -> Response:
    query.read_once(request.scope["query_string"])
    for problem in PROBLEMS:
        if problem.code == request.path_params["code"]:
            return web.json_answer(_told(problem), headers=_DAY)
    raise NotFound("there is no problem of this code; GET /v1/problems lists them")
