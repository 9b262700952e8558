"""Edits of campaigns that are not applied yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "campaign_edit",
        sa.Column("ref", sa.String(length=63), nullable=False),
        sa.Column("file", sa.JSON(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("typed", sa.JSON(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name="pk_campaign_edit"),
    )
