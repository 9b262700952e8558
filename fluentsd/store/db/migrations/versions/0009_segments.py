"""Campaigns follow segments of a CRM: the link, the state of each walk, and what a record says of opt-outs.

A walk in progress is kept with its next page, so that it goes on after a restart.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

#: 64 bits on PostgreSQL; the rowid itself on SQLite.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "campaign_segment",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("segment_id", ID, nullable=False),
        sa.Column("leaves_after", sa.BigInteger(), nullable=True),
        sa.Column("reenter", sa.String(length=32), server_default="", nullable=False),
        sa.Column("attestation_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name="fk_campaign_segment_campaign_id"),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"], name="fk_campaign_segment_segment_id"),
        sa.PrimaryKeyConstraint("campaign_id", "segment_id", name="pk_campaign_segment"),
    )
    op.create_index("ix_campaign_segment_segment_id", "campaign_segment", ["segment_id"], unique=False)
    op.add_column("membership", sa.Column("seen_at", sa.BigInteger(), nullable=True))
    op.add_column("record", sa.Column("opted_out", sa.Text(), server_default="", nullable=False))
    op.add_column("record", sa.Column("unreadable", sa.Text(), server_default="", nullable=False))
    op.add_column("segment", sa.Column("ref", sa.Text(), server_default="", nullable=False))
    op.add_column("segment", sa.Column("size", sa.Integer(), nullable=True))
    op.add_column("segment", sa.Column("walk_cursor", sa.Text(), nullable=True))
    op.add_column("segment", sa.Column("walk_began_at", sa.BigInteger(), nullable=True))
    op.add_column("segment", sa.Column("since", sa.Text(), nullable=True))
    op.add_column("segment", sa.Column("read_at", sa.BigInteger(), nullable=True))
    op.add_column("segment", sa.Column("problem", sa.Text(), server_default="", nullable=False))
    op.add_column("segment", sa.Column("held", sa.Text(), server_default="", nullable=False))
    op.add_column("segment", sa.Column("released_at", sa.BigInteger(), nullable=True))
