"""The shapes that a geographic filter may name: WKT points and polygons and CQL2 boxes, read, checked and asked.

Rules and where they come from:

- Forms: the geometry literals of CQL2 (OGC 21-065, from OGC 06-103r4 "Simple features"): POINT, MULTIPOINT, POLYGON,
  MULTIPOLYGON, and BBOX(west, south, east, north). Lines are refused, because they contain no place; so are heights.
- Positions are longitude, then latitude, in degrees of WGS 84 (OGC:CRS84): -180..180 and -90..90.
- A ring has at least four positions, of which the first is the last; it may turn either way.
- Inside a polygon is what an odd number of its rings' edges parts from the outside (even-odd), so a second ring cuts a
  hole. A point on an edge, of a hole too, is inside.
- Edges are straight in longitude and latitude, as in RFC 7946. A box whose west is greater than its east crosses the
  antimeridian. No edge of a polygon crosses it: such an area is given as a MULTIPOLYGON cut there (RFC 7946, 3.1.9).
  Longitudes 180 and -180 are the same meridian.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise
from math import inf
from typing import Any

MAX_VERTICES = 1_000
"""How many positions one geometry may have, those that close a ring included."""
EDGE_DEGREES = 1e-9
"""How near to an edge counts as on it: a tenth of a millimetre, far above what decimals lose as binary numbers."""
# fmt: off
NAMES = frozenset((
    "POINT", "MULTIPOINT", "POLYGON", "MULTIPOLYGON", "BBOX", "ENVELOPE",
    "LINESTRING", "MULTILINESTRING", "GEOMETRYCOLLECTION", "CIRCULARSTRING", "COMPOUNDCURVE", "CURVEPOLYGON",
))
# fmt: on
"""Every word that begins a geometry, taken or refused."""

Position = tuple[float, float]
Ring = tuple[Position, ...]
Rings = tuple[Ring, ...]


class GeometryError(ValueError):
    """Not a geometry that we take: `detail` says why, `position` is the character of the fault, counted from 0."""

    def __init__(self, detail: str, position: int) -> None:
        super().__init__(f"{detail} (at position {position})")
        self.detail = detail
        self.position = position


@dataclass(frozen=True, slots=True)
class Box:
    """All that lies between two meridians and two parallels, the edges included; west > east: over the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def bounds(self) -> "Box":
        """Itself."""
        return self

    def contains(self, lon: float, lat: float) -> bool:
        """Whether the point lies in it or on its edge."""
        return any(box.west <= lon <= box.east and box.south <= lat <= box.north for box in self.spans())

    def spans(self) -> tuple["Box", ...]:
        """The same area as boxes with west <= east, for a database that compares numbers.

        Two where it crosses the antimeridian; a box that only touches 180 or -180 gets the other name of that meridian.
        """
        if self.west > self.east:
            return (Box(self.west, self.south, 180.0, self.north), Box(-180.0, self.south, self.east, self.north))
        also = [-end for end in (180.0, -180.0) if end in (self.west, self.east)]
        return (self, *(Box(end, self.south, end, self.north) for end in also if not self.west <= end <= self.east))

    def geojson(self) -> dict[str, Any]:
        """The box as CQL2-JSON writes it."""
        return {"bbox": [self.west, self.south, self.east, self.north]}


@dataclass(frozen=True, slots=True)
class Points:
    """One point (POINT) or `many` (MULTIPOINT); contains exactly these."""

    points: tuple[Position, ...]
    many: bool = False

    @property
    def bounds(self) -> Box:
        """The smallest box around all of it."""
        return _bounds(self.points)

    def contains(self, lon: float, lat: float) -> bool:
        """Whether the point is one of them."""
        return any((name, lat) in self.points for name in _meridian(lon))

    def geojson(self) -> dict[str, Any]:
        """The points as GeoJSON."""
        if self.many:
            return {"type": "MultiPoint", "coordinates": [list(point) for point in self.points]}
        return {"type": "Point", "coordinates": list(self.points[0])}


@dataclass(frozen=True, slots=True)
class Polygons:
    """One polygon (POLYGON) or `many` (MULTIPOLYGON), each a tuple of closed rings."""

    polygons: tuple[Rings, ...]
    many: bool = False

    @property
    def bounds(self) -> Box:
        """The smallest box around all of it."""
        return _bounds(tuple(chain.from_iterable(chain.from_iterable(self.polygons))))

    def contains(self, lon: float, lat: float) -> bool:
        """Whether the point lies in any of the polygons or on an edge."""
        return any(_inside(rings, name, lat) for name in _meridian(lon) for rings in self.polygons)

    def geojson(self) -> dict[str, Any]:
        """The polygons as GeoJSON."""
        told = [[[list(point) for point in ring] for ring in rings] for rings in self.polygons]
        if self.many:
            return {"type": "MultiPolygon", "coordinates": told}
        return {"type": "Polygon", "coordinates": told[0]}


Geometry = Box | Points | Polygons


def _meridian(lon: float) -> tuple[float, ...]:
    """The names of the point's meridian: two for the antimeridian."""
    return (lon, -lon) if abs(lon) == 180 else (lon,)


def _bounds(points: tuple[Position, ...]) -> Box:
    lons, lats = [lon for lon, _ in points], [lat for _, lat in points]
    return Box(min(lons), min(lats), max(lons), max(lats))


def _inside(rings: Rings, lon: float, lat: float) -> bool:
    inside = False
    for ring in rings:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if _on_edge(lon - x1, lat - y1, x2 - x1, y2 - y1):
                return True
            # An edge owns its lower end only, so a ray through a vertex counts it once or twice, as it should.
            if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
    return inside


def _on_edge(x: float, y: float, dx: float, dy: float) -> bool:
    """Whether the point is on the edge from the origin to (dx, dy)."""
    near = EDGE_DEGREES
    if not (min(0.0, dx) - near <= x <= max(0.0, dx) + near and min(0.0, dy) - near <= y <= max(0.0, dy) + near):
        return False
    across = dx * y - dy * x
    return across * across <= near * near * (dx * dx + dy * dy)


# --- Reading ---------------------------------------------------------------------------------------------------------


def parse(text: str) -> Geometry:
    """The geometry that is all of the text; GeometryError when it is not one that we take."""
    found, end = read(text)
    rest = _Reader(text, end)
    if rest.peek():
        raise GeometryError("the geometry ends before this", rest.position)
    return found


def read(text: str, start: int = 0) -> tuple[Geometry, int]:
    """The geometry that begins at `start`, and where it ends; GeometryError says what is wrong and where.

    Takes time in proportion to what it reads and never recurses.
    """
    reader = _Reader(text, start)
    reader.peek()
    begin = reader.position
    name = reader.word()
    if name not in _READERS:
        if name == "ENVELOPE":
            # Dialects disagree on the order of its numbers; taking one of them would silently be wrong for the others.
            raise GeometryError("ENVELOPE is not taken: write BBOX(west, south, east, north)", begin)
        told = f"{name[:20]} is not taken" if name else "a geometry is expected"
        raise GeometryError(f"{told}: give POINT, MULTIPOINT, POLYGON, MULTIPOLYGON or BBOX", begin)
    reader.peek()
    place = reader.position
    more = reader.word()
    if more:
        why = "an empty geometry selects nothing" if more == "EMPTY" else "positions are longitude and latitude alone"
        raise GeometryError(f"{more[:20]} is not taken: {why}", place)
    return _READERS[name](reader), reader.position


def number_end(text: str, start: int) -> int:
    """Where the unsigned decimal number at `start` ends (12, 1.5, .5, 5., 1e-3); `start` itself when there is none."""
    end = whole = _digits(text, start)
    if text[end : end + 1] == ".":
        end = _digits(text, end + 1)
        if end == whole + 1 and whole == start:
            return start
    if end == start:
        return start
    if text[end : end + 1] in ("e", "E"):
        sign = end + 2 if text[end + 1 : end + 2] in ("+", "-") else end + 1
        exponent = _digits(text, sign)
        end = exponent if exponent > sign else end
    return end


def _digits(text: str, start: int) -> int:
    end = start
    while end < len(text) and text[end] in "0123456789":
        end += 1
    return end


@dataclass(slots=True)
class _Reader:
    """A place in the text, and how many positions were read so far."""

    text: str
    position: int
    vertices: int = field(default=0)

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while self.position < len(self.text) and self.text[self.position].isspace():
            self.position += 1
        return self.text[self.position : self.position + 1]

    def word(self) -> str:
        """The letters from here, in capitals."""
        start = self.position
        while self.position < len(self.text) and self.text[self.position].isalpha():
            self.position += 1
        return self.text[start : self.position].upper()

    def take(self, wanted: str, instead: str = "") -> None:
        if self.peek() != wanted:
            raise GeometryError(instead or f"{wanted} is expected here", self.position)
        self.position += 1

    def number(self, name: str, limit: float = inf) -> float:
        """A number no further than `limit` from 0; `name` is what it stands for."""
        sign = self.peek()
        start = self.position
        begin = start + 1 if sign in ("+", "-") else start
        end = number_end(self.text, begin)
        if end == begin:
            raise GeometryError(f"a number is expected here: the {name} in degrees", start)
        value = float(self.text[start:end])
        _check(name, value, limit, start)
        self.position = end
        return value + 0.0  # -0.0 becomes 0.0

    def vertex(self) -> Position:
        self.peek()
        start = self.position
        self.vertices += 1
        if self.vertices > MAX_VERTICES:
            raise GeometryError(f"at the most {MAX_VERTICES:,} positions", start)
        lon = self.number("longitude", 180)
        if self.peek() == ",":
            raise GeometryError("a space parts longitude and latitude, not a comma", self.position)
        lat = self.number("latitude", 90)
        if self.peek() and self.peek() in "+-.0123456789":
            raise GeometryError("positions are longitude and latitude alone: heights are not taken", self.position)
        return lon, lat

    def listed(self) -> Iterator[None]:
        """Comes once for each thing of a list in brackets; the caller reads the thing."""
        self.take("(")
        while True:
            yield
            if self.peek() != ",":
                break
            self.position += 1
        self.take(")", ", or ) is expected here")


def _check(name: str, value: float, limit: float, place: int) -> None:
    if abs(value) > limit:
        raise GeometryError(f"the {name} must lie between -{limit:g} and {limit:g}", place)


def _point(reader: _Reader) -> Points:
    reader.take("(")
    point = reader.vertex()
    reader.take(")", "one point ends here with ): several are a MULTIPOINT")
    return Points((point,))


def _multipoint(reader: _Reader) -> Points:
    # Both ((1 2), (3 4)) and the older (1 2, 3 4) are written.
    return Points(
        tuple(_point(reader).points[0] if reader.peek() == "(" else reader.vertex() for _ in reader.listed()),
        many=True,
    )


def _ring(reader: _Reader) -> Ring:
    reader.peek()
    start = reader.position
    ring = tuple(reader.vertex() for _ in reader.listed())
    if len(ring) < 4:
        raise GeometryError("a ring has at least four positions, of which the last is the first again", start)
    if ring[0] != ring[-1]:
        raise GeometryError("the ring is not closed: its last position must be its first", start)
    if len(set(ring)) < 3:
        raise GeometryError("the ring encloses nothing: it has fewer than three different positions", start)
    return ring


def _rings(reader: _Reader) -> Rings:
    return tuple(_ring(reader) for _ in reader.listed())


def _polygon(reader: _Reader) -> Polygons:
    return Polygons((_rings(reader),))


def _multipolygon(reader: _Reader) -> Polygons:
    return Polygons(tuple(_rings(reader) for _ in reader.listed()), many=True)


def _bbox(reader: _Reader) -> Box:
    names = (("west", 180), ("south", 90), ("east", 180), ("north", 90))
    numbers: list[float] = []
    places: list[int] = []
    reader.take("(")
    for name, _ in names:
        if numbers:
            reader.take(",", "a comma is expected here: BBOX(west, south, east, north)")
        reader.peek()
        places.append(reader.position)
        numbers.append(reader.number(name))
    if reader.peek() == ",":
        raise GeometryError("BBOX takes four numbers, west, south, east, north: heights are not taken", reader.position)
    reader.take(")")
    # Only now, since the third of six numbers is no longitude.
    for (name, limit), number, place in zip(names, numbers, places, strict=True):
        _check(name, number, limit, place)
    box = Box(*numbers)
    if box.south > box.north:
        raise GeometryError("the south is north of the north: BBOX(west, south, east, north)", places[1])
    return box


_READERS: dict[str, Callable[[_Reader], Geometry]] = {
    "POINT": _point,
    "MULTIPOINT": _multipoint,
    "POLYGON": _polygon,
    "MULTIPOLYGON": _multipolygon,
    "BBOX": _bbox,
}
