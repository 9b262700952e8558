"""Tables of calls: the work after one, and the calls that people make to us."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from fluentsd.store.tables.metadata import Id, metadata

after_call = Table(  # one row for each call that has something to follow: an analysis, follow-ups, a hot lead
    "after_call",
    metadata,
    Column("attempt_id", String(32), primary_key=True),  # of our call, or the id of a call to us
    Column("campaign_id", Id, nullable=False),  # 0 for a call to us by a person who is in no campaign
    Column("contact_id", Id, nullable=False, index=True),
    Column("state", String(8), nullable=False),  # pending | done | failed
    Column("problem", Text, nullable=False, server_default=""),  # why the analysis failed, without the person's words
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("lead", String(16)),  # of a hot lead: what the conversation came to
    Column("handled_at", BigInteger),  # when somebody saw to the lead
    Column("handled_by", Text),
    Index("ix_after_call_unfinished", "campaign_id", "state",
          sqlite_where=text("state <> 'done'"), postgresql_where=text("state <> 'done'")),
    Index("ix_after_call_open_leads", "ended_at",
          sqlite_where=text("lead IS NOT NULL AND handled_at IS NULL"),
          postgresql_where=text("lead IS NOT NULL AND handled_at IS NULL")),
    sqlite_with_rowid=False,
)  # fmt: skip

inbound_call = Table(  # a call to one of our numbers; its words are in `content`, when the person is known
    "inbound_call",
    metadata,
    Column("id", String(32), primary_key=True),  # time-ordered, like an attempt's
    Column("channel", String(8), nullable=False),
    Column("provider_ref", Text),  # NULL after an erasure
    Column("point_id", Id),  # the caller's number, when somebody we know has it
    Column("contact_id", Id),  # NULL: unknown, or one of several who share the number
    Column("number_id", Id),  # ours
    Column("agent", String(63), nullable=False, server_default=""),
    Column("answered_by", String(12), nullable=False),  # agent | forward | announcement
    Column("outcome", String(12)),
    Column("reason", Text, nullable=False, server_default=""),
    Column("disposition", String(16)),
    Column("duration_s", Integer),
    Column("cost_micros", BigInteger, nullable=False, server_default="0"),
    Column("currency", String(3), nullable=False, server_default="USD"),
    Column("began_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("enrollment_id", Id),  # to which it belongs; NULL without a person, or when they are in no campaign
    Column("callback_at", BigInteger),  # for when a callback was promised in it
    Index("ix_inbound_call_ref", "provider_ref", "channel", unique=True,
          sqlite_where=text("provider_ref IS NOT NULL"), postgresql_where=text("provider_ref IS NOT NULL")),
    Index("ix_inbound_call_contact", "contact_id"),
    sqlite_with_rowid=False,
)  # fmt: skip
