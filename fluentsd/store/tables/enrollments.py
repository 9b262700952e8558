"""Tables of progress: enrollments, the queue, attempts, their words, counts and spending."""

from __future__ import annotations

from sqlalchemy import (
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

#: Attempts that came to a conversation or an opt-out, as their index says it: a query has to use the same words.
#: SQLite would build a table of the words of an IN for every row that is written.
TALKED = "outcome = 'answered' OR outcome = 'replied' OR outcome = 'opted_out' OR disposition IS NOT NULL"

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
    Column("touched_at", BigInteger),  # when the last attempt was claimed
    Column("ended_at", BigInteger),
    Column("follows", Id),  # of a follow-up: the enrollment whose call it follows; its `entry` is negative
    UniqueConstraint("campaign_id", "contact_id", "entry"),
    Index("ix_enrollment_follows", "follows", "step", unique=True,  # a follow-up is taken once
          sqlite_where=text("follows IS NOT NULL"), postgresql_where=text("follows IS NOT NULL")),
    Index("ix_enrollment_follow_ups", "campaign_id", "state",  # to count people without them
          sqlite_where=text("follows IS NOT NULL"), postgresql_where=text("follows IS NOT NULL")),
    Index("ix_enrollment_contact_id", "contact_id"),
    Index("ix_enrollment_errored", "campaign_id", "reason",
          sqlite_where=text("state = 'errored'"), postgresql_where=text("state = 'errored'")),
    Index("ix_enrollment_exited", "campaign_id", "reason",
          sqlite_where=text("state = 'exited'"), postgresql_where=text("state = 'exited'")),
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
    Column("claimed_at", BigInteger, nullable=False),
    Column("accepted_at", BigInteger),
    Column("settled_at", BigInteger),
    Column("deadline_at", BigInteger),  # when to ask the provider, if nothing has come back by then
    Column("duration_s", Integer),
    Column("cost_micros", BigInteger, nullable=False, server_default="0"),
    Column("currency", String(3), nullable=False, server_default="USD"),
    Column("counted", String(16)),  # the figure it counts as in `outcome_count`; NULL while its end is not known
    Column("dismissed_at", BigInteger),  # of an unknown one: when somebody decided about it
    Column("epoch", Integer, nullable=False, server_default="0"),  # of the process that claimed it (`node`)
    Column("disposition", String(16)),  # what a conversation came to
    Column("callback_at", BigInteger),  # the time that the person asked for
    UniqueConstraint("enrollment_id", "step", "try_no"),
    Index("ix_attempt_point", "point_id", "claimed_at"),  # those of a contact are found by its enrollments
    Index("ix_attempt_open", "deadline_at",
          sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_attempt_unknown", "campaign_id",
          sqlite_where=text("state = 'unknown'"), postgresql_where=text("state = 'unknown'")),
    Index("ix_attempt_talked", "campaign_id", "contact_id", "outcome", "disposition",  # to count people by result
          sqlite_where=text(TALKED), postgresql_where=text(TALKED)),
    Index("ix_attempt_ref", "provider_ref", "channel", unique=True,  # a reference belongs to one attempt
          sqlite_where=text("provider_ref IS NOT NULL"), postgresql_where=text("provider_ref IS NOT NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip

content = Table(  # the one place for words: bodies, replies, transcripts, recordings
    "content",
    metadata,
    Column("id", Id, primary_key=True),
    Column("contact_id", Id, nullable=False, index=True),
    Column("attempt_id", String(32), index=True),
    Column("kind", String(12), nullable=False),  # body | reply | transcript | recording | summary | analysis
    Column("text", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("handled_at", BigInteger),  # when somebody saw to a reply
    Column("handled_by", Text),
    Column("provider_ref", Text),  # what the provider calls its own copy of what came in
    Index("ix_content_kind", "kind", "created_at"),
    Index("ix_content_open_replies", "created_at",
          sqlite_where=text("kind = 'reply' AND handled_at IS NULL"),
          postgresql_where=text("kind = 'reply' AND handled_at IS NULL")),
)  # fmt: skip

counter = Table(  # deltas per (campaign, state or "contacted", node), summed when read
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

step_count = Table(  # closed attempts by step and outcome, for status and report
    "step_count",
    metadata,
    Column("campaign_id", Id, nullable=False),
    Column("step", String(63), nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("campaign_id", "step", "outcome"),
    sqlite_with_rowid=False,
)

outcome_count = Table(  # attempts by outcome and hour, for the breakers
    "outcome_count",
    metadata,
    Column("scope", String(12), nullable=False),  # campaign | number
    Column("target", Id, nullable=False),
    Column("channel", String(8), nullable=False),
    Column("hour", BigInteger, nullable=False),  # when the hour, or what is left of it after a resumption, began
    Column("figure", String(16), nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("scope", "target", "channel", "hour", "figure"),
    sqlite_with_rowid=False,
)
