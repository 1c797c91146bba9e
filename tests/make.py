"""Factories of reports: each gives a whole valid one, a test names only what it is about."""

from typing import Any


def source(**members: Any) -> dict[str, Any]:
    return {"kind": "news_article", "title": "A paper", "url": "https://news.example/1"} | members


def claim(**members: Any) -> dict[str, Any]:
    return {"measure": "rescued", "population": "victims", "value": 16} | members


def incident(**members: Any) -> dict[str, Any]:
    report = {
        "type": "rescue_operation",
        "title": "Sixteen people rescued",
        "date": "2024-03-26",
        "location": "Culiacán, MX-SIN",
        "actors": [{"name": "Mexican Army", "role": "rescuer"}],
        "claims": [claim()],
        "source": source(),
    }
    if "locations" in members:
        del report["location"]
    return report | members


def actor(**members: Any) -> dict[str, Any]:
    return {"name": "Sinaloa Cartel", "type": "organized_crime_group"} | members


def location(**members: Any) -> dict[str, Any]:
    return {"name": "Rancho Viejo", "kind": "facility", "country": "MX", "lon": -107.1, "lat": 24.5} | members


def statistic(**members: Any) -> dict[str, Any]:
    return {
        "indicator": "refugee_applications",
        "period": "2021",
        "area": "MX",
        "claims": [{"value": 131488}],
        "source": source(),
    } | members


def stored_source(n: int, **members: Any) -> dict[str, Any]:
    """A source as it stands in the log."""
    return {
        "kind": "dataset", "title": f"Source {n}", "publisher": None, "author": None, "url": f"https://x.example/{n}",
        "published": {"edtf": None, "earliest": None, "latest": None, "kind": "unknown", "precision": "unknown",
                      "basis": None, "evidence": []},
        "language": None, "licence": None, "reliability": "cannot_be_judged", "assessment": "not_assessed",
        "note": None, "fingerprint": None, "length": None, "title_quote": None, "boilerplate": [], "external_ids": {},
    } | members  # fmt: skip


REPORTS = {
    "incidents": incident,
    "actors": actor,
    "locations": location,
    "sources": source,
    "statistics": statistic,
}
