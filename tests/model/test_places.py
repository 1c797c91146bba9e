"""Strips and squares of the map: every point lies in one, and a box touches that of each of its points."""

from hypothesis import example, given
from hypothesis import strategies as st

from incidents_api.model import vocabulary
from incidents_api.model.geometry import Box
from incidents_api.model.places import PRECISE, as_precise_as, square, squares, strip, strips

PRECISIONS = vocabulary.codes("location_precision")
LONGITUDES = st.floats(-180, 180)
LATITUDES = st.floats(-90, 90)
SHORT = st.floats(0, 5)
ANY_PRECISION = st.sampled_from([*PRECISIONS, None])


@given(LONGITUDES, LONGITUDES, LONGITUDES, ANY_PRECISION)
@example(-180.0, -180.0, -180.0, "exact")
@example(180.0, 180.0, 180.0, "exact")
@example(-1.0, -0.0, -0.5, None)
@example(-0.000001, 0.0, 0.0, "city")
def test_a_box_touches_the_strips_of_its_points(one: float, other: float, lon: float, precision: str | None) -> None:
    west, east = sorted((one, other))
    touched, precise = strips([(west, east)]), strips([(west, east)], coarse=False)
    if west <= lon <= east:
        assert strip(lon, precision) in touched
        assert (strip(lon, precision) in precise) is (precision in PRECISE)
    elif abs(lon - west) >= 1 and abs(lon - east) >= 1:
        assert strip(lon, precision) not in touched
    for found in (touched, precise):
        assert len(found) & (len(found) - 1) == 0
    assert set(precise) <= set(touched)


@given(st.tuples(LONGITUDES, LATITUDES), st.tuples(SHORT, SHORT), st.tuples(SHORT, SHORT), ANY_PRECISION)
@example((-180.0, -90.0), (0.0, 0.0), (0.0, 0.0), "exact")
@example((180.0, 90.0), (0.0, 0.0), (0.0, 0.0), "exact")
@example((179.0, 89.0), (1.0, 1.0), (1.0, 1.0), "adm1")
@example((-0.000001, -0.000001), (0.5, 0.5), (0.0, 0.0), "city")
@example((179.0, 89.0), (1.0, 5.0), (1.0, 1.0), "city")
def test_a_box_touches_the_squares_of_its_points(
    corner: tuple[float, float], size: tuple[float, float], away: tuple[float, float], precision: str | None
) -> None:
    """The height may lead over the pole, as that of a circle does."""
    (west, south), (width, height), (along, up) = corner, size, away
    box = Box(west, south, min(180.0, west + width), south + height)
    touched, precise = squares(box, coarse=True), squares(box, coarse=False)
    lon, lat = min(180.0, west + along), min(90.0, south + up)
    found = square(lon, lat, precision)
    if lon <= box.east and lat <= box.north:
        assert found in touched
        assert (found in precise) is (precision in PRECISE)
    elif lon - box.east >= 1 or lat - box.north >= 1:
        assert found not in touched
    assert len(touched) == len(set(touched)) == 2 * len(precise)
    assert {one // 1_000 for one in touched} == set(strips((one.west, one.east) for one in box.spans()))
    assert all(0 <= one % 1_000 <= 180 for one in touched)


def test_over_the_antimeridian_both_sides_are_touched() -> None:
    assert set(strips([(179.5, 180.0), (-180.0, -179.5)], coarse=False)) == {179, 180, -180}


def test_what_is_as_precise_as_a_code_begins_with_the_most_exact() -> None:
    assert [as_precise_as(code) for code in PRECISIONS] == [PRECISIONS[:n] for n in range(1, len(PRECISIONS) + 1)]
    assert as_precise_as("city") == PRECISE
