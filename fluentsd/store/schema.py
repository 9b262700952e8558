"""The tables: what is remembered, and under which key.

Laws. Instants are epoch microseconds (`…_at`), money is micros with a currency. Personal data lives only in contacts,
points, records and `content`; attempts, audit and outbox hold ids, so that forgetting a person touches four tables.
Rows that wait stand apart from what they wait for (`waiting`), keyed by lane, rank and moment, so that a claim reads
neighbouring pages however many million wait. Each state column is changed only by the named transitions beside this
module, with the legal from-states in their WHERE.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

#: Raised by one with every migration; a newer one in the file is refused at start.
SCHEMA_VERSION = 1

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
#: 64 bits on PostgreSQL; the rowid itself on SQLite.
Id = BigInteger().with_variant(Integer, "sqlite")

meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

# ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────

contact = Table(
    "contact",
    metadata,
    Column("id", Id, primary_key=True),
    Column("zones", Text, nullable=False, server_default=""),  # candidate zones, comma-separated; "" = unknown
    Column("zone_basis", String(32), nullable=False, server_default="none"),
    Column("conflict", Boolean, nullable=False, server_default=text("false")),  # what is known of the place disagrees
    Column("states", Text, nullable=False, server_default=""),  # "US-NY,US-CA"; "US": in one of them; "": no rules
    Column("consent", Text, nullable=False, server_default=""),  # "phone:written,sms:written", from the attestation
    Column("scrubbed_at", BigInteger),  # when last held against the national do-not-call list
    Column("language", String(16), nullable=False, server_default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("erased_at", BigInteger),
)

point = Table(  # a phone number or an e-mail address; belongs to one contact at a time
    "point",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contact_id", Id, ForeignKey("contact.id"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),  # phone | email
    Column("value", Text, nullable=False),
    Column("position", Integer, nullable=False, server_default="0"),  # order of preference
    Column(
        "dead_on", String(32), nullable=False, server_default=""
    ),  # channels on which it is unreachable: "sms,phone"
    UniqueConstraint("kind", "value"),
)

source = Table(
    "source",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(16), nullable=False),  # csv | crm
    Column("name", Text, nullable=False),
    Column("config", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("kind", "name"),
)

attestation = Table(  # what a named person says of the consent of a source's people; append-only, the evidence
    "attestation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Id, ForeignKey("source.id"), nullable=False, index=True),
    Column("basis", String(16), nullable=False),  # written | express | inquiry | customer
    Column("given_on", String(10), nullable=False),  # the date of the consent, ISO
    Column("scope", Text, nullable=False),  # channels: "phone,sms"
    Column("scrubbed_on", String(10)),  # when the list was held against the national do-not-call list
    Column("proof", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

record = Table(  # what one source says of a person
    "record",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Id, ForeignKey("source.id"), nullable=False),
    Column("object", String(32), nullable=False),
    Column("key", Text, nullable=False),
    Column("contact_id", Id, ForeignKey("contact.id"), nullable=False, index=True),
    Column("attestation_id", Id),  # the evidence of this person's consent from this source
    Column("fields", Text, nullable=False),  # JSON object, text to text
    Column("seen_at", BigInteger, nullable=False),
    UniqueConstraint("source_id", "object", "key"),
)

record_alias = Table(  # a merged record keeps its old keys
    "record_alias",
    metadata,
    Column("source_id", Id, ForeignKey("source.id"), nullable=False),
    Column("object", String(32), nullable=False),
    Column("key", Text, nullable=False),
    Column("record_id", Id, ForeignKey("record.id"), nullable=False, index=True),
    PrimaryKeyConstraint("source_id", "object", "key"),
)

segment = Table(
    "segment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Id, ForeignKey("source.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("mark", JSON),  # where the last complete walk ended
    Column("walked_at", BigInteger),
    UniqueConstraint("source_id", "key"),
)

membership = Table(
    "membership",
    metadata,
    Column("segment_id", Id, ForeignKey("segment.id"), nullable=False),
    Column("record_id", Id, ForeignKey("record.id"), nullable=False, index=True),
    Column("joined_at", BigInteger, nullable=False),
    Column("missing_since_at", BigInteger),
    Column("left_at", BigInteger),
    PrimaryKeyConstraint("segment_id", "record_id"),
)

stop = Table(  # the stop list: append-only, with evidence; lifting is a recorded act
    "stop",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("value", Text, nullable=False),
    Column("channel", String(8), nullable=False, server_default="*"),  # * | phone | sms | email
    Column("reason", Text, nullable=False),
    Column("evidence", JSON),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("lifted_at", BigInteger),
    Column("lifted_by", Text),
    Column("lifted_because", Text),
    Index("ix_stop_value", "value", "kind"),
)

forgotten = Table(  # a number or address of somebody who was erased: a keyed hash, and what must outlive the person
    "forgotten",
    metadata,
    Column("hash", String(40), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("stopped", Text, nullable=False, server_default=""),  # channels that stay stopped: "*", "phone,sms"
    Column("campaigns", Text, nullable=False, server_default="[]"),  # JSON: refs of those that do not enroll it again
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# ── how and when ─────────────────────────────────────────────────────────────────────────────────────────────────

campaign = Table(
    "campaign",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", String(63), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("owner", Text, nullable=False),
    Column("spec", JSON, nullable=False),  # the campaign file; window, numbers, exits and limits are live from here
    Column("version_id", Id),  # the flow new entries get
    Column("priority", Integer, nullable=False, server_default="50"),  # who goes first when several want a person
    Column("exclusive", Boolean, nullable=False, server_default=text("false")),  # others of no higher priority wait
    Column("retime_from", Id),  # enrollments from this id on wait to be put at the moment the new hours give
    Column("shift_after", BigInteger, nullable=False, server_default="0"),  # and this much later than they wanted
    Column("starts_at", BigInteger),
    Column("paused_at", BigInteger),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("archived_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
)

version = Table(  # a flow as it was when people entered
    "version",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("steps", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    UniqueConstraint("campaign_id", "number"),
)

lane = Table(  # campaign × channel: the queue in which enrollments wait
    "lane",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("room_at", BigInteger, nullable=False, server_default="0"),  # when the pace has room again
    # what was due in [late_since_at, late_before_at) was due while nobody worked: dripped at this interval, or skipped
    Column("late_since_at", BigInteger, nullable=False, server_default="0"),
    Column("late_before_at", BigInteger, nullable=False, server_default="0"),
    Column("late_interval", BigInteger),  # NULL: such steps are skipped
    UniqueConstraint("campaign_id", "channel"),
)

number = Table(  # a caller ID
    "number",
    metadata,
    Column("id", Id, primary_key=True),
    Column("e164", String(17), nullable=False, unique=True),
    Column("label", Text, nullable=False, server_default=""),
    Column("pace", Text),  # its own rate; the campaign's when NULL
    Column("room_at", BigInteger, nullable=False, server_default="0"),  # when it may be used again
    Column("used", BigInteger, nullable=False, server_default="0"),
    Column("retired_at", BigInteger),
)

number_tag = Table(
    "number_tag",
    metadata,
    Column("number_id", Id, ForeignKey("number.id"), nullable=False),
    Column("tag", String(63), nullable=False, index=True),
    PrimaryKeyConstraint("number_id", "tag"),
)

hold = Table(  # a stop with a scope; the mark reads it, no waiting row is rewritten for it
    "hold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scope", String(12), nullable=False),  # campaign | channel | number | agent | source
    Column("target", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("since_at", BigInteger, nullable=False),
    Column("until_at", BigInteger),
    Column("lifted_at", BigInteger),
    Index(
        "ix_hold_open",
        "scope",
        "target",
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
)

# ── who is where, and what was done ──────────────────────────────────────────────────────────────────────────────

enrollment = Table(
    "enrollment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("contact_id", Id, ForeignKey("contact.id"), nullable=False),
    Column("entry", Integer, nullable=False, server_default="1"),
    Column("version_id", Id, nullable=False),
    Column("state", String(10), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),  # why exited, errored, held or put off
    Column("held", Boolean, nullable=False, server_default=text("false")),  # queued, but not in the queue
    Column("step", String(63), nullable=False),
    Column("try_no", Integer, nullable=False, server_default="1"),  # of the next attempt of this step
    Column("retries", Integer, nullable=False, server_default="0"),  # counted tries of this step so far
    Column("unreached", Integer, nullable=False, server_default="0"),  # proven failures to reach in a row
    Column("outcomes", Text, nullable=False, server_default="{}"),  # JSON: step id → last outcome
    Column("last_outcome", String(12), nullable=False, server_default=""),
    Column("sender_id", Id),  # the number this person knows us by
    Column("rank", Integer, nullable=False, server_default="1"),
    Column("due_at", BigInteger),  # with lane and rank, the key of its waiting row
    Column("wanted_at", BigInteger),  # the moment the flow asked for, before hours and limits put it off
    Column("enrolled_at", BigInteger, nullable=False),
    Column("touched_at", BigInteger),  # when the last attempt was marked
    Column("ended_at", BigInteger),
    UniqueConstraint("campaign_id", "contact_id", "entry"),
    Index("ix_enrollment_contact_id", "contact_id"),
    Index("ix_enrollment_errored", "campaign_id", "reason",
          sqlite_where=text("state = 'errored'"), postgresql_where=text("state = 'errored'")),
    Index("ix_enrollment_held", "campaign_id", sqlite_where=text("held = 1"), postgresql_where=text("held")),
)  # fmt: skip

waiting = Table(
    "waiting",
    metadata,
    Column("lane_id", Id, nullable=False),
    Column("rank", Integer, nullable=False),  # 0 promised callbacks, 1 the flow
    Column("due_at", BigInteger, nullable=False),
    Column("enrollment_id", Id, nullable=False),
    PrimaryKeyConstraint("lane_id", "rank", "due_at", "enrollment_id"),
    sqlite_with_rowid=False,
)

attempt = Table(  # one try of one step, committed before the provider is called
    "attempt",
    metadata,
    Column("id", String(32), primary_key=True),  # time-ordered, 80 random bits: the token the provider sees
    Column("enrollment_id", Id, nullable=False),
    Column("campaign_id", Id, nullable=False),
    Column("contact_id", Id, nullable=False),
    Column("step", String(63), nullable=False),
    Column("try_no", Integer, nullable=False),
    Column("channel", String(8), nullable=False),
    Column("point_id", Id),
    Column("number_id", Id),
    Column("state", String(8), nullable=False),  # open | settled | unknown
    Column("outcome", String(12)),
    Column("reason", Text, nullable=False, server_default=""),
    Column("provider_ref", Text),
    Column("marked_at", BigInteger, nullable=False),
    Column("accepted_at", BigInteger),
    Column("settled_at", BigInteger),
    Column("deadline_at", BigInteger),  # when to ask the provider, if nothing has come back by then
    Column("duration_s", Integer),
    Column("cost_micros", BigInteger, nullable=False, server_default="0"),
    Column("currency", String(3), nullable=False, server_default="USD"),
    UniqueConstraint("enrollment_id", "step", "try_no"),
    Index("ix_attempt_contact", "contact_id", "marked_at"),
    Index("ix_attempt_open", "deadline_at",
          sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_attempt_ref", "provider_ref",
          sqlite_where=text("provider_ref IS NOT NULL"), postgresql_where=text("provider_ref IS NOT NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip

content = Table(  # the one place for words: bodies, replies, transcripts, recordings
    "content",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contact_id", Id, nullable=False, index=True),
    Column("attempt_id", String(32), index=True),
    Column("kind", String(12), nullable=False),  # body | reply | transcript | recording
    Column("text", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("handled_at", BigInteger),  # when somebody saw to a reply
    Column("handled_by", Text),
    Index("ix_content_open_replies", "created_at",
          sqlite_where=text("kind = 'reply' AND handled_at IS NULL"),
          postgresql_where=text("kind = 'reply' AND handled_at IS NULL")),
)  # fmt: skip

counter = Table(  # deltas per (campaign, state, node), summed when read
    "counter",
    metadata,
    Column("campaign_id", Id, nullable=False),
    Column("state", String(10), nullable=False),
    Column("node", String(32), nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("campaign_id", "state", "node"),
    sqlite_with_rowid=False,
)

spend = Table(
    "spend",
    metadata,
    Column("campaign_id", Id, nullable=False),
    Column("day", Integer, nullable=False),  # days since the epoch, UTC
    Column("currency", String(3), nullable=False),
    Column("micros", BigInteger, nullable=False),
    PrimaryKeyConstraint("campaign_id", "day", "currency"),
    sqlite_with_rowid=False,
)

# ── what people did, and what must still be told ─────────────────────────────────────────────────────────────────

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verb", String(40), nullable=False),
    Column("target", Text, nullable=False, server_default=""),
    Column("request_id", String(64), unique=True),  # a double click is one act
    Column("details", JSON),
    Column("answer", JSON),
    Index("ix_audit_target", "target", "at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("topic", String(40), nullable=False),
    Column("key", Text, nullable=False),  # delivered in order per key
    Column("payload", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("problem", Text, nullable=False, server_default=""),
    Column("delivered_at", BigInteger),
    Index(
        "ix_outbox_due",
        "due_at",
        sqlite_where=text("delivered_at IS NULL"),
        postgresql_where=text("delivered_at IS NULL"),
    ),
)
