"""What the Slack front has posted, the approvals of starts, the end of a pause, and a start with a few people first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

#: 64 bits on PostgreSQL; the rowid itself on SQLite.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("campaign", sa.Column("resumes_at", sa.BigInteger(), nullable=True))
    op.add_column("campaign", sa.Column("first_left", sa.Integer(), nullable=True))
    op.create_table(
        "slack_post",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("about", sa.String(length=80), nullable=False),
        sa.Column("channel", sa.String(length=24), nullable=False),
        sa.Column("ts", sa.String(length=24), nullable=False),
        sa.Column("shown", sa.String(length=32), server_default="", nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "about", "channel", name="pk_slack_post"),
    )
    op.create_table(
        "launch_approval",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name="fk_launch_approval_campaign_id"),
        sa.PrimaryKeyConstraint("campaign_id", "revision", "by", name="pk_launch_approval"),
    )
