"""Which lists are walked square by square, and how many squares that takes."""

from dataclasses import replace

import pytest

from incidents_api.model.kinds import KINDS
from incidents_api.reading import query
from incidents_api.reading.conditions import squares_walked

BOX = "bbox=29.1,-2.5,30.1,-1.5"


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        (BOX, 4),
        (f"{BOX}&sort=date&from=2020&to=2021", 4),
        (f"{BOX}&max_precision=exact", 4),
        (f"{BOX}&max_precision=adm1", 8),
        ("bbox=29.1,-2.5,29.9,-2.1", 1),
        ("bbox=179.2,-2.5,-179.2,-1.5", 6),  # of 179, 180 and -180
        ("bbox=20.5,10.5,23.5,13.5", 16),
        ("lat=10.5&lon=20.5&radius_km=50", 1),
        ("lat=10.5&lon=20.5&radius_km=100", 9),
        # Too many squares, or too little of them.
        ("bbox=20.5,10.5,24.5,13.5", 0),
        ("bbox=20.5,10.5,23.5,13.5&max_precision=adm1", 0),
        ("bbox=-180,-90,180,90", 0),
        ("bbox=29.9,-2.1,30.1,-1.9", 0),
        ("bbox=29.1,-2.5,29.1,-1.5", 0),
        ("lat=89.9&lon=3&radius_km=50", 0),
        ("lat=10&lon=20&radius_km=5", 0),
        # What the index of squares does not hold, or not in this order.
        (f"{BOX}&type=raid", 0),
        (f"{BOX}&q=raid", 0),
        (f"{BOX}&from=2020&date_mode=within", 0),
        (f"{BOX}&sort=title", 0),
        (f"{BOX}&sort=-date,title", 0),
        ("max_precision=adm1", 0),
        ("", 0),
    ],
)
def test_the_squares_that_a_list_is_walked_in(asked: str, number: int) -> None:
    read = query.parse(KINDS["incident"], asked.encode(), 1000)
    assert len(squares_walked(read)) == number
    assert squares_walked(replace(read, at=5)) == []
