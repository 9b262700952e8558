"""Tables of people: contacts, points and whose they are, sources and records, segments, the suppression list."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from fluentsd.store.tables.metadata import Id, metadata

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
    Column("away_until_at", BigInteger),  # by their own automatic answer: nobody is contacted before then
    Column("called_back_at", BigInteger),  # when they last called us; NULL when somebody has decided how it goes on
)

point = Table(  # a phone number or an e-mail address; see contact_point
    "point",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(8), nullable=False),  # phone | email
    Column("value", Text, nullable=False),
    Column(
        "dead_on", String(32), nullable=False, server_default=""
    ),  # channels on which it is unreachable: "sms,phone"
    UniqueConstraint("kind", "value"),
)

contact_point = Table(  # whose a point is: a household or a switchboard shares one. A point has at least one contact
    "contact_point",
    metadata,
    Column("contact_id", Id, ForeignKey("contact.id"), nullable=False),
    Column("point_id", Id, ForeignKey("point.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False, server_default="0"),  # the contact's order of preference
    Column("former", Boolean, nullable=False, server_default=text("false")),  # replaced by a newer one: not contacted
    PrimaryKeyConstraint("contact_id", "point_id"),
    sqlite_with_rowid=False,
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
    Column("object", String(32), nullable=False),  # row: the key is the source's; contact: it has none, and names ours
    Column("key", Text, nullable=False),
    Column("contact_id", Id, ForeignKey("contact.id"), nullable=False, index=True),
    Column("attestation_id", Id),  # the evidence of this person's consent from this source
    Column("fields", Text, nullable=False),  # JSON object, text to text
    Column("seen_at", BigInteger, nullable=False),
    Column("opted_out", Text, nullable=False, server_default=""),  # a CRM's own opt-outs: "opt_out_sms,opt_out_phone"
    Column("unreadable", Text, nullable=False, server_default=""),  # opt-outs that the CRM did not let us read
    Column("url", Text, nullable=False, server_default=""),  # the record's address in its CRM, for people
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
    Column("cursor", JSON),  # where the last complete walk ended
    Column("walked_at", BigInteger),  # begin of the last complete walk
    Column("ref", Text, nullable=False, server_default=""),  # the id in its CRM, once it is known
    Column("size", Integer),  # as the CRM counts it
    Column("walk_cursor", Text),  # the next page of the walk in progress
    Column("walk_began_at", BigInteger),  # the walk in progress
    Column("since", Text),  # the cursor of the next question for changes
    Column("read_at", BigInteger),  # the instant for which our copy is true
    Column("problem", Text, nullable=False, server_default=""),  # why it cannot be followed now
    Column("held", Text, nullable=False, server_default=""),  # the change that waits for a person
    Column("released_at", BigInteger),  # when a person allowed what was held, until those people have left
    UniqueConstraint("source_id", "key"),
)

campaign_segment = Table(  # a campaign follows a segment
    "campaign_segment",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("segment_id", Id, ForeignKey("segment.id"), nullable=False, index=True),
    Column("leaves_after", BigInteger),  # microseconds missing until a person exits; null: nobody leaves
    Column("reenter", String(32), nullable=False, server_default=""),  # "": as the campaign says
    Column("attestation_id", Id),  # the evidence of consent that its people get
    PrimaryKeyConstraint("campaign_id", "segment_id"),
)

membership = Table(
    "membership",
    metadata,
    Column("segment_id", Id, ForeignKey("segment.id"), nullable=False),
    Column("record_id", Id, ForeignKey("record.id"), nullable=False, index=True),
    Column("joined_at", BigInteger, nullable=False),
    Column("missing_since_at", BigInteger),
    Column("left_at", BigInteger),
    Column("seen_at", BigInteger),  # begin of the last walk that named it, or the change that did
    PrimaryKeyConstraint("segment_id", "record_id"),
)

suppression = Table(  # append-only, with evidence; a lift is a recorded act
    "suppression",
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
    Column("said_at", BigInteger),  # an opt-out: when the person last said so, by the provider's clock if it is known
    Index("ix_suppression_value", "value", "kind"),
)

inbound_message = Table(  # effects of inbound messages that were taken; a message delivered again has none
    "inbound_message",
    metadata,
    Column("digest", String(32), primary_key=True),  # of the provider's message id, the effect and the addressee
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

erased_point = Table(  # a number or address of somebody who was erased: a keyed hash, and what must outlive the person
    "erased_point",
    metadata,
    Column("hash", String(40), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("stopped", Text, nullable=False, server_default=""),  # channels that stay stopped: "*", "phone,sms"
    Column("campaigns", Text, nullable=False, server_default="[]"),  # JSON: refs of those that do not enroll it again
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
