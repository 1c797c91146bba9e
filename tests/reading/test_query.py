"""Query strings: commas and repeats, what is never ignored, did you mean, and what contradicts itself."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents_api.errors import BadQuery
from incidents_api.model.kinds import BY_PLURAL, KINDS
from incidents_api.reading.query import MAX_QUERY_BYTES, Query, cursor_for, parse, read_once, read_pairs

INCIDENTS = KINDS["incident"]
ID = "01900000-0000-7000-8000-000000000001"


def ask(text: str, plural: str = "incidents", max_limit: int = 1000) -> Query:
    return parse(BY_PLURAL[plural], text.encode(), max_limit)


def faults(text: str, plural: str = "incidents") -> list[Any]:
    with pytest.raises(BadQuery) as refused:
        ask(text, plural)
    return list(refused.value.faults)


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("type=raid", "type", ("raid",)),
        ("type=raid,release", "type", ("raid", "release")),
        ("type=raid&type=release", "type", ("raid", "release")),
        ("type=raid,release&type=raid&type=release,escape", "type", ("raid", "release", "escape")),
        ("country=MX,GT", "country", ("MX", "GT")),
        ("admin1=MX-SIN,MX-TAM", "admin1", ("MX-SIN", "MX-TAM")),
        ("tag=a,b", "tag", ("a", "b")),
        # A name may hold commas; ids and codes in a row are several values.
        ("location=Culiac%C3%A1n, MX-SIN", "location", ("Culiacán, MX-SIN",)),
        ("location=Culiac%C3%A1n%2C+MX-SIN", "location", ("Culiacán, MX-SIN",)),
        ("location=Reynosa, MX-TAM&location=MX-SIN", "location", ("Reynosa, MX-TAM", "MX-SIN")),
        ("location=MX-SIN,MX-TAM,GT", "location", ("MX-SIN", "MX-TAM", "GT")),
        (f"location={ID},MX", "location", (ID, "MX")),
        ("location=geonames:1,iso3166:MX", "location", ("geonames:1", "iso3166:MX")),
        ("actor=Zetas, Los", "actor", ("Zetas, Los",)),
        ("actor=seed:a,seed:b", "actor", ("seed:a", "seed:b")),
        ("actor=Marina&actor=CJNG", "actor", ("Marina", "CJNG")),
        (f"actor={ID},{ID[:-1]}2", "actor", (ID, f"{ID[:-1]}2")),
        ("source=https://x.example/a,b", "source", ("https://x.example/a,b",)),
        ("source=seed:001,seed:002", "source", ("seed:001", "seed:002")),
        ("external_id=seed:a,ucdp:b", "external_id", ("seed:a", "ucdp:b")),
        ("external_id=seed:a,b", "external_id", ("seed:a,b",)),
        ("from=2024&to=2024", "from", ("2024-01-01",)),
        ("from=2024-02&to=2024-02", "to", ("2024-02-29",)),
    ],
)
def test_commas_and_repeats_mean_or(text: str, name: str, values: tuple[Any, ...]) -> None:
    assert ask(text).get(name) == values


@pytest.mark.parametrize(
    ("plural", "text", "name", "values"),
    [
        ("actors", "name=Zetas, Los", "name", ("Zetas, Los",)),
        ("actors", "identified=true", "identified", (True,)),
        ("actors", "identified=true,false", "identified", (True, False)),
        ("sources", "publisher=Smith, Jones %26 Co", "publisher", ("Smith, Jones & Co",)),
        ("sources", "language=en,es", "language", ("en", "es")),
        ("sources", "url=https://x.example/a,b", "url", ("https://x.example/a,b",)),
        ("statistics", "indicator=a,b", "indicator", ("a", "b")),
    ],
)
def test_commas_and_repeats_of_other_kinds(plural: str, text: str, name: str, values: tuple[Any, ...]) -> None:
    assert ask(text, plural).get(name) == values


@pytest.mark.parametrize(
    ("text", "parameter", "code", "word"),
    [
        ("limt=5", "limt", "unknown_parameter", "did you mean limit?"),
        ("Type=raid", "Type", "unknown_parameter", "did you mean type?"),
        ("secondary-type=raid", "secondary-type", "unknown_parameter", "did you mean secondary_type?"),
        ("xyzzy=1", "xyzzy", "unknown_parameter", "there is no parameter 'xyzzy'"),
        ("=1", "", "unknown_parameter", "there is no parameter ''"),
        ("type=rade", "type", "unknown_code", "did you mean raid?"),
        ("type=", "type", "unknown_code", "is not a code"),
        ("type=raid,,release", "type", "unknown_code", "'' is not a code"),
        ("sort=-dat", "sort", "unknown_code", "did you mean -date?"),
        ("sort=summary", "sort", "unknown_code", "is not taken"),
        ("country=Mexico", "country", "value", "did you mean MX?"),
        ("country=mx", "country", "value", "did you mean MX?"),
        ("country=MEX", "country", "value", "did you mean MX?"),
        ("admin1=Sinaloa", "admin1", "value", "did you mean MX-SIN?"),
        ("admin1=MX", "admin1", "value", "is no ISO 3166-2 code"),
        ("tag=", "tag", "value", "it is empty"),
        ("location=%20", "location", "value", "it is empty"),
        ("external_id=S001", "external_id", "value", "scheme:value"),
        ("from=yesterday", "from", "value", "YYYY-MM-DD"),
        ("from=2024-13", "from", "value", ""),
        ("from=2024-02-30", "from", "value", ""),
        ("from=0000", "from", "value", ""),
        ("from=%D9%A2%D9%A0%D9%A2%D9%A4", "from", "value", "YYYY-MM-DD"),
        ("limit=0", "limit", "value", "whole number"),
        ("limit=-1", "limit", "value", "whole number"),
        ("limit=1.0", "limit", "value", "whole number"),
        ("limit=1_0", "limit", "value", "whole number"),
        ("limit=%D9%A1", "limit", "value", "whole number"),
        ("count=yes", "count", "unknown_code", ""),
        ("limit=1&limit=2", "limit", "repeated", "more than once"),
        ("from=2024&from=2025", "from", "repeated", "more than once"),
        ("date_mode=within", "date_mode", "alone", ""),
        ("from=2025&to=2024", "from", "range", "from must not be after to"),
        ("sort=date,type,title,country", "sort", "too_many", ""),
        ("sort=date,-date", "sort", "too_many", ""),
        ("cursor=", "cursor", "cursor", ""),
    ],
)
def test_what_is_not_taken_is_told(text: str, parameter: str, code: str, word: str) -> None:
    [fault] = faults(text)
    assert (fault.parameter, fault.code) == (parameter, code)
    assert word in fault.detail


def test_every_fault_of_a_query_is_told_at_once() -> None:
    told = faults("limt=5&type=rade&country=Mexico&limit=0")
    assert [fault.parameter for fault in told] == ["limt", "type", "country", "limit"]
    assert "raid" in told[1].allowed


def test_one_kind_does_not_take_the_parameters_of_another() -> None:
    for plural, text in (("actors", "tag=a"), ("locations", "from=2024"), ("sources", "measure=freed")):
        assert faults(text, plural)[0].code == "unknown_parameter"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"type=%ff", "percent-encoded UTF-8"),
        ("type=é".encode(), "percent-encoded UTF-8"),
        (b"type=%00", "U\\+0000"),
        (b"a%00=b", "U\\+0000"),
        (b"tag=a&" * 400, "parameters"),
        (b"tag=" + b"a" * MAX_QUERY_BYTES, "longer than"),
    ],
)
def test_what_cannot_be_read_is_refused(raw: bytes, word: str) -> None:
    with pytest.raises(BadQuery, match=word):
        parse(INCIDENTS, raw, 1000)
    with pytest.raises(BadQuery, match=word):
        read_pairs(raw)


def test_values_have_a_bound_all_together() -> None:
    assert ask("tag=" + ",".join(f"t{n}" for n in range(200))).get("tag")[-1] == "t199"
    assert faults("tag=" + ",".join(f"t{n}" for n in range(201)))[0].code == "too_many"


@pytest.mark.parametrize(("asked", "limit"), [("", 100), ("limit=7", 7), ("limit=500", 500), ("limit=5000", 1000)])
def test_a_limit_above_the_maximum_is_clamped(asked: str, limit: int) -> None:
    assert ask(asked).limit == limit
    assert ask("limit=7", max_limit=5).limit == 5
    assert ask("", max_limit=5).limit == 5


@pytest.mark.parametrize("plural", BY_PLURAL)
def test_a_list_has_an_order_of_its_own(plural: str) -> None:
    kind = BY_PLURAL[plural]
    assert ask("", plural).sort == ((kind.sort.lstrip("-"), kind.sort.startswith("-")),)


def test_sorts_keep_their_order() -> None:
    assert ask("sort=-type,date").sort == (("type", True), ("date", False))
    assert ask("sort=title&sort=-date").sort == (("title", False), ("date", True))


def test_a_fingerprint_is_of_filters_and_order_alone() -> None:
    same = ask("type=raid&tag=a,b&sort=title")
    assert ask("tag=a&sort=title&type=raid&tag=b&limit=5&count=exact").fingerprint() == same.fingerprint()
    others = ["type=raid&tag=a,b", "type=raid&tag=a&sort=title", "type=raid&tag=a,b&sort=-title", "sort=title"]
    assert len({same.fingerprint(), *(ask(other).fingerprint() for other in others)}) == 5
    assert ask("", "actors").fingerprint() != ask("sort=name", "locations").fingerprint()


def test_a_cursor_is_good_for_its_own_query() -> None:
    made = ask("type=raid&sort=title,-date")
    cursor = cursor_for(made, f"+Title\x1f-\x1f{ID}")
    assert ask(f"sort=title,-date&type=raid&limit=3&cursor={cursor}").after == ("Title", "", ID)  # unknown
    for other in ("sort=title,-date", "type=raid&sort=title,date", "type=escape&sort=title,-date", "type=raid"):
        [fault] = faults(f"{other}&cursor={cursor}")
        assert (fault.parameter, fault.code) == ("cursor", "cursor")


@pytest.mark.parametrize(
    "key",
    [
        "",
        ID,
        f"+a\x1f{ID}\x1f{ID}",
        f"a\x1f+b\x1f{ID}",
        "+a\x1f+b\x1f",
        f"+a\x1f+b\x1f{ID} ",
        f"+a\x00\x1f+b\x1f{ID}",
        f"-a\x1f-\x1f{ID}",
        f"+a\x1f+b\x1f{ID}\n",
    ],
)
def test_a_cursor_that_was_made_up_is_refused(key: str) -> None:
    made = ask("sort=title,-date")
    [fault] = faults(f"sort=title,-date&cursor={cursor_for(made, key)}")
    assert fault.code == "cursor"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_any_other_text_is_no_cursor(text: str) -> None:
    try:
        encoded = quote(text, safe="")
    except UnicodeEncodeError:  # a lone surrogate cannot be in an address
        return
    [fault] = faults(f"cursor={encoded}")
    assert fault.code in ("cursor", "nul")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    st.sampled_from(["tag", "title", "q", "actor", "x", "sort"]),
)
def test_any_text_is_taken_or_refused_in_words(text: str, name: str) -> None:
    try:
        found = ask(f"{name}={quote(text, safe='')}")
    except BadQuery as problem:
        told = [fault.detail for fault in problem.faults]
        assert told
        assert all(told)
    else:
        assert found.get(name) or name == "sort"


def test_a_route_with_few_parameters_takes_each_once() -> None:
    assert read_once(b"a=1&b=", ("a", "b")) == {"a": "1", "b": ""}
    for raw, code in ((b"c=1", "unknown_parameter"), (b"a=1&a=2", "repeated")):
        with pytest.raises(BadQuery) as refused:
            read_once(raw, ("a", "b"))
        assert refused.value.faults[0].code == code
