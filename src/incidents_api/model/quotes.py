"""Quotes checked against the text of their source: verbatim first, then with white space normalised."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any


class QuoteError(ValueError):
    """The quote is not in the text, or not where it says; the text of the error is for the one who sent it."""


def check(quote: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The quote as stored: the slice of the original text and its offsets in code points, end exclusive.

    Offsets that are given must hold. Without them the first place is taken. Where the words stand in the text only
    with other white space (a no-break space, a line break), the slice of the original is kept.
    """
    words, start, end = quote["text"], quote["start"], quote["end"]
    if start is not None or end is not None:
        start = start if start is not None else end - len(words)
        end = end if end is not None else start + len(words)
        found = text[start:end] if 0 <= start <= end <= len(text) else ""
        if found == words or (found and found.split() == words.split()):
            return {"text": found, "start": start, "end": end}
        place = _find(words, text)
        told = f"; it stands at {place[0]} to {place[1]}" if place else "; it is not in the text at all"
        raise QuoteError(f"the text from {start} to {end} reads otherwise{told}")
    place = _find(words, text)
    if place is None:
        raise QuoteError("these words are not in the text of the source")
    return {"text": text[place[0] : place[1]], "start": place[0], "end": place[1]}


def _find(words: str, text: str) -> tuple[int, int] | None:
    at = text.find(words)
    if at >= 0:
        return at, at + len(words)
    wanted = " ".join(words.split())
    if not wanted:
        return None
    squeezed, origins = _squeezed(text)
    at = squeezed.find(wanted)
    return None if at < 0 else (origins[at], origins[at + len(wanted) - 1] + 1)


@lru_cache(maxsize=4)
def _squeezed(text: str) -> tuple[str, list[int]]:
    """The text with every run of white space as one space, and for each character of it where it came from."""
    squeezed: list[str] = []
    origins: list[int] = []
    in_space = False
    for position, character in enumerate(text):
        space = character.isspace()
        if not (space and in_space):
            squeezed.append(" " if space else character)
            origins.append(position)
        in_space = space
    return "".join(squeezed), origins
