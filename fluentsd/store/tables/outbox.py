"""Tables of the outbox: one row per event, and one row per event and target that receives it.

Every index is partial on `due_at` or `ended_at`, so that a row lies in an index only while it is looked for there.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from fluentsd.store.tables.metadata import Id, metadata

outbox_event = Table(
    "outbox_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("topic", String(40), nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,  # a receiver recognises a repetition by the id, so the id of a deleted row is not reused
)


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


outbox_delivery = Table(
    "outbox_delivery",
    metadata,
    Column("event_id", Id, ForeignKey("outbox_event.id"), primary_key=True, autoincrement=False),
    Column("target", String(64), primary_key=True),
    Column("key", Text, nullable=False),  # the event's; delivered in order per target and key
    Column("state", String(12), nullable=False),
    Column("due_at", BigInteger),  # of `due` rows alone
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("refusals", Integer, nullable=False, server_default="0"),  # of these tries; too many make a dead letter
    Column("problem", Text, nullable=False, server_default=""),
    Column("ended_at", BigInteger),  # of `delivered` and `dead` rows alone
    _partial("ix_outbox_delivery_due", "target", "due_at", "event_id", where="due_at IS NOT NULL"),
    _partial("ix_outbox_delivery_open", "target", "key", "event_id", where="ended_at IS NULL"),
    _partial(
        "ix_outbox_delivery_behind", "target", "key", "event_id", where="due_at IS NULL AND ended_at IS NULL"
    ),
    _partial("ix_outbox_delivery_ended", "state", "ended_at", where="ended_at IS NOT NULL"),
    sqlite_with_rowid=False,
)  # fmt: skip
