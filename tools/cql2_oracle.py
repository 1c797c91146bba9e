"""Writes tests/reading/cql2_oracle.json: filters with the CQL2-JSON that the PyPI package cql2 0.6.0 makes of them.

The package is no dependency, and no user's text may reach it (a few dozen brackets take it minutes):

    python3 -m venv SOMEWHERE && SOMEWHERE/bin/pip install cql2==0.6.0
    SOMEWHERE/bin/python tools/cql2_oracle.py

The filters are this project's own, over the fields that tests/reading/test_cql2.py declares. Left out is what the
package reads otherwise than the standard: a backslash before a quote, numbers that begin with a point, names that begin
with an underscore, a negative number as the second coordinate when it has an exponent.
"""

import json
from itertools import product
from pathlib import Path

import cql2

TARGET = Path(__file__).parents[1] / "tests/reading/cql2_oracle.json"

CONDITIONS = (
    "type = 'kidnapping'",
    "type <> 'hostage_taking'",
    "type IN ('kidnapping', 'rescue_operation')",
    "type NOT IN ('kidnapping')",
    "country = 'MX'",
    "country IN ('MX', 'US')",
    "admin1 = 'MX-SIN'",
    "admin1 IS NULL",
    "admin1 IS NOT NULL",
    "title = 'It''s so'",
    "title = ''",
    "title = 'Culiacán 東京'",
    "title > 'a'",
    "title LIKE '%rescue_'",
    "title NOT LIKE 'A%'",
    r"title LIKE '100\%'",
    "CASEI(title) = CASEI('Rescue')",
    "ACCENTI(title) = ACCENTI('Culiacán')",
    "CASEI(ACCENTI(title)) LIKE CASEI(ACCENTI('%Culiacán%'))",
    "CASEI(title) IN (CASEI('a'), CASEI('B'))",
    "freed_best >= 10",
    "freed_best <> 0",
    "freed_best = -5",
    "freed_best = +5",
    "freed_best BETWEEN 10 AND 20",
    "freed_best NOT BETWEEN 10 AND 20",
    "freed_best IN (1, 2, 3)",
    "lat < 24.5",
    "lat = 1.5e1",
    "lat > 5.",
    "lat BETWEEN -24.5 AND 24.5",
    "identified = TRUE",
    "identified <> false",
    "date = DATE('2024-03-26')",
    "date >= DATE('2024-03-26')",
    "date BETWEEN DATE('2024-01-01') AND DATE('2024-12-31')",
    "recorded_at < TIMESTAMP('2024-03-26T10:00:00Z')",
    "recorded_at >= TIMESTAMP('2024-03-26T10:00:00.25Z')",
    "T_INTERSECTS(date, DATE('2024-03-26'))",
    "T_INTERSECTS(date, INTERVAL('2024-03-01', '2024-03-31'))",
    "T_INTERSECTS(date, INTERVAL('..', '2024-03-31'))",
    "T_DURING(date, INTERVAL('2024-01-01', '..'))",
    "T_BEFORE(date, DATE('2024-03-26'))",
    "T_AFTER(date, INTERVAL('2024-01-01', '2024-02-01'))",
    "T_AFTER(recorded_at, TIMESTAMP('2024-03-26T10:00:00Z'))",
    "T_DURING(recorded_at, INTERVAL('2024-03-26T10:00:00Z', '2024-03-27T10:00:00Z'))",
    "S_INTERSECTS(geometry, POINT(-107.4 24.8))",
    "S_INTERSECTS(geometry, MULTIPOINT((-107.4 24.8), (-99.1 19.4)))",
    "S_INTERSECTS(geometry, MULTIPOINT(-107.4 24.8, -99.1 19.4))",
    "S_WITHIN(geometry, BBOX(-118, 14, -86, 33))",
    "S_INTERSECTS(geometry, BBOX(170, -10, -170, 10))",
    "S_WITHIN(geometry, POLYGON((0 0, 10 0, 10 10, 0 10, 0 0)))",
    "S_WITHIN(geometry, POLYGON ((0 0, 10 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 4 2, 2 2)))",
    "S_INTERSECTS(geometry, MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5))))",
    "tag = 'a'",
    "tag IN ('a', 'b')",
    "actor = '0193cb53-0000-7000-8000-000000000000'",
    "\"title\" = 'quoted'",
    "\"date\" > DATE('2020-02-29')",
    "title is null",
    "title in ('a','b') and not tag like 'b%'",
    "s_within(geometry,bbox(0,0,1,1))",
    "\n  freed_best\t>=\n10  ",
)
LOGIC = (
    "{0} AND {1}",
    "{0} OR {1}",
    "NOT {0}",
    "NOT ({0} OR {1})",
    "{0} AND {1} OR {2}",
    "{0} OR {1} AND {2}",
    "{0} AND ({1} OR {2})",
    "({0} OR {1}) AND NOT {2}",
    "NOT {0} AND NOT {1}",
    "NOT NOT {0}",
    "{0} and {1} and {2}",
    "{0} or {1} or not {2}",
    "(({0}))",
    "NOT ({0} AND (NOT {1} OR {2}))",
)


def texts() -> list[str]:
    """Every condition alone, and each logical form with two different choices of conditions."""
    found = list(CONDITIONS)
    for (number, form), step in product(enumerate(LOGIC), (7, 11)):
        chosen = [CONDITIONS[(number * 13 + step * nth) % len(CONDITIONS)] for nth in range(3)]
        found.append(form.format(*chosen))
    return found


if __name__ == "__main__":
    told = [{"text": text, "json": cql2.parse_text(text).to_json()} for text in texts()]
    TARGET.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(told)} filters")
