"""Tables of the Slack front: its posts. They hold ids of messages, never their content."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Table

from fluentsd.store.tables.metadata import metadata

slack_post = Table(
    "slack_post",
    metadata,
    Column("kind", String(16), nullable=False),  # card | reply
    Column("about", String(80), nullable=False),  # the campaign's ref, the attempt's id
    Column("channel", String(24), nullable=False),
    Column("ts", String(24), nullable=False),  # Slack's id of the message, in its channel
    Column("shown", String(32), nullable=False, server_default=""),  # hash of the content
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "about", "channel"),
)
