"""Tables of the Slack front: its posts, and what its channels show. They hold ids of messages, never their content."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String, Table, Text

from fluentsd.store.tables.metadata import metadata

slack_post = Table(
    "slack_post",
    metadata,
    Column("kind", String(16), nullable=False),  # card | reply | lead
    Column("about", String(80), nullable=False),  # the campaign's ref, the attempt's id
    Column("channel", String(24), nullable=False),
    Column("ts", String(24), nullable=False),  # Slack's id of the message, in its channel
    Column("shown", String(32), nullable=False, server_default=""),  # hash of the content
    Column("updated_at", BigInteger, nullable=False),
    Column("remind_at", BigInteger),  # when somebody is reminded of a reply or lead, unless it is handled before
    PrimaryKeyConstraint("kind", "about", "channel"),
)

slack_subscription = Table(  # what a channel shows, where a person has said so; else the settings count
    "slack_subscription",
    metadata,
    Column("channel", String(24), nullable=False),
    Column("kind", String(8), nullable=False),  # alerts | digest
    Column("campaign", String(63), nullable=False),  # its ref; "": all campaigns
    Column("wanted", Text, nullable=False),  # "changes,replies", or "09:00 America/New_York"; "": nothing
    Column("by", Text, nullable=False),
    Column("since_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("channel", "kind", "campaign"),
)
