"""The log of a running service: a line for each request and each fault, as text or JSON, without what clients sent."""

import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson


def set_up(style: str, level: str) -> None:
    """Write the log to standard error; `style` is text or json, `level` the lowest that is written."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def members(record: logging.LogRecord) -> dict[str, Any]:
    """What a line says. Of an error its kind and place: its message may hold what a client sent, or a key."""
    told: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    told |= getattr(record, "told", {})
    if record.exc_info and record.exc_info[1] is not None:
        told["errors"] = [_place(error) for error in _chain(record.exc_info[1])]
    return told


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, then what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place(error: BaseException) -> dict[str, Any]:
    stack = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        stack.append(f"{'/'.join(code.co_filename.split('/')[-3:])}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return {"type": f"{type(error).__module__}.{type(error).__qualname__}", "stack": stack}


class JsonLines(logging.Formatter):
    """One JSON object to a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return orjson.dumps(members(record), default=str).decode()


class TextLines(logging.Formatter):
    """The same for the eye: time, level, message, then name=value; the stack of an error below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        told = members(record)
        errors = told.pop("errors", [])
        del told["logger"]
        opening = (str(told.pop(name)) for name in ("time", "level", "message"))
        lines = [" ".join([*opening, *(f"{name}={value}" for name, value in told.items())])]
        for error in errors:
            lines += [f"  {error['type']}", *(f"    {place}" for place in error["stack"])]
        return "\n".join(lines)
