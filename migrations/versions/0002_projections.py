"""The query tables; they hold nothing that `incidents rebuild` could not make again from the log."""

import sqlalchemy as sa
from alembic import op

from incidents_api.storage import dialects

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Compared byte by byte on both databases.
Text = sa.Text().with_variant(sa.TEXT(collation="C"), "postgresql")

TABLES = (
    "actor",
    "ancestry",
    "claim",
    "external_id",
    "figure",
    "incident",
    "incident_location",
    "location",
    "participation",
    "record",
    "relation",
    "source",
    "statistic",
    "term",
)


def upgrade() -> None:
    op.create_table(
        "actor",
        sa.Column("id", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Text, nullable=False),
        sa.Column("name", Text, nullable=True),
        sa.Column("name_casei", Text, nullable=True),
        sa.Column("name_accenti", Text, nullable=True),
        sa.Column("name_folded", Text, nullable=True),
        sa.Column("type", Text, nullable=True),
        sa.Column("identified", sa.Boolean(), nullable=True),
        sa.Column("country", Text, nullable=True),
        sa.Column("parent", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", "seq_from", name=op.f("pk_actor")),
    )
    op.create_index(
        op.f("ix_actor_country_id"),
        "actor",
        ["country", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_actor_identified_id"),
        "actor",
        ["identified", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_actor_name_id"),
        "actor",
        ["name", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_actor_parent_id"),
        "actor",
        ["parent", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_actor_recorded_at_id"),
        "actor",
        ["recorded_at", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(op.f("ix_actor_seq_from"), "actor", ["seq_from"], unique=False)
    op.create_index(
        op.f("ix_actor_type_id"),
        "actor",
        ["type", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "ancestry",
        sa.Column("record_id", Text, nullable=False),
        sa.Column("ancestor_id", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "ancestor_id", "seq_from", name=op.f("pk_ancestry")),
    )
    op.create_index(
        op.f("ix_ancestry_ancestor_id_record_id"),
        "ancestry",
        ["ancestor_id", "record_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "claim",
        sa.Column("incident_id", Text, nullable=False),
        sa.Column("claim_id", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("measure", Text, nullable=False),
        sa.Column("population", Text, nullable=False),
        sa.Column("sex", Text, nullable=True),
        sa.Column("age_group", Text, nullable=True),
        sa.Column("nationality", Text, nullable=True),
        sa.Column("victim_category", Text, nullable=True),
        sa.Column("combat_status", Text, nullable=True),
        sa.Column("exploitation", Text, nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("low", sa.BigInteger(), nullable=True),
        sa.Column("high", sa.BigInteger(), nullable=True),
        sa.Column("qualifier", Text, nullable=False),
        sa.Column("source_id", Text, nullable=True),
        sa.Column("document", Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "claim_id", "seq_from", name=op.f("pk_claim")),
    )
    op.create_index(
        op.f("ix_claim_measure_incident_id"),
        "claim",
        ["measure", "incident_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_claim_source_id_incident_id"),
        "claim",
        ["source_id", "incident_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "external_id",
        sa.Column("kind", Text, nullable=False),
        sa.Column("scheme", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.Column("record_id", Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "scheme", "value", name=op.f("pk_external_id")),
    )
    op.create_index(op.f("ix_external_id_record_id"), "external_id", ["record_id"], unique=False)
    op.create_table(
        "figure",
        sa.Column("incident_id", Text, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("measure", Text, nullable=False),
        sa.Column("population", Text, nullable=False),
        sa.Column("sex", Text, nullable=True),
        sa.Column("age_group", Text, nullable=True),
        sa.Column("nationality", Text, nullable=True),
        sa.Column("victim_category", Text, nullable=True),
        sa.Column("combat_status", Text, nullable=True),
        sa.Column("exploitation", Text, nullable=True),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=True),
        sa.Column("best", sa.BigInteger(), nullable=True),
        sa.Column("high", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "n", "seq_from", name=op.f("pk_figure")),
    )
    op.create_index(
        op.f("ix_figure_incident_id_measure_whole"),
        "figure",
        ["incident_id", "measure", "whole"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_figure_measure_population_incident_id"),
        "figure",
        ["measure", "population", "incident_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "incident",
        sa.Column("id", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Text, nullable=False),
        sa.Column("type", Text, nullable=True),
        sa.Column("stage", Text, nullable=True),
        sa.Column("granularity", Text, nullable=True),
        sa.Column("title", Text, nullable=True),
        sa.Column("title_casei", Text, nullable=True),
        sa.Column("title_accenti", Text, nullable=True),
        sa.Column("title_folded", Text, nullable=True),
        sa.Column("date", Text, nullable=True),
        sa.Column("earliest", Text, nullable=True),
        sa.Column("latest", Text, nullable=True),
        sa.Column("date_kind", Text, nullable=True),
        sa.Column("date_precision", Text, nullable=True),
        sa.Column("year", Text, nullable=True),
        sa.Column("month", Text, nullable=True),
        sa.Column("span_start", Text, nullable=True),
        sa.Column("span_end", Text, nullable=True),
        sa.Column("country", Text, nullable=True),
        sa.Column("admin1", Text, nullable=True),
        sa.Column("location", Text, nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("x", sa.Double(), nullable=True),
        sa.Column("y", sa.Double(), nullable=True),
        sa.Column("z", sa.Double(), nullable=True),
        sa.Column("precision", Text, nullable=True),
        sa.Column("status", Text, nullable=True),
        sa.Column("sensitivity", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", "seq_from", name=op.f("pk_incident")),
    )
    op.create_index(
        op.f("ix_incident_admin1_date_id"),
        "incident",
        ["admin1", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_admin1_id"),
        "incident",
        ["admin1", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_country_date_id"),
        "incident",
        ["country", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_country_id"),
        "incident",
        ["country", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_country_span_end_span_start"),
        "incident",
        ["country", "span_end", "span_start"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_date_id"),
        "incident",
        ["date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_granularity_date_id"),
        "incident",
        ["granularity", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_recorded_at_id"),
        "incident",
        ["recorded_at", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(op.f("ix_incident_seq_from"), "incident", ["seq_from"], unique=False)
    op.create_index(
        op.f("ix_incident_span_end_span_start"),
        "incident",
        ["span_end", "span_start"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_stage_date_id"),
        "incident",
        ["stage", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_status_date_id"),
        "incident",
        ["status", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_title_id"),
        "incident",
        ["title", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_type_date_id"),
        "incident",
        ["type", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_incident_type_id"),
        "incident",
        ["type", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "incident_location",
        sa.Column("incident_id", Text, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("location_id", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "n", "seq_from", name=op.f("pk_incident_location")),
    )
    op.create_index(
        op.f("ix_incident_location_location_id_incident_id"),
        "incident_location",
        ["location_id", "incident_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "location",
        sa.Column("id", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Text, nullable=False),
        sa.Column("name", Text, nullable=True),
        sa.Column("name_casei", Text, nullable=True),
        sa.Column("name_accenti", Text, nullable=True),
        sa.Column("name_folded", Text, nullable=True),
        sa.Column("kind", Text, nullable=True),
        sa.Column("country", Text, nullable=True),
        sa.Column("admin1", Text, nullable=True),
        sa.Column("parent", Text, nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("precision", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", "seq_from", name=op.f("pk_location")),
    )
    op.create_index(
        op.f("ix_location_admin1_id"),
        "location",
        ["admin1", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_location_country_id"),
        "location",
        ["country", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_location_kind_id"),
        "location",
        ["kind", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_location_name_id"),
        "location",
        ["name", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_location_parent_id"),
        "location",
        ["parent", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_location_recorded_at_id"),
        "location",
        ["recorded_at", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(op.f("ix_location_seq_from"), "location", ["seq_from"], unique=False)
    op.create_table(
        "participation",
        sa.Column("incident_id", Text, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("actor_id", Text, nullable=False),
        sa.Column("role", Text, nullable=False),
        sa.Column("attribution", Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "n", "seq_from", name=op.f("pk_participation")),
    )
    op.create_index(
        op.f("ix_participation_actor_id_incident_id"),
        "participation",
        ["actor_id", "incident_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_participation_attribution_incident_id"),
        "participation",
        ["attribution", "incident_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_participation_role_incident_id"),
        "participation",
        ["role", "incident_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "record",
        sa.Column("id", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ended", Text, nullable=True),
        sa.Column("successor", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
    )
    op.create_table(
        "relation",
        sa.Column("incident_id", Text, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("type", Text, nullable=False),
        sa.Column("other_id", Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "n", "seq_from", name=op.f("pk_relation")),
    )
    op.create_index(
        op.f("ix_relation_other_id_type"),
        "relation",
        ["other_id", "type"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "source",
        sa.Column("id", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Text, nullable=False),
        sa.Column("kind", Text, nullable=True),
        sa.Column("title", Text, nullable=True),
        sa.Column("title_casei", Text, nullable=True),
        sa.Column("title_accenti", Text, nullable=True),
        sa.Column("title_folded", Text, nullable=True),
        sa.Column("publisher", Text, nullable=True),
        sa.Column("publisher_casei", Text, nullable=True),
        sa.Column("publisher_accenti", Text, nullable=True),
        sa.Column("publisher_folded", Text, nullable=True),
        sa.Column("url", Text, nullable=True),
        sa.Column("date", Text, nullable=True),
        sa.Column("earliest", Text, nullable=True),
        sa.Column("latest", Text, nullable=True),
        sa.Column("date_kind", Text, nullable=True),
        sa.Column("date_precision", Text, nullable=True),
        sa.Column("year", Text, nullable=True),
        sa.Column("month", Text, nullable=True),
        sa.Column("span_start", Text, nullable=True),
        sa.Column("span_end", Text, nullable=True),
        sa.Column("language", Text, nullable=True),
        sa.Column("assessment", Text, nullable=True),
        sa.Column("reliability", Text, nullable=True),
        sa.Column("fingerprint", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", "seq_from", name=op.f("pk_source")),
    )
    op.create_index(
        op.f("ix_source_assessment_date_id"),
        "source",
        ["assessment", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_date_id"),
        "source",
        ["date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_fingerprint_date_id"),
        "source",
        ["fingerprint", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_kind_date_id"),
        "source",
        ["kind", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_kind_id"),
        "source",
        ["kind", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_language_date_id"),
        "source",
        ["language", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_publisher_date_id"),
        "source",
        ["publisher", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_publisher_id"),
        "source",
        ["publisher", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_recorded_at_id"),
        "source",
        ["recorded_at", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_reliability_date_id"),
        "source",
        ["reliability", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(op.f("ix_source_seq_from"), "source", ["seq_from"], unique=False)
    op.create_index(
        op.f("ix_source_span_end_span_start"),
        "source",
        ["span_end", "span_start"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_title_id"),
        "source",
        ["title", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_source_url_date_id"),
        "source",
        ["url", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "statistic",
        sa.Column("id", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Text, nullable=False),
        sa.Column("indicator", Text, nullable=True),
        sa.Column("date", Text, nullable=True),
        sa.Column("earliest", Text, nullable=True),
        sa.Column("latest", Text, nullable=True),
        sa.Column("date_kind", Text, nullable=True),
        sa.Column("date_precision", Text, nullable=True),
        sa.Column("year", Text, nullable=True),
        sa.Column("month", Text, nullable=True),
        sa.Column("span_start", Text, nullable=True),
        sa.Column("span_end", Text, nullable=True),
        sa.Column("country", Text, nullable=True),
        sa.Column("admin1", Text, nullable=True),
        sa.Column("location", Text, nullable=True),
        sa.PrimaryKeyConstraint("id", "seq_from", name=op.f("pk_statistic")),
    )
    op.create_index(
        op.f("ix_statistic_admin1_date_id"),
        "statistic",
        ["admin1", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_admin1_id"),
        "statistic",
        ["admin1", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_country_date_id"),
        "statistic",
        ["country", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_country_id"),
        "statistic",
        ["country", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_country_span_end_span_start"),
        "statistic",
        ["country", "span_end", "span_start"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_date_id"),
        "statistic",
        ["date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_indicator_date_id"),
        "statistic",
        ["indicator", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_indicator_id"),
        "statistic",
        ["indicator", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_location_date_id"),
        "statistic",
        ["location", "date", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(
        op.f("ix_statistic_recorded_at_id"),
        "statistic",
        ["recorded_at", "id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_index(op.f("ix_statistic_seq_from"), "statistic", ["seq_from"], unique=False)
    op.create_index(
        op.f("ix_statistic_span_end_span_start"),
        "statistic",
        ["span_end", "span_start"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    op.create_table(
        "term",
        sa.Column("record_id", Text, nullable=False),
        sa.Column("field", Text, nullable=False),
        sa.Column("value", Text, nullable=False),
        sa.Column("seq_from", sa.BigInteger(), nullable=False),
        sa.Column("seq_to", sa.BigInteger(), nullable=True),
        sa.Column("kind", Text, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "field", "value", "seq_from", name=op.f("pk_term")),
    )
    op.create_index(
        op.f("ix_term_kind_field_value_record_id"),
        "term",
        ["kind", "field", "value", "record_id"],
        unique=False,
        sqlite_where=sa.text("seq_to IS NULL"),
        postgresql_where=sa.text("seq_to IS NULL"),
    )
    dialects.create_search(op.get_bind())
    # Empty tables stand for no state of the log; the next `incidents migrate` (or `up`) rebuilds them from it.
    op.execute("UPDATE head SET projection = ''")


def downgrade() -> None:
    for table in (*TABLES, "search"):
        op.drop_table(table)
