"""The first schema.

Written out, so that it stays what it was when `schema` goes on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

#: 64 bits on PostgreSQL; the rowid itself on SQLite.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("enrollment_id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("step", sa.String(length=63), nullable=False),
        sa.Column("try_no", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("point_id", ID, nullable=True),
        sa.Column("number_id", ID, nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("marked_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("deadline_at", sa.BigInteger(), nullable=True),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="USD", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
        sa.UniqueConstraint("enrollment_id", "step", "try_no", name="uq_attempt_enrollment_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_attempt_contact", "attempt", ["contact_id", "marked_at"], unique=False)
    op.create_index(
        "ix_attempt_open",
        "attempt",
        ["deadline_at"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_attempt_ref",
        "attempt",
        ["provider_ref"],
        unique=False,
        sqlite_where=sa.text("provider_ref IS NOT NULL"),
        postgresql_where=sa.text("provider_ref IS NOT NULL"),
    )
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.String(length=40), nullable=False),
        sa.Column("target", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.UniqueConstraint("request_id", name="uq_audit_request_id"),
    )
    op.create_index("ix_audit_target", "audit", ["target", "at"], unique=False)
    op.create_table(
        "campaign",
        sa.Column("id", ID, nullable=False),
        sa.Column("ref", sa.String(length=63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("version_id", ID, nullable=True),
        sa.Column("priority", sa.Integer(), server_default="50", nullable=False),
        sa.Column("exclusive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("retime_from", ID, nullable=True),
        sa.Column("shift_after", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_campaign"),
        sa.UniqueConstraint("ref", name="uq_campaign_ref"),
    )
    op.create_table(
        "contact",
        sa.Column("id", ID, nullable=False),
        sa.Column("zones", sa.Text(), server_default="", nullable=False),
        sa.Column("zone_basis", sa.String(length=32), server_default="none", nullable=False),
        sa.Column("conflict", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("states", sa.Text(), server_default="", nullable=False),
        sa.Column("consent", sa.Text(), server_default="", nullable=False),
        sa.Column("scrubbed_at", sa.BigInteger(), nullable=True),
        sa.Column("language", sa.String(length=16), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_contact"),
    )
    op.create_table(
        "content",
        sa.Column("id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("handled_at", sa.BigInteger(), nullable=True),
        sa.Column("handled_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_content"),
    )
    op.create_index(
        "ix_content_open_replies",
        "content",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("kind = 'reply' AND handled_at IS NULL"),
        postgresql_where=sa.text("kind = 'reply' AND handled_at IS NULL"),
    )
    op.create_index("ix_content_attempt_id", "content", ["attempt_id"], unique=False)
    op.create_index("ix_content_contact_id", "content", ["contact_id"], unique=False)
    op.create_table(
        "counter",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "state", "node", name="pk_counter"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "forgotten",
        sa.Column("hash", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("stopped", sa.Text(), server_default="", nullable=False),
        sa.Column("campaigns", sa.Text(), server_default="[]", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_forgotten"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hold",
        sa.Column("id", ID, nullable=False),
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
    )
    op.create_index(
        "ix_hold_open",
        "hold",
        ["scope", "target"],
        unique=False,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    op.create_table(
        "number",
        sa.Column("id", ID, nullable=False),
        sa.Column("e164", sa.String(length=17), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("pace", sa.Text(), nullable=True),
        sa.Column("room_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_number"),
        sa.UniqueConstraint("e164", name="uq_number_e164"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("delivered_at IS NULL"),
        postgresql_where=sa.text("delivered_at IS NULL"),
    )
    op.create_table(
        "source",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("kind", "name", name="uq_source_kind"),
    )
    op.create_table(
        "spend",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "day", "currency", name="pk_spend"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stop",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=8), server_default="*", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stop"),
    )
    op.create_index("ix_stop_value", "stop", ["value", "kind"], unique=False)
    op.create_table(
        "waiting",
        sa.Column("lane_id", ID, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("enrollment_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("lane_id", "rank", "due_at", "enrollment_id", name="pk_waiting"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attestation",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("basis", sa.String(length=16), nullable=False),
        sa.Column("given_on", sa.String(length=10), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scrubbed_on", sa.String(length=10), nullable=True),
        sa.Column("proof", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_attestation_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attestation"),
    )
    op.create_index("ix_attestation_source_id", "attestation", ["source_id"], unique=False)
    op.create_table(
        "enrollment",
        sa.Column("id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("entry", sa.Integer(), server_default="1", nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("step", sa.String(length=63), nullable=False),
        sa.Column("try_no", sa.Integer(), server_default="1", nullable=False),
        sa.Column("retries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unreached", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outcomes", sa.Text(), server_default="{}", nullable=False),
        sa.Column("last_outcome", sa.String(length=12), server_default="", nullable=False),
        sa.Column("sender_id", ID, nullable=True),
        sa.Column("rank", sa.Integer(), server_default="1", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("wanted_at", sa.BigInteger(), nullable=True),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name="fk_enrollment_campaign_id"),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name="fk_enrollment_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_enrollment"),
        sa.UniqueConstraint("campaign_id", "contact_id", "entry", name="uq_enrollment_campaign_id"),
    )
    op.create_index("ix_enrollment_contact_id", "enrollment", ["contact_id"], unique=False)
    op.create_index(
        "ix_enrollment_errored",
        "enrollment",
        ["campaign_id", "reason"],
        unique=False,
        sqlite_where=sa.text("state = 'errored'"),
        postgresql_where=sa.text("state = 'errored'"),
    )
    op.create_index(
        "ix_enrollment_held",
        "enrollment",
        ["campaign_id"],
        unique=False,
        sqlite_where=sa.text("held = 1"),
        postgresql_where=sa.text("held"),
    )
    op.create_table(
        "lane",
        sa.Column("id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("room_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("late_since_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("late_before_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("late_interval", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name="fk_lane_campaign_id"),
        sa.PrimaryKeyConstraint("id", name="pk_lane"),
        sa.UniqueConstraint("campaign_id", "channel", name="uq_lane_campaign_id"),
    )
    op.create_table(
        "number_tag",
        sa.Column("number_id", ID, nullable=False),
        sa.Column("tag", sa.String(length=63), nullable=False),
        sa.ForeignKeyConstraint(["number_id"], ["number.id"], name="fk_number_tag_number_id"),
        sa.PrimaryKeyConstraint("number_id", "tag", name="pk_number_tag"),
    )
    op.create_index("ix_number_tag_tag", "number_tag", ["tag"], unique=False)
    op.create_table(
        "point",
        sa.Column("id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("dead_on", sa.String(length=32), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name="fk_point_contact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_point"),
        sa.UniqueConstraint("kind", "value", name="uq_point_kind"),
    )
    op.create_index("ix_point_contact_id", "point", ["contact_id"], unique=False)
    op.create_table(
        "record",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("object", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("attestation_id", ID, nullable=True),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name="fk_record_contact_id"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_record_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_record"),
        sa.UniqueConstraint("source_id", "object", "key", name="uq_record_source_id"),
    )
    op.create_index("ix_record_contact_id", "record", ["contact_id"], unique=False)
    op.create_table(
        "segment",
        sa.Column("id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mark", sa.JSON(), nullable=True),
        sa.Column("walked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_segment_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_segment"),
        sa.UniqueConstraint("source_id", "key", name="uq_segment_source_id"),
    )
    op.create_table(
        "version",
        sa.Column("id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name="fk_version_campaign_id"),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
        sa.UniqueConstraint("campaign_id", "number", name="uq_version_campaign_id"),
    )
    op.create_table(
        "membership",
        sa.Column("segment_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.Column("missing_since_at", sa.BigInteger(), nullable=True),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name="fk_membership_record_id"),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"], name="fk_membership_segment_id"),
        sa.PrimaryKeyConstraint("segment_id", "record_id", name="pk_membership"),
    )
    op.create_index("ix_membership_record_id", "membership", ["record_id"], unique=False)
    op.create_table(
        "record_alias",
        sa.Column("source_id", ID, nullable=False),
        sa.Column("object", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name="fk_record_alias_record_id"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_record_alias_source_id"),
        sa.PrimaryKeyConstraint("source_id", "object", "key", name="pk_record_alias"),
    )
    op.create_index("ix_record_alias_record_id", "record_alias", ["record_id"], unique=False)
    op.execute("INSERT INTO meta (key, value) VALUES ('made_by', 'fluentsd')")
