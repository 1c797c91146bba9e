"""What could lead to a person is found in free text, and what only looks like it is not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents_api.model import screening
from incidents_api.model.screening import KINDS, screen, screened

FOUND = {
    "phone": [
        ("Call 667 123 4567 for news", "667 123 4567"),
        ("family's number (667) 123-4567.", "(667) 123-4567"),
        ("tel. +52 667 123 4567", "+52 667 123 4567"),
        ("+52 1 55 1234 5678", "+52 1 55 1234 5678"),
        ("55-1234-5678", "55-1234-5678"),
        ("llamar al 55 12 34 56 78", "55 12 34 56 78"),
        ("WhatsApp: 6671234567", "6671234567"),
        ("teléfono 6671234567", "6671234567"),
        ("+526671234567", "+526671234567"),
        ("01 667 123 4567", "01 667 123 4567"),
        ("+44 20 7946 0958", "+44 20 7946 0958"),
        ("212.555.0187", "212.555.0187"),
        ("1-212-555-0187", "1-212-555-0187"),
    ],
    "email": [
        ("write to ana.perez+x@mail.example.mx today", "ana.perez+x@mail.example.mx"),
        ("<a_b@example.org>", "a_b@example.org"),
    ],
    "plate": [
        ("a Tsuru, placas VLK-123-A", "VLK-123-A"),
        ("a van with VMA-12-34", "VMA-12-34"),
        ("pickup TX-45-678 left", "TX-45-678"),
        ("license plate 8ABC123", "8ABC123"),
        ("matrícula: 1234 BCD", "1234 BCD"),
        ("placas de circulación VJS 4532", "VJS 4532"),
        ("number plate AB12 CDE", "AB12 CDE"),
        ("A12-BCD", "A12-BCD"),
    ],
    "coordinates": [
        ("at 24.79032, -107.38782 in the hills", "24.79032, -107.38782"),
        ("24.790,-107.387", "24.790,-107.387"),
        ("(24.7903; -107.3878)", "24.7903; -107.3878"),
        ("https://maps.example/@24.79032,-107.38782,17z", "24.79032,-107.38782"),
        ("24°47'25.1\"N 107°23'16.2\"W", "24°47'25.1\"N"),
        ("24° 47\u2032 N", "24° 47\u2032 N"),
        ("19.4326° N, 99.1332° W", "19.4326° N, 99.1332"),
    ],
}

PLAIN = [
    "7,326 people were freed",
    "22 migrants, 36 adults and 22 children",
    "58 freed of 66 abducted",
    "On 2024-03-26, three days after 2024-03-23",
    "2024-03-26 10:30 and 26-03-2024 10",
    "26.03.2024 and 03/26/2024",
    "between 2019 and 2021; 2019-2020-2021; 2018 2019 2020",
    "case FGR/SIN/1234/2024",
    "carpeta de investigación 123/2024",
    "expediente 0045-2023-000123",
    "1.234.567.890 pesos or 1 234 567 890 pesos",
    "$1,234,567.89 MXN",
    "a ransom of 500 000 000 pesos",
    "100,000 to 1,000,000 people",
    "call 911",
    "a 10-day operation with 1,800 soldiers",
    "articles 123, 124 and 125",
    "UCDP event 123456, ACLED MEX12345",
    "key 0193a4b2-7c1d-7000-8000-000000000000",
    "DOI 10.1234/5678.90123",
    "Highway 15D, km 1203.5",
    "grew by 12.345 %, then 0.123, 0.456",
    "B-52 and AK-47, F-16, M-134",
    "MX-SIN and MX-BCN",
    "the 2nd Battalion, 94th Regiment",
    "plates were removed; plates 12",
    "at about 24 degrees north",
    "@desk on social media",
    "ages 12, 14, 16, 18 and 20",
    "resolution 2250 (2015) of 9 December 2015",
    "ISBN 978-3-16-148410-0",
    "temperatures of 35°C",
    "48 hours, 72 hours, 5 to 7 days",
    "from 12.00 to 14.30",
    "Culiacán, Sinaloa, 23 March 2024",
]


@pytest.mark.parametrize(("kind", "text", "told"), [(kind, *one) for kind, many in FOUND.items() for one in many])
def test_found(kind: str, text: str, told: str) -> None:
    assert [(one.kind, one.text) for one in screen(text)][:1] == [(kind, told)]
    assert text[screen(text)[0].start :].startswith(told)


@pytest.mark.parametrize("text", PLAIN)
def test_not_found(text: str) -> None:
    assert screen(text) == []


@given(st.text(max_size=200))
def test_any_text_can_be_screened(text: str) -> None:
    assert all(one.kind in KINDS and text[one.start :].startswith(one.text) for one in screen(text))


SIGNS = [
    (screening._NUMBER, screening._DIGITS),
    (screening._DIALLED, screening._DIGITS),
    (screening._DIALLED, screening._MANY_DIGITS),
    (screening._PLATE, screening._HYPHEN),
    (screening._DECIMAL, screening._FRACTION),
    (screening._EMAIL, re.compile("@")),
    (screening._DEGREES, re.compile("°")),
    (screening._TOLD_PLATE, re.compile("|".join(screening._PLATE_WORDS), re.IGNORECASE)),
]


@pytest.mark.parametrize(("expression", "sign"), SIGNS)
@given(data=st.data())
def test_what_is_looked_for_has_the_sign_by_which_it_is_told_at_once(
    expression: re.Pattern[str], sign: re.Pattern[str], data: st.DataObject
) -> None:
    text = data.draw(st.from_regex(expression) | st.text("0123456789 .-+()@°NSabABC,;", max_size=40))
    assert sign.search(text) or not expression.search(text)


def test_long_texts_take_little_time() -> None:
    for piece in ("1 ", "12-", "a@", "1.2345,", "placas AB ", "+52 ", "24°1'"):
        screen(piece * (10_000 // len(piece)))


def test_own_words_are_screened_and_words_of_sources_are_not() -> None:
    record = {
        "title": "x",
        "summary": "Call 667 123 4567",
        "review": {"reason": "see a@example.org"},
        "claims": [
            {"note": None, "quote": {"text": "667 123 4567"}, "verbatim": "667 123 4567"},
            {"note": "VLK-123-A"},
        ],
        "evidence": [{"quote": {"text": "a@example.org"}}],
        "raw": {"phone": "667 123 4567"},
    }
    assert [(pointer, one.kind) for pointer, one in screened(record)] == [
        ("/summary", "phone"),
        ("/review/reason", "email"),
        ("/claims/1/note", "plate"),
    ]
    assert [pointer for pointer, _ in screened(record, {"summary": "at 667 123 4567."})] == [
        "/review/reason",
        "/claims/1/note",
    ]


def test_the_title_of_a_source_is_its_publishers() -> None:
    assert list(screened({"title": "Call 667 123 4567", "publisher": None, "note": None})) == []
