"""The way of a request to its route: one look-up by its path. FastAPI describes the routes; it does not look for them.

A router tries its routes one after the other and wraps each request several times, which costs more than most reads do
(docs/decisions/0031-what-a-read-costs.md). What has no route here goes on to it, and it says what is wrong.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from incidents_api.errors import Problem
from incidents_api.routes.web import Endpoint, guarded, problem_answer

Handle = Callable[[Request], Awaitable[Response]]


class Direct:
    """Gives a request to the handler of its method and path, and its answer the `headers` of every answer.

    A path that is declared as it stands is never taken for an id: PUT /v1/incidents/bulk has no route.
    """

    def __init__(self, app: ASGIApp, endpoints: Iterable[Endpoint], headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._app, self._headers = app, list(headers)
        self._handlers: dict[tuple[str | None, ...], tuple[tuple[str, ...], dict[str, Handle]]] = {}
        self._gaps: dict[int, list[tuple[int, ...]]] = {}
        for endpoint in endpoints:
            parts = endpoint.path.split("/")
            gaps = tuple(n for n, part in enumerate(parts) if part[:1] == "{")
            names = tuple(parts[n][1:-1] for n in gaps)
            self._handlers.setdefault(_shape(parts, gaps), (names, {}))[1][endpoint.method] = guarded(endpoint)
            known = self._gaps.setdefault(len(parts), [])
            if gaps not in known:
                known.append(gaps)
                known.sort(key=len)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on what has no route."""
        found = self._find(scope) if scope["type"] == "http" and not scope.get("root_path") else None
        if found is None:
            await self._app(scope, receive, send)
            return
        handle, scope["path_params"] = found
        request = Request(scope, receive, send)
        try:
            response = await handle(request)
        except Problem as problem:
            response = problem_answer(problem, scope["path"])
        response.raw_headers.extend(self._headers)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[Handle, dict[str, str]] | None:
        parts = scope["path"].split("/")
        for gaps in self._gaps.get(len(parts), ()):
            found = self._handlers.get(_shape(parts, gaps))
            if found is None:
                continue
            names, handlers = found
            handle = handlers.get(scope["method"])
            if handle is None or not all(parts[n] for n in gaps):
                return None
            return handle, {name: parts[n] for name, n in zip(names, gaps, strict=True)}
        return None


def _shape(parts: Sequence[str], gaps: Sequence[int]) -> tuple[str | None, ...]:
    """A path with gaps where its parameters stand."""
    shape: list[str | None] = [*parts]
    for n in gaps:
        shape[n] = None
    return tuple(shape)
