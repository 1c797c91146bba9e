"""Words of full text: how texts are cut into words, and how a search is read; the same for both databases."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from incidents_api.model.gazetteer import fold, folded_words
from incidents_api.model.wire import Record

MAX_WORDS = 12_000
"""How many words of one record are searched (a longer text is cut; both databases number places up to 16,383)."""
MAX_WORD = 60
MAX_TERMS = 20
BREAK = "\u00b6"
"""Stands between two texts, so that no phrase runs from one into the next; no search can hold it."""

_SKIPPED = frozenset(
    ("external_ids", "raw", "fingerprint", "url", "source_id", "location_id", "actor_id", "incident_id", "parent_id")
)
_WORDED = frozenset(
    (
        "title",
        "summary",
        "description",
        "note",
        "name",
        "aliases",
        "text",
        "verbatim",
        "attributed_to",
        "publisher",
        "author",
        "indicator",
        "tags",
    )
)
"""Members whose text can be searched; codes are filters, not words."""


def words_of(record: Record, names: Iterable[str] = ()) -> list[str]:
    """The words of a record (titles, summaries, quotes, names, notes) and of further names, folded, in order."""
    texts: list[str] = []
    _gather(record, texts, worded=False)
    found: list[str] = []
    for text in (*texts, *names):
        words = folded_words(text)
        found += words if max(map(len, words), default=0) <= MAX_WORD else [word[:MAX_WORD] for word in words]
        found.append(BREAK)
        if len(found) >= MAX_WORDS:
            return found[:MAX_WORDS]
    return found


def _gather(value: Any, into: list[str], *, worded: bool) -> None:
    """Add the texts of a value whose members are searched; `worded`: so are texts that stand in it alone."""
    # Exact types: JSON knows no others, and this runs through every member of every record written.
    if type(value) is dict:
        told = [
            name
            for name, item in value.items()
            if (name in _WORDED if type(item) is str else type(item) in _WITHIN and item and name not in _SKIPPED)
        ]
        for name in sorted(told):
            if type(item := value[name]) is str:
                into.append(item)
            else:
                _gather(item, into, worded=name in _WORDED)
    else:
        for item in value:
            if type(item) is not str:
                if type(item) in _WITHIN:
                    _gather(item, into, worded=worded)
            elif worded:
                into.append(item)


_WITHIN = (dict, list)


def name_key(text: str) -> str:
    """What names are compared by: folded, or as they stand where nothing is left of them but signs."""
    return (fold(text) or text.strip().casefold())[:500]  # folding can lengthen a name; an index entry has its bounds


def folded(text: str, *, case: bool, accents: bool) -> str:
    """The text without capitals (full case folding) or without accents (combining marks), or both."""
    if text.isascii():
        return text.lower() if case else text
    if accents:
        decomposed = unicodedata.normalize("NFD", text)
        text = "".join(character for character in decomposed if not unicodedata.combining(character))
    text = unicodedata.normalize("NFC", text)
    return unicodedata.normalize("NFC", text.casefold()) if case else text


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one after the other; with `prefix` the last one is only a beginning."""

    words: tuple[str, ...]
    prefix: bool = False


def read_search(text: str) -> tuple[Term, ...]:
    """The terms of a search, all of which must be found; ValueError when there is nothing to look for.

    Words apart by spaces, phrases in double quotes, a beginning with * after it: `"casa de seguridad" tamauli*`.
    """
    terms = []
    for n, part in enumerate(text.split('"')):
        quoted = n % 2 == 1
        for piece in [part] if quoted else part.split():
            bare = piece.rstrip()
            prefix = bare.endswith("*")
            found = tuple(word[:MAX_WORD] for word in fold(bare).split())
            if found:
                terms.append(Term(found, prefix))
    if text.count('"') % 2:
        raise ValueError("a quotation mark is not closed")
    if not terms:
        raise ValueError("it holds no letters or digits to look for")
    if len(terms) > MAX_TERMS or sum(len(term.words) for term in terms) > 3 * MAX_TERMS:
        raise ValueError(f"at the most {MAX_TERMS} terms")
    return tuple(terms)
