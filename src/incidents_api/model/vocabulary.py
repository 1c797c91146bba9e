"""The closed lists of codes that records are written with, read once from the packaged vocabulary.json.

Sources of the lists: the UCDP GED codebook, GTD, ACLED, the MUC-4 slot fills, the HURIDOCS standard formats, ICCS and
the Admiralty grading of sources; the wording of the definitions is this project's own.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

_KNOWN = frozenset({"code", "label", "definition", "parent", "crosswalk"})
_EXTRA = frozenset({"class", "moves", "warning"})
_LONGEST = 64  # no code comes near it; it bounds what a mistyped word can cost


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a list.

    `crosswalk` gives, by dataset or by dataset and field, what other datasets write for it: one value or a tuple of
    values. Several codes may share a foreign value, so an importer that reads it backwards needs a rule of its own.
    `extra` holds what only some lists have: `class` of a measure (exposure, outcome, consequence, resource), `moves` of
    a review status (a tuple of the statuses it may change to), `warning` where a code is easily misread.
    """

    code: str
    label: str
    definition: str
    parent: str | None
    crosswalk: Mapping[str, Any]
    extra: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CodeList:
    """One list: what its codes say about a record, and the codes in the order of the file, each after its parent."""

    name: str
    label: str
    meaning: str
    codes: Mapping[str, Code]


def _frozen(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType({key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})


def _code_list(name: str, entry: Mapping[str, Any]) -> CodeList:
    """Build one list; ValueError names the list and the code that breaks a rule.

    A parent must stand before its children: that makes every list a tree, since no code can come to lie beneath itself.
    """
    every = {row["code"] for row in entry["codes"]}
    found: dict[str, Code] = {}
    for row in entry["codes"]:
        code, parent = row["code"], row.get("parent")
        if code in found:
            raise ValueError(f"vocabulary.json: {name}: {code!r} is listed twice")
        if parent is not None and parent not in every:
            raise ValueError(f"vocabulary.json: {name}: {code!r} has the unknown parent {parent!r}")
        if parent is not None and parent not in found:
            raise ValueError(
                f"vocabulary.json: {name}: {code!r} stands before its parent {parent!r} or in a cycle with it"
            )
        extra = {key: value for key, value in row.items() if key not in _KNOWN}
        if not extra.keys() <= _EXTRA:
            raise ValueError(f"vocabulary.json: {name}: {code!r} has unknown keys {sorted(extra.keys() - _EXTRA)}")
        crosswalk = _frozen(row.get("crosswalk", {}))
        found[code] = Code(code, row["label"], row["definition"], parent, crosswalk, _frozen(extra))
    return CodeList(name, entry["label"], entry["meaning"], MappingProxyType(found))


def _load(path: Path) -> tuple[Mapping[str, CodeList], Mapping[str, int]]:
    document = json.loads(path.read_bytes())
    words: dict[str, int] = document.pop("vague_words")["words"]
    lists = {name: _code_list(name, entry) for name, entry in document.items()}
    return MappingProxyType(lists), MappingProxyType(words)


LISTS: Mapping[str, CodeList]
"""Every list by name."""

VAGUE_WORDS: Mapping[str, int]
"""The lower bound that a word for a number stands for ("dozens": 24): this project's convention, not the field's."""

LISTS, VAGUE_WORDS = _load(Path(__file__).with_name("data") / "vocabulary.json")


def codes(name: str) -> tuple[str, ...]:
    """The codes of a list in the order of the file; KeyError if there is no such list."""
    return tuple(LISTS[name].codes)


def below(name: str, code: str) -> tuple[str, ...]:
    """The code and everything beneath it in its tree, in the order of the file; KeyError if list or code is unknown."""
    listed = LISTS[name].codes
    branch = {listed[code].code}
    for entry in listed.values():  # one pass is enough: parents come first
        if entry.parent in branch:
            branch.add(entry.code)
    return tuple(entry for entry in listed if entry in branch)


def _plain(word: str) -> str:
    return word[:_LONGEST].strip().casefold()[:_LONGEST].replace("-", "_").replace(" ", "_")


def suggest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that a mistyped one most likely means, for "did you mean"; None if nothing is near.

    Case, hyphens and spaces make no difference; only the first 64 characters of a word are looked at.
    """
    spelled: dict[str, str] = {}
    for candidate in allowed:
        spelled.setdefault(_plain(candidate), candidate)
    plain = _plain(word)
    if plain in spelled:
        return spelled[plain]
    longer = [candidate for candidate in spelled if len(plain) > 2 and candidate.startswith(plain)]
    if longer:
        return spelled[longer[0]]
    near = difflib.get_close_matches(plain, spelled, n=1)
    return spelled[near[0]] if near else None
