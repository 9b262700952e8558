"""The work after calls, follow-ups as enrollments of their own, and the calls that people make to us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "after_call",
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_after_call"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_after_call_contact_id", "after_call", ["contact_id"], unique=False)
    op.create_index(
        "ix_after_call_unfinished",
        "after_call",
        ["campaign_id", "state"],
        unique=False,
        sqlite_where=sa.text("state <> 'done'"),
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_table(
        "inbound_call",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("point_id", ID, nullable=True),
        sa.Column("contact_id", ID, nullable=True),
        sa.Column("number_id", ID, nullable=True),
        sa.Column("agent", sa.String(length=63), server_default="", nullable=False),
        sa.Column("answered_by", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("disposition", sa.String(length=16), nullable=True),
        sa.Column("duration_s", sa.Integer(), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="USD", nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_inbound_call"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_inbound_call_contact", "inbound_call", ["contact_id"], unique=False)
    op.create_index(
        "ix_inbound_call_ref",
        "inbound_call",
        ["provider_ref", "channel"],
        unique=True,
        sqlite_where=sa.text("provider_ref IS NOT NULL"),
        postgresql_where=sa.text("provider_ref IS NOT NULL"),
    )
    op.add_column("contact", sa.Column("called_back_at", sa.BigInteger(), nullable=True))
    op.add_column("enrollment", sa.Column("follows", ID, nullable=True))
    op.create_index(
        "ix_enrollment_follow_ups",
        "enrollment",
        ["campaign_id", "state"],
        unique=False,
        sqlite_where=sa.text("follows IS NOT NULL"),
        postgresql_where=sa.text("follows IS NOT NULL"),
    )
    op.create_index(
        "ix_enrollment_follows",
        "enrollment",
        ["follows", "step"],
        unique=True,
        sqlite_where=sa.text("follows IS NOT NULL"),
        postgresql_where=sa.text("follows IS NOT NULL"),
    )
    op.add_column("number", sa.Column("inbound_agent", sa.String(length=63), nullable=True))
    op.add_column("number", sa.Column("forward_to", sa.String(length=17), nullable=True))
