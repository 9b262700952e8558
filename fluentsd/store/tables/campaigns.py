"""Tables of campaigns: versions, templates, lanes, caller IDs, holds."""

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
    Column("recompute_from", Id),  # enrollments from this id on still need the moment that new contact hours give
    Column("shift_after", BigInteger, nullable=False, server_default="0"),  # and this much later than they wanted
    Column("starts_at", BigInteger),
    Column("paused_at", BigInteger),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("archived_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("resumed_at", BigInteger),  # when it last became active: breakers count from here
    Column("resumes_at", BigInteger),  # when a pause ends by itself
    Column("first_left", Integer),  # people who may still be contacted before a person says go; NULL: everybody
)

launch_approval = Table(  # a second person agrees to a start; void once the campaign's revision is another one
    "launch_approval",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("campaign_id", "revision", "by"),
)

campaign_edit = Table(  # an edit that is not applied yet: not valid so far, or of a campaign that has started
    "campaign_edit",
    metadata,
    Column("ref", String(63), primary_key=True),  # the campaign's, which may not exist yet
    Column("file", JSON, nullable=False),  # the campaign file as it would be, checked when it is applied
    Column("base", Integer, nullable=False),  # the campaign's revision that it changes; 0: there is none yet
    Column("revision", Integer, nullable=False),  # raised by each save
    Column("typed", JSON),  # answers of a form that was not submitted yet
    Column("owner", Text, nullable=False),
    Column("saved_by", Text, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
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

template = Table(  # a message kept under a name; append-only: what people were promised to get can be read again
    "template",
    metadata,
    Column("name", String(63), nullable=False),
    Column("version", Integer, nullable=False),
    Column("channel", String(8), nullable=False),  # sms | email
    Column("parts", JSON, nullable=False),  # subject, from, reply_to, text, html: those it has
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("removed_at", BigInteger),  # of every version of the name
    PrimaryKeyConstraint("name", "version"),
)

agent = Table(  # who speaks on the phone; append-only, like `template`
    "agent",
    metadata,
    Column("name", String(63), nullable=False),
    Column("version", Integer, nullable=False),
    Column("spec", JSON, nullable=False),  # the agent, as its file says
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("removed_at", BigInteger),  # of every version of the name
    PrimaryKeyConstraint("name", "version"),
)

lane = Table(  # campaign × channel: the queue in which enrollments wait
    "lane",
    metadata,
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("next_slot_at", BigInteger, nullable=False, server_default="0"),  # when the pace has room again
    # what fell due in [late_since_at, late_before_at), a pause or downtime, is dripped at this interval, or skipped
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
    Column("next_slot_at", BigInteger, nullable=False, server_default="0"),  # when it may be used again
    Column("used", BigInteger, nullable=False, server_default="0"),
    Column("retired_at", BigInteger),
    Column("carries", String(16), nullable=False, server_default=""),  # "phone,sms", as its provider says; "" not known
    Column("inbound_agent", String(63)),  # who answers a call to it
    Column("forward_to", String(17)),  # where a call to it goes instead; without either it hears an announcement
)

number_tag = Table(
    "number_tag",
    metadata,
    Column("number_id", Id, ForeignKey("number.id"), nullable=False),
    Column("tag", String(63), nullable=False, index=True),
    PrimaryKeyConstraint("number_id", "tag"),
)

hold = Table(  # a stop with a scope; the claim reads it, no waiting row is rewritten for it
    "hold",
    metadata,
    Column("id", Id, primary_key=True),
    Column("scope", String(12), nullable=False),  # campaign | channel | number | contact | source | installation
    Column("target", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("since_at", BigInteger, nullable=False),
    Column("until_at", BigInteger),
    Column("lifted_at", BigInteger),
    Column("cases", JSON),  # ids of attempts that brought it about, newest first
    Index(
        "ix_hold_open",
        "scope",
        "target",
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
)
