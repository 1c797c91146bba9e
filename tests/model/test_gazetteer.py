"""Says what the packaged gazetteer must answer: names, codes, points, parents, and that it stays small and quick."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from incidents_api.model import gazetteer
from incidents_api.model.gazetteer import Place, by_key, find, fold, parents, unit

CULIACAN = "geonames:4012176"
STATES = (
    "AGU BCN BCS CAM CHH CHP CMX COA COL DUR GRO GUA HID JAL MEX MIC MOR NAY NLE OAX PUE QUE ROO SIN SLP SON TAB TAM "
    "TLA VER YUC ZAC"
)


def first(*args: str) -> Place:
    """The first answer, which must exist."""
    return find(*args)[0]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Culiacán Rosales", "culiacan rosales"),
        ("  CULIACAN\t ROSALES ", "culiacan rosales"),
        ("México, D.F.", "mexico d f"),
        ("Łódź", "lodz"),
        ("Tromsø", "tromso"),
        ("Straße", "strasse"),
        ("İzmir", "izmir"),
        ("Côte d\u2019Ivoire", "cote d ivoire"),
        ("N'Djamena", "n djamena"),
        ("\uff2d\uff38", "mx"),
        ("Đồng Hới", "dong hoi"),
        ("臺北市", "臺北市"),
        ("दिल्ली", fold("दिल्ली")),
        ("...", ""),
        ("", ""),
    ],
)
def test_fold_drops_accents_case_and_punctuation(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


def test_a_city_is_found_by_any_spelling_with_the_point_the_datasets_use() -> None:
    city = first("Culiacán", "MX", "MX-SIN")
    assert (city.key, city.kind, city.country, city.admin1) == (CULIACAN, "place", "MX", "MX-SIN")
    assert (city.lat, city.lon) == (24.79032, -107.38782)
    for name in ("culiacan", "CULIACÁN", "Culiacán Rosales", "culiacan  rosales"):
        assert first(name, "MX") == city
    assert first("Culiacán", "mex", "mx-sin") == city
    assert find("Culiacán", "US") == ()
    assert find("Culiacán", "MX", "MX-TAM") == ()


@pytest.mark.parametrize(
    ("names", "key"),
    [
        ("Mexico City|Ciudad de México|CDMX|México, D.F.", "iso3166:MX-CMX"),
        ("Sinaloa|Estado de Sinaloa|Sinaloa state", "iso3166:MX-SIN"),
        ("Estado de México|Edomex|State of Mexico", "iso3166:MX-MEX"),
        ("Coahuila|Coahuila de Zaragoza", "iso3166:MX-COA"),
        ("Michoacán|michoacan de ocampo", "iso3166:MX-MIC"),
        ("Veracruz|Veracruz de Ignacio de la Llave", "iso3166:MX-VER"),
        ("Mexico|México|Estados Unidos Mexicanos", "iso3166:MX"),
        ("Estados Unidos|United States|USA|U.S.A.|EE.UU.", "iso3166:US"),
        ("Brasil|Brazil", "iso3166:BR"),
        ("Russia|Russian Federation", "iso3166:RU"),
        ("Syria|Syrian Arab Republic", "iso3166:SY"),
        ("Iran|Iran, Islamic Republic of", "iso3166:IR"),
        ("Bolivia", "iso3166:BO"),
        ("Venezuela", "iso3166:VE"),
        ("Tanzania", "iso3166:TZ"),
        ("DR Congo|DRC|Democratic Republic of the Congo", "iso3166:CD"),
        ("Republic of the Congo|Congo-Brazzaville", "iso3166:CG"),
        ("Ivory Coast|Côte d'Ivoire|Cote d\u2019Ivoire", "iso3166:CI"),
        ("South Korea|Corea del Sur", "iso3166:KR"),
        ("North Korea|DPRK", "iso3166:KP"),
        ("Moldova", "iso3166:MD"),
        ("Laos", "iso3166:LA"),
        ("Vietnam|Viet Nam", "iso3166:VN"),
        ("Palestine|State of Palestine", "iso3166:PS"),
        ("Taiwan", "iso3166:TW"),
        ("Turkey|Türkiye", "iso3166:TR"),
        ("Czechia|Czech Republic", "iso3166:CZ"),
        ("Acapulco|Acapulco de Juárez", "geonames:3533462"),
        ("Ciudad Juárez|Cd. Juárez", "geonames:4013708"),
        ("Xi'an|Xian", "geonames:1790630"),
    ],
)
def test_other_names_lead_to_the_same_record(names: str, key: str) -> None:
    assert {first(name).key for name in names.split("|")} == {key}


def test_the_larger_comes_first_and_the_order_is_fixed() -> None:
    order = {"country": 0, "admin1": 1, "place": 2, "admin2": 3}
    for name in ("San José", "México", "Sinaloa", "Washington", "Victoria", "Santiago"):
        found = find(name)
        assert found == tuple(sorted(found, key=lambda p: (order[p.kind], -(p.population or 0), p.key)))
        assert len({place.key for place in found}) == len(found)
        assert all(fold(name) in map(fold, (place.name, *place.names)) for place in found)


def test_nobody_knows_nothing() -> None:
    assert find("Xyzzyville") == find("") == find("...") == find("Culiacán", "QQ") == ()
    assert unit("MX-QQQ") is unit("") is unit("Mexico") is None
    assert by_key("geonames:1") is by_key("geonames:x") is by_key("geonames:99999999999") is None
    assert by_key("iso3166:MEX") is by_key("wikidata:Q1489") is by_key("") is None


def test_every_code_resolves_in_any_case() -> None:
    codes = gazetteer._codes()
    for code in codes.codes:
        found = unit(code.lower())
        assert found is not None
        assert found.key == f"iso3166:{code}"
        assert found.kind in (("country",) if len(code) == 2 else ("admin1", "admin2"))
        assert found.lat is not None
        assert found.lon is not None
        assert -90 <= found.lat <= 90
        assert -180 <= found.lon <= 180
    assert sum(len(code) == 2 for code in codes.codes) == 250
    assert sum(len(code) > 3 for code in codes.codes) == 5046
    assert unit("MEX") == unit("mx") == unit(" Mx ")
    assert sum(len(code) == 3 for code in codes.records) == 250


def test_mexico_has_its_32_states_under_their_codes() -> None:
    states = [unit(f"mx-{code}") for code in STATES.split()]
    assert len({state.key for state in states if state and state.kind == "admin1" and state.country == "MX"}) == 32
    names = {state.name for state in states if state}
    assert {
        "Sinaloa",
        "Tamaulipas",
        "Ciudad de México",
        "México",
        "Jalisco",
        "Veracruz de Ignacio de la Llave",
    } <= names


@pytest.mark.parametrize(
    ("code", "lat", "lon"), [("MX", 23.0, -102.0), ("MX-SIN", 25.0, -107.5), ("MX-TAM", 24.0, -98.75)]
)
def test_the_representation_points_of_the_field(code: str, lat: float, lon: float) -> None:
    found = unit(code)
    assert found is not None
    assert (found.lat, found.lon, found.population) == (lat, lon, None)


@pytest.mark.parametrize(
    ("code", "lat", "lon"),
    [("FR-59", 50.5, 3.3), ("ES-B", 41.6, 2.0), ("GB-CMD", 51.5, -0.1), ("VN-27", 15.6, 108.5), ("FJ", -17.8, 178.0)],
)
def test_derived_points_are_near(code: str, lat: float, lon: float) -> None:
    found = unit(code)
    assert found is not None
    assert found.lat == pytest.approx(lat, abs=0.6)
    assert found.lon == pytest.approx(lon, abs=0.6)


def test_keys_are_permanent_and_lead_back() -> None:
    for name, country in (("Culiacán", "MX"), ("San José", "CR"), ("Paris", "FR"), ("Kinshasa", "CD"), ("León", "MX")):
        for place in find(name, country):
            assert by_key(place.key) == place
    # GeoNames ids of units with an ISO code, and one of a place that the source holds twice (Barra do Ouro, Brazil)
    assert by_key("geonames:3983035") == unit("MX-SIN")
    assert by_key("geonames:3996063") == unit("MX")
    twin = by_key("geonames:13454331")
    assert twin is not None
    assert (twin.key, twin.population) == ("geonames:6316511", 4641)
    assert len([p for p in find("Barra do Ouro", "BR", "BR-TO") if p.kind == "place"]) == 1


def test_parents_go_from_the_nearest_to_the_country() -> None:
    city = by_key(CULIACAN)
    assert city is not None
    assert [(p.kind, p.name) for p in parents(city)] == [
        ("admin2", "Culiacán"),
        ("admin1", "Sinaloa"),
        ("country", "Mexico"),
    ]
    state, country, department = unit("MX-SIN"), unit("MX"), unit("FR-59")
    assert state is not None
    assert country is not None
    assert department is not None
    assert parents(state) == (country,)
    assert parents(country) == ()
    assert (department.kind, department.admin1) == ("admin2", "FR-HDF")
    assert [p.key for p in parents(department)] == ["iso3166:FR-HDF", "iso3166:FR"]
    assert [p.key for p in parents(first("Lille", "FR", "FR-59"))] == [
        "iso3166:FR-59",
        "iso3166:FR-HDF",
        "iso3166:FR",
    ]


def test_codes_above_the_first_order_hold_what_lies_in_them() -> None:
    galway = first("Galway", "IE", "IE-C")
    assert galway.admin1 == "IE-G"
    assert "iso3166:IE-C" in [p.key for p in parents(galway)]


def test_units_without_an_iso_code_are_never_admin1() -> None:
    assert all(place.admin1 for place in find("Ponce") if place.kind == "admin1")
    ponce = next(place for place in find("Ponce", "PR") if place.kind == "place")
    assert ponce.admin1 is None
    assert [p.kind for p in parents(ponce)] == ["admin2", "admin2", "country"]


def test_reader_threads_share_it() -> None:
    names = ["Culiacán", "Mexico City", "San José", "Paris", "Lagos", "Xi'an", "Coahuila", "Zürich", "Aleppo", "Łódź"]
    expected = [find(name) for name in names]
    for cache in (gazetteer.find, gazetteer._records, gazetteer._aliases, gazetteer._file, gazetteer._codes):
        cache.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(find, names * 20)) == expected * 20


def test_the_file_credits_geonames_and_is_small() -> None:
    path = Path(gazetteer.__file__).parent / "data" / "gazetteer.bin"
    with path.open("rb") as stream:
        title = stream.readline()
    assert b"GeoNames" in title
    assert b"CC BY 4.0" in title
    assert path.stat().st_size <= 6_000_000
