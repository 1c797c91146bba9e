"""Small incidents made up by a seed: trees of parts, several claims, dims, and much that is unknown."""

import random
from collections.abc import Sequence
from typing import Any

from incidents_api.model.revision import derived_id
from incidents_api.model.visitor import Visitor

WHO = Visitor("tester", frozenset({"admin"}))
SCHEME = "made"
TYPES = ("kidnapping", "rescue_operation", "release", "attack", "armed_clash", "raid")
MEASURES = ("killed", "injured", "kidnapped", "freed", "rescued", "released", "escaped")
POPULATIONS = ("all", "victims", "hostages", "civilians", "security_forces", "perpetrators")
PLACES = ("MX-SIN", "MX-TAM", "MX-CHH", "GT", "US-TX", "Culiacán, MX-SIN", "Reynosa, MX-TAM", "MX")
DATES = (
    "2021", "2021-07", "2022-03-04", "2022-03-04/2022-03-09", "[2022-12-30..2023-01-02]", "2023-05~", "2023-06/..",
    "2024-02-29", "2023-12-31T23:10", "../2020-05",
)  # fmt: skip
WORDS = ("Army", "rescued", "sixteen", "MIGRANTS", "Múzquiz", "convoy", "night", "río", "border", "quiet", "Peña")
ACTORS = tuple(range(8))


def incident_id(n: int) -> str:
    return derived_id("incident", SCHEME, str(n))


def claim(chance: random.Random) -> dict[str, Any]:
    value = chance.randint(1, 60)
    made: dict[str, Any] = {"measure": chance.choice(MEASURES), "population": chance.choice(POPULATIONS)}
    match chance.randrange(4):
        case 0:
            made |= {"value": value, "qualifier": "at_least"}
        case 1:
            made |= {"low": value, "high": value + chance.randint(0, 9), "qualifier": "range"}
        case _:
            made |= {"value": value}
    if chance.random() < 0.25:
        made["dims"] = {chance.choice(("sex", "age_group")): "unknown"}
        made["dims"] = {"sex": chance.choice(("male", "female"))}
    if chance.random() < 0.2:
        made["attributed_to"] = chance.choice(("a governor", "the Army"))
    return made


def title(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(2, 6)))


def incident(chance: random.Random, n: int, wholes: Sequence[int] = ()) -> dict[str, Any]:
    """A report; it is part of one of the `wholes` now and then."""
    report: dict[str, Any] = {
        "type": chance.choice(TYPES),
        "granularity": chance.choices(("single", "operation", "series", "period_total"), (6, 2, 1, 1))[0],
        "stage": chance.choice(("accomplished", "attempted")),
        "source": f"{SCHEME}:source",
        "external_ids": {SCHEME: str(n)},
        "claims": [claim(chance) for _ in range(chance.randint(0, 4))],
        "tags": chance.sample(("a", "b", "c", "with-dash"), chance.randint(0, 2)),
    }
    if chance.random() < 0.85:
        report["title"] = title(chance)
    if chance.random() < 0.85:
        report["date"] = chance.choice(DATES)
    if chance.random() < 0.8:
        place: dict[str, Any] = {"location": chance.choice(PLACES)}
        if chance.random() < 0.4:
            place |= {"lon": round(chance.uniform(-110, -95), 3), "lat": round(chance.uniform(15, 32), 3)}
        report["locations"] = [place]
    report["actors"] = [
        {"actor": f"{SCHEME}:{one}", "role": chance.choice(("perpetrator", "rescuer", "victim"))}
        for one in chance.sample(ACTORS, chance.randint(0, 2))
    ]
    if wholes and chance.random() < 0.5:
        report["relations"] = [{"type": "part_of", "incident": f"{SCHEME}:{chance.choice(wholes)}"}]
    return report


def base() -> dict[str, list[dict[str, Any]]]:
    """What incidents refer to, every one with an external id, so that its id is the same in each store."""
    return {
        "sources": [{"title": "A paper", "external_ids": {SCHEME: "source"}}],
        "actors": [
            {"name": f"Band {n}", "type": "gang", "external_ids": {SCHEME: str(n)}}
            | ({"parent": f"{SCHEME}:{(n - 1) // 2}"} if n else {})
            for n in ACTORS
        ],
    }


def condition(chance: random.Random, depth: int = 2) -> str:
    """A CQL2 filter."""
    if depth == 0 or chance.random() < 0.3:
        measure, level = chance.choice(MEASURES), chance.choice(("low", "best", "high"))
        return chance.choice(
            (
                f"type = '{chance.choice(TYPES)}'",
                f"type IN ('{chance.choice(TYPES)}', 'release')",
                f"{measure}_{level} >= {chance.randint(0, 40)}",
                f"{measure}_{level} IS NULL",
                f"{measure}_{level} BETWEEN 5 AND {chance.randint(5, 50)}",
                f"{measure}_{level} NOT IN (1, 2, {chance.randint(3, 30)})",
                "admin1 = 'MX-SIN'", "admin1 <> 'MX-SIN'", "admin1 IS NULL", "country = 'GT'", "geometry IS NULL",
                "date IS NULL", "date >= DATE('2022-03-05')", "earliest < '2023-01-01'", "year = '2022'",
                "tag = 'a'", "tag <> 'a'", "tag IS NULL", "tag LIKE 'with%'", "role = 'rescuer'", "role IS NULL",
                f"title LIKE '%{chance.choice(WORDS)}%'", "CASEI(title) LIKE CASEI('%migrants%')",
                "ACCENTI(title) LIKE ACCENTI('%Muzquiz%')", "title > 'b'", "title IS NULL", "stage <> 'attempted'",
                "T_INTERSECTS(date, INTERVAL('2022-01-01', '2022-12-31'))", "T_AFTER(date, DATE('2022-12-31'))",
                "T_DURING(date, INTERVAL('2022-01-01', '..'))", "T_BEFORE(date, DATE('2022-06-01'))",
                "S_INTERSECTS(geometry, POLYGON((-110 15, -100 15, -100 28, -107 32, -110 15)))",
                "S_WITHIN(geometry, BBOX(-108, 20, -98, 30))", "lon > -103.5", f"measure = '{measure}'",
                "precision = 'city'", "version > 1", f"external_id = '{SCHEME}:{chance.randrange(400)}'",
            )
        )  # fmt: skip
    if chance.random() < 0.3:
        return f"NOT ({condition(chance, depth - 1)})"
    joint = chance.choice(("AND", "OR"))
    return f"({condition(chance, depth - 1)}) {joint} ({condition(chance, depth - 1)})"
