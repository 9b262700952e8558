"""Agents with versions, and what conversations came to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "agent",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", "version", name="pk_agent"),
    )
    op.add_column("attempt", sa.Column("disposition", sa.String(length=16), nullable=True))
    op.add_column("attempt", sa.Column("callback_at", sa.BigInteger(), nullable=True))
