"""18,957 real incidents: totals, filters and files say what pandas, numpy and shapely compute from the file itself."""

import io
import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import duckdb
import geopandas
import numpy
import pandas
import polars
import pytest
import shapely
from starlette.testclient import TestClient

from incidents_api.model import gazetteer
from incidents_api.model.kinds import KINDS
from incidents_api.model.layouts import ucdp as layout
from incidents_api.reading import query
from incidents_api.reading.conditions import squares_walked
from tests.real import ucdp

NUMBER = 18_957
LEVELS = ("low", "best", "high")
PRECISIONS = ["exact", "vicinity", "locality", "city", "near_place", "adm2", "adm1", "linear", "part_of_country"]
PRECISIONS += ["country"]
EARTH_KM = 6371.0088
PRECISE = {"1": "city", "2": "near_place", "3": "adm2", "4": "adm1", "5": "part_of_country", "6": "country"}
LINEAR = re.compile(r"\b(?:road|highway|river|border|route)\b", re.IGNORECASE)
"""What makes a place of where_prec 5 a line."""
PARTS = ("deaths_a", "deaths_b", "deaths_civilians", "deaths_unknown")

Asked = tuple[dict[str, str], Any]
"""The parameters of a query, and for every row of the file whether it is meant."""


def bare(text: str) -> str:
    """Without accents and capitals."""
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one)).lower()


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", bare(text))


@cache
def frame() -> pandas.DataFrame:
    """The file as pandas reads it, with the columns that the service is asked for."""
    rows = pandas.read_csv(ucdp.need(), dtype=str, keep_default_na=False)
    told = pandas.DataFrame({"key": rows["id"]})
    for level in LEVELS:
        told[level] = rows[level].astype("int64")
    told["raw_low"], told["raw_high"] = told["low"], told["high"]
    told["low"] = told[["low", "best"]].min(axis=1)
    told["high"] = told[["high", "best"]].max(axis=1)
    told["start"], told["end"] = rows["date_start"].str[:10], rows["date_end"].str[:10]
    told["year"] = told["start"].str[:4].where(told["start"].str[:4] == told["end"].str[:4], "")
    told["month"] = told["start"].str[:7].where(told["start"].str[:7] == told["end"].str[:7], "")
    told["admin1"] = rows["adm_1"].map(lambda name: ucdp.admin1_of(name) or "")
    told["type"] = rows["type_of_violence"].map(ucdp.TYPES)
    told["granularity"] = rows["event_clarity"].map({"1": "single", "2": "series"})
    line = rows["where_coordinates"].str.contains(LINEAR) & (rows["where_prec"] == "5")
    told["precision"] = rows["where_prec"].map(PRECISE).where(~line, "linear")
    told["rank"] = told["precision"].map(PRECISIONS.index)
    told["lon"], told["lat"] = rows["longitude"].astype(float), rows["latitude"].astype(float)
    told["title"] = [layout.title(row) for row in ucdp.rows()]
    told["parts"] = sum((rows[name] != "0").astype(int) for name in PARTS)
    told["words"] = told["title"].map(words)
    told["lower"], told["bare"] = told["title"].str.lower(), told["title"].map(bare)
    told["dyad"] = "dyad-" + rows["dyad_new_id"]
    told["place"] = rows["where_coordinates"]
    told["side_a"], told["side_b"] = rows["side_a"], rows["side_b"]
    told["violence"] = rows["type_of_violence"]
    return told


def ask(client: TestClient, path: str, asked: dict[str, str]) -> dict[str, Any]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, (asked, answer.text)
    return answer.json()


# --- What is stored ------------------------------------------------------------------------------------------------


def test_every_row_is_stored(ucdp_client: TestClient) -> None:
    assert len(frame()) == NUMBER
    assert ask(ucdp_client, "/v1/incidents", {"count": "exact", "limit": "1"})["total"] == NUMBER
    claims = NUMBER + int(frame()["parts"].sum())  # a side that lost nobody has no claim of its own
    assert ask(ucdp_client, "/v1/claims", {"count": "exact", "limit": "1"})["total"] == claims
    assert ucdp_client.get("/v1/edition").json()["counts"]["incidents"] == NUMBER


def test_the_file_has_the_wrong_bounds_that_are_mended() -> None:
    rows = frame()
    assert int((rows["raw_low"] > rows["best"]).sum() + (rows["raw_high"] < rows["best"]).sum()) == 95


@pytest.mark.parametrize(
    "by", [("year",), ("admin1",), ("type",), ("month",), ("year", "admin1"), ("granularity", "admin1", "year")]
)
def test_sums_equal_those_of_pandas(ucdp_client: TestClient, by: tuple[str, ...]) -> None:
    answer = ask(ucdp_client, "/v1/totals", {"by": ",".join(by), "measure": "killed"})
    told = {
        tuple(row["key"][name] or "" for name in by): (
            row["incidents"],
            *(row["measures"]["killed"][level] for level in LEVELS),
        )
        for row in answer["rows"]
    }
    groups = frame().groupby(list(by), dropna=False)
    wanted = {key: (len(group), *(int(group[level].sum()) for level in LEVELS)) for key, group in groups}
    assert told == wanted
    if by in (("month",), ("admin1",)):
        assert ("",) in told
    assert answer["overlapping"] is False


def test_the_ungrouped_row(ucdp_client: TestClient) -> None:
    row = ask(ucdp_client, "/v1/totals", {})["rows"][0]["measures"]["killed"]
    assert [row[level] for level in LEVELS] == [int(frame()[level].sum()) for level in LEVELS]
    assert row["low"] <= row["best"] <= row["high"]
    assert (row["incidents"], row["lower_bound_only"], row["open_ended"]) == (NUMBER, 0, 0)


# --- Filters -------------------------------------------------------------------------------------------------------


def days(chance: random.Random) -> tuple[str, str]:
    """Two days of the file, in order."""
    first, last = sorted(chance.sample(sorted({*frame()["start"], *frame()["end"]}), 2))
    return first, last


def codes(chance: random.Random) -> Iterator[Asked]:
    rows = frame()
    for kind in ("armed_clash", "attack", "raid"):
        yield {"type": kind}, rows["type"] == kind
    yield {"granularity": "series"}, rows["granularity"] == "series"
    known = sorted(set(rows["admin1"]) - {""})
    for number in (1, 1, 1, 1, 2, 3, 5):
        some = chance.sample(known, number)
        yield {"admin1": ",".join(some)}, rows["admin1"].isin(some)
        yield {"admin1": ",".join(some), "type": "attack"}, rows["admin1"].isin(some) & (rows["type"] == "attack")
        yield {"location": some[0]}, rows["admin1"] == some[0]
    for tag in chance.sample(sorted(set(rows["dyad"])), 6):
        yield {"tag": tag}, rows["dyad"] == tag
    for name in chance.sample(sorted({*rows["side_a"], *rows["side_b"]}), 6):
        yield {"actor": name}, (rows["side_a"] == name) | (rows["side_b"] == name)
    for name in chance.sample(sorted(set(rows["side_a"][rows["violence"] == "3"])), 4):
        mask = (rows["violence"] == "3") & (rows["side_a"] == name)
        yield {"actor": name, "role": "perpetrator"}, mask
    for key in chance.sample(list(rows["key"]), 3):
        yield {"external_id": f"ucdp:{key}"}, rows["key"] == key


def dates(chance: random.Random) -> Iterator[Asked]:
    rows = frame()
    start, end = rows["start"], rows["end"]
    modes: dict[str, Callable[[str, str], Any]] = {
        "overlaps": lambda first, last: (end >= first) & (start <= last),
        "within": lambda first, last: (start >= first) & (end <= last),
        "contains": lambda first, last: (start <= first) & (end >= last),
    }
    for mode, mask in modes.items():
        for _ in range(8):
            first, last = days(chance)
            yield {"from": first, "to": last, "date_mode": mode}, mask(first, last)
        for _ in range(4):
            day = days(chance)[0]
            yield {"from": day, "to": day, "date_mode": mode}, mask(day, day)
    year = str(chance.randint(1995, 2022))
    yield {"from": year, "to": year}, modes["overlaps"](f"{year}-01-01", f"{year}-12-31")
    first, last = days(chance)
    yield {"from": first}, end >= first
    yield {"to": last}, start <= last
    yield {"from": first, "date_mode": "within"}, start >= first
    yield {"to": last, "date_mode": "within"}, end <= last


def box(chance: random.Random) -> tuple[float, float, float, float]:
    west, east = sorted(round(chance.uniform(-118, -86), 4) for _ in range(2))
    south, north = sorted(round(chance.uniform(14, 33), 4) for _ in range(2))
    return west, south, east, north


def places(chance: random.Random) -> Iterator[Asked]:
    rows = frame()
    lon, lat, rank = rows["lon"], rows["lat"], rows["rank"]
    for n in range(18):
        west, south, east, north = box(chance)
        asked = {"bbox": f"{west},{south},{east},{north}"}
        coarsest = "city" if n % 2 else chance.choice(PRECISIONS)
        if not n % 2:
            asked["max_precision"] = coarsest
        inside = lon.between(west, east) & lat.between(south, north)
        yield asked, inside & (rank <= PRECISIONS.index(coarsest))
        # Turned round, the box goes over the antimeridian and holds the rest of its belt.
        turned = asked | {"bbox": f"{east},{south},{west},{north}"}
        outside = ((lon >= east) | (lon <= west)) & lat.between(south, north)
        yield turned, outside & (rank <= PRECISIONS.index(coarsest))
    for n in range(24):
        middle = rows.iloc[chance.randrange(NUMBER)]
        at_lat, at_lon = round(middle["lat"] + 0.01, 5), round(middle["lon"] - 0.01, 5)
        km = round(chance.uniform(0.5, 400 if n % 2 else 20), 3)
        coarsest = "city" if n % 3 else chance.choice(PRECISIONS)
        asked = {"lat": str(at_lat), "lon": str(at_lon), "radius_km": str(km)}
        asked |= {} if n % 3 else {"max_precision": coarsest}
        near = haversine(at_lon, at_lat, lon.to_numpy(), lat.to_numpy()) <= km
        yield asked, near & (rank <= PRECISIONS.index(coarsest)).to_numpy()
    for coarsest in PRECISIONS:
        yield {"max_precision": coarsest}, rank <= PRECISIONS.index(coarsest)


def parts_of_the_map(chance: random.Random) -> Iterator[Asked]:
    """Boxes and circles as large as a map shows a city or a state, some of them with days."""
    rows = frame()
    lon, lat, start, end = rows["lon"], rows["lat"], rows["start"], rows["end"]
    for n in range(40):
        middle = rows.iloc[chance.randrange(NUMBER)]
        west, south = (round(middle[name] - chance.uniform(0.02, 1.5), 3) for name in ("lon", "lat"))
        east, north = (round(middle[name] + chance.uniform(0.02, 1.5), 3) for name in ("lon", "lat"))
        asked = {"bbox": f"{west},{south},{east},{north}"}
        mask = lon.between(west, east) & lat.between(south, north)
        if n % 3 == 0:
            km = round(chance.uniform(5, 120), 2)
            asked = {"lat": str(south), "lon": str(west), "radius_km": str(km)}
            mask = haversine(west, south, lon.to_numpy(), lat.to_numpy()) <= km
        coarsest = "city" if n % 2 else chance.choice(PRECISIONS)
        asked |= {} if n % 2 else {"max_precision": coarsest}
        mask = mask & (rows["rank"] <= PRECISIONS.index(coarsest))
        if n % 4 > 1:
            first, last = days(chance)
            asked |= {"from": first, "to": last} if n % 4 == 2 else {"to": last}
            mask &= (start <= last) & ((end >= first) | (n % 4 == 3))
        yield asked, mask


def haversine(lon: float, lat: float, lons: Any, lats: Any) -> Any:
    """Kilometres on the sphere."""
    phi, phis = numpy.radians(lat), numpy.radians(lats)
    half = numpy.sin((phis - phi) / 2) ** 2
    half += numpy.cos(phi) * numpy.cos(phis) * numpy.sin(numpy.radians(lons - lon) / 2) ** 2
    return 2 * EARTH_KM * numpy.arcsin(numpy.sqrt(half))


def search(chance: random.Random) -> Iterator[Asked]:
    """Words that stand in titles and nowhere else."""
    rows = frame()
    elsewhere = {word for name in {*rows["place"], *rows["side_a"], *rows["side_b"]} for word in words(name)}
    for code in {*rows["admin1"]} - {""}:
        unit = gazetteer.unit(code)
        elsewhere |= {word for name in (unit.name, *unit.names) for word in words(name)}
    country = gazetteer.unit("MX")
    elsewhere |= {word for name in (country.name, *country.names) for word in words(name)}
    counts = rows["words"].map(set).explode().value_counts()
    rare = sorted(word for word, n in counts.items() if 1 <= n <= 60 and len(word) >= 5 and word not in elsewhere)

    def holding(*wanted: str) -> Any:
        return rows["words"].map(lambda held: all(word in held for word in wanted))

    for word in chance.sample(rare, 20):
        yield {"q": word}, holding(word)
        yield {"q": word.upper()}, holding(word)
    for word in chance.sample(rare, 8):
        start = word[:4]
        if not any(other.startswith(start) for other in elsewhere):
            mask = rows["words"].map(lambda held, start=start: any(one.startswith(start) for one in held))
            yield {"q": f"{start}*"}, mask
    known = frozenset(rare)
    told = [held for held in rows["words"] if sum(word in known for word in held) >= 2]
    for held in chance.sample(told, 8):
        one, two = [word for word in held if word in known][:2]
        yield {"q": f"{one} {two}"}, holding(one, two)
        place = held.index(one)
        if place + 1 < len(held) and held[place + 1] not in elsewhere:
            following = held[place + 1]
            mask = rows["words"].map(
                lambda held, one=one, two=following: any(pair == (one, two) for pair in pairwise(held))
            )
            yield {"q": f'"{one} {following}"'}, mask


def star(chance: random.Random, *, size: float, middle: tuple[float, float]) -> shapely.Polygon:
    """A polygon whose edges never cross: its corners lie around the middle, each in its own part of the round."""
    number = chance.randint(5, 14)
    angles = [(n + chance.uniform(0.1, 0.9)) * 2 * numpy.pi / number for n in range(number)]
    corners = []
    for angle in angles:
        reach = size * chance.uniform(0.3, 1)
        corners.append((middle[0] + reach * numpy.cos(angle), middle[1] + reach * numpy.sin(angle)))
    return shapely.Polygon(corners)


def polygons(chance: random.Random) -> Iterator[tuple[str, Any]]:
    rows = frame()
    points = geopandas.GeoSeries.from_xy(rows["lon"], rows["lat"])
    found = 0
    while found < 24:
        row = rows.iloc[chance.randrange(NUMBER)]
        shape = star(chance, size=chance.uniform(0.5, 6), middle=(row["lon"], row["lat"]))
        if found % 3 == 1:
            shape = shape.difference(star(chance, size=0.4, middle=(row["lon"] + 0.1, row["lat"])))
        if found % 3 == 2:
            shape = shapely.union_all([shape, star(chance, size=2, middle=(row["lon"] + 15, row["lat"]))])
        if not shape.is_valid or shape.is_empty or shape.geom_type not in ("Polygon", "MultiPolygon"):
            continue
        found += 1
        op = chance.choice(["S_INTERSECTS", "S_WITHIN"])
        yield f"{op}(geometry, {shapely.to_wkt(shape, rounding_precision=-1)})", points.intersects(shape)


def shapes(chance: random.Random) -> Iterator[Asked]:
    for text, mask in polygons(chance):
        yield {"filter": text}, mask
        yield {"filter": f"NOT {text}"}, ~mask


def atoms(chance: random.Random) -> list[tuple[str, Any]]:
    """Conditions of CQL2 with what they mean."""
    rows = frame()
    number = chance.choice([0, 1, 2, 5, 10, 25])
    known = sorted(set(rows["admin1"]) - {""})
    some = chance.sample(known, 3)
    first, last = days(chance)
    word = chance.choice([held[0] for held in rows["words"].sample(20, random_state=chance.randrange(99)) if held])
    tag = chance.choice(sorted(set(rows["dyad"])))
    west, south, east, north = box(chance)
    precision = chance.choice(sorted(set(rows["precision"])))
    level = chance.choice(LEVELS)
    return [
        (f"killed_{level} >= {number}", rows[level] >= number),
        (f"{number} > killed_best", rows["best"] < number),
        (f"killed_best BETWEEN {number} AND {number + 7}", rows["best"].between(number, number + 7)),
        (f"killed_best NOT IN ({number}, {number + 1})", ~rows["best"].isin([number, number + 1])),
        ("freed_best IS NULL", rows["best"] >= 0),
        ("type = 'attack'", rows["type"] == "attack"),
        ("type <> 'attack'", rows["type"] != "attack"),
        (f"admin1 IN ('{some[0]}', '{some[1]}', '{some[2]}')", rows["admin1"].isin(some)),
        (f"admin1 <> '{some[0]}'", (rows["admin1"] != some[0]) & (rows["admin1"] != "")),
        (f"admin1 NOT IN ('{some[1]}')", rows["admin1"] != some[1]),
        ("admin1 IS NULL", rows["admin1"] == ""),
        ("country = 'MX'", rows["best"] >= 0),
        (f"tag = '{tag}'", rows["dyad"] == tag),
        (f"tag <> '{tag}'", rows["best"] >= 0),  # each has another one beside it, of its conflict
        (f"precision = '{precision}'", rows["precision"] == precision),
        ("year IS NULL", rows["year"] == ""),
        (f"year = '{first[:4]}'", rows["year"] == first[:4]),
        (f"title LIKE '%{word}%'", rows["title"].str.contains(word, regex=False)),
        (f"CASEI(title) LIKE CASEI('%{word}%')", rows["lower"].str.contains(word, regex=False)),
        (
            f"CASEI(ACCENTI(title)) LIKE CASEI(ACCENTI('{word.upper()}%'))",
            rows["bare"].str.startswith(word),
        ),
        (f"lon > {west} AND lat BETWEEN {south} AND {north}", (rows["lon"] > west) & rows["lat"].between(south, north)),
        (
            f"S_INTERSECTS(geometry, BBOX({west}, {south}, {east}, {north}))",
            rows["lon"].between(west, east) & rows["lat"].between(south, north),
        ),
        (f"earliest >= DATE('{first}')", rows["start"] >= first),
        (f"latest < '{last}'", rows["end"] < last),
        (f"T_INTERSECTS(date, INTERVAL('{first}', '{last}'))", (rows["end"] >= first) & (rows["start"] <= last)),
        (f"T_DURING(date, INTERVAL('{first}', '{last}'))", (rows["start"] >= first) & (rows["end"] <= last)),
        (f"T_BEFORE(date, DATE('{first}'))", rows["end"] < first),
        (f"T_AFTER(date, INTERVAL('..', '{last}'))", rows["start"] > last),
    ]


def tree(chance: random.Random, depth: int) -> tuple[str, Any]:
    """Conditions joined at random."""
    if depth == 0 or chance.random() < 0.2:
        return chance.choice(atoms(chance))
    if chance.random() < 0.3:
        text, mask = tree(chance, depth - 1)
        return f"NOT ({text})", ~mask
    (one, left), (two, right) = tree(chance, depth - 1), tree(chance, depth - 1)
    return (f"({one}) AND ({two})", left & right) if chance.random() < 0.5 else (f"({one}) OR ({two})", left | right)


def conditions(chance: random.Random) -> Iterator[Asked]:
    for text, mask in atoms(chance):
        yield {"filter": text}, mask
        yield {"filter": f"NOT ({text})"}, ~mask


def trees(chance: random.Random) -> Iterator[Asked]:
    for _ in range(60):
        text, mask = tree(chance, 3)
        yield {"filter": text}, mask


def together(chance: random.Random) -> Iterator[Asked]:
    """Parameters of several sorts, which all must be met."""
    for _ in range(20):
        (first, one), (second, two) = (chance.choice(list(SORTS[name](chance))) for name in ("codes", "places"))
        text, mask = tree(chance, 1)
        yield first | second | {"filter": text}, numpy.asarray(one) & numpy.asarray(two) & numpy.asarray(mask)


SEEDS = {"together": "together2"}
"""A seed that gives filters which select many different numbers, where the name of the sort does not."""

SORTS: dict[str, Callable[[random.Random], Iterator[Asked]]] = {
    "codes": codes,
    "dates": dates,
    "places": places,
    "search": search,
    "shapes": shapes,
    "conditions": conditions,
    "trees": trees,
    "together": together,
}


@cache
def generated(sort: str) -> list[tuple[dict[str, str], int]]:
    """Queries of one sort, each with the number of rows that it means."""
    return [
        (asked, int(numpy.asarray(mask).sum())) for asked, mask in SORTS[sort](random.Random(SEEDS.get(sort, sort)))
    ]


def test_there_are_enough_filters() -> None:
    numbers = {sort: generated(sort) for sort in SORTS}
    assert sum(map(len, numbers.values())) >= 200
    for sort, queries in numbers.items():
        # A list of filters that all select nothing, or everything, would show little.
        assert len({number for _, number in queries} - {0, NUMBER}) >= 5, sort


@pytest.mark.parametrize("sort", SORTS)
def test_filters_select_as_many_as_pandas(ucdp_client: TestClient, sort: str) -> None:
    wrong = []
    for asked, number in generated(sort):
        total = ask(ucdp_client, "/v1/incidents", asked | {"count": "exact", "limit": "1"})["total"]
        if total != number:
            wrong.append((asked, total, number))
    assert wrong == []


@pytest.mark.parametrize("sort", ["codes", "dates", "places"])
def test_totals_are_of_what_the_list_selects(ucdp_client: TestClient, sort: str) -> None:
    wrong = []
    for asked, mask in list(SORTS[sort](random.Random(SEEDS.get(sort, sort))))[::4]:
        row = ask(ucdp_client, "/v1/totals", asked)["rows"][0]
        chosen = frame()[numpy.asarray(mask)]
        figures = row["measures"].get("killed", dict.fromkeys(LEVELS, 0))
        wanted = (len(chosen), *(int(chosen[level].sum()) for level in LEVELS))
        if (row["incidents"], *(figures[level] for level in LEVELS)) != wanted:
            wrong.append((asked, row, wanted))
    assert wrong == []


# --- Files ---------------------------------------------------------------------------------------------------------


def paged(client: TestClient, asked: str) -> list[str]:
    ids: list[str] = []
    url = f"/v1/incidents?limit=1000&{asked}"
    while url:
        page = client.get(url).json()
        ids += [item["id"] for item in page["items"]]
        url = page["next"]
    return ids


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        ("", NUMBER),
        ("sort=-killed_high,title&from=2010&to=2010", None),
        ("sort=admin1,-title&from=2015&to=2015&granularity=single", None),
    ],
)
def test_every_format_holds_what_the_list_holds(ucdp_client: TestClient, asked: str, number: int | None) -> None:
    ids = paged(ucdp_client, asked)
    assert len(set(ids)) == len(ids)
    assert number in (None, len(ids))
    assert set(ids) <= {ucdp.incident_id(row) for row in ucdp.rows()}
    lines = ucdp_client.get(f"/v1/incidents.ndjson?{asked}").text.split("\n")[:-1]
    assert [json.loads(line)["id"] for line in lines] == ids
    csv = io.StringIO(ucdp_client.get(f"/v1/incidents.csv?{asked}").text, newline="")
    assert list(pandas.read_csv(csv, usecols=["id"])["id"]) == ids
    features = ucdp_client.get(f"/v1/incidents.geojson?{asked}").json()["features"]
    assert [feature["id"] for feature in features] == ids
    content = ucdp_client.get(f"/v1/incidents.parquet?{asked}").content
    assert polars.read_parquet(io.BytesIO(content), columns=["id"])["id"].to_list() == ids


def test_readers_find_the_same_sums(ucdp_client: TestClient, tmp_path: Path) -> None:
    for suffix in ("csv", "parquet", "geojson"):
        (tmp_path / f"all.{suffix}").write_bytes(ucdp_client.get(f"/v1/incidents.{suffix}").content)
    wanted = [int(frame()[level].sum()) for level in LEVELS]
    names = [f"killed_{level}" for level in LEVELS]
    told = ", ".join(f"sum({name})" for name in names)
    found = {
        "pandas csv": [int(pandas.read_csv(tmp_path / "all.csv", usecols=names)[name].sum()) for name in names],
        "pandas parquet": [int(pandas.read_parquet(tmp_path / "all.parquet")[name].sum()) for name in names],
        "polars csv": polars.read_csv(tmp_path / "all.csv", columns=names, infer_schema_length=None).sum().row(0),
        "polars parquet": polars.read_parquet(tmp_path / "all.parquet").select(names).sum().row(0),
        "duckdb csv": duckdb.sql(f"SELECT {told} FROM read_csv('{tmp_path}/all.csv', sample_size=-1)").fetchall()[0],
        "duckdb parquet": duckdb.sql(f"SELECT {told} FROM '{tmp_path}/all.parquet'").fetchall()[0],
    }
    assert {name: list(map(int, sums)) for name, sums in found.items()} == dict.fromkeys(found, wanted)
    located = geopandas.read_file(tmp_path / "all.geojson")
    assert len(located) == NUMBER
    assert [int(located[name].sum()) for name in names] == wanted
    points = {ucdp.incident_id(row): (float(row["longitude"]), float(row["latitude"])) for row in ucdp.rows()}
    identified = dict(zip(located["id"], zip(located.geometry.x, located.geometry.y, strict=True), strict=True))
    assert identified == points


def test_lists_of_parts_of_the_map_are_those_of_pandas(ucdp_client: TestClient) -> None:
    rows = frame()
    ids = pandas.Series([ucdp.incident_id(row) for row in ucdp.rows()], index=rows.index)
    ways = set()
    for asked, mask in parts_of_the_map(random.Random("map")):
        in_order = sorted(zip(rows["start"][mask], ids[mask], strict=True))
        for sort, wanted in (("date", in_order), ("-date", in_order[::-1])):
            whole = asked | {"sort": sort}
            read = query.parse(KINDS["incident"], urlencode(whole).encode(), 100)
            ways.add(len(squares_walked(read)))
            found, following = [], {"limit": "30", **whole}
            while following is not None:
                page = ask(ucdp_client, "/v1/incidents", following)
                found += [one["id"] for one in page["items"]]
                following = page["next"] and dict(parse_qsl(urlsplit(page["next"]).query))
            assert found == [one for _, one in wanted], whole
    assert {0, 2, 4, 6} < ways
