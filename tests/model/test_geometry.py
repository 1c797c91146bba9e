"""Geometries of filters: what is read, what is refused and where, and what a shape contains."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incidents_api.model import geometry
from incidents_api.model.geometry import Box, GeometryError, Points, Polygons, number_end, parse, read

SQUARE = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0))
HOLE = ((2.0, 2.0), (2.0, 4.0), (4.0, 4.0), (4.0, 2.0), (2.0, 2.0))
TOLD = "POLYGON((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2))"
HERE = "\u25b8"
"""Stands in a bad text before the character at fault."""


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("POINT(1 2)", Points(((1.0, 2.0),))),
        (" \n point ( -1.5\t+.5 ) ", Points(((-1.5, 0.5),))),
        ("POINT(1e1 -2.5E-1)", Points(((10.0, -0.25),))),
        ("POINT(-0 -0.0)", Points(((0.0, 0.0),))),
        ("POINT(-180 90)", Points(((-180.0, 90.0),))),
        ("MULTIPOINT((1 2), (3 4))", Points(((1.0, 2.0), (3.0, 4.0)), many=True)),
        ("MULTIPOINT(1 2, 3 4)", Points(((1.0, 2.0), (3.0, 4.0)), many=True)),
        ("MULTIPOINT(1 2)", Points(((1.0, 2.0),), many=True)),
        (TOLD, Polygons(((SQUARE, HOLE),))),
        ("MULTIPOLYGON(((0 0,10 0,10 10,0 10,0 0)))", Polygons(((SQUARE,),), many=True)),
        (
            "MultiPolygon(((0 0,10 0,10 10,0 10,0 0)),((2 2,2 4,4 4,4 2,2 2)))",
            Polygons(((SQUARE,), (HOLE,)), many=True),
        ),
        ("BBOX(-118, 14.5, -86, 33)", Box(-118.0, 14.5, -86.0, 33.0)),
        ("bbox(170,-10,-170,10)", Box(170.0, -10.0, -170.0, 10.0)),
        ("BBOX(1,2,1,2)", Box(1.0, 2.0, 1.0, 2.0)),
    ],
)
def test_a_geometry_is_read_as(text: str, shape: geometry.Geometry) -> None:
    assert parse(text) == shape
    assert repr(parse(text)) == repr(shape)
    assert read(f"S_WITHIN(x,{text})", 11) == (shape, 11 + len(text.rstrip()))


@pytest.mark.parametrize(
    ("marked", "detail"),
    [
        ("", "a geometry is expected: give POINT"),
        ("  ▸(1 2)", "a geometry is expected"),
        ("▸LINESTRING(1 2, 3 4)", "LINESTRING is not taken: give POINT, MULTIPOINT, POLYGON, MULTIPOLYGON or BBOX"),
        (" ▸MULTILINESTRING((1 2, 3 4))", "MULTILINESTRING is not taken"),
        ("▸GEOMETRYCOLLECTION(POINT(1 2))", "GEOMETRYCOLLECTION is not taken"),
        ("▸ENVELOPE(1, 2, 3, 4)", "write BBOX(west, south, east, north)"),
        ("▸POINTZ(1 2 3)", "POINTZ is not taken"),
        ("▸SRID=4326;POINT(1 2)", "SRID is not taken"),
        (f"▸{'Ä' * 500}", "is not taken"),
        ("POINT ▸Z(1 2 3)", "Z is not taken: positions are longitude and latitude alone"),
        ("POINT ▸EMPTY", "EMPTY is not taken: an empty geometry selects nothing"),
        ("POINT▸", "( is expected"),
        ("POINT(▸", "a number is expected here: the longitude"),
        ("POINT(▸)", "a number is expected here: the longitude"),
        ("POINT(1▸)", "a number is expected here: the latitude"),
        ("POINT(1▸, 2)", "a space parts longitude and latitude"),
        ("POINT(1 2 ▸3)", "heights are not taken"),
        ("POINT(1 2▸, 3 4)", "several are a MULTIPOINT"),
        ("POINT(1 2▸", "one point ends here with )"),
        ("POINT(1 2)▸)", "the geometry ends before this"),
        ("POINT(1 2) ▸POINT(1 2)", "the geometry ends before this"),
        ("POINT(▸180.1 2)", "the longitude must lie between -180 and 180"),
        ("POINT(1 ▸-90.1)", "the latitude must lie between -90 and 90"),
        ("POINT(▸1e999 2)", "the longitude must lie"),
        ("POINT(1 ▸NaN)", "a number is expected"),
        ("POINT(1 ▸- 2)", "a number is expected"),
        ("POINT(1 ▸--2)", "a number is expected"),
        ("POINT(1 ▸.)", "a number is expected"),
        ("POINT(1▸e 2)", "a number is expected here: the latitude"),
        ("POINT(▸\u0661 2)", "a number is expected"),
        ("MULTIPOINT(▸)", "a number is expected"),
        ("MULTIPOINT((1 2)▸ (3 4))".replace("▸ ", " ▸"), ", or ) is expected"),
        ("MULTIPOINT(1 2,▸)", "a number is expected"),
        ("POLYGON▸", "( is expected"),
        ("POLYGON(▸0 0, 1 0, 1 1, 0 0)", "( is expected"),
        ("POLYGON(▸)", "( is expected"),
        ("POLYGON((▸))", "a number is expected"),
        ("POLYGON(▸(0 0, 1 0, 0 0))", "at least four positions"),
        ("POLYGON( ▸(0 0, 1 0, 1 1, 0 1))", "not closed"),
        ("POLYGON(▸(0 0, 1 0, 0 0, 0 0))", "fewer than three different positions"),
        ("POLYGON((0 0, 1 0, 1 1, 0 0), ▸(0 0, 1 0, 0 0))", "at least four positions"),
        ("POLYGON((0 0, 1 0, 1 1, 0 0)▸", ", or ) is expected"),
        ("POLYGON((0 0, 1 0, ▸200 1, 0 0))", "the longitude must lie"),
        ("MULTIPOLYGON((▸0 0, 1 0, 1 1, 0 0))", "( is expected"),
        ("BBOX(▸)", "a number is expected here: the west"),
        ("BBOX(1, 2, 3▸)", "a comma is expected"),
        ("BBOX(1▸ 2 3 4)".replace("▸ ", " ▸"), "a comma is expected"),
        ("BBOX(1, 2, 3, 4▸, 5, 6)", "heights are not taken"),
        ("BBOX(1, 2, 900, 180▸, 90, 9)", "heights are not taken"),
        ("BBOX(1, ▸5, 3, 4)", "the south is north of the north"),
        ("BBOX(▸-181, 5, 3, 4)", "the west must lie"),
        ("BBOX(1, ▸95, 3, 96)", "the south must lie"),
        ("BBOX(1, 2, ▸181, 4)", "the east must lie"),
        ("BBOX(1, 2, 3, ▸91)", "the north must lie"),
    ],
)
def test_a_bad_geometry_is_refused_at_the_character(marked: str, detail: str) -> None:
    text = marked.replace(HERE, "")
    with pytest.raises(GeometryError) as caught:
        parse(text)
    assert caught.value.position == max(marked.find(HERE), 0)
    assert detail in caught.value.detail
    assert len(caught.value.detail) < 200
    assert str(caught.value) == f"{caught.value.detail} (at position {caught.value.position})"


@pytest.mark.parametrize(
    "form",
    [
        "MULTIPOINT({})",
        "POLYGON(({}))",
        "MULTIPOLYGON((({})))",
        "POLYGON((0 0, 1 0, 1 1, 0 0), ({}))",
        "MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), (({})))",
    ],
)
def test_all_rings_together_have_a_thousand_positions_at_the_most(form: str) -> None:
    taken = form.count(" ") - form.count(", ")  # a space in each position that the form has
    ring = ["0 0", *(["1 0", "1 1"] * 500)][: 999 - taken]
    assert parse(form.format(", ".join([*ring, "0 0"])))
    text = form.format(", ".join([*ring, "0 1", "0 0"]))
    with pytest.raises(GeometryError, match="at the most 1,000 positions") as caught:
        parse(text)
    assert caught.value.position == text.rindex("0 0")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        *(("12", 2), ("1.5", 3), (".5", 2), ("5.", 2), ("1e3", 3), ("1.5E-3x", 6), ("1e", 1), ("1e+", 1), ("1ex", 1)),
        *((".", 0), ("", 0), ("x", 0), ("-1", 0), ("e3", 0), (".e3", 0), ("1.2.3", 3), ("²", 0), ("٣", 0)),
    ],
)
def test_where_a_number_ends(text: str, end: int) -> None:
    assert number_end(text, 0) == end
    assert number_end("x" + text, 1) == end + 1


# --- What shapes contain ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("POINT(1 2)", [(1, 2)], [(2, 1), (1.000001, 2)]),
        ("MULTIPOINT(1 2, 3 4)", [(1, 2), (3, 4)], [(2, 3)]),
        ("POINT(180 2)", [(180, 2), (-180, 2)], [(0, 2)]),
        ("BBOX(0, 0, 10, 5)", [(0, 0), (10, 5), (5, 2), (0, 5)], [(10.1, 2), (-0.1, 2), (5, 5.1), (5, -0.1)]),
        (
            "BBOX(170, -10, -170, 10)",
            [(170, 0), (175, 10), (180, 0), (-180, 0), (-170, -10)],
            [(0, 0), (169.9, 0), (-169.9, 0), (175, 11)],
        ),
        ("BBOX(170, -10, 180, 10)", [(180, 0), (-180, 0)], [(-179.9, 0)]),
        ("BBOX(-180, -10, -170, 10)", [(180, 0), (-180, 0)], [(179.9, 0)]),
        ("BBOX(180, -10, -180, 10)", [(180, 0), (-180, 0)], [(179.9, 0), (0, 0)]),
        ("BBOX(-180, -90, 180, 90)", [(180, 90), (-180, -90), (0, 0)], []),
        # A hole, whose edge is inside.
        (TOLD, [(1, 1), (0, 0), (10, 5), (5, 10), (2, 3), (2, 2), (4, 4)], [(3, 3), (-1, 5), (11, 5), (5, 10.1)]),
        # The same square twice is no hole in itself here, but two polygons.
        (
            "MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((0 0,2 0,2 2,0 2,0 0)),((5 5,6 5,6 6,5 5)))",
            [(1, 1), (5.5, 5.2)],
            [(3, 3), (5.2, 5.5)],
        ),
        # A ray through vertices, horizontal edges, a notch.
        (
            "POLYGON((0 0, 4 0, 4 4, 3 4, 3 2, 1 2, 1 4, 0 4, 0 0))",
            [(0.5, 2), (2, 2), (3.5, 2), (3, 3), (0.5, 3), (0.5, 4)],
            [(2, 3), (2, 4), (-1, 2), (-1, 4), (-1, 0), (5, 2), (5, 4), (2, 2.1)],
        ),
        ("POLYGON((0 0, 2 2, 4 0, 2 -2, 0 0))", [(2, 0), (0, 0), (1, 1), (3, -1)], [(-1, 0), (5, 0), (-1, 2), (1, 2)]),
        # A figure of eight: even-odd takes both halves, whichever way they turn.
        ("POLYGON((0 0, 4 4, 4 0, 0 4, 0 0))", [(0.5, 2), (3.5, 2), (2, 2), (1, 1)], [(2, 1), (2, 3)]),
        # Drawn over twice: an even number of times is outside.
        ("POLYGON((0 0,4 0,4 4,0 4,0 0,4 0,4 4,0 4,0 0))", [(0, 2)], [(2, 2)]),
        # Points on a slanting edge that no binary number hits exactly.
        ("POLYGON((0 0, 1 3, 3 0, 0 0))", [(0.1, 0.3), (0.7, 2.1), (0.3, 0.9)], [(0.1, 0.3001), (0.0999, 0.3)]),
        # To the antimeridian and not over it.
        ("POLYGON((170 0, 180 0, 180 10, 170 10, 170 0))", [(180, 5), (-180, 5), (175, 5)], [(-175, 5)]),
        ("MULTIPOLYGON(((170 0,180 0,180 9,170 9,170 0)),((-180 0,-170 0,-170 9,-180 9,-180 0)))", [(-175, 5)], []),
        ("POLYGON((-170 0, 170 0, 170 10, -170 10, -170 0))", [(0, 5)], [(180, 5), (175, 5)]),
        ("POLYGON((-180 -90, 180 -90, 180 90, -180 90, -180 -90))", [(0, 90), (-180, 0), (12, 34)], []),
        ("POLYGON((0 0, 1 1, 2 2, 0 0))", [(1, 1), (1.5, 1.5)], [(1, 1.1)]),
    ],
)
def test_what_a_shape_contains(
    text: str, inside: list[tuple[float, float]], outside: list[tuple[float, float]]
) -> None:
    shape = parse(text)
    assert [shape.contains(*point) for point in inside] == [True] * len(inside)
    assert [shape.contains(*point) for point in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("text", "bounds", "spans"),
    [
        ("POINT(1 2)", Box(1, 2, 1, 2), (Box(1, 2, 1, 2),)),
        ("MULTIPOINT(1 2, -3 4)", Box(-3, 2, 1, 4), (Box(-3, 2, 1, 4),)),
        ("BBOX(0, 1, 2, 3)", Box(0, 1, 2, 3), (Box(0, 1, 2, 3),)),
        ("BBOX(170, 1, -170, 3)", Box(170, 1, -170, 3), (Box(170, 1, 180, 3), Box(-180, 1, -170, 3))),
        ("BBOX(170, 1, 180, 3)", Box(170, 1, 180, 3), (Box(170, 1, 180, 3), Box(-180, 1, -180, 3))),
        ("BBOX(-180, 1, -170, 3)", Box(-180, 1, -170, 3), (Box(-180, 1, -170, 3), Box(180, 1, 180, 3))),
        ("BBOX(-180, 1, 180, 3)", Box(-180, 1, 180, 3), (Box(-180, 1, 180, 3),)),
        ("POINT(180 3)", Box(180, 3, 180, 3), (Box(180, 3, 180, 3), Box(-180, 3, -180, 3))),
        (TOLD, Box(0, 0, 10, 10), (Box(0, 0, 10, 10),)),
        (
            "MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 -5,6 5,6 6,5 -5)))",
            Box(0, -5, 6, 6),
            (Box(0, -5, 6, 6),),
        ),
    ],
)
def test_bounds_and_the_boxes_that_a_database_compares(text: str, bounds: Box, spans: tuple[Box, ...]) -> None:
    shape = parse(text)
    assert shape.bounds == bounds
    assert shape.bounds.spans() == spans


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("POINT(1 2)", {"type": "Point", "coordinates": [1, 2]}),
        ("MULTIPOINT(1 2)", {"type": "MultiPoint", "coordinates": [[1, 2]]}),
        ("POLYGON((0 0,1 0,1 1,0 0))", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}),
        (
            "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))",
            {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]},
        ),
        ("BBOX(1,2,3,4)", {"bbox": [1, 2, 3, 4]}),
    ],
)
def test_geojson(text: str, told: dict[str, object]) -> None:
    assert parse(text).geojson() == told


# --- An oracle -------------------------------------------------------------------------------------------------------

Whole = tuple[int, int]
grid = st.tuples(st.integers(-12, 12), st.integers(-12, 12))
fine = st.tuples(st.integers(-1700, 1700), st.integers(-800, 800))
"""Tenths of a degree: no point of this grid comes nearer to an edge than EDGE_DEGREES without being on it."""


def naive(ring: list[Whole], point: Whole) -> bool:
    """Exact: on an edge, or an odd winding number, which is what an odd number of crossings comes to."""
    x, y = point
    turns = 0
    for (x1, y1), (x2, y2) in pairwise([*ring, ring[0]]):
        side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if y1 <= y < y2 and side > 0:
            turns += 1
        elif y2 <= y < y1 and side < 0:
            turns -= 1
    return turns % 2 == 1


def degrees(ring: list[Whole], scale: int) -> tuple[tuple[float, float], ...]:
    return tuple((x / scale, y / scale) for x, y in [*ring, ring[0]])


@given(st.lists(grid, min_size=3, max_size=9), st.lists(grid, min_size=1, max_size=20))
@example([(0, 0), (4, 4), (4, 0), (0, 4)], [(2, 2), (1, 2), (2, 1)])
@example([(0, 0), (4, 0), (8, 0)], [(2, 0), (9, 0)])
def test_a_polygon_of_whole_degrees_contains_what_the_oracle_says(ring: list[Whole], points: list[Whole]) -> None:
    polygon = Polygons(((degrees(ring, 1),),))
    assert [polygon.contains(*point) for point in points] == [naive(ring, point) for point in points]


@given(st.lists(fine, min_size=3, max_size=12), st.lists(fine, max_size=10), st.data())
def test_a_polygon_of_tenths_contains_what_the_oracle_says(
    ring: list[Whole], points: list[Whole], data: st.DataObject
) -> None:
    # Points near and on the corners, where mistakes are made.
    corner = data.draw(st.sampled_from(ring))
    points = [*points, corner, (corner[0] + 1, corner[1]), (corner[0], corner[1] - 1)]
    polygon = Polygons(((degrees(ring, 10),),))
    for x, y in points:
        assert polygon.contains(x / 10, y / 10) == naive(ring, (x, y))


@given(st.lists(fine, min_size=2, max_size=2, unique=True), fine, st.fractions(0, 1, max_denominator=1000))
def test_a_point_on_an_edge_is_inside_whatever_its_decimals(ends: list[Whole], apex: Whole, part: Fraction) -> None:
    (x1, y1), (x2, y2) = ends
    polygon = Polygons(((degrees([*ends, apex], 10),),))
    lon, lat = Fraction(x1, 10) + part * Fraction(x2 - x1, 10), Fraction(y1, 10) + part * Fraction(y2 - y1, 10)
    assert polygon.contains(float(lon), float(lat))


@given(st.lists(grid, min_size=3, max_size=6), st.lists(grid, min_size=3, max_size=6), grid)
def test_a_second_ring_takes_away_what_it_covers(outer: list[Whole], inner: list[Whole], point: Whole) -> None:
    rings = degrees(outer, 1), degrees(inner, 1)
    both = Polygons((rings,)).contains(*point)
    one, other = (Polygons(((ring,),)).contains(*point) for ring in rings)
    assert both == (on_edge(point, [outer, inner]) or one != other)


def on_edge(point: Whole, rings: list[list[Whole]]) -> bool:
    """Exactly; edges belong to the polygon, those of a hole too."""
    x, y = point
    return any(
        (x2 - x1) * (y - y1) == (x - x1) * (y2 - y1)
        and min(x1, x2) <= x <= max(x1, x2)
        and min(y1, y2) <= y <= max(y1, y2)
        for ring in rings
        for (x1, y1), (x2, y2) in pairwise([*ring, ring[0]])
    )


@given(st.integers(-180, 180), st.integers(-180, 180), st.integers(-180, 180))
def test_a_box_is_its_spans(west: int, east: int, lon: int) -> None:
    box = Box(west, -5, east, 5)
    assert all(span.west <= span.east for span in box.spans())
    crosses = lon >= west or lon <= east if west > east else west <= lon <= east
    touches = abs(lon) == 180 and (180 in (abs(west), abs(east)) or west > east)
    assert box.contains(lon, 0) == (crosses or touches)
    assert not box.contains(lon, 6)


@given(st.text(st.sampled_from("POINTLYGMUBX(), \t.-+e0123456789"), max_size=60) | st.text(max_size=30))
@example("POINT(1 2")
@example("\u00dfPOINT(1 2)")
def test_junk_is_read_or_refused_at_a_character(text: str) -> None:
    refused = None
    try:
        assert parse(text).bounds
    except GeometryError as error:
        refused = error
    assert refused is None or 0 <= refused.position <= len(text)
