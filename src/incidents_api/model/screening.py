"""Free text screened for what could lead to a person: phone numbers, e-mail addresses, plates, exact coordinates.

Meant for what people write themselves, not for words quoted from a published source. It errs on the side of asking: who
means what was found can say so (`confirm`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from incidents_api.model.wire import Record

KINDS = ("phone", "email", "plate", "coordinates")
"""What is looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something in a text: of which kind, its words, and where they begin."""

    kind: str
    text: str
    start: int


_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
# Groups of digits parted by one character each, as numbers are written to be dialled.
_NUMBER = re.compile(r"(?<![\w.,/:$-])\+?\(?\d{1,4}\)?(?:[ .-]1)?(?:[ .-]\(?\d{2,4}\)?){2,6}(?![\w/:%-]|[.,]\d)")
_DIALLED = re.compile(r"(?<![\w.,/:$-])\+?\d{8,15}(?![\w/:%-]|[.,]\d)")
_CALL = re.compile(
    r"(?:\btel\b|tel[eé]fono|\bcel\b|celular|m[oó]vil|whats ?app|\bphone|\bcall|\bmobile)\W{0,3}\D{0,12}$", re.I
)
_PLATE = re.compile(
    r"(?<![\w-])(?:[A-Z]{3}-\d{2}-\d{2}|[A-Z]{3}-\d{3}-[A-Z]|[A-Z]{2}-\d{2}-\d{3}|[A-Z]{2}-\d{4}-[A-Z]"
    r"|[A-Z]\d{2}-[A-Z]{3})(?![\w-])"
)
_TOLD_PLATE = re.compile(
    r"\b(?i:placas?|matr[ií]cula|(?:licen[cs]e |number |vehicle )?plates?)(?i: de circulaci[oó]n| number| n[uú]mero)?"
    r"[ :]{1,3}(?P<plate>(?=[A-Z0-9 -]*\d[A-Z0-9 -]*\d)(?=[A-Z0-9 -]*[A-Z])[A-Z0-9]{2,4}(?:[ -]?[A-Z0-9]{1,4}){1,3})\b"
)
_DECIMAL = re.compile(r"(?<![\d.])(-?\d{1,3}\.\d{3,15})°?\s?[NSns]?\s?[,;/ ]\s?(-?\d{1,3}\.\d{3,15})(?![\d.]|\s?%)")
_DEGREES = re.compile(
    r"\d{1,3}\s?°\s?\d{1,2}\s?['\u2032\u2019]\s?(?:\d{1,2}(?:[.,]\d{1,6})?\s?(?:\"|\u2033|\u201d|''))?\s?[NSEWO]\b"
)


# What each of them cannot be without: most texts have nothing of it, and that is told at once.
_DIGITS = re.compile(r"\d[\d .()-]{6}")
_MANY_DIGITS = re.compile(r"\d{8}")
_HYPHEN = re.compile(r"-\d|-[A-Z]{3}")
_FRACTION = re.compile(r"\.\d{3}")
_PLATE_WORDS = ("placa", "matr", "plate")


def screen(text: str) -> list[Found]:
    """Everything found in a text, in the order of the text."""
    found = [*_emails(text), *_phones(text), *_plates(text), *_coordinates(text)]
    return sorted(found, key=lambda one: (one.start, one.kind)) if found else found


def _emails(text: str) -> Iterator[Found]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        yield Found("email", match[0], match.start())


def _phones(text: str) -> Iterator[Found]:
    if not _DIGITS.search(text):
        return
    for match in _NUMBER.finditer(text):
        if _is_dialled(match[0]):
            yield Found("phone", match[0], match.start())
    for match in _DIALLED.finditer(text) if _MANY_DIGITS.search(text) else ():
        # Without parts it could be any number: a plus sign or what stands before it must say that it is called.
        if match[0][0] == "+" or _CALL.search(text[max(0, match.start() - 40) : match.start()]):
            yield Found("phone", match[0], match.start())


def _is_dialled(text: str) -> bool:
    """Whether groups of digits make a number to call: ten digits (Mexico, North America), or with a country's code."""
    groups = re.findall(r"\d+", text)
    count = sum(map(len, groups))
    if text[0] == "+":
        return 8 <= count <= 15
    if all(len(group) == 3 for group in groups[1:]) or _is_date(groups) or _are_years(groups):
        return False
    return count == 10 or (groups[0] in ("1", "01", "52", "521") and 11 <= count <= 13)


def _is_date(groups: list[str]) -> bool:
    sizes = [len(group) for group in groups[:3]]
    return sizes == [4, 2, 2] or (sizes == [2, 2, 4] and groups[2][:2] in ("19", "20"))


def _are_years(groups: list[str]) -> bool:
    return all(len(group) == 4 and group[:2] in ("19", "20") for group in groups[1:])


def _plates(text: str) -> Iterator[Found]:
    found: dict[int, str] = {}
    if _HYPHEN.search(text):
        found |= {match.start(): match[0] for match in _PLATE.finditer(text)}
    lower = text.lower()
    if any(word in lower for word in _PLATE_WORDS):
        found |= {match.start("plate"): match["plate"] for match in _TOLD_PLATE.finditer(text)}
    for start, plate in sorted(found.items()):
        yield Found("plate", plate, start)


def _coordinates(text: str) -> Iterator[Found]:
    for match in _DECIMAL.finditer(text) if _FRACTION.search(text) else ():
        one, other = abs(float(match[1])), abs(float(match[2]))
        if min(one, other) <= 90 and max(one, other) <= 180 and max(one, other) >= 1:
            yield Found("coordinates", match[0], match.start())
    for match in _DEGREES.finditer(text) if "°" in text else ():
        yield Found("coordinates", match[0], match.start())


# --- Records -------------------------------------------------------------------------------------------------------

_PROSE = ("title", "summary", "description", "note")
"""Members that people write in their own words. Words of sources (quotes, verbatim), names and the raw row are none."""


def texts(record: Record) -> Iterator[tuple[str, str]]:
    """(pointer, text) of every free text of a record of any kind."""
    for name in _PROSE:
        if isinstance(record.get(name), str) and not ("publisher" in record and name == "title"):
            yield f"/{name}", record[name]
    reason = (record.get("review") or {}).get("reason")
    if reason is not None:
        yield "/review/reason", reason
    for n, claim in enumerate(record.get("claims", ())):
        if claim["note"] is not None:
            yield f"/claims/{n}/note", claim["note"]


def screened(record: Record, before: Record | None = None) -> Iterator[tuple[str, Found]]:
    """(pointer, what was found) of the free texts of a record; what the record before held already is not told."""
    held = {(one.kind, one.text) for _, text in texts(before or {}) for one in screen(text)}
    for pointer, text in texts(record):
        for one in screen(text):
            if (one.kind, one.text) not in held:
                yield pointer, one
