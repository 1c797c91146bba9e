"""What is asked: every workload with its meaning, and at least a hundred different hits of each, seeded.

Unless it says otherwise an answer holds the first `limit` incidents, newest first: by date_start descending, then by
id descending. Hits are made from the data (see `hits`), so each finds something.

| workload | hit | the incidents asked for |
|---|---|---|
| get | id | that one |
| list | country, from, to, limit | in the country, date_end >= from and date_start <= to |
| deep | after_date, after_id, limit | of all, those that come after that row in the order, by keyset |
| bbox | west, south, east, north, limit | with a point in the box, its edges included |
| radius | lon, lat, radius_km, limit | with a point within that many kilometres; none lies within 1 % of the edge |
| text | q, limit (20) | with that word in title, summary or the names of place and actors; no other word holds it |
| text_filter | q, country, limit (20) | the same, in the country |
| cql | country, type, from, limit | all three by a filter language (ours: CQL2 text); date_start >= from |
| cql_plain | country, type, from, limit | the same incidents by plain parameters (date_mode=within in ours) |
| totals_country | from, to | rows by country of all whose span overlaps from..to: number and sums of every figure |
| totals_month | country | rows by month of all in the country |
| changes | share, limit | of the log, `limit` changes after that share (0..1) of it |
| changes_idle | n | nothing: the log has no more; n only counts |
| as_of | country, from, to, limit | `list` as it stood before the revisions |
| post | report, flat | none: a new incident, as our report and as a row of COLUMNS; acknowledged when it is on disk |
| export_ndjson, export_csv, export_geojson, export_parquet | (nothing) | all incidents, in any order |

Totals are compared by the rows that bench/systems.row spells; ours leaves parts out of their whole (netting), others
sum the rows: each is compared with its own reference.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """One kind of request. `holds` says how its answer is compared: ids in order, ids in any order, rows, nothing."""

    name: str
    says: str
    holds: str = "ids"


WORKLOADS = {
    one.name: one
    for one in (
        Workload("get", "one record by id"),
        Workload("list", "100 of a country and a span of days, newest first"),
        Workload("deep", "100 from deep within the list of all, by keyset"),
        Workload("bbox", "100 in a box"),
        Workload("radius", "100 around a point"),
        Workload("text", "newest 20 with a word"),
        Workload("text_filter", "newest 20 with a word in a country"),
        Workload("cql", "a CQL2 filter of three terms"),
        Workload("cql_plain", "the same by plain parameters"),
        Workload("totals_country", "sums by country over four years", "rows"),
        Workload("totals_month", "sums by month of one country", "rows"),
        Workload("changes", "100 changes of the feed", "changes"),
        Workload("changes_idle", "the feed when there is nothing new", "nothing"),
        Workload("as_of", "the list as it stood before 3 % were revised"),
        Workload("post", "create one, durably", "nothing"),
        Workload("export_ndjson", "all as NDJSON", "set"),
        Workload("export_csv", "all as CSV", "set"),
        Workload("export_geojson", "all as GeoJSON", "set"),
        Workload("export_parquet", "all as Parquet", "set"),
    )
}
OTHERS = ("bulk", "mixed", "one_request", "start", "two_workers", "four_workers", "export_row", "bulk_row")
"""What is measured in other ways: rows a second of loading, a mix of reads and writes by 32 clients, very many lines in
one request, what a process takes, several of them, and a row of an export or a load as the store grows."""
READS = tuple(name for name in WORKLOADS if name != "post" and not name.startswith("export_"))
