"""Knows every country, ISO 3166 unit and town of the world by name, from one packaged file that is read block by block.

The data is GeoNames (https://www.geonames.org, licence CC BY 4.0) joined with the ISO 3166 code lists;
`tools/build_gazetteer.py` makes `data/gazetteer.bin` from it, with the points and names by hand of
`tools/gazetteer.toml`. A look-up decompresses one or two blocks of about 75 KB; nothing else is read, so opening costs
a millisecond and the file never becomes Python objects as a whole.

How the source's levels become kinds:

* `country`: the 249 countries of ISO 3166-1, and Kosovo under its user-assigned code XK.
* `admin1`: units with an ISO 3166-2 code of the first order. The few codes *above* the first order (Irish provinces,
  Icelandic regions, Indonesian islands, ...) are `admin1` too; `find` and `parents` know what lies in them.
* `admin2`: everything finer than that. Codes whose unit is itself second-order (French departments, Spanish and Italian
  provinces, UK districts, ...) keep their ISO key; the others have a GeoNames key. First-order units without an ISO
  code (Puerto Rican municipios, the Norwegian counties of 2024) are `admin2` without `admin1`: every `admin1` has one.
* `place`: populated places of 500 people and more, and seats of units.

The point of a `place` is where it is. The point of any unit or country only *represents* it and must never pass as a
place. The source has none for them, so it is the median of the places inside, rounded to 0.01 degrees, or one set by
hand; an ISO unit without any known place has the point of its seat, of a namesake, or at last of what it lies in, and
other units without places have none. Populations are those of places, in people.
"""

from __future__ import annotations

import json
import mmap
import unicodedata
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

_FILE: Final = Path(__file__).parent / "data" / "gazetteer.bin"
_KINDS: Final = ("country", "admin1", "place", "admin2")  # in the order of `find`
_BY_CODE: Final = 0x80  # kind byte: the key is an ISO code, not a GeoNames id
_NOWHERE: Final = -(2**31)  # coordinate of a record without a point
_DEGREE: Final = 100_000  # coordinates are kept as whole 1e-5 degrees, about a metre, as in the source


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the gazetteer.

    `key` is permanent: `iso3166:MX`, `iso3166:MX-SIN`, or `geonames:4012176` for what has no ISO code. `kind` is
    country, admin1, admin2 or place. `country` is ISO 3166-1 alpha-2; `admin1` the ISO 3166-2 code of the first-order
    unit it lies in, or is; `admin2` the key of the finer unit it lies in. `lon` and `lat` are WGS 84 degrees, both None
    together. `population` is None when unknown. `names` are the other names.
    """

    key: str
    name: str
    kind: str
    country: str
    admin1: str | None
    admin2: str | None
    lon: float | None
    lat: float | None
    population: int | None
    names: tuple[str, ...]


class _Letters(dict[int, str]):
    """The folded form of every character met so far, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if unicodedata.combining(char):
            form = ""
        elif 0x2B0 <= code <= 0x2FF or not (char.isalnum() or category.startswith("M")):
            form = " "  # the modifier letters are apostrophes of transcriptions
        else:
            form = char
        self[code] = form
        return form


# Letters that Unicode does not decompose, as they are written where the letter is missing.
_LETTERS: Final = _Letters(
    str.maketrans(
        {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "\u0131": "i"}
        | {"ə": "a", "ħ": "h", "ŧ": "t", "ŋ": "n", "ĸ": "k"}
    )
)


def fold(text: str) -> str:
    """Return the form in which names are compared: no accents, case or punctuation, single spaces.

    "Culiacán Rosales" and "CULIACAN  ROSALES" fold alike, and so do "Łódź" and "lodz". Nothing is left of a text
    without letters and digits. The file is sorted by this form: whoever changes it makes the file anew.
    """
    return " ".join(folded_words(text))


def folded_words(text: str) -> list[str]:
    """The words of a text in that form."""
    if text.isascii():
        bare = text.lower()
    else:
        bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return bare.translate(_LETTERS).split()


class _File(NamedTuple):
    """The open file: its bytes, the index of its blocks, and where they begin."""

    data: mmap.mmap
    start: int
    record_names: list[str]  # the first folded name of each block of records
    record_numbers: list[int]  # the number of its first record
    record_spans: list[list[int]]  # [offset, length]
    alias_names: list[str]
    alias_spans: list[list[int]]
    id_firsts: list[int]
    id_spans: list[list[int]]
    code_span: list[int]
    unit_span: list[int]
    more_ids_span: list[int]


class _Codes(NamedTuple):
    """The ISO codes in the order the records refer to them, and what belongs to each."""

    codes: list[str]
    middles: list[tuple[int, int]]  # its latitude and longitude, from which those of its records are measured
    first_units: list[int]  # where its finer units begin in `units`
    records: dict[str, int]
    above: dict[str, str]  # the unit above a first-order unit
    units: bytes  # keys of finer units: GeoNames ids, or positions in `codes` with the highest bit set


@lru_cache(maxsize=1)
def _file() -> _File:
    """Map the file and read its index: two lines of text (what it is, where the index ends), then the index."""
    with _FILE.open("rb") as stream:
        stream.readline()
        length = int(stream.readline())
        start = stream.tell() + length
        index = json.loads(zlib.decompress(stream.read(length)))
        return _File(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), start, **index)


def _unpack(span: Sequence[int]) -> bytes:
    file = _file()
    offset = file.start + span[0]
    rest = file.data[offset : offset + span[1]]
    parts = []
    while rest:  # one stream, or one per byte plane
        stream = zlib.decompressobj()
        parts.append(stream.decompress(rest))
        rest = stream.unused_data
    return b"".join(parts)


@lru_cache(maxsize=1)
def _codes() -> _Codes:
    table = _Codes([], [], [], {}, {}, _unpack(_file().unit_span))
    for line in _unpack(_file().code_span).decode().split("\n"):
        code, number, other, lat, lon, first_unit = line.split("\t")
        if len(code) == 3:  # alpha-3 codes come last: no record refers to them
            table.records[code] = table.records[other]
            continue
        table.codes.append(code)
        table.middles.append((int(lat), int(lon)))
        table.first_units.append(int(first_unit))
        table.records[code] = int(number)
        if other:
            table.above[code] = other
    return table


class _Block:
    """About two thousand records side by side: their names, and one run of bytes per column."""

    __slots__ = ("columns", "names", "others")

    def __init__(self, texts: bytes, columns: bytes) -> None:
        names, others = texts.decode().split("\0")
        self.names = names.split("\n")
        self.others = others.split("\n")
        self.columns = columns

    def number(self, row: int, first: int, width: int) -> int:
        """Return the number in `width` byte planes, low byte first, that begin after `first` planes."""
        count = len(self.names)
        return int.from_bytes(self.columns[first * count + row : (first + width) * count : count], "little")

    def place(self, row: int) -> Place:
        """Build the record in this row. Planes: kind, area 2, id 4, finer unit 2, lat 4, lon 4, population 4."""
        table = _codes()
        flags, area, own = self.number(row, 0, 1), self.number(row, 1, 2), self.number(row, 3, 4)
        code = table.codes[area]
        other = self.others[row]
        lat, lon = (self._degrees(row, 9 + 4 * axis, table.middles[area][axis]) for axis in (0, 1))
        return Place(
            key=f"iso3166:{table.codes[own]}" if flags & _BY_CODE else f"geonames:{own}",
            name=self.names[row],
            kind=_KINDS[flags & 3],
            country=code[:2],
            admin1=code if len(code) > 2 else None,
            admin2=_unit_key(table, table.first_units[area], self.number(row, 7, 2)),
            lon=lon,
            lat=lat,
            population=self.number(row, 17, 4) or None,
            names=tuple(other.split("|")) if other else (),
        )

    def _degrees(self, row: int, first: int, middle: int) -> float | None:
        value = (self.number(row, first, 4) ^ 0x80000000) - 0x80000000  # two's complement
        return None if value == _NOWHERE else (middle + value) / _DEGREE


def _unit_key(table: _Codes, first: int, nth: int) -> str | None:
    """Return the key of the nth unit, counted from 1, of those that begin at `first`; 0 is none."""
    if not nth:
        return None
    value = int.from_bytes(table.units[first + nth - 1 :: len(table.units) // 4], "little")
    return f"iso3166:{table.codes[value & 0x7FFFFFFF]}" if value >> 31 else f"geonames:{value}"


# The caches bound what is kept in memory: a block of records is about 0.3 MB once split.
@lru_cache(maxsize=16)
def _records(block: int) -> _Block:
    offset, texts, columns = _file().record_spans[block]
    return _Block(_unpack((offset, texts)), _unpack((offset + texts, columns)))


@lru_cache(maxsize=4)
def _aliases(block: int) -> list[str]:
    return _unpack(_file().alias_spans[block]).decode().split("\n")


# Countries and first-order units are asked for again and again, and lie in as many blocks as there are countries.
@lru_cache(maxsize=4096)
def _record(number: int) -> Place:
    block = bisect_right(_file().record_numbers, number) - 1
    return _records(block).place(number - _file().record_numbers[block])


def _named(folded: str) -> list[Place]:
    """Return every record with this folded name or alias; a name never spans two blocks."""
    file = _file()
    found: list[Place] = []
    block = bisect_right(file.record_names, folded) - 1
    if block >= 0:
        records = _records(block)
        low = bisect_left(records.names, folded, key=fold)
        high = bisect_right(records.names, folded, low, key=fold)
        found.extend(records.place(row) for row in range(low, high))
    block = bisect_right(file.alias_names, folded) - 1
    if block >= 0:
        lines = _aliases(block)
        row = bisect_left(lines, folded, key=_alias_name)
        if row < len(lines) and _alias_name(lines[row]) == folded:
            found.extend(_record(int(number)) for number in lines[row].partition("\t")[2].split(","))
    return found


def _alias_name(line: str) -> str:
    return line.partition("\t")[0]


def _rank(place: Place) -> tuple[int, int, str]:
    return _KINDS.index(place.kind), -(place.population or 0), place.key


def _inside(place: Place, code: str) -> bool:
    """Say whether the place lies in, or is, the unit with this ISO 3166-2 code."""
    key = f"iso3166:{code}"
    if place.admin1 == code or key in (place.key, place.admin2):
        return True
    return place.admin1 is not None and _codes().above.get(place.admin1) == code


@lru_cache(maxsize=1024)
def find(name: str, country: str | None = None, admin1: str | None = None) -> tuple[Place, ...]:
    """Return every entry with this name or alias, compared folded; nothing when nobody knows the name.

    `country` (alpha-2 or alpha-3) and `admin1` (an ISO 3166-2 code of any order) keep only what lies in them, or is it;
    an unknown code keeps nothing. Order: countries, first-order units, places by falling population, finer units; then
    key. Where a name can be a town or a state the larger comes first, as UCDP codes it.
    """
    folded = fold(name)
    found = _named(folded) if folded else []
    if country is not None:
        within = unit(country)
        found = [place for place in found if within is not None and f"iso3166:{place.country}" == within.key]
    if admin1 is not None:
        found = [place for place in found if _inside(place, admin1.strip().upper())]
    return tuple(sorted(found, key=_rank))


def by_key(key: str) -> Place | None:
    """Return the entry with this key, or None.

    The GeoNames id of a country or ISO unit, and of a place that was merged into another, leads to what stands for it.
    """
    scheme, _, value = key.partition(":")
    if scheme == "iso3166":
        number = _codes().records.get(value)
        return _record(number) if number is not None and len(value) != 3 else None
    if scheme != "geonames" or not (value.isascii() and value.isdigit()) or len(value) > 10:
        return None
    return _by_id(int(value))


def _by_id(wanted: int) -> Place | None:
    """Find a GeoNames id: a block of ids says in which block of records it is, and the id column there in which row."""
    file = _file()
    block = bisect_right(file.id_firsts, wanted) - 1
    if block >= 0:
        data = _unpack(file.id_spans[block])
        count = len(data) // 6

        def at(row: int) -> int:
            return int.from_bytes(data[row : 4 * count : count], "little")

        row = bisect_left(range(count), wanted, key=at)
        if row < count and at(row) == wanted:
            records = _records(int.from_bytes(data[4 * count + row :: count], "little"))
            rows = range(len(records.names))
            return next(
                records.place(r)
                for r in rows
                if records.number(r, 3, 4) == wanted and not records.number(r, 0, 1) & _BY_CODE
            )
    number = _more_ids().get(wanted)
    return None if number is None else _record(number)


@lru_cache(maxsize=1)
def _more_ids() -> dict[int, int]:
    lines = _unpack(_file().more_ids_span).decode().split("\n")
    return {int(line.split("\t")[0]): int(line.split("\t")[1]) for line in lines}


def unit(code: str) -> Place | None:
    """Return the country or unit with this ISO 3166 code - alpha-2, alpha-3 or 3166-2, in any case - or None."""
    number = _codes().records.get(code.strip().upper())
    return None if number is None else _unit(number)


# Reports of the whole world name more units than there are blocks in memory, in any order.
@lru_cache(maxsize=4096)
def _unit(number: int) -> Place:
    return _record(number)


def parents(place: Place) -> tuple[Place, ...]:
    """Return what the place lies in, nearest first: finer units, first-order unit (and one above it), country."""
    found: list[Place] = []
    key = place.admin2
    while key is not None:
        nearest = by_key(key)
        if nearest is None:
            break
        found.append(nearest)
        key = nearest.admin2
    code = place.admin1
    while code is not None:
        if place.key != f"iso3166:{code}" and (holder := unit(code)) is not None:
            found.append(holder)
        code = _codes().above.get(code)
    if place.kind != "country" and (country := unit(place.country)) is not None:
        found.append(country)
    return tuple(found)
