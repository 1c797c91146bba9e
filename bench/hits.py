"""The hits of every workload, drawn from the data with a seed, so that each finds something and no two are alike."""

import itertools
import math
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from bench import rows
from bench.generate import TEXTS, folded
from bench.incidents import SCHEME, Maker
from bench.places import COUNTRIES, unit_names
from bench.systems import COLUMNS, Data
from bench.workloads import WORKLOADS

NUMBER = 200
"""Hits of a workload; by months of a country there are as many as countries."""
EARTH_KM = 6371.0088
CLEAR = 0.01
"""No point lies so near to the edge of a circle, as a share of the radius: sphere and ellipsoid then agree."""

Hit = dict[str, Any]


def hits(data: Data, workload: str, number: int = NUMBER) -> list[Hit]:
    """So many different hits (fewer where there are no more); the same for the same data."""
    chance = random.Random(f"{_TWINS.get(workload, workload)} {data.size}")
    with sqlite3.connect(data.reference) as reference:
        reference.row_factory = sqlite3.Row
        made = _MAKERS[workload](_Draw(reference, chance, data))
        found: dict[str, Hit] = {}
        for hit in itertools.islice(made, 50 * number):
            found.setdefault(repr(hit), hit)
            if len(found) == number:
                break
    reference.close()
    return list(found.values())


class _Draw:
    """Draws rows of the reference."""

    def __init__(self, reference: sqlite3.Connection, chance: random.Random, data: Data) -> None:
        self.reference, self.chance, self.data = reference, chance, data
        self._last = reference.execute("SELECT max(rowid) FROM flat").fetchone()[0]

    def row(self, *, placed: bool = False) -> sqlite3.Row:
        """Any incident; `placed`: one that a box finds."""
        while True:
            place = self.chance.randint(1, self._last)
            found: sqlite3.Row = self.reference.execute("SELECT * FROM flat WHERE rowid = ?", (place,)).fetchone()
            if not placed or found["lat"] is not None:
                return found


def _get(draw: _Draw) -> Iterator[Hit]:
    while True:
        yield {"id": draw.row()["id"]}


def _list(draw: _Draw) -> Iterator[Hit]:
    while True:
        row = draw.row()
        month = draw.chance.randint(1, 12)
        year = int(row["date_start"][:4]) - (int(row["date_start"][5:7]) < month)
        first, last = f"{year}-{month:02}-01", f"{year + 1}-{month:02}-01"
        yield {"country": row["country"], "from": first, "to": last, "limit": 100}


def _deep(draw: _Draw) -> Iterator[Hit]:
    while True:
        row = draw.row()
        yield {"after_date": row["date_start"], "after_id": row["id"], "limit": 100}


def _bbox(draw: _Draw) -> Iterator[Hit]:
    while True:
        row = draw.row(placed=True)
        west, south = (round(row[name] - draw.chance.uniform(0.3, 0.7), 2) for name in ("lon", "lat"))
        yield {"west": west, "south": south, "east": round(west + 1, 2), "north": round(south + 1, 2), "limit": 100}


def _radius(draw: _Draw) -> Iterator[Hit]:
    while True:
        row = draw.row(placed=True)
        lon, lat = (round(row[name] + draw.chance.uniform(-0.1, 0.1), 3) for name in ("lon", "lat"))
        reach = 120 / 111
        near = draw.reference.execute(
            "SELECT DISTINCT lon, lat FROM flat WHERE lat BETWEEN ? AND ?", (lat - reach, lat + reach)
        ).fetchall()
        away = sorted(km(lon, lat, *point) for point in near)
        for _ in range(20):
            radius = draw.chance.randint(30, 100)
            if away[0] < radius and not any(abs(one - radius) < CLEAR * radius for one in away):
                yield {"lon": lon, "lat": lat, "radius_km": radius, "limit": 100}
                break


def km(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """How far apart two points lie, on a sphere."""
    one, two = math.radians(lat), math.radians(other_lat)
    across, along = math.radians(other_lon - lon) / 2, (two - one) / 2
    half = math.sin(along) ** 2 + math.cos(one) * math.cos(two) * math.sin(across) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(half))


_JOINERS = "'`\u2019\u00b4/.@_:&"
"""Signs that some take for a part of a word, or what they join for one word."""


def _words(chance: random.Random) -> Iterator[str]:
    """Words of titles and summaries that some hundred rows hold and that are part of no other word, in any order.

    None is spelled with accents anywhere: not everybody's search overlooks them.
    """
    number, everything, named, raw = _vocabulary()
    bare = folded([raw if name == "title" else "" for name in COLUMNS])
    most = len(rows.events()) // 50
    words = sorted(word for word, times in number.items() if re.fullmatch(r"[a-z]{4,}", word) and 4 <= times <= most)
    chance.shuffle(words)
    for word in words:
        once = everything.count(word) == 1 and word not in named and bare.count(word) == raw.count(word)
        if once and not re.search(rf"{word}[{_JOINERS}]|[{_JOINERS}]{word}", raw):
            yield word


@cache
def _vocabulary() -> tuple[Counter[str], str, str, str]:
    """In how many rows each word stands; all words; all names; all that is parted by blanks. The last three as text."""
    number, names = Counter[str](), set[str]()
    for drawn in rows.events():
        told = dict.fromkeys(TEXTS, "") | {"title": drawn.title, "summary": drawn.text}
        number.update(set(folded([told.get(name) for name in COLUMNS]).split()))
        names.update(drawn.place.casefold().split())
    raw = "\n".join({word for one in rows.events() for word in f"{one.title} {one.text}".casefold().split()})
    named = " ".join([*(name.casefold() for name in rows.actors()), *sorted(names), *unit_names()])
    return number, "\n".join(number), named, raw


def _text(draw: _Draw) -> Iterator[Hit]:
    for word in _words(draw.chance):
        if draw.reference.execute("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", (word,)).fetchone():
            yield {"q": word, "limit": 20}


def _text_filter(draw: _Draw) -> Iterator[Hit]:
    words = [hit["q"] for hit in itertools.islice(_text(draw), NUMBER)]
    while True:
        word = draw.chance.choice(words)
        found = draw.reference.execute(
            "SELECT country FROM words JOIN flat ON flat.rowid = words.rowid WHERE words MATCH ? LIMIT 30", (word,)
        ).fetchall()
        yield {"q": word, "country": draw.chance.choice(found)["country"], "limit": 20}


def _cql(draw: _Draw) -> Iterator[Hit]:
    while True:
        row = draw.row()
        yield {"country": row["country"], "type": row["type"], "from": f"{row['date_start'][:7]}-01", "limit": 100}


def _totals_country(draw: _Draw) -> Iterator[Hit]:
    while True:
        year, month = draw.chance.randint(1990, 2020), draw.chance.randint(1, 12)
        yield {"from": f"{year}-{month:02}-01", "to": f"{year + 4}-{month:02}-01"}


def _totals_month(draw: _Draw) -> Iterator[Hit]:
    yield from ({"country": country} for country in COUNTRIES)


def _changes(draw: _Draw) -> Iterator[Hit]:
    while True:
        yield {"share": round(draw.chance.random(), 4), "limit": 100}


def _changes_idle(draw: _Draw) -> Iterator[Hit]:
    return ({"n": n} for n in itertools.count())


def _post(draw: _Draw) -> Iterator[Hit]:
    """Incidents that are not in the data, and without an external id: each time one is sent it is a new one."""
    for made, _ in Maker(seed=draw.data.size + 7).incidents():
        if made.whole is None and not made.restricted:
            report = made.report()
            del report["external_ids"][SCHEME]
            report["source"] = f"{SCHEME}:{made.source % (draw.data.size // 10)}"
            yield {"report": report, "flat": dict(zip(COLUMNS, made.flat(), strict=True))}


def _whole(draw: _Draw) -> Iterator[Hit]:
    yield {}


_TWINS = {"as_of": "list", "cql_plain": "cql", "text_filter": "text"}
"""Workloads that are asked with the hits, or the words, of another one."""
_MAKERS: dict[str, Callable[[_Draw], Iterator[Hit]]] = {
    "get": _get,
    "list": _list,
    "deep": _deep,
    "bbox": _bbox,
    "radius": _radius,
    "text": _text,
    "text_filter": _text_filter,
    "cql": _cql,
    "cql_plain": _cql,
    "totals_country": _totals_country,
    "totals_month": _totals_month,
    "changes": _changes,
    "changes_idle": _changes_idle,
    "as_of": _list,
    "post": _post,
    **{name: _whole for name in WORKLOADS if name.startswith("export_")},
}
