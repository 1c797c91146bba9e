"""Strips of the map: every point lies in one, and a box touches that of each of its points."""

from hypothesis import example, given
from hypothesis import strategies as st

from incidents_api.model import vocabulary
from incidents_api.model.places import PRECISE, as_precise_as, strip, strips

PRECISIONS = vocabulary.codes("location_precision")
LONGITUDES = st.floats(-180, 180)


@given(LONGITUDES, LONGITUDES, LONGITUDES, st.sampled_from([*PRECISIONS, None]))
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


def test_over_the_antimeridian_both_sides_are_touched() -> None:
    assert set(strips([(179.5, 180.0), (-180.0, -179.5)], coarse=False)) == {179, 180, -180}


def test_what_is_as_precise_as_a_code_begins_with_the_most_exact() -> None:
    assert [as_precise_as(code) for code in PRECISIONS] == [PRECISIONS[:n] for n in range(1, len(PRECISIONS) + 1)]
    assert as_precise_as("city") == PRECISE
