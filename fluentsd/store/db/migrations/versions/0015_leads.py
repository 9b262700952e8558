"""Hot leads and who saw to them, the address of a record in its CRM, and what each channel of Slack shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("after_call", sa.Column("lead", sa.String(length=16), nullable=True))
    op.add_column("after_call", sa.Column("handled_at", sa.BigInteger(), nullable=True))
    op.add_column("after_call", sa.Column("handled_by", sa.Text(), nullable=True))
    op.create_index(
        "ix_after_call_open_leads",
        "after_call",
        ["ended_at"],
        unique=False,
        sqlite_where=sa.text("lead IS NOT NULL AND handled_at IS NULL"),
        postgresql_where=sa.text("lead IS NOT NULL AND handled_at IS NULL"),
    )
    op.add_column("record", sa.Column("url", sa.Text(), server_default="", nullable=False))
    op.add_column("slack_post", sa.Column("remind_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "slack_subscription",
        sa.Column("channel", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("campaign", sa.String(length=63), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "kind", "campaign", name="pk_slack_subscription"),
    )
